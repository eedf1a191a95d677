// Misaligned loads and stores, where the implementation does them: across two pages, each half goes its own way; when
// one faults, the trap value is the address of that half (3.1.16), and neither registers nor memory have changed. (The
// manual lets a part of such a store become visible, 3.7.1.3; the checks that say "in part" ask for more than it does.)
#include "harness.h"
PROGRAM "misaligned"
#define VA 0x10000
    li   a0, PAGE(0) + 1
    BEGIN M
    ld   t0, (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    EXPECT_TRAP "3.1.15: a misaligned load that is not supported raises cause 4", M, CAUSE_MISALIGNED_LOAD, PAGE(0) + 1
    BEGIN M
    sd   t0, (a0)
    END
    EXPECT_TRAP "3.1.15: a misaligned store that is not supported raises cause 6", \
        M, CAUSE_MISALIGNED_STORE, PAGE(0) + 1
    SKIP "no misaligned accesses", done
1:
    // Every offset within a page
    POKE PAGE(0), 0x8877665544332211
    POKE PAGE(0) + 8, 0x00ffeeddccbbaa99
    li   a0, PAGE(0)
    BEGIN M
    lh   s0, 1(a0)
    lhu  s1, 7(a0)
    lw   s2, 1(a0)
    lwu  s3, 6(a0)
    lw   s4, 7(a0)
    ld   s5, 1(a0)
    ld   s6, 4(a0)
    ld   s7, 7(a0)
    fld  fa0, 3(a0)
    fmv.x.d s8, fa0
    END
    EXPECT_NO_TRAP "3.6.4: misaligned loads in main memory"
    EXPECT "Unpriv. 2.6: LH at 1", s0, 0x3322
    EXPECT "Unpriv. 2.6: LHU at 7", s1, 0x9988
    EXPECT "Unpriv. 2.6: LW at 1", s2, 0x55443322
    EXPECT "Unpriv. 2.6: LWU at 6", s3, 0xaa998877
    EXPECT "Unpriv. 2.6: LW at 7", s4, 0xffffffffbbaa9988
    EXPECT "Unpriv. 2.6: LD at 1", s5, 0x9988776655443322
    EXPECT "Unpriv. 2.6: LD at 4", s6, 0xccbbaa9988776655
    EXPECT "Unpriv. 2.6: LD at 7", s7, 0xffeeddccbbaa9988
    EXPECT "Unpriv. 2.6: FLD at 3", s8, 0xbbaa998877665544
    li   t1, 0x0102030405060708
    BEGIN M
    sd   t1, 5(a0)
    END
    EXPECT_NO_TRAP "3.6.4: misaligned stores in main memory"
    ld   s0, (a0)
    ld   s1, 8(a0)
    EXPECT "Unpriv. 2.6: SD at 5, its first bytes", s0, 0x0607085544332211
    EXPECT "Unpriv. 2.6: SD at 5, its last bytes", s1, 0x00ffee0102030405

    // Across pages: VA is PAGE(3), VA + 0x1000 is PAGE(0), VA + 0x2000 is absent, VA + 0x3000 is PAGE(1), read-only
    // after
    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, VA, PAGE(3), PTE_S_ALL
    MAP  S_ROOT, 3, VA + 0x1000, PAGE(0), PTE_S_ALL
    MAP  S_ROOT, 3, VA + 0x3000, PAGE(1), PTE_S_ALL
    MAP  S_ROOT, 3, VA + 0x4000, PAGE(2), PTE_V | PTE_R | PTE_AD
    MAP  S_ROOT, 3, VA + 0x5000, PAGE(4), PTE_S_ALL
    MAP  S_ROOT, 3, VA + 0x6000, PAGE(5), PTE_U_ALL
    SET_SATP SV39, S_ROOT
    POKE PAGE(3) + 0xff8, 0x8877665544332211
    POKE PAGE(0), 0x00ffeeddccbbaa99
    POKE PAGE(0) + 0xff8, 0x1122334455667788
    POKE PAGE(1), 0x99aabbccddeeff00
    POKE PAGE(1) + 0xff8, 0x0123456789abcdef
    POKE PAGE(2), 0xfedcba9876543210
    li   a0, VA + 0xff8
    BEGIN S
    lhu  s0, 7(a0)
    lw   s1, 5(a0)
    ld   s2, 1(a0)
    ld   s3, 7(a0)
    lwu  s4, 6(a0)
    END
    EXPECT_NO_TRAP "10.3.2: loads across two pages that lie apart"
    EXPECT "10.3.2: LHU across, one byte each", s0, 0x9988
    EXPECT "10.3.2: LW across, three and one", s1, 0xffffffff99887766
    EXPECT "10.3.2: LD across, seven and one", s2, 0x9988776655443322
    EXPECT "10.3.2: LD across, one and seven", s3, 0xffeeddccbbaa9988
    EXPECT "10.3.2: LWU across, two and two", s4, 0xaa998877
    li   t1, 0x0102030405060708
    BEGIN S
    sd   t1, 3(a0)
    END
    EXPECT_NO_TRAP "10.3.2: a store across two pages that lie apart"
    li   t0, PAGE(3) + 0xff8
    ld   s0, (t0)
    EXPECT "10.3.2: SD across, its first page", s0, 0x0405060708332211
    li   t0, PAGE(0)
    ld   s0, (t0)
    EXPECT "10.3.2: SD across, its second page", s0, 0x00ffeeddcc010203

    // The second page absent
    .macro SECOND_ABSENT name, offset, cause, instruction:vararg
    li   a0, VA + 0x1ff8 + \offset
    li   a1, 0x5a5a
    BEGIN S
1:  \instruction
    END
    EXPECT_TRAP "3.1.16: \name at \offset, second page absent: the trap value is the second page", \
        M, \cause, VA + 0x2000
    EXPECT_EPC "3.1.14: \name at \offset: mepc is the instruction", 1b
    EXPECT "3.1.14: \name at \offset: rd or rs2 is as it was", a1, 0x5a5a
    li   t0, PAGE(0) + 0xff8
    ld   a2, (t0)
    EXPECT "\name at \offset: the first page is as it was, nothing is stored in part", a2, 0x1122334455667788
    .endm
    SECOND_ABSENT "LH", 7, CAUSE_LOAD_PAGE_FAULT, lh a1, (a0)
    SECOND_ABSENT "LW", 5, CAUSE_LOAD_PAGE_FAULT, lw a1, (a0)
    SECOND_ABSENT "LWU", 7, CAUSE_LOAD_PAGE_FAULT, lwu a1, (a0)
    SECOND_ABSENT "LD", 1, CAUSE_LOAD_PAGE_FAULT, ld a1, (a0)
    SECOND_ABSENT "LD", 4, CAUSE_LOAD_PAGE_FAULT, ld a1, (a0)
    SECOND_ABSENT "FLD", 4, CAUSE_LOAD_PAGE_FAULT, fld fa0, (a0)
    SECOND_ABSENT "SH", 7, CAUSE_STORE_PAGE_FAULT, sh a1, (a0)
    SECOND_ABSENT "SW", 6, CAUSE_STORE_PAGE_FAULT, sw a1, (a0)
    SECOND_ABSENT "SD", 1, CAUSE_STORE_PAGE_FAULT, sd a1, (a0)
    SECOND_ABSENT "SD", 7, CAUSE_STORE_PAGE_FAULT, sd a1, (a0)
    SECOND_ABSENT "FSD", 3, CAUSE_STORE_PAGE_FAULT, fsd fa0, (a0)

    // The first page absent
    .macro FIRST_ABSENT name, offset, cause, instruction:vararg
    li   a0, VA + 0x2ff8 + \offset
    li   a1, 0x5a5a
    BEGIN S
    \instruction
    END
    EXPECT_TRAP "3.1.16: \name at \offset, first page absent: the trap value is the address itself", \
        M, \cause, VA + 0x2ff8 + \offset
    EXPECT "3.1.14: \name at \offset: rd or rs2 is as it was", a1, 0x5a5a
    li   t0, PAGE(1)
    ld   a2, (t0)
    EXPECT "\name at \offset: the second page is as it was, nothing is stored in part", a2, 0x99aabbccddeeff00
    .endm
    FIRST_ABSENT "LD", 1, CAUSE_LOAD_PAGE_FAULT, ld a1, (a0)
    FIRST_ABSENT "LW", 6, CAUSE_LOAD_PAGE_FAULT, lw a1, (a0)
    FIRST_ABSENT "SD", 4, CAUSE_STORE_PAGE_FAULT, sd a1, (a0)
    FIRST_ABSENT "SH", 7, CAUSE_STORE_PAGE_FAULT, sh a1, (a0)

    // The second page read-only, or U
    li   a0, VA + 0x3ffc
    li   a1, 0x5a5a
    BEGIN S
    ld   a2, (a0)
    END
    EXPECT_NO_TRAP "10.3.2: a load into a read-only second page"
    EXPECT "10.3.2: LD across, four and four", a2, 0x7654321001234567
    BEGIN S
    sd   a1, (a0)
    END
    EXPECT_TRAP "3.1.16: a store into a read-only second page faults there", M, CAUSE_STORE_PAGE_FAULT, VA + 0x4000
    li   t0, PAGE(1) + 0xff8
    ld   a2, (t0)
    EXPECT "the first page is as it was, nothing is stored in part", a2, 0x0123456789abcdef
    li   a0, VA + 0x5ffe
    BEGIN S
    lw   a2, (a0)
    END
    EXPECT_TRAP "3.1.16: a load into a second page of U faults there", M, CAUSE_LOAD_PAGE_FAULT, VA + 0x6000
done:
    DONE
