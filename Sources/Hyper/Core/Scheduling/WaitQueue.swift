/// Threads that wait for something. Whoever changes what they wait for wakes them afterwards.
public final class WaitQueue {
    private let lock = SpinLock(.waitQueue)
    private var threads = ThreadList(.waiting)

    public init() {}

    /// Waits until `isDone`, which is asked again after each wake; false where so many nanoseconds were over first.
    ///
    /// `isDone` is asked with interrupts off, and while nobody can be woken: it looks, and does little else.
    @discardableResult
    public func wait(limit nanoseconds: UInt64? = nil, until isDone: () -> Bool) -> Bool {
        let wereEnabled = Port.disableInterrupts()
        let thread = Port.cpu.pointee.current
        if let nanoseconds {
            thread.pointee.timedOut = false
            Timers.arm(Scheduler.timer(of: thread), at: Timers.deadline(after: nanoseconds))
        }
        lock.acquire()
        var done = isDone()
        while !done {
            if nanoseconds == nil {
                thread.pointee.state = .blocked
            } else if !Scheduler.beginLimitedWait() {
                break
            }
            threads.append(thread)
            thread.pointee.waitQueue = Unmanaged.passUnretained(self)
            lock.release()
            Scheduler.switchAway()
            lock.acquire()
            // A limit that has come wakes the thread without asking the queue.
            if thread.pointee.waitQueue != nil { take(thread) }
            done = isDone()
        }
        lock.release()
        // One that comes late would end the thread's next wait.
        if nanoseconds != nil { Timers.cancelAndWait(Scheduler.timer(of: thread)) }
        Scheduler.preemptAndRestore(wereEnabled)
        return done
    }

    private func take(_ thread: ThreadReference) {
        threads.remove(thread)
        thread.pointee.waitQueue = nil
    }

    /// A thread that is held waits no more, and will not go on.
    func forget(_ thread: ThreadReference) {
        lock.withLock { if thread.pointee.waitQueue != nil { take(thread) } }
    }

    /// Wakes the thread that has waited longest, after `change`, which is made while nobody looks and is told who that is.
    public func wakeOne(after change: (ThreadReference?) -> Void = { _ in }) {
        let wereEnabled = Port.disableInterrupts()
        lock.acquire()
        let thread = threads.first
        change(thread)
        if let thread {
            take(thread)
            Scheduler.wake(thread)
        }
        lock.release()
        Scheduler.preemptAndRestore(wereEnabled)
    }

    public func wakeAll(after change: () -> Void = {}) {
        let wereEnabled = Port.disableInterrupts()
        lock.acquire()
        change()
        while let thread = threads.first {
            take(thread)
            Scheduler.wake(thread)
        }
        lock.release()
        Scheduler.preemptAndRestore(wereEnabled)
    }
}
