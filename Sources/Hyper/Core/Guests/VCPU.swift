/// A CPU of a guest: what the architecture keeps of it, and the thread on which it runs.
public struct VCPU: ~Copyable {
    /// First, so that it lies where the heap has its blocks, at a multiple of 16: on AArch64 SP is its address while the guest
    /// runs.
    public var state = Port.VCPUState()
    /// Whose it is. The guest outlives its VCPUs.
    public let guest: Unmanaged<Guest>
    /// From 0, in the guest.
    public let index: Int
    public internal(set) var thread: ThreadReference?
    /// Guards what other CPUs change of it: its pending interrupts, and whether it waits for one.
    let lock = SpinLock(.vcpu)
    /// The CPU in whose registers it is.
    var loadedOn: CPUReference?
    /// Empty where it is in none's.
    var changedLines = ChangedLines()
    /// The CPU in whose registers it was last, since it was started.
    fileprivate var lastCPU: CPUReference?
    /// Floating-point registers, where the guest has used them; see ``LazyFloats``.
    var floats: UnsafeMutablePointer<UInt64>?
    /// Wakes it when a timer of its own comes, where no interrupt would.
    var timer: TimerReference?
    /// It executes, or waits for an interrupt; else it is off.
    public internal(set) var isStarted = false
    /// Where it begins once its thread sees that it was started.
    var start: (entry: UInt64, argument: UInt64)?
    /// Exits since it was made.
    public var exits: UInt64 = 0

    init(guest: Guest, index: Int) {
        self.guest = Unmanaged.passUnretained(guest)
        self.index = index
    }
}

public typealias VCPUReference = UnsafeMutablePointer<VCPU>

extension UnsafeMutablePointer<VCPU> {
    /// What the architecture keeps of it.
    @inline(__always)
    var state: UnsafeMutablePointer<Port.VCPUState> {
        // SAFETY: a VCPU stays where it is for as long as it lives.
        withUnsafeMutablePointer(to: &pointee.state) { $0 }
    }

    /// The VCPU comes to this CPU: whether it was somewhere else meanwhile, or another one of its guest was here, each of which
    /// believes that a CPU's TLB and instruction cache are its own. Then what is left in them has to go.
    @inline(__always)
    func comesAnew(to space: AddressSpace) -> Bool {
        let cpu = Port.cpu
        guard pointee.lastCPU != cpu || space.lastVCPUs[cpu.pointee.index] != self else { return false }
        pointee.lastCPU = cpu
        space.lastVCPUs[cpu.pointee.index] = self
        return true
    }

    // MARK: Started and stopped, as the guest's firmware does it

    /// Starts the VCPU if it is off; whether it was. Called on any CPU; of two starters, one wins.
    func start(entry: UInt64, argument: UInt64) -> Bool {
        let wasOff = pointee.lock.withLock {
            guard !pointee.isStarted else { return false }
            pointee.isStarted = true
            pointee.start = (entry, argument)
            return true
        }
        if wasOff, let thread = pointee.thread { Scheduler.wake(thread) }
        return wasOff
    }

    /// Turns the VCPU off, called by its own thread with interrupts off. What the caller holds it holds for ever.
    func stop() -> Never {
        pointee.lock.withLock { pointee.isStarted = false }
        runOnceStarted()
    }

    /// What a VCPU's thread begins with.
    static var threadEntry: @convention(c) () -> Void {
        {
            Scheduler.arrive()
            Port.cpu.pointee.current.pointee.vcpu.unsafelyUnwrapped.runOnceStarted()
        }
    }

    private func runOnceStarted() -> Never {
        // Off, it is nowhere: others may look at it and change it.
        Scheduler.unload(self)
        while true {
            pointee.lock.acquire()
            if let start = pointee.start {
                pointee.start = nil
                pointee.lock.release()
                Scheduler.unload(self)
                pointee.lastCPU = nil
                LazyFloats.reset(self)
                Port.reset(self, entry: start.entry, argument: start.argument)
                let cpu = Port.cpu
                Scheduler.load(self, cpu)
                Port.enter(self, stack: cpu.pointee.current.pointee.stack.unsafelyUnwrapped + Thread.stackSize)
            }
            Scheduler.wait { pointee.lock.release() }
        }
    }

    // MARK: In a CPU's registers

    /// The VCPU, which is nowhere, comes to this CPU. Interrupts are off.
    @inline(never)
    func load() {
        pointee.lock.acquire()
        Port.load(self)
        LazyFloats.load(self)
        pointee.loadedOn = Port.cpu
        pointee.lock.release()
    }

    /// It leaves this CPU. Interrupts are off.
    @inline(never)
    func save() {
        pointee.lock.acquire()
        applyLines()
        Port.save(self)
        LazyFloats.save(self)
        pointee.loadedOn = nil
        pointee.lock.release()
    }

    /// Gives back all that it has. It runs no more, and nobody wakes it.
    func removeState() {
        if let timer = pointee.timer {
            Timers.cancelAndWait(timer)
            timer.deallocate()
            pointee.timer = nil
        }
        LazyFloats.remove(self)
    }

    // MARK: Waiting

    /// Wakes it when the host's counter has come to a time.
    @inline(__always)
    func wake(at deadline: UInt64) {
        if pointee.timer == nil, let thread = pointee.thread {
            let timer = TimerReference.allocate(capacity: 1)
            timer.initialize(to: TimerEvent(action: .wake(thread)))
            pointee.timer = timer
        }
        if let timer = pointee.timer { Timers.arm(timer, at: deadline) }
    }

    /// Waits until the VCPU has an interrupt. Called by its own thread, with interrupts off.
    func waitForInterrupt() {
        pointee.lock.acquire()
        if Port.isInterruptPending(self) { return pointee.lock.release() }
        Scheduler.wait { pointee.lock.release() }
    }
}
