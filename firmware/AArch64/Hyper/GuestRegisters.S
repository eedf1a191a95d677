// A guest's registers of EL1 and EL0, to and from behind its frame. With HCR_EL2.E2H the usual names of most lead to EL2's own
// registers, and the guest's have others (D5.6.4).

#include "AArch64.h"

.arch armv8.1-a

// Two at a time; `el` is what the guest's registers end in, and `timer` what those of its timers do.
.macro load_pair offset, first, second
    ldp x1, x2, [x0, #GUEST_REGISTERS + \offset]
    msr \first, x1
    msr \second, x2
.endm
.macro save_pair offset, first, second
    mrs x1, \first
    mrs x2, \second
    stp x1, x2, [x0, #GUEST_REGISTERS + \offset]
.endm
.macro move_all move, el, timer
    \move 0, sctlr_\el, cpacr_\el
    \move 16, ttbr0_\el, ttbr1_\el
    \move 32, tcr_\el, mair_\el
    \move 48, amair_\el, vbar_\el
    \move 64, elr_\el, spsr_\el
    \move 80, esr_\el, far_\el
    \move 96, afsr0_\el, afsr1_\el
    \move 112, contextidr_\el, cntkctl_\el
    \move 128, cntv_cval_\timer, cntp_cval_\timer
    \move 144, par_el1, csselr_el1
    \move 160, sp_el0, sp_el1
    \move 176, tpidr_el0, tpidrro_el0
.endm

.macro load_all el, timer
    move_all load_pair, \el, \timer
    ldr x1, [x0, #GUEST_REGISTERS + 192]
    msr tpidr_el1, x1
    // Their controls last, when they have what they compare with.
    ldp x1, x2, [x0, #GUEST_REGISTERS + 200]
    msr cntv_ctl_\timer, x1
    msr cntp_ctl_\timer, x2
    ret
.endm
.macro save_all el, timer
    move_all save_pair, \el, \timer
    mrs x1, tpidr_el1
    str x1, [x0, #GUEST_REGISTERS + 192]
    mrs x1, cntv_ctl_\timer
    mrs x2, cntp_ctl_\timer
    stp x1, x2, [x0, #GUEST_REGISTERS + 200]
    // Nothing of it interrupts this CPU any more.
    msr cntv_ctl_\timer, xzr
    msr cntp_ctl_\timer, xzr
    ret
.endm

.text
.globl hyper_load_registers
hyper_load_registers:
    load_all el1, el0
.globl hyper_load_registers_as_host
hyper_load_registers_as_host:
    load_all el12, el02
.globl hyper_save_registers
hyper_save_registers:
    save_all el1, el0
.globl hyper_save_registers_as_host
hyper_save_registers_as_host:
    save_all el12, el02
