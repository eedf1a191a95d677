// Code that rewrites itself: each time round the loop an instruction of it is replaced by another, the caches are told
// (DDI 0487, B2.4.4), and it is run. The instruction is `mov x0, n mod 1024`, where n counts down. The checksum is
// x1 = 33 x1 + x0. 500 times a round.

#include "system.h"
.equ EVENTS, 500

.text
.balign 64
bench:
    COUNTED_EVENTS(EVENTS)
    mov     x1, 0
    ldr     x2, =EVENTS
    ldr     x3, =rewritten
    ldr     w4, =0xd2800000             // movz x0, 0

next:
    and     w5, w2, 1023
    orr     w5, w4, w5, lsl 5           // the immediate
    str     w5, [x3]
    dc      cvau, x3
    dsb     ish
    ic      ivau, x3
    dsb     ish
    isb
rewritten:
    movz    x0, 0
    FOLD(x0)
    subs    x2, x2, 1
    b.ne    next

    mov     x0, x1
    ret
