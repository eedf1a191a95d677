import Testing

@testable import AArch64ISA
@testable import ISA

/// Who may access which system register, what each access is trapped to and how that is told, and what registers read as
/// after a reset: beside QEMU 7.2, over the whole space of encodings.
///
/// Where QEMU and we are not the same, ``AArch64RegisterDifference`` has the reason.
@Suite(
    "AArch64 system registers and QEMU",
    .enabled(
        if: AArch64RegisterProbe.isInstalled, "needs qemu-system-aarch64, and clang and ld.lld of Swift's toolchain"))
struct AArch64SystemRegisterReferenceTests {
    private typealias Probe = AArch64RegisterProbe

    @Test(
        "Every encoding of a register is there, or UNDEFINED, as on QEMU, and so is what EL0 is let into",
        arguments: AArch64.CPUModel.all.map(\.name))
    func existence(name: String) throws {
        try compare(name, Probe.everywhere, keys: nil)
    }

    @Test(
        "Each control bit of EL1 and EL2 traps what it does on QEMU", arguments: ["cortex-a57", "max"])
    func traps(name: String) throws {
        let model = try Self.model(name)
        let keys =
            AArch64.SystemRegister.all.map { Int($0.key) }
            + AArch64.SystemInstruction.all.map { Int($0.key) + 1 << 15 }
        try compare(
            name, Probe.controls + (model.features.contains(.vhe) ? Probe.hostControls : []), keys: Set(keys))
    }

    /// A model with all that its registers are ready for, but for what QEMU 7.2 knows nothing of.
    private static func model(_ name: String) throws -> AArch64.CPUModel {
        try #require(AArch64.CPUModel.named(name)).with { if name == "max" { $0 = .all.subtracting(.nv) } }
    }

    private func compare(_ name: String, _ settings: [AArch64RegisterProbe.Setting], keys: Set<Int>?) throws {
        let model = try Self.model(name)
        let theirs = try Probe.run(cpu: name, settings, keys: keys)
        let ours = try Probe.ours(model, settings, keys: keys)
        // QEMU has hundreds of registers at each of three levels.
        #expect(theirs.count > 500 * settings.count)
        var reports: [String] = []
        for attempt in Set(theirs.keys).union(ours.keys) {
            let (their, our) = (theirs[attempt] ?? .undefined, ours[attempt] ?? .undefined)
            let difference = AArch64RegisterDifference(attempt, settings[attempt.setting], model, their, our)
            if difference.isExplained { continue }
            reports.append(
                "\(settings[attempt.setting].name), EL\(attempt.level), \(attempt.access) \(attempt.register): QEMU \(their), ours \(our)"
            )
        }
        for report in reports.sorted().prefix(40) { Issue.record("\(name): \(report)") }
        #expect(reports.count <= 40, "and \(reports.count - 40) more")
    }
}

extension AArch64RegisterProbe {
    static let everywhere = [
        Setting("all open"),
        Setting("EL0 shut out") {
            ($0.pmuserenr, $0.mdscr, $0.cntkctl) = (0, 1 << 12, 0)
            ($0.sctlrEL1, $0.cpacr) = (0x30d0_0800, 0)
        },
    ]

    private static func hcr(_ name: String, _ bit: UInt64) -> Setting {
        Setting("HCR_EL2.\(name)") { $0.hcr |= 1 << bit }
    }
    private static func mdcr(_ name: String, _ bit: UInt64) -> Setting {
        Setting("MDCR_EL2.\(name)") { $0.mdcr = 1 << bit }
    }

