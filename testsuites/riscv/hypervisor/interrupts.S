// Interrupts of a guest: injected by hvip, delegated or not by hideleg, seen through vsip and vsie, enabled by mode,
// in their order of priority, vectored (19.2.2, 19.2.3, 19.2.12). All of bits 10, 6 and 2 of mideleg are one.
#include "harness.h"
#define VS_LEVEL (VSSIP | VSTIP | VSEIP)
#define HS_LEVEL (SSIP | STIP | SEIP)
PROGRAM "interrupts"
    NEED_MISA H, done
    li   t0, -1
    li   t1, CLINT_MTIMECMP
    sd   t0, (t1)
    csrw mie, zero
    csrw mip, zero
    csrw hvip, zero
    csrw hideleg, zero
    li   t0, HS_LEVEL
    csrw mideleg, t0

    .macro PENDING bits
    li   t0, \bits
    csrw hvip, t0
    .endm
    .macro ENABLED bits
    li   t0, \bits
    csrw mie, t0
    .endm
    .macro DELEGATED bits
    li   t0, \bits
    csrw hideleg, t0
    .endm
    .macro SIE_IN vs, hs
    csrci vsstatus, STATUS_SIE
    csrci mstatus, STATUS_SIE
    .if \vs
    csrsi vsstatus, STATUS_SIE
    .endif
    .if \hs
    csrsi mstatus, STATUS_SIE
    .endif
    .endm
    .macro TAKEN text, mode, level, irq
    BEGIN \mode
