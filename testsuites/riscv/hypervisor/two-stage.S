// Two-stage translation (19.5): the G stage alone, then both; every guest-page fault with its cause, guest-virtual
// address, guest-physical address (shifted right by two, as Shtvala wants) and pseudoinstruction. Each scheme that
// hgatp takes runs the same checks.
#include "harness.h"
PROGRAM "two-stage"
#define VA 0x10000
#define GPA 0x50000

    .macro ALLOWED text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm
    .macro FAULTS text, mode, cause, tval, tval2, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_TRAP "\text", HS, \cause, \tval
    EXPECT_RECORD "\text (htval)", TVAL2, (\tval2) >> 2
    EXPECT_RECORD_BITS "\text (GVA and SPV)", HSTATUS, HSTATUS_GVA | HSTATUS_SPV, HSTATUS_GVA | HSTATUS_SPV
    .endm
    // The same, by an implicit access: the pseudoinstruction is required (19.6.3).
    .macro IMPLICIT text, mode, cause, tval, tval2, pseudo, instruction:vararg
    FAULTS "\text", \mode, \cause, \tval, \tval2, \instruction
    EXPECT_RECORD "\text (htinst)", TINST, \pseudo
    .endm

    // One G-stage PTE under guest-physical 0x50000, the VS stage Bare
    .macro G_PTE name, levels, flags
    MAP_G G_ROOT, \levels, GPA, PAGE(0), \flags | PTE_AD
    hfence.gvma
    li   a0, GPA
    .irp mode, VS, VU
    .if (\flags & (PTE_V | PTE_U | PTE_R)) == (PTE_V | PTE_U | PTE_R)
    ALLOWED "19.5.1: \name, G-stage PTE \flags: \mode-mode may load", \mode, ld t0, 8(a0)
    .else
    FAULTS "19.5.1: \name, G-stage PTE \flags: \mode-mode may not load", \
        \mode, CAUSE_LOAD_GUEST_PAGE_FAULT, GPA + 8, GPA + 8, ld t0, 8(a0)
    .endif
    .if (\flags & (PTE_V | PTE_U | PTE_R | PTE_W)) == (PTE_V | PTE_U | PTE_R | PTE_W)
    ALLOWED "19.5.1: \name, G-stage PTE \flags: \mode-mode may store", \mode, sd t0, 8(a0)
    ALLOWED "19.5.1: \name, G-stage PTE \flags: \mode-mode may do an AMO", \mode, amoor.d t0, zero, (a0)
    .else
    FAULTS "19.5.1: \name, G-stage PTE \flags: \mode-mode may not store", \
        \mode, CAUSE_STORE_GUEST_PAGE_FAULT, GPA + 16, GPA + 16, sd t0, 16(a0)
    FAULTS "19.5.1: \name, G-stage PTE \flags: \mode-mode may not do an AMO", \
        \mode, CAUSE_STORE_GUEST_PAGE_FAULT, GPA, GPA, amoor.d t0, zero, (a0)
    .endif
    .if (\flags & (PTE_V | PTE_U | PTE_X)) == (PTE_V | PTE_U | PTE_X) && (\flags & (PTE_W | PTE_R)) != PTE_W
    ALLOWED "19.5.1: \name, G-stage PTE \flags: \mode-mode may fetch", \mode, jalr ra, (a0)
    .else
    FAULTS "19.5.1: \name, G-stage PTE \flags: \mode-mode may not fetch", \
        \mode, CAUSE_FETCH_GUEST_PAGE_FAULT, GPA, GPA, jalr ra, (a0)
    .endif
    .endr
    .endm

    .macro SUITE name, mode, levels
    li   t0, ATP(\mode, 0, G_ROOT)
    csrw hgatp, t0
    csrr t1, hgatp
    beq  t0, t1, 1f
    SKIP "no \name", skip_\levels
