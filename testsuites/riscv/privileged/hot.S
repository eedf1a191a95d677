// What other programs check once, here thousands of times in loops: a translator that has grown to like a piece of code
// or an address must still see permissions, address spaces, code and interrupts change under it, at the right
// instruction.
#include "harness.h"
PROGRAM "hot"
#define VA 0x10000
#define ROUNDS 1000

    // Interrupts are precise: the timer strikes a loop at ever other places; at its first instruction a0 = a1 = a2,
    // then a0 is one ahead, then a1 too, then a2. The loop adds, jumps, and stores a0.
    li   a3, PAGE(0)
    li   s0, CLINT_MTIMECMP
    li   s1, CLINT_MTIME
    li   s2, 0
    li   s5, 0              // rounds that agree
    li   t0, MTIP
    csrw mie, t0
    li   s3, 300
1:  li   a0, 0
    li   a1, 0
    li   a2, 0
    sd   zero, (a3)
    andi t1, s3, 15
    addi t1, t1, 1
    ld   t0, (s1)
    add  t0, t0, t1
    sd   t0, (s0)
    BEGIN M
    csrsi mstatus, STATUS_MIE
    .option push
    .option norvc
loop:
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, 1
    sd   a0, (a3)
    j    loop
    .option pop
    END
    li   t0, -1
    sd   t0, (s0)
    // Where it stopped, in instructions; then what the registers must say
    la   t0, loop
    ld   t1, EPC(gp)
    sub  t1, t1, t0
    srli t1, t1, 2
    sltiu t2, t1, 1         // at the first: a0 = a1
    sub  t3, a0, a1
    addi t4, t1, -1
    seqz t4, t4             // at the second: a0 = a1 + 1
    bne  t3, t4, 2f
    sub  t3, a1, a2
    addi t4, t1, -2
    seqz t4, t4             // at the third: a1 = a2 + 1
    bne  t3, t4, 2f
    ld   t3, (a3)
    sub  t3, a0, t3
    sltiu t4, t1, 4
    snez t2, t1
    and  t4, t4, t2         // at the second to the fourth: not yet stored
    bne  t3, t4, 2f
    ld   t3, CAUSE(gp)
    li   t4, INTERRUPT(IRQ_MTI)
    bne  t3, t4, 2f
    addi s5, s5, 1
2:  addi s3, s3, -1
    bnez s3, 1b
    EXPECT "3.1.14: the timer interrupts a running loop between instructions, 300 times", s5, 300
    csrw mie, zero

    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    IDENTITY S_ROOT2, 3
    MAP  S_ROOT, 3, VA, PAGE(1), PTE_S_ALL
    mv   s6, a0
    MAP  S_ROOT2, 3, VA, PAGE(2), PTE_S_ALL
    MAP  S_ROOT, 3, VA + 0x1000, PAGE(3), PTE_U_ALL
    MAP  S_ROOT, 3, VA + 0x2000, PAGE(4), PTE_V | PTE_R | PTE_AD
    POKE PAGE(1), 1
    POKE PAGE(2), 100
    POKE PAGE(3), 7
    SET_SATP SV39, S_ROOT
    SET_ALIAS U_ALIAS

    // Faults are precise: in a loop of stores the one that faults is the last
    li   a0, VA + 0x1000 - 256
    li   a1, 0
    BEGIN S
1:  addi a1, a1, 1
    sd   a1, (a0)
    addi a0, a0, 8
    j    1b
    END
    EXPECT_TRAP "3.1.14: a loop of stores runs into an absent page", M, CAUSE_STORE_PAGE_FAULT, VA + 0x1000
    EXPECT "3.1.14: it stored 32 times, and once in vain", a1, 33

    // SUM: on, a load; off, a load that faults
    li   a0, VA + 0x1000
    li   s0, ROUNDS
    li   s1, 0
    li   s2, 0
    li   t1, STATUS_SUM
1:  BEGIN S
    csrs sstatus, t1
    ld   a1, (a0)
    add  s1, s1, a1
    csrc sstatus, t1
    ld   a1, (a0)
    add  s1, s1, a1
    END
    ld   t0, CAUSE(gp)
    addi t0, t0, -CAUSE_LOAD_PAGE_FAULT
    seqz t0, t0
    add  s2, s2, t0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "10.1.1.2: SUM on and off, 1000 times: the loads that passed", s1, 7 * ROUNDS
    EXPECT "10.1.1.2: SUM on and off, 1000 times: the loads that faulted", s2, ROUNDS

    // S and U in turn at one address: U may, S may not
    li   s0, ROUNDS
    li   s1, 0
    li   s2, 0
1:  BEGIN U
    ld   a1, (a0)
    add  s1, s1, a1
    END
    BEGIN S
    ld   a1, (a0)
    END
    ld   t0, CAUSE(gp)
    addi t0, t0, -CAUSE_LOAD_PAGE_FAULT
    seqz t0, t0
    add  s2, s2, t0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "10.4.1: U and S at a U page in turn, 1000 times: U's loads", s1, 7 * ROUNDS
    EXPECT "10.4.1: U and S at a U page in turn, 1000 times: S's faults", s2, ROUNDS

    // MPRV in M-mode: translated and not, in turn
    POKE PAGE(5), 3
    li   a0, VA
    li   a2, PAGE(5)
    li   s1, 0
    li   t1, STATUS_MPRV
    BEGIN M
    li   s0, ROUNDS
    li   t0, STATUS_MPP
    csrc mstatus, t0
    li   t0, STATUS_MPP_S
    csrs mstatus, t0
