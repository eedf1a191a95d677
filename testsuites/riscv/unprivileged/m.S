// M: multiplication and division (chapter 13). The models multiply by shifting and adding and divide by subtracting.
#include "unprivileged/instructions.h"
PROGRAM "m"
    NEED_MISA M, end

    // Products (13.1)
    RR "13.1", mul, 0, 0, 0
    RR "13.1", mul, 7, 9, 63
    RR "13.1", mul, -1, -1, 1
    RR "13.1", mul, -1, 5, -5
    RR "13.1", mul, 0x8000000000000000, 2, 0
    RR "13.1", mul, 0x8000000000000000, -1, 0x8000000000000000
    RR "13.1", mul, 0x100000000, 0x100000000, 0
    RR "13.1", mul, 0xffffffff, 0xffffffff, 0xfffffffe00000001
    RR "13.1", mulhu, -1, -1, 0xfffffffffffffffe
    RR "13.1", mulhu, 0x8000000000000000, 2, 1
    RR "13.1", mulhu, 0x100000000, 0x100000000, 1
    RR "13.1", mulhu, 0xffffffff, 0xffffffff, 0
    RR "13.1", mulh, -1, -1, 0
    RR "13.1", mulh, -1, 1, -1
    RR "13.1", mulh, 0x8000000000000000, 0x8000000000000000, 0x4000000000000000
    RR "13.1", mulh, 0x8000000000000000, 0x7fffffffffffffff, 0xc000000000000000
    RR "13.1", mulh, 0x7fffffffffffffff, 0x7fffffffffffffff, 0x3fffffffffffffff
    RR "13.1", mulhsu, -1, -1, -1
    RR "13.1", mulhsu, -1, 1, -1
    RR "13.1", mulhsu, 1, -1, 0
    RR "13.1", mulhsu, 0x8000000000000000, -1, 0x8000000000000000
    RR "13.1", mulhsu, 0x7fffffffffffffff, -1, 0x7ffffffffffffffe
    RR "13.1", mulw, 0x7fffffff, 2, -2
    RR "13.1", mulw, 0x10000, 0x8000, 0xffffffff80000000
    RR "13.1", mulw, 0x123456780000ffff, 0xabcdef0100010000, 0xffffffffffff0000
    RR "13.1", mulw, 0xffffffff00000003, 0x7fffffff00000005, 15
    ALL_PAIRS "13.1: MUL is the low half of the product", mul, model_mul
    ALL_PAIRS "13.1: MULHU is the high half of the unsigned product", mulhu, model_mulhu
    ALL_PAIRS "13.1: MULH is the high half of the signed product", mulh, model_mulh
    ALL_PAIRS "13.1: MULHSU is the high half of the product of signed rs1 and unsigned rs2", mulhsu, model_mulhsu
    ALL_PAIRS "13.1: MULW is the low word of the product, sign-extended", mulw, model_mulw

    // Quotients and remainders (13.2)
    RR "13.2", div, 20, 6, 3
    RR "13.2", div, -20, 6, -3
    RR "13.2", div, 20, -6, -3
    RR "13.2", div, -20, -6, 3
    RR "13.2", div, 0x8000000000000000, 1, 0x8000000000000000
    RR "13.2, overflow", div, 0x8000000000000000, -1, 0x8000000000000000
    RR "13.2, by zero", div, 0, 0, -1
    RR "13.2, by zero", div, 1, 0, -1
    RR "13.2, by zero", div, 0x8000000000000000, 0, -1
    RR "13.2", divu, 20, 6, 3
    RR "13.2", divu, -20, 6, 0x2aaaaaaaaaaaaaa7
    RR "13.2", divu, 20, -6, 0
    RR "13.2", divu, 0x8000000000000000, -1, 0
    RR "13.2, by zero", divu, 5, 0, -1
    RR "13.2", rem, 20, 6, 2
    RR "13.2", rem, -20, 6, -2
    RR "13.2", rem, 20, -6, 2
    RR "13.2", rem, -20, -6, -2
    RR "13.2, overflow", rem, 0x8000000000000000, -1, 0
    RR "13.2, by zero", rem, 0, 0, 0
    RR "13.2, by zero", rem, -7, 0, -7
    RR "13.2, by zero", rem, 0x8000000000000000, 0, 0x8000000000000000
    RR "13.2", remu, -20, 6, 2
    RR "13.2", remu, 20, -6, 20
    RR "13.2, by zero", remu, -7, 0, -7
    RR "13.2", divw, -20, 6, -3
    RR "13.2, high words ignored", divw, 0xabcdef01ffffffec, 0x1234567800000006, -3
    RR "13.2, overflow", divw, 0xffffffff80000000, -1, 0xffffffff80000000
    RR "13.2, overflow", divw, 0x0000000080000000, 0x00000000ffffffff, 0xffffffff80000000
    RR "13.2, by zero", divw, 9, 0xffffffff00000000, -1
    RR "13.2", divuw, 0xffffffec, 6, 0x2aaaaaa7
    RR "13.2, result sign-extended", divuw, 0x80000000, 1, 0xffffffff80000000
    RR "13.2, by zero", divuw, 9, 0, -1
    RR "13.2", remw, -20, 6, -2
    RR "13.2, overflow", remw, 0x80000000, -1, 0
    RR "13.2, by zero", remw, 0x1234567880000000, 0, 0xffffffff80000000
    RR "13.2", remuw, 0xffffffec, 6, 2
    RR "13.2, by zero", remuw, 0x00000000fffffff9, 0, -7
    ALL_PAIRS "13.2: DIVU rounds towards zero", divu, model_divu
    ALL_PAIRS "13.2: REMU is the dividend less divisor times quotient", remu, model_remu
    ALL_PAIRS "13.2: DIV rounds towards zero", div, model_div
    ALL_PAIRS "13.2: REM has the sign of the dividend", rem, model_rem
    ALL_PAIRS "13.2: DIVUW divides the low words, unsigned", divuw, model_divuw
    ALL_PAIRS "13.2: REMUW divides the low words, unsigned", remuw, model_remuw
    ALL_PAIRS "13.2: DIVW divides the low words, signed", divw, model_divw
    ALL_PAIRS "13.2: REMW divides the low words, signed", remw, model_remw

    // x0 as destination does not keep the result, and nothing traps
    li   a0, 5
    mul  zero, a0, a0
    div  zero, a0, zero
    remuw zero, a0, zero
    mv   a1, zero
    EXPECT "2.6: x0 stays zero", a1, 0
