// Loads and stores of RV64I (2.6, 4.3): every width, sign and offset, aligned and not, within a page and across two.
// A misaligned access either works, bytes and all, or raises an address-misaligned or access exception (2.6); this
// program asks that it works wherever one of each width does, and skips the rest otherwise.
#include "unprivileged/instructions.h"
PROGRAM "memory"

    // Widths and extensions
    li   s2, PAGE(0)
    li   t0, 0x8182838485868788
    sd   t0, 0(s2)
    .macro LOAD op, offset, value
    li   a0, -2
    \op  a0, \offset(s2)
    EXPECT "4.3: \op at byte \offset of 0x8182838485868788", a0, \value
    mv   a0, s2
    \op  a0, \offset(a0)
    EXPECT "4.3: \op at byte \offset, rd = rs1", a0, \value
    .endm
    LOAD lb, 0, 0xffffffffffffff88
    LOAD lb, 7, 0xffffffffffffff81
    LOAD lbu, 0, 0x88
    LOAD lbu, 1, 0x87
    LOAD lbu, 2, 0x86
    LOAD lbu, 3, 0x85
    LOAD lbu, 4, 0x84
    LOAD lbu, 5, 0x83
    LOAD lbu, 6, 0x82
    LOAD lbu, 7, 0x81
    LOAD lh, 0, 0xffffffffffff8788
    LOAD lh, 2, 0xffffffffffff8586
    LOAD lhu, 4, 0x8384
    LOAD lhu, 6, 0x8182
    LOAD lw, 0, 0xffffffff85868788
    LOAD lw, 4, 0xffffffff81828384
    LOAD lwu, 0, 0x85868788
    LOAD lwu, 4, 0x81828384
    LOAD ld, 0, 0x8182838485868788
    li   t0, 0x0102030405060708
    sd   t0, 0(s2)
    LOAD lb, 3, 0x05
    LOAD lh, 2, 0x0506
    LOAD lw, 4, 0x01020304

    .macro STORE op, offset, value
    li   a1, 0x1111111111111111
    sd   a1, 0(s2)
    li   a1, 0x8182838485868788
    \op  a1, \offset(s2)
    ld   a0, 0(s2)
    EXPECT "4.3: \op at byte \offset changes its bytes and no others", a0, \value
    .endm
    STORE sb, 0, 0x1111111111111188
    STORE sb, 5, 0x1111881111111111
    STORE sb, 7, 0x8811111111111111
    STORE sh, 0, 0x1111111111118788
    STORE sh, 6, 0x8788111111111111
    STORE sw, 0, 0x1111111185868788
    STORE sw, 4, 0x8586878811111111
    STORE sd, 0, 0x8182838485868788

    // Offsets: twelve bits, signed
    li   s3, PAGE(1)
    li   a1, 0x1234
    sd   a1, -2048(s3)
    li   a0, PAGE(1) - 2048
    ld   a0, 0(a0)
    EXPECT "2.6: the least offset is -2048", a0, 0x1234
    sb   a1, 2047(s3)
    li   a0, PAGE(1) + 2047
    lbu  a0, 0(a0)
    EXPECT "2.6: the greatest offset is 2047", a0, 0x34
    sd   s3, 0(s3)
    ld   a0, 0(s3)
    EXPECT "2.6: the base may be stored through itself", a0, PAGE(1)
    ld   zero, 0(s3)
    mv   a0, zero
    EXPECT "2.6: a load into x0 leaves it zero", a0, 0
    sd   zero, 0(s3)
    ld   a0, 0(s3)
    EXPECT "2.6: x0 is stored as zero", a0, 0
    BEGIN M
    lw   zero, 0(zero)
    END
    ld   a0, LEVEL(gp)
    beqz a0, 1f
    EXPECT_RECORD "2.6: a load into x0 traps all the same; address 0 holds nothing here", CAUSE, CAUSE_LOAD_ACCESS
1:

    // Misaligned, in a page and across the end of one, in M-mode on physical addresses, then in S-mode through Sv39
    // with the two pages apart in memory
    BEGIN M
    lw   t0, 1(s2)
    sw   t0, 1(s2)
    li   t1, PAGE(1) - 3
    ld   t0, 0(t1)
    sd   t0, 0(t1)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "misaligned loads and stores trap", end
