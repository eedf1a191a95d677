// What extensions add to page tables: A and D bits by fault (Svade) or by hardware (Svadu, menvcfg.ADUE), Svnapot and
// Svpbmt (menvcfg.PBMTE).
#include "harness.h"
PROGRAM "paging-extensions"
#define VA 0x10000

    .macro ALLOWED text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm
    .macro FAULTS text, mode, cause, tval, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_TRAP "\text", M, \cause, \tval
    .endm
    .macro PAGE_AT va, pa, flags, level=0
    MAP  S_ROOT, 3, \va, \pa, \flags, \level
    sfence.vma
    mv   s0, a0             // where the PTE is
    li   a0, \va
    .endm

    li   t0, 0x8082         // ret
    li   t1, PAGE(0)
    sd   t0, (t1)
    fence.i
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    SET_SATP SV39, S_ROOT
    SET_ALIAS U_ALIAS
    li   s2, 0              // menvcfg as it is, less the fields below
    BEGIN M
    csrr s2, menvcfg
    li   t0, ENVCFG_ADUE | ENVCFG_PBMTE
    not  t0, t0
    and  s2, s2, t0
    csrw menvcfg, s2
    END

    // A and D without hardware update (10.3.2 step 9; 14): faults where ADUE is 0, if there is ADUE
    li   s3, 0
    BEGIN M
    li   t0, ENVCFG_ADUE
    csrs menvcfg, t0
    csrr s3, menvcfg
    and  s3, s3, t0
    csrc menvcfg, t0
    END
    bnez s3, 1f
    // Without Svadu the implementation may do either, but nothing between.
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    BEGIN S
    ld   t0, (a0)
    END
    ld   t0, LEVEL(gp)
    ld   t1, (s0)
    andi t1, t1, PTE_A
    beqz t0, 2f
    EXPECT "10.3.2: an access that faults for A = 0 leaves A clear", t1, 0
    EXPECT_RECORD "10.3.2: an access that faults for A = 0 raises a page fault", CAUSE, CAUSE_LOAD_PAGE_FAULT
    j    1f
2:  EXPECT "10.3.2: an access that passes with A = 0 sets A", t1, PTE_A
    SKIP "no menvcfg.ADUE, and A and D are set by hardware", napot
1:
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    FAULTS "14: Svade: a load with A = 0 faults", S, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)
    FAULTS "14: Svade: a fetch with A = 0 faults", S, CAUSE_FETCH_PAGE_FAULT, VA, jr a0
    FAULTS "14: Svade: a store with A = 0 faults", S, CAUSE_STORE_PAGE_FAULT, VA, sd t0, (a0)
    ld   t0, (s0)
    EXPECT_BITS "14: Svade: the faults leave A and D clear", t0, PTE_AD, 0
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX | PTE_A
    ALLOWED "14: Svade: a load with A = 1, D = 0 passes", S, ld t0, (a0)
    ALLOWED "14: Svade: a fetch with A = 1, D = 0 passes", S, jalr ra, (a0)
    FAULTS "14: Svade: a store with D = 0 faults", S, CAUSE_STORE_PAGE_FAULT, VA + 8, sd t0, 8(a0)
    FAULTS "14: Svade: an AMO with D = 0 faults", S, CAUSE_STORE_PAGE_FAULT, VA, amoor.d t0, zero, (a0)
    ALLOWED "14: Svade: LR with D = 0 passes", S, lr.d t0, (a0)
    ld   t0, (s0)
    EXPECT_BITS "14: Svade: nothing set D", t0, PTE_AD, PTE_A
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX | PTE_D
    FAULTS "14: Svade: a store with D = 1, A = 0 faults", S, CAUSE_STORE_PAGE_FAULT, VA + 8, sd t0, 8(a0)
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX | PTE_U
    FAULTS "14: Svade: U-mode's load with A = 0 faults", U, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)
    PAGE_AT 0x40000000, RAM, PTE_V | PTE_RWX, 2
    FAULTS "14: Svade: a superpage with A = 0 faults", S, CAUSE_LOAD_PAGE_FAULT, 0x40000000, ld t0, (a0)
    bnez s3, 1f
    SKIP "no menvcfg.ADUE", napot
1:  li   t0, ENVCFG_ADUE
    csrs menvcfg, t0
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    ALLOWED "14: ADUE = 1: a load with A = 0 passes", S, ld t0, (a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: a load sets A alone", t0, PTE_AD, PTE_A
    ALLOWED "14: ADUE = 1: a store with D = 0 passes", S, sd t0, 8(a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: a store sets D", t0, PTE_AD, PTE_AD
    EXPECT "14: ADUE = 1: the update changes nothing else", t0, PTE(PAGE(0), PTE_V | PTE_RWX | PTE_AD)
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    ALLOWED "14: ADUE = 1: a fetch with A = 0 passes", S, jalr ra, (a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: a fetch sets A alone", t0, PTE_AD, PTE_A
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    ALLOWED "14: ADUE = 1: a store with A = 0 passes", S, sd t0, 8(a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: a store sets A and D", t0, PTE_AD, PTE_AD
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX | PTE_U
    ALLOWED "14: ADUE = 1: U-mode's AMO passes", U, amoor.d t0, zero, (a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: an AMO sets A and D", t0, PTE_AD, PTE_AD
    PAGE_AT VA, PAGE(0), PTE_V | PTE_R
    FAULTS "14: ADUE = 1: a store to a read-only page faults", S, CAUSE_STORE_PAGE_FAULT, VA, sd t0, (a0)
    ld   t0, (s0)
    EXPECT_BITS "10.4.1: a store that faults does not set D", t0, PTE_D, 0
    PAGE_AT 0x40000000, RAM, PTE_V | PTE_RWX, 2
    li   a0, 0x40200000
    ALLOWED "14: ADUE = 1: a store to a superpage passes", S, sd t0, 8(a0)
    ld   t0, (s0)
    EXPECT_BITS "14: ADUE = 1: the superpage's PTE is updated", t0, PTE_AD, PTE_AD
    li   t0, ENVCFG_ADUE
    csrc menvcfg, t0
    sfence.vma
    PAGE_AT VA, PAGE(0), PTE_V | PTE_RWX
    FAULTS "14: ADUE = 0 again: a load with A = 0 faults", S, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)

napot:
    // Svnapot: 16 PTEs for 64 KiB at PAGE(16), all alike (chapter 11)
    li   a0, PAGE(16)
    li   t0, 0
1:  sd   t0, (a0)
    li   t1, 0x1000
    add  a0, a0, t1
    addi t0, t0, 1
    li   t1, 16
    bne  t0, t1, 1b
    li   s4, 0
1:  slli a2, s4, 12
    li   t0, 0x100000
    add  a2, a2, t0
    li   a0, S_ROOT
    li   a1, 3
    li   a3, PTE(PAGE(16) + 0x8000, PTE_S_ALL | PTE_N)
    li   a4, 0
    li   a5, 0x1ff
    jal  tp, map
    addi s4, s4, 1
    li   t0, 16
    bne  s4, t0, 1b
    sfence.vma
    li   a0, 0x100000
    BEGIN S
    ld   a1, (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    EXPECT_TRAP "11: without Svnapot a PTE with N = 1 faults", M, CAUSE_LOAD_PAGE_FAULT, 0x100000
    SKIP "no Svnapot", pbmt
1:  EXPECT "11: the first page of a 64 KiB range", a1, 0
    .irp page, 1, 7, 8, 9, 15
    li   a0, 0x100000 + \page * 0x1000
    ALLOWED "11: page \page of a 64 KiB range translates", S, ld a1, (a0)
    EXPECT "11: page \page of a 64 KiB range is page \page of the memory", a1, \page
    .endr
    li   a0, 0x10f000
    ALLOWED "11: a store through a NAPOT PTE", S, sd a0, 8(a0)
    li   t0, PAGE(31)
    ld   a1, 8(t0)
    EXPECT "11: a store through a NAPOT PTE lands in its page", a1, 0x10f000
    .irp low, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 14, 15
    PAGE_AT 0x200000, PAGE(16) + \low * 0x1000, PTE_S_ALL | PTE_N
    FAULTS "11: N = 1 with ppn[3:0] = \low is reserved", S, CAUSE_LOAD_PAGE_FAULT, 0x200000, ld a1, (a0)
    .endr
    PAGE_AT 0x400000, PAGE(0) + 0x8000, PTE_S_ALL | PTE_N, 1
    FAULTS "11: N = 1 in a 2 MiB leaf is reserved", S, CAUSE_LOAD_PAGE_FAULT, 0x400000, ld a1, (a0)
    PAGE_AT 0x600000, PAGE(4), PTE_V | PTE_N, 1
    FAULTS "11: N = 1 in a pointer is reserved", S, CAUSE_LOAD_PAGE_FAULT, 0x600000, ld a1, (a0)
    PAGE_AT 0x200000, PAGE(24), PTE_V | PTE_R | PTE_AD | PTE_N
    FAULTS "11: a NAPOT PTE has permissions like another", S, CAUSE_STORE_PAGE_FAULT, 0x200008, sd a1, 8(a0)

pbmt:
    // Svpbmt (chapter 12)
    li   t0, ENVCFG_PBMTE
    li   s5, 0
    BEGIN M
    csrs menvcfg, t0
    csrr s5, menvcfg
    and  s5, s5, t0
    csrc menvcfg, t0
    END
    sfence.vma
    .irp type, PTE_PBMT_NC, PTE_PBMT_IO, PTE_PBMT_RESERVED
    PAGE_AT VA, PAGE(0), PTE_S_ALL | \type
    FAULTS "12: with PBMTE = 0 or no Svpbmt a PTE of type \type faults", S, CAUSE_LOAD_PAGE_FAULT, VA, ld a1, (a0)
    .endr
    bnez s5, 1f
    SKIP "no Svpbmt", 9f
1:  csrs menvcfg, s5
    sfence.vma
    PAGE_AT VA, PAGE(0), PTE_S_ALL | PTE_PBMT_NC
    ALLOWED "12: PBMTE = 1: a load from an NC page", S, ld a1, (a0)
    ALLOWED "12: PBMTE = 1: a store to an NC page", S, sd a1, 8(a0)
    ALLOWED "12: PBMTE = 1: a fetch from an NC page", S, jalr ra, (a0)
    PAGE_AT VA, PAGE(0), PTE_S_ALL | PTE_PBMT_IO
    ALLOWED "12: PBMTE = 1: a load from an IO page", S, ld a1, (a0)
    ALLOWED "12: PBMTE = 1: a store to an IO page", S, sd a1, 8(a0)
    PAGE_AT VA, PAGE(0), PTE_S_ALL | PTE_PBMT_RESERVED
    FAULTS "12: PBMTE = 1: type 3 is reserved and faults", S, CAUSE_LOAD_PAGE_FAULT, VA, ld a1, (a0)
    FAULTS "12: PBMTE = 1: type 3 is reserved and faults on a store", S, CAUSE_STORE_PAGE_FAULT, VA, sd a1, (a0)
    PAGE_AT 0x40000000, RAM, PTE_S_ALL | PTE_PBMT_NC, 2
    ALLOWED "12: PBMTE = 1: an NC superpage", S, ld a1, (a0)
    POKE PAGE(4), PTE(PAGE(1), PTE_S_ALL)
    PAGE_AT 0x800000, PAGE(4), PTE_V, 1
    ALLOWED "12: a pointer without a type", S, ld a1, (a0)
    PAGE_AT 0x800000, PAGE(4), PTE_V | PTE_PBMT_NC, 1
    FAULTS "12: a pointer with a type faults", S, CAUSE_LOAD_PAGE_FAULT, 0x800000, ld a1, (a0)
9:  DONE
