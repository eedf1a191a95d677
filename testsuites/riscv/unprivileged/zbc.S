// Zbc: carry-less multiplication (chapter 28). The model adds shifted copies without carry, bit by bit, to 128 bits.
#include "unprivileged/instructions.h"
    .option arch, +zbc
PROGRAM "zbc"
    NEED "Zbc", end, clmul a0, a0, a0

    RR "Zbc", clmul, 0, -1, 0
    RR "Zbc", clmul, 1, 0x0123456789abcdef, 0x0123456789abcdef
    RR "Zbc, (x + 1)^2 = x^2 + 1", clmul, 3, 3, 5
    RR "Zbc, (x^2 + x + 1)(x + 1) = x^3 + 1", clmul, 7, 3, 9
    RR "Zbc, squares spread the bits", clmul, 0xffffffff, 0xffffffff, 0x5555555555555555
    RR "Zbc", clmulh, -1, -1, 0x5555555555555555
    RR "Zbc", clmul, -1, -1, 0x5555555555555555
    RR "Zbc", clmulr, -1, -1, 0xaaaaaaaaaaaaaaaa
    RR "Zbc", clmulh, 0x8000000000000000, 0x8000000000000000, 0x4000000000000000
    RR "Zbc", clmulr, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000
    RR "Zbc", clmulh, 0x8000000000000000, 2, 1
    RR "Zbc", clmulr, 0x8000000000000000, 1, 1
    RR "Zbc", clmulh, 0xffffffff, 0xffffffff, 0
    ALL_PAIRS "Zbc: CLMUL is the low half of the carry-less product", clmul, model_clmul
    ALL_PAIRS "Zbc: CLMULH is the high half of the carry-less product", clmulh, model_clmulh
    ALL_PAIRS "Zbc: CLMULR is bits 126 to 63 of the carry-less product", clmulr, model_clmulr
end:
    DONE

// The carry-less product of a0 and a1 in a3 (high) and a2.
product:
    li   a2, 0
    li   a3, 0
    mv   t1, a1
    li   t2, 64
1:  slli a3, a3, 1
    srli t0, a2, 63
    or   a3, a3, t0
    slli a2, a2, 1
    bgez t1, 2f
    xor  a2, a2, a0
2:  slli t1, t1, 1
    addi t2, t2, -1
    bnez t2, 1b
    jr   t6
model_clmul:
    jal  t6, product
    ret
model_clmulh:
    jal  t6, product
    mv   a2, a3
    ret
model_clmulr:
    jal  t6, product
    slli a3, a3, 1
    srli a2, a2, 63
    or   a2, a2, a3
    ret
