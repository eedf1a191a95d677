// Every system register and system instruction, tried at each exception level under settings of the control registers.
//
// Runs on another machine (qemu-system-aarch64 -M virt,virtualization=on) that has semihosting, for comparison with ours:
// Tests/ISATests/AArch64RegisterProbe.swift writes its input and reads its output.
//
// Input, at 0x48000000: the numbers of settings and of pairs (2 words), then the settings (16 words each), then pairs of
// a register's number and a value to be written and read back, then for each register (32768) and system instruction
// (16384) a byte that says whether it is tried. A word is 8 bytes.
// Output, in the file "results": for each access that was not UNDEFINED two words: number of the setting (bits 15:0),
// exception level (23:16), kind of access (31:24: MRS, MSR, SYS, read back), number of the register (47:32), and the
// level that took an exception or 0 (63:48); then the syndrome, or the value.

    .equ input, 0x48000000
    .equ resets, 0x4a000000         // what each register held at first
    .equ block, 0x4c000000          // for DC ZVA and the like
    .equ output, 0x50000000

    // x18 number of the register, x20 end of the output, x21 setting, x22 settings left, x23 number of the setting
    // x24 exception level, x25 kind of access, x28 where a test goes on
    .globl _start
_start:
    ldr x0, =vectors2
    msr vbar_el2, x0
    ldr x0, =vectors1
    msr vbar_el1, x0
    ldr x20, =output
    ldr x21, =input
    ldr x22, [x21], #16
    mov x23, #0
    isb
    bl readResets
