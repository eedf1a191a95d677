// The addresses of LR, SC and AMOs must be multiples of the width (14.2, 14.4): address-misaligned, or an access
// exception, whether or not there is a reservation. The address crosses 16 bytes, so that Zama16b does not allow it
// either.
//
// QEMU's TCG differs: in 7.2 an AMO raises the exception of a load, and an SC without a matching reservation fails
// before its address is looked at; 10.0 with every extension performs the AMO even here.
#include "unprivileged/instructions.h"
PROGRAM "misaligned-atomics"
    NEED_MISA A, end
    .macro MISALIGNED cause, access, instruction:vararg
    li   a0, PAGE(0) + 14
    li   a1, 1
    li   a2, 0x77
    BEGIN M
    \instruction
    END
    EXPECT_RECORD_ONE_OF "14: \instruction at a misaligned address", CAUSE, \cause, \access
    EXPECT_RECORD_ONE_OF "Priv. 3.1.16: mtval is the misaligned address, or zero", TVAL, PAGE(0) + 14, 0
    EXPECT "14: rd keeps its value when the access traps", a2, 0x77
    .endm
    .macro MISALIGNED_AMO instruction:vararg
    MISALIGNED CAUSE_MISALIGNED_STORE, CAUSE_STORE_ACCESS, \instruction
    .endm
    MISALIGNED CAUSE_MISALIGNED_LOAD, CAUSE_LOAD_ACCESS, lr.w a2, (a0)
    MISALIGNED CAUSE_MISALIGNED_LOAD, CAUSE_LOAD_ACCESS, lr.d a2, (a0)
    MISALIGNED_AMO sc.w a2, a1, (a0)
    MISALIGNED_AMO sc.d a2, a1, (a0)
    .irp op, amoswap, amoadd, amoand, amoor, amoxor, amomin, amomax, amominu, amomaxu
    MISALIGNED_AMO \op\().d a2, a1, (a0)
    .endr
end:
    DONE
