/// A CPU whose turns ``RunEvents`` is told of.
final class WatchedProcessor: StandInProcessor {
    private let index: Int
    private unowned let events: RunEvents

    init(_ base: any ExitingProcessor, _ index: Int, _ events: RunEvents, before next: any Processor) {
        self.index = index
        self.events = events
        super.init(base, before: next)
    }

    override func run(_ count: UInt64) -> UInt64 {
        events.turnBegins(index)
        defer { events.turnEnds(index) }
        return super.run(count)
    }
}
