// mstatus and sstatus: what MRET and SRET do to them, MPRV, SUM and MXR in M-mode, TVM, TSR, TW, and the context
// fields.
#include "harness.h"
    .option arch, +svinval
PROGRAM "status"

    // MRET (3.3.2, 3.1.6.1): to M-mode
    BEGIN M
    la   t0, 1f
    csrw mepc, t0
    li   t0, STATUS_MPP_M | STATUS_MPIE
    csrs mstatus, t0
    csrci mstatus, STATUS_MIE
    mret
    ebreak
1:  csrr a0, mstatus
    li   t0, STATUS_MPP_M | STATUS_MPRV
    csrs mstatus, t0
    li   t0, STATUS_MPIE | STATUS_MIE
    csrc mstatus, t0
    la   t0, 2f
    csrw mepc, t0
    mret
    ebreak
2:  csrr a1, mstatus
    END
    EXPECT_NO_TRAP "3.3.2: MRET with MPP = 3 stays in M-mode"
    EXPECT_BITS "3.1.6.1: MRET sets MIE to MPIE = 1", a0, STATUS_MIE, STATUS_MIE
    EXPECT_BITS "3.1.6.1: MRET sets MPIE to 1", a0, STATUS_MPIE, STATUS_MPIE
    EXPECT_BITS "3.1.6.1: MRET sets MPP to U", a0, STATUS_MPP, 0
    EXPECT_BITS "3.1.6.1: MRET sets MIE to MPIE = 0", a1, STATUS_MIE, 0
    EXPECT_BITS "3.1.6.1: MRET sets MPIE to 1 whatever it was", a1, STATUS_MPIE, STATUS_MPIE
    EXPECT_BITS "3.1.6.3: MRET to M-mode leaves MPRV", a1, STATUS_MPRV, STATUS_MPRV

    // MRET to lower modes: seen in what a later trap finds
    .macro MRET_TO mode, mpp
    BEGIN M
    la   t0, 1f
    csrw mepc, t0
    li   t0, STATUS_MPP | STATUS_MPIE | STATUS_MPV
    csrc mstatus, t0
    li   t0, \mpp
    csrs mstatus, t0
    li   t0, STATUS_MPRV
    csrs mstatus, t0
    mret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "3.3.2: MRET goes to \mode-mode", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_RECORD_BITS "3.3.2: MRET went to \mode-mode", STATUS, STATUS_MPP, \mpp
    EXPECT_RECORD_BITS "3.1.6.3: MRET to \mode-mode clears MPRV", STATUS, STATUS_MPRV, 0
    EXPECT_RECORD_BITS "3.1.6.1: MRET took MIE from MPIE = 0", STATUS, STATUS_MPIE, 0
    EXPECT_EPC "3.3.2: MRET goes to mepc", 1b
    .endm
    MRET_TO S, STATUS_MPP_S
    MRET_TO U, 0

    // SRET (10.1.1), from S-mode to U and S, and from M-mode
    .macro SRET_FROM mode, to, spp, mpp, mprv
    BEGIN M
    li   t0, STATUS_SPP | STATUS_SPIE | STATUS_SIE | STATUS_MPRV
    csrc mstatus, t0
    li   t0, \spp | STATUS_SPIE
    csrs mstatus, t0
    END
    BEGIN \mode
    la   t0, 1f
    csrw sepc, t0
    .ifc \mode, M
    li   t0, STATUS_MPRV
    csrs mstatus, t0
    .endif
    sret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "3.3.2: SRET from \mode-mode goes to \to-mode", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "3.3.2: SRET from \mode-mode goes to sepc", 1b
    EXPECT_RECORD_BITS "3.3.2: SRET from \mode-mode went to \to-mode", STATUS, STATUS_MPP, \mpp
    EXPECT_RECORD_BITS "10.1.1: SRET sets SIE to SPIE = 1", STATUS, STATUS_SIE, STATUS_SIE
    EXPECT_RECORD_BITS "10.1.1: SRET sets SPIE to 1", STATUS, STATUS_SPIE, STATUS_SPIE
    EXPECT_RECORD_BITS "10.1.1: SRET sets SPP to U", STATUS, STATUS_SPP, 0
    EXPECT_RECORD_BITS "3.1.6.3: SRET to a mode below M clears MPRV", STATUS, STATUS_MPRV, 0
    .endm
    SRET_FROM S, U, 0, 0
    SRET_FROM S, S, STATUS_SPP, STATUS_MPP_S
    SRET_FROM M, U, 0, 0
    SRET_FROM M, S, STATUS_SPP, STATUS_MPP_S
    BEGIN S
    csrci sstatus, STATUS_SIE
    li   t0, STATUS_SPIE | STATUS_SPP
    csrc sstatus, t0
    la   t0, 1f
    csrw sepc, t0
    sret
