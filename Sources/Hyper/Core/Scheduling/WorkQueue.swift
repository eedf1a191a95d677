/// Work that handlers of interrupts leave to a thread, done in the order in which it came.
public final class WorkQueue {
    private let lock = SpinLock(.waitQueue)
    private var work: [() -> Void] = []
    private let available = Semaphore()
    private let thread: ThreadReference

    public init(_ name: Text, priority: Int = Thread.defaultPriority, on cpu: CPUReference? = nil) {
        thread = Scheduler.makeThread(name, priority: priority, on: cpu) {}
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

    // SAFETY: set once, at boot.
    nonisolated(unsafe) private static var shared: WorkQueue?

    /// For whoever may not wait itself, a VCPU, and has nothing that takes long.
    public static func system() -> WorkQueue {
        if let shared { return shared }
        let new = WorkQueue("work")
        shared = new
        return new
    }

    #if !hasFeature(Embedded)
    /// Forgets it, with the machine that its thread was of.
    static func removeSystem() { shared = nil }
    #endif
}
