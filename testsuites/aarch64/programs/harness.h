// The harness of AArch64's guest-side conformance programs.
//
// A program is one bare-metal file: it starts at EL2, states in itself what it expects, and ends by saying whether that
// came true. It is written so:
//
//     #include "harness.h"
//     PROGRAM "calls"                                  // names the program; its checks follow, at EL2
//         BEGIN EL0                                    // what follows runs at EL0 ...
//         svc #3
//         END                                          // ... and here the program is back at EL2, exception or none
//         EXPECT_EXCEPTION "SVC goes to EL1 with its immediate", 1, EC_SVC, 3
//     DONE
//
// Checks. Every EXPECT_ macro opens with its text, a sentence that names the rule and where DDI 0487 has it. A check
// that fails prints one line on the UART (PL011) with the text, the value expected and the value got; the program goes
// on. The end is reported on the UART, by `tohost` (1, or (n << 1) | 1 for n failed checks), and by PSCI SYSTEM_OFF.
//
// Blocks. BEGIN level ... END runs the lines between at EL0, EL1 or EL2, with the stack pointer of the level selected and
// everything masked; `BEGIN level, state` has SPSR_EL2's other bits. A block ends at its first exception, which the
// recorder notes: the level that took it and what the registers of that level say. A block that ran to its end leaves
// LEVEL 0. Blocks do not nest.
//
// Registers. x28 and x29 are the macros'. All others pass into and out of a block; SP_EL2 is the harness's.
//
// Memory. TABLES_ON maps for EL1 what there is below 2 GiB where it is, and memory for EL0 at ALIAS further on: SET_ALIAS
// makes blocks at EL0 run there. TEST(n) are 16 pages that the program maps as it likes, by MAP_ONE in the first stage and
// MAP_TWO in the second; they lead to PAGE(n) in memory, or to intermediate addresses IPA(n).
#pragma once

#define EL0 0
#define EL1 1
#define EL2 2
#define EL3 3

// The level that a program is at: EL2, or, for programs that include monitor.h first, EL3.
#ifdef HOME_IS_EL3
#define SPSR_HOME spsr_el3
#define ELR_HOME elr_el3
#define ESR_HOME esr_el3
#define CALL_HOME smc
#else
#define SPSR_HOME spsr_el2
#define ELR_HOME elr_el2
#define ESR_HOME esr_el2
#define CALL_HOME hvc
#endif

// ESR_ELx.EC
#define EC_UNKNOWN 0x00
#define EC_WFX 0x01
#define EC_FP 0x07
#define EC_PAC 0x09
#define EC_BTI 0x0d
#define EC_ILLEGAL 0x0e
#define EC_SVC 0x15
#define EC_HVC 0x16
#define EC_SMC 0x17
#define EC_SYSREG 0x18
#define EC_ERET 0x1a
#define EC_IABORT_LOWER 0x20
#define EC_IABORT 0x21
#define EC_PC 0x22
#define EC_DABORT_LOWER 0x24
#define EC_DABORT 0x25
#define EC_SP 0x26
#define EC_SERROR 0x2f
#define EC_BREAKPOINT_LOWER 0x30
#define EC_BREAKPOINT 0x31
#define EC_STEP_LOWER 0x32
#define EC_STEP 0x33
#define EC_WATCHPOINT_LOWER 0x34
#define EC_WATCHPOINT 0x35
#define EC_BRK 0x3c
#define IL (1 << 25)

#define HCR_RW (1 << 31)
#define SCTLR_EL1_RES1 0x30d00800
#define SCTLR_EL2_RES1 0x30c50830

// Memory that tests map, and the tables.
#define PAGE(n) (0x40400000 + (n) * 0x1000)
#define TEST(n) (0x100000000 + (n) * 0x1000)
#define IPA(n) (0x100000000 + (n) * 0x1000)
#define TABLE_ONE 0x40480000
#define TABLE_ONE_TEST 0x40482000
#define TABLE_TWO 0x40490000
#define TABLE_TWO_TEST 0x40492000
#define ALIAS 0x40000000

// Bits of descriptors, of the first stage and of the second.
#define VALID 3
#define BLOCK 1
#define ATTR_DEVICE (1 << 2)
#define AP_EL0 (1 << 6)
#define AP_READ_ONLY (1 << 7)
#define SH_INNER (3 << 8)
#define AF (1 << 10)
#define GP (1 << 50)
#define PXN (1 << 53)
#define UXN (1 << 54)
#define S2_NORMAL (0xf << 2)
#define S2_READ (1 << 6)
#define S2_WRITE (1 << 7)
#define S2_XN (1 << 54)

// The harness's memory: what the recorder writes, by offset; ENTERED is PSTATE behind the exception, of EL2 but M, DAIF ...
#define LEVEL 0
#define ESR 8
#define ELR 16
#define FAR 24
#define SPSR 32
#define HPFAR 40
#define VECTOR 48
// ... and what the harness itself keeps.
#define H_RESUME 56
#define H_ACTIVE 64
#define H_CHECKS 72
#define H_FAILED 80
#define H_GOT 88
#define H_WANT 96
#define H_TEXT 104
#define H_LINK 112
#define H_ALIAS 120
#define ENTERED 128
#define H_SIZE 136

#define CALL_END 0x600d
#define CALL_RECORD 0x600e

// ---------------------------------------------------------------------------------------------------------- programs

.macro PROGRAM name
    .section .rodata
program_name:
    .asciz "\name"
    .text
    .global main
main:
.endm

.macro DONE
    b finish
    .ltorg