    /// Each of the bits that trap something, alone; and combinations that show which comes first.
    static let controls =
        [
            hcr("TVM", 26), hcr("TRVM", 30), hcr("TID1", 16), hcr("TID2", 17), hcr("TID3", 18), hcr("TACR", 21),
            hcr("TIDCP", 20), hcr("TLOR", 35), hcr("TERR", 36), hcr("APK", 40), hcr("EnSCXT", 53), hcr("AMO", 5),
            hcr("IMO", 4), hcr("FMO", 3),
            mdcr("TPMCR", 5), mdcr("TPM", 6), mdcr("TDE", 8), mdcr("TDA", 9), mdcr("TDOSA", 10), mdcr("TDRA", 11),
            Setting("CPTR_EL2.TFP") { $0.cptr |= 1 << 10 }, Setting("CPTR_EL2.TCPAC") { $0.cptr |= 1 << 31 },
            Setting("CPACR_EL1.FPEN = 1") { $0.cpacr = 1 << 20 },
            Setting("CPACR_EL1.FPEN = 2, CPTR_EL2.TFP") { ($0.cpacr, $0.cptr) = (2 << 20, 0x37ff) },
            Setting("CNTHCTL_EL2 = 0") { $0.cnthctl = 0 }, Setting("CNTHCTL_EL2.EL1PCTEN") { $0.cnthctl = 1 },
            Setting("CNTHCTL_EL2 and CNTKCTL_EL1 = 0") { ($0.cnthctl, $0.cntkctl) = (0, 0) },
        ]
        + [
            hcr("TSW", 22), hcr("TPCP", 23), hcr("TPU", 24), hcr("TTLB", 25), hcr("TDZ", 28),
        ]
        + [("TC", 10), ("TALL0", 11), ("TALL1", 12), ("TDIR", 14)].map { (name: String, bit: UInt64) in
            Setting("ICH_HCR_EL2.\(name)") { $0.ichHCR = 1 << bit }
        }
        + [1, 2, 4, 8].map { bit in Setting("PMUSERENR_EL0 = \(bit)") { $0.pmuserenr = bit } }
        + [0, 1, 8, 9].map { (bit: UInt64) in Setting("CNTKCTL_EL1[\(bit)]") { $0.cntkctl = 1 << bit } }
        + [
            Setting("EL0 shut out, and all trapped") {
                ($0.pmuserenr, $0.mdscr, $0.cntkctl, $0.sctlrEL1, $0.cpacr) = (0, 1 << 12, 0, 0x30d0_0800, 0)
                ($0.hcr, $0.mdcr, $0.cnthctl, $0.cptr) = (0x18_c437_8000 | 1 << 31, 0xf60, 0, 0x8000_37ff)
            },
            Setting("TGE") { ($0.hcr, $0.levels) = ($0.hcr | 1 << 27, [0, 2]) },
            Setting("TGE, EL0 shut out") {
                ($0.hcr, $0.levels) = ($0.hcr | 1 << 27, [0, 2])
                ($0.pmuserenr, $0.mdscr, $0.cntkctl, $0.sctlrEL1) = (0, 1 << 12, 0, 0x30d0_0800)
            },
        ]

    /// The same where HCR_EL2.E2H gives EL2's registers another form, and EL1's names to EL2.
    static let hostControls =
        [
            host("E2H") { _ in }, host("E2H, CPTR_EL2.FPEN = 0") { $0.cptr = 0 },
            host("E2H, CPTR_EL2.FPEN = 1") { $0.cptr = 1 << 20 },
            host("E2H, CPTR_EL2.TCPAC") { $0.cptr |= 1 << 31 }, host("E2H, CNTHCTL_EL2 = 3") { $0.cnthctl = 3 },
            host("E2H, CNTHCTL_EL2.EL1PCTEN") { $0.cnthctl = 1 << 10 },
            host("E2H, CNTHCTL_EL2.EL1PTEN") { $0.cnthctl = 1 << 11 },
            host("E2H, TVM, TRVM, TID2") {
                $0.hcr |= 1 << 26 | 1 << 30 | 1 << 17
            },
            application("E2H and TGE") { _ in },
            application("E2H and TGE, CPTR_EL2.FPEN = 1") { $0.cptr = 1 << 20 },
            application("E2H and TGE, CNTHCTL_EL2 = 0") { $0.cnthctl = 0 },
            application("E2H and TGE, CNTHCTL_EL2.EL0PCTEN") { $0.cnthctl = 1 },
            application("E2H and TGE, CNTHCTL_EL2.EL0VCTEN") { $0.cnthctl = 2 },
            application("E2H and TGE, CNTHCTL_EL2.EL0VTEN") { $0.cnthctl = 1 << 8 },
            application("E2H and TGE, SCTLR_EL2 open, SCTLR_EL1 shut") {
                ($0.sctlrEL1, $0.sctlrEL2) = (0x30d0_0800, 0x30c0_0800 | 1 << 26 | 1 << 15 | 1 << 14 | 1 << 10)
            },
            application("E2H and TGE, SCTLR_EL2 shut, and all trapped") {
                $0.sctlrEL2 = 0x30d0_0800
                ($0.hcr, $0.mdcr) = ($0.hcr | 0x18_c437_8000, 0xf60)
            },
            application("E2H and TGE, PMUSERENR_EL0 = 0") { $0.pmuserenr = 0 },
        ]

    private static func host(_ name: String, _ change: (inout Setting) -> Void) -> Setting {
        Setting(name) {
            ($0.hcr, $0.cptr, $0.cnthctl) = ($0.hcr | 1 << 34, 3 << 20, 0xc03)
            change(&$0)
        }
    }

    /// EL1 is nobody's then.
    private static func application(_ name: String, _ change: (inout Setting) -> Void) -> Setting {
        host(name) {
            ($0.hcr, $0.cnthctl, $0.levels) = ($0.hcr | 1 << 27, 0x303, [0, 2])
            change(&$0)
        }
    }
}
