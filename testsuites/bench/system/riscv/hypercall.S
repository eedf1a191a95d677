// A call from VS-mode to HS-mode and back, 10000 times a round, with both stages of translation on. The handler checks
// the cause, steps over the `ecall`, counts, and answers with the calls that are left; the guest folds the answer into
// the checksum a1 = 33 a1 + a0.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 10000

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
    li      a1, WINDOW                  // guest-physical
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
    sret

.balign 64
guest:
    ecall
    FOLD(a0, t1)
    j       guest

.balign 64
handler:
    ENTER
    csrr    t0, scause
    addi    t0, t0, -CAUSE_VIRTUAL_SUPERVISOR_CALL
    bnez    t0, wrong
    NEXT_INSTRUCTION
    COUNT(last)
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
