// Worlds switched thousands of times: two guests, VS and VU, HS and VS, first-stage and second-stage changes under
// running loops. What one world may see must not depend on which ran last.
#include "harness.h"
PROGRAM "hot"
#define VA 0x10000
#define GPA 0x50000
#define ROUNDS 1000
    NEED_MISA H, done
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY VS_ROOT2, 3
    IDENTITY_G G_ROOT, 3
    IDENTITY_G G_ROOT2, 3
    IDENTITY S_ROOT, 3
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    mv    s6, a0
    MAP   VS_ROOT, 3, VA + 0x1000, GPA + 0x1000, PTE_U_ALL
    MAP   VS_ROOT2, 3, VA, GPA, PTE_S_ALL
    MAP   VS_ROOT2, 3, VA + 0x1000, GPA + 0x1000, PTE_U_ALL
    MAP_G G_ROOT, 3, GPA, PAGE(1), PTE_U_ALL
    mv    s7, a0
    MAP_G G_ROOT2, 3, GPA, PAGE(2), PTE_U_ALL
    MAP_G G_ROOT, 3, GPA + 0x1000, PAGE(3), PTE_U_ALL
    MAP_G G_ROOT2, 3, GPA + 0x1000, PAGE(4), PTE_U_ALL
    MAP   S_ROOT, 3, VA, PAGE(5), PTE_S_ALL
    POKE PAGE(1), 1
    POKE PAGE(2), 10
    POKE PAGE(3), 100
    POKE PAGE(4), 1000
    POKE PAGE(5), 10000
    li   t0, ATP(SV39, 2, G_ROOT)
    csrw hgatp, t0
    csrr t1, hgatp
    li   s10, 1             // VMIDs 1 and 2, or 0 and 0 with fences
    beq  t0, t1, 1f
    li   s10, 0
1:  SET_SATP SV39, S_ROOT
    SET_ALIAS U_ALIAS

    // Two guests and HS-mode in turn, each with another page at VA; VS and VU of each guest with another at its own
    li   s1, ATP(SV39, 1, G_ROOT)
    li   s2, ATP(SV39, 2, G_ROOT2)
    bnez s10, 1f
    li   s1, ATP(SV39, 0, G_ROOT)
    li   s2, ATP(SV39, 0, G_ROOT2)
1:  li   s3, ATP(SV39, 0, VS_ROOT)
    li   s4, ATP(SV39, 0, VS_ROOT2)
    hfence.gvma
    hfence.vvma
    li   a0, VA
    li   a1, VA + 0x1000
    li   a3, 0
    li   s0, ROUNDS
    .macro ENTER_GUEST hgatp_value, vsatp_value
    csrw vsatp, zero
    csrw hgatp, \hgatp_value
    csrw vsatp, \vsatp_value
    bnez s10, 993f
    hfence.gvma
    hfence.vvma
993:
    .endm
2:  BEGIN HS
    ENTER_GUEST s1, s3
    ld   a2, (a0)
    add  a3, a3, a2
    END
    BEGIN VS
    ld   a2, (a0)
    add  a3, a3, a2
    END
    BEGIN VU
    ld   a2, (a1)
    add  a3, a3, a2
    END
    BEGIN HS
    ENTER_GUEST s2, s4
    ld   a2, (a0)
    add  a3, a3, a2
    END
    BEGIN VS
    ld   a2, (a0)
    add  a3, a3, a2
    END
    BEGIN VU
    ld   a2, (a1)
    add  a3, a3, a2
    END
    addi s0, s0, -1
    bnez s0, 2b
    EXPECT "19.2.10: two guests, their users and HS-mode in turn, 1000 times: the sum", \
        a3, (1 + 10 + 100 + 1000 + 20000) * ROUNDS

    // VU may not see VS's page: 1000 faults between as many loads
    li   s0, ROUNDS
    li   a3, 0
    li   a4, 0
1:  BEGIN VS
    ld   a2, (a0)
    add  a3, a3, a2
    END
    BEGIN VU
    ld   a2, (a0)
    END
    ld   t0, CAUSE(gp)
    addi t0, t0, -CAUSE_LOAD_PAGE_FAULT
    seqz t0, t0
    add  a4, a4, t0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "19.5: VS and VU at an S page in turn, 1000 times: VS's loads", a3, 10 * ROUNDS
    EXPECT "19.5: VS and VU at an S page in turn, 1000 times: VU's faults", a4, ROUNDS

    // HLV in HS-mode between HS-mode's own loads of the same address
    BEGIN HS
    ENTER_GUEST s1, s3
    END
    li   t0, HSTATUS_SPVP
    csrs hstatus, t0
    li   a3, 0
    BEGIN HS
    li   s0, ROUNDS
