// Svnapot and Svpbmt in both stages of translation (chapters 11 and 12, 19.2.5): what menvcfg enables for the
// G stage and henvcfg for the VS stage. (Svadu: two-stage.S.)
#include "harness.h"
PROGRAM "extensions"
#define VA 0x100000
#define GPA 0x500000
    NEED_MISA H, done

    .macro ALLOWED text, instruction:vararg
    BEGIN VS
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm
    .macro FAULTS text, cause, tval, tval2, instruction:vararg
    BEGIN VS
    \instruction
    END
    EXPECT_TRAP "\text", M, \cause, \tval
    EXPECT_RECORD "\text (mtval2)", TVAL2, (\tval2) >> 2
    .endm
    .macro VS_PTE va, gpa, flags, level=0
    MAP   VS_ROOT, 3, \va, \gpa, \flags, \level
    hfence.vvma
    li   a0, \va
    .endm
    .macro G_PTE gpa, pa, flags, level=0
    MAP_G G_ROOT, 3, \gpa, \pa, \flags, \level
    hfence.gvma
    li   a0, VA
    .endm

    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    // Sixteen pages that know their number
    li   a0, PAGE(16)
    li   t0, 0
    li   t1, 0x1000
    li   t2, 16
1:  sd   t0, (a0)
    add  a0, a0, t1
    addi t0, t0, 1
    bne  t0, t2, 1b

    // Svnapot in the VS stage, over a G-stage superpage
    G_PTE 0x80000000, RAM, PTE_U_ALL, 2
    VS_PTE VA + 0x3000, PAGE(16) + 0x8000, PTE_S_ALL | PTE_N
    BEGIN VS
    ld   a1, (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    EXPECT_TRAP "11: without Svnapot a VS-stage PTE with N = 1 faults", M, CAUSE_LOAD_PAGE_FAULT, VA + 0x3000
    G_PTE GPA + 0x3000, PAGE(16) + 0x8000, PTE_U_ALL | PTE_N
    VS_PTE VA + 0x3000, GPA + 0x3000, PTE_S_ALL
    FAULTS "11: without Svnapot a G-stage PTE with N = 1 faults", \
        CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x3000, GPA + 0x3000, ld a1, (a0)
    SKIP "no Svnapot", pbmt
1:  EXPECT "11: page 3 of a 64 KiB range of the VS stage", a1, 3
    .irp low, 0, 1, 4, 12, 15
    VS_PTE VA + 0x3000, PAGE(16) + \low * 0x1000, PTE_S_ALL | PTE_N
    FAULTS "11: N = 1 with ppn[3:0] = \low in the VS stage", CAUSE_LOAD_PAGE_FAULT, VA + 0x3000, 0, ld a1, (a0)
    .endr
    // Svnapot in the G stage
    .irp page, 0, 5, 15
    G_PTE GPA + \page * 0x1000, PAGE(16) + 0x8000, PTE_U_ALL | PTE_N
    VS_PTE VA, GPA + \page * 0x1000, PTE_S_ALL
    ALLOWED "11: page \page of a 64 KiB range of the G stage", ld a1, (a0)
    EXPECT "11: page \page of a 64 KiB range of the G stage", a1, \page
    .endr
    .irp low, 0, 2, 9
    G_PTE GPA, PAGE(16) + \low * 0x1000, PTE_U_ALL | PTE_N
    VS_PTE VA, GPA, PTE_S_ALL
    FAULTS "11: N = 1 with ppn[3:0] = \low in the G stage", CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 8, GPA + 8, ld a1, 8(a0)
    .endr
    // In both
    G_PTE GPA + 0x5000, PAGE(16) + 0x8000, PTE_U_ALL | PTE_N
    VS_PTE VA + 0x5000, GPA + 0x8000, PTE_S_ALL | PTE_N
    ALLOWED "11: a 64 KiB range in both stages", ld a1, (a0)
    EXPECT "11: page 5 in both stages", a1, 5

pbmt:
    // Svpbmt: menvcfg.PBMTE for the G stage, henvcfg.PBMTE for the VS stage
    G_PTE GPA, PAGE(16), PTE_U_ALL
    li   t0, ENVCFG_PBMTE
    li   s1, 0
    BEGIN M
    csrs menvcfg, t0
    csrr s1, menvcfg
    and  s1, s1, t0
    csrc menvcfg, t0
    END
    hfence.gvma
    hfence.vvma
    VS_PTE VA, GPA, PTE_S_ALL | PTE_PBMT_NC
    FAULTS "12: PBMTE = 0: a VS-stage PTE with a type", CAUSE_LOAD_PAGE_FAULT, VA, 0, ld a1, (a0)
    VS_PTE VA, GPA, PTE_S_ALL
    G_PTE GPA, PAGE(16), PTE_U_ALL | PTE_PBMT_NC
    FAULTS "12: PBMTE = 0: a G-stage PTE with a type", CAUSE_LOAD_GUEST_PAGE_FAULT, VA, GPA, ld a1, (a0)
    bnez s1, 1f
    SKIP "no Svpbmt", done
1:  csrs menvcfg, s1
    csrc henvcfg, s1
    hfence.gvma
    hfence.vvma
    ALLOWED "19.2.5: menvcfg.PBMTE = 1: a G-stage PTE with a type", ld a1, (a0)
    VS_PTE VA, GPA, PTE_S_ALL | PTE_PBMT_NC
    FAULTS "19.2.5: henvcfg.PBMTE = 0: a VS-stage PTE with a type", CAUSE_LOAD_PAGE_FAULT, VA, 0, ld a1, (a0)
    csrs henvcfg, s1
    hfence.vvma
    ALLOWED "19.2.5: henvcfg.PBMTE = 1: a VS-stage PTE with a type", ld a1, (a0)
    VS_PTE VA, GPA, PTE_S_ALL | PTE_PBMT_IO
    ALLOWED "19.2.5: henvcfg.PBMTE = 1: a VS-stage PTE of type IO", ld a1, (a0)
    VS_PTE VA, GPA, PTE_S_ALL | PTE_PBMT_RESERVED
    FAULTS "12: the reserved type 3 in the VS stage", CAUSE_LOAD_PAGE_FAULT, VA, 0, ld a1, (a0)
    VS_PTE VA, GPA, PTE_S_ALL
    G_PTE GPA, PAGE(16), PTE_U_ALL | PTE_PBMT_RESERVED
    FAULTS "12: the reserved type 3 in the G stage", CAUSE_STORE_GUEST_PAGE_FAULT, VA, GPA, sd a1, (a0)
done:
    DONE
