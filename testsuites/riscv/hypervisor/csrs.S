// The CSRs that H adds: present, each with what it holds and refuses (19.2, 19.4), and who may touch them.
#include "harness.h"
PROGRAM "csrs"
    NEED_MISA H, done

    // hstatus (19.2.1)
    EXPECT_CSR_BITS "19.2.1: VSXL is 64 bits", hstatus, HSTATUS_VSXL, 2 << 32
    EXPECT_WRITE "19.2.1: hstatus holds GVA, SPV, SPVP, HU, VTVM, VTW and VTSR", \
        hstatus, 0x2007003c0, 0x7003c0, 0x7003c0
    EXPECT_CSR_BITS "19.2.1: bits of hstatus without a field read as zero", hstatus, 0xc0c1f, 0
    EXPECT_WRITE "19.2.1: hstatus holds zeros", hstatus, 0x200000000, 0x7003c0, 0
    // GEILEN by hgeie (19.2.4)
    EXPECT_WRITE "19.2.4: hgeie[0] is read-only zero", hgeie, -1, 1, 0
    csrr s0, hgeie
    addi t0, s0, 2          // bits GEILEN:1 are a run that starts at bit 1
    and  t0, t0, s0
    EXPECT "19.2.4: the implemented bits of hgeie are the lowest, but bit 0", t0, 0
    csrw hgeie, zero
    EXPECT_CSR_BITS "19.2.4: hgeip[0] is zero", hgeip, 1, 0
    BEGIN M
    csrw hgeip, zero
    END
    EXPECT_TRAP "19.2.4: hgeip is read-only", M, CAUSE_ILLEGAL_INSTRUCTION
    bnez s0, 1f
    EXPECT_CSR "19.2.4: without guest external interrupts hgeip is zero", hgeip, 0
1:
    // Delegation (19.2.2, 19.4.2)
    EXPECT_WRITE "19.2.2: hedeleg holds the bits that must be writable", hedeleg, -1, 0xb1fe, 0xb1fe
    EXPECT_CSR_BITS "19.2.2: hedeleg has no ECALL from S, VS or M", hedeleg, 0xe00, 0
    EXPECT_CSR_BITS "19.2.2: hedeleg has no guest-page faults and no virtual instruction", hedeleg, 0xf00000, 0
    EXPECT_WRITE "19.2.2: hedeleg holds zeros", hedeleg, 0, -1, 0
    EXPECT_WRITE "19.2.2: hideleg holds the VS-level interrupts", hideleg, -1, 0x444, 0x444
    EXPECT_CSR_BITS "19.2.2: hideleg has none of the S-level interrupts", hideleg, 0x1222, 0
    EXPECT_WRITE "19.2.2: hideleg holds zeros", hideleg, 0, -1, 0
    EXPECT_WRITE "19.4.2: bits 10, 6 and 2 of mideleg are read-only one", mideleg, 0, 0x444, 0x444
    bnez s0, 1f
    j    2f
1:  EXPECT_CSR_BITS "19.4.2: bit 12 of mideleg is read-only one where there are guest external interrupts", \
        mideleg, 0x1000, 0x1000
2:  EXPECT_WRITE "3.1.8: medeleg delegates ECALL from VS-mode, guest-page faults and virtual instructions", \
        medeleg, -1, 0xf00400, 0xf00400
    csrw medeleg, zero

    // Interrupts (19.2.3, 19.4.3)
    EXPECT_WRITE "19.2.3: hvip holds VSEIP, VSTIP and VSSIP, and of bits 15 to 0 nothing else", hvip, -1, 0xdfff, 0x444
    EXPECT_CSR_BITS "19.2.3: hip shows what hvip asserts", hip, 0x444, 0x444
    EXPECT_CSR_BITS "19.4.3: mip shows what hvip asserts", mip, 0x444, 0x444
    EXPECT_CSR_BITS "19.2.3: sip does not show VS-level interrupts", sip, 0x444, 0
    csrw hip, zero
    EXPECT_CSR_BITS "19.2.3: only VSSIP is writable in hip", hvip, 0x444, 0x440
    li   t0, VSSIP
    csrs hip, t0
    EXPECT_CSR_BITS "19.2.3: VSSIP in hip is an alias of VSSIP in hvip", hvip, 0x444, 0x444
    csrc mip, t0
    EXPECT_CSR_BITS "19.4.3: VSSIP in mip is an alias of VSSIP in hip", hvip, 0x444, 0x440
    EXPECT_WRITE "19.2.3: hvip holds zeros", hvip, 0, -1, 0
    EXPECT_CSR_BITS "19.2.3: hip follows", hip, 0x444, 0
    EXPECT_WRITE "19.2.3: hie holds VSEIE, VSTIE and VSSIE", hie, -1, 0x444, 0x444
    EXPECT_CSR_BITS "19.2.3: hie has none of the bits of sie", hie, 0x222, 0
    EXPECT_CSR_BITS "19.4.3: mie shows the bits of hie", mie, 0x444, 0x444
    csrw mie, zero
    EXPECT_CSR_BITS "19.4.3: the bits of hie are aliases of those of mie", hie, 0x444, 0
    li   t0, 0x222
    csrw hie, t0
    EXPECT_CSR_BITS "19.2.3: hie cannot set the bits of sie", mie, 0x222, 0
    bnez s0, 1f
    EXPECT_CSR_BITS "19.2.3: without guest external interrupts SGEIP is zero", hip, 0x1000, 0