1:  hlv.d a2, (a0)
    add  a3, a3, a2
    ld   a2, (a0)
    add  a3, a3, a2
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "19.3.1: HLV.D and LD of one address, 1000 times"
    EXPECT "19.3.1: HLV.D and LD of one address, 1000 times: the sum", a3, 10001 * ROUNDS

    // A VS-stage PTE changed by VS-mode under its own loop, then a G-stage PTE changed by HS-mode between two loads of
    // HLV
    MAP_G G_ROOT, 3, GPA + 0x2000, PAGE(4), PTE_U_ALL
    hfence.gvma
    li   a0, VA
    li   t1, PTE(GPA, PTE_S_ALL)
    li   t2, PTE(GPA + 0x2000, PTE_S_ALL)
    li   a3, 0
    BEGIN VS
    li   s0, ROUNDS
1:  sd   t2, (s6)
    sfence.vma a0, zero
    ld   a2, (a0)
    add  a3, a3, a2
    sd   t1, (s6)
    sfence.vma
    ld   a2, (a0)
    add  a3, a3, a2
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "19.5.3: VS-mode changes its PTE, 1000 times"
    EXPECT "19.5.3: VS-mode changes its PTE, 1000 times: the sum", a3, 1001 * ROUNDS
    li   t1, PTE(PAGE(1), PTE_U_ALL)
    li   t2, PTE(PAGE(4), PTE_U_ALL)
    li   t0, GPA >> 2
    li   a3, 0
    BEGIN HS
    li   s0, ROUNDS
1:  sd   t2, (s7)
    hfence.gvma t0, zero
    hlv.d a2, (a0)
    add  a3, a3, a2
    sd   t1, (s7)
    hfence.gvma
    hlv.d a2, (a0)
    add  a3, a3, a2
    addi s0, s0, -1
    bnez s0, 1b
    END
    EXPECT_NO_TRAP "19.3.2: HS-mode changes a G-stage PTE, 1000 times"
    EXPECT "19.3.2: HS-mode changes a G-stage PTE, 1000 times: the sum", a3, 1001 * ROUNDS

    // A hypercall loop: HS-mode answers ECALL of VS-mode in a handler of its own, and emulates a load that the G stage
    // refuses by stepping over it
    li   t0, 1 << CAUSE_ECALL_VS | 1 << CAUSE_LOAD_GUEST_PAGE_FAULT
    csrw medeleg, t0
    la   t0, 4f
    csrw stvec, t0
    MAP   VS_ROOT, 3, VA + 0x3000, GPA + 0x3000, PTE_S_ALL
    hfence.vvma
    li   a4, 0
    li   a5, 0
    li   a0, VA + 0x3000
    li   a2, 0
    li   a3, 0
    .option push
    .option norvc
    BEGIN VS
    li   s0, ROUNDS
1:  ecall
    ld   a2, 8(a0)
    add  a3, a3, a2
    addi s0, s0, -1
    bnez s0, 1b
    END
    j    5f
    .balign 4
4:  li   t1, LEAVE
    beq  tp, t1, 3f
    csrr t0, scause
    addi t0, t0, -CAUSE_ECALL_VS
    bnez t0, 2f
    addi a4, a4, 1
    j    6f
2:  csrr t0, htval
    li   t1, (GPA + 0x3008) >> 2
    bne  t0, t1, 3f
    addi a5, a5, 1
    li   a2, 5
6:  csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    sret
3:  li   tp, LEAVE
    ecall
    .option pop
5:  la   t0, trap_s
    csrw stvec, t0
    csrw medeleg, zero
    EXPECT "19.6.4: 1000 hypercalls return", a4, ROUNDS
    EXPECT "19.5.2: 1000 loads are emulated, each with its guest-physical address", a5, ROUNDS
    EXPECT "19.5.2: and give what HS-mode put into the register", a3, 5 * ROUNDS
done:
    DONE
