/// Something that the scheduler runs: a thread of the hypervisor, or a VCPU of a guest.
public struct Thread {
    public enum State: UInt8, Sendable {
        /// On a CPU, or about to be: it waits in the run queue.
        case running, ready
        /// Waits for somebody to wake it.
        case blocked
        case finished
    }

    /// Priorities, the most important last.
    public static let idlePriority = 0
    public static let guestPriority = 3
    public static let defaultPriority = 4
    public static let highestPriority = 7
    /// Bytes of stack.
    public static let stackSize = Configuration.THREAD_STACK_KIB << 10

    public let name: Text
    public internal(set) var priority: Int
    public internal(set) var state = State.blocked
    /// Where it runs, or will.
    public internal(set) var cpu: CPUReference
    /// A bit for each CPU that it may run on, by the CPU's index.
    public var affinity: UInt32 = .max
    /// While it does not run.
    var context: UnsafeMutableRawPointer?
    var stack: UnsafeMutableRawPointer?
    var body: (() -> Void)?
    /// The VCPU whose thread this is.
    public internal(set) var vcpu: VCPUReference?
    /// Neighbours in the one list that it is in: a run queue or a wait queue.
    var next: ThreadReference?
    var previous: ThreadReference?
    /// Does not run whatever wakes it, until it is released; and whether it would run otherwise.
    public internal(set) var isHeld = false
    var isReadyOnceReleased = false
    /// Ends a wait that has a limit.
    var timer: TimerEvent
    var timedOut = false
    /// It is in the list of a wait queue.
    var isQueued = false
    /// Ticks for which it has run, and since when it does.
    public internal(set) var runTime: UInt64 = 0
    var runningSince: UInt64 = 0

    init(name: Text, priority: Int, cpu: CPUReference) {
        self.name = name
        self.priority = priority
        self.cpu = cpu
        timer = TimerEvent(action: .timeSlice)
    }

    func mayRun(on cpu: CPUReference) -> Bool { affinity & 1 << UInt32(cpu.pointee.index) != 0 }
}

public typealias ThreadReference = UnsafeMutablePointer<Thread>

/// Threads in the order in which they came. Each is in one list at most, which so needs no memory of its own.
struct ThreadList {
    private(set) var first: ThreadReference?
    private var last: ThreadReference?

    var isEmpty: Bool { first == nil }

    mutating func append(_ thread: ThreadReference) {
        thread.pointee.next = nil
        thread.pointee.previous = last
        if let last { last.pointee.next = thread } else { first = thread }
        last = thread
    }

    mutating func remove(_ thread: ThreadReference) {
        let (next, previous) = (thread.pointee.next, thread.pointee.previous)
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }
        thread.pointee.next = nil
        thread.pointee.previous = nil
    }

    mutating func popFirst() -> ThreadReference? {
        guard let first else { return nil }
        remove(first)
        return first
    }
}

/// The threads that are ready on a CPU, by priority.
struct RunQueue {
    private var lists = InlineArray<8, ThreadList>(repeating: ThreadList())
    /// A bit for each priority that somebody has.
    private var present: UInt32 = 0

    var highestPriority: Int? { present == 0 ? nil : 31 - present.leadingZeroBitCount }

    func hasOthers(of priority: Int) -> Bool { present & 1 << UInt32(priority) != 0 }

    mutating func append(_ thread: ThreadReference) {
        let priority = thread.pointee.priority
        lists[priority].append(thread)
        present |= 1 << UInt32(priority)
    }

    mutating func remove(_ thread: ThreadReference) {
        let priority = thread.pointee.priority
        lists[priority].remove(thread)
        if lists[priority].isEmpty { present &= ~(1 << UInt32(priority)) }
    }

    /// The first, of the most important ones, that is wanted.
    func first(where isWanted: (ThreadReference) -> Bool) -> ThreadReference? {
        for priority in stride(from: Thread.highestPriority, through: 0, by: -1) {
            var thread = lists[priority].first
            while let candidate = thread {
                if isWanted(candidate) { return candidate }
                thread = candidate.pointee.next
            }
        }
        return nil
    }

    mutating func popHighest() -> ThreadReference? {
        guard let priority = highestPriority, let thread = lists[priority].first else { return nil }
        remove(thread)
        return thread
    }
}
