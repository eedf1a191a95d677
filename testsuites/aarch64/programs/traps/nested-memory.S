// FEAT_NV2: registers of a hypervisor at EL1 that are in memory at VNCR_EL2, and those that are EL1's ("Nested
// virtualization" of chapter D8; HCR_EL2.NV2 and NV1; VNCR_EL2).
#include "harness.h"
#include "traps.h"

#define NV (1 << 42)
#define NV1 (1 << 43)
#define NV2 (1 << 45)
#define E2H (1 << 34)
#define VNCR S3_4_C2_C2_0
#define PATTERN 0xfedcba9876540000
#define OTHER 0x0123456789ab0000
// Of a data abort: the access was that of a register in memory.
#define OF_REGISTER (1 << 13)
#define WNR (1 << 6)
#define NOTHING 0xc0000000              // a physical address where nothing is
#define EL2_TABLE 0x404a0000
#define EL2_TABLE_TEST 0x404a1000

// With HCR_EL2's `bits` the register is the eight bytes at `offset`, whatever they are, and only that.
.macro MEMORY text, bits, offset, register
    ldr x0, =PAGE(0)
    ldr x1, =(PATTERN | \offset)
    str x1, [x0, #\offset]
    SET hcr_el2, HCR_RW | LET | NV2 | NV | \bits
    BEGIN EL1
    mrs x5, \register
    END
    SET hcr_el2, HCR_RW
    EXPECT_NONE "\text: MRS"
    EXPECT "\text: what is read", x5, (PATTERN | \offset)
    ldr x6, =(OTHER | \offset)
    SET hcr_el2, HCR_RW | LET | NV2 | NV | \bits
    BEGIN EL1
    msr \register, x6
    END
    SET hcr_el2, HCR_RW
    EXPECT_NONE "\text: MSR"
    ldr x0, =PAGE(0)
    ldr x5, [x0, #\offset]
    EXPECT "\text: what is written", x5, (OTHER | \offset)
    str xzr, [x0, #\offset]
.endm

// The page was left alone: all that was written to it is gone again.
.macro EXPECT_CLEAR text
    ldr x0, =PAGE(0)
    mov x1, #0
    mov x2, #0x1000
1:  sub x2, x2, #8
    ldr x3, [x0, x2]
    orr x1, x1, x3
    cbnz x2, 1b
    EXPECT "\text", x1, 0
.endm

// EL1's register: by its own name with NV1, and by its other name without.
.macro GUEST name, offset, own, alias
    MEMORY "\name with NV1", NV1, \offset, \own
    MEMORY "\alias without NV1", 0, \offset, \alias
    ldr x0, =PAGE(0)
    ldr x1, =PATTERN
    str x1, [x0, #\offset]
    mrs x9, \own
    SET hcr_el2, HCR_RW | LET | NV2 | NV
    BEGIN EL1
    mrs x5, \own
    END
    SET hcr_el2, HCR_RW
    str xzr, [x0, #\offset]
    cmp x5, x9
    cset x5, eq
    EXPECT "\name without NV1 is EL1's own", x5, 1
    SET hcr_el2, HCR_RW | LET | NV2 | NV | NV1
    BEGIN EL1
    mrs x5, \alias
    END
    SET hcr_el2, HCR_RW
    EXPECT_RECORD "\alias with NV1 goes to EL2", LEVEL, 2
.endm

// An access at EL1 whose memory EL2 has not: all of the exception.
.macro ABORTS text, address, iss, instruction:vararg
    SET hcr_el2, HCR_RW | LET | NV2 | NV
    ldr x5, =0x1234
    BEGIN EL1
1:  \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 2, EC_DABORT, OF_REGISTER | \iss
    EXPECT_RECORD "\text: FAR_EL2", FAR, \address
    EXPECT_RECORD "\text: ELR_EL2", ELR, 1b
    EXPECT_RECORD "\text: the vector is that of a lower level", VECTOR, 0x400
    EXPECT_RECORD_BITS "\text: SPSR_EL2.M", SPSR, 0x1f, 5
    EXPECT "\text: the register is kept", x5, 0x1234
.endm

.macro ABORTS_WATCHED text, iss, instruction:vararg
    SET hcr_el2, HCR_RW | LET | NV2 | NV
    BEGIN EL1, 0x1c0
1:  \instruction
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "\text", 2, EC_WATCHPOINT, OF_REGISTER | \iss | 0b100010
    EXPECT_RECORD "\text: FAR_EL2", FAR, PAGE(0) + 0x78
    EXPECT_RECORD "\text: ELR_EL2", ELR, 1b
.endm

PROGRAM "nested-memory"
    SET VNCR, ~0
    mrs x0, VNCR
    and x0, x0, #0xfff
    EXPECT "VNCR_EL2 is of pages", x0, 0
    ldr x0, =PAGE(0)
    mov x2, #0x1000
1:  sub x2, x2, #8
    str xzr, [x0, x2]
    cbnz x2, 1b
    SET VNCR, PAGE(0)

    MEMORY "VTTBR_EL2", 0, 0x020, s3_4_c2_c1_0
    MEMORY "VTCR_EL2", 0, 0x040, s3_4_c2_c1_2
    MEMORY "VMPIDR_EL2", 0, 0x050, s3_4_c0_c0_5
    MEMORY "CNTVOFF_EL2", 0, 0x060, s3_4_c14_c0_3
    MEMORY "HCR_EL2", 0, 0x078, s3_4_c1_c1_0
    MEMORY "HSTR_EL2", 0, 0x080, s3_4_c1_c1_3
    MEMORY "VPIDR_EL2", 0, 0x088, s3_4_c0_c0_0
    MEMORY "TPIDR_EL2", 0, 0x090, s3_4_c13_c0_2
    MEMORY "VNCR_EL2", 0, 0x0b0, s3_4_c2_c2_0
    MEMORY "MDSCR_EL1", 0, 0x158, s2_0_c0_c2_2
    MEMORY "SP_EL1", 0, 0x240, s3_4_c4_c1_0
    MEMORY "VDISR_EL2", 0, 0x500, s3_4_c12_c1_1
    MEMORY "VSESR_EL2", 0, 0x508, s3_4_c5_c2_3
    // NV1 does not move these.
    MEMORY "HCR_EL2 with NV1", NV1, 0x078, s3_4_c1_c1_0
    MEMORY "MDSCR_EL1 with NV1", NV1, 0x158, s2_0_c0_c2_2
    MEMORY "SP_EL1 with NV1", NV1, 0x240, s3_4_c4_c1_0
    MEMORY "HCR_EL2 with E2H", E2H, 0x078, s3_4_c1_c1_0

    GUEST "CPACR_EL1", 0x100, s3_0_c1_c0_2, s3_5_c1_c0_2
    GUEST "CONTEXTIDR_EL1", 0x108, s3_0_c13_c0_1, s3_5_c13_c0_1
    GUEST "SCTLR_EL1", 0x110, s3_0_c1_c0_0, s3_5_c1_c0_0
    MEMORY "ACTLR_EL1 with NV1", NV1, 0x118, s3_0_c1_c0_1
    GUEST "TCR_EL1", 0x120, s3_0_c2_c0_2, s3_5_c2_c0_2
    GUEST "AFSR0_EL1", 0x128, s3_0_c5_c1_0, s3_5_c5_c1_0
    GUEST "AFSR1_EL1", 0x130, s3_0_c5_c1_1, s3_5_c5_c1_1
    GUEST "ESR_EL1", 0x138, s3_0_c5_c2_0, s3_5_c5_c2_0
    GUEST "MAIR_EL1", 0x140, s3_0_c10_c2_0, s3_5_c10_c2_0
    GUEST "AMAIR_EL1", 0x148, s3_0_c10_c3_0, s3_5_c10_c3_0
    GUEST "SPSR_EL1", 0x160, s3_0_c4_c0_0, s3_5_c4_c0_0
    GUEST "CNTV_CVAL_EL0", 0x168, s3_3_c14_c3_2, s3_5_c14_c3_2
    GUEST "CNTV_CTL_EL0", 0x170, s3_3_c14_c3_1, s3_5_c14_c3_1
    GUEST "CNTP_CVAL_EL0", 0x178, s3_3_c14_c2_2, s3_5_c14_c2_2
    GUEST "CNTP_CTL_EL0", 0x180, s3_3_c14_c2_1, s3_5_c14_c2_1
    GUEST "SCXTNUM_EL1", 0x188, s3_0_c13_c0_7, s3_5_c13_c0_7
    GUEST "TTBR0_EL1", 0x200, s3_0_c2_c0_0, s3_5_c2_c0_0
    GUEST "TTBR1_EL1", 0x210, s3_0_c2_c0_1, s3_5_c2_c0_1
    GUEST "FAR_EL1", 0x220, s3_0_c6_c0_0, s3_5_c6_c0_0
    GUEST "ELR_EL1", 0x230, s3_0_c4_c0_1, s3_5_c4_c0_1
    GUEST "VBAR_EL1", 0x250, s3_0_c12_c0_0, s3_5_c12_c0_0
    EXPECT_CLEAR "no other bytes of the page were written"

    // EL2's traps of EL1's registers come before.
    CASE "TVM: SCTLR_EL1 with NV1 and NV2", hcr_el2, HCR_RW, HCR_RW | NV | NV1 | NV2 | TVM, HCR_RW | NV | NV1 | NV2, ISS(3, 0, 1, 0, 0), msr sctlr_el1, x5
    CASE "TRVM: TCR_EL1 with NV1 and NV2", hcr_el2, HCR_RW, HCR_RW | NV | NV1 | NV2 | TRVM, HCR_RW | NV | NV1 | NV2, ISS(3, 0, 2, 0, 2) | READ, mrs x5, tcr_el1
    ldr x0, =PAGE(0)
    str xzr, [x0, #0x110]

    // EL0's timer is its own.
    SET cntkctl_el1, 0x303
    ldr x1, =PATTERN
    str x1, [x0, #0x168]
    SET cntv_cval_el0, 0x5678
    SET hcr_el2, HCR_RW | NV | NV1 | NV2
    BEGIN EL0
    mrs x5, cntv_cval_el0
    END
    SET hcr_el2, HCR_RW
    EXPECT "CNTV_CVAL_EL0 at EL0", x5, 0x5678
    str xzr, [x0, #0x168]
    SET cntkctl_el1, 0

    // EL2's exception registers are EL1's.
    .macro REDIRECTED name, own, value
    ldr x6, =\value
    SET \own, 0
    mrs x9, \name
    SET hcr_el2, HCR_RW | NV | NV2
    BEGIN EL1
    msr \name, x6
    mrs x5, \name
    END
    mrs x7, \own
    SET hcr_el2, HCR_RW
    EXPECT_NONE "\name with NV2"
    EXPECT "\name with NV2 is read", x5, \value
    EXPECT "\name with NV2 is \own", x7, \value
    SET \own, \value + 0x10
    SET hcr_el2, HCR_RW | NV | NV1 | NV2
    BEGIN EL1
    mrs x5, \name
    END
    SET hcr_el2, HCR_RW
    EXPECT "\name with NV1 and NV2 is \own", x5, \value + 0x10
    .endm
    REDIRECTED spsr_el2, spsr_el1, 0x3c0
    REDIRECTED elr_el2, elr_el1, 0x1234560
    REDIRECTED esr_el2, esr_el1, 0x56001200
    REDIRECTED far_el2, far_el1, 0xabcd1230
    EXPECT_CLEAR "none of these is in memory"

    // Memory that is not there.
    SET VNCR, NOTHING
    ABORTS "an external abort of MRS", NOTHING + 0x078, 0b010000, mrs x5, hcr_el2
    ABORTS "an external abort of MSR", NOTHING + 0x020, WNR | 0b010000, msr vttbr_el2, x5

    // EL2's own tables, with pages of the test area as the program maps them.
    ldr x0, =EL2_TABLE
    mov x1, #0x3000
1:  sub x1, x1, #8
    str xzr, [x0, x1]
    cbnz x1, 1b
    ldr x1, =(BLOCK | AF | ATTR_DEVICE)
    str x1, [x0]
    ldr x1, =(0x40000000 | BLOCK | AF | SH_INNER)
    str x1, [x0, #8]
    ldr x1, =(EL2_TABLE_TEST | VALID)
    str x1, [x0, #32]
    ldr x0, =EL2_TABLE_TEST
    ldr x1, =(EL2_TABLE_TEST + 0x1000 | VALID)
    str x1, [x0]
    ldr x0, =(EL2_TABLE_TEST + 0x1000)
    ldr x1, =(PAGE(0) | VALID | AF | SH_INNER)
    str x1, [x0]
    ldr x1, =(PAGE(0) | VALID | AF | SH_INNER | AP_READ_ONLY)
    str x1, [x0, #8]
    ldr x1, =(PAGE(0) | VALID | SH_INNER)
    str x1, [x0, #16]
    ldr x1, =(PAGE(0) | VALID | AF | SH_INNER | AP_EL0)
    str x1, [x0, #32]
    SET mair_el2, 0xff
    SET ttbr0_el2, EL2_TABLE
    SET tcr_el2, 1 << 31 | 1 << 23 | 25 | 3 << 12 | 1 << 8 | 1 << 10 | 2 << 16
    dsb sy
    tlbi alle2
    dsb sy
    isb
    SET sctlr_el2, SCTLR_EL2_RES1 | 1 << 12 | 1 << 2 | 1

    SET VNCR, TEST(0)
    MEMORY "HCR_EL2 in a page of EL2's", 0, 0x078, hcr_el2
    SET VNCR, TEST(1)
    ldr x0, =PAGE(0)
    ldr x1, =PATTERN
    str x1, [x0, #0x78]
    UNTRAPPED "MRS of what is only to be read", LET | NV | NV2, mrs x5, hcr_el2
    EXPECT "MRS of what is only to be read: what is read", x5, PATTERN
    ABORTS "MSR of what is only to be read", TEST(1) + 0x078, WNR | 0b001111, msr hcr_el2, x5
    SET VNCR, TEST(2)
    ABORTS "MRS of a page without access flag", TEST(2) + 0x088, 0b001011, mrs x5, vpidr_el2
    SET VNCR, TEST(3)
    ABORTS "MRS of a page that is not mapped", TEST(3) + 0x090, 0b000111, mrs x5, tpidr_el2
    ABORTS "MSR of a page that is not mapped", TEST(3) + 0x040, WNR | 0b000111, msr vtcr_el2, x5
    ABORTS "MRS of SP_EL1 there", TEST(3) + 0x240, 0b000111, mrs x5, sp_el1
    // By level, and beyond the tables' addresses.
    SET VNCR, TEST(512)
    ABORTS "a translation fault of level 2", TEST(512) + 0x060, 0b000110, mrs x5, cntvoff_el2
    SET VNCR, 0x80000000
    ABORTS "a translation fault of level 1", 0x80000000 + 0x060, 0b000101, mrs x5, cntvoff_el2
    SET VNCR, 0x8000000000
    ABORTS "a translation fault of level 0", 0x8000000000 + 0x060, 0b000100, mrs x5, cntvoff_el2
    // The EL2&0 regime, as if PSTATE.PAN were clear.
    SET VNCR, TEST(4)
    MEMORY "HCR_EL2 in a page of a host's", E2H, 0x078, hcr_el2
    ldr x0, =PAGE(0)
    ldr x1, =PATTERN
    str x1, [x0, #0x78]
    SET hcr_el2, HCR_RW | NV | NV2 | E2H
    BEGIN EL1, 0x3c0 | 1 << 22
    mrs x5, hcr_el2
    msr vtcr_el2, x5
    END
    SET hcr_el2, HCR_RW
    EXPECT_NONE "PAN of EL1, in a page of a host's applications"
    EXPECT "PAN of EL1: what is read", x5, PATTERN
    SET VNCR, TEST(3)
    SET hcr_el2, HCR_RW | NV | NV2 | E2H
    BEGIN EL1
    mrs x5, hcr_el2
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "a page that a host has not mapped", 2, EC_DABORT, OF_REGISTER | 0b000111

    // What traps does not come to it.
    SET hcr_el2, HCR_RW | NV | NV2
    BEGIN EL1
    mrs x5, sctlr_el2
    END
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "SCTLR_EL2 traps whatever VNCR_EL2 is", 2, EC_SYSREG, ISS(3, 4, 1, 0, 0) | READ
    SET sctlr_el2, SCTLR_EL2_RES1

    // A watchpoint of EL2's alone (HMC 1, SSC 3, PAC 0; MDCR_EL2.TDE), and one of EL1's, which the access is not.
    SET VNCR, PAGE(0)
    SET dbgwvr0_el1, PAGE(0) + 0x78
    SET mdscr_el1, 1 << 15
    SET mdcr_el2, 1 << 8
    SET dbgwcr0_el1, 1 | 3 << 14 | 1 << 13 | 0xff << 5 | 3 << 3
    ABORTS_WATCHED "a watchpoint of EL2 on MRS", 0, mrs x5, hcr_el2
    ABORTS_WATCHED "a watchpoint of EL2 on MSR", WNR, msr hcr_el2, x5
    UNTRAPPED "another register than the watched one", LET | NV | NV2, mrs x5, hstr_el2
    SET dbgwcr0_el1, 1 | 1 << 1 | 0xff << 5 | 3 << 3
    UNTRAPPED "a watchpoint of EL1", LET | NV | NV2, mrs x5, hcr_el2
    SET dbgwcr0_el1, 0
    SET mdscr_el1, 0
    SET mdcr_el2, 0
    DONE
