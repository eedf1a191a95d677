// Code that rewrites itself: each time round the loop an instruction of it is replaced by another, `fence.i` follows, and
// it is run. The instruction is `addi a0, zero, n mod 1024`, where n counts down. The checksum is a1 = 33 a1 + a0. 500
// times a round.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 500

.text
.balign 64
bench:
    COUNTED_EVENTS(EVENTS)
    li      a1, 0
    li      a2, EVENTS
    la      t0, rewritten
    li      t1, 0x00000513              // addi a0, zero, 0

next:
    andi    t2, a2, 1023
    slli    t2, t2, 20                  // the immediate
    or      t2, t2, t1
    sw      t2, 0(t0)
    fence.i
rewritten:
    addi    a0, zero, 0
    FOLD(a0, t2)
    addi    a2, a2, -1
    bnez    a2, next

    mv      a0, a1
    ret