1:  csrw hie, zero

    // Counters and time (19.2.6, 19.2.7)
    EXPECT_WRITE "19.2.6: hcounteren holds CY, TM and IR", hcounteren, -1, 7, 7
    EXPECT_CSR_BITS "19.2.6: hcounteren has 32 bits", hcounteren, 0xffffffff00000000, 0
    EXPECT_WRITE "19.2.6: hcounteren holds zeros", hcounteren, 0, -1, 0
    EXPECT_WRITE "19.2.7: htimedelta holds 64 bits", htimedelta, -1, -1, -1
    EXPECT_WRITE "19.2.7: htimedelta holds a pattern", htimedelta, 0x123456789abcdef0, -1, 0x123456789abcdef0
    EXPECT_WRITE "19.2.7: htimedelta holds zeros", htimedelta, 0, -1, 0

    // henvcfg (19.2.5): the enables it shares with menvcfg cannot be set where menvcfg has them clear
    EXPECT_WRITE "19.2.5: henvcfg.FIOM can be set", henvcfg, ENVCFG_FIOM, ENVCFG_FIOM, ENVCFG_FIOM
    EXPECT_WRITE "19.2.5: henvcfg holds zeros", henvcfg, 0, -1, 0
    csrr s1, menvcfg
    li   t0, ENVCFG_PBMTE | ENVCFG_STCE | ENVCFG_ADUE
    csrc menvcfg, t0
    EXPECT_WRITE "3.1.18: while menvcfg.PBMTE is 0 henvcfg.PBMTE is read-only zero", henvcfg, -1, ENVCFG_PBMTE, 0
    EXPECT_CSR_BITS "17.3: while menvcfg.STCE is 0 henvcfg.STCE is read-only zero", henvcfg, ENVCFG_STCE, 0
    EXPECT_CSR_BITS "3.1.18: while menvcfg.ADUE is 0 henvcfg.ADUE is read-only zero", henvcfg, ENVCFG_ADUE, 0
    csrs menvcfg, t0
    li   t0, ENVCFG_PBMTE | ENVCFG_STCE | ENVCFG_ADUE
    csrs menvcfg, t0
    csrr s2, menvcfg
    and  s2, s2, t0
    csrs henvcfg, t0
    csrr s3, henvcfg
    and  s3, s3, t0
    EXPECT_EQUAL "19.2.5: henvcfg has PBMTE, STCE and ADUE where menvcfg has them", s3, s2
    csrw henvcfg, zero
    csrw menvcfg, s1

    // Trap values (19.2.8, 19.2.9, 19.4.4, 19.4.5)
    EXPECT_WRITE "19.2.8: htval holds a shifted guest-physical address", htval, 0x20080000, -1, 0x20080000
    EXPECT_WRITE "19.2.8: htval holds zero", htval, 0, -1, 0
    EXPECT_WRITE "19.2.9: htinst holds the read pseudoinstruction", htinst, 0x3000, -1, 0x3000
    EXPECT_WRITE "19.2.9: htinst holds zero", htinst, 0, -1, 0
    EXPECT_WRITE "19.4.4: mtval2 holds a shifted guest-physical address", mtval2, 0x20080000, -1, 0x20080000
    EXPECT_WRITE "19.4.4: mtval2 holds zero", mtval2, 0, -1, 0
    EXPECT_WRITE "19.4.5: mtinst holds the read pseudoinstruction", mtinst, 0x3000, -1, 0x3000
    EXPECT_WRITE "19.4.5: mtinst holds zero", mtinst, 0, -1, 0

    // hgatp (19.2.10)
    EXPECT_WRITE "19.2.10: hgatp holds Sv39x4", hgatp, ATP(SV39, 0, G_ROOT), -1, ATP(SV39, 0, G_ROOT)
    EXPECT_WRITE "19.2.10: PPN[1:0] of hgatp reads as zero", hgatp, ATP(SV39, 0, G_ROOT) | 3, 3, 0
    EXPECT_WRITE "19.2.10: hgatp holds Bare", hgatp, 0, -1, 0
    .irp mode, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15
    li   t0, ATP(\mode, 0, G_ROOT)
    csrw hgatp, t0
    csrr t0, hgatp
    srli t0, t0, 60
    addi t0, t0, -\mode
    snez t0, t0
    EXPECT "19.2.10: hgatp never holds the reserved MODE \mode", t0, 1
    .endr
    li   t0, ATP(SV39, 0x3fff, G_ROOT)
    csrw hgatp, t0
    csrr t0, hgatp
    srli t0, t0, 44
    slli t0, t0, 50
    srli t0, t0, 50
    addi t1, t0, 1
    and  t1, t1, t0
    EXPECT "19.2.10: the implemented VMID bits are the least-significant ones", t1, 0
    EXPECT_WRITE "19.2.10: VMID has 14 bits at most", hgatp, ATP(SV39, 0xffff, G_ROOT), 3 << 58, 0
    csrw hgatp, zero
    // What satp has, hgatp has (Shgatpa), and vsatp too (Shvsatpa)
    .irp mode, SV39, SV48, SV57
    li   t0, ATP(\mode, 0, G_ROOT)
    csrw satp, t0
    csrr s1, satp
    csrw satp, zero
    csrw hgatp, t0
    csrr s2, hgatp
    csrw hgatp, zero
    csrw vsatp, t0
    csrr s3, vsatp
    csrw vsatp, zero
    EXPECT_EQUAL "Shgatpa: hgatp takes MODE \mode like satp", s2, s1
    EXPECT_EQUAL "Shvsatpa: vsatp takes MODE \mode like satp", s3, s1
    .endr

    // VS CSRs (19.2.11 to 19.2.18)
    csrw vsstatus, zero
    EXPECT_WRITE "19.2.11: vsstatus holds SIE, SPIE, SPP, FS, SUM and MXR", vsstatus, 0xc6122, 0xc6122, 0xc6122
    EXPECT_CSR_BITS "19.2.11: SD of vsstatus is its own FS", vsstatus, STATUS_SD, STATUS_SD
    EXPECT_WRITE "19.2.11: vsstatus has none of M-mode's fields", vsstatus, 0x721888, 0x721888, 0
    EXPECT_CSR_BITS "19.2.11: SD of vsstatus is clear while its FS is Off", vsstatus, STATUS_SD | STATUS_FS, 0
    EXPECT_CSR_BITS "19.2.11: UXL of vsstatus is 64 bits", vsstatus, STATUS_UXL, 2 << 32
    EXPECT_WRITE "19.2.13: vstvec holds direct mode", vstvec, 0x80000100, -1, 0x80000100
    EXPECT_WRITE "19.2.13: vstvec holds vectored mode", vstvec, 0x80000101, -1, 0x80000101
    EXPECT_WRITE "19.2.13: vstvec never holds the reserved mode 2", vstvec, 0x80000102, 2, 0
    EXPECT_WRITE "19.2.13: vstvec holds a kernel address", vstvec, 0xffffffff80000000, -1, 0xffffffff80000000
    EXPECT_WRITE "19.2.14: vsscratch holds ones", vsscratch, -1, -1, -1
    EXPECT_WRITE "19.2.14: vsscratch holds a pattern", vsscratch, 0x123456789abcdef0, -1, 0x123456789abcdef0
    EXPECT_WRITE "19.2.15: vsepc[0] is always zero", vsepc, 0x80000003, -1, 0x80000002
    EXPECT_WRITE "19.2.15: vsepc holds a kernel address", vsepc, 0xffffffff80000000, -1, 0xffffffff80000000
    EXPECT_WRITE "19.2.16: vscause holds an exception", vscause, 15, -1, 15
    EXPECT_WRITE "19.2.16: vscause holds an interrupt", vscause, 0x8000000000000009, -1, 0x8000000000000009
    EXPECT_WRITE "19.2.17: vstval holds an address", vstval, 0xffffffff80001234, -1, 0xffffffff80001234
    EXPECT_WRITE "19.2.17: vstval holds zero", vstval, 0, -1, 0
    EXPECT_WRITE "19.2.18: vsatp holds Sv39, an ASID of 0 and a root", \
        vsatp, ATP(SV39, 0, VS_ROOT), -1, ATP(SV39, 0, VS_ROOT)
    EXPECT_WRITE "19.2.18: vsatp holds Bare", vsatp, 0, -1, 0
    la   t0, trap_vs
    csrw vstvec, t0
    // vsie and vsip are views through hideleg (19.2.12)
    li   t0, 0x444
    csrw hvip, t0
    csrw hie, t0
    EXPECT_CSR_BITS "19.2.12: vsip is zero where hideleg is", vsip, 0xffff, 0
    EXPECT_CSR_BITS "19.2.12: vsie is zero where hideleg is", vsie, 0xffff, 0
    csrw hideleg, t0
    EXPECT_CSR_BITS "19.2.12: vsip shows VS-level interrupts one bit lower", vsip, 0xffff, 0x222
    EXPECT_CSR_BITS "19.2.12: vsie shows VS-level enables one bit lower", vsie, 0xffff, 0x222
    csrw vsie, zero
    EXPECT_CSR_BITS "19.2.12: vsie is an alias of hie", hie, 0x444, 0
    csrw vsip, zero
    EXPECT_CSR_BITS "19.2.12: of vsip only SSIP is writable", hvip, 0x444, 0x440
    li   t0, VSTIP
    csrw hideleg, t0
    li   t0, -1
    csrw vsie, t0
    EXPECT_CSR_BITS "19.2.12: vsie writes hie where hideleg is one", hie, 0x444, VSTIP
    csrw hie, zero
    csrw hvip, zero
    csrw hideleg, zero

    // mstatus (19.4.1)
    li   t0, STATUS_MPV | STATUS_GVA
    csrs mstatus, t0
    EXPECT_CSR_BITS "19.4.1: mstatus holds MPV and GVA", mstatus, STATUS_MPV | STATUS_GVA, STATUS_MPV | STATUS_GVA
    csrc mstatus, t0
    EXPECT_CSR_BITS "19.4.1: MPV and GVA can be cleared", mstatus, STATUS_MPV | STATUS_GVA, 0

    // Who may touch them (2.1, 19.6.1)
    .macro ACCESS csr
    BEGIN HS
    csrr t0, \csr
    csrw \csr, t0
    END
    EXPECT_NO_TRAP "19.2: HS-mode accesses \csr"
    BEGIN U
    csrr t0, \csr
    END
    EXPECT_TRAP "2.1: U-mode may not read \csr", M, CAUSE_ILLEGAL_INSTRUCTION
    .irp mode, VS, VU
    BEGIN \mode