1:  csrw hgatp, zero
    CLEAR_TABLES
    IDENTITY_G G_ROOT, \levels
    SET_HGATP \mode, G_ROOT
    csrw vsatp, zero
    hfence.vvma
    SET_ALIAS 0
    POKE PAGE(1), 0x1111

    // ---- G stage alone
    .irp flags, 0x00, 0x1e, 0x0f, 0x11, 0x13, 0x15, 0x17, 0x19, 0x1b, 0x1d, 0x1f
    .if \flags != 0x11
    G_PTE \name, \levels, \flags
    .endif
    .endr
    // vsstatus.SUM and MXR have no say; sstatus.MXR has
    MAP_G G_ROOT, \levels, GPA, PAGE(0), PTE_V | PTE_X | PTE_U | PTE_AD
    hfence.gvma
    li   a0, GPA
    li   t0, STATUS_MXR
    csrs vsstatus, t0
    FAULTS "19.5: \name: vsstatus.MXR does not reach the G stage", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, GPA, GPA, ld t0, (a0)
    li   t0, STATUS_MXR
    csrc vsstatus, t0
    csrs sstatus, t0
    ALLOWED "19.5: \name: sstatus.MXR makes a G-stage X page readable", VS, ld t0, (a0)
    li   t0, STATUS_MXR
    csrc sstatus, t0
    // Superpages
    POKE PAGE(1), 0x1111
    MAP_G G_ROOT, \levels, 0x600000, PAGE(0), PTE_U_ALL, 1
    MAP_G G_ROOT, \levels, 0x800000, PAGE(1), PTE_U_ALL, 1
    MAP_G G_ROOT, \levels, 0x40000000, PAGE(0), PTE_U_ALL, 2
    MAP_G G_ROOT, \levels, 0x100000000, RAM, PTE_U_ALL, 2
    hfence.gvma
    li   a0, 0x601000
    ALLOWED "19.5.1: \name: a 2 MiB page", VS, ld a1, (a0)
    EXPECT "19.5.1: \name: a 2 MiB page passes 21 bits", a1, 0x1111
    li   a0, 0x800008
    FAULTS "19.5.1: \name: a misaligned 2 MiB page", VS, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x800008, 0x800008, ld a1, (a0)
    li   a0, 0x40000010
    FAULTS "19.5.1: \name: a misaligned 1 GiB page", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, 0x40000010, 0x40000010, sd a1, (a0)
    li   a0, 0x100201000
    ALLOWED "19.5.1: \name: a 1 GiB page", VS, ld a1, (a0)
    EXPECT "19.5.1: \name: a 1 GiB page passes 30 bits", a1, 0x1111
    .if \levels > 3
    MAP_G G_ROOT, \levels, 0x8000000000, 0, PTE_U_ALL, 3
    hfence.gvma
    li   a0, 0x8080201000
    ALLOWED "19.5.1: \name: a 512 GiB page", VS, ld a1, (a0)
    EXPECT "19.5.1: \name: a 512 GiB page passes 39 bits", a1, 0x1111
    .endif
    // The two extra bits of a guest-physical address, and one too many
    .set top, 12 + 9 * \levels
    .irp extra, 1, 2, 3
    MAP_G G_ROOT, \levels, (\extra << top) + GPA, PAGE(1), PTE_U_ALL
    hfence.gvma
    li   a0, (\extra << top) + GPA
    ALLOWED "19.5.1: \name: extra address bits \extra select their quarter of the root", VS, ld a1, (a0)
    EXPECT "19.5.1: \name: to the page mapped there", a1, 0x1111
    .endr
    MAP_G G_ROOT, \levels, GPA, PAGE(0), PTE_U_ALL
    hfence.gvma
    .irp bit, 2, 3
    .if top + \bit < 63
    li   a0, (1 << (top + \bit)) + GPA
    FAULTS "19.5.1: \name: a guest-physical address too wide by bit \bit: load", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, (1 << (top + \bit)) + GPA, (1 << (top + \bit)) + GPA, ld a1, (a0)
    FAULTS "19.5.1: \name: a guest-physical address too wide by bit \bit: store", \
        VU, CAUSE_STORE_GUEST_PAGE_FAULT, (1 << (top + \bit)) + GPA, (1 << (top + \bit)) + GPA, sd a1, (a0)
    FAULTS "19.5.1: \name: a guest-physical address too wide by bit \bit: fetch", \
        VS, CAUSE_FETCH_GUEST_PAGE_FAULT, (1 << (top + \bit)) + GPA, (1 << (top + \bit)) + GPA, jr a0
    .endif
    .endr
    // Reserved bits; G is ignored; a pointer in the last level
    MAP_G G_ROOT, \levels, GPA, PAGE(1), PTE_U_ALL | (1 << 54)
    hfence.gvma
    li   a0, GPA
    FAULTS "19.5.1: \name: a G-stage leaf with reserved bit 54", VS, CAUSE_LOAD_GUEST_PAGE_FAULT, GPA, GPA, ld a1, (a0)
    MAP_G G_ROOT, \levels, GPA, PAGE(1), PTE_U_ALL | PTE_G
    hfence.gvma
    li   a0, GPA
    ALLOWED "19.5.1: \name: G in a G-stage PTE is ignored", VS, ld a1, (a0)
    MAP_G G_ROOT, \levels, GPA, PAGE(1), PTE_V
    hfence.gvma
    li   a0, GPA
    FAULTS "19.5.1: \name: a G-stage pointer in the last level", VS, CAUSE_LOAD_GUEST_PAGE_FAULT, GPA, GPA, ld a1, (a0)
    // Physical memory that is not there: access faults, no guest-physical address
    MAP_G G_ROOT, \levels, GPA, 0x8000000, PTE_U_ALL
    hfence.gvma
    li   a0, GPA + 8
    FAULTS "19.5.1: \name: a G-stage page in vacant memory: load access fault", \
        VS, CAUSE_LOAD_ACCESS, GPA + 8, 0, ld a1, (a0)
    FAULTS "19.5.1: \name: a G-stage page in vacant memory: store access fault", \
        VS, CAUSE_STORE_ACCESS, GPA + 8, 0, sd a1, (a0)
    FAULTS "19.5.1: \name: a G-stage page in vacant memory: fetch access fault", \
        VS, CAUSE_FETCH_ACCESS, GPA + 8, 0, jr a0
    MAP_G G_ROOT, \levels, 0x1a00000, 0x8000000, PTE_V, 1
    hfence.gvma
    li   a0, 0x1a00000
    FAULTS "19.5.1: \name: a G-stage table in vacant memory: load access fault", \
        VS, CAUSE_LOAD_ACCESS, 0x1a00000, 0, ld a1, (a0)
    // A and D (Svade where ADUE is 0): by fault or by hardware
    MAP_G G_ROOT, \levels, GPA, PAGE(1), PTE_V | PTE_RWX | PTE_U
    mv   s0, a0
    hfence.gvma
    li   a0, GPA
    BEGIN VS
    ld   t0, (a0)
    END
    ld   t0, LEVEL(gp)
    ld   t1, (s0)
    andi t1, t1, PTE_A
    beqz t0, 1f
    EXPECT_TRAP "19.5.1: \name: A = 0 in the G stage", HS, CAUSE_LOAD_GUEST_PAGE_FAULT, GPA
    EXPECT_RECORD "19.5.1: \name: A = 0 in the G stage (htval)", TVAL2, GPA >> 2
    EXPECT "19.5.1: \name: an access that faults leaves A clear", t1, 0
    MAP_G G_ROOT, \levels, GPA, PAGE(1), PTE_V | PTE_RWX | PTE_U | PTE_A
    hfence.gvma
    li   a0, GPA
    ALLOWED "19.5.1: \name: A = 1, D = 0 in the G stage: a load", VS, ld a1, (a0)
    FAULTS "19.5.1: \name: A = 1, D = 0 in the G stage: a store", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, GPA, GPA, sd a1, (a0)
    j    2f
