import Foundation
import ISA
import Testing

@testable import JIT
@testable import Machine

/// A machine with a guest sequence at the start of its memory, which runs with address translation off.
private final class SequenceMachine {
    let board: RISCVVirt
    let hart: RISCV.Hart
    let end: UInt64
    private let sequence: GuestSequence
    static let data: UInt64 = 0x8000_8000
    private static let dataSize = 0x4000

    init(_ sequence: GuestSequence, _ engine: Engine, _ options: HotCode.Options = HotCode.Options()) throws {
        self.sequence = sequence
        var configuration = RISCVVirt.Configuration(console: NoConsole())
        configuration.memorySize = 1 << 20
        configuration.engine = engine
        configuration.jitOptions = options
        board = try RISCVVirt(configuration)
        hart = board.harts[0]
        let (bytes, end) = sequence.assembled
        self.end = end
        let memory = try #require(board.memory.host(GuestSequence.address, count: UInt64(bytes.count)))
        memory.copyMemory(from: bytes, byteCount: bytes.count)
    }

    /// Sets all registers and the memory that pointers lead to, and goes to the start.
    func begin(_ random: inout RandomNumbers) {
        let core = hart.core
        for register in 1..<32 { core.pointee.registers[register] = random.value() }
        for name in sequence.pointers {
            core.pointee.registers[GuestSequence.register(name) ?? 0] = pointer(&random)
        }
        // Where a return leads to.
        core.pointee.registers[1] = end
        let memory = board.memory.host(Self.data, count: UInt64(Self.dataSize))
        for offset in stride(from: 0, to: Self.dataSize, by: 8) {
            memory?.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
        core.pointee.programCounter = GuestSequence.address
        hart.state.pointee.mtvec = end
        core.pointee.reservation = 0
    }

    /// Mostly anywhere in memory; often where an access may go over the end of a page, and sometimes where nothing is.
    private func pointer(_ random: inout RandomNumbers) -> UInt64 {
        func multiple(below bound: UInt64) -> UInt64 { random.next() % bound / sequence.alignment * sequence.alignment }
        switch random.next() % 8 {
        case 0, 1: return Self.data + 0x1fe0 + multiple(below: 0x40)
        case 2: return 0x4000_0000_0000 + multiple(below: 0x1000)
        default: return Self.data + 0x1000 + multiple(below: 0x2000)
        }
    }

    /// Registers, the program counter, instructions executed, and what lies in memory.
    var state: [UInt64] {
        let core = hart.core.pointee
        let memory = board.memory.host(Self.data, count: UInt64(Self.dataSize))
        let words = stride(from: 0, to: Self.dataSize, by: 8).map {
            memory?.load(fromByteOffset: $0, as: UInt64.self) ?? 0
        }
        return (0..<32).map { core.registers[$0] } + [core.programCounter, core.executed] + words
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
private struct RandomNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// Often a value at which instructions change what they do, so that pairs are often equal, too.
    mutating func value() -> UInt64 {
        let corners: [UInt64] = [0, 1, 2, ~0, 63, 64, 1 << 31, 1 << 63, ~0 >> 1, 0x7fff_ffff, 0xffff_ffff, ~0 << 31]
        switch next() % 4 {
        case 0, 1: return corners[Int(next() % UInt64(corners.count))]
        case 2: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: next())))
        default: return next()
        }
    }
}

/// How good the code is that the JIT makes of common sequences, and that it is right.
@Suite("Translation quality")
struct TranslationQualityTests {
    // MARK: Right

    enum Way: String, CaseIterable, Sendable {
        case allOptimisations, noOptimisations, withoutDirectReads, injectedFaults

        var options: HotCode.Options {
            var options = HotCode.Options()
            options.threshold = 1
            switch self {
            case .allOptimisations: break
            case .noOptimisations: options.switches = []
            case .withoutDirectReads: options.switches.remove(.directReads)
            case .injectedFaults: options.injectsFaults = true
            }
            return options
        }
    }

    @Test(
        "Translated sequences do what the interpreter does, whatever registers hold and wherever turns end",
        .enabled(if: X64.HostFeatures.host.contains(.version2), "this host runs no translated code"),
        arguments: GuestSequence.all, Way.allCases)
    func behaviour(sequence: GuestSequence, way: Way) throws {
        let plain = try SequenceMachine(sequence, .interpreter)
        let translated = try SequenceMachine(sequence, .jit, way.options)
        for seed in 0..<16 as Range<UInt64> {
            var numbers = RandomNumbers(state: seed)
            plain.begin(&numbers)
            numbers = RandomNumbers(state: seed)
            translated.begin(&numbers)
            for _ in 0..<8 {
                let count = 1 + numbers.next() % 24
                plain.hart.run(count)
                translated.hart.run(count)
                let (expected, came) = (plain.state, translated.state)
                if expected != came {
                    let place = zip(expected, came).enumerated().first { $1.0 != $1.1 }
                    Issue.record(
                        """
                        '\(sequence)' \(way.rawValue), seed \(seed): \(Self.name(place?.offset ?? 0)) is \
                        \(String(place?.element.1 ?? 0, radix: 16)), and \(String(place?.element.0 ?? 0, radix: 16)) in \
                        the interpreter. See the code by: orrery disassemble --jit
                        """)
                    return
                }
            }
        }
        let statistics = try #require(translated.board.translator).statistics
        #expect(statistics.executed > 0, "nothing of '\(sequence)' was executed in translated code")
    }

