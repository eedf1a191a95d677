// FEAT_EVT: finer traps of caches and TLBs (D19.2.48), each for instructions that another bit of HCR_EL2 has too.
#include "harness.h"
#include "traps.h"

PROGRAM "enhanced"
    READS "TID4: CCSIDR_EL1", TID4, TID2 | TID4, 3, 1, 0, 0, 0
    READS "TID4: CLIDR_EL1", TID4, TID2 | TID4, 3, 1, 0, 0, 1
    READS "TID4: CSSELR_EL1", TID4, TID2 | TID4, 3, 2, 0, 0, 0
    WRITES "TID4: CSSELR_EL1 is written", TID4, TID2 | TID4, 3, 2, 0, 0, 0
    UNTRAPPED "TID4 is not about CTR_EL0", LET | TID4, mrs x5, ctr_el0
    UNTRAPPED "TID4 is not about REVIDR_EL1", LET | TID4, mrs x5, revidr_el1
    INSTRUCTION_ALONE "TICAB: IC IALLUIS", TICAB, TICAB | TPU, 0, 7, 1, 0
    UNTRAPPED "TICAB is not about IC IALLU", LET | TICAB, ic iallu
    INSTRUCTION_ALONE "TOCU: IC IALLU", TOCU, TOCU | TPU, 0, 7, 5, 0
    INSTRUCTION "TOCU: IC IVAU", TOCU, TOCU | TPU, 3, 7, 5, 1
    INSTRUCTION "TOCU: DC CVAU", TOCU, TOCU | TPU, 3, 7, 11, 1
    UNTRAPPED "TOCU is not about IC IALLUIS", LET | TOCU, ic ialluis
    UNTRAPPED "TOCU is not about DC CVAC", LET | TOCU, dc cvac, x5
    INSTRUCTION_ALONE "TTLBIS: TLBI VMALLE1IS", TTLBIS, TTLBIS | TTLB, 0, 8, 3, 0
    INSTRUCTION_ALONE "TTLBOS: TLBI VMALLE1OS", TTLBOS, TTLBOS | TTLB, 0, 8, 1, 0
    .irp op2, 1, 2, 3, 5, 7
    INSTRUCTION "TTLBIS: TLBI of CRm 3 and op2 \op2", TTLBIS, TTLBIS | TTLB, 0, 8, 3, \op2
    INSTRUCTION "TTLBOS: TLBI of CRm 1 and op2 \op2", TTLBOS, TTLBOS | TTLB, 0, 8, 1, \op2
    .endr
    .irp op2, 1, 3, 5, 7
    INSTRUCTION "TTLBIS: TLBI of a range, op2 \op2", TTLBIS, TTLBIS | TTLB, 0, 8, 2, \op2
    INSTRUCTION "TTLBOS: TLBI of a range, op2 \op2", TTLBOS, TTLBOS | TTLB, 0, 8, 5, \op2
    .endr
    UNTRAPPED "neither is about TLBI VMALLE1", LET | TTLBIS | TTLBOS, tlbi vmalle1
    UNTRAPPED "TTLBIS is not about TLBI VAE1OS", LET | TTLBIS, tlbi vae1os, x5
    UNTRAPPED "TTLBOS is not about TLBI VAE1IS", LET | TTLBOS, tlbi vae1is, x5

    // What EL0 may execute, by SCTLR_EL1.UCI, traps from there too.
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 26
    .macro USER text, bit, iss, instruction:vararg
    SET hcr_el2, HCR_RW | LET | \bit
    ldr x5, =PAGE(0)
    BEGIN EL0
    \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text at EL0", 2, EC_SYSREG, \iss
    .endm
    USER "TOCU: IC IVAU", TOCU, ISS(1, 3, 7, 5, 1), ic ivau, x5
    USER "TOCU: DC CVAU", TOCU, ISS(1, 3, 7, 11, 1), dc cvau, x5
    SET sctlr_el1, SCTLR_EL1_RES1
    DONE
