import Glibc
import ISA

/// Runs one conformance program on a machine of its own.
public struct ConformanceRun {
    public var program: ConformanceProgram
    /// What it runs on: CPU, harts, memory, and the virtual time it may take. The rest is as every program has it.
    public var machine: MachineDescription
    /// What the program leaves between `begin_signature` and `end_signature` must be what this file says.
    public var reference: String?
    /// Give the program's signature with the result.
    public var keepsSignature = false
    /// Keep the whole console and more traps.
    public var verbose = false
    /// Told of what the program prints, as it does.
    public var listener: (([UInt8]) -> Void)?

    public init(_ program: ConformanceProgram, on machine: MachineDescription) {
        self.program = program
        self.machine = machine
    }

    /// Lines of console that a report shows; an interested reader runs the program alone.
    private static let consoleLines = 12

    public func run() -> ConformanceResult {
        let start = HostProcess.now
        var result: ConformanceResult
        do throws(InputError) {
            result = try runMachine()
        } catch {
            result = ConformanceResult(name: program.name, verdict: .failed, reason: "\(error)")
        }
        result.wallTime = HostProcess.now - start
        return result
    }

    private func runMachine() throws(InputError) -> ConformanceResult {
        let file = try InputFile.read(program.path)
        if program.architecture == .riscv, let architecture = ConformanceProgram.architecture(of: file),
            let missing = ConformanceProgram.missingExtension(
                architecture, features: try RISCV.Features(cpu: machine.cpu))
        {
            return ConformanceResult(
                name: program.name, verdict: .skipped,
                reason: "is compiled for \(missing), which this CPU has not")
        }
        var description = machine
        description.firmware = "none"
        description.kernel = program.path
        let console = ConsoleLines(last: verbose ? 10_000 : Self.consoleLines)
        let hub = ConsoleHub()
        hub.listeners.append { console.write($0) }
        if let listener { hub.listeners.append(listener) }
        let session = try Session(description, console: hub)
        // Whoever asked may have been killed; then nobody waits for the answer.
        let parent = getppid()
        session.betweenTurns = { _ in getppid() != parent }
        let conclusion = session.run()
        console.end()

        var result = ConformanceResult(name: program.name, verdict: .failed)
        result.console = console.lines
        result.failedChecks = console.failedChecks
        result.instructions = session.board.executed
        result.virtualTime = session.board.scheduler.time
        result.endedByTestDevice = session.board.request != nil
        switch conclusion {
        case .exited(status: 0):
            if console.allSkipped {
                result.verdict = .skipped
                result.reason = console.skips.first ?? "no check was made"
            } else if let reason = try mismatch(session) {
                result.reason = reason
            } else {
                result.verdict = .passed
            }
        case .exited(let status): result.reason = "ended with status \(status)"
        case .failed(let code) where result.endedByTestDevice: result.reason = "failed with code \(code) (test device)"
        case .failed(let code):
            // riscv-test-env ends so on a trap that the program did not expect: its test number, with the bits of 1337.
            let toHost = code << 1 | 1
            result.reason =
                toHost & 1337 == 1337 && code > 600
                ? "a trap that the program did not expect (tohost = \(toHost))"
                : "test \(code) failed (tohost = \(toHost))"
        case .timedOut: result.reason = "did not end within \(machine.timeout?.description ?? "all") of virtual time"
        case .hung: result.reason = "hangs: no \(session.board.noun) goes on, and no event is to come"
        case .instructionLimit, .suspended, .recordingEnded, .diverged, .quit, .matched, .failureMatched,
            .expectationFailed:
            result.reason = "was ended"
        }
        if keepsSignature, let (begin, end) = signatureBounds {
            result.signature = Signature(in: session.board.memory, from: begin, to: end)?.text
        }
        if result.verdict == .failed || verbose { result.post = postMortem(session) }
        return result
    }

    // MARK: Signatures

    /// What is wrong with the program's signature; nil when it is right or nothing is to be compared.
    private func mismatch(_ session: Session) throws(InputError) -> String? {
        guard let reference else { return nil }
        let expected = try Signature(try InputFile.read(reference))
        guard let (begin, end) = signatureBounds else {
            return "has no begin_signature and end_signature to compare with \(reference)"
        }
        return expected.difference(from: session.board.memory, begin: begin, end: end)
    }

    /// Where the program's symbols say that its signature is.
    private var signatureBounds: (begin: UInt64, end: UInt64)? {
        guard
            let elf = try? ELFFile(try InputFile.read(program.path), machine: program.architecture),
            let begin = elf.physicalAddress(ofSymbol: "begin_signature"),
            let end = elf.physicalAddress(ofSymbol: "end_signature"), end >= begin
        else { return nil }
        return (begin, end)
    }

    // MARK: Post-mortem

