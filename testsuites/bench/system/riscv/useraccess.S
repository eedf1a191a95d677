// What a kernel does to read a word of a user's memory, 10000 times a round: set sstatus.SUM, load, clear it. The checksum
// is a1 = 33 a1 + the word. A round ends with a load while SUM is clear, which must fault.

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
    call    fill_pages
    la      a0, tables
    la      a1, pages
    li      a2, PTE_CODE
    li      a3, PTE_DATA | PTE_U
    call    build_tables
    la      t0, wrong
    csrw    stvec, t0
    la      t0, tables
    srli    t0, t0, 12
    li      t1, SV39 << 60 | 1 << 44
    or      t0, t0, t1
    csrw    satp, t0
    sfence.vma
    li      a1, 0
    li      a2, EVENTS
    li      t0, SSTATUS_SUM
    li      t1, WINDOW

.balign 64
next:
    csrs    sstatus, t0
    ld      t2, 0(t1)
    csrc    sstatus, t0
    FOLD(t2, t3)
    addi    a2, a2, -1
    bnez    a2, next

    la      t2, last
    csrw    stvec, t2
    ld      t2, 0(t1)
    j       wrong
.balign 4
last:
    csrr    t0, scause
    addi    t0, t0, -CAUSE_LOAD_PAGE_FAULT
    bnez    t0, wrong
    csrw    satp, zero
    mv      a0, a1
    ecall
.balign 4
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong

.bss
.balign 4096
tables: .skip 0x6000
