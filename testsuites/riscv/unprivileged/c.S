// C: compressed instructions (chapter 26). Every instruction with every value of its immediate, where one number says
// whether all bits of the field came to their places; hints; reserved encodings; and fetches that straddle two pages.
#include "unprivileged/instructions.h"
PROGRAM "c"
    NEED_MISA C, end

    // Loads and stores (26.3): each slot of a page holds its own offset
    .macro LAY_DOWN base
    li   t0, \base
    li   t1, 0
    li   t2, 512
1:  add  t3, t0, t1
    sw   t1, (t3)
    addi t1, t1, 4
    bltu t1, t2, 1b
    .endm
    LAY_DOWN PAGE(0)
    li   sp, PAGE(0)
    li   s0, PAGE(0)
    .set offset, 0
    .rept 64
    c.lwsp a0, offset(sp)
    EXPECT "26.3.1: C.LWSP of every offset", a0, offset
    .if offset < 128
    c.lw a1, offset(s0)
    EXPECT "26.3.2: C.LW of every offset", a1, offset
    .endif
    .set offset, offset + 4
    .endr
    .set offset, 0
    .rept 64
    c.ldsp a0, offset(sp)
    EXPECT "26.3.1: C.LDSP of every offset", a0, offset | (offset + 4) << 32
    c.fldsp fa0, offset(sp)
    fmv.x.d a0, fa0
    EXPECT "26.3.1: C.FLDSP of every offset", a0, offset | (offset + 4) << 32
    .if offset < 256
    c.ld a1, offset(s0)
    EXPECT "26.3.2: C.LD of every offset", a1, offset | (offset + 4) << 32
    c.fld fa1, offset(s0)
    fmv.x.d a1, fa1
    EXPECT "26.3.2: C.FLD of every offset", a1, offset | (offset + 4) << 32
    .endif
    .set offset, offset + 8
    .endr
    .macro STORED text, load, base, value
    li   t0, \base
    \load t1, (t0)
    EXPECT "\text", t1, \value
    .endm
    .set offset, 0
    .rept 64
    li   a0, 0x70000001 + offset
    c.swsp a0, offset(sp)
    STORED "26.3.1: C.SWSP of every offset", lw, PAGE(0) + offset, 0x70000001 + offset
    .if offset < 128
    addi a1, a0, 1
    c.sw a1, offset(s0)
    STORED "26.3.2: C.SW of every offset", lw, PAGE(0) + offset, 0x70000002 + offset
    .endif
    .set offset, offset + 4
    .endr
    .set offset, 0
    .rept 64
    li   a0, 0x7000000012345678 + offset
    c.sdsp a0, offset(sp)
    STORED "26.3.1: C.SDSP of every offset", ld, PAGE(0) + offset, 0x7000000012345678 + offset
    addi a1, a0, 1
    fmv.d.x fa0, a1
    c.fsdsp fa0, offset(sp)
    STORED "26.3.1: C.FSDSP of every offset", ld, PAGE(0) + offset, 0x7000000012345679 + offset
    .if offset < 256
    addi a1, a0, 2
    c.sd a1, offset(s0)
    STORED "26.3.2: C.SD of every offset", ld, PAGE(0) + offset, 0x700000001234567a + offset
    addi a1, a0, 3
    fmv.d.x fa1, a1
    c.fsd fa1, offset(s0)
    STORED "26.3.2: C.FSD of every offset", ld, PAGE(0) + offset, 0x700000001234567b + offset
    .endif
    .set offset, offset + 8
    .endr
    li   a0, 0xffffffff80000000
    sd   a0, (s0)
    c.lwsp a1, 0(sp)
    EXPECT_EQUAL "26.3.1: C.LWSP sign-extends", a1, a0
    c.lw a1, 0(s0)
    EXPECT_EQUAL "26.3.2: C.LW sign-extends", a1, a0

    // Constants and immediates (26.5)
    .set value, -32
    .rept 64
    c.li a0, value
    EXPECT "26.5.1: C.LI of every immediate", a0, value
    li   a0, 0x8877665544332211
    c.andi a0, value
    EXPECT "26.5.2: C.ANDI of every immediate", a0, 0x8877665544332211 & value
    li   a0, 0x7fffffff
    c.addiw a0, value
    .if value > 0
    EXPECT "26.5.2: C.ADDIW of every immediate", a0, 0xffffffff7fffffff + value
    .else
    EXPECT "26.5.2: C.ADDIW of every immediate", a0, 0x7fffffff + value
    .endif
    .if value != 0
    li   a0, 0x7fffffff
    c.addi a0, value
    EXPECT "26.5.2: C.ADDI of every immediate", a0, 0x7fffffff + value
    .if value > 0
    c.lui a0, value
    EXPECT "26.5.1: C.LUI of every immediate", a0, value << 12
    .else
    c.lui a0, 0x100000 + value
    EXPECT "26.5.1: C.LUI of every immediate", a0, value << 12
    .endif
    li   sp, 0x40000000
    c.addi16sp sp, 16 * value
    EXPECT "26.5.2: C.ADDI16SP of every immediate", sp, 0x40000000 + 16 * value
    .endif
    .set value, value + 1
    .endr
    li   sp, 0x40000000
    .set value, 4
    .rept 255
    c.addi4spn a2, sp, value
    EXPECT "26.5.2: C.ADDI4SPN of every immediate", a2, 0x40000000 + value
    .set value, value + 4
    .endr
    .set value, 1
    .rept 63
    li   a0, 0x9e3779b97f4a7c15
    slli a1, a0, value
    srli a2, a0, value
    srai a3, a0, value
    mv   a4, a0
    c.slli a4, value
    EXPECT_EQUAL "26.5.2: C.SLLI by every amount", a4, a1
    mv   a4, a0
    c.srli a4, value
    EXPECT_EQUAL "26.5.2: C.SRLI by every amount", a4, a2
    mv   a4, a0
    c.srai a4, value
    EXPECT_EQUAL "26.5.2: C.SRAI by every amount", a4, a3
    .set value, value + 1
    .endr

    // Registers (26.5.3)
    .macro CA op, a, b, value
    li   a0, \a
    li   a5, \b
    \op  a0, a5
    EXPECT "26.5.3: \op of \a and \b", a0, \value
    li   s1, \b
    li   s0, \a
    \op  s0, s1
    EXPECT "26.5.3: \op of \a and \b in s0 and s1", s0, \value
    .endm
    CA c.and, 0xff00ff00, 0x0ff00ff0, 0x0f000f00
    CA c.or, 0xff00ff00, 0x0ff00ff0, 0xfff0fff0
    CA c.xor, 0xff00ff00, 0x0ff00ff0, 0xf0f0f0f0
    CA c.sub, 5, 7, -2
    CA c.addw, 0x7fffffff, 1, 0xffffffff80000000
    CA c.subw, 0xffffffff80000000, 1, 0x7fffffff
    CA c.mv, 5, 7, 7
    CA c.add, 0x7fffffffffffffff, 1, 0x8000000000000000
    .macro REACH registers:vararg
    .irp register, \registers
    li   t3, 0x1234
    c.mv \register, t3
    c.add \register, t3
    EXPECT "26.5.3: C.MV and C.ADD reach \register", \register, 0x2468
    .endr
    .endm
    REACH ra, sp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7
    REACH s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t4, t5, t6

    // Jumps and branches (26.4). A jump ahead passes over instructions that set a5; one back, over illegal ones.
    .macro AHEAD text, distance, instruction:vararg
    li   a5, 0
    li   a0, 0
    li   a1, 1
    \instruction
    .fill (\distance - 2) / 2, 2, 0x4785  // c.li a5, 1
