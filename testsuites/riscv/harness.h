// The harness of the guest-side conformance programs.
//
// A program is one bare-metal rv64 file: it starts in M-mode at 0x80000000, states in itself what it expects, and ends
// by saying whether that came true. It is written so:
//
//     #include "harness.h"
//     PROGRAM "ecall"                                  // names the program; its checks follow, in M-mode
//         BEGIN U                                      // what follows runs in U-mode ...
//         ecall
//         END                                          // ... and here the program is back in M-mode, trap or no trap
//         EXPECT_TRAP "3.3.1: ECALL in U-mode raises cause 8", M, CAUSE_ECALL_U, 0
//     DONE
//
// Checks. Every EXPECT_ macro opens with its text, a sentence that names the rule and the section it comes from (the
// Privileged ISA, version 20240411, unless it says "Unpriv."). A check that fails prints one line on the UART with the
// text, the value expected and the value got, and the last trap if there was one; the program goes on, so that one run
// shows every difference. The end is reported both ways that emulators know: `tohost` gets 1 or (n << 1) | 1, n being
// the first failed check; the test device at 0x100000 gets 0x5555 or (min(n, 255) << 16) | 0x3333, which QEMU makes its
// exit status.
//
// Blocks. BEGIN mode ... END runs the lines between in M, S (or HS), U, VS or VU. A block ends at its first trap,
// which the recorder notes: the level that took it (VS, HS or M) and the CSRs that level found. Blocks do not nest.
// In a block only the first trap counts, and interrupts are traps like any other. A block that ran to its end leaves
// LEVEL 0 and CAUSE -1. All registers pass into and out of a block except tp. On the way out mstatus.MIE and MPRV
// are clear; nothing else is changed. A trap outside every block ends the program with a message.
//
// Instructions. Programs are assembled for rv64gch. Those of other extensions are allowed by `.option arch, +zbb` after
// the include, so that nothing optional slips into a program that does not test it.
//
// Registers. gp points to the harness's own memory and tp is its scratch: programs leave both alone. EXPECT_ and BEGIN
// preserve all the others.
//
// Handlers. trap_m, trap_s and trap_vs serve mtvec, stvec and vstvec; each has a vectored twin (trap_m_vectored, ...)
// that also notes by which entry it came. The S and VS handlers leave by ECALL to M-mode with tp = LEAVE, and by EBREAK
// where ECALL from S is delegated to S itself. They reach the harness at its physical address: an address space that
// takes traps must map it there, as IDENTITY does.
//
// Memory. From 0x80200000 lie the pages that tests map and write (PAGE(n)), from 0x80400000 roots of page tables and
// then the pool from which MAP takes tables. IDENTITY maps the GiB at 0x80000000 to itself for S, and once more for U,
// U_ALIAS further on; SET_ALIAS U_ALIAS makes blocks in U and VU run there.
#pragma once
#include "machine.h"

#define LEAVE 0x600d
#define PAGE(n) (0x80200000 + (n) * 0x1000)
#define S_ROOT 0x80400000
#define VS_ROOT 0x80404000
#define G_ROOT 0x80408000
#define S_ROOT2 0x8040c000
#define VS_ROOT2 0x80410000
#define G_ROOT2 0x80414000
#define TABLE_POOL 0x80420000
#define TABLE_POOL_END 0x80600000
#define U_ALIAS 0x40000000

// The harness's memory, by offset from gp. First what the recorder writes (EXPECT_RECORD takes these names) ...
#define LEVEL 0
#define CAUSE 8
#define EPC 16
#define TVAL 24
#define TVAL2 32
#define TINST 40
#define STATUS 48
#define HSTATUS 56
#define VECTOR 64
// ... then what the harness itself keeps.
#define H_RESUME 72
#define H_ALIAS 80
#define H_MISA 88
#define H_POOL 96
#define H_CHECKS 104
#define H_FAILED 112
#define H_FIRST 120
#define H_SKIPPED 128
#define H_GOT 136
#define H_WANT 144
#define H_WANT2 152
#define H_TEXT 160
#define H_SAVE 168
#define H_SAVE_M 256
#define H_SAVE_S 264
#define H_SAVE_VS 272
#define H_SIZE 280

    .option norelax

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
    j    finish
.endm

// Says that something is absent, and goes to `label`.
.macro SKIP text, label
    TEXT "\text"
    jal  tp, skip
    j    \label
.endm

// Skips to `label` unless misa has the letter, or unless reading the CSR is legal in M-mode.
.macro NEED_MISA letter, label
    ld   tp, H_MISA(gp)
    srli tp, tp, '\letter' - 'A'
    andi tp, tp, 1
    bnez tp, 990f
    SKIP "no \letter in misa", \label
990:
.endm

.macro NEED_CSR csr, label
    BEGIN M
    csrr zero, \csr
    END
    ld   tp, LEVEL(gp)
    beqz tp, 990f
    SKIP "no CSR \csr", \label
990:
.endm

// Skips to `label` where a misaligned load traps, as an implementation may choose (Unpriv. 2.6).
.macro NEED_MISALIGNED label
    BEGIN M
    lw   zero, 1(gp)
    END
    ld   tp, LEVEL(gp)
    beqz tp, 990f
    SKIP "no misaligned loads and stores", \label
990:
.endm

// ------------------------------------------------------------------------------------------------------------ checks

.macro TEXT text
    .pushsection .texts, "aS", @progbits
996:
    .asciz "\text"
    .popsection
    la   tp, 996b
    sd   tp, H_TEXT(gp)
.endm

// A register holds a number; two registers agree.
.macro EXPECT text, register, value
    sd   \register, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

.macro EXPECT_EQUAL text, register, other
    sd   \register, H_GOT(gp)
    sd   \other, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