1:  EXPECT "19.5.1: \name: an access that passes with A = 0 in the G stage sets A", t1, PTE_A
    ALLOWED "19.5.1: \name: a store with D = 0 in the G stage", VS, sd a1, (a0)
    ld   t1, (s0)
    EXPECT_BITS "19.5.1: \name: it sets D", t1, PTE_AD, PTE_AD
2:
    // ---- Both stages
    POKE PAGE(1), 0x1111
    CLEAR_TABLES
    IDENTITY VS_ROOT, \levels
    IDENTITY_G G_ROOT, \levels
    MAP   VS_ROOT, \levels, VA, GPA, PTE_S_ALL
    MAP   VS_ROOT, \levels, VA + 0x1000, GPA + 0x1000, PTE_U_ALL
    MAP   VS_ROOT, \levels, VA + 0x2000, GPA + 0x2000, PTE_V | PTE_X | PTE_AD
    MAP   VS_ROOT, \levels, VA + 0x3000, GPA + 0x3000, PTE_S_ALL
    MAP   VS_ROOT, \levels, VA + 0x4000, GPA + 0x4000, PTE_S_ALL
    MAP   VS_ROOT, \levels, VA + 0x5000, GPA + 0x5000, PTE_V | PTE_R | PTE_AD
    MAP_G G_ROOT, \levels, GPA, PAGE(0), PTE_U_ALL
    MAP_G G_ROOT, \levels, GPA + 0x1000, PAGE(1), PTE_U_ALL
    MAP_G G_ROOT, \levels, GPA + 0x2000, PAGE(1), PTE_U_ALL
    MAP_G G_ROOT, \levels, GPA + 0x4000, PAGE(1), PTE_V | PTE_X | PTE_U | PTE_AD
    SET_HGATP \mode, G_ROOT
    SET_VSATP \mode, VS_ROOT
    SET_ALIAS U_ALIAS
    li   a0, VA
    ALLOWED "19.5: \name: a load through both stages", VS, ld a1, (a0)
    ALLOWED "19.5: \name: a store through both stages", VS, sd a1, 8(a0)
    ALLOWED "19.5: \name: a fetch through both stages", VS, jalr ra, (a0)
    FAULTS "19.5: \name: VU-mode may not load from an S page", VU, CAUSE_LOAD_PAGE_FAULT, VA, 0, ld a1, (a0)
    FAULTS "19.5: \name: VU-mode may not store to an S page", VU, CAUSE_STORE_PAGE_FAULT, VA, 0, sd a1, (a0)
    FAULTS "19.5: \name: VU-mode may not fetch from an S page", VU, CAUSE_FETCH_PAGE_FAULT, VA, 0, jr a0
    li   a0, VA + 0x1000
    ALLOWED "19.5: \name: VU-mode loads from a U page", VU, ld a1, (a0)
    EXPECT "19.5: \name: through both stages", a1, 0x1111
    FAULTS "19.5: \name: VS-mode may not load from a U page", VS, CAUSE_LOAD_PAGE_FAULT, VA + 0x1000, 0, ld a1, (a0)
    li   t0, STATUS_SUM
    csrs sstatus, t0
    FAULTS "19.5: \name: sstatus.SUM has no say in VS-mode", VS, CAUSE_LOAD_PAGE_FAULT, VA + 0x1000, 0, ld a1, (a0)
    li   t0, STATUS_SUM
    csrc sstatus, t0
    csrs vsstatus, t0
    ALLOWED "19.2.11: \name: vsstatus.SUM lets VS-mode load from a U page", VS, ld a1, (a0)
    FAULTS "19.2.11: \name: vsstatus.SUM does not let VS-mode fetch from a U page", \
        VS, CAUSE_FETCH_PAGE_FAULT, VA + 0x1000, 0, jr a0
    li   t0, STATUS_SUM
    csrc vsstatus, t0
    // MXR
    li   a0, VA + 0x2000
    FAULTS "19.5: \name: an X page of the VS stage", VS, CAUSE_LOAD_PAGE_FAULT, VA + 0x2000, 0, ld a1, (a0)
    li   t0, STATUS_MXR
    csrs vsstatus, t0
    ALLOWED "19.5: \name: vsstatus.MXR: an X page of the VS stage", VS, ld a1, (a0)
    li   a0, VA + 0x4000
    FAULTS "19.5: \name: vsstatus.MXR: an X page of the G stage", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x4000, GPA + 0x4000, ld a1, (a0)
    li   t0, STATUS_MXR
    csrc vsstatus, t0
    csrs sstatus, t0
    ALLOWED "19.5: \name: sstatus.MXR: an X page of the G stage", VS, ld a1, (a0)
    li   a0, VA + 0x2000
    ALLOWED "19.5: \name: sstatus.MXR: an X page of the VS stage", VS, ld a1, (a0)
    li   t0, STATUS_MXR
    csrc sstatus, t0
    // The second stage refuses: VA + 0x3000 is guest-physical GPA + 0x3000, which is not there
    li   a0, VA + 0x3000
    FAULTS "19.5.2: \name: a load the G stage refuses", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x3018, GPA + 0x3018, ld a1, 0x18(a0)
    FAULTS "19.5.2: \name: a byte load the G stage refuses", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x3015, GPA + 0x3015, lb a1, 0x15(a0)
    FAULTS "19.5.2: \name: a store the G stage refuses", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, VA + 0x3020, GPA + 0x3020, sd a1, 0x20(a0)
    FAULTS "19.5.2: \name: an AMO the G stage refuses", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, VA + 0x3000, GPA + 0x3000, amoadd.d a1, a1, (a0)
    FAULTS "19.5.2: \name: an LR the G stage refuses", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x3000, GPA + 0x3000, lr.d a1, (a0)
    FAULTS "19.5.2: \name: a fetch the G stage refuses", \
        VS, CAUSE_FETCH_GUEST_PAGE_FAULT, VA + 0x3004, GPA + 0x3004, jalr zero, 4(a0)
    EXPECT_RECORD "19.6.3: \name: htinst is zero for a fetch of its own", TINST, 0
    // Misaligned, into the page that is not there (GPA + 0x2000 is followed by GPA + 0x3000 in both spaces)
    NEED_MISALIGNED 1f
    MAP   VS_ROOT, \levels, VA + 0x2000, GPA + 0x2000, PTE_S_ALL
    hfence.vvma
    li   a0, VA + 0x3000 - 4
    FAULTS "19.5.2: \name: a misaligned load, its second page refused", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x3000, GPA + 0x3000, ld a1, (a0)
    FAULTS "19.5.2: \name: a misaligned store, its second page refused", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, VA + 0x3000, GPA + 0x3000, sd a1, (a0)
