// Traps between the levels: where each exception goes by medeleg and hedeleg, what MPV, MPP, GVA, SPV, SPVP, SPP and
// the trap values become, and what MRET and SRET make of them (19.6.2, 19.6.4).
#include "harness.h"
PROGRAM "traps"
    NEED_MISA H, done
#define ALL_DELEGATED 0xf0b5ff     /* all but ECALL from S, by which the handlers leave */

    // To M-mode: MPV and MPP by mode
    .macro FROM mode, mpv, mpp
    BEGIN \mode
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.6.2: an illegal instruction in \mode-mode", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_RECORD_BITS "19.6.2: a trap from \mode-mode sets MPV and MPP", STATUS, STATUS_MPV | STATUS_MPP, \mpv | \mpp
    EXPECT_RECORD_BITS "19.4.1: GVA is clear for an illegal instruction", STATUS, STATUS_GVA, 0
    EXPECT_RECORD "19.4.4: mtval2 is zero for an illegal instruction", TVAL2, 0
    EXPECT_RECORD "19.4.5: mtinst is zero for an illegal instruction", TINST, 0
    .endm
    FROM M, 0, STATUS_MPP_M
    FROM HS, 0, STATUS_MPP_S
    FROM U, 0, 0
    FROM VS, STATUS_MPV, STATUS_MPP_S
    FROM VU, STATUS_MPV, 0

    // ECALL to each level
    .macro ECALL mode, cause
    csrw medeleg, zero
    csrw hedeleg, zero
    BEGIN \mode
1:  ecall
    END
    EXPECT_TRAP "19.6.1: ECALL in \mode-mode", M, \cause, 0
    EXPECT_EPC "3.1.14: mepc is the ECALL", 1b
    li   t0, 1 << \cause
    csrw medeleg, t0
    BEGIN \mode
1:  ecall
    END
    EXPECT_TRAP "19.2.2: ECALL in \mode-mode, delegated to HS-mode", HS, \cause, 0
    EXPECT_EPC "10.1.7: sepc is the ECALL", 1b
    EXPECT_RECORD "19.2.8: htval is zero for ECALL", TVAL2, 0
    EXPECT_RECORD "19.2.9: htinst is zero for ECALL", TINST, 0
    EXPECT_RECORD_BITS "19.2.1: GVA is clear for ECALL", HSTATUS, HSTATUS_GVA, 0
    .endm
    ECALL VS, CAUSE_ECALL_VS
    EXPECT_RECORD_BITS "19.6.2: from VS-mode SPV = 1 and SPVP = 1", \
        HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPV | HSTATUS_SPVP
    EXPECT_RECORD_BITS "19.6.2: from VS-mode SPP = 1", STATUS, STATUS_SPP, STATUS_SPP
    ECALL VU, CAUSE_ECALL_U
    EXPECT_RECORD_BITS "19.6.2: from VU-mode SPV = 1 and SPVP = 0", HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPV
    EXPECT_RECORD_BITS "19.6.2: from VU-mode SPP = 0", STATUS, STATUS_SPP, 0
    ECALL U, CAUSE_ECALL_U
    EXPECT_RECORD_BITS "19.6.2: from U-mode SPV = 0; SPVP is left as it was", HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, 0
    li   t0, HSTATUS_SPVP
    csrs hstatus, t0
    li   t0, 1 << CAUSE_ECALL_U
    csrw medeleg, t0
    BEGIN U
    ecall
    END
    EXPECT_RECORD_BITS "19.6.2: from U-mode SPV = 0; SPVP = 1 is left as it was", \
        HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPVP
    li   t0, 1 << CAUSE_ILLEGAL_INSTRUCTION
    csrw medeleg, t0
    li   t0, HSTATUS_SPVP
    csrc hstatus, t0
    BEGIN HS
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.6.2: an illegal instruction in HS-mode, delegated", HS, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_RECORD_BITS "19.6.2: from HS-mode SPV = 0; SPVP = 0 is left as it was", \
        HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, 0
    EXPECT_RECORD_BITS "19.6.2: from HS-mode SPP = 1", STATUS, STATUS_SPP, STATUS_SPP

    // On to VS-mode
    li   t0, ALL_DELEGATED & ~0x400
    csrw medeleg, t0
    li   t0, 0xb1ff
    csrw hedeleg, t0
    BEGIN VU
