// medeleg and mideleg: which level takes a trap, and what that level finds in its CSRs; vectored entry.
#include "harness.h"
PROGRAM "delegation"

    // Exceptions: one cause at a time, from U, S and M (3.1.8)
    .macro DELEGATED cause, name, instruction:vararg
    li   a0, 0x8000000
    csrw medeleg, zero
    BEGIN U
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name from U-mode goes to M-mode while medeleg is 0", M, \cause
    li   t0, 1 << \cause
    csrw medeleg, t0
    csrr a2, medeleg
    EXPECT "3.1.8: medeleg holds the bit of \name", a2, 1 << \cause
    BEGIN U
1:  \instruction
    END
    EXPECT_TRAP "3.1.8: \name from U-mode goes to S-mode when delegated", S, \cause
    EXPECT_EPC "10.1.7: \name delegated: sepc is the address of the instruction", 1b
    EXPECT_RECORD_BITS "10.1.1: \name from U-mode: SPP = 0", STATUS, STATUS_SPP, 0
    BEGIN S
1:  \instruction
    END
    EXPECT_TRAP "3.1.8: \name from S-mode goes to S-mode when delegated", S, \cause
    EXPECT_EPC "10.1.7: \name delegated from S-mode: sepc is the address of the instruction", 1b
    EXPECT_RECORD_BITS "10.1.1: \name from S-mode: SPP = 1", STATUS, STATUS_SPP, STATUS_SPP
    BEGIN M
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name from M-mode is never delegated", M, \cause
    li   t0, ~(1 << \cause)
    csrw medeleg, t0
    BEGIN S
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name goes to M-mode when all but it is delegated", M, \cause
    csrw medeleg, zero
    .endm
    DELEGATED CAUSE_ILLEGAL_INSTRUCTION, "an illegal instruction", .4byte 0xffffffff
    DELEGATED CAUSE_BREAKPOINT, "a breakpoint", ebreak
    DELEGATED CAUSE_LOAD_ACCESS, "a load access fault", lw t0, 4(a0)
    DELEGATED CAUSE_STORE_ACCESS, "a store access fault", sw t0, 4(a0)

    li   t0, 1 << CAUSE_FETCH_ACCESS
    csrw medeleg, t0
    BEGIN U
    jr   a0
    END
    EXPECT_TRAP "3.1.8: a fetch access fault from U-mode goes to S-mode when delegated", \
        S, CAUSE_FETCH_ACCESS, 0x8000000
    EXPECT_RECORD "10.1.7: sepc is the address fetched", EPC, 0x8000000
    li   t0, 1 << CAUSE_LOAD_ACCESS
    csrw medeleg, t0
    BEGIN U
    lw   t0, 4(a0)
    END
    EXPECT_TRAP "10.1.9: stval is the address of a delegated load access fault", S, CAUSE_LOAD_ACCESS, 0x8000004
    li   t0, 1 << CAUSE_ECALL_U
    csrw medeleg, t0
    BEGIN U
1:  ecall
    END
    EXPECT_TRAP "3.1.8: ECALL from U-mode goes to S-mode when delegated", S, CAUSE_ECALL_U, 0
    EXPECT_EPC "10.1.7: sepc is the address of the ECALL", 1b
    BEGIN S
    ecall
    END
    EXPECT_TRAP "3.1.8: ECALL from S-mode has its own bit", M, CAUSE_ECALL_S
    li   t0, 1 << CAUSE_ECALL_S
    csrw medeleg, t0
    csrr t0, medeleg
    beqz t0, 1f
    BEGIN S
    ecall
    END
    EXPECT_TRAP "3.1.8: ECALL from S-mode goes to S-mode when delegated", S, CAUSE_ECALL_S, 0
1:  csrw medeleg, zero
    EXPECT_WRITE "3.1.8: medeleg[11] is read-only zero", medeleg, -1, 1 << CAUSE_ECALL_M, 0
    csrw medeleg, zero

    // Page faults
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    SET_SATP SV39, S_ROOT
    SET_ALIAS U_ALIAS
    .macro PAGE_FAULT cause, name, instruction:vararg
    li   a0, 0x10000
    BEGIN S
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name goes to M-mode while medeleg is 0", M, \cause, 0x10000
    li   t0, 1 << \cause
    csrw medeleg, t0
    BEGIN S
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name from S-mode goes to S-mode when delegated", S, \cause, 0x10000
    BEGIN U
    \instruction
    END
    EXPECT_TRAP "3.1.8: \name from U-mode goes to S-mode when delegated", S, \cause, 0x10000
    csrw medeleg, zero
    .endm
    PAGE_FAULT CAUSE_LOAD_PAGE_FAULT, "a load page fault", lw t0, (a0)
    PAGE_FAULT CAUSE_STORE_PAGE_FAULT, "a store page fault", sw t0, (a0)
    PAGE_FAULT CAUSE_FETCH_PAGE_FAULT, "a fetch page fault", jr a0
    csrw satp, zero
    sfence.vma
    SET_ALIAS 0

    // What S-mode finds in sstatus (10.1.1), and that M-mode's stack is left alone
    li   t0, 1 << CAUSE_ILLEGAL_INSTRUCTION
    csrw medeleg, t0
    csrsi mstatus, STATUS_SIE
    BEGIN S
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "10.1.1: a trap to S-mode moves SIE = 1 to SPIE", STATUS, STATUS_SIE | STATUS_SPIE, STATUS_SPIE
    csrci mstatus, STATUS_SIE
    BEGIN S
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "10.1.1: a trap to S-mode moves SIE = 0 to SPIE", STATUS, STATUS_SIE | STATUS_SPIE, 0
    li   t0, STATUS_MPIE
    csrs mstatus, t0
    csrw medeleg, zero

    // Interrupts (3.1.8, 3.1.9)
    csrw mideleg, zero
    li   t0, SSIP
    csrs mip, t0
    csrs mie, t0
    BEGIN S
    nop
    END
    EXPECT_TRAP "3.1.8: an SSI that is not delegated is taken by M-mode from S-mode", M, INTERRUPT(IRQ_SSI)
    BEGIN U
    nop
    END
    EXPECT_TRAP "3.1.8: an SSI that is not delegated is taken by M-mode from U-mode", M, INTERRUPT(IRQ_SSI), 0
    li   t0, SSIP
    csrs mideleg, t0
    EXPECT_CSR_BITS "3.1.8: mideleg holds the bit of SSI", mideleg, SSIP, SSIP
    BEGIN U