1:  csrr t0, \csr
    END
    EXPECT_TRAP "19.6.1: reading \csr in \mode-mode is a virtual instruction", M, CAUSE_VIRTUAL_INSTRUCTION
    EXPECT_EPC "3.1.14: mepc is its address", 1b
    BEGIN \mode
    csrw \csr, zero
    END
    EXPECT_TRAP "19.6.1: writing \csr in \mode-mode is a virtual instruction", M, CAUSE_VIRTUAL_INSTRUCTION
    .endr
    .endm
    .irp csr, hstatus, hedeleg, hideleg, hvip, hip, hie, hgeie, hcounteren, htimedelta, henvcfg, htval, htinst, hgatp
    ACCESS \csr
    .endr
    .irp csr, vsstatus, vsie, vsip, vstvec, vsscratch, vsepc, vscause, vstval, vsatp
    ACCESS \csr
    .endr
    .irp mode, VS, VU
    BEGIN \mode
    csrr t0, hgeip
    END
    EXPECT_TRAP "19.6.1: reading hgeip in \mode-mode is a virtual instruction", M, CAUSE_VIRTUAL_INSTRUCTION
    BEGIN \mode
    csrw hgeip, zero
    END
    EXPECT_TRAP "19.6.1: writing the read-only hgeip in \mode-mode is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    .irp csr, mtval2, mtinst, mstatus, mideleg
    BEGIN \mode
    csrr t0, \csr
    END
    EXPECT_TRAP "19.6.1: reading \csr in \mode-mode is illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    .endr
    .endr
    .irp csr, mtval2, mtinst
    BEGIN HS
    csrr t0, \csr
    END
    EXPECT_TRAP "2.1: HS-mode may not read \csr", M, CAUSE_ILLEGAL_INSTRUCTION
    .endr
    // TVM (19.2.10)
    li   t0, STATUS_TVM
    csrs mstatus, t0
    BEGIN HS
    csrr t0, hgatp
    END
    EXPECT_TRAP "19.2.10: with TVM = 1 HS-mode may not read hgatp", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN HS
    csrw hgatp, zero
    END
    EXPECT_TRAP "19.2.10: with TVM = 1 HS-mode may not write hgatp", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN HS
    csrr t0, vsatp
    csrw vsatp, t0
    END
    EXPECT_NO_TRAP "3.1.6.5: TVM does not bind vsatp"
    BEGIN VS
    csrr t0, hgatp
    END
    EXPECT_TRAP "19.6.1: with TVM = 1 reading hgatp in VS-mode is still a virtual instruction", \
        M, CAUSE_VIRTUAL_INSTRUCTION
    li   t0, STATUS_TVM
    csrc mstatus, t0

    // Substitution (19.2): in VS-mode the names of S are the registers of VS
    .macro SUBSTITUTES csr, twin, hs_value, vs_value, new, restore_hs, restore_vs
    li   t0, \hs_value
    csrw \csr, t0
    li   t0, \vs_value
    csrw \twin, t0
    li   t1, \new
    BEGIN VS
    csrr a0, \csr
    csrw \csr, t1
    csrr a1, \csr
    END
    csrr a2, \csr
    csrr a3, \twin
    EXPECT "19.2: in VS-mode \csr reads \twin", a0, \vs_value
    EXPECT "19.2: in VS-mode \csr reads as written", a1, \new
    EXPECT "19.2: \csr keeps its value while VS-mode writes", a2, \hs_value
    EXPECT "19.2: \twin holds what VS-mode wrote", a3, \new
    .endm
    SUBSTITUTES sscratch, vsscratch, 0x1111, 0x2222, 0x3333
    SUBSTITUTES sepc, vsepc, 0x1110, 0x2220, 0x3330
    SUBSTITUTES scause, vscause, 1, 2, 3
    SUBSTITUTES stval, vstval, 0x1111, 0x2222, 0x3333
    SUBSTITUTES stvec, vstvec, 0x80000000, 0x80000100, 0x80000200
    SUBSTITUTES satp, vsatp, 0, ATP(BARE, 0, 0), 0
    li   t0, ATP(SV39, 0, S_ROOT)
    csrw satp, t0
    BEGIN VS
    csrr a0, satp
    END
    EXPECT "19.2.18: in VS-mode satp reads vsatp", a0, 0
    csrw satp, zero
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    li   a1, ATP(SV39, 0, VS_ROOT)
    BEGIN VS
    csrw satp, a1
    csrr a0, satp
    li   t0, 7 << 60
    csrw satp, t0
    csrr a2, satp
    END
    EXPECT_NO_TRAP "19.2.18: VS-mode turns on its translation"
    csrr a3, vsatp
    EXPECT_EQUAL "19.2.18: VS-mode's satp is vsatp", a3, a1
    EXPECT_EQUAL "19.2.18: VS-mode reads back its satp", a0, a1
    EXPECT_EQUAL "19.2.18: with V = 1 a reserved MODE in satp is ignored", a2, a1
    EXPECT_CSR "19.2.18: satp is as it was", satp, 0
    csrw vsatp, zero
    // sstatus
    li   t0, STATUS_SUM | STATUS_SPP | STATUS_MXR
    csrc sstatus, t0
    csrw vsstatus, zero
    li   t0, STATUS_SUM
    csrs vsstatus, t0
    BEGIN VS
    csrr a0, sstatus
    li   t0, STATUS_SPP | STATUS_SIE
    csrs sstatus, t0
    END
    EXPECT_BITS "19.2.11: in VS-mode sstatus reads vsstatus", a0, STATUS_SUM | STATUS_MXR | STATUS_SPP, STATUS_SUM
    EXPECT_CSR_BITS "19.2.11: in VS-mode sstatus writes vsstatus", \
        vsstatus, STATUS_SPP | STATUS_SIE, STATUS_SPP | STATUS_SIE
    EXPECT_CSR_BITS "19.2.11: and leaves sstatus", sstatus, STATUS_SPP | STATUS_SIE | STATUS_SUM, 0
    // scounteren and senvcfg are not doubled
    csrwi scounteren, 5
    BEGIN VS
    csrr a0, scounteren
    csrwi scounteren, 2
    END
    EXPECT "19.2: scounteren has no VS twin: VS-mode reads it", a0, 5
    EXPECT_CSR "19.2: scounteren has no VS twin: VS-mode writes it", scounteren, 2
    csrwi senvcfg, 1
    csrr a1, senvcfg
    BEGIN VS
    csrr a0, senvcfg
    csrwi senvcfg, 0
    END
    EXPECT_EQUAL "19.2: senvcfg has no VS twin: VS-mode reads it", a0, a1
    EXPECT_CSR "19.2: senvcfg has no VS twin: VS-mode writes it", senvcfg, 0
done:
    DONE
