// FEAT_BTI: what may be branched to in a guarded page (D8.4.8; BTypeCompatible).
#include "harness.h"

#define GUARDED VALID | AF | SH_INNER | GP

// BR or BLR at EL1 to page 0, whose first instruction is `word`; HVC of END follows there.
.macro TARGET word, register, branch:vararg
    ldr x0, =PAGE(0)
    ldr w1, =\word
    str w1, [x0]
    ldr w1, =0xd40c01a2             // hvc #CALL_END
    str w1, [x0, #4]
    dc cvau, x0
    dsb sy
    ic ivau, x0
    dsb sy
    isb
    ldr \register, =TEST(0)
    BEGIN EL1
    \branch
    END
.endm

.macro REFUSED text, type
    EXPECT_RECORD "\text: the level", LEVEL, 1
    EXPECT_RECORD_BITS "\text: ESR_EL1 but for IL", ESR, ~IL, (EC_BTI << 26 | \type)
    EXPECT_RECORD "\text: ELR_EL1", ELR, TEST(0)
    EXPECT_RECORD_BITS "\text: SPSR_EL1.BTYPE", SPSR, 3 << 10, \type << 10
.endm

PROGRAM "branch-targets"
    TABLES_ON
    MAP_ONE 0, PAGE(0) | GUARDED
    .equ nop_, 0xd503201f
    .equ bti_, 0xd503241f
    .equ bti_c, 0xd503245f
    .equ bti_j, 0xd503249f
    .equ bti_jc, 0xd50324df
    .equ paciasp_, 0xd503233f
    // From a page that is not guarded, BR counts as through X16.
    TARGET nop_, x9, br x9
    REFUSED "BR to NOP", 1
    TARGET nop_, x9, blr x9
    REFUSED "BLR to NOP", 2
    TARGET nop_, x9, ret x9
    EXPECT_NONE "RET to NOP"
    TARGET bti_, x9, br x9
    REFUSED "BR to BTI", 1
    TARGET bti_c, x9, br x9
    EXPECT_NONE "BR from an unguarded page to BTI c"
    TARGET bti_c, x9, blr x9
    EXPECT_NONE "BLR to BTI c"
    TARGET bti_j, x9, br x9
    EXPECT_NONE "BR to BTI j"
    TARGET bti_j, x9, blr x9
    REFUSED "BLR to BTI j", 2
    TARGET bti_jc, x9, blr x9
    EXPECT_NONE "BLR to BTI jc"
    TARGET paciasp_, x9, blr x9
    EXPECT_NONE "BLR to PACIASP"
    TARGET paciasp_, x9, br x9
    EXPECT_NONE "BR from an unguarded page to PACIASP"
    TARGET 0xd4200000, x9, blr x9
    EXPECT_EXCEPTION "BLR to BRK", 1, EC_BRK, 0
    EXPECT_RECORD_BITS "BRK has the branch type in SPSR_EL1", SPSR, 3 << 10, 2 << 10

    // Within guarded pages: BR X9 is a jump (BTI j), BR X16 a call too (BTI c).
    ldr x0, =PAGE(1)
    ldr w1, =0xd61f0120             // br x9
    str w1, [x0]
    ldr w1, =0xd61f0200             // br x16
    str w1, [x0, #4]
    MAP_ONE 1, PAGE(1) | GUARDED
    ldr x9, =TEST(0)
    TARGET bti_c, x10, nop
    ldr x10, =TEST(1)
    BEGIN EL1
    ret x10
    END
    REFUSED "BR X9 within guarded code to BTI c", 3
    ldr x16, =TEST(0)
    ldr x10, =(TEST(1) + 4)
    BEGIN EL1
    ret x10
    END
    EXPECT_NONE "BR X16 within guarded code to BTI c"
    TARGET paciasp_, x10, nop
    ldr x10, =TEST(1)
    BEGIN EL1
    ret x10
    END
    EXPECT_NONE "BR X9 within guarded code to PACIASP"
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 36 | 1
    BEGIN EL1
    ret x10
    END
    REFUSED "SCTLR_EL1.BT1: BR X9 within guarded code to PACIASP", 3
    SET sctlr_el1, SCTLR_EL1_RES1 | 1

    // Returns from exceptions restore the branch type.
    TARGET nop_, x9, nop
    BEGIN EL1
    ldr x0, =0xfc5
    msr spsr_el1, x0
    msr elr_el1, x9
    eret
    .ltorg
    END
    REFUSED "ERET with SPSR_EL1.BTYPE to NOP", 3
    MAP_ONE 0, PAGE(0) | VALID | AF | SH_INNER
    TARGET nop_, x9, blr x9
    EXPECT_NONE "a page that is not guarded"
    TABLES_OFF
    DONE
