// A call from EL1 to EL2 and back, 10000 times a round, with both stages of translation on. The handler checks the class
// of the exception, counts, and answers with the calls that are left; the guest folds the answer into the checksum
// x1 = 33 x1 + x0.

#include "system.h"
.equ EVENTS, 10000

.text
bench:
    COUNTED_EVENTS(EVENTS)
    mov     x15, x30
    ldr     x0, =second_stage
    ldr     x1, =pages
    ldr     x2, =ATTRIBUTES_STAGE2
    mov     x3, x2
    bl      build_tables
    ldr     x0, =first_stage
    ldr     x1, =WINDOW                 // intermediate physical
    ldr     x2, =ATTRIBUTES_STAGE1
    mov     x3, x2
    bl      build_tables
    ldr     x0, =first_stage + (1 << 48)    // ASID 1
    bl      turn_on_first_stage
    ldr     x0, =second_stage + (1 << 48)   // VMID 1
    bl      turn_on_second_stage

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
    hvc     0
    FOLD(x0)
    b       guest

.balign 64
handler:
    ENTER
    EXPECT(el2, EC_HVC, unexpected_exception)
    COUNT(last)
    LEAVE
last:
    mov     x0, x1
    b       leave_guest

    vectors handlers, LOWER_SYNCHRONOUS, handler, unexpected_exception

.bss
.balign 4096
second_stage: .skip 0x4000
first_stage: .skip 0x4000