1:  cbz x22, finish
    bl apply
    ldr x0, [x21, #120]
    tbz x0, #2, 2f
    mov x24, #2
    bl tryAll
2:  ldr x0, [x21, #120]
    tbz x0, #1, 3f
    mov x24, #1
    bl tryAll
3:  ldr x0, [x21, #120]
    tbz x0, #0, 4f
    mov x24, #0
    bl tryAll
4:  ldr x0, [x21, #120]
    tbz x0, #3, 5f
    bl tryPairs
5:  add x21, x21, #128
    add x23, x23, #1
    sub x22, x22, #1
    b 1b

// The registers of the setting.
apply:
    ldr x4, =vectors2               // first, since what follows may not be there
    msr vbar_el2, x4
    isb
    ldp x0, x1, [x21]
    msr hcr_el2, x0
    isb
    msr cptr_el2, x1
    ldp x0, x1, [x21, #16]
    msr mdcr_el2, x0
    msr cnthctl_el2, x1
    ldp x0, x1, [x21, #32]
    msr sctlr_el2, x0
    msr s3_4_c12_c11_0, x1          // ICH_HCR_EL2
    ldp x0, x1, [x21, #48]
    msr pmuserenr_el0, x0
    msr mdscr_el1, x1
    ldp x0, x1, [x21, #64]
    ldp x2, x3, [x21, #80]
    ldr x4, =vectors1
    mrs x5, hcr_el2                 // without what this CPU has not
    tbz x5, #34, 1f
    msr s3_5_c1_c0_0, x0            // SCTLR_EL12
    msr s3_5_c1_c0_2, x1            // CPACR_EL12
    msr s3_5_c14_c1_0, x2           // CNTKCTL_EL12
    msr s3_5_c12_c0_0, x4           // VBAR_EL12
    b 2f
1:  msr sctlr_el1, x0
    msr cpacr_el1, x1
    msr cntkctl_el1, x2
    msr vbar_el1, x4
2:  msr spsel, #1
    msr daifset, #15
    isb
    ret

readResets:
    mov x19, x30
    ldr x17, =resets
    mov x18, #0
1:  ldr x0, =reads
    add x16, x0, x18, lsl #3
    mov x0, #0
    mov x1, #0
    adr x30, 2f
    br x16
2:  cmp x1, #0
    csel x0, x0, xzr, eq
    str x0, [x17, x18, lsl #3]
    add x18, x18, #1
    cmp x18, #32768
    b.ne 1b
    ret x19

tryAll:
    mov x19, x30
    mov x25, #0
1:  mov x18, #0
2:  ldr x0, =input
    ldp x1, x2, [x0], #16
    add x0, x0, x1, lsl #7
    add x0, x0, x2, lsl #4
    add x0, x0, x18
    cmp x25, #2
    mov x1, #32768
    csel x1, x1, xzr, eq
    ldrb w0, [x0, x1]
    cbz w0, 7f
    // What is written is what is there.
    ldr x17, =resets
    ldr x0, [x17, x18, lsl #3]
    ldr x1, =block
    csel x0, x1, x0, eq
    ldr x16, =reads
    ldr x1, =writes
    ldr x2, =instructions
    cmp x25, #1
    csel x16, x1, x16, eq
    csel x16, x2, x16, hi
    add x16, x16, x18, lsl #3
    mov x1, #0
    adr x28, 4f
    cmp x24, #2
    b.ne 3f
    adr x30, 4f
    br x16
3:  msr elr_el2, x16
    mov x2, #0x3c0
    mov x3, #0x3c5
    adr x30, leave0
    adr x4, leave1
    cmp x24, #1
    csel x2, x3, x2, eq
    csel x30, x4, x30, eq
    msr spsr_el2, x2
    isb
    eret
4:  // x1: the level that took an exception, or 0. UNDEFINED is what is not worth a line.
    cbz x1, 5f
    lsr x2, x0, #26
    cbz x2, 7f
5:  bl note
    cbnz x1, 7f
    cbz x25, 7f
    bl apply
7:  add x18, x18, #1
    cmp x25, #2
    mov x0, #32768
    mov x1, #16384
    csel x0, x1, x0, eq
    cmp x18, x0
    b.ne 2b
    add x25, x25, #1
    cmp x25, #3
    b.ne 1b
    ret x19

note:
    orr x2, x23, x24, lsl #16
    orr x2, x2, x25, lsl #24
    orr x2, x2, x18, lsl #32
    orr x2, x2, x1, lsl #48
    stp x2, x0, [x20], #16
    ret

// Values written and read back, at EL2. What the register held is put back.
tryPairs:
    mov x19, x30
    mov x25, #3
    ldr x26, =input
    ldp x0, x27, [x26], #16
    add x26, x26, x0, lsl #7
1:  cbz x27, 9f
    ldp x18, x9, [x26], #16
    sub x27, x27, #1
    adr x28, 8f
    ldr x10, =reads
    add x10, x10, x18, lsl #3
    ldr x11, =writes
    add x11, x11, x18, lsl #3
    mov x1, #0
    adr x30, 2f
    br x10
2:  cbnz x1, 8f
    mov x12, x0
    mov x0, x9
    adr x30, 3f
    br x11
3:  cbnz x1, 8f
    adr x30, 4f
    br x10
4:  mov x9, x0
    mov x0, x12
    adr x30, 5f
    br x11
5:  mov x0, x9
    bl note
8:  bl apply
    b 1b
9:  ret x19

leave0: svc #0
leave1: hvc #0

finish:
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
    .rept 4
    .align 7
    b unexpected
    .endr
    .align 7
    // From EL2: on behind the instruction.
    mrs x0, esr_el2
    mov x1, #2
    mrs x2, elr_el2
    add x2, x2, #4
    msr elr_el2, x2
    eret
    .rept 3
    .align 7
    b unexpected
    .endr
    .align 7
    // From below: HVC #1 passes on what EL1 took (where it can read nothing itself, for traps); HVC #0, and SVC,
    // are the end of a test without exception.
    mrs x2, esr_el2
    lsr x3, x2, #26
    mov x1, #0
    cmp x3, #0x15
    b.eq 1f
    cmp x3, #0x16
    b.eq 2f
    mov x0, x2
    mov x1, #2
1:  br x28
2:  and x2, x2, #0xffff
    cbz x2, 1b
    mrs x2, hcr_el2
    mrs x3, esr_el1
    tbz x2, #34, 3f
    mrs x3, s3_5_c5_c2_0            // ESR_EL12
3:  lsr x2, x3, #26
    cmp x2, #0x15
    b.eq 1b
    mov x0, x3
    mov x1, #1
    br x28
    .rept 3
    .align 7
    b unexpected
    .endr

    .align 11
vectors1:
    .rept 16
    .align 7
    hvc #1
    .endr

unexpected:
    mov x1, #3
    mrs x0, esr_el2
    br x28

    .ltorg
    .align 12
reads:
    .set number, 0
    .rept 32768
    .inst 0xd5300000 + (number << 5)
    ret
    .set number, number + 1
    .endr
writes:
    .set number, 0
    .rept 32768
    .inst 0xd5100000 + (number << 5)
    ret
    .set number, number + 1
    .endr
instructions:
    .set number, 0
    .rept 16384
    .inst 0xd5080000 + (number << 5)
    ret
    .set number, number + 1
    .endr
