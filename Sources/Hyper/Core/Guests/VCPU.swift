/// A CPU of a guest: what the architecture keeps of it, and the thread on which it runs.
public struct VCPU: ~Copyable {
    /// Whose it is. The guest outlives its VCPUs.
    public let guest: Unmanaged<Guest>
    /// From 0, in the guest.
    public let index: Int
    public internal(set) var thread: ThreadReference?
    /// Guards what other CPUs change of it: its pending interrupts, and whether it waits for one.
    let lock = SpinLock()
    public var state = Port.VCPUState()
    /// It executes, or waits for an interrupt; else it is off.
    public internal(set) var isStarted = false
    /// Exits since it was made.
    public var exits: UInt64 = 0

    init(guest: Guest, index: Int) {
        self.guest = Unmanaged.passUnretained(guest)
        self.index = index
    }
}

public typealias VCPUReference = UnsafeMutablePointer<VCPU>

extension UnsafeMutablePointer<VCPU> {
    /// Waits until the VCPU has an interrupt. Called by its own thread, with interrupts off.
    func waitForInterrupt() {
        pointee.lock.acquire()
        if Port.isInterruptPending(self) { return pointee.lock.release() }
        Scheduler.wait { pointee.lock.release() }
    }
}
