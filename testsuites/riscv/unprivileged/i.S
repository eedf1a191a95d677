// RV64I: arithmetic, shifts, comparisons, jumps and branches (chapters 2 and 4). Loads and stores are in memory.S.
#include "unprivileged/instructions.h"
PROGRAM "i"
    li   sp, 0x5eed                     // nothing here may change it

    // Register-register (2.4.2)
    RR "2.4.2", add, 0x7fffffffffffffff, 1, 0x8000000000000000
    RR "2.4.2", add, -1, 1, 0
    RR "2.4.2", sub, 0, 1, -1
    RR "2.4.2", sub, 0x8000000000000000, 1, 0x7fffffffffffffff
    RR "2.4.2", sub, 9, 9, 0
    RR "2.4.2", and, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0x0f000f000f000f00
    RR "2.4.2", or, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xfff0fff0fff0fff0
    RR "2.4.2", xor, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xf0f0f0f0f0f0f0f0
    RR "2.4.2", xor, -1, -1, 0
    RR "2.4.2", slt, -1, 0, 1
    RR "2.4.2", slt, 0, -1, 0
    RR "2.4.2", slt, 0x8000000000000000, 0x7fffffffffffffff, 1
    RR "2.4.2", slt, 5, 5, 0
    RR "2.4.2", sltu, -1, 0, 0
    RR "2.4.2", sltu, 0, -1, 1
    RR "2.4.2", sltu, 0x7fffffffffffffff, 0x8000000000000000, 1
    RR "2.4.2", sll, 1, 63, 0x8000000000000000
    RR "2.4.2, six bits of the amount", sll, 1, 64, 1
    RR "2.4.2, six bits of the amount", sll, 3, -1, 0x8000000000000000
    RR "2.4.2", srl, 0x8000000000000000, 63, 1
    RR "2.4.2, six bits of the amount", srl, 0x8000000000000000, 0x7c, 8
    RR "2.4.2", sra, 0x8000000000000000, 63, -1
    RR "2.4.2, six bits of the amount", sra, 0x8000000000000000, 0x141, 0xc000000000000000
    RR "4.2.2", addw, 0x7fffffff, 1, 0xffffffff80000000
    RR "4.2.2", addw, 0x1234567880000000, 0x8000000080000000, 0
    RR "4.2.2", subw, 0xffffffff80000000, 1, 0x7fffffff
    RR "4.2.2", subw, 0, 0x100000001, -1
    RR "4.2.2, five bits of the amount", sllw, 1, 31, 0xffffffff80000000
    RR "4.2.2, five bits of the amount", sllw, 1, 32, 1
    RR "4.2.2, five bits of the amount", sllw, 0xffffffff00000001, 0x3f, 0xffffffff80000000
    RR "4.2.2, five bits of the amount", srlw, 0xffffffff80000000, 31, 1
    RR "4.2.2, result sign-extended", srlw, 0x80000000, 0, 0xffffffff80000000
    RR "4.2.2, five bits of the amount", srlw, 0x80000000, 0x24, 0x08000000
    RR "4.2.2, high word ignored", sraw, 0x7fffffff80000000, 31, -1
    RR "4.2.2, high word ignored", sraw, 0xffffffff40000000, 30, 1
    RR "4.2.2, five bits of the amount", sraw, 0x80000000, 0x61, 0xffffffffc0000000
    ALL_PAIRS "2.4.2: ADD agrees with its carries", add, model_add
    ALL_PAIRS "2.4.2: SUB adds the complement and one", sub, model_sub
    ALL_PAIRS "2.4.2: XOR is OR without AND", xor, model_xor
    ALL_PAIRS "2.4.2: OR is XOR with AND", or, model_or
    ALL_PAIRS "2.4.2: AND is the complement of the complements' OR", and, model_and
    ALL_PAIRS "2.4.2: SLT is the sign of the exact difference", slt, model_slt
    ALL_PAIRS "2.4.2: SLTU is the borrow of the difference", sltu, model_sltu
    ALL_PAIRS "2.4.2: SLL doubles", sll, model_sll
    ALL_PAIRS "2.4.2: SRL keeps the high bits", srl, model_srl
    ALL_PAIRS "2.4.2: SRA keeps the high bits and the sign", sra, model_sra
    ALL_PAIRS "4.2.2: ADDW is the low word of ADD, sign-extended", addw, model_addw
    ALL_PAIRS "4.2.2: SUBW is the low word of SUB, sign-extended", subw, model_subw
    ALL_PAIRS "4.2.2: SLLW shifts the low word", sllw, model_sllw
    ALL_PAIRS "4.2.2: SRLW shifts the low word", srlw, model_srlw
    ALL_PAIRS "4.2.2: SRAW shifts the low word", sraw, model_sraw

    // Immediates (2.4.1, 4.2.1): twelve bits, sign-extended
    RI "2.4.1", addi, 0, 2047, 2047
    RI "2.4.1", addi, 0, -2048, -2048
    RI "2.4.1", addi, 0x7fffffffffffffff, 1, 0x8000000000000000
    RI "2.4.1", addi, 0xffffffff, 1, 0x100000000
    RI "2.4.1", slti, -5, -4, 1
    RI "2.4.1", slti, -4, -4, 0
    RI "2.4.1", slti, 0, -2048, 0
    RI "2.4.1", slti, 0x8000000000000000, -2048, 1
    RI "2.4.1, immediate sign-extended, then unsigned", sltiu, 0, -1, 1
    RI "2.4.1, immediate sign-extended, then unsigned", sltiu, 0xfffffffffffff7ff, -2048, 1
    RI "2.4.1, immediate sign-extended, then unsigned", sltiu, 0xfffffffffffff800, -2048, 0
    RI "2.4.1", sltiu, 0, 1, 1
    RI "2.4.1", sltiu, 1, 1, 0
    RI "2.4.1", andi, -1, -2048, -2048
    RI "2.4.1", andi, 0x123456789abcdef0, 0x7ff, 0x6f0
    RI "2.4.1", ori, 0x1000, -2048, -2048
    RI "2.4.1", ori, 0x123456789abcd800, 0x7ff, 0x123456789abcdfff
    RI "2.4.1", xori, 0x5555555555555555, -1, 0xaaaaaaaaaaaaaaaa
    RI "2.4.1", xori, 0, 0x7ff, 0x7ff
    RI "4.2.1", addiw, 0x7fffffff, 1, 0xffffffff80000000
    RI "4.2.1", addiw, 0xffffffff, 1, 0
    RI "4.2.1, high word ignored", addiw, 0x1234567880000000, 0, 0xffffffff80000000
    RI "4.2.1", addiw, 0x80000000, -1, 0x7fffffff

    // Every shift amount
    .set amount, 0
    .rept 64
    li   a0, 0x9e3779b97f4a7c15
    li   a1, amount
    jal  ra, model_sll
    slli a3, a0, amount
    EXPECT_EQUAL "2.4.1: SLLI by every amount", a3, a2
    jal  ra, model_srl
    srli a3, a0, amount
    EXPECT_EQUAL "2.4.1: SRLI by every amount", a3, a2
    jal  ra, model_sra
    srai a3, a0, amount
    EXPECT_EQUAL "2.4.1: SRAI by every amount", a3, a2
    .if amount < 32
    jal  ra, model_sllw
    slliw a3, a0, amount
    EXPECT_EQUAL "4.2.1: SLLIW by every amount", a3, a2
    jal  ra, model_srlw
    srliw a3, a0, amount
    EXPECT_EQUAL "4.2.1: SRLIW by every amount", a3, a2
    jal  ra, model_sraw
    sraiw a3, a0, amount
    EXPECT_EQUAL "4.2.1: SRAIW by every amount", a3, a2
    .endif
    .set amount, amount + 1
    .endr

    // Upper immediates (2.4.1)
    lui  a0, 0x80000
    EXPECT "4.2.1: LUI sign-extends its word", a0, 0xffffffff80000000
    lui  a0, 0x7ffff
    EXPECT "4.2.1: LUI fills the low 12 bits with zeros", a0, 0x7ffff000
    lui  a0, 0
    EXPECT "4.2.1: LUI of 0", a0, 0
    .option push
    .option norvc
    la   a1, 1f