    private func postMortem(_ session: Session) -> [String] {
        guard program.architecture == .riscv else {
            let symbols = SymbolFinder(session.symbols)
            let registers = verbose ? session.board.processors.flatMap { $0.registerLines(symbols) } : []
            return PostMortem(session).lines.map { String($0.dropFirst(2)) } + registers
        }
        func place(_ address: UInt64) -> String {
            let location = session.symbols.lazy.compactMap { $0.location(of: address) }.first
            return hexadecimal(address) + (location.map { " (\($0))" } ?? "")
        }
        func level(_ privilege: RISCV.Privilege, _ virtual: Bool) -> String {
            switch privilege {
            case .machine: "M"
            case .supervisor: virtual ? "VS" : "S"
            case .user: virtual ? "VU" : "U"
            }
        }
        var lines: [String] = []
        for hart in session.board.processors.compactMap({ $0 as? RISCV.Hart }) {
            let state = hart.state.pointee
            var line = "hart \(hart.identifier)  \(level(state.privilege, state.virtual))  pc "
            line += place(state.core.programCounter)
            if state.waiting { line += "  waits (wfi)" }
            line += "  gp \(hexadecimal(state.core.registers[3]))  after \(grouped(hart.executed)) instructions"
            lines.append(line)
            if verbose {
                for row in 0..<8 {
                    let cells = (0..<4).map { column in
                        let number = row * 4 + column
                        return ["x\(number)", hexadecimal(state.core.registers[number])]
                    }
                    lines.append("  " + aligned([cells.flatMap { $0 }], left: [0, 2, 4, 6])[0])
                }
            }
            for trap in hart.recentTraps.suffix(verbose ? 16 : 2) {
                lines.append(
                    "  trap \(RISCV.Cause.describe(trap.cause)), \(level(trap.fromPrivilege, trap.fromVirtual)) to "
                        + "\(level(trap.toPrivilege, trap.toVirtual)), at \(place(trap.programCounter)), value "
                        + hexadecimal(trap.value))
            }
        }
        return lines
    }
}

/// A reference signature: one 32-bit word a line, in hexadecimal, as riscv-arch-test has them.
public struct Signature: Equatable, Sendable {
    public let words: [UInt32]

    public init(_ file: InputFile) throws(InputError) {
        var words: [UInt32] = []
        for (index, line) in file.bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: line, as: UTF8.self).filter { !$0.isWhitespace }
            if text.isEmpty { continue }
            guard let word = UInt32(text, radix: 16) else {
                throw InputError(
                    file: file.name, at: .line(index + 1), problem: "\"\(text.prefix(20))\" is no 32-bit word",
                    mend: "Write eight hexadecimal digits.")
            }
            words.append(word)
        }
        self.words = words
    }

    /// What is in memory; nil where that is not all memory, or too much to be a signature.
    init?(in memory: PhysicalMemory, from begin: UInt64, to end: UInt64) {
        guard end - begin <= Self.largest else { return nil }
        var words: [UInt32] = []
        for address in stride(from: begin, to: end & ~3, by: 4) {
            var word: UInt32 = 0
            guard memory.read(address, into: &word, count: 4) else { return nil }
            words.append(word)
        }
        self.words = words
    }

    /// In bytes.
    private static let largest: UInt64 = 1 << 20

    /// The file that ``init(_:)`` reads.
    public var text: String {
        words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits + "\n"
        }.joined()
    }

    /// The first words that differ from those in memory, in a sentence.
    func difference(from memory: PhysicalMemory, begin: UInt64, end: UInt64) -> String? {
        let count = (end - begin) / 4
        var differences: [String] = []
        var number = 0
        for index in 0..<min(count, UInt64(words.count)) {
            var word: UInt32 = 0
            guard memory.read(begin + index * 4, into: &word, count: 4) else { return "its signature is not in memory" }
            let expected = words[Int(index)]
            if word != expected {
                number += 1
                if differences.count < 4 {
                    differences.append("word \(index) is \(hexadecimal(word)), expected \(hexadecimal(expected))")
                }
            }
        }
        if number > 0 {
            let more = number > differences.count ? " and \(number - differences.count) more" : ""
            return "the signature differs: " + differences.joined(separator: "; ") + more
        }
        // Both may be padded at the end.
        return count < UInt64(words.count)
            ? "the signature has \(count) words, and \(words.count) are expected" : nil
    }
}

/// The console of a test program, in lines: the last ones, and those that mean something to the harness.
final class ConsoleLines {
    private(set) var lines: [String] = []
    private(set) var failedChecks: [String] = []
    private(set) var skips: [String] = []
    /// The program says that it passed without a single check.
    private(set) var allSkipped = false
    /// The program says how it went.
    private(set) var hasVerdict = false
    private let last: Int
    private var partial: [UInt8] = []

    init(last: Int) {
        self.last = last
    }

    func write(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte == 0x0a || partial.count >= 4096 { end() }
            if byte != 0x0a, byte != 0x0d { partial.append(byte) }
        }
    }

    func end() {
        guard !partial.isEmpty else { return }
        let line = String(decoding: partial, as: UTF8.self)
        partial.removeAll(keepingCapacity: true)
        lines.append(line)
        if lines.count > last { lines.removeFirst() }
        if line.hasPrefix("fail "), failedChecks.count < 10_000 { failedChecks.append(line) }
        if line.hasPrefix("skip: "), skips.count < 100 { skips.append(String(line.dropFirst("skip: ".count))) }
        if line.hasPrefix("PASS ") || line.hasPrefix("FAILED ") { hasVerdict = true }
        if line.hasPrefix("PASS "), line.contains(": 0 checks"), !skips.isEmpty { allSkipped = true }
    }
}
