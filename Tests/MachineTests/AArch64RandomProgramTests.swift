import AArch64ISA
import Foundation
import Testing

@testable import Machine

@Suite("Random programs for AArch64")
struct AArch64RandomProgramTests {
    private static func source(seed: UInt64, _ cpu: String = "cortex-a72") throws -> AArch64RandomSource {
        try AArch64RandomSource(seed: seed, cpu: cpu)
    }

    @Test("One seed gives one program, to the byte; another gives another", arguments: AArch64.CPUModel.all.map(\.name))
    func determinism(_ cpu: String) throws {
        let first = try Self.source(seed: 7, cpu).program(3, blocks: 20)
        let again = try Self.source(seed: 7, cpu).program(3, blocks: 20)
        #expect(first.blocks == again.blocks)
        #expect(first.elf == again.elf)
        #expect(try Self.source(seed: 8, cpu).program(3, blocks: 20).blocks != first.blocks)
        #expect(try Self.source(seed: 7, cpu).program(4, blocks: 20).blocks != first.blocks)
    }

    @Test("The driver's instructions have the words that llvm-mc gives them")
    func words() {
        typealias A = AArch64Assembler
        #expect(A.word(.add_immediate, rd: 1, rn: 2, 3) == 0x9100_0c41)
        #expect(A.word(.ldr_unsigned, rd: 1, rn: 2, 16) == 0xf940_0841)
        #expect(A.word(.movz, rd: 0, 1 << 16 | 1) == 0xd2a0_0020)
        #expect(A.write("ELR_EL2", 30) == 0xd51c_403e)
        #expect(A.read(29, "ESR_EL1") == 0xd538_521d)
        #expect(A.word(.ldp_pre, rd: 3, rn: 31, ra: 4, -16) == 0xa9ff_13e3)
        #expect(A.word(.ubfm, rd: 3, rn: 4, 1 << 12 | 26 << 6 | 31) == 0xd35a_7c83)
        #expect(A.word(.eret) == 0xd69f_03e0)
        #expect(A.word(.svc, 0xfff) == 0xd401_ffe1)
        // TLBI ALLE1.
        #expect(A.system(4, 8, 7, 4) == 0xd50c_879f)
    }

    @Test(
        "Constants are loaded whole",
        arguments: [
            0, 1, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0fff, 1 << 63, .max, .max - 1, 0xffff_0000_ffff_0000,
            0xffff_ff81_0000_1000, 0x1234_5678_9abc_def0,
        ] as [UInt64])
    func constants(_ value: UInt64) {
        // What MOVZ, MOVN and MOVK say (C6.2), worked out by hand.
        var register: UInt64 = 0x5555_5555_5555_5555
        for word in AArch64Assembler.loading(5, value) {
            let shift = UInt64(word >> 21 & 3) * 16
            let immediate = UInt64(word >> 5 & 0xffff) << shift
            #expect(word & 31 == 5)
            switch word >> 23 & 0x1ff {
            case 0b1_1010_0101: register = immediate
            case 0b1_0010_0101: register = ~immediate
            case 0b1_1110_0101: register = register & ~(0xffff << shift) | immediate
            default: Issue.record("\(hexadecimal(word)) is not expected")
            }
        }
        #expect(register == value)
    }

    @Test("No branch leads past a change of level")
    func changesOfLevel() throws {
        for block in try Self.source(seed: 3).program(0, blocks: 300).blocks {
            for (index, item) in block.items.enumerated() {
                let over: Int
                switch item {
                case .branch(_, let items), .jump(_, let items): over = items
                default: continue
                }
                let passed = block.items.dropFirst(index + 1).prefix(over)
                let change = passed.first { if case .goTo = $0 { true } else { false } }
                #expect(change == nil, "item \(index) leads over \(over)")
            }
        }
    }

    @Test("A branch has the distance to its item, whatever it had before")
    func branches() {
        var block = AArch64RandomBlock(mode: .el1)
        // CBZ X1 with an offset of its own, over three NOPs: 16 bytes on.
        block.items = [.branch(0xb4ff_ffe1, over: 3)] + [.words([0xd503_201f]), .words([0xd503_201f, 0xd503_201f])]
        block.items.append(.words([0xd503_201f]))
        #expect(block.code.first == 0xb400_00a1, "got \(hexadecimal(block.code.first ?? 0))")
    }

    @Test("Programs have pages of every size that the CPU has")
    func tables() throws {
        func origins(_ cpu: String) throws -> Set<String> {
            let source = try Self.source(seed: 1, cpu)
            let origins = (0..<60).map { source.program($0, blocks: 1).origin }
            return Set(origins.map { ", " + ($0.split(separator: ", ").last ?? "") })
        }
        // 16 KiB are no granule of the Cortex-A72 (its Technical Reference Manual, ID_AA64MMFR0_EL1).
        #expect(try origins("cortex-a72") == [", pages of 4 KiB", ", pages of 64 KiB"])
        let sizes = Set([4, 16, 64].map { ", pages of \($0) KiB" })
        #expect(try origins("neoverse-n1") == sizes)
        #expect(try origins("max") == sizes)
    }

