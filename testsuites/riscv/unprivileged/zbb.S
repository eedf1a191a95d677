// Zbb: basic bit manipulation (chapter 28). The models count bits one by one, rotate one place at a time, and handle
// bytes through memory. QEMU 7.2's CTZW looks beyond bit 31; later versions do not.
#include "unprivileged/instructions.h"
    .option arch, +zbb
PROGRAM "zbb"
    NEED "Zbb", end, andn a0, a0, a0

    RR "Zbb", andn, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xf000f000f000f000
    RR "Zbb", orn, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0xff0fff0fff0fff0f
    RR "Zbb", xnor, 0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0x0f0f0f0f0f0f0f0f
    RR "Zbb", xnor, 5, 5, -1
    RR "Zbb", min, -1, 1, -1
    RR "Zbb", min, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000
    RR "Zbb", max, -1, 1, 1
    RR "Zbb", minu, -1, 1, 1
    RR "Zbb", maxu, -1, 1, -1
    RR "Zbb", maxu, 7, 7, 7
    R1 "Zbb", clz, 0, 64
    R1 "Zbb", clz, -1, 0
    R1 "Zbb", clz, 1, 63
    R1 "Zbb", ctz, 0, 64
    R1 "Zbb", ctz, 0x8000000000000000, 63
    R1 "Zbb", ctz, -1, 0
    R1 "Zbb", cpop, 0, 0
    R1 "Zbb", cpop, -1, 64
    R1 "Zbb", cpop, 0x8000000000000001, 2
    R1 "Zbb", clzw, 0, 32
    R1 "Zbb, high word ignored", clzw, 0xffffffff00000000, 32
    R1 "Zbb, high word ignored", clzw, 0xffffffff00000001, 31
    R1 "Zbb", clzw, 0x80000000, 0
    R1 "Zbb, high word ignored", ctzw, 0xffffffff00000000, 32
    R1 "Zbb", ctzw, 0x80000000, 31
    R1 "Zbb, high word ignored", cpopw, 0xffffffff00000003, 2
    R1 "Zbb", cpopw, -1, 32
    R1 "Zbb", sext.b, 0x80, 0xffffffffffffff80
    R1 "Zbb", sext.b, 0xffffffffffffff7f, 0x7f
    R1 "Zbb", sext.h, 0x8000, 0xffffffffffff8000
    R1 "Zbb", sext.h, 0xffffffffffff7fff, 0x7fff
    R1 "Zbb", zext.h, -1, 0xffff
    R1 "Zbb", zext.h, 0x1234567812345678, 0x5678
    R1 "Zbb", rev8, 0x0102030405060708, 0x0807060504030201
    R1 "Zbb", orc.b, 0x0100020000800001, 0xff00ff0000ff00ff
    R1 "Zbb", orc.b, 0, 0
    RR "Zbb, six bits of the amount", rol, 0x8000000000000001, 65, 3
    RR "Zbb", rol, 0x0123456789abcdef, 4, 0x123456789abcdef0
    RR "Zbb", ror, 0x0123456789abcdef, 4, 0xf0123456789abcde
    RR "Zbb, six bits of the amount", ror, 1, 0xffffffffffffffc1, 0x8000000000000000
    RR "Zbb, five bits of the amount", rolw, 0x80000001, 33, 3
    RR "Zbb, result sign-extended", rolw, 0x1234567840000000, 1, 0xffffffff80000000
    RR "Zbb, five bits of the amount", rorw, 1, 0x21, 0xffffffff80000000
    RR "Zbb, result sign-extended", rorw, 0x80000000, 0, 0xffffffff80000000
    RI "Zbb", rori, 0x0123456789abcdef, 0, 0x0123456789abcdef
    RI "Zbb", rori, 0x0123456789abcdef, 8, 0xef0123456789abcd
    RI "Zbb", rori, 1, 63, 2
    RI "Zbb", roriw, 0xffffffff00000001, 1, 0xffffffff80000000
    RI "Zbb", roriw, 0x1234567880000000, 31, 1
    ALL_PAIRS "Zbb: ANDN", andn, model_andn
    ALL_PAIRS "Zbb: ORN", orn, model_orn
    ALL_PAIRS "Zbb: XNOR", xnor, model_xnor
    ALL_PAIRS "Zbb: MIN", min, model_min
    ALL_PAIRS "Zbb: MAX", max, model_max
    ALL_PAIRS "Zbb: MINU", minu, model_minu
    ALL_PAIRS "Zbb: MAXU", maxu, model_maxu
    ALL_PAIRS "Zbb: ROL", rol, model_rol
    ALL_PAIRS "Zbb: ROR", ror, model_ror
    ALL_PAIRS "Zbb: ROLW", rolw, model_rolw
    ALL_PAIRS "Zbb: RORW", rorw, model_rorw
    ALL_OPERANDS "Zbb: CLZ", clz, model_clz
    ALL_OPERANDS "Zbb: CTZ", ctz, model_ctz
    ALL_OPERANDS "Zbb: CPOP", cpop, model_cpop
    ALL_OPERANDS "Zbb: CLZW", clzw, model_clzw
    ALL_OPERANDS "Zbb: CTZW", ctzw, model_ctzw
    ALL_OPERANDS "Zbb: CPOPW", cpopw, model_cpopw
    ALL_OPERANDS "Zbb: SEXT.B", sext.b, model_sext.b
    ALL_OPERANDS "Zbb: SEXT.H", sext.h, model_sext.h
    ALL_OPERANDS "Zbb: ZEXT.H", zext.h, model_zext.h
    ALL_OPERANDS "Zbb: REV8", rev8, model_rev8
    ALL_OPERANDS "Zbb: ORC.B", orc.b, model_orc.b

    // Every bit alone, and every amount of the immediate rotations
    .set bit, 0
    .rept 64
    li   a0, 1 << bit
    clz  a1, a0
    EXPECT "Zbb: CLZ of a single bit", a1, 63 - bit
    ctz  a1, a0
    EXPECT "Zbb: CTZ of a single bit", a1, bit
    cpop a1, a0
    EXPECT "Zbb: CPOP of a single bit", a1, 1
    li   a0, 0x9e3779b97f4a7c15
    li   a1, bit
    jal  ra, model_ror
    rori a3, a0, bit
    EXPECT_EQUAL "Zbb: RORI by every amount", a3, a2
    .if bit < 32
    jal  ra, model_rorw
    roriw a3, a0, bit
    EXPECT_EQUAL "Zbb: RORIW by every amount", a3, a2
    .endif
    .set bit, bit + 1
    .endr

    ILLEGAL "Zbb: the one-operand group with rs2 = 3 is reserved", 0x60351513
    ILLEGAL "Zbb: RORIW with bit 5 of the amount is reserved", 0x6205551b
    ILLEGAL "Zbb: REV8's encoding of RV32 is reserved", 0x69855513
    ILLEGAL "Zbb: CLZW's group with rs2 = 3 is reserved", 0x6035151b
