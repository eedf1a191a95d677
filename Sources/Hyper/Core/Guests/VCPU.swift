/// A CPU of a guest: what the architecture keeps of it, and the thread on which it runs.
public struct VCPU: ~Copyable {
    /// Whose it is. The guest outlives its VCPUs.
    public let guest: Unmanaged<Guest>
    /// From 0, in the guest.
    public let index: Int
    public internal(set) var thread: ThreadReference?
    /// Guards what other CPUs change of it: its pending interrupts, and whether it waits for one.
    let lock = SpinLock(.vcpu)
    public var state = Port.VCPUState()
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
                Port.reset(self, entry: start.entry, argument: start.argument)
                Scheduler.load(self, Port.cpu)
                Port.enter(self)
            }
            Scheduler.wait { pointee.lock.release() }
        }
    }

    /// Waits until the VCPU has an interrupt. Called by its own thread, with interrupts off.
    func waitForInterrupt() {
        pointee.lock.acquire()
        if Port.isInterruptPending(self) { return pointee.lock.release() }
        Scheduler.wait { pointee.lock.release() }
    }
}
