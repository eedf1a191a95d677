import Foundation
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// What `qemu-system-aarch64` does with system registers: testsuites/aarch64/registers/probe.S tries them there.
enum AArch64RegisterProbe {
    static let isInstalled = ["qemu-system-aarch64", "clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil }

    /// Control registers as a test sets them. The defaults let every level do what it can.
    struct Setting: Sendable {
        var name: String
        var hcr: UInt64 = 1 << 31
        var cptr: UInt64 = 0x33ff
        var mdcr: UInt64 = 0
        var cnthctl: UInt64 = 3
        var sctlrEL2: UInt64 = 0x30c5_0830
        var ichHCR: UInt64 = 0
        var pmuserenr: UInt64 = 0xf
        var mdscr: UInt64 = 0
        /// UCI, UCT, DZE, EnRCTX and UMA; TSCXT is clear.
        var sctlrEL1: UInt64 = 0x30c0_0800 | 1 << 26 | 1 << 15 | 1 << 14 | 1 << 10 | 1 << 9
        var cpacr: UInt64 = 3 << 20
        var cntkctl: UInt64 = 0x303
        var levels: [Int] = [0, 1, 2]
        /// Whether the pairs are written and read back.
        var readsBack = false

        init(_ name: String, _ change: (inout Setting) -> Void = { _ in }) {
            self.name = name
            change(&self)
        }

        var words: [UInt64] {
            let levels = levels.reduce(readsBack ? 8 : 0 as UInt64) { $0 | 1 << UInt64($1) }
            return [
                hcr, cptr, mdcr, cnthctl, sctlrEL2, ichHCR, pmuserenr, mdscr, sctlrEL1, cpacr, cntkctl, 0, 0, 0, 0,
                levels,
            ]
        }

        /// Writes the registers at EL2, as the program does.
        func apply(to test: AArch64TestElement) throws {
            test.element.start(at: AArch64TestElement.base, argument: 0)
            test.enter(2)
            try test.write("HCR_EL2", hcr)
            let isHost = try test.read("HCR_EL2") >> 34 & 1 != 0
            for (name, value) in [
                ("CPTR_EL2", cptr), ("MDCR_EL2", mdcr), ("CNTHCTL_EL2", cnthctl), ("SCTLR_EL2", sctlrEL2),
                ("ICH_HCR_EL2", ichHCR), ("PMUSERENR_EL0", pmuserenr), ("MDSCR_EL1", mdscr),
                (isHost ? "SCTLR_EL12" : "SCTLR_EL1", sctlrEL1),
                (isHost ? "CPACR_EL12" : "CPACR_EL1", cpacr), (isHost ? "CNTKCTL_EL12" : "CNTKCTL_EL1", cntkctl),
            ] { try test.write(name, value) }
        }
    }

    enum Access: UInt8, CaseIterable, Sendable { case read, write, instruction, readBack }

    struct Attempt: Hashable, Sendable {
        let setting: Int
        let level: Int
        let access: Access
        let key: UInt16

        /// The register by name, where we have one of that number.
        var register: String {
            if access == .instruction {
                return "SYS #\(key >> 11 & 7), C\(key >> 7 & 15), C\(key >> 3 & 15), #\(key & 7)"
            }
            if let line = AArch64.SystemRegister.all.first(where: { $0.key == key }) { return line.name.description }
            return "S\(2 + key >> 14)_\(key >> 11 & 7)_C\(key >> 7 & 15)_C\(key >> 3 & 15)_\(key & 7)"
        }
    }

    /// What an access came to. What is missing in a list of them was UNDEFINED.
    enum Outcome: Hashable, CustomStringConvertible {
        case undefined
        case value(UInt64)
        case exception(level: Int, syndrome: UInt64)

        var description: String {
            switch self {
            case .undefined: "UNDEFINED"
            case .value(let value): "0x" + String(value, radix: 16)
            case .exception(let level, let syndrome): "EL\(level) ESR 0x" + String(syndrome, radix: 16)
            }
        }
    }

    /// - Parameter keys: registers (0 to 32767) and system instructions (32768 + 14 bits) that are tried; nil for all.
    static func run(
        cpu: String, _ settings: [Setting], pairs: [(key: UInt16, value: UInt64)] = [], keys: Set<Int>? = nil
    ) throws -> [Attempt: Outcome] {
        try ExternalTool.withTemporaryDirectory { directory in
            var input = Data()
            func append(_ words: [UInt64]) {
                for word in words { withUnsafeBytes(of: word.littleEndian) { input.append(contentsOf: $0) } }
            }
            append([UInt64(settings.count), UInt64(pairs.count)] + settings.flatMap(\.words))
            append(pairs.flatMap { [UInt64($0.key), $0.value] })
            input.append(contentsOf: (0..<49152).map { keys?.contains($0) ?? true ? 1 : 0 })
            try input.write(to: URL(fileURLWithPath: directory + "/input"))
            let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../testsuites/aarch64/registers/probe.S").standardized.path
            try tool(
                "clang", ["--target=aarch64-none-elf", "-march=armv8.5-a", "-c", source, "-o", "probe.o"], directory)
            try tool("ld.lld", ["-Ttext", "0x40200000", "-o", "probe.elf", "probe.o"], directory)
            try tool(
                "timeout",
                [
                    "-s", "KILL", "120", "qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu",
                    cpu, "-m", "512M", "-display", "none",
                    "-serial", "none", "-monitor", "none", "-semihosting-config", "enable=on,target=native", "-device",
                    "loader,file=input,addr=0x48000000", "-kernel", "probe.elf",
                ], directory)
            return outcomes([UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/results"))))
        }
    }

    private static func tool(_ name: String, _ arguments: [String], _ directory: String) throws {
        let program = try #require(ExternalTool.path(name))
        let result = try ExternalTool.run(program: program, arguments, in: directory)
        try #require(result.status == 0, "\(name): \(result.errorText)")
    }

    /// The same by us.
    static func ours(_ model: AArch64.CPUModel, _ settings: [Setting], keys: Set<Int>? = nil) throws -> [Attempt:
        Outcome]
    {
        var outcomes: [Attempt: Outcome] = [:]
        let test = AArch64TestElement(model)
        for (number, setting) in settings.enumerated() {
            try setting.apply(to: test)
            for level in setting.levels {
                test.enter(level)
                let prepared = test.element.state.pointee
                for access in [Access.read, .write, .instruction] {
                    let (first, count): (Int, UInt16) = access == .instruction ? (1 << 15, 1 << 14) : (0, 1 << 15)
                    for key in 0..<count where keys?.contains(first + Int(key)) ?? true {
                        let outcome = test.outcome { element throws(Fault) in
                            switch access {
                            case .read: return try element.readSystemRegister(key, target: 0)
                            case .write: try element.writeSystemRegister(key, 0, target: 0)
                            default:
                                try element.performSystemInstruction(key, AArch64TestElement.base, target: 0)
                            }
                            return 0
                        }
                        if outcome != .undefined {
                            outcomes[Attempt(setting: number, level: level, access: access, key: key)] = outcome
                        }
                        test.element.state.pointee = prepared
                    }
                }
            }
        }
        return outcomes
    }

    private static func outcomes(_ bytes: [UInt8]) -> [Attempt: Outcome] {
        func word(_ index: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[index * 8 + $1]) << UInt64(8 * $1) } }
        var outcomes: [Attempt: Outcome] = [:]
        for index in stride(from: 0, to: bytes.count / 8, by: 2) {
            let (head, value) = (word(index), word(index + 1))
            let attempt = Attempt(
                setting: Int(head & 0xffff), level: Int(head >> 16 & 0xff),
                access: Access(rawValue: UInt8(head >> 24 & 0xff))!,
                key: UInt16(head >> 32 & 0xffff))
            let level = Int(head >> 48)
            outcomes[attempt] = level == 0 ? .value(value) : .exception(level: level, syndrome: value)
        }
        return outcomes
    }
}
