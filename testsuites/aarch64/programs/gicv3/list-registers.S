// GICv3's CPU interface and its virtual one: List registers, maintenance interrupts, and what EL2 has trapped of EL1 (Arm
// IHI 0069, "Virtual interrupt handling and prioritization" and the registers' descriptions). It needs a board with a GICv3.
#include "harness.h"
#include "traps.h"

#define GICD 0x08000000
#define GICR 0x080a0000
#define GICR_PPI 0x080b0000
#define ICH_HCR_EN (1 << 0)
#define ICH_HCR_UIE (1 << 1)
#define ICH_HCR_LRENPIE (1 << 2)
#define ICH_HCR_VGRP0EIE (1 << 4)
#define ICH_HCR_VGRP0DIE (1 << 5)
#define ICH_HCR_NPIE (1 << 3)
#define ICH_HCR_VGRP1EIE (1 << 6)
#define ICH_HCR_VGRP1DIE (1 << 7)
#define ICH_HCR_TC (1 << 10)
#define ICH_HCR_TALL0 (1 << 11)
#define ICH_HCR_TALL1 (1 << 12)
#define ICH_HCR_TDIR (1 << 14)
#define VMCR(pmr) ((pmr) << 24 | 2)
#define PENDING (1 << 62)
#define ACTIVE (2 << 62)
#define HARDWARE (1 << 61)
#define GROUP1 (1 << 60)
#define EOI (1 << 41)
#define PRIORITY(p) ((p) << 48)
#define PHYSICAL(n) ((n) << 32)
#define IRQ_SAME 0x280
#define IRQ_LOWER 0x480
#define FIQ_SAME 0x300
#define MAINTENANCE 25
#define TIMER 30
#define IMO (1 << 4)
#define FMO (1 << 3)

.macro GIC_SET address, value
    ldr x29, =(\address)
    ldr x28, =\value
    str w28, [x29]
.endm

.macro HOLDS text, name, value
    mrs x9, \name
    EXPECT "\text", x9, \value
.endm

.macro TRAPPED text, value, iss, instruction:vararg
    SET ich_hcr_el2, ICH_HCR_EN | \value
    mov x5, #0
    BEGIN EL1
1:  \instruction
    END
    SET ich_hcr_el2, ICH_HCR_EN
    EXPECT_EXCEPTION "\text", 2, EC_SYSREG, \iss
    EXPECT_ELR "\text", 1b
.endm

.macro INTERRUPTED text, level, state, to, vector
    BEGIN \level, \state
    nop
    END
    EXPECT_RECORD "\text: the level that takes it", LEVEL, \to
    EXPECT_RECORD "\text: the vector", VECTOR, \vector
.endm

.macro UNDISTURBED text
    BEGIN EL1, 0
    nop
    END
    EXPECT_NONE "\text"
.endm

PROGRAM "gicv3/list-registers"
    SET icc_sre_el2, 0xf
    SET icc_sre_el1, 7
    GIC_SET GICD, 0x12              // affinity routing; group 1
    GIC_SET GICR + 0x14, 0
1:  ldr x29, =(GICR + 0x14)         // the Redistributor wakes up
    ldr w28, [x29]
    tbnz w28, #2, 1b
    GIC_SET GICR_PPI + 0x80, 0xffffffff
    GIC_SET GICR_PPI + 0x100, (1 << MAINTENANCE | 1 << TIMER | 1 << 3)
    GIC_SET GICR_PPI + 0x400, 0x50505050
    GIC_SET GICR_PPI + 0x418, 0x50505050
    GIC_SET GICR_PPI + 0x41c, 0x50505050
    SET icc_pmr_el1, 0xff
    SET icc_bpr1_el1, 0
    SET icc_igrpen1_el1, 1

    // The physical interface: an SGI to itself.
    HOLDS "ICC_IAR1_EL1: nothing is pending", icc_iar1_el1, 1023
    SET icc_sgi1r_el1, 3 << 24 | 1
    dsb sy
    HOLDS "ICC_HPPIR1_EL1: the SGI pends", icc_hppir1_el1, 3
    SET hcr_el2, HCR_RW | IMO
    INTERRUPTED "an SGI at EL1, with HCR_EL2.IMO", EL1, 0x3c0, 2, IRQ_LOWER
    HOLDS "ICC_IAR1_EL1 acknowledges it", icc_iar1_el1, 3
    HOLDS "ICC_RPR_EL1 is its priority", icc_rpr_el1, 0x50
    HOLDS "ICC_AP1R0_EL1 has it: 32 levels of priority", icc_ap1r0_el1, 1 << 10
    SET icc_eoir1_el1, 3
    HOLDS "ICC_EOIR1_EL1 ends it", icc_rpr_el1, 0xff

    // List registers.
    SET ich_hcr_el2, 0
    SET ich_ap0r0_el2, 0
    SET ich_ap1r0_el2, 0
    mrs x9, ich_vtr_el2
    and x9, x9, #31
    EXPECT "ICH_VTR_EL2.ListRegs: four of them", x9, 3
    SET ich_lr0_el2, 0
    SET ich_lr1_el2, 0
    SET ich_lr2_el2, 0
    SET ich_lr3_el2, 0
    HOLDS "ICH_ELRSR_EL2: List registers that are empty", ich_elrsr_el2, 0xf
    SET ich_vmcr_el2, VMCR(0xf8)
    SET ich_hcr_el2, ICH_HCR_EN
    BEGIN EL1
    mrs x0, icc_pmr_el1
    mrs x1, icc_igrpen1_el1
    mrs x2, icc_igrpen0_el1
    mrs x3, icc_iar1_el1
    mrs x4, icc_rpr_el1
    END
    EXPECT_NONE "with HCR_EL2.IMO, EL1's names are the virtual interface's"
    EXPECT "ICC_PMR_EL1 at EL1 is ICH_VMCR_EL2.VPMR", x0, 0xf8
    EXPECT "ICC_IGRPEN1_EL1 at EL1 is ICH_VMCR_EL2.VENG1", x1, 1
    EXPECT "ICC_IGRPEN0_EL1 at EL1 is ICH_VMCR_EL2.VENG0", x2, 0
    EXPECT "ICC_IAR1_EL1 at EL1: nothing is pending", x3, 1023
    EXPECT "ICC_RPR_EL1 at EL1: nothing runs", x4, 0xff
    SET ich_lr0_el2, PENDING | GROUP1 | PRIORITY(0x80) | 40
    SET ich_lr1_el2, PENDING | GROUP1 | PRIORITY(0x40) | 41
    HOLDS "ICH_ELRSR_EL2: two are not", ich_elrsr_el2, 0xc
    INTERRUPTED "a virtual interrupt", EL1, 0x340, 1, IRQ_SAME
    BEGIN EL1
    mrs x0, isr_el1
    mrs x1, icc_hppir1_el1
    mrs x2, icc_iar1_el1
    isb
    mrs x3, icc_rpr_el1
    mrs x4, icc_hppir1_el1
    END
    EXPECT "ISR_EL1.I", x0, 1 << 7
    EXPECT "ICC_HPPIR1_EL1 is the one with the higher priority", x1, 41
    EXPECT "ICC_IAR1_EL1 acknowledges it", x2, 41
    EXPECT "ICC_RPR_EL1 is its priority", x3, 0x40
    EXPECT "ICC_HPPIR1_EL1: the other one pends", x4, 40
    HOLDS "its List register is active", ich_lr1_el2, ACTIVE | GROUP1 | PRIORITY(0x40) | 41
    HOLDS "ICH_AP1R0_EL2 has it", ich_ap1r0_el2, 1 << 8
    UNDISTURBED "a lower priority does not interrupt it"
    SET ich_lr2_el2, PENDING | GROUP1 | PRIORITY(0x20) | 42
    INTERRUPTED "a higher one does", EL1, 0x340, 1, IRQ_SAME
    SET ich_lr2_el2, 0
    BEGIN EL1
    mov x0, #41
    msr icc_eoir1_el1, x0
    isb
    END
    HOLDS "ICC_EOIR1_EL1 ends it: its List register is invalid", ich_lr1_el2, GROUP1 | PRIORITY(0x40) | 41
    HOLDS "ICH_AP1R0_EL2 is empty", ich_ap1r0_el2, 0
    INTERRUPTED "the other one comes: EL0", EL0, 0x340, 1, IRQ_LOWER
    BEGIN EL1
    mov x0, #0x80
    msr icc_pmr_el1, x0
    isb
    END
    UNDISTURBED "ICC_PMR_EL1 masks its priority"
    mrs x9, ich_vmcr_el2
    lsr x9, x9, #24
    EXPECT "ICH_VMCR_EL2.VPMR is what EL1 wrote", x9, 0x80
    SET ich_vmcr_el2, 0xf8 << 24
    UNDISTURBED "group 1 is disabled"
    SET ich_vmcr_el2, VMCR(0xf8)
    SET ich_hcr_el2, 0
    UNDISTURBED "ICH_HCR_EL2.En: the interface is off"
    SET ich_hcr_el2, ICH_HCR_EN

    // Priority drop and deactivation apart: ICC_CTLR_EL1.EOImode.
    BEGIN EL1
    mov x0, #2
    msr icc_ctlr_el1, x0
    isb
    mrs x1, icc_iar1_el1
    msr icc_eoir1_el1, x1
    isb
    mrs x2, icc_rpr_el1
    END
    EXPECT "ICC_IAR1_EL1", x1, 40
    EXPECT "with EOImode ICC_EOIR1_EL1 drops the priority", x2, 0xff
    HOLDS "and leaves it active", ich_lr0_el2, ACTIVE | GROUP1 | PRIORITY(0x80) | 40
    BEGIN EL1
    mov x0, #40
    msr icc_dir_el1, x0
    isb
    END
    HOLDS "ICC_DIR_EL1 deactivates it", ich_lr0_el2, GROUP1 | PRIORITY(0x80) | 40
    SET ich_vmcr_el2, VMCR(0xf8)

    // Group 0 is an FIQ.
    SET hcr_el2, HCR_RW | IMO | FMO
    SET ich_vmcr_el2, VMCR(0xf8) | 1
    SET ich_lr0_el2, PENDING | PRIORITY(0x80) | 50
    INTERRUPTED "one of group 0", EL1, 0x380, 1, FIQ_SAME
    BEGIN EL1
    mrs x0, icc_iar1_el1
    mrs x1, icc_iar0_el1
    msr icc_eoir0_el1, x1
    isb
    END
    EXPECT "ICC_IAR1_EL1 has none of group 0", x0, 1023
    EXPECT "ICC_IAR0_EL1 acknowledges it", x1, 50
    HOLDS "ICC_EOIR0_EL1 ends it", ich_lr0_el2, PRIORITY(0x80) | 50
    SET hcr_el2, HCR_RW | IMO
    SET ich_vmcr_el2, VMCR(0xf8)

    // Maintenance interrupts.
    SET ich_lr0_el2, PENDING | GROUP1 | EOI | PRIORITY(0x80) | 40
    BEGIN EL1
    mrs x0, icc_iar1_el1
    msr icc_eoir1_el1, x0
    isb
    END
    HOLDS "ICH_EISR_EL2 names the List register that asked for it", ich_eisr_el2, 1
    HOLDS "ICH_MISR_EL2.EOI", ich_misr_el2, 1
    INTERRUPTED "the maintenance interrupt", EL1, 0x3c0, 2, IRQ_LOWER
    HOLDS "ICC_IAR1_EL1 at EL2 names it", icc_iar1_el1, MAINTENANCE
    SET ich_lr0_el2, 0
    HOLDS "its reason has gone", ich_misr_el2, 0
    SET icc_eoir1_el1, MAINTENANCE
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_UIE
    HOLDS "UIE: no List register is valid", ich_misr_el2, 2
    SET ich_lr0_el2, PENDING | GROUP1 | PRIORITY(0x80) | 40
    HOLDS "UIE: one is too few", ich_misr_el2, 2
    SET ich_lr1_el2, PENDING | GROUP1 | PRIORITY(0x80) | 41
    HOLDS "UIE: two are not", ich_misr_el2, 0
    SET ich_lr0_el2, 0
    SET ich_lr1_el2, ACTIVE | GROUP1 | PRIORITY(0x80) | 41
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_NPIE
    HOLDS "NPIE: none pends", ich_misr_el2, 8
    SET ich_lr0_el2, PENDING | GROUP1 | PRIORITY(0x80) | 40
    HOLDS "NPIE: one does", ich_misr_el2, 0
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_VGRP1EIE
    HOLDS "VGrp1EIE: group 1 is enabled", ich_misr_el2, 1 << 6
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_VGRP1DIE
    HOLDS "VGrp1DIE: it is not disabled", ich_misr_el2, 0
    SET ich_vmcr_el2, 0xf8 << 24
    HOLDS "VGrp1DIE: it is", ich_misr_el2, 1 << 7
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_VGRP0EIE
    HOLDS "VGrp0EIE: group 0 is not enabled", ich_misr_el2, 0
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_VGRP0DIE
    HOLDS "VGrp0DIE: it is disabled", ich_misr_el2, 1 << 5
    SET ich_vmcr_el2, 0xf8 << 24 | 1
    HOLDS "VGrp0DIE: it is enabled", ich_misr_el2, 0
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_VGRP0EIE
    HOLDS "VGrp0EIE: it is enabled", ich_misr_el2, 1 << 4
    SET ich_vmcr_el2, VMCR(0xf8)
    // An interrupt ends that has no List register.
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_LRENPIE
    HOLDS "LRENPIE: EOIcount is 0", ich_misr_el2, 0
    SET ich_ap1r0_el2, 1 << 16
    BEGIN EL1
    mov x0, #99
    msr icc_eoir1_el1, x0
    END
    HOLDS "LRENPIE: EOIcount is not", ich_misr_el2, 1 << 2
    HOLDS "ICH_HCR_EL2.EOIcount", ich_hcr_el2, ICH_HCR_EN | ICH_HCR_LRENPIE | 1 << 27
    HOLDS "its priority has gone", ich_ap1r0_el2, 0
    SET ich_vmcr_el2, VMCR(0xf8)
    SET ich_hcr_el2, ICH_HCR_EN
    SET ich_lr0_el2, 0
    SET ich_lr1_el2, 0

    // A hardware interrupt: EL1's end of it deactivates the physical one.
    SET icc_ctlr_el1, 2
    SET cntp_cval_el0, 0
    SET cntp_ctl_el0, 1
    INTERRUPTED "the physical timer", EL1, 0x3c0, 2, IRQ_LOWER
    HOLDS "ICC_IAR1_EL1 at EL2 names it", icc_iar1_el1, TIMER
    SET icc_eoir1_el1, TIMER
    SET cntp_ctl_el0, 0
    ldr x29, =(GICR_PPI + 0x300)
    ldr w9, [x29]
    EXPECT "its priority is dropped, and it is active", x9, 1 << TIMER
    SET ich_lr0_el2, PENDING | GROUP1 | HARDWARE | PHYSICAL(TIMER) | PRIORITY(0x80) | 27
    BEGIN EL1
    mrs x0, icc_iar1_el1
    msr icc_eoir1_el1, x0
    isb
    END
    EXPECT "EL1 has it as the guest's number", x0, 27
    ldr x29, =(GICR_PPI + 0x300)
    ldr w9, [x29]
    EXPECT "List registers with HW: the physical interrupt is inactive", x9, 0
    SET icc_ctlr_el1, 0

    // What is trapped.
    TRAPPED "TC: ICC_PMR_EL1", ICH_HCR_TC, ISS(3, 0, 4, 6, 0) | READ, mrs x5, icc_pmr_el1
    TRAPPED "TC: ICC_CTLR_EL1 is written", ICH_HCR_TC, ISS(3, 0, 12, 12, 4), msr icc_ctlr_el1, x5
    TRAPPED "TC: ICC_RPR_EL1", ICH_HCR_TC, ISS(3, 0, 12, 11, 3) | READ, mrs x5, icc_rpr_el1
    TRAPPED "TC: ICC_DIR_EL1", ICH_HCR_TC, ISS(3, 0, 12, 11, 1), msr icc_dir_el1, x5
    TRAPPED "TALL1: ICC_IAR1_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 12, 0) | READ, mrs x5, icc_iar1_el1
    TRAPPED "TALL1: ICC_EOIR1_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 12, 1), msr icc_eoir1_el1, x5
    TRAPPED "TALL1: ICC_BPR1_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 12, 3) | READ, mrs x5, icc_bpr1_el1
    TRAPPED "TALL1: ICC_IGRPEN1_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 12, 7), msr icc_igrpen1_el1, x5
    TRAPPED "TALL0: ICC_IAR0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 8, 0) | READ, mrs x5, icc_iar0_el1
    TRAPPED "TALL0: ICC_IGRPEN0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 12, 6), msr icc_igrpen0_el1, x5
    TRAPPED "TDIR: ICC_DIR_EL1", ICH_HCR_TDIR, ISS(3, 0, 12, 11, 1), msr icc_dir_el1, x5
    TRAPPED "HCR_EL2.IMO: ICC_SGI1R_EL1", 0, ISS(3, 0, 12, 11, 5), msr icc_sgi1r_el1, x5
    TRAPPED "TALL1: ICC_AP1R0_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 9, 0) | READ, mrs x5, icc_ap1r0_el1
    TRAPPED "TALL1: ICC_HPPIR1_EL1", ICH_HCR_TALL1, ISS(3, 0, 12, 12, 2) | READ, mrs x5, icc_hppir1_el1
    TRAPPED "TALL0: ICC_EOIR0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 8, 1), msr icc_eoir0_el1, x5
    TRAPPED "TALL0: ICC_HPPIR0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 8, 2) | READ, mrs x5, icc_hppir0_el1
    TRAPPED "TALL0: ICC_BPR0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 8, 3), msr icc_bpr0_el1, x5
    TRAPPED "TALL0: ICC_AP0R0_EL1", ICH_HCR_TALL0, ISS(3, 0, 12, 8, 4) | READ, mrs x5, icc_ap0r0_el1
    SET hcr_el2, HCR_RW
    TRAPPED "TC: ICC_SGI0R_EL1", ICH_HCR_TC, ISS(3, 0, 12, 11, 7), msr icc_sgi0r_el1, x5
    TRAPPED "TC: ICC_SGI1R_EL1", ICH_HCR_TC, ISS(3, 0, 12, 11, 5), msr icc_sgi1r_el1, x5
    TRAPPED "TC: ICC_ASGI1R_EL1", ICH_HCR_TC, ISS(3, 0, 12, 11, 6), msr icc_asgi1r_el1, x5
    SET hcr_el2, HCR_RW | FMO
    TRAPPED "HCR_EL2.FMO: ICC_SGI0R_EL1", 0, ISS(3, 0, 12, 11, 7), msr icc_sgi0r_el1, x5
    SET hcr_el2, HCR_RW | IMO
    SET ich_hcr_el2, ICH_HCR_EN | ICH_HCR_TALL1
    BEGIN EL1
    mrs x5, icc_pmr_el1
    mrs x5, icc_iar0_el1
    END
    EXPECT_NONE "TALL1 is about group 1 alone"
    SET ich_hcr_el2, ICH_HCR_EN
    BEGIN EL0
1:  mrs x5, icc_iar1_el1
    END
    EXPECT_EXCEPTION "EL0 has none of it", 1, EC_UNKNOWN, 0
    BEGIN EL1
1:  mrs x5, ich_hcr_el2
    END
    EXPECT_EXCEPTION "ICH_HCR_EL2 at EL1", 1, EC_UNKNOWN, 0
    DONE
