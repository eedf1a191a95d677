import Glibc
import Machine

/// Time of the host, for pacing and for speed. Nothing of it reaches the machine.
enum HostTime {
    /// Nanoseconds since some moment.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// What the guest prints, on its way to standard output: gathered into lines, for a system call a character is slow.
final class ConsoleOutput {
    private var bytes: [UInt8] = []
    private var isAtLineStart = true
    private let put: ([UInt8]) -> Void

    /// - Parameter put: where it goes, if not to standard output.
    init(_ put: @escaping ([UInt8]) -> Void = { StandardStreams.output($0) }) {
        self.put = put
    }

    func write(_ new: [UInt8]) {
        bytes += new
        if bytes.count >= 4096 || new.contains(0x0a) { flush() }
    }

    func flush() {
        guard let last = bytes.last else { return }
        put(bytes)
        isAtLineStart = last == 0x0a
        bytes.removeAll(keepingCapacity: true)
    }

    /// Makes what follows begin a line of its own.
    func endLine() {
        flush()
        if !isAtLineStart { put([0x0a]) }
        isAtLineStart = true
    }
}

/// The host's side of a run: keys, standard input, the network's sockets, the display, and the passing of time.
final class RunHost {
    private let session: Session
    private let output: ConsoleOutput
    private let keyboard: Keyboard
    private var network: UserNetwork? { session.network }
    private var vnc: VNCServer?
    /// An idle machine waits for the clock on the wall even when nothing but a key can come.
    private var isPaced = false
    /// Where virtual and wall-clock time met last.
    private var anchor: (virtual: UInt64, host: UInt64) = (0, 0)
    /// A machine that was slower than the clock may catch up by this much, and no more.
    private static let slack: UInt64 = 50_000_000
    private var nextLook: UInt64 = 0
    /// The run ended because the user asked for the monitor.
    private(set) var wantsMonitor = false
    /// What a debugger's server waits for, where there is one: it has the machine, and the keyboard has no monitor.
    var debugger: (() -> [pollfd])?
    private static let lookInterval: UInt64 = 100_000
    private static let interactiveQuantum: UInt64 = 100_000

    init(_ session: Session, _ output: ConsoleOutput) {
        self.session = session
        self.output = output
        keyboard = Keyboard(session.console) { [port = session.port] in port.sendBreak() }
        session.betweenTurns = { [unowned output] _ in
            output.flush()
            return Interruption.signal != 0
        }
        if network != nil { lookAtHost() }
    }

    /// Types all of standard input now: so the run depends on what was given, and not on when.
    func feedStandardInput() throws(InputError) {
        var wait = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        if poll(&wait, 1, 2000) == 0 {
            StandardStreams.complain(
                "waiting for the end of standard input, which is typed as a whole; </dev/null gives none")
        }
        // A closed standard input is an empty one.
        guard fcntl(STDIN_FILENO, F_GETFD) >= 0 else { return }
        session.console.receive(
            try InputFile.read("/dev/stdin", name: "standard input", limit: 64 << 20).bytes)
    }

    /// Looks at the network from now on, if there is one now.
    func networkHasCome() {
        if network != nil { lookAtHost() }
    }

    /// Lets a person type.
    func attachKeyboard() {
        keyboard.open()
        attachPerson()
    }

    /// Shows the machine's display where the user wants to see it.
    func showDisplay() throws(InputError) {
        guard let display = session.board.display,
            case .vnc(let address, let port)? = session.description.display
        else { return }
        vnc = try VNCServer(display, address: address, port: port)
        if address.bytes.first != 127 {
            StandardStreams.complain("whoever can reach \(address):\(port) sees this machine's screen and types at it")
        }
        attachPerson()
    }

    /// Sends the display's clients away.
    func hideDisplay() {
        vnc = nil
    }

    /// Paces the machine to the clock on the wall.
    private func attachPerson() {
        isPaced = true
        // A key should not wait for a long turn, even where the guest polls a slow device.
        session.board.scheduler.quantum = min(session.board.scheduler.quantum, Self.interactiveQuantum)
        lookAtHost()
    }

    /// Looks for what comes from outside while the machine runs, and lets it wait for that while it is idle.
    private func lookAtHost() {
        anchor = (session.board.scheduler.time, HostTime.now)
        session.betweenTurns = { [unowned self] time in
            // The machine may have been put back.
            guard time >= nextLook || time &+ Self.lookInterval < nextLook else { return false }
            nextLook = time + Self.lookInterval
            output.flush()
            network?.look()
            vnc?.look()
            return obey(keyboard.serve(waiting: 0))
        }
        session.waitsForHost = { [unowned self] deadline in
            output.flush()
            return waitForHost(until: deadline)
        }
    }

