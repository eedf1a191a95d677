/// What random programs leave out because QEMU 7.2.22 is known to depart from the manual there. A difference that is
/// explained is left out by its kind, before it is made, so that every difference found is news.
///
/// The manual's sections are those of version 20240411; `testsuites/riscv/qemu-differences.txt` has more about QEMU.
public struct RandomExclusion: Sendable {
    /// What is left out; where it is an instruction, its mnemonic.
    public let what: String
    /// What QEMU does, and what the manual says.
    public let reason: String

    /// Instructions that are never generated.
    public static let instructions: [RandomExclusion] = [
        .init(
            what: "ctzw",
            reason: "7.2 gives 63 instead of 32 where the low word is zero and the high one is not. Unpriv. 28.4.13."),
        .init(what: "wfi", reason: "Nothing would wake the hart."),
        .init(what: "mret", reason: "Goes to wherever mepc points; changes of mode have an item of their own."),
        .init(what: "sret", reason: "The same."),
    ]

    /// Rules that the generator and the driver follow.
    public static let rules: [RandomExclusion] = [
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
        .init(what: "HLV, HLVX, HSV", reason: "7.2 checks U, SUM and MXR of the wrong level. 19.3.1."),
        .init(
            what: "exceptions 2, 6 and 10 in hedeleg",
            reason: "7.2 renumbers them as it does interrupts when they are delegated to VS-mode. 19.2.2."),
        .init(what: "bits 63:54 of a PTE", reason: "7.2 ignores bits 58:54. 10.4.1: a page fault."),
        .init(what: "mepc, sepc, vsepc as CSRs", reason: "7.2 stores bit 0. 3.1.14: it is always zero."),
        .init(what: "mtinst and htinst", reason: "7.2 ignores writes of htinst and transforms other instructions."),
        .init(what: "the value of a breakpoint", reason: "7.2 leaves zero. 3.1.16: zero or the address."),
        .init(
            what: "the last three bits of an access fault's address",
            reason: "7.2 cuts misaligned accesses outside memory into aligned ones. 3.1.16."),
        .init(
            what: "SINVAL.VMA in U-mode",
            reason: "7.2 leaves zero as the value, where it has the instruction for others. 3.1.16 allows both."),
        .init(
            what: "LR and SC on pages that may not be written",
            reason:
                "7.2 looks at the page after the reservation. Unpriv. 14.2 leaves the order open; here the fault comes."
        ),
        .init(
            what: "loads from any address without translation",
            reason: "QEMU's board has other devices, such as PCIe at 0x40000000."),
        .init(
            what: "pages of the second stage that may only be executed",
            reason: "7.2 takes MXR from vsstatus for both stages. 19.5: vsstatus.MXR concerns the VS stage alone."),
        .init(what: "GVA", reason: "7.2 sets it for every trap from V = 1. 19.4.1: for addresses alone."),
        .init(what: "cycle, instret, time", reason: "Under QEMU they follow the host's clock."),
    ]
}
