// HLV, HLVX and HSV: widths, whose privilege they take, what SUM and MXR of which register do, and how their faults are
// reported (19.3.1).
#include "harness.h"
PROGRAM "hlv"
    NEED_MISA H, done

    // Guest-virtual 0x10000 ... by VS_ROOT to guest-physical 0x50000 ..., by G_ROOT to PAGE(n)
    CLEAR_TABLES
    .macro BOTH va, gpa, pa, vs_flags, g_flags
    MAP   VS_ROOT, 3, \va, \gpa, \vs_flags | PTE_V | PTE_AD
    MAP_G G_ROOT, 3, \gpa, \pa, \g_flags | PTE_V | PTE_AD
    .endm
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    BOTH 0x10000, 0x50000, PAGE(0), PTE_RWX, PTE_RWX | PTE_U
    BOTH 0x11000, 0x51000, PAGE(1), PTE_RWX | PTE_U, PTE_RWX | PTE_U
    BOTH 0x12000, 0x52000, PAGE(2), PTE_X, PTE_RWX | PTE_U
    BOTH 0x13000, 0x53000, PAGE(3), PTE_RWX, PTE_X | PTE_U
    BOTH 0x14000, 0x54000, PAGE(4), PTE_R, PTE_RWX | PTE_U
    BOTH 0x15000, 0x55000, PAGE(5), PTE_RWX, PTE_R | PTE_U
    BOTH 0x16000, 0x56000, PAGE(6), PTE_X, PTE_X | PTE_U
    BOTH 0x17000, 0x57000, PAGE(7), PTE_RWX, PTE_RWX
    MAP  VS_ROOT, 3, 0x18000, 0x58000, PTE_S_ALL
    MAP  VS_ROOT, 3, 0x1a000, 0x5a000, PTE_S_ALL
    MAP_G G_ROOT, 3, 0x5a000, 0x8000000, PTE_U_ALL
    POKE PAGE(0), 0x8182838485868788
    POKE PAGE(1), 0x1111
    POKE PAGE(2), 0x22222222
    POKE PAGE(3), 0x3333
    POKE PAGE(6), 0x66666666
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    li   t0, HSTATUS_SPVP
    csrs hstatus, t0

    // Widths
    .macro LOADS instruction, offset, value
    li   a0, 0x10000 + \offset
    BEGIN HS
    \instruction a1, (a0)
    END
    EXPECT_NO_TRAP "19.3.1: \instruction in HS-mode"
    EXPECT "19.3.1: \instruction extends as its load does", a1, \value
    .endm
    LOADS hlv.b, 0, 0xffffffffffffff88
    LOADS hlv.bu, 0, 0x88
    LOADS hlv.b, 7, 0xffffffffffffff81
    LOADS hlv.h, 0, 0xffffffffffff8788
    LOADS hlv.hu, 2, 0x8586
    LOADS hlv.w, 0, 0xffffffff85868788
    LOADS hlv.wu, 4, 0x81828384
    LOADS hlv.d, 0, 0x8182838485868788
    LOADS hlvx.hu, 0, 0x8788
    LOADS hlvx.wu, 0, 0x85868788
    LOADS hlvx.hu, 6, 0x8182
    .macro STORES instruction, value
    POKE PAGE(0) + 16, -1
    li   a0, 0x10010
    li   a1, 0x0102030405060708
    BEGIN HS
    \instruction a1, (a0)
    END
    EXPECT_NO_TRAP "19.3.1: \instruction in HS-mode"
    li   t0, PAGE(0) + 16
    ld   a2, (t0)
    EXPECT "19.3.1: \instruction stores its width alone", a2, \value
    .endm
    STORES hsv.b, 0xffffffffffffff08
    STORES hsv.h, 0xffffffffffff0708
    STORES hsv.w, 0xffffffff05060708
    STORES hsv.d, 0x0102030405060708
    li   a0, 0x10000
    BEGIN M
    hlv.d a1, (a0)
    END
    EXPECT_NO_TRAP "19.3.1: HLV.D in M-mode"
    EXPECT "19.3.1: HLV.D in M-mode goes through both stages", a1, 0x8182838485868788

    // Whose privilege (SPVP)
    .macro WORKS text, mode, va, instruction
    li   a0, \va
    BEGIN \mode
    \instruction a1, (a0)
    END
    EXPECT_NO_TRAP "19.3.1: \text"
    .endm
    .macro FAULTS text, mode, va, cause, htval, instruction
    li   a0, \va
    BEGIN \mode
