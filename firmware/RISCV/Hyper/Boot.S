// Entry of Hyper on the first hart and on the others. HS-mode, no translation of its own, interrupts off.

#include "RISCV.h"

.cfi_sections .debug_frame

.section .text.start, "ax"
.globl _start
_start:                                 // a0 = hart, a1 = device tree
    .cfi_startproc
    .cfi_undefined ra                   // nobody has called
    lla t0, bss_start
    lla t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  lla sp, hyper_stack_end
    lla t0, hyper_host_trap
    csrw stvec, t0
    csrw sie, zero
    lla tp, _start                      // locks want to know CPUs apart, before there is a record of any
    call hyper_start                    // never returns
    .cfi_endproc

.globl hyper_secondary_entry
hyper_secondary_entry:                  // a1 = the top of a stack, under which the CPU's record stands
    .cfi_startproc
    .cfi_undefined ra
    mv sp, a1
    ld tp, -8(sp)
    addi sp, sp, -16
    lla t0, hyper_host_trap
    csrw stvec, t0
    csrw sie, zero
    call hyper_start_secondary          // never returns
    .cfi_endproc

.bss
.balign 16
.space 0x8000
.globl hyper_stack_end
hyper_stack_end:
