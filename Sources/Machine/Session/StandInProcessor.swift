/// A CPU that stands in for another one in the scheduler, so that somebody can look at what that one does. Its turns are those of
/// the other CPU.
class StandInProcessor: Processor {
    let base: any InspectableProcessor
    /// What runs it: itself, or one who stands in for it already.
    private let next: any Processor
    /// Where the turn ends, in executed instructions.
    private var end: UInt64 = 0

    init(_ base: any InspectableProcessor, before next: (any Processor)? = nil) {
        self.base = base
        self.next = next ?? base
    }

    final var identifier: Int { base.identifier }
    final var executed: UInt64 { base.executed }
    final var clockOffset: UInt64 {
        get { base.clockOffset }
        set { base.clockOffset = newValue }
    }
    final var isWaiting: Bool { base.isWaiting }
    final var isLost: Bool { base.isLost }
    final var hasEndedTurn: Bool { base.hasEndedTurn }
    final var isStoppedByDebugger: Bool { base.isStoppedByDebugger }

    func run(_ count: UInt64) -> UInt64 { next.run(count) }

    /// Runs a turn in pieces.
    /// - Parameter piece: has the other CPU execute some of the instructions that are left.
    /// - Returns: of the closure, whether it has executed as many as it was told to, and the turn may go on.
    final func run(_ count: UInt64, inPieces piece: (_ left: UInt64) -> Bool) -> UInt64 {
        let start = base.executed
        end = start &+ count
        while base.executed < end, piece(end &- base.executed) {
            if base.isWaiting || base.hasEndedTurn || base.isStoppedByDebugger { break }
        }
        return base.executed &- start
    }

    final func limitTurn(to limit: UInt64) {
        end = min(end, max(limit, base.executed &+ 1))
        next.limitTurn(to: limit)
    }

    final func stop() {
        end = 0
        next.stop()
    }

    final func passBreakpoint() { base.passBreakpoint() }
    final func loseReservation() { base.loseReservation() }
}
