import ArgumentParser
import Glibc
import Machine

/// Flags of `orrery replay` that have a run go another way than the recorded one.
struct ReplayBranchOptions: ParsableArguments {
    @Flag(help: "Where the replay stops, leave the recording and go on as an ordinary run.")
    var live = false

    @Option(
        help: ArgumentHelp(
            "With --live, change something there: 'memory ADDRESS=BYTES' (physical, or a symbol; hexadecimal), "
                + "'register [CPU] NAME=NUMBER'; may be given again.", valueName: "change"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp("With --live, type what this script says, as `orrery run --input` does.", valueName: "file"),
        completion: .file())
    var input: String?

    @Option(
        help: ArgumentHelp(
            "Record the run with what was changed, so that `orrery replay` can run the same again without the first one.",
            valueName: "file"), completion: .file())
    var record: String?

    @Option(
        help: ArgumentHelp(
            "Have the machine stand there until a debugger connects, as `orrery run --gdb` does.",
            valueName: "port|address:port|unix:path|-"))
    var gdb: String?

    @Flag(help: "With --live, show also what the guest printed in the part that is replayed.")
    var showReplayed = false

    var isBranch: Bool { live || gdb != nil }

    /// What is printed before the run leaves the recording is not shown twice.
    var showsReplayed: Bool { !isBranch || gdb != nil && !live || showReplayed }

    /// Standard output is a debugger's that has started this process.
    var output: ConsoleOutput { gdb == "-" ? ConsoleOutput { StandardStreams.error($0) } : ConsoleOutput() }

    func check(verifies: Bool) throws {
        if verifies, isBranch {
            throw UsageError("--verify: a run that leaves the recording is not the same. Leave it out.")
        }
        guard !live else { return }
        if !set.isEmpty { throw UsageError("--set: a replay is what was recorded. Add --live to leave it there.") }
        if input != nil { throw UsageError("--input: nobody types in a replay. Add --live to leave the recording.") }
        if record != nil, gdb == nil {
            throw UsageError(
                "--record: it would be the same recording again. Add --live, or --gdb and change something.")
        }
    }

    /// - Parameter place: where the run leaves the recording at the earliest.
    func recorder(
        _ session: Session, _ recording: Recording, at place: UInt64?
    ) throws -> RunRecorder? {
        guard let record else { return nil }
        let path = recording.file.path
        guard DescriptionFile.absolute(record) != DescriptionFile.absolute(path) else {
            throw UsageError("--record: \(record) is the recording that is replayed. Give another name.")
        }
        let parent = RecordingParent(
            path: DescriptionFile.absolute(path),
            digest: try TraceResource(role: "", readingFrom: path).digest ?? SHA256Digest(of: []), position: place ?? 0)
        return try RunRecorder(
            session, to: record, branchOf: recording, parent, program: Orrery.configuration.version,
            report: { StandardStreams.complain($0) })
    }
}

/// A replay that leaves its recording, or that a debugger has.
final class ReplayBranch {
    private let options: ReplayBranchOptions
    private let session: Session
    private let replay: ReplayedRun
    private let recorder: RunRecorder?
    private let output: ConsoleOutput
    private let file: String
    private let host: RunHost

    init(
        _ options: ReplayBranchOptions, _ session: Session, _ replay: ReplayedRun, _ recorder: RunRecorder?,
        _ output: ConsoleOutput, file: String
    ) {
        self.options = options
        self.session = session
        self.replay = replay
        self.recorder = recorder
        self.output = output
        self.file = file
        host = RunHost(session, output)
    }

