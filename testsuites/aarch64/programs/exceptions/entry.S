// How exceptions are entered, of each kind and from each level and stack pointer to each level: the vector, what SPSR_ELx
// keeps of PSTATE, and what PSTATE becomes (D1.3, D1.4; AArch64.TakeException of the shared pseudocode).
#include "harness.h"

#define IMO (1 << 4)
#define FMO (1 << 3)
#define AMO (1 << 5)
#define VF (1 << 6)
#define VI (1 << 7)
#define VSE (1 << 8)
#define EL1T 4
#define EL1H 5
#define EL2T 8
#define EL2H 9
#define MASKED 0x3c0
#define PAN (1 << 22)
#define UAO (1 << 23)
#define SSBS (1 << 12)
#define FLAGS (1 << 31 | 1 << 29)

// The interrupt of EL1 that is pending by HCR_EL2 is taken before the block's first instruction.
.macro VIRTUAL text, hcr, level, state, vector, spsr
    SET hcr_el2, HCR_RW | IMO | FMO | AMO | \hcr
    BEGIN \level, \state
1:  nop
    END
    SET hcr_el2, HCR_RW
    EXPECT_RECORD "\text: EL1 takes it", LEVEL, 1
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
    EXPECT_RECORD "\text: SPSR_EL1", SPSR, \spsr
    EXPECT_ELR "\text", 1b
    EXPECT_RECORD_BITS "\text: PSTATE.M and DAIF", ENTERED, 0x3df, MASKED | EL1H
.endm

// The same with SP_EL0: the interrupt is pending, and unmasked when that is selected.
.macro VIRTUAL_SP0 text, hcr, unmask, vector
    SET hcr_el2, HCR_RW | IMO | FMO | AMO | \hcr
    BEGIN EL1
    msr spsel, #0
    msr daifclr, #\unmask
1:  nop
    END
    SET hcr_el2, HCR_RW
    EXPECT_RECORD "\text: EL1 takes it", LEVEL, 1
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
    EXPECT_RECORD "\text: SPSR_EL1", SPSR, (MASKED & ~(\unmask << 6) | EL1T)
    EXPECT_ELR "\text", 1b
.endm

.macro NOT_TAKEN text, hcr, level, state
    SET hcr_el2, HCR_RW | \hcr
    BEGIN \level, \state
    nop
    END
    SET hcr_el2, HCR_RW
    EXPECT_NONE "\text"
.endm

// An instruction that EL2 has from \level.
.macro TO_EL2 text, level, vector, spsr, instruction:vararg
    BEGIN \level
    \instruction
    END
    EXPECT_RECORD "\text: EL2 takes it", LEVEL, 2
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
    EXPECT_RECORD "\text: SPSR_EL2", SPSR, \spsr
    EXPECT_RECORD_BITS "\text: PSTATE.M and DAIF", ENTERED, 0x3df, MASKED | EL2H
.endm

