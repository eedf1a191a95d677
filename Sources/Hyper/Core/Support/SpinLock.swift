import Synchronization

/// Mutual exclusion between CPUs, for a few instructions at a time. Interrupts of the holder's CPU are off meanwhile, so that
/// none of its own handlers waits for what it has interrupted.
public struct SpinLock: ~Copyable, Sendable {
    /// The address of the record of the holder's CPU, or 0.
    private let holder = Atomic<UInt>(0)

    public init() {}

    /// Waits for the lock and takes it. Interrupts are off already.
    @inline(__always)
    public borrowing func acquire() {
        let me = UInt(bitPattern: Port.cpu)
        // A CPU that waits for itself would do so for ever.
        if Configuration.CHECK_DEADLOCK, holder.load(ordering: .relaxed) == me {
            Port.panic("deadlock: a CPU waits for a lock that it holds")
        }
        while !holder.compareExchange(expected: 0, desired: me, ordering: .acquiring).exchanged { Port.relax() }
    }

    @inline(__always)
    public borrowing func release() { holder.store(0, ordering: .releasing) }

    /// Holds the lock while `body` runs.
    @inline(__always)
    public borrowing func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let wereEnabled = Port.disableInterrupts()
        acquire()
        defer {
            release()
            Port.restoreInterrupts(wereEnabled)
        }
        return try body()
    }
}
