// Entry and trap vector of the guest. VS-mode; translation is off (vsatp = 0) until Swift turns it on.

#include "RISCV.h"

.section .text.start, "ax"
.globl _start
_start:
    csrci sstatus, 2
    lla sp, stack_end
    lla t0, guest_trap_vector
    csrw stvec, t0
    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call guest_main                 // never returns

// Interrupts and the guest's own faults. Swift says where to go on.
.text
.balign 4
guest_trap_vector:
    addi sp, sp, -256
.irp register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    sd x\register, 8*\register(sp)
.endr
    csrr a0, scause
    csrr a1, sepc
    csrr a2, stval
    call guest_trap
    csrw sepc, a0
.irp register, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    ld x\register, 8*\register(sp)
.endr
    addi sp, sp, 256
    sret

.bss
.balign 4096
.globl first_stage_tables_start
first_stage_tables_start: .space 3 * 4096
.space 0x4000
stack_end:
