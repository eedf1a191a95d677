/// One CPU, as the scheduler and the tools see it, whatever its architecture.
public protocol Processor: AnyObject {
    /// Its number within the machine.
    var identifier: Int { get }
    /// Instructions executed since power-on, trapped ones included: the CPU's own time.
    var executed: UInt64 { get }
    /// Virtual time in nanoseconds less ``executed``: set before each turn.
    var clockOffset: UInt64 { get set }
    /// It waits for an interrupt.
    var isWaiting: Bool { get }
    /// It faults at its own trap handler, again and again, and nothing but another's doing could end that.
    var isLost: Bool { get }
    /// Runs at most `count` instructions; ends early when the CPU waits or was stopped.
    /// - Returns: how many were executed.
    func run(_ count: UInt64) -> UInt64
    /// Ends the turn that runs now, when it has executed up to `limit`.
    func limitTurn(to limit: UInt64)
    /// Ends the turn after the instruction in progress.
    func stop()
    /// It has ended its turn itself, before it had executed all that it was allowed.
    var hasEndedTurn: Bool { get }
    /// A debugger wants it to stand: its turn is not over.
    var isStoppedByDebugger: Bool { get }
    /// Has it execute the next instruction even where a breakpoint is.
    func passBreakpoint()
    /// Gives up what another CPU's turn may invalidate: the reservation of a load-reserved.
    func loseReservation()
}

extension Processor {
    public var isStoppedByDebugger: Bool { false }
    public func passBreakpoint() {}
}
