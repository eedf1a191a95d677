// Faults of the first stage, at EL1 and EL0: which there are, at which level, and what ESR_EL1 and FAR_EL1 say (D8.14;
// D19.2.37, ISS encodings of Instruction and Data Aborts).
#include "harness.h"

// DFSC and IFSC
#define ADDRESS_SIZE(l) (0b000000 + (l))
#define TRANSLATION(l) (0b000100 + (l))
#define ACCESS_FLAG(l) (0b001000 + (l))
#define PERMISSION(l) (0b001100 + (l))
#define ALIGNMENT 0b100001
#define EXTERNAL 0b010000
#define WNR (1 << 6)
#define CM (1 << 8)
#define PAGE_EL1 VALID | AF | SH_INNER

// An access of `level` to x0, which is `address`.
.macro ACCESS level, address, instruction:vararg
    ldr x0, =\address
    BEGIN \level
    \instruction
    END
.endm

.macro DATA text, level, iss, address
    .if \level == 0
    EXPECT_EXCEPTION "\text", 1, EC_DABORT_LOWER, \iss
    .else
    EXPECT_EXCEPTION "\text", 1, EC_DABORT, \iss
    .endif
    EXPECT_RECORD "\text: FAR_EL1", FAR, \address
.endm

.macro FETCH text, level, iss, address
    .if \level == 0
    EXPECT_EXCEPTION "\text", 1, EC_IABORT_LOWER, \iss
    .else
    EXPECT_EXCEPTION "\text", 1, EC_IABORT, \iss
    .endif
    EXPECT_RECORD "\text: FAR_EL1", FAR, \address
    EXPECT_RECORD "\text: ELR_EL1", ELR, \address
.endm

