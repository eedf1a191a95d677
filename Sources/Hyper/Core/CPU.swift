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
    /// Guards `ready`, and the state of the threads that belong to this CPU. Held across a switch of threads: whoever comes
    /// next releases it, when nobody needs the old stack any more.
    let lock = SpinLock()
    var timers = TimerQueue()
    /// Guards `timers`: a CPU that wakes a thread of another one ends its wait.
    let timerLock = SpinLock()
    /// Somebody more important than `current` is ready, or its time slice is over.
    public internal(set) var needsReschedule = false
    /// The VCPU whose state is in the CPU's registers, which may have stopped running meanwhile.
    public var loaded: VCPUReference?
    /// What other CPUs ask this one to do, guarded by `callLock`.
    var calls: [() -> Void] = []
    let callLock = SpinLock()
    /// Interrupts taken since power-on.
    public var interrupts: UInt64 = 0

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

    public static subscript(index: Int) -> CPUReference { all[index].unsafelyUnwrapped }

    /// Makes the record of a CPU. Its idle thread is whoever starts it.
    public static func add(hardwareIdentifier: UInt64) -> CPUReference {
        let idle = ThreadReference.allocate(capacity: 1)
        let cpu = CPUReference.allocate(capacity: 1)
        cpu.initialize(to: CPU(index: count, hardwareIdentifier: hardwareIdentifier, idle: idle))
        idle.initialize(to: Thread(name: "idle", priority: Thread.idlePriority, cpu: cpu))
        idle.pointee.state = .running
        all[count] = cpu
        count += 1
        return cpu
    }

    /// Has a CPU do something, with interrupts off, and returns when it is done.
    static func call(_ cpu: CPUReference, _ body: @escaping () -> Void) {
        // Until then the caller might go on on another CPU.
        let wereEnabled = Port.disableInterrupts()
        let isOwn = cpu == Port.cpu
        if isOwn { body() }
        Port.restoreInterrupts(wereEnabled)
        if isOwn { return }
        let done = Atomic<Bool>(false)
        withUnsafePointer(to: done) { done in
            cpu.pointee.callLock.withLock {
                cpu.pointee.calls.append {
                    body()
                    done.pointee.store(true, ordering: .releasing)
                }
            }
            Port.interrupt(cpu)
            while !done.pointee.load(ordering: .acquiring) { Port.relax() }
        }
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
    static func removeAll() { count = 0 }
    #endif
}
