import ISA
import Machine
import Testing

@testable import AArch64ISA
@testable import JIT

/// Random A64 programs on both engines: after each turn all of the CPU's state and the memory must be the same.
@Suite(
    "AArch64, both engines",
    .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"))
struct AArch64RandomTests {
    private typealias Machine = AArch64TestMachine

    fileprivate struct Program {
        let seed: UInt64
        let level: Int
        var words: [UInt32]
        /// Instructions of each turn.
        let turns: [UInt64]
    }

    /// What differs first; nil where nothing does.
    private func difference(_ program: Program, _ interpreter: Machine, _ translating: Machine) -> String? {
        interpreter.begin(program)
        translating.begin(program)
        for (number, turn) in program.turns.enumerated() {
            interpreter.element.run(turn)
            translating.element.run(turn)
            for (ours, theirs) in zip(translating.observed, interpreter.observed) where ours.value != theirs.value {
                return "after turn \(number) \(ours.name) is \(String(ours.value, radix: 16)) translated, and "
                    + "\(String(theirs.value, radix: 16)) interpreted"
            }
        }
        let (ours, theirs) = (translating.content, interpreter.content)
        for index in ours.indices where ours[index] != theirs[index] {
            return "memory at \(String(Machine.base + 8 * UInt64(index), radix: 16)) is "
                + "\(String(ours[index], radix: 16)) translated, and \(String(theirs[index], radix: 16)) interpreted"
        }
        return nil
    }

    /// The least program that differs in the same machines' successors, of those that leave words out.
    private func shrunk(_ program: Program, without disabled: OptimizationSwitches) throws -> Program {
        var best = program
        var place = 0
        while place < best.words.count {
            var shorter = best
            shorter.words.remove(at: place)
            let translating = try Machine(translates: true, without: disabled)
            if difference(shorter, try Machine(translates: false), translating) != nil {
                best = shorter
            } else {
                place += 1
            }
        }
        return best
    }

    @Test("Random instructions of every line do the same", arguments: [1, 2, 3] as [UInt64])
    func everyLine(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let lines = AArch64.Encoding.all.filter { $0.operation != .illegal && !Self.isLeftOut($0.operation) }
        try compare(&random, programs: 400) { random in
            lines[Int(random.next() % UInt64(lines.count))]
        }
    }

    @Test("Random instructions of integers do the same", arguments: [4, 5] as [UInt64])
    func integers(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let lines =
            (AArch64.Encoding.dataProcessingImmediate + AArch64.Encoding.dataProcessingRegister
            + AArch64.Encoding.branches + AArch64.Encoding.loadsAndStores + AArch64.Encoding.atomics)
            .filter { $0.operation != .illegal && !Self.isLeftOut($0.operation) }
        try compare(&random, programs: 800) { random in
            lines[Int(random.next() % UInt64(lines.count))]
        }
    }

    @Test("Random instructions of scalar floating point do the same", arguments: [6, 7] as [UInt64])
    func scalars(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let lines = (AArch64.Encoding.float + AArch64.Encoding.floatConversions + AArch64.Encoding.floatLoadsAndStores)
            .filter { $0.operation != .illegal }
        try compare(&random, programs: 800) { random in
            lines[Int(random.next() % UInt64(lines.count))]
        }
    }

    /// Few operations on few registers, so that most flags are of what was computed just before, and of zero.
    @Test("Flags of results, and conditions of them, are the same", arguments: [8, 9] as [UInt64])
    func flags(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let operations: Set<AArch64.Operation> = [
            .add_shifted, .sub_shifted, .and_shifted, .adds_shifted, .subs_shifted, .ands_shifted, .subs_immediate,
            .adds_immediate, .ands_immediate, .csel, .csinc, .ccmp_immediate, .ccmn_register, .b_cond, .adc, .sbcs,
        ]
        let lines = AArch64.Encoding.all.filter { operations.contains($0.operation) }
        try compare(&random, programs: 1500, zeros: 70) { random in
            lines[Int(random.next() % UInt64(lines.count))]
        }
    }

    /// On few registers, so that many shifts are of what was shifted the other way before.
    @Test("Masks of one bit, and what they choose, are the same", arguments: [14, 15] as [UInt64])
    func masks(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        try compare(&random, programs: 800, maximumTurn: 12) { random in
            (0..<14).map { _ in
                let isDouble = random.chance(50)
                let last: UInt32 = isDouble ? 63 : 31
                let size: UInt32 = isDouble ? 1 << 31 : 0
                let bit = UInt32(truncatingIfNeeded: random.next()) & last
                let (first, second) = (UInt32(random.next() & 3), UInt32(random.next() & 3))
                let registers = second << 16 | first << 5 | UInt32(random.next() & 3)
                let bitField = size | size >> 9 | registers & 0x3ff
                return switch random.next() % 8 {
                case 0, 1: 0x1300_0000 | bitField | bit << 16 | bit << 10  // sbfx of one bit
                case 2: 0x5300_0000 | bitField | (last - bit + 1 & last) << 16 | (last - bit) << 10  // lsl
                case 3: 0x0a80_0000 | size | registers | last << 10  // and with one that is shifted by asr
                case 4: 0x1200_0000 | bitField  // and with 1
                case 5: 0x4b00_03e0 | size | registers & ~0x3e0  // neg
                case 6: 0x1a80_0000 | size | registers | UInt32(random.next() & 0xf) << 12  // csel
                default: 0x0a00_0000 | size | registers  // and
                }
            }
        }
    }

    /// Two loops, one in the other, each of a few rounds, whose bodies use more registers than the host has.
    @Test("Loops of random instructions do the same", arguments: [10, 11, 12, 13] as [UInt64])
    func loops(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let computing =
            (AArch64.Encoding.dataProcessingImmediate + AArch64.Encoding.dataProcessingRegister
            + AArch64.Encoding.branches)
            .filter {
                $0.operation != .illegal && !Self.isLeftOut($0.operation) && $0.operation != .b && $0.operation != .bl
            }
        // Few, since most of them fault, which ends the loops.
        var lines = computing + computing + computing + AArch64.Encoding.loadsAndStores
        if seed & 2 == 0 { lines = computing + AArch64.Encoding.float + AArch64.Encoding.vectorThreeSame }
        let registers: [UInt32] = [0, 1, 2, 5, 8, 9, 10, 11, 12, 14, 16, 17, 20, 30]
        try compare(&random, programs: 150, maximumTurn: 90) { random in
            func body() -> [UInt32] {
                (0..<random.next() % 7).map { _ in
                    let line = lines[Int(random.next() % UInt64(lines.count))]
                    var word = word(of: line, registers: registers, zeros: 20, &random)
                    // Branches go a few instructions forward, and at times out of the loop.
                    if AArch64.Encoding.branches.contains(where: { $0.operation == line.operation }) {
                        word = word & ~(0x3fff << 5) | UInt32(random.next() % 4 + 1) << 5
                        if line.operation != .tbz && line.operation != .tbnz { word &= ~(0x7ffff << 5) | 0xf << 5 }
                    }
                    return word
                }
            }
            func loop(_ counter: UInt32, _ content: [UInt32]) -> [UInt32] {
                let back = UInt32(bitPattern: Int32(-content.count - 1))
                let start = 0xd280_0000 | UInt32(random.next() % 9 + 1) << 5 | counter
                return switch random.next() % 3 {
                case 0:  // subs, b.ne
                    [start] + content + [0xf100_0400 | counter << 5 | counter, 0x5400_0001 | (back & 0x7ffff) << 5]
                case 1:  // sub, cbnz
                    [start] + content + [
                        0xd100_0400 | counter << 5 | counter, 0xb500_0000 | (back & 0x7ffff) << 5 | counter,
                    ]
                default:  // sub, tbz of the sign
                    [start] + content + [
                        0xd100_0400 | counter << 5 | counter, 0xb6f8_0000 | (back & 0x3fff) << 5 | counter,
                    ]
                }
            }
            let inner = random.chance(60) ? loop(27, body()) : []
            return loop(28, body() + inner + body())
        }
    }

    private func switches(_ name: String) throws -> OptimizationSwitches {
        try #require(OptimizationSwitches.names.first { $0.name == name }).value
    }

    enum Way: String, CaseIterable, Sendable { case plain, withoutEdgeFlags, withFaults }

    /// Flags are defined in one block and looked at in another, or nowhere; turns end anywhere.
    @Test("Flags are the same across blocks that go to one another", arguments: Way.allCases, [20, 21] as [UInt64])
    func blocks(way: Way, seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let operations: Set<AArch64.Operation> = [
            .add_shifted, .sub_shifted, .adds_shifted, .subs_shifted, .ands_shifted, .subs_immediate, .adds_immediate,
            .ands_immediate, .csel, .csinc, .ccmp_immediate, .ccmn_register, .adc, .sbcs, .fcmp_d,
        ]
        let lines = AArch64.Encoding.all.filter { operations.contains($0.operation) }
        let accesses = AArch64.Encoding.loadsAndStores.filter { $0.operation != .illegal }
        try compare(
            &random, programs: 600, maximumTurn: 30, without: way == .withoutEdgeFlags ? .edgeFlags : [],
            injectsFaults: way == .withFaults
        ) { random in
            var blocks = (0..<3 + random.next() % 4).map { _ in
                (0..<1 + random.next() % 4).map { _ in
                    let from = random.chance(12) ? accesses : lines
                    let line = from[Int(random.next() % UInt64(from.count))]
                    return word(of: line, registers: [0, 1, 5, 9, 14, 19, 21], zeros: 40, &random)
                }
            }
            let starts = blocks.reduce(into: [0]) { $0.append($0.last! + $1.count + 1) }
            for index in blocks.indices {
                let target = starts[Int(random.next() % UInt64(blocks.count))]
                let distance = UInt32(bitPattern: Int32(target - (starts[index + 1] - 1)))
                let condition = UInt32(random.next() & 15)
                let end: UInt32 =
                    switch random.next() % 8 {
                    case 0...3: 0x5400_0000 | (distance & 0x7ffff) << 5 | condition  // b.cond
                    case 4: 0xb500_0000 | (distance & 0x7ffff) << 5 | condition  // cbnz
                    case 5, 6: 0x1400_0000 | distance & 0x3ff_ffff  // b
                    default: 0xd503_201f  // nop
                    }
                blocks[index].append(end)
            }
            return blocks.flatMap { $0 }
        }
    }

    /// Few registers, so that what one round leaves there is the next one's operand.
    @Test("Loops of floating point and vectors do the same", arguments: [12, 13] as [UInt64])
    func vectorLoops(seed: UInt64) throws {
        try compareVectorLoops(seed, programs: 800)
    }

    @Test(
        "Loops of floating point and vectors do the same without one of the optimisations",
        arguments: OptimizationSwitches.names.map(\.name))
    func vectorLoopsWithout(name: String) throws {
        try compareVectorLoops(15, programs: 400, without: try switches(name))
    }

    private func compareVectorLoops(
        _ seed: UInt64, programs: Int, without disabled: OptimizationSwitches = []
    ) throws {
        var random = SplitMix64(seed: seed)
        let lines =
            (AArch64.Encoding.float + AArch64.Encoding.floatConversions + AArch64.Encoding.floatLoadsAndStores
            + AArch64.Encoding.vectors + AArch64.Encoding.dataProcessingImmediate)
            .filter { $0.operation != .illegal }
        try compare(&random, programs: programs, maximumTurn: 40, without: disabled) { random in
            let registers: [UInt32] = random.chance(80) ? [0, 1, 9, 14] : []
            var words = (0..<2 + random.next() % 8).map { _ in
                let line = lines[Int(random.next() % UInt64(lines.count))]
                return word(of: line, registers: registers, zeros: 0, &random)
            }
            // B.cond to where the program begins, and B.
            let distance = UInt32(truncatingIfNeeded: -words.count)
            words.append(0x5400_0000 | (distance & 0x7ffff) << 5 | UInt32(random.next() & 15))
            words.append(0x1400_0000 | (distance &- 1) & 0x3ff_ffff)
            return words
        }
    }

    /// Two bases, near the end of a page and in the middle of one, that accesses move on by little.
    @Test("Accesses off few bases in turn do the same", arguments: [16, 17, 18] as [UInt64])
    func accesses(seed: UInt64) throws { try compareAccesses(seed, programs: 500) }

    @Test(
        "Accesses off few bases do the same without one of the optimisations",
        arguments: OptimizationSwitches.names.map(\.name))
    func accessesWithout(name: String) throws {
        try compareAccesses(19, programs: 200, without: try switches(name))
    }

    private func compareAccesses(
        _ seed: UInt64, programs: Int, without disabled: OptimizationSwitches = []
    ) throws {
        var random = SplitMix64(seed: seed)
        let accesses =
            (AArch64.Encoding.loadsAndStores + AArch64.Encoding.floatLoadsAndStores + AArch64.Encoding.atomics)
            .filter { $0.operation != .illegal }
        let others =
            (AArch64.Encoding.dataProcessingImmediate + AArch64.Encoding.dataProcessingRegister
            + AArch64.Encoding.float + AArch64.Encoding.vectorThreeSame)
            .filter { $0.operation != .illegal && !Self.isLeftOut($0.operation) }
        try compare(&random, programs: programs, maximumTurn: 40, without: disabled) { random in
            let content = (0..<4 + random.next() % 12).map { _ in
                let isAccess = random.chance(75)
                let lines = isAccess ? accesses : others
                let line = lines[Int(random.next() % UInt64(lines.count))]
                let word = word(of: line, registers: [2, 3, 9, 14, 16, 19], zeros: 0, &random)
                return isAccess ? near(word, line, &random) : word
            }
            let pointer = UInt32(random.chance(50) ? 0x9fc0 : 0xa400)
            // movz x0, movk x0, add x1, x0; movz x5, and three rounds of the rest.
            let start: [UInt32] = [0xd280_0000 | pointer << 5, 0xf2a8_0000, 0x9102_0001, 0xd280_0065]
            let back = UInt32(bitPattern: Int32(-content.count - 1))
            return start + content + [0xf100_04a5, 0x5400_0001 | (back & 0x7ffff) << 5]
        }
    }

    /// The access off one of two registers, or the stack pointer, with an offset of little more than nothing.
    private func near(_ word: UInt32, _ encoding: AArch64.Encoding, _ random: inout SplitMix64) -> UInt32 {
        var word = word
        for piece in encoding.pieces {
            let position = UInt32(piece.position)
            if piece.target == .rn, piece.width == 5 {
                word = word & ~(31 << position) | [0, 0, 1, 1, 31][Int(random.next() % 5)] << position
            } else if piece.target == .immediate, (6...12).contains(piece.width) {
                let mask: UInt32 = (1 << UInt32(piece.width)) - 1
                let isNegative = piece.width < 12 && random.chance(20)
                let value = isNegative ? mask & ~UInt32(random.next() & 7) : UInt32(random.next() & 7)
                word = word & ~(mask << position) | value << position
            }
        }
        return word
    }

    /// What ends a program at once: it tells nothing of what comes behind.
    private static func isLeftOut(_ operation: AArch64.Operation) -> Bool {
        switch operation {
        case .svc, .hvc, .smc, .brk, .hlt, .eret, .drps, .udf, .dcps1, .dcps2, .dcps3, .br, .blr, .ret, .wfi, .wfe,
            .msr_register, .sys, .sysl:
            return true
        default: return false
        }
    }

    /// A word of the line. Where registers are few, one is often more than one operand.
    /// - Parameters:
    ///   - registers: those that operands are of; any where there are none.
    ///   - zeros: how many of 100 immediates and amounts are zero.
    private func word(
        of encoding: AArch64.Encoding, registers: [UInt32], zeros: UInt64, _ random: inout SplitMix64
    ) -> UInt32 {
        var word = encoding.match | UInt32(truncatingIfNeeded: random.next()) & ~encoding.mask
        if random.chance(zeros) {
            for piece in encoding.pieces where piece.target == .immediate && (6...12).contains(piece.width) {
                word &= ~(((1 as UInt32) << UInt32(piece.width) - 1) << UInt32(piece.position))
            }
        }
        guard !registers.isEmpty else { return word }
        for piece in encoding.pieces where piece.width == 5 && piece.shift == 0 {
            switch piece.target {
            case .rd, .rn, .rm, .ra:
                let position = UInt32(piece.position)
                word = word & ~(31 << position) | registers[Int(random.next() % UInt64(registers.count))] << position
            default: break
            }
        }
        return word
    }

    /// Programs of 16 random instructions of lines.
    private func compare(
        _ random: inout SplitMix64, programs: Int, zeros: UInt64 = 0,
        _ line: (inout SplitMix64) -> AArch64.Encoding
    ) throws {
        try compare(&random, programs: programs, maximumTurn: 9) { random in
            let registers: [UInt32] = random.chance(50) ? [0, 1, 9, 14] : []
            return (0..<16).map { _ in
                let encoding = line(&random)
                return word(of: encoding, registers: registers, zeros: zeros, &random)
            }
        }
    }

    private func compare(
        _ random: inout SplitMix64, programs: Int, maximumTurn: UInt64, without disabled: OptimizationSwitches = [],
        injectsFaults: Bool = false, _ words: (inout SplitMix64) -> [UInt32]
    ) throws {
        let interpreter = try Machine(translates: false)
        let translating = try Machine(translates: true, without: disabled, injectsFaults: injectsFaults)
        for _ in 0..<programs {
            let words = words(&random)
            let program = Program(
                seed: random.next(), level: Int(random.next() % 3), words: words,
                turns: random.chance(50)
                    ? [4 * maximumTurn + 4] : (0..<6).map { _ in random.next() % maximumTurn + 1 })
            guard difference(program, interpreter, translating) != nil else { continue }
            let least = try shrunk(program, without: disabled)
            let text = difference(
                least, try Machine(translates: false), try Machine(translates: true, without: disabled))
            let listing = (text == nil ? program : least).words.map { word in
                "  \(String(word, radix: 16))  \(AArch64.Decoder(.all).encoding(of: word)?.mnemonic(of: word) ?? "?")"
            }
            Issue.record(
                """
                At EL\(program.level), with registers of seed \(program.seed) and turns of \(program.turns): \
                \(text ?? "differs only behind other programs").
                \(listing.joined(separator: "\n"))
                """)
            return
        }
        let refusals = translating.translator?.statistics.refusals
        #expect(refusals == 0, "Of so many blocks no code was made: who asks for a fourth temporary register?")
        let executed = try #require(translating.translator).statistics.executed
        #expect(executed > UInt64(programs) * 4, "only \(executed) instructions were executed in translated code")
    }
}

extension AArch64TestMachine {
    /// Puts the program into memory, and the CPU before it.
    fileprivate func begin(_ program: AArch64RandomTests.Program) {
        let stay: UInt32 = 0x1400_0000
        write(program.words + [UInt32](repeating: stay, count: 1024 - program.words.count), at: Self.code)
        write([UInt32](repeating: stay, count: 1024), at: Self.vectors)
        var random = SplitMix64(seed: program.seed)
        for page in 0..<6 {
            var data = (0..<512).map { _ in random.hostile() }
            _ = memory.write(Self.data + UInt64(page) << 12, from: &data, count: 4096)
        }
        element.reset()
        let core = element.core
        element.setMode(UInt64(program.level) << 2 | (program.level == 0 ? 0 : 1))
        let state = element.state
        state.pointee.vbar[1] = Self.vectors
        state.pointee.vbar[2] = Self.vectors
        state.pointee.cpacr = 3 << 20
        state.pointee.cptr = 0x33ff & ~(1 << 10)
        element.contextChanged()
        for register in 0..<31 {
            let isPointer = random.chance(40)
            core.pointee.registers[register] =
                isPointer ? Self.data + random.next() % 0x5000 & ~(random.chance(70) ? 7 : 0) : random.hostile()
        }
        core.pointee.registers[Int(AArch64.stackPointer)] = Self.data + 0x2000
        for part in 0..<64 { core.pointee.vectors[part] = random.hostile() }
        core.pointee.flags = FlagsRecord(result: AArch64.rawFlags(random.next() & 15))
        let modes = [0, 0, 0, 0, 1, 2, 3] as [UInt8]
        core.pointee.floatRounding = modes[Int(random.next() % 7)]
        core.pointee.floatControls = random.chance(10) ? UInt8(random.next() & 15) : 0
        core.pointee.programCounter = Self.code
    }
}

extension SplitMix64 {
    /// A number that operations like to treat apart.
    fileprivate mutating func hostile() -> UInt64 {
        switch next() % 12 {
        case 0: return 0
        case 1: return ~0
        case 2: return 1 << (next() & 63)
        case 3: return (1 << (next() & 63)) &- 1
        // Infinities, NaNs, subnormals, 1 and the least normal number, of each size.
        case 4:
            let doubles: [UInt64] = [
                0x7ff0_0000_0000_0000, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0x0000_0000_0000_0001,
                0x0010_0000_0000_0000, 0x3ff0_0000_0000_0000, 0x8000_0000_0000_0000, 0x000f_ffff_ffff_ffff,
            ]
            return doubles[Int(next() % 8)]
        case 5:
            let singles: [UInt64] = [
                0x7f80_0000, 0xffc0_0001, 0x7f80_0001, 1, 0x0080_0000, 0x3f80_0000, 0x8000_0000, 0x007f_ffff,
            ]
            return singles[Int(next() % 8)] | singles[Int(next() % 8)] << 32
        case 6: return next() & 0xff
        // Numbers near 1, whose sums and products are numbers.
        case 7, 8: return 0x3ff0_0000_0000_0000 &+ next() % (1 << 56) &- (1 << 55)
        case 9: return (0x3f80_0000 &+ next() % (1 << 26)) | (0x3f80_0000 &+ next() % (1 << 26)) << 32
        default: return next()
        }
    }
}
