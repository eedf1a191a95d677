import Foundation
import Machine

/// What one program took.
struct BenchFigure: Equatable {
    var name: String
    var group: String
    var description: String
    /// Traps, switches or the like in its whole work.
    var events = 0
    /// Processor time of its whole work; on the wall for `boot`.
    var seconds: [BenchRunner: Double] = [:]
    /// The most memory in use at one time, in bytes, where it is asked for.
    var peakMemory: [BenchRunner: UInt64] = [:]

    /// How many times faster than `other` we are.
    func speedup(over other: BenchRunner = .qemu) -> Double? {
        guard let ours = seconds[.orrery], let theirs = seconds[other] else { return nil }
        return theirs / ours
    }

    /// Nanoseconds of one event.
    func event(_ runner: BenchRunner) -> Double? {
        events > 0 ? seconds[runner].map { $0 / Double(events) * 1e9 } : nil
    }
}

/// How many times faster we are, over several programs.
struct BenchSpeedup: Encodable, Equatable {
    /// The geometric mean.
    let geomean: Double
    let min: Double
    let programs: [String: Double]

    /// nil when none of `figures` has both times.
    init?(_ figures: [BenchFigure], over other: BenchRunner) {
        var programs: [String: Double] = [:]
        for figure in figures { programs[figure.name] = figure.speedup(over: other) }
        guard let least = programs.values.min() else { return nil }
        self.programs = programs
        min = least
        geomean = exp(programs.values.reduce(0) { $0 + log($1) } / Double(programs.count))
    }
}

/// The figures of `orrery bench`: a table and JSON.
struct BenchReport {
    var figures: [BenchFigure] = []
    var target = BenchTarget.riscv
    let rounds: Int
    /// What was asked for.
    let engine: String?
    var versions: [String: String] = [:]
    /// What each program's random numbers are made from, in hexadecimal.
    var seeds: [String: String] = [:]

    init(rounds: Int, engine: String?) {
        self.rounds = rounds
        self.engine = engine
    }

    /// Its programs are shown for themselves, and a mean of them would say nothing.
    static let apart = "selfmodifying"

    /// In the order in which they first appear.
    var groups: [String] {
        figures.reduce(into: []) { if !$0.contains($1.group) { $0.append($1.group) } }
    }

    /// Of one group, or of all that are measured by processor time and belong in a mean.
    func speedup(_ group: String?, over other: BenchRunner = .qemu) -> BenchSpeedup? {
        BenchSpeedup(
            figures.filter { group == nil ? $0.group != Self.apart && $0.group != BenchBoot.group : $0.group == group },
            over: other)
    }

    // MARK: Table

    private typealias Column = (title: String, cell: (BenchFigure) -> String?)

    /// Those in which there is anything.
    private var columns: [Column] {
        func seconds(_ runner: BenchRunner) -> Column {
            ("\(runner) s", { $0.seconds[runner].map { decimal($0, places: 4) } })
        }
        func times(_ runner: BenchRunner) -> Column {
            ("times \(runner)", { $0.speedup(over: runner).map { decimal($0, places: 2) } })
        }
        func event(_ title: String, _ runner: BenchRunner) -> Column {
            (title, { $0.event(runner).map { decimal($0, places: $0 < 100 ? 1 : 0) } })
        }
        return [
            seconds(.orrery), seconds(.qemu), times(.qemu), seconds(.icount), times(.icount), seconds(.native),
            event("ns an event", .orrery), event("qemu ns", .qemu),
        ].filter { column in figures.contains { column.cell($0) != nil } }
    }

    var table: [String] {
        let columns = columns
        var rows = [["program", "group"] + columns.map(\.title)]
        rows += figures.map { figure in [figure.name, figure.group] + columns.map { $0.cell(figure) ?? "" } }
        let notes = means + sharing + memory
        return aligned(rows, left: [0, 1]) + (notes.isEmpty ? [] : [""] + notes)
    }

    private var means: [String] {
        [(BenchRunner.qemu, "qemu"), (.icount, "qemu -icount shift=0")].flatMap { runner, name in
            (groups.filter { $0 != Self.apart } + [nil as String?]).compactMap { group in
                guard let speedup = speedup(group, over: runner),
                    let least = speedup.programs.min(by: { $0.value < $1.value })
                else { return nil }
                return "\(group ?? "all"): \(decimal(speedup.geomean, places: 2)) times \(name) (geometric mean; "
                    + "least \(decimal(least.value, places: 2)), \(least.key))"
            }
        }
    }

    /// What it costs that data lies on a page of code.
    private var sharing: [String] {
        guard let shared = figures.first(where: { $0.name == "sharedpage" }),
            let own = figures.first(where: { $0.name == "ownpage" })
        else { return [] }
        let times = [BenchRunner.orrery, .qemu].compactMap { runner -> String? in
            guard let shared = shared.event(runner), let own = own.event(runner) else { return nil }
            return "\(runner) \(decimal(shared / own, places: 2))"
        }
        return ["sharedpage, times as long as ownpage: " + times.joined(separator: ", ")]
    }

    private var memory: [String] {
        figures.filter { !$0.peakMemory.isEmpty }.map { figure in
            "\(figure.name), peak resident memory: "
                + BenchRunner.allCases.compactMap { runner in
                    figure.peakMemory[runner].map { "\(runner) \($0 >> 20) MiB" }
                }.joined(separator: ", ")
        }
    }

    // MARK: JSON

    private struct File: Encodable {
        let rounds: Int
        let unit = "seconds of processor time, start and end of the process left out, least of the rounds; boot: wall"
        let architecture, engine: String
        let versions: [String: String]
        let seeds: Seeds
        let programs: [Program]
        let groups: [String: Group]
        let geometricMeans: [String: Double]
    }

    private struct Seeds: Encodable {
        /// What `orrery` and the devices of its machine take when none is given.
        let machine = 0
        let programs: [String: String]
    }

    private struct Program: Encodable {
        let name, group, description: String
        let events: Int
        let orrery, qemu, icount, native: Double?
        let peakMemory: [String: UInt64]?

        init(_ figure: BenchFigure) {
            (name, group, description, events) = (figure.name, figure.group, figure.description, figure.events)
            orrery = figure.seconds[.orrery]
            qemu = figure.seconds[.qemu]
            icount = figure.seconds[.icount]
            native = figure.seconds[.native]
            let memory = Dictionary(uniqueKeysWithValues: figure.peakMemory.map { ($0.key.rawValue, $0.value) })
            peakMemory = memory.isEmpty ? nil : memory
        }
    }

    private struct Group: Encodable {
        let speedup: BenchSpeedup?
        /// Over QEMU's `-icount shift=0`.
        let speedupOverIcount: BenchSpeedup?
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        var byGroup: [String: Group] = [:]
        var means: [String: Double] = [:]
        for group in groups {
            byGroup[group] = Group(speedup: speedup(group), speedupOverIcount: speedup(group, over: .icount))
            if group != Self.apart { means[group] = speedup(group)?.geomean }
        }
        means["all"] = speedup(nil)?.geomean
        let data = try encoder.encode(
            File(
                rounds: rounds, architecture: target.rawValue, engine: engine ?? "default", versions: versions,
                seeds: Seeds(programs: seeds),
                programs: figures.map(Program.init), groups: byGroup, geometricMeans: means))
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