end:
    DONE

model_andn:
    and  t0, a0, a1
    sub  a2, a0, t0
    ret
model_orn:
    xori a2, a1, -1
    or   a2, a2, a0
    ret
model_xnor:
    xor  a2, a0, a1
    li   t0, -1
    sub  a2, t0, a2
    ret
.macro CHOICE name, branch
model_\name:
    mv   a2, a0
    \branch a0, a1, 1f
    mv   a2, a1
1:  ret
.endm
    CHOICE min, blt
    CHOICE max, bge
    CHOICE minu, bltu
    CHOICE maxu, bgeu

// One place at a time, by the top bit.
model_ror:
    neg  t0, a1
    j    1f
model_rol:
    mv   t0, a1
1:  andi t0, t0, 63
    mv   a2, a0
    beqz t0, 3f
2:  slt  t1, a2, zero
    slli a2, a2, 1
    or   a2, a2, t1
    addi t0, t0, -1
    bnez t0, 2b
3:  ret
model_rorw:
    neg  t0, a1
    j    1f
model_rolw:
    mv   t0, a1
1:  andi t0, t0, 31
    addiw a2, a0, 0
    beqz t0, 3f
2:  slt  t1, a2, zero
    slliw a2, a2, 1
    or   a2, a2, t1
    addi t0, t0, -1
    bnez t0, 2b
3:  ret

// One bit at a time.
model_clzw:
    slli t0, a0, 32
    li   t2, 32
    j    1f
model_clz:
    mv   t0, a0
    li   t2, 64
1:  li   a2, 0
2:  beq  a2, t2, 3f
    bltz t0, 3f
    slli t0, t0, 1
    addi a2, a2, 1
    j    2b
3:  ret
model_ctzw:
    li   t2, 32
    j    1f
model_ctz:
    li   t2, 64
1:  mv   t0, a0
    li   a2, 0
2:  beq  a2, t2, 3f
    andi t1, t0, 1
    bnez t1, 3f
    srli t0, t0, 1
    addi a2, a2, 1
    j    2b
3:  ret
model_cpopw:
    slli t0, a0, 32
    j    1f
model_cpop:
    mv   t0, a0
1:  li   a2, 0
2:  beqz t0, 3f
    andi t1, t0, 1
    add  a2, a2, t1
    srli t0, t0, 1
    j    2b
3:  ret

// By way of memory.
.macro THROUGH_MEMORY name, load
model_\name:
    la   t0, bytes
    sd   a0, (t0)
    \load a2, (t0)
    ret
.endm
    THROUGH_MEMORY sext.b, lb
    THROUGH_MEMORY sext.h, lh
    THROUGH_MEMORY zext.h, lhu
model_rev8:
    la   t0, bytes
    sd   a0, (t0)
    addi t1, t0, 8
    li   a2, 0
    li   t3, 0
1:  lbu  t2, (t0)
    slli a2, a2, 8
    or   a2, a2, t2
    addi t0, t0, 1
    bltu t0, t1, 1b
    ret
model_orc.b:
    la   t0, bytes
    sd   a0, (t0)
    addi t1, t0, 8
1:  lbu  t2, (t0)
    snez t2, t2
    neg  t2, t2
    sb   t2, (t0)
    addi t0, t0, 1
    bltu t0, t1, 1b
    ld   a2, -8(t0)
    ret

    .data
    .balign 8
bytes:
    .dword 0