1:  EXPECT "\text", a5, 0
    .endm
    .macro BACK text, distance, instruction:vararg
    li   a0, 0
    li   a1, 1
    j    2f
1:  jal  zero, 3f
    .zero \distance - 4
2:  \instruction
3:  EXPECT "\text", a0, 0
    .endm
    .irp distance, 4, 6, 8, 10, 18, 34, 66, 130, 258, 514, 1026, 2046
    AHEAD "26.4: C.J ahead by \distance", \distance, c.j 1f
    .endr
    .irp distance, 8, 16, 32, 64, 128, 256, 512, 1024, 2046, 2048
    BACK "26.4: C.J back by \distance", \distance, c.j 1b
    .endr
    .irp distance, 4, 6, 8, 10, 18, 34, 66, 130, 254
    AHEAD "26.4: C.BEQZ ahead by \distance", \distance, c.beqz a0, 1f
    AHEAD "26.4: C.BNEZ ahead by \distance", \distance, c.bnez a1, 1f
    .endr
    .irp distance, 8, 16, 32, 64, 128, 254, 256
    BACK "26.4: C.BEQZ back by \distance", \distance, c.beqz a0, 1b
    BACK "26.4: C.BNEZ back by \distance", \distance, c.bnez a1, 1b
    .endr
    li   a0, 0x100000000
    li   a1, 0
    li   a5, 0
    c.beqz a0, 1f
    c.bnez a1, 1f
    li   a5, 1
