import Foundation
import Machine

/// One run of `orrery test`: children are started, their results gathered in the programs' order, and told.
struct TestRun {
    private let command: TestCommand
    private let programs: [ConformanceProgram]

    init(_ command: TestCommand, _ programs: [ConformanceProgram]) {
        self.command = command
        self.programs = programs
    }

    /// What a child process tells of.
    private enum Place {
        case ours(Int), other(Int)
    }

    func run() throws -> ConformanceReport {
        var results = [ConformanceResult?](repeating: nil, count: programs.count)
        var others = [OtherRun?](repeating: nil, count: programs.count)
        var places: [Place] = []
        var children: [HostProcess] = []
        /// Children that each program waits for.
        var awaited = [Int](repeating: 0, count: programs.count)
        let limit = try command.wallLimit
        var emulators: [ELFFile.Machine: [String]] = [:]
        if let name = command.against {
            for architecture in Set(programs.map(\.architecture)) {
                emulators[architecture] = try OtherEmulator.command(
                    name, for: architecture, machine: command.machine)
            }
        }
        let known = try command.differences.map { try KnownDifferences(try InputFile.read($0)) } ?? KnownDifferences()
        for (index, program) in programs.enumerated() {
            let reference = command.reference(for: program)
            if let directory = command.signatureReference, reference == nil {
                results[index] = ConformanceResult(
                    name: program.name, verdict: .skipped, reason: "has no reference in \(directory)")
                continue
            }
            if let other = emulators[program.architecture] {
                awaited[index] += 1
                places.append(.other(index))
                children.append(HostProcess(other[0], other.dropFirst() + [program.path], limit: limit))
            }
            awaited[index] += 1
            places.append(.ours(index))
            children.append(
                HostProcess(
                    HostProcess.own, command.childArguments(program, reference: reference), limit: limit))
        }
        var output = TestOutput(total: programs.count, verbose: command.verbose)
        var told = 0
        func tellFinished() {
            while told < results.count, awaited[told] == 0, var result = results[told] {
                if let name = command.against, let other = others[told] {
                    result.compare(with: other, name, known)
                    results[told] = result
                }
                let program = programs[told]
                told += 1
                output.tell(result, done: told) { command.rerun(program) }
            }
        }
        tellFinished()
        let jobs = command.jobs ?? ProcessInfo.processInfo.activeProcessorCount
        try HostProcess.run(children, atOnce: jobs) { child, ended in
            switch places[child] {
            case .ours(let index):
                awaited[index] -= 1
                results[index] = Self.result(of: programs[index], ended, limit: limit)
            case .other(let index):
                awaited[index] -= 1
                others[index] = OtherRun(ended)
            }
            tellFinished()
        }
        let report = ConformanceReport(results.compactMap { $0 })
        output.finish(report)
        return report
    }

    /// What a child said, or how it died.
    private static func result(
        of program: ConformanceProgram, _ ended: HostProcess.Ended, limit: Double
    ) -> ConformanceResult {
        var result = ConformanceResult(name: program.name, verdict: .failed)
        switch ended.end {
        case .exited(0):
            if let said = try? JSONDecoder().decode(ConformanceResult.self, from: Data(ended.output)) { return said }
            result.reason = "the child that ran it said nothing intelligible"
        case .exited(let status): result.reason = "the child that ran it ended with status \(status)"
        case .signalled(let signal):
            result.reason = "the emulator died of signal \(signal) (\(String(cString: strsignal(signal))))"
        case .outOfTime: result.reason = "did not end within \(decimal(limit, places: 0)) s on the wall"
        }
        result.console = String(decoding: ended.errors.suffix(4096), as: UTF8.self).split(separator: "\n").suffix(12)
            .map(String.init)
        result.wallTime = ended.wallTime
        return result
    }
}

/// What `orrery test` says while it runs, and at the end.
struct TestOutput {
    private let total: Int
    private let verbose: Bool
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var failed = 0
    private var explanations: [[String]] = []

    init(total: Int, verbose: Bool) {
        self.total = total
        self.verbose = verbose
    }

    /// Tells one result. On a terminal one line shows how far the run is, and failures stay above it.
    mutating func tell(_ result: ConformanceResult, done: Int, rerun: () -> String) {
        if result.verdict == .failed {
            failed += 1
            explanations.append(ConformanceReport.explanation(result, rerun: rerun()))
        }
        let lines = Self.lines(result, verbose: verbose)
        if isTerminal {
            var text = "\r\u{1b}[K"
            if result.verdict != .passed || verbose { text += lines.joined(separator: "\n") + "\n" }
            if done < total {
                let name = result.name.suffix(48)
                text += "[\(done)/\(total)] " + (failed > 0 ? "\(failed) failed  " : "") + name
            }
            StandardStreams.output(text)
        } else {
            StandardStreams.output(lines.joined(separator: "\n") + "\n")
        }
    }

    private static func lines(_ result: ConformanceResult, verbose: Bool) -> [String] {
        let word =
            switch result.verdict {
            case .passed: "pass"
            case .failed: "FAIL"
            case .skipped: "skip"
            }
        var line = "\(word)  \(result.name)"
        if !result.reason.isEmpty { line += ": \(result.reason)" }
        if result.differences > 0 { line += "  (\(result.differences) known differences)" }
        guard verbose else { return [line] }
        line += "  (\(grouped(result.instructions)) instructions, \(decimal(result.wallTime, places: 2)) s)"
        return [line] + result.console.map { "    | " + $0 } + result.post.map { "    " + $0 }
    }

    /// Failures once more, with what is known of each, then the table and the closing line.
    func finish(_ report: ConformanceReport) {
        var text = ""
        if !explanations.isEmpty {
            text += "\nFailures:\n\n" + explanations.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
        }
        text += "\n" + report.table.joined(separator: "\n") + "\n\n" + report.closingLine + "\n"
        StandardStreams.output(text)
    }

    /// `word` as a shell reads it back.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./=,:+@%".utf8.contains($0)
            }
        }
        return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
