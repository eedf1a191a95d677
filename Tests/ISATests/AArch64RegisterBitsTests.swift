import Machine
import Testing

@testable import AArch64ISA
@testable import ISA

/// Which bits of system registers are written: values written at EL2 and read back, beside QEMU 7.2.
///
/// QEMU keeps bits that are RES0 in most registers, and RES1 bits as they were written. So there are three kinds: where
/// it knows the fields, all bits are compared; elsewhere those that have a meaning here, and those that have none are 0,
/// or 1 where the manual says RES1.
@Suite("AArch64 system registers' bits", .enabled(if: AArch64RegisterProbe.isInstalled, "needs qemu-system-aarch64"))
struct AArch64RegisterBitsTests {
    private typealias Probe = AArch64RegisterProbe

    /// Bits that may differ, where QEMU knows the fields.
    private static let exact: [String: (mask: UInt64, why: String)] = [
        "CSSELR_EL1": (0, ""), "PMUSERENR_EL0": (0, ""), "PMSELR_EL0": (0, ""), "PMINTENSET_EL1": (0, ""),
        "PMCNTENSET_EL0": (0, ""), "OSDLR_EL1": (0, ""), "NZCV": (0, ""), "PAN": (0, ""), "UAO": (0, ""),
        "DIT": (0, ""),
        "SSBS": (0, ""), "CNTP_CTL_EL0": (0, ""), "CNTV_CTL_EL0": (0, ""), "CNTHP_CTL_EL2": (0, ""),
        "CNTV_CVAL_EL0": (0, ""), "DBGWVR<n>_EL1": (0, ""), "ACTLR_EL1": (0, ""), "AMAIR_EL1": (0, ""),
        "AFSR0_EL1": (0, ""),
        "MAIR_EL1": (0, ""), "TPIDR_EL0": (0, ""), "TPIDR_EL2": (0, ""), "FAR_EL2": (0, ""), "ELR_EL1": (0, ""),
        "APIAKeyLo_EL1": (0, ""), "CNTVOFF_EL2": (0, ""), "SP_EL1": (0, ""), "PAR_EL1": (0, ""), "PMCCNTR_EL0": (0, ""),
        "PMEVCNTR<n>_EL0": (0, ""),
        "PMCCFILTR_EL0": (7 << 28 | 1 << 26, "NSK, NSU and M are of EL3"),
        "PMEVTYPER<n>_EL0": (7 << 28 | 3 << 25, "NSK, NSU and M are of EL3, MT of threads"),
        "PMCR_EL0": (0xffff_0050, "X exports nothing, LC is 1 without AArch32, `max` has its own IMP and IDCODE"),
        "HCR_EL2": (
            1 << 31 | 3 << 49 | 1 << 52 | 3 << 54,
            "RW is 1 without AArch32; QEMU 7.2 has no FEAT_EVT"
        ),
        "FPCR": (0x37_0000, "LEN and STRIDE are AArch32's"), "FPSR": (0xf000_0000, "NZCV is AArch32's"),
    ]

    private static let others = [
        "SCTLR_EL1", "CPACR_EL1", "TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "SPSR_EL1", "ESR_EL1", "VBAR_EL1", "DISR_EL1",
        "CONTEXTIDR_EL1", "CNTKCTL_EL1", "MDSCR_EL1", "DBGBCR<n>_EL1", "DBGWCR<n>_EL1", "MDCCINT_EL1", "VPIDR_EL2",
        "VMPIDR_EL2", "SCTLR_EL2", "MDCR_EL2", "CPTR_EL2", "HSTR_EL2", "TTBR0_EL2", "TTBR1_EL2", "TCR_EL2", "VTTBR_EL2",
        "VTCR_EL2", "SPSR_EL2", "ESR_EL2", "VSESR_EL2", "HPFAR_EL2", "VDISR_EL2", "CNTHCTL_EL2", "CNTFRQ_EL0",
    ]
    /// RES1 bits on `max` (D19.2): LSMAOE, nTLSMD, EIS, EOS, ITD and SED; TCR_EL2's 31 and 23; CPTR_EL2's without SVE.
    private static let ones: [String: UInt64] = [
        "SCTLR_EL1": 0x3040_0980, "SCTLR_EL2": 0x30c5_0830, "TCR_EL2": 0x8080_0000, "VTCR_EL2": 1 << 31,
        "CPTR_EL2": 0x33ff, "VMPIDR_EL2": 1 << 31, "DBGBCR<n>_EL1": 0x1e0,
    ]
    /// The MMU stays off there, and data little-endian.
    private static func harmless(_ name: String) -> UInt64 { name.hasPrefix("SCTLR") ? ~(1 << 25 | 1) : ~0 }

    @Test("What is written is read as on QEMU in every bit that has a meaning, and as the manual says elsewhere")
    func readBack() throws {
        var random = SplitMix64(seed: 0xb175)
        let names = Self.exact.keys.sorted() + Self.others
        var pairs: [(name: String, key: UInt16, value: UInt64)] = []
        for name in names {
            let key = try AArch64TestElement.key(name)
            for value in [~0, 0, random.next(), random.next(), random.next()] {
                pairs.append((name, key, value & Self.harmless(name)))
            }
        }
        // Each pair is tried alone: a second of the same register would take the place of the first.
        var model = try #require(AArch64.CPUModel.named("max"))
        // QEMU 7.2 knows nothing of FEAT_NV.
        model = model.with { $0 = .all.subtracting(.nv) }
        for round in 0..<5 {
            let pairs = pairs.enumerated().filter { $0.offset % 5 == round }.map(\.element)
            let setting = Probe.Setting("reset") { ($0.levels, $0.readsBack) = ([], true) }
            let theirs = try Probe.run(cpu: "max", [setting], pairs: pairs.map { ($0.key, $0.value) }, keys: [])
            let test = AArch64TestElement(model)
            for (name, key, value) in pairs {
                try setting.apply(to: test)
                try test.write(name, value)
                let ours = try test.read(name)
                let attempt = Probe.Attempt(setting: 0, level: 0, access: .readBack, key: key)
                guard case .value(let their) = theirs[attempt] else {
                    Issue.record("QEMU has no \(name)")
                    continue
                }
                compare(name, value, ours: ours, theirs: their)
            }
        }
    }

    private func compare(_ name: String, _ value: UInt64, ours: UInt64, theirs: UInt64) {
        func hex(_ value: UInt64) -> String { String(value, radix: 16) }
        let difference: UInt64
        if let exact = Self.exact[name] {
            difference = (ours ^ theirs) & ~exact.mask
        } else {
            // What is read as written on both, or is 0 or 1 here for good.
            let ones = Self.ones[name] ?? 0
            let lost = (theirs ^ ours) & ~ones
            difference = (ours & ones ^ ones) | (lost & ours)
        }
        if difference != 0 {
            Issue.record(
                "\(name) written with \(hex(value)) reads \(hex(ours)), QEMU's \(hex(theirs)): \(hex(difference))")
        }
    }
}
