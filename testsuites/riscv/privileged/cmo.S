// Zicbom and Zicboz: what CBO instructions do and how menvcfg and senvcfg gate them (3.1.18, 10.1.10, Unpriv. CMO).
#include "harness.h"
    .option arch, +zicbom, +zicboz
PROGRAM "cmo"
    NEED_CSR menvcfg, done
    csrw menvcfg, zero
    csrw senvcfg, zero
    li   a0, PAGE(0)
    li   s0, 0              // is there Zicboz
    li   s1, 0              // is there Zicbom

    .macro ILLEGAL text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_TRAP "\text", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    .macro LEGAL text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm
    .macro CONFIGURE menvcfg_bits, senvcfg_bits
    li   t0, ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE
    csrc menvcfg, t0
    csrc senvcfg, t0
    li   t0, \menvcfg_bits
    csrs menvcfg, t0
    li   t0, \senvcfg_bits
    csrs senvcfg, t0
    .endm

    BEGIN M
    cbo.zero (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Zicboz", zicbom
1:  li   s0, 1
    ILLEGAL "3.1.18: with menvcfg.CBZE = 0 CBO.ZERO in S-mode is illegal", S, cbo.zero (a0)
    ILLEGAL "3.1.18: with menvcfg.CBZE = 0 CBO.ZERO in U-mode is illegal", U, cbo.zero (a0)
    CONFIGURE ENVCFG_CBZE, 0
    EXPECT_CSR_BITS "3.1.18: menvcfg.CBZE can be set", menvcfg, ENVCFG_CBZE, ENVCFG_CBZE
    LEGAL "3.1.18: with menvcfg.CBZE = 1 CBO.ZERO in S-mode is legal", S, cbo.zero (a0)
    ILLEGAL "10.1.10: with senvcfg.CBZE = 0 CBO.ZERO in U-mode is illegal", U, cbo.zero (a0)
    CONFIGURE ENVCFG_CBZE, ENVCFG_CBZE
    LEGAL "10.1.10: with both CBZE = 1 CBO.ZERO in U-mode is legal", U, cbo.zero (a0)
    CONFIGURE 0, ENVCFG_CBZE
    ILLEGAL "10.1.10: senvcfg.CBZE alone does not open CBO.ZERO to U-mode", U, cbo.zero (a0)
    CONFIGURE ENVCFG_CBZE, ENVCFG_CBZE
    // What it zeroes: one aligned block around the address, of some power of two
    li   t0, PAGE(0)
    li   t1, PAGE(1)
    li   t2, -1
1:  sd   t2, (t0)
    addi t0, t0, 8
    bltu t0, t1, 1b
    li   a0, PAGE(0) + 0x804
    cbo.zero (a0)
    li   t0, PAGE(0)
    li   a1, 0              // zero bytes
    li   a2, 0              // the first
1:  lbu  t2, (t0)
    bnez t2, 2f
    addi a1, a1, 1
    bnez a2, 2f
    mv   a2, t0
2:  addi t0, t0, 1
    bltu t0, t1, 1b
    addi t0, a1, -1
    and  t2, a1, t0
    EXPECT "Unpriv. CMO: CBO.ZERO zeroes a power of two of bytes", t2, 0
    snez t2, a1
    EXPECT "Unpriv. CMO: CBO.ZERO zeroes something", t2, 1
    not  t0, t0
    and  t0, t0, a0
    EXPECT_EQUAL "Unpriv. CMO: the block is the aligned one around the address", a2, t0
zicbom:
    li   a0, PAGE(0)
    BEGIN M
    cbo.clean (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Zicbom", faults
1:  li   s1, 1
    CONFIGURE 0, 0
    .irp operation, clean, flush
    ILLEGAL "3.1.18: with menvcfg.CBCFE = 0 CBO of \operation in S-mode is illegal", S, cbo.\operation (a0)
    ILLEGAL "3.1.18: with menvcfg.CBCFE = 0 CBO of \operation in U-mode is illegal", U, cbo.\operation (a0)
    CONFIGURE ENVCFG_CBCFE, 0
    LEGAL "3.1.18: with menvcfg.CBCFE = 1 CBO of \operation in S-mode is legal", S, cbo.\operation (a0)
    ILLEGAL "10.1.10: with senvcfg.CBCFE = 0 CBO of \operation in U-mode is illegal", U, cbo.\operation (a0)
    CONFIGURE ENVCFG_CBCFE, ENVCFG_CBCFE
    LEGAL "10.1.10: with both CBCFE = 1 CBO of \operation in U-mode is legal", U, cbo.\operation (a0)
    CONFIGURE 0, 0
    .endr
    POKE PAGE(0), 0x55
    ILLEGAL "3.1.18: with menvcfg.CBIE = 0 CBO.INVAL in S-mode is illegal", S, cbo.inval (a0)
    CONFIGURE ENVCFG_CBIE_FLUSH, 0
    LEGAL "3.1.18: with menvcfg.CBIE = 1 CBO.INVAL in S-mode is legal, as a flush", S, cbo.inval (a0)
    ld   a1, (a0)
    EXPECT "3.1.18: a CBO.INVAL that flushes keeps the data", a1, 0x55
    ILLEGAL "10.1.10: with senvcfg.CBIE = 0 CBO.INVAL in U-mode is illegal", U, cbo.inval (a0)
    CONFIGURE ENVCFG_CBIE, ENVCFG_CBIE_FLUSH
    LEGAL "10.1.10: with CBIE = 3 and 1 CBO.INVAL in U-mode is legal, as a flush", U, cbo.inval (a0)
    CONFIGURE ENVCFG_CBIE, ENVCFG_CBIE
    LEGAL "10.1.10: with both CBIE = 3 CBO.INVAL in U-mode is legal", U, cbo.inval (a0)
    CONFIGURE 2 << 4, 0
    csrr t0, menvcfg
    srli t0, t0, 4
    andi t0, t0, 3
    addi t0, t0, -2
    snez t0, t0
    EXPECT "3.1.18: menvcfg.CBIE never holds the reserved 2", t0, 1

faults:
    // Faults are a store's, at the address given (Unpriv. CMO)
    CONFIGURE ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE, 0
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x10000, PAGE(0), PTE_V | PTE_R | PTE_AD
    MAP  S_ROOT, 3, 0x11000, PAGE(0), PTE_V | PTE_X | PTE_AD
    SET_SATP SV39, S_ROOT
    beqz s0, 1f
    li   a0, 0x12345
    BEGIN S
    cbo.zero (a0)
    END
    EXPECT_TRAP "Unpriv. CMO: CBO.ZERO of an unmapped page: store page fault", M, CAUSE_STORE_PAGE_FAULT, 0x12345
    li   a0, 0x10040
    BEGIN S
    cbo.zero (a0)
    END
    EXPECT_TRAP "Unpriv. CMO: CBO.ZERO of a read-only page: store page fault", M, CAUSE_STORE_PAGE_FAULT, 0x10040
1:  beqz s1, done
    li   a0, 0x12040
    BEGIN S
    cbo.clean (a0)
    END
    EXPECT_TRAP "Unpriv. CMO: CBO.CLEAN of an unmapped page: store page fault", M, CAUSE_STORE_PAGE_FAULT, 0x12040
    li   a0, 0x10040
    LEGAL "Unpriv. CMO: CBO.CLEAN of a read-only page is allowed", S, cbo.clean (a0)
    LEGAL "Unpriv. CMO: CBO.FLUSH of a read-only page is allowed", S, cbo.flush (a0)
    LEGAL "Unpriv. CMO: CBO.INVAL of a read-only page is allowed", S, cbo.inval (a0)
done:
    DONE
