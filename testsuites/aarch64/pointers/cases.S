// Runs one instruction of pointer authentication a case, at EL1, EL2, or EL2 as a host.
//
// Runs on another machine (qemu-system-aarch64 -M virt,virtualization=on) that has semihosting, for comparison with ours:
// Tests/ISATests/AArch64PointerTests.swift writes its input and reads its output.
//
// Input, at 0x48000000: the number of cases, and then for each of them 32 words of 8 bytes:
//    0 exception level             1 instruction
//    2 TCR_ELx                     3 SCTLR_ELx
//    4 to 13 keys: IA, IB, DA, DB, GA, the low half first
//   14 x0    15 x1    16 x16    17 x17    18 x30    19 the stack pointer
//   20 HCR_EL2    21 ELR_EL1, for ERETAA
// Output, in the file "results": for each case 8 words: x0, x1, x17, x30, ESR_EL2, ELR_EL2, ESR_EL1, ELR_EL1. Behind the
// instruction stands HVC #0, and EL1's handlers are HVC #1.

    .equ input, 0x48000000
    .equ output, 0x50000000
    .equ control, 0x30c50830        // SCTLR_EL2 with nothing on

    // x20 end of the output, x21 case, x22 cases left
    .globl _start
_start:
    ldr x0, =vectors2
    msr vbar_el2, x0
    ldr x0, =vectors1
    msr vbar_el1, x0
    ldr x20, =output
    ldr x21, =input
    ldr x22, [x21], #8

next:
    ldr x0, [x21, #160]
    msr hcr_el2, x0
    isb
    .irp key, 0, 1, 2, 3, 4
    ldp x0, x1, [x21, #32 + 16 * \key]
    .if \key == 0
    msr apiakeylo_el1, x0
    msr apiakeyhi_el1, x1
    .elseif \key == 1
    msr apibkeylo_el1, x0
    msr apibkeyhi_el1, x1
    .elseif \key == 2
    msr apdakeylo_el1, x0
    msr apdakeyhi_el1, x1
    .elseif \key == 3
    msr apdbkeylo_el1, x0
    msr apdbkeyhi_el1, x1
    .else
    msr apgakeylo_el1, x0
    msr apgakeyhi_el1, x1
    .endif
    .endr
    adr x0, code
    ldr x1, [x21, #8]
    str w1, [x0]
    dc cvau, x0
    dsb sy
    ic ivau, x0
    dsb sy
    isb
    msr elr_el2, x0
    ldp x0, x1, [x21, #16]
    ldr x2, [x21]
    ldr x3, [x21, #152]
    cmp x2, #1
    b.ne 1f
    msr tcr_el1, x0
    msr sctlr_el1, x1
    msr sp_el1, x3
    mov x4, #0x3c5                  // EL1h
    b 2f
1:  msr tcr_el2, x0
    msr sctlr_el2, x1
    mov sp, x3
    mov x4, #0x3c9                  // EL2h
2:  msr spsr_el2, x4
    isb
    ldr x0, [x21, #168]
    tbnz x4, #3, 3f
    msr elr_el1, x0
    mov x0, #0x3c5
    msr spsr_el1, x0
3:  ldp x0, x1, [x21, #112]
    ldp x16, x17, [x21, #128]
    ldr x30, [x21, #144]
    eret
code:
    nop
    hvc #0

ended:
    mrs x23, esr_el2
    mrs x24, elr_el2
    mov x25, #1 << 31
    msr hcr_el2, x25
    ldr x25, =control
    msr sctlr_el2, x25
    isb
    stp x0, x1, [x20], #16
    stp x17, x30, [x20], #16
    stp x23, x24, [x20], #16
    mrs x23, esr_el1
    mrs x24, elr_el1
    stp x23, x24, [x20], #16
    add x21, x21, #256
    sub x22, x22, #1
    cbnz x22, next

    adr x1, arguments
    adr x2, name
    mov x3, #5                      // SYS_OPEN for writing
    stp x2, x3, [x1]
    mov x2, #7
    str x2, [x1, #16]
    mov w0, #1
    hlt #0xf000
    adr x1, arguments
    ldr x2, =output
    sub x3, x20, x2
    stp x0, x2, [x1]
    str x3, [x1, #16]
    mov w0, #5                      // SYS_WRITE
    hlt #0xf000
    adr x1, arguments
    ldr x2, =0x20026                // ADP_Stopped_ApplicationExit
    stp x2, xzr, [x1]
    mov w0, #0x18
    hlt #0xf000
    b .
name: .asciz "results"
    .align 3
arguments: .skip 24
    .ltorg

    .align 11
vectors2:
    .rept 16
    .align 7
    b ended
    .endr
    .align 11
vectors1:
    .rept 16
    .align 7
    hvc #1
    .endr
