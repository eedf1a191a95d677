// What EL2 has trapped of EL1 and EL0: by HCR_EL2, CPTR_EL2, MDCR_EL2 and CNTHCTL_EL2 (D19.2; the registers' accessors).
#include "harness.h"
#include "traps.h"

// With `value` in HCR_EL2 beside RW, the instruction traps from EL1 to EL2; without it runs.
.macro TRAP text, value, class, iss, instruction:vararg
    SET hcr_el2, HCR_RW | \value
    ldr x5, =PAGE(0)
    BEGIN EL1
1:  \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 2, \class, \iss
    EXPECT_RECORD "\text: ELR_EL2", ELR, 1b
.endm

.macro ALLOW text, instruction:vararg
    ldr x5, =PAGE(0)
    BEGIN EL1
    \instruction
    END
    EXPECT_NONE "\text"
.endm

.macro TRAP_SYSTEM text, value, iss, instruction:vararg
    TRAP "\text", \value, EC_SYSREG, \iss, \instruction
.endm

PROGRAM "hypervisor"
    // TVM and TRVM: the registers of virtual memory.
    mrs x5, sctlr_el1
    TRAP_SYSTEM "TVM: SCTLR_EL1 is written", 1 << 26, ISS(3, 0, 1, 0, 0), msr sctlr_el1, x5
    TRAP_SYSTEM "TVM: TTBR0_EL1", 1 << 26, ISS(3, 0, 2, 0, 0), msr ttbr0_el1, x5
    TRAP_SYSTEM "TVM: TTBR1_EL1", 1 << 26, ISS(3, 0, 2, 0, 1), msr ttbr1_el1, x5
    TRAP_SYSTEM "TVM: TCR_EL1", 1 << 26, ISS(3, 0, 2, 0, 2), msr tcr_el1, x5
    TRAP_SYSTEM "TVM: ESR_EL1", 1 << 26, ISS(3, 0, 5, 2, 0), msr esr_el1, x5
    TRAP_SYSTEM "TVM: FAR_EL1", 1 << 26, ISS(3, 0, 6, 0, 0), msr far_el1, x5
    TRAP_SYSTEM "TVM: AFSR0_EL1", 1 << 26, ISS(3, 0, 5, 1, 0), msr afsr0_el1, x5
    TRAP_SYSTEM "TVM: MAIR_EL1", 1 << 26, ISS(3, 0, 10, 2, 0), msr mair_el1, x5
    TRAP_SYSTEM "TVM: AMAIR_EL1", 1 << 26, ISS(3, 0, 10, 3, 0), msr amair_el1, x5
    TRAP_SYSTEM "TVM: CONTEXTIDR_EL1", 1 << 26, ISS(3, 0, 13, 0, 1), msr contextidr_el1, x5
    TRAP_SYSTEM "TRVM: SCTLR_EL1 is read", 1 << 30, ISS(3, 0, 1, 0, 0) | READ, mrs x5, sctlr_el1
    TRAP_SYSTEM "TRVM: CONTEXTIDR_EL1", 1 << 30, ISS(3, 0, 13, 0, 1) | READ, mrs x5, contextidr_el1
    SET hcr_el2, HCR_RW | 1 << 26
    ALLOW "TVM is not about reads", mrs x5, sctlr_el1
    ALLOW "TVM is not about VBAR_EL1", mrs x5, vbar_el1
    SET hcr_el2, HCR_RW

    // Identification.
    TRAP_SYSTEM "TID1: REVIDR_EL1", 1 << 16, ISS(3, 0, 0, 0, 6) | READ, mrs x5, revidr_el1
    TRAP_SYSTEM "TID1: AIDR_EL1", 1 << 16, ISS(3, 1, 0, 0, 7) | READ, mrs x5, aidr_el1
    TRAP_SYSTEM "TID2: CTR_EL0", 1 << 17, ISS(3, 3, 0, 0, 1) | READ, mrs x5, ctr_el0
    TRAP_SYSTEM "TID2: CCSIDR_EL1", 1 << 17, ISS(3, 1, 0, 0, 0) | READ, mrs x5, ccsidr_el1
    TRAP_SYSTEM "TID2: CLIDR_EL1", 1 << 17, ISS(3, 1, 0, 0, 1) | READ, mrs x5, clidr_el1
    TRAP_SYSTEM "TID2: CSSELR_EL1", 1 << 17, ISS(3, 2, 0, 0, 0), msr csselr_el1, x5
    TRAP_SYSTEM "TID3: ID_AA64PFR0_EL1", 1 << 18, ISS(3, 0, 0, 4, 0) | READ, mrs x5, id_aa64pfr0_el1
    TRAP_SYSTEM "TID3: ID_AA64ISAR1_EL1", 1 << 18, ISS(3, 0, 0, 6, 1) | READ, mrs x5, id_aa64isar1_el1
    TRAP_SYSTEM "TACR: ACTLR_EL1", 1 << 21, ISS(3, 0, 1, 0, 1) | READ, mrs x5, actlr_el1
    SET hcr_el2, HCR_RW | 7 << 16
    ALLOW "MIDR_EL1 is not trapped", mrs x5, midr_el1
    SET vpidr_el2, 0x11223344
    SET vmpidr_el2, 0x80000005
    BEGIN EL1
    mrs x5, midr_el1
    mrs x6, mpidr_el1
    END
    EXPECT "MIDR_EL1 is VPIDR_EL2 at EL1", x5, 0x11223344
    EXPECT "MPIDR_EL1 is VMPIDR_EL2 at EL1", x6, 0x80000005
    SET hcr_el2, HCR_RW

    // TLBs and caches.
    TRAP_SYSTEM "TTLB: TLBI VMALLE1", 1 << 25, (1 << 20 | 8 << 10 | 31 << 5 | 7 << 1), tlbi vmalle1
    TRAP_SYSTEM "TTLB: TLBI VAE1IS", 1 << 25, ISS(1, 0, 8, 3, 1), tlbi vae1is, x5
    TRAP_SYSTEM "TSW: DC ISW", 1 << 22, ISS(1, 0, 7, 6, 2), dc isw, x5
    TRAP_SYSTEM "TPCP: DC CIVAC", 1 << 23, ISS(1, 3, 7, 14, 1), dc civac, x5
    TRAP_SYSTEM "TPCP: DC CVAC", 1 << 23, ISS(1, 3, 7, 10, 1), dc cvac, x5
    TRAP_SYSTEM "TPU: IC IVAU", 1 << 24, ISS(1, 3, 7, 5, 1), ic ivau, x5
    TRAP_SYSTEM "TPU: DC CVAU", 1 << 24, ISS(1, 3, 7, 11, 1), dc cvau, x5
    TRAP_SYSTEM "TDZ: DC ZVA", 1 << 28, ISS(1, 3, 7, 4, 1), dc zva, x5
    SET hcr_el2, HCR_RW | 1 << 28
    BEGIN EL1
    mrs x5, dczid_el0
    END
    SET hcr_el2, HCR_RW
    and x5, x5, #16
    EXPECT "TDZ: DCZID_EL0.DZP", x5, 16

    // Waiting; where an event is there, WFE does not wait.
    TRAP "TWI: WFI", 1 << 13, EC_WFX, WAIT, wfi
    SET hcr_el2, HCR_RW | 1 << 14
    BEGIN EL1
    sevl
    wfe                             // takes the event
