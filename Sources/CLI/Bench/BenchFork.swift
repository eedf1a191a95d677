import Foundation
import Machine

/// How many machines can be begun in a second from one snapshot: `orrery bench fork`.
///
/// Debian's kernel is booted to the shell's prompt in 256 MiB. From there forks are begun one after the other, and each
/// executes its first 1,000 instructions. A fork ends where the next one begins, so that to put back what it changed counts.
struct BenchFork {
    static let name = "fork"
    /// What each fork executes.
    static let instructions: UInt64 = 1000
    /// What we promise, on one thread.
    static let least = 200.0
    /// Seconds that each round lasts.
    private static let length = 1.0

    private let boot: BenchBoot
    private let engine: String?

    init(_ boot: BenchBoot, engine: String?) {
        (self.boot, self.engine) = (boot, engine)
    }

    struct Figures {
        /// In a second, on one thread, and on as many as the host has processors.
        var alone = 0.0
        var together = 0.0
        var jobs: Int
        /// Of one that also types a command and runs 1,000,000 instructions.
        var longer = 0.0
        var bootInstructions: UInt64
        var isKept: Bool { alone >= BenchFork.least }

        var table: [String] {
            aligned(
                [
                    [
                        "forks a second, 1,000 instructions each, one thread",
                        decimal(alone, places: 0) + (isKept ? "" : "  fewer than promised"),
                    ],
                    ["the same, \(jobs) threads", decimal(together, places: 0)],
                    ["forks a second, 1,000,000 instructions each, one thread", decimal(longer, places: 0)],
                    ["instructions of the boot that each goes on from", grouped(bootInstructions)],
                ], left: [0])
        }

        var json: JSON {
            .object([
                ("forksPerSecond", .decimal(decimal(alone, places: 1))), ("jobs", .number(UInt64(jobs))),
                ("forksPerSecondOfAllJobs", .decimal(decimal(together, places: 1))),
                ("longerForksPerSecond", .decimal(decimal(longer, places: 1))),
                ("bootInstructions", .number(bootInstructions)),
            ])
        }
    }

    /// - Parameter show: told of what is done.
    func measure(rounds: Int, _ show: (String) -> Void) throws -> Figures {
        show("boots to the shell's prompt")
        let options = try MachineOptions.parse(
            boot.orreryOptions + ["--until", "^# ", "--timeout", "60s"] + (engine.map { ["--engine", $0] } ?? []))
        var description = try options.description().withOverlays
        let session = try Session(description, builtInFirmware: try BuiltInFirmware.read())
        guard case .matched = session.run() else {
            throw InputError(file: Self.name, problem: "the system did not come to its prompt")
        }
        (description.until, description.timeout) = (nil, nil)
        let forks = try MachineForks(of: session, description)
        let jobs = ProcessInfo.processInfo.activeProcessorCount
        var figures = Figures(jobs: jobs, bootInstructions: forks.position)
        let typing = try InputScript(InputFile(name: "fork.input", bytes: Array("send \"ls /\\n\"\n".utf8)))
        for round in 1...rounds {
            show("[\(round)/\(rounds)] forks")
            figures.alone = max(figures.alone, try rate(forks, MachineForks.Input(instructions: Self.instructions), 1))
            figures.together = max(
                figures.together, try rate(forks, MachineForks.Input(instructions: Self.instructions), jobs))
            figures.longer = max(
                figures.longer, try rate(forks, MachineForks.Input(script: typing, instructions: 1_000_000), 1))
        }
        return figures
    }

    /// Forks in a second; machines are made before that.
    private func rate(_ forks: MachineForks, _ input: MachineForks.Input, _ jobs: Int) throws -> Double {
        // Something has to be run before it is known how many there are in the time.
        var count = 64 * jobs
        while true {
            let inputs = [MachineForks.Input](repeating: input, count: count)
            var seconds = 0.0
            try forks.run(inputs, jobs: jobs, hashes: false, duration: &seconds) { $0.conclusion == .instructionLimit }
            if seconds >= Self.length { return Double(count) / seconds }
            count = min(max(count * 2, Int(Double(count) * 1.2 * Self.length / max(seconds, 0.001))), count * 50)
        }
    }
}
