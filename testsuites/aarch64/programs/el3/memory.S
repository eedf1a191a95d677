// The translation regime of EL3, and the two physical address spaces (D8.1.2, D8.2, "Security states"; D8.3, NS and NSTable).
#include "monitor.h"

#define NS (1 << 5)
#define NSTABLE (1 << 63)
#define XN UXN
#define SCTLR_ON (1 << 12 | 1 << 2 | 1)
#define READ_ONLY AP_READ_ONLY
#define PAGE_DESCRIPTOR(address) ((address) | VALID | AF | SH_INNER)

.macro MAP n, descriptor
    ldr x29, =(TABLE_ONE_TEST + 0x1000 + \n * 8)
    ldr x28, =\descriptor
    str x28, [x29]
    dsb sy
    tlbi alle3
    tlbi alle1
    dsb sy
    isb
.endm

// The page is entered as it is, and then changed; behind the instruction the change counts.
.macro CHANGED name, instruction:vararg
    MAP 0, PAGE_DESCRIPTOR(PAGE(0))
    ldr x6, =TEST(0)
    ldr x5, [x6]
    EXPECT "\name: as it was", x5, 0x1111
    ldr x29, =(TABLE_ONE_TEST + 0x1000)
    ldr x28, =PAGE_DESCRIPTOR(PAGE(1))
    str x28, [x29]
    dsb sy
    ldr x7, =(TEST(0) >> 12)
    \instruction
    dsb sy
    isb
    ldr x5, [x6]
    EXPECT "\name: as it is", x5, 0x2222
.endm

.macro ABORTS text, level, class, iss, instruction:vararg
    BEGIN \level
1:  \instruction
    END
    EXPECT_EXCEPTION "\text", \level, \class, \iss
    EXPECT_ELR "\text", 1b
.endm

.macro GOES text, level, instruction:vararg
    BEGIN \level
    \instruction
    END
    EXPECT_NONE "\text"
.endm

