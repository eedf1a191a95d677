// FEAT_VHE: with HCR_EL2.E2H, EL1's names are EL2's registers at EL2, and names that end in _EL12 and _EL02 are EL1's
// (D8.9; D19.1.3).
#include "harness.h"
#define E2H (1 << 34)
#define TGE (1 << 27)

// At EL2 with E2H, writing `name` changes `own`, and `other` reaches what EL1 has.
.macro REDIRECTED name, own, other, value
    mov x0, #0
    msr \name, x0                   // EL1's, without E2H
    isb
    SET hcr_el2, HCR_RW | E2H
    mrs x9, \own
    ldr x1, =\value
    msr \name, x1
    isb
    mrs x2, \own
    mrs x3, \other
    mov x4, #0x800
    msr \other, x4
    isb
    mrs x6, \name
    msr \own, x9
    isb
    SET hcr_el2, HCR_RW
    mrs x7, \name
    EXPECT "\name at EL2 is \own", x2, \value
    EXPECT "\other is EL1's", x3, 0
    EXPECT "\other does not change \name at EL2", x6, \value
    cmp x7, x4
    cset x7, eq
    EXPECT "\other is EL1's \name", x7, 1
.endm

PROGRAM "host"
    SET hcr_el2, HCR_RW | E2H
    mrs x0, hcr_el2
    SET hcr_el2, HCR_RW
    ubfx x0, x0, #34, #1
    EXPECT "HCR_EL2.E2H can be set", x0, 1
    REDIRECTED elr_el1, elr_el2, elr_el12, 0x123450
    REDIRECTED far_el1, far_el2, far_el12, 0x5678abcd
    REDIRECTED vbar_el1, vbar_el2, vbar_el12, vectors2
    REDIRECTED contextidr_el1, contextidr_el2, contextidr_el12, 0x1000
    REDIRECTED mair_el1, mair_el2, mair_el12, 0xff00ff
    REDIRECTED spsr_el1, spsr_el2, spsr_el12, 0x3c5
    REDIRECTED esr_el1, esr_el2, esr_el12, 0x56001234
    REDIRECTED ttbr0_el1, ttbr0_el2, ttbr0_el12, 0x40480000
    REDIRECTED ttbr1_el1, ttbr1_el2, ttbr1_el12, 0x40481000
    REDIRECTED tcr_el1, tcr_el2, tcr_el12, 0x190019
    REDIRECTED scxtnum_el1, scxtnum_el2, scxtnum_el12, 0x7000
    SET vbar_el1, vectors1
    SET hcr_el2, HCR_RW | E2H
    mrs x0, sctlr_el1
    mrs x1, sctlr_el2
    mrs x2, sctlr_el12
    mrs x3, cntkctl_el1
    mrs x4, cnthctl_el2
    SET cntkctl_el12, 0x202
    mrs x5, cnthctl_el2
    SET hcr_el2, HCR_RW
    mrs x6, cntkctl_el1
    SET cntkctl_el1, 0
    sub x0, x0, x1
    EXPECT "SCTLR_EL1 at EL2 is SCTLR_EL2", x0, 0
    mov x7, #0x180                  // ITD and SED are 1 where there is no AArch32
    bic x2, x2, x7
    EXPECT "SCTLR_EL12 is EL1's", x2, SCTLR_EL1_RES1
    sub x3, x3, x4
    EXPECT "CNTKCTL_EL1 at EL2 is CNTHCTL_EL2", x3, 0
    sub x4, x4, x5
    EXPECT "CNTKCTL_EL12 is not", x4, 0
    EXPECT "it is EL1's CNTKCTL_EL1", x6, 0x202

    SET hcr_el2, HCR_RW | E2H
    SET cpacr_el12, 1 << 20
    mrs x5, cpacr_el1
    mrs x6, cptr_el2
    msr afsr0_el12, xzr
    msr afsr1_el12, xzr
    msr amair_el12, xzr
    SET hcr_el2, HCR_RW
    mrs x7, cpacr_el1
    SET cpacr_el1, 3 << 20
    sub x5, x5, x6
    EXPECT "CPACR_EL1 at EL2 is CPTR_EL2, whatever CPACR_EL12 is", x5, 0
    EXPECT "CPACR_EL12 is EL1's CPACR_EL1", x7, 1 << 20

    // To EL1 the other names are nothing.
    SET hcr_el2, HCR_RW | E2H
    .irp name, sctlr, cpacr, ttbr0, ttbr1, tcr, spsr, elr, afsr0, afsr1, esr, far, mair, amair, vbar, contextidr, cntkctl
    BEGIN EL1
    mrs x0, \name\()_el12
    END
    EXPECT_EXCEPTION "\name\()_EL12 at EL1 with E2H", 1, EC_UNKNOWN, 0
    .endr
    .irp name, cntp_tval, cntp_ctl, cntp_cval, cntv_tval, cntv_ctl, cntv_cval
    BEGIN EL1
    mrs x0, \name\()_el02
    END
    EXPECT_EXCEPTION "\name\()_EL02 at EL1 with E2H", 1, EC_UNKNOWN, 0
    .endr
    SET hcr_el2, HCR_RW

    // Without E2H the other names are UNDEFINED.
    BEGIN EL2
    mrs x0, elr_el12
    END
    EXPECT_EXCEPTION "ELR_EL12 without E2H", 2, EC_UNKNOWN, 0
    BEGIN EL1
    mrs x0, elr_el12
    END
    EXPECT_EXCEPTION "ELR_EL12 at EL1", 1, EC_UNKNOWN, 0
    BEGIN EL2
    mrs x0, cntp_ctl_el02
    END
    EXPECT_EXCEPTION "CNTP_CTL_EL02 without E2H", 2, EC_UNKNOWN, 0

    // The timers: CNTP is EL2's physical timer, CNTV its virtual one.
    SET hcr_el2, HCR_RW | E2H
    ldr x0, =0x7777777777777777
    msr cntp_cval_el0, x0
    mrs x1, cnthp_cval_el2
    msr cntv_cval_el0, x0
    mrs x2, s3_4_c14_c3_2           // CNTHV_CVAL_EL2
    msr cntp_cval_el02, xzr
    mrs x3, cntp_cval_el0
    SET hcr_el2, HCR_RW
    mrs x4, cntp_cval_el0
    EXPECT "CNTP_CVAL_EL0 at EL2 is CNTHP_CVAL_EL2", x1, 0x7777777777777777
    EXPECT "CNTV_CVAL_EL0 at EL2 is CNTHV_CVAL_EL2", x2, 0x7777777777777777
    EXPECT "CNTP_CVAL_EL02 is EL1's timer", x3, 0x7777777777777777
    EXPECT "CNTP_CVAL_EL0 without E2H", x4, 0

    SET hcr_el2, HCR_RW | E2H
    msr cntv_cval_el02, x0
    mov x1, #3
    msr cntv_ctl_el02, x1
    mrs x2, cntv_ctl_el0
    SET hcr_el2, HCR_RW
    mrs x3, cntv_cval_el0
    mrs x4, cntv_ctl_el0
    msr cntv_ctl_el0, xzr
    EXPECT "CNTV_CTL_EL02 is not CNTHV_CTL_EL2", x2, 0
    EXPECT "CNTV_CVAL_EL02 is EL1's timer", x3, 0x7777777777777777
    EXPECT "CNTV_CTL_EL02 is EL1's timer", x4, 3

    // TVAL of EL1's timers: what is left until CVAL.
    SET hcr_el2, HCR_RW | E2H
    ldr x0, =0x50000000
    msr cntp_tval_el02, x0
    msr cntv_tval_el02, x0
    mrs x1, cnthp_cval_el2
    mov x2, #2
    msr cntp_ctl_el02, x2
    mrs x2, cntp_ctl_el0
    SET hcr_el2, HCR_RW
    mrs x3, cntp_cval_el0
    mrs x4, cntv_cval_el0
    mrs x5, cntpct_el0
    mrs x6, cntp_ctl_el0
    msr cntp_ctl_el0, xzr
    sub x3, x3, x5
    sub x4, x4, x5
    lsr x3, x3, #29
    lsr x4, x4, #29
    EXPECT "CNTP_TVAL_EL02 is not EL2's timer", x1, 0x7777777777777777
    EXPECT "CNTP_CTL_EL02 is not CNTHP_CTL_EL2", x2, 0
    EXPECT "CNTP_TVAL_EL02 is EL1's timer", x3, 2
    EXPECT "CNTV_TVAL_EL02 is EL1's timer", x4, 2
    EXPECT "CNTP_CTL_EL02 is EL1's timer", x6, 2

    // CNTVOFF_EL2 is not for EL2 with E2H, nor for EL0 of a host.
    SET cntvoff_el2, 0x1000000000
    mrs x0, cntpct_el0
    mrs x1, cntvct_el0
    SET hcr_el2, HCR_RW | E2H
    mrs x2, cntvct_el0
    SET hcr_el2, HCR_RW
    SET cntvoff_el2, 0
    cmp x1, x0
    cset x1, hs
    sub x2, x2, x0
    lsr x2, x2, #32
    EXPECT "CNTVCT_EL0 at EL2 without E2H has CNTVOFF_EL2", x1, 1
    EXPECT "CNTVCT_EL0 at EL2 with E2H has not", x2, 0

    // CNTHCTL_EL2 and CPTR_EL2 have other forms.
    SET hcr_el2, HCR_RW | E2H
    SET cnthctl_el2, 3
    BEGIN EL1
    mrs x5, cntpct_el0
    END
    EXPECT_EXCEPTION "E2H: EL1PCTEN is bit 10", 2, EC_SYSREG, (3 << 20 | 1 << 17 | 3 << 14 | 14 << 10 | 5 << 5 | 1)
    SET cnthctl_el2, 1 << 10
    BEGIN EL1
    mrs x5, cntpct_el0
    END
    EXPECT_NONE "E2H: EL1PCTEN is set"
    BEGIN EL1
    mrs x5, cntp_ctl_el0
    END
    EXPECT_EXCEPTION "E2H: EL1PTEN is bit 11", 2, EC_SYSREG, (3 << 20 | 1 << 17 | 3 << 14 | 14 << 10 | 5 << 5 | 2 << 1 | 1)
    SET cnthctl_el2, 3 << 10
    BEGIN EL1
    mrs x5, cntp_ctl_el0
    END
    EXPECT_NONE "E2H: EL1PTEN is set"
    SET cptr_el2, 0
    BEGIN EL1
    fmov d0, d1
    END
    EXPECT_EXCEPTION "E2H: CPTR_EL2.FPEN 0 traps EL1", 2, EC_FP, 0x1e00000
    SET cptr_el2, 1 << 20
    BEGIN EL0
    fmov d0, d1
    END
    EXPECT_NONE "E2H: CPTR_EL2.FPEN 1 is about EL0 of a host alone"
    SET cptr_el2, 3 << 20 | 1 << 31
    BEGIN EL1
    mrs x5, cpacr_el1
    END
    EXPECT_EXCEPTION "E2H: CPTR_EL2.TCPAC", 2, EC_SYSREG, (3 << 20 | 2 << 17 | 1 << 10 | 5 << 5 | 1)
    SET hcr_el2, HCR_RW | E2H | TGE
    SET cptr_el2, 1 << 20
    BEGIN EL0
    fmov d0, d1
    END
    EXPECT_EXCEPTION "CPTR_EL2.FPEN 1 traps EL0 of a host", 2, EC_FP, 0x1e00000
    SET cptr_el2, 3 << 20
    SET hcr_el2, HCR_RW
    SET cptr_el2, 0x33ff
    SET cnthctl_el2, 3

    // TGE: EL0 is an application of EL2.
    SET hcr_el2, HCR_RW | E2H | TGE
    BEGIN EL0
    svc #4
1:
    END
    EXPECT_EXCEPTION "TGE: SVC at EL0 goes to EL2", 2, EC_SVC, 4
    EXPECT_RECORD "TGE: the vector", VECTOR, 0x400
    BEGIN EL0
    mrs x0, ctr_el0
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "SCTLR_EL2.UCT is clear: CTR_EL0 at EL0", 2, EC_SYSREG, (3 << 20 | 1 << 17 | 3 << 14 | 1)

    // CPTR_EL2 has CPACR_EL1's form.
    SET hcr_el2, HCR_RW | E2H
    SET cptr_el2, 0
    BEGIN EL2
    fmov d0, d1
    END
    EXPECT_EXCEPTION "CPTR_EL2.FPEN 0 traps at EL2", 2, EC_FP, 0x1e00000
    SET cpacr_el1, 3 << 20
    BEGIN EL2
    fmov d0, d1
    END
    EXPECT_NONE "CPACR_EL1 at EL2 is CPTR_EL2"
    SET hcr_el2, HCR_RW
    SET cptr_el2, 0x33ff
    DONE
