// When an instruction with V = 1 raises a virtual-instruction exception and when an illegal-instruction exception:
// every case that 19.6.1 lists, on both sides of its line. (CSRs of H and VS by name: csrs.S.)
#include "harness.h"
    .option arch, +svinval, +zicbom, +zicboz, +zawrs
PROGRAM "virtual-instruction"
    NEED_MISA H, done

    .macro VIRTUAL text, mode, instruction:vararg
    BEGIN \mode
1:  \instruction
    END
    EXPECT_TRAP "19.6.1: \text: virtual instruction", M, CAUSE_VIRTUAL_INSTRUCTION
    EXPECT_EPC "3.1.14: \text: mepc is its address", 1b
    la   t0, 1b
    lwu  t1, (t0)
    ld   t2, TVAL(gp)
    beqz t2, 2f
    EXPECT_EQUAL "19.6.1: \text: mtval is zero or the instruction", t2, t1
2:
    .endm
    .macro ILLEGAL text, mode, instruction:vararg
    BEGIN \mode
1:  \instruction
    END
    EXPECT_TRAP "19.6.1: \text: illegal instruction", M, CAUSE_ILLEGAL_INSTRUCTION
    .endm
    .macro LEGAL text, mode, instruction:vararg
    BEGIN \mode
    \instruction
    END
    EXPECT_NO_TRAP "\text"
    .endm

    .option push
    .option norvc
    li   a0, PAGE(0)

    // Hypervisor instructions
    .irp mode, VS, VU
    VIRTUAL "HLV.W in \mode-mode", \mode, hlv.w t0, (a0)
    VIRTUAL "HLV.BU in \mode-mode", \mode, hlv.bu t0, (a0)
    VIRTUAL "HLV.D in \mode-mode", \mode, hlv.d t0, (a0)
    VIRTUAL "HLVX.HU in \mode-mode", \mode, hlvx.hu t0, (a0)
    VIRTUAL "HLVX.WU in \mode-mode", \mode, hlvx.wu t0, (a0)
    VIRTUAL "HSV.B in \mode-mode", \mode, hsv.b t0, (a0)
    VIRTUAL "HSV.D in \mode-mode", \mode, hsv.d t0, (a0)
    VIRTUAL "HFENCE.VVMA in \mode-mode", \mode, hfence.vvma
    VIRTUAL "HFENCE.GVMA in \mode-mode", \mode, hfence.gvma
    VIRTUAL "HFENCE.GVMA of an address in \mode-mode", \mode, hfence.gvma a0, a0
    ILLEGAL "MRET in \mode-mode", \mode, mret
    ILLEGAL "32 ones in \mode-mode", \mode, .4byte 0xffffffff
    ILLEGAL "a reserved load in \mode-mode", \mode, .4byte 0x00007003
    ILLEGAL "an absent CSR in \mode-mode", \mode, csrr t0, 0x5c0
    ILLEGAL "mstatus in \mode-mode", \mode, csrr t0, mstatus
    ILLEGAL "mcycle in \mode-mode", \mode, csrr t0, mcycle
    ILLEGAL "a write of cycle in \mode-mode", \mode, csrw cycle, zero
    .endr
    li   t0, HSTATUS_HU
    csrs hstatus, t0
    VIRTUAL "HLV.W in VU-mode with HU = 1", VU, hlv.w t0, (a0)
    LEGAL "19.3.1: HLV.W in U-mode with HU = 1", U, hlv.w t0, (a0)
    LEGAL "19.3.1: HSV.W in U-mode with HU = 1", U, hsv.w t0, (a0)
    LEGAL "19.3.1: HLVX.WU in U-mode with HU = 1", U, hlvx.wu t0, (a0)
    ILLEGAL "HFENCE.VVMA in U-mode, HU = 1", U, hfence.vvma
    ILLEGAL "HFENCE.GVMA in U-mode, HU = 1", U, hfence.gvma
    li   t0, HSTATUS_HU
    csrc hstatus, t0
    ILLEGAL "HLV.W in U-mode, HU = 0", U, hlv.w t0, (a0)
    ILLEGAL "HSV.D in U-mode, HU = 0", U, hsv.d t0, (a0)
    ILLEGAL "HLVX.HU in U-mode, HU = 0", U, hlvx.hu t0, (a0)
    LEGAL "19.3.2: HFENCE.VVMA in HS-mode", HS, hfence.vvma
    LEGAL "19.3.2: HFENCE.GVMA in HS-mode", HS, hfence.gvma

    // Counters (19.2.6)
    .macro COUNTER csr, bit
    li   t0, -1
    csrw mcounteren, t0
    csrw scounteren, t0
    li   t0, ~(1 << \bit)
    csrw hcounteren, t0
    VIRTUAL "\csr in VS-mode, its hcounteren bit 0, its mcounteren bit 1", VS, csrr t0, \csr
    VIRTUAL "\csr in VU-mode, its hcounteren bit 0, its mcounteren bit 1", VU, csrr t0, \csr
    LEGAL "19.2.6: hcounteren does not bind HS-mode: \csr", HS, csrr t0, \csr
    LEGAL "19.2.6: hcounteren does not bind U-mode: \csr", U, csrr t0, \csr
    li   t0, 1 << \bit
    csrw hcounteren, t0
    LEGAL "19.2.6: \csr in VS-mode, its bits 1", VS, csrr t0, \csr
    LEGAL "19.2.6: \csr in VU-mode, its bits 1", VU, csrr t0, \csr
    csrw scounteren, zero
    LEGAL "19.2.6: scounteren does not bind VS-mode: \csr", VS, csrr t0, \csr
    VIRTUAL "\csr in VU-mode, its scounteren bit 0", VU, csrr t0, \csr
    ILLEGAL "\csr in U-mode, its scounteren bit 0", U, csrr t0, \csr
    csrw hcounteren, zero
    VIRTUAL "\csr in VU-mode, its scounteren and hcounteren bits 0", VU, csrr t0, \csr
    csrw mcounteren, zero
    ILLEGAL "\csr in VS-mode, its mcounteren and hcounteren bits 0", VS, csrr t0, \csr
    ILLEGAL "\csr in VU-mode, its mcounteren bit 0", VU, csrr t0, \csr
    li   t0, -1
    csrw hcounteren, t0
    csrw scounteren, t0
    ILLEGAL "\csr in VS-mode, its mcounteren bit 0, its hcounteren bit 1", VS, csrr t0, \csr
    ILLEGAL "\csr in VU-mode, its mcounteren bit 0, the others 1", VU, csrr t0, \csr
    .endm
    COUNTER cycle, 0
    COUNTER time, 1
    COUNTER instret, 2
    li   t0, 8
    csrw mcounteren, t0
    csrr t0, mcounteren
    andi t0, t0, 8
    beqz t0, 1f
    COUNTER hpmcounter3, 3
