// Zicsr: what CSRRW, CSRRS, CSRRC and their immediate forms read, write and leave alone (chapter 7). mscratch is the
// CSR that keeps all it is given; fflags, frm and fcsr are three views of one register.
// QEMU 7.2 takes CSRRS and CSRRC with a register that holds zero for reads; later versions do not.
#include "unprivileged/instructions.h"
PROGRAM "zicsr"

    .macro CSR op, old, operand, new
    li   a0, \old
    csrw mscratch, a0
    li   a1, \operand
    \op  a2, mscratch, a1
    EXPECT "7.1: \op returns the old value", a2, \old
    csrr a3, mscratch
    EXPECT "7.1: \op of \old and \operand", a3, \new
    csrw mscratch, a0
    \op  a1, mscratch, a1
    EXPECT "7.1: \op with rd = rs1 returns the old value", a1, \old
    csrr a3, mscratch
    EXPECT "7.1: \op with rd = rs1 writes the old register", a3, \new
    csrw mscratch, a0
    li   a1, \operand
    \op  zero, mscratch, a1
    csrr a3, mscratch
    EXPECT "7.1: \op with rd = x0 writes the same", a3, \new
    .endm
    CSR csrrw, 0x0123456789abcdef, 0xfedcba9876543210, 0xfedcba9876543210
    CSR csrrw, -1, 0, 0
    CSR csrrs, 0x0f0f0f0f0f0f0f0f, 0x00ffff00ff0000ff, 0x0fffff0fff0f0fff
    CSR csrrs, 0x1234, 0, 0x1234
    CSR csrrs, 0x1234, -1, -1
    CSR csrrc, 0x0f0f0f0f0f0f0f0f, 0x00ffff00ff0000ff, 0x0f00000f000f0f00
    CSR csrrc, 0x1234, 0, 0x1234
    CSR csrrc, 0x1234, -1, 0

    .macro CSRI op, old, operand, new
    li   a0, \old
    csrw mscratch, a0
    \op  a2, mscratch, \operand
    EXPECT "7.1: \op returns the old value", a2, \old
    csrr a3, mscratch
    EXPECT "7.1: \op of \old and \operand: five bits, not sign-extended", a3, \new
    csrw mscratch, a0
    \op  zero, mscratch, \operand
    csrr a3, mscratch
    EXPECT "7.1: \op with rd = x0 writes the same", a3, \new
    .endm
    CSRI csrrwi, -1, 31, 31
    CSRI csrrwi, -1, 16, 16
    CSRI csrrwi, 0x1234, 0, 0
    CSRI csrrsi, 0x100, 31, 0x11f
    CSRI csrrsi, 0x100, 0, 0x100
    CSRI csrrci, -1, 31, 0xffffffffffffffe0
    CSRI csrrci, -1, 0, -1

    // x0 as source: CSRRW writes zero, CSRRS and CSRRC do not write
    li   a0, 0x5555
    csrw mscratch, a0
    csrrs a1, mscratch, zero
    csrrc a1, mscratch, zero
    csrr a2, mscratch
    EXPECT "7.1: CSRRS and CSRRC with x0 leave the CSR as it is", a2, 0x5555
    csrrw a1, mscratch, zero
    EXPECT "7.1: CSRRW with x0 returns the old value", a1, 0x5555
    csrr a2, mscratch
    EXPECT "7.1: CSRRW with x0 writes zero", a2, 0
    csrrw zero, mscratch, a0
    mv   a1, zero
    EXPECT "7.1: x0 is not changed by a CSR read", a1, 0

    // Read-only CSRs: an instruction that would write is illegal, even if it would write what is there
    .macro READ_ONLY instruction:vararg
    li   a0, 0
    li   a1, 0x77
    BEGIN M
    \instruction
    END
    EXPECT_TRAP "7.1: \instruction writes a read-only CSR: illegal", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT "7.1: \instruction leaves rd alone", a1, 0x77
    .endm
    READ_ONLY csrrw a1, mvendorid, a0
    READ_ONLY csrrw zero, mhartid, zero
    READ_ONLY csrrs a1, mhartid, a0
    READ_ONLY csrrc a1, mhartid, a0
    READ_ONLY csrrwi a1, mhartid, 0
    READ_ONLY csrrsi a1, mhartid, 1
    READ_ONLY csrrci a1, mhartid, 1
    READ_ONLY csrrs a1, cycle, a0
    BEGIN M
    csrrs a1, mhartid, zero
    csrrc a2, mhartid, zero
    csrrsi a3, mhartid, 0
    csrrci a4, mhartid, 0
    END
    EXPECT_NO_TRAP "7.1: CSRRS and CSRRC with x0, CSRRSI and CSRRCI with 0 only read"
    EXPECT_EQUAL "7.1: the forms that only read agree", a1, a2
    EXPECT_EQUAL "7.1: the forms that only read agree", a1, a3
    EXPECT_EQUAL "7.1: the forms that only read agree", a1, a4
    READ_ONLY csrrs a1, 0x5c0, zero
    READ_ONLY csrrw zero, 0x5c0, a0
    ILLEGAL "7.1: SYSTEM with funct3 = 4 is no CSR instruction", 0x34054573

    // The floating-point CSRs (20.2)
    NEED_MISA F, end
    csrwi fcsr, 0
    li   a0, -1
    csrw fcsr, a0
    csrr a1, fcsr
    EXPECT "20.2: fcsr has eight bits", a1, 0xff
    csrr a1, fflags
    EXPECT "20.2: fflags are bits 4 to 0 of fcsr", a1, 0x1f
    csrr a1, frm
    EXPECT "20.2: frm is bits 7 to 5 of fcsr", a1, 7
    csrwi fflags, 0
    csrr a1, fcsr
    EXPECT "20.2: writing fflags leaves frm", a1, 0xe0
    csrwi frm, 2
    csrr a1, fcsr
    EXPECT "20.2: writing frm leaves fflags", a1, 0x40
    csrrsi a2, fflags, 5
    csrr a1, fcsr
    EXPECT "20.2: setting flags sets them in fcsr", a1, 0x45
    csrrci a2, fflags, 4
    EXPECT "20.2: clearing flags returns the old flags alone", a2, 5
    csrr a1, fcsr
    EXPECT "20.2: clearing flags clears them in fcsr", a1, 0x41
    li   a0, 0x7ff
    csrw frm, a0
    csrr a1, fcsr
    EXPECT "20.2: frm takes three bits", a1, 0xe1
    li   a0, 0xffe0
    csrw fflags, a0
    csrr a1, fcsr
    EXPECT "20.2: fflags take five bits", a1, 0xe0
    fsrm a1, zero
    EXPECT "20.2: FSRM returns the old mode", a1, 7
    fsflags zero
    fscsr a1, zero
    EXPECT "20.2: FSCSR returns the old register", a1, 0

end:
    DONE
