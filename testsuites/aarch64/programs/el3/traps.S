// What EL3 has trapped: CPTR_EL3, MDCR_EL3 and SCR_EL3, from each lower level, with what its ESR_EL3 says, and after EL2
// (D19.2, the registers' accessors).
#include "monitor.h"
#include "traps.h"

#define TCPAC (1 << 31)
#define TFP (1 << 10)
#define TDA (1 << 9)
#define TDOSA (1 << 10)
#define TPM (1 << 6)

// With the control register at `trapping` the instruction goes from the level to EL3, with it at `quiet` it does not.
.macro MONITORED text, level, control, quiet, trapping, iss, instruction:vararg
    SET \control, \trapping
    ldr x5, =PAGE(0)
    BEGIN \level
1:  \instruction
    END
    SET \control, \quiet
    EXPECT_EXCEPTION "\text at EL\level", 3, EC_SYSREG, \iss
    EXPECT_ELR "\text at EL\level", 1b
    BEGIN \level
    \instruction
    END
    EXPECT_NONE "\text at EL\level, let"
.endm

.macro READ_AT level, text, control, quiet, trapping, op0, op1, crn, crm, op2
    MONITORED "\text is read", \level, \control, \quiet, \trapping, ISS(\op0, \op1, \crn, \crm, \op2) | READ, mrs x5, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
.endm

.macro WRITE_AT level, text, control, quiet, trapping, op0, op1, crn, crm, op2
    mrs x6, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
    MONITORED "\text is written", \level, \control, \quiet, \trapping, ISS(\op0, \op1, \crn, \crm, \op2) ^ 3 << 5, msr s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2, x6
.endm

.macro BOTH_AT level, text, control, quiet, trapping, op0, op1, crn, crm, op2
    READ_AT \level, "\text", \control, \quiet, \trapping, \op0, \op1, \crn, \crm, \op2
    WRITE_AT \level, "\text", \control, \quiet, \trapping, \op0, \op1, \crn, \crm, \op2
.endm

// The instruction has another class than that of system registers.
.macro CLASS text, level, control, quiet, trapping, class, iss, instruction:vararg
    SET \control, \trapping
    BEGIN \level
1:  \instruction
    END
    SET \control, \quiet
    EXPECT_EXCEPTION "\text at EL\level", 3, \class, \iss
    EXPECT_ELR "\text at EL\level", 1b
    BEGIN \level
    \instruction
    END
    EXPECT_NONE "\text at EL\level, let"
.endm

.macro WAITS text, level, bit, iss, instruction, first=nop
    SET scr_el3, NONSECURE | \bit
    BEGIN \level
    \first
1:  \instruction
    END
    SET scr_el3, NONSECURE
    EXPECT_EXCEPTION "\text at EL\level", 3, EC_WFX, \iss
    EXPECT_ELR "\text at EL\level", 1b
.endm