PROGRAM "entry"
    // Virtual interrupts and SErrors, of which each has its mask.
    VIRTUAL "a virtual IRQ at EL0", VI, EL0, 0x340, 0x480, 0x340
    VIRTUAL "a virtual IRQ at EL1", VI, EL1, 0x340, 0x280, 0x340 | EL1H
    VIRTUAL_SP0 "a virtual IRQ at EL1 with SP_EL0", VI, 2, 0x080
    VIRTUAL "a virtual FIQ at EL0", VF, EL0, 0x380, 0x500, 0x380
    VIRTUAL "a virtual FIQ at EL1", VF, EL1, 0x380, 0x300, 0x380 | EL1H
    VIRTUAL_SP0 "a virtual FIQ at EL1 with SP_EL0", VF, 1, 0x100
    VIRTUAL "a virtual SError at EL0", VSE, EL0, 0x2c0, 0x580, 0x2c0
    VIRTUAL "a virtual SError at EL1", VSE, EL1, 0x2c0, 0x380, 0x2c0 | EL1H
    VIRTUAL_SP0 "a virtual SError at EL1 with SP_EL0", VSE, 4, 0x180
    NOT_TAKEN "PSTATE.I masks virtual IRQs alone", IMO | FMO | AMO | VI, EL1, 0x080
    NOT_TAKEN "PSTATE.F masks virtual FIQs alone", IMO | FMO | AMO | VF, EL1, 0x040
    NOT_TAKEN "PSTATE.A masks virtual SErrors alone", IMO | FMO | AMO | VSE, EL1, 0x100
    NOT_TAKEN "HCR_EL2.VI needs IMO", FMO | AMO | VI, EL1, 0
    NOT_TAKEN "HCR_EL2.VF needs FMO", IMO | AMO | VF, EL1, 0
    NOT_TAKEN "HCR_EL2.VSE needs AMO", IMO | FMO | VSE, EL1, 0
    NOT_TAKEN "virtual ones are none at EL2", IMO | FMO | AMO | VI | VF | VSE, EL2, 0
    NOT_TAKEN "with TGE there are none at EL0", 1 << 27 | IMO | FMO | AMO | VI | VF | VSE, EL0, 0

    // ISR_EL1 tells what is pending at EL1, masked or not.
    SET hcr_el2, HCR_RW | IMO | FMO | AMO | VI | VF | VSE
    BEGIN EL1
    mrs x0, isr_el1
    END
    EXPECT "ISR_EL1: A, I and F", x0, 0x1c0
    SET vsesr_el2, 0x1234
    BEGIN EL1, 0x2c0
    nop
    END
    mrs x0, hcr_el2
    SET hcr_el2, HCR_RW
    EXPECT_EXCEPTION "a virtual SError has VSESR_EL2's syndrome", 1, EC_SERROR, 0x1234
    ubfx x0, x0, #6, #3
    EXPECT "HCR_EL2.VSE is cleared when it is taken, and VI and VF are not", x0, 3

    // Synchronous ones that go to EL2, and those of EL2.
    TO_EL2 "HVC at EL1", EL1, 0x400, MASKED | EL1H, hvc #1
    BEGIN EL1
    msr spsel, #0
    hvc #1
    END
    EXPECT_RECORD "HVC at EL1 with SP_EL0: the vector", VECTOR, 0x400
    EXPECT_RECORD "HVC at EL1 with SP_EL0: SPSR_EL2", SPSR, MASKED | EL1T
    TO_EL2 "SVC at EL2", EL2, 0x200, MASKED | EL2H, svc #1
    BEGIN EL2
    msr spsel, #0
    svc #1
    END
    EXPECT_RECORD "SVC at EL2 with SP_EL0: the vector", VECTOR, 0
    EXPECT_RECORD "SVC at EL2 with SP_EL0: SPSR_EL2", SPSR, MASKED | EL2T
    EXPECT_RECORD_BITS "SVC at EL2 with SP_EL0: SP_EL2 is selected", ENTERED, 0x1f, EL2H
    SET hcr_el2, HCR_RW | 1 << 27
    TO_EL2 "SVC at EL0 with TGE", EL0, 0x400, MASKED, svc #1
    SET hcr_el2, HCR_RW

    // The other fields of PSTATE.
    SET sctlr_el1, SCTLR_EL1_RES1 & ~(1 << 23)
    BEGIN EL0, 0xa0000000
    svc #1
    END
    EXPECT_RECORD "SPSR_EL1 keeps the flags and that nothing was masked", SPSR, FLAGS
    EXPECT_RECORD_BITS "the flags stay, and all is masked", ENTERED, 0xf00003c0, FLAGS | MASKED
    EXPECT_RECORD_BITS "SCTLR_EL1.SPAN is 0: PSTATE.PAN is set", ENTERED, PAN, PAN
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 23
    BEGIN EL0
    svc #1
    END
    EXPECT_RECORD_BITS "SCTLR_EL1.SPAN is 1: PSTATE.PAN stays", ENTERED, PAN, 0
    BEGIN EL1
    msr pan, #1
    msr uao, #1
    msr ssbs, #1
    svc #1
    END
    EXPECT_RECORD "SPSR_EL1 keeps PAN, UAO and SSBS", SPSR, PAN | UAO | SSBS | MASKED | EL1H
    EXPECT_RECORD_BITS "PSTATE.UAO is cleared", ENTERED, UAO, 0
    EXPECT_RECORD_BITS "PSTATE.PAN that is set stays", ENTERED, PAN, PAN
    EXPECT_RECORD_BITS "SCTLR_EL1.DSSBS is 0: PSTATE.SSBS becomes 0", ENTERED, SSBS, 0
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 44
    BEGIN EL0
    svc #1
    END
    EXPECT_RECORD_BITS "SCTLR_EL1.DSSBS is 1: PSTATE.SSBS becomes 1", ENTERED, SSBS, SSBS
    EXPECT_RECORD_BITS "SPSR_EL1.SSBS is what it was", SPSR, SSBS, 0
    SET sctlr_el1, SCTLR_EL1_RES1
    BEGIN EL1, 0x1003c0
    nop
    END
    EXPECT_RECORD "PSTATE.IL goes to SPSR_EL1", SPSR, 1 << 20 | MASKED | EL1H
    EXPECT_RECORD_BITS "PSTATE.IL is cleared", ENTERED, 1 << 20, 0

    // Which stack pointer a level has.
    ldr x0, =0x1110
    msr sp_el0, x0
    ldr x0, =0x2220
    msr sp_el1, x0
    BEGIN EL0
    mov x1, sp
    END
    EXPECT "EL0 has SP_EL0", x1, 0x1110
    BEGIN EL1
    mov x1, sp
    msr spsel, #0
    mov x2, sp
    add sp, sp, #16
    msr spsel, #1
    add sp, sp, #32
    mov x3, sp
    mrs x4, sp_el0
    END
    mrs x5, sp_el1
    EXPECT "EL1h has SP_EL1", x1, 0x2220
    EXPECT "EL1t has SP_EL0", x2, 0x1110
    EXPECT "each is its own", x3, 0x2240
    EXPECT "SP_EL0 is what EL1t made of it", x4, 0x1120
    EXPECT "SP_EL1 is what EL1h made of it", x5, 0x2240
    BEGIN EL1
    mrs x0, sp_el0
    msr spsel, #0
