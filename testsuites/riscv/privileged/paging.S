// Sv39, Sv48 and Sv57 (10.4 to 10.6): permissions, U and SUM, MXR, superpages, reserved encodings, non-canonical
// addresses and what a walk meets on its way. Every mode that satp takes runs the same checks.
#include "harness.h"
PROGRAM "paging"
#define VA 0x10000

    li   t0, 0x8082         // ret, at the start of PAGE(0)
    li   t1, PAGE(0)
    sd   t0, (t1)
    fence.i
    POKE PAGE(1), 0x1111

    .macro ALLOWED text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm
    .macro FAULTS text, mode, cause, tval, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_TRAP "\text", M, \cause, \tval
    .endm

    // One PTE, one mode: load, store and fetch
    .macro THREE name, mode, mode_allowed, flags
    .if \mode_allowed && (\flags & PTE_R)
    ALLOWED "10.4.1: \name, PTE \flags: \mode-mode may load", \mode, ld t0, 8(a0)
    .else
    FAULTS "10.4.1: \name, PTE \flags: \mode-mode may not load", \mode, CAUSE_LOAD_PAGE_FAULT, VA + 8, ld t0, 8(a0)
    .endif
    .if \mode_allowed && (\flags & PTE_W) && (\flags & PTE_R)
    ALLOWED "10.4.1: \name, PTE \flags: \mode-mode may store", \mode, sd t0, 8(a0)
    ALLOWED "10.4.1: \name, PTE \flags: \mode-mode may do an AMO", \mode, amoor.w t0, zero, (a0)
    .else
    FAULTS "10.4.1: \name, PTE \flags: \mode-mode may not store", \mode, CAUSE_STORE_PAGE_FAULT, VA + 16, sd t0, 16(a0)
    FAULTS "10.4.1: \name, PTE \flags: \mode-mode may not do an AMO", \
        \mode, CAUSE_STORE_PAGE_FAULT, VA, amoor.w t0, zero, (a0)
    .endif
    .if \mode_allowed && (\flags & PTE_X) && ((\flags & PTE_RWX) != (PTE_W | PTE_X))
    ALLOWED "10.4.1: \name, PTE \flags: \mode-mode may fetch", \mode, jalr ra, (a0)
    .else
    FAULTS "10.4.1: \name, PTE \flags: \mode-mode may not fetch", \mode, CAUSE_FETCH_PAGE_FAULT, VA, jalr ra, (a0)
    .endif
    .endm
    .macro PERMISSIONS name, levels, flags
    MAP  S_ROOT, \levels, VA, PAGE(0), \flags | PTE_AD
    sfence.vma
    li   a0, VA
    THREE \name, S, ((\flags & PTE_V) && !(\flags & PTE_U)), \flags
    THREE \name, U, ((\flags & PTE_V) && (\flags & PTE_U)), \flags
    .endm

    .macro SUITE name, mode, levels
    li   t0, ATP(\mode, 0, S_ROOT)
    csrw satp, t0
    csrr t1, satp
    beq  t0, t1, 1f
    SKIP "no \name", skip_\name
