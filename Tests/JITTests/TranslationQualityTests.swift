import Foundation
import ISA
import Testing

@testable import JIT
@testable import Machine

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
