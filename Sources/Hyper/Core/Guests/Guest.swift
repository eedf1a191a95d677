/// A guest: its addresses, its devices and its VCPUs.
public final class Guest {
    public enum State: Sendable {
        /// Made, or reset, and not kicked.
        case ready
        case running
        case paused
        /// Powered off, or stopped by a fault of its own.
        case halted
    }

    public let name: Text
    public let identifier: Int
    public let space: AddressSpace
    public let interrupts = GuestInterrupts()
    public private(set) var vcpus: [VCPUReference] = []
    /// What it was made of.
    public internal(set) var description: GuestDescription?
    /// Its largest region of memory.
    var largestMemory: Region? {
        let memory = space.regions.filter {
            if case .memory(_, let access) = $0.kind {
                access.contains(.write) && !access.contains(.device)
            } else {
                false
            }
        }
        return memory.max { $0.size < $1.size }
    }
    /// Pages that are the guest's own.
    private var memory: [(address: UInt64, count: Int)] = []
    /// What is printed to its serial ports, by their names.
    public var serials: [VirtualSerial] = []
    public private(set) var state = State.ready
    /// Why it was halted.
    public private(set) var haltReason: Text?
    /// What it reads and writes through calls of its firmware.
    public var console: GuestConsole?
    /// Accesses to addresses at which nothing answers.
    public var faults: UInt64 = 0
    /// Where its first VCPU begins, and with which argument.
    public var entry: UInt64 = 0
    public var argument: UInt64 = 0
    /// Told when it is reset, before it begins anew.
    public var onReset: [() -> Void] = []

    public init(name: Text, identifier: Int) throws(HyperError) {
        self.name = name
        self.identifier = identifier
        space = try AddressSpace(identifier: UInt64(identifier) + 1)
    }

    /// Gives the guest another VCPU.
    @discardableResult
    /// - Parameter affinity: the CPUs that it may run on, by their indices; empty for all.
    public func addVCPU(
        priority: Int = Thread.guestPriority, affinity: [Int] = []
    ) throws(HyperError) -> VCPUReference {
        let allowed = affinity.filter { $0 < CPUs.count }
        guard affinity.isEmpty || !allowed.isEmpty else {
            throw HyperError("guest \(name): affinity names none of the \(CPUs.count) CPUs that there are")
        }
        let vcpu = VCPUReference.allocate(capacity: 1)
        vcpu.initialize(to: VCPU(guest: self, index: vcpus.count))
        let thread = Scheduler.makeThread(
            "\(name)/\(vcpus.count)", priority: priority, on: allowed.first.map { CPUs[$0] }, entry: Port.guestEntry)
        if !allowed.isEmpty { thread.pointee.affinity = allowed.reduce(0) { $0 | 1 << UInt32($1) } }
        thread.pointee.vcpu = vcpu
        vcpu.pointee.thread = thread
        vcpus.append(vcpu)
        return vcpu
    }

    /// Gives the guest memory of its own, filled with zeros: it may not see what others left there.
    func allocate(
        _ name: Text, at start: UInt64, size: UInt64, alignment: UInt64, _ access: SecondStageAccess
    ) throws(HyperError) {
        guard size % Pages.size == 0, let count = Int(exactly: size / Pages.size) else {
            throw HyperError("region \(name) has \(hex: size) bytes, which are no whole pages of 4 KiB")
        }
        let address = try Pages.allocate(count, alignment: alignment)
        memory.append((address, count))
        Pages.clear(address, count: count)
        try space.add(Region(name: name, start: start, size: size, kind: .memory(address, access)))
    }

    /// Stops the guest and gives back all that is its own. Nobody may use it any more.
    func destroy() {
        for vcpu in vcpus { hold(vcpu) }
        interrupts.removePassed()
        for region in space.regions {
            if case .device(let device) = region.kind { device.remove() }
            space.remove(region)
        }
        interrupts.controller = nil
        // Until here others' CPUs might interrupt them, through a network.
        for vcpu in vcpus {
            if let thread = vcpu.pointee.thread { Scheduler.destroy(thread) }
            Port.destroy(vcpu)
            vcpu.deinitialize(count: 1)
            vcpu.deallocate()
        }
        vcpus = []
        PassThrough.release(name)
        for block in memory { Pages.free(block.address, block.count) }
        memory = []
        serials = []
        console = nil
        onReset = []
    }