1:  nop
    END
    EXPECT_TRAP "\text", \level, INTERRUPT(\irq), 0
    EXPECT_EPC "\text: before the first instruction", 1b
    .endm
    .macro NOT_TAKEN text, mode
    BEGIN \mode
    nop
    nop
    END
    EXPECT_NO_TRAP "\text"
    .endm

    // Delegated by hideleg: to VS-mode, under the numbers of S (19.2.2)
    .macro TO_VS name, bit, vs_irq
    PENDING \bit
    ENABLED \bit
    DELEGATED \bit
    SIE_IN 0, 0
    TAKEN "19.2.2: \name interrupts VU-mode whatever vsstatus.SIE", VU, VS, \vs_irq
    EXPECT_RECORD_BITS "19.6.2: from VU-mode vsstatus.SPP = 0", STATUS, STATUS_SPP, 0
    NOT_TAKEN "19.2.12: \name waits in VS-mode while vsstatus.SIE = 0", VS
    SIE_IN 1, 0
    TAKEN "19.2.2: \name interrupts VS-mode while vsstatus.SIE = 1", VS, VS, \vs_irq
    EXPECT_RECORD_BITS "19.6.2: from VS-mode vsstatus.SPP = 1", \
        STATUS, STATUS_SPP | STATUS_SPIE | STATUS_SIE, STATUS_SPP | STATUS_SPIE
    EXPECT_CSR "19.2.16: vscause has the number of S", vscause, INTERRUPT(\vs_irq)
    SIE_IN 1, 1
    NOT_TAKEN "19.2.3: \name, delegated, does not interrupt HS-mode", HS
    NOT_TAKEN "19.2.3: \name, delegated, does not interrupt U-mode", U
    BEGIN M
    csrsi mstatus, STATUS_MIE
    nop
    END
    EXPECT_NO_TRAP "19.2.3: \name does not interrupt M-mode"
    SIE_IN 1, 0
    csrw vsie, zero
    NOT_TAKEN "19.2.12: \name does not interrupt while its bit of vsie is 0", VU
    li   t0, \bit >> 1
    csrw vsie, t0
    EXPECT_CSR_BITS "19.2.12: vsie enables it as hie does", hie, \bit, \bit
    TAKEN "19.2.12: \name interrupts when its bit of vsie is 1", VU, VS, \vs_irq
    .endm
    TO_VS "VSSI", VSSIP, IRQ_SSI
    TO_VS "VSTI", VSTIP, IRQ_STI
    TO_VS "VSEI", VSEIP, IRQ_SEI

    // Not delegated: to HS-mode, under their own numbers (19.2.3)
    .macro TO_HS name, bit, irq
    PENDING \bit
    ENABLED \bit
    DELEGATED 0
    SIE_IN 1, 0
    TAKEN "19.2.3: \name, not delegated, interrupts VS-mode for HS-mode whatever sstatus.SIE", VS, HS, \irq
    EXPECT_RECORD_BITS "19.6.2: SPV = 1, SPVP = 1, GVA = 0", \
        HSTATUS, HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_GVA, HSTATUS_SPV | HSTATUS_SPVP
    EXPECT_RECORD "19.2.8: htval is zero for an interrupt", TVAL2, 0
    EXPECT_RECORD "19.2.9: htinst is zero for an interrupt", TINST, 0
    TAKEN "19.2.3: \name, not delegated, interrupts VU-mode for HS-mode", VU, HS, \irq
    EXPECT_RECORD_BITS "19.6.2: SPV = 1, SPVP = 0", HSTATUS, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPV
    TAKEN "19.2.3: \name, not delegated, interrupts U-mode for HS-mode", U, HS, \irq
    NOT_TAKEN "19.2.3: \name, not delegated, waits in HS-mode while SIE = 0", HS
    SIE_IN 0, 1
    TAKEN "19.2.3: \name, not delegated, interrupts HS-mode while SIE = 1", HS, HS, \irq
    EXPECT_RECORD_BITS "19.6.2: SPV = 0", HSTATUS, HSTATUS_SPV, 0
    csrw hie, zero
    NOT_TAKEN "19.2.3: \name does not interrupt while its bit of hie is 0", VS
    .endm
    TO_HS "VSSI", VSSIP, IRQ_VSSI
    TO_HS "VSTI", VSTIP, IRQ_VSTI
    TO_HS "VSEI", VSEIP, IRQ_VSEI

    // HS-level interrupts and M-level ones go over the guest's head
    PENDING 0
    li   t0, SSIP
    csrs mip, t0
    ENABLED SSIP
    SIE_IN 0, 0
    TAKEN "19.2.3: SSI interrupts VS-mode for HS-mode whatever both SIE", VS, HS, IRQ_SSI
    EXPECT_RECORD_BITS "19.6.2: SPV = 1", HSTATUS, HSTATUS_SPV, HSTATUS_SPV
    TAKEN "19.2.3: SSI interrupts VU-mode for HS-mode", VU, HS, IRQ_SSI
    BEGIN VS
    csrr a0, sip
    csrr a1, sie
    END
    ENABLED 0
    BEGIN VS
    csrr a0, sip
    csrr a1, sie
    csrci sip, SSIP
    END
    EXPECT "19.2.12: VS-mode does not see HS-level interrupts in sip", a0, 0
    EXPECT "19.2.12: VS-mode does not see HS-level interrupts in sie", a1, 0
    EXPECT_CSR_BITS "19.2.12: VS-mode does not clear HS-level interrupts", mip, SSIP, SSIP
    csrw mip, zero
    li   t0, 1
    li   t1, CLINT_MSIP
    sw   t0, (t1)
    ENABLED MSIP
    TAKEN "19.6.2: MSI interrupts VS-mode for M-mode", VS, M, IRQ_MSI
    EXPECT_RECORD_BITS "19.6.2: MPV = 1, MPP = 1, GVA = 0", \
        STATUS, STATUS_MPV | STATUS_MPP | STATUS_GVA, STATUS_MPV | STATUS_MPP_S
    sw   zero, (t1)

    // Priority (19.2.3): HS-mode takes SEI, SSI, STI, then VSEI, VSSI, VSTI; M-mode before it, VS-mode after it
    li   t0, HS_LEVEL
    csrs mip, t0
    PENDING VS_LEVEL
    ENABLED HS_LEVEL | VS_LEVEL
    DELEGATED 0
    SIE_IN 1, 0
    .macro NEXT name, level, irq, bit
    SIE_IN 1, 0             // the trap before cleared it
    BEGIN VS
    nop
    END
    EXPECT_TRAP "19.2.3: among those left, \name goes first", \level, INTERRUPT(\irq)
    li   t0, \bit
    csrc mie, t0
    .endm
    NEXT "SEI", HS, IRQ_SEI, SEIP
    NEXT "SSI", HS, IRQ_SSI, SSIP
    NEXT "STI", HS, IRQ_STI, STIP
    NEXT "VSEI", HS, IRQ_VSEI, VSEIP
    NEXT "VSSI", HS, IRQ_VSSI, VSSIP
    NEXT "VSTI", HS, IRQ_VSTI, VSTIP
    ENABLED STIP | VS_LEVEL
    DELEGATED VS_LEVEL
    NEXT "STI for HS-mode, before SEI for VS-mode,", HS, IRQ_STI, STIP
    NEXT "SEI for VS-mode", VS, IRQ_SEI, VSEIP
    NEXT "SSI for VS-mode", VS, IRQ_SSI, VSSIP
    NEXT "STI for VS-mode", VS, IRQ_STI, VSTIP
    ENABLED VS_LEVEL
    DELEGATED VSEIP
    NEXT "VSSI for HS-mode, before SEI for VS-mode,", HS, IRQ_VSSI, VSSIP
    NEXT "VSTI for HS-mode, before SEI for VS-mode,", HS, IRQ_VSTI, VSTIP
    NEXT "SEI for VS-mode", VS, IRQ_SEI, VSEIP
    csrw mip, zero

    // What VS-mode sees and does (19.2.12)
    PENDING VS_LEVEL
    ENABLED 0
    DELEGATED VS_LEVEL
    SIE_IN 0, 0
    BEGIN VS
    csrr a0, sip
    li   t0, -1
    csrw sie, t0
    csrr a1, sie
    csrw sip, zero
    csrr a2, sip
    END
    EXPECT_NO_TRAP "19.2.12: VS-mode reads and writes sip and sie"
    EXPECT_BITS "19.2.12: VS-mode sees SEIP, STIP and SSIP", a0, 0xdfff, HS_LEVEL
    EXPECT_BITS "19.2.12: VS-mode holds SEIE, STIE and SSIE", a1, 0xdfff, HS_LEVEL
    EXPECT_BITS "19.2.12: VS-mode clears SSIP alone", a2, 0xdfff, STIP | SEIP
    EXPECT_CSR_BITS "19.2.12: and so VSSIP in hvip", hvip, VS_LEVEL, VSTIP | VSEIP
    EXPECT_CSR_BITS "19.2.12: VS-mode's sie is hie", hie, VS_LEVEL, VS_LEVEL
    PENDING 0
    BEGIN VS
    csrsi sstatus, STATUS_SIE
    csrsi sip, SSIP