    /// An idle machine waits until the wall clock has come to its next event, or a key is pressed, or something comes
    /// through the network or from the display. When nothing can come it skips to the event.
    /// - Returns: how the run ends, if it does.
    private func waitForHost(until deadline: UInt64?) -> Session.Conclusion? {
        let networkIsOpen = network?.isOpen ?? false
        // Nobody is left who could wake it.
        if deadline == nil, keyboard.isAtEnd, !networkIsOpen, vnc == nil { return .hung }
        let deadline = deadline ?? session.description.timeout.map { min($0.nanoseconds, Clock.end) }
        let scheduler = session.board.scheduler
        var now = HostTime.now
        if let deadline, !isPaced, !networkIsOpen {
            scheduler.advance(to: deadline)
            anchor = (scheduler.time, now)
            return obey(nil) ? .quit : nil
        }
        if scheduler.time < anchor.virtual { anchor = (scheduler.time, now) }
        let virtual = scheduler.time - anchor.virtual
        let real = now - anchor.host
        if real > virtual + Self.slack { anchor = (scheduler.time, now - Self.slack) }
        let due = deadline.map { anchor.host + ($0 - anchor.virtual) }
        // Poll counts in milliseconds; what is left over is not worth waiting for.
        let wait = due.map { $0 > now ? min(($0 - now) / 1_000_000, 3_600_000) : 0 }
        vnc?.look(isIdle: true)
        let command = keyboard.serve(
            waiting: wait.map { Int32($0) } ?? -1, besides: others + (debugger?() ?? []))
        now = HostTime.now
        let passed = anchor.virtual + (now - anchor.host)
        scheduler.advance(to: max(scheduler.time, min(passed, deadline ?? passed)))
        if let deadline, let due, due < now + 1_000_000 { scheduler.advance(to: deadline) }
        network?.look()
        vnc?.look(isIdle: true)
        if obey(command) { return .quit }
        return debuggerCalls ? .suspended : nil
    }

    /// A debugger has sent something, or gone.
    private var debuggerCalls: Bool {
        guard var waits = debugger?() else { return false }
        return poll(&waits, nfds_t(waits.count), 0) > 0
    }

    /// Sockets beside a debugger's.
    private var others: [pollfd] { (network?.descriptors ?? []) + (vnc?.descriptors ?? []) }

    /// Waits for a key, or for what `descriptors` tell of, while a debugger has the machine stand.
    /// - Returns: whether the run is to end.
    func stand(besides descriptors: [pollfd]) -> Bool {
        output.flush()
        // A signal that comes just before the wait ends no wait: it is looked for now and then.
        return obey(keyboard.serve(waiting: 1000, besides: descriptors))
    }

    /// - Returns: whether the run is to end.
    private func obey(_ command: Keyboard.Command?) -> Bool {
        if command == .monitor, debugger != nil {
            StandardStreams.complain("the debugger has the machine: there it is monitor COMMAND")
            return false
        }
        wantsMonitor = command == .monitor
        return command != nil || Interruption.signal != 0
    }

    // MARK: Monitor

    /// Reads commands from the terminal while the machine stands still.
    /// - Returns: false to end the run.
    func converse(_ monitor: Monitor) -> Bool {
        wantsMonitor = false
        output.endLine()
        Terminal.restore()
        let before = HostTime.now
        defer {
            // The machine's time stood still meanwhile.
            anchor.host += HostTime.now - before
            Terminal.enterRawMode()
        }
        if let stop = monitor.stop { StandardStreams.output(stop) }
        while true {
            StandardStreams.error("(orrery) ")
            guard let line = keyboard.line() else {
                StandardStreams.error("\n")
                monitor.deleteStops()
                return true
            }
            let (text, action) = monitor.execute(line)
            StandardStreams.output(text)
            switch action {
            case .stay: break
            case .resume: return true
            case .quit: return false
            }
        }
    }

    // MARK: How it ended

    static func describe(
        _ conclusion: Session.Conclusion, _ description: MachineDescription, on board: (any Board)? = nil
    ) -> String? {
        switch conclusion {
        case .exited(0): description.until.map { "the guest ended, and nothing had matched --until '\($0)'" }
        case .exited(let status): "the guest ended with status \(status)"
        case .failed(let code): "the guest failed with code \(code)"
        case .matched, .quit, .suspended, .recordingEnded: nil
        case .diverged(let divergence): "the run is not the one that was recorded: \(divergence)"
        case .failureMatched(let pattern, let line): "the console matched --fail-on '\(pattern)': \(line)"
        case .timedOut: "timed out: \(description.timeout?.description ?? "the limit") of the machine's time passed"
        case .instructionLimit:
            "stopped: \(description.maxInstructions?.description ?? "all") instructions were executed"
        case .expectationFailed(let file, let line, let pattern):
            "\(file):\(line): the console did not match '\(pattern)' in time"
        case .hung: "the guest hangs: no \(board?.noun ?? "hart") goes on, and no event is to come"
        }
    }