1:  auipc a0, 0
    sub  a0, a0, a1
    EXPECT "4.2.1: AUIPC of 0 is the address of the AUIPC", a0, 0
    la   a1, 1f
1:  auipc a0, 0x80000
    sub  a0, a0, a1
    EXPECT "4.2.1: AUIPC adds a sign-extended word", a0, 0xffffffff80000000
    la   a1, 1f
1:  auipc a0, 0x7ffff
    sub  a0, a0, a1
    EXPECT "4.2.1: AUIPC adds its immediate times 4096", a0, 0x7ffff000

    // x0 (2.1): written by every format, it stays zero
    li   a1, 7
    addi zero, a1, 1
    add  zero, a1, a1
    lui  zero, 0x12345
    auipc zero, 1
    addiw zero, a1, 1
    mv   a0, zero
    EXPECT "2.1: x0 is not changed by results", a0, 0

    // Jumps (2.5.1)
    la   a1, 2f
1:  jal  a0, 3f
2:  nop
3:  EXPECT_EQUAL "2.5.1: JAL writes the address of the next instruction", a0, a1
    la   a1, 4f
    la   a2, 5f
    jalr a0, 0(a2)
4:  nop
5:  EXPECT_EQUAL "2.5.1: JALR writes the address of the next instruction", a0, a1
    la   a1, 6f
    la   a0, 7f
    jalr a0, 0(a0)
