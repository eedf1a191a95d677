// mcycle, minstret and time: exact counts of retired instructions, writes, inhibition, and who may read them.
#include "harness.h"
PROGRAM "counters"
    csrw mcountinhibit, zero
    csrw mcounteren, zero
    csrw scounteren, zero

    // Retired instructions, exactly (3.1.10). A read sees what retired before it.
    BEGIN M
    .option push
    .option norvc
    csrr a0, minstret
    csrr a1, minstret
    nop
    nop
    nop
    csrr a2, minstret
    .option pop
    c.nop
    c.nop
    csrr a3, minstret
    j    1f
    nop
1:  beqz zero, 2f
    nop
2:  bnez zero, 2b
    csrr a4, minstret
    END
    sub  t0, a1, a0
    EXPECT "3.1.10: minstret counts the reading instruction itself once it retires", t0, 1
    sub  t0, a2, a1
    EXPECT "3.1.10: minstret counts three NOPs and the read", t0, 4
    sub  t0, a3, a2
    EXPECT "3.1.10: minstret counts compressed instructions as one each", t0, 3
    sub  t0, a4, a3
    EXPECT "3.1.10: minstret counts jumps and branches, taken or not", t0, 4
    BEGIN M
    csrr a0, minstret
    li   t0, 1000
1:  addi t0, t0, -1
    bnez t0, 1b
    csrr a1, minstret
    END
    sub  t0, a1, a0
    EXPECT "3.1.10: minstret counts a loop of 2 x 1000 instructions", t0, 2002
    li   t1, PAGE(0)
    li   t2, 3
    BEGIN M
    csrr a0, minstret
    ld   t0, (t1)
    sd   t0, 8(t1)
    amoadd.d t0, t2, (t1)
    mul  t0, t0, t2
    div  t0, t0, t2
    fmv.d.x fa0, t0
    fence
    fence.i
    lr.d t0, (t1)
    sc.d t0, t0, (t1)
    csrr a1, minstret
    END
    sub  t0, a1, a0
    EXPECT "3.1.10: every kind of instruction counts as one", t0, 11

    // Instructions that trap do not retire (3.3.1); those of other modes count too
    la   a5, 2f
    BEGIN M
    csrr s0, mtvec
    la   t0, 1f
    csrw mtvec, t0
    .option push
    .option norvc
    csrr a0, minstret
    ecall                   // does not retire
    .balign 4
1:  csrr a1, minstret
    csrw mtvec, s0
    .option pop
    END
    sub  t0, a1, a0
    EXPECT "3.3.1: ECALL does not retire: minstret counts the read alone", t0, 1
    BEGIN M
    la   t0, 1f
    csrw mtvec, t0
    csrr a0, minstret
    ebreak
    .balign 4
1:  csrr a1, minstret
    la   t0, 2f
    csrw mtvec, t0
    li   t1, 0x8000000
    csrr a2, minstret
    ld   t0, (t1)
    .balign 4
2:  csrr a3, minstret
    la   t0, 3f
    csrw mtvec, t0
    csrr a4, minstret
    .4byte 0xffffffff
    .balign 4
3:  csrr a5, minstret
    csrw mtvec, s0
    END
    sub  t0, a1, a0
    EXPECT "3.3.1: EBREAK does not retire", t0, 1
    sub  t0, a3, a2
    EXPECT "3.1.10: a load that faults does not retire", t0, 1
    sub  t0, a5, a4
    EXPECT "3.1.10: an illegal instruction does not retire", t0, 1

    // Writes (3.1.10): the writing instruction does not count on top
    BEGIN M
    li   t0, 0x123456789a
    csrw minstret, t0
    csrr a0, minstret
    nop
    csrr a1, minstret
    csrw minstret, zero
    csrr a2, minstret
    li   t0, -1
    csrw minstret, t0
    csrr a3, minstret
    csrr a4, minstret
    END
    EXPECT "3.1.10: minstret reads as written by the instruction before", a0, 0x123456789a
    EXPECT "3.1.10: minstret goes on from there", a1, 0x123456789c
    EXPECT "3.1.10: minstret can be cleared", a2, 0
    EXPECT "3.1.10: minstret holds 64 bits", a3, -1
    EXPECT "3.1.10: minstret wraps", a4, 0
    BEGIN M
    li   t0, 0x4000000000
    csrw mcycle, t0
    csrr a0, mcycle
    csrr a1, mcycle
    END
    sltu t0, a0, t0
    li   t1, 0x4000100000
    sltu t1, a0, t1
    EXPECT "3.1.10: mcycle goes on from the value written: not below", t0, 0
    EXPECT "3.1.10: mcycle goes on from the value written: not far above", t1, 1
    sltu t0, a1, a0
    EXPECT "3.1.10: mcycle does not run backwards", t0, 0

    // Inhibition (3.1.12)
    csrwi mcountinhibit, 4
    csrr t0, mcountinhibit
    andi t0, t0, 4
    bnez t0, 1f
    SKIP "no mcountinhibit.IR", 2f
