// A store of the guest to a device: its first stage translates the address, the second stage has no page there. The
// handler checks the class of the exception, steps over the store, counts, and answers with the stores that are left plus
// a quarter of the intermediate physical address, which it makes of HPFAR_EL2 and FAR_EL2 as hypervisors do. 10000 stores
// a round. The guest folds the answer into the checksum x1 = 33 x1 + x0.

#include "system.h"
.equ EVENTS, 10000
.equ DEVICE, WINDOW + 0x10000              // behind what the second stage maps
.equ REGISTER, 24

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
    ldr     x1, =DEVICE                 // intermediate physical
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
    ldr     x3, =WINDOW
1:  strb    w1, [x3, REGISTER]
    FOLD(x0)
    b       1b

.balign 64
handler:
    ENTER
    EXPECT(el2, EC_DATA_ABORT_LOWER, unexpected_exception)
    mrs     x2, elr_el2
    add     x2, x2, 4
    msr     elr_el2, x2
    COUNT(last)
    mrs     x2, hpfar_el2               // FIPA[47:12] from bit 4 on
    and     x2, x2, ~0xf
    add     x0, x0, x2, lsl 6
    mrs     x2, far_el2
    ubfx    x2, x2, 2, 10
    add     x0, x0, x2
    LEAVE
last:
    mov     x0, x1
    b       leave_guest

    vectors handlers, LOWER_SYNCHRONOUS, handler, unexpected_exception

.bss
.balign 4096
second_stage: .skip 0x4000
first_stage: .skip 0x4000
