// Zacas: compare and swap (chapter 16). rd holds the number compared and gets the old one.
// QEMU 10.0 miscomputes what follows an AMOCAS.W or AMOCAS.D with rd = x0 that does not store.
#include "unprivileged/instructions.h"
    .option arch, +zacas
PROGRAM "zacas"
    li   s2, PAGE(0)
    li   a0, 0
    li   a1, 0
    sd   zero, 0(s2)
    NEED "Zacas", end, amocas.d a0, a1, (s2)

    .macro CAS64 memory, compare, swap, after
    .irp order, , .aq, .rl, .aqrl
    li   a0, \memory
    sd   a0, 0(s2)
    li   a1, \compare
    li   a2, \swap
    amocas.d\order a1, a2, (s2)
    EXPECT "16.1: AMOCAS.D\order returns the old doubleword", a1, \memory
    ld   a3, 0(s2)
    EXPECT "16.1: AMOCAS.D\order of \memory, compared with \compare", a3, \after
    .endr
    .endm
    CAS64 5, 5, 9, 9
    CAS64 5, 6, 9, 5
    CAS64 0x8000000000000000, 0x8000000000000000, -1, -1
    CAS64 0x8000000000000000, 0, -1, 0x8000000000000000
    CAS64 0x100000000, 0, -1, 0x100000000

    .macro CAS32 memory, compare, swap, after
    .irp order, , .aq, .rl, .aqrl
    li   a0, \memory
    li   t0, 0x0badcafe00000000
    sd   t0, 0(s2)
    sw   a0, 0(s2)
    li   a1, \compare
    li   a2, \swap
    amocas.w\order a1, a2, (s2)
    EXPECT "16.1: AMOCAS.W\order returns the old word, sign-extended", a1, \memory
    lw   a3, 0(s2)
    EXPECT "16.1: AMOCAS.W\order of \memory, compared with \compare", a3, \after
    lwu  a3, 4(s2)
    EXPECT "16.1: AMOCAS.W\order leaves the next word alone", a3, 0x0badcafe
    .endr
    .endm
    CAS32 5, 5, 9, 9
    CAS32 5, 6, 9, 5
    CAS32 0xffffffff80000000, 0xffffffff80000000, 0x1234567800000001, 1
    CAS32 0xffffffff80000000, 0x0000000080000000, 1, 1
    CAS32 7, 0x1234567800000007, -1, -1
    CAS32 7, 0x1234567800000008, -1, 7

    // 128 bits in pairs of registers, the even one the low half
    .macro CAS128 low, high, compare_low, compare_high, after_low, after_high
    li   a6, \low
    sd   a6, 0(s2)
    li   a7, \high
    sd   a7, 8(s2)
    li   a0, \compare_low
    li   a1, \compare_high
    li   a2, 0x1111
    li   a3, 0x2222
    amocas.q a0, a2, (s2)
    EXPECT "16.1: AMOCAS.Q returns the old low doubleword in rd", a0, \low
    EXPECT "16.1: AMOCAS.Q returns the old high doubleword in rd + 1", a1, \high
    ld   a4, 0(s2)
    EXPECT "16.1: AMOCAS.Q low doubleword after", a4, \after_low
    ld   a4, 8(s2)
    EXPECT "16.1: AMOCAS.Q high doubleword after", a4, \after_high
    .endm
    CAS128 5, 6, 5, 6, 0x1111, 0x2222
    CAS128 5, 6, 5, 7, 5, 6
    CAS128 5, 6, 4, 6, 5, 6
    CAS128 0x8000000000000000, -1, 0x8000000000000000, -1, 0x1111, 0x2222

    // x0 as a pair is 128 zeros, and takes nothing
    sd   zero, 0(s2)
    sd   zero, 8(s2)
    li   a2, 3
    li   a3, 4
    li   ra, 0x77
    amocas.q zero, a2, (s2)
    ld   a4, 0(s2)
    EXPECT "16.1: AMOCAS.Q with rd = x0 compares with zero: low", a4, 3
    ld   a4, 8(s2)
    EXPECT "16.1: AMOCAS.Q with rd = x0 compares with zero: high", a4, 4
    EXPECT "16.1: AMOCAS.Q with rd = x0 does not write x1", ra, 0x77
    li   a0, 3
    li   a1, 4
    amocas.q a0, zero, (s2)
    ld   a4, 0(s2)
    EXPECT "16.1: AMOCAS.Q with rs2 = x0 stores zero: low", a4, 0
    ld   a4, 8(s2)
    EXPECT "16.1: AMOCAS.Q with rs2 = x0 stores zero: high", a4, 0
    li   a1, 5
    sd   a1, 0(s2)
    amocas.d zero, a1, (s2)
    ld   a4, 0(s2)
    EXPECT "16.1: AMOCAS.D with rd = x0 compares with zero", a4, 5
    li   a1, 5
    amocas.d a1, a1, (s2)
    EXPECT "16.1: AMOCAS.D with rd = rs2 returns the old doubleword", a1, 5

    ILLEGAL "16.1: AMOCAS.Q with an odd rd is reserved", 0x28c945af
    ILLEGAL "16.1: AMOCAS.Q with an odd rs2 is reserved", 0x28d9452f

    // A comparison that fails still needs write permission (16.1), and the natural alignment of the width
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x100000, PAGE(0), PTE_V | PTE_R | PTE_AD
    SET_SATP SV39, S_ROOT
    li   a0, 0x100000
    li   a1, 0x7777
    li   a2, 1
    BEGIN S
    amocas.d a1, a2, (a0)
    END
    EXPECT_TRAP "16.1: AMOCAS on a read-only page faults though it would not store", M, CAUSE_STORE_PAGE_FAULT, 0x100000
    EXPECT "16.1: rd keeps its value when the access faults", a1, 0x7777
    csrw satp, zero
    sfence.vma
    li   a0, PAGE(1) - 8
    BEGIN M
    amocas.q a2, a4, (a0)
    END
    EXPECT_RECORD_ONE_OF "16.1: AMOCAS.Q must be aligned to 16 bytes", CAUSE, CAUSE_MISALIGNED_STORE, CAUSE_STORE_ACCESS
end:
    DONE
