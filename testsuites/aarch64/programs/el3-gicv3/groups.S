// A GICv3 with two Security states (IHI 0069): the three groups, who finds which of them, and what each is to a CPU, which is
// told by its state whether an interrupt is an IRQ or an FIQ (4.6.2).
#include "monitor.h"
#include "interrupts.h"
#include "traps.h"

#define GICD 0x08000000
#define GICR 0x080a0000
#define SGIS 0x080b0000
#define CTLR 0x000
#define TYPER 0x004
#define WAKER 0x014
#define IGROUPR 0x080
#define ISENABLER 0x100
#define ISPENDR 0x200
#define ICPENDR 0x280
#define IPRIORITYR 0x400
#define IGRPMODR 0xd00
#define NSACR 0xe00
#define ICPENDR1 0x284
#define ISPENDR1 0x204
#define ISACTIVER 0x300
#define ICACTIVER 0x380
#define ISACTIVER1 0x304
#define ICACTIVER1 0x384
#define NSACR2 0xe08
#define IROUTER40 0x6140

#define ICC_PMR s3_0_c4_c6_0
#define ICC_IAR0 s3_0_c12_c8_0
#define ICC_EOIR0 s3_0_c12_c8_1
#define ICC_HPPIR0 s3_0_c12_c8_2
#define ICC_RPR s3_0_c12_c11_3
#define ICC_SGI1R s3_0_c12_c11_5
#define ICC_ASGI1R s3_0_c12_c11_6
#define ICC_SGI0R s3_0_c12_c11_7
#define ICC_IAR1 s3_0_c12_c12_0
#define ICC_EOIR1 s3_0_c12_c12_1
#define ICC_HPPIR1 s3_0_c12_c12_2
#define ICC_DIR s3_0_c12_c11_1
#define ICC_BPR0 s3_0_c12_c8_3
#define ICC_BPR1 s3_0_c12_c12_3
#define ICC_CTLR s3_0_c12_c12_4
#define ICC_SRE s3_0_c12_c12_5
#define ICC_IGRPEN0 s3_0_c12_c12_6
#define ICC_IGRPEN1 s3_0_c12_c12_7
#define ICC_SRE_EL2 s3_4_c12_c9_5
#define ICC_CTLR_EL3 s3_6_c12_c12_4
#define ICC_SRE_EL3 s3_6_c12_c12_5
#define ICC_IGRPEN1_EL3 s3_6_c12_c12_7

// SGIs: of Group 0, of Secure Group 1, and of Non-secure Group 1.
#define ZERO 0
#define SECURE_ONE 1
#define ONE 2

.macro PEND number
    PUT SGIS, ISPENDR, (1 << \number)
.endm

.macro UNPEND number
    PUT SGIS, ICPENDR, (1 << \number)
.endm

// An interrupt is active, and ICC_DIR_EL1 is written.
.macro DEACTIVATES text, at, configuration, number, isActive
    SET scr_el3, (\configuration)
    PUT SGIS, ISACTIVER, (1 << \number)
    BEGIN \at
    mov x5, #\number
    msr ICC_DIR, x5
    END
    GET 5, SGIS, ISACTIVER
    PUT SGIS, ICACTIVER, (1 << \number)
    EXPECT "ICC_DIR_EL1 \text", x5, \isActive << \number
.endm

// What ICC_*SGI*R_EL1 sends, which is not kept.
.macro SENDS text, number, isPending
    GET 5, SGIS, ISPENDR
    UNPEND \number
    EXPECT "\text", x5, \isPending << \number
.endm

PROGRAM "groups"
    mov x5, #0xf
    msr ICC_SRE_EL3, x5
    isb
    mrs x5, ICC_SRE_EL3
    EXPECT "ICC_SRE_EL3: system registers, for good", x5, 0xf
    msr ICC_SRE_EL2, x5
    msr ICC_SRE, x5
    isb
    NS_GET 5, GICR, WAKER
    EXPECT "GICR_WAKER is RAZ for Non-secure accesses", x5, 0
    NS_PUT GICR, WAKER, 0
    GET 5, GICR, WAKER
    EXPECT "GICR_WAKER is WI for Non-secure accesses", x5, 6
    PUT GICR, WAKER, 0
1:  GET 5, GICR, WAKER
    tbnz w5, #2, 1b
    PUT GICD, CTLR, 0x37
    GET 5, GICD, CTLR
    EXPECT "GICD_CTLR: ARE_S, ARE_NS and three groups", x5, 0x37
    NS_GET 5, GICD, CTLR
    EXPECT "GICD_CTLR, Non-secure: ARE_NS and its group", x5, 0x12
    NS_PUT GICD, CTLR, 0x10
    GET 5, GICD, CTLR
    EXPECT "GICD_CTLR, Non-secure: its group is disabled alone", x5, 0x35
    PUT GICD, CTLR, 0x37
    GET 5, GICD, TYPER
    and w5, w5, #(1 << 10)
    EXPECT "GICD_TYPER.SecurityExtn", x5, 1 << 10

    // Groups.
    PUT SGIS, IGROUPR, (1 << ONE)
    PUT SGIS, IGRPMODR, (1 << SECURE_ONE)
    GET 5, SGIS, IGROUPR
    EXPECT "GICR_IGROUPR0", x5, 1 << ONE
    GET 5, SGIS, IGRPMODR
    EXPECT "GICR_IGRPMODR0", x5, 1 << SECURE_ONE
    NS_PUT SGIS, IGROUPR, 0xffffffff
    NS_PUT SGIS, IGRPMODR, 0xffffffff
    GET 5, SGIS, IGROUPR
    EXPECT "GICR_IGROUPR0 is WI for Non-secure accesses", x5, 1 << ONE
    NS_GET 5, SGIS, IGROUPR
    EXPECT "GICR_IGROUPR0 is RAZ for Non-secure accesses", x5, 0
    NS_GET 5, SGIS, IGRPMODR
    EXPECT "GICR_IGRPMODR0 is RAZ for Non-secure accesses", x5, 0
    NS_PUT SGIS, ISENABLER, 7
    GET 5, SGIS, ISENABLER
    and w5, w5, #7
    EXPECT "Non-secure accesses enable their group alone", x5, 1 << ONE
    PUT SGIS, ISENABLER, 7
    PUT SGIS, IPRIORITYR, 0x00a02010
    NS_GET 5, SGIS, IPRIORITYR
    EXPECT "Non-secure accesses see the priorities of their group alone", x5, 0x00400000
    NS_PUT SGIS, IPRIORITYR, 0x50505050
    GET 5, SGIS, IPRIORITYR
    EXPECT "Non-secure accesses write the priorities of their group alone", x5, 0x00a82010
    PUT GICD, IGROUPR + 4, 0
    ldr x0, =(GICD + IROUTER40)
    mov x1, #5
    str x1, [x0]
    BEGIN EL1
    ldr x0, =(GICD + IROUTER40)
    ldr x5, [x0]
    END
    EXPECT "GICD_IROUTERn of Secure interrupts is RAZ for Non-secure accesses", x5, 0
    PUT GICD, IGROUPR + 4, 0x100
    BEGIN EL1
    ldr x0, =(GICD + IROUTER40)
    ldr x5, [x0]
    END
    EXPECT "GICD_IROUTERn of other interrupts is theirs", x5, 5

    // What GICD_NSACRn lets Non-secure software have of INTID 40, which is Secure.
    PUT GICD, IGROUPR + 4, 0
    NS_PUT GICD, NSACR2, 0xffffffff
    GET 5, GICD, NSACR2
    EXPECT "GICD_NSACRn is WI for Non-secure accesses", x5, 0
    NS_PUT GICD, ISPENDR1, 0x100
    GET 5, GICD, ISPENDR1
    EXPECT "GICD_NSACRn 0: no GICD_ISPENDRn", x5, 0
    PUT GICD, NSACR2, (1 << 16)
    GET 5, GICD, NSACR2
    EXPECT "GICD_NSACRn", x5, 1 << 16
    NS_GET 5, GICD, NSACR2
    EXPECT "GICD_NSACRn is RAZ for Non-secure accesses", x5, 0
    NS_PUT GICD, ISPENDR1, 0x100
    NS_GET 5, GICD, ISPENDR1
    EXPECT "GICD_NSACRn 1: GICD_ISPENDRn", x5, 0x100
    NS_GET 5, GICD, ICPENDR1
    EXPECT "GICD_NSACRn 1: no GICD_ICPENDRn", x5, 0
    NS_PUT GICD, ICPENDR1, 0x100
    GET 5, GICD, ISPENDR1
    EXPECT "GICD_NSACRn 1: it stays pending", x5, 0x100
    PUT GICD, ISACTIVER1, 0x100
    NS_GET 5, GICD, ISACTIVER1
    EXPECT "GICD_NSACRn 1: no GICD_ISACTIVERn", x5, 0
    PUT GICD, NSACR2, (2 << 16)
    NS_PUT GICD, ICPENDR1, 0x100
    NS_GET 5, GICD, ICPENDR1
    EXPECT "GICD_NSACRn 2: GICD_ICPENDRn", x5, 0
    NS_GET 5, GICD, ISACTIVER1
    EXPECT "GICD_NSACRn 2: GICD_ISACTIVERn is read", x5, 0x100
    NS_PUT GICD, ICACTIVER1, 0x100
    NS_GET 5, GICD, ICACTIVER1
    EXPECT "GICD_NSACRn 2: GICD_ICACTIVERn is not written", x5, 0x100
    PUT GICD, ICACTIVER1, 0x100
    BEGIN EL1
    ldr x0, =(GICD + IROUTER40)
    ldr x5, [x0]
    END
    EXPECT "GICD_NSACRn 2: no GICD_IROUTERn", x5, 0
    PUT GICD, NSACR2, (3 << 16)
    BEGIN EL1
    ldr x0, =(GICD + IROUTER40)
    mov x5, #3
    str x5, [x0]
    ldr x5, [x0]
    END
    EXPECT "GICD_NSACRn 3: GICD_IROUTERn", x5, 3
    PUT GICD, NSACR2, 0

    // Banked registers of the CPU interface.
    mov x5, #3
    msr ICC_IGRPEN1_EL3, x5
    isb
    mrs x5, ICC_IGRPEN1_EL3
    EXPECT "ICC_IGRPEN1_EL3 has both states' enables", x5, 3
    SET scr_el3, SECURE
    msr ICC_IGRPEN1, xzr
    isb
    mrs x5, ICC_IGRPEN1_EL3
    EXPECT "ICC_IGRPEN1_EL1 at EL3 over Secure state is that one's", x5, 1
    mov x5, #1
    msr ICC_IGRPEN1, x5
    mov x5, #4
    msr ICC_BPR1, x5
    SET scr_el3, NONSECURE
    mov x5, #6
    msr ICC_BPR1, x5
    isb
    mrs x5, ICC_BPR1
    EXPECT "ICC_BPR1_EL1 over Non-secure state", x5, 6
    SET scr_el3, SECURE
    mrs x5, ICC_BPR1
    EXPECT "ICC_BPR1_EL1 over Secure state", x5, 4
    msr ICC_BPR1, xzr
    isb
    mrs x5, ICC_BPR1
    EXPECT "The least ICC_BPR1_EL1 over Secure state is that of ICC_BPR0_EL1", x5, 2
    SET scr_el3, NONSECURE
    msr ICC_BPR1, xzr
    isb
    mrs x5, ICC_BPR1
    EXPECT "The least ICC_BPR1_EL1 over Non-secure state is greater by one", x5, 3

    // ICC_CTLR_EL3, and what of it is in ICC_CTLR_EL1.
    mov x5, #-1
    msr ICC_CTLR_EL3, x5
    isb
    mrs x5, ICC_CTLR_EL3
    and x5, x5, #0x1f
    EXPECT "ICC_CTLR_EL3: CBPR and EOImode of both states, and EOImode of EL3", x5, 0x1f
    msr ICC_CTLR_EL3, xzr
    isb
    mrs x5, ICC_CTLR_EL3
    mov x6, #~(1 << 11 | 7 << 8)
    and x5, x5, x6
    EXPECT "ICC_CTLR_EL3: nDS and A3V", x5, 1 << 17 | 1 << 15
    mov x5, #1 << 4 | 1 << 1
    msr ICC_CTLR_EL3, x5
    isb
    mrs x5, ICC_CTLR
    and x5, x5, #3
    EXPECT "ICC_CTLR_EL1 over Non-secure state has CBPR_EL1NS and EOImode_EL1NS", x5, 3
    SET scr_el3, SECURE
    mrs x5, ICC_CTLR
    and x5, x5, #3
    EXPECT "ICC_CTLR_EL1 over Secure state has others", x5, 0
    mov x5, #1 << 3 | 1 << 0
    msr ICC_CTLR_EL3, x5
    isb
    mrs x5, ICC_CTLR
    and x5, x5, #3
    EXPECT "ICC_CTLR_EL1 over Secure state has CBPR_EL1S and EOImode_EL1S", x5, 3
    msr ICC_CTLR_EL3, xzr
    mov x5, #3
    msr ICC_CTLR, x5
    isb
    mrs x5, ICC_CTLR
    and x5, x5, #3
    EXPECT "ICC_CTLR_EL1 over Secure state: EOImode is written, CBPR is not", x5, 2
    mrs x5, ICC_CTLR_EL3
    and x5, x5, #0x1f
    EXPECT "ICC_CTLR_EL1 over Secure state: ICC_CTLR_EL3.EOImode_EL1S is written", x5, 1 << 3
    SET scr_el3, NONSECURE
    BEGIN EL1
    mov x6, #3
    msr ICC_CTLR, x6
    isb
    mrs x5, ICC_CTLR
    msr ICC_CTLR, xzr
    END
    and x5, x5, #3
    EXPECT "ICC_CTLR_EL1 at Non-secure EL1: EOImode is written, CBPR is not", x5, 2

    // A common binary point.
    mov x5, #4
    msr ICC_BPR0, x5
    mov x5, #1 << 1 | 1 << 0
    msr ICC_CTLR_EL3, x5
    isb
    BEGIN EL1
    mov x6, #7
    msr ICC_BPR1, x6
    isb
    mrs x5, ICC_BPR1
    END
    EXPECT "CBPR_EL1NS: ICC_BPR1_EL1 at Non-secure EL1 is ICC_BPR0_EL1 and one", x5, 5
    mrs x5, ICC_BPR1
    EXPECT "CBPR_EL1NS: ICC_BPR1_EL1 at EL3 is what it was", x5, 3
    SET scr_el3, SECURE
    BEGIN EL1
    mrs x5, ICC_BPR1
    mov x6, #6
    msr ICC_BPR1, x6
    END
    EXPECT "CBPR_EL1S: ICC_BPR1_EL1 at Secure EL1 is ICC_BPR0_EL1", x5, 4
    mrs x5, ICC_BPR0
    EXPECT "CBPR_EL1S: ICC_BPR1_EL1 at Secure EL1 writes ICC_BPR0_EL1", x5, 6
    mrs x5, ICC_BPR1
    EXPECT "CBPR_EL1S: ICC_BPR1_EL1 at EL3 is what it was", x5, 2
    msr ICC_BPR0, xzr
    SET scr_el3, NONSECURE
    msr ICC_CTLR_EL3, xzr
    mov x5, #1
    msr ICC_IGRPEN0, x5
    isb

    // Priorities: Group 0 is EL3's.
    mov x5, #0xf0
    msr ICC_PMR, x5
    BEGIN EL1
    mrs x5, ICC_PMR
    END
    EXPECT "SCR_EL3.FIQ is 0: Non-secure software sees all of ICC_PMR_EL1", x5, 0xf0
    SET scr_el3, NONSECURE | SCR_FIQ
    BEGIN EL1
    mrs x5, ICC_PMR
    mov x6, #0x10
    msr ICC_PMR, x6
    END
    EXPECT "SCR_EL3.FIQ: Non-secure software sees the lower half of ICC_PMR_EL1", x5, 0xe0
    mrs x5, ICC_PMR
    EXPECT "SCR_EL3.FIQ: Non-secure software writes the lower half of ICC_PMR_EL1", x5, 0x88
    mov x5, #0xff
    msr ICC_PMR, x5
    BEGIN EL1
1:  mrs x5, ICC_HPPIR0
    END
    EXPECT_EXCEPTION "SCR_EL3.FIQ: ICC_HPPIR0_EL1 is EL3's", 3, EC_SYSREG, ISS(3, 0, 12, 8, 2) | READ
    BEGIN EL2
1:  mrs x5, ICC_IGRPEN0
    END
    EXPECT_EXCEPTION "SCR_EL3.FIQ: ICC_IGRPEN0_EL1 is EL3's at EL2 too", 3, EC_SYSREG, ISS(3, 0, 12, 12, 6) | READ
    SET scr_el3, NONSECURE | SCR_IRQ
    BEGIN EL1
1:  mrs x5, ICC_HPPIR1
    END
    EXPECT_EXCEPTION "SCR_EL3.IRQ: ICC_HPPIR1_EL1 is EL3's", 3, EC_SYSREG, ISS(3, 0, 12, 12, 2) | READ
    BEGIN EL1
    mrs x5, ICC_PMR
    END
    EXPECT_NONE "SCR_EL3.IRQ alone: ICC_PMR_EL1"
    SET scr_el3, NONSECURE | SCR_IRQ | SCR_FIQ
    BEGIN EL1
1:  mrs x5, ICC_PMR
    END
    EXPECT_EXCEPTION "SCR_EL3.IRQ and FIQ: ICC_PMR_EL1 is EL3's", 3, EC_SYSREG, ISS(3, 0, 4, 6, 0) | READ
    SET scr_el3, NONSECURE

    // What an interrupt is.
    PEND ZERO
    INTERRUPTED "Group 0 in Non-secure state is an FIQ", EL1, 0x300, 1, 0x300
    INTERRUPTED "Group 0 at EL3 is an FIQ, of EL1", EL3, 0x300, 0
    SET scr_el3, NONSECURE | SCR_FIQ
    INTERRUPTED "Group 0 in Non-secure state is EL3's by SCR_EL3.FIQ", EL1, 0x3c0, 3, 0x500
    INTERRUPTED "Group 0 at EL3 is EL3's by SCR_EL3.FIQ", EL3, 0x300, 3, 0x300
    SET scr_el3, SECURE
    INTERRUPTED "Group 0 in Secure state is an FIQ", EL1, 0x300, 1, 0x300
    SET scr_el3, NONSECURE
    mrs x5, ICC_HPPIR1
    EXPECT "ICC_HPPIR1_EL1: Group 0 is pending", x5, 1023
    BEGIN EL1
    mrs x5, ICC_HPPIR0
    mrs x6, ICC_IAR0
    END
    EXPECT "ICC_HPPIR0_EL1 at Non-secure EL1: Group 0 is pending", x5, 1023
    EXPECT "ICC_IAR0_EL1 at Non-secure EL1: Group 0 is pending", x6, 1023
    mrs x5, ICC_IAR0
    EXPECT "ICC_IAR0_EL1: Group 0 is pending", x5, ZERO
    BEGIN EL1
    msr ICC_EOIR0, x5
    END
    mrs x6, ICC_RPR
    EXPECT "ICC_EOIR0_EL1 at Non-secure EL1 ends nothing", x6, 0x10
    msr ICC_EOIR0, x5
    mrs x6, ICC_RPR
    EXPECT "ICC_EOIR0_EL1 at EL3 ends it", x6, 0xff

    PEND SECURE_ONE
    INTERRUPTED "Secure Group 1 in Non-secure state is an FIQ", EL1, 0x300, 1, 0x300
    SET scr_el3, SECURE
    INTERRUPTED "Secure Group 1 in Secure state is an IRQ", EL1, 0x300, 1, 0x280
    SET scr_el3, SECURE | SCR_FIQ
    INTERRUPTED "Secure Group 1 in Secure state is no FIQ", EL1, 0x3c0, 0
    INTERRUPTED "Secure Group 1 at EL3 is an FIQ", EL3, 0x300, 3, 0x300
    SET scr_el3, NONSECURE
    BEGIN EL1
    mrs x5, ICC_IAR1
    END
    EXPECT "ICC_IAR1_EL1 at Non-secure EL1: Secure Group 1 is pending", x5, 1023
    mrs x5, ICC_HPPIR0
    EXPECT "ICC_HPPIR0_EL1 at EL3: Secure Group 1 is pending", x5, 1020
    mrs x5, ICC_IAR0
    EXPECT "ICC_IAR0_EL1 at EL3: Secure Group 1 is pending", x5, 1020
    mrs x5, ICC_IAR1
    EXPECT "ICC_IAR1_EL1 at EL3 over Non-secure state: Secure Group 1 is pending", x5, SECURE_ONE
    msr ICC_EOIR1, x5
    mrs x6, ICC_RPR
    EXPECT "ICC_EOIR1_EL1 at EL3 over Non-secure state: Secure Group 1 is active", x6, 0xff
    PEND SECURE_ONE
    SET scr_el3, SECURE
    BEGIN EL1
    mrs x5, ICC_HPPIR0
    END
    EXPECT "ICC_HPPIR0_EL1 at Secure EL1: Secure Group 1 is pending", x5, 1023
    BEGIN EL1
    mrs x5, ICC_IAR1
    END
    EXPECT "ICC_IAR1_EL1 at Secure EL1: Secure Group 1 is pending", x5, SECURE_ONE
    BEGIN EL1
    msr ICC_EOIR1, x5
    END
    mrs x5, ICC_RPR
    EXPECT "ICC_EOIR1_EL1 at Secure EL1", x5, 0xff

    PEND ONE
    INTERRUPTED "Non-secure Group 1 in Secure state is an FIQ", EL1, 0x300, 1, 0x300
    BEGIN EL1
    mrs x5, ICC_HPPIR1
    mrs x6, ICC_IAR1
    END
    EXPECT "ICC_HPPIR1_EL1 at Secure EL1: Non-secure Group 1 is pending", x5, 1023
    EXPECT "ICC_IAR1_EL1 at Secure EL1: Non-secure Group 1 is pending", x6, 1023
    mrs x5, ICC_IAR1
    EXPECT "ICC_IAR1_EL1 at EL3 over Secure state: Non-secure Group 1 is pending", x5, ONE
    BEGIN EL1
    msr ICC_EOIR1, x5
    END
    mrs x6, ICC_RPR
    EXPECT "ICC_EOIR1_EL1 at Secure EL1: Non-secure Group 1 is active", x6, 0xa8
    msr ICC_EOIR1, x5
    mrs x6, ICC_RPR
    EXPECT "ICC_EOIR1_EL1 at EL3 over Secure state: Non-secure Group 1 is active", x6, 0xff
    PEND ONE
    SET scr_el3, NONSECURE
    INTERRUPTED "Non-secure Group 1 in Non-secure state is an IRQ", EL1, 0x300, 1, 0x280
    SET scr_el3, NONSECURE | SCR_IRQ
    INTERRUPTED "Non-secure Group 1 in Non-secure state is EL3's by SCR_EL3.IRQ", EL1, 0x3c0, 3, 0x480
    INTERRUPTED "Non-secure Group 1 at EL3 is no IRQ", EL3, 0x300, 0
    SET scr_el3, NONSECURE | SCR_FIQ
    INTERRUPTED "Non-secure Group 1 at EL3 is an FIQ", EL3, 0x300, 3, 0x300
    SET scr_el3, NONSECURE
    mrs x5, ICC_HPPIR0
    EXPECT "ICC_HPPIR0_EL1 at EL3: Non-secure Group 1 is pending", x5, 1021
    BEGIN EL1
    mrs x5, ICC_IAR1
    END
    EXPECT "ICC_IAR1_EL1 at Non-secure EL1", x5, ONE
    SET scr_el3, NONSECURE | SCR_FIQ
    BEGIN EL1
    mrs x6, ICC_RPR
    END
    SET scr_el3, NONSECURE
    EXPECT "ICC_RPR_EL1, with the upper half hidden", x6, 0x50
    BEGIN EL1
    msr ICC_EOIR1, x5
    END
    mrs x5, ICC_RPR
    EXPECT "ICC_EOIR1_EL1 at Non-secure EL1", x5, 0xff

    // With EOImode of each, deactivation is for ICC_DIR_EL1.
    mov x5, #0x1c
    msr ICC_CTLR_EL3, x5
    isb
    DEACTIVATES "at EL3: Group 0", EL3, SECURE, ZERO, 0
    DEACTIVATES "at EL3: Non-secure Group 1", EL3, SECURE | SCR_IRQ | SCR_FIQ, ONE, 0
    DEACTIVATES "at Secure EL1: Group 0", EL1, SECURE, ZERO, 0
    DEACTIVATES "at Secure EL1: Group 0, which is EL3's", EL1, SECURE | SCR_FIQ, ZERO, 1
    DEACTIVATES "at Secure EL1: Secure Group 1", EL1, SECURE | SCR_FIQ, SECURE_ONE, 0
    DEACTIVATES "at Secure EL1: Secure Group 1, which is EL3's", EL1, SECURE | SCR_IRQ, SECURE_ONE, 1
    DEACTIVATES "at Secure EL1: Non-secure Group 1", EL1, SECURE | SCR_FIQ, ONE, 0
    DEACTIVATES "at Non-secure EL2: Group 0", EL2, NONSECURE, ZERO, 1
    DEACTIVATES "at Non-secure EL1: Secure Group 1", EL1, NONSECURE, SECURE_ONE, 1
    DEACTIVATES "at Non-secure EL1: its Group 1", EL1, NONSECURE | SCR_FIQ, ONE, 0
    DEACTIVATES "at Non-secure EL2: its Group 1", EL2, NONSECURE | SCR_FIQ, ONE, 0
    DEACTIVATES "at Non-secure EL1: its Group 1, where that is EL3's", EL1, NONSECURE | SCR_IRQ, ONE, 1
    msr ICC_CTLR_EL3, xzr
    DEACTIVATES "without EOImode", EL3, SECURE, ZERO, 1

    // SGIs, to this CPU. EL3 is in Secure state, whatever is below it.
    ldr x6, =(1 | ONE << 24)
    ldr x7, =(1 | SECURE_ONE << 24)
    mov x8, #1
    SET scr_el3, NONSECURE
    msr ICC_SGI1R, x6
    isb
    SENDS "ICC_SGI1R_EL1 at EL3 sends none of Non-secure Group 1", ONE, 0
    msr ICC_ASGI1R, x6
    isb
    SENDS "ICC_ASGI1R_EL1 at EL3 sends those of Non-secure Group 1", ONE, 1
    msr ICC_SGI1R, x7
    isb
    SENDS "ICC_SGI1R_EL1 at EL3 sends those of Secure Group 1", SECURE_ONE, 1
    msr ICC_SGI1R, x8
    isb
    SENDS "ICC_SGI1R_EL1 at EL3 sends those of Group 0 too", ZERO, 1
    msr ICC_SGI0R, x8
    isb
    SENDS "ICC_SGI0R_EL1 at EL3 sends those of Group 0", ZERO, 1
    msr ICC_SGI0R, x7
    isb
    SENDS "ICC_SGI0R_EL1 at EL3 sends none of Secure Group 1", SECURE_ONE, 0
    SET scr_el3, SECURE
    BEGIN EL1
    msr ICC_SGI1R, x7
    END
    SENDS "ICC_SGI1R_EL1 at Secure EL1 sends those of Secure Group 1", SECURE_ONE, 1
    BEGIN EL1
    msr ICC_ASGI1R, x6
    END
    SENDS "ICC_ASGI1R_EL1 at Secure EL1 sends those of Non-secure Group 1", ONE, 1
    SET scr_el3, NONSECURE
    BEGIN EL1
    msr ICC_SGI1R, x6
    END
    SENDS "Non-secure software sends those of its group", ONE, 1

    // GICR_NSACR.
    NS_PUT SGIS, NSACR, 0xffffffff
    GET 5, SGIS, NSACR
    EXPECT "GICR_NSACR is WI for Non-secure accesses", x5, 0
    BEGIN EL1
    msr ICC_ASGI1R, x7
    END
    SENDS "GICR_NSACR 0: Non-secure software sends none of Secure Group 1", SECURE_ONE, 0
    BEGIN EL1
    msr ICC_SGI0R, x8
    END
    SENDS "GICR_NSACR 0: Non-secure software sends none of Group 0", ZERO, 0
    PUT SGIS, NSACR, 5
    GET 5, SGIS, NSACR
    EXPECT "GICR_NSACR", x5, 5
    NS_GET 5, SGIS, NSACR
    EXPECT "GICR_NSACR is RAZ for Non-secure accesses", x5, 0
    BEGIN EL1
    msr ICC_ASGI1R, x7
    END
    SENDS "GICR_NSACR 1: Non-secure software sends none of Secure Group 1", SECURE_ONE, 0
    BEGIN EL1
    msr ICC_SGI0R, x8
    END
    SENDS "GICR_NSACR 1: Non-secure software sends those of Group 0", ZERO, 1
    PUT SGIS, NSACR, 0xa
    BEGIN EL1
    msr ICC_ASGI1R, x7
    END
    SENDS "GICR_NSACR 2: Non-secure software sends those of Secure Group 1", SECURE_ONE, 1
    BEGIN EL1
    msr ICC_SGI0R, x8
    END
    SENDS "GICR_NSACR 2: Non-secure software sends those of Group 0", ZERO, 1
    BEGIN EL1
    msr ICC_SGI1R, x7
    END
    SENDS "GICR_NSACR 2: but none of Secure Group 1 by ICC_SGI1R_EL1", SECURE_ONE, 0
    NS_PUT SGIS, ISPENDR, 1
    GET 5, SGIS, ISPENDR
    EXPECT "GICR_NSACR says nothing of GICR_ISPENDR0", x5, 0
    DONE
