import Testing

@testable import ISA
@testable import JIT
@testable import Machine

/// Floating point in translated code against the interpreter, whose arithmetic other tests hold against the manual's
/// definition and the host's processor: the same code, the same operands, and then the same registers, flags and memory.
///
/// A sequence is made from its seed, as are its operands. A failure names both, and lists the code.
@Suite("Floating point in translated code")
struct FloatTranslationTests {
    #if DEBUG
    static let sequences = 150
    static let runs = 30
    #else
    static let sequences = 1500
    static let runs = 100
    #endif

    enum Way: String, CaseIterable, Sendable {
        case allOptimisations, noOptimisations, onlyFloats, withoutAVX, injectedFaults

        var options: HotCode.Options {
            var options = HotCode.Options()
            options.threshold = 1
            switch self {
            case .allOptimisations: break
            case .noOptimisations: options.switches = []
            case .onlyFloats: options.switches = [.floats]
            case .withoutAVX: options.host = .version2
            case .injectedFaults: options.injectsFaults = true
            }
            return options
        }
    }

    @Test(
        "Results, flags and memory are the interpreter's, whatever the operands and the rounding mode",
        .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"),
        arguments: Way.allCases)
    func agreement(way: Way) throws {
        let plain = try FloatMachine(.interpreter)
        let translated = try FloatMachine(.jit, way.options)
        for seed in 0..<UInt64(Self.sequences) {
            let sequence = FloatSequence(seed: seed)
            plain.write(sequence)
            translated.write(sequence)
            for run in 0..<UInt64(Self.runs) {
                let operands = seed << 32 | run
                plain.begin(seed: operands)
                translated.begin(seed: operands)
                // Once at the end, and sometimes in between.
                for count in [1 + operands &* 7 % 8, 60] {
                    plain.hart.run(count)
                    translated.hart.run(count)
                }
                guard let difference = translated.difference(from: plain) else { continue }
                Issue.record("\(way.rawValue), sequence \(seed), run \(run): \(difference)\n\(sequence)")
                return
            }
        }
        let statistics = try #require(translated.board.translator).statistics
        #expect(statistics.executed > 0, "nothing was executed in translated code")
    }
}

/// A few floating-point instructions on few registers, so that results are operands, and operands are overwritten.
struct FloatSequence: CustomStringConvertible {
    private(set) var words: [UInt32] = []
    private var random: RandomNumbers

    /// ft0 to ft2 and fa0 to fa5 live in host registers, f20 and f31 in memory; of the integer registers x8 and x12 to x15,
    /// and x28 in memory.
    static let floats: [UInt32] = [0, 1, 10, 11, 14, 15, 20, 31]
    static let integers: [UInt32] = [8, 12, 13, 15, 28, 0]

    private static let encodings = RISCV.Encoding.all.filter { encoding in
        guard encoding.length == 4, encoding.requires.isSubset(of: .all) else { return false }
        let mnemonic = encoding.operation.mnemonic
        return mnemonic.hasPrefix("f") && !mnemonic.hasPrefix("fence")
            && !mnemonic.contains(".h") && mnemonic != "flh" && mnemonic != "fsh"
    }

    init(seed: UInt64) {
        random = RandomNumbers(state: ~seed)
        // Singles, doubles, or both.
        let kind = random.next() % 4
        var choice = Self.encodings
        if kind < 2 {
            let other = kind == 0 ? ".s" : ".d"
            choice = choice.filter { !$0.operation.mnemonic.contains(other) }
        }
        for _ in 0..<1 + random.next() % 12 {
            let encoding = choice[Int(random.next() % UInt64(choice.count))]
            words.append(word(encoding))
            if encoding.rdBias == 0, random.next() % 2 == 0 { branch(on: words[words.count - 1] >> 7 & 31) }
        }
        // The guest stays at the end, behind what branches may skip.
        words += [0x0010_0013, 0x0010_0013, 0x0000_006f]
    }

    /// beq or bne of the register and x0, over one or two instructions.
    private mutating func branch(on register: UInt32) {
        let isEqual = random.next() % 2 == 0
        let offset: UInt32 = random.next() % 2 == 0 ? 8 : 12
        words.append(0x63 | (isEqual ? 0 : 0x1000) | register << 15 | offset << 7)
    }

    private mutating func pick(_ registers: [UInt32]) -> UInt32 {
        registers[Int(random.next() % UInt64(registers.count))]
    }

    /// The word, with its fields filled in. Integer and f registers have the same places.
    private mutating func word(_ encoding: RISCV.Encoding) -> UInt32 {
        let mnemonic = encoding.operation.mnemonic
        switch mnemonic {
        case "fld", "flw": return encoding.match | pick(Self.floats) << 7 | 10 << 15 | offset() << 20
        case "fsd", "fsw": return encoding.match | pick(Self.floats) << 20 | 10 << 15 | offset() << 7
        default: break
        }
        var fields = pick(Self.floats) << 27 | pick(Self.floats) << 20
        fields |= random.next() % 8 == 0 ? random.next() % 2 == 0 ? 0 : 1 << 12 : 7 << 12
        if encoding.rdBias == 0 { fields |= pick(Self.integers) << 7 } else { fields |= pick(Self.floats) << 7 }
        let takesInteger =
            mnemonic.hasSuffix(".x") || mnemonic.hasSuffix(".w") || mnemonic.hasSuffix(".wu")
            || mnemonic.hasSuffix(".l") || mnemonic.hasSuffix(".lu")
        if takesInteger && encoding.rdBias != 0 {
            fields |= pick(Self.integers) << 15
        } else {
            fields |= pick(Self.floats) << 15
        }
        return encoding.match | fields & ~encoding.mask
    }

