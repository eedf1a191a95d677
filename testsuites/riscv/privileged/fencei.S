// FENCE.I and code that changes (Unpriv. 6): after the fence a hart fetches what it stored. Code that was run often
// before it changes, code beside data, code seen at two addresses, and pages exchanged under running code.
#include "harness.h"
PROGRAM "fencei"
#define ADDI_A0(n) ((n) << 20 | 0x00050513)     /* addi a0, a0, n */
#define RET 0x00008067
#define C_ADDI_A0(n) ((n) << 2 | 0x0501)        /* c.addi a0, n: n < 32 */
#define C_RET 0x8082

    .macro WORD address, value
    li   t0, \address
    li   t1, \value
    sw   t1, (t0)
    .endm
    .macro HALF address, value
    li   t0, \address
    li   t1, \value
    sh   t1, (t0)
    .endm

    // Each mode rewrites and runs the same code
    .irp mode, M, S, U
    WORD PAGE(0), ADDI_A0(1)
    WORD PAGE(0) + 4, RET
    fence.i
    li   a0, 0
    li   a1, PAGE(0)
    BEGIN \mode
    jalr ra, (a1)
    END
    EXPECT "Unpriv. 6: \mode-mode runs what was written", a0, 1
    li   t1, ADDI_A0(2)
    BEGIN \mode
    sw   t1, (a1)
    fence.i
    jalr ra, (a1)
    END
    EXPECT_NO_TRAP "Unpriv. 6: FENCE.I is legal in \mode-mode"
    EXPECT "Unpriv. 6: \mode-mode runs what it wrote after FENCE.I", a0, 3
    .endr

    // Hot code changes: run a thousand times, rewritten, run again, sixteen times over
    li   a0, 0
    li   a1, PAGE(0)
    li   s0, 16
1:  li   s1, 1000
2:  jalr ra, (a1)
    addi s1, s1, -1
    bnez s1, 2b
    andi t0, s0, 1
    li   t1, ADDI_A0(3)
    beqz t0, 3f
    li   t1, ADDI_A0(5)
3:  sw   t1, (a1)
    fence.i
    addi s0, s0, -1
    bnez s0, 1b
    // 1000 x (2 + 3, 5, 3, 5, ... fifteen rounds)
    EXPECT "Unpriv. 6: code rewritten between hot runs", a0, 1000 * (2 + 8 * 3 + 7 * 5)

    // A loop that rewrites its own body
    li   a0, 0
    li   s0, 10
    la   a1, patched
    li   s1, C_ADDI_A0(1)
    j    1f
    .balign 8
1:  sh   s1, (a1)
    fence.i
patched:
    c.nop
    addi s1, s1, 4          // the next immediate
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "Unpriv. 6: a loop rewrites its body: 1 + 2 + ... + 10", a0, 55
    // Straight-line code rewrites the instruction right behind the fence
    la   a1, 1f
    li   t1, ADDI_A0(7)
    li   a0, 0
    .balign 4
    .option push
    .option norvc
    sw   t1, (a1)
    fence.i
1:  addi a0, a0, 1
    .option pop
    EXPECT "Unpriv. 6: the instruction behind the fence is the one just written", a0, 7

    // Lengths change: two compressed instructions become one of 32 bits, and back
    HALF PAGE(0), C_ADDI_A0(1)
    HALF PAGE(0) + 2, C_ADDI_A0(1)
    HALF PAGE(0) + 4, C_RET
    fence.i
    li   a1, PAGE(0)
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: two compressed instructions", a0, 2
    WORD PAGE(0), ADDI_A0(100)
    fence.i
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: replaced by one of 32 bits", a0, 100
    HALF PAGE(0) + 2, (ADDI_A0(200) >> 16)
    fence.i
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: only its upper half replaced", a0, 200
    HALF PAGE(0), C_ADDI_A0(4)
    HALF PAGE(0) + 2, C_RET
    fence.i
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: compressed again", a0, 4

    // An instruction across two pages
    HALF PAGE(1) - 2, ADDI_A0(9) & 0xffff
    HALF PAGE(1), ADDI_A0(9) >> 16
    HALF PAGE(1) + 2, C_RET
    fence.i
    li   a1, PAGE(1) - 2
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: an instruction across two pages", a0, 9
    HALF PAGE(1), ADDI_A0(11) >> 16
    fence.i
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: its half in the second page rewritten", a0, 11

    // Data stored beside code, many times, does not disturb it
    WORD PAGE(0), ADDI_A0(1)
    WORD PAGE(0) + 4, RET
    fence.i
    li   a1, PAGE(0)
    li   a0, 0
    li   s0, 2000
1:  jalr ra, (a1)
    sd   s0, 16(a1)
    ld   t0, 16(a1)
    add  a0, a0, t0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "Unpriv. 6: code and data in one page", a0, 2000 + 2000 * 2001 / 2

    // Code in the middle of data: stores of each size before it, behind it and at the page's ends, while it is hot
    WORD PAGE(0) + 2048, ADDI_A0(1)
    WORD PAGE(0) + 2052, RET
    fence.i
    li   a1, PAGE(0)
    li   t2, 2048
    add  a2, a1, t2
    li   t2, 4088
    add  a3, a1, t2
    li   a0, 0
    li   s0, 2000
