// SFENCE.VMA in each form, and Svinval: after a fence that covers a change, the change is seen (10.2.1, chapter 13).
// What an implementation still remembers without a fence is its own affair and not tested. Also what needs no fence.
#include "harness.h"
    .option arch, +svinval
PROGRAM "sfence"
#define VA 0x10000

    .macro LOADS text, value
    BEGIN S
    ld   a1, (a0)
    END
    EXPECT_NO_TRAP "\text"
    EXPECT "\text", a1, \value
    .endm
    // Two PTEs in turn: s0 is where, s1 and s2 what; the page is touched before each change.
    .macro FENCED name, fence:vararg
    sd   s1, (s0)
    sfence.vma
    LOADS "10.2.1: \name: the old page", 0x1111
    BEGIN S
    sd   s2, (s4)
    \fence
    ld   a1, (a0)
    END
    EXPECT_NO_TRAP "10.2.1: \name: remapped in S-mode"
    EXPECT "10.2.1: \name: the new page is seen after the fence", a1, 0x2222
    BEGIN S
    sd   zero, (s4)
    \fence
    ld   a1, (a0)
    END
    EXPECT_TRAP "10.2.1: \name: an unmapped page faults after the fence", M, CAUSE_LOAD_PAGE_FAULT, VA
    BEGIN S
    sd   s1, (s4)
    \fence
    ld   a1, (a0)
    END
    EXPECT_NO_TRAP "10.2.1: \name: a page mapped anew is seen after the fence"
    EXPECT "10.2.1: \name: mapped anew", a1, 0x1111
    BEGIN S
    sd   s3, (s4)
    \fence
    ld   a1, (a0)
    sd   a1, (a0)
    END
    EXPECT_TRAP "10.2.1: \name: a page made read-only refuses stores after the fence", M, CAUSE_STORE_PAGE_FAULT, VA
    BEGIN S
    sd   s1, (s4)
    \fence
    sd   a1, (a0)
    END
    EXPECT_NO_TRAP "10.2.1: \name: a page made writable takes stores after the fence"
    .endm

    POKE PAGE(0), 0x1111
    POKE PAGE(1), 0x2222
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, VA, PAGE(0), PTE_S_ALL
    mv   s0, a0
    mv   s4, a0             // tables are mapped to themselves
    li   s1, PTE(PAGE(0), PTE_S_ALL)
    li   s2, PTE(PAGE(1), PTE_S_ALL)
    li   s3, PTE(PAGE(0), PTE_V | PTE_R | PTE_AD)
    li   a0, VA
    li   t0, ATP(SV39, 0xffff, S_ROOT)
    csrw satp, t0
    csrr s5, satp
    srli s5, s5, 44
    slli s5, s5, 48
    srli s5, s5, 48         // the widest ASID
    li   s6, 5
    and  s6, s6, s5         // ASID 5, or 0 where there are none
    slli t0, s6, 44
    li   t1, ATP(SV39, 0, S_ROOT)
    or   t0, t0, t1
    csrw satp, t0
    sfence.vma
    FENCED "SFENCE.VMA", sfence.vma
    FENCED "SFENCE.VMA of the address", sfence.vma a0, zero
    FENCED "SFENCE.VMA of the ASID", sfence.vma zero, s6
    FENCED "SFENCE.VMA of the address and the ASID", sfence.vma a0, s6
    addi s7, a0, 0x7f8
    FENCED "SFENCE.VMA of an address within the page", sfence.vma s7, zero
    // Global mappings are not the business of fences by ASID.
    ori  s1, s1, PTE_G
    ori  s2, s2, PTE_G
    ori  s3, s3, PTE_G
    FENCED "SFENCE.VMA, global page", sfence.vma
    FENCED "SFENCE.VMA of the address, global page", sfence.vma a0, zero
    li   s1, PTE(PAGE(0), PTE_S_ALL)
    li   s2, PTE(PAGE(1), PTE_S_ALL)
    li   s3, PTE(PAGE(0), PTE_V | PTE_R | PTE_AD)
    sd   s1, (s0)
    sfence.vma
    BEGIN M
    sfence.vma a0, s6
    END
    EXPECT_NO_TRAP "10.2.1: SFENCE.VMA is legal in M-mode"
    li   s7, 1 << 63
    BEGIN S
    sfence.vma s7, zero
    END
    EXPECT_NO_TRAP "10.2.1: SFENCE.VMA of a non-canonical address is no fault"

    // A pointer changed: a fence of all addresses covers it, a fence of one covers leaves alone
    MAP  S_ROOT, 3, 0x200000, PAGE(4), PTE_V, 1
    mv   s4, a0
    POKE PAGE(4), PTE(PAGE(0), PTE_S_ALL)
    POKE PAGE(5), PTE(PAGE(1), PTE_S_ALL)
    sfence.vma
    li   a0, 0x200000
    LOADS "10.2.1: through the old table", 0x1111
    li   t0, PTE(PAGE(5), PTE_V)
    BEGIN S
    sd   t0, (s4)
    sfence.vma
    ld   a1, (a0)
    END
    EXPECT_NO_TRAP "10.2.1: another table, SFENCE.VMA"
    EXPECT "10.2.1: through the new table", a1, 0x2222
    li   t0, PTE(PAGE(4), PTE_V)
    BEGIN S
    sd   t0, (s4)
    sfence.vma zero, s6
    ld   a1, (a0)
    END
    EXPECT "10.2.1: a new table after SFENCE.VMA of the ASID", a1, 0x1111
    // A page made a superpage
    li   t0, PTE(PAGE(0), PTE_S_ALL)
    BEGIN S
    sd   t0, (s4)
    sfence.vma
    ld   a1, (a0)
    li   t0, 0x1000
    add  t0, t0, a0
    ld   a2, (t0)
    END
    EXPECT "10.2.1: a table replaced by a superpage: its first page", a1, 0x1111
    EXPECT "10.2.1: a table replaced by a superpage: its second page", a2, 0x2222

    // A fence of one address covers the leaf of its superpage, and so every page of that (10.2.1). The second superpage
    // is the last of the address space.
    .irp va, 0x600000, -0x200000
    MAP  S_ROOT, 3, \va, PAGE(0), PTE_S_ALL, 1
    mv   s4, a0
    sfence.vma
    li   a0, \va
    li   s7, 0x1000
    add  s7, s7, a0
    BEGIN S
    ld   a1, (a0)
    ld   a2, (s7)
    END
    EXPECT "10.2.1: the first page of the superpage at \va", a1, 0x1111
    EXPECT "10.2.1: the second page of the superpage at \va", a2, 0x2222
    BEGIN S
    sd   zero, (s4)
    sfence.vma a0, zero
    ld   a2, (s7)
    END
    EXPECT_TRAP "10.2.1: the superpage at \va unmapped, SFENCE.VMA of its first page: its second page faults", \
        M, CAUSE_LOAD_PAGE_FAULT, \va + 0x1000
    .endr

    // What takes effect without a fence (10.1.11, 10.1.1.2)
    li   a0, VA
    csrr s8, satp
    LOADS "10.1.11: translated", 0x1111
    li   a0, PAGE(1)
    BEGIN S
    csrw satp, zero
    ld   a1, (a0)
    csrw satp, s8
    li   a0, VA
    ld   a2, (a0)
    END
    EXPECT_NO_TRAP "10.1.11: to Bare and back without a fence"
    EXPECT "10.1.11: Bare takes effect at once", a1, 0x2222
    EXPECT "10.1.11: leaving Bare takes effect at once", a2, 0x1111
    MAP  S_ROOT, 3, 0x30000, PAGE(1), PTE_U_ALL
    sfence.vma
    li   a0, 0x30000
    BEGIN S
    li   t0, STATUS_SUM
    csrs sstatus, t0
    ld   a1, (a0)
    csrc sstatus, t0
    ld   a2, (a0)
    END
    EXPECT_TRAP "10.1.1.2: clearing SUM takes effect at once", M, CAUSE_LOAD_PAGE_FAULT, 0x30000
    EXPECT "10.1.1.2: setting SUM takes effect at once", a1, 0x2222
    MAP  S_ROOT, 3, 0x31000, PAGE(1), PTE_V | PTE_X | PTE_AD
    sfence.vma
    li   a0, 0x31000
    li   a1, 0
    BEGIN S
    li   t0, STATUS_MXR
    csrs sstatus, t0
    ld   a1, (a0)
    csrc sstatus, t0
    ld   a2, (a0)
    END
    EXPECT_TRAP "10.1.1.2: clearing MXR takes effect at once", M, CAUSE_LOAD_PAGE_FAULT, 0x31000
    EXPECT "10.1.1.2: setting MXR takes effect at once", a1, 0x2222

    // Address spaces by ASID: switching satp alone is enough between two ASIDs never mixed up (10.1.11)
    bnez s5, 1f
    SKIP "no ASIDs", svinval
