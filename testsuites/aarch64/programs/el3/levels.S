// EL3 as a level: reset, calls of it, what it returns to, and what Secure state has and lacks (D1.2, D1.3, SCR_EL3).
#include "monitor.h"
PROGRAM "levels"

    mrs x5, currentel
    EXPECT "D1.2.1: a reset enters the highest level", x5, 3 << 2
    mrs x5, id_aa64pfr0_el1
    tst x5, #0xf000
    cset x5, ne
    EXPECT "ID_AA64PFR0_EL1.EL3: it is there", x5, 1
    mrs x5, rvbar_el3
    EXPECT "RVBAR_EL3: the reset address", x5, 0

    // SMC
    BEGIN EL0
1:  smc #0
    END
    EXPECT_EXCEPTION "SMC at EL0 is UNDEFINED", 1, EC_UNKNOWN, 0
    EXPECT_ELR "SMC at EL0", 1b
    .irp level, 1, 2, 3
    BEGIN \level, 0xa00003c0
    smc #0x1234
1:
    END
    EXPECT_EXCEPTION "SMC at EL\level goes to EL3", 3, EC_SMC, 0x1234
    EXPECT_ELR "SMC at EL\level returns behind itself", 1b
    EXPECT_RECORD "SMC at EL\level: SPSR_EL3", SPSR, (0xa00003c1 | \level << 2)
    .if \level < 3
    EXPECT_RECORD "D1.3.3: the vector of a lower level that uses AArch64, from EL\level", VECTOR, 0x400
    .else
    EXPECT_RECORD "D1.3.3: the vector of EL3 with its own stack pointer", VECTOR, 0x200
    .endif
    EXPECT_RECORD "D1.3.4: behind it all is masked at EL3h, from EL\level", ENTERED, 0x3cd
    .endr
    BEGIN EL3
    msr spsel, #0
    mov x6, sp
    smc #1
    END
    EXPECT_RECORD "D1.3.3: the vector of EL3 with SP_EL0", VECTOR, 0
    SET hcr_el2, HCR_RW | 1 << 19
    BEGIN EL1
1:  smc #7
    END
    EXPECT_EXCEPTION "HCR_EL2.TSC: SMC at EL1 goes to EL2", 2, EC_SMC, 7
    EXPECT_ELR "HCR_EL2.TSC: SMC was not executed", 1b
    SET scr_el3, SECURE
    BEGIN EL1
    smc #7
    END
    EXPECT_EXCEPTION "HCR_EL2.TSC means nothing in Secure state", 3, EC_SMC, 7
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW
    SET scr_el3, NONSECURE | SCR_SMD
    BEGIN EL3
1:  smc #0
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "SCR_EL3.SMD: SMC is UNDEFINED", 3, EC_UNKNOWN, 0
    EXPECT_ELR "SCR_EL3.SMD", 1b

    // HVC
    BEGIN EL1
    hvc #5
1:
    END
    EXPECT_EXCEPTION "SCR_EL3.HCE: HVC at EL1 goes to EL2", 2, EC_HVC, 5
    EXPECT_ELR "HVC returns behind itself", 1b
    BEGIN EL2
    hvc #6
    END
    EXPECT_EXCEPTION "HVC at EL2 stays there", 2, EC_HVC, 6
    BEGIN EL3
    hvc #7
1:
    END
    EXPECT_EXCEPTION "HVC at EL3 stays there", 3, EC_HVC, 7
    EXPECT_ELR "HVC at EL3 returns behind itself", 1b
    .irp level, 1, 2, 3
    SET scr_el3, NONSECURE & ~SCR_HCE
    BEGIN \level
1:  hvc #5
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "SCR_EL3.HCE is 0: HVC at EL\level is UNDEFINED", \level, EC_UNKNOWN, 0
    EXPECT_ELR "SCR_EL3.HCE is 0: HVC at EL\level", 1b
    .endr
    SET scr_el3, SECURE
    BEGIN EL1
    hvc #5
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "HVC at Secure EL1 is UNDEFINED", 1, EC_UNKNOWN, 0
    // HCR_EL2.HCD is RES0 where there is EL3.
    SET hcr_el2, HCR_RW | 1 << 29
    mrs x5, hcr_el2
    BEGIN EL1
    hvc #8
    END
    SET hcr_el2, HCR_RW
    EXPECT "HCR_EL2.HCD is RES0", x5, HCR_RW
    EXPECT_EXCEPTION "HCR_EL2.HCD means nothing", 2, EC_HVC, 8

    // Exceptions of EL3 itself.
    BEGIN EL3
    svc #9
