// Faults of the second stage: what ESR_EL2, FAR_EL2 and HPFAR_EL2 say, with the description of the access (ISV), for walks
// of the first stage and without (D8.14; D19.2.37, ISS encoding of a Data Abort).
#include "harness.h"

#define TRANSLATION(l) (0b000100 + (l))
#define ACCESS_FLAG(l) (0b001000 + (l))
#define PERMISSION(l) (0b001100 + (l))
#define WNR (1 << 6)
#define S1PTW (1 << 7)
#define CM (1 << 8)
#define AR (1 << 14)
#define SF (1 << 15)
#define SRT(n) ((n) << 16)
#define SSE (1 << 21)
#define SAS(n) ((n) << 22)
#define ISV (1 << 24)
#define HCR_VM (HCR_RW | 1)
// HPFAR_EL2 of an intermediate address.
#define FIPA(address) (((address) >> 12) << 4)

.macro ACCESS level, address, instruction:vararg
    ldr x0, =\address
    BEGIN \level
    \instruction
    END
.endm

.macro DATA text, level, iss, address, ipa
    EXPECT_EXCEPTION "\text", 2, EC_DABORT_LOWER, \iss
    EXPECT_RECORD "\text: FAR_EL2", FAR, \address
    EXPECT_RECORD "\text: HPFAR_EL2", HPFAR, FIPA(\ipa)
.endm

