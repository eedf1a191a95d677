// A store of the guest to a device: its first stage translates the address, the second stage has no page there. The
// handler checks the cause, reads what a hypervisor reads to emulate the device (stval, htinst, htval), steps over the
// store, counts, and answers with the stores that are left plus htval, the guest-physical address shifted right by two.
// 10000 stores a round. The guest folds the answer into the checksum a1 = 33 a1 + a0.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 10000
.equ DEVICE, WINDOW + 0x10000              // behind what the second stage maps
.equ REGISTER, 24

.text
bench:
    COUNTED_EVENTS(EVENTS)
    la      a0, supervisor
    tail    call_supervisor

supervisor:
    la      a0, second_stage
    la      a1, pages
    li      a2, PTE_CODE | PTE_U
    li      a3, PTE_DATA | PTE_U
    call    build_tables
    la      a0, first_stage
    li      a1, DEVICE                  // guest-physical
    li      a2, PTE_CODE
    li      a3, PTE_DATA
    call    build_tables
    la      t0, second_stage
    srli    t0, t0, 12
    li      t1, SV39 << 60 | 1 << 44    // VMID 1
    or      t0, t0, t1
    csrw    HGATP, t0
    la      t0, first_stage
    srli    t0, t0, 12
    or      t0, t0, t1                  // ASID 1
    csrw    VSATP, t0
    .insn r 0x73, 0, 0x31, x0, x0, x0   // hfence.gvma
    .insn r 0x73, 0, 0x11, x0, x0, x0   // hfence.vvma

    la      t0, context
    li      t1, EVENTS
    sd      t1, 8(t0)
    csrw    sscratch, t0
    la      t0, handler
    csrw    stvec, t0
    la      t0, guest
    csrw    sepc, t0
    li      t0, SSTATUS_SPP             // to S
    csrs    sstatus, t0
    li      t0, HSTATUS_SPV | HSTATUS_SPVP
    csrs    HSTATUS, t0
    li      a1, 0
    li      t1, WINDOW
    sret

.balign 64
guest:
    sb      a1, REGISTER(t1)
    FOLD(a0, t2)
    j       guest

.balign 64
handler:
    ENTER
    csrr    t0, scause
    addi    t0, t0, -CAUSE_STORE_GUEST_PAGE_FAULT
    bnez    t0, wrong
    csrr    t0, stval
    csrr    t0, HTINST                  // zero, or the instruction transformed: the manual allows both
    NEXT_INSTRUCTION
    COUNT(last)
    csrr    t0, HTVAL
    add     a0, a0, t0
    LEAVE
last:
    csrw    HGATP, zero
    csrw    VSATP, zero
    mv      a0, a1
    ecall
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong

.bss
.balign 16384
second_stage: .skip 0x6000
.balign 4096
first_stage: .skip 0x6000
