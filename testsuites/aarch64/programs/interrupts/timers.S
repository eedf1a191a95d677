// The generic timers: counts, conditions, masks and offsets, and their interrupts through a GICv2 (D11; GIC architecture
// specification, version 2).
#include "harness.h"

#define GICD 0x08000000
#define GICC 0x08010000
#define ENABLE 1
#define IMASK 2
#define ISTATUS 4
#define IRQ_LOWER 0x480
#define IRQ_SAME 0x280
// PPIs, by their number.
#define PHYSICAL 30
#define VIRTUAL 27
#define HYPERVISOR 26
#define HYPERVISOR_VIRTUAL 28

// The GIC's registers, by x29 and x28.
.macro GIC_SET base, offset, value
    ldr x29, =(\base + \offset)
    ldr x28, =\value
    str w28, [x29]
.endm

.macro GIC_GET register, base, offset
    ldr x29, =(\base + \offset)
    ldr w\register, [x29]
.endm

// The interrupt that comes, acknowledged and ended.
.macro EXPECT_INTERRUPT text, level, vector, number
    EXPECT_RECORD "\text: the level", LEVEL, \level
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
    GIC_GET 9, GICC, 0xc
    EXPECT "\text: GICC_IAR", x9, \number
    ldr x29, =(GICC + 0x10)
    str w9, [x29]
.endm

PROGRAM "timers"
    GIC_SET GICD, 0, 1
    GIC_SET GICC, 0, 1
    GIC_SET GICC, 4, 0xff
    GIC_SET GICD, 0x100, (1 << PHYSICAL | 1 << VIRTUAL | 1 << HYPERVISOR | 1 << HYPERVISOR_VIRTUAL)

    // Conditions.
    mrs x0, cntpct_el0
    mrs x1, cntpct_el0
    cmp x1, x0
    cset x2, lo
    EXPECT "D11.1: the counter does not go back", x2, 0
    mrs x0, cntvct_el0
    mrs x1, cntpct_el0
    cmp x1, x0
    cset x2, lo
    EXPECT "CNTVOFF_EL2 is 0: the virtual count is the physical one", x2, 0
    ldr x0, =0x1000000000
    msr cntvoff_el2, x0
    isb
    mrs x1, cntpct_el0
    mrs x2, cntvct_el0
    sub x1, x1, x2
    mov x2, #0x80000000             // time goes on between the two
    add x1, x1, x2
    lsr x1, x1, #32
    EXPECT "CNTVOFF_EL2 is subtracted", x1, 0x10
    msr cntvoff_el2, xzr
    msr cntp_cval_el0, xzr
    mov x0, #ENABLE | IMASK
    msr cntp_ctl_el0, x0
    isb
    mrs x1, cntp_ctl_el0
    EXPECT "D11.2.4: ISTATUS is the condition, whatever IMASK is", x1, ENABLE | IMASK | ISTATUS
    mov x0, #-1
    msr cntp_cval_el0, x0
    isb
    mrs x1, cntp_ctl_el0
    EXPECT "ISTATUS is clear before the time", x1, ENABLE | IMASK
    mov x0, #-10
    msr cntp_tval_el0, x0
    isb
    mrs x1, cntp_ctl_el0
    EXPECT "a negative CNTP_TVAL_EL0 is a time that has passed", x1, ENABLE | IMASK | ISTATUS
    mrs x1, cntp_tval_el0
    ubfx x1, x1, #31, #1
    EXPECT "it reads as what is left, of 32 bits", x1, 1
    msr cntp_ctl_el0, xzr

    // Interrupts to EL1.
    msr cntp_cval_el0, xzr
    mov x0, #ENABLE
    msr cntp_ctl_el0, x0
    isb
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_INTERRUPT "the physical timer at EL1", 1, IRQ_SAME, PHYSICAL
    BEGIN EL0, 0x340
    nop
    END
    EXPECT_INTERRUPT "the physical timer at EL0", 1, IRQ_LOWER, PHYSICAL
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_NONE "PSTATE.I masks it"
    mov x0, #ENABLE | IMASK
    msr cntp_ctl_el0, x0
    isb
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_NONE "CNTP_CTL_EL0.IMASK masks it"
    msr cntp_ctl_el0, xzr
    msr cntv_cval_el0, xzr
    mov x0, #ENABLE
    msr cntv_ctl_el0, x0
    isb
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_INTERRUPT "the virtual timer", 1, IRQ_SAME, VIRTUAL

    // HCR_EL2.IMO: to EL2, whatever PSTATE.I is below it.
    SET hcr_el2, HCR_RW | 1 << 4
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_INTERRUPT "HCR_EL2.IMO: EL1 does not mask it", 2, IRQ_LOWER, VIRTUAL
    BEGIN EL2, 0x3c0
    nop
    END
    EXPECT_NONE "EL2 does"
    BEGIN EL2, 0x340
    nop
    END
    EXPECT_INTERRUPT "EL2 takes it", 2, IRQ_SAME, VIRTUAL
    SET hcr_el2, HCR_RW
    msr cntv_ctl_el0, xzr
    msr cnthp_cval_el2, xzr
    mov x0, #ENABLE
    msr cnthp_ctl_el2, x0
    isb
    SET hcr_el2, HCR_RW | 1 << 4
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_INTERRUPT "EL2's timer", 2, IRQ_LOWER, HYPERVISOR
    msr cnthp_ctl_el2, xzr
    msr s3_4_c14_c3_2, xzr          // CNTHV_CVAL_EL2
    mov x0, #ENABLE
    msr s3_4_c14_c3_1, x0           // CNTHV_CTL_EL2
    isb
    mrs x1, s3_4_c14_c3_1
    EXPECT "EL2's virtual timer: ISTATUS", x1, ENABLE | ISTATUS
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_INTERRUPT "EL2's virtual timer", 2, IRQ_LOWER, HYPERVISOR_VIRTUAL
    mov x0, #ENABLE | IMASK
    msr s3_4_c14_c3_1, x0
    isb
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_NONE "EL2's virtual timer: IMASK"
    // As EL2 names it with E2H.
    SET hcr_el2, HCR_RW | 1 << 4 | 1 << 34
    msr cntv_ctl_el0, xzr
    mrs x1, s3_4_c14_c3_1
    SET hcr_el2, HCR_RW | 1 << 4
    EXPECT "CNTV_CTL_EL0 at EL2 with E2H is it", x1, 0

    // Virtual interrupts by HCR_EL2.VI and VF.
    SET hcr_el2, HCR_RW | 1 << 4 | 1 << 7
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_RECORD "HCR_EL2.VI: an IRQ of EL1", VECTOR, IRQ_SAME
    EXPECT_RECORD "HCR_EL2.VI: EL1 takes it", LEVEL, 1
    BEGIN EL1, 0x3c0
    mrs x9, isr_el1
    END
    EXPECT_NONE "HCR_EL2.VI: PSTATE.I masks it"
    EXPECT "ISR_EL1.I", x9, 1 << 7
    SET hcr_el2, HCR_RW | 1 << 3 | 1 << 6
    BEGIN EL0, 0x380
    nop
    END
    EXPECT_RECORD "HCR_EL2.VF: an FIQ of EL0 goes to EL1", VECTOR, 0x500
    SET hcr_el2, HCR_RW | 1 << 7
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_NONE "HCR_EL2.VI without IMO is none"
    SET hcr_el2, HCR_RW
    DONE
