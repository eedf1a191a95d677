// D: double precision (chapter 21).
#define WIDTH 64
#define SIGN 0x8000000000000000
#define BOX 0
#define ONE 0x3ff0000000000000
#define INFINITY 0x7ff0000000000000
#define QUIET 0x7ff8000000000000
#define FADD 0x02b50553
#include "unprivileged/floating.h"
PROGRAM "d"
    NEED_MISA D, end

    li   s2, PAGE(0)
    li   t0, 0x7ff0000000000001
    sd   t0, (s2)
    csrwi fflags, 0
    fld  fa0, (s2)
    fmv.x.d a0, fa0
    EXPECT "21.3: FLD leaves a signalling NaN as it is", a0, 0x7ff0000000000001
    fsd  fa0, 8(s2)
    ld   a0, 8(s2)
    EXPECT "21.3: FSD leaves a signalling NaN as it is", a0, 0x7ff0000000000001
    csrr a0, fflags
    EXPECT "21.3: loads and stores raise nothing", a0, 0

    .macro BY_HAND op, a, b, value, flags
    li   t0, \a
    fmv.d.x fa0, t0
    li   t0, \b
    fmv.d.x fa1, t0
    csrwi fcsr, 0
    \op  fa3, fa0, fa1
    fmv.x.d a0, fa3
    EXPECT "21.4: \op of \a and \b", a0, \value
    csrr a0, fflags
    EXPECT "21.4: flags of \op of \a and \b", a0, \flags
    .endm
    BY_HAND fdiv.d, 0x3ff0000000000000, 0x4008000000000000, 0x3fd5555555555555, NX
    BY_HAND fadd.d, 0x3fb999999999999a, 0x3fc999999999999a, 0x3fd3333333333334, NX
    BY_HAND fmul.d, 0x0000000000000001, 0x3fe0000000000000, 0x0000000000000000, UF | NX
    BY_HAND fmul.d, 0x7fefffffffffffff, 0x4000000000000000, 0x7ff0000000000000, OF | NX
    BY_HAND fsub.d, 0xfff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, NV
    BY_HAND fdiv.d, 0xbff0000000000000, 0x0000000000000000, 0xfff0000000000000, DZ
    BY_HAND fmul.d, 0x0000000000000000, 0x7ff0000000000000, 0x7ff8000000000000, NV
    BY_HAND fmin.d, 0x8000000000000000, 0x0000000000000000, 0x8000000000000000, 0
    BY_HAND fmax.d, 0x8000000000000000, 0x0000000000000000, 0x0000000000000000, 0
    BY_HAND fmin.d, 0x7ff0000000000001, 0x3ff0000000000000, 0x3ff0000000000000, NV

    STICKY d
    RESERVED_MODES d
    ARITHMETIC d, double
    ROUNDED "fcvt.d.s", double_from_single, fmv.x.d, fcvt.d.s, fa3, fa0
    RULES d
end:
    DONE

    .section .rodata
    .balign 8
specials:
    .incbin "double_specials.bin"
specials_end:
