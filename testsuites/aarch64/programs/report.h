// Tables and the report, of programs at EL2 and at EL3.
#pragma once

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

unexpected:
    ldr x0, =text_unexpected
    bl print
    mrs x0, ESR_HOME
    bl print_number
    ldr x0, =text_at
    bl print
    mrs x0, ELR_HOME
    bl print_number
    mov w0, #10
    bl put
    ldr x29, =harness
    ldr x0, [x29, #H_FAILED]
    add x0, x0, #1
    str x0, [x29, #H_FAILED]
    b finish
    .ltorg

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
    POWER_OFF
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
text_unexpected: .asciz "fail an exception outside of every block, ESR "
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