1:
    // The first stage goes first
    li   a0, VA + 0x6000
    FAULTS "19.6.1: \name: no VS-stage page: a page fault, no guest-physical address", \
        VS, CAUSE_LOAD_PAGE_FAULT, VA + 0x6000, 0, ld a1, (a0)
    li   a0, VA + 0x5000
    FAULTS "19.6.1: \name: VS-stage refuses the store before the G stage may", \
        VS, CAUSE_STORE_PAGE_FAULT, VA + 0x5000, 0, sd a1, (a0)
    FAULTS "19.6.1: \name: VS-stage allows the load, the G stage refuses", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 0x5000, GPA + 0x5000, ld a1, (a0)
    // A guest-physical address too wide for the G stage, from a VS-stage PTE (44 bits of page number)
    .if top + 2 < 56
    MAP   VS_ROOT, \levels, VA, (1 << (top + 2)) + GPA, PTE_S_ALL
    hfence.vvma
    li   a0, VA + 8
    FAULTS "19.5.1: \name: a VS-stage leaf that leads beyond the G stage", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, VA + 8, (1 << (top + 2)) + GPA + 8, ld a1, (a0)
    .endif

    // ---- Implicit accesses of the VS stage: a table at guest-physical 0x70000, its entry for 0x1a03000 the third
    MAP   VS_ROOT, \levels, 0x1a00000, 0x70000, PTE_V, 1
    hfence.vvma
    li   a0, 0x1a03008
    IMPLICIT "19.6.3: \name: a load whose VS-stage table the G stage lacks", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, ld a1, (a0)
    IMPLICIT "19.6.3: \name: a store whose VS-stage table the G stage lacks", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, sd a1, (a0)
    IMPLICIT "19.6.3: \name: a fetch whose VS-stage table the G stage lacks", \
        VS, CAUSE_FETCH_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, jr a0
    IMPLICIT "19.6.3: \name: an AMO whose VS-stage table the G stage lacks", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, amoadd.d a1, a1, (a0)
    IMPLICIT "19.6.3: \name: VU-mode's load whose VS-stage table the G stage lacks", \
        VU, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, ld a1, (a0)
    // Tables are read, whatever the access: X alone does not do, R alone does; MXR of HS does not help an implicit read
    MAP_G G_ROOT, \levels, 0x70000, PAGE(4), PTE_V | PTE_X | PTE_U | PTE_AD
    POKE PAGE(4) + 0x18, PTE(GPA, PTE_S_ALL)
    hfence.gvma
    MAP   VS_ROOT, \levels, VA, GPA, PTE_S_ALL
    hfence.vvma
    li   a0, 0x1a03008
    IMPLICIT "19.5.1: \name: a fetch whose VS-stage table is X in the G stage", \
        VS, CAUSE_FETCH_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, jr a0
    MAP_G G_ROOT, \levels, 0x70000, PAGE(4), PTE_V | PTE_R | PTE_U | PTE_AD
    hfence.gvma
    li   a0, 0x1a03008
    ALLOWED "19.5.1: \name: a load whose VS-stage table is R in the G stage", VS, ld a1, (a0)
    ALLOWED "19.5.1: \name: a store whose VS-stage table is R in the G stage", VS, sd a1, (a0)
    li   a0, 0x1a03000
    ALLOWED "19.5.1: \name: a fetch whose VS-stage table is R in the G stage", VS, jalr ra, (a0)
    MAP_G G_ROOT, \levels, 0x70000, PAGE(4), PTE_V | PTE_R | PTE_AD
    hfence.gvma
    li   a0, 0x1a03008
    IMPLICIT "19.5.1: \name: a VS-stage table whose G-stage page lacks U", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3000, ld a1, (a0)
    // The root itself
    li   t0, ATP(\mode, 0, 0x90000)
    csrw vsatp, t0
    hfence.vvma
    li   a0, VA
    BEGIN VS
    ld   a1, (a0)
    END
    EXPECT_TRAP "19.6.3: \name: the root of the VS stage is not in the G stage: a fetch guest-page fault", \
        HS, CAUSE_FETCH_GUEST_PAGE_FAULT
    EXPECT_RECORD "19.6.3: \name: the pseudoinstruction", TINST, 0x3000
    ld   t0, TVAL2(gp)
    srli t0, t0, 10
    EXPECT "19.4.4: \name: a guest-physical address within the root", t0, 0x90
    SET_VSATP \mode, VS_ROOT
    // A table in memory that is not there
    MAP_G G_ROOT, \levels, 0x70000, 0x8000000, PTE_U_ALL
    hfence.gvma
    li   a0, 0x1a03008
    FAULTS "19.5.1: \name: a VS-stage table in vacant memory: load access fault", \
        VS, CAUSE_LOAD_ACCESS, 0x1a03008, 0, ld a1, (a0)
    FAULTS "19.5.1: \name: a VS-stage table in vacant memory: store access fault", \
        VS, CAUSE_STORE_ACCESS, 0x1a03008, 0, sd a1, (a0)
    FAULTS "19.5.1: \name: a VS-stage table in vacant memory: fetch access fault", \
        VS, CAUSE_FETCH_ACCESS, 0x1a03008, 0, jr a0
    // A and D of the VS stage by hardware: a write of its table
    beqz s1, 1f
    li   t0, ENVCFG_ADUE
    csrs menvcfg, t0
    csrs henvcfg, t0
    MAP_G G_ROOT, \levels, 0x70000, PAGE(4), PTE_V | PTE_R | PTE_U | PTE_AD
    POKE PAGE(4) + 0x18, PTE(GPA, PTE_V | PTE_RWX)
    hfence.gvma
    hfence.vvma
    li   a0, 0x1a03008
    IMPLICIT "19.6.3: \name: ADUE: setting A of a PTE that the G stage does not let write", \
        VS, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3020, ld a1, (a0)
    IMPLICIT "19.6.3: \name: ADUE: setting D of a PTE that the G stage does not let write", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, 0x1a03008, 0x70018, 0x3020, sd a1, (a0)
    MAP_G G_ROOT, \levels, 0x70000, PAGE(4), PTE_V | PTE_R | PTE_W | PTE_U
    mv   s0, a0
    POKE PAGE(4) + 0x18, PTE(GPA, PTE_V | PTE_RWX)
    hfence.gvma
    hfence.vvma
    li   a0, 0x1a03008
    ALLOWED "19.2.5: \name: ADUE: a load that sets A in both stages", VS, ld a1, (a0)
    li   t1, PAGE(4)
    ld   t0, 0x18(t1)
    EXPECT_BITS "19.2.5: \name: ADUE: A of the VS-stage PTE", t0, PTE_AD, PTE_A
    ld   t0, (s0)
    EXPECT_BITS "19.5.1: \name: ADUE: A and D of the G-stage PTE over the written table", t0, PTE_AD, PTE_AD
    // henvcfg decides for the VS stage
    li   t0, ENVCFG_ADUE
    csrc henvcfg, t0
    POKE PAGE(4) + 0x18, PTE(GPA, PTE_V | PTE_RWX)
    hfence.vvma
    li   a0, 0x1a03008
    FAULTS "19.2.5: \name: henvcfg.ADUE = 0: A = 0 in the VS stage faults", \
        VS, CAUSE_LOAD_PAGE_FAULT, 0x1a03008, 0, ld a1, (a0)
    li   t0, ENVCFG_ADUE
    csrc menvcfg, t0
