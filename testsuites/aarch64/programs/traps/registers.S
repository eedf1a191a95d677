// Each register and each instruction of every list that HCR_EL2's trap bits have (D19.2.48): its own bit traps it, all
// other bits together do not.
#include "harness.h"
#include "traps.h"

.macro VIRTUAL_MEMORY name, op1, crn, crm, op2
    WRITES "TVM: \name", TVM, TVM, 3, \op1, \crn, \crm, \op2
    READS "TRVM: \name", TRVM, TRVM, 3, \op1, \crn, \crm, \op2
.endm

.macro KEY crm, op2
    mrs x6, s3_0_c2_c\crm\()_\op2
    CASE "APK: S3_0_C2_C\crm\()_\op2", hcr_el2, HCR_RW, HCR_RW | LET & ~(1 << 40), HCR_RW | LET | ALL, ISS(3, 0, 2, \crm, \op2) | READ, mrs x5, s3_0_c2_c\crm\()_\op2
    CASE "APK: S3_0_C2_C\crm\()_\op2 is written", hcr_el2, HCR_RW, HCR_RW | LET & ~(1 << 40), HCR_RW | LET | ALL, ISS(3, 0, 2, \crm, \op2) ^ 3 << 5, msr s3_0_c2_c\crm\()_\op2, x6
.endm