1:  IDENTITY S_ROOT2, 3
    MAP  S_ROOT, 3, VA, PAGE(0), PTE_S_ALL
    MAP  S_ROOT2, 3, VA, PAGE(1), PTE_S_ALL
    sfence.vma
    li   s8, ATP(SV39, 1, S_ROOT)
    li   s9, ATP(SV39, 2, S_ROOT2)
    csrr t0, satp
    li   t1, 2
    bltu s5, t1, svinval
    li   a0, VA
    BEGIN S
    csrw satp, s8
    ld   a1, (a0)
    csrw satp, s9
    ld   a2, (a0)
    csrw satp, s8
    ld   a3, (a0)
    csrw satp, s9
    ld   a4, (a0)
    END
    EXPECT_NO_TRAP "10.1.11: two address spaces in turn, no fence"
    EXPECT "10.1.11: ASID 1 sees its page", a1, 0x1111
    EXPECT "10.1.11: ASID 2 sees its page", a2, 0x2222
    EXPECT "10.1.11: ASID 1 again", a3, 0x1111
    EXPECT "10.1.11: ASID 2 again", a4, 0x2222
    // A fence of one ASID reaches that ASID although another is current.
    MAP  S_ROOT, 3, VA, PAGE(1), PTE_S_ALL
    li   t0, 1
    li   a0, VA
    BEGIN S
    sfence.vma zero, t0
    csrw satp, s8
    ld   a1, (a0)
    END
    EXPECT "10.2.1: SFENCE.VMA of another ASID", a1, 0x2222
    MAP  S_ROOT, 3, VA, PAGE(0), PTE_S_ALL
    li   t0, 1
    li   a0, VA
    BEGIN S
    csrw satp, s9
    ld   a2, (a0)
    sfence.vma a0, t0
    csrw satp, s8
    ld   a1, (a0)
    END
    EXPECT "10.2.1: SFENCE.VMA of an address and another ASID", a1, 0x1111
    // ASID reused for another root, after a fence of that ASID
    li   s9, ATP(SV39, 1, S_ROOT2)
    li   t0, 1
    BEGIN S
    csrw satp, s8
    ld   a1, (a0)
    csrw satp, s9
    sfence.vma zero, t0
    ld   a2, (a0)
    END
    EXPECT "10.1.11: the old root under ASID 1", a1, 0x1111
    EXPECT "10.1.11: the new root under ASID 1, after a fence of it", a2, 0x2222
    // Global pages serve every ASID; here both roots have the same.
    MAP  S_ROOT, 3, 0x40000, PAGE(1), PTE_S_ALL | PTE_G
    MAP  S_ROOT2, 3, 0x40000, PAGE(1), PTE_S_ALL | PTE_G
    sfence.vma
    li   a0, 0x40000
    li   s9, ATP(SV39, 2, S_ROOT2)
    BEGIN S
    csrw satp, s8
    ld   a1, (a0)
    csrw satp, s9
    ld   a2, (a0)
    END
    EXPECT "10.4.1: a global page under ASID 1", a1, 0x2222
    EXPECT "10.4.1: the global page under ASID 2", a2, 0x2222

