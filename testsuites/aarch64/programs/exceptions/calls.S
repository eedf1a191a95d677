// Exceptions that instructions ask for, from each level: where they are taken, by which vector, and what they leave (D1.3,
// D19.2.37).
#include "harness.h"
PROGRAM "calls"

    // SVC, which returns behind itself.
    BEGIN EL0
    svc #3
1:
    END
    EXPECT_EXCEPTION "D1.3.2: SVC at EL0 goes to EL1", 1, EC_SVC, 3
    EXPECT_ELR "D1.3.2: SVC returns behind itself", 1b
    EXPECT_RECORD "D1.3.3: the vector of a lower level that uses AArch64", VECTOR, 0x400
    EXPECT_RECORD "D1.3.4: SPSR_EL1 of EL0", SPSR, 0x3c0
    BEGIN EL1
    svc #0xffff
1:
    END
    EXPECT_EXCEPTION "SVC at EL1 stays there", 1, EC_SVC, 0xffff
    EXPECT_ELR "SVC at EL1", 1b
    EXPECT_RECORD "D1.3.3: the vector of the same level with its own stack pointer", VECTOR, 0x200
    EXPECT_RECORD "SPSR_EL1 of EL1h", SPSR, 0x3c5
    BEGIN EL1
    msr spsel, #0
    svc #1
    END
    EXPECT_RECORD "D1.3.3: the vector of the same level with SP_EL0", VECTOR, 0
    EXPECT_RECORD "SPSR_EL1 of EL1t", SPSR, 0x3c4
    BEGIN EL2
    svc #7
1:
    END
    EXPECT_EXCEPTION "SVC at EL2 stays there", 2, EC_SVC, 7
    EXPECT_RECORD "SVC at EL2: the vector", VECTOR, 0x200

    // The flags and the masks.
    BEGIN EL0, 0xa00003c0
    svc #0
    END
    EXPECT_RECORD "SPSR_EL1 has the flags", SPSR, 0xa00003c0
    BEGIN EL0, 0x50000240
    svc #0
    END
    EXPECT_RECORD "SPSR_EL1 has the masks", SPSR, 0x50000240

    // HVC
    BEGIN EL1
    hvc #0x1234
1:
    END
    EXPECT_EXCEPTION "HVC at EL1 goes to EL2", 2, EC_HVC, 0x1234
    EXPECT_ELR "HVC returns behind itself", 1b
    EXPECT_RECORD "HVC at EL1: the vector", VECTOR, 0x400
    EXPECT_RECORD "SPSR_EL2 of EL1h", SPSR, 0x3c5
    BEGIN EL2
    hvc #5
    END
    EXPECT_EXCEPTION "HVC at EL2 stays there", 2, EC_HVC, 5
    BEGIN EL0
1:  hvc #0
    END
    EXPECT_EXCEPTION "HVC at EL0 is UNDEFINED", 1, EC_UNKNOWN, 0
    EXPECT_ELR "an undefined instruction returns to itself", 1b

    // SMC
    SET hcr_el2, HCR_RW | 1 << 19
    BEGIN EL1
1:  smc #0x55
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "HCR_EL2.TSC: SMC at EL1 is trapped", 2, EC_SMC, 0x55
    EXPECT_ELR "a trapped SMC returns to itself", 1b
    BEGIN EL0
    smc #0
    END
    EXPECT_EXCEPTION "SMC at EL0 is UNDEFINED", 1, EC_UNKNOWN, 0

    // BRK
    BEGIN EL0
1:  brk #0xabcd
    END
    EXPECT_EXCEPTION "BRK at EL0 goes to EL1", 1, EC_BRK, 0xabcd
    EXPECT_ELR "BRK returns to itself", 1b
    SET mdcr_el2, 1 << 8
    BEGIN EL1
1:  brk #1
    END
    SET mdcr_el2, 0
    EXPECT_EXCEPTION "MDCR_EL2.TDE: BRK at EL1 goes to EL2", 2, EC_BRK, 1

    // UNDEFINED
    BEGIN EL0
1:  udf #0
    END
    EXPECT_EXCEPTION "UDF at EL0 goes to EL1", 1, EC_UNKNOWN, 0
    EXPECT_ELR "UDF", 1b
    BEGIN EL0
1:  mrs x0, sctlr_el1
    END
    EXPECT_EXCEPTION "a register of EL1 at EL0", 1, EC_UNKNOWN, 0
    BEGIN EL1
1:  mrs x0, hcr_el2
    END
    EXPECT_EXCEPTION "a register of EL2 at EL1", 1, EC_UNKNOWN, 0
    BEGIN EL0
1:  eret
    END
    EXPECT_EXCEPTION "ERET at EL0", 1, EC_UNKNOWN, 0

    // HCR_EL2.TGE: EL0 is EL2's.
    SET hcr_el2, HCR_RW | 1 << 27
    BEGIN EL0
    svc #9
1:
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: SVC at EL0 goes to EL2", 2, EC_SVC, 9
    EXPECT_ELR "SVC with TGE", 1b
    BEGIN EL0
1:  udf #0
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: UDF at EL0 goes to EL2", 2, EC_UNKNOWN, 0
    BEGIN EL0
1:  brk #2
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: BRK at EL0 goes to EL2", 2, EC_BRK, 2
    SET cpacr_el1, 0
    BEGIN EL0
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "AArch64.AdvSIMDFPAccessTrap: CPACR_EL1.FPEN with TGE has no syndrome", 2, EC_UNKNOWN, 0
    SET cpacr_el1, 3 << 20
    SET hcr_el2, HCR_RW

    // Illegal returns (D1.4.4): the level stays, PSTATE.IL is set, and the next instruction is refused.
    ldr x0, =2f
    BEGIN EL1
    mov x1, #0x3c9                  // EL2h is higher
    msr spsr_el1, x1
    msr elr_el1, x0
    eret
    nop
2:
    END
    EXPECT_EXCEPTION "an exception return to a higher level", 1, EC_ILLEGAL, 0
    EXPECT_ELR "an illegal return goes to ELR_EL1 even so", 2b
    EXPECT_RECORD_BITS "SPSR_EL1.IL", SPSR, 1 << 20, 1 << 20
    EXPECT_RECORD_BITS "the level has stayed", SPSR, 0x1f, 5
    BEGIN EL1
    mov x1, #0x3c1                  // EL0 has no stack pointer of its own
    msr spsr_el1, x1
    msr elr_el1, x0
    eret
    END
    EXPECT_EXCEPTION "an exception return to EL0h", 1, EC_ILLEGAL, 0
    BEGIN EL1
    mov x1, #0x3d0                  // AArch32, User
    orr x1, x1, #2
    msr spsr_el1, x1
    msr elr_el1, x0
    eret
    END
    EXPECT_EXCEPTION "an exception return to a mode that is not there", 1, EC_ILLEGAL, 0
    BEGIN EL1, 0x1003c0
1:  nop
    END
    EXPECT_EXCEPTION "PSTATE.IL refuses the next instruction", 1, EC_ILLEGAL, 0
    EXPECT_ELR "PSTATE.IL", 1b

    // The program counter.
    BEGIN EL1
    mov x0, #2
    movk x0, #0x4020, lsl #16
    br x0
    END
    EXPECT_EXCEPTION "D1.3.5: a misaligned program counter", 1, EC_PC, 0
    EXPECT_RECORD "FAR_EL1 has the misaligned program counter", FAR, 0x40200002
    EXPECT_RECORD "ELR_EL1 has it too", ELR, 0x40200002

    // Floating point.
    SET cpacr_el1, 0
    BEGIN EL0
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "CPACR_EL1.FPEN 0: at EL0", 1, EC_FP, 0x1e00000
    BEGIN EL1
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "CPACR_EL1.FPEN 0: at EL1", 1, EC_FP, 0x1e00000
    SET cpacr_el1, 1 << 20
    BEGIN EL0
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "CPACR_EL1.FPEN 1: at EL0", 1, EC_FP, 0x1e00000
    BEGIN EL1
    fmov d0, d1
    END
    EXPECT_NONE "CPACR_EL1.FPEN 1: at EL1"
    SET cpacr_el1, 3 << 20
    SET cptr_el2, 0x33ff | 1 << 10
    BEGIN EL0
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "CPTR_EL2.TFP: at EL0", 2, EC_FP, 0x1e00000
    BEGIN EL2
1:  fmov d0, d1
    END
    EXPECT_EXCEPTION "CPTR_EL2.TFP: at EL2", 2, EC_FP, 0x1e00000
    SET cptr_el2, 0x33ff
    DONE