PROGRAM "stage-one"
    TABLES_ON
    SET_ALIAS ALIAS
    // A page of code that returns, and data.
    ldr x0, =PAGE(0)
    ldr w1, =0xd65f03c0
    str w1, [x0]

    // Translation faults, by level.
    ACCESS EL1, 0xc0000000, ldr x1, [x0]
    DATA "a translation fault of level 1", EL1, TRANSLATION(1), 0xc0000000
    ACCESS EL1, 0x100200000, ldr x1, [x0]
    DATA "a translation fault of level 2", EL1, TRANSLATION(2), 0x100200000
    ACCESS EL1, TEST(3), ldr x1, [x0]
    DATA "a translation fault of level 3", EL1, TRANSLATION(3), TEST(3)
    ACCESS EL1, 0x8000000000, ldr x1, [x0]
    DATA "an address beyond TCR_EL1.T0SZ is a translation fault of level 0", EL1, TRANSLATION(0), 0x8000000000
    ACCESS EL1, 0xffffff8000000000, str x1, [x0]
    DATA "TCR_EL1.EPD1 makes it one of level 0 too", EL1, TRANSLATION(0) | WNR, 0xffffff8000000000
    ACCESS EL0, TEST(3) + 8, str x1, [x0]
    DATA "a write at EL0", EL0, TRANSLATION(3) | WNR, TEST(3) + 8
    ACCESS EL1, TEST(3), br x0
    FETCH "a fetch", EL1, TRANSLATION(3), TEST(3)
    ACCESS EL0, TEST(3), br x0
    FETCH "a fetch at EL0", EL0, TRANSLATION(3), TEST(3)

    // The access flag.
    MAP_ONE 0, PAGE(0) | VALID | SH_INNER
    ACCESS EL1, TEST(0) + 4, ldr w1, [x0]
    DATA "an access flag fault", EL1, ACCESS_FLAG(3), TEST(0) + 4

    // Permissions.
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_READ_ONLY
    ACCESS EL1, TEST(0), ldr w1, [x0]
    EXPECT_NONE "EL1 reads a page that it may read alone"
    EXPECT "what it reads", x1, 0xd65f03c0
    ACCESS EL1, TEST(0) + 16, str x1, [x0]
    DATA "EL1 writes a page that it may read alone", EL1, PERMISSION(3) | WNR, TEST(0) + 16
    ACCESS EL0, TEST(0), ldr w1, [x0]
    DATA "EL0 reads a page of EL1", EL0, PERMISSION(3), TEST(0)
    ACCESS EL1, TEST(0), ldtr w1, [x0]
    DATA "LDTR at EL1 reads as EL0", EL1, PERMISSION(3), TEST(0)
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_READ_ONLY | AP_EL0
    ACCESS EL0, TEST(0), ldr w1, [x0]
    EXPECT_NONE "EL0 reads a page that it may read"
    ACCESS EL0, TEST(0), str w1, [x0]
    DATA "EL0 writes a page that it may read alone", EL0, PERMISSION(3) | WNR, TEST(0)
    ACCESS EL1, TEST(0), sttr w1, [x0]
    DATA "STTR at EL1 writes as EL0", EL1, PERMISSION(3) | WNR, TEST(0)
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | PXN
    ACCESS EL1, TEST(0), br x0
    FETCH "PXN", EL1, PERMISSION(3), TEST(0)
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_EL0 | UXN
    ACCESS EL0, TEST(0), br x0
    FETCH "UXN", EL0, PERMISSION(3), TEST(0)
    ACCESS EL1, TEST(0), br x0
    FETCH "what EL0 may write, EL1 may not execute", EL1, PERMISSION(3), TEST(0)

    // PAN
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_EL0 | UXN
    ldr x0, =TEST(0)
    BEGIN EL1, 0x4003c0
    ldr x1, [x0]
    END
    DATA "PSTATE.PAN: EL1 reads what EL0 may read", EL1, PERMISSION(3), TEST(0)
    ldr x0, =TEST(0)
    BEGIN EL1, 0x4003c0
    ldtr x1, [x0]
    END
    EXPECT_NONE "PSTATE.PAN is not about LDTR"

    // Address size: IPS is 40 bits.
    MAP_ONE 0, 0x10000000000 | PAGE_EL1
    ACCESS EL1, TEST(0), ldr x1, [x0]
    DATA "an address size fault", EL1, ADDRESS_SIZE(3), TEST(0)

    // Alignment.
    MAP_ONE 0, PAGE(0) | PAGE_EL1
    ACCESS EL1, TEST(0) + 1, ldr x1, [x0]
    EXPECT_NONE "accesses need not be aligned"
    SET sctlr_el1, SCTLR_EL1_RES1 | 3
    ACCESS EL1, TEST(0) + 1, ldr x1, [x0]
    DATA "SCTLR_EL1.A: an alignment fault", EL1, ALIGNMENT, TEST(0) + 1
    ACCESS EL1, TEST(0) + 2, str w1, [x0]
    DATA "SCTLR_EL1.A: an alignment fault of a write", EL1, ALIGNMENT | WNR, TEST(0) + 2
    SET sctlr_el1, SCTLR_EL1_RES1 | 1
    ACCESS EL1, TEST(0) + 12, ldxr x1, [x0]
    DATA "an exclusive access over 16 bytes has to be aligned", EL1, ALIGNMENT, TEST(0) + 12
    ACCESS EL1, TEST(0) + 12, ldadd x5, x6, [x0]
    DATA "D19.2.37, WnR: what reads and writes has this fault of its read", EL1, ALIGNMENT, TEST(0) + 12
    // Nothing is at this address.
    MAP_ONE 0, 0x140000000 | PAGE_EL1
    ACCESS EL1, TEST(0), ldr x5, [x0]
    DATA "an external abort", EL1, EXTERNAL, TEST(0)
    ACCESS EL1, TEST(0), ldp x5, x6, [x0]
    DATA "an external abort of a pair", EL1, EXTERNAL, TEST(0)
    ACCESS EL1, TEST(0), st4 {v0.8h-v3.8h}, [x0]
    DATA "an external abort of structures", EL1, EXTERNAL | WNR, TEST(0)
    MAP_ONE 0, PAGE(0) | PAGE_EL1

    // Over the end of a page: the second page's fault, with the first address there.
    ACCESS EL1, TEST(0) + 0xffc, ldr x1, [x0]
    EXPECT_RECORD "a fault of the second page: ESR_EL1", ESR, (EC_DABORT << 26 | IL | TRANSLATION(3))

    // Cache maintenance and AT.
    ACCESS EL1, TEST(3), dc cvac, x0
    DATA "DC CVAC reports a write, and CM", EL1, TRANSLATION(3) | WNR | CM, TEST(3)
    ACCESS EL1, TEST(3) + 5, dc ivac, x0
    DATA "DC IVAC", EL1, TRANSLATION(3) | WNR | CM, TEST(3) + 5
    ldr x0, =TEST(3)
    BEGIN EL1
    at s1e1r, x0
    mrs x1, par_el1
    END
    EXPECT_NONE "AT raises no fault of the first stage"
    EXPECT "PAR_EL1 has it: F, FST and bit 11", x1, (1 << 11 | TRANSLATION(3) << 1 | 1)

    // Tables above the leaf: APTable and PXNTable.
    ldr x0, =TABLE_ONE_TEST
    ldr x1, =(TABLE_ONE_TEST + 0x1000 | VALID | 1 << 62)
    str x1, [x0]
    bl drop_translations
    ACCESS EL1, TEST(0), str x1, [x0]
    DATA "APTable[1] forbids writes", EL1, PERMISSION(3) | WNR, TEST(0)
    ldr x0, =TABLE_ONE_TEST
    ldr x1, =(TABLE_ONE_TEST + 0x1000 | VALID | 1 << 59)
    str x1, [x0]
    bl drop_translations
    ACCESS EL1, TEST(0), br x0
    FETCH "PXNTable forbids execution", EL1, PERMISSION(3), TEST(0)
    TABLES_OFF
    DONE
