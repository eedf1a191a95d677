// HFENCE.VVMA, HFENCE.GVMA, SFENCE.VMA in VS-mode and HINVAL: after a fence that covers a change of a VS-stage or
// G-stage PTE, the change is seen (19.3.2, 19.5.3, chapter 13). Also VMIDs and ASIDs: guests and their address spaces
// in turn.
#include "harness.h"
    .option arch, +svinval
PROGRAM "fences"
#define VA 0x10000
#define GPA 0x50000
    NEED_MISA H, done

    // s0 is the PTE, s1 and s2 its two values, s3 the first made read-only; a0 is VA.
    .macro STEP text, mode, value, cause, instruction, fence:vararg
    BEGIN \mode
    sd   \value, (s0)
    \fence
    END
    EXPECT_NO_TRAP "\text: the fence"
    BEGIN VS
    \instruction
    END
    .if \cause
    EXPECT_RECORD "\text: faults", CAUSE, \cause
    .else
    EXPECT_NO_TRAP "\text"
    .endif
    .endm
    .macro FENCED name, load_fault, store_fault, mode, fence:vararg
    STEP "\name: the first page", \mode, s1, 0, "ld a1, (a0)", \fence
    EXPECT "\name: the first page is seen", a1, 0x1111
    STEP "\name: the second page", \mode, s2, 0, "ld a1, (a0)", \fence
    EXPECT "\name: the second page is seen", a1, 0x2222
    STEP "\name: no page", \mode, zero, \load_fault, "ld a1, (a0)", \fence
    STEP "\name: the first page anew", \mode, s1, 0, "ld a1, (a0)", \fence
    EXPECT "\name: it is seen", a1, 0x1111
    STEP "\name: made read-only", \mode, s3, \store_fault, "sd a1, (a0)", \fence
    STEP "\name: made writable", \mode, s1, 0, "sd a1, (a0)", \fence
    .endm

    POKE PAGE(0), 0x1111
    POKE PAGE(1), 0x2222
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    MAP_G G_ROOT, 3, GPA, PAGE(0), PTE_U_ALL
    mv   s10, a0
    MAP_G G_ROOT, 3, GPA + 0x1000, PAGE(1), PTE_U_ALL
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    mv   s0, a0
    // How many bits: VMIDs and ASIDs used are cut to them.
    li   t0, ATP(SV39, 0x3fff, G_ROOT)
    csrw hgatp, t0
    csrr s9, hgatp
    slli s9, s9, 6
    srli s9, s9, 50
    li   t0, ATP(SV39, 0xffff, VS_ROOT)
    csrw vsatp, t0
    csrr s8, vsatp
    slli s8, s8, 4
    srli s8, s8, 48
    andi s6, s8, 3          // ASID 3
    andi s7, s9, 5          // VMID 5
    slli t0, s7, 44
    li   t1, ATP(SV39, 0, G_ROOT)
    or   t0, t0, t1
    csrw hgatp, t0
    hfence.gvma
    slli t0, s6, 44
    li   t1, ATP(SV39, 0, VS_ROOT)
    or   t0, t0, t1
    csrw vsatp, t0
    hfence.vvma

    // VS-stage PTEs
    li   s1, PTE(GPA, PTE_S_ALL)
    li   s2, PTE(GPA + 0x1000, PTE_S_ALL)
    li   s3, PTE(GPA, PTE_V | PTE_R | PTE_AD)
    li   a0, VA
    .irp mode, M, HS
    FENCED "19.3.2: HFENCE.VVMA in \mode-mode", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, \mode, hfence.vvma
    FENCED "19.3.2: HFENCE.VVMA of the address in \mode-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, \mode, hfence.vvma a0, zero
    FENCED "19.3.2: HFENCE.VVMA of the ASID in \mode-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, \mode, hfence.vvma zero, s6
    FENCED "19.3.2: HFENCE.VVMA of both in \mode-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, \mode, hfence.vvma a0, s6
    .endr
    FENCED "19.5.3: SFENCE.VMA in VS-mode", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, sfence.vma
    FENCED "19.5.3: SFENCE.VMA of the address in VS-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, sfence.vma a0, zero
    FENCED "19.5.3: SFENCE.VMA of the ASID in VS-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, sfence.vma zero, s6
    FENCED "19.5.3: SFENCE.VMA of both in VS-mode", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, sfence.vma a0, s6

    // G-stage PTEs: HFENCE.GVMA alone, the address shifted right by two
    sd   s1, (s0)
    hfence.vvma
    mv   s5, s0
    mv   s0, s10
    li   s1, PTE(PAGE(0), PTE_U_ALL)
    li   s2, PTE(PAGE(1), PTE_U_ALL)
    li   s3, PTE(PAGE(0), PTE_V | PTE_R | PTE_U | PTE_AD)
    li   s11, GPA >> 2
    .irp mode, M, HS
    FENCED "19.3.2: HFENCE.GVMA in \mode-mode", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, \mode, hfence.gvma
    FENCED "19.3.2: HFENCE.GVMA of the address in \mode-mode", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, \mode, hfence.gvma s11, zero
    FENCED "19.3.2: HFENCE.GVMA of the VMID in \mode-mode", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, \mode, hfence.gvma zero, s7
    FENCED "19.3.2: HFENCE.GVMA of both in \mode-mode", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, \mode, hfence.gvma s11, s7
    .endr
    // With the VS stage Bare too
    csrr s4, vsatp
    csrw vsatp, zero
    hfence.vvma
    li   a0, GPA
    FENCED "19.3.2: HFENCE.GVMA, VS stage Bare", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, HS, hfence.gvma
    FENCED "19.3.2: HFENCE.GVMA of the address, VS stage Bare", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, HS, hfence.gvma s11, zero
    csrw vsatp, s4
    hfence.vvma
    li   a0, VA

    // Svinval
    BEGIN HS
    hinval.vvma zero, zero
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Svinval", identifiers
1:  .macro INVAL kind, address, id
    sfence.w.inval
    \kind \address, \id
    sfence.inval.ir
    .endm
    FENCED "13: HINVAL.GVMA", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, HS, INVAL hinval.gvma, zero, zero
    FENCED "13: HINVAL.GVMA of the address", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, HS, INVAL hinval.gvma, s11, zero
    FENCED "13: HINVAL.GVMA of both", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, CAUSE_STORE_GUEST_PAGE_FAULT, HS, INVAL hinval.gvma, s11, s7
    sd   s1, (s0)
    hfence.gvma
    mv   s0, s5
    li   s1, PTE(GPA, PTE_S_ALL)
    li   s2, PTE(GPA + 0x1000, PTE_S_ALL)
    li   s3, PTE(GPA, PTE_V | PTE_R | PTE_AD)
    FENCED "13: HINVAL.VVMA", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, HS, INVAL hinval.vvma, zero, zero
    FENCED "13: HINVAL.VVMA of the address", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, HS, INVAL hinval.vvma, a0, zero
    FENCED "13: HINVAL.VVMA of both", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, HS, INVAL hinval.vvma, a0, s6
    FENCED "13: SINVAL.VMA in VS-mode", CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, INVAL sinval.vma, zero, zero
    FENCED "13: SINVAL.VMA of the address in VS-mode", \
        CAUSE_LOAD_PAGE_FAULT, CAUSE_STORE_PAGE_FAULT, VS, INVAL sinval.vma, a0, zero