1:  nop
    END
    EXPECT_TRAP "19.2.12: VS-mode interrupts itself through sip", VS, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: a write of sip is looked at before the next instruction", 1b
    EXPECT_CSR_BITS "19.2.12: it set VSSIP in hvip", hvip, VS_LEVEL, VSSIP
    BEGIN VS
    csrci sstatus, STATUS_SIE
    csrsi sstatus, STATUS_SIE
1:  nop
    END
    EXPECT_TRAP "19.2.12: setting SIE in VS-mode lets it in", VS, INTERRUPT(IRQ_SSI)
    SIE_IN 1, 0
    BEGIN HS
    la   t0, 1f
    csrw sepc, t0
    li   t0, HSTATUS_SPV
    csrs hstatus, t0
    li   t0, STATUS_SPP
    csrs sstatus, t0
    sret
1:  nop
    END
    EXPECT_TRAP "3.1.9: SRET into VS-mode lets it in at once", VS, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: before the first instruction", 1b
    BEGIN VS
    csrci sstatus, STATUS_SIE
    csrci sip, SSIP
    csrsi sstatus, STATUS_SIE
    nop
    END
    EXPECT_NO_TRAP "19.2.12: VS-mode clears SSIP, and nothing interrupts"
    // hideleg off hides again
    PENDING VS_LEVEL
    DELEGATED VSTIP
    SIE_IN 0, 0
    ENABLED 0
    BEGIN VS
    csrr a0, sip
    li   t0, -1
    csrw sie, t0
    END
    EXPECT_BITS "19.2.12: VS-mode sees what hideleg delegates alone", a0, 0xffff, STIP
    EXPECT_CSR_BITS "19.2.12: VS-mode enables what hideleg delegates alone", hie, VS_LEVEL, VSTIP

    // WFI in VS-mode
    PENDING VSTIP
    DELEGATED VSTIP
    ENABLED VSTIP
    NOT_TAKEN "19.2.12: VSTI waits", VS
    BEGIN VS
    wfi
    li   a0, 9
    END
    EXPECT_NO_TRAP "3.3.3: WFI in VS-mode resumes for a pending VS-level interrupt"
    EXPECT "3.3.3: execution goes on after WFI", a0, 9

    // Vectored (19.2.13)
    la   t0, trap_vs_vectored + 1
    csrw vstvec, t0
    .macro VECTORED_VS name, bit, entry
    PENDING \bit
    ENABLED \bit
    DELEGATED \bit
    BEGIN VU
    nop
    END
    EXPECT_TRAP "19.2.13: \name, vectored", VS, INTERRUPT(\entry)
    EXPECT_RECORD "19.2.13: \name enters at BASE + 4 * \entry", VECTOR, \entry
    .endm
    VECTORED_VS "VSSI", VSSIP, 1
    VECTORED_VS "VSTI", VSTIP, 5
    VECTORED_VS "VSEI", VSEIP, 9
    PENDING 0
    li   t0, 1 << CAUSE_ECALL_U
    csrw medeleg, t0
    csrw hedeleg, t0
    BEGIN VU
    ecall
    END
    EXPECT_TRAP "19.2.13: an exception, vectored", VS, CAUSE_ECALL_U
    EXPECT_RECORD "19.2.13: an exception enters at BASE", VECTOR, 0
    la   t0, trap_s_vectored + 1
    csrw stvec, t0
    PENDING VSEIP
    ENABLED VSEIP
    DELEGATED 0
    BEGIN VS
    nop
    END
    EXPECT_TRAP "10.1.2: VSEI for HS-mode, vectored", HS, INTERRUPT(IRQ_VSEI)
    EXPECT_RECORD "10.1.2: VSEI for HS-mode enters at BASE + 4 * 10", VECTOR, 10
    la   t0, trap_s
    csrw stvec, t0
    PENDING 0

    // Guest external interrupts (19.2.4): SGEIP is the OR of hgeip & hgeie
    li   t0, -1
    csrw hgeie, t0
    csrr t0, hgeie
    bnez t0, 1f
    EXPECT_CSR_BITS "19.2.3: without guest external interrupts SGEIP is zero", hip, SGEIP, 0
    SKIP "no guest external interrupts (GEILEN = 0)", done
1:  csrr t1, hgeip
    and  t0, t0, t1
    snez t0, t0
    csrr t1, hip
    srli t1, t1, IRQ_SGEI
    andi t1, t1, 1
    EXPECT_EQUAL "19.2.3: SGEIP is set if hgeip & hgeie is not zero", t1, t0
    li   t0, HSTATUS_VGEIN
    csrs hstatus, t0
    li   t0, SGEIP
    csrs hie, t0
    EXPECT_CSR_BITS "19.2.3: hie holds SGEIE", hie, SGEIP, SGEIP
done:
    DONE