1:  EXPECT "26.4: C.BEQZ and C.BNEZ compare all 64 bits", a5, 1
    la   a0, 1f
    li   a5, 0
    c.jr a0
    li   a5, 1
1:  EXPECT "26.4: C.JR jumps", a5, 0
    la   a0, 1f + 1
    c.jr a0
    li   a5, 1
1:  EXPECT "26.4: C.JR clears bit 0 of the target", a5, 0
    la   a0, 2f
    la   a1, 1f
    .balign 4
    c.nop
    c.jalr a0
1:  li   a5, 1
2:  EXPECT_EQUAL "26.4: C.JALR links to the instruction two bytes on", ra, a1
    EXPECT "26.4: C.JALR jumps", a5, 0
    la   ra, 1f
    c.jalr ra
    li   a5, 1
1:  EXPECT "26.4: C.JALR through ra jumps by the old value", a5, 0

    // Hints (26.7): they run and change nothing
    .macro HINT what, half
    BEGIN M
    .2byte \half
    END
    EXPECT_NO_TRAP "26.7: \what is a hint"
    .endm
    li   a0, 0x5555
    li   s0, 0x6666
    HINT "C.NOP with an immediate", 0x0005
    HINT "C.NOP with a negative immediate", 0x107d
    HINT "C.ADDI with immediate 0", 0x0501
    HINT "C.LI to x0", 0x4015
    HINT "C.LUI to x0", 0x6015
    HINT "C.MV to x0", 0x802a
    HINT "C.ADD to x0", 0x902a
    HINT "C.SLLI of x0", 0x0012
    HINT "C.SLLI by 0", 0x0502
    HINT "C.SLLI of x0 by 0", 0x0002
    HINT "C.SRLI by 0", 0x8001
    HINT "C.SRAI by 0", 0x8401
    EXPECT "26.7: hints change no register", a0, 0x5555
    EXPECT "26.7: hints change no register", s0, 0x6666
    mv   a1, zero
    EXPECT "26.7: x0 stays zero", a1, 0

    // Reserved encodings (26.8)
    ILLEGAL_HALF "26.5.4: the halfword of zeros is illegal", 0x0000
    ILLEGAL_HALF "26.5.2: C.ADDI4SPN with immediate 0 is reserved", 0x0004
    ILLEGAL_HALF "26.5.2: C.ADDI4SPN with immediate 0 is reserved, rd = a5", 0x001c
    ILLEGAL_HALF "26.5.2: C.ADDIW with rd = x0 is reserved", 0x2001
    ILLEGAL_HALF "26.5.2: C.ADDIW with rd = x0 and an immediate is reserved", 0x2005
    ILLEGAL_HALF "26.5.2: C.ADDI16SP with immediate 0 is reserved", 0x6101
    ILLEGAL_HALF "26.5.1: C.LUI with immediate 0 is reserved (rd = x4)", 0x6201
    ILLEGAL_HALF "26.5.1: C.LUI with immediate 0 is reserved (rd = x31)", 0x6f81
    ILLEGAL_HALF "26.3.1: C.LWSP with rd = x0 is reserved", 0x4002
    ILLEGAL_HALF "26.3.1: C.LWSP with rd = x0 and an offset is reserved", 0x4012
    ILLEGAL_HALF "26.3.1: C.LDSP with rd = x0 is reserved", 0x6002
    ILLEGAL_HALF "26.3.1: C.LDSP with rd = x0 and an offset is reserved", 0x6012
    ILLEGAL_HALF "26.4: C.JR with rs1 = x0 is reserved", 0x8002
    BEGIN M
    .2byte 0x9002
    END
    EXPECT_TRAP "26.5.6: C.EBREAK is where C.JALR with rs1 = x0 would be", M, CAUSE_BREAKPOINT
    li   a0, PAGE(0)
    BEGIN M
    .2byte 0x8108                       // c.lbu a0, 0(a0), if there is Zcb
    END
    ld   a0, LEVEL(gp)
    beqz a0, 1f
    ILLEGAL_HALF "26.8: quadrant 0 with funct3 = 4 is reserved", 0x8000
    ILLEGAL_HALF "26.8: quadrant 0 with funct3 = 4 is reserved", 0x9c7c
    ILLEGAL_HALF "26.8: quadrant 1, the two last of C.SUBW's group are reserved", 0x9c41
    ILLEGAL_HALF "26.8: quadrant 1, the two last of C.SUBW's group are reserved", 0x9c61
    j    2f
