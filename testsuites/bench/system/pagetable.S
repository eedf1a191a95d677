// Page-table churn in S-mode. A round maps, uses and unmaps each page of a window of 256 pages, in the order 0, 37, 74,
// ... modulo 256, 16 times over. For one page: map it to frame A, fence it, store a number and load it back; map it to
// frame B, fence it, load the number that B has kept; unmap it and fence it. Every eighth page is then touched once
// more: that load must fault, and the handler counts it and steps over. One event is one page so treated (three fences).
// The checksum is a1 = 33 a1 + (every number loaded, and the address of every fault).

#include "system.h"
.option norelax
.option norvc
.equ TURNS, 16
.equ PAGES, 256
.equ EVENTS, TURNS * PAGES

.text
.globl bench
bench:
    la      t0, bench_events
    ld      t1, 0(t0)
    li      t2, EVENTS
    add     t1, t1, t2
    sd      t1, 0(t0)
    la      a0, supervisor
    tail    call_supervisor

supervisor:
    call    fill_pages
    la      a0, tables
    la      a1, pages
    li      a2, PTE_CODE
    li      a3, PTE_DATA
    call    build_tables
    la      a0, pages                   // frame A: page 0 of the first set
    li      a1, PTE_DATA
    call    entry
    mv      s0, a0
    li      t0, 0x10000
    la      a0, pages                   // frame B: page 0 of the second set
    add     a0, a0, t0
    li      a1, PTE_DATA
    call    entry
    mv      s1, a0
    la      s2, tables + 0x5000         // the level-0 table of the window
    la      t0, handler
    csrw    stvec, t0
    la      t0, context
    csrw    sscratch, t0
    la      t0, tables
    srli    t0, t0, 12
    li      t1, SV39 << 60 | 1 << 44
    or      t0, t0, t1
    csrw    satp, t0
    sfence.vma

    li      a1, 0                       // checksum
    li      a2, 0                       // page
    li      a3, EVENTS
    li      a4, WINDOW
next:
    slli    t0, a2, 3
    add     t0, t0, s2                  // the page's entry
    slli    t1, a2, 12
    add     t1, t1, a4                  // the page's address

    sd      s0, 0(t0)
    sfence.vma t1, zero
    sd      a3, 8(t1)
    ld      t2, 8(t1)
    slli    t3, a1, 5
    add     a1, a1, t3
    add     a1, a1, t2

    sd      s1, 0(t0)
    sfence.vma t1, zero
    ld      t2, 0(t1)
    slli    t3, a1, 5
    add     a1, a1, t3
    add     a1, a1, t2

    sd      zero, 0(t0)
    sfence.vma t1, zero
    andi    t3, a3, 7
    bnez    t3, 1f
    li      t2, 0
    ld      t2, 0(t1)                   // faults; the handler puts the address in t2
    slli    t3, a1, 5
    add     a1, a1, t3
    add     a1, a1, t2
1:  addi    a2, a2, 37
    andi    a2, a2, PAGES - 1
    addi    a3, a3, -1
    bnez    a3, next

    csrw    satp, zero
    mv      a0, a1
    ecall

.balign 64
handler:
    ENTER
    csrr    t0, scause
    addi    t0, t0, -CAUSE_LOAD_PAGE_FAULT
    bnez    t0, wrong
    NEXT_INSTRUCTION
    csrr    t2, stval
    LEAVE
wrong:
    unimp                               // nobody handles this: it is reported from M-mode
    j       wrong

.bss
.balign 4096
tables: .skip 0x6000
