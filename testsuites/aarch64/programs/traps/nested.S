// FEAT_NV: what a hypervisor does at EL1 that takes itself to be at EL2 goes to EL2 ("Nested virtualization" of chapter D8;
// HCR_EL2.NV, NV1 and AT).
#include "harness.h"
#include "traps.h"

#define NV (1 << 42)
#define NV1 (1 << 43)
#define AT (1 << 44)
#define NV2 (1 << 45)

// With HCR_EL2's `bits` the instruction goes from EL1 to EL2.
.macro TRAPS text, bits, class, iss, instruction:vararg
    SET hcr_el2, HCR_RW | \bits
    ldr x5, =PAGE(0)
    BEGIN EL1
1:  \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 2, \class, \iss
    EXPECT_RECORD "\text: ELR_EL2", ELR, 1b
.endm

.macro UNDEFINED text, bits, instruction:vararg
    SET hcr_el2, HCR_RW | \bits
    ldr x5, =PAGE(0)
    BEGIN EL1
    \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text is UNDEFINED", 1, EC_UNKNOWN, 0
.endm

// A register of EL2's.
.macro REGISTER op1, crn, crm, op2
    TRAPS "MRS S3_\op1\()_C\crn\()_C\crm\()_\op2", NV, EC_SYSREG, ISS(3, \op1, \crn, \crm, \op2) | READ, mrs x5, s3_\op1\()_c\crn\()_c\crm\()_\op2
    TRAPS "MSR S3_\op1\()_C\crn\()_C\crm\()_\op2", NV, EC_SYSREG, ISS(3, \op1, \crn, \crm, \op2), msr s3_\op1\()_c\crn\()_c\crm\()_\op2, x5
    UNDEFINED "MRS S3_\op1\()_C\crn\()_C\crm\()_\op2 without NV", 0, mrs x5, s3_\op1\()_c\crn\()_c\crm\()_\op2
.endm

// One that is not in memory with NV2 either.
.macro REGISTER_ALWAYS op1, crn, crm, op2
    REGISTER \op1, \crn, \crm, \op2
    TRAPS "MRS S3_\op1\()_C\crn\()_C\crm\()_\op2 with NV2", NV | NV2, EC_SYSREG, ISS(3, \op1, \crn, \crm, \op2) | READ, mrs x5, s3_\op1\()_c\crn\()_c\crm\()_\op2
    TRAPS "MSR S3_\op1\()_C\crn\()_C\crm\()_\op2 with NV2", NV | NV2, EC_SYSREG, ISS(3, \op1, \crn, \crm, \op2), msr s3_\op1\()_c\crn\()_c\crm\()_\op2, x5
.endm

.macro SYSTEM crn, crm, op2
    TRAPS "SYS 4, C\crn, C\crm, \op2", NV, EC_SYSREG, ISS(1, 4, \crn, \crm, \op2), sys #4, c\crn, c\crm, #\op2, x5
    TRAPS "SYS 4, C\crn, C\crm, \op2 with NV2", NV | NV2, EC_SYSREG, ISS(1, 4, \crn, \crm, \op2), sys #4, c\crn, c\crm, #\op2, x5
    UNDEFINED "SYS 4, C\crn, C\crm, \op2 without NV", 0, sys #4, c\crn, c\crm, #\op2, x5
.endm

// SPSR_EL1.M after an exception from EL1, or EL0, to EL1.
.macro SAVED text, bits, level, mode
    SET hcr_el2, HCR_RW | \bits
    BEGIN \level
    svc #3
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 1, EC_SVC, 3
    EXPECT_RECORD_BITS "\text: SPSR_EL1.M", SPSR, 0x1f, \mode
.endm