1:  wfe
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "TWE: WFE", 2, EC_WFX, WAIT | 1
    TRAP_SYSTEM "TLOR: LORC_EL1", 1 << 35, ISS(3, 0, 10, 4, 3) | READ, mrs x5, lorc_el1
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 31
    TRAP "API: PACIA", 0, EC_PAC, 0, pacia x0, x1
    TRAP "API: PACGA", 0, EC_PAC, 0, pacga x0, x1, x2
    ALLOW "API is not about XPACI", xpaci x0
    SET sctlr_el1, SCTLR_EL1_RES1
    ALLOW "a key that is disabled is not trapped", pacia x0, x1
    TRAP_SYSTEM "APK: APIAKeyLo_EL1", 0, ISS(3, 0, 2, 1, 0), msr apiakeylo_el1, x5

    // What is the implementation's own, which is nothing here.
    TRAP_SYSTEM "TIDCP: a register of the implementation", 1 << 20, ISS(3, 0, 11, 0, 0) | READ, mrs x5, s3_0_c11_c0_0
    TRAP_SYSTEM "TIDCP: an instruction of the implementation", 1 << 20, ISS(1, 0, 15, 2, 3), sys #0, c15, c2, #3, x5
    BEGIN EL1
    mrs x5, s3_0_c11_c0_0
    END
    EXPECT_EXCEPTION "without TIDCP it is UNDEFINED", 1, EC_UNKNOWN, 0

    // HVC and SMC.
    SET hcr_el2, HCR_RW | 1 << 29
    BEGIN EL2
