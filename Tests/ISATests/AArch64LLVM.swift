import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// A64 code as LLVM reads it, as of a CPU of ARMv8.5-A with half precision and cryptography.
enum LLVM {
    private static let features = "+v8.5a,+fullfp16,+fp16fml,+aes,+sha2,+sha3,+sm4,+bf16,+i8mm"
    static let unknown = "<unknown>"
    static let isInstalled = ExternalTool.path("llvm-objdump") != nil

    /// The mnemonic of each word, or ``unknown``, and its operands. A word's address is four times its index.
    static func text(of words: [UInt32], aliases: Bool) throws -> [(name: String, operands: String)] {
        let code = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        let options = aliases ? [] : ["--disassembler-options=no-aliases"]
        let output = try #require(
            try ExternalTool.run(
                "llvm-objdump", ["-d", "-z", "--mattr=\(features)", "--no-show-raw-insn"] + options + ["@"],
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

/// Words beside what LLVM prints of their operands.
extension LLVM {
    struct Sample {
        let line: AArch64.Encoding
        let word: UInt32
        let address: Int
        let operands: String
        var context: Comment { "0x\(String(word, radix: 16)), '\(line.pattern)': LLVM has \(operands)" }
    }

    /// 100 words of each line, but for those that reserved lines or special cases take.
    static func samples(where isWanted: (AArch64.Encoding) -> Bool) throws -> [Sample] {
        var random = SplitMix64(seed: 0xa643)
        let decoder = AArch64.Decoder(.all)
        var words: [(AArch64.Encoding, UInt32)] = []
        for line in AArch64.Encoding.all where line.operation != .illegal && isWanted(line) {
            for word in random.words(of: line, count: 100) {
                guard let found = decoder.encoding(of: word), found.match == line.match, found.mask == line.mask else {
                    continue
                }
                words.append((line, word))
            }
        }
        let text = try text(of: words.map(\.1), aliases: false)
        return zip(words, text).enumerated().compactMap { index, pair in
            // MSR of a bit of PSTATE looks at bit 0 of CRm; where others are set, LLVM has a register of op0 0.
            if pair.1.operands.hasPrefix("S0_") { return nil }
            return Sample(line: pair.0.0, word: pair.0.1, address: index * 4, operands: pair.1.operands)
        }
    }

    /// Registers as LLVM names them, without their widths: `sp`, `zr`, numbers, and numbers behind `v`. Of a list, the
    /// first one.
    static func registers(in text: Substring) -> [(width: Character, name: String)] {
        if let open = text.firstIndex(of: "{"), let close = text.firstIndex(of: "}") {
            let list = text[open..<close].prefix { $0 != "," }.dropFirst()
            return registers(in: text[..<open]) + registers(in: list)
                + registers(in: text[text.index(after: close)...])
        }
        return text.split(whereSeparator: { " ,[]!\t".contains($0) }).compactMap { token in
            switch token {
            case "sp": return ("x", "sp")
            case "wsp": return ("w", "sp")
            default:
                guard let width = token.first, "wxbhsdqv".contains(width), token.count > 1 else { return nil }
                let name = token.dropFirst().prefix { $0 != "." }
                if !"wx".contains(width) { return UInt8(name) != nil ? (width, "v" + name) : nil }
                return name == "zr" || UInt8(name) != nil ? (width, String(name)) : nil
            }
        }
    }

    /// What is written as `#5`, `#-0x5` or `0x5`; addresses have 64 bits.
    static func numbers(in text: String) -> [Int] {
        text.prefix { $0 != "<" }.split(whereSeparator: { " ,[]!\t".contains($0) }).compactMap { token in
            var digits = token.drop { $0 == "#" }
            let isNegative = digits.hasPrefix("-")
            if isNegative { digits = digits.dropFirst() }
            let isHexadecimal = digits.hasPrefix("0x")
            guard let value = UInt64(isHexadecimal ? digits.dropFirst(2) : digits, radix: isHexadecimal ? 16 : 10)
            else {
                return nil
            }
            return isNegative ? -Int(bitPattern: UInt(value)) : Int(bitPattern: UInt(value))
        }
    }
}

extension AArch64.Encoding {
    /// Whether it is one of the tables of vectors.
    var isVector: Bool { Self.vectorPatterns.contains(pattern.description) }
    private static let vectorPatterns = Set(vectors.map(\.pattern.description))
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
