// What the system benchmarks share: the way from M-mode into S-mode and back, and page-table entries.

#include "system.h"

.option norelax
.text

// Runs the function at a0 in S-mode on the same stack. Every exception is delegated but two: the call from S-mode, by
// which the function ends (its a0 is the result here), and the illegal instruction, by which it reports a failure.
// ra, sp and s0-s2 are kept.
.globl call_supervisor
call_supervisor:
    la      t0, machine_frame
    sd      ra, 0(t0)
    sd      sp, 8(t0)
    sd      s0, 16(t0)
    sd      s1, 24(t0)
    sd      s2, 32(t0)
    li      t1, -1
    csrw    pmpaddr0, t1                // all of memory, for every mode
    li      t1, 0x1f                    // NAPOT, R, W, X
    csrw    pmpcfg0, t1
    li      t1, 0xf0b5ff & ~(1 << CAUSE_ILLEGAL_INSTRUCTION | 1 << CAUSE_SUPERVISOR_CALL)
    csrw    medeleg, t1
    li      t1, 0x222                   // and the supervisor's interrupts
    csrw    mideleg, t1
    la      t1, back_in_machine
    csrw    mtvec, t1
    csrw    mepc, a0
    li      t1, 3 << 11                 // mstatus.MPP = S
    csrc    mstatus, t1
    li      t1, 1 << 11
    csrs    mstatus, t1
    mret

.balign 4
back_in_machine:
    csrr    t1, mcause
    addi    t1, t1, -CAUSE_SUPERVISOR_CALL
    bnez    t1, 1f
    la      t0, unexpected_trap
    csrw    mtvec, t0
    la      t0, machine_frame
    ld      ra, 0(t0)
    ld      sp, 8(t0)
    ld      s0, 16(t0)
    ld      s1, 24(t0)
    ld      s2, 32(t0)
    ret
1:  j       unexpected_trap

// The page-table entry for the page at a0 with the flags a1.
.globl entry
entry:
    srli    a0, a0, 12
    slli    a0, a0, 10
    or      a0, a0, a1
    ret

// Fills two sets of 16 pages. The first word of page i in set g is (64 g + i + 1) times the golden ratio's fraction.
.globl fill_pages
fill_pages:
    la      t0, pages
    li      t1, GOLDEN
    li      t2, 0                       // set
1:  li      t3, 0                       // page
2:  slli    t4, t2, 6
    add     t4, t4, t3
    addi    t4, t4, 1
    mul     t4, t4, t1
    sd      t4, 0(t0)
    li      t4, 4096
    add     t0, t0, t4
    addi    t3, t3, 1
    li      t4, 16
    bltu    t3, t4, 2b
    addi    t2, t2, 1
    li      t4, 2
    bltu    t2, t4, 1b
    ret

// Three levels of tables, at a0 (root), that map the first 2 MiB of RAM where they are, and 16 pages of 4 KiB from
// WINDOW to a1, with the flags a2 for the 2 MiB and a3 for the pages. The root of a second stage takes four pages, so
// the lower tables follow at a0 + 16 KiB and a0 + 20 KiB in every case.
.globl build_tables
build_tables:
    li      t0, 0x4000
    add     t0, t0, a0                  // level 1
    li      t1, 0x1000
    add     t1, t1, t0                  // level 0
    srli    t2, t0, 2
    ori     t2, t2, PTE_V
    sd      t2, 8 * 2(a0)               // root: 0x80000000-0xbfffffff
    li      t2, RAM >> 2
    or      t2, t2, a2
    sd      t2, 0(t0)                   // level 1: 0x80000000-0x801fffff
    srli    t2, t1, 2
    ori     t2, t2, PTE_V
    sd      t2, 8 * 128(t0)             // level 1: 0x90000000-0x901fffff
    li      t3, 16
1:  srli    t2, a1, 2
    or      t2, t2, a3
    sd      t2, 0(t1)
    addi    t1, t1, 8
    li      t2, 4096
    add     a1, a1, t2
    addi    t3, t3, -1
    bnez    t3, 1b
    ret

.bss
.balign 8
machine_frame: .skip 40
.globl context
context: .skip 64
.balign 4096
.globl pages
pages: .skip 2 * 16 * 4096