1:  ecall
    END
    EXPECT_TRAP "19.2.2: ECALL in VU-mode, delegated to VS-mode", VS, CAUSE_ECALL_U, 0
    EXPECT_EPC "19.2.15: vsepc is the ECALL", 1b
    EXPECT_RECORD_BITS "19.6.2: from VU-mode vsstatus.SPP = 0", STATUS, STATUS_SPP, 0
    BEGIN VS
    ecall
    END
    EXPECT_TRAP "19.2.2: ECALL in VS-mode is never delegated to VS-mode", M, CAUSE_ECALL_VS
    li   t0, 1 << CAUSE_ECALL_VS
    csrs medeleg, t0
    BEGIN VS
    ecall
    END
    EXPECT_TRAP "19.2.2: ECALL in VS-mode goes no further than HS-mode", HS, CAUSE_ECALL_VS
    .macro TO_VS mode, spp, cause, name, instruction:vararg
    csrw vsepc, zero
    csrr s2, hstatus
    csrr s3, sstatus
    BEGIN \mode
1:  \instruction
    END
    csrr s4, hstatus
    csrr s5, sstatus
    EXPECT_TRAP "19.2.2: \name in \mode-mode, delegated to VS-mode", VS, \cause
    EXPECT_RECORD_BITS "19.6.2: from \mode-mode vsstatus.SPP is its privilege", STATUS, STATUS_SPP, \spp
    EXPECT_EQUAL "19.6.2: a trap to VS-mode leaves hstatus", s4, s2
    xor  s3, s3, s5
    EXPECT_BITS "19.6.2: a trap to VS-mode leaves sstatus", s3, STATUS_SPP | STATUS_SPIE | STATUS_SIE, 0
    EXPECT_CSR "19.2.16: vscause is its cause", vscause, \cause
    .endm
    .irp mode, VS, VU
    li   a0, 0x8000000
    .ifc \mode, VS
    .set spp, STATUS_SPP
    .else
    .set spp, 0
    .endif
    TO_VS \mode, spp, CAUSE_ILLEGAL_INSTRUCTION, "an illegal instruction", .4byte 0xffffffff
    EXPECT_EPC "19.2.15: vsepc is its address", 1b
    TO_VS \mode, spp, CAUSE_BREAKPOINT, "EBREAK", ebreak
    TO_VS \mode, spp, CAUSE_LOAD_ACCESS, "a load access fault", lw t0, 4(a0)
    EXPECT_CSR "19.2.17: vstval is the address", vstval, 0x8000004
    TO_VS \mode, spp, CAUSE_STORE_ACCESS, "a store access fault", sw t0, 4(a0)
    TO_VS \mode, spp, CAUSE_FETCH_ACCESS, "a fetch access fault", jr a0
    EXPECT_RECORD "19.2.15: vsepc is the address fetched", EPC, 0x8000000
    .endr
    csrsi vsstatus, STATUS_SIE
    BEGIN VS
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "19.6.2: a trap to VS-mode moves SIE = 1 to SPIE in vsstatus", \
        STATUS, STATUS_SIE | STATUS_SPIE, STATUS_SPIE
    csrci vsstatus, STATUS_SIE
    BEGIN VS
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "19.6.2: a trap to VS-mode moves SIE = 0 to SPIE in vsstatus", \
        STATUS, STATUS_SIE | STATUS_SPIE, 0
    // hedeleg concerns V = 1 alone, and only what medeleg delegates
    BEGIN HS
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.2.2: hedeleg does not concern HS-mode", HS, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN U
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.2.2: hedeleg does not concern U-mode", HS, CAUSE_ILLEGAL_INSTRUCTION
    csrw medeleg, zero
    BEGIN VS
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.2.2: what medeleg keeps, hedeleg cannot give", M, CAUSE_ILLEGAL_INSTRUCTION

    // Page faults of the VS stage: the address is a guest's
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    SET_VSATP SV39, VS_ROOT
    SET_ALIAS U_ALIAS
    li   a0, 0x10008
    .macro PAGE_FAULT cause, name, instruction:vararg
    csrw medeleg, zero
    BEGIN VS
    \instruction
    END
    EXPECT_TRAP "19.6.2: \name in VS-mode", M, \cause, 0x10008
    EXPECT_RECORD_BITS "19.4.1: mtval is a guest address: GVA is set", \
        STATUS, STATUS_GVA | STATUS_MPV, STATUS_GVA | STATUS_MPV
    EXPECT_RECORD "19.4.4: mtval2 is zero for \name", TVAL2, 0
    li   t0, ALL_DELEGATED
    csrw medeleg, t0
    csrw hedeleg, zero
    BEGIN VS
    \instruction
    END
    EXPECT_TRAP "19.2.2: \name in VS-mode, delegated to HS-mode", HS, \cause, 0x10008
    EXPECT_RECORD_BITS "19.2.1: stval is a guest address: GVA is set", \
        HSTATUS, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP
    EXPECT_RECORD "19.2.8: htval is zero for \name", TVAL2, 0
    BEGIN VU
    \instruction
    END
    EXPECT_TRAP "19.2.2: \name in VU-mode, delegated to HS-mode", HS, \cause, 0x10008
    EXPECT_RECORD_BITS "19.2.1: SPVP is clear, GVA is set", \
        HSTATUS, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA | HSTATUS_SPV
    li   t0, 1 << \cause
    csrw hedeleg, t0
    BEGIN VU
    \instruction
    END
    EXPECT_TRAP "19.2.2: \name in VU-mode, delegated to VS-mode", VS, \cause, 0x10008
    EXPECT_CSR "19.2.17: vstval is the guest address of \name", vstval, 0x10008
    .endm
    PAGE_FAULT CAUSE_LOAD_PAGE_FAULT, "a load page fault", ld t0, (a0)
    PAGE_FAULT CAUSE_STORE_PAGE_FAULT, "a store page fault", sd t0, (a0)
    PAGE_FAULT CAUSE_FETCH_PAGE_FAULT, "a fetch page fault", jr a0
    csrw hedeleg, zero
    BEGIN VS
    ebreak
    END
    EXPECT_TRAP "19.6.2: EBREAK in VS-mode, delegated to HS-mode", HS, CAUSE_BREAKPOINT
    ld   t0, TVAL(gp)
    snez t0, t0
    ld   t1, HSTATUS(gp)
    srli t1, t1, 6
    andi t1, t1, 1
    EXPECT_EQUAL "19.2.1: for EBREAK GVA says whether stval is an address", t1, t0
    li   a0, 0x8000000
    MAP  VS_ROOT, 3, 0x20000, 0x8000000, PTE_S_ALL
    hfence.vvma
    li   a0, 0x20010
    BEGIN VS
    ld   t0, (a0)
    END
    EXPECT_TRAP "19.6.2: a load access fault in VS-mode", HS, CAUSE_LOAD_ACCESS, 0x20010
    EXPECT_RECORD_BITS "19.2.1: an access fault sets GVA", HSTATUS, HSTATUS_GVA, HSTATUS_GVA
    EXPECT_RECORD "19.2.8: htval is zero for an access fault", TVAL2, 0
    // From HS-mode itself GVA is clear
    MAP  S_ROOT, 3, RAM, RAM, PTE_S_ALL, 2
    SET_SATP SV39, S_ROOT
    li   a0, 0x20010
    BEGIN HS
    ld   t0, (a0)
    END
    EXPECT_TRAP "19.2.1: a load page fault in HS-mode", HS, CAUSE_LOAD_PAGE_FAULT, 0x20010
    EXPECT_RECORD_BITS "19.2.1: stval is no guest address: GVA is clear", HSTATUS, HSTATUS_GVA | HSTATUS_SPV, 0
    csrw satp, zero
    sfence.vma
    csrw medeleg, zero
    csrw vsatp, zero
    hfence.vvma
    SET_ALIAS 0

    // MRET (19.6.4)
    .macro MRET_TO text, mpp, mpv, seen
    BEGIN M
    la   t0, 1f
    csrw mepc, t0
    li   t0, STATUS_MPP | STATUS_MPV
    csrc mstatus, t0
    li   t0, \mpp | \mpv
    csrs mstatus, t0
    mret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "19.6.4: \text", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "19.6.4: \text: goes to mepc", 1b
    EXPECT_RECORD_BITS "19.6.4: \text: the mode", STATUS, STATUS_MPV | STATUS_MPP, \seen
    .endm
    MRET_TO "MRET with MPP = 3 ignores MPV", STATUS_MPP_M, STATUS_MPV, STATUS_MPP_M
    MRET_TO "MRET with MPP = 1, MPV = 1 goes to VS-mode", STATUS_MPP_S, STATUS_MPV, STATUS_MPP_S | STATUS_MPV
    MRET_TO "MRET with MPP = 0, MPV = 1 goes to VU-mode", 0, STATUS_MPV, STATUS_MPV
    MRET_TO "MRET with MPP = 1, MPV = 0 goes to HS-mode", STATUS_MPP_S, 0, STATUS_MPP_S
    BEGIN M
    la   t0, 1f
    csrw mepc, t0
    li   t0, STATUS_MPP_M | STATUS_MPV
    csrs mstatus, t0
    mret
