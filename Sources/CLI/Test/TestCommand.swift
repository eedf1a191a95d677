import ArgumentParser
import Foundation
import ISA
import Machine

/// `orrery test`: conformance programs, each on a machine of its own, as many at a time as the host has processors.
///
/// Each program is run by a child of this process (`--one`), so that none can take the others with it.
struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run conformance programs and say which fail.",
        discussion: """
            Runs every RISC-V or AArch64 ELF program among the given files and directories, without firmware, until it
            ends by tohost, by the test device or by PSCI.

            Examples:
              orrery test build/riscv-tests                    all programs below a directory
              orrery test build/arch-test --signature-reference build/arch-test
                                                               compare signatures with NAME.ref
              orrery test add-01.elf --signature-output out    or write them, for a harness that compares
              orrery test build --shard 2/4 --junit tests.xml  a quarter of them, for a CI job
              orrery test build/privileged --against qemu      the same on QEMU, and what differs
              orrery test --random 10M --seed 7 --against qemu random instructions on both
              orrery test --random 10M --machine aarch64-virt --cpu max --against qemu
              orrery test --hostile 1M --seed 7                guests that do their worst

            Exit status: 0 when none failed, 1 when any did.
            """)

    @Argument(help: ArgumentHelp("Programs, or directories that hold them at any depth.", valueName: "path"))
    var paths: [String] = []

    @Option(help: ArgumentHelp("The board and its options, as for orrery run.", valueName: "name[,option=value]..."))
    var machine: String?

    @Option(help: ArgumentHelp("The CPU, as for orrery run.", valueName: "features"))
    var cpu: String?

    @Option(help: ArgumentHelp("Harts of each machine (1).", valueName: "count"))
    var harts: String?

    @Option(help: ArgumentHelp("Size of RAM of each machine (128M).", valueName: "size"))
    var memory: String?

    @OptionGroup var engine: EngineOptions

    @Option(help: ArgumentHelp("Virtual time that a program may take.", valueName: "time"))
    var timeout = "5s"

    @Option(help: ArgumentHelp("Time on the wall after which a program is killed.", valueName: "time"))
    var wallTimeout = "120s"

    @Option(help: ArgumentHelp("Programs that run at once; as many as there are processors.", valueName: "n"))
    var jobs: Int?

    @Option(help: ArgumentHelp("Run part i of n equal parts.", valueName: "i/n"))
    var shard: String?

    @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Compare signatures with NAME.ref in this directory.", valueName: "dir"))
    var signatureReference: String?

    @Option(
        help: ArgumentHelp(
            "Write what each program leaves between begin_signature and end_signature to NAME.signature there.",
            valueName: "dir"), completion: .directory)
    var signatureOutput: String?

    @Flag(help: "Show each program's console, harts and last traps.")
    var verbose = false

    /// In a child: the name of the one program to run, whose result goes to standard output as JSON.
    @Option(help: .hidden)
    var one: String?

    /// In a child: the console goes to standard output as it is, instead of the result.
    @Flag(help: .hidden)
    var rawConsole = false

    @Option(help: ArgumentHelp("Run about so many random instructions here and on QEMU, and compare.", valueName: "n"))
    var random: String?

    @Option(
        help: ArgumentHelp(
            "Let guests make so many hostile accesses, and see that they hurt only themselves.", valueName: "n"))
    var hostile: String?

    @Option(help: ArgumentHelp("What the random instructions or hostile accesses are made from.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Random differences to make small and show.", valueName: "n"))
    var examine = 3

    @Flag(help: "Tell how often random programs do what.")
    var coverage = false

    @Option(
        help: ArgumentHelp(
            "Run them on another emulator too: qemu, its path, or a command that takes the program last.",
            valueName: "emulator"))
    var against: String?

    @Option(
        help: ArgumentHelp(
            "Where that emulator is known to differ: lines of a program's name, a colon and a regular expression.",
            valueName: "file"), completion: .file())
    var differences: String?

    @Option(help: ArgumentHelp("Leave out programs whose names begin so.", valueName: "prefix"))
    var exclude: [String] = []

    func run() throws {
        if let random { return try runRandom(random) }
        if let hostile { return try runHostile(hostile) }
        if let one { return try runOne(name: one) }
        guard differences == nil || against != nil else {
            throw UsageError("--differences does nothing without --against. Add --against qemu.")
        }
        guard !paths.isEmpty else {
            throw UsageError("no program is given. Name programs, or directories of them: orrery test build")
        }
        let description = try self.description()
        let shard = try shard.map { text in try value("shard") { () throws(ValueError) in try Shard(text) } }
        var programs = try ConformanceProgram.find(paths)
        programs.removeAll { program in exclude.contains { program.name.hasPrefix($0) } }
        if let shard { programs = shard.part(of: programs) }
        // A mistake in it is one mistake, and not one of each program.
        for architecture in Set(programs.map(\.architecture)) {
            try MachineCatalog.check(cpu: description.cpu, of: architecture)
        }
        let report = try TestRun(self, programs).run()
        if let junit { try OutputFile.write(report.junit, to: junit) }
        if let signatureOutput { try writeSignatures(report, to: signatureOutput) }
        guard report.count(.failed) == 0 else { throw ExitCode(1) }
    }

    private func value<T>(_ flag: String, _ parse: () throws(ValueError) -> T) throws(UsageError) -> T {
        do throws(ValueError) { return try parse() } catch { throw UsageError(flag: flag, error) }
    }

    /// What the flags say of each machine.
    private func description() throws(UsageError) -> MachineDescription {
        let flags: [(MachineDescription.Key, String?)] = [
            (.machine, machine), (.cpu, cpu), (.harts, harts), (.memory, memory), (.timeout, timeout),
        ]
        var description = MachineDescription()
        for case (let key, let text?) in flags { try description.set(flag: key, [text]) }
        for (key, texts) in engine.values { try description.set(flag: key, texts) }
        return description
    }

    private func writeSignatures(_ report: ConformanceReport, to directory: String) throws(InputError) {
        for result in report.results {
            guard let signature = result.signature else { continue }
            let file = URL(fileURLWithPath: "\(directory)/\(result.name).signature")
            // Where it cannot be made, the file cannot be written, and that is told.
            try? FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try OutputFile.write(signature, to: file.path)
        }
    }

    /// Seconds after which a child is killed.
    var wallLimit: Double {
        get throws {
            let span = try value("wall-timeout") { () throws(ValueError) in try TimeSpan(wallTimeout) }
            return Double(span.nanoseconds) / 1e9
        }
    }

    /// The file that `program`'s signature is compared with, or nil when there is none.
    func reference(for program: ConformanceProgram) -> String? {
        guard let directory = signatureReference else { return nil }
        let last = program.name.split(separator: "/").last.map(String.init) ?? program.name
        for name in [program.name, last] {
            for ending in ["ref", "reference_output"] {
                let path = "\(directory)/\(name).\(ending)"
                if access(path, R_OK) == 0 { return path }
            }
        }
        return nil
    }

    private func runRandom(_ text: String) throws {
        let count = try value("random") { () throws(ValueError) in try Count(text).value }
        let jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        let source = try MachineCatalog.randomSource(machine: machine, cpu: cpu, seed: seed, isForQEMU: true)
        let different = try compare(source, instructions: count, jobs: jobs)
        StandardStreams.output(different == 0 ? "no difference\n" : "\(different) blocks differ\n")
        guard different == 0 else { throw ExitCode(1) }
    }

    private func compare<Source: RandomSource>(_ source: Source, instructions: UInt64, jobs: Int) throws -> Int {
        let test = TestRandom(
            source: source, instructions: instructions, seed: seed,
            qemu: try OtherEmulator.find(against ?? "qemu", for: source.architecture), jobs: jobs, examined: examine,
            engine: engine)
        let different = try test.run()
        if coverage { try test.tellCoverage() }
        return different
    }

    private func runHostile(_ text: String) throws {
        let count = try value("hostile") { () throws(ValueError) in try Count(text).value }
        let test = TestHostile(accesses: count, seed: seed, machine: try description())
        guard let trouble = try test.run() else { return }
        StandardStreams.output(trouble + "\n")
        throw ExitCode(1)
    }

    private func runOne(name: String) throws {
        var run = ConformanceRun(ConformanceProgram(path: paths.first ?? "", name: name), on: try description())
        run.reference = signatureReference
        run.keepsSignature = signatureOutput != nil
        run.verbose = verbose
        if rawConsole {
            run.listener = { StandardStreams.output($0) }
            guard run.run().verdict == .passed else { throw ExitCode(1) }
            return
        }
        StandardStreams.output(Array(try JSONEncoder().encode(run.run())))
    }

    /// The command that runs `program` alone.
    func rerun(_ program: ConformanceProgram) -> String {
        var words = ["orrery", "test", program.path, "--verbose"]
        if let machine { words += ["--machine", machine] }
        if let cpu { words += ["--cpu", cpu] }
        if let harts { words += ["--harts", harts] }
        if let memory { words += ["--memory", memory] }
        if timeout != "5s" { words += ["--timeout", timeout] }
        words += engine.arguments
        if let reference = reference(for: program) {
            words += [
                "--signature-reference",
                reference.split(separator: "/", omittingEmptySubsequences: false)
                    .dropLast().joined(separator: "/"),
            ]
        }
        return words.map(TestOutput.quoted).joined(separator: " ")
    }

    /// The arguments of the child that runs `program`.
    func childArguments(_ program: ConformanceProgram, reference: String?) -> [String] {
        var arguments = ["test", "--one", program.name, "--timeout", timeout]
        if let machine { arguments += ["--machine", machine] }
        if let cpu { arguments += ["--cpu", cpu] }
        if let harts { arguments += ["--harts", harts] }
        if let memory { arguments += ["--memory", memory] }
        arguments += engine.arguments
        if let reference { arguments += ["--signature-reference", reference] }
        if let signatureOutput { arguments += ["--signature-output", signatureOutput] }
        if verbose { arguments.append("--verbose") }
        return arguments + ["--", program.path]
    }
}