PROGRAM "nested"
    // SCTLR_EL2, ACTLR_EL2, MDCR_EL2, CPTR_EL2, HACR_EL2, TTBR0_EL2, TTBR1_EL2, TCR_EL2, DACR32_EL2
    .irp number, "4, 1, 0, 0", "4, 1, 0, 1", "4, 1, 1, 1", "4, 1, 1, 2", "4, 1, 1, 7", "4, 2, 0, 0", "4, 2, 0, 1", "4, 2, 0, 2", "4, 3, 0, 0"
    REGISTER_ALWAYS \number
    .endr
    // SPSR_irq, SPSR_abt, SPSR_und, SPSR_fiq, IFSR32_EL2, AFSR0_EL2, AFSR1_EL2, FPEXC32_EL2, HPFAR_EL2
    .irp number, "4, 4, 3, 0", "4, 4, 3, 1", "4, 4, 3, 2", "4, 4, 3, 3", "4, 5, 0, 1", "4, 5, 1, 0", "4, 5, 1, 1", "4, 5, 3, 0", "4, 6, 0, 4"
    REGISTER_ALWAYS \number
    .endr
    // MAIR_EL2, AMAIR_EL2, VBAR_EL2, CONTEXTIDR_EL2, SCXTNUM_EL2, CNTHCTL_EL2, CNTHP_TVAL_EL2, _CTL and _CVAL, CNTHV's
    .irp number, "4, 10, 2, 0", "4, 10, 3, 0", "4, 12, 0, 0", "4, 13, 0, 1", "4, 13, 0, 7", "4, 14, 1, 0", "4, 14, 2, 0", "4, 14, 2, 1", "4, 14, 2, 2"
    REGISTER_ALWAYS \number
    .endr
    .irp number, "4, 14, 3, 0", "4, 14, 3, 1", "4, 14, 3, 2"
    REGISTER_ALWAYS \number
    .endr
    // CNTKCTL_EL12, CNTP_TVAL_EL02, CNTV_TVAL_EL02
    .irp number, "5, 14, 1, 0", "5, 14, 2, 0", "5, 14, 3, 0"
    REGISTER_ALWAYS \number
    .endr
    // VPIDR_EL2, VMPIDR_EL2, HCR_EL2, HSTR_EL2, VTTBR_EL2, VTCR_EL2, VNCR_EL2, SPSR_EL2, ELR_EL2, SP_EL1
    .irp number, "4, 0, 0, 0", "4, 0, 0, 5", "4, 1, 1, 0", "4, 1, 1, 3", "4, 2, 1, 0", "4, 2, 1, 2", "4, 2, 2, 0", "4, 4, 0, 0", "4, 4, 0, 1"
    REGISTER \number
    .endr
    // SP_EL1, ESR_EL2, VSESR_EL2, FAR_EL2, VDISR_EL2, TPIDR_EL2, CNTVOFF_EL2
    .irp number, "4, 4, 1, 0", "4, 5, 2, 0", "4, 5, 2, 3", "4, 6, 0, 0", "4, 12, 1, 1", "4, 13, 0, 2", "4, 14, 0, 3"
    REGISTER \number
    .endr
    // Those whose names end in _EL12: SCTLR, CPACR, TTBR0, TTBR1, TCR, SPSR, ELR, AFSR0, AFSR1
    .irp number, "5, 1, 0, 0", "5, 1, 0, 2", "5, 2, 0, 0", "5, 2, 0, 1", "5, 2, 0, 2", "5, 4, 0, 0", "5, 4, 0, 1", "5, 5, 1, 0", "5, 5, 1, 1"
    REGISTER \number
    .endr
    // ESR, FAR, MAIR, AMAIR, VBAR, CONTEXTIDR, SCXTNUM; and CNTP's and CNTV's CTL and CVAL, that end in _EL02
    .irp number, "5, 5, 2, 0", "5, 6, 0, 0", "5, 10, 2, 0", "5, 10, 3, 0", "5, 12, 0, 0", "5, 13, 0, 1", "5, 13, 0, 7"
    REGISTER \number
    .endr
    .irp number, "5, 14, 2, 1", "5, 14, 2, 2", "5, 14, 3, 1", "5, 14, 3, 2"
    REGISTER \number
    .endr
    TRAPS "MRS SCTLR_EL12 with NV1 and NV2", NV | NV1 | NV2, EC_SYSREG, ISS(3, 5, 1, 0, 0) | READ, mrs x5, s3_5_c1_c0_0
    TRAPS "MRS SCTLR_EL12 whatever E2H is", NV | 1 << 34, EC_SYSREG, ISS(3, 5, 1, 0, 0) | READ, mrs x5, s3_5_c1_c0_0

    // What EL2 could not do either, and what is not there.
    UNDEFINED "MSR CNTFRQ_EL0 at EL1 with NV", NV, msr cntfrq_el0, x5
    UNDEFINED "an unallocated register of op1 4 with NV", NV, mrs x5, s3_4_c1_c7_7

    // AT S1E2R, S1E2W, S12E1R, S12E1W, S12E0R, S12E0W
    .irp op2, 0, 1, 4, 5, 6, 7
    SYSTEM 7, 8, \op2
    .endr
    // TLBI ALLE2, VAE2, ALLE1, VALE2, VMALLS12E1, and those of the Inner and Outer Shareable domains
    .irp op2, 0, 1, 4, 5, 6
    SYSTEM 8, 7, \op2
    SYSTEM 8, 3, \op2
    SYSTEM 8, 1, \op2
    .endr
    // TLBI IPAS2E1, IPAS2LE1, and of ranges
    .irp number, "8, 4, 1", "8, 4, 5", "8, 0, 1", "8, 0, 5", "8, 4, 0", "8, 4, 4", "8, 4, 2", "8, 0, 2", "8, 6, 1", "8, 2, 1", "8, 5, 1"
    SYSTEM \number
    .endr
    UNTRAPPED "NV is not about TLBI VMALLE1", NV, tlbi vmalle1
    UNTRAPPED "NV is not about AT S1E1R", NV, at s1e1r, x5
    UNTRAPPED "NV is not about SCTLR_EL1", NV, mrs x5, sctlr_el1
    UNTRAPPED "NV alone is not about VBAR_EL1", NV, mrs x5, vbar_el1

    // ERET, and those that authenticate, which they do not come to.
    TRAPS "ERET with NV", NV, EC_ERET, 0, eret
    TRAPS "ERETAA with NV", NV, EC_ERET, 2, eretaa
    TRAPS "ERETAB with NV", NV, EC_ERET, 3, eretab
    TRAPS "ERET with NV and NV2", NV | NV2, EC_ERET, 0, eret
    TRAPS "ERETAB with NV, NV1, NV2 and keys let through", NV | NV1 | NV2 | 3 << 40, EC_ERET, 3, eretab

    // Where it is.
    .macro CURRENT text, bits, level
    SET hcr_el2, HCR_RW | \bits
    BEGIN EL1
    mrs x5, currentel
    END
    SET hcr_el2, HCR_RW
    EXPECT "CurrentEL at EL1 \text", x5, \level << 2
    .endm
    CURRENT "without NV", 0, 1
    CURRENT "with NV", NV, 2
    CURRENT "with NV and NV1", NV | NV1, 2
    CURRENT "with NV and NV2", NV | NV2, 2
    CURRENT "with NV, NV1 and NV2", NV | NV1 | NV2, 2
    CURRENT "with NV2 alone", NV2, 1
    SAVED "SVC at EL1 without NV", 0, EL1, 5
    SAVED "SVC at EL1 with NV", NV, EL1, 9
    SAVED "SVC at EL1 with NV and NV1", NV | NV1, EL1, 5
    SAVED "SVC at EL1 with NV and NV2", NV | NV2, EL1, 9
    SAVED "SVC at EL1 with NV, NV1 and NV2", NV | NV1 | NV2, EL1, 9
    SAVED "SVC at EL1 with NV2 alone", NV2, EL1, 5
    SAVED "SVC at EL0 with NV", NV, EL0, 0
    SAVED "SVC at EL0 with NV, NV1 and NV2", NV | NV1 | NV2, EL0, 0
    // HVC says where it came from.
    SET hcr_el2, HCR_RW | NV
    BEGIN EL1
    hvc #7
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "HVC with NV", 2, EC_HVC, 7
    EXPECT_RECORD_BITS "HVC with NV: SPSR_EL2.M", SPSR, 0x1f, 5

    // NV1: the guest's registers, where they have EL1's names.
    .macro GUEST name, crn, crm, op2
    TRAPS "NV1: MRS \name", LET | NV | NV1, EC_SYSREG, ISS(3, 0, \crn, \crm, \op2) | READ, mrs x5, s3_0_c\crn\()_c\crm\()_\op2
    mrs x6, s3_0_c\crn\()_c\crm\()_\op2
    TRAPS "NV1: MSR \name", LET | NV | NV1, EC_SYSREG, ISS(3, 0, \crn, \crm, \op2) ^ 3 << 5, msr s3_0_c\crn\()_c\crm\()_\op2, x6
    UNTRAPPED "\name without NV1", LET | NV, mrs x5, s3_0_c\crn\()_c\crm\()_\op2
    .endm
    GUEST "SPSR_EL1", 4, 0, 0
    GUEST "ELR_EL1", 4, 0, 1
    GUEST "VBAR_EL1", 12, 0, 0
    GUEST "SCXTNUM_EL1", 13, 0, 7
    UNTRAPPED "NV1 is not about SCTLR_EL1", NV | NV1, mrs x5, sctlr_el1
    UNTRAPPED "NV1 is not about ESR_EL1", NV | NV1, mrs x5, esr_el1

    // AT: what translates as EL1 and EL0 do.
    .irp number, "8, 0", "8, 1", "8, 2", "8, 3", "9, 0", "9, 1"
    .macro TRANSLATION crm, op2
    TRAPS "AT: SYS 0, C7, C\crm, \op2", AT, EC_SYSREG, ISS(1, 0, 7, \crm, \op2), sys #0, c7, c\crm, #\op2, x5
    UNTRAPPED "SYS 0, C7, C\crm, \op2 without AT", NV, sys #0, c7, c\crm, #\op2, x5
    .endm
    TRANSLATION \number
    .purgem TRANSLATION
    .endr

    // Code that has run with other bits: each time it does what the bits say.
    mov x9, #40
    mov x10, #0
    mov x11, #0
    mov x12, #0
    mov x13, #0
    mov x14, #0
    mov x15, #0
