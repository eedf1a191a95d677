// The level that a fault names, of each kind and in both stages, for blocks, pages and tables; what tables forbid for all that
// lies below them; tables that are not memory; and faults of the second stage on tables of the first (D8.14; D19.2.37, ISS
// encoding of a Data Abort; PAR_EL1).
#include "harness.h"

// DFSC and IFSC
#define ADDRESS_SIZE(l) (0b000000 + (l))
#define TRANSLATION(l) (0b000100 + (l))
#define ACCESS_FLAG(l) (0b001000 + (l))
#define PERMISSION(l) (0b001100 + (l))
#define EXTERNAL 0b010000
#define EXTERNAL_WALK(l) (0b010100 + (l))
#define WNR (1 << 6)
#define S1PTW (1 << 7)
#define HCR_VM (HCR_RW | 1)
#define FIPA(address) (((address) >> 12) << 4)
// ISS of a second stage's fault at LDR W1 and STR W1.
#define DESCRIBED (1 << 24 | 2 << 22 | 1 << 16)
#define RAM 0x40000000
#define PAGE_EL1 VALID | AF | SH_INNER
#define S2_ALL S2_READ | S2_WRITE
#define BEYOND (1 << 40)                // PS and IPS are 40 bits
#define NOTHING 0xc0000000              // a physical address where nothing is
#define APTABLE_READ_ONLY (1 << 62)
#define APTABLE_NOT_EL0 (1 << 61)
#define UXNTABLE (1 << 60)
#define PXNTABLE (1 << 59)
// What the entries that tests change map.
#define LEVEL_1 0x140000000
#define LEVEL_2 0x100200000

// The entry of \table at \offset.
.macro ENTRY table, offset, descriptor
    ldr x29, =(\table + \offset)
    ldr x28, =\descriptor
    str x28, [x29]
    bl drop_translations
.endm

.macro ONE_1 descriptor
    ENTRY TABLE_ONE, 40, \descriptor
.endm
.macro ONE_2 descriptor
    ENTRY TABLE_ONE_TEST, 8, \descriptor
.endm
.macro TWO_1 descriptor
    ENTRY TABLE_TWO, 40, \descriptor
.endm
.macro TWO_2 descriptor
    ENTRY TABLE_TWO_TEST, 8, \descriptor
.endm

// \level executes an access to x0, which is \address, with this syndrome at EL1, or EL2 in the second form.
.macro FAULTS text, level, address, class, iss, instruction:vararg
    ldr x0, =\address
    BEGIN \level
    \instruction
    END
    EXPECT_EXCEPTION "\text", 1, \class, \iss
    EXPECT_RECORD "\text: FAR_EL1", FAR, \address
.endm

.macro FAULTS_TWO text, address, class, iss, ipa, instruction:vararg
    ldr x0, =\address
    BEGIN EL1
    \instruction
    END
    EXPECT_EXCEPTION "\text", 2, \class, \iss
    EXPECT_RECORD "\text: FAR_EL2", FAR, \address
    EXPECT_RECORD "\text: HPFAR_EL2", HPFAR, FIPA(\ipa)
.endm

.macro WORKS text, level, address, instruction:vararg
    ldr x0, =\address
    BEGIN \level
    \instruction
    END
    EXPECT_NONE "\text"
.endm

