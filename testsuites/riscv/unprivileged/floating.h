// What the floating-point tests share. Tables of exact results come from vectors/, which rounds once from the
// definition; rules that hold between operations are tried on all pairs of special operands.
//
// In a loop over a table fa0, fa1 and fa2 are the operands, a0 the first as an integer, and ft0, ft1 and ft2 the
// operands with their signs changed: one table of sums serves subtraction too, and one of fused sums all four forms.
#pragma once
#include "unprivileged/instructions.h"

#define RNE 0
#define RTZ 1
#define RDN 2
#define RUP 3
#define RMM 4
#define NX 1
#define UF 2
#define OF 4
#define DZ 8
#define NV 16

// `read a4, result` compared with the table's result for the mode, and fflags with its flags.
.macro COMPARE text, read, result, mode
    csrr a5, fflags
    \read a4, \result
    ld   a6, 24 + 8 * \mode(s2)
    EXPECT_EQUAL "\text", a4, a6
    beq  a4, a6, 993f
    j    994f
993:
    lbu  a7, 64 + \mode(s2)
    EXPECT_EQUAL "\text: fflags", a5, a7
    beq  a5, a7, 993f
    j    994f
993:
.endm

.macro IN_MODE mode, name, text, read, op, result, operands:vararg
    csrwi frm, \mode
    csrwi fflags, 0
    \op  \result, \operands
    COMPARE "\text, frm = \name", \read, \result, \mode
    csrwi frm, (\mode + 1) % 5
    csrwi fflags, 0
    \op  \result, \operands, \name
    COMPARE "\text, rm = \name", \read, \result, \mode
.endm

.macro OPEN_TABLE table
    .ifndef \table
    .pushsection .rodata
    .balign 8
\table:
    .incbin "\table\().bin"
\table\()_end:
    .popsection
    .endif
    la   s2, \table
    la   s3, \table\()_end
    li   s5, SIGN
998:
    fld  fa0, 0(s2)
    fld  fa1, 8(s2)
    fld  fa2, 16(s2)
    ld   a0, 0(s2)
    xor  t0, a0, s5
    fmv.d.x ft0, t0
    ld   t0, 8(s2)
    xor  t0, t0, s5
    fmv.d.x ft1, t0
    ld   t0, 16(s2)
    xor  t0, t0, s5
    fmv.d.x ft2, t0
.endm

.macro CLOSE_TABLE
    addi s2, s2, 72
    bgeu s2, s3, 995f
    j    998b
994:
    ld   a0, 0(s2)
    ld   a1, 8(s2)
    jal  ra, show_operands
995:
    csrwi fcsr, 0
.endm

// An operation that rounds, in each mode by frm and by the instruction's own field; frm then says another mode.
.macro ROUNDED text, table, read, op, result, operands:vararg
    OPEN_TABLE \table
    IN_MODE RNE, rne, "\text", \read, \op, \result, \operands
    IN_MODE RTZ, rtz, "\text", \read, \op, \result, \operands
    IN_MODE RDN, rdn, "\text", \read, \op, \result, \operands
    IN_MODE RUP, rup, "\text", \read, \op, \result, \operands
    IN_MODE RMM, rmm, "\text", \read, \op, \result, \operands
    CLOSE_TABLE
.endm

// One that does not round and has no such field: it runs whatever frm holds.
.macro UNROUNDED text, table, read, op, result, operands:vararg
    OPEN_TABLE \table
    csrwi frm, 7
    csrwi fflags, 0
    \op  \result, \operands
    COMPARE "\text", \read, \result, RNE
    CLOSE_TABLE
.endm

// ---------------------------------------------------------------------------------------- rules between operations

// For all pairs of special operands (fa0 and fa1, in a0 and a1 as bits; ft0 and ft1 with changed signs) in all modes:
// the lines that follow, up to END_PAIRS. s4 is the mode.
.macro PAIRS
    li   s5, SIGN
    li   s4, 0
986:
    la   s2, specials
987:
    la   s3, specials
988:
    fsrm s4
    fld  fa0, (s2)
    fld  fa1, (s3)
    ld   a0, (s2)
    ld   a1, (s3)
    xor  t0, a0, s5
    fmv.d.x ft0, t0
    xor  t0, a1, s5
    fmv.d.x ft1, t0
    csrwi fflags, 0
.endm

.macro END_PAIRS
    addi s3, s3, 8
    la   t0, specials_end
    bgeu s3, t0, 989f
    j    988b
989:
    addi s2, s2, 8
    bgeu s2, t0, 989f
    j    987b
989:
    addi s4, s4, 1
    li   t0, 5
    bgeu s4, t0, 995f
    j    986b
994:
    jal  ra, show_operands
995:
    csrwi fcsr, 0
.endm

// The result and flags of the line before: into a2 and a4; then of another line, into a3 and a5; then both must agree.
.macro FIRST register=fa3
    fmv.x.d a2, \register
    csrr a4, fflags
    csrwi fflags, 0
.endm
.macro SECOND text, register=fa4
    fmv.x.d a3, \register
    csrr a5, fflags
    csrwi fflags, 0
    AGREE "\text", a2, a3
    AGREE "\text: flags", a4, a5
.endm
.macro AGREE text, a, b
    EXPECT_EQUAL "\text", \a, \b
    beq  \a, \b, 993f
    j    994f
993:
.endm

// Goes to `label` if the operand is a NaN, by its bits: shifted left past box and sign, it is above infinity.
.macro IF_NAN register, label
    slli t0, \register, 65 - WIDTH
    li   t1, INFINITY << (65 - WIDTH)
    bgtu t0, t1, \label
.endm

// F is the suffix's letter, as in fadd.F; WIDTH, SIGN, INFINITY, QUIET (the canonical NaN) and ONE are of the format,
// NaN-boxed where a register holds them.
.macro RULES f
    PAIRS
    fadd.\f fa3, fa0, fa1
    FIRST
    fadd.\f fa4, fa1, fa0
    SECOND "IEEE 754: addition commutes"
    fsub.\f fa4, fa0, ft1
    SECOND "IEEE 754: x + y is x - (-y)"
    li   t0, ONE
    fmv.d.x ft3, t0
    fmadd.\f fa4, fa0, ft3, fa1
    SECOND "IEEE 754: 1 x + y rounds as x + y"
    fmadd.\f fa4, ft3, fa1, fa0
    SECOND "IEEE 754: 1 y + x rounds as x + y"
    END_PAIRS

    PAIRS
    fmul.\f fa3, fa0, fa1
    FIRST
    fmul.\f fa4, fa1, fa0
    SECOND "IEEE 754: multiplication commutes"
    fmul.\f fa4, ft0, ft1
    SECOND "IEEE 754: (-x) (-y) is x y"
    xor  t0, a0, a1                     // a zero with the sign of the product
    and  t0, t0, s5
    li   t1, BOX
    or   t0, t0, t1
    fmv.d.x ft3, t0
    fmadd.\f fa4, fa0, fa1, ft3
    SECOND "IEEE 754: x y + 0 rounds as x y"
    END_PAIRS

    // Rounding down is rounding up on the other side of zero, to the sign of zero; the other modes are symmetric
    PAIRS
    fadd.\f fa3, fa0, fa1
    FIRST
    slli t0, a2, 65 - WIDTH
    beqz t0, 985f                       // the sign of a sum that is zero is no mirror image (6.3)
    jal  s6, mirror
    fadd.\f fa4, ft0, ft1
    jal  s7, negate
    SECOND "IEEE 754: x + y is -((-x) + (-y)) in the mirrored mode", fa4
985:
    END_PAIRS
    PAIRS
    fmul.\f fa3, fa0, fa1
    FIRST
    jal  s6, mirror
    fmul.\f fa4, ft0, fa1
    jal  s7, negate
    SECOND "IEEE 754: x y is -((-x) y) in the mirrored mode", fa4
    END_PAIRS
    PAIRS
    fdiv.\f fa3, fa0, fa1
    FIRST
    jal  s6, mirror
    fdiv.\f fa4, ft0, fa1
    jal  s7, negate
    SECOND "IEEE 754: x / y is -((-x) / y) in the mirrored mode", fa4
    END_PAIRS

    // Identities of one operand
    PAIRS
    IF_NAN a0, 985f
    slli t0, a0, 65 - WIDTH
    li   t1, INFINITY << (65 - WIDTH)
    beq  t0, t1, 984f
    fsub.\f fa3, fa0, fa0
    FIRST
    li   t0, BOX
    addi t1, s4, -RDN
    bnez t1, 983f
    or   t0, t0, s5
983:
    AGREE "IEEE 754, 6.3: x - x is +0, or -0 when rounding down", a2, t0
    AGREE "IEEE 754: x - x raises nothing", a4, zero
    slli t0, a0, 65 - WIDTH
    beqz t0, 984f
    fdiv.\f fa3, fa0, fa0
    FIRST
    li   t0, ONE
    AGREE "IEEE 754: x / x is 1", a2, t0
    AGREE "IEEE 754: x / x raises nothing", a4, zero
    j    984f
984:
    li   t0, ONE
    fmv.d.x ft3, t0
    fmul.\f fa3, fa0, ft3
    FIRST
    AGREE "IEEE 754: 1 x is x", a2, a0
    AGREE "IEEE 754: 1 x raises nothing", a4, zero
    fdiv.\f fa3, fa0, ft3
    FIRST
    AGREE "IEEE 754: x / 1 is x", a2, a0
    AGREE "IEEE 754: x / 1 raises nothing", a4, zero
    fmul.\f fa3, fa0, fa0               // where the square is exact, its root is the magnitude
    FIRST
    bnez a4, 985f
    fsqrt.\f fa4, fa3
    FIRST fa4
    not  t0, s5
    and  t0, t0, a0
    li   t1, BOX
    or   t0, t0, t1
    AGREE "IEEE 754: the root of an exact square is the magnitude", a2, t0
    AGREE "IEEE 754: the root of an exact square raises nothing", a4, zero
985:
    END_PAIRS

    // Order
    PAIRS
    flt.\f a2, fa0, fa1
    flt.\f a3, fa1, fa0
    feq.\f a4, fa0, fa1
    fle.\f a5, fa0, fa1
    add  a6, a2, a4
    AGREE "IEEE 754, 5.11: x <= y is x < y or x = y", a5, a6
    add  a6, a6, a3
    li   a7, 0
    IF_NAN a0, 985f
    IF_NAN a1, 985f
    li   a7, 1
985:
    AGREE "IEEE 754, 5.11: one of <, =, > holds, and none with a NaN", a6, a7
    csrwi fflags, 0
    fmin.\f fa3, fa0, fa1
    FIRST
    fmin.\f fa4, fa1, fa0
    SECOND "20.6: FMIN commutes"
    fmax.\f fa3, ft0, ft1
    fmv.x.d a3, fa3
    li   t0, QUIET
    beq  a3, t0, 984f
    xor  a3, a3, s5
984:
    AGREE "20.6: FMIN is the opposite of FMAX of the opposites", a2, a3
    csrwi fflags, 0
    END_PAIRS

    // Signs: bits only, no flags, NaNs too
    PAIRS
    not  t2, s5
    and  t1, a0, t2                     // without sign
    and  t0, a1, s5
    or   t0, t0, t1
    fsgnj.\f fa3, fa0, fa1
    FIRST
    AGREE "20.7: FSGNJ takes the sign of rs2", a2, t0
    xor  t0, t0, s5
    fsgnjn.\f fa3, fa0, fa1
    FIRST
    AGREE "20.7: FSGNJN takes the opposite of the sign of rs2", a2, t0
    and  t0, a1, s5
    xor  t0, t0, a0
    fsgnjx.\f fa3, fa0, fa1
    FIRST
    AGREE "20.7: FSGNJX takes the product of the signs", a2, t0
    AGREE "20.7: sign injection raises nothing", a4, zero
    END_PAIRS
.endm

// Reserved modes: the field 5 or 6, and frm 5 to 7 where the field says dynamic (20.2).
.macro RESERVED_MODES f
    .irp mode, 5, 6
    BEGIN M
    .4byte FADD | \mode << 12
    END
    EXPECT_RECORD "20.2: the rounding mode \mode is reserved", CAUSE, CAUSE_ILLEGAL_INSTRUCTION
    .endr
    .irp mode, 5, 6, 7
    csrwi frm, \mode
    BEGIN M
    fadd.\f fa0, fa0, fa0
    END
    EXPECT_RECORD "20.2: the dynamic mode with frm = \mode is illegal", CAUSE, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN M
    fadd.\f fa0, fa0, fa0, rtz
    feq.\f a0, fa0, fa0
    fsgnj.\f fa0, fa0, fa0
    fmin.\f fa0, fa0, fa0
    fclass.\f a0, fa0
    END
    EXPECT_NO_TRAP "20.2: frm = \mode does not matter to an instruction that does not use it"
    csrwi frm, 0
    .endr
.endm

// Flags accumulate: an operation that raises none leaves those that are there (20.2).
.macro STICKY f
    li   t0, ONE
    fmv.d.x fa0, t0
    li   t0, BOX
    fmv.d.x fa1, t0
    csrwi fflags, 0
    fdiv.\f fa3, fa0, fa1
    fadd.\f fa3, fa0, fa0
    csrr a0, fflags
    EXPECT "20.2: flags stay until they are cleared", a0, DZ
    li   t0, QUIET - 1
    fmv.d.x fa1, t0
    fadd.\f fa3, fa0, fa1
    csrr a0, fflags
    EXPECT "20.2: flags gather", a0, DZ | NV
    csrwi fflags, 0
.endm

// All operations of one format, by tables.
.macro ARITHMETIC f, format
    ROUNDED "fadd.\f", \format\()_add, fmv.x.d, fadd.\f, fa3, fa0, fa1
    ROUNDED "fsub.\f", \format\()_add, fmv.x.d, fsub.\f, fa3, fa0, ft1
    ROUNDED "fmul.\f", \format\()_multiply, fmv.x.d, fmul.\f, fa3, fa0, fa1
    ROUNDED "fdiv.\f", \format\()_divide, fmv.x.d, fdiv.\f, fa3, fa0, fa1
    ROUNDED "fsqrt.\f", \format\()_square_root, fmv.x.d, fsqrt.\f, fa3, fa0
    ROUNDED "fmadd.\f", \format\()_multiply_add, fmv.x.d, fmadd.\f, fa3, fa0, fa1, fa2
    ROUNDED "fmsub.\f", \format\()_multiply_add, fmv.x.d, fmsub.\f, fa3, fa0, fa1, ft2
    ROUNDED "fnmsub.\f", \format\()_multiply_add, fmv.x.d, fnmsub.\f, fa3, ft0, fa1, fa2
    ROUNDED "fnmadd.\f", \format\()_multiply_add, fmv.x.d, fnmadd.\f, fa3, ft0, fa1, ft2
    UNROUNDED "fmin.\f", \format\()_minimum, fmv.x.d, fmin.\f, fa3, fa0, fa1
    UNROUNDED "fmax.\f", \format\()_maximum, fmv.x.d, fmax.\f, fa3, fa0, fa1
    UNROUNDED "feq.\f", \format\()_equal, mv, feq.\f, a3, fa0, fa1
    UNROUNDED "flt.\f", \format\()_less, mv, flt.\f, a3, fa0, fa1
    UNROUNDED "fle.\f", \format\()_less_or_equal, mv, fle.\f, a3, fa0, fa1
    UNROUNDED "fclass.\f", \format\()_classify, mv, fclass.\f, a3, fa0
    ROUNDED "fcvt.w.\f", \format\()_to_w, mv, fcvt.w.\f, a3, fa0
    ROUNDED "fcvt.wu.\f", \format\()_to_wu, mv, fcvt.wu.\f, a3, fa0
    ROUNDED "fcvt.l.\f", \format\()_to_l, mv, fcvt.l.\f, a3, fa0
    ROUNDED "fcvt.lu.\f", \format\()_to_lu, mv, fcvt.lu.\f, a3, fa0
    ROUNDED "fcvt.\f.w", \format\()_from_w, fmv.x.d, fcvt.\f\().w, fa3, a0
    ROUNDED "fcvt.\f.wu", \format\()_from_wu, fmv.x.d, fcvt.\f\().wu, fa3, a0
    ROUNDED "fcvt.\f.l", \format\()_from_l, fmv.x.d, fcvt.\f\().l, fa3, a0
    ROUNDED "fcvt.\f.lu", \format\()_from_lu, fmv.x.d, fcvt.\f\().lu, fa3, a0

    // Results in the places of operands
    UNROUNDED "fmin.\f with rd = rs1", \format\()_minimum, fmv.x.d, fmin.\f, fa0, fa0, fa1
    OPEN_TABLE \format\()_multiply_add
    csrwi fcsr, 0
    fmadd.\f fa2, fa0, fa1, fa2
    COMPARE "fmadd.\f with rd = rs3", fmv.x.d, fa2, RNE
    fld  fa2, 16(s2)
    csrwi fcsr, 0
    fmadd.\f fa0, fa0, fa1, fa2
    COMPARE "fmadd.\f with rd = rs1", fmv.x.d, fa0, RNE
    CLOSE_TABLE
.endm

    .text
// The mode with up and down exchanged; back to s6.
mirror:
    li   t0, RDN
    li   t1, RUP
    bne  s4, t0, 1f
    fsrm t1
    jr   s6
1:  bne  s4, t1, 2f
    fsrm t0
2:  jr   s6

// fa4 with its sign changed, but for the canonical NaN; back to s7.
negate:
    fmv.x.d t0, fa4
    li   t1, QUIET
    beq  t0, t1, 1f
    xor  t0, t0, s5
    fmv.d.x fa4, t0
1:  jr   s7