6:  nop
7:  EXPECT_EQUAL "2.5.1: JALR with rd = rs1 jumps by the old value", a0, a1
    la   a2, 8f + 2048
    li   a3, 0
    jalr zero, -2048(a2)
    li   a3, 1
8:  EXPECT "2.5.1: JALR adds a negative offset", a3, 0
    la   a2, 8f - 2047
    li   a3, 0
    jalr zero, 2047(a2)
    li   a3, 1
8:  EXPECT "2.5.1: JALR adds a positive offset", a3, 0
    la   a2, 8f + 1
    li   a3, 0
    jalr zero, 0(a2)
    li   a3, 1
8:  EXPECT "2.5.1: JALR clears bit 0 of the target", a3, 0
    la   a2, 8f - 3
    li   a3, 0
    jalr zero, 4(a2)
    li   a3, 1
8:  EXPECT "2.5.1: JALR clears bit 0 of the sum", a3, 0
    li   a3, 0
    j    2f
1:  addi a3, a3, 1
    j    3f
    .zero 2048
2:  j    1b
3:  EXPECT "2.5.1: JAL reaches backwards", a3, 1
    j    2f
    .zero 0x20000
1:  j    3f
    .zero 0x20000
2:  jal  a0, 1b
3:  la   a1, 2b + 4
    EXPECT_EQUAL "2.5.1: JAL reaches far", a0, a1
    .option pop

    // Branches (2.5.2): taken exactly when the comparison holds, on every pair
    .macro BRANCH op, compare, negate
    la   s2, operands
1:  la   s3, operands
2:  ld   a0, (s2)
    ld   a1, (s3)
    \compare a3, a0, a1
    snez a3, a3
    xori a3, a3, \negate
    li   a4, 1
    \op  a0, a1, 3f
    li   a4, 0
3:  EXPECT_EQUAL "2.5.2: \op of every pair", a4, a3
    bne  a4, a3, 4f
    addi s3, s3, 8
    la   t0, operands_end
    bltu s3, t0, 2b
    addi s2, s2, 8
    bltu s2, t0, 1b
    j    5f
