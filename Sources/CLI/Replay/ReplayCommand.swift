import ArgumentParser
import Machine

/// `orrery replay`.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run again what was recorded, instruction for instruction.",
        discussion: """
            The machine is made as it was, from the same files, and is given what came from outside then at the same \
            instructions. Nothing comes from outside now, and no file is written to. Either engine replays what either has \
            recorded. A run that is not the recorded one stops there, says in what it differs, and has exit status 77. Where the \
            machine itself has changed since, it says that too, and with which program to replay.

            With --live the run leaves the recording where it stops and goes on as one of its own; drives stay in memory, and \
            connections through the network are new ones. With --gdb a debugger runs it in both directions, and the run leaves \
            the recording where the debugger changes something, or by `monitor live`. Either may be recorded as a branch.

            With --verify several parts of a run are replayed at once (--jobs), where the recording has snapshots that they \
            can begin at; and with --rewinds one replay goes back to places of its run and replays from there again.

            Examples:
              orrery run vmm.elf --net user --record boot.orrery
              orrery replay boot.orrery
              orrery replay boot.orrery --verify
              orrery replay boot.orrery --from 1000M
              orrery replay boot.orrery --verify --times 1000 --jobs 4
              orrery replay boot.orrery --verify --rewinds 19
              orrery run vmm.elf --record long.orrery --snapshot-interval 10G
              orrery replay long.orrery --verify --jobs 4
              orrery replay boot.orrery --to 1200M --monitor-command registers
              orrery replay boot.orrery --to 1200M --live --set 'register a0=1' --record other.orrery
              orrery replay boot.orrery --gdb 1234
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

    @Option(help: ArgumentHelp("Replay so often, and count how often it was the same run.", valueName: "k"))
    var times: Int?

    @Option(
        help: ArgumentHelp(
            "With --times: so many at once (as many as the computer has CPUs). With --verify alone: replay the run in parts, "
                + "so many at once; each begins at a snapshot of the recording and goes on behind the next.",
            valueName: "n"))
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "With --verify: replay the run in so many such parts, where it has more snapshots.", valueName: "k"))
    var parts: Int?

    /// What a process of --parts does: the numbers of the snapshots that it begins at and that it goes on behind.
    @Option(help: .hidden)
    var part: String?

    @Option(
        help: ArgumentHelp(
            "With --verify: when the run has ended, go back to so many places of it, spread evenly, and replay it from each "
                + "to the next again. The recording needs no snapshots: they are in memory.", valueName: "k"))
    var rewinds: Int?

    @Option(
        help: ArgumentHelp(
            "When the run has ended or stopped, a command for the monitor; may be given again. help lists them.",
            valueName: "command"))
    var monitorCommand: [String] = []

    @OptionGroup(title: "Another way") var branch: ReplayBranchOptions

    @OptionGroup var engine: EngineOptions

    @Flag(help: "At the end, print what the run cost, and a hash of the machine's state.")
    var stats = false

    @Flag(help: "At the end, print the result as one line of JSON, the last of standard output.")
    var json = false

    func run() throws {
        do {
            if let times {
                try ReplayTimes(file: file, times: times, jobs: jobs, arguments: engine.arguments).run(self)
            } else if let part {
                try ReplayPart(part).run(self)
            } else if parts != nil || jobs != nil {
                try ReplayParts(file: file, parts: parts, jobs: jobs, arguments: engine.arguments).run(self)
            } else {
                try replay()
            }
        } catch let error as TraceFileError {
            throw error.inputError
        }
    }

    /// The flags that have a replay be anything but all of the recorded run, compared with it.
    var isWhole: Bool { !branch.isBranch && to == nil && from == nil && monitorCommand.isEmpty }

    /// What to run.
    func description(_ recording: RecordingFile) throws -> MachineDescription {
        var description = recording.description
        for (key, texts) in engine.values { try description.set(flag: key, texts) }
        return description
    }

    private func replay() throws {
        if let rewinds {
            guard verify, isWhole else {
                throw UsageError(
                    "--rewinds is for all of a run that is verified. Add --verify and leave other flags out.")
            }
            guard rewinds >= 1, rewinds <= 10_000 else {
                throw UsageError("--rewinds: give a number from 1 to 10000.")
            }
        }
        let place = try to.map { text throws(UsageError) in
            do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: "to", error) }
        }
        try branch.check(verifies: verify)
        let recording = try RecordingFile(file)
        let console = ConsoleHub()
        let output = branch.output
        if !verify, branch.showsReplayed { console.listeners.append { output.write($0) } }
        let origin = try origin(of: recording.recording)
        let session = try Session(
            try description(recording), console: console, repeats: recording.images,
            report: { StandardStreams.complain($0) })
        let replayer = try RunReplayer(recording.recording, from: origin)
        try replayer.place(session)
        let recorder = try branch.recorder(session, recording.recording, at: place)
        let replay = ReplayedRun(session, replayer, recorder: recorder)
        if branch.isBranch {
            let branching = ReplayBranch(branch, session, replay, recorder, output, file: file)
            try branching.run(to: place, command: self)
        }
        let rewinding = rewinds.map { ReplayRewinds(session, replayer, count: $0) }
        defer { withExtendedLifetime((replay, rewinding)) {} }
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
        monitor(session)
        Interruption.obey()
        var outcome = Outcome(
            statistics: RunStatistics(session.board, hostSeconds: Double(elapsed) / 1e9),
            inputs: replayer.deliveredInputs, hashes: replayer.comparedHashes)
        if conclusion.isEnd, let rewinding {
            do { try rewinding.run() } catch let failure as ReplayRewinds.Failure {
                outcome.rewoundTo = failure.start
                conclusion = .diverged(failure.divergence)
            }
            Interruption.obey()
            outcome.rewinding = rewinding
        }
        try report(conclusion, session, outcome, recording)
    }

    /// What there is to tell of a replay.
    private struct Outcome {
        let statistics: RunStatistics
        let inputs: UInt64
        let hashes: UInt64
        var rewinding: ReplayRewinds?
        /// From where it has differed, if it was put back there.
        var rewoundTo: UInt64?

        var sentence: String {
            "the same run: \(grouped(statistics.instructions)) instructions, \(grouped(inputs)) inputs, "
                + "\(grouped(hashes)) hashes of the CPUs, state hash \(statistics.stateHashText)"
                + (rewinding.map {
                    "; replayed again from \($0.count) places to the next, \(grouped($0.comparedHashes)) hashes"
                } ?? "")
        }
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

    /// Carries out the commands that were given.
    func monitor(_ session: Session) {
        let monitor = Monitor(session)
        for line in monitorCommand { StandardStreams.output(monitor.execute(line).text) }
    }

    private func report(
        _ conclusion: Session.Conclusion, _ session: Session, _ outcome: Outcome, _ recording: RecordingFile
    ) throws {
        let status: Int32
        if case .diverged(let divergence) = conclusion {
            status = ExitStatus.diverged.rawValue
            if let place = outcome.rewoundTo {
                StandardStreams.complain("\(file): replayed again from instruction \(grouped(place)):")
            }
            tell(divergence, session.board.engine)
        } else {
            status = 0
            if verify { StandardStreams.output("\(file): \(outcome.sentence)\n") }
        }
        if let warning = recording.recording.file.ending.warning { StandardStreams.complain("\(file) \(warning)") }
        if stats { StandardStreams.error(outcome.statistics.table) }
        if json {
            let text = RunHost.describe(conclusion, session.description, on: session.board)
            StandardStreams.output(RunHost.json(conclusion, status, text, outcome.statistics, nil).text + "\n")
        }
        throw ExitCode(status)
    }

    /// Says where a run is another one, and how to look closer.
    func tell(_ divergence: Divergence, _ engine: Engine) {
        StandardStreams.complain("\(file): the run is not the one that was recorded: \(divergence)")
        let other = engine == .jit ? Engine.interpreter : .jit
        StandardStreams.error(
            """
                    whether the other engine runs as recorded: orrery replay \(file) --verify --engine \(other)
                    the state where the runs were equal last:  orrery replay \(file) --to \(divergence.lastEqual) \
            --monitor-command registers
                    from there on, step by step:               orrery replay \(file) --to \(divergence.lastEqual) --gdb 1234

            """)
    }
}

extension Session.Conclusion {
    /// Nothing follows it in the recorded run.
    var isEnd: Bool {
        switch self {
        case .suspended, .quit, .diverged: false
        default: true
        }
    }
}
