import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// A64 code as LLVM reads it, as of a CPU of ARMv8.5-A with half precision.
enum LLVM {
    static let unknown = "<unknown>"
    static let isInstalled = ExternalTool.path("llvm-objdump") != nil

    /// The mnemonic of each word, or ``unknown``, and its operands. A word's address is four times its index.
    static func text(of words: [UInt32], aliases: Bool) throws -> [(name: String, operands: String)] {
        let code = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        let options = aliases ? [] : ["--disassembler-options=no-aliases"]
        let output = try #require(
            try ExternalTool.run(
                "llvm-objdump", ["-d", "-z", "--mattr=+v8.5a,+fullfp16", "--no-show-raw-insn"] + options + ["@"],
                input: object(code)))
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(maxSplits: 2, whereSeparator: { $0 == " " || $0 == "\t" })
            let isCode = fields.count > 1 && fields[0].hasSuffix(":") && UInt64(fields[0].dropLast(), radix: 16) != nil
            return isCode ? (name: String(fields[1]), operands: fields.count > 2 ? String(fields[2]) : "") : nil
        }
        try #require(lines.count == words.count, "llvm-objdump has \(lines.count) lines for \(words.count) words")
        return lines
    }

    /// A relocatable ELF64 file for AArch64 whose `.text` is `code`: header, code, names, three section headers.
    private static func object(_ code: [UInt8]) -> [UInt8] {
        let names = Array("\0.text\0.shstrtab\0".utf8)
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        func append(_ value: UInt64, _ bytes: Int) {
            for index in 0..<bytes { file.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
        }
        func section(_ name: UInt64, _ type: UInt64, _ flags: UInt64, _ offset: Int, _ size: Int) {
            append(name, 4)
            append(type, 4)
            for value in [flags, 0, UInt64(offset), UInt64(size)] { append(value, 8) }
            append(0, 8)
            append(4, 8)
            append(0, 8)
        }
        // ET_REL, EM_AARCH64, no entry and no segments; three sections behind code and names.
        append(1, 2)
        append(183, 2)
        append(1, 4)
        for value in [0, 0, UInt64(64 + code.count + names.count)] { append(value, 8) }
        append(0, 4)
        for value: UInt64 in [64, 0, 0, 64, 3, 2] { append(value, 2) }
        file += code + names
        section(0, 0, 0, 0, 0)
        section(1, 1, 6, 64, code.count)  // SHT_PROGBITS, SHF_ALLOC and SHF_EXECINSTR
        section(7, 3, 0, 64 + code.count, names.count)  // SHT_STRTAB
        return file
    }
}

extension SplitMix64 {
    /// Words that `line` matches.
    mutating func words(of line: AArch64.Encoding, count: Int) -> [UInt32] {
        (0..<count).map { _ in line.match | hostileWord() & ~line.mask }
    }

    /// Bits of which some runs are all zeros or all ones, as fields' borders are.
    private mutating func hostileWord() -> UInt32 {
        var word = UInt32(truncatingIfNeeded: next())
        for position in stride(from: 0 as UInt32, to: 32, by: 4) where chance(20) {
            let run: UInt32 = 0x1f << position
            word = chance(50) ? word | run : word & ~run
        }
        return word
    }
}
