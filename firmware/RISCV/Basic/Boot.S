// Entries, trap vector, and the steps of the basic guest that Swift cannot take. S- or VS-mode.

#include "Basic.h"

// As SBI starts a hart (SBI 2.0, 9.1): a0 = hart, a1 = device tree.
.section .text.start, "ax"
.globl _start
_start:
    csrci sstatus, 2
    csrw sie, zero
    mv s0, a0
    mv s1, a1
    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  li tp, 0
    call set_up_hart
    mv a0, s0
    mv a1, s1
    call basic_main                 // never returns

// Where hart_start sends the other harts: a0 = hart, a1 = its index.
.text
.globl basic_hart_entry
.balign 4
basic_hart_entry:
    mv tp, a1
    call set_up_hart
    call basic_hart_main            // never returns

// tp = index of the hart: gives it its stack and the trap vector.
set_up_hart:
    lla sp, stacks
    addi t0, tp, 1
    li t1, BASIC_STACK_SIZE
    mul t0, t0, t1
    add sp, sp, t0
    lla t0, basic_trap_vector
    csrw stvec, t0
    csrw sscratch, zero
    ret

// Swift says where to go on. Floating point registers are nobody's here but the interrupted code's.
.balign 4
basic_trap_vector:
    addi sp, sp, -256
.irp register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    sd x\register, 8*\register(sp)
.endr
    csrr a0, scause
    csrr a1, sepc
    csrr a2, stval
    call basic_trap_taken
    csrw sepc, a0
.irp register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    ld x\register, 8*\register(sp)
.endr
    addi sp, sp, 256
    sret

// a0 = struct basic_trap. sscratch holds it while the instruction is tried.
.macro attempt name, instruction:vararg
.globl \name
.balign 4
\name:
    lla t0, 1f
    sd t0, TRAP_INSTRUCTION(a0)
    lla t0, 2f
    sd t0, TRAP_LANDING(a0)
    li t0, -1
    sd t0, TRAP_CAUSE(a0)
    csrw sscratch, a0
1:  \instruction
    csrw sscratch, zero
    sd t1, TRAP_RESULT(a0)
2:  ret
.endm

attempt try_load, ld t1, 0(a1)
attempt try_load_byte, lbu t1, 0(a1)
attempt try_load_half, lhu t1, 0(a1)
attempt try_load_word, lwu t1, 0(a1)
attempt try_store, sd a2, 0(a1)
attempt try_store_byte, sb a2, 0(a1)
attempt try_store_half, sh a2, 0(a1)
attempt try_store_word, sw a2, 0(a1)
attempt try_atomic_add, amoadd.w t1, a2, (a1)
attempt try_call, jalr t2, 0(a1)
attempt try_illegal, .word 0xffffffff
// Not compressed, so that its length is the other attempts'.
attempt try_breakpoint, .word 0x00100073
attempt try_cycle, csrr t1, cycle
attempt try_instret, csrr t1, instret

// The trap handler runs on the stack that user mode leaves alone, and comes back in supervisor mode.
.globl try_user
try_user:
    sd a1, TRAP_INSTRUCTION(a0)
    lla t0, 1f
    sd t0, TRAP_LANDING(a0)
    li t0, -1
    sd t0, TRAP_CAUSE(a0)
    csrw sscratch, a0
    csrw sepc, a1
    li t0, 0x120                    // SPP and SPIE
    csrc sstatus, t0
    mv a1, a2
    sret
1:  ret

// What user mode runs, copied to a page of its own: a load, then a call of the environment.
.globl basic_user_code
.balign 4
basic_user_code:
    .option push
    .option norvc
    ld t1, 0(a1)
    ecall
    .option pop

// A function that is patched while harts run it: returns a number.
.globl basic_patch
.balign 4
basic_patch:
    .option push
    .option norvc
    li a0, 1
    ret
    .option pop

.macro loop_of_loads name, instruction
.globl \name
\name:
1:  \instruction t0, 0(a0)
    addi a1, a1, -1
    bnez a1, 1b
    ret
.endm
loop_of_loads loop_of_byte_loads, lbu
loop_of_loads loop_of_word_loads, lwu

// sbi_get_spec_version: extension 0x10, function 0.
.globl loop_of_calls
loop_of_calls:
    mv t0, a0
    li a6, 0
    li a7, 0x10
1:  ecall
    addi t0, t0, -1
    bnez t0, 1b
    ret

.globl instructions_of_load
instructions_of_load:
    csrr t0, instret
    ld t1, 0(a0)
    csrr t1, instret
    sub a0, t1, t0
    ret

.globl count_together
count_together:
    li t0, 1
1:  amoadd.d zero, t0, (a0)
2:  lr.d t1, (a1)
    addi t1, t1, 1
    sc.d t2, t1, (a1)
    bnez t2, 2b
    addi a2, a2, -1
    bnez a2, 1b
    ret

// ---- Floating point --------------------------------------------------------------------------------------------------
.option push
.option arch, +f, +d

// f31 = 3.9, the others between 0 and 1; and rounding towards zero, so that fcsr is worth keeping too.
.macro load_floats
    lla t0, basic_float_values
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld f\register, 8*\register(t0)
.endr
    li t0, 0x20
    fscsr t0
.endm

.macro store_floats results
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd f\register, 8*\register(\results)
.endr
    frcsr t0
    sd t0, 256(\results)
.endm

// x = 3.9 (x - x * x): a register that was disturbed once is wrong for ever after.
.globl compute_floats
compute_floats:
    load_floats
1:
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    fnmsub.d f\register, f\register, f\register, f\register
    fmul.d f\register, f\register, f31
.endr
    addi a0, a0, -1
    bnez a0, 1b
    store_floats a1
    ret

.globl hold_floats
hold_floats:
    load_floats
    wfi
    store_floats a0
    ret
.option pop

.section .rodata
.balign 8
.globl basic_float_values
basic_float_values:
    .double 0.101, 0.123, 0.145, 0.167, 0.189, 0.211, 0.233, 0.255, 0.277, 0.299, 0.321, 0.343, 0.365, 0.387, 0.409, 0.431
    .double 0.453, 0.475, 0.497, 0.519, 0.541, 0.563, 0.585, 0.607, 0.629, 0.651, 0.673, 0.695, 0.717, 0.739, 0.761, 3.9

.bss
.balign 4096
.globl basic_pages, basic_harts, basic_line, basic_float_results, basic_counters
basic_pages: .space 12 * 4096
stacks: .space BASIC_HART_LIMIT * BASIC_STACK_SIZE
basic_harts: .space BASIC_HART_LIMIT * BASIC_HART_SIZE
basic_counters: .space 16
basic_float_results: .space BASIC_HART_LIMIT * 2 * 33 * 8
basic_line: .space 256 + 64           // a line, and what was typed during a test