1:  jalr ra, (a2)
    sd   s0, -8(a2)
    sd   s0, -21(a2)        // two granules, misaligned
    sd   s0, 64(a2)
    sd   s0, 128(a2)        // in one check with the one before
    sd   s0, (a3)
    sb   s0, 7(a3)
    sh   s0, 5(a3)
    sb   s0, (a1)
    ld   t0, -8(a2)
    ld   t1, 64(a2)
    add  a0, a0, t0
    add  a0, a0, t1
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "Unpriv. 6: code amid data in one page", a0, 2000 + 2000 * 2001
    li   t0, PAGE(1) - 8
    ld   t0, (t0)
    EXPECT "Unpriv. 6: the page's last bytes were stored", t0, 0x0100010000000001

    // One hot store walks through data until it meets the code, and writes that
    .irp start, 1024, 1021
    WORD PAGE(0) + 2048, ADDI_A0(1)
    WORD PAGE(0) + 2052, RET
    fence.i
    li   a1, PAGE(0)
    li   a2, PAGE(0) + 2048
    li   a0, 0
    jalr ra, (a2)
    li   t1, (RET << 32 | ADDI_A0(0x23)) << ((1024 - \start) * 8) & 0xffffffffffffffff
    li   t2, \start
    add  t3, a1, t2
    li   t4, PAGE(0) + 1024 + \start
1:  sd   t1, (t3)
    addi t3, t3, 8
    ble  t3, t4, 1b
    fence.i
    li   a0, 0
    jalr ra, (a2)
    EXPECT "Unpriv. 6: code rewritten by a hot store that starts at \start", a0, 0x23
    .endr

    // What hot stores wrote to becomes code, and they write to it again
    li   s0, 16
    li   s1, 0
    li   a1, PAGE(1)
    li   t1, RET << 32 | ADDI_A0(1)
1:  li   t2, 1000
2:  sd   t1, 512(a1)
    addi t2, t2, -1
    bnez t2, 2b
    fence.i
    addi a2, a1, 512
    li   a0, 0
    jalr ra, (a2)
    add  s1, s1, a0
    li   t2, 1 << 20        // the next immediate
    add  t1, t1, t2
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT "Unpriv. 6: data becomes code sixteen times: 1 + 2 + ... + 16", s1, 136

    // Sizes and kinds of store that rewrite
    .macro REWRITES name, value, instruction:vararg
    WORD PAGE(0), ADDI_A0(1)
    WORD PAGE(0) + 4, RET
    fence.i
    li   a1, PAGE(0)
    li   a0, 0
    jalr ra, (a1)
    BEGIN M
    \instruction
    fence.i
    END
    li   a0, 0
    jalr ra, (a1)
    EXPECT "Unpriv. 6: code rewritten by \name", a0, \value
    .endm
    li   t2, ADDI_A0(0x21) >> 24
    REWRITES "SB", 0x21, sb t2, 3(a1)
    li   t2, ADDI_A0(0x33) >> 16
    REWRITES "SH", 0x33, sh t2, 2(a1)
    li   t2, RET << 32 | ADDI_A0(0x44)
    REWRITES "SD", 0x44, sd t2, (a1)
    li   t2, ADDI_A0(0x55)
    REWRITES "AMOSWAP", 0x55, amoswap.w zero, t2, (a1)
    li   t2, ADDI_A0(0x66)
    .macro LRSC
    lr.w t3, (a1)
    sc.w t3, t2, (a1)
    .endm
    REWRITES "SC", 0x66, LRSC
    li   t2, RET << 32 | ADDI_A0(0x77)
    fmv.d.x fa0, t2
    REWRITES "FSD", 0x77, fsd fa0, (a1)
    li   t2, ADDI_A0(0x12)
    REWRITES "SW", 0x12, sw t2, (a1)

    // Two addresses of one page: written through one, run through the other
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x10000, PAGE(0), PTE_S_ALL
    MAP  S_ROOT, 3, 0x20000, PAGE(0), PTE_V | PTE_R | PTE_X | PTE_AD
    SET_SATP SV39, S_ROOT
    WORD PAGE(0), ADDI_A0(1)
    WORD PAGE(0) + 4, RET
    WORD PAGE(2), ADDI_A0(64)
    WORD PAGE(2) + 4, RET
    fence.i
    li   a1, 0x10000
    li   a2, 0x20000
    li   a0, 0
    li   t1, ADDI_A0(2)
    BEGIN S
    jalr ra, (a2)
    sw   t1, (a1)
    fence.i
    jalr ra, (a2)
    jalr ra, (a1)
    END
    EXPECT_NO_TRAP "Unpriv. 6: code written through another mapping"
    EXPECT "Unpriv. 6: code written through another mapping", a0, 5
    // Another page put under the same address
    MAP  S_ROOT, 3, 0x20000, PAGE(2), PTE_V | PTE_R | PTE_X | PTE_AD
    sfence.vma
    li   a2, 0x20000
    li   a0, 0
    BEGIN S
    jalr ra, (a2)
    END
    EXPECT "10.2.1: another page of code at the same address, after SFENCE.VMA", a0, 64
    MAP  S_ROOT, 3, 0x20000, PAGE(0), PTE_V | PTE_R | PTE_X | PTE_AD
    li   a2, 0x20000
    li   a0, 0
    BEGIN S
    sfence.vma a2, zero
    jalr ra, (a2)
    END
    EXPECT "10.2.1: and the first page again, after SFENCE.VMA of the address", a0, 2
    // Execute permission taken away
    MAP  S_ROOT, 3, 0x20000, PAGE(0), PTE_V | PTE_R | PTE_AD
    sfence.vma
    li   a2, 0x20000
    BEGIN S
    jalr ra, (a2)
    END
    EXPECT_TRAP "10.2.1: code whose page is no longer executable", M, CAUSE_FETCH_PAGE_FAULT, 0x20000
    DONE