    @Test("Code is in guarded pages, and windows lead to device memory, of the CPUs that have them")
    func tableKinds() throws {
        func origins(_ cpu: String) throws -> [String] {
            let source = try Self.source(seed: 1, cpu)
            return (0..<60).map { source.program($0, blocks: 1).origin }
        }
        for cpu in ["cortex-a72", "max"] {
            let origins = try origins(cpu)
            let devices = origins.count { $0.contains("device memory") }
            #expect(devices > 0 && devices < origins.count)
            // FEAT_BTI is Armv8.5's.
            #expect(origins.contains { $0.contains("guarded code") } == (cpu == "max"))
        }
    }

    @Test("What a branch by register leads to is one instruction, so that a guarded page may refuse it alone")
    func landings() throws {
        for block in try Self.source(seed: 3, "max").program(0, blocks: 300).blocks {
            for (index, item) in block.items.enumerated() {
                guard case .jump(_, let over) = item else { continue }
                let landing = block.items.dropFirst(index + 1 + over).first
                guard case .words(let words) = landing else {
                    Issue.record("item \(index) leads to \(landing.map { "\($0)" } ?? "the end")")
                    continue
                }
                #expect(words.count == 1)
            }
        }
    }

    @Test("Some exception returns are illegal")
    func illegalReturns() throws {
        // DDI 0487, "Legal exception returns that do not use an illegal SPSR value": EL3, EL0h and modes with M[1] are not.
        let states = try Self.source(seed: 3).program(0, blocks: 300).blocks.flatMap(\.items).compactMap { item in
            if case .goTo(_, _, let state) = item { state & 0xf } else { nil }
        }
        #expect(!Set(states).isDisjoint(with: [1, 2, 3, 6, 7, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf]))
        #expect(!Set(states).isDisjoint(with: [0, 4, 5, 8, 9]))
    }

    @Test("Nothing that is left out for QEMU's sake is generated")
    func exclusions() throws {
        let decoder = AArch64.Decoder(.all)
        let names = Set(AArch64RandomExclusion.instructions.map(\.what))
        for block in try Self.source(seed: 5, "max").program(0, blocks: 300).blocks {
            for word in block.code {
                let operation = decoder.encoding(of: word).map { String(describing: $0.operation) } ?? ""
                #expect(!names.contains(operation), "\(hexadecimal(word)) is \(operation)")
            }
        }
    }

    @Test("With EL3, blocks begin at every level of both states that has it (D1.2), and return to no other one")
    func levels() throws {
        let source = try AArch64RandomSource(seed: 3, cpu: "cortex-a72", hasEL3: true)
        let blocks = (0..<12).flatMap { source.program($0, blocks: 30).blocks }
        let states = Set(blocks.map { "\($0.mode.name)\($0.isSecure ? ", Secure" : "")" })
        #expect(states == ["EL0", "EL1", "EL2", "EL3", "EL0, Secure", "EL1, Secure", "EL3, Secure"])
        for block in blocks where block.isSecure {
            for case .goTo(let mode, _, _) in block.items { #expect(mode != .el2, "Secure state has no EL2") }
        }
        let others = try Self.source(seed: 3).program(0, blocks: 300).blocks
        #expect(!others.contains { $0.mode == .el3 || $0.isSecure })
    }

    @Test(
        "A program runs to its end, and prints a line for each block", arguments: AArch64.CPUModel.all.map(\.name),
        [false, true])
    func running(_ cpu: String, hasEL3: Bool) throws {
        let source = try AArch64RandomSource(seed: 5, cpu: cpu, hasEL3: hasEL3)
        let program = source.program(0, blocks: 40)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "random-\(cpu)-\(hasEL3)-\(getpid()).elf")
        try Data(program.elf).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        var machine = MachineDescription()
        machine.cpu = cpu
        machine.machine = source.machine
        machine.timeout = TimeSpan(nanoseconds: 1_000_000_000)
        var run = ConformanceRun(ConformanceProgram(path: file.path, name: "random"), on: machine)
        var printed: [UInt8] = []
        run.listener = { printed += $0 }
        let result = run.run()
        #expect(result.verdict == .passed, "\(result.reason)")
        let lines = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline)
        #expect(lines.count == 40)
        #expect(Set(lines).count == 40, "blocks have their own outcomes")
        for (line, block) in zip(lines, program.blocks) {
            // Every instruction is executed once at most, as branches lead forward alone.
            let executed = RandomLine(line).executed
            #expect(executed > block.count / 3 && executed <= block.count, "\(executed) of \(block.count) executed")
        }
    }
}