1:  \instruction a1, (a0)
    END
    EXPECT_TRAP "19.3.1: \text", M, \cause, \va
    EXPECT_EPC "3.1.14: \text: mepc is the instruction", 1b
    EXPECT_RECORD "19.4.4: \text (mtval2)", TVAL2, \htval
    EXPECT_RECORD_BITS "19.4.1: \text: GVA is set, MPV is clear", STATUS, STATUS_GVA | STATUS_MPV, STATUS_GVA
    .endm
    .macro SPVP value
    li   t0, HSTATUS_SPVP
    csrc hstatus, t0
    .if \value
    csrs hstatus, t0
    .endif
    .endm
    .irp mode, M, HS
    SPVP 1
    WORKS "SPVP = 1: \mode-mode loads from an S page", \mode, 0x10000, hlv.d
    WORKS "SPVP = 1: \mode-mode stores to an S page", \mode, 0x10040, hsv.d
    FAULTS "SPVP = 1, vsstatus.SUM = 0: \mode-mode may not load from a U page", \
        \mode, 0x11000, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    FAULTS "SPVP = 1, vsstatus.SUM = 0: \mode-mode may not store to a U page", \
        \mode, 0x11000, CAUSE_STORE_PAGE_FAULT, 0, hsv.d
    FAULTS "SPVP = 1: \mode-mode may not use HLVX on a U page", \mode, 0x11000, CAUSE_LOAD_PAGE_FAULT, 0, hlvx.wu
    SPVP 0
    FAULTS "SPVP = 0: \mode-mode may not load from an S page", \mode, 0x10000, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    FAULTS "SPVP = 0: \mode-mode may not store to an S page", \mode, 0x10000, CAUSE_STORE_PAGE_FAULT, 0, hsv.d
    WORKS "SPVP = 0: \mode-mode loads from a U page", \mode, 0x11000, hlv.d
    EXPECT "19.3.1: the U page", a1, 0x1111
    WORKS "SPVP = 0: \mode-mode may use HLVX on a U page", \mode, 0x11000, hlvx.wu
    .endr
    SPVP 1
    li   t0, STATUS_SUM
    csrs sstatus, t0
    FAULTS "sstatus.SUM is ignored", HS, 0x11000, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    li   t0, STATUS_SUM
    csrc sstatus, t0
    csrs vsstatus, t0
    WORKS "SPVP = 1, vsstatus.SUM = 1: loads from a U page", HS, 0x11000, hlv.d
    WORKS "SPVP = 1, vsstatus.SUM = 1: stores to a U page", HS, 0x11040, hsv.d
    li   t0, STATUS_SUM
    csrc vsstatus, t0

    // Execute-only pages and MXR
    FAULTS "an X page of the VS stage cannot be loaded", HS, 0x12000, CAUSE_LOAD_PAGE_FAULT, 0, hlv.w
    FAULTS "an X page of the G stage cannot be loaded", HS, 0x13000, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x53000 >> 2, hlv.w
    li   t0, STATUS_MXR
    csrs vsstatus, t0
    WORKS "vsstatus.MXR: an X page of the VS stage can be loaded", HS, 0x12000, hlv.w
    EXPECT "19.3.1: the X page", a1, 0x22222222
    FAULTS "vsstatus.MXR does not reach the G stage", HS, 0x13000, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x53000 >> 2, hlv.w
    FAULTS "vsstatus.MXR does not allow stores", HS, 0x12000, CAUSE_STORE_PAGE_FAULT, 0, hsv.w
    li   t0, STATUS_MXR
    csrc vsstatus, t0
    csrs sstatus, t0
    WORKS "sstatus.MXR: an X page of the VS stage can be loaded", HS, 0x12000, hlv.w
    WORKS "sstatus.MXR: an X page of the G stage can be loaded", HS, 0x13000, hlv.w
    EXPECT "19.3.1: the G-stage X page", a1, 0x3333
    WORKS "sstatus.MXR: a page X in both stages can be loaded", HS, 0x16000, hlv.w
    li   t0, STATUS_MXR
    csrc sstatus, t0
    // HLVX wants X of both and R of neither
    WORKS "HLVX loads an X page of the VS stage", HS, 0x12000, hlvx.wu
    WORKS "HLVX loads an X page of the G stage", HS, 0x13000, hlvx.wu
    WORKS "HLVX loads a page X in both stages", HS, 0x16000, hlvx.wu
    EXPECT "19.3.1: HLVX.WU of the page X in both", a1, 0x66666666
    FAULTS "HLVX of a page without X in the VS stage: a load page fault", HS, 0x14000, CAUSE_LOAD_PAGE_FAULT, 0, hlvx.wu
    FAULTS "HLVX of a page without X in the G stage: a load guest-page fault", \
        HS, 0x15000, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x55000 >> 2, hlvx.wu
    WORKS "HLV of a page with R in both stages", HS, 0x15000, hlv.w

    // Guest-page faults
    FAULTS "a G-stage page without U", HS, 0x17008, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x57008 >> 2, hlv.d
    FAULTS "a G-stage page without U: store", HS, 0x17008, CAUSE_STORE_GUEST_PAGE_FAULT, 0x57008 >> 2, hsv.d
    FAULTS "an absent G-stage page", HS, 0x18010, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x58010 >> 2, hlv.d
    FAULTS "an absent G-stage page: store", HS, 0x18010, CAUSE_STORE_GUEST_PAGE_FAULT, 0x58010 >> 2, hsv.b
    FAULTS "an absent G-stage page: HLVX", HS, 0x18010, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x58010 >> 2, hlvx.hu
    FAULTS "an absent VS-stage page", HS, 0x19008, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    FAULTS "an absent VS-stage page: store", HS, 0x19008, CAUSE_STORE_PAGE_FAULT, 0, hsv.d
    FAULTS "vacant memory: load access fault", HS, 0x1a000, CAUSE_LOAD_ACCESS, 0, hlv.d
    FAULTS "vacant memory: store access fault", HS, 0x1a000, CAUSE_STORE_ACCESS, 0, hsv.d
    // Delegated to HS-mode: GVA without SPV
    li   t0, 1 << CAUSE_LOAD_GUEST_PAGE_FAULT
    csrw medeleg, t0
    li   a0, 0x18018
    BEGIN HS
    hlv.w a1, (a0)
    END
    EXPECT_TRAP "19.2.1: HLV.W's guest-page fault, delegated", HS, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x18018
    EXPECT_RECORD "19.2.8: htval is the guest-physical address, shifted right by two", TVAL2, 0x58018 >> 2
    EXPECT_RECORD_BITS "19.2.1: GVA = 1, SPV = 0, SPVP as it was", \
        HSTATUS, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA | HSTATUS_SPVP
    EXPECT_RECORD_BITS "10.1.1: SPP = 1: it came from HS-mode", STATUS, STATUS_SPP, STATUS_SPP
    csrw medeleg, zero

    // In U-mode with HU (19.2.1)
    li   t0, HSTATUS_HU
    csrs hstatus, t0
    WORKS "HU = 1, SPVP = 1: U-mode loads from an S page of the guest", U, 0x10000, hlv.d
    EXPECT "19.2.1: U-mode's HLV.D", a1, 0x8182838485868788
    FAULTS "HU = 1, SPVP = 1: U-mode may not load from a U page of the guest", \
        U, 0x11000, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    SPVP 0
    WORKS "HU = 1, SPVP = 0: U-mode loads from a U page of the guest", U, 0x11000, hlv.d
    FAULTS "HU = 1: U-mode's guest-page fault", U, 0x18020, CAUSE_LOAD_PAGE_FAULT, 0, hlv.d
    MAP  VS_ROOT, 3, 0x18000, 0x58000, PTE_U_ALL
    hfence.vvma
    FAULTS "HU = 1, SPVP = 0: U-mode's guest-page fault", U, 0x18020, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x58020 >> 2, hlv.d
    li   t0, HSTATUS_HU
    csrc hstatus, t0
    SPVP 1

    // Stages off
    csrw vsatp, zero
    hfence.vvma
    WORKS "vsatp Bare: the address is guest-physical", HS, 0x50000, hlv.d
    EXPECT "19.3.1: through the G stage alone", a1, 0x8182838485868788
    FAULTS "vsatp Bare: a guest-page fault", HS, 0x59000, CAUSE_LOAD_GUEST_PAGE_FAULT, 0x59000 >> 2, hlv.d
    csrw hgatp, zero
    hfence.gvma
    WORKS "both Bare: the address is physical", HS, PAGE(0), hlv.d
    EXPECT "19.3.1: through no stage", a1, 0x8182838485868788
    MAP  VS_ROOT, 3, 0x10000, PAGE(1), PTE_S_ALL
    SET_VSATP SV39, VS_ROOT
    WORKS "hgatp Bare: the VS stage alone", HS, 0x10000, hlv.d
    EXPECT "19.3.1: through the VS stage alone", a1, 0x1111
done:
    DONE