    static func json(
        _ conclusion: Session.Conclusion, _ status: Int32, _ text: String?, _ statistics: RunStatistics,
        _ exitStatistics: ExitStatistics?
    ) -> JSON {
        var members: [(String, JSON)] = []
        func add(_ name: String, _ value: JSON) { members.append((name, value)) }
        switch conclusion {
        case .exited(let status):
            add("conclusion", .string("exited"))
            add("guestStatus", .number(status))
        case .failed(let code):
            add("conclusion", .string("failed"))
            add("guestStatus", .number(code))
        case .matched(let line):
            add("conclusion", .string("matched"))
            add("line", .string(line))
        case .failureMatched(let pattern, let line):
            add("conclusion", .string("failure-matched"))
            add("pattern", .string(pattern))
            add("line", .string(line))
        case .timedOut: add("conclusion", .string("timed-out"))
        case .instructionLimit: add("conclusion", .string("instruction-limit"))
        case .expectationFailed(let file, let line, let pattern):
            add("conclusion", .string("expectation-failed"))
            add("file", .string(file))
            add("line", .number(UInt64(line)))
            add("pattern", .string(pattern))
        case .hung: add("conclusion", .string("hung"))
        case .quit: add("conclusion", .string("quit"))
        case .suspended: add("conclusion", .string("suspended"))
        case .recordingEnded: add("conclusion", .string("recording-ended"))
        case .diverged(let divergence):
            add("conclusion", .string("diverged"))
            add("position", .number(divergence.position))
        }
        add("status", .number(UInt64(max(status, 0))))
        add("message", text.map(JSON.string) ?? .null)
        add("instructions", .number(statistics.instructions))
        add("virtualNanoseconds", .number(statistics.virtualNanoseconds))
        add("hostSeconds", .decimal(decimal(statistics.hostSeconds ?? 0, places: 6)))
        add("mips", .decimal(decimal(statistics.mips ?? 0, places: 1)))
        add("traps", .number(statistics.traps))
        add("interrupts", .number(statistics.interrupts))
        add("tlbMisses", .number(statistics.tlbMisses))
        add("deviceAccesses", .number(statistics.deviceAccesses))
        add("fetchMisses", .number(statistics.fetchMisses))
        if let translation = statistics.translation { add("jit", json(translation)) }
        if let exitStatistics { add("exits", json(exitStatistics)) }
        add("stateHash", .string(statistics.stateHashText))
        return .object(members)
    }

    private static func json(_ statistics: ExitStatistics) -> JSON {
        .object(
            statistics.rows.map { name, costs in
                let figures: [(String, UInt64)] = [
                    ("count", costs.count), ("least", costs.least), ("median", costs.median), ("most", costs.most),
                    ("instructions", costs.total),
                ]
                return (name, .object(figures.map { ($0.0, .number($0.1)) }))
            })
    }

    private static func json(_ translation: TranslationFigures) -> JSON {
        let statistics = translation.statistics
        func object(_ counts: [(String, Int)]) -> JSON { .object(counts.map { ($0.0, .number(UInt64($0.1))) }) }
        return .object([
            ("executed", .number(statistics.executed)), ("interpreted", .number(translation.interpreted)),
            ("regions", .number(UInt64(statistics.regions))),
            ("instructions", .number(UInt64(statistics.instructions))),
            ("bytes", .number(UInt64(statistics.bytes))),
            ("bytesPerInstruction", .decimal(decimal(translation.bytesPerInstruction, places: 2))),
            ("translationNanoseconds", .number(statistics.translationNanoseconds)),
            ("nanosecondsPerInstruction", .decimal(decimal(translation.nanosecondsPerInstruction, places: 1))),
            ("entries", .number(UInt64(statistics.entries))),
            ("exits", object(statistics.exits.map { ($0.reason, $0.count) })),
            ("leftFor", object(translation.reasons.map { ($0.mnemonic, $0.count) })),
            ("lookups", .number(UInt64(statistics.lookups))),
            ("invalidations", .number(UInt64(statistics.invalidations))),
            ("flushes", .number(UInt64(statistics.flushes))),
        ])
    }
}