1:  .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "10.1.1: SRET sets SIE to SPIE = 0", STATUS, STATUS_SIE | STATUS_SPIE, STATUS_SPIE
    csrci mstatus, STATUS_SIE

    // TVM, TSR, TW (3.1.6.5)
    .macro TRAPPED_BY field, what, instruction:vararg
    li   t0, \field
    csrs mstatus, t0
    BEGIN S
1:  \instruction
    END
    EXPECT_TRAP "3.1.6.5: \what in S-mode is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "3.1.14: mepc is its address", 1b
    li   t0, \field
    csrc mstatus, t0
    .endm
    TRAPPED_BY STATUS_TVM, "with TVM = 1, reading satp", csrr t0, satp
    TRAPPED_BY STATUS_TVM, "with TVM = 1, writing satp", csrw satp, zero
    TRAPPED_BY STATUS_TVM, "with TVM = 1, SFENCE.VMA", sfence.vma
    TRAPPED_BY STATUS_TVM, "with TVM = 1, SFENCE.VMA of an address", sfence.vma t0, zero
    TRAPPED_BY STATUS_TSR, "with TSR = 1, SRET", sret
    li   t0, MTIP
    csrw mie, zero
    TRAPPED_BY STATUS_TW, "with TW = 1 and nothing to wait for, WFI", wfi
    li   t0, STATUS_TVM | STATUS_TSR | STATUS_TW
    csrs mstatus, t0
    EXPECT_CSR_BITS "3.1.6.5: TVM, TSR and TW are writable", \
        mstatus, STATUS_TVM | STATUS_TSR | STATUS_TW, STATUS_TVM | STATUS_TSR | STATUS_TW
    BEGIN M
    csrr t0, satp
    csrw satp, zero
    sfence.vma
    la   t0, 1f
    csrw sepc, t0
    li   t0, STATUS_SPP
    csrs mstatus, t0
    sret
1:  .4byte 0xffffffff
    END
    EXPECT_TRAP "3.1.6.5: TVM and TSR do not bind M-mode", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "3.1.6.5: SRET with TSR = 1 in M-mode goes to sepc", 1b
    BEGIN U
    wfi
    END
    EXPECT_TRAP "3.1.6.5: WFI in U-mode with TW = 1 is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, STATUS_TVM | STATUS_TSR | STATUS_TW
    csrc mstatus, t0
    BEGIN U
    wfi
    END
    EXPECT_TRAP "3.3.3: WFI in U-mode that does not complete soon is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN S
    csrr a0, satp
    csrw satp, zero
    sfence.vma
    sfence.vma t0, t0
    END
    EXPECT_NO_TRAP "3.1.6.5: with TVM = 0 S-mode uses satp and SFENCE.VMA"

    // MPRV, SUM and MXR (3.1.6.3): PAGE(0) as U, PAGE(1) as S, PAGE(2) as U execute-only, PAGE(3) absent
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x10000, PAGE(0), PTE_U_ALL
    MAP  S_ROOT, 3, 0x11000, PAGE(1), PTE_S_ALL
    MAP  S_ROOT, 3, 0x12000, PAGE(2), PTE_V | PTE_X | PTE_U | PTE_AD
    MAP  S_ROOT, 3, 0x13000, PAGE(2), PTE_V | PTE_X | PTE_AD
    POKE PAGE(0), 0x1000
    POKE PAGE(1), 0x1001
    POKE PAGE(2), 0x1002
    SET_SATP SV39, S_ROOT
    .macro AS mpp, more, instruction:vararg
    li   t0, STATUS_MPP | STATUS_SUM | STATUS_MXR
    csrc mstatus, t0
    BEGIN M
    li   t0, STATUS_MPP
    csrc mstatus, t0
    li   t0, \mpp | \more | STATUS_MPRV
    csrs mstatus, t0
