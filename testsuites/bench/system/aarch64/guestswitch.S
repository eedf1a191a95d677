// Two guests, each with its own VMID, second-stage tables, ASID and first-stage tables, take turns: a guest reads one
// word of each of its 8 pages, then calls the hypervisor, which puts the other guest's VTTBR_EL2, TTBR0_EL1 and pc in
// place and invalidates nothing. 5000 switches a round. The checksum is x1 = 33 x1 + (sum of the 8 words); the same
// addresses hold other words for the other guest, so a stale translation shows.

#include "system.h"
.equ EVENTS, 5000

.text
bench:
    COUNTED_EVENTS(EVENTS)
    mov     x15, x30
    bl      fill_pages
    ldr     x10, =tables
    ldr     x11, =pages
    mov     x12, 1                      // the guest's number is its VMID and its ASID
1:  mov     x0, x10                     // the second stage
    mov     x1, x11
    ldr     x2, =ATTRIBUTES_STAGE2
    mov     x3, x2
    bl      build_tables
    add     x0, x10, 0x4000             // the first stage
    ldr     x1, =WINDOW
    ldr     x2, =ATTRIBUTES_STAGE1
    mov     x3, x2
    bl      build_tables
    orr     x13, x10, x12, lsl 48       // VTTBR_EL2
    add     x14, x13, 0x4000            // TTBR0_EL1
    cmp     x12, 2
    b.eq    2f
    mov     x0, x14
    bl      turn_on_first_stage
    mov     x0, x13
    bl      turn_on_second_stage
    add     x10, x10, 0x8000
    add     x11, x11, 0x10000
    mov     x12, 2
    b       1b

2:  ldr     x3, =context
    ldr     x2, =EVENTS
    ldr     x0, =guest
    str     x2, [x3, 8]
    str     x0, [x3, 16]
    stp     x13, x14, [x3, 24]
    ldr     x2, =handlers
    msr     vbar_el2, x2
    mov     x30, x15
    b       enter_guest

.balign 64
guest:
    ldr     x3, =WINDOW
1:  mov     x4, 0
    mov     x5, x3
.rept 8
    ldr     x6, [x5]
    add     x5, x5, 4096
    add     x4, x4, x6
.endr
    FOLD(x4)
    hvc     0
    b       1b

.balign 64
handler:
    ENTER
    EXPECT(el2, EC_HVC, unexpected_exception)
    stp     x3, x4, [sp, 40]
    ldr     x2, [sp, 16]                // exchange pc, VTTBR_EL2 and TTBR0_EL1 with the other guest's
    ldp     x3, x4, [sp, 24]
    mrs     x5, elr_el2
    mrs     x6, vttbr_el2
    mrs     x7, ttbr0_el1
    msr     elr_el2, x2
    msr     vttbr_el2, x3
    msr     ttbr0_el1, x4
    str     x5, [sp, 16]
    stp     x6, x7, [sp, 24]
    ldp     x3, x4, [sp, 40]
    COUNT(last)
    LEAVE
last:
    mov     x0, x1
    b       leave_guest

    vectors handlers, LOWER_SYNCHRONOUS, handler, unexpected_exception

.bss
.balign 16384
tables: .skip 2 * 0x8000
