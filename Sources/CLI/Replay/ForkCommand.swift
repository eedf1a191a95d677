import ArgumentParser
import Foundation
import Machine

/// `orrery fork`.
struct ForkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "Run many times from one snapshot, each time with other inputs.",
        discussion: """
            Each run has the machine as it was in the snapshot, and memory of its own only where it writes. Several go on at \
            a time. There is no network. A line for each says how it ended, the hash of its state and what it printed last; \
            the exit status is that of the first that did not end well.

            Examples:
              orrery snapshot boot.yaml -o booted.orrery --until '# $'
              orrery fork booted.orrery --input ls.input --input mount.input --until 'done'
              orrery fork booted.orrery --runs 1000 --seed 1 --instructions 5M --json
            """)

    @Argument(
        help: ArgumentHelp("The file, and which of its snapshots (the last one).", valueName: "file[:name|:#number]"),
        completion: .file())
    var snapshot: String

    @Option(help: ArgumentHelp("How many runs: one for each --input, unless this says so.", valueName: "n"))
    var runs: Int?

    @Option(
        help: ArgumentHelp(
            "A script that types; may be given again. Runs have one after the other of them.", valueName: "file"),
        completion: .file())
    var input: [String] = []

    @Option(
        help: ArgumentHelp(
            "Make what is random in the machine from another number in each run: from this one on.", valueName: "number"
        ))
    var seed: String?

    @Option(help: ArgumentHelp("End a run after so many instructions of its own.", valueName: "n"))
    var instructions: String?

    @Option(help: ArgumentHelp("End a run well when a line of its console matches.", valueName: "regex"))
    var until: String?

    @Option(help: ArgumentHelp("End a run badly when a line matches; may be given again.", valueName: "regex"))
    var failOn: [String] = []

    @Option(
        help: ArgumentHelp("End a run at this time of the machine's own, counted from power-on.", valueName: "time"))
    var timeout: String?

    @Option(help: ArgumentHelp("How many at a time: as many as this computer has processors.", valueName: "n"))
    var jobs: Int?

    @Flag(help: "Do not hash the state at the end of each run, which takes some hundredths of a second.")
    var noHash = false

    @OptionGroup var engine: EngineOptions

    @Flag(help: "Print an object of JSON for each run.")
    var json = false

    func run() throws {
        let start = try SnapshotStart(snapshot)
        var flags = MachineDescription()
        let values: [(MachineDescription.Key, [String])] = [
            (.until, [until].compactMap(\.self)), (.failOn, failOn), (.timeout, [timeout].compactMap(\.self)),
        ]
        for (key, texts) in values + engine.values where !texts.isEmpty { try flags.set(flag: key, texts) }
        let description = start.description.overridden(by: flags)
        let inputs = try inputs()
        let forks = try MachineForks(start.snapshot, description)
        let jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        guard jobs > 0 else { throw UsageError("--jobs: it is \(jobs), and must be at least 1.") }
        Interruption.watch()
        let report = ForkReport(description, isJSON: json, width: String(inputs.count).count)
        try forks.run(inputs, jobs: jobs, hashes: !noHash) { result in
            report.tell(result)
            return Interruption.signal == 0
        }
        Interruption.obey()
        throw ExitCode(report.status)
    }

    private func inputs() throws -> [MachineForks.Input] {
        let count = runs ?? max(input.count, 1)
        guard (1...10_000_000).contains(count) else {
            throw UsageError("--runs: it is \(count), and must be from 1 to 10000000.")
        }
        func number(_ flag: String, _ text: String?) throws(UsageError) -> UInt64? {
            guard let text else { return nil }
            do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: flag, error) }
        }
        let seed = try number("seed", seed), limit = try number("instructions", instructions)
        let scripts = try input.map { try InputScript(InputFile.read($0)) }
        return (0..<count).map { place in
            MachineForks.Input(
                script: scripts.isEmpty ? nil : scripts[place % scripts.count], seed: seed.map { $0 &+ UInt64(place) },
                instructions: limit)
        }
    }
}

/// What `orrery fork` prints: a line for each run.
private final class ForkReport: @unchecked Sendable {
    private let description: MachineDescription
    private let isJSON: Bool
    private let width: Int
    /// Of the first run that did not end well. Runs are told of one at a time.
    private(set) var status: Int32 = 0

    init(_ description: MachineDescription, isJSON: Bool, width: Int) {
        (self.description, self.isJSON, self.width) = (description, isJSON, width)
    }

    func tell(_ result: MachineForks.Result) {
        let isLimit = result.conclusion == .instructionLimit
        let own = ExitStatus.of(result.conclusion, expectsMatch: description.until != nil)
        // Who only counts instructions asked for just that.
        let status = isLimit && description.until == nil ? 0 : own
        if self.status == 0 { self.status = status }
        let text =
            isLimit
            ? "\(grouped(result.instructions)) instructions"
            : RunHost.describe(result.conclusion, description) ?? Self.words(result.conclusion)
        let hash = result.stateHash.map { RunStatistics.hashText($0) }
        guard !isJSON else {
            StandardStreams.output(
                JSON.object([
                    ("run", .number(UInt64(result.number))), ("status", .number(UInt64(max(status, 0)))),
                    ("conclusion", .string(text)), ("instructions", .number(result.instructions)),
                    ("virtualNanoseconds", .number(result.time)), ("stateHash", hash.map { .string($0) } ?? .null),
                    ("lastLine", .string(result.lastLine)),
                ]).text + "\n")
            return
        }
        let number = String(result.number)
        let parts = [
            String(repeating: " ", count: max(width - number.count, 0)) + number, status == 0 ? "ok  " : "FAIL",
            hash ?? "-", text + (result.lastLine.isEmpty ? "" : " | \(result.lastLine)"),
        ]
        StandardStreams.output(parts.joined(separator: "  ") + "\n")
    }

    private static func words(_ conclusion: Session.Conclusion) -> String {
        switch conclusion {
        case .exited: "the guest ended well"
        case .matched: "the console matched"
        default: "the run was ended"
        }
    }
}