identifiers:
    // What takes effect without a fence: vsatp to Bare and back, in VS-mode
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    MAP_G G_ROOT, 3, GPA, PAGE(0), PTE_U_ALL
    hfence.gvma
    hfence.vvma
    li   a0, VA
    li   a3, GPA + 0x1000
    BEGIN VS
    csrr t0, satp
    ld   a1, (a0)
    csrw satp, zero
    ld   a2, (a3)
    csrw satp, t0
    ld   a4, (a0)
    END
    EXPECT_NO_TRAP "10.1.11: VS-mode turns its translation off and on"
    EXPECT "10.1.11: before", a1, 0x1111
    EXPECT "10.1.11: off", a2, 0x2222
    EXPECT "10.1.11: on again", a4, 0x1111

    // Two guests in turn by VMID, never a fence (19.2.10)
    li   t0, 2
    bgeu s9, t0, 1f
    SKIP "fewer than two VMID bits", asids
1:  IDENTITY_G G_ROOT2, 3
    IDENTITY VS_ROOT2, 3
    MAP_G G_ROOT2, 3, GPA, PAGE(1), PTE_U_ALL
    MAP   VS_ROOT2, 3, VA, GPA, PTE_S_ALL
    hfence.gvma
    hfence.vvma
    li   s1, ATP(SV39, 1, G_ROOT)
    li   s2, ATP(SV39, 2, G_ROOT2)
    li   s3, ATP(SV39, 0, VS_ROOT)
    li   s4, ATP(SV39, 0, VS_ROOT2)
    li   a0, VA
    .macro GUEST text, hgatp_value, vsatp_value, expected
    BEGIN HS
    csrw vsatp, zero
    csrw hgatp, \hgatp_value
    csrw vsatp, \vsatp_value
    END
    BEGIN VS
    ld   a1, (a0)
    END
    EXPECT_NO_TRAP "19.2.10: \text"
    EXPECT "19.2.10: \text sees its page", a1, \expected
    .endm
    GUEST "VMID 1", s1, s3, 0x1111
    GUEST "VMID 2", s2, s4, 0x2222
    GUEST "VMID 1 again", s1, s3, 0x1111
    GUEST "VMID 2 again", s2, s4, 0x2222
    GUEST "VMID 2 with the tables of VMID 1's VS stage, after HFENCE.VVMA", s2, s4, 0x2222
    // A fence of one VMID while another is current
    MAP_G G_ROOT, 3, GPA, PAGE(2), PTE_U_ALL
    POKE PAGE(2), 0x3333
    li   t0, 1
    hfence.gvma zero, t0
    li   a0, VA
    GUEST "VMID 1 after HFENCE.GVMA of VMID 1 under VMID 2", s1, s3, 0x3333
    GUEST "VMID 2, untouched", s2, s4, 0x2222
    MAP_G G_ROOT, 3, GPA, PAGE(0), PTE_U_ALL
    li   t0, GPA >> 2
    li   t1, 1
    hfence.gvma t0, t1
    li   a0, VA
    GUEST "VMID 1 after HFENCE.GVMA of an address and VMID 1", s1, s3, 0x1111
    // HFENCE.VVMA concerns the current VMID
    GUEST "VMID 2", s2, s4, 0x2222
    MAP   VS_ROOT2, 3, VA, GPA + 0x1000, PTE_S_ALL
    MAP_G G_ROOT2, 3, GPA + 0x1000, PAGE(2), PTE_U_ALL
    hfence.gvma
    hfence.vvma
    li   a0, VA
    GUEST "VMID 2 after HFENCE.VVMA", s2, s4, 0x3333
    GUEST "VMID 1", s1, s3, 0x1111
    // HS-mode's own space is apart: SFENCE.VMA and satp do not disturb the guest
    BEGIN HS
    sfence.vma
    END
    GUEST "VMID 1 after HS-mode's SFENCE.VMA", s1, s3, 0x1111

