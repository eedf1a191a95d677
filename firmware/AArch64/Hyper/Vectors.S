// The ways into a guest and out again, exceptions of Hyper itself, and the switch from one thread to another.

#include "AArch64.h"

// For debuggers, and not in the image. Where an exception came to is in no general register: for DWARF it is ELR_mode (AADWARF64,
// "DWARF register names"), and the assembler gives all of a file the same column for it.
.cfi_sections .debug_frame
.macro frame
    .cfi_startproc
    .cfi_return_column 33
.endm

// An exception of Hyper itself, most often an interrupt: on the stack of whoever runs. Registers that calls keep are left to
// the calls.
.macro host_exception kind
.balign 128
    sub sp, sp, #HOST_FRAME_SIZE
    stp x0, x1, [sp]
    mov x0, #\kind
    b host_exception
.endm

// A guest's exit. The stack pointer leads to the guest's frame while it runs. Interrupts are off from here until the guest
// goes on, unless the handler waits, which makes other threads run meanwhile.
.macro guest_exit kind
.balign 128
    stp x0, x1, [sp]
    mov x0, #\kind
    b guest_exit
.endm

.macro unexpected
.balign 128
    msr spsel, #1
    mov x0, #EXIT_ERROR
    b hyper_exception
.endm

.text
.balign 2048
.globl hyper_vectors
hyper_vectors:
    // With the stack pointer of EL0, which Hyper does not use.
    unexpected
    unexpected
    unexpected
    unexpected
    host_exception EXIT_SYNCHRONOUS
    host_exception EXIT_INTERRUPT
    host_exception EXIT_FAST_INTERRUPT
    host_exception EXIT_ERROR
    guest_exit EXIT_SYNCHRONOUS
    guest_exit EXIT_INTERRUPT
    guest_exit EXIT_FAST_INTERRUPT
    guest_exit EXIT_ERROR
    // From AArch32 at EL0.
    guest_exit EXIT_SYNCHRONOUS
    guest_exit EXIT_INTERRUPT
    guest_exit EXIT_FAST_INTERRUPT
    guest_exit EXIT_ERROR

guest_exit:
    frame
    .cfi_undefined 33                   // nobody has called
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    mrs x1, elr_el2
    mrs x2, spsr_el2
    stp x30, x1, [sp, #240]
    ldr x3, [sp, #GUEST_HOST_STACK]
    str x2, [sp, #GUEST_STATUS]
    mov x19, sp
    mov sp, x3
    bl hyper_guest_exit
    b enter_guest
    .cfi_endproc

// hyper_begin_guest(frame): the guest's first entry.
.globl hyper_begin_guest
hyper_begin_guest:
    frame
    .cfi_undefined 33                   // it does not return
    mov x19, x0
    .cfi_endproc

// x19 = the frame of the guest that is entered.
enter_guest:
    frame
    .cfi_undefined 33
    mov sp, x19
    ldp x30, x1, [sp, #240]
    ldr x2, [sp, #GUEST_STATUS]
    msr elr_el2, x1
    msr spsr_el2, x2
    ldp x28, x29, [sp, #224]
    ldp x26, x27, [sp, #208]
    ldp x24, x25, [sp, #192]
    ldp x22, x23, [sp, #176]
    ldp x20, x21, [sp, #160]
    ldp x18, x19, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp]
    eret
    .cfi_endproc

host_exception:
    frame
    .cfi_def_cfa_offset HOST_FRAME_SIZE
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x1, elr_el2
    mrs x2, spsr_el2
    stp x1, x2, [sp, #160]
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
    .cfi_offset x\register, 8*\register - HOST_FRAME_SIZE
.endr
    .cfi_offset x30, 152 - HOST_FRAME_SIZE
    .cfi_offset 33, 160 - HOST_FRAME_SIZE
    bl hyper_exception
    ldp x1, x2, [sp, #160]
    msr elr_el2, x1
    msr spsr_el2, x2
    ldp x18, x30, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp], #HOST_FRAME_SIZE
    eret
    .cfi_endproc

// hyper_switch(old, new): leaves the running thread's registers on its stack and the stack in *old, and goes on with what
// was left on `new`.
.globl hyper_switch
hyper_switch:
    stp x19, x20, [sp, #-CONTEXT_SIZE]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    mov x2, sp
    str x2, [x0]
    mov sp, x1
    ldp x29, x30, [sp, #80]
    ldp x27, x28, [sp, #64]
    ldp x25, x26, [sp, #48]
    ldp x23, x24, [sp, #32]
    ldp x21, x22, [sp, #16]
    ldp x19, x20, [sp], #CONTEXT_SIZE
    ret

// A guest's floating-point and vector registers: q0 to q31, then FPCR and FPSR. CPTR_EL2.TFP is off.
.arch_extension fp
.arch_extension simd
.globl hyper_save_floats
hyper_save_floats:
    stp q0, q1, [x0, #0]
    stp q2, q3, [x0, #32]
    stp q4, q5, [x0, #64]
    stp q6, q7, [x0, #96]
    stp q8, q9, [x0, #128]
    stp q10, q11, [x0, #160]
    stp q12, q13, [x0, #192]
    stp q14, q15, [x0, #224]
    stp q16, q17, [x0, #256]
    stp q18, q19, [x0, #288]
    stp q20, q21, [x0, #320]
    stp q22, q23, [x0, #352]
    stp q24, q25, [x0, #384]
    stp q26, q27, [x0, #416]
    stp q28, q29, [x0, #448]
    stp q30, q31, [x0, #480]
    mrs x1, fpcr
    mrs x2, fpsr
    add x0, x0, #512
    stp x1, x2, [x0]
    ret
.globl hyper_load_floats
hyper_load_floats:
    ldp q0, q1, [x0, #0]
    ldp q2, q3, [x0, #32]
    ldp q4, q5, [x0, #64]
    ldp q6, q7, [x0, #96]
    ldp q8, q9, [x0, #128]
    ldp q10, q11, [x0, #160]
    ldp q12, q13, [x0, #192]
    ldp q14, q15, [x0, #224]
    ldp q16, q17, [x0, #256]
    ldp q18, q19, [x0, #288]
    ldp q20, q21, [x0, #320]
    ldp q22, q23, [x0, #352]
    ldp q24, q25, [x0, #384]
    ldp q26, q27, [x0, #416]
    ldp q28, q29, [x0, #448]
    ldp q30, q31, [x0, #480]
    add x0, x0, #512
    ldp x1, x2, [x0]
    msr fpcr, x1
    msr fpsr, x2
    ret
