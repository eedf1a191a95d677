// FEAT_NV: the tables of EL1&0 where a hypervisor at EL1 takes itself to be at EL2, without FEAT_VHE: HCR_EL2.NV and NV1
// ("Nested virtualization" of chapter D8, and AArch64.S1ApplyOutputPerms and AArch64.S1ApplyTablePerms).
#include "harness.h"

#define NV (1 << 42)
#define NV1 (1 << 43)
#define NV2 (1 << 45)
#define PERMISSION(l) (0b001100 + (l))
#define WNR (1 << 6)
#define PXN_TABLE (1 << 59)
#define UXN_TABLE (1 << 60)
#define AP_TABLE_NO_EL0 (1 << 61)
#define AP_TABLE_READ_ONLY (1 << 62)
#define PAGE_EL1 (PAGE(0) | VALID | AF | SH_INNER)
#define PAN (1 << 22)

// What EL1 does in page 0 of the test area with HCR_EL2's `bits`.
.macro WORKS text, bits, instruction:vararg
    SET hcr_el2, HCR_RW | \bits
    bl drop_translations
    ldr x0, =TEST(0)
    BEGIN EL1
    \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_NONE "\text"
.endm

.macro FAULTS text, bits, class, iss, instruction:vararg
    SET hcr_el2, HCR_RW | \bits
    bl drop_translations
    ldr x0, =TEST(0)
    BEGIN EL1
    \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 1, \class, \iss
    EXPECT_RECORD "\text: FAR_EL1", FAR, TEST(0)
.endm

// At EL0, where code runs, and no data is there with NV1.
.macro USER_FAULTS text, bits, class, iss, instruction:vararg
    ldr x0, =TEST(0)
    SET hcr_el2, HCR_RW | \bits
    bl drop_translations
    BEGIN EL0
    \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 1, \class, \iss
.endm

.macro READ_AND_CALL
    ldr x1, [x0]
    svc #5
.endm

.macro READ_WITH_PAN
    msr pan, #1
    ldr x1, [x0]
    mrs x2, s3_0_c4_c2_3
.endm

.macro READ_WITH_AND_WITHOUT_PAN
    READ_WITH_PAN
    msr pan, #0
    ldtr x1, [x0]
    mrs x2, s3_0_c4_c2_3
.endm

// A page of code that returns.
.macro MAP descriptor
    MAP_ONE 0, \descriptor
.endm

// The table above it.
.macro TABLE bits
    ldr x0, =TABLE_ONE_TEST
    ldr x1, =(TABLE_ONE_TEST + 0x1000 | VALID | \bits)
    str x1, [x0]
    bl drop_translations
.endm

