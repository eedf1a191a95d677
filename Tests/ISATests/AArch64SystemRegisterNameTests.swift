import Foundation
import TestSupport
import Testing

@testable import AArch64ISA

/// The registers' and instructions' names beside those that LLVM's assembler knows, which come from Arm's own lists.
@Suite(
    "AArch64 system registers and LLVM",
    .enabled(
        if: ["clang", "ld.lld"].allSatisfy { ExternalTool.path($0) != nil },
        "needs clang and ld.lld, which are in Swift's toolchain"))
struct AArch64SystemRegisterNameTests {
    @Test("Each register has the number that LLVM assembles its name to")
    func registers() throws {
        var lines: [(text: String, key: UInt16)] = []
        for register in AArch64.SystemRegister.all {
            guard let name = Self.name(register) else { continue }
            lines.append((register.access.read < 4 ? "mrs x0, \(name)" : "msr \(name), x0", register.key))
        }
        // What has no name there, or none of its own.
        #expect(lines.count > AArch64.SystemRegister.all.count - 90)
        try compare(lines) { UInt16($0 >> 5 & 0x7fff) }
    }

    @Test("Each system instruction has the number that LLVM assembles its name to")
    func instructions() throws {
        let lines = AArch64.SystemInstruction.all.map { instruction in
            let name = instruction.name.description
            // Only those of an address, or of an ASID, have an operand.
            let isPlain = ["IALLU", "ALLE1", "ALLE2", "ALLE3", "VMALL"].contains { name.contains($0) }
            return (text: name.lowercased() + (isPlain ? "" : ", x0"), key: instruction.key)
        }
        try compare(lines) { UInt16($0 >> 5 & 0x3fff) }
    }

    private func compare(_ lines: [(text: String, key: UInt16)], key: (UInt32) -> UInt16) throws {
        let source = ".arch armv8.6-a+rng+pauth+ssbs+predres+profile+ras\n" + lines.map(\.text).joined(separator: "\n")
        let clang = try #require(ExternalTool.path("clang"))
        let words = try ExternalTool.withTemporaryDirectory { directory in
            try Data(source.utf8).write(to: URL(fileURLWithPath: directory + "/names.s"))
            let result = try ExternalTool.run(
                program: clang, ["--target=aarch64-none-elf", "-c", "names.s", "-o", "names.o"], in: directory)
            try #require(result.status == 0, "\(result.errorText)")
            let linker = try #require(ExternalTool.path("ld.lld"))
            _ = try ExternalTool.run(
                program: linker, ["--oformat=binary", "--image-base=0", "-Ttext=0", "names.o", "-o", "code"],
                in: directory)
            let code = try Data(contentsOf: URL(fileURLWithPath: directory + "/code"))
            return stride(from: 0, to: code.count, by: 4).map { index in
                (0..<4).reduce(0 as UInt32) { $0 | UInt32(code[index + $1]) << UInt32(8 * $1) }
            }
        }
        try #require(words.count == lines.count)
        for (line, word) in zip(lines, words) where key(word) != line.key {
            Issue.record("\(line.text) is \(String(key(word), radix: 8)), and here \(String(line.key, radix: 8))")
        }
    }

    /// What LLVM calls it; nil for those that have a number and no name.
    private static func name(_ register: AArch64.SystemRegister) -> String? {
        let name = register.name.description
        let (crm, op2) = (register.key >> 3 & 15, register.key & 7)
        switch name {
        case "ID_*_EL1", "S3_<op1>_<Cn>_<Cm>_<op2>": return nil
        case "DBGDTR<R>X_EL0": return "DBGDTRRX_EL0"
        default:
            let number =
                switch name {
                case let name where name.hasPrefix("DBG"): crm
                case let name where name.hasPrefix("ICH_LR"): op2
                default: (crm & 3) << 3 | op2
                }
            return name.replacingOccurrences(of: "<n>", with: "\(number)")
        }
    }
}