1:  csrs mstatus, t1
    ld   a1, (a0)
    csrc mstatus, t1
    ld   a3, (a2)
    add  s1, s1, a1
    add  s1, s1, a3
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "3.1.6.3: MPRV on and off, 1000 times"
    EXPECT "3.1.6.3: MPRV on and off, 1000 times: the sum of both", s1, (33 - 32 + 3) * ROUNDS

    // Two address spaces in one loop, by satp and SFENCE.VMA
    li   t1, ATP(SV39, 0, S_ROOT)
    li   t2, ATP(SV39, 0, S_ROOT2)
    li   s1, 0
    BEGIN S
    li   s0, ROUNDS
1:  csrw satp, t2
    sfence.vma
    ld   a1, (a0)
    add  s1, s1, a1
    csrw satp, t1
    sfence.vma
    ld   a1, (a0)
    add  s1, s1, a1
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "10.1.11: two address spaces in turn, 1000 times"
    EXPECT "10.1.11: two address spaces in turn, 1000 times: the sum of both", s1, 101 * ROUNDS
    // And by ASID, without a fence
    li   t0, ATP(SV39, 2, S_ROOT)
    csrw satp, t0
    csrr t1, satp
    bne  t0, t1, 2f
    li   t1, ATP(SV39, 1, S_ROOT)
    li   t2, ATP(SV39, 2, S_ROOT2)
    sfence.vma
    csrw satp, t1
    li   s1, 0
    BEGIN S
    li   s0, ROUNDS
1:  csrw satp, t2
    ld   a1, (a0)
    add  s1, s1, a1
    csrw satp, t1
    ld   a1, (a0)
    add  s1, s1, a1
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "10.1.11: two ASIDs in turn, 1000 times, no fence"
    EXPECT "10.1.11: two ASIDs in turn, 1000 times: the sum of both", s1, 101 * ROUNDS
2:  SET_SATP SV39, S_ROOT

    // One PTE changed between two pages under a running loop
    li   t1, PTE(PAGE(1), PTE_S_ALL)
    li   t2, PTE(PAGE(2), PTE_S_ALL)
    li   s1, 0
    BEGIN S
    li   s0, ROUNDS
1:  sd   t2, (s6)
    sfence.vma a0, zero
    ld   a1, (a0)
    add  s1, s1, a1
    sd   t1, (s6)
    sfence.vma a0, zero
    ld   a1, (a0)
    add  s1, s1, a1
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "10.2.1: a PTE changed back and forth, 1000 times"
    EXPECT "10.2.1: a PTE changed back and forth, 1000 times: the sum of both", s1, 101 * ROUNDS

    // Two pages of code under one address, called in turn
    li   t0, 0x00008067     // ret
    li   t1, 0x00150513     // addi a0, a0, 1
    li   t2, PAGE(6)
    sw   t1, (t2)
    sw   t0, 4(t2)
    li   t1, 0x06450513     // addi a0, a0, 100
    li   t2, PAGE(7)
    sw   t1, (t2)
    sw   t0, 4(t2)
    fence.i
    li   t1, PTE(PAGE(6), PTE_S_ALL)
    li   t2, PTE(PAGE(7), PTE_S_ALL)
    li   a2, VA
    li   a0, 0
    BEGIN S
    li   s0, ROUNDS
1:  sd   t2, (s6)
    sfence.vma a2, zero
    jalr ra, (a2)
    sd   t1, (s6)
    sfence.vma a2, zero
    jalr ra, (a2)
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "10.2.1: two pages of code at one address, 1000 times"
    EXPECT "10.2.1: two pages of code at one address, 1000 times: the sum of both", a0, 101 * ROUNDS

    // Code rewritten and run, in turn
    li   t1, 0x00150513
    li   t2, 0x06450513
    li   a2, PAGE(6)
    li   a0, 0
    BEGIN S
    li   s0, ROUNDS
1:  sw   t2, (a2)
    fence.i
    jalr ra, (a2)
    sw   t1, (a2)
    fence.i
    jalr ra, (a2)
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "Unpriv. 6: code rewritten, 2000 times"
    EXPECT "Unpriv. 6: code rewritten, 2000 times: the sum of both", a0, 101 * ROUNDS

    // Traps into S-mode and back, and what they count to
    li   t0, 1 << CAUSE_ECALL_U
    csrw medeleg, t0
    la   t0, 4f
    csrw stvec, t0
    li   a0, 0
    li   a1, 0
    BEGIN U
    li   s0, ROUNDS
1:  addi a0, a0, 1
    ecall
    addi s0, s0, -1
    bnez s0, 1b
    END
    j    5f
    .balign 4
4:  addi a1, a1, 1          // S-mode: back behind the ECALL, but on the way out leave for M-mode
    li   t1, LEAVE
    beq  tp, t1, 3f
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    sret
3:  ecall
5:  la   t0, trap_s
    csrw stvec, t0
    csrw medeleg, zero
    EXPECT "10.1.1: 1000 ECALLs from U-mode return", a0, ROUNDS
    EXPECT "10.1.1: 1000 ECALLs and the way out trap to S-mode", a1, ROUNDS + 1
    csrw satp, zero
    sfence.vma
    DONE
