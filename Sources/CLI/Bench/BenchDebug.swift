import Foundation
import Machine

/// `orrery bench debug`: how long a debugger waits for a run that goes backwards, by a client of GDB's protocol.
///
/// Debian's kernel boots under the JIT for so many instructions. From there, steps go back one after the other, and then the
/// whole run to its beginning, with nothing on the way to stop at: the longest way that there is. What counts is processor
/// time, as in the other benchmarks.
struct BenchDebug {
    static let name = "debug"

    /// What we promise (SPECIFICATION.md), in seconds.
    static let stepLimit = 0.1
    static let continueLimit = 2.0

    struct Figures {
        let target: BenchTarget
        /// Of each step, in seconds, in their order.
        let steps: [Double]
        /// Of each run backwards, in seconds for a billion instructions.
        let continues: [Double]
        let instructions: UInt64

        var isKept: Bool {
            BenchDebug.percentile95(steps) <= stepLimit && BenchDebug.percentile95(continues) <= continueLimit
        }
    }

    private let system: BenchBoot
    /// Where the run goes back from.
    private let instructions: UInt64 = 2_000_000_000
    private let stepCount = 200

    init(for target: BenchTarget) throws(InputError) { system = try BenchBoot(for: target) }

    func measure(rounds: Int) throws -> Figures {
        let session = try Session(system.machineDescription)
        let target = MachineTarget(session) { "\($0)" }
        let client = Client(target)
        try client.ask("QStartNoAckMode")
        try client.ask("qSupported:swbreak+;hwbreak+;vContSupported+")
        try client.run("c", to: instructions)
        let end = target.position
        guard end >= instructions else {
            throw InputError(
                file: system.description, problem: "ends after \(grouped(end)) instructions",
                mend: "See how it goes with orrery bench boot.")
        }
        var steps: [Double] = []
        for _ in 0..<stepCount { steps.append(try client.run("bs")) }
        var continues: [Double] = []
        for _ in 0..<rounds {
            let distance = target.position
            let seconds = try client.run("bc")
            guard target.position == 0 else {
                throw InputError(file: "orrery bench debug", problem: "the run went back to \(target.position) only")
            }
            continues.append(seconds / (Double(distance) / 1e9))
            try client.run("c", to: end)
        }
        return Figures(target: system.target, steps: steps, continues: continues, instructions: end)
    }

    /// What 95 of 100 are no longer than: the nearest rank.
    static func percentile95(_ times: [Double]) -> Double {
        let sorted = times.sorted()
        return sorted.isEmpty ? 0 : sorted[max((sorted.count * 95 + 99) / 100, 1) - 1]
    }

    // MARK: What is shown

    static func table(_ figures: [Figures]) -> [String] {
        var rows = [["", "first", "median", "95 %", "at most"]]
        for figure in figures {
            let name = figure.target.rawValue
            func text(_ seconds: Double) -> String {
                seconds < 1 ? decimal(seconds * 1000, places: 1) + " ms" : decimal(seconds, places: 2) + " s"
            }
            for (what, times, limit) in [
                ("reverse-step", figure.steps, stepLimit),
                ("reverse-continue over a billion instructions", figure.continues, continueLimit),
            ] {
                let median = times.sorted()[times.count / 2]
                let isKept = percentile95(times) <= limit
                rows.append([
                    "\(name): \(what)", text(times[0]), text(median), text(percentile95(times)),
                    text(limit) + (isKept ? "" : "  more than promised"),
                ])
            }
        }
        return aligned(rows, left: [0, 4])
    }

    static func json(_ figures: [Figures]) -> JSON {
        .object(
            figures.map { figure in
                func number(_ value: Double) -> JSON { .decimal(decimal(value, places: 6)) }
                return (
                    figure.target.rawValue,
                    .object([
                        ("instructions", .decimal("\(figure.instructions)")),
                        ("reverse-step first", number(figure.steps[0])),
                        ("reverse-step p95", number(percentile95(figure.steps))),
                        ("reverse-continue p95", number(percentile95(figure.continues))),
                    ])
                )
            })
    }

    /// The debugger's side, in this process: packets in, packets out, and the clock.
    private final class Client {
        private let target: MachineTarget
        private let session: GDBSession

        init(_ target: MachineTarget) {
            self.target = target
            session = GDBSession(target)
        }

        /// Of this process, in seconds: other programs have theirs.
        private static var processorTime: Double {
            var time = timespec()
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }

        /// "Overview" of the protocol's appendix: the sum of all characters, modulo 256, comes behind.
        private static func frame(_ text: String) -> [UInt8] {
            let digits = String(text.utf8.reduce(0 as UInt8, &+), radix: 16)
            return Array("$\(text)#\(digits.count < 2 ? "0" : "")\(digits)".utf8)
        }

        /// Sends a packet.
        /// - Returns: all that came back.
        @discardableResult
        func ask(_ text: String) throws -> String {
            session.receive(Self.frame(text))
            return answer()
        }

        private func answer() -> String {
            var bytes: [UInt8] = []
            while true {
                let part = session.takeOutput()
                if part.isEmpty { return String(decoding: bytes, as: UTF8.self) }
                bytes += part
            }
        }

        /// Has the machine run until it stops by itself, or is interrupted when it has come to `position`.
        /// - Returns: the seconds of processor time from the packet to the stop reply.
        @discardableResult
        func run(_ command: String, to position: UInt64 = .max) throws -> Double {
            let start = Self.processorTime
            session.receive(Self.frame(command))
            var isInterrupted = false
            while session.isRunning {
                session.advance()
                if session.isRunning, !isInterrupted, target.position >= position {
                    isInterrupted = true
                    session.receive([3])
                }
            }
            let seconds = Self.processorTime - start
            let reply = answer()
            guard reply.contains("$T") else {
                throw InputError(file: "orrery bench debug", problem: "the machine does not stop: \(reply.prefix(200))")
            }
            return seconds
        }
    }
}
