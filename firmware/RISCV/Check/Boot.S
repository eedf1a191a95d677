// Entries and trap vector of the firmware's check. S-mode, no translation.

#include "RISCV.h"

.section .text.start, "ax"
.globl _start
_start:
    mv s0, a0
    mv s1, a1
    csrci sstatus, 2
    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call set_up_hart
    mv a0, s0
    mv a1, s1
    call check_main                 // never returns

// Where hart_start sends other harts, and where a non-retentive suspend resumes: a0 = hart, a1 = opaque.
.text
.globl check_hart_entry
check_hart_entry:
    mv s0, a0
    mv s1, a1
    call set_up_hart
    mv a0, s0
    mv a1, s1
    call check_hart_main            // never returns

// s0 = hart: gives it its stack and the trap vector.
set_up_hart:
    lla sp, stacks
    addi t0, s0, 1
    li t1, HART_STACK_SIZE
    mul t0, t0, t1
    add sp, sp, t0
    lla t0, check_trap_vector
    csrw stvec, t0
    ret

// Expected faults land on the label that attempt_* set: sscratch holds it. The cause and value go to a0 and a1.
.balign 4
check_trap_vector:
    csrr t0, scause
    bltz t0, interrupt
    csrr t1, sscratch
    beqz t1, unexpected
    csrw sscratch, zero
    csrw sepc, t1
    csrr t1, sstatus
    lla t2, check_trap_status
    sd t1, 0(t2)
    mv a0, t0
    csrr a1, stval
    sret
unexpected:
    mv a0, t0
    csrr a1, sepc
    csrr a2, stval
    call check_unexpected_trap      // never returns
// Interrupts are only waited for, never taken.
interrupt:
    csrr a1, sepc
    mv a0, t0
    csrr a2, stval
    call check_unexpected_trap

// struct attempt { cause, value }: all ones if nothing trapped. Callers' saved registers are left alone.
.macro attempt name, instruction:vararg
.globl \name
.balign 4
\name:
    lla t0, 1f
    csrw sscratch, t0
    \instruction
    csrw sscratch, zero
    li a0, -1
    li a1, -1
1:  ret
.endm

attempt attempt_load, ld a0, 0(a0)
attempt attempt_illegal, .word 0xffffffff
attempt attempt_call, jalr t2, 0(a0)

// attempt_ecall(extension, a0, a1): a legacy call with a pointer that may fault.
.globl attempt_ecall
.balign 4
attempt_ecall:
    lla t0, 1f
    csrw sscratch, t0
    mv a7, a0
    mv a0, a1
    mv a1, a2
    ecall
    csrw sscratch, zero
    li a0, -1
    li a1, -1
1:  ret

.bss
.balign 16
.globl check_trap_status
check_trap_status: .dword 0, 0
stacks: .space HART_LIMIT * HART_STACK_SIZE
