// "SP alignment checking" (CheckSPAlignment of the shared pseudocode): loads and stores whose base is a stack pointer that is
// no multiple of 16, where SCTLR_ELx.SA or SA0 has it checked. It is the base that counts, and not the address.
#include "harness.h"

#define SA (1 << 3)
#define SA0 (1 << 4)

// At EL1 with SP_EL1 8 beyond a multiple of 16, the instruction is refused, and has done nothing.
.macro REFUSED text, instruction:vararg
    ldr x0, =PAGE(0)
    mov x1, #8
    mov x2, #0x55
    ldr x3, =(PAGE(0) + 0x108)
    msr sp_el1, x3
    BEGIN EL1
1:  \instruction
    END
    mrs x3, sp_el1
    EXPECT_EXCEPTION "\text", 1, EC_SP, 0
    EXPECT_ELR "\text", 1b
    EXPECT "\text: SP stays", x3, PAGE(0) + 0x108
.endm

.macro ALLOWED text, level, instruction:vararg
    ldr x0, =PAGE(0)
    ldr x3, =(PAGE(0) + 0x108)
    msr sp_el1, x3
    msr sp_el0, x3
    BEGIN \level
    \instruction
    END
    EXPECT_NONE "\text"
.endm

PROGRAM "stack-alignment"
    ALLOWED "without SCTLR_EL1.SA", EL1, ldr x2, [sp]
    ALLOWED "without SCTLR_EL1.SA0", EL0, ldr x2, [sp]

    SET sctlr_el1, SCTLR_EL1_RES1 | SA
    REFUSED "LDR", ldr x2, [sp]
    REFUSED "STR", str x2, [sp]
    REFUSED "LDRB", ldrb w2, [sp, #3]
    REFUSED "the address is a multiple of 16, and SP is not", ldr x2, [sp, #8]
    REFUSED "an offset in a register", ldr x2, [sp, x1]
    REFUSED "pre-indexed", str x2, [sp, #-8]!
    REFUSED "post-indexed", ldr x2, [sp], #8
    REFUSED "LDUR", ldur x2, [sp, #-16]
    REFUSED "LDTR", ldtr x2, [sp]
    REFUSED "LDRSW", ldrsw x2, [sp]
    REFUSED "LDP", ldp x2, x3, [sp]
    REFUSED "STP", stp x2, x3, [sp, #-16]!
    REFUSED "LDNP", ldnp x2, x3, [sp]
    REFUSED "LDXR", ldxr x2, [sp]
    REFUSED "STLXR", stlxr w4, x2, [sp]
    REFUSED "LDAR", ldar x2, [sp]
    REFUSED "STLR", stlr x2, [sp]
    REFUSED "LDAPUR", ldapur x2, [sp, #8]
    REFUSED "LDADD", ldadd x2, x4, [sp]
    REFUSED "SWP", swp x2, x4, [sp]
    REFUSED "CAS", cas x2, x4, [sp]
    REFUSED "LDR of a vector", ldr q0, [sp]
    REFUSED "STUR of a vector", stur d0, [sp, #8]
    REFUSED "STP of vectors", stp q0, q1, [sp], #32
    REFUSED "LD1", ld1 {v0.16b}, [sp]
    REFUSED "ST4 of lanes", st4 {v0.b, v1.b, v2.b, v3.b}[1], [sp], #4
    ALLOWED "PRFM checks nothing", EL1, prfm pldl1keep, [sp]
    ALLOWED "PRFUM checks nothing", EL1, prfum pldl1keep, [sp, #1]
    ALLOWED "arithmetic checks nothing", EL1, add x0, sp, #8
    ALLOWED "another base is none", EL1, ldr x2, [x0, #8]
    ALLOWED "SA is not about EL0", EL0, ldr x2, [sp]
    ldr x3, =(PAGE(0) + 0x100)
    msr sp_el1, x3
    BEGIN EL1
    ldr x2, [sp, #8]
    str x2, [sp], #16
    END
    EXPECT_NONE "SP is a multiple of 16, whatever the address is"

    // SP_EL0 at EL1.
    ldr x3, =(PAGE(0) + 4)
    msr sp_el0, x3
    BEGIN EL1
    msr spsel, #0
1:  ldr w2, [sp]
    END
    EXPECT_EXCEPTION "SP_EL0 at EL1 is checked by SA", 1, EC_SP, 0
    EXPECT_ELR "SP_EL0 at EL1", 1b
    EXPECT_RECORD "SP_EL0 at EL1: the vector", VECTOR, 0

    // What comes first.
    SET cpacr_el1, 0
    ldr x3, =(PAGE(0) + 8)
    msr sp_el1, x3
    BEGIN EL1
    ldr q0, [sp]
    END
    SET cpacr_el1, 3 << 20
    EXPECT_EXCEPTION "that floating point is off comes before", 1, EC_FP, 0x1e00000
    ldr x3, =0x8
    msr sp_el1, x3
    BEGIN EL1
    ldr x0, [sp, #-16]
    END
    EXPECT_EXCEPTION "the check comes before all of memory", 1, EC_SP, 0

    // Code that has run many times, and SP that moves within it.
    ldr x3, =(PAGE(0) + 0x100)
    msr sp_el1, x3
    mov x2, #4000
    BEGIN EL1
    mov x4, sp
    add x5, x4, #8
1:  cmp x2, #10
    csel x6, x4, x5, hi
    mov sp, x6
    stp x2, x4, [sp, #-16]!
2:  ldr x1, [sp], #16
    subs x2, x2, #1
    b.ne 1b
    END
    EXPECT_EXCEPTION "a loop in which SP is aligned all but the last times", 1, EC_SP, 0
    EXPECT "it ends the first time it is not", x2, 10
    mov x2, #4000
    msr sp_el1, x3
    BEGIN EL1
1:  str x2, [sp, #-16]!
    cmp x2, #10
    cset x6, ls
    sub sp, sp, #48
    ldr x1, [sp, #48]
    add sp, sp, x6, lsl #3
2:  ldr x1, [sp, #48]
    add sp, sp, #64
    subs x2, x2, #1
    b.ne 1b
    END
    EXPECT_EXCEPTION "SP moves by a number that is not known", 1, EC_SP, 0
    EXPECT_ELR "SP moves by a number that is not known", 2b
    mov x2, #4000
    msr sp_el1, x3
    BEGIN EL1
1:  str x2, [sp, #-32]!
    add sp, sp, #8
    sub x2, x2, #1
    cbnz x2, 2f
3:  ldr x1, [sp]
    b 4f
2:  add sp, sp, #24
    b 1b
4:
    END
    EXPECT_EXCEPTION "SP moves by half of 16", 1, EC_SP, 0
    EXPECT_ELR "SP moves by half of 16", 3b

    // EL0
    SET sctlr_el1, SCTLR_EL1_RES1 | SA0
    ALLOWED "SA0 is not about EL1", EL1, ldr x2, [sp]
    ldr x3, =(PAGE(0) + 8)
    msr sp_el0, x3
    BEGIN EL0
1:  ldr x2, [sp]
    END
    EXPECT_EXCEPTION "SCTLR_EL1.SA0: EL0", 1, EC_SP, 0
    EXPECT_ELR "SCTLR_EL1.SA0: EL0", 1b
    EXPECT_RECORD "SCTLR_EL1.SA0: the vector", VECTOR, 0x400
    SET hcr_el2, HCR_RW | 1 << 27
    BEGIN EL0
1:  ldr x2, [sp]
    END
    EXPECT_EXCEPTION "HCR_EL2.TGE: it goes to EL2", 2, EC_SP, 0
    SET hcr_el2, HCR_RW | 1 << 27 | 1 << 34
    SET sctlr_el1, 0x30d00800       // EL2's, with E2H
    BEGIN EL0
    ldr x2, [sp]
    END
    EXPECT_NONE "with E2H and TGE SCTLR_EL1.SA0 says nothing"
    SET sctlr_el1, 0x30d00800 | SA0
    BEGIN EL0
1:  ldr x2, [sp]
    END
    SET sctlr_el1, SCTLR_EL2_RES1
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "with E2H and TGE SCTLR_EL2.SA0 does", 2, EC_SP, 0
    SET sctlr_el1, SCTLR_EL1_RES1

    // EL2
    BEGIN EL2
    msr spsel, #0
    ldr x2, [sp]
    END
    EXPECT_NONE "without SCTLR_EL2.SA"
    SET sctlr_el2, SCTLR_EL2_RES1 | SA
    BEGIN EL2
    msr spsel, #0
1:  ldr x2, [sp]
    END
    SET sctlr_el2, SCTLR_EL2_RES1
    EXPECT_EXCEPTION "SCTLR_EL2.SA", 2, EC_SP, 0
    EXPECT_ELR "SCTLR_EL2.SA", 1b
    EXPECT_RECORD "SCTLR_EL2.SA: the vector", VECTOR, 0
    DONE
