// The code behind the macros of harness.h: start, handlers, tables and the report.
#pragma once

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
    mrs x28, esr_el2
    str x28, [x29, #ESR]
    mrs x28, elr_el2
    str x28, [x29, #ELR]
    mrs x28, far_el2
    str x28, [x29, #FAR]
    mrs x28, spsr_el2
    str x28, [x29, #SPSR]
    mrs x28, hpfar_el2
    str x28, [x29, #HPFAR]
    str x27, [x29, #VECTOR]
    mrs x27, daif
    mrs x28, currentel
    orr x27, x27, x28
    mrs x28, spsel
    orr x27, x27, x28
    str x27, [x29, #ENTERED]
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
    mrs x28, esr_el1
    str x28, [x29, #ESR]
    mrs x28, elr_el1
    str x28, [x29, #ELR]
    mrs x28, far_el1
    str x28, [x29, #FAR]
    mrs x28, spsr_el1
    b 5f
8:  mrs x28, esr_el12
    str x28, [x29, #ESR]
    mrs x28, elr_el12
    str x28, [x29, #ELR]
    mrs x28, far_el12
    str x28, [x29, #FAR]
    mrs x28, spsr_el12
5:  str x28, [x29, #SPSR]
    str x27, [x29, #VECTOR]
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

unexpected:
    ldr x0, =text_unexpected
    bl print
    mrs x0, esr_el2
    bl print_number
    ldr x0, =text_at
    bl print
    mrs x0, elr_el2
    bl print_number
    mov w0, #10
    bl put
    ldr x29, =harness
    ldr x0, [x29, #H_FAILED]
    add x0, x0, #1
    str x0, [x29, #H_FAILED]
    b finish
    .ltorg

// ------------------------------------------------------------------------------------------------------------ tables

// The first stage of EL1&0 with 4 KiB pages and addresses of 39 bits.
tables_on:
    ldr x28, =TABLE_ONE
    mov x29, #0x20000
1:  sub x29, x29, #8                // both stages' tables
    str xzr, [x28, x29]
    cbnz x29, 1b
    ldr x29, =(BLOCK | AF | ATTR_DEVICE | PXN | UXN)
    str x29, [x28]
    ldr x29, =(0x40000000 | BLOCK | AF | SH_INNER | UXN)
    str x29, [x28, #8]
    ldr x29, =(0x40000000 | BLOCK | AF | SH_INNER | AP_EL0)
    str x29, [x28, #16]
    ldr x29, =(TABLE_ONE_TEST | VALID)
    str x29, [x28, #32]
    ldr x28, =TABLE_ONE_TEST
    ldr x29, =(TABLE_ONE_TEST + 0x1000 | VALID)
    str x29, [x28]
    ldr x28, =TABLE_TWO
    ldr x29, =(BLOCK | AF | S2_READ | S2_WRITE)
    str x29, [x28]
    ldr x29, =(0x40000000 | BLOCK | AF | S2_NORMAL | S2_READ | S2_WRITE)
    str x29, [x28, #8]
    ldr x29, =(TABLE_TWO_TEST | VALID)
    str x29, [x28, #32]
    ldr x28, =TABLE_TWO_TEST
    ldr x29, =(TABLE_TWO_TEST + 0x1000 | VALID)
    str x29, [x28]
    ldr x28, =TABLE_ONE
    msr ttbr0_el1, x28
    ldr x28, =(25 | 25 << 16 | 1 << 23 | 2 << 30 | 3 << 12 | 1 << 8 | 1 << 10 | 2 << 32)
    msr tcr_el1, x28
    mov x28, #0xff                  // 0 is normal memory, 1 device-nGnRnE
    msr mair_el1, x28
    ldr x28, =TABLE_TWO
    msr vttbr_el2, x28
    ldr x28, =(1 << 31 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 | 25)
    msr vtcr_el2, x28
    ldr x28, =(SCTLR_EL1_RES1 | 1 << 12 | 1 << 2 | 1)
    msr sctlr_el1, x28
drop_translations:
    dsb sy
    tlbi alle1
    tlbi vmalls12e1
    dsb sy
    isb
    ret
    .ltorg

// ------------------------------------------------------------------------------------------------------------ report

// x29 is the harness; all but x28 to x30 stay.
check:
    stp x0, x1, [sp, #-64]!
    stp x2, x3, [sp, #16]
    stp x4, x30, [sp, #32]
    ldr x0, [x29, #H_CHECKS]
    add x0, x0, #1
    str x0, [x29, #H_CHECKS]
    ldr x0, [x29, #H_GOT]
    ldr x1, [x29, #H_WANT]
    cmp x0, x1
    b.eq 1f
    ldr x0, [x29, #H_FAILED]
    add x0, x0, #1
    str x0, [x29, #H_FAILED]
    ldr x0, =text_fail
    bl print
    ldr x0, [x29, #H_TEXT]
    bl print
    ldr x0, =text_expected
    bl print
    ldr x0, [x29, #H_WANT]
    bl print_number
    ldr x0, =text_got
    bl print
    ldr x0, [x29, #H_GOT]
    bl print_number
    mov w0, #10
    bl put
1:  ldp x4, x30, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp], #64
    ret

finish:
    ldr x0, =HCR_RW
    msr hcr_el2, x0
    isb
    ldr x29, =harness
    ldr x1, [x29, #H_FAILED]
    ldr x0, =text_passed
    ldr x2, =text_failed
    cmp x1, #0
    csel x0, x0, x2, eq
    bl print
    ldr x0, =program_name
    bl print
    ldr x0, =text_colon
    bl print
    ldr x0, [x29, #H_CHECKS]
    bl print_decimal
    ldr x0, =text_checks
    bl print
    ldr x0, [x29, #H_FAILED]
    cbz x0, 1f
    ldr x0, =text_comma
    bl print
    ldr x0, [x29, #H_FAILED]
    bl print_decimal
    ldr x0, =text_of_them
    bl print
1:  mov w0, #10
    bl put
    ldr x0, [x29, #H_FAILED]
    lsl x0, x0, #1
    orr x0, x0, #1
    ldr x1, =tohost
    str x0, [x1]
    ldr x0, =0x84000008             // PSCI SYSTEM_OFF
    smc #0
    b .

put:
    mov x1, #0x09000000
    str w0, [x1]
    ret

print:
    mov x2, x0
    mov x3, x30
1:  ldrb w0, [x2], #1
    cbz w0, 2f
    bl put
    b 1b
2:  ret x3

print_number:
    mov x2, x0
    mov x3, x30
    mov w0, #'0'
    bl put
    mov w0, #'x'
    bl put
    mov x4, #60
1:  lsr x0, x2, x4                  // no leading zeros
    cbnz x0, 2f
    cbz x4, 2f
    sub x4, x4, #4
    b 1b
2:  lsr x0, x2, x4
    and x0, x0, #15
    cmp x0, #10
    add x0, x0, #'0'
    b.lo 3f
    add x0, x0, #'a' - '0' - 10
3:  bl put
    subs x4, x4, #4
    b.ge 2b
    ret x3

print_decimal:
    mov x3, x30
    mov x4, sp
    mov x2, #10
1:  udiv x1, x0, x2
    msub x0, x1, x2, x0
    add x0, x0, #'0'
    str x0, [sp, #-16]!
    mov x0, x1
    cbnz x0, 1b
2:  ldr x0, [sp], #16
    bl put
    mov x0, sp
    cmp x0, x4
    b.ne 2b
    ret x3
    .ltorg

    .section .rodata
text_unexpected: .asciz "fail an exception outside of every block, ESR_EL2 "
text_at: .asciz " at "
text_fail: .asciz "fail "
text_expected: .asciz ": expected "
text_got: .asciz ", got "
text_passed: .asciz "PASS "
text_failed: .asciz "FAILED "
text_colon: .asciz ": "
text_checks: .asciz " checks"
text_comma: .asciz ", "
text_of_them: .asciz " of them failed"

    .data
    .balign 64
    .global tohost
tohost: .quad 0
    .balign 64
fromhost: .quad 0
    .balign 64
harness: .skip H_SIZE
    .balign 16
    .skip 4096
stack:
    .text
