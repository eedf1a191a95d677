// Interrupts with EL3: where SCR_EL3 routes them, the secure timer, and a GICv2 whose Secure registers are Secure state's
// (D1.3.6; IHI 0048B 3.8, 4.3 and 4.4).
#include "monitor.h"
#include "interrupts.h"

#define GICD 0x08000000
#define GICC 0x08010000
#define CTLR 0x000
#define TYPER 0x004
#define IGROUPR 0x080
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200
#define ICPENDR 0x280
#define IPRIORITYR 0x400
#define ITARGETSR 0x800
#define ICFGR 0xc00
#define SGIR 0xf00
#define SPENDSGIR 0xf20
#define PMR 0x004
#define BPR 0x008
#define IAR 0x00c
#define EOIR 0x010
#define RPR 0x014
#define HPPIR 0x018
#define AIAR 0x020
#define AEOIR 0x024

#define SECURE_TIMER 29
#define TIMER 30

PROGRAM "interrupts"
    PUT GICD, CTLR, 0
    PUT GICC, CTLR, 0
    GET 5, GICD, TYPER
    and w5, w5, #(1 << 10)
    EXPECT "GICD_TYPER.SecurityExtn", x5, 1 << 10
    PUT GICD, ICENABLER, 0xffffffff
    // Of SGIs 0 to 3 the odd ones, and the timer of Non-secure state, are Group 1.
    PUT GICD, IGROUPR, (1 << TIMER | 0xa)
    GET 5, GICD, IGROUPR
    EXPECT "GICD_IGROUPR0", x5, 1 << TIMER | 0xa
    NS_GET 5, GICD, IGROUPR
    EXPECT "GICD_IGROUPR0 is RAZ for Non-secure accesses", x5, 0
    NS_PUT GICD, IGROUPR, 0xffffffff
    GET 5, GICD, IGROUPR
    EXPECT "GICD_IGROUPR0 is WI for Non-secure accesses", x5, 1 << TIMER | 0xa

    // Enables.
    NS_PUT GICD, ISENABLER, (1 << TIMER | 1 << SECURE_TIMER)
    GET 5, GICD, ISENABLER
    and w5, w5, #(1 << TIMER | 1 << SECURE_TIMER)
    EXPECT "Non-secure accesses enable Group 1 alone", x5, 1 << TIMER
    PUT GICD, ISENABLER, (1 << SECURE_TIMER)
    NS_GET 5, GICD, ISENABLER
    and w5, w5, #(1 << TIMER | 1 << SECURE_TIMER)
    EXPECT "Non-secure accesses see what is enabled of Group 1 alone", x5, 1 << TIMER
    NS_PUT GICD, ICENABLER, (1 << TIMER | 1 << SECURE_TIMER)
    GET 5, GICD, ISENABLER
    and w5, w5, #(1 << TIMER | 1 << SECURE_TIMER)
    EXPECT "Non-secure accesses disable Group 1 alone", x5, 1 << SECURE_TIMER
    PUT GICD, ISENABLER, (1 << TIMER)

    // Priorities: those of PPIs 28 to 31.
    PUT GICD, IPRIORITYR + 28, 0xa0c02000
    NS_GET 5, GICD, IPRIORITYR + 28
    ldr w6, =0x00ff0000
    and w5, w5, w6
    EXPECT "Non-secure accesses see the lower half of the priorities as the whole", x5, 0x00800000
    NS_PUT GICD, IPRIORITYR + 28, 0x50505050
    GET 5, GICD, IPRIORITYR + 28
    EXPECT "Non-secure accesses write the lower half of the priorities, of Group 1", x5, 0xa0a82000
    PUT GICD, IPRIORITYR, 0xa0a02020

    // GICD_CTLR
    PUT GICD, CTLR, 3
    NS_GET 5, GICD, CTLR
    EXPECT "Non-secure accesses see EnableGrp1 as bit 0", x5, 1
    NS_PUT GICD, CTLR, 0
    GET 5, GICD, CTLR
    EXPECT "Non-secure accesses disable Group 1 alone in GICD_CTLR", x5, 1
    NS_PUT GICD, CTLR, 1
    GET 5, GICD, CTLR
    EXPECT "Non-secure accesses enable Group 1 in GICD_CTLR", x5, 3

    // GICC_CTLR: EnableGrp0, EnableGrp1, FIQEn.
    PUT GICC, CTLR, 0xb
    NS_GET 5, GICC, CTLR
    EXPECT "Non-secure accesses see EnableGrp1 as bit 0 of GICC_CTLR", x5, 1
    NS_PUT GICC, CTLR, 0x201
    GET 5, GICC, CTLR
    EXPECT "Non-secure accesses have EOImodeNS", x5, 0x40b
    NS_PUT GICC, CTLR, 1

    // GICC_PMR
    PUT GICC, PMR, 0xf0
    NS_GET 5, GICC, PMR
    EXPECT "Non-secure accesses see the lower half of GICC_PMR", x5, 0xe0
    NS_PUT GICC, PMR, 0x10
    GET 5, GICC, PMR
    EXPECT "Non-secure accesses write the lower half of GICC_PMR", x5, 0x88
    PUT GICC, PMR, 0x40
    NS_GET 5, GICC, PMR
    EXPECT "a mask of the upper half is not for Non-secure accesses to see", x5, 0
    NS_PUT GICC, PMR, 0xff
    GET 5, GICC, PMR
    EXPECT "a mask of the upper half is not for Non-secure accesses to change", x5, 0x40
    PUT GICC, PMR, 0xff

    // The secure timer's interrupt, of Group 0, is an FIQ.
    PUT GICD, IPRIORITYR + 28, 0xa0a02000
    msr cntps_cval_el1, xzr
    mov x5, #1
    msr cntps_ctl_el1, x5
    isb
    mrs x5, cntps_ctl_el1
    EXPECT "CNTPS_CTL_EL1.ISTATUS", x5, 5
    GET 5, GICD, ISPENDR
    ubfx w5, w5, #SECURE_TIMER, #1
    EXPECT "the secure timer's interrupt is PPI 29", x5, 1
    NS_GET 5, GICD, ISPENDR
    ubfx w5, w5, #SECURE_TIMER, #1
    EXPECT "Non-secure accesses do not see it pending", x5, 0
    INTERRUPTED "SCR_EL3.FIQ is 0: FIQ at EL1", EL1, 0x380, 1, 0x300
    INTERRUPTED "SCR_EL3.FIQ is 0: masked FIQ at EL1", EL1, 0x3c0, 0
    INTERRUPTED "SCR_EL3.FIQ is 0: FIQ of EL1 at EL2", EL2, 0x380, 0
    INTERRUPTED "SCR_EL3.FIQ is 0: FIQ of EL1 at EL3", EL3, 0x380, 0
    SET hcr_el2, HCR_RW | 1 << 3
    INTERRUPTED "HCR_EL2.FMO: FIQ at EL1", EL1, 0x3c0, 2, 0x500
    INTERRUPTED "HCR_EL2.FMO: FIQ of EL2 at EL3", EL3, 0x380, 0
    SET scr_el3, SECURE
    INTERRUPTED "HCR_EL2.FMO means nothing in Secure state: masked FIQ", EL1, 0x3c0, 0
    INTERRUPTED "HCR_EL2.FMO means nothing in Secure state: FIQ", EL1, 0x380, 1, 0x300
    SET scr_el3, NONSECURE | SCR_FIQ
    INTERRUPTED "SCR_EL3.FIQ: FIQ at EL1, whatever its masks are", EL1, 0x3c0, 3, 0x500
    INTERRUPTED "SCR_EL3.FIQ: FIQ at EL2", EL2, 0x3c0, 3, 0x500
    INTERRUPTED "SCR_EL3.FIQ: FIQ at EL0", EL0, 0x3c0, 3, 0x500
    INTERRUPTED "SCR_EL3.FIQ: FIQ at EL3", EL3, 0x380, 3, 0x300
    INTERRUPTED "SCR_EL3.FIQ: masked FIQ at EL3", EL3, 0x3c0, 0
    SET scr_el3, SECURE | SCR_FIQ
    INTERRUPTED "SCR_EL3.FIQ: FIQ at Secure EL1", EL1, 0x3c0, 3, 0x500
    SET scr_el3, NONSECURE
    SET hcr_el2, HCR_RW

    // Who may acknowledge it.
    NS_GET 5, GICC, HPPIR
    EXPECT "GICC_HPPIR, Non-secure: Group 0 is pending", x5, 1023
    NS_GET 5, GICC, IAR
    EXPECT "GICC_IAR, Non-secure: Group 0 is pending", x5, 1023
    GET 5, GICC, HPPIR
    EXPECT "GICC_HPPIR, Secure: Group 0 is pending", x5, SECURE_TIMER
    GET 5, GICC, IAR
    EXPECT "GICC_IAR, Secure: Group 0 is pending", x5, SECURE_TIMER
    GET 5, GICC, RPR
    EXPECT "GICC_RPR, Secure", x5, 0x20
    NS_GET 5, GICC, RPR
    EXPECT "GICC_RPR, Non-secure: a priority of the upper half is active", x5, 0
    NS_PUT GICC, EOIR, SECURE_TIMER
    GET 5, GICC, RPR
    EXPECT "GICC_EOIR, Non-secure: Group 0 is not ended", x5, 0x20
    msr cntps_ctl_el1, xzr
    isb
    PUT GICC, EOIR, SECURE_TIMER
    GET 5, GICC, RPR
    EXPECT "GICC_EOIR, Secure", x5, 0xff

    // The timer of Non-secure state, of Group 1, is an IRQ.
    msr cntp_cval_el0, xzr
    mov x5, #1
    msr cntp_ctl_el0, x5
    isb
    INTERRUPTED "SCR_EL3.IRQ is 0: IRQ at EL1", EL1, 0x340, 1, 0x280
    INTERRUPTED "SCR_EL3.IRQ is 0: IRQ of EL1 at EL3", EL3, 0x340, 0
    SET scr_el3, NONSECURE | SCR_IRQ
    INTERRUPTED "SCR_EL3.IRQ: IRQ at EL1, whatever its masks are", EL1, 0x3c0, 3, 0x480
    INTERRUPTED "SCR_EL3.IRQ: IRQ at EL3", EL3, 0x340, 3, 0x280
    INTERRUPTED "SCR_EL3.IRQ: masked IRQ at EL3", EL3, 0x3c0, 0
    SET scr_el3, NONSECURE
    GET 5, GICC, HPPIR
    EXPECT "GICC_HPPIR, Secure: Group 1 is pending", x5, 1022
    GET 5, GICC, IAR
    EXPECT "GICC_IAR, Secure: Group 1 is pending", x5, 1022
    NS_GET 5, GICC, IAR
    EXPECT "GICC_IAR, Non-secure: Group 1 is pending", x5, TIMER
    GET 5, GICC, RPR
    EXPECT "GICC_RPR, Secure: Group 1 is active", x5, 0xa0
    NS_GET 5, GICC, RPR
    EXPECT "GICC_RPR, Non-secure: Group 1 is active", x5, 0x40
    msr cntp_ctl_el0, xzr
    isb
    NS_PUT GICC, EOIR, TIMER
    GET 5, GICC, RPR
    EXPECT "GICC_EOIR, Non-secure", x5, 0xff

    // SGIs: 0 is of Group 0, 1 of Group 1.
    PUT GICD, SGIR, (2 << 24 | 1)
    GET 5, GICD, ISPENDR
    and w5, w5, #0xf
    EXPECT "GICD_SGIR.NSATT is 0: no SGI of Group 1 is sent", x5, 0
    PUT GICD, SGIR, (2 << 24 | 1 << 15 | 1)
    GET 5, GICD, ISPENDR
    and w5, w5, #0xf
    EXPECT "GICD_SGIR.NSATT is 1: an SGI of Group 1 is sent", x5, 2
    NS_GET 5, GICC, IAR
    and w5, w5, #0x3ff
    EXPECT "GICC_IAR, Non-secure: the SGI", x5, 1
    NS_PUT GICC, EOIR, 1
    PUT GICD, SGIR, (2 << 24)
    GET 5, GICC, IAR
    and w5, w5, #0x3ff
    EXPECT "GICC_IAR, Secure: the SGI", x5, 0
    PUT GICC, EOIR, 0
    NS_PUT GICD, SGIR, (2 << 24)
    GET 5, GICD, ISPENDR
    and w5, w5, #0xf
    EXPECT "GICD_SGIR, Non-secure: no SGI of Group 0 is sent", x5, 0
    NS_PUT GICD, SGIR, (2 << 24 | 3)
    GET 5, GICD, ISPENDR
    and w5, w5, #0xf
    EXPECT "GICD_SGIR, Non-secure: an SGI of Group 1 is sent", x5, 8
    NS_GET 5, GICC, IAR
    NS_PUT GICC, EOIR, 3
    DONE