1:  nop
    END
    EXPECT_TRAP "3.1.8: a delegated SSI is taken by S-mode from U-mode", S, INTERRUPT(IRQ_SSI), 0
    EXPECT_EPC "10.1.7: an interrupt leaves sepc at the instruction it came before", 1b
    csrci mstatus, STATUS_SIE
    BEGIN S
    nop
    END
    EXPECT_NO_TRAP "3.1.9: a delegated SSI waits in S-mode while SIE is 0"
    BEGIN S
    csrsi sstatus, STATUS_SIE
1:  nop
    END
    EXPECT_TRAP "3.1.9: a delegated SSI is taken in S-mode when SIE is 1", S, INTERRUPT(IRQ_SSI)
    EXPECT_EPC "3.1.9: setting SIE is looked at before the next instruction", 1b
    BEGIN M
    csrsi mstatus, STATUS_MIE
    nop
    END
    EXPECT_NO_TRAP "3.1.8: a delegated interrupt is never taken in M-mode"
    csrci mstatus, STATUS_SIE

    // Vectored entry (3.1.7, 10.1.2)
    la   t0, trap_s_vectored + 1
    csrw stvec, t0
    EXPECT_CSR_BITS "10.1.2: stvec holds MODE = 1", stvec, 3, 1
    BEGIN U
    nop
    END
    EXPECT_TRAP "10.1.2: the delegated SSI is taken", S, INTERRUPT(IRQ_SSI)
    EXPECT_RECORD "10.1.2: vectored, SSI enters at BASE + 4 * 1", VECTOR, 1
    li   t0, SSIP
    csrc mie, t0
    li   t0, STIP
    csrs mideleg, t0
    csrs mie, t0
    csrs mip, t0
    BEGIN U
    nop
    END
    EXPECT_TRAP "10.1.2: the delegated STI is taken", S, INTERRUPT(IRQ_STI)
    EXPECT_RECORD "10.1.2: vectored, STI enters at BASE + 4 * 5", VECTOR, 5
    csrw mie, zero
    li   t0, 1 << CAUSE_ECALL_U
    csrw medeleg, t0
    BEGIN U
    ecall
    END
    EXPECT_TRAP "10.1.2: exceptions enter at BASE also when vectored", S, CAUSE_ECALL_U
    EXPECT_RECORD "10.1.2: exceptions enter at BASE also when vectored", VECTOR, 0
    csrw medeleg, zero
    la   t0, trap_s
    csrw stvec, t0
    la   t0, trap_m_vectored + 1
    csrw mtvec, t0
    EXPECT_CSR_BITS "3.1.7: mtvec holds MODE = 1", mtvec, 3, 1
    csrw mideleg, zero
    li   t0, STIP
    csrs mie, t0
    BEGIN S
    nop
    END
    EXPECT_TRAP "3.1.7: the STI is taken by M-mode", M, INTERRUPT(IRQ_STI)
    EXPECT_RECORD "3.1.7: vectored, STI enters at BASE + 4 * 5", VECTOR, 5
    csrw mie, zero
    li   t0, STIP
    csrc mip, t0
    li   t0, SEIP
    csrs mip, t0
    csrs mie, t0
    BEGIN M
    csrsi mstatus, STATUS_MIE
    nop
    END
    EXPECT_TRAP "3.1.7: the SEI is taken by M-mode", M, INTERRUPT(IRQ_SEI)
    EXPECT_RECORD "3.1.7: vectored, SEI enters at BASE + 4 * 9", VECTOR, 9
    csrw mie, zero
    BEGIN S
    .4byte 0xffffffff
    END
    EXPECT_TRAP "3.1.7: exceptions enter at BASE also when vectored", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_RECORD "3.1.7: exceptions enter at BASE also when vectored", VECTOR, 0
    DONE