1:  csrwi mcounteren, 7
    csrwi hcounteren, 7

    // Supervisor instructions and CSRs in VU-mode
    VIRTUAL "SRET in VU-mode", VU, sret
    VIRTUAL "SFENCE.VMA in VU-mode", VU, sfence.vma
    VIRTUAL "SFENCE.VMA of an address in VU-mode", VU, sfence.vma a0, zero
    .irp csr, sstatus, sie, stvec, scounteren, senvcfg, sscratch, sepc, scause, stval, sip, satp
    VIRTUAL "reading \csr in VU-mode", VU, csrr t0, \csr
    VIRTUAL "writing \csr in VU-mode", VU, csrw \csr, zero
    .endr
    li   t0, STATUS_TVM | STATUS_TSR
    csrs mstatus, t0
    VIRTUAL "satp in VU-mode, TVM = 1", VU, csrr t0, satp
    VIRTUAL "SFENCE.VMA in VU-mode, TVM = 1", VU, sfence.vma
    VIRTUAL "SRET in VU-mode, TSR = 1", VU, sret
    // TVM and TSR bind HS-mode alone
    LEGAL "19.6.1: satp in VS-mode, TVM = 1", VS, csrr t0, satp
    LEGAL "19.6.1: SFENCE.VMA in VS-mode, TVM = 1", VS, sfence.vma
    BEGIN VS
    la   t0, 1f
    csrw sepc, t0
    li   t0, STATUS_SPP
    csrs sstatus, t0
    sret
1:  li   a1, 5
    END
    EXPECT_NO_TRAP "19.6.1: SRET in VS-mode, TSR = 1"
    EXPECT "19.6.4: SRET in VS-mode goes on at vsepc", a1, 5
    ILLEGAL "HFENCE.GVMA in HS-mode, TVM = 1", HS, hfence.gvma
    LEGAL "19.3.2: HFENCE.VVMA in HS-mode, TVM = 1", HS, hfence.vvma
    LEGAL "19.3.2: HFENCE.GVMA in M-mode, TVM = 1", M, hfence.gvma
    VIRTUAL "HFENCE.GVMA in VS-mode, TVM = 1", VS, hfence.gvma
    li   t0, STATUS_TVM | STATUS_TSR
    csrc mstatus, t0

    // VTVM, VTSR and VTW (19.2.1)
    li   t0, HSTATUS_VTVM
    csrs hstatus, t0
    VIRTUAL "reading satp in VS-mode, VTVM = 1", VS, csrr t0, satp
    VIRTUAL "writing satp in VS-mode, VTVM = 1", VS, csrw satp, zero
    VIRTUAL "SFENCE.VMA in VS-mode, VTVM = 1", VS, sfence.vma
    VIRTUAL "SFENCE.VMA of an address in VS-mode, VTVM = 1", VS, sfence.vma a0, a0
    LEGAL "19.2.1: VTVM does not bind HS-mode", HS, sfence.vma
    LEGAL "19.2.1: VTVM does not bind HS-mode's satp", HS, csrr t0, satp
    LEGAL "19.3.2: VTVM does not bind HFENCE.VVMA", HS, hfence.vvma
    li   t0, HSTATUS_VTVM
    csrc hstatus, t0
    LEGAL "19.2.1: SFENCE.VMA in VS-mode, VTVM = 0", VS, sfence.vma
    li   t0, HSTATUS_VTSR
    csrs hstatus, t0
    VIRTUAL "SRET in VS-mode, VTSR = 1", VS, sret
    BEGIN HS
    la   t0, 1f
    csrw sepc, t0
    li   t0, STATUS_SPP
    csrs sstatus, t0
    sret
1:  li   a1, 6
    END
    EXPECT_NO_TRAP "19.2.1: VTSR does not bind HS-mode"
    li   t0, HSTATUS_VTSR
    csrc hstatus, t0
    csrw mie, zero
    csrw hie, zero
    VIRTUAL "WFI in VU-mode, TW = 0", VU, wfi
    li   t0, HSTATUS_VTW
    csrs hstatus, t0
    VIRTUAL "WFI in VS-mode, VTW = 1, TW = 0", VS, wfi
    li   t0, STATUS_TW
    csrs mstatus, t0
    ILLEGAL "WFI in VS-mode, VTW = 1, TW = 1", VS, wfi
    ILLEGAL "WFI in VU-mode, TW = 1", VU, wfi
    li   t0, HSTATUS_VTW
    csrc hstatus, t0
    ILLEGAL "WFI in VS-mode, VTW = 0, TW = 1", VS, wfi
    li   t0, STATUS_TW
    csrc mstatus, t0
    li   t0, VSSIP
    csrw hvip, t0
    csrw hie, t0
    csrw hideleg, t0
    csrci vsstatus, STATUS_SIE
    LEGAL "19.2.1: WFI in VS-mode, VTW = 0, TW = 0, an enabled interrupt pending", VS, wfi
    csrw hvip, zero
    csrw hie, zero
    csrw hideleg, zero

    // WRS.NTO with a reservation, as WFI (Zawrs); a mode of a guest has no less of them than M-mode
    BEGIN M
    wrs.sto
    END
    ld   t0, LEVEL(gp)
    beqz t0, waits
    SKIP "no Zawrs", floats
waits:
    .macro RESERVED verdict, text, mode, instruction
    BEGIN \mode
    lr.d t0, (a0)
1:  \instruction
    END
    .ifc \verdict, none
    EXPECT_NO_TRAP "Zawrs: \text"
    .else
    EXPECT_TRAP "Zawrs: \text: \verdict", M, \verdict
    EXPECT_EPC "3.1.14: \text: mepc is its address", 1b
    .endif
    .endm
    li   t0, HSTATUS_VTW
    csrs hstatus, t0
    RESERVED CAUSE_VIRTUAL_INSTRUCTION, "WRS.NTO in VS-mode, VTW = 1, TW = 0", VS, wrs.nto
    RESERVED CAUSE_VIRTUAL_INSTRUCTION, "WRS.NTO in VU-mode, VTW = 1, TW = 0", VU, wrs.nto
    RESERVED none, "WRS.NTO in HS-mode, VTW = 1, TW = 0", HS, wrs.nto
    RESERVED none, "WRS.STO in VS-mode, VTW = 1", VS, wrs.sto
    li   t0, STATUS_TW
    csrs mstatus, t0
    RESERVED CAUSE_ILLEGAL_INSTRUCTION, "WRS.NTO in VS-mode, VTW = 1, TW = 1", VS, wrs.nto
    RESERVED CAUSE_ILLEGAL_INSTRUCTION, "WRS.NTO in HS-mode, TW = 1", HS, wrs.nto
    RESERVED CAUSE_ILLEGAL_INSTRUCTION, "WRS.NTO in U-mode, TW = 1", U, wrs.nto
    RESERVED none, "WRS.STO in VU-mode, TW = 1", VU, wrs.sto
    RESERVED none, "WRS.NTO in M-mode, TW = 1", M, wrs.nto
    li   t0, STATUS_TW
    csrc mstatus, t0
    li   t0, HSTATUS_VTW
    csrc hstatus, t0
    RESERVED none, "WRS.NTO in VS-mode, VTW = 0, TW = 0", VS, wrs.nto
    BEGIN VS
    sc.d t0, zero, (a0)
    sc.d t0, zero, (a0)                 // no reservation is left
    END
    li   t0, HSTATUS_VTW
    csrs hstatus, t0
    LEGAL "Zawrs: WRS.NTO in VS-mode without a reservation, VTW = 1", VS, wrs.nto
    li   t0, HSTATUS_VTW
    csrc hstatus, t0
floats:

    // FS off in either register: illegal, never virtual (19.6.1, 19.2.11)
    li   t0, STATUS_FS
    csrc vsstatus, t0
    ILLEGAL "FADD.D in VS-mode, vsstatus.FS = 0", VS, fadd.d fa0, fa0, fa0
    ILLEGAL "FADD.D in VU-mode, vsstatus.FS = 0", VU, fadd.d fa0, fa0, fa0
    ILLEGAL "FLD in VS-mode, vsstatus.FS = 0", VS, fld fa0, (a0)
    ILLEGAL "fcsr in VS-mode, vsstatus.FS = 0", VS, csrr t0, fcsr
    LEGAL "19.2.11: vsstatus.FS does not bind HS-mode", HS, fadd.d fa0, fa0, fa0
    li   t0, STATUS_FS
    csrs vsstatus, t0
    csrc mstatus, t0
    ILLEGAL "FADD.D in VS-mode, sstatus.FS = 0", VS, fadd.d fa0, fa0, fa0
    ILLEGAL "FADD.D in VU-mode, sstatus.FS = 0", VU, fadd.d fa0, fa0, fa0
    ILLEGAL "fcsr in VU-mode, sstatus.FS = 0", VU, csrr t0, fcsr
    li   t0, STATUS_FS
    csrc vsstatus, t0
    li   t0, STATUS_FS_CLEAN
    csrs vsstatus, t0
    csrs mstatus, t0
    LEGAL "19.2.11: FADD.D in VS-mode with both Clean", VS, fadd.d fa0, fa0, fa0
    EXPECT_CSR_BITS "19.2.11: it makes vsstatus.FS Dirty", vsstatus, STATUS_FS | STATUS_SD, STATUS_FS | STATUS_SD
    EXPECT_CSR_BITS "19.2.11: and sstatus.FS too", sstatus, STATUS_FS | STATUS_SD, STATUS_FS | STATUS_SD
    li   t0, STATUS_FS
    csrs mstatus, t0

    // stimecmp (17.2.3, 17.3)
    li   t0, ENVCFG_STCE
    csrs menvcfg, t0
    csrr t1, menvcfg
    and  t0, t0, t1
    bnez t0, 1f
    SKIP "no Sstc", svinval
1:  li   t0, -1
    csrw vstimecmp, t0
    csrw stimecmp, t0
    li   t0, ENVCFG_STCE
    csrs henvcfg, t0
    csrwi mcounteren, COUNTEREN_TM
    csrwi hcounteren, COUNTEREN_TM
    LEGAL "17.2.1: stimecmp in VS-mode, all gates open", VS, csrr t0, stimecmp
    csrw hcounteren, zero
    VIRTUAL "stimecmp in VS-mode, hcounteren.TM = 0", VS, csrr t0, stimecmp
    VIRTUAL "writing stimecmp in VS-mode, hcounteren.TM = 0", VS, csrw stimecmp, zero
    csrw mcounteren, zero
    ILLEGAL "stimecmp in VS-mode, mcounteren.TM = 0", VS, csrr t0, stimecmp
    csrwi mcounteren, COUNTEREN_TM
    csrwi hcounteren, COUNTEREN_TM
    li   t0, ENVCFG_STCE
    csrc henvcfg, t0
    VIRTUAL "stimecmp in VS-mode, henvcfg.STCE = 0", VS, csrr t0, stimecmp
    VIRTUAL "writing stimecmp in VS-mode, henvcfg.STCE = 0", VS, csrw stimecmp, zero
    LEGAL "17.2.1: vstimecmp in HS-mode", HS, csrr t0, vstimecmp
    VIRTUAL "vstimecmp in VS-mode", VS, csrr t0, vstimecmp
    li   t0, ENVCFG_STCE
    csrs henvcfg, t0
    VIRTUAL "vstimecmp in VS-mode, henvcfg.STCE = 1", VS, csrr t0, vstimecmp
    VIRTUAL "stimecmp in VU-mode", VU, csrr t0, stimecmp
    csrw mcounteren, zero
    ILLEGAL "vstimecmp in HS-mode, mcounteren.TM = 0", HS, csrr t0, vstimecmp
    // What HS-mode may not reach is illegal in a guest too, not virtual
    .irp mode, VS, VU
    ILLEGAL "reading vstimecmp in \mode-mode, mcounteren.TM = 0", \mode, csrr t0, vstimecmp
    ILLEGAL "writing vstimecmp in \mode-mode, mcounteren.TM = 0", \mode, csrw vstimecmp, zero
    .endr
    ILLEGAL "stimecmp in VU-mode, mcounteren.TM = 0", VU, csrr t0, stimecmp
    csrwi mcounteren, COUNTEREN_TM
    li   t0, ENVCFG_STCE
    csrc menvcfg, t0
    ILLEGAL "stimecmp in VS-mode, menvcfg.STCE = 0", VS, csrr t0, stimecmp
    ILLEGAL "vstimecmp in HS-mode, menvcfg.STCE = 0", HS, csrr t0, vstimecmp
    ILLEGAL "vstimecmp in VS-mode, menvcfg.STCE = 0", VS, csrr t0, vstimecmp
    ILLEGAL "vstimecmp in VU-mode, menvcfg.STCE = 0", VU, csrr t0, vstimecmp
    ILLEGAL "stimecmp in VU-mode, menvcfg.STCE = 0", VU, csrr t0, stimecmp

svinval:
    BEGIN HS
    sinval.vma zero, zero
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Svinval", cmo
1:  .irp mode, VS, VU
    VIRTUAL "HINVAL.VVMA in \mode-mode", \mode, hinval.vvma zero, zero
    VIRTUAL "HINVAL.GVMA in \mode-mode", \mode, hinval.gvma zero, zero
    .endr
    VIRTUAL "SINVAL.VMA in VU-mode", VU, sinval.vma zero, zero
    VIRTUAL "SFENCE.W.INVAL in VU-mode", VU, sfence.w.inval
    VIRTUAL "SFENCE.INVAL.IR in VU-mode", VU, sfence.inval.ir
    LEGAL "13: SINVAL.VMA in VS-mode", VS, sinval.vma zero, zero
    li   t0, HSTATUS_VTVM
    csrs hstatus, t0
    VIRTUAL "SINVAL.VMA in VS-mode, VTVM = 1", VS, sinval.vma zero, zero
    LEGAL "13: SFENCE.W.INVAL in VS-mode, VTVM = 1", VS, sfence.w.inval
    LEGAL "13: SFENCE.INVAL.IR in VS-mode, VTVM = 1", VS, sfence.inval.ir
    li   t0, HSTATUS_VTVM
    csrc hstatus, t0
    li   t0, STATUS_TVM
    csrs mstatus, t0
    LEGAL "13: SINVAL.VMA in VS-mode, TVM = 1", VS, sinval.vma zero, zero
    LEGAL "13: HINVAL.VVMA in HS-mode, TVM = 1", HS, hinval.vvma zero, zero
    ILLEGAL "HINVAL.GVMA in HS-mode, TVM = 1", HS, hinval.gvma zero, zero
    li   t0, STATUS_TVM
    csrc mstatus, t0

