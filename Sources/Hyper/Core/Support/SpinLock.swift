import Synchronization

/// Mutual exclusion between CPUs, for a few instructions at a time. Interrupts of the holder's CPU are off meanwhile, so that
/// none of its own handlers waits for what it has interrupted.
public struct SpinLock: ~Copyable, Sendable {
    /// Which lock may be taken while another one is held: one of a later rank. So no two CPUs ever wait for each other.
    /// Locks without a rank are not compared, except with themselves.
    public enum Rank: UInt8, Sendable {
        case none
        case waitQueue
        /// Of a CPU's queue; two of them in the order of the CPUs' numbers.
        case processor
        case vcpu
        case timers
        /// Of the list of all threads.
        case threads
    }

    /// The address of the record of the holder's CPU, or 0.
    private let holder = Atomic<UInt>(0)
    private let rank: Rank

    public init(_ rank: Rank = .none) { self.rank = rank }

    /// Waits for the lock and takes it. Interrupts are off already.
    @inline(__always)
    public borrowing func acquire() {
        let me = UInt(bitPattern: Port.cpu)
        if Configuration.CHECK_DEADLOCK {
            // A CPU that waits for itself would do so for ever.
            if holder.load(ordering: .relaxed) == me { Port.panic("deadlock: a CPU waits for a lock that it holds") }
            HeldLocks.check(rank)
        }
        while !holder.compareExchange(expected: 0, desired: me, ordering: .acquiring).exchanged { Port.relax() }
        if Configuration.CHECK_DEADLOCK { HeldLocks.add(rank) }
    }

    @inline(__always)
    public borrowing func release() {
        if Configuration.CHECK_DEADLOCK {
            if holder.load(ordering: .relaxed) != UInt(bitPattern: Port.cpu) {
                Port.panic("a lock is released by a CPU that does not hold it")
            }
            HeldLocks.remove(rank)
        }
        holder.store(0, ordering: .releasing)
    }

    /// Whether some CPU holds it at this moment.
    var isHeld: Bool { holder.load(ordering: .relaxed) != 0 }

    #if !hasFeature(Embedded)
    /// Nobody holds it any more: the machine whose CPU did is gone.
    borrowing func abandon() { holder.store(0, ordering: .relaxed) }
    #endif

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

/// How many locks of each rank a CPU holds, in builds that look for deadlocks.
struct HeldLocks {
    private var counts = InlineArray<6, Int>(repeating: 0)

    /// Before a lock is taken: a CPU that holds one of a later rank might wait for another that holds this one. Locks of the
    /// same rank are taken by whoever has an order for them.
    @inline(never)
    static func check(_ rank: SpinLock.Rank) {
        guard rank != .none, CPUs.count > 0 else { return }
        let cpu = Port.cpu
        for later in Int(rank.rawValue) + 1..<6 where cpu.pointee.held.counts[later] > 0 {
            var message = PanicMessage()
            message.append("deadlock: a lock of rank ")
            message.append(UInt64(rank.rawValue))
            message.append(" is taken by a CPU that holds one of rank ")
            message.append(UInt64(later))
            message.panic()
        }
    }

    @inline(never)
    static func add(_ rank: SpinLock.Rank) {
        guard rank != .none, CPUs.count > 0 else { return }
        Port.cpu.pointee.held.counts[Int(rank.rawValue)] += 1
    }

    @inline(never)
    static func remove(_ rank: SpinLock.Rank) {
        guard rank != .none, CPUs.count > 0 else { return }
        Port.cpu.pointee.held.counts[Int(rank.rawValue)] -= 1
    }
}
