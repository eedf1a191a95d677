// Every synchronous cause that a hart with C can raise, from each mode, with the values it leaves in mepc and mtval.
// (Misaligned fetch cannot happen with C: bit 0 of every target is cleared or never set.)
#include "harness.h"
PROGRAM "traps"

    // ECALL and EBREAK (3.3.1)
    BEGIN M
    nop
    .option push
    .option norvc
1:  ecall
    .option pop
    END
    EXPECT_TRAP "3.3.1: ECALL in M-mode raises cause 11", M, CAUSE_ECALL_M, 0
    EXPECT_EPC "3.3.1: ECALL sets mepc to the address of the ECALL itself", 1b
    BEGIN S
1:  ecall
    END
    EXPECT_TRAP "3.3.1: ECALL in S-mode raises cause 9", M, CAUSE_ECALL_S, 0
    EXPECT_EPC "3.3.1: ECALL in S-mode sets mepc to its own address", 1b
    EXPECT_RECORD_BITS "3.1.6.1: a trap from S-mode leaves MPP = 1", STATUS, STATUS_MPP, STATUS_MPP_S
    BEGIN U
1:  ecall
    END
    EXPECT_TRAP "3.3.1: ECALL in U-mode raises cause 8", M, CAUSE_ECALL_U, 0
    EXPECT_EPC "3.3.1: ECALL in U-mode sets mepc to its own address", 1b
    EXPECT_RECORD_BITS "3.1.6.1: a trap from U-mode leaves MPP = 0", STATUS, STATUS_MPP, 0
    BEGIN U
    .option push
    .option norvc
    nop
1:  ebreak
    .option pop
    END
    EXPECT_TRAP "3.3.1: EBREAK raises cause 3", M, CAUSE_BREAKPOINT
    EXPECT_EPC "3.3.1: EBREAK sets mepc to the address of the EBREAK itself", 1b
    la   a0, 1b
    ld   a1, TVAL(gp)
    beqz a1, 2f
    EXPECT_EQUAL "3.1.16: EBREAK sets mtval to zero or to its own address", a1, a0
2:  BEGIN S
1:  c.ebreak
    END
    EXPECT_TRAP "3.3.1: C.EBREAK raises cause 3", M, CAUSE_BREAKPOINT
    EXPECT_EPC "3.3.1: C.EBREAK sets mepc to the address of the C.EBREAK itself", 1b

    // Illegal instructions (3.1.16: mtval is zero or the instruction's bits)
    .macro ILLEGAL mode, what, bits
    BEGIN \mode
1:  .4byte \bits
    END
    EXPECT_TRAP "\what is illegal in \mode-mode", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "3.1.14: \what sets mepc to its own address", 1b
    EXPECT_RECORD_ONE_OF "3.1.16: \what sets mtval to its bits or to zero", TVAL, \bits, 0
    .endm
    ILLEGAL M, "an instruction of 32 ones", 0xffffffff
    ILLEGAL S, "an instruction of 32 ones", 0xffffffff
    ILLEGAL U, "an instruction of 32 ones", 0xffffffff
    ILLEGAL M, "the unused OP encoding with funct7 = 0x7f", 0xfe00003b
    ILLEGAL U, "the load of funct3 = 7", 0x00007003
    ILLEGAL U, "the store of funct3 = 7", 0x00007023
    ILLEGAL U, "the branch of funct3 = 2", 0x00002063
    ILLEGAL U, "JALR of funct3 = 1", 0x00001067
    ILLEGAL U, "SLLI with bit 26 set", 0x04001013
    BEGIN U
1:  .2byte 0
    .2byte 0
    END
    EXPECT_TRAP "Unpriv. 26: a halfword of zeros is illegal", M, CAUSE_ILLEGAL_INSTRUCTION, 0
    EXPECT_EPC "Unpriv. 26: a halfword of zeros sets mepc to its own address", 1b
    BEGIN U
1:  .2byte 0x4002           // C.LWSP with rd = x0
    END
    EXPECT_TRAP "Unpriv. 26.3.1: C.LWSP with rd = x0 is reserved", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_RECORD_ONE_OF "3.1.16: a compressed illegal instruction has 16 bits in mtval", TVAL, 0x4002, 0
    BEGIN U
1:  .2byte 0x8002           // C.JR with rs1 = x0
    END
    EXPECT_TRAP "Unpriv. 26.4: C.JR with rs1 = x0 is reserved", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN U
    .2byte 0x2001           // C.ADDIW with rd = x0
    END
    EXPECT_TRAP "Unpriv. 26.5.2: C.ADDIW with rd = x0 is reserved", M, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN U
    .2byte 0x6101           // C.ADDI16SP with immediate 0
    END
    EXPECT_TRAP "Unpriv. 26.5.2: C.ADDI16SP with immediate 0 is reserved", M, CAUSE_ILLEGAL_INSTRUCTION

    // Privileged instructions and CSRs from below (2.1, 3.3.2)
    .macro ILLEGAL_IN mode, what, instruction:vararg
    BEGIN \mode
