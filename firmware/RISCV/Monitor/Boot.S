// Entry of the monitor and the way into a guest and out again. HS-mode, no translation of its own, interrupts off:
// those of HS-mode are taken only while the guest runs.

#include "RISCV.h"

.section .text.start, "ax"
.globl _start
_start:
    lla sp, stack_end
    lla t0, host_trap_vector
    csrw stvec, t0
    csrci sstatus, 2
    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call monitor_main               // never returns

// A trap of the monitor itself.
.text
.balign 4
host_trap_vector:
    lla sp, stack_end
    csrr a0, scause
    csrr a1, sepc
    csrr a2, stval
    call monitor_trap               // never returns

// run_guest(frame): enters the guest with its registers and returns when it exits. sscratch holds the frame meanwhile.
.globl run_guest
run_guest:
    addi sp, sp, -112
    sd ra, 0(sp)
    sd tp, 8(sp)
    sd s0, 16(sp)
    sd s1, 24(sp)
.irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    sd x\register, 8*(\register-14)(sp)
.endr
    sd sp, GUEST_HOST_STACK(a0)
    csrw sscratch, a0
    lla t0, guest_exit
    csrw stvec, t0
    ld t0, GUEST_PC(a0)
    csrw sepc, t0
    li t0, 0x100                    // sstatus.SPP: return to a supervisor mode,
    csrs sstatus, t0
    li t0, 0x180                    // hstatus.SPV and SPVP: the guest's
    csrs 0x600, t0
.irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\register, 8*\register(a0)
.endr
    ld a0, 8*10(a0)
    sret

.balign 4
guest_exit:
    csrrw a0, sscratch, a0
.irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\register, 8*\register(a0)
.endr
    csrr t0, sscratch
    sd t0, 8*10(a0)
    csrr t0, sepc
    sd t0, GUEST_PC(a0)
    lla t0, host_trap_vector
    csrw stvec, t0
    ld sp, GUEST_HOST_STACK(a0)
    ld ra, 0(sp)
    ld tp, 8(sp)
    ld s0, 16(sp)
    ld s1, 24(sp)
.irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    ld x\register, 8*(\register-14)(sp)
.endr
    addi sp, sp, 112
    ret

.section .rodata.guest, "a"
.balign 16
.globl guest_image_start, guest_image_end
guest_image_start:
.incbin "guest.bin"
guest_image_end:

.bss
.balign 0x4000                      // the root of Sv39x4 is 16 KiB, so aligned
.globl second_stage_root, second_stage_tables_start, second_stage_tables_end
second_stage_root: .space 0x4000
second_stage_tables_start: .space 4 * 4096
second_stage_tables_end:
.space 0x4000
stack_end:
