/// A number of things that are there to be taken.
public final class Semaphore {
    private let waiting = WaitQueue()
    private var value: Int

    public init(_ value: Int = 0) { self.value = value }

    /// Takes one; false where none has come within so many nanoseconds.
    @discardableResult
    public func wait(limit nanoseconds: UInt64? = nil) -> Bool {
        waiting.wait(limit: nanoseconds) {
            guard value > 0 else { return false }
            value -= 1
            return true
        }
    }

    /// Adds one. May be called by handlers of interrupts.
    public func signal() { waiting.wakeOne { _ in value += 1 } }
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

    public func complete() { waiting.wakeAll { done = true } }
}
