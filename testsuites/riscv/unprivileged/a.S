// A: atomic memory operations, load-reserved and store-conditional (chapter 14).
#include "unprivileged/instructions.h"
PROGRAM "a"
    NEED_MISA A, end

    // AMOs (14.4): rd gets the old value, memory the result. s2 is the address, the neighbour is the word above it.
    li   s2, PAGE(0)
    .macro AMO64 op, old, operand, value
    .irp order, , .aq, .rl, .aqrl
    li   a0, \old
    sd   a0, 0(s2)
    li   a1, \operand
    li   a2, 0x5eed
    \op\().d\order a2, a1, (s2)
    EXPECT_EQUAL "14.4: \op\().d\order returns the old doubleword", a2, a0
    ld   a3, 0(s2)
    EXPECT "14.4: \op\().d\order of \old and \operand", a3, \value
    .endr
    li   a0, \old
    sd   a0, 0(s2)
    \op\().d a1, a1, (s2)
    EXPECT "14.4: \op\().d with rd = rs2 returns the old doubleword", a1, \old
    ld   a3, 0(s2)
    EXPECT "14.4: \op\().d with rd = rs2 stores the same", a3, \value
    sd   a0, 0(s2)
    li   a1, \operand
    \op\().d zero, a1, (s2)
    ld   a3, 0(s2)
    EXPECT "14.4: \op\().d with rd = x0 stores the same", a3, \value
    sd   a0, 0(s2)
    mv   a4, s2
    \op\().d a4, a1, (a4)
    EXPECT "14.4: \op\().d with rd = rs1 returns the old doubleword", a4, \old
    .endm
    .macro AMO32 op, old, operand, value
    .irp order, , .aq, .rl, .aqrl
    li   a0, \old
    li   t0, 0x0badcafe00000000
    sd   t0, 0(s2)
    sw   a0, 0(s2)
    li   a1, \operand
    \op\().w\order a2, a1, (s2)
    lw   a3, 0(s2)
    addiw a0, a0, 0
    EXPECT_EQUAL "14.4: \op\().w\order returns the old word, sign-extended", a2, a0
    EXPECT "14.4: \op\().w\order of \old and \operand", a3, \value
    lwu  a3, 4(s2)
    EXPECT "14.4: \op\().w\order leaves the next word alone", a3, 0x0badcafe
    .endr
    li   a0, \old
    li   a1, \operand
    sd   a1, 0(s2)
    sw   a0, 4(s2)
    addi a4, s2, 4
    \op\().w a1, a1, (a4)
    addiw a0, a0, 0
    EXPECT_EQUAL "14.4: \op\().w of a high word, rd = rs2", a1, a0
    lw   a3, 4(s2)
    EXPECT "14.4: \op\().w of a high word stores there", a3, \value
    .endm
    AMO64 amoswap, 0x1122334455667788, 0x8877665544332211, 0x8877665544332211
    AMO64 amoadd, 0x7fffffffffffffff, 1, 0x8000000000000000
    AMO64 amoadd, 0x00000000ffffffff, 1, 0x100000000
    AMO64 amoand, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0x0f000f000f000f00
    AMO64 amoor, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xfff0fff0fff0fff0
    AMO64 amoxor, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xf0f0f0f0f0f0f0f0
    AMO64 amomin, -1, 1, -1
    AMO64 amomin, 1, -1, -1
    AMO64 amomin, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000
    AMO64 amomin, 5, 5, 5
    AMO64 amomax, -1, 1, 1
    AMO64 amomax, 1, -1, 1
    AMO64 amomax, 0x8000000000000000, 0x7fffffffffffffff, 0x7fffffffffffffff
    AMO64 amominu, -1, 1, 1
    AMO64 amominu, 1, -1, 1
    AMO64 amominu, 0x8000000000000000, 0x7fffffffffffffff, 0x7fffffffffffffff
    AMO64 amomaxu, -1, 1, -1
    AMO64 amomaxu, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000
    AMO32 amoswap, 0x11223344, 0x1234567888776655, 0xffffffff88776655
    AMO32 amoadd, 0x7fffffff, 1, 0xffffffff80000000
    AMO32 amoadd, 0xffffffff, 0xffffffff00000001, 0
    AMO32 amoand, 0xff00ff00, 0x0ff00ff0, 0x0f000f00
    AMO32 amoor, 0xff00ff00, 0x0ff00ff0, 0xfffffffffff0fff0
    AMO32 amoxor, 0xff00ff00, 0x0ff00ff0, 0xfffffffff0f0f0f0
    AMO32 amomin, -1, 1, -1
    AMO32 amomin, 0x80000000, 0x7fffffff, 0xffffffff80000000
    AMO32 amomin, 1, 0x7fffffffffffffff, -1
    AMO32 amomax, -1, 1, 1
    AMO32 amomax, 0x80000000, 0x7fffffff, 0x7fffffff
    AMO32 amomax, 1, 0x1234567800000002, 2
    AMO32 amominu, 0xffffffff, 1, 1
    AMO32 amominu, 5, 0xffffffff00000006, 5
    AMO32 amomaxu, 0xffffffff, 1, -1
    AMO32 amomaxu, 0x80000000, 0x7fffffff7fffffff, 0xffffffff80000000

    // Load-reserved and store-conditional (14.2)
    .macro RESERVE width, load, store, value
    li   a0, \value
    sd   a0, 0(s2)
    li   a1, 0x0123456776543210
    lr.\width a2, (s2)
    sc.\width a3, a1, (s2)
    EXPECT "14.2: LR.\width loads, sign-extended", a2, \value
    EXPECT "14.2: SC.\width after LR.\width writes zero to rd", a3, 0
    \load a4, 0(s2)
    \store a1, 8(s2)
    \load a5, 8(s2)
    EXPECT_EQUAL "14.2: SC.\width after LR.\width stores", a4, a5
    sd   a0, 0(s2)
    sc.\width a3, a1, (s2)
    snez a3, a3
    EXPECT "14.2: a second SC.\width fails", a3, 1
    ld   a4, 0(s2)
    EXPECT_EQUAL "14.2: an SC.\width that fails stores nothing", a4, a0
    lr.\width a2, (s2)
    li   a5, PAGE(1)
    sd   a0, (a5)
    sc.\width a3, a1, (a5)
    snez a3, a3
    EXPECT "14.2: SC.\width to an address outside the reservation fails", a3, 1
    ld   a4, (a5)
    EXPECT_EQUAL "14.2: SC.\width to an address outside the reservation stores nothing", a4, a0
    sc.\width a3, a1, (s2)
    snez a3, a3
    EXPECT "14.2: any SC.\width ends the reservation", a3, 1
    li   a5, PAGE(1)
    lr.\width a2, (a5)
    lr.\width a2, (s2)
    sc.\width a3, a1, (a5)
    snez a3, a3
    EXPECT "14.2: the last LR.\width is the one that counts", a3, 1
    .irp order, .aq, .rl, .aqrl
    lr.\width\order a2, (s2)
    sc.\width\order a3, a1, (s2)
    EXPECT "14.2: LR.\width\order and SC.\width\order work as a pair", a3, 0
    .endr
    lr.\width zero, (s2)
    sc.\width zero, a1, (s2)
    mv   a3, zero
    EXPECT "14.2: LR and SC with rd = x0 leave it zero", a3, 0
    lr.\width a2, (s2)
    sc.\width a1, a1, (s2)
    EXPECT "14.2: SC.\width with rd = rs2", a1, 0
    mv   a4, s2
    lr.\width a4, (a4)
    li   a1, 0x55
    mv   a4, s2
    sc.\width a4, a1, (a4)
    EXPECT "14.2: SC.\width with rd = rs1", a4, 0
    ld   a4, 0(s2)
    andi a4, a4, 255
    EXPECT "14.2: SC.\width with rd = rs1 stores at the old address", a4, 0x55
    .endm
    RESERVE w, lw, sw, 0xffffffff89abcdef
    RESERVE d, ld, sd, 0xfedcba9889abcdef
    lr.d a2, (s2)
    li   a1, -1
    sc.d a3, a1, (s2)
    sw   zero, 0(s2)
    lr.w a2, (s2)
    li   a1, 7
    sc.w a3, a1, (s2)
    EXPECT "14.2: SC.W after LR.W succeeds", a3, 0
    ld   a4, 0(s2)
    EXPECT "14.2: SC.W stores a word and no more", a4, 0xffffffff00000007

    // Constrained loops end (14.3): a counter by LR/SC, a thousand times
    sd   zero, 0(s2)
    li   a5, 1000
