// Two guests, each with its own VMID, second-stage tables, ASID and first-stage tables, take turns: a guest reads one
// word of each of its 8 pages, then calls the hypervisor, which puts the other guest's hgatp, vsatp and pc in place and
// fences nothing. 5000 switches a round. The checksum is a1 = 33 a1 + (sum of the 8 words); the same addresses hold
// other words for the other guest, so a stale translation shows.

#include "system.h"
.option norelax
.option norvc
.equ EVENTS, 5000

.text
bench:
    COUNTED_EVENTS(EVENTS)
    la      a0, supervisor
    tail    call_supervisor

supervisor:
    call    fill_pages
    li      s0, 0                       // guest
    la      s1, tables
    la      s2, pages
1:  mv      a0, s1                      // the second stage
    mv      a1, s2
    li      a2, PTE_CODE | PTE_U
    li      a3, PTE_DATA | PTE_U
    call    build_tables
    li      a0, 0x8000                  // the first stage
    add     a0, a0, s1
    li      a1, WINDOW
    li      a2, PTE_CODE
    li      a3, PTE_DATA
    call    build_tables
    addi    t0, s0, 1
    slli    t0, t0, 44                  // VMID and ASID are both the guest's number plus one
    li      t1, SV39 << 60
    or      t0, t0, t1
    srli    t1, s1, 12
    or      t1, t1, t0                  // hgatp
    li      t2, 0x8000
    add     t2, t2, s1
    srli    t2, t2, 12
    or      t2, t2, t0                  // vsatp
    bnez    s0, 2f
    csrw    HGATP, t1
    csrw    VSATP, t2
    addi    s0, s0, 1
    li      t0, 0x10000
    add     s1, s1, t0
    add     s2, s2, t0
    j       1b
2:  la      t0, context
    sd      t1, 16(t0)
    la      t1, guest
    sd      t1, 24(t0)
    csrw    sepc, t1
    sd      t2, 32(t0)
    li      t1, EVENTS
    sd      t1, 8(t0)
    csrw    sscratch, t0
    .insn r 0x73, 0, 0x31, x0, x0, x0   // hfence.gvma: the tables may be new, the numbers are not
    .insn r 0x73, 0, 0x11, x0, x0, x0   // hfence.vvma, for the first guest
    la      t0, handler
    csrw    stvec, t0
    li      t0, SSTATUS_SPP             // to S
    csrs    sstatus, t0
    li      t0, HSTATUS_SPV | HSTATUS_SPVP
    csrs    HSTATUS, t0
    li      a1, 0
    li      t1, WINDOW
    li      t2, 4096
    sret

.balign 64
guest:
    mv      t3, t1
    li      t5, 0
.rept 8
    ld      t4, 0(t3)
    add     t5, t5, t4
    add     t3, t3, t2
.endr
    FOLD(t5, t4)
    ecall
    j       guest

.balign 64
handler:
    ENTER
    csrr    t0, scause
    addi    t0, t0, -CAUSE_VIRTUAL_SUPERVISOR_CALL
    bnez    t0, wrong
    sd      t1, 40(t6)
    csrr    t0, sepc                    // exchange pc, hgatp and vsatp with the other guest's
    addi    t0, t0, 4
    ld      t1, 24(t6)
    sd      t0, 24(t6)
    csrw    sepc, t1
    ld      t1, 16(t6)
    csrrw   t0, HGATP, t1
    sd      t0, 16(t6)
    ld      t1, 32(t6)
    csrrw   t0, VSATP, t1
    sd      t0, 32(t6)
    ld      t1, 40(t6)
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
tables: .skip 2 * 0x10000
