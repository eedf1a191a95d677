/// What random programs of RISC-V leave out.
///
/// The manual's sections are those of version 20240411; `testsuites/riscv/qemu-differences.txt` has more about QEMU.
enum RISCVRandomExclusion {
    /// Instructions that are never generated.
    static let instructions: [RandomExclusion] = [
        .init(
            what: "ctzw",
            reason: "7.2 gives 63 instead of 32 where the low word is zero and the high one is not. Unpriv. 28.4.13."),
        .init(what: "mret", reason: "Goes to wherever mepc points; changes of mode have an item of their own."),
        .init(what: "sret", reason: "The same."),
    ]

    /// Rules that the generator and the driver follow.
    static let rules: [RandomExclusion] = [
        .init(
            what: "CSRRS and CSRRC with rs1 other than x0 on a read-only CSR",
            reason: "7.2 decides by the register's value whether it is a write. Unpriv. 6.1: by its number."),
        .init(
            what: "the difference between load and store causes of AMOs",
            reason: "7.2 reports an AMO's faults as a load's. 3.1.15: as a store's."),
        .init(what: "misaligned atomics", reason: "7.2: cause 4 instead of 6. 3.1.15, Unpriv. 14.2."),
        .init(
            what: "supervisor CSRs and instructions in VU-mode",
            reason: "7.2 raises illegal-instruction exceptions. 19.6.1: virtual-instruction exceptions."),
        .init(
            what: "HLV, HLVX and HSV where satp is Bare",
            reason: "7.2 reports the VS stage's faults as access faults. 19.3.1: as in VS-mode."),
        .init(
            what: "htval and mtval2 of traps from V = 0 that are no guest-page faults",
            reason: "7.2 may leave the address of an earlier HLV or HSV. 19.2.8: zero."),
        .init(
            what: "HLV, HLVX and HSV where vsstatus.SUM is clear, or vsstatus.MXR is not mstatus.MXR",
            reason: "7.2 holds SUM to be set, and takes MXR from mstatus alone. 19.3.1."),
        .init(
            what: "HLVX on pages that may be read and not executed, or executed and not read",
            reason: "7.2 looks at R, not at X. 19.3.1."),
        .init(
            what: "exceptions 2, 6 and 10 in hedeleg",
            reason: "7.2 renumbers them as it does interrupts when they are delegated to VS-mode. 19.2.2."),
        .init(what: "bits 63:54 of a PTE", reason: "7.2 ignores bits 58:54. 10.4.1: a page fault."),
        .init(what: "bit 0 of what is written to mepc, sepc and vsepc", reason: "7.2 stores it. 3.1.14: always zero."),
        .init(
            what: "vsstatus as a CSR in programs that have been in VS-mode or VU-mode",
            reason: "7.2 stores SD as written. 19.2.11: it is the summary of its own FS."),
        .init(
            what: "reserved MODEs in vsatp and hgatp, other than by VS-mode",
            reason: "7.2 stores them, and aborts when they are used. 19.2.10, 19.2.18: WARL."),
        .init(what: "hgatp in HS-mode with TVM set", reason: "7.2 allows it. 19.2.10: an illegal instruction."),
        .init(
            what: "TVM in blocks that enter VS-mode",
            reason: "7.2 heeds it there too. 19.6.1: VTVM alone binds VS-mode."),
        .init(what: "TSR and VTSR", reason: "The handlers of the lower levels return by SRET."),
        .init(what: "VTVM", reason: "7.2 lets VS-mode access satp. 19.2.1."),
        .init(
            what: "MPRV with MPV set",
            reason: "7.2 reports faults by satp, as access faults and page faults. 19.4.1."),
        .init(what: "vsip, vsie, and interrupts", reason: "7.2 shows VSTIP and VSEIP not in vsip. 19.2.12."),
        .init(
            what: "mideleg[13]",
            reason: "7.2 has the bit of LCOFI without Sscofpmf. 3.1.9, 18.1: the interrupt is that extension's."),
        .init(what: "mtinst and htinst", reason: "7.2 ignores writes of htinst and transforms other instructions."),
        .init(what: "the value of a breakpoint", reason: "7.2 leaves zero. 3.1.16: zero or the address."),
        .init(
            what: "the last three bits of an access fault's address",
            reason: "7.2 cuts misaligned accesses outside memory into aligned ones. 3.1.16."),
        .init(
            what: "the value of a SYSTEM instruction that is not allowed, unless it is one on CSRs",
            reason: "7.2 leaves zero for most, where it has the instruction for others. 3.1.16 allows both."),
        .init(
            what: "LR and SC on pages that may not be written",
            reason:
                "7.2 looks at the page after the reservation. Unpriv. 14.2 leaves the order open; here the fault comes."
        ),
        .init(what: "WFI where it would wait", reason: "Nothing would wake the hart."),
        .init(
            what: "loads from any address without translation",
            reason: "QEMU's board has other devices, such as PCIe at 0x40000000."),
        .init(
            what: "MXR in mstatus other than in vsstatus, for blocks in VS-mode on pages that may only be executed",
            reason: "7.2 takes vsstatus.MXR alone for both stages. 19.5: sstatus.MXR concerns both, vsstatus.MXR one."),
        .init(
            what: "stores of which a part is outside memory",
            reason: "7.2 does the other part before the fault. Here nothing is stored; Unpriv. 2.6 leaves it open."),
        .init(
            what: "GVA of traps whose value is zero or no address, and of HLV and HSV; mstatus after these",
            reason: "7.2 sets it by V and whether the value is zero. 19.4.1: where a guest virtual address is written."),
        .init(what: "cycle, instret, time", reason: "Under QEMU they follow the host's clock."),
    ]
}