1:  lr.d a0, (s2)
    addi a0, a0, 1
    sc.d a1, a0, (s2)
    bnez a1, 1b
    addi a5, a5, -1
    bnez a5, 1b
    ld   a0, 0(s2)
    EXPECT "14.3: a thousand LR/SC increments give a thousand", a0, 1000

    // A trap between LR and SC: the SRET or MRET need not end the reservation, but an SC in the handler does (14.2)
    li   a1, 1
    lr.d a0, (s2)
    BEGIN U
    ecall
    END
    li   a5, PAGE(1)
    sc.d a3, a1, (a5)
    sc.d a3, a1, (s2)
    snez a3, a3
    EXPECT "14.2: an SC elsewhere, as a context switch does, ends the reservation", a3, 1

    // An AMO needs both permissions, and its faults are those of a store (14.4, Priv. 10.3.2)
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x100000, PAGE(0), PTE_V | PTE_R | PTE_AD
    SET_SATP SV39, S_ROOT
    li   a0, 0x100000
    li   a2, 0x77
    BEGIN S
    amoadd.d a2, a1, (a0)
    END
    EXPECT_TRAP "Priv. 10.3.2: an AMO on a read-only page is a store page fault", M, CAUSE_STORE_PAGE_FAULT, 0x100000
    EXPECT "14: rd keeps its value when the AMO faults", a2, 0x77
    BEGIN S
    lr.d a2, (a0)
    END
    EXPECT_NO_TRAP "14.2: LR on a read-only page loads"
    csrw satp, zero
    sfence.vma

    // Encodings (14.2, 14.4)
    ILLEGAL "14.2: LR.W with rs2 set is reserved", 0x1015252f
    ILLEGAL "14.2: LR.D with rs2 set is reserved", 0x1015352f
    ILLEGAL "14.4: AMO with funct5 = 0x1f is reserved", 0xf8b5252f
    ILLEGAL "14.4: AMO with funct3 = 7 is reserved", 0x00b5752f
end:
    DONE