1:  csrr a0, mstatus
    END
    EXPECT_BITS "19.6.4: MRET clears MPV and MPP", a0, STATUS_MPV | STATUS_MPP, 0

    // SRET (19.6.4)
    .macro SRET_TO from, text, spv, spp, seen
    li   t0, HSTATUS_SPV | HSTATUS_SPVP
    csrc hstatus, t0
    li   t0, STATUS_SPP | STATUS_SPIE | STATUS_SIE
    csrc sstatus, t0
    BEGIN \from
    la   t0, 1f
    csrw sepc, t0
    li   t0, \spv | HSTATUS_SPVP
    csrs hstatus, t0
    li   t0, \spp | STATUS_SPIE
    csrs sstatus, t0
    sret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "19.6.4: SRET from \from-mode \text", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "19.6.4: SRET from \from-mode \text: goes to sepc", 1b
    EXPECT_RECORD_BITS "19.6.4: SRET from \from-mode \text: the mode", STATUS, STATUS_MPV | STATUS_MPP, \seen
    EXPECT_RECORD_BITS "19.6.4: SRET clears SPV and leaves SPVP", HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPVP
    EXPECT_CSR_BITS "19.6.4: SRET sets SPP = 0, SIE = SPIE and SPIE = 1", \
        sstatus, STATUS_SPP | STATUS_SIE | STATUS_SPIE, STATUS_SIE | STATUS_SPIE
    .endm
    .irp from, HS, M
    SRET_TO \from, "with SPV = 1, SPP = 1 goes to VS-mode", HSTATUS_SPV, STATUS_SPP, STATUS_MPV | STATUS_MPP_S
    SRET_TO \from, "with SPV = 1, SPP = 0 goes to VU-mode", HSTATUS_SPV, 0, STATUS_MPV
    SRET_TO \from, "with SPV = 0, SPP = 1 goes to HS-mode", 0, STATUS_SPP, STATUS_MPP_S
    SRET_TO \from, "with SPV = 0, SPP = 0 goes to U-mode", 0, 0, 0
    .endr
    li   t0, HSTATUS_SPV | HSTATUS_SPVP
    csrc hstatus, t0
    .macro SRET_IN_VS text, spp, spie, seen
    csrw vsstatus, zero
    BEGIN VS
    la   t0, 1f
    csrw sepc, t0
    li   t0, \spp | \spie
    csrs sstatus, t0
    sret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "19.6.4: SRET in VS-mode \text", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "19.6.4: SRET in VS-mode \text: goes to vsepc", 1b
    EXPECT_RECORD_BITS "19.6.4: SRET in VS-mode \text: the mode", STATUS, STATUS_MPV | STATUS_MPP, \seen
    EXPECT_CSR_BITS "19.6.4: SRET sets vsstatus.SPP = 0, SIE = SPIE and SPIE = 1", \
        vsstatus, STATUS_SPP | STATUS_SIE | STATUS_SPIE, STATUS_SPIE | (\spie >> 4)
    .endm
    SRET_IN_VS "with SPP = 1 stays there", STATUS_SPP, 0, STATUS_MPV | STATUS_MPP_S
    SRET_IN_VS "with SPP = 0 goes to VU-mode", 0, STATUS_SPIE, STATUS_MPV
    csrw vsstatus, zero
    li   t0, STATUS_FS
    csrs vsstatus, t0

    // MPRV with MPV (19.4.1): loads and stores of M-mode as though in VS or VU
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    MAP  VS_ROOT, 3, 0x10000, 0x50000, PTE_S_ALL
    MAP  VS_ROOT, 3, 0x11000, 0x50000, PTE_U_ALL
    MAP  VS_ROOT, 3, 0x12000, 0x60000, PTE_S_ALL
    MAP_G G_ROOT, 3, 0x50000, PAGE(1), PTE_U_ALL
    POKE PAGE(1), 0x1234
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    .macro AS_GUEST mpp, instruction:vararg
    BEGIN M
    li   t0, STATUS_MPP | STATUS_MPV
    csrc mstatus, t0
    li   t0, \mpp | STATUS_MPV | STATUS_MPRV
    csrs mstatus, t0
    \instruction
    END
    .endm
    li   a0, 0x10000
    li   a1, 0
    AS_GUEST STATUS_MPP_S, ld a1, (a0)
    EXPECT_NO_TRAP "19.4.1: MPRV, MPV = 1, MPP = S loads through both stages"
    EXPECT "19.4.1: the load goes through both stages", a1, 0x1234
    AS_GUEST 0, ld a1, (a0)
    EXPECT_TRAP "19.4.1: MPRV, MPV = 1, MPP = U may not load from an S page", M, CAUSE_LOAD_PAGE_FAULT, 0x10000
    EXPECT_RECORD_BITS "19.4.1: GVA is set, MPV and MPP are those of M-mode", \
        STATUS, STATUS_GVA | STATUS_MPV | STATUS_MPP, STATUS_GVA | STATUS_MPP_M
    li   a0, 0x11000
    AS_GUEST 0, ld a1, (a0)
    EXPECT_NO_TRAP "19.4.1: MPRV, MPV = 1, MPP = U loads from a U page"
    li   a0, 0x12020
    AS_GUEST STATUS_MPP_S, sd a1, (a0)
    EXPECT_TRAP "19.4.1: MPRV, MPV = 1: a store that the second stage refuses", M, CAUSE_STORE_GUEST_PAGE_FAULT, 0x12020
    EXPECT_RECORD "19.4.4: mtval2 is the guest-physical address, shifted right by two", TVAL2, 0x60020 >> 2
    EXPECT_RECORD_BITS "19.4.1: GVA is set", STATUS, STATUS_GVA, STATUS_GVA
    li   a0, PAGE(1)
    AS_GUEST STATUS_MPP_M, ld a1, (a0)
    EXPECT_NO_TRAP "19.4.1: MPRV, MPV = 1, MPP = M is M-mode itself"
    EXPECT "19.4.1: no stage translates M-mode", a1, 0x1234
done:
    DONE
