// Entries, vectors, and the steps of the basic guest that Swift cannot take. EL1.

#include "Basic.h"

// As Linux is started: x0 = device tree.
.section .text.start, "ax"
.globl _start
_start:
    msr daifset, #15
    mov x20, x0
    adrp x0, bss_start
    adrp x1, bss_end
1:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 1b
    mov x0, #0
    bl build_tables
    bl set_up_hart
    mrs x0, mpidr_el1
    ldr x1, =0xff00ffffff
    and x0, x0, x1
    mov x1, x20
    bl basic_main                   // never returns

// Where CPU_ON sends the others: x0 = its index.
.text
.globl basic_hart_entry
.balign 4
basic_hart_entry:
    msr daifset, #15
    mov x20, x0
    bl set_up_hart
    mrs x0, mpidr_el1
    ldr x1, =0xff00ffffff
    and x0, x0, x1
    mov x1, x20
    bl basic_hart_main              // never returns

// Every address is its own, by blocks of 1 GiB: the first is devices, the others memory.
build_tables:
    adrp x1, identity_table
    ldr x2, =0x0060000000000705     // a block: accessed, device, not executed
    str x2, [x1]
    ldr x2, =0x701                  // accessed, shareable, memory (D5.3.3)
    mov x3, #1
2:  orr x4, x2, x3, lsl #30
    str x4, [x1, x3, lsl #3]
    add x3, x3, #1
    cmp x3, #512
    b.lo 2b
    ret

// x0 = index of the CPU: gives it its stack, the vectors, and translation.
set_up_hart:
    msr tpidr_el1, x0
    msr spsel, #1
    adrp x1, stacks
    add x1, x1, :lo12:stacks
    add x2, x0, #1
    mov x3, #BASIC_STACK_SIZE
    madd x1, x2, x3, x1
    mov sp, x1
    adrp x1, basic_vectors
    add x1, x1, :lo12:basic_vectors
    msr vbar_el1, x1
    mov x1, #3 << 20                // CPACR_EL1.FPEN: floating point does not trap
    msr cpacr_el1, x1
    ldr x1, =0x04ff                 // MAIR_EL1: 0 is write-back memory, 1 is a device (nGnRE)
    msr mair_el1, x1
    ldr x1, =0x00000000b5193519     // TCR_EL1: 39 bits twice, 4 KiB, write-back and shareable tables; A1 is off
    mrs x2, id_aa64mmfr0_el1
    and x2, x2, #7
    orr x1, x1, x2, lsl #32         // IPS
    msr tcr_el1, x1
    adrp x1, identity_table
    msr ttbr0_el1, x1
    adrp x1, identity_table
    msr ttbr1_el1, x1
    tlbi vmalle1
    dsb nsh
    isb
    ldr x1, =0x30d0198d             // SCTLR_EL1: what is always 1; I, SA, C and M
    msr sctlr_el1, x1
    isb
    ret

.macro vector kind
.balign 128
    sub sp, sp, #256
    stp x0, x1, [sp]
    mov x0, #\kind
    b trap
.endm

.balign 2048
basic_vectors:
.rept 4
    vector 2
.endr
    vector 0
    vector 1
    vector 2
    vector 2
    vector 0
    vector 1
    vector 2
    vector 2
.rept 4
    vector 2
.endr

// Swift says where to go on. Floating-point registers are nobody's here but the interrupted code's.
trap:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x1, elr_el1
    mrs x2, esr_el1
    mrs x3, far_el1
    mrs x4, spsr_el1
    str x4, [sp, #160]
    bl basic_trap_taken
    msr elr_el1, x0
    // An attempt may have been EL0's, and goes on at EL1.
    ldr x4, [sp, #160]
    and x5, x4, #15
    mov x6, #5
    orr x6, x4, x6
    cmp x5, #0
    csel x4, x6, x4, eq
    msr spsr_el1, x4
    ldp x18, x30, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp]
    add sp, sp, #256
    eret

// x0 = struct basic_trap. The hart's entry of basic_attempts holds it while the instruction is tried.
.macro begin_attempt
    adr x9, 1f
    str x9, [x0, #TRAP_INSTRUCTION]
    adr x9, 2f
    str x9, [x0, #TRAP_LANDING]
    mov x9, #-1
    str x9, [x0, #TRAP_CAUSE]
    mrs x9, tpidr_el1
    adrp x10, basic_attempts
    add x10, x10, :lo12:basic_attempts
    add x10, x10, x9, lsl #3
    str x0, [x10]
.endm

.macro attempt name, instruction:vararg
.globl \name
\name:
    begin_attempt
1:  \instruction
    str xzr, [x10]
    str x11, [x0, #TRAP_RESULT]
2:  ret
.endm

attempt try_load, ldr x11, [x1]
attempt try_load_byte, ldrb w11, [x1]
attempt try_load_half, ldrh w11, [x1]
attempt try_load_word, ldr w11, [x1]
attempt try_load_pair, ldp x11, x12, [x1]
attempt try_store, str x2, [x1]
attempt try_store_byte, strb w2, [x1]
attempt try_store_half, strh w2, [x1]
attempt try_store_word, str w2, [x1]
attempt try_load_exclusive, ldxr x11, [x1]
// Loads and stores of devices that a syndrome does not describe. The first values go to or come from `values`, and what is in
// the base register afterwards is the result.
.macro attempt_values name, instruction:vararg
.globl \name
\name:
    begin_attempt
    mov x11, x1
    ldp w3, w4, [x2]
    ldr q30, [x2]
1:  \instruction
    str xzr, [x10]
    str x11, [x0, #TRAP_RESULT]
2:  ret
.endm
// What was loaded, in w3 and w4 or in v30, is left there for the test.
.macro attempt_loads name, store, instruction:vararg
.globl \name
\name:
    begin_attempt
    mov x11, x1
1:  \instruction
    str xzr, [x10]
    str x11, [x0, #TRAP_RESULT]
    \store
2:  ret
.endm
.arch_extension simd
attempt_values try_store_pair, stp w3, w4, [x11]
attempt_values try_store_before, stp w3, w4, [x11, #-8]!
attempt_values try_store_after, str w3, [x11], #4
attempt_values try_store_single, str s30, [x11]
attempt_values try_store_structure, st1 {v30.4s}, [x11]
attempt_loads try_load_two, "stp w3, w4, [x2]", ldp w3, w4, [x11]
attempt_loads try_load_signed, "stp x3, x4, [x2]", ldpsw x3, x4, [x11]
attempt_loads try_load_before, "str w3, [x2]", ldrb w3, [x11, #1]!
attempt_loads try_load_single, "str q30, [x2]", ldr s30, [x11, #4]
attempt_loads try_load_structure, "str q30, [x2]", ld1 {v30.4s}, [x11], #16

attempt try_illegal, udf #0
attempt try_breakpoint, brk #0x123
attempt try_hypervisor_register, mrs x11, hcr_el2

.globl try_call
try_call:
    stp x29, x30, [sp, #-16]!
    begin_attempt
    adr x9, 1f
1:  blr x1
    mrs x9, tpidr_el1
    adrp x10, basic_attempts
    add x10, x10, :lo12:basic_attempts
    str xzr, [x10, x9, lsl #3]
2:  ldp x29, x30, [sp], #16
    ret

// The handler runs on the stack of EL1, and comes back there.
.globl try_user
try_user:
    begin_attempt
    str x1, [x0, #TRAP_INSTRUCTION]
    msr elr_el1, x1
    mov x9, #0x3c0
    msr spsr_el1, x9
    mov x1, x2
1:  eret
2:  ret

// What EL0 runs, copied to a page of its own: a load, then a call of the system.
.globl basic_user_code
basic_user_code:
    ldr x2, [x1]
    svc #0x55

// A function that is patched while CPUs run it: returns a number.
.globl basic_patch
basic_patch:
    mov x0, #1
    ret

.macro loop_of_loads name, instruction:vararg
.globl \name
\name:
1:  \instruction
    subs x1, x1, #1
    b.ne 1b
    ret
.endm
loop_of_loads loop_of_byte_loads, ldrb w9, [x0]
loop_of_loads loop_of_word_loads, ldr w9, [x0]

// PSCI_VERSION.
.globl loop_of_calls
loop_of_calls:
    mov x9, x0
1:  mov w0, #0x84000000
    hvc #0
    subs x9, x9, #1
    b.ne 1b
    ret

.globl count_together
count_together:
1:  ldxr x9, [x0]
    add x9, x9, #1
    stxr w10, x9, [x0]
    cbnz w10, 1b
    subs x1, x1, #1
    b.ne 1b
    ret

// ---- Floating point --------------------------------------------------------------------------------------------------
.arch_extension fp
.arch_extension simd

.macro every_pair operation, base
.irp pair, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    move_pair \operation, \pair, \base
.endr
.endm
.altmacro
.macro move_pair operation, first, base
    move_numbered \operation, \first, %(\first + 1), %(16 * \first), \base
.endm
.macro move_numbered operation, first, second, offset, base
    \operation q\first, q\second, [\base, #\offset]
.endm
.noaltmacro

// v31 = 3.9, the others between 0 and 1; rounding towards zero, and a flag, so that FPCR and FPSR are worth keeping too.
.macro load_floats
    adrp x9, basic_float_values
    add x9, x9, :lo12:basic_float_values
.altmacro
    every_pair ldp, x9
.noaltmacro
    mov x9, #3 << 22
    msr fpcr, x9
    mov x9, #1
    msr fpsr, x9
.endm

.macro store_floats results
.altmacro
    every_pair stp, \results
.noaltmacro
    mrs x9, fpcr
    mrs x10, fpsr
    add x11, \results, #512
    stp x9, x10, [x11]
    msr fpcr, xzr
.endm

// x = 3.9 (x - x * x): a register that was disturbed once is wrong for ever after.
.globl compute_floats
compute_floats:
    load_floats
1:
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    fmls v\register\().2d, v\register\().2d, v\register\().2d
    fmul v\register\().2d, v\register\().2d, v31.2d
.endr
    subs x0, x0, #1
    b.ne 1b
    store_floats x1
    ret

.globl hold_floats
hold_floats:
    load_floats
    dsb sy
    wfi
    store_floats x0
    ret

.section .rodata
.balign 16
.globl basic_float_values
basic_float_values:
    .double 0.101, 0.123, 0.145, 0.167, 0.189, 0.211, 0.233, 0.255, 0.277, 0.299, 0.321, 0.343, 0.365, 0.387, 0.409, 0.431
    .double 0.453, 0.475, 0.497, 0.519, 0.541, 0.563, 0.585, 0.607, 0.629, 0.651, 0.673, 0.695, 0.717, 0.739, 0.761, 0.783
    .double 0.112, 0.134, 0.156, 0.178, 0.191, 0.213, 0.235, 0.257, 0.279, 0.301, 0.323, 0.345, 0.367, 0.389, 0.411, 0.433
    .double 0.455, 0.477, 0.499, 0.521, 0.543, 0.565, 0.587, 0.609, 0.631, 0.653, 0.675, 0.697, 0.719, 0.741, 3.9, 3.9

.bss
.balign 4096
.globl basic_pages, basic_harts, basic_line, basic_float_results, basic_counter, basic_attempts
basic_pages: .space 12 * 4096
identity_table: .space 4096
stacks: .space BASIC_HART_LIMIT * BASIC_STACK_SIZE
basic_harts: .space BASIC_HART_LIMIT * BASIC_HART_SIZE
basic_attempts: .space BASIC_HART_LIMIT * 8
basic_counter: .space 8
.balign 16
basic_float_results: .space BASIC_HART_LIMIT * 2 * BASIC_FLOAT_WORDS * 8
basic_line: .space 256 + 64           // a line, and what was typed during a test
