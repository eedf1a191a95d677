/// A CPU of a guest: what the architecture keeps of it, and the thread on which it runs.
public struct VCPU: ~Copyable {
    /// Whose it is. The guest outlives its VCPUs.
    public let guest: Unmanaged<Guest>
    /// From 0, in the guest.
    public let index: Int
    public internal(set) var thread: ThreadReference?
    /// Guards what other CPUs change of it: its pending interrupts, and whether it waits for one.
    let lock = SpinLock()
    public var state: Port.VCPUState
    /// Exits since it was reset.
    public var exits: UInt64 = 0

    init(guest: Guest, index: Int, state: Port.VCPUState) {
        self.guest = Unmanaged.passUnretained(guest)
        self.index = index
        self.state = state
    }
}

public typealias VCPUReference = UnsafeMutablePointer<VCPU>
