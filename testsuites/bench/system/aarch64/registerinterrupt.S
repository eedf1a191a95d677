// A software-generated interrupt that EL1 sends to its own CPU by the system registers of a GICv3, 20000 times a round. The
// handler acknowledges it, checks which it is, ends it, counts, and answers with the interrupts that are left; what was
// interrupted waits for the answer and folds it into the checksum x1 = 33 x1 + x0.

#include "system.h"
.equ EVENTS, 20000
.equ INTID, 1
.equ TO_SELF, 1                         // ICC_SGI1R_EL1: the CPU whose affinity is all 0

.text
bench:
    COUNTED_EVENTS(EVENTS)
    ldr     x0, =kernel
    b       call_kernel

kernel:
    ldr     x2, =EVENTS
    str     x2, [sp, 8]
    ldr     x2, =handlers
    msr     vbar_el1, x2
    ldr     x3, =GICD
    ldr     x4, =GICR
    mov     w2, 2
    str     w2, [x3]                    // GICD_CTLR: group 1
    str     wzr, [x4, GICR_WAKER]
1:  ldr     w2, [x4, GICR_WAKER]
    tbnz    w2, 2, 1b                   // until its children are awake
    ldr     x4, =GICR_SGI
    mov     w2, ~0
    str     w2, [x4, GICR_IGROUPR0]
    mov     w2, 1 << INTID
    str     w2, [x4, GICR_ISENABLER0]
    dsb     sy
    mov     x2, 0xf0
    msr     icc_pmr_el1, x2
    mov     x2, 1
    msr     icc_igrpen1_el1, x2
    ldr     x5, =TO_SELF | INTID << 24
    mov     x0, 0
    mov     x1, 0
    isb
    msr     daifclr, 2

.balign 64
next:
    mov     x6, 0
    msr     icc_sgi1r_el1, x5
    isb
1:  cbz     x6, 1b
    FOLD(x0)
    b       next

.balign 64
handler:
    ENTER
    mrs     x2, icc_iar1_el1
    and     x6, x2, 0xffffff
    cmp     x6, INTID
    b.ne    wrong
    msr     icc_eoir1_el1, x2
    COUNT(last)
    LEAVE
last:
    msr     icc_igrpen1_el1, xzr
    str     wzr, [x3]                   // GICD_CTLR
    mov     x0, x1
    hvc     0
wrong:
    hvc     1

    vectors handlers, SAME_IRQ, handler, wrong