1:  \instruction
    END
    EXPECT_TRAP "\what", M, CAUSE_ILLEGAL_INSTRUCTION
    EXPECT_EPC "3.1.14: mepc is the address of the illegal instruction", 1b
    .endm
    ILLEGAL_IN S, "3.3.2: MRET in S-mode is illegal", mret
    ILLEGAL_IN U, "3.3.2: MRET in U-mode is illegal", mret
    ILLEGAL_IN U, "3.3.2: SRET in U-mode is illegal", sret
    ILLEGAL_IN U, "10.2.1: SFENCE.VMA in U-mode is illegal", sfence.vma
    ILLEGAL_IN S, "2.1: reading mstatus in S-mode is illegal", csrr zero, mstatus
    ILLEGAL_IN S, "2.1: writing mscratch in S-mode is illegal", csrw mscratch, zero
    ILLEGAL_IN U, "2.1: reading mhartid in U-mode is illegal", csrr zero, mhartid
    ILLEGAL_IN U, "2.1: reading sstatus in U-mode is illegal", csrr zero, sstatus
    ILLEGAL_IN U, "2.1: writing satp in U-mode is illegal", csrw satp, zero
    ILLEGAL_IN U, "2.1: writing sscratch in U-mode is illegal", csrw sscratch, zero
    ILLEGAL_IN M, "2.1: writing the read-only mvendorid is illegal", csrw mvendorid, zero
    ILLEGAL_IN M, "2.1: writing the read-only mhartid is illegal", csrw mhartid, zero
    ILLEGAL_IN M, "2.1: setting bits of the read-only cycle is illegal", csrs cycle, t0
    ILLEGAL_IN M, "2.1: reading an absent CSR (0x5c0) is illegal", csrr zero, 0x5c0
    ILLEGAL_IN M, "2.1: reading an absent CSR (0x7c7) is illegal", csrr zero, 0x7c7
    ILLEGAL_IN M, "2.1: DRET is illegal outside debug mode", .4byte 0x7b200073
    BEGIN M
    csrrs t0, mhartid, zero
    csrrsi t1, mvendorid, 0
    csrrc t1, mimpid, zero
    csrrci t1, marchid, 0
    END
    EXPECT_NO_TRAP "Unpriv. 7.1: CSRRS and CSRRC with x0 or 0 do not write: legal on a read-only CSR"
    EXPECT "3.1.5: the first hart has mhartid 0", t0, 0

    // Floating point off (3.1.6.6)
    li   t0, STATUS_FS
    csrc mstatus, t0
    ILLEGAL_IN M, "3.1.6.6: a floating-point instruction with FS = Off is illegal", fadd.d fa0, fa0, fa0
    ILLEGAL_IN U, "3.1.6.6: FLD with FS = Off is illegal", fld fa0, 0(sp)
    ILLEGAL_IN U, "3.1.6.6: C.FLDSP with FS = Off is illegal", c.fldsp fa0, 0(sp)
    ILLEGAL_IN S, "3.1.6.6: reading fcsr with FS = Off is illegal", csrr zero, fcsr
    ILLEGAL_IN S, "3.1.6.6: writing frm with FS = Off is illegal", csrw frm, zero
    li   t0, STATUS_FS_INITIAL
    csrs mstatus, t0
    BEGIN U
    csrr zero, fcsr
    END
    EXPECT_NO_TRAP "3.1.6.6: fcsr may be read with FS = Initial"
    csrwi fcsr, 0
    li   t0, 5
    csrw frm, t0
    ILLEGAL_IN U, "Unpriv. 20.2: a dynamic rounding mode of 5 is illegal when used", fadd.s fa0, fa0, fa0
    csrw frm, zero
    ILLEGAL_IN U, "Unpriv. 20.2: a static rounding mode of 5 is illegal", .4byte 0x0000d053

    // Access faults: a vacant address (3.6). Its tval is the address (Sstvala; 3.1.16).
    li   a0, 0x8000000
    li   a1, 0x12345678
    BEGIN M
1:  lw   a1, 8(a0)
    END
    EXPECT_TRAP "3.1.15: a load from vacant memory raises cause 5", M, CAUSE_LOAD_ACCESS, 0x8000008
    EXPECT_EPC "3.1.14: a faulting load sets mepc to its own address", 1b
    EXPECT "3.1.14: a faulting load leaves rd as it was", a1, 0x12345678
    BEGIN S
    ld   a1, 16(a0)
    END
    EXPECT_TRAP "3.1.15: a load from vacant memory raises cause 5 in S-mode", M, CAUSE_LOAD_ACCESS, 0x8000010
    BEGIN M
