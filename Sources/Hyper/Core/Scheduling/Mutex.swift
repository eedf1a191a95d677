/// Mutual exclusion between threads, for as long as it takes: who waits does not run.
///
/// It is handed from thread to thread in the order in which they came, so that none waits for ever.
public final class Mutex {
    private let waiting = WaitQueue()
    private var holder: ThreadReference?

    public init() {}

    public func lock() {
        let me = Scheduler.current
        if Configuration.CHECK_DEADLOCK, holder == me {
            Port.panic("deadlock: a thread waits for a mutex that it holds")
        }
        waiting.wait {
            if holder == nil { holder = me }
            return holder == me
        }
    }

    public func unlock() {
        if Configuration.CHECK_DEADLOCK, holder != Scheduler.current {
            Port.panic("a mutex is unlocked by a thread that does not hold it")
        }
        waiting.wakeOne { holder = $0 }
    }

    public func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
