// Zfhmin: half-precision loads, stores, moves and conversions (chapter 23). Every one of the 65536 numbers is widened
// and compared with a model that works on the bits, and narrowed back.
#define WIDTH 16
#define SIGN 0x8000
#define BOX 0xffffffffffff0000
#define QUIET 0xffffffffffff7e00
#include "unprivileged/floating.h"
    .option arch, +zfhmin
PROGRAM "zfhmin"
    csrwi fcsr, 0
    NEED "Zfhmin", end, fmv.x.h a0, fa0

    li   s2, PAGE(0)
    li   t0, 0x123456789abcfc01         // the half is a signalling NaN
    sd   t0, (s2)
    flh  fa0, 0(s2)
    fmv.x.d a0, fa0
    EXPECT "23.1: FLH boxes its halfword, and leaves a signalling NaN as it is", a0, 0xfffffffffffffc01
    fmv.x.h a0, fa0
    EXPECT "23.3: FMV.X.H sign-extends the halfword", a0, 0xfffffffffffffc01
    li   t0, 0x123456789abc7c01
    fmv.h.x fa0, t0
    fmv.x.d a0, fa0
    EXPECT "23.3: FMV.H.X boxes the low halfword", a0, 0xffffffffffff7c01
    fmv.d.x fa0, t0
    fmv.x.h a0, fa0
    EXPECT "23.3: FMV.X.H takes the low halfword, boxed or not", a0, 0x7c01
    fsh  fa0, 6(s2)
    ld   a0, (s2)
    EXPECT "23.1: FSH stores the low halfword, boxed or not", a0, 0x7c0156789abcfc01
    li   t0, 0x3c00
    fmv.d.x fa0, t0
    fcvt.s.h fa1, fa0
    fmv.x.d a0, fa1
    EXPECT "21.2: FCVT.S.H of a half that is not boxed is the canonical NaN", a0, 0xffffffff7fc00000
    li   t0, 0xffff00003c00
    fmv.d.x fa0, t0
    fcvt.d.h fa1, fa0
    fmv.x.d a0, fa1
    EXPECT "21.2: FCVT.D.H of a half that is not boxed is the canonical NaN", a0, 0x7ff8000000000000
    li   t0, 0x3f800000
    fmv.d.x fa0, t0
    fcvt.h.s fa1, fa0
    fmv.x.d a0, fa1
    EXPECT "21.2: FCVT.H.S of a single that is not boxed is the canonical NaN", a0, 0xffffffffffff7e00
    csrr a0, fflags
    EXPECT "21.2: numbers that are not boxed raise nothing", a0, 0

    ROUNDED "fcvt.h.s", half_from_single, fmv.x.d, fcvt.h.s, fa3, fa0
    ROUNDED "fcvt.h.d", half_from_double, fmv.x.d, fcvt.h.d, fa3, fa0
    ROUNDED "fcvt.s.h", single_from_half, fmv.x.d, fcvt.s.h, fa3, fa0
    ROUNDED "fcvt.d.h", double_from_half, fmv.x.d, fcvt.d.h, fa3, fa0

    li   s2, 0
1:  fmv.h.x fa0, s2
    jal  ra, widen
    csrwi fflags, 0
    fcvt.s.h fa1, fa0
    csrr a5, fflags
    fmv.x.d a4, fa1
    EXPECT_EQUAL "23.3: FCVT.S.H of every half", a4, a2
    EXPECT_EQUAL "23.3: flags of FCVT.S.H of every half", a5, a3
    bne  a4, a2, 9f
    bne  a5, a3, 9f
    fcvt.d.s fa2, fa1
    fcvt.d.h fa3, fa0
    fmv.x.d a4, fa2
    fmv.x.d a5, fa3
    EXPECT_EQUAL "23.3: FCVT.D.H is FCVT.S.H, then FCVT.D.S", a5, a4
    bne  a4, a5, 9f
    csrwi fflags, 0
    fcvt.h.s fa2, fa1
    fcvt.h.d fa4, fa3
    csrr a5, fflags
    fmv.x.d a4, fa2
    fmv.x.d a2, fa4
    fmv.x.d a3, fa0
    slli t0, s2, 49                     // a NaN comes back as the canonical one
    li   t1, 0x7c00 << 49
    bleu t0, t1, 2f
    li   a3, 0xffffffffffff7e00
2:  EXPECT_EQUAL "23.3: FCVT.H.S of every half, widened", a4, a3
    EXPECT_EQUAL "23.3: FCVT.H.D of every half, widened", a2, a3
    EXPECT "23.3: narrowing what was widened raises nothing", a5, 0
    bne  a4, a3, 9f
    bne  a2, a3, 9f
    addi s2, s2, 1
    li   t0, 0x10000
    bltu s2, t0, 1b
    j    end
9:  mv   a0, s2
    li   a1, 0
    jal  ra, show_operands
end:
    DONE

// The half s2 as a single in a register: a2; its flags: a3.
widen:
    srli t0, s2, 10
    andi t0, t0, 31                     // exponent
    andi t1, s2, 0x3ff                  // fraction
    srli t2, s2, 15
    slli t2, t2, 31                     // sign
    li   a3, 0
    li   t3, 31
    beq  t0, t3, 3f
    bnez t0, 2f
    beqz t1, 4f
    li   t0, 1                          // subnormal: shift until the hidden bit stands
1:  andi t3, t1, 0x400
    bnez t3, 2f
    slli t1, t1, 1
    addi t0, t0, -1
    j    1b
2:  andi t1, t1, 0x3ff
    slli t1, t1, 13
    addi t0, t0, 127 - 15
    slli t0, t0, 23
    or   t1, t1, t0
    j    4f
3:  li   a2, 0xffffffff7fc00000
    andi t3, t1, 0x200
    bnez t3, 5f                         // quiet
    li   a3, NV
    bnez t1, 5f                         // signalling
    li   a3, 0
    li   t1, 0x7f800000
4:  or   a2, t1, t2
    li   t0, 0xffffffff00000000
    or   a2, a2, t0
5:  ret