1:
    // ---- hgatp Bare: the VS stage alone
    POKE PAGE(1), 0x1111
    csrw hgatp, zero
    hfence.gvma
    MAP   VS_ROOT, \levels, VA, PAGE(1), PTE_S_ALL
    hfence.vvma
    li   a0, VA
    ALLOWED "19.5: \name: hgatp Bare", VS, ld a1, (a0)
    EXPECT "19.5: \name: the VS stage alone", a1, 0x1111
    li   a0, VA + 0x6000
    FAULTS "19.5: \name: hgatp Bare: a page fault", VS, CAUSE_LOAD_PAGE_FAULT, VA + 0x6000, 0, ld a1, (a0)
    csrw vsatp, zero
    hfence.vvma
    li   a0, PAGE(1)
    ALLOWED "19.5: \name: both Bare", VS, ld a1, (a0)
    EXPECT "19.5: \name: no stage", a1, 0x1111
skip_\levels:
    .endm

    NEED_MISA H, done
    li   t0, 0x8082         // ret
    li   t1, PAGE(0)
    sd   t0, (t1)
    fence.i
    POKE PAGE(1), 0x1111
    li   t0, 0xf0b1ff & ~0x200
    csrw medeleg, t0
    li   s1, 0              // is there ADUE
    BEGIN M
    li   t0, ENVCFG_ADUE
    csrs menvcfg, t0
    csrr s1, menvcfg
    and  s1, s1, t0
    csrc menvcfg, t0
    END
    SUITE "Sv39x4", SV39, 3
    SUITE "Sv48x4", SV48, 4
    SUITE "Sv57x4", SV57, 5
done:
    DONE