PROGRAM "nested"
    TABLES_ON
    SET_ALIAS ALIAS
    // Bit 54 of the harness's own memory would be PXN.
    ldr x0, =TABLE_ONE
    ldr x1, =(0x40000000 | BLOCK | AF | SH_INNER)
    str x1, [x0, #8]
    ldr x0, =PAGE(0)
    ldr w1, =0xd65f03c0
    str w1, [x0]
    dsb sy
    bl drop_translations

    // Execution: bit 54 is PXN, and bit 53 nothing.
    MAP PAGE_EL1
    WORKS "EL1 executes a page without either bit", NV | NV1, blr x0
    MAP PAGE_EL1 | UXN
    WORKS "bit 54 is UXN without NV", 0, blr x0
    WORKS "bit 54 is UXN without NV1", NV, blr x0
    FAULTS "bit 54 is PXN with NV and NV1", NV | NV1, EC_IABORT, PERMISSION(3), blr x0
    FAULTS "bit 54 is PXN with NV, NV1 and NV2", NV | NV1 | NV2, EC_IABORT, PERMISSION(3), blr x0
    WORKS "such a page is read", NV | NV1, ldr x1, [x0]
    WORKS "such a page is written", NV | NV1, str wzr, [x0, #8]
    MAP PAGE_EL1 | PXN
    FAULTS "bit 53 is PXN without NV1", NV, EC_IABORT, PERMISSION(3), blr x0
    WORKS "bit 53 is nothing with NV and NV1", NV | NV1, blr x0
    MAP PAGE_EL1
    TABLE UXN_TABLE
    WORKS "bit 60 of a table is UXNTable without NV1", NV, blr x0
    FAULTS "bit 60 of a table is PXNTable with NV and NV1", NV | NV1, EC_IABORT, PERMISSION(3), blr x0
    TABLE PXN_TABLE
    FAULTS "bit 59 of a table is PXNTable without NV1", NV, EC_IABORT, PERMISSION(3), blr x0
    WORKS "bit 59 of a table is nothing with NV and NV1", NV | NV1, blr x0
    TABLE AP_TABLE_READ_ONLY
    FAULTS "bit 62 of a table has all read-only", NV | NV1, EC_DABORT, WNR | PERMISSION(3), str x1, [x0]
    TABLE 0
    MAP PAGE_EL1 | AP_READ_ONLY
    FAULTS "bit 7 has a page read-only", NV | NV1, EC_DABORT, WNR | PERMISSION(3), str x1, [x0]

    // EL0 has nothing: AP[1] counts as 0.
    MAP PAGE_EL1 | AP_EL0
    FAULTS "what EL0 can write EL1 does not execute", NV, EC_IABORT, PERMISSION(3), blr x0
    WORKS "with NV and NV1 EL0 can not, and EL1 does", NV | NV1, blr x0
    USER_FAULTS "EL0 reads no page with NV and NV1", NV | NV1, EC_DABORT_LOWER, PERMISSION(3), ldr x1, [x0]
    USER_FAULTS "EL0 writes no page with NV and NV1", NV | NV1, EC_DABORT_LOWER, WNR | PERMISSION(3), str x1, [x0]
    USER_FAULTS "EL0 reads it without NV1", NV, EC_SVC, 5, READ_AND_CALL
    WORKS "LDTR reads it as EL0 without NV1", NV, ldtr x1, [x0]
    WORKS "LDTR is LDR with NV and NV1", NV | NV1, ldtr x1, [x0]
    WORKS "STTR is STR with NV and NV1", NV | NV1, sttr wzr, [x0, #8]
    MAP PAGE_EL1
    FAULTS "LDTR reads what is EL1's as EL0 without NV1", NV, EC_DABORT, PERMISSION(3), ldtr x1, [x0]
    WORKS "LDTR reads what is EL1's with NV and NV1", NV | NV1, ldtr x1, [x0]

    // PAN counts as 0, and reads as it is.
    MAP PAGE_EL1 | AP_EL0
    FAULTS "PAN without NV1", NV, EC_DABORT, PERMISSION(3), READ_WITH_PAN
    WORKS "PAN with NV and NV1", NV | NV1, READ_WITH_PAN
    EXPECT "PAN with NV and NV1 is read", x2, PAN
    WORKS "PAN with NV and NV1 is off again", NV | NV1, READ_WITH_AND_WITHOUT_PAN
    EXPECT "PAN with NV and NV1 is read when it is off", x2, 0

    // Code that ran before, in both of its ways: none is taken for the other.
    mov x9, #40
    mov x10, #0
    mov x11, #0
    MAP PAGE_EL1 | UXN
8:  SET hcr_el2, HCR_RW | NV
    bl probe
    add x10, x10, x1
    SET hcr_el2, HCR_RW | NV | NV1
    bl probe
    add x11, x11, x1
    subs x9, x9, #1
    b.ne 8b
    SET hcr_el2, HCR_RW
    EXPECT "no probe faults with NV alone", x10, 0
    EXPECT "each probe faults with NV and NV1", x11, 40
    mov x9, #40
    mov x10, #0
9:  SET hcr_el2, HCR_RW
    bl where
    add x10, x10, x1
    SET hcr_el2, HCR_RW | NV
    bl where
    add x10, x10, x1
    subs x9, x9, #1
    b.ne 9b
    SET hcr_el2, HCR_RW
    EXPECT "CurrentEL is 1 without NV and 2 with it, each time", x10, 40 * 4 + 40 * 8
    DONE

// Whether EL1 cannot call page 0.
probe:
    mov x12, x30
    ldr x0, =TEST(0)
    BEGIN EL1
    blr x0
    END
    ldr x29, =harness
    ldr x1, [x29, #LEVEL]
    br x12

// Where EL1 takes itself to be.
where:
    mov x12, x30
    BEGIN EL1
    mrs x1, currentel
    END
    br x12
