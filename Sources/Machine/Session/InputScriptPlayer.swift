/// Types what a script says while a machine runs.
final class InputScriptPlayer {
    /// How long a turn may be, so that an answer comes soon after what it answers.
    static let quantum: UInt64 = 20_000

    private let script: InputScript
    private let console: ConsoleHub
    private let clock: Clock
    private var position = 0
    /// What was printed and not matched yet. It is bounded: a guest may print without end while nothing is waited for.
    private var printed: [UInt8] = []
    private var hasNew = false
    /// When the step in progress fails or is over. The timer makes an idle machine stop there.
    private var deadline: UInt64?
    private var timer: Clock.Timer?
    /// A line longer than this is looked at in pieces.
    private static let longestLine = 1 << 16
    /// Of what was printed before anything waits for it, this much is kept.
    private static let longestMemory = 1 << 20

    var isOver: Bool { position >= script.steps.count }
    var printedCount: Int { printed.count }

    init(_ script: InputScript, _ console: ConsoleHub, _ clock: Clock) {
        self.script = script
        self.console = console
        self.clock = clock
        timer = Clock.Timer(clock, of: .host) {}
        console.listeners.append { [weak self] bytes in
            guard let self, !isOver else { return }
            printed += bytes.filter { $0 != 0x0d }
            if printed.count > 2 * Self.longestMemory { printed.removeFirst(printed.count - Self.longestMemory) }
            hasNew = true
        }
        begin()
    }

    deinit { timer?.cancel() }

    /// Starts the step at `position`.
    private func begin() {
        deadline = nil
        timer?.cancel()
        guard !isOver else { return }
        let span: UInt64
        switch script.steps[position].step {
        case .wait(_, let limit?): span = limit
        case .pause(let nanoseconds): span = nanoseconds
        default: return
        }
        let (due, overflow) = clock.now.addingReportingOverflow(span)
        guard !overflow else { return }
        deadline = due
        timer?.arm(at: due)
    }

    /// Goes as far in the script as the console and the time allow; called between turns.
    /// - Returns: how the script failed, if it did.
    func advance() -> Session.Conclusion? {
        while !isOver {
            let (line, step) = script.steps[position]
            switch step {
            case .send(let bytes): console.receive(bytes)
            case .pause:
                guard let deadline else { break }
                if clock.now < deadline { return nil }
            case .wait(let pattern, _):
                if !matches(script.expression(position)) {
                    guard let deadline, clock.now >= deadline else { return nil }
                    return .expectationFailed(file: script.file, line: line, pattern: pattern)
                }
            }
            position += 1
            begin()
        }
        return nil
    }

    /// Looks for the expression in what is new, line by line, and passes over what it matched.
    private func matches(_ regex: Regex<AnyRegexOutput>?) -> Bool {
        guard let regex, hasNew else { return false }
        var start = 0
        // Once for all lines: each removal moves all the rest.
        defer { printed.removeFirst(start) }
        while true {
            let end = printed[start...].firstIndex(of: 0x0a)
            let line = String(decoding: printed[start..<(end ?? printed.endIndex)], as: UTF8.self)
            if let match = try? regex.firstMatch(in: line) {
                let rest = line[match.range.upperBound...].utf8.count
                start = max((end ?? printed.endIndex) - rest, start)
                return true
            }
            guard let end else { break }
            start = end + 1
        }
        if printed.count - start > Self.longestLine { start = printed.count - Self.longestLine / 2 }
        hasNew = false
        return false
    }
}
