import ArgumentParser
import Foundation
import Machine

/// Many replays of one recording, each in a process of its own.
struct ReplayTimes {
    let file: String
    let times: Int
    let jobs: Int?
    /// For each.
    let arguments: [String]

    func run(_ command: ReplayCommand) throws {
        guard times >= 1, times <= 1_000_000 else { throw UsageError("--times: give a number from 1 to 1000000.") }
        guard jobs ?? 1 >= 1 else { throw UsageError("--jobs: give a number from 1 on.") }
        guard command.isWhole, command.rewinds == nil, command.parts == nil else {
            throw UsageError("--times replays all of the recording and nothing else: leave the other flags out.")
        }
        let process = HostProcess(
            HostProcess.own, ["replay", file, "--verify"] + arguments, limit: HostProcess.replayLimit)
        let start = HostTime.now
        var (done, failed) = (0, 0)
        var said: [String: Int] = [:]
        var time = 0.0
        try HostProcess.run(
            [HostProcess](repeating: process, count: times),
            atOnce: jobs ?? ProcessInfo.processInfo.activeProcessorCount
        ) { number, ended in
            done += 1
            time += ended.processorTime
            if ended.end == .exited(0) {
                said[String(decoding: ended.output, as: UTF8.self), default: 0] += 1
            } else {
                failed += 1
                let errors = String(decoding: ended.errors, as: UTF8.self)
                ProgressLine.clear()
                StandardStreams.error("replay \(number + 1): \(ended.end.text): \(errors)")
            }
            ProgressLine.show("[\(done)/\(times)] \(failed) diverged or failed")
        }
        ProgressLine.clear()
        // Each says with which state it has ended.
        for (line, count) in said.sorted(by: { ($0.value, $0.key) > ($1.value, $1.key) }) {
            StandardStreams.output("\(grouped(UInt64(count))) times: \(line)")
        }
        let wall = Double(HostTime.now - start) / 1e9
        StandardStreams.output(
            "\(grouped(UInt64(times))) replays, \(grouped(UInt64(failed))) diverged or failed; "
                + "\(decimal(time / Double(times), places: 2)) s of processor time each, "
                + "\(decimal(wall, places: 0)) s in all\n")
        if failed > 0 || said.count > 1 { throw ExitCode(ExitStatus.diverged.rawValue) }
    }
}

extension HostProcess {
    /// What no replay takes, in seconds on the wall.
    static let replayLimit = 86_400.0
}

extension HostProcess.End {
    /// For people.
    var text: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): "died of signal \(signal)"
        case .outOfTime: "did not end"
        }
    }
}
