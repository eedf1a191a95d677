import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// The operands of vectors' instructions in a slot beside those that LLVM prints.
@Suite(
    "AArch64 operands of vectors and LLVM",
    .enabled(if: LLVM.isInstalled, "needs llvm-objdump, which is in Swift's toolchain"))
struct AArch64VectorOperandTests {
    private static func tokens(_ line: AArch64.Encoding) -> [Substring] {
        line.pattern.description.split(separator: " ")
    }

    /// What stands behind the registers' numbers: how many lanes and of which size, `4` and `s`; one of a scalar or of a
    /// lane in brackets.
    private static func arrangements(in text: String) -> [(count: Int?, lane: Character)] {
        text.split(whereSeparator: { " ,{}[]\t".contains($0) }).compactMap { token in
            let parts = token.split(separator: ".")
            if parts.count == 2, let lane = parts[1].last, "bhsd".contains(lane) {
                return (Int(parts[1].dropLast()), lane)
            }
            guard parts.count == 1, let lane = token.first, "bhsd".contains(lane), UInt8(token.dropFirst()) != nil
            else { return nil }
            return (nil, lane)
        }
    }

    private static func bits(_ lane: Character) -> Int {
        switch lane {
        case "b": 8
        case "h": 16
        case "s": 32
        default: 64
        }
    }

    @Test("The lane is one that LLVM has, and 128 bits are all of a vector where LLVM has no vector of 64")
    func arrangements() throws {
        let samples = try LLVM.samples { $0.isVector }
        var (lanes, sizes) = (0, 0)
        for sample in samples {
            let tokens = Self.tokens(sample.line)
            let immediate = UInt32(bitPattern: sample.line.decode(sample.word).immediate)
            let theirs = Self.arrangements(in: sample.operands)
            let (field, shift) = (immediate >> 22 & 3, immediate >> 3 & 15)
            let isShift = tokens.contains { $0.hasPrefix("immh") }
            let lane = isShift ? 31 - shift.leadingZeroBitCount : Int(field)
            // Bits have no lanes, and modified immediates say them otherwise.
            if !tokens.contains(where: { $0.hasPrefix("cmode") }) && !sample.line.requires.isSuperset(of: .sha3)
                && sample.line.requires.isDisjoint(with: [.aes, .sha1, .sha256, .sha512])
            {
                lanes += 1
                #expect(theirs.contains { $0.lane == Array("bhsd")[lane] }, sample.context)
            }
            // Products of half precision are of half of a vector, and MOVI of 64 bits is to a scalar.
            if tokens.contains(where: { $0.hasPrefix("Q") }) && sample.line.requires != .fhm && !tokens.contains("op:1")
            {
                sizes += 1
                let isWhole = !theirs.contains { ($0.count ?? 0) * Self.bits($0.lane) == 64 }
                #expect(isWhole == (immediate >> 16 & 1 == 1), sample.context)
            }
        }
        #expect(lanes > 50_000 && sizes > 20_000)
    }

    @Test("Indices of lanes are those that LLVM prints")
    func indices() throws {
        let samples = try LLVM.samples { line in
            line.isVector && Self.tokens(line).contains { $0.hasPrefix("index") }
        }
        for sample in samples {
            let immediate = sample.line.decode(sample.word).immediate
            let ours = [immediate & 15, immediate >> 4 & 15]
            // LLVM's are `v1.b[5]`, and `}[5]` behind a list.
            let text = sample.operands.replacing("[x", with: "").replacing("[sp", with: "")
            let theirs = text.split(separator: "[").dropFirst().map { Int32($0.prefix { $0.isNumber }) }
            #expect(theirs.count == 1 || sample.line.operation == .ins_element, sample.context)
            #expect(Array(ours.prefix(theirs.count)) == theirs, sample.context)
        }
        #expect(samples.count > 10_000)
    }

    @Test("Amounts of shifts are those that LLVM prints")
    func amounts() throws {
        let samples = try LLVM.samples { line in Self.tokens(line).contains { $0.hasPrefix("immh") } }
        for sample in samples {
            let immediate = sample.line.decode(sample.word).immediate
            let bits = 8 << (31 - (immediate >> 3 & 15).leadingZeroBitCount)
            let name = String(describing: sample.line.operation)
            let isLeft = name.contains("shl") || name.hasPrefix("sli")
            let amount = Int(immediate & 0x7f) & (bits - 1)
            #expect(LLVM.numbers(in: sample.operands) == [isLeft ? amount : bits - amount], sample.context)
        }
        #expect(samples.count > 4000)
    }

    @Test("Other immediates, and how many registers a list has, are what LLVM prints")
    func others() throws {
        let samples = try LLVM.samples { line in
            line.isVector
                && Self.tokens(line).contains { token in
                    ["uimm", "rot", "len", "opcode"].contains { token.hasPrefix($0) }
                }
        }
        for sample in samples {
            let tokens = Self.tokens(sample.line)
            let immediate = sample.line.decode(sample.word).immediate
            let numbers = LLVM.numbers(in: sample.operands)
            let registers = sample.operands.prefix { $0 != "}" }.drop { $0 != "{" }.filter { $0 == "," }.count + 1
            if tokens.contains(where: { $0.hasPrefix("len") }) {
                #expect(Int(immediate & 15) + 1 == registers, sample.context)
            } else if tokens.contains(where: { $0.hasPrefix("opcode") }) {
                // C7.2, LD1 to LD4 (multiple structures).
                let counts: [Int32: Int] = [0: 4, 2: 4, 4: 3, 6: 3, 7: 1, 8: 2, 10: 2]
                #expect(counts[immediate & 15] == registers, sample.context)
            } else if tokens.contains(where: { $0.hasPrefix("rot") }) {
                let more: Int32 = sample.line.operation == .fcadd ? 1 : 0
                #expect(numbers.last == Int((immediate >> 8 & 3) + more) * 90, sample.context)
            } else if sample.line.operation == .fmov_immediate_vector || tokens.contains("op:1") {
                // A fraction, and 64 bits of which each stands for 8.
                continue
            } else {
                #expect(numbers.first == Int(immediate & 0xff), sample.context)
            }
        }
        #expect(samples.count > 4000)
    }
}
