// Physical memory protection (3.7): NA4, NAPOT and TOR, permissions, priority, partial matches, page-table walks, MPRV,
// M-mode and locks. Entry 7 opens all memory behind the entries under test.
#include "harness.h"
PROGRAM "pmp"
#define ENTRY(n, configuration) ((configuration) << (8 * (n)))
#define OPEN ENTRY(7, PMP_NAPOT | PMP_R | PMP_W | PMP_X)
#define RW (PMP_R | PMP_W)
#define RX (PMP_R | PMP_X)
#define RWX (PMP_R | PMP_W | PMP_X)
#define NAPOT(base, size) (((base) | ((size) / 2 - 1)) >> 2)

    .macro SET number, address
    li   t0, \address
    csrw pmpaddr\number, t0
    .endm
    .macro CONFIGURE value
    li   t0, \value
    csrw pmpcfg0, t0
    sfence.vma
    .endm

    NEED_CSR pmpcfg0, done
    SET  7, -1
    CONFIGURE OPEN
    csrr t0, pmpcfg0
    li   t1, OPEN
    beq  t0, t1, 1f
    SKIP "fewer than 8 PMP entries", done
1:  li   a0, PAGE(0)

    // Registers
    EXPECT_WRITE "3.7.1: the top 10 bits of pmpaddr0 read as zero", pmpaddr0, -1, 0xffc0000000000000, 0
    EXPECT_WRITE "3.7.1: bits 5 and 6 of a configuration read as zero", pmpcfg0, OPEN | 0x60, 0xff, 0
    CONFIGURE OPEN
    BEGIN M
    csrr t0, 0x3a1           // pmpcfg1
    END
    EXPECT_TRAP "3.7.1: odd pmpcfg registers are illegal in RV64", M, CAUSE_ILLEGAL_INSTRUCTION
    SET  0, -1
    csrr a1, pmpaddr0
    andi a1, a1, 1          // pmpaddr0[0] is readable as one with A = OFF only where the grain is 4 bytes (3.7.1.1)

    // Permissions, from S and U, under NAPOT
    .macro ACCESS mode, r, w, x, configuration, name
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | \configuration)
    BEGIN \mode
    ld   t0, 8(a0)
    END
    .if \r
    EXPECT_NO_TRAP "3.7.1: \name lets \mode load"
    .else
    EXPECT_TRAP "3.7.1: \name does not let \mode load", M, CAUSE_LOAD_ACCESS, PAGE(0) + 8
    .endif
    BEGIN \mode
    sd   t0, 16(a0)
    END
    .if \w
    EXPECT_NO_TRAP "3.7.1: \name lets \mode store"
    .else
    EXPECT_TRAP "3.7.1: \name does not let \mode store", M, CAUSE_STORE_ACCESS, PAGE(0) + 16
    .endif
    BEGIN \mode
    jalr ra, (a0)
    END
    .if \x
    EXPECT_NO_TRAP "3.7.1: \name lets \mode execute"
    .else
    EXPECT_TRAP "3.7.1: \name does not let \mode execute", M, CAUSE_FETCH_ACCESS, PAGE(0)
    .endif
    .endm
    li   t0, 0x8082         // ret
    sd   t0, (a0)
    fence.i
    SET  0, NAPOT(PAGE(0), 0x1000)
    .irp mode, S, U
    ACCESS \mode, 0, 0, 0, 0, "no permission"
    ACCESS \mode, 1, 0, 0, PMP_R, "R"
    ACCESS \mode, 1, 1, 0, RW, "RW"
    ACCESS \mode, 0, 0, 1, PMP_X, "X"
    ACCESS \mode, 1, 0, 1, RX, "RX"
    ACCESS \mode, 1, 1, 1, RWX, "RWX"
    .endr
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    BEGIN M
    ld   t0, (a0)
    sd   t0, (a0)
    jalr ra, (a0)
    END
    EXPECT_NO_TRAP "3.7.1.2: entries without L do not bind M-mode"

    // Atomics
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | PMP_R)
    BEGIN S
    amoadd.d t0, zero, (a0)
    END
    EXPECT_TRAP "3.7.1: an AMO needs W and raises a store access fault", M, CAUSE_STORE_ACCESS, PAGE(0)
    BEGIN S
    lr.d t0, (a0)
    END
    EXPECT_NO_TRAP "3.7.1: LR needs R alone"
    BEGIN S
    lr.d t0, (a0)
    sc.d t0, t0, (a0)
    END
    EXPECT_TRAP "3.7.1: SC needs W and raises a store access fault", M, CAUSE_STORE_ACCESS, PAGE(0)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    BEGIN S
    lr.w t0, (a0)
    END
    EXPECT_TRAP "3.7.1: LR without R raises a load access fault", M, CAUSE_LOAD_ACCESS, PAGE(0)
    BEGIN S
    amoswap.w t0, t0, (a0)
    END
    EXPECT_TRAP "3.7.1: an AMO without R raises a store access fault", M, CAUSE_STORE_ACCESS, PAGE(0)

    // Address matching (3.7.1.1)
    .macro LOAD_FAULTS text, offset, instruction=ld
    BEGIN S
    \instruction t0, \offset(a0)
    END
    EXPECT_TRAP "\text", M, CAUSE_LOAD_ACCESS
    .endm
    .macro LOAD_PASSES text, offset, instruction=ld
    BEGIN S
    \instruction t0, \offset(a0)
    END
    EXPECT_NO_TRAP "\text"
    .endm
    beqz a1, 1f
    SET  0, (PAGE(0) + 8) >> 2
    CONFIGURE OPEN | ENTRY(0, PMP_NA4)
    LOAD_FAULTS "3.7.1.1: NA4 covers its four bytes", 8, lw
    LOAD_PASSES "3.7.1.1: NA4 does not cover the word before", 4, lw
    LOAD_PASSES "3.7.1.1: NA4 does not cover the word after", 12, lw
    LOAD_FAULTS "3.7.1.1: NA4 covers its last byte", 11, lbu
    SET  0, NAPOT(PAGE(0) + 16, 8)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    LOAD_FAULTS "3.7.1.1: NAPOT of 8 bytes covers them", 16, ld
    LOAD_FAULTS "3.7.1.1: NAPOT of 8 bytes covers the last of them", 23, lbu
    LOAD_PASSES "3.7.1.1: NAPOT of 8 bytes does not cover those before", 8, ld
    LOAD_PASSES "3.7.1.1: NAPOT of 8 bytes does not cover those after", 24, ld
    // Partial matches (3.7.1.3): all bytes must match the entry that matches any
    SET  0, (PAGE(0) + 8) >> 2
    CONFIGURE OPEN | ENTRY(0, PMP_NA4 | RWX)
    LOAD_PASSES "3.7.1.3: a word inside an entry that allows it passes", 8, lw
    LOAD_FAULTS "3.7.1.3: a doubleword half inside an entry fails, whatever its permissions", 8, ld
    BEGIN S
    sd   t0, 8(a0)
    END
    EXPECT_TRAP "3.7.1.3: a store half inside an entry fails", M, CAUSE_STORE_ACCESS, PAGE(0) + 8
    BEGIN M
    ld   t0, 8(a0)
    END
    EXPECT_TRAP "3.7.1.3: a partial match fails in M-mode too, locked or not", M, CAUSE_LOAD_ACCESS, PAGE(0) + 8
    SET  0, (PAGE(0) + 12) >> 2
    CONFIGURE OPEN | ENTRY(0, PMP_NA4 | RWX)
    LOAD_FAULTS "3.7.1.3: the same where the entry holds the upper half", 8, ld
    j    2f