PROGRAM "fault-levels"
    TABLES_ON
    SET_ALIAS ALIAS
    ldr x0, =PAGE(0)
    ldr w1, =0xd65f03c0             // RET
    str w1, [x0]

    // Blocks of level 1.
    ONE_1 RAM | BLOCK | SH_INNER
    FAULTS "AF of a block of level 1", EL1, LEVEL_1 + 8, EC_DABORT, ACCESS_FLAG(1), ldr x1, [x0]
    ONE_1 RAM | BLOCK | AF | SH_INNER | AP_READ_ONLY
    FAULTS "a block of level 1 that may be read alone", EL1, LEVEL_1 + 8, EC_DABORT, PERMISSION(1) | WNR, str x1, [x0]
    FAULTS "a block of level 1 at EL0", EL0, LEVEL_1 + 8, EC_DABORT_LOWER, PERMISSION(1), ldr x1, [x0]
    ONE_1 RAM | BLOCK | AF | SH_INNER | PXN | UXN
    FAULTS "PXN of a block of level 1", EL1, LEVEL_1, EC_IABORT, PERMISSION(1), br x0
    ONE_1 BEYOND | BLOCK | AF | SH_INNER
    FAULTS "a block of level 1 beyond TCR_EL1.IPS", EL1, LEVEL_1, EC_DABORT, ADDRESS_SIZE(1), ldr x1, [x0]
    FAULTS "a fetch from it", EL1, LEVEL_1, EC_IABORT, ADDRESS_SIZE(1), br x0
    ONE_1 BEYOND | VALID
    FAULTS "a table of level 2 beyond TCR_EL1.IPS", EL1, LEVEL_1, EC_DABORT, ADDRESS_SIZE(1), ldr x1, [x0]

    // Blocks of level 2, and pages.
    ONE_2 RAM | BLOCK | SH_INNER
    FAULTS "AF of a block of level 2", EL1, LEVEL_2 + 8, EC_DABORT, ACCESS_FLAG(2), ldr x1, [x0]
    ONE_2 RAM | BLOCK | AF | SH_INNER | AP_READ_ONLY
    FAULTS "a block of level 2 that may be read alone", EL1, LEVEL_2 + 8, EC_DABORT, PERMISSION(2) | WNR, str x1, [x0]
    ONE_2 RAM | BLOCK | AF | SH_INNER | PXN | UXN
    FAULTS "PXN of a block of level 2", EL1, LEVEL_2, EC_IABORT, PERMISSION(2), br x0
    ONE_2 BEYOND | BLOCK | AF | SH_INNER
    FAULTS "a block of level 2 beyond TCR_EL1.IPS", EL1, LEVEL_2, EC_DABORT, ADDRESS_SIZE(2), ldr x1, [x0]
    ONE_2 BEYOND | VALID
    FAULTS "a table of level 3 beyond TCR_EL1.IPS", EL1, LEVEL_2, EC_DABORT, ADDRESS_SIZE(2), ldr x1, [x0]
    MAP_ONE 3, BEYOND | PAGE_EL1
    FAULTS "a page beyond TCR_EL1.IPS", EL1, TEST(3), EC_DABORT, ADDRESS_SIZE(3), ldr x1, [x0]
    MAP_ONE 3, RAM | BLOCK | AF | SH_INNER
    FAULTS "level 3 has no blocks", EL1, TEST(3), EC_DABORT, TRANSLATION(3), ldr x1, [x0]
    ldr x0, =TEST(3)
    at s1e1r, x0
    isb
    mrs x1, par_el1
    EXPECT "AT S1E1R tells the same by PAR_EL1", x1, 1 << 11 | TRANSLATION(3) << 1 | 1

    // TTBR0_EL1 itself, which only EL2 can look at.
    ldr x2, =(BEYOND | TABLE_ONE)
    msr ttbr0_el1, x2
    isb
    bl drop_translations
    at s1e1r, x0
    isb
    mrs x1, par_el1
    EXPECT "TTBR0_EL1 beyond TCR_EL1.IPS is level 0's", x1, 1 << 11 | ADDRESS_SIZE(0) << 1 | 1
    ldr x2, =TABLE_ONE
    msr ttbr0_el1, x2
    isb
    bl drop_translations

    // What tables forbid.
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_EL0
    ONE_1 TABLE_ONE_TEST | VALID
    WORKS "a table that forbids nothing", EL0, LEVEL_1 + 16, str x1, [x0]
    ONE_1 TABLE_ONE_TEST | VALID | APTABLE_NOT_EL0
    FAULTS "APTable 1: not EL0's", EL0, LEVEL_1 + 16, EC_DABORT_LOWER, PERMISSION(3), ldr x1, [x0]
    WORKS "APTable 1: EL1's", EL1, LEVEL_1 + 16, str x1, [x0]
    ONE_1 TABLE_ONE_TEST | VALID | APTABLE_READ_ONLY
    FAULTS "APTable 2: read-only at EL1", EL1, LEVEL_1 + 16, EC_DABORT, PERMISSION(3) | WNR, str x1, [x0]
    FAULTS "APTable 2: read-only at EL0", EL0, LEVEL_1 + 16, EC_DABORT_LOWER, PERMISSION(3) | WNR, str x1, [x0]
    WORKS "APTable 2: EL0 reads it", EL0, LEVEL_1 + 16, ldr x1, [x0]
    ONE_1 TABLE_ONE_TEST | VALID | UXNTABLE
    FAULTS "UXNTable", EL0, LEVEL_1, EC_IABORT_LOWER, PERMISSION(3), br x0
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_READ_ONLY
    ldr x0, =LEVEL_1
    BEGIN EL1
    blr x0
    END
    EXPECT_NONE "UXNTable is not about EL1"
    ONE_1 TABLE_ONE_TEST | VALID | PXNTABLE
    FAULTS "PXNTable", EL1, LEVEL_1, EC_IABORT, PERMISSION(3), br x0
    ONE_1 TABLE_ONE_TEST | VALID | APTABLE_READ_ONLY | APTABLE_NOT_EL0 | PXNTABLE
    MAP_ONE 0, PAGE(0) | PAGE_EL1 | AP_EL0
    mrs x9, tcr_el1
    orr x10, x9, #(1 << 41)
    msr tcr_el1, x10
    isb
    bl drop_translations
    WORKS "TCR_EL1.HPD0: tables forbid nothing", EL0, LEVEL_1 + 16, str x1, [x0]
    msr tcr_el1, x9
    isb
    bl drop_translations

    // Where nothing is.
    ONE_1 NOTHING | BLOCK | AF | SH_INNER
    FAULTS "a read of what is not there", EL1, LEVEL_1, EC_DABORT, EXTERNAL, ldr x1, [x0]
    SET hcr_el2, HCR_RW | 1 << 37
    ldr x0, =LEVEL_1
    BEGIN EL1
    ldr x1, [x0]
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "HCR_EL2.TEA: it goes to EL2", 2, EC_DABORT_LOWER, EXTERNAL
    ONE_1 NOTHING | VALID
    FAULTS "a table of level 2 that is not there", EL1, LEVEL_1, EC_DABORT, EXTERNAL_WALK(2), ldr x1, [x0]
    FAULTS "a fetch through it", EL1, LEVEL_1, EC_IABORT, EXTERNAL_WALK(2), br x0
    ONE_2 NOTHING | VALID
    FAULTS "a table of level 3 that is not there", EL1, LEVEL_2, EC_DABORT, EXTERNAL_WALK(3), ldr x1, [x0]

    // The second stage, with the first off.
    TABLES_OFF
    SET hcr_el2, HCR_VM
    TWO_1 RAM | BLOCK | S2_NORMAL | S2_ALL
    FAULTS_TWO "second stage: AF of a block of level 1", LEVEL_1 + 4, EC_DABORT_LOWER, DESCRIBED | ACCESS_FLAG(1), LEVEL_1, ldr w1, [x0]
    TWO_1 RAM | BLOCK | AF | S2_NORMAL | S2_READ
    FAULTS_TWO "second stage: a block of level 1 that may be read alone", LEVEL_1, EC_DABORT_LOWER, DESCRIBED | WNR | PERMISSION(1), LEVEL_1, str w1, [x0]
    TWO_1 RAM | BLOCK | AF | S2_NORMAL | S2_ALL | S2_XN
    FAULTS_TWO "second stage: XN of a block of level 1", LEVEL_1, EC_IABORT_LOWER, PERMISSION(1), LEVEL_1, br x0
    TWO_1 BEYOND | BLOCK | AF | S2_NORMAL | S2_ALL
    FAULTS_TWO "second stage: a block of level 1 beyond VTCR_EL2.PS", LEVEL_1, EC_DABORT_LOWER, DESCRIBED | ADDRESS_SIZE(1), LEVEL_1, ldr w1, [x0]
    TWO_2 RAM | BLOCK | S2_NORMAL | S2_ALL
    FAULTS_TWO "second stage: AF of a block of level 2", LEVEL_2 + 4, EC_DABORT_LOWER, DESCRIBED | ACCESS_FLAG(2), LEVEL_2, ldr w1, [x0]
    TWO_2 RAM | BLOCK | AF | S2_NORMAL | S2_WRITE
    FAULTS_TWO "second stage: a block of level 2 that may be written alone", LEVEL_2, EC_DABORT_LOWER, DESCRIBED | PERMISSION(2), LEVEL_2, ldr w1, [x0]
    TWO_2 BEYOND | BLOCK | AF | S2_NORMAL | S2_ALL
    FAULTS_TWO "second stage: a block of level 2 beyond VTCR_EL2.PS", LEVEL_2, EC_DABORT_LOWER, DESCRIBED | ADDRESS_SIZE(2), LEVEL_2, ldr w1, [x0]
    TWO_2 BEYOND | VALID
    FAULTS_TWO "second stage: a table of level 3 beyond VTCR_EL2.PS", LEVEL_2, EC_DABORT_LOWER, DESCRIBED | ADDRESS_SIZE(2), LEVEL_2, ldr w1, [x0]
    MAP_TWO 3, BEYOND | VALID | AF | S2_NORMAL | S2_ALL
    FAULTS_TWO "second stage: a page beyond VTCR_EL2.PS", IPA(3), EC_DABORT_LOWER, DESCRIBED | ADDRESS_SIZE(3), IPA(3), ldr w1, [x0]
    FAULTS_TWO "an intermediate address beyond VTCR_EL2.T0SZ", 0x8000000000, EC_DABORT_LOWER, DESCRIBED | TRANSLATION(0), 0x8000000000, ldr w1, [x0]
    SET hcr_el2, HCR_RW

    // Tables of the first stage, which are in pages of the second: what those forbid.
    TABLES_ON
    SET hcr_el2, HCR_VM
    ONE_1 IPA(9) | VALID
    MAP_TWO 9, PAGE(9) | VALID | S2_NORMAL | S2_ALL
    FAULTS_TWO "a table's page: AF", LEVEL_1, EC_DABORT_LOWER, S1PTW | ACCESS_FLAG(3), IPA(9), ldr w1, [x0]
    MAP_TWO 9, PAGE(9) | VALID | AF | S2_NORMAL | S2_WRITE
    FAULTS_TWO "a table's page: it may not be read", LEVEL_1, EC_DABORT_LOWER, S1PTW | PERMISSION(3), IPA(9), ldr w1, [x0]
    FAULTS_TWO "a table's page, for a fetch", LEVEL_1, EC_IABORT_LOWER, S1PTW | PERMISSION(3), IPA(9), br x0
    MAP_TWO 9, PAGE(9) | VALID | AF | S2_ALL
    SET hcr_el2, HCR_VM | 4
    bl drop_translations
    FAULTS_TWO "HCR_EL2.PTW: a table in device memory", LEVEL_1, EC_DABORT_LOWER, S1PTW | PERMISSION(3), IPA(9), ldr w1, [x0]
    SET hcr_el2, HCR_VM
    MAP_TWO 9, PAGE(9) | VALID | AF | S2_NORMAL | S2_ALL
    ldr x0, =PAGE(9)
    str xzr, [x0]
    FAULTS "what the table itself says is EL1's", EL1, LEVEL_1, EC_DABORT, TRANSLATION(2), ldr x1, [x0]
    ldr x0, =PAGE(9)
    ldr x1, =(IPA(10) | VALID)
    str x1, [x0]
    FAULTS_TWO "the next table's page", LEVEL_1 + 0x3000, EC_DABORT_LOWER, S1PTW | TRANSLATION(3), IPA(10), ldr w1, [x0]
    SET hcr_el2, HCR_RW
    DONE
