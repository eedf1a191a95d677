import Machine
import TestSupport
import Testing

@testable import AArch64ISA
@testable import ISA

/// The operands in a slot beside those that LLVM prints.
@Suite(
    "AArch64 operands and LLVM",
    .enabled(if: LLVM.isInstalled, "needs llvm-objdump, which is in Swift's toolchain"))
struct AArch64OperandTests {
    @Test("Registers are those that LLVM names, and so is what 31 stands for")
    func registers() throws {
        // LLVM prints both registers of CASP's pairs, and of system operations with a name only those that have a use.
        for sample in try LLVM.samples(where: { ![.casp, .sys].contains($0.operation) }) {
            let operation = sample.line.operation
            let slot = sample.line.decode(sample.word)
            let fourth = UInt8(truncatingIfNeeded: slot.immediate >> 24)
            let numbers = [slot.rd, slot.rs1, slot.rs2, fourth]
            var ours: [String] = []
            for (target, number) in zip([AArch64.Encoding.Target.rd, .rn, .rm, .ra], numbers) {
                let isField = sample.line.pieces.contains { $0.target == target }
                guard isField, sample.line.last[Int(target.rawValue)] != .itself else { continue }
                // Structures in memory: 31 stands for an immediate.
                let isPost = target == .rm && number == AArch64.zeroRegister && "\(operation)".hasSuffix("_post")
                if isPost && sample.line.isVector { continue }
                if sample.line.last[Int(target.rawValue)] == .vector {
                    ours.append("v\(number)")
                    continue
                }
                switch number {
                case AArch64.zeroRegister, DecodedSlot.sink: ours.append("zr")
                case AArch64.stackPointer: ours.append("sp")
                default: ours.append("\(number)")
                }
            }
            var theirs = LLVM.registers(in: sample.operands[...]).map(\.name)
            // Their aliases, MOV and BFC, go without XZR.
            if [.orr_immediate, .bfm].contains(operation) {
                ours.removeAll { $0 == "zr" }
                theirs.removeAll { $0 == "zr" }
            }
            #expect(ours.sorted() == theirs.sorted(), sample.context)
        }
    }

    @Test("Formats in the names of floating-point operations are those of LLVM's registers")
    func formats() throws {
        func formats(_ operation: AArch64.Operation) -> [Character] {
            let parts = String(describing: operation).split { $0 == "_" }
            return parts.dropFirst().filter { $0.count == 1 }.compactMap(\.first)
        }
        let samples = try LLVM.samples { !formats($0.operation).isEmpty }
        #expect(Set(samples.map(\.line.operation)).count > 200)
        for sample in samples {
            var theirs: [Character] = []
            for register in LLVM.registers(in: sample.operands[...]) where register.name.hasPrefix("v") {
                if !theirs.contains(register.width) { theirs.append(register.width) }
            }
            #expect(formats(sample.line.operation) == theirs, sample.context)
        }
    }

    @Test("Where an operation has two widths, the line tells which one LLVM means")
    func widths() throws {
        let lines = AArch64.Encoding.all
        func widths(_ operation: AArch64.Operation) -> Set<Bool> {
            Set(lines.filter { $0.operation == operation }.flatMap { [$0.isWide(0), $0.isWide(~0)] })
        }
        let both = Set(AArch64.Operation.allCases.filter { widths($0).count == 2 })
        #expect(both.count > 90)
        for sample in try LLVM.samples(where: { both.contains($0.operation) && $0.operation != .casp }) {
            // An address, and an index in it, have widths of their own.
            let data = sample.operands.prefix { $0 != "[" }
            let isWide = LLVM.registers(in: data).contains { $0.width == "x" }
            #expect(sample.line.isWide(sample.word) == isWide, sample.context)
        }
    }

    @Test("Immediates that stand alone have the value that LLVM prints")
    func immediates() throws {
        let mixed: Set<Substring> = ["sh", "hw", "shift", "option", "mask"]
        let relative: Set<AArch64.Operation> = [
            .adr, .b, .bl, .b_cond, .cbz, .cbnz, .tbz, .tbnz, .ldr_literal, .ldrsw_literal, .prfm_literal,
            .ldr_s_literal, .ldr_d_literal, .ldr_q_literal,
        ]
        let unlike: Set<AArch64.Operation> = [
            // LLVM multiplies, and names barriers, hints and branch targets.
            .adrp, .bti, .hint, .dsb, .dmb, .isb,
            // A fraction.
            .fmov_immediate_s, .fmov_immediate_d, .fmov_immediate_h,
        ]
        var compared = 0
        let samples = try LLVM.samples { line in
            let tokens = line.pattern.description.split(separator: " ")
            return tokens.contains { $0.contains("[") } && mixed.isDisjoint(with: tokens)
                && !unlike.contains(line.operation) && !line.isVector
        }
        for sample in samples {
            let hasFourth = sample.line.pieces.contains { $0.target == .ra }
            let immediate = Int(sample.line.decode(sample.word).immediate)
            let ours = hasFourth ? (immediate << 40) >> 40 : immediate
            let numbers = LLVM.numbers(in: sample.operands)
            // An offset of 0 is not printed, and neither is CLREX's usual operand, 15.
            if numbers.isEmpty && ours == (sample.line.operation == .clrex ? 15 : 0) { continue }
            compared += 1
            let isAddress = relative.contains(sample.line.operation)
            // Older ones, as LLVM 14, print ADR's offset.
            let isOffset = sample.line.operation == .adr && sample.operands.contains("#")
            let expected = isAddress && !isOffset ? sample.address + ours : ours
            #expect(numbers.contains(expected), sample.context)
        }
        #expect(compared > 16_000)
    }
}