1:  SKIP "Zcb takes quadrant 0's funct3 = 4", 2f
2:  BEGIN M
    .2byte 0x6281                       // c.mop.5, if there is Zcmop
    END
    ld   a0, LEVEL(gp)
    beqz a0, 1f
    ILLEGAL_HALF "26.5.1: C.LUI with immediate 0 is reserved (rd = x1)", 0x6081
    ILLEGAL_HALF "26.5.1: C.LUI with immediate 0 is reserved (rd = x15)", 0x6781
    j    2f
1:  SKIP "Zcmop takes C.LUI with immediate 0", 2f
2:

    // A word-long instruction across two pages, apart in memory; then without the second
    .macro PUT address, half
    li   t0, \address
    li   t1, \half
    sh   t1, (t0)
    .endm
    PUT  PAGE(3) - 2, 0x0513            // addi a0, a0, 5
    PUT  PAGE(3), 0x0055
    PUT  PAGE(3) + 2, 0x8082            // ret
    PUT  PAGE(9), 0x0075                // the same instruction with 7, for the other second page
    PUT  PAGE(9) + 2, 0x8082
    fence.i
    li   a0, 0
    li   a1, PAGE(3) - 2
    BEGIN M
    jalr a1
    END
    EXPECT_NO_TRAP "2.2: an instruction may straddle two pages"
    EXPECT "2.2: an instruction that straddles two pages", a0, 5
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x100000, PAGE(2), PTE_S_ALL
    MAP  S_ROOT, 3, 0x101000, PAGE(9), PTE_S_ALL
    SET_SATP SV39, S_ROOT
    li   a0, 0
    li   a1, 0x101000 - 2
    BEGIN S
    jalr a1
    END
    EXPECT_NO_TRAP "2.2: an instruction may straddle two pages that lie apart"
    EXPECT "2.2: its second half comes from the second page's frame", a0, 7
    MAP  S_ROOT, 3, 0x101000, PAGE(3), PTE_S_ALL
    sfence.vma
    li   a0, 0
    li   a1, 0x101000 - 2
    BEGIN S
    jalr a1
    END
    EXPECT "Priv. 10.2.1: after SFENCE.VMA the second half comes from the new frame", a0, 5
    MAP  S_ROOT, 3, 0x101000, 0, 0
    sfence.vma
    li   a0, 0
    li   a1, 0x101000 - 2
    BEGIN S
    jalr a1
    END
    EXPECT_TRAP "Priv. 3.1.16: a fetch reports the page that is missing", M, CAUSE_FETCH_PAGE_FAULT, 0x101000
    EXPECT_RECORD "Priv. 3.1.14: and mepc is where the instruction begins", EPC, 0x101000 - 2
    EXPECT "2.2: the instruction has not run", a0, 0
    PUT  PAGE(3) - 2, 0x0515            // c.addi a0, 5: now the last two bytes are an instruction by themselves
    PUT  PAGE(3) - 4, 0x0515
    fence.i
    li   a0, 0
    li   a1, 0x101000 - 4
    BEGIN S
    jalr a1
    END
    EXPECT_TRAP "2.2: compressed instructions run to the very end of a page", M, CAUSE_FETCH_PAGE_FAULT, 0x101000
    EXPECT_RECORD "Priv. 3.1.14: mepc is the start of the next page", EPC, 0x101000
    EXPECT "2.2: both compressed instructions have run", a0, 10
    csrw satp, zero
    sfence.vma
end:
    DONE
