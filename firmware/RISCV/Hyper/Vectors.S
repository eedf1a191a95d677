// The ways into a guest and out again, traps of Hyper itself, and the switch from one thread to another.

#include "RISCV.h"

// For debuggers, and not in the image. Where an interrupt came to is in no general register; for DWARF it has a column of its
// own (psABI, "DWARF Register Numbers"), and the assembler gives all of a file the same one.
.cfi_sections .debug_frame
.macro frame
    .cfi_startproc
    .cfi_return_column 64
.endm

.text

// A guest's exit: stvec leads here while a guest runs, and sscratch to its frame. Interrupts are off from here until the
// guest goes on, unless the handler waits, which makes other threads run meanwhile.
.balign 4
guest_exit:
    frame
    .cfi_undefined 64                   // nobody has called
    csrrw a0, sscratch, a0
.irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\register, 8*\register(a0)
.endr
    csrr t0, sscratch
    csrr t1, sepc
    csrr t2, sstatus
    csrr t3, 0x600                      // hstatus
    sd t0, 8*10(a0)
    sd t1, GUEST_PC(a0)
    sd t2, GUEST_SSTATUS(a0)
    sd t3, GUEST_HSTATUS(a0)
    lla t0, hyper_host_trap
    csrw stvec, t0
    ld sp, GUEST_HOST_STACK(a0)
    ld tp, GUEST_HOST_TP(a0)
    mv s0, a0
    call hyper_guest_exit

    j hyper_enter_guest
    .cfi_endproc

// hyper_begin_guest(frame): the guest's first entry.
.globl hyper_begin_guest
hyper_begin_guest:
    frame
    .cfi_undefined 64                   // it does not return
    mv s0, a0
    .cfi_endproc

// s0 = the frame of the guest that is entered.
.globl hyper_enter_guest
hyper_enter_guest:
    frame
    .cfi_undefined 64
    sd tp, GUEST_HOST_TP(s0)            // perhaps on another hart than before
    csrw sscratch, s0
    lla t0, guest_exit
    csrw stvec, t0
    ld t1, GUEST_PC(s0)
    ld t2, GUEST_SSTATUS(s0)
    ld t3, GUEST_HSTATUS(s0)
    csrw sepc, t1
    csrw sstatus, t2
    csrw 0x600, t3
    mv a0, s0
.irp register, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\register, 8*\register(a0)
.endr
    ld a0, 8*10(a0)
    sret
    .cfi_endproc

// A trap of Hyper itself, most often an interrupt: on the stack of whoever runs. hstatus is kept too, since a guest may
// run before this returns, and sret looks at it.
.balign 4
.globl hyper_host_trap
hyper_host_trap:
    frame
    addi sp, sp, -HOST_FRAME_SIZE
    .cfi_def_cfa_offset HOST_FRAME_SIZE
    sd ra, 0(sp)
    .cfi_offset ra, -HOST_FRAME_SIZE
.irp register, 5, 6, 7
    sd x\register, 8*(\register-4)(sp)
    .cfi_offset x\register, 8*(\register-4) - HOST_FRAME_SIZE
.endr
.irp register, 10, 11, 12, 13, 14, 15, 16, 17
    sd x\register, 8*(\register-6)(sp)
    .cfi_offset x\register, 8*(\register-6) - HOST_FRAME_SIZE
.endr
.irp register, 28, 29, 30, 31
    sd x\register, 8*(\register-16)(sp)
    .cfi_offset x\register, 8*(\register-16) - HOST_FRAME_SIZE
.endr
    csrr t0, sepc
    csrr t1, sstatus
    csrr t2, 0x600
    sd t0, 128(sp)
    .cfi_offset 64, 128 - HOST_FRAME_SIZE
    sd t1, 136(sp)
    sd t2, 144(sp)
    call hyper_trap
    ld t0, 128(sp)
    ld t1, 136(sp)
    ld t2, 144(sp)
    csrw sepc, t0
    csrw sstatus, t1
    csrw 0x600, t2
    ld ra, 0(sp)
.irp register, 5, 6, 7
    ld x\register, 8*(\register-4)(sp)
.endr
.irp register, 10, 11, 12, 13, 14, 15, 16, 17
    ld x\register, 8*(\register-6)(sp)
.endr
.irp register, 28, 29, 30, 31
    ld x\register, 8*(\register-16)(sp)
.endr
    addi sp, sp, HOST_FRAME_SIZE
    sret
    .cfi_endproc

// hyper_switch(old, new): leaves the running thread's registers on its stack and the stack in *old, and goes on with what
// was left on `new`.
.globl hyper_switch
hyper_switch:
    addi sp, sp, -CONTEXT_SIZE
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
.irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    sd x\register, 8*(\register-15)(sp)
.endr
    sd sp, 0(a0)
    mv sp, a1
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
.irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    ld x\register, 8*(\register-15)(sp)
.endr
    addi sp, sp, CONTEXT_SIZE
    ret

// A guest's floating-point registers: f0 to f31, then fcsr. sstatus.FS is on.
.option push
.option arch, +f, +d
.globl hyper_save_floats
hyper_save_floats:
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd f\register, 8*\register(a0)
.endr
    frcsr t0
    sd t0, 256(a0)
    ret
.globl hyper_load_floats
hyper_load_floats:
.irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld f\register, 8*\register(a0)
.endr
    ld t0, 256(a0)
    fscsr t0
    ret
.option pop
