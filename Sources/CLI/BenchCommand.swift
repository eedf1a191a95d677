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
            processor time that the whole process used. The programs are built when that is needed.

            Examples:
              orrery bench                            every program, here alone
              orrery bench --against qemu --svg b.svg with QEMU, and as a picture
              orrery bench sieve vmexit --rounds 5    two programs, the best of five rounds
            """)

    @Argument(help: ArgumentHelp("Programs or groups; all when none is given.", valueName: "name"))
    var names: [String] = []

    @Option(help: ArgumentHelp("Also measure another emulator: qemu, or the path of one.", valueName: "emulator"))
    var against: String?

    @Option(help: ArgumentHelp("Rounds, of which the fastest counts.", valueName: "n"))
    var rounds = 3

    @Option(help: ArgumentHelp("Multiply the work of each program.", valueName: "factor"))
    var scale = 1.0

    @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the figures as a bar chart.", valueName: "file"))
    var svg: String?

    func run() throws {
        guard rounds >= 1, scale > 0, scale <= 1000 else {
            throw UsageError("--rounds must be at least 1, and --scale more than 0 and at most 1000.")
        }
        let programs = try BenchProgram.load(names: names)
        let qemu = try against.map { try OtherEmulator.find($0) }
        let isTerminal = isatty(STDERR_FILENO) == 1
        var figures: [BenchFigure] = []
        for (index, program) in programs.enumerated() {
            if isTerminal {
                Self.show("[\(index + 1)/\(programs.count)] \(program.name)")
            }
            figures.append(try program.measure(rounds: rounds, scale: scale, qemu: qemu))
        }
        if isTerminal { Self.show("") }
        let report = BenchReport(figures: figures, rounds: rounds)
        StandardStreams.output(report.table.joined(separator: "\n") + "\n")
        if let json { try OutputFile.write(try report.json(), to: json) }
        if let svg { try OutputFile.write(report.svg, to: svg) }
    }

    /// A line that the next one replaces.
    private static func show(_ text: String) {
        StandardStreams.error("\r\u{1b}[K" + text)
    }
}
