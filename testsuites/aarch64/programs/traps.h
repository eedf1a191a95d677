// What programs about traps share.
#pragma once

// ISS of a trapped MRS, MSR or system instruction on X5 (D19.2.37), or on XZR.
#define ISS(op0, op1, crn, crm, op2) ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | 5 << 5 | (crm) << 1)
#define ISS_ZERO(op0, op1, crn, crm, op2) (ISS(op0, op1, crn, crm, op2) | 31 << 5)
#define READ 1

// ISS of a trapped WFI; of WFE it is one more.
#define WAIT (1 << 24 | 0xe << 20)

// HCR_EL2's trap bits.
#define TID1 (1 << 16)
#define TID2 (1 << 17)
#define TID3 (1 << 18)
#define TACR (1 << 21)
#define TSW (1 << 22)
#define TPCP (1 << 23)
#define TPU (1 << 24)
#define TTLB (1 << 25)
#define TVM (1 << 26)
#define TRVM (1 << 30)
#define TLOR (1 << 35)
#define TERR (1 << 36)
#define APK (1 << 40)
#define TID4 (1 << 49)
#define TICAB (1 << 50)
#define TOCU (1 << 52)
#define ENSCXT (1 << 53)
#define TTLBIS (1 << 54)
#define TTLBOS (1 << 55)
// All that trap while they are 1, and those that do while they are 0: APK, API and EnSCXT.
#define ALL (0x57ffe000 | TLOR | TERR | TID4 | TICAB | TOCU | TTLBIS | TTLBOS)
#define LET (3 << 40 | ENSCXT)

// With the control register at `trapping` the instruction goes from EL1 to EL2, with it at `others` it does not.
.macro CASE text, control, quiet, trapping, others, iss, instruction:vararg
    SET \control, \trapping
    ldr x5, =PAGE(0)
    BEGIN EL1
1:  \instruction
    END
    SET \control, \quiet
    EXPECT_EXCEPTION "\text", 2, EC_SYSREG, \iss
    EXPECT_RECORD "\text: ELR_EL2", ELR, 1b
    LETS "\text, by its own bits alone", \control, \quiet, \others, \instruction
.endm

.macro LETS text, control, quiet, value, instruction:vararg
    SET \control, \value
    ldr x5, =PAGE(0)
    BEGIN EL1
    \instruction
    END
    SET \control, \quiet
    EXPECT_NONE "\text"
.endm

.macro UNTRAPPED text, value, instruction:vararg
    LETS "\text", hcr_el2, HCR_RW, HCR_RW | \value, \instruction
.endm

// `bit` traps the register or the instruction, and none but those of `own` do.
.macro READS text, bit, own, op0, op1, crn, crm, op2
    CASE "\text", hcr_el2, HCR_RW, HCR_RW | LET | \bit, HCR_RW | LET | ALL & ~(\own), ISS(\op0, \op1, \crn, \crm, \op2) | READ, mrs x5, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
.endm

// What is written is what is there.
.macro WRITES text, bit, own, op0, op1, crn, crm, op2
    mrs x6, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
    CASE "\text", hcr_el2, HCR_RW, HCR_RW | LET | \bit, HCR_RW | LET | ALL & ~(\own), ISS(\op0, \op1, \crn, \crm, \op2) ^ 3 << 5, msr s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2, x6
.endm

.macro INSTRUCTION text, bit, own, op1, crn, crm, op2
    CASE "\text", hcr_el2, HCR_RW, HCR_RW | LET | \bit, HCR_RW | LET | ALL & ~(\own), ISS(1, \op1, \crn, \crm, \op2), sys #\op1, c\crn, c\crm, #\op2, x5
.endm

.macro INSTRUCTION_ALONE text, bit, own, op1, crn, crm, op2
    CASE "\text", hcr_el2, HCR_RW, HCR_RW | LET | \bit, HCR_RW | LET | ALL & ~(\own), ISS_ZERO(1, \op1, \crn, \crm, \op2), sys #\op1, c\crn, c\crm, #\op2
.endm