asids:
    // Two address spaces of one guest in turn, by ASID, in VS-mode (19.5.3)
    bnez s8, 1f
    SKIP "no ASIDs", bare
1:  SET_HGATP SV39, G_ROOT, 0
    IDENTITY VS_ROOT2, 3
    MAP_G G_ROOT, 3, GPA + 0x1000, PAGE(1), PTE_U_ALL
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    MAP   VS_ROOT2, 3, VA, GPA + 0x1000, PTE_S_ALL
    li   s1, ATP(SV39, 0, VS_ROOT)
    li   s2, ATP(SV39, 1, VS_ROOT2)
    csrw vsatp, s1
    hfence.gvma
    hfence.vvma
    li   a0, VA
    BEGIN VS
    csrw satp, s1
    ld   a1, (a0)
    csrw satp, s2
    ld   a2, (a0)
    csrw satp, s1
    ld   a3, (a0)
    csrw satp, s2
    ld   a4, (a0)
    END
    EXPECT_NO_TRAP "19.5.3: two address spaces of a guest in turn"
    EXPECT "19.5.3: ASID 0", a1, 0x1111
    EXPECT "19.5.3: ASID 1", a2, 0x2222
    EXPECT "19.5.3: ASID 0 again", a3, 0x1111
    EXPECT "19.5.3: ASID 1 again", a4, 0x2222
bare:
    // hgatp's MODE changed for a VMID: HFENCE.GVMA of that VMID (19.3.2)
    li   s1, ATP(SV39, 0, G_ROOT)
    csrw vsatp, zero
    csrw hgatp, s1
    hfence.gvma
    hfence.vvma
    li   a0, GPA + 0x1000
    BEGIN VS
    ld   a1, (a0)
    END
    EXPECT "19.3.2: hgatp Sv39x4", a1, 0x2222
    BEGIN HS
    csrw hgatp, zero
    hfence.gvma
    END
    BEGIN VS
    ld   a1, (a0)
    END
    EXPECT_RECORD "19.3.2: hgatp Bare after HFENCE.GVMA: the address is physical, and vacant", CAUSE, CAUSE_LOAD_ACCESS
    BEGIN HS
    csrw hgatp, s1
    hfence.gvma
    END
    BEGIN VS
    ld   a1, (a0)
    END
    EXPECT "19.3.2: hgatp Sv39x4 again after HFENCE.GVMA", a1, 0x2222

    // A VS-stage superpage of several G-stage pages: a fence of one address covers its leaf, and so every page of it
    // (10.2.1, 19.3.2).
#define SUPER 0x600000
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    MAP_G G_ROOT, 3, SUPER, PAGE(0), PTE_U_ALL
    MAP_G G_ROOT, 3, SUPER + 0x1000, PAGE(1), PTE_U_ALL
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    .macro SUPERPAGE name, mode, fence:vararg
    MAP   VS_ROOT, 3, SUPER, SUPER, PTE_S_ALL, 1
    mv   s0, a0
    hfence.vvma
    li   a0, SUPER
    li   s7, SUPER + 0x1000
    BEGIN VS
    ld   a1, (a0)
    ld   a2, (s7)
    END
    EXPECT_NO_TRAP "19.5: a VS-stage superpage of G-stage pages"
    EXPECT "19.5: its first page", a1, 0x1111
    EXPECT "19.5: its second page", a2, 0x2222
    BEGIN \mode
    sd   zero, (s0)
    \fence
    END
    BEGIN VS
    ld   a2, (s7)
    END
    EXPECT_TRAP "\name of the first page of an unmapped superpage: its second page faults", \
        M, CAUSE_LOAD_PAGE_FAULT, SUPER + 0x1000
    .endm
    SUPERPAGE "10.2.1: SFENCE.VMA in VS-mode", VS, sfence.vma a0, zero
    SUPERPAGE "19.3.2: HFENCE.VVMA in HS-mode", HS, hfence.vvma a0, zero
done:
    DONE