// A register holds one of two numbers, for what the manual leaves to the implementation.
.macro EXPECT_ONE_OF text, register, value, other
    sd   \register, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    li   tp, \other
    sd   tp, H_WANT2(gp)
    TEXT "\text"
    jal  tp, check_one_of
.endm

// The bits of a register under a mask.
.macro EXPECT_BITS text, register, mask, value
    li   tp, \mask
    and  tp, tp, \register
    sd   tp, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

// A CSR read in M-mode, whole or under a mask.
.macro EXPECT_CSR text, csr, value
    csrr tp, \csr
    sd   tp, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

.macro EXPECT_CSR_BITS text, csr, mask, value
    csrr tp, \csr
    sd   tp, H_GOT(gp)
    li   tp, \mask
    sd   tp, H_WANT(gp)
    jal  tp, mask_got
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

// A CSR written in M-mode with `write` reads back as `value` under `mask`.
.macro EXPECT_WRITE text, csr, write, mask, value
    li   tp, \write
    csrw \csr, tp
    EXPECT_CSR_BITS "\text", \csr, \mask, \value
.endm

// What the recorder noted of the last block.
.macro EXPECT_RECORD text, field, value
    ld   tp, \field(gp)
    sd   tp, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

.macro EXPECT_RECORD_BITS text, field, mask, value
    ld   tp, \field(gp)
    sd   tp, H_GOT(gp)
    li   tp, \mask
    sd   tp, H_WANT(gp)
    jal  tp, mask_got
    li   tp, \value
    sd   tp, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

.macro EXPECT_RECORD_EQUAL text, field, register
    ld   tp, \field(gp)
    sd   tp, H_GOT(gp)
    sd   \register, H_WANT(gp)
    TEXT "\text"
    jal  tp, check
.endm

.macro EXPECT_RECORD_ONE_OF text, field, value, other
    ld   tp, \field(gp)
    sd   tp, H_GOT(gp)
    li   tp, \value
    sd   tp, H_WANT(gp)
    li   tp, \other
    sd   tp, H_WANT2(gp)
    TEXT "\text"
    jal  tp, check_one_of
.endm

// The last block trapped: to this level, with this cause and, where given, this trap value.
.macro EXPECT_TRAP text, level, cause, tval
    EXPECT_RECORD "\text (cause)", CAUSE, \cause
    EXPECT_RECORD "\text (level that took it)", LEVEL, LEVEL_\level
    .ifnb \tval
    EXPECT_RECORD "\text (trap value)", TVAL, \tval
    .endif
.endm

// The last block ran to its end.
.macro EXPECT_NO_TRAP text
    EXPECT_RECORD "\text (no trap)", LEVEL, LEVEL_NONE
.endm

// The recorded exception program counter is that of a label.
.macro EXPECT_EPC text, label
    la   tp, \label
    sd   tp, H_WANT(gp)
    ld   tp, EPC(gp)
    sd   tp, H_GOT(gp)
    TEXT "\text"
    jal  tp, check
.endm

// ------------------------------------------------------------------------------------------------------------ blocks

.macro BEGIN mode
    la   tp, 999f
    sd   tp, H_RESUME(gp)
    jal  tp, enter_\mode
.endm

.macro END
    li   tp, LEAVE
    ecall
999:
.endm

// Blocks in U and VU run at their address plus this.
.macro SET_ALIAS distance
    li   tp, \distance
    sd   tp, H_ALIAS(gp)
.endm

// ------------------------------------------------------------------------------------------------------- page tables

// Empties every root and gives all tables back to the pool.
.macro CLEAR_TABLES
    jal  tp, clear_tables
.endm

// Writes the leaf PTE for `va` at `level` (0 is 4 KiB) under `root` of `levels` (3, 4, 5: Sv39, Sv48, Sv57), making the
// tables above it. Leaves the address of the PTE in a0; changes a0-a5 and t0-t3. MAP_G does so for Sv39x4, ..., whose
// root is four pages.
.macro MAP root, levels, va, pa, flags, level=0
    li   a5, 0x1ff
    MAP_LEAF \root, \levels, \va, PTE(\pa, \flags), \level
.endm

.macro MAP_G root, levels, va, pa, flags, level=0
    li   a5, 0x7ff
    MAP_LEAF \root, \levels, \va, PTE(\pa, \flags), \level
.endm

.macro MAP_LEAF root, levels, va, pte, level
    li   a0, \root
    li   a1, \levels
    li   a2, \va
    li   a3, \pte
    li   a4, \level
    jal  tp, map
.endm

// The program at its physical address for S, and at the alias for U; in the second stage everything is U (19.5.1).
.macro IDENTITY root, levels
    MAP  \root, \levels, RAM, RAM, PTE_S_ALL, 2
    MAP  \root, \levels, RAM + U_ALIAS, RAM, PTE_U_ALL, 2
.endm

.macro IDENTITY_G root, levels
    MAP_G \root, \levels, RAM, RAM, PTE_U_ALL, 2
.endm

// Selects an address space and forgets what was known of the old one. Changes t0.
.macro SET_SATP mode, root, asid=0
    li   t0, ATP(\mode, \asid, \root)
    csrw satp, t0
    sfence.vma
.endm

.macro SET_VSATP mode, root, asid=0
    li   t0, ATP(\mode, \asid, \root)
    csrw vsatp, t0
    hfence.vvma
.endm

.macro SET_HGATP mode, root, vmid=0
    li   t0, ATP(\mode, \vmid, \root)
    csrw hgatp, t0
    hfence.gvma
    hfence.vvma
.endm

// Stores a 64-bit number at a physical address from M-mode. Changes t0 and t1.
.macro POKE address, value
    li   t0, \address
    li   t1, \value
    sd   t1, (t0)
.endm

#include "runtime.h"
