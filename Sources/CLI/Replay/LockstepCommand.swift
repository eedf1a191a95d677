import ArgumentParser
import Foundation
import Machine

/// `orrery lockstep`.
struct LockstepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockstep",
        abstract: "Run a machine on two engines, and find the instruction after which they differ.",
        discussion: """
            Both machines start alike and run side by side: registers, time, devices, memory and what the console \
            prints must stay the same. Where they do not, both run again from the start, until the first instruction after \
            which they differ is found.

            The flags are those of orrery run. Standard input is not typed; --input names a script that is. Disks and \
            flash are used as snapshots: their files stay as they are.

            Examples:
              orrery lockstep vmm.elf --timeout 10s
              orrery lockstep boot.yaml --harts 4 --every 10000 --memory-every 1M
              orrery lockstep --random 10M --seed 7   programs of random instructions, in all modes
              orrery lockstep --random 10M --machine aarch64-virt --cpu max

            Exit status: 0 when nothing differs, however the guest ends, 1 when something does.
            """)

    @OptionGroup var machine: MachineOptions

    @Option(help: ArgumentHelp("The two engines (interpreter,jit).", valueName: "engine,engine"))
    var engines: String?

    @Option(
        help: ArgumentHelp(
            "Compare the harts after so many instructions (100000), or with several harts at the end of their turns.",
            valueName: "count"))
    var every: String?

    @Option(help: ArgumentHelp("Compare memory and devices after so many (10M), and at the end.", valueName: "count"))
    var memoryEvery: String?

    @Option(
        help: ArgumentHelp(
            "Run about so many random instructions, made from --seed, in place of a file.", valueName: "n"))
    var random: String?

    @Flag(help: "Show what the guest prints.")
    var console = false

    func run() throws {
        guard machine.engine.engine == nil else {
            throw UsageError("--engine: two engines run here. Name both: --engines \(Engine.interpreter),\(Engine.jit)")
        }
        var options = try options()
        let description = try machine.description()
        if let random {
            guard description.kernel == nil else {
                throw UsageError("--random makes its programs. Leave \(description.kernel ?? "") out.")
            }
            // Programs are short, and compared when they end.
            options.every = .max
            options.memoryEvery = .max
            let source = try MachineCatalog.randomSource(
                machine: description.machine, cpu: description.cpu, seed: description.seed ?? 1, isForQEMU: false)
            return try runRandom(source, try count(random, "random"), description, options)
        }
        guard description.kernel != nil || description.firmware.map({ $0 != "none" }) ?? false else {
            throw UsageError("there is nothing to run. Name a program: orrery lockstep vmm.elf")
        }
        let output = ConsoleOutput()
        let outcome = try outcome(description, options) { if console { output.write($0) } }
        output.endLine()
        switch outcome {
        case .same(let conclusion, let instructions):
            let end = RunHost.describe(conclusion, description) ?? "the guest ended well"
            StandardStreams.output("no difference in \(grouped(instructions)) instructions; \(end)\n")
        default:
            StandardStreams.output(report(outcome, options))
            throw ExitCode(1)
        }
    }

    // MARK: Flags

    private func count(_ text: String, _ flag: String) throws(UsageError) -> UInt64 {
        do throws(ValueError) {
            let value = try Count(text).value
            guard value > 0 else { throw ValueError(problem: "it is 0", mend: "Give at least 1.") }
            return value
        } catch { throw UsageError(flag: flag, error) }
    }

    private func options() throws(UsageError) -> Lockstep.Options {
        var options = Lockstep.Options()
        if let every { options.every = try count(every, "every") }
        if let memoryEvery { options.memoryEvery = try count(memoryEvery, "memory-every") }
        guard let engines else { return options }
        let names = engines.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        do throws(ValueError) {
            guard names.count == 2 else {
                throw ValueError(problem: "two engines are compared", mend: "Write interpreter,jit.")
            }
            options.first = try Engine(names[0])
            options.second = try Engine(names[1])
        } catch { throw UsageError(flag: "engines", error) }
        return options
    }

    // MARK: Running

    private func outcome(
        _ description: MachineDescription, _ options: Lockstep.Options, _ listener: @escaping ([UInt8]) -> Void
    ) throws(InputError) -> Lockstep.Outcome {
        let lockstep = Lockstep(description, options) { () throws(InputError) in try BuiltInFirmware.read() }
        lockstep.listener = listener
        guard ProgressLine.isShown else { return try lockstep.run() }
        lockstep.progress = { compared, left in
            let text = left.map { "they differ: \(grouped($0)) instructions left to look at" }
            ProgressLine.show(text ?? "\(grouped(compared)) instructions compared")
        }
        defer { ProgressLine.clear() }
        return try lockstep.run()
    }

    private func report(_ outcome: Lockstep.Outcome, _ options: Lockstep.Options) -> String {
        LockstepReport(options, isColoured: StandardStreams.outputIsColoured).text(outcome)
    }

    /// Blocks of one random program.
    private static let blocksOfProgram = 1000

    private func runRandom<Source: RandomSource>(
        _ source: Source, _ wanted: UInt64, _ given: MachineDescription, _ options: Lockstep.Options
    ) throws {
        let seed = given.seed ?? 1
        var description = given
        description.cpu = source.cpu
        description.firmware = "none"
        description.timeout = given.timeout ?? TimeSpan(nanoseconds: 60_000_000_000)
        var compared: UInt64 = 0
        var index = 0
        while compared < wanted {
            let program = source.program(index, blocks: Self.blocksOfProgram)
            let path = FileManager.default.temporaryDirectory.appendingPathComponent(
                "orrery-random-\(seed)-\(index).elf"
            ).path
            try Data(program.elf).write(to: URL(fileURLWithPath: path))
            description.kernel = path
            var printed: [UInt8] = []
            let outcome = try outcome(description, options) { printed += $0 }
            guard case .same(.exited(status: 0), _) = outcome else {
                let again =
                    ["orrery", "lockstep", path, "--firmware", "none", "--cpu", source.cpu]
                    + (source.machine.map { ["--machine", $0] } ?? [])
                StandardStreams.output(
                    report(outcome, options) + "\nThat was program \(index) of seed \(seed). Again: "
                        + (again + machine.engine.arguments).map(TestOutput.quoted).joined(separator: " ") + "\n")
                throw ExitCode(1)
            }
            unlink(path)
            // What the program itself counted: its blocks without what leads from one to the next.
            let lines = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline)
            compared += lines.reduce(0) { $0 + UInt64(max(RandomLine($1).executed, 0)) }
            index += 1
        }
        StandardStreams.output("no difference in \(grouped(compared)) instructions of \(index) random programs\n")
    }
}