1:  li   s2, PAGE(0)
    jal  s11, misaligned
    li   s2, PAGE(1) - 32
    jal  s11, misaligned

    CLEAR_TABLES
    IDENTITY S_ROOT, 3
    MAP  S_ROOT, 3, 0x100000, PAGE(5), PTE_S_ALL
    MAP  S_ROOT, 3, 0x101000, PAGE(2), PTE_S_ALL
    SET_SATP SV39, S_ROOT
    li   s2, 0x101000 - 32
    BEGIN S
    jal  s11, misaligned_in_block
    END
    EXPECT_NO_TRAP "2.6: misaligned accesses across two mapped pages do not trap"
    EXPECT "2.6: loads and stores across pages that lie apart give and take the right bytes", s10, 0
    li   a0, PAGE(2)
    lbu  a0, 0(a0)
    EXPECT "2.6: the second page received its bytes", a0, 0xe0
    li   a0, PAGE(6)
    li   a1, 0x77
    sd   a1, 0(a0)

    // Floating-point accesses go the same way
    ld   t0, H_MISA(gp)
    srli t0, t0, 'D' - 'A'
    andi t0, t0, 1
    beqz t0, 1f
    li   s2, 0x101000 - 3
    li   a0, 0x8182838485868788
    fmv.d.x fa0, a0
    BEGIN S
    fsd  fa0, (s2)
    fld  fa1, (s2)
    flw  fa2, (s2)
    ld   a1, (s2)
    fsw  fa0, 1(s2)
    ld   a2, (s2)
    END
    EXPECT_NO_TRAP "2.6: misaligned floating-point accesses across two pages do not trap"
    EXPECT_EQUAL "20.5: FSD across two pages", a1, a0
    fmv.x.d a3, fa1
    EXPECT_EQUAL "20.5: FLD across two pages", a3, a0
    fmv.x.w a3, fa2
    EXPECT "20.5: FLW across two pages", a3, 0xffffffff85868788
    EXPECT "20.5: FSW across two pages", a2, 0x8182838586878888
1:

    // A store across the edge of a page that is not there changes nothing on some machines, and its first part on
    // others; the manual allows both, so only the trap is asked for.
    MAP  S_ROOT, 3, 0x101000, 0, 0
    sfence.vma
    li   a0, 0x101000 - 4
    li   a1, -1
    BEGIN S
    sd   a1, 0(a0)
    END
    EXPECT_TRAP "Priv. 10.3.1: a store whose second page is not mapped faults", M, CAUSE_STORE_PAGE_FAULT
    EXPECT_RECORD "Priv. 10.1.9: stval is the address of the part that faulted", TVAL, 0x101000
    BEGIN S
    ld   a1, 0(a0)
    END
    EXPECT_TRAP "Priv. 10.3.1: a load whose second page is not mapped faults", M, CAUSE_LOAD_PAGE_FAULT
    EXPECT_RECORD "Priv. 10.1.9: stval is the address of the part that faulted", TVAL, 0x101000
    EXPECT "2.6: a load that faults does not change rd", a1, -1
    csrw satp, zero
    sfence.vma
end:
    DONE

// With s2 the start of 64 bytes: bytes 0xc0 ... 0xff are laid down, then every width is loaded and stored at every
// offset 0 ... 55, and compared with bytes. Returns to s11; the number of differences is in s10.
misaligned:
    BEGIN M
    jal  s9, compare
    END
    EXPECT_NO_TRAP "2.6: misaligned accesses do not trap"
    EXPECT "2.6: misaligned loads and stores give and take the right bytes", s10, 0
    jr   s11
misaligned_in_block:
    jal  s9, compare
    jr   s11

.macro LOAD_EVERYWHERE load, width, signed
    li   s3, 0
1:  add  a1, s2, s3
    li   a2, 0
    .set byte, \width
    .rept \width
    .set byte, byte - 1
    slli a2, a2, 8
    lbu  a3, byte(a1)
    or   a2, a2, a3
    .endr
    .if \signed
    slli a2, a2, 64 - 8 * \width
    srai a2, a2, 64 - 8 * \width
    .endif
    \load a0, (a1)
    beq  a0, a2, 2f
    addi s10, s10, 1
2:  addi s3, s3, 1
    li   a3, 56
    bltu s3, a3, 1b
.endm

.macro STORE_EVERYWHERE store, width
    li   s3, 0
1:  jal  s8, lay_down
    add  a1, s2, s3
    li   a2, 0x0807060504030201
    \store a2, (a1)
    li   a4, 0
2:  add  a5, s2, a4                     // byte a4 is 0xc0 + a4, but in the stored range 1 + a4 - s3
    lbu  a5, (a5)
    sub  a6, a4, s3
    addi a7, a4, 0xc0
    sltiu a3, a6, \width
    beqz a3, 3f
    addi a7, a6, 1
3:  beq  a5, a7, 4f
    addi s10, s10, 1
4:  addi a4, a4, 1
    li   a3, 64
    bltu a4, a3, 2b
    addi s3, s3, 1
    li   a3, 56
    bltu s3, a3, 1b
.endm

compare:
    li   s10, 0
    jal  s8, lay_down
    LOAD_EVERYWHERE lh, 2, 1
    LOAD_EVERYWHERE lhu, 2, 0
    LOAD_EVERYWHERE lw, 4, 1
    LOAD_EVERYWHERE lwu, 4, 0
    LOAD_EVERYWHERE ld, 8, 0
    STORE_EVERYWHERE sh, 2
    STORE_EVERYWHERE sw, 4
    STORE_EVERYWHERE sd, 8
    jal  s8, lay_down
    jr   s9

lay_down:
    li   a4, 0
1:  add  a5, s2, a4
    addi a6, a4, 0xc0
    sb   a6, (a5)
    addi a4, a4, 1
    li   a6, 64
    bltu a4, a6, 1b
    jr   s8
