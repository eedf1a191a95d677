// Software step: the state machine, by SPSR_ELx.SS, MDSCR_EL1.SS and KDE, PSTATE.D, MDCR_EL2.TDE and the OS Lock (D2.12).
#include "harness.h"

#define SS (1 << 21)
#define KDE (1 << 13)
#define STEPPED (1 << 24 | 0b100010)
#define STEPPED_EXCLUSIVE (1 << 24 | 1 << 6 | 0b100010)
#define PENDING 0b100010

PROGRAM "step"
    SET mdscr_el1, 1

    // EL0 is debugged by EL1.
    BEGIN EL0, 0x3c0 | SS
    nop
1:  nop
    END
    EXPECT_EXCEPTION "D2.12.3: one instruction is stepped", 1, EC_STEP_LOWER, STEPPED
    EXPECT_ELR "the exception returns behind it", 1b
    EXPECT_RECORD_BITS "SPSR_EL1.SS is clear", SPSR, SS, 0
    BEGIN EL0, 0x3c0
1:  nop
    END
    EXPECT_EXCEPTION "D2.12.3: SPSR_EL2.SS clear is active-pending", 1, EC_STEP_LOWER, PENDING
    EXPECT_ELR "no instruction was executed", 1b
    ldr x0, =PAGE(0)
    BEGIN EL0, 0x3c0 | SS
    ldxr x1, [x0]
    END
    EXPECT_EXCEPTION "D2.12.7: EX tells of LDXR", 1, EC_STEP_LOWER, STEPPED_EXCLUSIVE
    BEGIN EL0, 0x3c0 | SS
    b 1f
    nop
1:  nop
    END
    EXPECT_EXCEPTION "a branch is stepped", 1, EC_STEP_LOWER, STEPPED
    EXPECT_ELR "a branch that is stepped was taken", 1b
    BEGIN EL0, 0x3c0 | SS
    svc #1
    END
    EXPECT_EXCEPTION "D2.12.5: SVC is stepped into nothing of EL1's", 1, EC_SVC, 1
    EXPECT_RECORD_BITS "D2.12.5: SPSR_EL1.SS is clear, for SVC has been stepped", SPSR, SS, 0
    BEGIN EL0, 0x3c0 | SS
    udf #0
    END
    EXPECT_EXCEPTION "an undefined instruction is none that was stepped", 1, EC_UNKNOWN, 0
    EXPECT_RECORD_BITS "D2.12.5: SPSR_EL1.SS is set", SPSR, SS, SS
    BEGIN EL0, 0x3c0 | SS
    brk #1
    END
    EXPECT_EXCEPTION "BRK", 1, EC_BRK, 1
    EXPECT_RECORD_BITS "BRK: SPSR_EL1.SS is set", SPSR, SS, SS

    // Where it is not active.
    SET oslar_el1, 1
    BEGIN EL0, 0x3c0 | SS
    nop
    END
    EXPECT_NONE "the OS Lock is set"
    SET oslar_el1, 0
    BEGIN EL1, 0x1c0 | SS
    nop
    END
    EXPECT_NONE "EL1 without MDSCR_EL1.KDE"
    SET mdscr_el1, 1 | KDE
    BEGIN EL1, 0x3c0 | SS
    nop
    END
    EXPECT_NONE "EL1 with PSTATE.D"
    BEGIN EL1, 0x1c0 | SS
    nop
1:  nop
    END
    EXPECT_EXCEPTION "EL1 steps itself with KDE and without PSTATE.D", 1, EC_STEP, STEPPED
    EXPECT_ELR "EL1 steps itself", 1b
    EXPECT_RECORD "by the vector of the same level", VECTOR, 0x200
    BEGIN EL1, 0x3c0
    msr daifclr, #8
1:  nop
    END
    EXPECT_EXCEPTION "PSTATE.D is cleared: the exception is pending at once", 1, EC_STEP, PENDING
    EXPECT_ELR "PSTATE.D is cleared", 1b
    BEGIN EL2, 0x1c0 | SS
    nop
    END
    EXPECT_NONE "EL2 is not debugged by EL1"

    // EL2 debugs all.
    SET mdcr_el2, 1 << 8
    SET mdscr_el1, 1
    BEGIN EL0, 0x3c0 | SS
    nop
1:  nop
    END
    EXPECT_EXCEPTION "MDCR_EL2.TDE: EL0's steps go to EL2", 2, EC_STEP_LOWER, STEPPED
    EXPECT_ELR "EL0's steps go to EL2", 1b
    BEGIN EL1, 0x3c0 | SS
    nop
1:  nop
    END
    EXPECT_EXCEPTION "MDCR_EL2.TDE: EL1 is stepped without KDE, whatever PSTATE.D is", 2, EC_STEP_LOWER, STEPPED
    EXPECT_ELR "EL1's steps go to EL2", 1b
    BEGIN EL0, 0x3c0 | SS
    svc #1
    END
    EXPECT_EXCEPTION "D2.12.5: SVC is stepped into EL1", 2, EC_STEP_LOWER, PENDING
    EXPECT_RECORD "the first instruction of EL1's handler comes next", ELR, vectors1 + 0x400
    SET mdscr_el1, 1 | KDE
    BEGIN EL2, 0x1c0 | SS
    nop
1:  nop
    END
    EXPECT_EXCEPTION "EL2 steps itself", 2, EC_STEP, STEPPED
    EXPECT_ELR "EL2 steps itself", 1b
    SET mdscr_el1, 0
    SET mdcr_el2, 0
    DONE