PROGRAM "registers"
    VIRTUAL_MEMORY "SCTLR_EL1", 0, 1, 0, 0
    VIRTUAL_MEMORY "TTBR0_EL1", 0, 2, 0, 0
    VIRTUAL_MEMORY "TTBR1_EL1", 0, 2, 0, 1
    VIRTUAL_MEMORY "TCR_EL1", 0, 2, 0, 2
    VIRTUAL_MEMORY "AFSR0_EL1", 0, 5, 1, 0
    VIRTUAL_MEMORY "AFSR1_EL1", 0, 5, 1, 1
    VIRTUAL_MEMORY "ESR_EL1", 0, 5, 2, 0
    VIRTUAL_MEMORY "FAR_EL1", 0, 6, 0, 0
    VIRTUAL_MEMORY "MAIR_EL1", 0, 10, 2, 0
    VIRTUAL_MEMORY "AMAIR_EL1", 0, 10, 3, 0
    VIRTUAL_MEMORY "CONTEXTIDR_EL1", 0, 13, 0, 1

    // Identification. TID0 is about AArch32 alone.
    READS "TID1: REVIDR_EL1", TID1, TID1, 3, 0, 0, 0, 6
    READS "TID1: AIDR_EL1", TID1, TID1, 3, 1, 0, 0, 7
    READS "TID2: CTR_EL0", TID2, TID2, 3, 3, 0, 0, 1
    READS "TID2: CCSIDR_EL1", TID2, TID2 | TID4, 3, 1, 0, 0, 0
    READS "TID2: CLIDR_EL1", TID2, TID2 | TID4, 3, 1, 0, 0, 1
    READS "TID2: CSSELR_EL1", TID2, TID2 | TID4, 3, 2, 0, 0, 0
    WRITES "TID2: CSSELR_EL1 is written", TID2, TID2 | TID4, 3, 2, 0, 0, 0
    .irp crm, 1, 2, 3, 4, 5, 6, 7
    .irp op2, 0, 1, 2, 3, 4, 5, 6, 7
    READS "TID3: S3_0_C0_C\crm\()_\op2", TID3, TID3, 3, 0, 0, \crm, \op2
    .endr
    .endr
    UNTRAPPED "DCZID_EL0 is not trapped", LET | ALL, mrs x5, dczid_el0
    UNTRAPPED "MIDR_EL1 is not trapped", LET | ALL, mrs x5, midr_el1
    UNTRAPPED "MPIDR_EL1 is not trapped", LET | ALL, mrs x5, mpidr_el1
    READS "TACR: ACTLR_EL1", TACR, TACR, 3, 0, 1, 0, 1
    WRITES "TACR: ACTLR_EL1 is written", TACR, TACR, 3, 0, 1, 0, 1

    // Caches.
    INSTRUCTION "TSW: DC ISW", TSW, TSW, 0, 7, 6, 2
    INSTRUCTION "TSW: DC CSW", TSW, TSW, 0, 7, 10, 2
    INSTRUCTION "TSW: DC CISW", TSW, TSW, 0, 7, 14, 2
    INSTRUCTION "TPCP: DC IVAC", TPCP, TPCP, 0, 7, 6, 1
    INSTRUCTION "TPCP: DC CVAC", TPCP, TPCP, 3, 7, 10, 1
    INSTRUCTION "TPCP: DC CVAP", TPCP, TPCP, 3, 7, 12, 1
    INSTRUCTION "TPCP: DC CVADP", TPCP, TPCP, 3, 7, 13, 1
    INSTRUCTION "TPCP: DC CIVAC", TPCP, TPCP, 3, 7, 14, 1
    INSTRUCTION_ALONE "TPU: IC IALLUIS", TPU, TPU | TICAB, 0, 7, 1, 0
    INSTRUCTION_ALONE "TPU: IC IALLU", TPU, TPU | TOCU, 0, 7, 5, 0
    INSTRUCTION "TPU: IC IVAU", TPU, TPU | TOCU, 3, 7, 5, 1
    INSTRUCTION "TPU: DC CVAU", TPU, TPU | TOCU, 3, 7, 11, 1

    // TLBs: CRm is 7, and 6 for ranges; 3 and 2 of the inner shareable domain, 1 and 5 of the outer.
    .irp crm, 1, 3, 7
    INSTRUCTION_ALONE "TTLB: TLBI VMALLE1, CRm \crm", TTLB, TTLB | TTLBIS | TTLBOS, 0, 8, \crm, 0
    .irp op2, 1, 2, 3, 5, 7
    INSTRUCTION "TTLB: TLBI of CRm \crm and op2 \op2", TTLB, TTLB | TTLBIS | TTLBOS, 0, 8, \crm, \op2
    .endr
    .endr
    .irp crm, 2, 5, 6
    .irp op2, 1, 3, 5, 7
    INSTRUCTION "TTLB: TLBI of a range, CRm \crm and op2 \op2", TTLB, TTLB | TTLBIS | TTLBOS, 0, 8, \crm, \op2
    .endr
    .endr
    UNTRAPPED "AT S1E1R is not trapped", LET | ALL, at s1e1r, x5
    UNTRAPPED "PAR_EL1 is not trapped", LET | ALL, mrs x5, par_el1
    UNTRAPPED "VBAR_EL1 is not trapped", LET | ALL, mrs x5, vbar_el1
    UNTRAPPED "CPACR_EL1 is not trapped", LET | ALL, mrs x5, cpacr_el1

    // Limited ordering, errors, keys and contexts.
    .irp op2, 0, 1, 2, 3
    READS "TLOR: S3_0_C10_C4_\op2", TLOR, TLOR, 3, 0, 10, 4, \op2
    WRITES "TLOR: S3_0_C10_C4_\op2 is written", TLOR, TLOR, 3, 0, 10, 4, \op2
    .endr
    READS "TLOR: LORID_EL1", TLOR, TLOR, 3, 0, 10, 4, 7
    READS "TERR: ERRIDR_EL1", TERR, TERR, 3, 0, 5, 3, 0
    .irp crm, 1, 2
    .irp op2, 0, 1, 2, 3
    KEY \crm, \op2
    .endr
    .endr
    KEY 3, 0
    KEY 3, 1
    mrs x6, scxtnum_el1
    CASE "EnSCXT: SCXTNUM_EL1", hcr_el2, HCR_RW, HCR_RW | LET & ~ENSCXT, HCR_RW | LET | ALL, ISS(3, 0, 13, 0, 7) | READ, mrs x5, scxtnum_el1
    CASE "EnSCXT: SCXTNUM_EL1 is written", hcr_el2, HCR_RW, HCR_RW | LET & ~ENSCXT, HCR_RW | LET | ALL, ISS(3, 0, 13, 0, 7) ^ 3 << 5, msr scxtnum_el1, x6
    CASE "EnSCXT: SCXTNUM_EL0", hcr_el2, HCR_RW, HCR_RW | LET & ~ENSCXT, HCR_RW | LET | ALL, ISS(3, 3, 13, 0, 7) | READ, mrs x5, scxtnum_el0
    DONE
