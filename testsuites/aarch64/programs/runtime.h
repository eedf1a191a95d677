// The code behind the macros of harness.h: start, handlers, tables and the report.
#pragma once

.macro POWER_OFF
    ldr x0, =0x84000008             // PSCI SYSTEM_OFF
    smc #0
.endm

    .section .text.start, "ax"
    .global _start
_start:
    ldr x0, =stack
    mov sp, x0
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
    ldr x0, =0x33ff                 // nothing is trapped
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

// EL1's: straight on to EL2, which reads what EL1 was told.
    .text
    .align 11
vectors1:
    .rept 16
    .align 7
    hvc #CALL_RECORD
    .endr

    .align 11
vectors2:
    .rept 16
    .align 7
    msr tpidr_el2, x30
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
    ldr x28, =vectors2 + 8
    sub x27, x30, x28
    tst x27, #0x180                 // interrupts have no syndrome
    b.ne 3f
    mrs x28, esr_el2
    lsr x30, x28, #26
    cmp x30, #EC_HVC
    b.eq 1f
    cmp x30, #EC_SVC
    b.eq 2f
    b 3f
1:  and x30, x28, #0xffff
    mov x28, #CALL_RECORD
    cmp x30, x28
    b.eq 4f
2:  mrs x28, esr_el2
    and x30, x28, #0xffff
    mov x28, #CALL_END
    cmp x30, x28
    b.eq 6f
    // Taken by EL2.
3:  mov x28, #2
    stp x28, xzr, [x29, #LEVEL]
    KEEP_SYNDROME el2
    mrs x28, hpfar_el2
    str x28, [x29, #HPFAR]
    KEEP_ENTRY
    b 7f
    // Taken by EL1; HVC was the vector's instruction.
4:  mrs x27, spsr_el2
    str x27, [x29, #ENTERED]
    mrs x27, elr_el2
    sub x27, x27, #4
    ldr x28, =vectors1
    sub x27, x27, x28
    mrs x28, hcr_el2
    tbnz x28, #34, 8f
    KEEP_SYNDROME el1
    b 5f
8:  KEEP_SYNDROME el12
5:  str x27, [x29, #VECTOR]
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
6:  str xzr, [x29, #LEVEL]
7:  ldr x28, [x29, #H_RESUME]
    msr elr_el2, x28
    mov x28, #0x3c9
    msr spsr_el2, x28
    ldr x29, [sp, #16]
    ldp x27, x28, [sp], #32
    mrs x30, tpidr_el2
    eret

#include "report.h"