end:
    DONE

// The 128-bit product of a0 and a1, unsigned, in a3 (high) and a2.
product:
    li   a2, 0
    li   a3, 0
    mv   t1, a1
    li   t2, 64
1:  add  a3, a3, a3                     // double the sum ...
    srli t0, a2, 63
    add  a3, a3, t0
    add  a2, a2, a2
    bgez t1, 2f                         // ... and add a0 for each bit of a1, from the top
    add  a2, a2, a0
    sltu t0, a2, a0
    add  a3, a3, t0
2:  slli t1, t1, 1
    addi t2, t2, -1
    bnez t2, 1b
    jr   t6

model_mul:
    jal  t6, product
    ret
model_mulw:
    jal  t6, product
    slli a2, a2, 32
    srai a2, a2, 32
    ret
model_mulhu:
    jal  t6, product
    mv   a2, a3
    ret
model_mulh:                             // a signed number is the unsigned one less 2^64 if its top bit is set
    jal  t6, product
    bgez a1, 1f
    sub  a3, a3, a0
    j    1f
model_mulhsu:
    jal  t6, product
1:  bgez a0, 1f
    sub  a3, a3, a1
1:  mv   a2, a3
    ret

// Quotient in a2 and remainder in a3 of t0 by t1, unsigned, t1 not zero.
quotient:
    li   a2, 0
    li   a3, 0
    li   t2, 64
1:  srli t4, a3, 63                     // the bit that leaves the remainder
    slli a3, a3, 1
    srli t3, t0, 63
    or   a3, a3, t3
    slli t0, t0, 1
    slli a2, a2, 1
    bnez t4, 2f
    bltu a3, t1, 3f
2:  sub  a3, a3, t1
    ori  a2, a2, 1
3:  addi t2, t2, -1
    bnez t2, 1b
    jr   t6

.macro DIVISION name, load, signed, result
model_\name:
    \load t0, a0
    \load t1, a1
    li   a2, -1
    mv   a3, t0
    beqz t1, 9f                         // by zero: all ones, and the dividend
    .if \signed
    srai t4, t0, 63                     // divide magnitudes; 2^63 is its own, so that overflow needs no case of its own
    xor  t0, t0, t4
    sub  t0, t0, t4
    srai t5, t1, 63
    xor  t1, t1, t5
    sub  t1, t1, t5
    mv   s7, t4
    mv   s8, t5
    jal  t6, quotient
    xor  a3, a3, s7
    sub  a3, a3, s7
    xor  s8, s8, s7
    xor  a2, a2, s8
    sub  a2, a2, s8
    .else
    jal  t6, quotient
    .endif
9:  mv   a2, \result
.endm
.macro zero_extend rd, rs
    slli \rd, \rs, 32
    srli \rd, \rd, 32
.endm
.macro sign_extend rd, rs
    slli \rd, \rs, 32
    srai \rd, \rd, 32
.endm
    DIVISION divu, mv, 0, a2
    ret
    DIVISION remu, mv, 0, a3
    ret
    DIVISION div, mv, 1, a2
    ret
    DIVISION rem, mv, 1, a3
    ret
    DIVISION divuw, zero_extend, 0, a2
    sign_extend a2, a2
    ret
    DIVISION remuw, zero_extend, 0, a3
    sign_extend a2, a2
    ret
    DIVISION divw, sign_extend, 1, a2
    sign_extend a2, a2
    ret
    DIVISION remw, sign_extend, 1, a3
    sign_extend a2, a2
    ret
