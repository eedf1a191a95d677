import ArgumentParser
import Glibc
import Machine

/// `orrery run`.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a program or a described machine.",
        discussion: """
            The same images, flags and input give the same run, instruction for instruction. Flags have the words of a \
            description file, and override it.

            At a terminal, Ctrl-A x quits and Ctrl-A h lists the other keys. Otherwise all of standard input is read \
            first and then typed as fast as the guest takes it; or --interactive types it as it comes, which no other \
            run repeats; or --input names a script that types:
              wait login:
              send "root\\n"
              expect '# $' within 5s
              pause 100ms

            Examples:
              orrery run vmm.elf
              orrery run --kernel Image --initrd initrd.gz --append console=ttyS0 --memory 512M --harts 2
              orrery run vmm.elf --until 'all tests passed' --fail-on panic --timeout 10s
              orrery run vmm.elf --drive disk.img,snapshot --save vmm.yaml
              orrery run vmm.elf --display vnc:5900
              orrery run vmm.elf --trace exceptions,csr --trace-privilege VS --trace-file trace.txt
              orrery run vmm.elf --exits
              orrery run vmm.elf --gdb 1234
              orrery run vmm.elf --net user --record boot.orrery
              orrery run --from booted.orrery --input test.input
              orrery run vmm.elf --snapshots s.orrery --snapshot-interval 100M
              orrery run vmm.elf --max-instructions 1M --monitor-command 'translate 0x80000000 as VS'

            \(ExitStatus.table)
            """)

    @OptionGroup var machine: MachineOptions

    @Option(
        help: ArgumentHelp(
            "When the run has ended, a command for the monitor, as after Ctrl-A c; may be given again. help lists them.",
            valueName: "command"))
    var monitorCommand: [String] = []

    @Option(
        help: ArgumentHelp(
            "Have the machine stand until a debugger connects that speaks GDB's remote protocol: at a port of this "
                + "computer, or of an address; at a socket; or by standard input and output, for gdb's target remote | "
                + "orrery run --gdb - ...", valueName: "port|address:port|unix:path|-"))
    var gdb: String?

    @Option(
        help: ArgumentHelp(
            "Go on from a snapshot, which says what the machine is: of `orrery snapshot`, --snapshots or --record. "
                + "Counts and times stay those since power-on.", valueName: "file[:name|:#number]"),
        completion: .file())
    var from: String?

    @Option(
        help: ArgumentHelp(
            "Keep the snapshots that the monitor takes (savevm), and those of --snapshot-interval, in a file.",
            valueName: "file"), completion: .file())
    var snapshots: String?

    @Option(
        help: ArgumentHelp(
            "Take a snapshot after each so many instructions, into the file of --record, for replays to start at, or of "
                + "--snapshots.", valueName: "n"))
    var snapshotInterval: String?

    @OptionGroup(title: "Tracing") var tracing: TraceFlags

    @Flag(
        help: """
            Type what comes from standard input when it comes, paced to the clock on the wall, as at a terminal: for a \
            program that talks to the guest through pipes.
            """)
    var interactive = false

    @Flag(help: "At the end, print what the run cost, and a hash of the machine's state.")
    var stats = false

    @Flag(
        help: """
            At the end, print why guests left for their hypervisor, and how many instructions it spent on each. What runs
            is interpreted meanwhile.
            """)
    var exits = false

    @Flag(help: "At the end, print the result as one line of JSON, the last of standard output.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Write down all that comes from outside, so that `orrery replay` can run the same again.", valueName: "file"
        ),
        completion: .file())
    var record: String?

    @Flag(
        help: """
            Put the images and drives into the recording too, so that it can be replayed where they are not, or have
            changed.
            """)
    var recordContents = false

    @Option(
        help: ArgumentHelp("Write the description of this machine to a file, and do not run it.", valueName: "file"),
        completion: .file())
    var save: String?

    func run() throws {
        let origin = try from.map { try SnapshotStart($0) }
        let description =
            if let origin { try machine.description(over: origin.description) } else { try machine.description() }
        if let save { return try DescriptionFile.write(description, to: save) }
        guard description.hasProgram else {
            throw UsageError("there is nothing to run. Name a program: orrery run vmm.elf")
        }
        let traceOptions = try tracing.options()
        let place = try gdb.map { text in
            do throws(ValueError) { return try GDBPlace(text) } catch { throw UsageError(flag: "gdb", error) }
        }
        let console = ConsoleHub()
        // Standard output is a debugger's that has started this process.
        let output = place == .standardStreams ? ConsoleOutput { StandardStreams.error($0) } : ConsoleOutput()
        console.listeners.append { output.write($0) }
        let session = try Session(
            description, builtInFirmware: try BuiltInFirmware.read(), console: console, from: origin?.snapshot,
            report: { StandardStreams.complain($0) })
        session.board.translator?.countsReasons = stats
        let traceFile = try tracing.file()
        let sink = traceFile.map { file in { file.write($0) } } ?? { StandardStreams.error($0) }
        let tracer = try traceOptions.map { try Tracer(session, $0, sink: sink) }
        let recorder = try recorder(of: session)
        let keeper = try keeper(of: session, recorder)
        let exitStatistics = exits ? try ExitStatistics(session) : nil
        defer { withExtendedLifetime((tracer, exitStatistics)) {} }
        let host = RunHost(session, output)
        let server = try place.map { try GDBServer($0, session) }
        if place == .standardStreams {
            // Nobody types.
        } else if Terminal.isInteractive || interactive {
            Terminal.enterRawMode()
            host.attachKeyboard()
        } else if description.input == nil {
            try host.feedStandardInput()
        }
        try host.showDisplay()
        if !Terminal.isInteractive { Interruption.watch() }
        let start = HostTime.now
        let monitor = Monitor(session)
        var conclusion = server?.run(host) ?? session.run()
        while conclusion == .quit, host.wantsMonitor || monitor.stop != nil, host.converse(monitor) {
            conclusion = monitor.resume()
        }
        let elapsed = HostTime.now - start
        output.flush()
        Terminal.restore()
        commands: for line in monitorCommand {
            let (text, action) = monitor.execute(line)
            output.endLine()
            StandardStreams.output(text)
            switch action {
            case .stay: break
            case .resume:
                conclusion = monitor.resume()
                if let stop = monitor.stop { StandardStreams.output(stop) }
            case .quit: break commands
            }
        }
        host.hideDisplay()
        recorder?.conclude(RunHost.describe(conclusion, description, on: session.board) ?? Self.ending(conclusion))
        report(conclusion, session, output, elapsed, exitStatistics)
        try keeper?.close()
        if let path = description.screenshot { try Screenshot.write(session.board.display, to: path) }
        try traceFile?.close()
        Interruption.obey()
        throw ExitCode(ExitStatus.of(conclusion, expectsMatch: session.description.until != nil))
    }

    /// An end of which a person is not told.
    private static func ending(_ conclusion: Session.Conclusion) -> String {
        switch conclusion {
        case .exited: "the guest ended well"
        case .matched(let line): "the console matched: \(line)"
        default: "the run was ended"
        }
    }

    private func recorder(of session: Session) throws -> RunRecorder? {
        guard let record else {
            if recordContents, snapshots == nil {
                throw UsageError("--record-contents: nothing is recorded. Name a file: --record FILE")
            }
            return nil
        }
        let drives = session.description.drives + session.description.flash
        if !recordContents, let drive = drives.first(where: { !$0.isReadOnly && !$0.isSnapshot }) {
            StandardStreams.complain(
                "\(drive.path) can be replayed as long as it is what it is now: let the guest's writes stay in memory "
                    + "(\(drive.path),snapshot), or put it into the recording (--record-contents)")
        }
        let description = DescriptionFile.absolute(session.description)
        let text = try DescriptionFile.text(description)
        do throws(TraceFileError) {
            let recorder = try RunRecorder(
                session, to: record, description: text, files: description.files,
                program: Orrery.configuration.version, embedsContents: recordContents, cache: ProjectFolder.digests,
                report: { StandardStreams.complain($0) })
            session.companion = recorder
            return recorder
        } catch { throw error.inputError }
    }

    /// Has snapshots be taken where the user wants them.
    private func keeper(of session: Session, _ recorder: RunRecorder?) throws -> SnapshotKeeper? {
        let interval = try snapshotInterval.map { text throws(UsageError) in
            do throws(ValueError) {
                let count = try Count(text).value
                guard count > 0 else { throw ValueError(problem: "it is 0", mend: "Try 100M.") }
                return count
            } catch { throw UsageError(flag: "snapshot-interval", error) }
        }
        guard let snapshots else {
            guard interval != nil, recorder == nil else {
                recorder?.snapshotInterval = interval
                return nil
            }
            throw UsageError(
                "--snapshot-interval: nothing says where to. Name a file: --snapshots FILE or --record FILE")
        }
        if let drive = session.description.changingFiles.first {
            throw UsageError(
                "--snapshots: the guest changes \(drive.path), which a snapshot would not hold. Let its writes stay in "
                    + "memory: \(drive.path),snapshot")
        }
        let recipe = try SnapshotCommand.Take.recipe(session.description, embedsContents: recordContents)
        do throws(TraceFileError) {
            let keeper = try SnapshotKeeper(session, in: snapshots, recipe) { StandardStreams.complain($0) }
            if let interval { keeper.takeRegularly(every: interval) }
            return keeper
        } catch { throw error.inputError }
    }

    private func report(
        _ conclusion: Session.Conclusion, _ session: Session, _ output: ConsoleOutput, _ nanoseconds: UInt64,
        _ exitStatistics: ExitStatistics?
    ) {
        // A shell reports a signal so.
        let status =
            Interruption.signal != 0
            ? 128 + Interruption.signal : ExitStatus.of(conclusion, expectsMatch: session.description.until != nil)
        let text =
            Interruption.name.map { "ended by \($0)" }
            ?? RunHost.describe(conclusion, session.description, on: session.board)
        if status != 0, let text {
            output.endLine()
            StandardStreams.complain(text)
            for line in PostMortem(session).lines { StandardStreams.error(line + "\n") }
        }
        if let exitStatistics {
            output.endLine()
            StandardStreams.error(exitStatistics.table)
        }
        if stats || json {
            let statistics = RunStatistics(session.board, hostSeconds: Double(nanoseconds) / 1e9)
            if stats {
                output.endLine()
                StandardStreams.error(statistics.table)
            }
            if json {
                output.endLine()
                StandardStreams.output(RunHost.json(conclusion, status, text, statistics, exitStatistics).text + "\n")
            }
        }
    }
}
