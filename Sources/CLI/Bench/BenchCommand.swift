import ArgumentParser
import Foundation
import Machine

/// `orrery bench`: how fast guest programs run here, and on QEMU.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast guest programs run, here and on QEMU.",
        discussion: """
            Runs the programs of testsuites/bench, in turn on each emulator, and takes the best of several rounds of the
            processor time that the program used: that of the process, less that of one which does no work. The programs
            are built when that is needed.

            Examples:
              orrery bench                            every program, here alone
              orrery bench --against qemu --svg b.svg with QEMU, and as a picture
              orrery bench sieve hypercall --rounds 5 two programs, the best of five rounds
              orrery bench boot --against qemu        Debian's kernel, to the shell's prompt
              orrery bench --machine aarch64-virt     the programs for AArch64
              orrery bench fork                       forks of a booted Linux in a second
              orrery bench hyper                      instructions that Hyper spends on events of its guests
              orrery bench hyper --machine aarch64-virt
              orrery bench debug                      how long runs take that go backwards, of both boards
              orrery bench record                     what it costs to record Linux' boot and Hyper, both architectures
            """)

    @Argument(help: ArgumentHelp("Programs or groups; all but boot when none is given.", valueName: "name"))
    var names: [String] = []

    @Option(
        help: ArgumentHelp(
            "The board whose programs are run (riscv-virt): `orrery machines` lists them.", valueName: "name"))
    var machine: String?

    @Option(help: ArgumentHelp("Also measure QEMU: qemu, or the path of one.", valueName: "emulator"))
    var against: String?

    @Flag(help: "Also measure QEMU in its deterministic mode, -icount shift=0.")
    var icount = false

    @Flag(help: "Also measure the integer, float and vector programs as programs of the host.")
    var native = false

    @Flag(help: "Also boot Debian's kernel, which testsuites/systems/fetch gets.")
    var boot = false

    @Option(help: ArgumentHelp("The engine of ours to measure, in place of its own choice.", valueName: "name"))
    var engine: String?

    @Flag(help: "Tell Linux' perf the names of translated code, in /tmp/perf-PID.map.")
    var jitPerfMap = false

    @Option(
        help: ArgumentHelp(
            "Rounds, of which the fastest counts (\(usualRounds), of record \(BenchRecord.usualRounds)).",
            valueName: "n"))
    var rounds: Int?
    private static let usualRounds = 3

    @Option(help: ArgumentHelp("Multiply the work of each program.", valueName: "factor"))
    var scale = 1.0

    @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the figures as a bar chart.", valueName: "file"))
    var svg: String?

    func run() throws {
        guard rounds ?? 1 >= 1, scale > 0, scale <= 1000 else {
            throw UsageError("--rounds must be at least 1, and --scale more than 0 and at most 1000.")
        }
        guard !icount || against != nil else {
            throw UsageError("--icount is a mode of QEMU, which is not measured. Add --against qemu.")
        }
        if names.count == 1, try benchOwn(names[0]) { return }
        let rounds = rounds ?? Self.usualRounds
        let target = try BenchTarget(board: machine)
        let catalogue = try BenchProgram.catalogue().filter { $0.only == nil || $0.only == target }
        let programs = try chosen(from: catalogue)
        let system =
            boot || names.contains(BenchBoot.name) || names.contains(BenchBoot.group)
            ? try BenchBoot(for: target) : nil
        let qemu = try against.map { try OtherEmulator.find($0, for: target.machine) }
        let runners = BenchRunners(
            target: target, engine: engine, makesPerfMap: jitPerfMap, qemu: qemu, measuresCounting: icount,
            measuresNative: native)
        if !programs.isEmpty {
            try BenchProgram.build(for: target)
            if native { try BenchProgram.build(for: nil) }
        }
        var report = BenchReport(rounds: rounds, engine: engine)
        report.target = target
        report.versions["orrery"] = Orrery.configuration.version
        if let qemu { report.versions["qemu"] = try OtherEmulator.version(qemu) }
        let count = programs.count + (system == nil ? 0 : 1)
        for program in programs {
            show("[\(report.figures.count + 1)/\(count)] \(program.name)")
            report.figures.append(try runners.measure(program, rounds: rounds, scale: scale))
            report.seeds[program.name] = program.seed
        }
        if let system {
            show("[\(count)/\(count)] \(BenchBoot.name)")
            report.figures.append(try runners.measure(system, rounds: rounds))
        }
        show("")
        StandardStreams.output(report.table.joined(separator: "\n") + "\n")
        if let json { try OutputFile.write(try report.json(), to: json) }
        if let svg { try OutputFile.write(BenchChart(report).svg, to: svg) }
    }

    /// What a measurement has come to that is about this emulator alone.
    private struct OwnFigures {
        let table: [String]
        let json: JSON
        /// Whether it is what SPECIFICATION.md promises.
        let isKept: Bool
    }

    /// Makes the measurement of that name.
    /// - Returns: whether there is one.
    private func benchOwn(_ name: String) throws -> Bool {
        func board(_ name: String?) throws -> BenchTarget { try BenchTarget(board: name) }
        func boards() throws -> [BenchTarget] { try machine.map { [try board($0)] } ?? [.riscv, .aarch64] }
        switch name {
        case BenchHyper.name:
            try benchOwn(name, options: "--machine and --json") {
                let figures = try BenchHyper(for: board(machine)).measure(show)
                return OwnFigures(
                    table: BenchHyper.table(figures), json: BenchHyper.json(figures),
                    isKept: figures.allSatisfy(\.isKept))
            }
        case BenchFork.name:
            try benchOwn(name, options: "--machine, --engine, --rounds and --json", takesEngine: true) {
                let figures = try BenchFork(BenchBoot(for: board(machine)), engine: engine)
                    .measure(rounds: rounds ?? Self.usualRounds, show)
                return OwnFigures(table: figures.table, json: figures.json, isKept: figures.isKept)
            }
        case BenchDebug.name:
            try benchOwn(name, options: "--machine, --rounds and --json") {
                let figures = try boards().map { target in
                    show(target.rawValue)
                    return try BenchDebug(for: target).measure(rounds: rounds ?? Self.usualRounds)
                }
                return OwnFigures(
                    table: BenchDebug.table(figures), json: BenchDebug.json(figures),
                    isKept: figures.allSatisfy(\.isKept))
            }
        case BenchRecord.name:
            try benchOwn(name, options: "--machine, --rounds and --json") {
                let figures = try BenchRecord(for: boards()).measure(rounds: rounds ?? BenchRecord.usualRounds, show)
                return OwnFigures(
                    table: BenchRecord.table(figures), json: BenchRecord.json(figures),
                    isKept: figures.allSatisfy(\.isKept))
            }
        default: return false
        }
        return true
    }

    private func benchOwn(
        _ name: String, options: String, takesEngine: Bool = false, _ measure: () throws -> OwnFigures
    ) throws {
        guard against == nil, svg == nil, !native, !boot, takesEngine || engine == nil else {
            throw UsageError("`orrery bench \(name)` is about this emulator as it is: \(options) alone go with it.")
        }
        let figures = try measure()
        show("")
        StandardStreams.output(figures.table.joined(separator: "\n") + "\n")
        if let json { try OutputFile.write(figures.json.text + "\n", to: json) }
        if !figures.isKept { throw ExitCode(1) }
    }

    /// The programs that `names` names by themselves or by their groups, or all.
    private func chosen(from catalogue: [BenchProgram]) throws(InputError) -> [BenchProgram] {
        let known =
            catalogue.map(\.name)
            + [BenchBoot.name, BenchDebug.name, BenchFork.name, BenchHyper.name, BenchRecord.name]
            + Set(catalogue.map(\.group) + [BenchBoot.group]).sorted()
        for name in names where !known.contains(name) {
            throw InputError(
                file: name, problem: "is no benchmark and no group of them",
                mend: nearestWord(to: name, among: known).map { "Did you mean \($0)?" }
                    ?? "There are \(known.joined(separator: ", ")).")
        }
        return catalogue.filter { names.isEmpty || names.contains($0.name) || names.contains($0.group) }
    }

    private func show(_ text: String) { ProgressLine.show(text) }
}