    private mutating func offset() -> UInt32 { UInt32(truncatingIfNeeded: random.next() % 4) * 8 }

    var description: String {
        let disassembler = Disassembler(symbols: SymbolFinder([]))
        return words.enumerated().map { index, word in
            disassembler.line(word, at: FloatMachine.address + UInt64(index) * 4).text
        }.joined(separator: "\n")
    }
}

/// A machine that runs such sequences.
final class FloatMachine {
    let board: RISCVVirt
    let hart: RISCV.Hart
    static let address: UInt64 = 0x8000_0000
    private static let data: UInt64 = 0x8000_8000
    private static let dataSize = 64

    init(_ engine: Engine, _ options: HotCode.Options = HotCode.Options()) throws {
        var configuration = RISCVVirt.Configuration(console: NoConsole())
        configuration.memorySize = 1 << 20
        configuration.engine = engine
        configuration.jitOptions = options
        board = try RISCVVirt(configuration)
        hart = board.harts[0]
    }

    /// Puts the sequence into memory as a device would, which makes translated code of its predecessor go.
    func write(_ sequence: FloatSequence) {
        var words = sequence.words
        _ = board.memory.write(Self.address, from: &words, count: words.count * 4)
    }

    /// Puts hostile values into all registers and memory.
    func begin(seed: UInt64) {
        var random = RandomNumbers(state: seed)
        let core = hart.core
        hart.state.pointee.mstatus |= RISCV.State.Status.fs
        hart.privilegeChanged()
        for register in 1..<32 { core.pointee.registers[register] = Self.integer(&random) }
        core.pointee.registers[10] = Self.data
        for register in 0..<32 {
            core.pointee.registers[Int(RISCV.firstFloatRegister) + register] = Self.float(&random)
        }
        for offset in stride(from: 0, to: UInt64(Self.dataSize), by: 8) {
            var value = Self.float(&random)
            _ = board.memory.write(Self.data + offset, from: &value, count: 8)
        }
        core.pointee.floatRounding = UInt8(random.next() % 8)
        if random.next() % 2 == 0 { core.pointee.floatRounding = 0 }
        core.pointee.floatFlags = random.next() % 2 == 0 ? 0 : UInt8(random.next() % 32)
        core.pointee.floatDirty = 0
        hart.state.pointee.mtvec = 0x8000_1000
        core.pointee.programCounter = Self.address
    }

    private static func integer(_ random: inout RandomNumbers) -> UInt64 {
        random.next() % 4 == 0 ? random.next() >> (random.next() % 64) : random.value()
    }

    private static func float(_ random: inout RandomNumbers) -> UInt64 {
        switch random.next() % 16 {
        case 0: return random.next()
        case 1: return UInt64(UInt32(truncatingIfNeeded: random.next()))
        case 2..<9: return 0xffff_ffff_0000_0000 | bits(&random, exponentBits: 8, significandBits: 23)
        default: return bits(&random, exponentBits: 11, significandBits: 52)
        }
    }

    /// Zeros, subnormals, numbers near one and of the size of integers, the greatest, infinities, and NaNs of both kinds.
    private static func bits(_ random: inout RandomNumbers, exponentBits: UInt64, significandBits: UInt64) -> UInt64 {
        let special = UInt64(1) << exponentBits - 1
        let bias = special >> 1
        let exponent: UInt64
        switch random.next() % 10 {
        case 0: exponent = 0
        case 1: exponent = special
        case 2: exponent = special - 1 - random.next() % 3
        case 3: exponent = 1 + random.next() % significandBits
        case 4: exponent = bias + random.next() % 66
        case 5: exponent = random.next() % special
        case 6: exponent = bias >> 1 + random.next() % 3
        default: exponent = bias - 2 + random.next() % 4
        }
        let mask = UInt64(1) << significandBits - 1
        let significand: UInt64
        switch random.next() % 6 {
        case 0, 1: significand = 0
        case 2: significand = mask
        case 3: significand = 1 << (random.next() % significandBits)
        case 4: significand = ~0 << (random.next() % significandBits)
        default: significand = random.next()
        }
        let sign = (random.next() & 1) << (exponentBits + significandBits)
        return sign | exponent << significandBits | significand & mask
    }

    /// What differs from the other machine.
    func difference(from other: FloatMachine) -> String? {
        let (a, b) = (hart.core, other.hart.core)
        func differ(_ name: String, _ came: UInt64, _ expected: UInt64) -> String? {
            came == expected
                ? nil : "\(name) is \(String(came, radix: 16)), in the interpreter \(String(expected, radix: 16))"
        }
        // Between them is what takes writes to x0.
        for register in 0..<80 where register != Int(DecodedSlot.sink) {
            let name = register < 32 ? "x\(register)" : "f\(register - Int(RISCV.firstFloatRegister))"
            if let text = differ(name, a.pointee.registers[register], b.pointee.registers[register]) { return text }
        }
        let rest = [
            differ("pc", a.pointee.programCounter, b.pointee.programCounter),
            differ("fflags", UInt64(a.pointee.floatFlags), UInt64(b.pointee.floatFlags)),
            differ("the dirty mark", UInt64(a.pointee.floatDirty), UInt64(b.pointee.floatDirty)),
            differ("the count of instructions", a.pointee.executed, b.pointee.executed),
            differ("mcause", hart.state.pointee.mcause, other.hart.state.pointee.mcause),
        ]
        if let text = rest.compactMap({ $0 }).first { return text }
        for offset in stride(from: 0, to: UInt64(Self.dataSize), by: 8) {
            let host = [board, other.board].map { $0.memory.host(Self.data + offset, count: 8) }
            let values = host.map { $0?.load(as: UInt64.self) ?? 0 }
            if let text = differ("memory", values[0], values[1]) { return text }
        }
        return nil
    }
}
