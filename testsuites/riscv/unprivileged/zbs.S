// Zbs: single bits (chapter 28). The model makes the mask by doubling, and clears, sets, flips or tests with it.
#include "unprivileged/instructions.h"
    .option arch, +zbs
PROGRAM "zbs"
    NEED "Zbs", end, bset a0, a0, a0

    RR "Zbs", bclr, -1, 63, 0x7fffffffffffffff
    RR "Zbs, six bits of the index", bclr, -1, 64, -2
    RR "Zbs", bset, 0, 63, 0x8000000000000000
    RR "Zbs, six bits of the index", bset, 0, -1, 0x8000000000000000
    RR "Zbs", binv, 0x8000000000000000, 63, 0
    RR "Zbs", bext, 0x8000000000000000, 63, 1
    RR "Zbs", bext, 0x7fffffffffffffff, 63, 0
    RR "Zbs", bext, 2, 0x41, 1
    ALL_PAIRS "Zbs: BCLR", bclr, model_bclr
    ALL_PAIRS "Zbs: BSET", bset, model_bset
    ALL_PAIRS "Zbs: BINV", binv, model_binv
    ALL_PAIRS "Zbs: BEXT", bext, model_bext
    .macro IMMEDIATE op, model
    jal  ra, \model
    \op a3, a0, bit
    EXPECT_EQUAL "Zbs: \op of every bit", a3, a2
    .endm
    .set bit, 0
    .rept 64
    li   a0, 0x9e3779b97f4a7c15
    li   a1, bit
    IMMEDIATE bclri, model_bclr
    IMMEDIATE bseti, model_bset
    IMMEDIATE binvi, model_binv
    IMMEDIATE bexti, model_bext
    .set bit, bit + 1
    .endr
end:
    DONE

.macro MASK
    andi t1, a1, 63
    li   t0, 1
    beqz t1, 2f
1:  add  t0, t0, t0
    addi t1, t1, -1
    bnez t1, 1b
2:
.endm
model_bclr:
    MASK
    not  t0, t0
    and  a2, a0, t0
    ret
model_bset:
    MASK
    or   a2, a0, t0
    ret
model_binv:
    MASK
    xor  a2, a0, t0
    ret
model_bext:
    MASK
    and  a2, a0, t0
    snez a2, a2
    ret
