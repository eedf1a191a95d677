// Entry, parking and the trap vector of the firmware. Machine mode, no translation, interrupts off (mstatus.MIE = 0)
// throughout: machine interrupts are taken only from supervisor and user code.

#include "RISCV.h"

.option norelax

// ---- Entry: a0 = hart identifier, a1 = device tree, a2 = the loader's description of the next stage ---------------
.section .text.start, "ax"
.globl _start
_start:
    csrw mie, zero
    csrci mstatus, 0xa              // MIE and SIE
    csrr s0, mhartid
    li t0, HART_LIMIT
    bgeu s0, t0, park_forever
    slli t0, s0, HART_SIZE_LOG2
    lla s1, harts
    add s1, s1, t0                  // s1 = this hart's record
    lla sp, stacks
    addi t0, s0, 1
    li t1, HART_STACK_SIZE
    mul t0, t0, t1
    add sp, sp, t0
    lla t0, firmware_trap
    csrw mtvec, t0
    bnez s0, secondary

    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call prepare_hart
    // a1 and a2 came through untouched.
    mv a0, s0
    call boot                       // never returns

// Other harts wait for the boot hart to have cleared memory, then for hart_start.
secondary:
    li t0, MIP_MSIP
    csrw mie, t0
    lla t1, harts_released
3:  wfi
    lw t0, 0(t1)
    beqz t0, 3b
    fence rw, rw
    call prepare_hart
    mv a0, s0
    call join                       // never returns

park_forever:
    wfi
    j park_forever

// Fills in the part of the record that the vector needs. Uses t0 only.
prepare_hart:
    sd sp, HART_STACK(s1)
    sd s0, HART_IDENTIFIER(s1)
    csrw mscratch, s1
    lla t0, trap_vector
    csrw mtvec, t0
    ret

// ---- Traps from supervisor and user code ---------------------------------------------------------------------------
// mscratch holds the hart's record at all times but the first instructions below, so that a trap of the firmware itself
// finds it too.
.text
.balign 4
trap_vector:
    csrrw tp, mscratch, tp
    sd t0, HART_SAVED_T0(tp)
    csrr t0, mscratch
    sd t0, HART_SAVED_TP(tp)
    csrw mscratch, tp
    csrr t0, mstatus
    srli t0, t0, MSTATUS_MPP_SHIFT
    andi t0, t0, 3
    addi t0, t0, -3
    beqz t0, firmware_trap
    ld t0, HART_STACK(tp)
    addi t0, t0, -FRAME_SIZE
    sd sp, 8*2(t0)
    mv sp, t0
    sd zero, 0(sp)
.irp register, 1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\register, 8*\register(sp)
.endr
    ld t0, HART_SAVED_TP(tp)
    sd t0, 8*4(sp)
    ld t0, HART_SAVED_T0(tp)
    sd t0, 8*5(sp)
    csrr t0, mepc
    sd t0, FRAME_PC(sp)
    csrr t0, mstatus
    sd t0, FRAME_STATUS(sp)
    mv a0, sp
    call handle_trap
    ld t0, FRAME_PC(sp)
    csrw mepc, t0
    ld t0, FRAME_STATUS(sp)
    csrw mstatus, t0
.irp register, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\register, 8*\register(sp)
.endr
    ld sp, 8*2(sp)
    mret

// A trap of the firmware itself. The stack may be what failed, so it starts again from a stack of its own.
.balign 4
firmware_trap:
    lla sp, panic_stack_end
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    call report_own_trap            // never returns

// ---- Leaving for supervisor mode -----------------------------------------------------------------------------------
// enter_supervisor(address, a0, a1, mstatus)
.globl enter_supervisor
enter_supervisor:
    csrw mepc, a0
    csrw mstatus, a3
    mv a0, a1
    mv a1, a2
.irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    li x\register, 0
.endr
    fence.i
    mret

// ---- Data ------------------------------------------------------------------------------------------------------------
.data
.balign 4
.globl harts_released
harts_released: .word 0             // not in .bss: others read it before .bss is cleared

.bss
.balign 64
.globl harts
harts: .space HART_LIMIT * HART_SIZE

.section .stacks, "aw", @nobits
.balign 16
stacks: .space HART_LIMIT * HART_STACK_SIZE
.space 0x1000
panic_stack_end:
