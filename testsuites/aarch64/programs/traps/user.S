// What EL0 may do is EL1's to say, by SCTLR_EL1, CNTKCTL_EL1, PMUSERENR_EL0 and MDSCR_EL1; with HCR_EL2.TGE it is EL2 that
// takes the trap; and what EL1 allows, EL2 may trap (D19.2; the registers' accessors).
#include "harness.h"
#include "traps.h"

#define NTWI (1 << 16)
#define NTWE (1 << 18)
#define UCT (1 << 15)
#define DZE (1 << 14)
#define UCI (1 << 26)
#define TGE (1 << 27)

// EL0 executes the instruction, which goes to EL1; with HCR_EL2.TGE to EL2.
.macro TRAP_ONE text, class, iss, instruction:vararg
    ldr x5, =PAGE(0)
    BEGIN EL0
1:  \instruction
    END
    EXPECT_EXCEPTION "\text", 1, \class, \iss
    EXPECT_ELR "\text", 1b
    EXPECT_RECORD "\text: the vector", VECTOR, 0x400
.endm

.macro TRAP text, class, iss, instruction:vararg
    TRAP_ONE "\text", \class, \iss, \instruction
    SET hcr_el2, HCR_RW | TGE
    ldr x5, =PAGE(0)
    BEGIN EL0
1:  \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text, with TGE", 2, \class, \iss
.endm

.macro ALLOW text, instruction:vararg
    ldr x5, =PAGE(0)
    BEGIN EL0
    \instruction
    END
    EXPECT_NONE "\text"
.endm

// What EL1 allows, \register of EL2 traps with \value.
.macro TRAP_TWO text, register, value, restored, class, iss, instruction:vararg
    SET \register, \value
    ldr x5, =PAGE(0)
    BEGIN EL0
1:  \instruction
    END
    SET \register, \restored
    EXPECT_EXCEPTION "\text", 2, \class, \iss
    EXPECT_ELR "\text", 1b
.endm

PROGRAM "user"
    // SCTLR_EL1: caches.
    TRAP "UCT: CTR_EL0", EC_SYSREG, ISS(3, 3, 0, 0, 1) | READ, mrs x5, ctr_el0
    TRAP "DZE: DC ZVA", EC_SYSREG, ISS(1, 3, 7, 4, 1), dc zva, x5
    TRAP "UCI: DC CVAC", EC_SYSREG, ISS(1, 3, 7, 10, 1), dc cvac, x5
    TRAP "UCI: DC CVAU", EC_SYSREG, ISS(1, 3, 7, 11, 1), dc cvau, x5
    TRAP "UCI: DC CVAP", EC_SYSREG, ISS(1, 3, 7, 12, 1), dc cvap, x5
    TRAP "UCI: DC CIVAC", EC_SYSREG, ISS(1, 3, 7, 14, 1), dc civac, x5
    TRAP "UCI: IC IVAU", EC_SYSREG, ISS(1, 3, 7, 5, 1), ic ivau, x5
    BEGIN EL0
    mrs x5, dczid_el0
    END
    and x5, x5, #16
    EXPECT "DZE: DCZID_EL0.DZP", x5, 16
    TRAP_ONE "DC IVAC is EL1's", EC_UNKNOWN, 0, dc ivac, x5
    TRAP_ONE "DC ISW is EL1's", EC_UNKNOWN, 0, dc isw, x5
    TRAP_ONE "TLBI VMALLE1 is EL1's", EC_UNKNOWN, 0, tlbi vmalle1
    TRAP_ONE "AT S1E0R is EL1's", EC_UNKNOWN, 0, at s1e0r, x5
    TRAP "nTWI: WFI", EC_WFX, WAIT, wfi
    SET sctlr_el1, SCTLR_EL1_RES1 | UCT | UCI | DZE | NTWI | NTWE
    ALLOW "UCT is set: CTR_EL0", mrs x5, ctr_el0
    ALLOW "DZE is set: DC ZVA", dc zva, x5
    ALLOW "UCI is set: DC CVAC", dc cvac, x5
    ALLOW "UCI is set: IC IVAU", ic ivau, x5

    // HCR_EL2 has them still.
    TRAP_TWO "TID2: CTR_EL0 at EL0", hcr_el2, HCR_RW | 1 << 17, HCR_RW, EC_SYSREG, ISS(3, 3, 0, 0, 1) | READ, mrs x5, ctr_el0
    TRAP_TWO "TDZ: DC ZVA at EL0", hcr_el2, HCR_RW | 1 << 28, HCR_RW, EC_SYSREG, ISS(1, 3, 7, 4, 1), dc zva, x5
    TRAP_TWO "TPCP: DC CVAC at EL0", hcr_el2, HCR_RW | 1 << 23, HCR_RW, EC_SYSREG, ISS(1, 3, 7, 10, 1), dc cvac, x5
    TRAP_TWO "TPU: IC IVAU at EL0", hcr_el2, HCR_RW | 1 << 24, HCR_RW, EC_SYSREG, ISS(1, 3, 7, 5, 1), ic ivau, x5
    TRAP_TWO "TWI: WFI at EL0", hcr_el2, HCR_RW | 1 << 13, HCR_RW, EC_WFX, WAIT, wfi
    SET sctlr_el1, SCTLR_EL1_RES1
    SET hcr_el2, HCR_RW | 1 << 17 | 1 << 13
    TRAP_ONE "what both trap, EL1 takes: CTR_EL0", EC_SYSREG, ISS(3, 3, 0, 0, 1) | READ, mrs x5, ctr_el0
    TRAP_ONE "what both trap, EL1 takes: WFI", EC_WFX, WAIT, wfi
    SET hcr_el2, HCR_RW

    // CNTKCTL_EL1, and CNTHCTL_EL2 behind it.
    SET cntkctl_el1, 0
    TRAP "EL0PCTEN: CNTPCT_EL0", EC_SYSREG, ISS(3, 3, 14, 0, 1) | READ, mrs x5, cntpct_el0
    TRAP "EL0VCTEN: CNTVCT_EL0", EC_SYSREG, ISS(3, 3, 14, 0, 2) | READ, mrs x5, cntvct_el0
    TRAP "EL0PCTEN and EL0VCTEN: CNTFRQ_EL0", EC_SYSREG, ISS(3, 3, 14, 0, 0) | READ, mrs x5, cntfrq_el0
    TRAP "EL0PTEN: CNTP_CTL_EL0", EC_SYSREG, ISS(3, 3, 14, 2, 1) | READ, mrs x5, cntp_ctl_el0
    TRAP "EL0PTEN: CNTP_CVAL_EL0 is written", EC_SYSREG, ISS(3, 3, 14, 2, 2), msr cntp_cval_el0, x5
    TRAP "EL0PTEN: CNTP_TVAL_EL0", EC_SYSREG, ISS(3, 3, 14, 2, 0) | READ, mrs x5, cntp_tval_el0
    TRAP "EL0VTEN: CNTV_CTL_EL0", EC_SYSREG, ISS(3, 3, 14, 3, 1) | READ, mrs x5, cntv_ctl_el0
    TRAP "EL0VTEN: CNTV_CVAL_EL0", EC_SYSREG, ISS(3, 3, 14, 3, 2) | READ, mrs x5, cntv_cval_el0
    TRAP_ONE "CNTFRQ_EL0 is not for EL0 to write", EC_UNKNOWN, 0, msr cntfrq_el0, x5
    SET cntkctl_el1, 1
    ALLOW "EL0PCTEN is set: CNTPCT_EL0", mrs x5, cntpct_el0
    ALLOW "EL0PCTEN is set: CNTFRQ_EL0", mrs x5, cntfrq_el0
    SET cntkctl_el1, 2
    ALLOW "EL0VCTEN is set: CNTVCT_EL0", mrs x5, cntvct_el0
    SET cntkctl_el1, 1 << 8
    ALLOW "EL0VTEN is set: CNTV_CTL_EL0", mrs x5, cntv_ctl_el0
    SET cntkctl_el1, 0x303
    TRAP_TWO "EL1PCTEN: CNTPCT_EL0 at EL0", cnthctl_el2, 2, 3, EC_SYSREG, ISS(3, 3, 14, 0, 1) | READ, mrs x5, cntpct_el0
    TRAP_TWO "EL1PCEN: CNTP_CTL_EL0 at EL0", cnthctl_el2, 1, 3, EC_SYSREG, ISS(3, 3, 14, 2, 1) | READ, mrs x5, cntp_ctl_el0
    SET cnthctl_el2, 0
    ALLOW "CNTHCTL_EL2 has nothing of the virtual timer", mrs x5, cntv_cval_el0
    SET cnthctl_el2, 3
    SET cntkctl_el1, 0

    // With E2H and TGE, CNTHCTL_EL2 has CNTKCTL_EL1's form and says it.
    SET hcr_el2, HCR_RW | TGE | 1 << 34
    SET cnthctl_el2, 0
    ldr x5, =PAGE(0)
    BEGIN EL0
    mrs x5, cntvct_el0
    END
    EXPECT_EXCEPTION "CNTHCTL_EL2.EL0VCTEN: CNTVCT_EL0 at EL0 of a host", 2, EC_SYSREG, ISS(3, 3, 14, 0, 2) | READ
    SET cnthctl_el2, 0x303
    ALLOW "CNTHCTL_EL2.EL0VCTEN is set", mrs x5, cntvct_el0
    ALLOW "CNTHCTL_EL2.EL0PTEN is set", mrs x5, cntp_ctl_el0
    SET cnthctl_el2, 3
    SET hcr_el2, HCR_RW

    // PMUSERENR_EL0: EN has all, SW, CR and ER parts.
    SET pmuserenr_el0, 0
    TRAP "PMUSERENR_EL0: PMCR_EL0", EC_SYSREG, ISS(3, 3, 9, 12, 0) | READ, mrs x5, pmcr_el0
    TRAP "PMUSERENR_EL0: PMCCNTR_EL0", EC_SYSREG, ISS(3, 3, 9, 13, 0) | READ, mrs x5, pmccntr_el0
    TRAP "PMUSERENR_EL0: PMSWINC_EL0", EC_SYSREG, ISS(3, 3, 9, 12, 4), msr pmswinc_el0, x5
    TRAP "PMUSERENR_EL0: PMSELR_EL0", EC_SYSREG, ISS(3, 3, 9, 12, 5) | READ, mrs x5, pmselr_el0
    TRAP_ONE "PMINTENSET_EL1 is EL1's", EC_UNKNOWN, 0, mrs x5, pmintenset_el1
    ALLOW "PMUSERENR_EL0 may be read", mrs x5, pmuserenr_el0
    SET pmuserenr_el0, 4
    ALLOW "CR: PMCCNTR_EL0", mrs x5, pmccntr_el0
    TRAP_ONE "CR lets nobody write it", EC_SYSREG, ISS(3, 3, 9, 13, 0), msr pmccntr_el0, x5
    SET pmuserenr_el0, 1
    ALLOW "EN: PMCR_EL0", mrs x5, pmcr_el0
    TRAP_ONE "PMUSERENR_EL0 is not for EL0 to write", EC_UNKNOWN, 0, msr pmuserenr_el0, x5
    TRAP_TWO "MDCR_EL2.TPM: PMCCNTR_EL0 at EL0", mdcr_el2, 1 << 6, 0, EC_SYSREG, ISS(3, 3, 9, 13, 0) | READ, mrs x5, pmccntr_el0
    SET pmuserenr_el0, 0

    // MDSCR_EL1.TDCC: the debug communications channel.
    ALLOW "MDCCSR_EL0", mrs x5, mdccsr_el0
    SET mdscr_el1, 1 << 12
    TRAP_ONE "TDCC: MDCCSR_EL0", EC_SYSREG, ISS(2, 3, 0, 1, 0) | READ, mrs x5, mdccsr_el0
    TRAP_ONE "TDCC: DBGDTR_EL0", EC_SYSREG, ISS(2, 3, 0, 4, 0) | READ, mrs x5, dbgdtr_el0
    SET mdscr_el1, 0
    TRAP_TWO "MDCR_EL2.TDA: MDCCSR_EL0 at EL0", mdcr_el2, 1 << 9, 0, EC_SYSREG, ISS(2, 3, 0, 1, 0) | READ, mrs x5, mdccsr_el0

    DONE
