// Interrupts: what enables them, when they are looked at, which goes first, and what mip, mie, sip and sie let be
// written.
#include "harness.h"

#define PLIC 0xc000000
#define UART_IER (UART + 1)

PROGRAM "interrupts"
    csrw mideleg, zero
    csrw mie, zero
    csrw mip, zero
    li   a1, CLINT_MTIMECMP
    li   t0, -1
    sd   t0, (a1)

    // mip: the M-level bits are read-only, the S-level ones writable (3.1.9)
    li   t0, -1
    csrw mip, t0
    csrr a0, mip
    EXPECT_BITS "3.1.9: MSIP, MTIP and MEIP are read-only in mip", a0, MSIP | MTIP | MEIP, 0
    EXPECT_BITS "3.1.9: SSIP, STIP and SEIP are writable in mip", a0, SSIP | STIP | SEIP, SSIP | STIP | SEIP
    EXPECT_BITS "3.1.9: bits 0, 4 and 8 of mip are read-only zero", a0, 0x111, 0
    csrw mip, zero
    csrr a0, mip
    EXPECT_BITS "3.1.9: SSIP, STIP and SEIP can be cleared in mip", a0, SSIP | STIP | SEIP, 0
    li   t0, -1
    csrw mie, t0
    csrr a0, mie
    EXPECT_BITS "3.1.9: mie holds every standard enable", a0, 0xaaa, 0xaaa
    EXPECT_BITS "3.1.9: bits 0, 4 and 8 of mie are read-only zero", a0, 0x111, 0
    csrw mie, zero

    // The board's sources
    li   a0, CLINT_MSIP
    li   t0, 1
    sw   t0, (a0)
    EXPECT_CSR_BITS "3.1.9: MSIP shows the CLINT's software interrupt", mip, MSIP, MSIP
    csrc mip, t0
    li   t0, MSIP
    csrc mip, t0
    EXPECT_CSR_BITS "3.1.9: MSIP cannot be cleared through mip", mip, MSIP, MSIP
    sw   zero, (a0)
    EXPECT_CSR_BITS "3.1.9: MSIP follows the CLINT", mip, MSIP, 0
    sd   zero, (a1)
    EXPECT_CSR_BITS "3.2.1: MTIP is set while mtime >= mtimecmp", mip, MTIP, MTIP
    li   t0, -1
    sd   t0, (a1)
    EXPECT_CSR_BITS "3.2.1: MTIP is clear when mtimecmp is written beyond mtime", mip, MTIP, 0
    // The UART's "transmitter empty" through the PLIC: source 10 of QEMU's board, 1 of Spike's.
    li   a2, PLIC
    li   t0, 1
    sw   t0, 4(a2)
    sw   t0, 40(a2)
    li   a2, PLIC + 0x2000
    li   t0, (1 << 10) | (1 << 1)
    sw   t0, (a2)
    li   a2, PLIC + 0x200000
    sw   zero, (a2)
    li   a3, UART_IER
    li   t0, 2
    sb   t0, (a3)
    li   t1, 100000
1:  csrr t0, mip
    li   t2, MEIP
    and  t0, t0, t2
    addi t1, t1, -1
    beqz t1, 2f
    beqz t0, 1b
2:  EXPECT_CSR_BITS "3.1.9: MEIP shows the platform's interrupt controller", mip, MEIP, MEIP

    // Priority (3.1.9): MEI, MSI, MTI, SEI, SSI, STI, LCOFI. All are pending and enabled; the highest goes, and is
    // masked.
    li   t0, 1
    sw   t0, (a0)
    sd   zero, (a1)
    li   t0, SSIP | STIP | SEIP
    csrs mip, t0
    li   a4, -1
    csrw mie, a4
    .macro NEXT_IS irq, name
    BEGIN M
    csrsi mstatus, STATUS_MIE
1:  nop
    END
    EXPECT_TRAP "3.1.9: among those left, \name goes first", M, INTERRUPT(\irq), 0
    EXPECT_EPC "3.1.9: setting MIE is looked at before the next instruction: \name", 1b
    li   t0, 1 << \irq
    csrc mie, t0
    .endm
    NEXT_IS IRQ_MEI, "MEI"
    NEXT_IS IRQ_MSI, "MSI"
    NEXT_IS IRQ_MTI, "MTI"
    NEXT_IS IRQ_SEI, "SEI"
    NEXT_IS IRQ_SSI, "SSI"
    NEXT_IS IRQ_STI, "STI"
    li   t0, LCOFIP
    csrs mip, t0
    csrr t0, mip
    li   t1, LCOFIP
    and  t0, t0, t1
    bnez t0, 3f
    SKIP "no LCOFI", 4f
