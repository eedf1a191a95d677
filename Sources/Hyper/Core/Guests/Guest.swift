/// A guest: its addresses, its devices and its VCPUs.
public final class Guest {
    public enum State: Sendable {
        /// Made, or reset, and not kicked.
        case ready
        case running
        case paused
        /// It has asked for a reset, which is under way.
        case resetting
        /// Powered off, or stopped by a fault of its own.
        case halted
        /// Gone: whoever still has it finds nothing there.
        case destroyed
    }

    public let name: Text
    public let identifier: Int
    public let space: AddressSpace
    public let interrupts = GuestInterrupts()
    public private(set) var vcpus: [VCPUReference] = []
    /// What it was made of.
    public internal(set) var description: GuestDescription?
    /// Its largest region of memory that is no screen.
    var largestMemory: Region? {
        space.regions.filter { region in
            region.isMainMemory && !frameBuffers.contains { $0.start == region.start }
        }
        .max { $0.size < $1.size }
    }
    /// What of its memory is a screen.
    var frameBuffers: [SimpleFrameBuffer] = []
    /// By where they begin, devices that say in their node of the guest's tree what there is to say of them besides.
    var described: [(start: UInt64, describe: (DeviceTreeNode) -> Void)] = []
    /// What is printed to its serial ports, by their names.
    public var serials: [VirtualSerial] = []
    public private(set) var state = State.ready
    /// Guards `state`, which VCPUs change too; the mutex is for those who do more than that.
    private let stateLock = SpinLock()
    let mutex = Mutex()
    /// Those who wait until it is halted.
    private let halted = WaitQueue()
    /// Why it was halted.
    public private(set) var haltReason: Text?
    /// What it reads and writes through calls of its firmware.
    public var console: GuestConsole?
    /// Has it give memory back, if it has a device for that.
    public var balloon: GuestBalloon?
    /// Accesses to addresses at which nothing answers.
    public var faults: UInt64 = 0
    /// Where its first VCPU begins, and with which argument.
    public var entry: UInt64 = 0
    public var argument: UInt64 = 0
    /// What its memory begins with.
    var images: [GuestImage] = []
    /// Told when it is reset, before it begins anew.
    public var onReset: [() -> Void] = []

    public init(name: Text, identifier: Int) throws(HyperError) {
        self.name = name
        self.identifier = identifier
        space = try AddressSpace(identifier: UInt64(identifier) + 1)
    }

    /// Gives the guest another VCPU.
    /// - Parameter affinity: the CPUs that it may run on, by their indices; empty for all.
    @discardableResult
    public func addVCPU(
        priority: Int = Thread.guestPriority, affinity: [Int] = []
    ) throws(HyperError) -> VCPUReference {
        let allowed = affinity.filter { $0 < CPUs.count }
        guard affinity.isEmpty || !allowed.isEmpty else {
            throw HyperError("guest \(name): affinity names none of the \(CPUs.count) CPUs that there are")
        }
        let vcpu = VCPUReference.allocate(capacity: 1)
        vcpu.initialize(to: VCPU(guest: self, index: vcpus.count))
        let thread = Scheduler.makeRawThread(
            "\(name)/\(vcpus.count)", priority: priority, on: allowed.first.map { CPUs[$0] },
            entry: VCPUReference.threadEntry)
        if !allowed.isEmpty { thread.pointee.affinity = allowed.reduce(0) { $0 | 1 << UInt32($1) } }
        thread.pointee.vcpu = vcpu
        vcpu.pointee.thread = thread
        vcpus.append(vcpu)
        // They may wait for each other.
        if vcpus.count > 1, !Port.seesWaits {
            let turn = Timers.ticks(Thread.siblingTurn)
            for vcpu in vcpus { vcpu.pointee.thread?.pointee.turn = turn }
        }
        return vcpu
    }