9:  SET hcr_el2, HCR_RW
    bl call
    add x10, x10, x1
    bl return
    add x11, x11, x1
    SET hcr_el2, HCR_RW | NV
    bl call
    add x12, x12, x1
    bl return
    add x13, x13, x1
    bl vectors
    add x14, x14, x1
    SET hcr_el2, HCR_RW | NV | NV1
    bl vectors
    add x15, x15, x1
    subs x9, x9, #1
    b.ne 9b
    SET hcr_el2, HCR_RW
    EXPECT "SVC without NV: SPSR_EL1.M of each", x10, 40 * 5
    EXPECT "ERET without NV: each returns", x11, 0
    EXPECT "SVC with NV: SPSR_EL1.M of each", x12, 40 * 9
    EXPECT "ERET with NV: each goes to EL2", x13, 40 * 2
    EXPECT "MRS VBAR_EL1 with NV: none goes to EL2", x14, 0
    EXPECT "MRS VBAR_EL1 with NV and NV1: each goes to EL2", x15, 40 * 2
    DONE

// SPSR_EL1.M of a call at EL1.
call:
    mov x16, x30
    BEGIN EL1
    svc #3
    END
    ldr x29, =harness
    ldr x1, [x29, #SPSR]
    and x1, x1, #0x1f
    br x16

// Who takes a return from EL1 to EL1: nobody, or EL2.
return:
    mov x16, x30
    BEGIN EL1
    adr x1, 1f
    msr elr_el1, x1
    mov x1, #0x3c5
    msr spsr_el1, x1
    eret
1:  nop
    END
    ldr x29, =harness
    ldr x1, [x29, #LEVEL]
    br x16

// Who takes a read of VBAR_EL1.
vectors:
    mov x16, x30
    BEGIN EL1
    mrs x1, vbar_el1
    END
    ldr x29, =harness
    ldr x1, [x29, #LEVEL]
    br x16
