// Two address spaces, each with its own ASID and tables, take turns in S-mode: write satp, then read one word of each
// of 16 pages. Nothing is fenced. 5000 switches a round. The checksum is a1 = 33 a1 + (sum of the 16 words); the same
// addresses hold other words in the other space, so a stale translation shows.

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
    la      a0, tables
    la      a1, pages
    li      a2, PTE_CODE
    li      a3, PTE_DATA
    call    build_tables
    la      a0, tables + 0x8000
    la      a1, pages + 0x10000
    li      a2, PTE_CODE
    li      a3, PTE_DATA
    call    build_tables
    la      t0, tables
    srli    t0, t0, 12
    li      t1, SV39 << 60 | 1 << 44
    or      a2, t0, t1
    la      t0, tables + 0x8000
    srli    t0, t0, 12
    li      t1, SV39 << 60 | 2 << 44
    or      a3, t0, t1
    la      t0, wrong
    csrw    stvec, t0
    sfence.vma
    li      a1, 0
    li      a4, EVENTS
    li      t1, WINDOW
    li      t2, 4096
1:
.irp space, a2, a3
    csrw    satp, \space
    mv      t3, t1
    li      t5, 0
.rept 16
    ld      t4, 0(t3)
    add     t5, t5, t4
    add     t3, t3, t2
.endr
    FOLD(t5, t4)
.endr
    addi    a4, a4, -2
    bnez    a4, 1b

    csrw    satp, zero
    mv      a0, a1
    ecall
.balign 4
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong

.bss
.balign 4096
tables: .skip 2 * 0x8000
