#include "harness.h"
PROGRAM "ecall"
    BEGIN U
1:  ecall
    END
    EXPECT_TRAP "3.3.1: ECALL in U-mode raises cause 8", M, CAUSE_ECALL_U, 0
    EXPECT_EPC "3.3.1: ECALL sets mepc to the address of the ECALL itself", 1b
    BEGIN S
    ecall
    END
    EXPECT_TRAP "3.3.1: ECALL in S-mode raises cause 9", M, CAUSE_ECALL_S, 0
    NEED_MISA H, 2f
    BEGIN VS
    ecall
    END
    EXPECT_TRAP "19.6.1: ECALL in VS-mode raises cause 10", M, CAUSE_ECALL_VS, 0
    BEGIN VU
    ecall
    END
    EXPECT_TRAP "19.6.1: ECALL in VU-mode raises cause 8", M, CAUSE_ECALL_U, 0
2:  DONE
