import Foundation
import ISA
import Machine
import TestSupport
import Testing

@testable import AArch64ISA

/// One case of testsuites/aarch64/translation/walks.S: what registers are set to, and what is executed then.
struct AArch64WalkCase {
    /// Doublewords of a case, in their order there.
    enum Field: Int {
        case kind, which, address, pan, code, hcr, vtcr, vttbr
        case sctlr1, tcr1, ttbr01, ttbr11, mair1, vbar1
        case sctlr2, tcr2, ttbr02, ttbr12, mair2, vbar2
    }
    var words = [UInt64](repeating: 0, count: 32)

    subscript(field: Field) -> UInt64 {
        get { words[field.rawValue] }
        set { words[field.rawValue] = newValue }
    }

    var text: String {
        func hex(_ fields: [(String, Field)]) -> String {
            fields.map { "\($0.0) 0x\(String(self[$0.1], radix: 16))" }.joined(separator: ", ")
        }
        return hex([
            ("kind", .kind), ("which", .which), ("address", .address), ("PAN", .pan), ("code", .code),
            ("HCR_EL2", .hcr),
            ("VTCR_EL2", .vtcr), ("VTTBR_EL2", .vttbr), ("SCTLR_EL1", .sctlr1), ("TCR_EL1", .tcr1),
            ("TTBR0_EL1", .ttbr01), ("TTBR1_EL1", .ttbr11), ("MAIR_EL1", .mair1), ("SCTLR_EL2", .sctlr2),
            ("TCR_EL2", .tcr2), ("TTBR0_EL2", .ttbr02), ("TTBR1_EL2", .ttbr12), ("MAIR_EL2", .mair2),
        ])
    }

    func el1(_ features: AArch64.TranslationFeatures) -> AArch64.TranslationRegime {
        AArch64.TranslationRegime(
            el1: features, sctlr: self[.sctlr1], tcr: self[.tcr1], ttbr0: self[.ttbr01], ttbr1: self[.ttbr11],
            mair: self[.mair1], hcr: self[.hcr])
    }

    func el2(_ features: AArch64.TranslationFeatures) -> AArch64.TranslationRegime {
        if self[.hcr] >> 34 & 1 == 0 {
            return AArch64.TranslationRegime(
                el2: features, sctlr: self[.sctlr2], tcr: self[.tcr2], ttbr0: self[.ttbr02], mair: self[.mair2])
        }
        return AArch64.TranslationRegime(
            el2Host: features, sctlr: self[.sctlr2], tcr: self[.tcr2], ttbr0: self[.ttbr02], ttbr1: self[.ttbr12],
            mair: self[.mair2])
    }

    func second(_ features: AArch64.TranslationFeatures) -> AArch64.StageTwo {
        AArch64.StageTwo(
            features, hcr: self[.hcr], vtcr: self[.vtcr], vttbr: self[.vttbr], sctlr: self[.sctlr2])
    }
}

/// What the guest noted of a case.
struct AArch64WalkRecord {
    /// PAR_EL1, or x0 after code.
    let par: UInt64
    let esr3, elr3: UInt64
    let esr1, far1, elr1: UInt64
    let esr2, far2, elr2, hpfar: UInt64
}

/// The memory that the guest's tables are in, and what is known around it.
final class AArch64WalkArena: AArch64.TranslationTables {
    static let base: UInt64 = 0x5000_0000
    static let size: UInt64 = 4 << 20
    /// Neither memory nor devices are there on QEMU's `virt` with 512 MiB, nor beyond 48 bits.
    static let hole: Range<UInt64> = 0x6000_0000..<0x40_0000_0000

    private(set) var words = [UInt64](repeating: 0, count: Int(size / 8))
    /// Something was asked for that the guest may answer otherwise.
    private(set) var isUnknown = false
    /// The descriptor that was read last.
    private(set) var last: UInt64 = 0
    private var changes: [(index: Int, old: UInt64)] = []
    /// Nothing is kept of what is written.
    var isTrial = false

    private func index(_ physical: UInt64) -> Int? {
        physical >= Self.base && physical - Self.base < Self.size ? Int(physical - Self.base) / 8 : nil
    }

    func contains(_ physical: UInt64) -> Bool { index(physical) != nil }

    func readDescriptor(_ physical: UInt64) -> UInt64? {
        if let index = index(physical) {
            last = words[index]
            return last
        }
        if !Self.hole.contains(physical) && physical >> 48 == 0 { isUnknown = true }
        return nil
    }