1:  hvc #1
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "HCD: HVC at EL2 is UNDEFINED", 2, EC_UNKNOWN, 0
    EXPECT_RECORD "HCD: ELR_EL2", ELR, 1b
    TRAP "TSC: SMC", 1 << 19, EC_SMC, 0x1234, smc #0x1234
    // EL1's handler has no HVC then: it goes on by an SMC that is trapped.
    SET vbar_el1, without_calls
    SET hcr_el2, HCR_RW | 1 << 29 | 1 << 19
    BEGIN EL1
2:  hvc #1
    END
    SET hcr_el2, HCR_RW
    SET vbar_el1, vectors1
    mrs x5, esr_el1
    mrs x6, elr_el1
    EXPECT_EXCEPTION "HCD: HVC at EL1 goes to EL1's handler", 2, EC_SMC, 0x77
    EXPECT "HCD: HVC at EL1 is UNDEFINED: ESR_EL1", x5, IL
    EXPECT "HCD: ELR_EL1", x6, 2b
    EXPECT_RECORD "HCD: the vector", ELR, without_calls + 0x200

    // HSTR_EL2 is about AArch32.
    SET hstr_el2, 0xbfef
    ALLOW "HSTR_EL2: SCTLR_EL1", mrs x5, sctlr_el1
    ALLOW "HSTR_EL2: TTBR0_EL1", mrs x5, ttbr0_el1
    ALLOW "HSTR_EL2: TPIDR_EL1", msr tpidr_el1, x5
    SET hstr_el2, 0

    // CPTR_EL2.
    SET cptr_el2, 0x33ff | 1 << 31
    BEGIN EL1
    mrs x5, cpacr_el1
    END
    SET cptr_el2, 0x33ff
    EXPECT_EXCEPTION "CPTR_EL2.TCPAC: CPACR_EL1", 2, EC_SYSREG, ISS(3, 0, 1, 0, 2) | READ

    // MDCR_EL2.
    .macro DEBUG text, value, iss, instruction:vararg
    SET mdcr_el2, \value
    BEGIN EL1
    \instruction
    END
    SET mdcr_el2, 0
    EXPECT_EXCEPTION "\text", 2, EC_SYSREG, \iss
    .endm
    DEBUG "TDA: MDSCR_EL1", 1 << 9, ISS(2, 0, 0, 2, 2) | READ, mrs x5, mdscr_el1
    DEBUG "TDA: DBGBVR0_EL1", 1 << 9, ISS(2, 0, 0, 0, 4), msr dbgbvr0_el1, x5
    DEBUG "TDOSA: OSLAR_EL1", 1 << 10, ISS(2, 0, 1, 0, 4), msr oslar_el1, x5
    DEBUG "TDRA: MDRAR_EL1", 1 << 11, ISS(2, 0, 1, 0, 0) | READ, mrs x5, mdrar_el1
    DEBUG "TDE has them all trapped", 1 << 8, ISS(2, 0, 1, 1, 4) | READ, mrs x5, oslsr_el1
    DEBUG "TPM: PMCCNTR_EL0", 1 << 6, ISS(3, 3, 9, 13, 0) | READ, mrs x5, pmccntr_el0
    DEBUG "TPMCR: PMCR_EL0", 1 << 5, ISS(3, 3, 9, 12, 0) | READ, mrs x5, pmcr_el0

    // CNTHCTL_EL2.
    SET cnthctl_el2, 0
    BEGIN EL1
    mrs x5, cntpct_el0
    END
    EXPECT_EXCEPTION "EL1PCTEN: CNTPCT_EL0", 2, EC_SYSREG, ISS(3, 3, 14, 0, 1) | READ
    BEGIN EL1
    mrs x5, cntp_ctl_el0
    END
    EXPECT_EXCEPTION "EL1PCEN: CNTP_CTL_EL0", 2, EC_SYSREG, ISS(3, 3, 14, 2, 1) | READ
    ALLOW "CNTVCT_EL0 is EL1's", mrs x5, cntvct_el0
    SET cnthctl_el2, 3
    DONE

    .align 11
without_calls:
    .rept 16
    .align 7
    smc #0x77
    .endr