1:  csrr a0, minstret
    nop
    nop
    csrr a1, minstret
    EXPECT_EQUAL "3.1.12: minstret stands still while IR is set", a1, a0
    csrwi mcountinhibit, 0
    BEGIN M
    csrr a0, minstret
    csrr a1, minstret
    END
    sub  a1, a1, a0
    EXPECT "3.1.12: minstret counts again when IR is cleared", a1, 1
2:  csrwi mcountinhibit, 1
    csrr t0, mcountinhibit
    andi t0, t0, 1
    bnez t0, 1f
    SKIP "no mcountinhibit.CY", 2f
1:  csrr a0, mcycle
    nop
    csrr a1, mcycle
    EXPECT_EQUAL "3.1.12: mcycle stands still while CY is set", a1, a0
    csrwi mcountinhibit, 0
2:
    // Zicntr: time is mtime (3.1.10, 3.2.1)
    NEED_CSR cycle, done
    li   a2, CLINT_MTIME
    BEGIN M
    rdtime a0
    ld   a1, (a2)
    rdtime a3
    END
    EXPECT_NO_TRAP "3.1.10: M-mode reads time"
    sltu t0, a1, a0
    sltu t1, a3, a1
    EXPECT "3.2.1: mtime is not before a time read earlier", t0, 0
    EXPECT "3.2.1: mtime is not after a time read later", t1, 0

    // Who may read (3.1.11, 10.1.5)
    .macro GATE csr, bit
    csrw mcounteren, zero
    csrw scounteren, zero
    BEGIN M
    csrr t0, \csr
    END
    EXPECT_NO_TRAP "3.1.11: M-mode reads \csr whatever mcounteren"
    BEGIN S
    csrr t0, \csr
    END
    EXPECT_TRAP "3.1.11: S-mode may not read \csr with mcounteren 0", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, -1
    csrw scounteren, t0
    BEGIN U
    csrr t0, \csr
    END
    EXPECT_TRAP "3.1.11: U-mode may not read \csr with mcounteren 0", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, 1 << \bit
    csrw mcounteren, t0
    BEGIN S
    csrr t0, \csr
    END
    EXPECT_NO_TRAP "3.1.11: S-mode reads \csr by its bit of mcounteren"
    BEGIN U
    csrr t0, \csr
    END
    EXPECT_NO_TRAP "10.1.5: U-mode reads \csr by both bits"
    li   t0, ~(1 << \bit)
    csrw scounteren, t0
    BEGIN U
    csrr t0, \csr
    END
    EXPECT_TRAP "10.1.5: U-mode may not read \csr without its bit of scounteren", M, CAUSE_ILLEGAL_INSTRUCTION
    li   t0, ~(1 << \bit)
    csrw mcounteren, t0
    BEGIN S
    csrr t0, \csr
    END
    EXPECT_TRAP "3.1.11: the other bits of mcounteren do not open \csr", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    GATE cycle, 0
    GATE time, 1
    GATE instret, 2
    li   t0, -1
    csrw mcounteren, t0
    csrw scounteren, t0
    BEGIN U
    rdinstret a0
    nop
    rdinstret a1
    END
    sub  a1, a1, a0
    EXPECT "3.1.10: instret counts exactly in U-mode", a1, 2
    BEGIN S
    rdinstret a0
    nop
    rdinstret a1
    END
    sub  a1, a1, a0
    EXPECT "3.1.10: instret counts exactly in S-mode", a1, 2
    .macro READ_ONLY csr
    BEGIN M
    csrw \csr, zero
    END
    EXPECT_TRAP "Unpriv. 8.1: \csr is read-only", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    READ_ONLY cycle
    READ_ONLY time
    READ_ONLY instret
    READ_ONLY hpmcounter3
    BEGIN M
    csrr t0, mhpmcounter3
    csrr t0, mhpmcounter31
    csrr t0, mhpmevent3
    csrr t0, mhpmevent31
    END
    EXPECT_NO_TRAP "3.1.10: mhpmcounter3 to 31 and mhpmevent3 to 31 exist"
    csrw mcounteren, zero
    BEGIN S
    csrr t0, hpmcounter3
    END
    EXPECT_TRAP "3.1.11: S-mode may not read hpmcounter3 with mcounteren 0", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN S
    csrr t0, mcycle
    END
    EXPECT_TRAP "2.1: S-mode may not read mcycle", M, CAUSE_ILLEGAL_INSTRUCTION
done:
    DONE