    func noteUse(ofDescriptor physical: UInt64, mapping mapped: PhysicalMemory.MappedAddresses) {}

    func compareAndSwap(_ physical: UInt64, old: UInt64, new: UInt64) -> Bool? {
        guard let index = index(physical) else { return nil }
        precondition(words[index] == old)
        if !isTrial { self[physical] = new }
        return true
    }

    subscript(physical: UInt64) -> UInt64 {
        get { words[Int(physical - Self.base) / 8] }
        set {
            let index = Int(physical - Self.base) / 8
            changes.append((index, words[index]))
            words[index] = newValue
        }
    }

    /// From here on changes can be taken back.
    func mark() {
        changes = []
        isUnknown = false
    }

    func noteUnknown() { isUnknown = true }

    /// Whether any of these slots has been written to since ``mark()``.
    func hasChanged(_ slots: Range<UInt64>) -> Bool {
        changes.contains { slots.contains(UInt64($0.index) >> 13) }
    }

    func revert() {
        for (index, old) in changes.reversed() { words[index] = old }
        mark()
    }
}

/// Runs cases on QEMU.
enum AArch64WalkGuest {
    static let isInstalled = ["qemu-system-aarch64", "clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil }

    struct Outcome {
        let features: AArch64.TranslationFeatures
        let records: [AArch64WalkRecord]
        let arena: [UInt64]
    }

    /// - Parameters:
    ///   - cpu: QEMU's name of a CPU, with properties.
    static func run(_ cases: [AArch64WalkCase], arena: [UInt64], cpu: String) throws -> Outcome {
        try ExternalTool.withTemporaryDirectory { directory in
            let program = try build(in: directory)
            try write(cases.flatMap(\.words) + AArch64WalkCase().words, to: directory + "/cases")
            try write(arena, to: directory + "/memory")
            func load(_ name: String, _ address: UInt64) -> [String] {
                ["-device", "loader,file=\(directory)/\(name),addr=\(address),force-raw=on"]
            }
            let qemu = try #require(ExternalTool.path("qemu-system-aarch64"))
            let timeout = try #require(ExternalTool.path("timeout"))
            let result = try ExternalTool.run(
                program: timeout,
                [
                    "-s", "KILL", "120", qemu, "-M", "virt,secure=on,virtualization=on", "-cpu", cpu, "-m", "512M",
                    "-display", "none", "-serial", "none", "-monitor", "none", "-semihosting", "-kernel", program,
                ] + load("cases", 0x4800_0000) + load("memory", AArch64WalkArena.base), in: directory)
            try #require(result.status == 0, "QEMU: status \(result.status) \(result.errorText)")
            let results = try read(directory + "/results")
            try #require(results.count == (cases.count + 1) * 16, "QEMU has \(results.count / 16 - 1) records")
            let records = (1..<cases.count + 1).map { number in
                let words = results[number * 16..<(number + 1) * 16].map { $0 }
                return AArch64WalkRecord(
                    par: words[0], esr3: words[1], elr3: words[2], esr1: words[3], far1: words[4], elr1: words[5],
                    esr2: words[6], far2: words[7], elr2: words[8], hpfar: words[9])
            }
            return Outcome(
                features: AArch64.TranslationFeatures(
                    mmfr0: results[0], mmfr1: results[1], mmfr2: results[2], isar1: results[3]),
                records: records, arena: try read(directory + "/arena"))
        }
    }

    private static func build(in directory: String) throws -> String {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("testsuites/aarch64/translation").path
        for (tool, arguments) in [
            (
                "clang",
                ["--target=aarch64-none-elf", "-march=armv8.5-a", "-c", source + "/walks.S", "-o", "walks.o"]
            ),
            ("ld.lld", ["-T", source + "/link.ld", "walks.o", "-o", "walks.elf"]),
        ] {
            let program = try #require(ExternalTool.path(tool))
            let result = try ExternalTool.run(program: program, arguments, in: directory)
            try #require(result.status == 0, "\(tool): \(result.errorText)")
        }
        return directory + "/walks.elf"
    }

    private static func write(_ words: [UInt64], to path: String) throws {
        try words.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: path))
    }

    private static func read(_ path: String) throws -> [UInt64] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return data.withUnsafeBytes { bytes in
            (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
    }
}
