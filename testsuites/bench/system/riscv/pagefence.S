// One page is given another frame, fenced and touched, 10000 times a round: its entry is written, `sfence.vma` names its
// address, and a word is loaded. Two frames take turns. The checksum is a1 = 33 a1 + the word, so a stale translation
// shows.

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
    li      a3, PTE_DATA
    call    build_tables
    la      a0, pages                   // the first page of the first set
    li      a1, PTE_DATA
    call    entry
    mv      s0, a0
    la      a0, pages + 0x10000         // the first page of the second set
    li      a1, PTE_DATA
    call    entry
    mv      s1, a0
    la      s2, tables + 0x5000         // the level-0 table of the window
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
    li      t1, WINDOW

.balign 64
next:
.irp frame, s0, s1
    sd      \frame, 0(s2)
    sfence.vma t1, zero
    ld      t2, 0(t1)
    FOLD(t2, t3)
.endr
    addi    a2, a2, -2
    bnez    a2, next

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
