// htinst and mtinst (19.6.3): after a load, store or AMO that the G stage refuses, zero or the transformed instruction:
// the trapping one without its offset, with the address offset in place of rs1, and bit 1 clear if it was compressed.
// The expected word is assembled beside each check, written with rs1 = x0 and offset 0.
#include "harness.h"
PROGRAM "tinst"
#define VA 0x10000
#define GPA 0x50000
    NEED_MISA H, done
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    MAP   VS_ROOT, 3, VA - 0x1000, GPA - 0x1000, PTE_S_ALL
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    MAP   VS_ROOT, 3, VA + 0x1000, GPA + 0x1000, PTE_S_ALL
    MAP_G G_ROOT, 3, GPA - 0x1000, PAGE(0), PTE_U_ALL
    MAP_G G_ROOT, 3, GPA + 0x1000, PAGE(1), PTE_V | PTE_R | PTE_U | PTE_AD
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    li   t0, 0xf0b1ff & ~0x200
    csrw medeleg, t0
    li   a0, VA

    // Runs `instruction` in `mode`; the value must be `reference` with `bits` set and `clear` cleared, or zero.
    .macro VALUE mode, cause, reference, instruction, bits, clear
    .pushsection .rodata
    .option push
    .option norvc
    .balign 4
995:
    \reference
    .option pop
    .popsection
    BEGIN \mode
    \instruction
    END
    EXPECT_RECORD "19.5.2: \instruction: its guest-page fault", CAUSE, \cause
    la   t0, 995b
    lwu  t0, (t0)
    li   t1, \bits
    or   t0, t0, t1
    li   t1, ~(\clear)
    and  t0, t0, t1
    ld   t1, TINST(gp)
    bnez t1, 994f
    mv   t0, t1
994:
    EXPECT_EQUAL "19.6.3: \instruction: zero, or transformed", t1, t0
    .endm
    .macro LOAD reference, instruction
    .option push
    .option norvc
    VALUE VS, CAUSE_LOAD_GUEST_PAGE_FAULT, "\reference", "\instruction", 0, 0
    .option pop
    .endm
    .macro STORE reference, instruction
    .option push
    .option norvc
    VALUE VS, CAUSE_STORE_GUEST_PAGE_FAULT, "\reference", "\instruction", 0, 0
    .option pop
    .endm
    .macro COMPRESSED cause, reference, instruction
    VALUE VS, \cause, "\reference", "\instruction", 0, 2
    .endm

    // Loads and stores
    LOAD "lb a1, 0(x0)", "lb a1, 3(a0)"
    LOAD "lbu s7, 0(x0)", "lbu s7, 0(a0)"
    LOAD "lh t6, 0(x0)", "lh t6, 2(a0)"
    LOAD "lhu a2, 0(x0)", "lhu a2, 1022(a0)"
    LOAD "lw a1, 0(x0)", "lw a1, 8(a0)"
    LOAD "lwu t5, 0(x0)", "lwu t5, 4(a0)"
    LOAD "ld a1, 0(x0)", "ld a1, 16(a0)"
    LOAD "ld x0, 0(x0)", "ld x0, 0(a0)"
    LOAD "flw fa1, 0(x0)", "flw fa1, 4(a0)"
    LOAD "fld ft11, 0(x0)", "fld ft11, 8(a0)"
    STORE "sb a1, 0(x0)", "sb a1, 1(a0)"
    STORE "sh s11, 0(x0)", "sh s11, 2(a0)"
    STORE "sw t6, 0(x0)", "sw t6, 4(a0)"
    STORE "sd a1, 0(x0)", "sd a1, 2040(a0)"
    STORE "sd x0, 0(x0)", "sd x0, 0(a0)"
    STORE "fsw fa1, 0(x0)", "fsw fa1, 4(a0)"
    STORE "fsd fs11, 0(x0)", "fsd fs11, 8(a0)"

    // Atomics: every field but rs1
    LOAD "lr.w a1, (x0)", "lr.w a1, (a0)"
    LOAD "lr.d.aqrl t6, (x0)", "lr.d.aqrl t6, (a0)"
    .irp operation, amoswap.w, amoadd.w, amoxor.w, amoand.w, amoor.w, amomin.w, amomax.w, amominu.w, amomaxu.w
    STORE "\operation a1, a2, (x0)", "\operation a1, a2, (a0)"
    .endr
    .irp operation, amoswap.d, amoadd.d, amoxor.d, amoand.d, amoor.d, amomin.d, amomax.d, amominu.d, amomaxu.d
    STORE "\operation a1, a2, (x0)", "\operation a1, a2, (a0)"
    .endr
    STORE "amoadd.w.aq x0, s11, (x0)", "amoadd.w.aq x0, s11, (a0)"
    STORE "amoswap.d.rl t6, x0, (x0)", "amoswap.d.rl t6, x0, (a0)"
    li   a0, VA + 0x1000
    .macro STORE_CONDITIONAL reference, load, instruction
    .pushsection .rodata
    .option push
    .option norvc
    .balign 4
995:
    \reference
    .option pop
    .popsection
    BEGIN VS
    \load
    \instruction
    END
    EXPECT_RECORD "19.5.2: \instruction: its guest-page fault", CAUSE, CAUSE_STORE_GUEST_PAGE_FAULT
    la   t0, 995b
    lwu  t0, (t0)
    ld   t1, TINST(gp)
    bnez t1, 994f
    mv   t0, t1