PROGRAM "traps"
    // CPTR_EL3
    .irp level, 1, 2
    BOTH_AT \level, "TCPAC: CPACR_EL1", cptr_el3, 0, TCPAC, 3, 0, 1, 0, 2
    .endr
    BOTH_AT 2, "TCPAC: CPTR_EL2", cptr_el3, 0, TCPAC, 3, 4, 1, 1, 2
    .irp level, 0, 1, 2, 3
    CLASS "TFP: FADD", \level, cptr_el3, 0, TFP, EC_FP, 1 << 24 | 0xe << 20, fadd d0, d1, d2
    CLASS "TFP: FPCR", \level, cptr_el3, 0, TFP, EC_FP, 1 << 24 | 0xe << 20, mrs x5, fpcr
    .endr
    SET cptr_el3, TCPAC | TFP
    SET cptr_el2, 0x33ff | TCPAC | TFP
    BEGIN EL1
    mrs x5, cpacr_el1
    END
    EXPECT_EXCEPTION "TCPAC: EL2 comes before EL3", 2, EC_SYSREG, ISS(3, 0, 1, 0, 2) | READ
    BEGIN EL1
    fadd d0, d1, d2
    END
    EXPECT_EXCEPTION "TFP: EL2 comes before EL3", 2, EC_FP, 1 << 24 | 0xe << 20
    SET scr_el3, SECURE
    BEGIN EL1
    mrs x5, cpacr_el1
    END
    EXPECT_EXCEPTION "TCPAC: Secure state has no EL2", 3, EC_SYSREG, ISS(3, 0, 1, 0, 2) | READ
    BEGIN EL1
    fadd d0, d1, d2
    END
    EXPECT_EXCEPTION "TFP: Secure state has no EL2", 3, EC_FP, 1 << 24 | 0xe << 20
    SET scr_el3, NONSECURE
    SET cptr_el2, 0x33ff
    SET cpacr_el1, 0
    BEGIN EL1
    fadd d0, d1, d2
    END
    EXPECT_EXCEPTION "CPACR_EL1 comes before EL3", 1, EC_FP, 1 << 24 | 0xe << 20
    SET cpacr_el1, 3 << 20
    SET cptr_el3, 0

    // MDCR_EL3
    .irp level, 1, 2
    BOTH_AT \level, "TDA: MDSCR_EL1", mdcr_el3, 0, TDA, 2, 0, 0, 2, 2
    BOTH_AT \level, "TDA: DBGBVR0_EL1", mdcr_el3, 0, TDA, 2, 0, 0, 0, 4
    BOTH_AT \level, "TDA: DBGBCR0_EL1", mdcr_el3, 0, TDA, 2, 0, 0, 0, 5
    BOTH_AT \level, "TDA: DBGWVR0_EL1", mdcr_el3, 0, TDA, 2, 0, 0, 0, 6
    BOTH_AT \level, "TDA: DBGWCR0_EL1", mdcr_el3, 0, TDA, 2, 0, 0, 0, 7
    READ_AT \level, "TDA: MDRAR_EL1", mdcr_el3, 0, TDA, 2, 0, 1, 0, 0
    READ_AT \level, "TDOSA: OSLSR_EL1", mdcr_el3, 0, TDOSA, 2, 0, 1, 1, 4
    BOTH_AT \level, "TDOSA: OSDLR_EL1", mdcr_el3, 0, TDOSA, 2, 0, 1, 3, 4
    BOTH_AT \level, "TPM: PMCR_EL0", mdcr_el3, 0, TPM, 3, 3, 9, 12, 0
    BOTH_AT \level, "TPM: PMCCNTR_EL0", mdcr_el3, 0, TPM, 3, 3, 9, 13, 0
    BOTH_AT \level, "TPM: PMINTENSET_EL1", mdcr_el3, 0, TPM, 3, 0, 9, 14, 1
    BOTH_AT \level, "TPM: PMUSERENR_EL0", mdcr_el3, 0, TPM, 3, 3, 9, 14, 0
    .endr
    BOTH_AT 2, "TDA: MDCR_EL2", mdcr_el3, 0, TDA, 3, 4, 1, 1, 1
    mov x5, #1
    msr pmuserenr_el0, x5
    READ_AT 0, "TPM: PMCCNTR_EL0", mdcr_el3, 0, TPM, 3, 3, 9, 13, 0
    msr pmuserenr_el0, xzr
    SET mdcr_el3, TPM | TDA | TDOSA
    SET mdcr_el2, 1 << 6
    BEGIN EL1
    mrs x5, pmcr_el0
    END
    EXPECT_EXCEPTION "TPM: EL2 comes before EL3", 2, EC_SYSREG, ISS(3, 3, 9, 12, 0) | READ
    SET mdcr_el2, 0
    BEGIN EL3
    mrs x5, pmcr_el0
    mrs x5, mdscr_el1
    mrs x5, oslsr_el1
    END
    SET mdcr_el3, 0
    EXPECT_NONE "MDCR_EL3 traps nothing of EL3's"

    // SCR_EL3
    .irp level, 0, 1, 2
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 16 | 1 << 18
    WAITS "TWI: WFI", \level, SCR_TWI, WAIT, wfi
    WAITS "TWE: WFE", \level, SCR_TWE, WAIT | 1, wfe, wfe      // ERET has left an event
    SET sctlr_el1, SCTLR_EL1_RES1
    .endr
    SET hcr_el2, HCR_RW | 1 << 13
    SET scr_el3, NONSECURE | SCR_TWI
    BEGIN EL1
    wfi
    END
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "TWI: EL2 comes before EL3", 2, EC_WFX, WAIT

    // Error records, limited ordering, and software's context numbers, where there are such.
    mrs x5, id_aa64pfr0_el1
    ubfx x5, x5, #28, #4
    cbz x5, 9f
    .irp level, 1, 2
    READ_AT \level, "TERR: ERRIDR_EL1", scr_el3, NONSECURE, NONSECURE | SCR_TERR, 3, 0, 5, 3, 0
    .endr
9:  mrs x5, id_aa64mmfr1_el1
    ubfx x5, x5, #16, #4
    cbz x5, 9f
    .irp level, 1, 2
    BOTH_AT \level, "TLOR: LORC_EL1", scr_el3, NONSECURE, NONSECURE | SCR_TLOR, 3, 0, 10, 4, 3
    .endr
9:  mrs x5, id_aa64pfr0_el1
    ubfx x5, x5, #56, #4
    cmp x5, #2
    b.lo 9f
    SET hcr_el2, HCR_RW | ENSCXT
    .irp level, 1, 2
    BOTH_AT \level, "EnSCXT: SCXTNUM_EL1", scr_el3, NONSECURE, NONSECURE & ~SCR_ENSCXT, 3, 0, 13, 0, 7
    .endr
    SET sctlr_el1, SCTLR_EL1_RES1 & ~(1 << 20)
    .irp level, 0, 1, 2
    BOTH_AT \level, "EnSCXT: SCXTNUM_EL0", scr_el3, NONSECURE, NONSECURE & ~SCR_ENSCXT, 3, 3, 13, 0, 7
    .endr
    SET sctlr_el1, SCTLR_EL1_RES1
    BOTH_AT 2, "EnSCXT: SCXTNUM_EL2", scr_el3, NONSECURE, NONSECURE & ~SCR_ENSCXT, 3, 4, 13, 0, 7
    SET hcr_el2, HCR_RW | 1 << 34
    BOTH_AT 2, "TCPAC: CPACR_EL12", cptr_el3, 0, TCPAC, 3, 5, 1, 0, 2
    BOTH_AT 2, "EnSCXT: SCXTNUM_EL12", scr_el3, NONSECURE, NONSECURE & ~SCR_ENSCXT, 3, 5, 13, 0, 7
    SET hcr_el2, HCR_RW
    // Pointer authentication.