    /// Gives the guest memory of its own, filled with zeros: it may not see what others left there.
    func allocate(
        _ name: Text, at start: UInt64, size: UInt64, alignment: UInt64, _ access: SecondStageAccess
    ) throws(HyperError) {
        let count = try wholePages(name, size)
        let address = try Pages.allocate(count, alignment: alignment)
        do throws(HyperError) {
            Pages.clear(address, count: count)
            try space.add(
                Region(
                    name: name, start: start, size: size, kind: .memory(address, access), isOwned: true,
                    moved: MovedPages(pages: count)))
        } catch {
            Pages.free(address, count)
            throw error
        }
    }

    /// The same, of pages of `count` colours from `first` on, which lie here and there.
    func allocate(
        _ name: Text, at start: UInt64, size: UInt64, colours count: UInt32, from first: UInt32,
        _ access: SecondStageAccess
    ) throws(HyperError) {
        let pages = try wholePages(name, size)
        let all = UInt32(Configuration.PAGE_COLOURS)
        guard count > 0, first < all, count <= all - first else {
            throw HyperError(
                """
                region \(name) wants \(UInt64(count)) colours from \(UInt64(first)) on, and pages have \(UInt64(all)), \
                as PAGE_COLOURS is configured
                """)
        }
        // No page has a place by the region's own.
        try space.add(
            Region(
                name: name, start: start, size: size, kind: .memory(0, access), isOwned: true,
                moved: MovedPages(pages: pages, all: true)))
        for page in 0..<pages {
            let colour = try PageColour(index: UInt(first) + UInt(page) % UInt(count), of: UInt(all))
            try space.addPage(start + UInt64(page) * Pages.size, colour, access)
        }
    }

    private func wholePages(_ name: Text, _ size: UInt64) throws(HyperError) -> Int {
        guard size % Pages.size == 0, let count = Int(exactly: size / Pages.size) else {
            throw HyperError("region \(name) has \(hex: size) bytes, which are no whole pages of 4 KiB")
        }
        return count
    }

    /// Stops the guest and gives back all that is its own. Nobody may use it any more.
    func destroy() {
        mutex.withLock {
            _ = change { state = .destroyed }
            halted.wakeAll()
            for vcpu in vcpus { hold(vcpu) }
            interrupts.removePassed()
            var memory: [(address: UInt64, count: Int)] = []
            for region in space.regions { if case .device(let device) = region.kind { device.remove() } }
            for region in space.regions {
                memory += space.pages(of: region)
                space.remove(region)
            }
            interrupts.controller = nil
            // Until here others' CPUs might interrupt them, through a network.
            for vcpu in vcpus {
                // First what would still wake its thread.
                vcpu.removeState()
                if let thread = vcpu.pointee.thread { Scheduler.destroy(thread) }
                vcpu.deinitialize(count: 1)
                vcpu.deallocate()
            }
            vcpus = []
            PassThrough.release(name)
            // Displays look at what follows.
            for buffer in frameBuffers { buffer.remove() }
            frameBuffers = []
            for block in memory { Pages.free(block.address, block.count) }
            space.giveBack()
            described = []
            serials = []
            console = nil
            balloon = nil
            onReset = []
            images = []
        }
    }

    // MARK: Running
    //
    // What commands ask for is done under the mutex, one after another. A VCPU, which may not wait for that, only changes the
    // state, and asks for the rest.

    /// Changes the state if it is as it must be; whether it was.
    private func change(from old: State? = nil, _ body: () -> Void) -> Bool {
        stateLock.withLock {
            if let old, state != old { return false }
            body()
            return true
        }
    }

    /// Starts the guest, as power-on does.
    public func kick() throws(HyperError) {
        try mutex.withLock { () throws(HyperError) in try kickWhileLocked() }
    }

    private func kickWhileLocked() throws(HyperError) {
        guard let first = vcpus.first else { throw HyperError("guest \(name) has no VCPU") }
        guard change(from: .ready, { state = .running }) else {
            throw HyperError("guest \(name) is \(stateName): reset it before it is kicked again")
        }
        _ = first.start(entry: entry, argument: argument)
    }

    public func pause() throws(HyperError) {
        try mutex.withLock { () throws(HyperError) in
            guard change(from: .running, { state = .paused }) else {
                throw HyperError("guest \(name) is \(stateName), and only a running one can be paused")
            }
            for vcpu in vcpus { hold(vcpu) }
        }
    }