PROGRAM "memory"
    // Without translation: what is Secure state's alone.
    ldr x6, =SECURE_RAM
    ldr x5, =0x600dcafe
    str x5, [x6]
    ldr x7, [x6]
    EXPECT "D8.1.2: EL3 has Secure memory", x7, 0x600dcafe
    ABORTS "D8.1.2: Secure memory is not there for Non-secure EL1", EL1, EC_DABORT, 0x10, ldr x5, [x6]
    ABORTS "D8.1.2: Secure memory is not there for Non-secure EL1 to write", EL1, EC_DABORT, 0x50, str x5, [x6]
    BEGIN EL2
    ldr x5, [x6]
    END
    EXPECT_RECORD "D8.1.2: Secure memory is not there for EL2", LEVEL, 2
    SET scr_el3, SECURE
    mov x7, #0
    GOES "D8.1.2: Secure EL1 has Secure memory", EL1, ldr x7, [x6]
    EXPECT "Secure EL1 reads what EL3 has written", x7, 0x600dcafe
    mov x7, #0
    GOES "D8.1.2: Secure EL0 has Secure memory", EL0, ldr x7, [x6]
    EXPECT "Secure EL0 reads what EL3 has written", x7, 0x600dcafe
    SET scr_el3, NONSECURE
    ldr x6, =0x09040fe0
    ldr w7, [x6]
    EXPECT "the secure UART is a PL011", x7, 0x11
    ABORTS "the secure UART is not there for Non-secure EL1", EL1, EC_DABORT, 0x10, ldr w5, [x6]
    ldr x6, =0x090b0fe0
    ldr w7, [x6]
    EXPECT "the secure GPIO is a PL061", x7, 0x61
    ABORTS "the secure GPIO is not there for Non-secure EL1", EL1, EC_DABORT, 0x10, ldr w5, [x6]
    mov x6, #0
    ldr w7, [x6]
    ABORTS "the first bank of flash is not there for Non-secure EL1", EL1, EC_DABORT, 0x10, ldr w5, [x6]
    mov x6, #0x4000000
    GOES "the second bank of flash is there for Non-secure EL1", EL1, ldr w5, [x6]
    ldr x6, =PAGE(0)
    ldr x5, =0x1111
    str x5, [x6]
    mov x7, #0
    GOES "D8.1.2: other memory is both states'", EL1, ldr x7, [x6]
    EXPECT "Non-secure EL1 reads what EL3 has written", x7, 0x1111
    ldr x6, =PAGE(1)
    ldr x5, =0x2222
    str x5, [x6]
    ldr x6, =PAGE(2)
    ldr w5, =0xd4000ee3             // SMC #0x77
    str w5, [x6]

    // With translation.
    TABLES_ON
    SET sctlr_el1, SCTLR_EL1_RES1
    ldr x28, =TABLE_ONE
    ldr x29, =(0x40000000 | BLOCK | AF | SH_INNER)
    str x29, [x28, #8]
    dsb sy
    msr ttbr0_el3, x28
    ldr x28, =(1 << 31 | 1 << 23 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 25)
    msr tcr_el3, x28
    mov x28, #0xff
    msr mair_el3, x28
    isb
    ldr x28, =(SCTLR_EL3_RES1 | SCTLR_ON)
    msr sctlr_el3, x28
    isb

    MAP 0, PAGE_DESCRIPTOR(PAGE(0))
    ldr x6, =TEST(0)
    mov x7, #0
    GOES "D8.2: EL3 reads through its tables", EL3, ldr x7, [x6]
    EXPECT "D8.2: what EL3 reads", x7, 0x1111
    ldr x6, =TEST(9)
    ABORTS "a page of EL3 that is not mapped", EL3, EC_DABORT, 0x07, ldr x5, [x6]
    EXPECT_RECORD "a page of EL3 that is not mapped: FAR_EL3", FAR, TEST(9)
    ABORTS "a page of EL3 that is not mapped is written", EL3, EC_DABORT, 0x47, str x5, [x6]
    ldr x6, =0xffff000000000000
    ABORTS "EL3 has no upper half", EL3, EC_DABORT, 0x04, ldr x5, [x6]
    MAP 0, PAGE_DESCRIPTOR(PAGE(0)) | READ_ONLY
    ldr x6, =TEST(0)
    ABORTS "a page that EL3 may only read", EL3, EC_DABORT, 0x4f, str x5, [x6]
    GOES "a page that EL3 may only read is read", EL3, ldr x5, [x6]
    MAP 0, PAGE(0) | VALID | SH_INNER
    ABORTS "a page of EL3 that was not accessed", EL3, EC_DABORT, 0x0b, ldr x5, [x6]
    // EL0's permission means nothing there.
    MAP 0, PAGE_DESCRIPTOR(PAGE(0)) | AP_EL0
    SET sctlr_el3, SCTLR_EL3_RES1 | SCTLR_ON
    mov x7, #0
    GOES "AP[1] means nothing to EL3", EL3, ldr x7, [x6]
    EXPECT "AP[1] means nothing to EL3: what is read", x7, 0x1111

    // Execution.
    ldr x6, =TEST(2)
    MAP 2, PAGE_DESCRIPTOR(PAGE(2))
    BEGIN EL3
    br x6
    END
    EXPECT_EXCEPTION "EL3 executes through its tables", 3, EC_SMC, 0x77
    MAP 2, PAGE_DESCRIPTOR(PAGE(2)) | XN
    BEGIN EL3
    br x6
    END
    EXPECT_EXCEPTION "a page that EL3 does not execute", 3, EC_IABORT, 0x0f
    EXPECT_RECORD "a page that EL3 does not execute: FAR_EL3", FAR, TEST(2)
    MAP 2, PAGE_DESCRIPTOR(PAGE(2)) | PXN
    BEGIN EL3
    br x6
    END
    EXPECT_EXCEPTION "PXN means nothing to EL3", 3, EC_SMC, 0x77
    MAP 2, PAGE_DESCRIPTOR(PAGE(2)) | NS
    BEGIN EL3
    br x6
    END
    EXPECT_EXCEPTION "SCR_EL3.SIF is 0: EL3 executes Non-secure memory", 3, EC_SMC, 0x77

    // NS
    MAP 3, PAGE_DESCRIPTOR(SECURE_RAM) | XN
    ldr x6, =TEST(3)
    mov x7, #0
    GOES "NS is 0: EL3 has Secure memory", EL3, ldr x7, [x6]
    EXPECT "NS is 0: what EL3 reads", x7, 0x600dcafe
    at s1e3r, x6
    isb
    mrs x5, par_el1
    ldr x7, =0xfffffffff201
    and x5, x5, x7
    EXPECT "PAR_EL1 of S1E3R has NS of the page: 0", x5, SECURE_RAM
    MAP 3, PAGE_DESCRIPTOR(SECURE_RAM) | XN | NS
    ABORTS "NS is 1: what EL3 accesses is Non-secure", EL3, EC_DABORT, 0x10, ldr x5, [x6]
    at s1e3r, x6
    isb
    mrs x5, par_el1
    ldr x7, =0xfffffffff201
    and x5, x5, x7
    EXPECT "PAR_EL1 of S1E3R has NS of the page: 1", x5, SECURE_RAM | 1 << 9
    MAP 3, PAGE_DESCRIPTOR(PAGE(0)) | XN | READ_ONLY
    at s1e3w, x6
    isb
    mrs x5, par_el1
    and x5, x5, #0x7f
    EXPECT "PAR_EL1 of S1E3W: the page may not be written", x5, 0x0f << 1 | 1
    MAP 3, 0
    at s1e3r, x6
    isb
    mrs x5, par_el1
    and x5, x5, #0x7f
    EXPECT "PAR_EL1 of S1E3R: the page is not mapped", x5, 0x07 << 1 | 1
    MAP 3, PAGE_DESCRIPTOR(SECURE_RAM) | XN
    ldr x28, =TABLE_ONE_TEST
    ldr x29, =(TABLE_ONE_TEST + 0x1000 | VALID | NSTABLE)
    str x29, [x28]
    MAP 4, PAGE_DESCRIPTOR(PAGE(1)) | XN
    ABORTS "NSTable is 1: all below is Non-secure", EL3, EC_DABORT, 0x10, ldr x5, [x6]
    ldr x6, =TEST(4)
    GOES "NSTable is 1: tables and memory of both states are there", EL3, ldr x7, [x6]
    EXPECT "NSTable is 1: what EL3 reads", x7, 0x2222
    ldr x28, =TABLE_ONE_TEST
    ldr x29, =(TABLE_ONE_TEST + 0x1000 | VALID)
    str x29, [x28]
    MAP 4, 0

    // Maintenance.
    CHANGED "TLBI ALLE3", tlbi alle3
    CHANGED "TLBI ALLE3IS", tlbi alle3is
    CHANGED "TLBI VAE3", tlbi vae3, x7
    CHANGED "TLBI VAE3IS", tlbi vae3is, x7
    CHANGED "TLBI VALE3", tlbi vale3, x7
    CHANGED "TLBI VALE3IS", tlbi vale3is, x7
    BEGIN EL2
1:  tlbi alle3
    END
    EXPECT_EXCEPTION "TLBI ALLE3 at EL2 is UNDEFINED", 2, EC_UNKNOWN, 0
    BEGIN EL2
1:  at s1e3r, x6
    END
    EXPECT_EXCEPTION "AT S1E3R at EL2 is UNDEFINED", 2, EC_UNKNOWN, 0
    SET scr_el3, SECURE
    BEGIN EL3
    at s1e2r, x6
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "AT S1E2R is UNDEFINED while there is no EL2 below EL3", 3, EC_UNKNOWN, 0
    GOES "AT S1E2R at EL3", EL3, at s1e2r, x6
    GOES "TLBI ALLE1 at EL3", EL3, tlbi alle1
    GOES "TLBI ALLE2 at EL3", EL3, tlbi alle2
    GOES "AT S12E1R at EL3", EL3, at s12e1r, x6

    // EL1&0 in both states, by the same tables: what one of them has entered is not the other's.
    SET sctlr_el1, SCTLR_EL1_RES1 | SCTLR_ON
    MAP 3, PAGE_DESCRIPTOR(SECURE_RAM)
    ldr x6, =TEST(3)
    .rept 2
    SET scr_el3, SECURE
    mov x7, #0
    GOES "Secure EL1: NS is 0", EL1, ldr x7, [x6]
    EXPECT "Secure EL1: NS is 0: what it reads", x7, 0x600dcafe
    SET scr_el3, NONSECURE
    ABORTS "Non-secure EL1: NS means nothing", EL1, EC_DABORT, 0x10, ldr x5, [x6]
    .endr
    SET scr_el3, SECURE
    at s1e1r, x6
    isb
    mrs x5, par_el1
    ldr x7, =0xfffffffff201
    and x5, x5, x7
    EXPECT "PAR_EL1 of S1E1R at EL3 over Secure EL1", x5, SECURE_RAM
    MAP 3, PAGE_DESCRIPTOR(SECURE_RAM) | NS
    ABORTS "Secure EL1: NS is 1", EL1, EC_DABORT, 0x10, ldr x5, [x6]
    MAP 2, PAGE_DESCRIPTOR(PAGE(2)) | NS
    ldr x6, =TEST(2)
    BEGIN EL1
    br x6
    END
    EXPECT_EXCEPTION "SCR_EL3.SIF is 0: Secure EL1 executes Non-secure memory", 3, EC_SMC, 0x77
    // What the bit was may be in TLBs.
    SET scr_el3, SECURE | SCR_SIF
    MAP 2, PAGE_DESCRIPTOR(PAGE(2)) | NS
    ldr x6, =TEST(2)
    BEGIN EL1
    br x6
    END
    EXPECT_EXCEPTION "SCR_EL3.SIF: Secure EL1 does not execute Non-secure memory", 1, EC_IABORT, 0x0f
    BEGIN EL3
    br x6
    END
    EXPECT_EXCEPTION "SCR_EL3.SIF: EL3 does not execute Non-secure memory", 3, EC_IABORT, 0x0f
    SET scr_el3, NONSECURE | SCR_SIF
    BEGIN EL1
    br x6
    END
    EXPECT_EXCEPTION "SCR_EL3.SIF means nothing to Non-secure EL1", 3, EC_SMC, 0x77
    SET scr_el3, NONSECURE

    // Secure state has no second stage.
    MAP 5, PAGE_DESCRIPTOR(IPA(0))
    ldr x6, =TEST(5)
    SET hcr_el2, HCR_RW | 1
    BEGIN EL1
1:  ldr x5, [x6]
    END
    EXPECT_EXCEPTION "HCR_EL2.VM: Non-secure EL1 is behind the second stage", 2, EC_DABORT_LOWER, 0x1c58007
    SET scr_el3, SECURE
    MAP 5, PAGE_DESCRIPTOR(PAGE(1))
    mov x7, #0
    GOES "HCR_EL2.VM means nothing in Secure state", EL1, ldr x7, [x6]
    EXPECT "HCR_EL2.VM means nothing in Secure state: what is read", x7, 0x2222
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW
    SET sctlr_el3, SCTLR_EL3_RES1
    DONE