1:  sd   a1, -8(a0)
    END
    EXPECT_TRAP "3.1.15: a store to vacant memory raises cause 7", M, CAUSE_STORE_ACCESS, 0x7fffff8
    EXPECT_EPC "3.1.14: a faulting store sets mepc to its own address", 1b
    BEGIN U
    sb   a1, 3(a0)
    END
    EXPECT_TRAP "3.1.15: a store to vacant memory raises cause 7 in U-mode", M, CAUSE_STORE_ACCESS, 0x8000003
    BEGIN M
    amoadd.w a1, a1, (a0)
    END
    EXPECT_TRAP "3.1.15: an AMO on vacant memory raises cause 7", M, CAUSE_STORE_ACCESS, 0x8000000
    EXPECT "3.1.14: a faulting AMO leaves rd as it was", a1, 0x12345678
    BEGIN M
    lr.d a1, (a0)
    END
    EXPECT_TRAP "3.1.15: LR on vacant memory raises cause 5", M, CAUSE_LOAD_ACCESS, 0x8000000
    BEGIN M
    fld  fa0, 24(a0)
    END
    EXPECT_TRAP "3.1.15: a floating-point load from vacant memory raises cause 5", M, CAUSE_LOAD_ACCESS, 0x8000018
    BEGIN M
    jr   a0
    END
    EXPECT_TRAP "3.1.15: a fetch from vacant memory raises cause 1", M, CAUSE_FETCH_ACCESS, 0x8000000
    EXPECT_RECORD "3.1.14: a faulting fetch sets mepc to the address fetched", EPC, 0x8000000
    li   ra, 0
    BEGIN U
    jalr ra, 2(a0)
    END
    EXPECT_TRAP "3.1.15: a fetch from vacant memory raises cause 1 in U-mode", M, CAUSE_FETCH_ACCESS, 0x8000002
    BEGIN M
    li   a0, 0x8000000
    jalr zero, 1(a0)
    END
    EXPECT_TRAP "Unpriv. 2.5.1: JALR clears bit 0 of its target", M, CAUSE_FETCH_ACCESS, 0x8000000

    // Misaligned atomics never succeed in part (Unpriv. 14.2, 14.4: exception, address-misaligned or access fault)
    li   a0, PAGE(0) + 2
    li   a1, 1
    .macro MISALIGNED_ATOMIC what, misaligned, access, instruction:vararg
    BEGIN M
1:  \instruction
    END
    EXPECT_RECORD_ONE_OF "\what raises address-misaligned or access fault", CAUSE, \misaligned, \access
    EXPECT_RECORD "\what traps to M", LEVEL, LEVEL_M
    EXPECT_RECORD "\what sets mtval to its address", TVAL, PAGE(0) + 2
    EXPECT_EPC "\what sets mepc to its own address", 1b
    .endm
    POKE PAGE(0), 0x1111111122222222
    MISALIGNED_ATOMIC "Unpriv. 14.2: a misaligned LR.W", CAUSE_MISALIGNED_LOAD, CAUSE_LOAD_ACCESS, lr.w t0, (a0)
    MISALIGNED_ATOMIC "Unpriv. 14.2: a misaligned SC.W", CAUSE_MISALIGNED_STORE, CAUSE_STORE_ACCESS, sc.w t0, t1, (a0)
    MISALIGNED_ATOMIC "Unpriv. 14.2: a misaligned LR.D", CAUSE_MISALIGNED_LOAD, CAUSE_LOAD_ACCESS, lr.d t0, (a0)
    MISALIGNED_ATOMIC "Unpriv. 14.2: a misaligned SC.D", CAUSE_MISALIGNED_STORE, CAUSE_STORE_ACCESS, sc.d t0, t1, (a0)
    li   a0, PAGE(0)
    ld   a1, (a0)
    EXPECT "Unpriv. 14.2: a misaligned SC stores nothing", a1, 0x1111111122222222

    // The trap as seen through mstatus (3.1.6.1)
    csrsi mstatus, STATUS_MIE
    BEGIN S
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "3.1.6.1: a trap clears MIE", STATUS, STATUS_MIE, 0
    li   t0, STATUS_MPIE
    csrs mstatus, t0
    BEGIN M
    csrsi mstatus, STATUS_MIE
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "3.1.6.1: a trap moves MIE = 1 to MPIE", STATUS, STATUS_MIE | STATUS_MPIE, STATUS_MPIE
    EXPECT_RECORD_BITS "3.1.6.1: a trap from M-mode leaves MPP = 3", STATUS, STATUS_MPP, STATUS_MPP_M
    BEGIN M
    csrci mstatus, STATUS_MIE
    .4byte 0xffffffff
    END
    EXPECT_RECORD_BITS "3.1.6.1: a trap moves MIE = 0 to MPIE", STATUS, STATUS_MIE | STATUS_MPIE, 0
    DONE
