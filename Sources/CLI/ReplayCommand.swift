import ArgumentParser
import Machine

/// `orrery replay`.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run again what was recorded, instruction for instruction.",
        discussion: """
            The machine is made as it was, from the same files, and is given what came from outside then at the same \
            instructions. Nothing comes from outside now, and no file is written to. Either engine replays what either has \
            recorded. A run that is not the recorded one stops there, with exit status 77.

            Examples:
              orrery run vmm.elf --net user --record boot.orrery
              orrery replay boot.orrery
              orrery replay boot.orrery --verify
              orrery replay boot.orrery --from 1000M
              orrery replay boot.orrery --to 1200M --monitor-command registers
            """)

    @Argument(help: "The recording.", completion: .file())
    var file: String

    @Flag(help: "Do not show the console; say in one line whether the run was the same.")
    var verify = false

    @Option(
        help: ArgumentHelp(
            "Start at the recording's last snapshot that is not behind so many instructions, or at the one of that name or "
                + "number (#3).", valueName: "n|name|#number"))
    var from: String?

    @Option(help: ArgumentHelp("Stop behind so many instructions of all CPUs.", valueName: "n"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "When the run has ended or stopped, a command for the monitor; may be given again. help lists them.",
            valueName: "command"))
    var monitorCommand: [String] = []

    @OptionGroup var engine: EngineOptions

    @Flag(help: "At the end, print what the run cost, and a hash of the machine's state.")
    var stats = false

    @Flag(help: "At the end, print the result as one line of JSON, the last of standard output.")
    var json = false

    func run() throws {
        do {
            try replay()
        } catch let error as TraceFileError {
            throw error.inputError
        }
    }

    private func replay() throws {
        let place = try to.map { text throws(UsageError) in
            do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: "to", error) }
        }
        let recording = try RecordingFile(file)
        var description = recording.description
        for (key, texts) in engine.values { try description.set(flag: key, texts) }
        let console = ConsoleHub()
        let output = ConsoleOutput()
        if !verify { console.listeners.append { output.write($0) } }
        let origin = try origin(of: recording.recording)
        let session = try Session(
            description, console: console, repeats: recording.images,
            from: origin.map { MachineSnapshot($0, of: recording.recording.snapshots) },
            report: { StandardStreams.complain($0) })
        let replayer = try RunReplayer(recording.recording, from: origin)
        session.companion = replayer
        session.betweenTurns = { _ in
            output.flush()
            return Interruption.signal != 0
        }
        Interruption.watch()
        let start = HostTime.now
        var conclusion = session.run(to: place ?? .max)
        let elapsed = HostTime.now - start
        output.endLine()
        if let failure = replayer.failure { throw failure }
        if conclusion.isEnd, let divergence = replayer.compareEnd(session) { conclusion = .diverged(divergence) }
        let monitor = Monitor(session)
        for line in monitorCommand { StandardStreams.output(monitor.execute(line).text) }
        Interruption.obey()
        try report(conclusion, session, replayer, elapsed, recording)
    }

    /// The snapshot to start at; nil for power-on.
    private func origin(of recording: Recording) throws -> SnapshotEntry? {
        guard let from else { return recording.start }
        let store = recording.snapshots
        // What is a number is a place, and a name what is none.
        let place = try? Count(from).value
        let entry = if let place { store.snapshot(at: place) } else { try store.snapshot(meaning: from) }
        if let entry {
            StandardStreams.complain(
                "\(file): from snapshot \(entry.identifier), at instruction \(grouped(entry.position))")
        } else {
            StandardStreams.complain(
                "\(file): no snapshot lies before instruction \(grouped(place ?? 0)); from the beginning")
        }
        return entry ?? recording.start
    }

    private func report(
        _ conclusion: Session.Conclusion, _ session: Session, _ replayer: RunReplayer, _ nanoseconds: UInt64,
        _ recording: RecordingFile
    ) throws {
        let statistics = RunStatistics(session.board, hostSeconds: Double(nanoseconds) / 1e9)
        let status: Int32
        if case .diverged(let divergence) = conclusion {
            status = ExitStatus.diverged.rawValue
            StandardStreams.complain("\(file): the run is not the one that was recorded: \(divergence)")
        } else {
            status = 0
            if verify {
                StandardStreams.output(
                    "\(file): the same run: \(grouped(statistics.instructions)) instructions, "
                        + "\(grouped(replayer.deliveredInputs)) inputs, \(grouped(replayer.comparedHashes)) hashes of the "
                        + "CPUs, state hash \(statistics.stateHashText)\n")
            }
        }
        if let warning = recording.recording.file.ending.warning { StandardStreams.complain("\(file) \(warning)") }
        if stats { StandardStreams.error(statistics.table) }
        if json {
            let text = RunHost.describe(conclusion, session.description, on: session.board)
            StandardStreams.output(RunHost.json(conclusion, status, text, statistics, nil).text + "\n")
        }
        throw ExitCode(status)
    }
}

extension Session.Conclusion {
    /// Nothing follows it in the recorded run.
    fileprivate var isEnd: Bool {
        switch self {
        case .suspended, .quit, .diverged: false
        default: true
        }
    }
}
