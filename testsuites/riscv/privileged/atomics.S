// LR and SC: reservations, and their way through translation and modes (Unpriv. 14.2, 14.3).
#include "harness.h"
PROGRAM "atomics"
    li   a0, PAGE(0)
    li   a1, PAGE(1)
    li   a2, 0x89abcdef
    .macro WIDTH w, store, load
    POKE PAGE(0), 0x80000001
    POKE PAGE(1), 0x2222
    lr.\w a3, (a0)
    sc.\w a4, a2, (a0)
    \load a5, (a0)
    EXPECT "Unpriv. 14.2: LR.\w then SC.\w succeeds with rd = 0", a4, 0
    \load t1, (a0)
    slli t1, t1, 32
    srli t1, t1, 32
    EXPECT_EQUAL "Unpriv. 14.2: the SC.\w stores", t1, a2
    sc.\w a4, a0, (a0)
    snez a4, a4
    EXPECT "Unpriv. 14.2: SC.\w ends the reservation: a second SC.\w fails with rd != 0", a4, 1
    \load t1, (a0)
    EXPECT_EQUAL "Unpriv. 14.2: an SC.\w that fails stores nothing", t1, a5
    lr.\w a3, (a0)
    sc.\w a4, a2, (a1)
    snez a4, a4
    EXPECT "Unpriv. 14.2: SC.\w outside the reservation set fails", a4, 1
    \load t1, (a1)
    EXPECT "Unpriv. 14.2: SC.\w outside the reservation set stores nothing", t1, 0x2222
    sc.\w a4, a2, (a0)
    snez a4, a4
    EXPECT "Unpriv. 14.2: the failed SC.\w ended the reservation", a4, 1
    lr.\w a3, (a0)
    lr.\w a3, (a1)
    sc.\w a4, a2, (a0)
    snez a4, a4
    EXPECT "Unpriv. 14.2: a second LR.\w moves the reservation", a4, 1
    lr.\w\().aq a3, (a1)
    sc.\w\().rl a4, a2, (a1)
    EXPECT "Unpriv. 14.2: aq and rl make no difference to success", a4, 0
    lr.\w\().aqrl a3, (a1)
    sc.\w\().aqrl a4, a2, (a1)
    EXPECT "Unpriv. 14.2: aqrl makes no difference to success", a4, 0
    lr.\w a3, (a1)
    sc.\w a3, a3, (a1)
    EXPECT "Unpriv. 14.2: SC.\w with rd = rs2", a3, 0
    mv   a3, a1
    lr.\w a3, (a3)
    mv   a3, a1
    sc.\w a3, a2, (a3)
    EXPECT "Unpriv. 14.2: SC.\w with rd = rs1", a3, 0
    .endm
    WIDTH w, sw, lw
    WIDTH d, sd, ld
    POKE PAGE(0), 0x1111111180000001
    lr.w a3, (a0)
    EXPECT "Unpriv. 14.2: LR.W sign-extends", a3, 0xffffffff80000001
    li   a2, -1
    sc.w a4, a2, (a0)
    ld   a5, (a0)
    EXPECT "Unpriv. 14.2: SC.W leaves the upper word", a5, 0x11111111ffffffff

    // A constrained loop makes progress (14.3), in every mode and through translation
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x10000, PAGE(2), PTE_S_ALL
    MAP  S_ROOT, 3, 0x20000, PAGE(2), PTE_U_ALL
    .macro COUNT mode, address, text
    POKE PAGE(2), 0
    li   a0, \address
    li   a1, 500
    BEGIN \mode
1:  lr.d a2, (a0)
    addi a2, a2, 1
    sc.d a3, a2, (a0)
    bnez a3, 1b
    addi a1, a1, -1
    bnez a1, 1b
    END
    EXPECT_NO_TRAP "Unpriv. 14.3: \text"
    li   a0, PAGE(2)
    ld   a4, (a0)
    EXPECT "Unpriv. 14.3: \text: 500 rounds count 500", a4, 500
    .endm
    COUNT M, PAGE(2), "in M-mode"
    COUNT S, PAGE(2), "in S-mode, Bare"
    SET_SATP SV39, S_ROOT
    SET_ALIAS U_ALIAS
    COUNT S, 0x10000, "in S-mode, Sv39"
    COUNT U, 0x20000, "in U-mode, Sv39"
    POKE PAGE(2), 7
    li   a0, PAGE(2)
    li   a1, 0x10000
    BEGIN S
    lr.w a2, (a1)
    li   a3, 9
    sc.w a3, a3, (a1)
    END
    EXPECT "Unpriv. 14.2: LR.W through Sv39 loads", a2, 7
    EXPECT "Unpriv. 14.2: SC.W through Sv39 succeeds", a3, 0
    ld   a4, (a0)
    EXPECT "Unpriv. 14.2: SC.W through Sv39 stores", a4, 9
    DONE
