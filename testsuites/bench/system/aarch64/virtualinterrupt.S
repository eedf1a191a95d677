// A virtual interrupt: the guest calls the hypervisor, which counts, answers with the calls that are left, and makes an
// interrupt pending in a list register of the GICv2. The guest takes it, acknowledges it at its CPU interface, which is
// GICV, checks which it is, ends it and doubles the answer, which is then folded into the checksum x1 = 33 x1 + x0.
// 10000 a round.

#include "system.h"
.equ EVENTS, 10000
.equ INTID, 27
.equ PENDING, 1 << 28                   // GICH_LRn.State

.text
bench:
    COUNTED_EVENTS(EVENTS)
    mov     x15, x30
    ldr     x0, =second_stage
    ldr     x1, =GICV                   // 16 pages, of which two are there
    ldr     x2, =ATTRIBUTES_STAGE2
    ldr     x3, =ATTRIBUTES_STAGE2_DEVICE
    bl      build_tables
    ldr     x0, =first_stage
    ldr     x1, =WINDOW                 // intermediate physical
    ldr     x2, =ATTRIBUTES_STAGE1
    orr     x3, x2, 1 << 2              // MAIR's 1: device
    bl      build_tables
    ldr     x0, =first_stage + (1 << 48)    // ASID 1
    bl      turn_on_first_stage
    ldr     x0, =second_stage + (1 << 48)   // VMID 1
    bl      turn_on_second_stage
    ldr     x2, =HCR_RW | HCR_VM | HCR_IMO
    msr     hcr_el2, x2
    ldr     x10, =GICH
    ldr     x11, =WINDOW
    ldr     x12, =PENDING | INTID
    ldr     x13, =GICV
    mov     w2, 1
    str     w2, [x10]                   // GICH_HCR.En
    str     w2, [x13]                   // GICV_CTLR: group 0
    mov     w2, 0xf8
    str     w2, [x13, GICC_PMR]
    ldr     x2, =interrupt_handlers
    msr     vbar_el1, x2

    ldr     x2, =EVENTS
    ldr     x3, =context
    str     x2, [x3, 8]
    ldr     x2, =handlers
    msr     vbar_el2, x2
    mov     x30, x15
    ldr     x0, =guest
    b       enter_guest

.balign 64
guest:
    msr     daifclr, 2
1:  mov     x14, 0
    hvc     0
2:  cbz     x14, 2b
    FOLD(x0)
    b       1b

.balign 64
interrupt:                              // at EL1
    ldr     w2, [x11, GICC_IAR]
    and     w14, w2, 0x3ff
    cmp     w14, INTID
    b.ne    wrong
    str     w2, [x11, GICC_EOIR]
    lsl     x0, x0, 1
    eret
wrong:
    smc     0                           // to EL2

.balign 64
handler:
    ENTER
    EXPECT(el2, EC_HVC, unexpected_exception)
    COUNT(last)
    str     w12, [x10, GICH_LR0]
    LEAVE
last:
    str     wzr, [x10]                  // GICH_HCR
    mov     x0, x1
    b       leave_guest

    vectors interrupt_handlers, SAME_IRQ, interrupt, wrong
    vectors handlers, LOWER_SYNCHRONOUS, handler, unexpected_exception

.bss
.balign 4096
second_stage: .skip 0x4000
first_stage: .skip 0x4000
