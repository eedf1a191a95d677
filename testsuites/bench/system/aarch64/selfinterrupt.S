// A software-generated interrupt that EL1 sends to its own CPU through the GICv2 distributor, 20000 times a round. The
// handler acknowledges it, checks which it is, ends it, counts, and answers with the interrupts that are left; what was
// interrupted waits for the answer, since a device may take its time, and folds it into the checksum x1 = 33 x1 + x0.

#include "system.h"
.equ EVENTS, 20000
.equ INTID, 1
.equ TO_SELF, 2 << 24                   // GICD_SGIR.TargetListFilter

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
    ldr     x4, =GICC
    mov     w2, 1
    str     w2, [x3]                    // GICD_CTLR
    str     w2, [x4]                    // GICC_CTLR
    mov     w2, 1 << INTID
    str     w2, [x3, GICD_ISENABLER0]
    mov     w2, 0xf0
    str     w2, [x4, GICC_PMR]
    dsb     sy
    ldr     w5, =TO_SELF | INTID
    mov     x0, 0
    mov     x1, 0
    isb
    msr     daifclr, 2

.balign 64
next:
    mov     x6, 0
    str     w5, [x3, GICD_SGIR]
1:  cbz     x6, 1b
    FOLD(x0)
    b       next

.balign 64
handler:
    ENTER
    ldr     w2, [x4, GICC_IAR]
    and     w6, w2, 0x3ff
    cmp     w6, INTID
    b.ne    wrong
    str     w2, [x4, GICC_EOIR]
    COUNT(last)
    LEAVE
last:
    str     wzr, [x3]                   // GICD_CTLR
    mov     x0, x1
    hvc     0
wrong:
    hvc     1

    vectors handlers, SAME_IRQ, handler, wrong
