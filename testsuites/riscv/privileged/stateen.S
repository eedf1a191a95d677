// Smstateen: mstateen0 gates sstateen0 and senvcfg for modes below M (chapter 4).
#include "harness.h"
PROGRAM "stateen"
#define SE0 (1 << 63)
#define ENVCFG (1 << 62)
    NEED_CSR mstateen0, done
    csrw mstateen0, zero
    EXPECT_CSR "4.1: mstateen0 can be cleared", mstateen0, 0
    BEGIN S
    csrr t0, sstateen0
    END
    EXPECT_TRAP "4.1: with SE0 = 0 S-mode may not read sstateen0", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN S
    csrw sstateen0, zero
    END
    EXPECT_TRAP "4.1: with SE0 = 0 S-mode may not write sstateen0", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN M
    csrr t0, sstateen0
    END
    EXPECT_NO_TRAP "4.1: mstateen0 does not bind M-mode"
    EXPECT "4.1: where mstateen0 is 0 sstateen0 reads as zero", t0, 0
    BEGIN S
    csrr t0, senvcfg
    END
    EXPECT_TRAP "4.2: with ENVCFG = 0 S-mode may not read senvcfg", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN S
    csrw senvcfg, zero
    END
    EXPECT_TRAP "4.2: with ENVCFG = 0 S-mode may not write senvcfg", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, SE0
    csrw mstateen0, t0
    EXPECT_CSR "4.1: mstateen0.SE0 can be set", mstateen0, SE0
    BEGIN S
    csrr t0, sstateen0
    csrw sstateen0, t0
    END
    EXPECT_NO_TRAP "4.1: with SE0 = 1 S-mode accesses sstateen0"
    BEGIN S
    csrr t0, senvcfg
    END
    EXPECT_TRAP "4.2: SE0 does not open senvcfg", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, ENVCFG
    csrw mstateen0, t0
    EXPECT_CSR "4.2: mstateen0.ENVCFG can be set", mstateen0, ENVCFG
    BEGIN S
    csrr t0, senvcfg
    csrw senvcfg, t0
    END
    EXPECT_NO_TRAP "4.2: with ENVCFG = 1 S-mode accesses senvcfg"
    BEGIN S
    csrr t0, sstateen0
    END
    EXPECT_TRAP "4.1: ENVCFG does not open sstateen0", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, -1
    csrw mstateen0, t0
    csrw sstateen0, t0
    csrr t0, sstateen0
    csrr t1, mstateen0
    not  t1, t1
    and  t2, t0, t1
    EXPECT "4.1: sstateen0 has no bit that mstateen0 lacks", t2, 0
    srli t2, t0, 32
    EXPECT "4.1: the upper half of sstateen0 is zero", t2, 0
    csrr t0, mstateen0
    EXPECT_BITS "4.2: FCSR is read-only zero where misa.F = 1", t0, 2, 0
    BEGIN M
    csrr t0, mstateen1
    csrr t0, mstateen2
    csrr t0, mstateen3
    csrr t0, sstateen1
    csrr t0, sstateen2
    csrr t0, sstateen3
    END
    EXPECT_NO_TRAP "4.1: mstateen1 to 3 and sstateen1 to 3 exist"
    BEGIN S
    csrr t0, mstateen0
    END
    EXPECT_TRAP "2.1: S-mode may not read mstateen0", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN U
    csrr t0, sstateen0
    END
    EXPECT_TRAP "2.1: U-mode may not read sstateen0", M, CAUSE_ILLEGAL_INSTRUCTION
    csrw mstateen0, zero
    BEGIN U
    fadd.d fa0, fa0, fa0
    csrr t0, fcsr
    END
    EXPECT_NO_TRAP "4.2: mstateen0.FCSR does not bind where misa.F = 1"
done:
    DONE