    /// Runs it, and ends the process.
    func run(to place: UInt64?, command: ReplayCommand) throws -> Never {
        let edits = try options.set.map { text throws(UsageError) in
            do throws(ValueError) { return try ManualEdit(text) } catch { throw UsageError(flag: "set", error) }
        }
        let input = try options.input.map { path throws(InputError) in try InputFile.read(path) }
        let gdbPlace = try options.gdb.map { text throws(UsageError) in
            do throws(ValueError) { return try GDBPlace(text) } catch { throw UsageError(flag: "gdb", error) }
        }
        var failure: InputError?
        replay.didGoLive = { [unowned self] in
            do throws(InputError) { try attach(input) } catch { failure = error }
        }
        Interruption.watch()
        let start = HostTime.now
        var conclusion: Session.Conclusion = .suspended
        var goesOn = true
        // To where it leaves the recording, or where a debugger is to begin.
        func advance() throws {
            if options.live || place != nil { conclusion = run(to: place ?? .max) }
            if let failure = replay.replayer.failure { throw failure }
            if case .diverged(let divergence) = conclusion {
                command.tell(divergence, session.board.engine)
                throw ExitCode(ExitStatus.diverged.rawValue)
            }
            goesOn = conclusion == .suspended || conclusion == .recordingEnded
            if !goesOn {
                StandardStreams.complain("the recorded run has ended at instruction \(grouped(session.board.executed))")
            } else if options.live {
                replay.goLive()
                for (edit, text) in zip(edits, options.set) {
                    do throws(ValueError) { try edit.make(in: session) } catch {
                        throw UsageError(flag: "set \(text)", error)
                    }
                }
            }
            if let failure { throw failure }
        }
        let server = try gdbPlace.map { try GDBServer($0, session, before: advance) }
        if server == nil { try advance() }
        if goesOn, Interruption.signal == 0 { conclusion = server?.run(host) ?? converse() }
        let elapsed = HostTime.now - start
        output.endLine()
        Terminal.restore()
        if let failure { throw failure }
        command.monitor(session)
        let text = RunHost.describe(conclusion, session.description, on: session.board)
        recorder?.conclude(text ?? "the run was ended")
        Interruption.obey()
        let status = ExitStatus.of(conclusion, expectsMatch: session.description.until != nil)
        if status != 0, let text { StandardStreams.complain(text) }
        let statistics = RunStatistics(session.board, hostSeconds: Double(elapsed) / 1e9)
        if command.stats { StandardStreams.error(statistics.table) }
        if command.json {
            StandardStreams.output(RunHost.json(conclusion, status, text, statistics, nil).text + "\n")
        }
        throw ExitCode(status)
    }

    /// Runs it to where it leaves the recording, or a debugger is to begin.
    private func run(to place: UInt64) -> Session.Conclusion {
        guard options.gdb == "-" else { return session.run(to: place) }
        let usual = session.betweenTurns
        let start = HostTime.now
        var isTold = false
        session.betweenTurns = { time in
            // A debugger that has started this process waits for its first answer.
            if !isTold, HostTime.now - start > Self.patience {
                isTold = true
                StandardStreams.complain(
                    "on the way to instruction \(grouped(place)), and gdb waits a few seconds only: have it wait longer "
                        + "(set remotetimeout 3600, before target remote), or connect to a port: --gdb 1234")
            }
            return usual?(time) ?? false
        }
        defer { session.betweenTurns = usual }
        return session.run(to: place)
    }

    /// A second. GDB gives up after six.
    private static let patience: UInt64 = 1_000_000_000

    /// Has what is outside be there.
    private func attach(_ input: InputFile?) throws(InputError) {
        try session.goLive(input: input)
        if !options.showsReplayed { session.console.listeners.append { [output] in output.write($0) } }
        host.networkHasCome()
        guard options.gdb != "-" else { return }
        if Terminal.isInteractive {
            Terminal.enterRawMode()
            host.attachKeyboard()
        } else if input == nil, options.gdb == nil {
            try host.feedStandardInput()
        }
    }

    /// Runs it on, with the monitor for whoever asks for it.
    private func converse() -> Session.Conclusion {
        let monitor = Monitor(session)
        var conclusion = session.run()
        while conclusion == .quit, host.wantsMonitor, host.converse(monitor) { conclusion = session.run() }
        return conclusion
    }
}
