/// Something that the scheduler runs: a thread of the hypervisor, or a VCPU of a guest.
public struct Thread {
    public enum State: UInt8, Sendable {
        /// On a CPU, or about to be: it waits in the run queue.
        case running, ready
        /// Waits for somebody to wake it.
        case blocked
        /// Would run, but has used up its budget; its next period makes it ready.
        case throttled
        /// On its way to another CPU, since it may not run on the one where it was.
        case migrating
        case finished
    }

    /// How much of each period a thread may run, in ticks.
    public struct RateLimit: Equatable, Sendable {
        public var budget: UInt64
        public var period: UInt64

        public init(budget: UInt64, period: UInt64) {
            self.budget = budget
            self.period = period
        }
    }

    /// Priorities, the most important last.
    public static let idlePriority = 0
    public static let lowestPriority = 1
    public static let guestPriority = 3
    public static let defaultPriority = 4
    public static let highestPriority = 7
    /// Bytes of stack.
    public static let stackSize = Configuration.THREAD_STACK_KIB << 10
    /// Nanoseconds for which a VCPU runs before another one of its guest that waits for the same CPU goes on, where nobody
    /// sees that it waits for that one. A switch takes half a hundredth of them.
    static let siblingTurn: UInt64 = 200_000
    /// Nanoseconds of a slice, where nobody says otherwise.
    public static let defaultSlice: UInt64 = 10_000_000

    public let name: Text
    public internal(set) var priority: Int
    public internal(set) var state = State.blocked
    /// Where it runs, or will.
    public internal(set) var cpu: CPUReference
    /// A bit for each CPU that it may run on, by the CPU's index.
    public internal(set) var affinity: UInt32 = .max
    /// While it does not run.
    var context: UnsafeMutableRawPointer?
    var stack: UnsafeMutableRawPointer?
    var body: (() -> Void)?
    /// The VCPU whose thread this is.
    public internal(set) var vcpu: VCPUReference?
    /// Its places in a run queue and in a wait queue.
    var queueNeighbours = ThreadList.Neighbours()
    var waitNeighbours = ThreadList.Neighbours()
    /// Does not run whatever wakes it, until it is released; and whether it would run otherwise.
    public internal(set) var isHeld = false
    var isReadyOnceReleased = false
    /// Ends a wait that has a limit.
    var timer: TimerEvent
    var timedOut = false
    /// In whose list it waits.
    var waitQueue: Unmanaged<WaitQueue>?

    // MARK: Its share of the CPU

    /// Ticks for which it has run, and the time up to which that is counted.
    public internal(set) var runTime: UInt64 = 0
    var runningSince: UInt64 = 0
    /// Ticks that it runs before others of its priority have their turn; all ones where it runs for as long as it does not
    /// wait (fixed priority).
    public internal(set) var slice: UInt64
    var sliceLeft: UInt64
    /// Ticks after which its slice goes on when others of its guest have had as many; all ones where there are none.
    var turn = UInt64.max
    public internal(set) var rateLimit: RateLimit?
    /// What is left to it of the period that ends then.
    var budgetLeft: UInt64 = .max
    var periodEnd: UInt64 = 0
    /// Comes at the end of the period, where the budget was over before.
    var replenishment: TimerEvent

    init(name: Text, priority: Int, cpu: CPUReference) {
        self.name = name
        self.priority = priority
        self.cpu = cpu
        slice = Timers.ticks(Thread.defaultSlice)
        sliceLeft = slice
        timer = TimerEvent(action: .timeSlice)
        replenishment = TimerEvent(action: .timeSlice)
    }

    public var stateName: Text {
        switch state {
        case .running: "running"
        case .ready: "ready"
        case .blocked: isHeld ? "held" : "waits"
        case .throttled: "throttled"
        case .migrating: "migrating"
        case .finished: "finished"
        }
    }

    /// Whether the thread may run there. Where none of the CPUs that it wants is on, it takes any.
    func mayRun(on cpu: CPUReference) -> Bool {
        let online = CPUs.online
        let wanted = affinity & online
        return (wanted == 0 ? online : wanted) & 1 << UInt32(cpu.pointee.index) != 0
    }
}

public typealias ThreadReference = UnsafeMutablePointer<Thread>
