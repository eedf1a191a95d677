/// Threads that wait for something. Whoever changes what they wait for wakes them afterwards.
public final class WaitQueue {
    private let lock = SpinLock()
    private var threads = ThreadList()

    public init() {}

    /// Waits until `isDone`, which is asked again after each wake; false where so many nanoseconds were over first.
    ///
    /// `isDone` is asked with interrupts off, and while nobody can be woken: it looks, and does little else.
    @discardableResult
    public func wait(limit nanoseconds: UInt64? = nil, until isDone: () -> Bool) -> Bool {
        let thread = Port.cpu.pointee.current
        let wereEnabled = Port.disableInterrupts()
        thread.pointee.timedOut = false
        if let nanoseconds {
            Timers.arm(Scheduler.timer(of: thread), at: Port.counter &+ Timers.ticks(nanoseconds))
        }
        lock.acquire()
        var done = isDone()
        while !done && !thread.pointee.timedOut {
            threads.append(thread)
            thread.pointee.isQueued = true
            Scheduler.wait { lock.release() }
            lock.acquire()
            // A limit that has come wakes the thread without asking the queue.
            if thread.pointee.isQueued { take(thread) }
            done = isDone()
        }
        lock.release()
        Timers.cancel(Scheduler.timer(of: thread))
        Port.restoreInterrupts(wereEnabled)
        return done
    }

    private func take(_ thread: ThreadReference) {
        threads.remove(thread)
        thread.pointee.isQueued = false
    }

    /// Wakes the thread that has waited longest.
    public func wakeOne() {
        lock.withLock {
            guard let thread = threads.first else { return }
            take(thread)
            Scheduler.wake(thread)
        }
    }

    public func wakeAll() {
        lock.withLock {
            while let thread = threads.first {
                take(thread)
                Scheduler.wake(thread)
            }
        }
    }
}

/// Mutual exclusion between threads, for as long as it takes: who waits does not run.
public final class Mutex {
    private let waiting = WaitQueue()
    private var holder: ThreadReference?

    public init() {}

    public func lock() {
        let me = Port.cpu.pointee.current
        if Configuration.CHECK_DEADLOCK, holder == me {
            Port.panic("deadlock: a thread waits for a mutex that it holds")
        }
        waiting.wait {
            guard holder == nil else { return false }
            holder = me
            return true
        }
    }

    public func unlock() {
        holder = nil
        waiting.wakeOne()
    }

    public func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}

/// A number of things that are there to be taken.
public final class Semaphore {
    private let waiting = WaitQueue()
    private let lock = SpinLock()
    private var value: Int

    public init(_ value: Int = 0) { self.value = value }

    /// Takes one; false where none has come within so many nanoseconds.
    @discardableResult
    public func wait(limit nanoseconds: UInt64? = nil) -> Bool {
        waiting.wait(limit: nanoseconds) {
            lock.withLock {
                guard value > 0 else { return false }
                value -= 1
                return true
            }
        }
    }

    /// Adds one. May be called by handlers of interrupts.
    public func signal() {
        lock.withLock { value += 1 }
        waiting.wakeOne()
    }
}

/// Something that is done once, and that others wait for.
public final class Completion {
    private let waiting = WaitQueue()
    private var done = false

    public init() {}

    public var isDone: Bool { done }

    /// False where it was not done within so many nanoseconds.
    @discardableResult
    public func wait(limit nanoseconds: UInt64? = nil) -> Bool { waiting.wait(limit: nanoseconds) { done } }

    public func complete() {
        done = true
        waiting.wakeAll()
    }
}
