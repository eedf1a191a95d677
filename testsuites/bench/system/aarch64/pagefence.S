// One page is given another frame, its translation invalidated, and touched, 10000 times a round: its descriptor is
// written, `tlbi vae1` names its address, and a word is loaded. Two frames take turns. The checksum is x1 = 33 x1 + the
// word, so a stale translation shows.

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
    mov     x3, x2
    bl      build_tables
    ldr     x2, =handlers
    msr     vbar_el1, x2
    ldr     x0, =tables + (1 << 48)     // ASID 1
    bl      turn_on_first_stage
    tlbi    vmalle1
    dsb     ish
    isb
    ldr     x9, =pages + (ATTRIBUTES_STAGE1 | PAGE)            // the first page of each set
    ldr     x10, =pages + 0x10000 + (ATTRIBUTES_STAGE1 | PAGE)
    ldr     x11, =tables + 0x3000
    ldr     x12, =WINDOW
    lsr     x13, x12, 12
    orr     x13, x13, 1 << 48           // the address and ASID 1, as `tlbi` takes them
    mov     x1, 0
    ldr     x2, =EVENTS

.balign 64
next:
.irp frame, x9, x10
    str     \frame, [x11]                // the level-3 table of the window
    dsb     ishst
    tlbi    vae1, x13
    dsb     ish
    isb
    ldr     x3, [x12]
    FOLD(x3)
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
tables: .skip 0x4000
