// A call from U-mode to S-mode and back, 20000 times a round. The handler checks the cause, steps over the `ecall`,
// counts, and answers with the calls that are left; the user folds the answer into the checksum a1 = 33 a1 + a0.

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
    la      t0, user
    csrw    sepc, t0
    li      t0, SSTATUS_SPP             // to U
    csrc    sstatus, t0
    li      a1, 0
    sret

.balign 64
user:
    ecall
    FOLD(a0, t1)
    j       user

.balign 64
handler:
    ENTER
    csrr    t0, scause
    addi    t0, t0, -CAUSE_USER_CALL
    bnez    t0, wrong
    NEXT_INSTRUCTION
    COUNT(last)
    LEAVE
last:
    mv      a0, a1
    ecall
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong
