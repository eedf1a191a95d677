// Which of two traps comes first (19.6.1, table of synchronous exceptions; 3.1.9 for interrupts).
#include "harness.h"
PROGRAM "priority"
#define VA 0x10000
#define GPA 0x50000
    NEED_MISA H, done
    CLEAR_TABLES
    IDENTITY VS_ROOT, 3
    IDENTITY_G G_ROOT, 3
    MAP   VS_ROOT, 3, VA, GPA, PTE_S_ALL
    MAP   VS_ROOT, 3, VA + 0x1000, GPA + 0x1000, PTE_V | PTE_R | PTE_AD
    MAP   VS_ROOT, 3, VA + 0x2000, GPA + 0x2000, PTE_S_ALL
    MAP   VS_ROOT, 3, VA + 0x3000, 0x70000, PTE_V | PTE_W
    MAP   VS_ROOT, 3, VA + 0x4000, GPA + 0x4000, PTE_S_ALL
    MAP_G G_ROOT, 3, GPA + 0x2000, 0x8000000, PTE_U_ALL
    MAP_G G_ROOT, 3, GPA + 0x4000, 0x8000000, PTE_V | PTE_R | PTE_U | PTE_AD
    SET_HGATP SV39, G_ROOT
    SET_VSATP SV39, VS_ROOT
    SET_ALIAS U_ALIAS

    .macro FIRST text, mode, cause, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_TRAP "19.6.1: \text", M, \cause
    .endm
    // An instruction that may not execute does not get as far as its memory
    li   a0, VA
    FIRST "HLV in VS-mode to a bad address: virtual instruction, no fault", \
        VS, CAUSE_VIRTUAL_INSTRUCTION, hlv.d a1, (a0)
    FIRST "HSV in VU-mode to a bad address: virtual instruction, no fault", \
        VU, CAUSE_VIRTUAL_INSTRUCTION, hsv.d a1, (a0)
    SET_ALIAS 0
    FIRST "HLV in U-mode, HU = 0, to a bad address: illegal, no fault", U, CAUSE_ILLEGAL_INSTRUCTION, hlv.d a1, (a0)
    SET_ALIAS U_ALIAS
    li   t0, STATUS_FS
    csrc vsstatus, t0
    FIRST "FLD with FS = 0 from a bad address: illegal, no fault", VS, CAUSE_ILLEGAL_INSTRUCTION, fld fa0, (a0)
    li   t0, STATUS_FS
    csrs vsstatus, t0
    csrw mcounteren, zero
    csrw hcounteren, zero
    FIRST "cycle, off in mcounteren and hcounteren: illegal", VS, CAUSE_ILLEGAL_INSTRUCTION, csrr t0, cycle

    // VS stage before G stage, G stage before physical memory
    li   a0, VA + 0x1000
    FIRST "a store that both stages refuse: the VS stage's page fault", VS, CAUSE_STORE_PAGE_FAULT, sd a1, (a0)
    FIRST "a load that only the G stage refuses: a guest-page fault", VS, CAUSE_LOAD_GUEST_PAGE_FAULT, ld a1, (a0)
    li   a0, VA + 0x3000
    FIRST "a reserved VS-stage PTE to a bad guest address: a page fault", VS, CAUSE_LOAD_PAGE_FAULT, ld a1, (a0)
    FIRST "a fetch by it: a page fault", VS, CAUSE_FETCH_PAGE_FAULT, jr a0
    li   a0, VA + 0x2000
    FIRST "both stages pass, memory is vacant: an access fault", VS, CAUSE_LOAD_ACCESS, ld a1, (a0)
    li   a0, VA + 0x4000
    FIRST "the G stage refuses the store, memory is vacant: a guest-page fault", \
        VS, CAUSE_STORE_GUEST_PAGE_FAULT, sd a1, (a0)
    FIRST "the G stage refuses the fetch, memory is vacant: a guest-page fault", VS, CAUSE_FETCH_GUEST_PAGE_FAULT, jr a0
    FIRST "the G stage allows the load, memory is vacant: an access fault", VS, CAUSE_LOAD_ACCESS, ld a1, (a0)

    // A misaligned LR or AMO where there is no page: a page fault, or before it what misalignment raises (Unpriv. 14.2:
    // address-misaligned or access fault)
    .macro MISALIGNED_OR_PAGE_FAULT name, misaligned, access, page_fault, instruction:vararg
    BEGIN VS
    \instruction
    END
    ld   t0, CAUSE(gp)
    li   t1, \access
    bne  t0, t1, 2f
    li   t0, \misaligned
2:  EXPECT_ONE_OF "19.6.1: \name on no page: misaligned or page fault", t0, \misaligned, \page_fault
    .endm
    li   a0, VA + 0x8002
    MISALIGNED_OR_PAGE_FAULT "a misaligned AMO", CAUSE_MISALIGNED_STORE, CAUSE_STORE_ACCESS, CAUSE_STORE_PAGE_FAULT, \
        amoadd.w a1, a1, (a0)
    MISALIGNED_OR_PAGE_FAULT "a misaligned LR", CAUSE_MISALIGNED_LOAD, CAUSE_LOAD_ACCESS, CAUSE_LOAD_PAGE_FAULT, \
        lr.w a1, (a0)

    // An interrupt comes before the exceptions of the instruction it precedes
    li   t0, VSSIP
    csrw hvip, t0
    csrw hie, t0
    .macro INTERRUPTED text, mode, instruction:vararg
    BEGIN \mode
1:  \instruction
    END
    EXPECT_TRAP "3.1.9: an interrupt before \text", HS, INTERRUPT(IRQ_VSSI), 0
    EXPECT_EPC "10.1.7: sepc is that instruction", 1b
    .endm
    li   a0, VA
    INTERRUPTED "an illegal instruction", VS, .4byte 0xffffffff
    INTERRUPTED "ECALL", VS, ecall
    INTERRUPTED "a guest-page fault", VS, ld a1, (a0)
    BEGIN M
    li   t0, STATUS_MPP | STATUS_MPV
    csrc mstatus, t0
    li   t0, STATUS_MPP_S | STATUS_MPV
    csrs mstatus, t0
    csrw mepc, a0
    mret
    END
    EXPECT_TRAP "3.1.9: an interrupt before a fetch fault", HS, INTERRUPT(IRQ_VSSI), 0
    EXPECT_RECORD "10.1.7: sepc is the address not yet fetched", EPC, VA
    csrw hvip, zero
done:
    DONE