1:
    END
    EXPECT_EXCEPTION "SVC at EL3 stays there", 3, EC_SVC, 9
    EXPECT_ELR "SVC at EL3", 1b
    BEGIN EL3
1:  brk #4
    END
    EXPECT_EXCEPTION "BRK at EL3 stays there", 3, EC_BRK, 4
    EXPECT_ELR "BRK at EL3", 1b
    BEGIN EL3
    .inst 0
    END
    EXPECT_EXCEPTION "an undefined instruction at EL3", 3, EC_UNKNOWN, 0

    // Returns.
    SET scr_el3, SECURE
    BEGIN EL2
1:  nop
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "D1.3.5: Secure state has no EL2 to return to", 3, EC_ILLEGAL, 0
    EXPECT_RECORD_BITS "D1.3.5: SPSR_EL3.IL, and the level stays", SPSR, 0x10000c, 0x10000c
    SET hcr_el2, HCR_RW | 1 << 27
    BEGIN EL1
1:  nop
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: there is no EL1 to return to", 3, EC_ILLEGAL, 0
    BEGIN EL0
    svc #2
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: SVC at EL0 goes to EL2", 2, EC_SVC, 2
    SET scr_el3, SECURE
    BEGIN EL1
    END
    EXPECT_NONE "HCR_EL2.TGE means nothing in Secure state"
    BEGIN EL0
    svc #2
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE means nothing to Secure EL0", 1, EC_SVC, 2
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW

    // EL3's registers are nobody else's, and not EL2's registers Secure EL1's.
    .irp name, scr_el3, sctlr_el3, vbar_el3, elr_el3, spsr_el3, esr_el3, far_el3, ttbr0_el3, tcr_el3, mair_el3, amair_el3, afsr0_el3, afsr1_el3, actlr_el3, tpidr_el3, cptr_el3, mdcr_el3, rvbar_el3, sp_el2
    BEGIN EL2
1:  mrs x5, \name
    END
    EXPECT_EXCEPTION "\name is UNDEFINED at EL2", 2, EC_UNKNOWN, 0
    BEGIN EL3
    mrs x5, \name
    END
    EXPECT_NONE "\name is there at EL3"
    .endr
    BEGIN EL2
    msr elr_el3, x5
    END
    EXPECT_EXCEPTION "ELR_EL3 is UNDEFINED at EL2 when written", 2, EC_UNKNOWN, 0
    .irp name, sp_el2, tpidr_el3, far_el3
    ldr x5, =0x123456789abcdef0
    mrs x7, \name
    msr \name, x5
    mrs x6, \name
    msr \name, x7
    EXPECT "\name holds what is written", x6, 0x123456789abcdef0
    .endr

    // What EL1 reads of itself is the hypervisor's, and in Secure state its own.
    mrs x7, midr_el1
    ldr x5, =0x410fd034
    msr vpidr_el2, x5
    BEGIN EL1
    mrs x6, midr_el1
    END
    EXPECT "VPIDR_EL2 is EL1's MIDR_EL1", x6, 0x410fd034
    SET scr_el3, SECURE
    BEGIN EL1
    mrs x6, midr_el1
    END
    SET scr_el3, NONSECURE
    cmp x6, x7
    cset x6, eq
    EXPECT "Secure EL1 reads MIDR_EL1 itself", x6, 1

    // Names for EL2 as a host.
    mrs x5, id_aa64mmfr1_el1
    ubfx x5, x5, #8, #4
    cbz x5, 9f
    SET hcr_el2, HCR_RW | 1 << 34
    ldr x5, =0x1800
    msr vbar_el12, x5
    mrs x6, vbar_el1
    mrs x7, vbar_el2
    ldr x5, =vectors1
    msr vbar_el1, x5
    SET hcr_el2, HCR_RW
    EXPECT "VBAR_EL12 at EL3 is EL1's", x6, 0x1800
    ldr x5, =vectors2
    cmp x7, x5
    cset x7, eq
    EXPECT "VBAR_EL1 at EL3 is not redirected", x7, 1
    BEGIN EL3
    mrs x5, vbar_el12
    END
    EXPECT_EXCEPTION "VBAR_EL12 at EL3 without E2H is UNDEFINED", 3, EC_UNKNOWN, 0
9:
    DONE