1:  \instruction
    END
    .endm
    li   a0, 0x10000
    li   a1, 0x11000
    li   a2, 0x12000
    li   a3, 0x13000
    AS   0, 0, ld a4, (a0)
    EXPECT_NO_TRAP "3.1.6.3: MPRV with MPP = U loads from a U page"
    EXPECT "3.1.6.3: the load is translated", a4, 0x1000
    AS   0, 0, ld a4, (a1)
    EXPECT_TRAP "3.1.6.3: MPRV with MPP = U may not load from an S page", M, CAUSE_LOAD_PAGE_FAULT, 0x11000
    EXPECT_EPC "3.1.14: mepc is the load, fetched untranslated", 1b
    EXPECT_RECORD_BITS "3.1.6.1: the trap came from M-mode", STATUS, STATUS_MPP, STATUS_MPP_M
    AS   0, 0, sd a4, (a1)
    EXPECT_TRAP "3.1.6.3: MPRV with MPP = U may not store to an S page", M, CAUSE_STORE_PAGE_FAULT, 0x11000
    AS   STATUS_MPP_S, 0, ld a4, (a1)
    EXPECT_NO_TRAP "3.1.6.3: MPRV with MPP = S loads from an S page"
    EXPECT "3.1.6.3: the load is translated", a4, 0x1001
    AS   STATUS_MPP_S, 0, ld a4, (a0)
    EXPECT_TRAP "3.1.6.3: MPRV with MPP = S and SUM = 0 may not load from a U page", M, CAUSE_LOAD_PAGE_FAULT, 0x10000
    AS   STATUS_MPP_S, STATUS_SUM, ld a4, (a0)
    EXPECT_NO_TRAP "3.1.6.3: MPRV with MPP = S and SUM = 1 loads from a U page"
    AS   STATUS_MPP_S, STATUS_SUM, amoadd.d a5, a1, (a0)
    EXPECT_NO_TRAP "3.1.6.3: MPRV with MPP = S and SUM = 1 may do an AMO on a U page"
    EXPECT "3.1.6.3: the AMO is translated", a5, 0x1000
    AS   0, 0, ld a4, (a2)
    EXPECT_TRAP "3.1.6.3: with MXR = 0 an execute-only page cannot be loaded", M, CAUSE_LOAD_PAGE_FAULT, 0x12000
    AS   0, STATUS_MXR, ld a4, (a2)
    EXPECT_NO_TRAP "3.1.6.3: with MXR = 1 an execute-only page can be loaded"
    EXPECT "3.1.6.3: the load through MXR is translated", a4, 0x1002
    AS   STATUS_MPP_S, STATUS_MXR, ld a4, (a3)
    EXPECT_NO_TRAP "3.1.6.3: MXR holds for MPP = S too"
    AS   STATUS_MPP_S, STATUS_MXR, sd a4, (a3)
    EXPECT_TRAP "3.1.6.3: MXR does not allow stores", M, CAUSE_STORE_PAGE_FAULT, 0x13000
    AS   STATUS_MPP_M, 0, ld a4, (a0)
    EXPECT_TRAP "3.1.6.3: MPRV with MPP = M does not translate", M, CAUSE_LOAD_ACCESS, 0x10000
    li   t0, STATUS_MXR | STATUS_SUM
    csrc mstatus, t0
    csrw satp, zero
    sfence.vma

    // WARL and read-only fields (3.1.6)
    li   t0, STATUS_MPP
    csrc mstatus, t0
    li   t0, 2 << 11
    csrs mstatus, t0
    csrr a0, mstatus
    srli a0, a0, 11
    andi a0, a0, 3
    addi a1, a0, -2
    snez a1, a1
    EXPECT "3.1.6.1: MPP never holds the reserved mode 2", a1, 1
    EXPECT_CSR_BITS "3.1.6.2: MXL is 64 bits", misa, 3 << 62, 2 << 62
    EXPECT_CSR_BITS "3.1.6.2: SXL is 64 bits", mstatus, STATUS_SXL, 2 << 34
    EXPECT_CSR_BITS "3.1.6.2: UXL is 64 bits", mstatus, STATUS_UXL, 2 << 32
    li   t0, STATUS_UXL
    csrc mstatus, t0
    csrs mstatus, t0
    csrr a0, mstatus
    srli a0, a0, 32
    andi a0, a0, 3
    addi a1, a0, -3
    snez a1, a1
    EXPECT "3.1.6.2: UXL never holds the reserved 3 where XLEN 128 is absent", a1, 1
    li   t0, 2 << 32
    csrs mstatus, t0
    li   t0, 1 << 32
    csrc mstatus, t0
    EXPECT_CSR_BITS "3.1.6.6: XS is read-only", mstatus, STATUS_XS, 0
    EXPECT_CSR_BITS "3.1.6: the WPRI bits 0, 2 and 4 read as zero", mstatus, 0x15, 0

    // FS and SD (3.1.6.6)
    li   t0, STATUS_VS | STATUS_FS
    csrc mstatus, t0
    EXPECT_CSR_BITS "3.1.6.6: SD is 0 while nothing is dirty", mstatus, STATUS_SD, 0
    li   t0, STATUS_FS
    csrs mstatus, t0
    EXPECT_CSR_BITS "3.1.6.6: SD is 1 while FS is Dirty", mstatus, STATUS_SD, STATUS_SD
    csrr a0, sstatus
    EXPECT_BITS "10.1.1: sstatus shows SD and FS", a0, STATUS_SD | STATUS_FS, STATUS_SD | STATUS_FS
    .macro DIRTIES what, instruction:vararg
    li   t0, STATUS_FS
    csrc mstatus, t0
    li   t0, STATUS_FS_CLEAN
    csrs mstatus, t0
    EXPECT_CSR_BITS "3.1.6.6: FS holds Clean", mstatus, STATUS_FS | STATUS_SD, STATUS_FS_CLEAN
    BEGIN U
    \instruction
    END
    EXPECT_CSR_BITS "3.1.6.6: \what makes FS Dirty", mstatus, STATUS_FS | STATUS_SD, STATUS_FS | STATUS_SD
    .endm
    li   a0, PAGE(0)
    DIRTIES "FADD.D", fadd.d fa0, fa0, fa0
    DIRTIES "FLD", fld fa0, 8(a0)
    DIRTIES "C.FLD", c.fld fa0, 8(a0)
    DIRTIES "FMV.W.X", fmv.w.x fa0, a0
    DIRTIES "writing frm", csrwi frm, 1
    DIRTIES "writing fcsr", csrwi fcsr, 0
    fmv.d.x fa0, zero
    li   t0, 1
    fcvt.d.l fa1, t0
    csrwi fflags, 0
    DIRTIES "a comparison or division that raises a flag", fdiv.d fa2, fa1, fa0
    csrwi fflags, 0
    li   t0, STATUS_FS
    csrc mstatus, t0
    li   t0, STATUS_FS_CLEAN
    csrs mstatus, t0
    BEGIN U
    add  a0, a0, zero
    END
    EXPECT_CSR_BITS "3.1.6.6: an integer instruction leaves FS Clean", mstatus, STATUS_FS, STATUS_FS_CLEAN

    // sstatus is a view of mstatus (10.1.1)
    li   t0, STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_SUM | STATUS_MXR
    csrc mstatus, t0
    li   t0, -1
    csrr a1, mstatus
    csrw sstatus, t0
    csrr a0, mstatus
    xor  a1, a1, a0
    EXPECT_BITS "10.1.1: sstatus writes SIE, SPIE, SPP, SUM and MXR of mstatus", a1, 0xc0122, 0xc0122
    EXPECT_BITS "10.1.1: sstatus leaves MIE, MPIE, MPP, MPRV, TVM, TW and TSR", a1, 0x721888, 0
    csrr a0, sstatus
    EXPECT_BITS "10.1.1: sstatus does not show M-mode's fields", a0, 0x721888, 0
    li   t0, STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_SUM | STATUS_MXR
    csrc sstatus, t0
    csrr a0, mstatus
    EXPECT_BITS "10.1.1: clearing through sstatus clears in mstatus", a0, 0xc0122, 0
    DONE