1:  mrs x0, sp_el0
    END
    EXPECT_EXCEPTION "SP_EL0 is UNDEFINED while it is selected", 1, EC_UNKNOWN, 0
    EXPECT_ELR "SP_EL0 is UNDEFINED while it is selected", 1b
    BEGIN EL1
1:  mrs x0, sp_el1
    END
    EXPECT_EXCEPTION "SP_EL1 at EL1", 1, EC_UNKNOWN, 0
    BEGIN EL0
1:  mrs x0, spsel
    END
    EXPECT_EXCEPTION "SPSel at EL0", 1, EC_UNKNOWN, 0

    // EL1's masks at EL0: SCTLR_EL1.UMA.
    BEGIN EL0, 0
1:  msr daifset, #2
    END
    EXPECT_EXCEPTION "SCTLR_EL1.UMA is 0: DAIFSet at EL0 is trapped", 1, EC_SYSREG, (6 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | 2 << 1)
    EXPECT_ELR "SCTLR_EL1.UMA is 0", 1b
    BEGIN EL0, 0
1:  mrs x5, daif
    END
    EXPECT_EXCEPTION "SCTLR_EL1.UMA is 0: DAIF at EL0 is trapped", 1, EC_SYSREG, (3 << 20 | 1 << 17 | 3 << 14 | 4 << 10 | 5 << 5 | 2 << 1 | 1)
    SET sctlr_el1, SCTLR_EL1_RES1 | 1 << 9
    BEGIN EL0, 0
    msr daifset, #6
    mrs x5, daif
    END
    SET sctlr_el1, SCTLR_EL1_RES1
    EXPECT_NONE "SCTLR_EL1.UMA is 1"
    EXPECT "EL0 has set its masks", x5, 6 << 6
    DONE
