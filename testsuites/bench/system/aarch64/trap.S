// A call from EL0 to EL1 and back, 20000 times a round. The handler checks the class of the exception, counts, and
// answers with the calls that are left; the user folds the answer into the checksum x1 = 33 x1 + x0.

#include "system.h"
.equ EVENTS, 20000

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
    ldr     x2, =user
    msr     elr_el1, x2
    mov     x2, SPSR_EL0
    msr     spsr_el1, x2
    mov     x1, 0
    eret

.balign 64
user:
    svc     0
    FOLD(x0)
    b       user

.balign 64
handler:
    ENTER
    EXPECT(el1, EC_SVC, wrong)
    COUNT(last)
    LEAVE
last:
    mov     x0, x1
    hvc     0
wrong:
    hvc     1

    vectors handlers, LOWER_SYNCHRONOUS, handler, wrong
