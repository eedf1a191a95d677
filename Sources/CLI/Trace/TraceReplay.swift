import ArgumentParser
import Machine

/// A recording that is run again to be looked at.
struct TraceReplay {
    let path: String
    let file: RecordingFile
    let session: Session
    private let replayer: RunReplayer

    private let callers: CallerOptions.Source

    /// - Parameters:
    ///   - engine: what runs it, where not what ran it then.
    ///   - callers: how it is found out who called whom, where that is asked for.
    init(_ path: String, engine: Engine? = nil, callers: CallerOptions? = nil) throws {
        self.path = path
        do {
            file = try RecordingFile(path)
            self.callers = callers?.source(file.recording) ?? .pointers
            var description = file.description
            if let engine { description.engine = engine }
            if self.callers == .calls { description.engine = .interpreter }
            session = try Session(description, repeats: file.images, report: { StandardStreams.complain($0) })
            // A run that went on from a snapshot begins with it.
            replayer = try RunReplayer(file.recording, from: file.recording.start)
            try replayer.place(session)
        } catch let error as TraceFileError {
            throw error.inputError
        }
        session.companion = replayer
        var progress = ReplayProgress(file.recording.range)
        let board = session.board
        session.betweenTurns = { [unowned board] _ in
            progress.show(board.executed)
            return Interruption.signal != 0
        }
        Interruption.watch()
    }

    /// Follows the CPUs' calls from here on, if that is how callers are found out.
    func callTracker() throws(InputError) -> CallTracker? { callers == .calls ? try CallTracker(session) : nil }

    /// Runs it to its end, and makes sure that it is the run that was recorded: of another one nothing is told.
    /// - Parameter body: runs the session, in steps where it has to.
    func run(_ body: (Session) -> Session.Conclusion = { $0.run() }) throws {
        var conclusion = body(session)
        ProgressLine.clear()
        if let failure = replayer.failure { throw failure.inputError }
        Interruption.obey()
        switch conclusion {
        case .suspended, .quit, .diverged: break
        default: if let divergence = replayer.compareEnd(session) { conclusion = .diverged(divergence) }
        }
        if case .diverged(let divergence) = conclusion {
            StandardStreams.complain("\(path): the run is not the one that was recorded: \(divergence)")
            throw ExitCode(ExitStatus.diverged.rawValue)
        }
        if let warning = file.recording.file.ending.warning { StandardStreams.complain("\(path) \(warning)") }
    }

    /// `hart 0`.
    func label(_ processor: Int) -> String {
        let processors = session.board.processors
        return processors.indices.contains(processor) ? processors[processor].label : "CPU \(processor)"
    }
}

/// Files whose symbols name addresses.
struct SymbolOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            An ELF file whose symbols name addresses, beside those of the machine's own programs; may be given again. Before \
            it, whose addresses: guest: for all guests, 2: for the guest of that number (VMID). Behind it, where its first \
            byte runs if it was linked for another place: @0x80200000.
            """, valueName: "[guest:]file[@address]"))
    var symbols: [String] = []

    func names() throws(UsageError) -> [SymbolSpaces.FileName] {
        try symbols.map { text throws(UsageError) in
            do throws(ValueError) { return try SymbolSpaces.FileName(text) } catch {
                throw UsageError(flag: "symbols", error)
            }
        }
    }

    func spaces(_ session: Session) throws -> SymbolSpaces {
        var spaces = SymbolSpaces(session.symbols)
        for name in try names() { try spaces.add(name, machine: session.board.architecture) }
        return spaces
    }
}

/// How it is found out who called a function.
struct CallerOptions: ParsableArguments {
    enum Source: String, CaseIterable, ExpressibleByArgument {
        case calls, pointers
    }

    @Option(
        help: ArgumentHelp(
            "Tell who called a function by calls and returns, which is slow, or by frame pointers "
                + "(by calls where the run has at most \(grouped(mostFollowed)) instructions).",
            valueName: "calls|pointers"))
    var stacks: Source?

    /// What is followed in seconds.
    private static let mostFollowed: UInt64 = 100_000_000

    /// How it is done for a recording; calls are followed in the interpreter.
    func source(_ recording: Recording) -> Source {
        stacks ?? (UInt64(recording.range.count) <= Self.mostFollowed ? .calls : .pointers)
    }
}

/// Colours of a terminal, or none of them.
struct Paint {
    let isColoured: Bool

    func heading(_ text: String) -> String { paint(text, "1") }
    func faint(_ text: String) -> String { paint(text, "2") }

    func kind(_ kind: RunEvent.Kind, _ text: String) -> String {
        switch kind {
        case .exit: paint(text, "33")
        case .exception: paint(text, "31")
        case .interrupt: paint(text, "36")
        case .wait: paint(text, "2")
        case .console: paint(text, "32")
        }
    }

    private func paint(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}

extension RunEvents.LeftOut {
    /// What a person is told of it; nil where nothing is left out.
    var sentence: String? {
        guard !isEmpty else { return nil }
        let parts = [(events, "events"), (segments, "spans of CPUs"), (lines, "lines of the console")]
            .filter { $0.0 > 0 }.map { "\(grouped($0.0)) \($0.1)" }
        return "left out, from \(seconds(since ?? 0)) on: " + parts.joined(separator: ", ")
            + ". Sums are of the whole run. Ask for more by --limit, or for a part of the run by --from and --to"
    }
}
