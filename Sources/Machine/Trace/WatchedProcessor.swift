/// A CPU whose turns ``RunEvents`` is told of.
final class WatchedProcessor: Processor {
    private let base: any ExitingProcessor
    private let index: Int
    private unowned let events: RunEvents

    init(_ base: any ExitingProcessor, _ index: Int, _ events: RunEvents) {
        self.base = base
        self.index = index
        self.events = events
    }

    var identifier: Int { base.identifier }
    var executed: UInt64 { base.executed }
    var clockOffset: UInt64 {
        get { base.clockOffset }
        set { base.clockOffset = newValue }
    }
    var isWaiting: Bool { base.isWaiting }
    var isLost: Bool { base.isLost }
    var hasEndedTurn: Bool { base.hasEndedTurn }
    var isStoppedByDebugger: Bool { base.isStoppedByDebugger }

    func run(_ count: UInt64) -> UInt64 {
        events.turnBegins(index)
        let executed = base.run(count)
        events.turnEnds(index)
        return executed
    }

    func limitTurn(to limit: UInt64) { base.limitTurn(to: limit) }
    func stop() { base.stop() }
    func passBreakpoint() { base.passBreakpoint() }
    func loseReservation() { base.loseReservation() }
}
