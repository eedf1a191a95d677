import Synchronization

/// What a host CPU keeps: who runs on it, who waits to, and when it wants to be woken.
public struct CPU: ~Copyable {
    public static let limit = 32

    /// Dense, from 0; the architecture knows it by `hardwareIdentifier`.
    public let index: Int
    public let hardwareIdentifier: UInt64
    public internal(set) var current: ThreadReference
    /// Runs when nobody else can.
    public internal(set) var idle: ThreadReference
    var ready = RunQueue()
    /// The priority of `current`. Others look at it without the lock.
    var runningPriority = Thread.idlePriority
    /// Threads that may not run here any more, for the moment of a switch.
    var departing = ThreadList()
    /// Guards `ready`, and the state of the threads that belong to this CPU. Held across a switch of threads: whoever comes
    /// next releases it, when nobody needs the old stack any more.
    let lock = SpinLock(.processor)
    var timers = TimerQueue()
    /// Guards `timers`: a CPU that wakes a thread of another one ends its wait.
    let timerLock = SpinLock(.timers)
    /// The event that this CPU is about to do, which nobody may give back meanwhile. Guarded by `timerLock`.
    var expiring: TimerReference?
    /// Ends the turn of whoever runs.
    var slice = TimerEvent(action: .timeSlice)
    var sliceIsOver = false
    /// Whoever runs goes on with its slice when another VCPU of its guest has had a turn.
    var turnIsOver = false
    /// Somebody more important than `current` is ready, or its time slice is over.
    public internal(set) var needsReschedule = false
    /// Another CPU has a thread that this one might take over.
    var isOffered = false
    /// It is to go off, as soon as it has given away all that it has.
    var isLeaving = false
    /// It takes no calls: it was not started, or is off. Guarded by `callLock`.
    var isOff = false
    /// The VCPU whose state is in the CPU's registers, which may have stopped running meanwhile.
    public var loaded: VCPUReference?
    /// What other CPUs ask this one to do, guarded by `callLock`.
    var calls: [() -> Void] = []
    let callLock = SpinLock()
    /// Interrupts taken since power-on.
    public var interrupts: UInt64 = 0
    /// Where deadlocks are looked for.
    var held = HeldLocks()

    /// Threads that run or wait for their turn.
    var load: Int { ready.count + (runningPriority == Thread.idlePriority ? 0 : 1) }

    init(index: Int, hardwareIdentifier: UInt64, idle: ThreadReference) {
        self.index = index
        self.hardwareIdentifier = hardwareIdentifier
        self.idle = idle
        current = idle
    }
}

/// CPUs live as long as the machine runs.
public typealias CPUReference = UnsafeMutablePointer<CPU>

/// All CPUs that were started, by index.
public enum CPUs {
    // SAFETY: entries are written once, before `count` grows, by the CPU that boots.
    nonisolated(unsafe) private static var all = InlineArray<32, CPUReference?>(repeating: nil)
    nonisolated(unsafe) public private(set) static var count = 0
    /// A bit for each CPU that takes threads.
    private static let onlineMask = Atomic<UInt32>(0)
    /// One CPU goes off or on at a time.
    // SAFETY: made with the first CPU.
    nonisolated(unsafe) private static var hotPlugMutex: Mutex?
    static var hotPlug: Mutex { hotPlugMutex.unsafelyUnwrapped }

    public static subscript(index: Int) -> CPUReference { all[index].unsafelyUnwrapped }

    static var online: UInt32 { onlineMask.load(ordering: .relaxed) }
    public static func isOnline(_ cpu: CPUReference) -> Bool { online & 1 << UInt32(cpu.pointee.index) != 0 }

    static func setOnline(_ cpu: CPUReference, _ isOnline: Bool) {
        let bit: UInt32 = 1 << UInt32(cpu.pointee.index)
        if isOnline {
            onlineMask.bitwiseOr(bit, ordering: .relaxed)
        } else {
            onlineMask.bitwiseAnd(~bit, ordering: .relaxed)
        }
    }

    /// Makes the record of a CPU. Its idle thread is whoever starts it.
    public static func add(hardwareIdentifier: UInt64) -> CPUReference {
        let idle = ThreadReference.allocate(capacity: 1)
        let cpu = CPUReference.allocate(capacity: 1)
        cpu.initialize(to: CPU(index: count, hardwareIdentifier: hardwareIdentifier, idle: idle))
        idle.initialize(to: Thread(name: "idle", priority: Thread.idlePriority, cpu: cpu))
        idle.pointee.state = .running
        // Nobody else waits for its turn behind it.
        idle.pointee.slice = .max
        all[count] = cpu
        if count == 0 { hotPlugMutex = Mutex() }
        count += 1
        setOnline(cpu, true)
        return cpu
    }

    /// Has a CPU do something, with interrupts off, and returns when it is done: false where the CPU is off. The caller holds
    /// no lock.
    @discardableResult
    static func call(_ cpu: CPUReference, _ body: @escaping () -> Void) -> Bool {
        let wereEnabled = Port.disableInterrupts()
        if cpu == Port.cpu {
            body()
            Port.restoreInterrupts(wereEnabled)
            return true
        }
        // On the caller's stack, which is there until it is set.
        let done = Atomic<Bool>(false)
        let isTaken = withUnsafePointer(to: done) { done in
            let isTaken = post(cpu) {
                body()
                done.pointee.store(true, ordering: .releasing)
            }
            while isTaken && !done.pointee.load(ordering: .acquiring) {
                // The other one may wait in the same way for what this one does.
                answerCalls()
                Port.relax()
            }
            return isTaken
        }
        Port.restoreInterrupts(wereEnabled)
        return isTaken
    }

    /// Has another CPU do something soon, with interrupts off; false where it is off.
    @discardableResult
    static func post(_ cpu: CPUReference, _ body: @escaping () -> Void) -> Bool {
        let isTaken = cpu.pointee.callLock.withLock {
            if cpu.pointee.isOff { return false }
            cpu.pointee.calls.append(body)
            return true
        }
        if isTaken { Port.interrupt(cpu) }
        return isTaken
    }

    /// Returns when each CPU has left the handler of interrupts that it was in: what they might use can be given back. Not for
    /// such handlers themselves.
    static func leaveHandlers() { for index in 0..<count { call(all[index].unsafelyUnwrapped) {} } }

    /// Does what others have asked of this CPU. Interrupts are off.
    static func answerCalls() {
        let cpu = Port.cpu
        let calls = cpu.pointee.callLock.withLock {
            let calls = cpu.pointee.calls
            cpu.pointee.calls = []
            return calls
        }
        for call in calls { call() }
    }

    #if !hasFeature(Embedded)
    /// Forgets all of them, between tests.
    static func removeAll() {
        count = 0
        onlineMask.store(0, ordering: .relaxed)
    }
    #endif
}
