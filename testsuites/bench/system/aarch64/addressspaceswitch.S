// Two address spaces, each with its own ASID and tables, take turns at EL1: write TTBR0_EL1, then read one word of each
// of 16 pages. Nothing is invalidated. 5000 switches a round. The checksum is x1 = 33 x1 + (sum of the 16 words); the
// same addresses hold other words in the other space, so a stale translation shows.

#include "system.h"
.equ EVENTS, 5000

.text
bench:
    COUNTED_EVENTS(EVENTS)
    ldr     x0, =kernel
    b       call_kernel

kernel:
    bl      fill_pages
    ldr     x0, =tables
    ldr     x1, =pages
    ldr     x2, =ATTRIBUTES_STAGE1
    mov     x3, x2
    bl      build_tables
    ldr     x0, =tables + 0x4000
    ldr     x1, =pages + 0x10000
    ldr     x2, =ATTRIBUTES_STAGE1
    mov     x3, x2
    bl      build_tables
    ldr     x2, =handlers
    msr     vbar_el1, x2
    ldr     x9, =tables + (1 << 48)     // ASID 1
    ldr     x10, =tables + 0x4000 + (2 << 48)
    mov     x0, x9
    bl      turn_on_first_stage
    tlbi    vmalle1
    dsb     ish
    isb
    mov     x1, 0
    ldr     x2, =EVENTS
    ldr     x3, =WINDOW

.balign 64
next:
.irp space, x9, x10
    msr     ttbr0_el1, \space
    isb
    mov     x4, 0
    mov     x5, x3
.rept 16
    ldr     x6, [x5]
    add     x5, x5, 4096
    add     x4, x4, x6
.endr
    FOLD(x4)
.endr
    subs    x2, x2, 2
    b.ne    next

    mov     x0, x1
    hvc     0
wrong:
    hvc     1

    vectors handlers, -1, wrong, wrong

.bss
.balign 16384
tables: .skip 2 * 0x4000