svinval:
    // Svinval (chapter 13)
    li   t0, ATP(SV39, 0, S_ROOT)
    csrw satp, t0
    sfence.vma
    li   a0, VA
    li   s6, 0
    BEGIN S
    sinval.vma a0, zero
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    EXPECT_RECORD "13: without Svinval SINVAL.VMA is illegal", CAUSE, CAUSE_ILLEGAL_INSTRUCTION
    SKIP "no Svinval", 9f
1:  MAP  S_ROOT, 3, VA, PAGE(0), PTE_S_ALL
    mv   s0, a0
    mv   s4, a0
    li   s1, PTE(PAGE(0), PTE_S_ALL)
    li   s2, PTE(PAGE(1), PTE_S_ALL)
    li   s3, PTE(PAGE(0), PTE_V | PTE_R | PTE_AD)
    li   a0, VA
    .macro INVAL va, asid
    sfence.w.inval
    sinval.vma \va, \asid
    sfence.inval.ir
    .endm
    FENCED "SINVAL.VMA", INVAL zero, zero
    FENCED "SINVAL.VMA of the address", INVAL a0, zero
    FENCED "SINVAL.VMA of the ASID", INVAL zero, s6
    FENCED "SINVAL.VMA of the address and the ASID", INVAL a0, s6
    csrw satp, zero
    sfence.vma
    .macro PRIVILEGED_SVINVAL name, instruction:vararg
    BEGIN U
    \instruction
    END
    EXPECT_TRAP "13: \name in U-mode is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    PRIVILEGED_SVINVAL "SINVAL.VMA", sinval.vma zero, zero
    PRIVILEGED_SVINVAL "SFENCE.W.INVAL", sfence.w.inval
    PRIVILEGED_SVINVAL "SFENCE.INVAL.IR", sfence.inval.ir
    li   t0, STATUS_TVM
    csrs mstatus, t0
    BEGIN S
    sfence.w.inval
    sfence.inval.ir
    END
    EXPECT_NO_TRAP "13: TVM does not bind SFENCE.W.INVAL and SFENCE.INVAL.IR"
    BEGIN S
    sinval.vma zero, zero
    END
    EXPECT_TRAP "13: SINVAL.VMA in S-mode with TVM = 1 is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, STATUS_TVM
    csrc mstatus, t0
9:  DONE