    public func resume() throws(HyperError) {
        try mutex.withLock { () throws(HyperError) in
            guard change(from: .paused, { state = .running }) else {
                throw HyperError("guest \(name) is \(stateName), and only a paused one can go on")
            }
            for vcpu in vcpus { vcpu.pointee.thread.map { Scheduler.release($0) } }
        }
    }

    /// Stops the guest for good: none of its VCPUs executes an instruction of it after its next exit. Called by anybody, its
    /// own VCPUs included, with interrupts on or off.
    public func halt(_ reason: Text) {
        let wasHalted = !stateLock.withLock {
            guard state != .halted, state != .destroyed else { return false }
            state = .halted
            haltReason = reason
            return true
        }
        if wasHalted { return }
        halted.wakeAll()
        requestHold()
    }

    /// Waits until it is halted, so many nanoseconds at most; whether it is.
    func waitUntilHalted(limit nanoseconds: UInt64) -> Bool {
        halted.wait(limit: nanoseconds) { state == .halted || state == .destroyed }
    }

    /// Brings all to what it was before it was kicked. Not to be called by a VCPU of its own.
    public func reset() { mutex.withLock { resetWhileLocked() } }

    private func resetWhileLocked() {
        guard state != .destroyed else { return }
        for vcpu in vcpus { hold(vcpu) }
        for vcpu in vcpus {
            vcpu.pointee.lock.withLock {
                vcpu.pointee.isStarted = false
                vcpu.pointee.start = nil
            }
            // What it did before is not gone on with.
            if let thread = vcpu.pointee.thread { Scheduler.restart(thread, entry: VCPUReference.threadEntry) }
        }
        for region in space.regions { if case .device(let device) = region.kind { device.reset() } }
        interrupts.reset()
        for action in onReset { action() }
        var failure: HyperError?
        do throws(HyperError) { try GuestLoader.reload(self) } catch { failure = error }
        _ = change {
            state = failure == nil ? .ready : .halted
            haltReason = failure.map { "it cannot be loaded again: \($0.message)" }
            faults = 0
        }
        for vcpu in vcpus { vcpu.pointee.thread.map { Scheduler.release($0) } }
    }

    /// A VCPU asks for a reset: another thread makes it. It does not execute an instruction more.
    public func requestReset() {
        // However often it asks, and however many of its VCPUs do: once.
        guard change(from: .running, { state = .resetting }) else { return }
        // First of all: a VCPU that is held may not come to it any more.
        WorkQueue.system().add { [self] in
            mutex.withLock {
                guard state == .resetting else { return }
                resetWhileLocked()
                do throws(HyperError) { try kickWhileLocked() } catch { halt(error.message) }
            }
        }
        requestHold()
    }

    /// Asks for all VCPUs to be held, and waits for none: the caller may be one of them.
    private func requestHold() {
        let wereEnabled = Port.disableInterrupts()
        for vcpu in vcpus { vcpu.pointee.thread.map { Scheduler.requestHold($0) } }
        Scheduler.preemptAndRestore(wereEnabled)
    }

    func hold(_ vcpu: VCPUReference) {
        guard let thread = vcpu.pointee.thread else { return }
        Scheduler.hold(thread)
        CPUs.call(thread.pointee.cpu) { Scheduler.unload(vcpu) }
    }

    public var stateName: Text {
        switch state {
        case .ready: "ready"
        case .running: "running"
        case .paused: "paused"
        case .resetting: "resetting"
        case .halted: "halted"
        case .destroyed: "destroyed"
        }
    }
}

/// What asks a guest for memory.
public protocol GuestBalloon: AnyObject {
    /// Bytes that the guest is asked to give back.
    var wanted: UInt64 { get }
    func ask(_ bytes: UInt64)
}

/// What a guest's firmware reads and writes as its console.
public protocol GuestConsole: AnyObject {
    func write(_ byte: UInt8)
    func read() -> UInt8?
}