9:  mrs x5, id_aa64isar1_el1
    tst x5, #0xff0
    b.eq 9f
    SET hcr_el2, HCR_RW | 3 << 40
    .irp level, 1, 2
    BOTH_AT \level, "APK: APIAKeyLo_EL1", scr_el3, NONSECURE, NONSECURE & ~SCR_APK, 3, 0, 2, 1, 0
    BOTH_AT \level, "APK: APGAKeyHi_EL1", scr_el3, NONSECURE, NONSECURE & ~SCR_APK, 3, 0, 2, 3, 1
    .endr
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 31
    SET sctlr_el2, SCTLR_EL2_RES1 | 1 << 31
    .irp level, 0, 1, 2
    CLASS "API: PACIA", \level, scr_el3, NONSECURE, NONSECURE & ~SCR_API, EC_PAC, 0, pacia x5, x6
    CLASS "API: PACGA", \level, scr_el3, NONSECURE, NONSECURE & ~SCR_API, EC_PAC, 0, pacga x5, x6, x7
    .endr
    SET hcr_el2, HCR_RW | 1 << 40
    SET scr_el3, NONSECURE & ~SCR_API
    BEGIN EL1
    pacia x5, x6
    END
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "API: EL2 comes before EL3", 2, EC_PAC, 0
    SET sctlr_el1, SCTLR_EL1_RES1
    SET sctlr_el2, SCTLR_EL2_RES1

    // The secure timer.
9:  SET scr_el3, SECURE
    .irp name, cntps_ctl_el1, cntps_cval_el1, cntps_tval_el1
    BEGIN EL1
    mrs x5, \name
    END
    EXPECT_NONE "ST: \name at Secure EL1"
    .endr
    BEGIN EL0
    mrs x5, cntps_ctl_el1
    END
    EXPECT_EXCEPTION "CNTPS_CTL_EL1 at EL0 is UNDEFINED", 1, EC_UNKNOWN, 0
    SET scr_el3, SECURE & ~SCR_ST
    BEGIN EL1
    mrs x5, cntps_ctl_el1
    END
    EXPECT_EXCEPTION "ST is 0: CNTPS_CTL_EL1", 3, EC_SYSREG, ISS(3, 7, 14, 2, 1) | READ
    BEGIN EL1
    mrs x5, cntps_cval_el1
    END
    EXPECT_EXCEPTION "ST is 0: CNTPS_CVAL_EL1", 3, EC_SYSREG, ISS(3, 7, 14, 2, 2) | READ
    SET scr_el3, NONSECURE
    .irp level, 1, 2
    BEGIN \level
    mrs x5, cntps_ctl_el1
    END
    EXPECT_EXCEPTION "CNTPS_CTL_EL1 at Non-secure EL\level is UNDEFINED", \level, EC_UNKNOWN, 0
    .endr

    // LORegions are Non-secure state's.
    .irp number, 0, 1, 2, 3
    SET scr_el3, SECURE | SCR_TLOR
    .irp level, 1, 3
    BEGIN \level
    mrs x5, s3_0_c10_c4_\number
    END
    EXPECT_EXCEPTION "LOR registers (op2 \number) over Secure state are UNDEFINED at EL\level", \level, EC_UNKNOWN, 0
    .endr
    SET scr_el3, NONSECURE
    BEGIN EL1
    mrs x5, s3_0_c10_c4_\number
    END
    EXPECT_NONE "LOR registers (op2 \number) over Non-secure state are EL1's"
    .endr
    SET scr_el3, NONSECURE

    // External aborts.
    ldr x6, =SECURE_RAM
    BEGIN EL1
1:  ldr x5, [x6]
    END
    EXPECT_EXCEPTION "EA is 0: an external abort of EL1 is its own", 1, EC_DABORT, 0x10
    SET scr_el3, NONSECURE | SCR_EA
    .irp level, 1, 2
    BEGIN \level
1:  ldr x5, [x6]
    END
    EXPECT_EXCEPTION "EA: an external abort of EL\level goes to EL3", 3, EC_DABORT_LOWER, 0x10
    EXPECT_RECORD "EA: FAR_EL3, from EL\level", FAR, SECURE_RAM
    EXPECT_ELR "EA: from EL\level", 1b
    .endr
    SET scr_el3, NONSECURE
    DONE