4:  jal  ra, show_operands
5:
    .endm
    BRANCH beq, xor, 1
    BRANCH bne, xor, 0
    BRANCH blt, slt, 0
    BRANCH bge, slt, 1
    BRANCH bltu, sltu, 0
    BRANCH bgeu, sltu, 1
    li   a0, 3
    li   a3, 0
    j    2f
1:  addi a3, a3, 1
    j    3f
    .zero 4000
2:  bnez a0, 1b
3:  EXPECT "2.5.2: a branch reaches 4 KiB back", a3, 1
    li   a3, 1
    beqz zero, 1f
    li   a3, 0
    .zero 4000
1:  EXPECT "2.5.2: a branch reaches 4 KiB ahead", a3, 1

    // Hints and fences (2.7, 2.9, 6): no effect that a program can see
    li   a0, 11
    li   a1, 22
    .4byte 0x00100013                   // addi x0, x0, 1
    .4byte 0x40b50033                   // sub x0, a0, a1
    .4byte 0x00b57033                   // and x0, a0, a1
    .4byte 0x02059013                   // slli x0, a1, 32
    .4byte 0x0ff0000f                   // fence iorw, iorw
    .4byte 0x8330000f                   // fence.tso
    .4byte 0x00000000f                  // fence with empty sets
    .4byte 0x0ff58f8f                   // fence with rd and rs1 set: reserved, to be ignored (2.7)
    .4byte 0xf0f0000f                   // fence with a reserved fm: a normal fence (2.7)
    fence.i
    .4byte 0xfff5910f                   // fence.i with rd, rs1 and immediate set: ignored (chapter 6)
    EXPECT "2.9: hints and fences change no register", a0, 11
    EXPECT "2.9: hints and fences change no register", a1, 22
    EXPECT "2.9: hints and fences change no register", sp, 0x5eed

    // Code that changes, with FENCE.I (chapter 6)
    .option push
    .option norvc
    la   a1, 1f
    li   a4, 0
    li   a5, 20
2:  jal  ra, 1f
    lw   a2, (a1)
    li   a3, 0x00100000                 // the immediate of the addi goes up by one
    add  a2, a2, a3
    sw   a2, (a1)
    fence.i
    addi a5, a5, -1
    bnez a5, 2b
    EXPECT "6: after FENCE.I the new instruction runs, 20 times over", a4, 190
    j    3f
1:  addi a4, a4, 0
    ret
3:
    .option pop

    // Encodings with nothing behind them (2.2, 4.2)
    ILLEGAL "2.2: a word of zeros is illegal", 0
    ILLEGAL "2.2: a word of ones is illegal", 0xffffffff
    ILLEGAL "4.2.1: SLLIW with bit 5 of the amount is reserved", 0x0200101b | 10 << 7 | 10 << 15
    ILLEGAL "4.2.1: SRLIW with bit 5 of the amount is reserved", 0x0200501b | 10 << 7 | 10 << 15
    ILLEGAL "4.2.1: SRAIW with bit 5 of the amount is reserved", 0x4200501b | 10 << 7 | 10 << 15
    ILLEGAL "4.2.1: SLLI with funct6 = 1 is reserved", 0x04001013 | 10 << 7 | 10 << 15
    ILLEGAL "2.4.1: SRLI with funct6 = 2 is reserved", 0x08005013 | 10 << 7 | 10 << 15
    ILLEGAL "4.2.1: OP-IMM-32 with funct3 = 2 is reserved", 0x0000201b
    ILLEGAL "4.2.2: OP-32 with funct3 = 3 and funct7 = 0 is reserved", 0x0000303b
    ILLEGAL "2.4.2: OP with funct7 = 0x40 is reserved", 0x80000033
    ILLEGAL "2.4.2: SUB's funct7 with funct3 = 1 is reserved", 0x40001033
    ILLEGAL "2.5.1: JALR with funct3 = 1 is reserved", 0x00051067
    ILLEGAL "2.5.2: BRANCH with funct3 = 2 is reserved", 0x00002063
    ILLEGAL "2.5.2: BRANCH with funct3 = 3 is reserved", 0x00003063
    ILLEGAL "4.3: LOAD with funct3 = 7 is reserved", 0x00007003
    ILLEGAL "4.3: STORE with funct3 = 4 is reserved", 0x00004023
    ILLEGAL "4.3: STORE with funct3 = 7 is reserved", 0x00007023
    ILLEGAL "2.7: MISC-MEM with funct3 = 7 is reserved", 0x0000700f
    ILLEGAL "2.8: ECALL with rd set is reserved", 0x000000f3
    ILLEGAL "2.8: EBREAK with rs1 set is reserved", 0x00108073
    ILLEGAL "2.8: SYSTEM with funct3 = 4 and funct7 = 0 is reserved", 0x00004073
    DONE

