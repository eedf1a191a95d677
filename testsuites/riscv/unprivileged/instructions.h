// What the instruction tests add to the harness: checks of one instruction on given operands, loops over a table of
// operands, and a way to leave out an extension that the machine does not have.
//
// Expected values are numbers worked by hand, or come from a model: a routine that finds the result from the manual's
// definition by simpler instructions (a carry-less product bit by bit, a quotient by subtraction). A model takes a0 and
// a1, returns a2, may change t0-t6 and keeps everything else; it returns to ra.
//
// The sections named are those of the Unprivileged ISA, version 20240411.
#pragma once
#include "harness.h"

// Two registers: also with the result in the place of either operand, and with one register for both where they agree.
.macro RR section, op, a, b, value
    li   a0, \a
    li   a1, \b
    \op  a2, a0, a1
    EXPECT "\section: \op of \a and \b", a2, \value
    mv   a3, a0
    \op  a3, a3, a1
    EXPECT "\section: \op of \a and \b, rd = rs1", a3, \value
    mv   a3, a1
    \op  a3, a0, a3
    EXPECT "\section: \op of \a and \b, rd = rs2", a3, \value
    bne  a0, a1, 997f
    \op  a0, a0, a0
    EXPECT "\section: \op of \a and \b, one register", a0, \value
997:
.endm

// A register and an immediate.
.macro RI section, op, a, immediate, value
    li   a0, \a
    \op  a2, a0, \immediate
    EXPECT "\section: \op of \a and \immediate", a2, \value
    \op  a0, a0, \immediate
    EXPECT "\section: \op of \a and \immediate, rd = rs1", a0, \value
.endm

// One register.
.macro R1 section, op, a, value
    li   a0, \a
    \op  a2, a0
    EXPECT "\section: \op of \a", a2, \value
    \op  a0, a0
    EXPECT "\section: \op of \a, rd = rs1", a0, \value
.endm

// `op a2, a0, a1` agrees with the model on every pair of operands of the table; or `op a2, a0` on every operand.
// The first difference ends the loop, after a line with the operands.
.macro ALL_PAIRS text, op, model
    la   s2, operands
997:
    la   s3, operands
998:
    ld   a0, (s2)
    ld   a1, (s3)
    jal  ra, \model
    mv   s4, a2
    \op  a2, a0, a1
    EXPECT_EQUAL "\text", a2, s4
    bne  a2, s4, 994f
    addi s3, s3, 8
    la   t0, operands_end
    bltu s3, t0, 998b
    addi s2, s2, 8
    bltu s2, t0, 997b
    j    995f
994:
    jal  ra, show_operands
995:
.endm

.macro ALL_OPERANDS text, op, model
    la   s2, operands
998:
    ld   a0, (s2)
    li   a1, 0
    jal  ra, \model
    mv   s4, a2
    \op  a2, a0
    EXPECT_EQUAL "\text", a2, s4
    bne  a2, s4, 994f
    addi s2, s2, 8
    la   t0, operands_end
    bltu s2, t0, 998b
    j    995f
994:
    jal  ra, show_operands
995:
.endm

// An instruction that is absent goes to `label`; the extension's name is for the report.
.macro NEED name, label, instruction:vararg
    BEGIN M
    \instruction
    END
    ld   tp, LEVEL(gp)
    beqz tp, 990f
    SKIP "\name is absent", \label
990:
.endm

// The words that follow are illegal in M-mode, so in every mode.
.macro ILLEGAL text, word
    BEGIN M
    .4byte \word
    END
    EXPECT_RECORD "\text", CAUSE, CAUSE_ILLEGAL_INSTRUCTION
.endm

.macro ILLEGAL_HALF text, half
    BEGIN M
    .2byte \half
    c.nop
    END
    EXPECT_RECORD "\text", CAUSE, CAUSE_ILLEGAL_INSTRUCTION
.endm

    .text
// Prints the operands of the pair that differed; returns to ra.
show_operands:
    mv   s5, a0
    mv   s6, a1
    la   a0, text_operands
    jal  t4, print
    mv   a0, s5
    jal  t4, print_hexadecimal
    la   a0, text_and
    jal  t4, print
    mv   a0, s6
    jal  t4, print_hexadecimal
    la   a0, text_newline
    jal  t4, print
    ret

    .section .rodata
text_operands: .asciz "     the operands were "
text_and:      .asciz " and "

    // Ends of ranges, single bits, runs of ones, and words without pattern.
    .balign 8
operands:
    .dword 0, 1, 2, 3, 5, 7, 10, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x100
    .dword 0x7fff, 0x8000, 0xffff, 0x10000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001
    .dword 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001, 0x7fffffff00000000, 0x00ff00ff00ff00ff
    .dword 0x7ffffffffffffffe, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001
    .dword 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffff00000000, 0xffffffff80000000, 0xffffffff7fffffff
    .dword 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef, 0xfedcba9876543210
    .dword 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x00000000deadbeef, 0xffffffffdeadbeef
operands_end:
    .text
