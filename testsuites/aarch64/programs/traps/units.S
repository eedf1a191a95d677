// Each register that MDCR_EL2, CNTHCTL_EL2 and CPTR_EL2 have trapped (D19.3.18, D19.12.2, D19.2.34).
#include "harness.h"
#include "traps.h"

#define TPMCR (1 << 5)
#define TPM (1 << 6)
#define TDE (1 << 8)
#define TDA (1 << 9)
#define TDOSA (1 << 10)
#define TDRA (1 << 11)
// All counters are EL1's.
#define HPMN 6

// `bit` of MDCR_EL2 traps it, TDE does where it is about debug, and no other bits than those of `own` do.
.macro DEBUG text, bit, own, iss, instruction:vararg
    CASE "\text", mdcr_el2, HPMN, HPMN | \bit, HPMN | (TPMCR | TPM | TDA | TDOSA | TDRA) & ~(\own), \iss, \instruction
    .if \bit & (TDA | TDOSA | TDRA)
    SET mdcr_el2, HPMN | TDE
    BEGIN EL1
    \instruction
    END
    SET mdcr_el2, HPMN
    EXPECT_EXCEPTION "\text, with TDE", 2, EC_SYSREG, \iss
    .endif
.endm

.macro DEBUG_READS text, bit, own, op0, op1, crn, crm, op2
    DEBUG "\text", \bit, \own, ISS(\op0, \op1, \crn, \crm, \op2) | READ, mrs x5, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
.endm

.macro DEBUG_WRITES text, bit, own, op0, op1, crn, crm, op2
    mov x6, #0
    DEBUG "\text is written", \bit, \own, ISS(\op0, \op1, \crn, \crm, \op2) ^ 3 << 5, msr s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2, x6
.endm

.macro BOTH text, bit, own, op0, op1, crn, crm, op2
    DEBUG_READS "\text", \bit, \own, \op0, \op1, \crn, \crm, \op2
    DEBUG_WRITES "\text", \bit, \own, \op0, \op1, \crn, \crm, \op2
.endm

.macro MONITOR name, op1, crn, crm, op2
    BOTH "TPM: \name", TPM, TPM, 3, \op1, \crn, \crm, \op2
.endm

PROGRAM "units"
    // MDCR_EL2: debug.
    BOTH "TDA: MDSCR_EL1", TDA, TDA, 2, 0, 0, 2, 2
    BOTH "TDA: MDCCINT_EL1", TDA, TDA, 2, 0, 0, 2, 0
    BOTH "TDA: OSDTRRX_EL1", TDA, TDA, 2, 0, 0, 0, 2
    BOTH "TDA: OSDTRTX_EL1", TDA, TDA, 2, 0, 0, 3, 2
    BOTH "TDA: OSECCR_EL1", TDA, TDA, 2, 0, 0, 6, 2
    .irp n, 0, 1, 2, 3, 4, 5
    BOTH "TDA: DBGBVR\n\()_EL1", TDA, TDA, 2, 0, 0, \n, 4
    BOTH "TDA: DBGBCR\n\()_EL1", TDA, TDA, 2, 0, 0, \n, 5
    .endr
    .irp n, 0, 1, 2, 3
    BOTH "TDA: DBGWVR\n\()_EL1", TDA, TDA, 2, 0, 0, \n, 6
    BOTH "TDA: DBGWCR\n\()_EL1", TDA, TDA, 2, 0, 0, \n, 7
    .endr
    BOTH "TDA: DBGCLAIMSET_EL1", TDA, TDA, 2, 0, 7, 8, 6
    BOTH "TDA: DBGCLAIMCLR_EL1", TDA, TDA, 2, 0, 7, 9, 6
    DEBUG_READS "TDA: DBGAUTHSTATUS_EL1", TDA, TDA, 2, 0, 7, 14, 6
    DEBUG_READS "TDA: MDCCSR_EL0", TDA, TDA, 2, 3, 0, 1, 0
    BOTH "TDA: DBGDTR_EL0", TDA, TDA, 2, 3, 0, 4, 0
    BOTH "TDA: DBGDTRTX_EL0 and DBGDTRRX_EL0", TDA, TDA, 2, 3, 0, 5, 0
    DEBUG_WRITES "TDOSA: OSLAR_EL1", TDOSA, TDOSA, 2, 0, 1, 0, 4
    DEBUG_READS "TDOSA: OSLSR_EL1", TDOSA, TDOSA, 2, 0, 1, 1, 4
    BOTH "TDOSA: OSDLR_EL1", TDOSA, TDOSA, 2, 0, 1, 3, 4
    BOTH "TDOSA: DBGPRCR_EL1", TDOSA, TDOSA, 2, 0, 1, 4, 4
    DEBUG_READS "TDRA: MDRAR_EL1", TDRA, TDRA, 2, 0, 1, 0, 0

    // MDCR_EL2: performance monitors.
    BOTH "TPMCR: PMCR_EL0", TPMCR, TPMCR | TPM, 3, 3, 9, 12, 0
    BOTH "TPM: PMCR_EL0", TPM, TPMCR | TPM, 3, 3, 9, 12, 0
    MONITOR "PMCNTENSET_EL0", 3, 9, 12, 1
    MONITOR "PMCNTENCLR_EL0", 3, 9, 12, 2
    MONITOR "PMOVSCLR_EL0", 3, 9, 12, 3
    DEBUG_WRITES "TPM: PMSWINC_EL0", TPM, TPM, 3, 3, 9, 12, 4
    MONITOR "PMSELR_EL0", 3, 9, 12, 5
    DEBUG_READS "TPM: PMCEID0_EL0", TPM, TPM, 3, 3, 9, 12, 6
    DEBUG_READS "TPM: PMCEID1_EL0", TPM, TPM, 3, 3, 9, 12, 7
    MONITOR "PMCCNTR_EL0", 3, 9, 13, 0
    MONITOR "PMXEVTYPER_EL0", 3, 9, 13, 1
    MONITOR "PMXEVCNTR_EL0", 3, 9, 13, 2
    MONITOR "PMUSERENR_EL0", 3, 9, 14, 0
    MONITOR "PMOVSSET_EL0", 3, 9, 14, 3
    MONITOR "PMINTENSET_EL1", 0, 9, 14, 1
    MONITOR "PMINTENCLR_EL1", 0, 9, 14, 2
    DEBUG_READS "TPM: PMMIR_EL1", TPM, TPM, 3, 0, 9, 14, 6
    .irp n, 0, 1, 2, 3, 4, 5
    MONITOR "PMEVCNTR\n\()_EL0", 3, 14, 8, \n
    MONITOR "PMEVTYPER\n\()_EL0", 3, 14, 12, \n
    .endr
    MONITOR "PMCCFILTR_EL0", 3, 14, 15, 7

    // MDCR_EL2.HPMN: the counters of EL1.
    SET mdcr_el2, 2
    SET pmcntenset_el0, 0x8000003f
    mrs x7, pmcr_el0
    mrs x8, pmcntenset_el0
    BEGIN EL1
    mrs x5, pmcr_el0
    mrs x6, pmcntenset_el0
    END
    SET pmcntenclr_el0, 0xffffffff
    SET mdcr_el2, HPMN
    ubfx x5, x5, #11, #5
    ubfx x7, x7, #11, #5
    EXPECT "HPMN: PMCR_EL0.N at EL1", x5, 2
    EXPECT "HPMN: PMCR_EL0.N at EL2", x7, 6
    EXPECT "HPMN: PMCNTENSET_EL0 at EL1", x6, 0x80000003
    EXPECT "HPMN: PMCNTENSET_EL0 at EL2", x8, 0x8000003f

    // CNTHCTL_EL2, whose bits trap while they are 0.
    .macro TIMER text, trapping, op1, crn, crm, op2
    CASE "\text", cnthctl_el2, 3, \trapping, 3 & ~(\trapping), ISS(3, \op1, \crn, \crm, \op2) | READ, mrs x5, s3_\op1\()_c\crn\()_c\crm\()_\op2
    .endm
    TIMER "EL1PCTEN: CNTPCT_EL0", 2, 3, 14, 0, 1
    TIMER "EL1PCEN: CNTP_TVAL_EL0", 1, 3, 14, 2, 0
    TIMER "EL1PCEN: CNTP_CTL_EL0", 1, 3, 14, 2, 1
    TIMER "EL1PCEN: CNTP_CVAL_EL0", 1, 3, 14, 2, 2
    .irp op2, 0, 1, 2
    CASE "EL1PCEN: S3_3_C14_C2_\op2 is written", cnthctl_el2, 3, 1, 2, ISS(3, 3, 14, 2, \op2) ^ 3 << 5, msr s3_3_c14_c2_\op2, x6
    LETS "CNTHCTL_EL2 has nothing of S3_3_C14_C3_\op2", cnthctl_el2, 3, 0, mrs x5, s3_3_c14_c3_\op2
    .endr
    LETS "CNTHCTL_EL2 has nothing of CNTVCT_EL0", cnthctl_el2, 3, 0, mrs x5, cntvct_el0
    LETS "CNTHCTL_EL2 has nothing of CNTFRQ_EL0", cnthctl_el2, 3, 0, mrs x5, cntfrq_el0
    LETS "CNTHCTL_EL2 has nothing of CNTKCTL_EL1", cnthctl_el2, 3, 0, mrs x5, cntkctl_el1

    // CPTR_EL2.
    CASE "TCPAC: CPACR_EL1", cptr_el2, 0x33ff, 0x33ff | 1 << 31, 0x33ff | 1 << 10, ISS(3, 0, 1, 0, 2) | READ, mrs x5, cpacr_el1
    mrs x6, cpacr_el1
    CASE "TCPAC: CPACR_EL1 is written", cptr_el2, 0x33ff, 0x33ff | 1 << 31, 0x33ff | 1 << 10, ISS(3, 0, 1, 0, 2) ^ 3 << 5, msr cpacr_el1, x6
    .macro FLOAT text, instruction:vararg
    .irp level, 0, 1
    SET cptr_el2, 0x33ff | 1 << 10
    ldr x5, =PAGE(0)
    BEGIN \level
1:  \instruction
    END
    SET cptr_el2, 0x33ff
    EXPECT_EXCEPTION "TFP: \text at EL\level", 2, EC_FP, 0x1e00000
    EXPECT_ELR "TFP: \text at EL\level", 1b
    .endr
    LETS "TCPAC is not about \text", cptr_el2, 0x33ff, 0x33ff | 1 << 31, \instruction
    .endm
    FLOAT "FADD", fadd d0, d1, d2
    FLOAT "ADD (vector)", add v0.4s, v1.4s, v2.4s
    FLOAT "LDR (SIMD&FP)", ldr q0, [x5]
    FLOAT "STP (SIMD&FP)", stp d0, d1, [x5]
    FLOAT "LD1", ld1 {v0.16b, v1.16b}, [x5]
    FLOAT "FMOV (general)", fmov x6, d0
    FLOAT "FPCR", mrs x6, fpcr
    FLOAT "FPSR is written", msr fpsr, xzr
    DONE