1:  SKIP "PMP grain above 4 bytes: no NA4", 2f
2:  SET  0, NAPOT(PAGE(1), 0x1000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    li   a0, PAGE(1)
    LOAD_FAULTS "3.7.1.1: NAPOT of 4 KiB covers its first doubleword", 0
    LOAD_FAULTS "3.7.1.1: NAPOT of 4 KiB covers its last byte", 2047, lbu
    LOAD_PASSES "3.7.1.1: NAPOT of 4 KiB does not cover the doubleword before", -8
    li   a0, PAGE(2)
    LOAD_FAULTS "3.7.1.1: NAPOT of 4 KiB covers its last doubleword", -8
    LOAD_PASSES "3.7.1.1: NAPOT of 4 KiB does not cover the doubleword after", 0
    SET  0, NAPOT(PAGE(0), 0x200000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    LOAD_FAULTS "3.7.1.1: NAPOT of 2 MiB covers its third page", 0
    SET  0, PAGE(1) >> 2
    SET  1, PAGE(2) >> 2
    CONFIGURE OPEN | ENTRY(1, PMP_TOR)
    LOAD_FAULTS "3.7.1.1: TOR covers the address below its top", -8
    LOAD_PASSES "3.7.1.1: TOR does not cover its top", 0
    li   a0, PAGE(1)
    LOAD_FAULTS "3.7.1.1: TOR covers its bottom", 0
    LOAD_PASSES "3.7.1.1: TOR does not cover the address below its bottom", -8
    SET  0, PAGE(2) >> 2
    SET  1, PAGE(1) >> 2
    CONFIGURE OPEN | ENTRY(1, PMP_TOR)
    LOAD_PASSES "3.7.1.1: TOR with its bottom above its top matches nothing", 0
    SET  0, PAGE(1) >> 2
    SET  1, PAGE(1) >> 2
    CONFIGURE OPEN | ENTRY(1, PMP_TOR)
    LOAD_PASSES "3.7.1.1: TOR of no size matches nothing", 0
    SET  0, PAGE(1) >> 2
    SET  7, -1
    CONFIGURE OPEN | ENTRY(0, PMP_TOR | RX)
    li   a0, PAGE(0)
    LOAD_PASSES "3.7.1.1: TOR of entry 0 starts at address 0: loads", 0
    BEGIN S
    sd   t0, (a0)
    END
    EXPECT_TRAP "3.7.1.1: TOR of entry 0 starts at address 0: no stores", M, CAUSE_STORE_ACCESS, PAGE(0)

    // Priority and no match (3.7.1.3)
    SET  0, NAPOT(PAGE(0), 0x1000)
    SET  1, NAPOT(PAGE(0), 0x4000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | RW) | ENTRY(1, PMP_NAPOT)
    LOAD_PASSES "3.7.1.3: the lowest-numbered entry that matches decides: it allows", 0
    li   a0, PAGE(1)
    LOAD_FAULTS "3.7.1.3: where it does not match, the next decides", 0
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT) | ENTRY(1, PMP_NAPOT | RW)
    LOAD_PASSES "3.7.1.3: the second entry allows what the first does not match", 0
    li   a0, PAGE(0)
    LOAD_FAULTS "3.7.1.3: the lowest-numbered entry that matches decides: it forbids", 0
    // Nothing matches beyond the first 4 MiB.
    SET  0, NAPOT(RAM, 0x400000)
    li   a0, 0x80600000
    CONFIGURE ENTRY(0, PMP_NAPOT | RWX)
    BEGIN S
    ld   t0, (a0)
    END
    EXPECT_TRAP "3.7.1.3: an access by S-mode that nothing matches fails", M, CAUSE_LOAD_ACCESS, 0x80600000
    BEGIN U
    sd   t0, (a0)
    END
    EXPECT_TRAP "3.7.1.3: an access by U-mode that nothing matches fails", M, CAUSE_STORE_ACCESS, 0x80600000
    BEGIN M
    ld   t0, (a0)
    sd   t0, (a0)
    END
    EXPECT_NO_TRAP "3.7.1.3: an access by M-mode that nothing matches succeeds"

    // MPRV (3.7.1)
    SET  0, NAPOT(PAGE(0), 0x1000)
    li   a0, PAGE(0)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | PMP_R)
    .macro WITH_MPRV mpp, instruction:vararg
    BEGIN M
    li   t0, STATUS_MPP
    csrc mstatus, t0
    li   t0, \mpp | STATUS_MPRV
    csrs mstatus, t0
    \instruction
    END
    .endm
    WITH_MPRV 0, ld t0, (a0)
    EXPECT_NO_TRAP "3.7.1: with MPRV and MPP = U, R allows a load"
    WITH_MPRV 0, sd t0, (a0)
    EXPECT_TRAP "3.7.1: with MPRV and MPP = U, a missing W stops a store", M, CAUSE_STORE_ACCESS, PAGE(0)
    WITH_MPRV STATUS_MPP_S, sd t0, (a0)
    EXPECT_TRAP "3.7.1: with MPRV and MPP = S, a missing W stops a store", M, CAUSE_STORE_ACCESS, PAGE(0)
    WITH_MPRV STATUS_MPP_M, sd t0, (a0)
    EXPECT_NO_TRAP "3.7.1: with MPRV and MPP = M, an unlocked entry does not bind"

    // Page-table walks (3.7.2): checked as S-mode accesses, reported as an access fault of the original kind
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x10000, PAGE(3), PTE_S_ALL
    SET  0, NAPOT(TABLE_POOL, 0x1000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    SET_SATP SV39, S_ROOT
    li   a0, 0x10000
    BEGIN S
    ld   t0, (a0)
    END
    EXPECT_TRAP "3.7.2: a load whose page table may not be read raises a load access fault", \
        M, CAUSE_LOAD_ACCESS, 0x10000
    BEGIN S
    sd   t0, (a0)
    END
    EXPECT_TRAP "3.7.2: a store whose page table may not be read raises a store access fault", \
        M, CAUSE_STORE_ACCESS, 0x10000
    BEGIN S
    jr   a0
    END
    EXPECT_TRAP "3.7.2: a fetch whose page table may not be read raises a fetch access fault", \
        M, CAUSE_FETCH_ACCESS, 0x10000
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | PMP_R)
    BEGIN S
    ld   t0, (a0)
    END
    EXPECT_NO_TRAP "3.7.2: a page table that may be read serves"
    // The page itself: the physical address is checked, the virtual one reported.
    SET  0, NAPOT(PAGE(3), 0x1000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT)
    BEGIN S
    ld   t0, 24(a0)
    END
    EXPECT_TRAP "3.7.2: the translated address is checked and the virtual one reported", M, CAUSE_LOAD_ACCESS, 0x10018
    csrw satp, zero
    sfence.vma

    // Locks (3.7.1.2), last, since only a reset undoes them
    SET  0, NAPOT(PAGE(8), 0x1000)
    CONFIGURE OPEN | ENTRY(0, PMP_NAPOT | PMP_R | PMP_L)
    li   a0, PAGE(8)
    BEGIN M
    ld   t0, (a0)
    END
    EXPECT_NO_TRAP "3.7.1.2: a locked entry with R lets M-mode load"
    BEGIN M
    sd   t0, 8(a0)
    END
    EXPECT_TRAP "3.7.1.2: a locked entry without W stops M-mode's store", M, CAUSE_STORE_ACCESS, PAGE(8) + 8
    BEGIN M
    jr   a0
    END
    EXPECT_TRAP "3.7.1.2: a locked entry without X stops M-mode's fetch", M, CAUSE_FETCH_ACCESS, PAGE(8)
    CONFIGURE OPEN
    EXPECT_CSR_BITS "3.7.1.2: a locked configuration cannot be written", pmpcfg0, 0xff, PMP_NAPOT | PMP_R | PMP_L
    SET  0, 0
    EXPECT_CSR "3.7.1.2: the address of a locked entry cannot be written", pmpaddr0, NAPOT(PAGE(8), 0x1000)
    SET  2, PAGE(9) >> 2
    SET  3, PAGE(10) >> 2
    CONFIGURE OPEN | ENTRY(3, PMP_TOR | PMP_L)
    SET  2, 0
    EXPECT_CSR "3.7.1.2: locking a TOR entry locks the address before it", pmpaddr2, PAGE(9) >> 2
    CONFIGURE OPEN | ENTRY(2, PMP_NAPOT | PMP_R)
    EXPECT_CSR_BITS "3.7.1.2: ... but not the configuration before it", pmpcfg0, 0xff0000, (PMP_NAPOT | PMP_R) << 16
    CONFIGURE OPEN
    li   a0, PAGE(9)
    BEGIN M
    ld   t0, (a0)
    END
    EXPECT_TRAP "3.7.1.2: a locked TOR entry without R stops M-mode's load", M, CAUSE_LOAD_ACCESS, PAGE(9)
    BEGIN S
    ld   t0, (a0)
    END
    EXPECT_TRAP "3.7.1.2: and S-mode's", M, CAUSE_LOAD_ACCESS, PAGE(9)
done:
    DONE
