// What the system benchmarks share: the ways from EL2 to EL1 and back, and translation tables.

#include "system.h"

.text

// Runs the code at x0 at EL1 with the MMU off, its stack pointer at `context`. It ends by `hvc 0`, with the result in x0,
// and reports a failure by `hvc 1`. x19-x21, x29, x30 and sp are kept.
.globl call_kernel
call_kernel:
    ldr     x1, =kernel_vectors
    msr     vbar_el2, x1
    mov     x1, HCR_RW
    msr     hcr_el2, x1
    ldr     x1, =SCTLR_OFF
    msr     sctlr_el1, x1
// The same without the vectors, HCR_EL2 and SCTLR_EL1, which the caller sets; EL2's stack pointer is at `context` too.
.globl enter_guest
enter_guest:
    ldr     x2, =frame
    stp     x19, x20, [x2]
    stp     x21, x29, [x2, 16]
    mov     x3, sp
    stp     x30, x3, [x2, 32]
    ldr     x1, =context
    msr     sp_el1, x1
    mov     sp, x1
    msr     elr_el2, x0
    mov     x1, SPSR_EL1
    msr     spsr_el2, x1
    mov     x1, 0
    isb
    eret

    vectors kernel_vectors, LOWER_SYNCHRONOUS, kernel_called, unexpected_exception

kernel_called:
    mrs     x1, esr_el2
    ubfx    x2, x1, 26, 6
    cmp     x2, EC_HVC
    b.ne    unexpected_exception
    tst     x1, 0xffff
    b.ne    unexpected_exception
// Back from `enter_guest`, for a handler at EL2: x0 is the result.
.globl leave_guest
leave_guest:
    mov     x1, HCR_RW
    msr     hcr_el2, x1
    ldr     x1, =SCTLR_OFF
    msr     sctlr_el1, x1
    ldr     x1, =runtime_vectors
    msr     vbar_el2, x1
    isb
    ldr     x2, =frame
    ldp     x19, x20, [x2]
    ldp     x21, x29, [x2, 16]
    ldp     x30, x3, [x2, 32]
    mov     sp, x3
    ret

// What follows leaves x9 and all registers above it alone.

// Fills two sets of 16 pages. The first word of page i in set g is (64 g + i + 1) times the golden ratio's fraction.
.globl fill_pages
fill_pages:
    ldr     x0, =pages
    ldr     x1, =GOLDEN
    mov     x2, 0                       // set
1:  mov     x3, 0                       // page
2:  add     x4, x3, x2, lsl 6
    add     x4, x4, 1
    mul     x4, x4, x1
    str     x4, [x0]
    add     x0, x0, 4096
    add     x3, x3, 1
    cmp     x3, 16
    b.lo    2b
    add     x2, x2, 1
    cmp     x2, 2
    b.lo    1b
    ret

// Tables of 16 KiB, at x0, that map the 2 MiB of the program where they are, and 16 pages of 4 KiB from WINDOW to x1,
// with the attributes x2 for the 2 MiB and x3 for the pages.
.globl build_tables
build_tables:
    add     x4, x0, 0x1000              // level 2, of the program
    add     x5, x0, 0x2000              // level 2, of the window
    add     x6, x0, 0x3000              // level 3
    orr     x7, x4, TABLE
    str     x7, [x0, 8 * (PROGRAM >> 30)]
    orr     x7, x5, TABLE
    str     x7, [x0, 8 * (WINDOW >> 30)]
    ldr     x7, =PROGRAM + BLOCK
    orr     x7, x7, x2
    str     x7, [x4, 8 * (PROGRAM >> 21 & 511)]
    orr     x7, x6, TABLE
    str     x7, [x5, 8 * (WINDOW >> 21 & 511)]
    mov     x7, 16
1:  orr     x8, x1, PAGE
    orr     x8, x8, x3
    str     x8, [x6], 8
    add     x1, x1, 0x1000
    subs    x7, x7, 1
    b.ne    1b
    dsb     ishst
    ret

// Turns on EL1's MMU, with the tables and the ASID in x0.
.globl turn_on_first_stage
turn_on_first_stage:
    msr     ttbr0_el1, x0
    ldr     x1, =TCR
    msr     tcr_el1, x1
    ldr     x1, =MAIR
    msr     mair_el1, x1
    ldr     x1, =SCTLR_ON
    msr     sctlr_el1, x1
    isb
    ret

// Turns on the second stage, with the tables and the VMID in x0. Needs EL2.
.globl turn_on_second_stage
turn_on_second_stage:
    msr     vttbr_el2, x0
    ldr     x1, =VTCR
    msr     vtcr_el2, x1
    ldr     x1, =HCR_RW | HCR_VM
    msr     hcr_el2, x1
    isb
    tlbi    alle1                       // the tables may be new, the numbers are not
    dsb     ish
    isb
    ret

.bss
.balign 16
frame: .skip 48
.globl context
context: .skip 64
.balign 4096
.globl pages
pages: .skip 2 * 16 * 4096