1:  csrw satp, zero
    CLEAR_TABLES
    IDENTITY S_ROOT, \levels
    SET_SATP \mode, S_ROOT
    SET_ALIAS U_ALIAS

    // All permissions (10.4.1); 0x?5 and 0x?d are the reserved W without R
    .irp flags, 0x00, 0x0e, 0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x13, 0x15, 0x17, 0x19, 0x1b, 0x1d, 0x1f
    PERMISSIONS \name, \levels, \flags
    .endr

    // SUM and MXR (10.1.1.2)
    MAP  S_ROOT, \levels, VA, PAGE(0), PTE_U_ALL
    sfence.vma
    li   a0, VA
    li   t0, STATUS_SUM
    csrs mstatus, t0
    ALLOWED "10.1.1.2: \name, SUM = 1: S-mode may load from a U page", S, ld t0, 8(a0)
    ALLOWED "10.1.1.2: \name, SUM = 1: S-mode may store to a U page", S, sd t0, 8(a0)
    FAULTS "10.1.1.2: \name, SUM = 1: S-mode may still not fetch from a U page", S, CAUSE_FETCH_PAGE_FAULT, VA, jr a0
    li   t0, STATUS_SUM
    csrc mstatus, t0
    FAULTS "10.1.1.2: \name, SUM = 0 again: S-mode may not load from a U page", \
        S, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)
    MAP  S_ROOT, \levels, VA, PAGE(0), PTE_V | PTE_X | PTE_AD
    sfence.vma
    li   t0, STATUS_MXR
    csrs mstatus, t0
    li   a0, VA
    ALLOWED "10.1.1.2: \name, MXR = 1: S-mode may load from an X page", S, ld t0, (a0)
    FAULTS "10.1.1.2: \name, MXR = 1: S-mode may not store to an X page", S, CAUSE_STORE_PAGE_FAULT, VA, sd t0, (a0)
    FAULTS "10.1.1.2: \name, MXR = 1: U-mode may not load from an S page", U, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)
    MAP  S_ROOT, \levels, VA, PAGE(0), PTE_V | PTE_X | PTE_U | PTE_AD
    sfence.vma
    li   a0, VA
    ALLOWED "10.1.1.2: \name, MXR = 1: U-mode may load from a U, X page", U, ld t0, (a0)
    FAULTS "10.1.1.2: \name, MXR = 1, SUM = 0: S-mode may not load from a U, X page", \
        S, CAUSE_LOAD_PAGE_FAULT, VA, ld t0, (a0)
    li   t0, STATUS_SUM
    csrs mstatus, t0
    ALLOWED "10.1.1.2: \name, MXR = 1, SUM = 1: S-mode may load from a U, X page", S, ld t0, (a0)
    li   t0, STATUS_SUM | STATUS_MXR
    csrc mstatus, t0

    // Where a fault points (3.1.16): an instruction that straddles into a page that is not there
    MAP  S_ROOT, \levels, VA, PAGE(2), PTE_S_ALL
    sfence.vma
    li   t0, PAGE(2)
    li   t1, 0x0013         // the low half of NOP
    li   t2, 0x0ffe
    add  t0, t0, t2
    sh   t1, (t0)
    fence.i
    li   a0, VA + 0xffe
    FAULTS "3.1.16: \name: mtval is the half of the instruction that faults", \
        S, CAUSE_FETCH_PAGE_FAULT, VA + 0x1000, jr a0
    EXPECT_RECORD "3.1.16: \name: mepc is the start of the instruction", EPC, VA + 0xffe

    // Superpages, and misaligned ones (10.3.2 step 6)
    MAP  S_ROOT, \levels, 0x600000, PAGE(0), PTE_S_ALL, 1
    MAP  S_ROOT, \levels, 0x800000, PAGE(1), PTE_S_ALL, 1
    MAP  S_ROOT, \levels, 0x40000000, PAGE(0), PTE_S_ALL, 2
    sfence.vma
    li   a0, 0x601000
    ALLOWED "10.4.1: \name: a 2 MiB page translates", S, ld a1, (a0)
    EXPECT "10.4.1: \name: a 2 MiB page passes 21 bits of the address", a1, 0x1111
    li   a0, 0x800000
    FAULTS "10.3.2: \name: a misaligned 2 MiB page faults on a load", S, CAUSE_LOAD_PAGE_FAULT, 0x800000, ld a1, (a0)
    FAULTS "10.3.2: \name: a misaligned 2 MiB page faults on a store", S, CAUSE_STORE_PAGE_FAULT, 0x800000, sd a1, (a0)
    FAULTS "10.3.2: \name: a misaligned 2 MiB page faults on a fetch", S, CAUSE_FETCH_PAGE_FAULT, 0x800000, jr a0
    li   a0, 0x40000000
    FAULTS "10.3.2: \name: a misaligned 1 GiB page faults", S, CAUSE_LOAD_PAGE_FAULT, 0x40000000, ld a1, (a0)
    MAP  S_ROOT, \levels, 0x40000000, RAM, PTE_S_ALL, 2
    sfence.vma
    li   a0, 0x40201000
    ALLOWED "10.4.1: \name: a 1 GiB page translates", S, ld a1, (a0)
    EXPECT "10.4.1: \name: a 1 GiB page passes 30 bits of the address", a1, 0x1111
    .if \levels > 3
    MAP  S_ROOT, \levels, 0x8000000000, 0, PTE_S_ALL, 3
    MAP  S_ROOT, \levels, 0x10000000000, RAM, PTE_S_ALL, 3
    sfence.vma
    li   a0, 0x8080201000
    ALLOWED "10.5.1: \name: a 512 GiB page translates", S, ld a1, (a0)
    EXPECT "10.5.1: \name: a 512 GiB page passes 39 bits of the address", a1, 0x1111
    li   a0, 0x10000000000
    FAULTS "10.3.2: \name: a misaligned 512 GiB page faults", S, CAUSE_LOAD_PAGE_FAULT, 0x10000000000, ld a1, (a0)
    .endif
    .if \levels > 4
    MAP  S_ROOT, \levels, 0x1000000000000, 0, PTE_S_ALL, 4
    MAP  S_ROOT, \levels, 0x2000000000000, RAM, PTE_S_ALL, 4
    sfence.vma
    li   a0, 0x1000080201000
    ALLOWED "10.6.1: \name: a 256 TiB page translates", S, ld a1, (a0)
    EXPECT "10.6.1: \name: a 256 TiB page passes 48 bits of the address", a1, 0x1111
    li   a0, 0x2000000000000
    FAULTS "10.3.2: \name: a misaligned 256 TiB page faults", S, CAUSE_LOAD_PAGE_FAULT, 0x2000000000000, ld a1, (a0)
    .endif

    // Canonical addresses (10.4, 10.5, 10.6): the bits above the topmost translated one must repeat it
    .set top, 12 + 9 * \levels - 1
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_S_ALL
    MAP  S_ROOT, \levels, (-1 << top) + VA, PAGE(1), PTE_S_ALL
    sfence.vma
    li   a0, (-1 << top) + VA
    ALLOWED "10.4.1: \name: the lowest negative addresses translate", S, ld a1, (a0)
    EXPECT "10.4.1: \name: to the page mapped there", a1, 0x1111
    .irp bit, 0, 1, 2
    li   a0, (1 << (top + \bit)) + VA
    FAULTS "10.4.1: \name: a positive address too wide by bit \bit faults on a load", \
        S, CAUSE_LOAD_PAGE_FAULT, (1 << (top + \bit)) + VA, ld a1, (a0)
    FAULTS "10.4.1: \name: a positive address too wide by bit \bit faults on a store", \
        S, CAUSE_STORE_PAGE_FAULT, (1 << (top + \bit)) + VA, sd a1, (a0)
    FAULTS "10.4.1: \name: a positive address too wide by bit \bit faults on a fetch", \
        S, CAUSE_FETCH_PAGE_FAULT, (1 << (top + \bit)) + VA, jr a0
    .endr
    li   a0, (1 << 63) + VA
    FAULTS "10.4.1: \name: bit 63 alone makes an address non-canonical", \
        S, CAUSE_LOAD_PAGE_FAULT, (1 << 63) + VA, ld a1, (a0)
    li   a0, (-1 << (top + 1)) + VA
    FAULTS "10.4.1: \name: a negative address with a clear sign bit below faults", \
        S, CAUSE_LOAD_PAGE_FAULT, (-1 << (top + 1)) + VA, ld a1, (a0)

    // Reserved bits and encodings of a leaf (10.4.1)
    .irp bit, 54, 55, 56, 57, 58
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_S_ALL | (1 << \bit)
    sfence.vma
    li   a0, VA
    FAULTS "10.4.1: \name: a leaf with the reserved bit \bit faults on a load", \
        S, CAUSE_LOAD_PAGE_FAULT, VA, ld a1, (a0)
    FAULTS "10.4.1: \name: a leaf with the reserved bit \bit faults on a store", \
        S, CAUSE_STORE_PAGE_FAULT, VA, sd a1, (a0)
    .endr
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_S_ALL | 0x300
    sfence.vma
    li   a0, VA
    ALLOWED "10.4.1: \name: the RSW bits are ignored", S, ld a1, (a0)
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_S_ALL | PTE_G
    sfence.vma
    li   a0, VA
    ALLOWED "10.4.1: \name: a global leaf translates", S, ld a1, (a0)
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_V
    sfence.vma
    li   a0, VA
    FAULTS "10.3.2: \name: a pointer in the last level faults", S, CAUSE_LOAD_PAGE_FAULT, VA, ld a1, (a0)
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_S_ALL
    sfence.vma

    // Pointers (10.3.2, 10.4.1): PAGE(4) is a table whose first entry leads to PAGE(1)
    POKE PAGE(4), PTE(PAGE(1), PTE_S_ALL)
    MAP  S_ROOT, \levels, 0x1a00000, PAGE(4), PTE_V, 1
    sfence.vma
    li   a0, 0x1a00000
    ALLOWED "10.3.2: \name: a pointer leads to the next table", S, ld a1, (a0)
    MAP  S_ROOT, \levels, 0x1a00000, PAGE(4), PTE_V | PTE_G | 0x300, 1
    sfence.vma
    li   a0, 0x1a00000
    ALLOWED "10.4.1: \name: G and RSW are allowed in a pointer", S, ld a1, (a0)
    .irp flag, PTE_A, PTE_D, PTE_U, 0x40000000000000
    MAP  S_ROOT, \levels, 0x1a00000, PAGE(4), PTE_V | \flag, 1
    sfence.vma
    li   a0, 0x1a00000
    FAULTS "10.4.1: \name: a pointer with the reserved bit \flag faults", \
        S, CAUSE_LOAD_PAGE_FAULT, 0x1a00000, ld a1, (a0)
    .endr
    MAP  S_ROOT, \levels, 0x1a00000, PAGE(4), 0, 1
    sfence.vma
    li   a0, 0x1a00000
    FAULTS "10.3.2: \name: an invalid pointer faults", S, CAUSE_LOAD_PAGE_FAULT, 0x1a00000, ld a1, (a0)
    MAP  S_ROOT, \levels, 0x1a00000, 0x8000000, PTE_V, 1
    sfence.vma
    li   a0, 0x1a00000
    FAULTS "10.3.2: \name: a table in vacant memory: load access fault", S, CAUSE_LOAD_ACCESS, 0x1a00000, ld a1, (a0)
    FAULTS "10.3.2: \name: a table in vacant memory: store access fault", S, CAUSE_STORE_ACCESS, 0x1a00000, sd a1, (a0)
    FAULTS "10.3.2: \name: a table in vacant memory: fetch access fault", S, CAUSE_FETCH_ACCESS, 0x1a00000, jr a0
    MAP  S_ROOT, \levels, VA, 0x8000000, PTE_S_ALL
    sfence.vma
    li   a0, VA
    FAULTS "10.3.2: \name: a page in vacant memory: load access fault at the virtual address", \
        S, CAUSE_LOAD_ACCESS, VA + 8, ld a1, 8(a0)
    FAULTS "10.3.2: \name: a page in vacant memory: store access fault at the virtual address", \
        S, CAUSE_STORE_ACCESS, VA + 8, sd a1, 8(a0)
    FAULTS "10.3.2: \name: a page in vacant memory: fetch access fault at the virtual address", \
        S, CAUSE_FETCH_ACCESS, VA + 8, jalr zero, 8(a0)
    MAP  S_ROOT, \levels, VA, 0xfffffffffff000, PTE_S_ALL
    sfence.vma
    li   a0, VA
    FAULTS "10.3.2: \name: a page at the top of 56 bits: access fault", S, CAUSE_LOAD_ACCESS, VA, ld a1, (a0)

    // A page fault traps as what the instruction does
    MAP  S_ROOT, \levels, VA, PAGE(1), PTE_V | PTE_R | PTE_AD
    sfence.vma
    li   a0, VA
    ALLOWED "3.1.15: \name: LR needs a readable page", S, lr.d t0, (a0)
    BEGIN S
    lr.d t0, (a0)
    sc.d t0, t0, (a0)
    END
    EXPECT_TRAP "3.1.15: \name: SC to a read-only page", M, CAUSE_STORE_PAGE_FAULT, VA
    FAULTS "3.1.15: \name: AMO on a read-only page", S, CAUSE_STORE_PAGE_FAULT, VA, amoadd.d t0, t0, (a0)
    FAULTS "3.1.15: \name: FSD to a read-only page", S, CAUSE_STORE_PAGE_FAULT, VA + 8, fsd fa0, 8(a0)
    FAULTS "3.1.15: \name: C.SD to a read-only page", S, CAUSE_STORE_PAGE_FAULT, VA + 16, c.sd a1, 16(a0)
    MAP  S_ROOT, \levels, VA, PAGE(1), 0
    sfence.vma
    li   a0, VA
    FAULTS "3.1.15: \name: LR from an invalid page is a load", S, CAUSE_LOAD_PAGE_FAULT, VA, lr.w t0, (a0)
    FAULTS "3.1.15: \name: AMO on an invalid page is a store", S, CAUSE_STORE_PAGE_FAULT, VA, amoadd.w t0, t0, (a0)
    FAULTS "3.1.15: \name: FLD from an invalid page", S, CAUSE_LOAD_PAGE_FAULT, VA + 8, fld fa0, 8(a0)
    FAULTS "3.1.15: \name: LBU from an invalid page reports its byte", S, CAUSE_LOAD_PAGE_FAULT, VA + 3, lbu t0, 3(a0)

    // M-mode is not translated
    BEGIN M
    li   t0, PAGE(1)
    ld   a1, (t0)
    END
    EXPECT_NO_TRAP "10.1.11: \name: M-mode is not translated"
    EXPECT "10.1.11: \name: M-mode reads physical memory", a1, 0x1111
    csrw satp, zero
    sfence.vma
    SET_ALIAS 0
    li   a0, PAGE(1)
    ALLOWED "10.1.11: Bare after \name: S-mode reads physical memory", S, ld a1, (a0)
skip_\name:
    .endm

    SUITE "Sv39", SV39, 3
    SUITE "Sv48", SV48, 4
    SUITE "Sv57", SV57, 5
    DONE
