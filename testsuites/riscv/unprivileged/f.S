// F: single precision (chapter 20), NaN-boxed in the 64-bit registers of D (21.2).
#define WIDTH 32
#define SIGN 0x80000000
#define BOX 0xffffffff00000000
#define ONE 0xffffffff3f800000
#define INFINITY 0x7f800000
#define QUIET 0xffffffff7fc00000
#define FADD 0x00b50553
#include "unprivileged/floating.h"
PROGRAM "f"
    NEED_MISA F, end

    // Loads, stores and moves (20.5, 20.7, 21.2)
    li   s2, PAGE(0)
    li   t0, 0x12345678ff812345         // the word is a signalling NaN
    sd   t0, (s2)
    flw  fa0, 0(s2)
    fmv.x.d a0, fa0
    EXPECT "21.2: FLW boxes its word, and leaves a signalling NaN as it is", a0, 0xffffffffff812345
    fmv.x.w a0, fa0
    EXPECT "20.7: FMV.X.W sign-extends the word", a0, 0xffffffffff812345
    li   t0, 0xdeadbeef7f812345
    fmv.w.x fa0, t0
    fmv.x.d a0, fa0
    EXPECT "21.2: FMV.W.X boxes the low word", a0, 0xffffffff7f812345
    fmv.d.x fa0, t0
    fmv.x.w a0, fa0
    EXPECT "21.2: FMV.X.W takes the low word, boxed or not", a0, 0x7f812345
    fsw  fa0, 4(s2)
    ld   a0, (s2)
    EXPECT "21.2: FSW stores the low word, boxed or not", a0, 0x7f812345ff812345
    csrr a0, fflags
    EXPECT "20.5: moves, loads and stores raise nothing", a0, 0

    // An operand that is not boxed is the canonical NaN (21.2)
    li   t0, 0x000000003f800000
    fmv.d.x fa0, t0
    li   t0, 0xfffffffe3f800000
    fmv.d.x fa1, t0
    li   t0, ONE
    fmv.d.x fa2, t0
    .macro NOT_BOXED value, instruction:vararg
    csrwi fcsr, 0
    \instruction
    fmv.x.d a0, fa3
    EXPECT "21.2: \instruction with an operand that is not boxed", a0, \value
    csrr a0, fflags
    EXPECT "21.2: \instruction with an operand that is not boxed raises nothing", a0, 0
    .endm
    NOT_BOXED QUIET, fadd.s fa3, fa0, fa2
    NOT_BOXED QUIET, fmul.s fa3, fa2, fa1
    NOT_BOXED QUIET, fmadd.s fa3, fa2, fa2, fa0
    NOT_BOXED QUIET, fsqrt.s fa3, fa1
    NOT_BOXED ONE, fmin.s fa3, fa0, fa2
    NOT_BOXED ONE, fmax.s fa3, fa2, fa1
    NOT_BOXED QUIET, fmax.s fa3, fa0, fa1
    NOT_BOXED QUIET, fsgnj.s fa3, fa0, fa2
    NOT_BOXED ONE, fsgnj.s fa3, fa2, fa1
    NOT_BOXED 0xffffffffffc00000, fsgnjn.s fa3, fa0, fa0
    NOT_BOXED 0x7ff8000000000000, fcvt.d.s fa3, fa0
    fclass.s a0, fa0
    EXPECT "21.2: FCLASS.S of an operand that is not boxed", a0, 1 << 9
    feq.s a0, fa0, fa0
    EXPECT "21.2: FEQ.S of an operand that is not boxed", a0, 0
    fcvt.w.s a0, fa0
    EXPECT "21.2: FCVT.W.S of an operand that is not boxed", a0, 0x7fffffff

    // By hand: 1/3, the root of 2, 0.1 + 0.2, the least subnormal number halved, the greatest number doubled
    .macro BY_HAND op, a, b, value, flags
    li   t0, BOX + \a
    fmv.d.x fa0, t0
    li   t0, BOX + \b
    fmv.d.x fa1, t0
    csrwi fcsr, 0
    \op  fa3, fa0, fa1
    fmv.x.d a0, fa3
    EXPECT "20.6: \op of \a and \b", a0, BOX + \value
    csrr a0, fflags
    EXPECT "20.6: flags of \op of \a and \b", a0, \flags
    .endm
    BY_HAND fdiv.s, 0x3f800000, 0x40400000, 0x3eaaaaab, NX
    BY_HAND fadd.s, 0x3dcccccd, 0x3e4ccccd, 0x3e99999a, NX
    BY_HAND fmul.s, 0x00000001, 0x3f000000, 0x00000000, UF | NX
    BY_HAND fmul.s, 0x7f7fffff, 0x40000000, 0x7f800000, OF | NX
    BY_HAND fmul.s, 0x00800000, 0x3f000000, 0x00400000, 0
    BY_HAND fsub.s, 0x7f800000, 0x7f800000, 0x7fc00000, NV
    BY_HAND fdiv.s, 0x3f800000, 0x80000000, 0xff800000, DZ
    BY_HAND fdiv.s, 0x80000000, 0x00000000, 0x7fc00000, NV
    BY_HAND fadd.s, 0x7f800001, 0x3f800000, 0x7fc00000, NV
    BY_HAND fadd.s, 0xffc00001, 0x3f800000, 0x7fc00000, 0
    // Just under the least normal number: tiny before rounding but not after, so no underflow (20.2)
    BY_HAND fmul.s, 0x3f800001, 0x007fffff, 0x00800000, NX
    BY_HAND fmul.s, 0x3f7fffff, 0x00800000, 0x00800000, UF | NX

    STICKY s
    RESERVED_MODES s
    ARITHMETIC s, single
    ROUNDED "fcvt.s.d", single_from_double, fmv.x.d, fcvt.s.d, fa3, fa0
    RULES s
end:
    DONE

    .section .rodata
    .balign 8
specials:
    .incbin "single_specials.bin"
specials_end:
