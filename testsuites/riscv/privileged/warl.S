// The CSRs of M and S modes: what each holds after a write, and what it refuses to hold (2.3.3).
#include "harness.h"
PROGRAM "warl"

    // Identity (3.1.1 to 3.1.5)
    csrr a0, misa
    EXPECT_BITS "3.1.1: misa has MXL = 2, and I, M, A, C, S and U", a0, 0xc000000000141105, 0x8000000000141105
    EXPECT_BITS "3.1.1: misa has F and D", a0, 0x28, 0x28
    csrr a0, mvendorid
    srli a0, a0, 32
    EXPECT "3.1.2: mvendorid has 32 bits", a0, 0
    EXPECT_CSR "3.1.5: mhartid of the first hart is 0", mhartid, 0
    BEGIN M
    csrr t0, marchid
    csrr t0, mimpid
    csrr t0, mconfigptr
    END
    EXPECT_NO_TRAP "3.1.3, 3.1.4, 3.1.17: marchid, mimpid and mconfigptr can be read"

    // Scratch registers hold every bit (3.1.13, 10.1.6)
    .macro HOLDS_ALL section, csr
    EXPECT_WRITE "\section: \csr holds ones", \csr, -1, -1, -1
    EXPECT_WRITE "\section: \csr holds zeros", \csr, 0, -1, 0
    EXPECT_WRITE "\section: \csr holds a pattern", \csr, 0x123456789abcdef0, -1, 0x123456789abcdef0
    .endm
    HOLDS_ALL "3.1.13", mscratch
    HOLDS_ALL "10.1.6", sscratch
    li   t0, 0x5
    csrw mscratch, t0
    li   t0, 0x18
    csrrs a0, mscratch, t0
    EXPECT "Unpriv. 7.1: CSRRS returns the old value", a0, 0x5
    EXPECT_CSR "Unpriv. 7.1: CSRRS sets bits", mscratch, 0x1d
    li   t0, 0x9
    csrrc a0, mscratch, t0
    EXPECT "Unpriv. 7.1: CSRRC returns the old value", a0, 0x1d
    EXPECT_CSR "Unpriv. 7.1: CSRRC clears bits", mscratch, 0x14
    csrrwi a0, mscratch, 31
    EXPECT "Unpriv. 7.1: CSRRWI returns the old value", a0, 0x14
    EXPECT_CSR "Unpriv. 7.1: CSRRWI zero-extends its immediate", mscratch, 31
    csrrsi a0, mscratch, 0
    csrrci a0, mscratch, 3
    EXPECT_CSR "Unpriv. 7.1: CSRRCI clears bits", mscratch, 28
    li   t0, 77
    csrrw t0, mscratch, t0
    EXPECT "Unpriv. 7.1: CSRRW with rd = rs1 swaps: the register", t0, 28
    EXPECT_CSR "Unpriv. 7.1: CSRRW with rd = rs1 swaps: the CSR", mscratch, 77

    // Exception program counters (3.1.14, 10.1.7)
    EXPECT_WRITE "3.1.14: mepc[0] is always zero", mepc, 0x80000001, -1, 0x80000000
    EXPECT_WRITE "3.1.14: mepc[1] can be set where IALIGN = 16", mepc, 0x80000003, -1, 0x80000002
    EXPECT_WRITE "3.1.14: mepc holds a canonical kernel address", mepc, 0xffffffff80000000, -1, 0xffffffff80000000
    EXPECT_WRITE "10.1.7: sepc[0] is always zero", sepc, 0x80000001, -1, 0x80000000
    EXPECT_WRITE "10.1.7: sepc[1] can be set where IALIGN = 16", sepc, 0x80000003, -1, 0x80000002
    EXPECT_WRITE "10.1.7: sepc holds a canonical kernel address", sepc, 0xffffffff80000000, -1, 0xffffffff80000000
    EXPECT_WRITE "10.1.7: sepc holds a user address", sepc, 0x3fffffffe0, -1, 0x3fffffffe0

    // Causes and values (3.1.15, 3.1.16, 10.1.8, 10.1.9)
    EXPECT_WRITE "3.1.15: mcause holds an exception", mcause, 15, -1, 15
    EXPECT_WRITE "3.1.15: mcause holds an interrupt", mcause, 0x800000000000000b, -1, 0x800000000000000b
    EXPECT_WRITE "10.1.8: scause holds an exception", scause, 15, -1, 15
    EXPECT_WRITE "10.1.8: scause holds an interrupt", scause, 0x8000000000000009, -1, 0x8000000000000009
    EXPECT_WRITE "10.1.8: scause holds 0 to 31", scause, 31, -1, 31
    EXPECT_WRITE "3.1.16: mtval holds an address", mtval, 0xffffffff80001234, -1, 0xffffffff80001234
    EXPECT_WRITE "10.1.9: stval holds an address", stval, 0xffffffff80001234, -1, 0xffffffff80001234
    EXPECT_WRITE "10.1.9: stval holds zero", stval, 0, -1, 0
    EXPECT_WRITE "10.1.9: stval holds an instruction's bits", stval, 0xffffffff, -1, 0xffffffff

    // Trap vectors (3.1.7, 10.1.2)
    .macro VECTOR_MODES section, csr, handler
    la   a1, \handler
    EXPECT_WRITE "\section: \csr holds direct mode", \csr, 0x80000100, -1, 0x80000100
    EXPECT_WRITE "\section: \csr holds vectored mode", \csr, 0x80000101, -1, 0x80000101
    EXPECT_WRITE "\section: \csr never holds the reserved mode 2", \csr, 0x80000102, 2, 0
    EXPECT_WRITE "\section: \csr never holds the reserved mode 3", \csr, 0x80000103, 2, 0
    csrw \csr, a1
    .endm
    VECTOR_MODES "3.1.7", mtvec, trap_m
    VECTOR_MODES "10.1.2", stvec, trap_s
    EXPECT_WRITE "10.1.2: stvec holds a kernel address", stvec, 0xffffffff80000000, -1, 0xffffffff80000000
    la   t0, trap_s
    csrw stvec, t0

    // Delegation (3.1.8)
    EXPECT_WRITE "3.1.8: medeleg[11] is read-only zero", medeleg, -1, 1 << 11, 0
    EXPECT_CSR_BITS "3.1.8: medeleg delegates every fault that S-mode handles", medeleg, 0xb1ff & ~0x51, 0xb1ff & ~0x51
    EXPECT_WRITE "3.1.8: medeleg can be cleared", medeleg, 0, 0xffff & ~0x400, 0
    EXPECT_WRITE "3.1.8: mideleg delegates the S-level interrupts", mideleg, -1, 0x222, 0x222
    EXPECT_WRITE "3.1.8: mideleg can be cleared", mideleg, 0, 0xbbb, 0

    // satp (10.1.11)
    csrw satp, zero
    .macro SATP_MODE_RESERVED mode
    EXPECT_WRITE "10.1.11: satp takes nothing of a write with the reserved MODE \mode", \
        satp, (\mode << 60) | 0x80400, -1, 0
    .endm
    SATP_MODE_RESERVED 1
    SATP_MODE_RESERVED 2
    SATP_MODE_RESERVED 3
    SATP_MODE_RESERVED 4
    SATP_MODE_RESERVED 5
    SATP_MODE_RESERVED 6
    SATP_MODE_RESERVED 7
    SATP_MODE_RESERVED 11
    SATP_MODE_RESERVED 12
    SATP_MODE_RESERVED 13
    EXPECT_WRITE "10.1.11: satp holds Sv39 and a root", satp, ATP(SV39, 0, S_ROOT), -1, ATP(SV39, 0, S_ROOT)
    EXPECT_WRITE "10.1.11: a reserved MODE leaves all of satp", satp, ATP(5, 0, VS_ROOT), -1, ATP(SV39, 0, S_ROOT)
    // ASID: the implemented bits are the low ones.
    li   t0, ATP(SV39, 0xffff, S_ROOT)
    csrw satp, t0
    csrr a0, satp
    srli a0, a0, 44
    slli a0, a0, 48
    srli a0, a0, 48
    addi a1, a0, 1
    and  a1, a1, a0
    EXPECT "10.1.11: the implemented ASID bits are the least-significant ones", a1, 0
    csrw satp, zero
    EXPECT_CSR "10.1.11: satp can be set to Bare", satp, 0

    // Counters' enables (3.1.11, 3.1.12, 10.1.5)
    NEED_CSR cycle, 8f
    EXPECT_WRITE "3.1.11: mcounteren holds CY, TM and IR", mcounteren, -1, 7, 7
    EXPECT_CSR_BITS "3.1.11: mcounteren has 32 bits", mcounteren, 0xffffffff00000000, 0
    EXPECT_WRITE "3.1.11: mcounteren can be cleared", mcounteren, 0, -1, 0
    EXPECT_WRITE "10.1.5: scounteren holds CY, TM and IR", scounteren, -1, 7, 7
    EXPECT_CSR_BITS "10.1.5: scounteren has 32 bits", scounteren, 0xffffffff00000000, 0
    EXPECT_WRITE "10.1.5: scounteren can be cleared", scounteren, 0, -1, 0
    EXPECT_WRITE "3.1.12: mcountinhibit[1] is read-only zero", mcountinhibit, -1, 2, 0
    EXPECT_WRITE "3.1.12: mcountinhibit can be cleared", mcountinhibit, 0, -1, 0