    // MARK: Running

    /// Starts the guest, as power-on does.
    public func kick() throws(HyperError) {
        guard state == .ready else {
            throw HyperError("guest \(name) is \(stateName): reset it before it is kicked again")
        }
        guard let first = vcpus.first else { throw HyperError("guest \(name) has no VCPU") }
        state = .running
        start(first, entry: entry, argument: argument)
    }

    public func pause() throws(HyperError) {
        guard state == .running else {
            throw HyperError("guest \(name) is \(stateName), and only a running one can be paused")
        }
        state = .paused
        for vcpu in vcpus { hold(vcpu) }
    }

    public func resume() throws(HyperError) {
        guard state == .paused else {
            throw HyperError("guest \(name) is \(stateName), and only a paused one can go on")
        }
        state = .running
        for vcpu in vcpus { vcpu.pointee.thread.map { Scheduler.release($0) } }
    }

    /// Stops the guest for good. One of its own VCPUs that calls this does not return.
    public func halt(_ reason: Text) {
        guard state != .halted else { return }
        state = .halted
        haltReason = reason
        let current = Port.cpu.pointee.current
        for vcpu in vcpus where vcpu.pointee.thread != current { hold(vcpu) }
        for vcpu in vcpus where vcpu.pointee.thread == current { hold(vcpu) }
    }

    /// Brings all to what it was before it was kicked. Not to be called by a VCPU of its own.
    public func reset() {
        for vcpu in vcpus { hold(vcpu) }
        for vcpu in vcpus {
            vcpu.pointee.isStarted = false
            if let thread = vcpu.pointee.thread {
                // What it did before is not gone on with.
                Scheduler.restart(thread, entry: Port.guestEntry)
                Scheduler.release(thread)
            }
        }
        for region in space.regions { if case .device(let device) = region.kind { device.reset() } }
        interrupts.reset()
        for action in onReset { action() }
        state = .ready
        haltReason = nil
        faults = 0
    }

    /// A VCPU asks for a reset: another thread makes it.
    public func requestReset() {
        let me = Unmanaged.passUnretained(self)
        let thread = Scheduler.makeThread("reset \(name)") {
            me._withUnsafeGuaranteedRef { guest in
                guest.reset()
                do throws(HyperError) { try guest.kick() } catch { guest.halt(error.message) }
            }
        }
        Scheduler.wake(thread)
    }

    private func hold(_ vcpu: VCPUReference) {
        guard let thread = vcpu.pointee.thread else { return }
        Scheduler.hold(thread)
        CPUs.call(thread.pointee.cpu) { Scheduler.unload(vcpu) }
    }

    public var stateName: Text {
        switch state {
        case .ready: "ready"
        case .running: "running"
        case .paused: "paused"
        case .halted: "halted"
        }
    }

    // MARK: VCPUs, as the guest's firmware starts and stops them

    public func isStarted(_ vcpu: VCPUReference) -> Bool { vcpu.pointee.isStarted }

    /// Starts a VCPU that is off. What still holds its thread up, on its way to being off, is waited for.
    public func start(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64) {
        guard let thread = vcpu.pointee.thread else { return }
        Scheduler.hold(thread)
        Port.reset(vcpu, entry: entry, argument: argument)
        Scheduler.restart(thread, entry: Port.guestEntry)
        vcpu.pointee.isStarted = true
        Scheduler.release(thread)
        Scheduler.wake(thread)
    }

    /// Called by the VCPU itself, with interrupts off; it does not return.
    public func stop(_ vcpu: VCPUReference) {
        vcpu.pointee.isStarted = false
        // A late interrupt may wake it; it is off all the same.
        while true {
            Scheduler.unload(vcpu)
            Scheduler.wait {}
        }
    }
}

/// What a guest's firmware reads and writes as its console.
public protocol GuestConsole: AnyObject {
    func write(_ byte: UInt8)
    func read() -> UInt8?
}