3:  li   t0, SSIP | STIP | LCOFIP
    csrs mie, t0
    NEXT_IS IRQ_SSI, "SSI, before LCOFI,"
    NEXT_IS IRQ_STI, "STI, before LCOFI,"
    NEXT_IS IRQ_LCOFI, "LCOFI"
    li   t0, LCOFIP
    csrc mip, t0
4:  csrw mie, zero

    // The same when delegated, in S-mode; an M-level interrupt goes before all of them
    li   t0, SSIP | STIP | SEIP
    csrw mideleg, t0
    li   t0, MTIP | SSIP | STIP | SEIP
    csrw mie, t0
    BEGIN S
    csrsi sstatus, STATUS_SIE
    nop
    END
    EXPECT_TRAP "3.1.9: an M-level interrupt goes before delegated ones", M, INTERRUPT(IRQ_MTI)
    .macro NEXT_IN_S irq, name
    BEGIN S
    csrsi sstatus, STATUS_SIE
1:  nop
    END
    csrci mstatus, STATUS_SIE
    EXPECT_TRAP "10.1.3: among those left, \name goes first", S, INTERRUPT(\irq), 0
    EXPECT_EPC "10.1.3: setting SIE is looked at before the next instruction", 1b
    li   t0, 1 << \irq
    csrc mie, t0
    .endm
    li   t0, MTIP
    csrc mie, t0
    NEXT_IN_S IRQ_SEI, "SEI"
    NEXT_IN_S IRQ_SSI, "SSI"
    NEXT_IN_S IRQ_STI, "STI"
    csrw mideleg, zero
    csrw mie, zero
    // An interrupt for M goes before one for S, whatever their numbers.
    li   t0, SEIP
    csrw mideleg, t0
    li   t0, SEIP | STIP
    csrw mie, t0
    BEGIN U
    nop
    END
    EXPECT_TRAP "3.1.9: STI for M-mode goes before SEI for S-mode", M, INTERRUPT(IRQ_STI)

    // Enables and modes (3.1.6.1, 3.1.9): MTI is pending
    csrw mideleg, zero
    csrw mie, zero
    BEGIN S
    nop
    END
    EXPECT_NO_TRAP "3.1.9: an interrupt whose mie bit is 0 is not taken in S-mode"
    li   t0, MTIP
    csrw mie, t0
    BEGIN M
    nop
    END
    EXPECT_NO_TRAP "3.1.6.1: no interrupt is taken in M-mode while MIE is 0"
    csrci mstatus, STATUS_SIE | STATUS_MIE
    BEGIN S
1:  nop
    END
    EXPECT_TRAP "3.1.6.1: MTI is taken from S-mode whatever MIE", M, INTERRUPT(IRQ_MTI)
    EXPECT_EPC "3.1.9: MRET to S-mode is looked at before the next instruction", 1b
    BEGIN U
1:  nop
    END
    EXPECT_TRAP "3.1.6.1: MTI is taken from U-mode whatever MIE", M, INTERRUPT(IRQ_MTI)
    EXPECT_EPC "3.1.9: MRET to U-mode is looked at before the next instruction", 1b
    csrw mie, zero
    BEGIN M
    csrsi mstatus, STATUS_MIE
    li   t0, MTIP
    csrs mie, t0
1:  nop
    END
    EXPECT_TRAP "3.1.9: MTI is taken when its mie bit is set", M, INTERRUPT(IRQ_MTI)
    EXPECT_EPC "3.1.9: setting a bit of mie is looked at before the next instruction", 1b
    li   t0, -1
    sd   t0, (a1)
    sw   zero, (a0)
    li   t0, SSIP | STIP | SEIP
    csrc mip, t0
    li   t0, SSIP
    csrw mie, t0
    BEGIN M
    csrsi mstatus, STATUS_MIE
    csrsi mip, SSIP
1:  nop
    END
    EXPECT_TRAP "3.1.9: SSI is taken when its mip bit is set", M, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: setting a bit of mip is looked at before the next instruction", 1b
    BEGIN M
    la   t0, 1f
    csrw mepc, t0
    li   t0, STATUS_MPP_M | STATUS_MPIE
    csrs mstatus, t0
    mret