994:
    EXPECT_EQUAL "19.6.3: \instruction: zero, or transformed", t1, t0
    .endm
    STORE_CONDITIONAL "sc.w a1, a2, (x0)", "lr.w a3, (a0)", "sc.w a1, a2, (a0)"
    STORE_CONDITIONAL "sc.d.rl t6, s11, (x0)", "lr.d a3, (a0)", "sc.d.rl t6, s11, (a0)"

    // Compressed: the expanded instruction with bit 1 clear
    li   a0, VA
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "lw a1, 0(x0)", "c.lw a1, 4(a0)"
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "ld a5, 0(x0)", "c.ld a5, 248(a0)"
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "fld fa3, 0(x0)", "c.fld fa3, 8(a0)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "sw a1, 0(x0)", "c.sw a1, 124(a0)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "sd s1, 0(x0)", "c.sd s1, 8(a0)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "fsd fs0, 0(x0)", "c.fsd fs0, 16(a0)"
    li   sp, VA
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "lw t6, 0(x0)", "c.lwsp t6, 4(sp)"
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "ld t6, 0(x0)", "c.ldsp t6, 504(sp)"
    COMPRESSED CAUSE_LOAD_GUEST_PAGE_FAULT, "fld ft0, 0(x0)", "c.fldsp ft0, 0(sp)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "sw s11, 0(x0)", "c.swsp s11, 8(sp)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "sd s11, 0(x0)", "c.sdsp s11, 16(sp)"
    COMPRESSED CAUSE_STORE_GUEST_PAGE_FAULT, "fsd ft11, 0(x0)", "c.fsdsp ft11, 24(sp)"

    // Misaligned, the second half refused: the address offset stands where rs1 stood
    .option push
    .option norvc
    NEED_MISALIGNED 1f
    li   a0, VA - 8
    VALUE VS, CAUSE_LOAD_GUEST_PAGE_FAULT, "ld a1, 0(x0)", "ld a1, 5(a0)", 3 << 15, 0
    VALUE VS, CAUSE_LOAD_GUEST_PAGE_FAULT, "lw a1, 0(x0)", "lw a1, 7(a0)", 1 << 15, 0
    VALUE VS, CAUSE_STORE_GUEST_PAGE_FAULT, "sd a1, 0(x0)", "sd a1, 1(a0)", 7 << 15, 0
    VALUE VS, CAUSE_STORE_GUEST_PAGE_FAULT, "sh a1, 0(x0)", "sh a1, 7(a0)", 1 << 15, 0

1:
    // HLV, HLVX and HSV
    li   t0, HSTATUS_SPVP
    csrs hstatus, t0
    li   a0, VA
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlv.b a1, (x0)", "hlv.b a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlv.bu a1, (x0)", "hlv.bu a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlv.h a1, (x0)", "hlv.h a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlv.w a1, (x0)", "hlv.w a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlv.d a1, (x0)", "hlv.d a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlvx.hu a1, (x0)", "hlvx.hu a1, (a0)", 0, 0
    VALUE HS, CAUSE_LOAD_GUEST_PAGE_FAULT, "hlvx.wu a1, (x0)", "hlvx.wu a1, (a0)", 0, 0
    VALUE HS, CAUSE_STORE_GUEST_PAGE_FAULT, "hsv.b a1, (x0)", "hsv.b a1, (a0)", 0, 0
    VALUE HS, CAUSE_STORE_GUEST_PAGE_FAULT, "hsv.d t6, (x0)", "hsv.d t6, (a0)", 0, 0

    // The same into mtinst
    csrw medeleg, zero
    VALUE VS, CAUSE_LOAD_GUEST_PAGE_FAULT, "lw a1, 0(x0)", "lw a1, 8(a0)", 0, 0
    VALUE VS, CAUSE_STORE_GUEST_PAGE_FAULT, "sd a1, 0(x0)", "sd a1, 8(a0)", 0, 0
    VALUE VS, CAUSE_STORE_GUEST_PAGE_FAULT, "amoor.d a1, a2, (x0)", "amoor.d a1, a2, (a0)", 0, 0
    .option pop
    VALUE VS, CAUSE_LOAD_GUEST_PAGE_FAULT, "ld a1, 0(x0)", "c.ld a1, 8(a0)", 0, 2

    // Page faults of the VS stage and access faults may have it too
    li   a0, VA + 0x8000
    .option push
    .option norvc
    VALUE VS, CAUSE_LOAD_PAGE_FAULT, "lw a1, 0(x0)", "lw a1, 8(a0)", 0, 0
    VALUE VS, CAUSE_STORE_PAGE_FAULT, "sb a1, 0(x0)", "sb a1, 8(a0)", 0, 0
    VALUE HS, CAUSE_LOAD_ACCESS, "lw a1, 0(x0)", "lw a1, 8(a0)", 0, 0
    .option pop

    // What is always zero
    .macro ZERO text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_RECORD "19.6.3: zero for \text", TINST, 0
    .endm
    .irp delegated, 0, 0xf0b5ff
    li   t0, \delegated
    csrw medeleg, t0
    li   a0, VA
    ZERO "a fetch guest-page fault", VS, jr a0
    ZERO "an illegal instruction", VS, .4byte 0xffffffff
    ZERO "a virtual instruction", VS, hfence.vvma
    ZERO "EBREAK", VS, ebreak
    ZERO "ECALL", VU, ecall
    li   a0, VA + 0x8000
    ZERO "a fetch page fault", VS, jr a0
    .endr
    li   t0, VSSIP
    csrw hvip, t0
    csrw hie, t0
    ZERO "an interrupt", VS, nop
    EXPECT_RECORD "19.6.3: it was the interrupt", CAUSE, INTERRUPT(IRQ_VSSI)
done:
    DONE