cmo:
    // CBO (19.2.5)
    .macro CBO name, menvcfg_on, instruction:vararg
    li   t0, ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE
    csrc menvcfg, t0
    csrc henvcfg, t0
    csrc senvcfg, t0
    ILLEGAL "\name in VS-mode, off in menvcfg", VS, \instruction
    li   t0, \menvcfg_on
    csrs henvcfg, t0
    csrs senvcfg, t0
    ILLEGAL "\name in VU-mode, off in menvcfg, on in henvcfg and senvcfg", VU, \instruction
    li   t0, \menvcfg_on
    csrs menvcfg, t0
    csrc henvcfg, t0
    VIRTUAL "\name in VS-mode, on in menvcfg, off in henvcfg", VS, \instruction
    VIRTUAL "\name in VU-mode, on in menvcfg, off in henvcfg", VU, \instruction
    li   t0, \menvcfg_on
    csrs henvcfg, t0
    LEGAL "19.2.5: \name in VS-mode, on in menvcfg and henvcfg", VS, \instruction
    LEGAL "19.2.5: \name in VU-mode, on in all three", VU, \instruction
    li   t0, \menvcfg_on
    csrc senvcfg, t0
    VIRTUAL "\name in VU-mode, on in menvcfg and henvcfg, off in senvcfg", VU, \instruction
    LEGAL "19.2.5: \name in VS-mode: senvcfg does not bind it", VS, \instruction
    .endm
    li   a0, PAGE(0)
    BEGIN M
    cbo.zero (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Zicboz", zicbom
1:  CBO "CBO.ZERO", ENVCFG_CBZE, cbo.zero (a0)
zicbom:
    BEGIN M
    cbo.clean (a0)
    END
    ld   t0, LEVEL(gp)
    beqz t0, 1f
    SKIP "no Zicbom", stateen
1:  CBO "CBO.CLEAN", ENVCFG_CBCFE, cbo.clean (a0)
    CBO "CBO.FLUSH", ENVCFG_CBCFE, cbo.flush (a0)
    CBO "CBO.INVAL", ENVCFG_CBIE_FLUSH, cbo.inval (a0)

stateen:
    // Smstateen (chapter 4)
    NEED_CSR mstateen0, delegated
#define SE0 (1 << 63)
#define ENVCFG (1 << 62)
    li   t0, -1
    csrw mstateen0, t0
    csrw hstateen0, zero
    VIRTUAL "senvcfg in VS-mode, hstateen0.ENVCFG = 0", VS, csrr t0, senvcfg
    VIRTUAL "sstateen0 in VS-mode, hstateen0.SE0 = 0", VS, csrr t0, sstateen0
    li   t0, SE0
    csrw hstateen0, t0
    EXPECT_CSR "4.1: hstateen0 holds SE0", hstateen0, SE0
    LEGAL "4.1: sstateen0 in VS-mode, hstateen0.SE0 = 1", VS, csrr t0, sstateen0
    VIRTUAL "senvcfg in VS-mode, hstateen0.SE0 alone", VS, csrr t0, senvcfg
    li   t0, ENVCFG
    csrw hstateen0, t0
    LEGAL "4.2: senvcfg in VS-mode, hstateen0.ENVCFG = 1", VS, csrr t0, senvcfg
    LEGAL "4.1: hstateen0 does not bind HS-mode", HS, csrr t0, sstateen0
    VIRTUAL "hstateen0 in VS-mode", VS, csrr t0, hstateen0
    VIRTUAL "hstateen0 in VU-mode", VU, csrr t0, hstateen0
    VIRTUAL "henvcfg in VS-mode", VS, csrr t0, henvcfg
    VIRTUAL "sstateen0 in VU-mode, hstateen0.SE0 = 0", VU, csrr t0, sstateen0
    csrw mstateen0, zero
    EXPECT_CSR "4.1: hstateen0 reads as zero where mstateen0 is", hstateen0, 0
    ILLEGAL "senvcfg in VS-mode, mstateen0.ENVCFG = 0", VS, csrr t0, senvcfg
    ILLEGAL "henvcfg in HS-mode, mstateen0.ENVCFG = 0", HS, csrr t0, henvcfg
    ILLEGAL "hstateen0 in HS-mode, mstateen0.SE0 = 0", HS, csrr t0, hstateen0
    ILLEGAL "sstateen0 in VS-mode, mstateen0.SE0 = 0", VS, csrr t0, sstateen0
    ILLEGAL "sstateen0 in VU-mode, mstateen0.SE0 = 0", VU, csrr t0, sstateen0
    ILLEGAL "senvcfg in VU-mode, mstateen0.ENVCFG = 0", VU, csrr t0, senvcfg
    .irp mode, VS, VU
    ILLEGAL "hstateen0 in \mode-mode, mstateen0.SE0 = 0", \mode, csrr t0, hstateen0
    ILLEGAL "writing hstateen0 in \mode-mode, mstateen0.SE0 = 0", \mode, csrw hstateen0, zero
    ILLEGAL "henvcfg in \mode-mode, mstateen0.ENVCFG = 0", \mode, csrr t0, henvcfg
    .endr
    li   t0, -1
    csrw mstateen0, t0
    csrw hstateen0, t0

delegated:
    // A virtual instruction can be delegated to HS-mode, no further (19.2.2)
    li   t0, 1 << CAUSE_VIRTUAL_INSTRUCTION
    csrs medeleg, t0
    li   t0, -1
    csrw hedeleg, t0
    BEGIN VS
1:  hfence.vvma
    END
    EXPECT_TRAP "19.2.2: a virtual instruction is delegated to HS-mode", HS, CAUSE_VIRTUAL_INSTRUCTION
    EXPECT_EPC "10.1.7: sepc is its address", 1b
    EXPECT_RECORD_BITS "19.6.2: it comes from V = 1", HSTATUS, HSTATUS_SPV, HSTATUS_SPV
    EXPECT_RECORD_BITS "19.2.1: GVA is clear: stval is no guest address", HSTATUS, HSTATUS_GVA, 0
    EXPECT_RECORD "19.2.8: htval is zero", TVAL2, 0
    EXPECT_RECORD "19.2.9: htinst is zero", TINST, 0
    li   t0, 1 << CAUSE_ILLEGAL_INSTRUCTION
    csrs medeleg, t0
    BEGIN VS
    .4byte 0xffffffff
    END
    EXPECT_TRAP "19.2.2: an illegal instruction is delegated on to VS-mode", VS, CAUSE_ILLEGAL_INSTRUCTION
    BEGIN VU
    csrr t0, sstatus
    END
    EXPECT_TRAP "19.2.2: a virtual instruction from VU-mode goes to HS-mode", HS, CAUSE_VIRTUAL_INSTRUCTION
    .option pop
done:
    DONE