PROGRAM "stage-two"
    TABLES_ON
    TABLES_OFF
    SET hcr_el2, HCR_VM

    // Without the first stage: addresses are intermediate ones.
    ACCESS EL1, IPA(1) + 0x123, ldrb w5, [x0]
    DATA "a read of a byte", EL1, ISV | SRT(5) | TRANSLATION(3), IPA(1) + 0x123, IPA(1)
    ACCESS EL1, IPA(1) + 0x10, str x7, [x0]
    DATA "a write of 8 bytes", EL1, ISV | SAS(3) | SRT(7) | SF | WNR | TRANSLATION(3), IPA(1) + 0x10, IPA(1)
    ACCESS EL1, IPA(1), ldrsh w3, [x0]
    DATA "a signed read of 2 bytes into 32 bits", EL1, ISV | SAS(1) | SSE | SRT(3) | TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), ldrsw x3, [x0]
    DATA "a signed read of 4 bytes into 64 bits", EL1, ISV | SAS(2) | SSE | SRT(3) | SF | TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1) + 8, strh wzr, [x0]
    DATA "a write of XZR", EL1, ISV | SAS(1) | SRT(31) | WNR | TRANSLATION(3), IPA(1) + 8, IPA(1)
    ACCESS EL1, IPA(1), ldar w4, [x0]
    DATA "LDAR says that it acquires", EL1, ISV | SAS(2) | SRT(4) | AR | TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), ldraa x4, [x0]
    DATA "LDRAA is a load of one register", EL1, ISV | SAS(3) | SRT(4) | SF | TRANSLATION(3), IPA(1), IPA(1)
    mov x1, #16
    ACCESS EL1, IPA(1), ldr w6, [x0, x1]
    DATA "an address with an index", EL1, ISV | SAS(2) | SRT(6) | TRANSLATION(3), IPA(1) + 16, IPA(1)
    ACCESS EL1, IPA(1), ldr x6, [x0], #8
    DATA "a read that writes its base back is not described", EL1, TRANSLATION(3), IPA(1), IPA(1)
    ldr x1, =IPA(1)
    EXPECT "and the base has not been written", x0, IPA(1)
    ACCESS EL1, IPA(1), ldp x6, x7, [x0]
    DATA "a pair is not described", EL1, TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), stp x6, x7, [x0]
    DATA "a pair that is written", EL1, WNR | TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), ldr q0, [x0]
    DATA "a vector is not described", EL1, TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), ldxr x6, [x0]
    DATA "an exclusive access is not described", EL1, TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, IPA(1), ldadd x6, x7, [x0]
    EXPECT_RECORD_BITS "an atomic access is not described: ESR_EL2", ESR, ~WNR, (EC_DABORT_LOWER << 26 | IL | TRANSLATION(3))
    ACCESS EL0, IPA(1), ldr w9, [x0]
    DATA "EL0", EL0, ISV | SAS(2) | SRT(9) | TRANSLATION(3), IPA(1), IPA(1)
    ACCESS EL1, 0xc0000000, ldr w9, [x0]
    DATA "a translation fault of level 1", EL1, ISV | SAS(2) | SRT(9) | TRANSLATION(1), 0xc0000000, 0xc0000000
    ACCESS EL1, 0x100200000, ldr w9, [x0]
    DATA "a translation fault of level 2", EL1, ISV | SAS(2) | SRT(9) | TRANSLATION(2), 0x100200000, 0x100200000
    ACCESS EL1, IPA(1), br x0
    EXPECT_EXCEPTION "a fetch", 2, EC_IABORT_LOWER, TRANSLATION(3)
    EXPECT_RECORD "a fetch: HPFAR_EL2", HPFAR, FIPA(IPA(1))

    // The access flag and permissions.
    MAP_TWO 1, PAGE(1) | VALID | S2_NORMAL | S2_READ | S2_WRITE | SH_INNER
    ACCESS EL1, IPA(1), ldr w9, [x0]
    DATA "an access flag fault", EL1, ISV | SAS(2) | SRT(9) | ACCESS_FLAG(3), IPA(1), IPA(1)
    MAP_TWO 1, PAGE(1) | VALID | AF | S2_NORMAL | S2_READ | SH_INNER
    ACCESS EL1, IPA(1), ldr w9, [x0]
    EXPECT_NONE "a page that may be read"
    ACCESS EL1, IPA(1), str w9, [x0]
    DATA "a page that may be read alone is written", EL1, ISV | SAS(2) | SRT(9) | WNR | PERMISSION(3), IPA(1), IPA(1)
    MAP_TWO 1, PAGE(1) | VALID | AF | S2_NORMAL | S2_WRITE | SH_INNER
    ACCESS EL1, IPA(1), str w9, [x0]
    EXPECT_NONE "a page that may be written alone"
    ACCESS EL1, IPA(1), ldr w9, [x0]
    DATA "a page that may be written alone is read", EL1, ISV | SAS(2) | SRT(9) | PERMISSION(3), IPA(1), IPA(1)
    MAP_TWO 1, PAGE(1) | VALID | AF | S2_NORMAL | S2_READ | S2_XN | SH_INNER
    ACCESS EL1, IPA(1), br x0
    EXPECT_EXCEPTION "XN", 2, EC_IABORT_LOWER, PERMISSION(3)

    // With the first stage: FAR_EL2 has the virtual address.
    TABLES_ON
    MAP_ONE 2, IPA(5) | VALID | AF | SH_INNER
    MAP_TWO 5, PAGE(5) | VALID | AF | S2_NORMAL | S2_READ | S2_WRITE | SH_INNER
    ldr x0, =PAGE(5)
    mov x1, #0x77
    str x1, [x0, #8]
    ACCESS EL1, TEST(2) + 8, ldr x1, [x0]
    EXPECT_NONE "both stages"
    EXPECT "what is read through both", x1, 0x77
    MAP_TWO 5, 0
    ACCESS EL1, TEST(2) + 8, ldr x1, [x0]
    DATA "the second stage's fault", EL1, ISV | SAS(3) | SRT(1) | SF | TRANSLATION(3), TEST(2) + 8, IPA(5)

    // A TLB holds no translation that is not there (D8.13): it may hold the first stage's.
    ACCESS EL1, TEST(2) + 8, str x1, [x0]
    DATA "a write after a read", EL1, ISV | SAS(3) | SRT(1) | SF | WNR | TRANSLATION(3), TEST(2) + 8, IPA(5)
    ACCESS EL1, TEST(2) + 16, str x1, [x0]
    DATA "another one", EL1, ISV | SAS(3) | SRT(1) | SF | WNR | TRANSLATION(3), TEST(2) + 16, IPA(5)
    MAP_ONE 2, IPA(6) | VALID | AF | SH_INNER
    ACCESS EL1, TEST(2) + 16, str x1, [x0]
    DATA "after the first stage has changed", EL1, ISV | SAS(3) | SRT(1) | SF | WNR | TRANSLATION(3), TEST(2) + 16, IPA(6)
    MAP_ONE 2, IPA(5) | VALID | AF | SH_INNER
    ACCESS EL1, TEST(2) + 8, ldr x1, [x0]
    DATA "the first stage as before", EL1, ISV | SAS(3) | SRT(1) | SF | TRANSLATION(3), TEST(2) + 8, IPA(5)
    ldr x0, =(TABLE_TWO_TEST + 0x1000)
    ldr x1, =(PAGE(5) | VALID | AF | S2_NORMAL | S2_READ | S2_WRITE | SH_INNER)
    str x1, [x0, #40]
    dsb sy
    ACCESS EL1, TEST(2) + 8, ldr x1, [x0]
    EXPECT_NONE "what has become valid needs no TLB maintenance"
    EXPECT "what is read there", x1, 0x77
    MAP_TWO 5, 0

    // A table of the first stage that the second does not map (S1PTW): the level is the second stage's.
    ldr x0, =TABLE_ONE
    ldr x1, =(IPA(9) | VALID)
    str x1, [x0, #40]
    bl drop_translations
    ACCESS EL1, 0x140000000, ldr x1, [x0]
    EXPECT_RECORD_BITS "a table of the first stage: ESR_EL2 but for the level", ESR, ~3, (EC_DABORT_LOWER << 26 | IL | S1PTW | TRANSLATION(0))
    EXPECT_RECORD "a table of the first stage: FAR_EL2", FAR, 0x140000000
    EXPECT_RECORD "a table of the first stage: HPFAR_EL2", HPFAR, FIPA(IPA(9))
    ACCESS EL1, 0x140000000, str x1, [x0]
    EXPECT_RECORD_BITS "a write: WnR is the access's", ESR, WNR | S1PTW, WNR | S1PTW
    ACCESS EL1, 0x140000000, br x0
    EXPECT_RECORD_BITS "a fetch: ESR_EL2 but for the level", ESR, ~3, (EC_IABORT_LOWER << 26 | IL | S1PTW | TRANSLATION(0))

    // Cache maintenance, and AT of both stages.
    ACCESS EL1, TEST(2), dc civac, x0
    DATA "DC CIVAC", EL1, CM | WNR | TRANSLATION(3), TEST(2), IPA(5)
    ldr x0, =TEST(2)
    BEGIN EL2
    at s12e1r, x0
    mrs x1, par_el1
    END
    EXPECT_NONE "AT S12E1R at EL2"
    EXPECT "PAR_EL1: F, FST, S", x1, (1 << 11 | 1 << 9 | TRANSLATION(3) << 1 | 1)

    // HCR_EL2.DC: the first stage is off, and its accesses are of normal memory.
    SET sctlr_el1, SCTLR_EL1_RES1
    SET hcr_el2, HCR_VM | 1 << 12
    MAP_TWO 1, PAGE(1) | VALID | AF | S2_NORMAL | S2_READ | S2_WRITE | SH_INNER
    ACCESS EL1, IPA(1) + 1, ldr x1, [x0]
    EXPECT_NONE "HCR_EL2.DC: accesses need not be aligned"
    SET hcr_el2, HCR_RW
    DONE