8:
    // Environment configuration (3.1.18, 10.1.10)
    NEED_CSR menvcfg, 9f
    EXPECT_WRITE "3.1.18: menvcfg.FIOM can be set", menvcfg, ENVCFG_FIOM, ENVCFG_FIOM, ENVCFG_FIOM
    EXPECT_WRITE "3.1.18: menvcfg.FIOM can be cleared", menvcfg, 0, ENVCFG_FIOM, 0
    EXPECT_WRITE "10.1.10: senvcfg.FIOM can be set", senvcfg, ENVCFG_FIOM, ENVCFG_FIOM, ENVCFG_FIOM
    EXPECT_WRITE "10.1.10: senvcfg.FIOM can be cleared", senvcfg, 0, ENVCFG_FIOM, 0
    EXPECT_WRITE "10.1.10: senvcfg has no ADUE, PBMTE or STCE", \
        senvcfg, ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE, ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE, 0
9:
    // Access by mode: S-mode reads its own CSRs, U-mode none
    .macro S_NOT_U csr
    BEGIN S
    csrr t0, \csr
    csrw \csr, t0
    END
    EXPECT_NO_TRAP "2.1: S-mode accesses \csr"
    BEGIN U
    csrr t0, \csr
    END
    EXPECT_TRAP "2.1: U-mode may not read \csr", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    S_NOT_U sstatus
    S_NOT_U sie
    S_NOT_U stvec
    S_NOT_U scounteren
    S_NOT_U sscratch
    S_NOT_U sepc
    S_NOT_U scause
    S_NOT_U stval
    S_NOT_U sip
    S_NOT_U satp
    .macro M_ONLY csr
    BEGIN S
    csrr t0, \csr
    END
    EXPECT_TRAP "2.1: S-mode may not read \csr", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    M_ONLY mstatus
    M_ONLY misa
    M_ONLY medeleg
    M_ONLY mideleg
    M_ONLY mie
    M_ONLY mtvec
    M_ONLY mcounteren
    M_ONLY mcountinhibit
    M_ONLY mscratch
    M_ONLY mepc
    M_ONLY mcause
    M_ONLY mtval
    M_ONLY mip
    M_ONLY pmpcfg0
    M_ONLY pmpaddr0
    M_ONLY mcycle
    M_ONLY minstret
    M_ONLY mvendorid
    DONE