model_add:                              // carry-free sum and carries
    mv   t0, a0
    mv   t1, a1
1:  and  t2, t0, t1
    xor  t0, t0, t1
    slli t1, t2, 1
    bnez t1, 1b
    mv   a2, t0
    ret
model_sub:
    not  a2, a1
    add  a2, a0, a2
    addi a2, a2, 1
    ret
model_xor:
    or   a2, a0, a1
    and  t0, a0, a1
    sub  a2, a2, t0
    ret
model_or:
    xor  a2, a0, a1
    and  t0, a0, a1
    add  a2, a2, t0
    ret
model_and:
    not  a2, a0
    not  t0, a1
    or   a2, a2, t0
    not  a2, a2
    ret
model_sltu:                             // the borrow out of the top bit
    not  t0, a0
    and  t1, t0, a1
    or   t0, t0, a1
    sub  t2, a0, a1
    and  t0, t0, t2
    or   t0, t0, t1
    srli a2, t0, 63
    ret
model_slt:                              // signs differ: the negative one is less; else the sign of the difference
    xor  t0, a0, a1
    bltz t0, 1f
    sub  t0, a0, a1
    srli a2, t0, 63
    ret
1:  srli a2, a0, 63
    ret

// t2:t0 (t2 high) doubled t3 times.
double:
    beqz t3, 2f
1:  slt  t4, t0, zero
    add  t2, t2, t2
    add  t2, t2, t4
    add  t0, t0, t0
    addi t3, t3, -1
    bnez t3, 1b
2:  jr   t6
model_sll:
    andi t3, a1, 63
    mv   t0, a0
    jal  t6, double
    mv   a2, t0
    ret
// To shift right by n is to shift 64 bits more to the left, but n less.
model_srl:
    li   t2, 0
    j    1f
model_sra:
    slt  t2, a0, zero
    neg  t2, t2
1:  andi t3, a1, 63
    neg  t3, t3
    addi t3, t3, 64
    mv   t0, a0
    jal  t6, double
    mv   a2, t2
    ret

// The word versions, by way of memory: a word stored and loaded is truncated and extended.
.macro WORD_MODEL name, model, load
model_\name:
    mv   s7, ra
    mv   s8, a0
    mv   s9, a1
    la   t5, word
    sw   a0, (t5)
    \load a0, (t5)
    .ifc \model, model_add
    .else
    .ifc \model, model_sub
    .else
    andi a1, a1, 31
    .endif
    .endif
    jal  ra, \model
    la   t5, word
    sw   a2, (t5)
    lw   a2, (t5)
    mv   a0, s8
    mv   a1, s9
    mv   ra, s7
    ret
.endm
    WORD_MODEL addw, model_add, lw
    WORD_MODEL subw, model_sub, lw
    WORD_MODEL sllw, model_sll, lwu
    WORD_MODEL srlw, model_srl, lwu
    WORD_MODEL sraw, model_sra, lw

    .data
    .balign 8
word:
    .dword 0
