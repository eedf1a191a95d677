import ArgumentParser
import Machine

/// `orrery report`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Show a recorded run on a page for a browser.",
        discussion: """
            The recording is run again. The page has a timeline of CPUs, guests, exits and interrupts, the console at the same \
            times, why guests left, whose the CPUs were, where they waited, and a flame graph. It is one file, which loads \
            nothing from elsewhere.

            Examples:
              orrery report hyper.orrery -o report.html
              orrery report hyper.orrery -o report.html --symbols guest:basic.elf --from 10ms --to 40ms
            """)

    @Argument(help: "The recording.", completion: .file())
    var file: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write the page.", valueName: "file"))
    var output: String

    @OptionGroup var symbols: SymbolOptions

    @Option(help: ArgumentHelp("Single events are shown only from this time of the machine on.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Single events are shown only up to this time.", valueName: "time"))
    var to: String?

    @Option(help: ArgumentHelp("So many events are shown, the first ones; sums are of all.", valueName: "n"))
    var limit = "200000"

    @Option(help: ArgumentHelp("Instructions from one sample of the flame graph to the next.", valueName: "n"))
    var every: String?

    @OptionGroup var callers: CallerOptions

    func run() throws {
        func count(_ text: String, _ flag: String) throws(UsageError) -> UInt64 {
            do throws(ValueError) { return try Count(text).value } catch { throw UsageError(flag: flag, error) }
        }
        var limits = try RunEvents.Limits(from: from, to: to)
        limits.events = Int(clamping: try count(limit, "limit"))
        limits.segments = limits.events
        limits.lines = min(limits.events, 50_000)
        let interval = try every.map { text throws(UsageError) in try count(text, "every") }
        let replay = try TraceReplay(file, callers: callers)
        let spaces = try symbols.spaces(replay.session)
        // It stands before the CPUs, and the events' watchers before it.
        let calls = try replay.callTracker()
        let events = try RunEvents(replay.session, limits)
        let profile = InstructionProfile(
            replay.session, spaces, interval: interval ?? InstructionProfile.defaultInterval, calls: calls)
        try replay.run { _ in profile.run() }
        events.finish()
        try OutputFile.write(ReportPage(events, profile, replay, spaces).text, to: output)
    }
}
