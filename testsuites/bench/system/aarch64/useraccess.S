// What a kernel does to read a word of a user's memory, 10000 times a round: LDTR, which has the user's permissions. The
// checksum is x1 = 33 x1 + the word. A round ends with an LDTR of a page that the user may not read, which must fault.

#include "system.h"
.equ EVENTS, 10000

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
    ldr     x3, =ATTRIBUTES_USER
    bl      build_tables
    ldr     x2, =handlers
    msr     vbar_el1, x2
    ldr     x0, =tables + (1 << 48)     // ASID 1
    bl      turn_on_first_stage
    tlbi    vmalle1
    dsb     ish
    isb
    mov     x1, 0
    ldr     x2, =EVENTS
    ldr     x3, =WINDOW

.balign 64
next:
    ldtr    x4, [x3]
    FOLD(x4)
    subs    x2, x2, 1
    b.ne    next

    ldr     x3, =pages
    ldtr    x4, [x3]
wrong:
    hvc     1
.balign 64
handler:
    mrs     x2, esr_el1
    lsr     x2, x2, 26
    cmp     x2, EC_DATA_ABORT_SAME
    b.ne    wrong
    mrs     x2, far_el1
    cmp     x2, x3
    b.ne    wrong
    mov     x0, x1
    hvc     0

    vectors handlers, SAME_SYNCHRONOUS, handler, wrong

.bss
.balign 16384
tables: .skip 0x4000