.endm

.macro SET name, value
    ldr x28, =\value
    msr \name, x28
    isb
.endm

// ------------------------------------------------------------------------------------------------------------ blocks

.macro BEGIN level, state=0x3c0
    .set harness_level, \level
    ldr x29, =harness
    ldr x28, =992f
    str x28, [x29, #H_RESUME]
    mov x28, #1
    str x28, [x29, #H_ACTIVE]
    .if \level == 0
    ldr x28, =\state
    .else
    ldr x28, =(\state | \level << 2 | 1)
    .endif
    msr SPSR_HOME, x28
    ldr x28, =991f
    .if \level == 0
    ldr x29, [x29, #H_ALIAS]
    add x28, x28, x29
    .endif
    msr ELR_HOME, x28
    isb
    eret
    .ltorg
991:
.endm

.macro END
    .if harness_level == 0
    svc #CALL_END
    .else
    CALL_HOME #CALL_END
    .endif
992:
.endm

// ------------------------------------------------------------------------------------------------------------ checks

.macro CHECK text
    .pushsection .texts, "aS", @progbits
996:
    .asciz "\text"
    .popsection
    ldr x28, =996b
    str x28, [x29, #H_TEXT]
    str x30, [x29, #H_LINK]
    bl check
    ldr x30, [x29, #H_LINK]
    b 997f
    .ltorg
997:
.endm

// A register holds a number.
.macro EXPECT text, register, value
    ldr x29, =harness
    str \register, [x29, #H_GOT]
    ldr x28, =\value
    str x28, [x29, #H_WANT]
    CHECK "\text"
.endm

// What the recorder noted.
.macro EXPECT_RECORD text, field, value
    ldr x29, =harness
    ldr x28, [x29, #\field]
    str x28, [x29, #H_GOT]
    ldr x28, =\value
    str x28, [x29, #H_WANT]
    CHECK "\text"
.endm

.macro EXPECT_RECORD_BITS text, field, mask, value
    ldr x29, =harness
    ldr x28, [x29, #\field]
    str x28, [x29, #H_GOT]
    ldr x28, =\mask
    str x28, [x29, #H_WANT]
    ldr x28, [x29, #H_GOT]
    str x27, [x29, #H_LINK]
    ldr x27, [x29, #H_WANT]
    and x28, x28, x27
    ldr x27, [x29, #H_LINK]
    str x28, [x29, #H_GOT]
    ldr x28, =\value
    str x28, [x29, #H_WANT]
    CHECK "\text"
.endm

// The block ended by an exception to `level`, of this class and with this ISS.
.macro EXPECT_EXCEPTION text, level, class, iss
    EXPECT_RECORD "\text: the level that takes it", LEVEL, \level
    EXPECT_RECORD "\text: ESR_EL\level", ESR, (\class << 26 | IL | (\iss))
.endm

// The block ran to its end.
.macro EXPECT_NONE text
    EXPECT_RECORD "\text: no exception", LEVEL, 0
.endm

// The exception returns to a label of the block; for EL0, where it runs.
.macro EXPECT_ELR text, label
    .if harness_level == 0
    ldr x29, =harness
    ldr x28, [x29, #H_ALIAS]
    str x28, [x29, #H_WANT]
    ldr x28, =\label
    str x27, [x29, #H_LINK]
    ldr x27, [x29, #H_WANT]
    add x28, x28, x27
    ldr x27, [x29, #H_LINK]
    str x28, [x29, #H_WANT]
    ldr x28, [x29, #ELR]
    str x28, [x29, #H_GOT]
    CHECK "\text: the return address"
    .else
    EXPECT_RECORD "\text: the return address", ELR, \label
    .endif
.endm

// ------------------------------------------------------------------------------------------------------------ tables

.macro TABLES_ON
    bl tables_on
.endm

.macro TABLES_OFF
    SET sctlr_el1, SCTLR_EL1_RES1
    ldr x29, =harness
    str xzr, [x29, #H_ALIAS]
.endm

.macro SET_ALIAS value
    ldr x29, =harness
    ldr x28, =\value
    str x28, [x29, #H_ALIAS]
.endm

// Page n of the first stage's test area, or of the second's, is this descriptor.
.macro MAP_ONE n, descriptor
    ldr x29, =(TABLE_ONE_TEST + 0x1000 + \n * 8)
    ldr x28, =\descriptor
    str x28, [x29]
    bl drop_translations
.endm

.macro MAP_TWO n, descriptor
    ldr x29, =(TABLE_TWO_TEST + 0x1000 + \n * 8)
    ldr x28, =\descriptor
    str x28, [x29]
    bl drop_translations
.endm

// For the handlers of exceptions, with the record in x29: what the registers of a level, by its suffix, say of one.
.macro KEEP_SYNDROME suffix
    mrs x28, esr_\suffix
    str x28, [x29, #ESR]
    mrs x28, elr_\suffix
    str x28, [x29, #ELR]
    mrs x28, far_\suffix
    str x28, [x29, #FAR]
    mrs x28, spsr_\suffix
    str x28, [x29, #SPSR]
.endm

// The same: the vector, in x27, and the PE's state in its handler.
.macro KEEP_ENTRY
    str x27, [x29, #VECTOR]
    mrs x27, daif
    mrs x28, currentel
    orr x27, x27, x28
    mrs x28, spsel
    orr x27, x27, x28
    str x27, [x29, #ENTERED]
.endm

#ifdef HOME_IS_EL3
#include "monitor-runtime.h"
#else
#include "runtime.h"
#endif