1:  nop
    END
    EXPECT_TRAP "3.1.6.1: MRET restores MIE from MPIE, and the interrupt is taken", M, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: MRET is looked at before the instruction it returns to", 1b
    csrsi mideleg, SSIP
    BEGIN S
    la   t0, 1f
    csrw sepc, t0
    li   t0, STATUS_SPP | STATUS_SPIE
    csrs sstatus, t0
    sret
1:  nop
    END
    EXPECT_TRAP "10.1.1: SRET restores SIE from SPIE, and the interrupt is taken", S, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: SRET is looked at before the instruction it returns to", 1b
    BEGIN M
    csrsi mstatus, STATUS_MIE
    csrci mideleg, SSIP
1:  nop
    END
    EXPECT_TRAP "3.1.9: clearing a bit of mideleg lets M-mode take the interrupt", M, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: a write of mideleg is looked at before the next instruction", 1b
    csrw mip, zero
    csrci mstatus, STATUS_SIE

    // sip and sie: views of mip and mie through mideleg (10.1.3)
    csrw mideleg, zero
    li   t0, SSIP | STIP | SEIP | MTIP
    csrw mie, t0
    li   t0, SSIP | STIP | SEIP
    csrs mip, t0
    EXPECT_CSR_BITS "10.1.3: sip shows no interrupt that is not delegated", sip, 0xffff, 0
    EXPECT_CSR_BITS "10.1.3: sie shows no interrupt that is not delegated", sie, 0xffff, 0
    csrw sie, zero
    EXPECT_CSR_BITS "10.1.3: sie writes no interrupt that is not delegated", mie, SSIP | STIP | SEIP, SSIP | STIP | SEIP
    li   t0, SSIP | SEIP
    csrw mideleg, t0
    EXPECT_CSR_BITS "10.1.3: sip shows what mideleg delegates", sip, SSIP | STIP | SEIP, SSIP | SEIP
    EXPECT_CSR_BITS "10.1.3: sie shows what mideleg delegates", sie, SSIP | STIP | SEIP, SSIP | SEIP
    csrw sie, zero
    EXPECT_CSR_BITS "10.1.3: sie writes mie where delegated", mie, SSIP | STIP | SEIP | MTIP, STIP | MTIP
    li   t0, SSIP | STIP | SEIP
    csrw mideleg, t0
    csrw sip, zero
    EXPECT_CSR_BITS "10.1.3: SSIP is writable in sip, STIP and SEIP are not", mip, SSIP | STIP | SEIP, STIP | SEIP
    csrw mip, zero
    li   t0, -1
    csrw sip, t0
    EXPECT_CSR_BITS "10.1.3: only SSIP can be set through sip", mip, SSIP | STIP | SEIP, SSIP
    BEGIN S
    csrr a5, sip
    csrci sip, SSIP
    csrr a6, sip
    END
    EXPECT_NO_TRAP "10.1.3: S-mode reads and writes sip"
    EXPECT "10.1.3: S-mode sees SSIP", a5, SSIP
    EXPECT "10.1.3: S-mode clears SSIP", a6, 0

    // WFI (3.3.3): resumes when an enabled interrupt pends, whatever the global enables
    csrw mideleg, zero
    csrw mie, zero
    csrci mstatus, STATUS_MIE
    li   t0, SSIP
    csrs mip, t0
    csrs mie, t0
    BEGIN M
    wfi
    li   a5, 7
    END
    EXPECT_NO_TRAP "3.3.3: WFI resumes without a trap when MIE is 0 and an enabled interrupt pends"
    EXPECT "3.3.3: execution goes on after WFI", a5, 7
    csrw mip, zero
    li   t0, MTIP
    csrw mie, t0
    li   t1, CLINT_MTIME
    ld   t0, (t1)
    addi t0, t0, 200
    sd   t0, (a1)
    BEGIN M
    csrsi mstatus, STATUS_MIE
2:  wfi
    j    2b
    END
    EXPECT_TRAP "3.3.3: WFI waits for the timer, which interrupts it", M, INTERRUPT(IRQ_MTI)
    ld   t0, (t1)
    ld   t2, (a1)
    sltu t0, t0, t2
    EXPECT "3.2.1: the timer interrupts no sooner than mtime >= mtimecmp", t0, 0
    li   t0, -1
    sd   t0, (a1)
    DONE
