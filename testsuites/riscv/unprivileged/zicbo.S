// Zicboz, Zicbom and Zicbop: blocks of 64 bytes zeroed, managed and prefetched (chapter 19). In M-mode the envcfg bits
// do not bar them. What other modes may do is a privileged matter.
#include "unprivileged/instructions.h"
    .option arch, +zicboz, +zicbom, +zicbop
PROGRAM "zicbo"
    li   s2, PAGE(0)
    NEED "Zicboz", manage, cbo.zero (s2)

    // From every byte of a block, that block is zeroed and its neighbours are not
    li   s3, 0
1:  li   a0, PAGE(0)
    li   a1, PAGE(0) + 256
    li   a2, -1
2:  sd   a2, (a0)
    addi a0, a0, 8
    bltu a0, a1, 2b
    li   a0, PAGE(0) + 64
    add  a0, a0, s3
    cbo.zero (a0)
    li   a0, PAGE(0)
    li   a3, 0                          // bytes that are not zero, before, in and after the block
    li   a4, 0
    li   a5, 0
    li   a6, 64
3:  lbu  a2, 0(a0)
    snez a2, a2
    add  a3, a3, a2
    lbu  a2, 64(a0)
    snez a2, a2
    add  a4, a4, a2
    lbu  a2, 128(a0)
    snez a2, a2
    add  a5, a5, a2
    addi a0, a0, 1
    addi a6, a6, -1
    bnez a6, 3b
    EXPECT "19: CBO.ZERO leaves the block before", a3, 64
    EXPECT "19: CBO.ZERO zeroes the block of 64 bytes, whichever byte is addressed", a4, 0
    EXPECT "19: CBO.ZERO leaves the block after", a5, 64
    addi s3, s3, 1
    li   a0, 64
    bltu s3, a0, 1b
    li   a0, PAGE(1) - 1
    sb   a0, (a0)
    li   a1, PAGE(1)
    li   a2, -1
    sd   a2, (a1)
    cbo.zero (a0)
    ld   a2, (a1)
    EXPECT "19: the last block of a page does not reach into the next", a2, -1
    lbu  a2, (a0)
    EXPECT "19: the last byte of a page is zeroed with its block", a2, 0

    // It is a store: permission, fault and address
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x100000, PAGE(0), PTE_V | PTE_R | PTE_AD
    SET_SATP SV39, S_ROOT
    NEED_CSR menvcfg, 4f
    li   a0, ENVCFG_CBZE
    csrs menvcfg, a0
4:  li   a0, 0x100000 + 64
    BEGIN S
    cbo.zero (a0)
    END
    EXPECT_TRAP "19: CBO.ZERO on a read-only page is a store page fault", M, CAUSE_STORE_PAGE_FAULT, 0x100000 + 64
    csrw satp, zero
    sfence.vma

manage:
    li   a0, PAGE(0)
    li   a1, 0x0123456789abcdef
    sd   a1, (a0)
    NEED "Zicbom", prefetch, cbo.clean (a0)
    cbo.clean (a0)
    cbo.flush (a0)
    cbo.inval (a0)
    addi a2, a0, 63
    cbo.clean (a2)
    cbo.flush (a2)
    ld   a2, (a0)
    EXPECT "19: on one coherent hart CBO.CLEAN, CBO.FLUSH and CBO.INVAL change nothing", a2, 0x0123456789abcdef

prefetch:
    // Hints, encoded as ORI with rd = x0: never a trap, whatever the address, whether or not there is Zicbop
    li   a0, PAGE(0)
    li   a1, 8
    BEGIN M
    prefetch.i 0(a0)
    prefetch.r 32(a0)
    prefetch.w -32(a0)
    prefetch.r 0(zero)
    prefetch.w 2016(a1)
    END
    EXPECT_NO_TRAP "19: prefetches do not trap"
    ld   a2, (a0)
    EXPECT "19: prefetches change nothing", a2, 0x0123456789abcdef

    ILLEGAL "19: CBO with rd set is reserved", 0x0045208f
    ILLEGAL "19: CBO of an unknown operation is reserved", 0x0075200f
end:
    DONE
