// The code behind the macros of monitor.h: start, and the handlers of all levels.
#pragma once

.macro POWER_OFF                    // by the secure GPIO's first pin
    ldr x1, =0x090b0000
    mov w0, #1
    str w0, [x1, #0x400]
    str w0, [x1, #4]
.endm

    .section .text.start, "ax"
    .global _start
_start:
    mrs x0, mpidr_el1               // all CPUs begin here
    and x0, x0, #0xff
    cbz x0, 1f
2:  wfi
    b 2b
1:  ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors3
    msr vbar_el3, x0
    ldr x0, =SCTLR_EL3_RES1
    msr sctlr_el3, x0
    ldr x0, =NONSECURE
    msr scr_el3, x0
    msr cptr_el3, xzr
    msr mdcr_el3, xzr
    isb
    ldr x0, =vectors2
    msr vbar_el2, x0
    ldr x0, =vectors1
    msr vbar_el1, x0
    ldr x0, =HCR_RW
    msr hcr_el2, x0
    isb
    ldr x0, =SCTLR_EL2_RES1
    msr sctlr_el2, x0
    ldr x0, =SCTLR_EL1_RES1
    msr sctlr_el1, x0
    mov x0, #3 << 20
    msr cpacr_el1, x0
    ldr x0, =0x33ff
    msr cptr_el2, x0
    msr mdcr_el2, xzr
    msr hstr_el2, xzr
    msr mdscr_el1, xzr
    msr osdlr_el1, xzr
    msr oslar_el1, xzr
    mov x0, #3
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    isb
    b main
    .ltorg

// ---------------------------------------------------------------------------------------------------------- handlers

// EL1's and EL2's: straight on to EL3, which reads what they were told.
    .text
    .align 11
vectors1:
    .rept 16
    .align 7
    smc #CALL_RECORD
    .endr

    .align 11
vectors2:
    .rept 16
    .align 7
    smc #CALL_RECORD
    .endr

    .align 11
vectors3:
    .rept 16
    .align 7
    msr tpidr_el3, x30
    bl handler
    .endr

// x30 is 8 bytes into the vector.
handler:
    stp x27, x28, [sp, #-32]!
    str x29, [sp, #16]
    ldr x29, =harness
    ldr x28, [x29, #H_ACTIVE]
    cbz x28, unexpected
    str xzr, [x29, #H_ACTIVE]
    ldr x28, =vectors3 + 8
    sub x27, x30, x28
    tst x27, #0x180                 // interrupts have no syndrome
    b.ne 3f
    mrs x28, esr_el3
    lsr x30, x28, #26
    cmp x30, #EC_SMC
    b.ne 3f
    and x28, x28, #0xffff
    mov x30, #CALL_END
    cmp x28, x30
    b.eq 6f
    mov x30, #CALL_RECORD
    cmp x28, x30
    b.eq 4f
    // Taken by EL3.
3:  mov x28, #3
    stp x28, xzr, [x29, #LEVEL]
    KEEP_SYNDROME el3
    KEEP_ENTRY
    b 7f
    // Taken by a lower level; SMC was the vector's instruction.
4:  mrs x27, spsr_el3
    str x27, [x29, #ENTERED]
    tbnz x27, #3, 5f
    mrs x27, elr_el3
    sub x27, x27, #4
    ldr x28, =vectors1
    sub x27, x27, x28
    str x27, [x29, #VECTOR]
    KEEP_SYNDROME el1
    str xzr, [x29, #HPFAR]
    mov x28, #1
    str x28, [x29, #LEVEL]
    // SVC of END?
    tst x27, #0x180
    b.ne 7f
    ldr x28, [x29, #ESR]
    ldr x27, =(EC_SVC << 26 | IL | CALL_END)
    cmp x28, x27
    b.ne 7f
    b 6f
5:  mrs x27, elr_el3
    sub x27, x27, #4
    ldr x28, =vectors2
    sub x27, x27, x28
    str x27, [x29, #VECTOR]
    KEEP_SYNDROME el2
    mrs x28, hpfar_el2
    str x28, [x29, #HPFAR]
    mov x28, #2
    str x28, [x29, #LEVEL]
    b 7f
6:  str xzr, [x29, #LEVEL]
7:  ldr x28, [x29, #H_RESUME]
    msr elr_el3, x28
    mov x28, #0x3cd
    msr spsr_el3, x28
    ldr x29, [sp, #16]
    ldp x27, x28, [sp], #32
    mrs x30, tpidr_el3
    eret
    .ltorg

#include "report.h"