    private static func name(_ place: Int) -> String {
        switch place {
        case ..<32: RISCV.integerRegisterName(place)
        case 32: "the program counter"
        case 33: "the count of instructions"
        default: "memory at 0x" + String(SequenceMachine.data + UInt64(place - 34) * 8, radix: 16)
        }
    }

    // MARK: Good

    /// The code of one sequence, without the last block, where the guest stays.
    private func text(_ sequence: GuestSequence, _ options: HotCode.Options) throws -> [String] {
        let machine = try SequenceMachine(sequence, .jit, options)
        let translator = try #require(machine.board.translator)
        let listing = try #require(
            translator.listing(at: GuestSequence.address, of: machine.hart), "'\(sequence)' is not translated")
        let host = try #require(HostCodeText(listing))
        let disassembler = Disassembler(symbols: SymbolFinder([]))
        var lines: [String] = []
        var (guestCount, hostCount) = (0, 0)
        for section in listing.sections where section.block.address != machine.end {
            if section.block.address != GuestSequence.address {
                lines.append("  block 0x" + String(section.block.address, radix: 16))
            }
            for piece in section.pieces {
                switch piece.origin {
                case .instruction(let number):
                    let offset = section.block.instructions[number].offset
                    let address = section.block.address &+ UInt64(bitPattern: Int64(offset))
                    let word = try #require(machine.board.memory.host(address, count: 4))
                        .loadUnaligned(as: UInt32.self)
                    lines.append("  " + disassembler.line(word, at: address).text)
                    guestCount += 1
                case .budget(let instructions): lines.append("  (budget: \(instructions))")
                case .next: lines.append("  (next block)")
                case .interpreted: lines.append("  (interpreted)")
                case .stub: break
                }
                let code = host.lines(piece)
                hostCount += code.count
                lines += code.map { "      " + $0 }
            }
        }
        let stubs = listing.stubs.reduce(0) { $0 + host.lines($1).count }
        return ["\(sequence): \(guestCount) guest, \(hostCount) host, \(stubs) in stubs"] + lines + [""]
    }

    /// What the code is compared with: of a host with all that the translator uses, whatever this one has.
    private static var options: HotCode.Options {
        var options = HotCode.Options()
        options.host = [.version2, .bmi1, .bmi2, .lzcnt, .avx, .avx2, .fma, .f16c, .pclmulqdq]
        return options
    }

    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Quality/sequences.txt")

    /// This compares our output with our output, on purpose: the file is there so that a change that makes code longer
    /// shows in its review. That the code is right is shown above.
    @Test("The code of common sequences is what was accepted")
    func quality() throws {
        var withoutDirectReads = Self.options
        withoutDirectReads.switches.remove(.directReads)
        var lines = ["# With memory read directly, as where translation is off.", ""]
        for sequence in GuestSequence.all { lines += try text(sequence, Self.options) }
        lines += ["# With a look into the TLB for each read.", ""]
        for sequence in GuestSequence.all where !sequence.pointers.isEmpty {
            lines += try text(sequence, withoutDirectReads)
        }
        if ProcessInfo.processInfo.environment["ORRERY_ACCEPT"] == "1" {
            try Data(lines.joined(separator: "\n").utf8).write(to: Self.file)
        }
        let accepted = try String(contentsOf: Self.file, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if accepted != lines {
            Issue.record(
                """
                the JIT makes other code of \(Self.file.lastPathComponent):
                \(Self.difference(accepted, lines).joined(separator: "\n"))
                Where that is meant, accept it: ORRERY_ACCEPT=1 swift test --filter TranslationQuality
                """)
        }
    }

    /// Lines that are gone and lines that are new, under the sequence that they belong to.
    static func difference(_ old: [String], _ new: [String]) -> [String] {
        let changes = new.difference(from: old)
        var (removed, inserted) = ([Int: String](), [Int: String]())
        for change in changes {
            switch change {
            case .remove(let offset, let line, _): removed[offset] = line
            case .insert(let offset, let line, _): inserted[offset] = line
            }
        }
        var result: [String] = []
        var (place, newPlace) = (0, 0)
        var heading = ""
        var shownHeading = ""
        func show(_ mark: String, _ line: String) {
            if heading != shownHeading, line.hasPrefix(" ") { result.append("  \(heading)") }
            shownHeading = heading
            result.append("\(mark) \(line)")
        }
        while place < old.count || newPlace < new.count {
            if let line = removed[place] {
                show("-", line)
                place += 1
            } else if let line = inserted[newPlace] {
                show("+", line)
                newPlace += 1
            } else {
                if !old[place].hasPrefix(" "), !old[place].isEmpty { heading = old[place] }
                place += 1
                newPlace += 1
            }
        }
        return result
    }

    @Test("A changed file is shown as the lines that changed, under their sequence")
    func differences() {
        let old = ["add: 1 guest", "  add a0, a1, a2", "      lea rdi, [r9 + r8]", "", "li: 1 guest", "  li a0, 0"]
        let new = ["add: 1 guest", "  add a0, a1, a2", "      mov rdi, r9", "", "li: 1 guest", "  li a0, 0"]
        #expect(Self.difference(old, old) == [])
        #expect(
            Self.difference(old, new) == ["  add: 1 guest", "-       lea rdi, [r9 + r8]", "+       mov rdi, r9"])
    }
}
