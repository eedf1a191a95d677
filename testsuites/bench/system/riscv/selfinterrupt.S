// A supervisor software interrupt that S-mode sends to itself through sip, 20000 times a round. It must come before the
// next instruction. The handler checks the cause, clears the interrupt, counts, and answers with the interrupts that are
// left; what was interrupted folds the answer into the checksum a1 = 33 a1 + a0.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 20000

.text
bench:
    COUNTED_EVENTS(EVENTS)
    la      a0, supervisor
    tail    call_supervisor

supervisor:
    la      t0, context
    li      t1, EVENTS
    sd      t1, 8(t0)
    csrw    sscratch, t0
    la      t0, handler
    csrw    stvec, t0
    csrwi   sie, SUPERVISOR_SOFTWARE
    csrsi   sstatus, SSTATUS_SIE
    li      a0, 0
    li      a1, 0
    li      t1, INTERRUPT_SUPERVISOR_SOFTWARE

.balign 64
next:
    csrsi   sip, SUPERVISOR_SOFTWARE
    FOLD(a0, t2)
    j       next

.balign 64
handler:
    ENTER
    csrr    t0, scause
    bne     t0, t1, wrong
    csrci   sip, SUPERVISOR_SOFTWARE
    COUNT(last)
    LEAVE
last:
    csrwi   sie, 0
    mv      a0, a1
    ecall
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong
