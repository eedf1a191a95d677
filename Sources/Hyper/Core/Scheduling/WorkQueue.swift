/// Work that handlers of interrupts leave to a thread, done in the order in which it came.
public final class WorkQueue {
    private let lock = SpinLock()
    private var work: [() -> Void] = []
    private let available = Semaphore()
    private let thread: ThreadReference

    public init(_ name: Text, priority: Int = Thread.defaultPriority, on cpu: CPUReference? = nil) {
        // In parentheses: behind them it would be the thread's entry.
        thread = Scheduler.makeThread(name, priority: priority, on: cpu, {})
        // The thread lives as long as the queue, which nobody gives back.
        thread.pointee.body = { [self] in run() }
        Scheduler.wake(thread)
    }

    public func add(_ body: @escaping () -> Void) {
        lock.withLock { work.append(body) }
        available.signal()
    }

    private func run() -> Never {
        while true {
            available.wait()
            let next = lock.withLock { work.isEmpty ? nil : work.removeFirst() }
            next?()
        }
    }
}
