// GICv2's virtualization interface: List registers, the virtual CPU interface, and maintenance interrupts (GIC
// architecture specification, version 2, chapter 5).
#include "harness.h"

#define GICD 0x08000000
#define GICC 0x08010000
#define GICH 0x08030000
#define GICV 0x08040000
#define GICH_HCR 0
#define GICH_VMCR 8
#define GICH_MISR 0x10
#define GICH_EISR 0x20
#define GICH_ELRSR 0x30
#define GICH_APR 0xf0
#define GICH_LR(n) (0x100 + (n) * 4)
#define PENDING (1 << 28)
#define ACTIVE (2 << 28)
#define HARDWARE (1 << 31)
#define EOI (1 << 19)
#define PRIORITY(p) (((p) >> 3) << 23)
#define IRQ_SAME 0x280
#define IRQ_LOWER 0x480
#define MAINTENANCE 25

.macro GIC_SET base, offset, value
    ldr x29, =(\base + \offset)
    ldr x28, =\value
    str w28, [x29]
.endm

.macro GIC_EXPECT text, base, offset, value
    ldr x29, =(\base + \offset)
    ldr w9, [x29]
    EXPECT "\text", x9, \value
.endm

PROGRAM "list-registers"
    GIC_SET GICD, 0, 1
    GIC_SET GICC, 0, 1
    GIC_SET GICC, 4, 0xff
    GIC_SET GICH, GICH_APR, 0
    .irp n, 0, 1, 2, 3
    GIC_SET GICH, GICH_LR(\n), 0
    .endr
    GIC_EXPECT "5.3.9: List registers that are empty", GICH, GICH_ELRSR, 0xf
    GIC_SET GICH, GICH_HCR, 1
    SET hcr_el2, HCR_RW | 1 << 4

    // The guest's view, which EL2 may have too.
    GIC_SET GICV, 0, 1
    GIC_SET GICV, 4, 0xf8
    GIC_SET GICH, GICH_LR(0), (PENDING | PRIORITY(0x80) | 40)
    GIC_SET GICH, GICH_LR(1), (PENDING | PRIORITY(0x40) | 41)
    GIC_EXPECT "List registers that are not", GICH, GICH_ELRSR, 0xc
    GIC_EXPECT "5.5.6: GICV_HPPIR is the one with the higher priority", GICV, 0x18, 41
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_RECORD "a virtual interrupt: EL1 takes it", LEVEL, 1
    EXPECT_RECORD "a virtual interrupt: the vector", VECTOR, IRQ_SAME
    BEGIN EL1, 0x3c0
    ldr x1, =GICV
    ldr w2, [x1, #0xc]
    ldr w3, [x1, #0x14]
    ldr w4, [x1, #0x18]
    .ltorg
    END
    EXPECT "5.5.4: GICV_IAR acknowledges it", x2, 41
    EXPECT "5.5.5: GICV_RPR is its priority", x3, 0x40
    EXPECT "GICV_HPPIR: the other one pends", x4, 40
    GIC_EXPECT "its List register is active", GICH, GICH_LR(1), (ACTIVE | PRIORITY(0x40) | 41)
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_NONE "a lower priority does not interrupt it"
    GIC_SET GICV, 0x10, 41
    GIC_EXPECT "GICV_EOIR ends it: its List register is invalid", GICH, GICH_LR(1), (PRIORITY(0x40) | 41)
    BEGIN EL0, 0x340
    nop
    END
    EXPECT_RECORD "the other one comes: EL0", VECTOR, IRQ_LOWER
    GIC_SET GICV, 4, 0x80
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_NONE "5.5.2: GICV_PMR masks its priority"
    GIC_SET GICV, 4, 0xf8
    GIC_EXPECT "GICV_IAR acknowledges it", GICV, 0xc, 40

    // EOI of an interrupt that asks for maintenance.
    GIC_SET GICH, GICH_LR(0), (ACTIVE | EOI | PRIORITY(0x80) | 40)
    GIC_SET GICV, 0x10, 40
    GIC_EXPECT "5.3.6: GICH_EISR names the List register that asked for it", GICH, GICH_EISR, 1
    GIC_EXPECT "5.3.3: GICH_MISR.EOI", GICH, GICH_MISR, 1
    GIC_SET GICD, 0x100, (1 << MAINTENANCE)
    BEGIN EL1, 0x3c0
    nop
    END
    EXPECT_RECORD "the maintenance interrupt goes to EL2", LEVEL, 2
    GIC_EXPECT "GICC_IAR names it", GICC, 0xc, MAINTENANCE
    GIC_SET GICC, 0x10, MAINTENANCE
    GIC_SET GICH, GICH_LR(0), 0
    GIC_EXPECT "its reason has gone", GICH, GICH_MISR, 0

    // Underflow: fewer than two List registers hold an interrupt.
    GIC_SET GICH, GICH_HCR, 3
    GIC_EXPECT "5.3.1: GICH_HCR.UIE: underflow", GICH, GICH_MISR, 2
    GIC_SET GICH, GICH_LR(0), (PENDING | PRIORITY(0x80) | 40)
    GIC_EXPECT "one that is valid is too few", GICH, GICH_MISR, 2
    GIC_SET GICH, GICH_LR(1), (PENDING | PRIORITY(0x80) | 41)
    GIC_EXPECT "two are not", GICH, GICH_MISR, 0
    GIC_SET GICH, GICH_LR(1), 0
    GIC_SET GICH, GICH_LR(0), 0

    // No interrupt pends.
    GIC_SET GICH, GICH_HCR, 1 | 1 << 3
    GIC_EXPECT "GICH_HCR.NPIE: none pends", GICH, GICH_MISR, 8
    GIC_SET GICH, GICH_LR(2), (PENDING | PRIORITY(0x80) | 42)
    GIC_EXPECT "one pends", GICH, GICH_MISR, 0

    // The guest's groups; GICV_CTLR enables group 0 alone.
    GIC_SET GICH, GICH_HCR, 1 | 1 << 4
    GIC_EXPECT "GICH_HCR.VGrp0EIE: group 0 is enabled", GICH, GICH_MISR, (1 << 4)
    GIC_SET GICH, GICH_HCR, 1 | 1 << 5
    GIC_EXPECT "VGrp0DIE: it is not disabled", GICH, GICH_MISR, 0
    GIC_SET GICH, GICH_HCR, 1 | 1 << 6
    GIC_EXPECT "VGrp1EIE: group 1 is not enabled", GICH, GICH_MISR, 0
    GIC_SET GICH, GICH_HCR, 1 | 1 << 7
    GIC_EXPECT "VGrp1DIE: it is disabled", GICH, GICH_MISR, (1 << 7)
    GIC_SET GICV, 0, 2
    GIC_EXPECT "VGrp1DIE: it is enabled", GICH, GICH_MISR, 0
    GIC_SET GICH, GICH_HCR, 1 | 1 << 6
    GIC_EXPECT "VGrp1EIE: it is enabled", GICH, GICH_MISR, (1 << 6)
    GIC_SET GICH, GICH_HCR, 1 | 1 << 5
    GIC_EXPECT "VGrp0DIE: group 0 is disabled", GICH, GICH_MISR, (1 << 5)
    GIC_SET GICV, 0, 1

    // An interrupt ends that has no List register: EOICount.
    GIC_SET GICH, GICH_HCR, 1 | 1 << 2
    GIC_EXPECT "GICH_HCR.LRENPIE: EOICount is 0", GICH, GICH_MISR, 0
    GIC_SET GICH, GICH_APR, (1 << 16)
    GIC_SET GICV, 0x10, 99
    GIC_EXPECT "LRENPIE: EOICount is not", GICH, GICH_MISR, (1 << 2)
    GIC_EXPECT "EOICount", GICH, GICH_HCR, (1 << 27 | 1 << 2 | 1)
    GIC_SET GICH, GICH_HCR, 0
    BEGIN EL1, 0x340
    nop
    END
    EXPECT_NONE "GICH_HCR.En: the interface is off"
    GIC_SET GICH, GICH_LR(2), 0
    SET hcr_el2, HCR_RW
    DONE
