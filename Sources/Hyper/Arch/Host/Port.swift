import Glibc

/// The port that unit tests run the core on: a clock that stands still until it is told to go on, interrupts that are
/// raised by hand, and threads that are the host's, of which one runs at a time.
public enum HostPort: Architecture {
    // SAFETY: one thread of the core runs at a time, and hands over through a semaphore.
    nonisolated(unsafe) public static var cpu: CPUReference = CPUReference.allocate(capacity: 1)
    nonisolated(unsafe) public static var counter: UInt64 = 0
    nonisolated(unsafe) public private(set) static var alarm: UInt64 = .max
    nonisolated(unsafe) public private(set) static var interruptsAreEnabled = false
    /// CPUs that were interrupted by others.
    nonisolated(unsafe) public static var interrupted: [Int] = []

    public static var counterFrequency: UInt64 { 10_000_000 }

    /// Forgets all CPUs, and makes the caller's thread the idle one of a new CPU.
    public static func start() {
        CPUs.removeAll()
        counter = 0
        alarm = .max
        interrupted = []
        cpu = CPUs.add(hardwareIdentifier: 0)
        cpu.pointee.idle.pointee.context = UnsafeMutableRawPointer(HostThread.current)
        interruptsAreEnabled = true
    }

    /// Lets all threads run, and time pass, until nobody has anything to do or the counter has come to `limit`.
    public static func run(until limit: UInt64 = .max) {
        while true {
            _ = disableInterrupts()
            Scheduler.yield()
            restoreInterrupts(true)
            guard alarm != .max, alarm <= limit else { return }
            counter = max(counter, alarm)
            alarm = .max
            _ = disableInterrupts()
            Timers.expire()
            restoreInterrupts(true)
        }
    }

    public static func disableInterrupts() -> Bool {
        defer { interruptsAreEnabled = false }
        return interruptsAreEnabled
    }

    public static func restoreInterrupts(_ enabled: Bool) { interruptsAreEnabled = enabled }
    public static func waitForInterrupt() {}
    public static func relax() {}
    public static func interrupt(_ cpu: CPUReference) { interrupted.append(cpu.pointee.index) }
    /// What was printed while no console had a driver.
    nonisolated(unsafe) public static var printed: [UInt8] = []
    public static func write(_ byte: UInt8) { printed.append(byte) }
    public static func panic(_ message: UnsafeBufferPointer<UInt8>) -> Never {
        fatalError(String(decoding: message, as: UTF8.self))
    }
    public static func setAlarm(_ counter: UInt64) { alarm = counter }

    /// Registers of devices that tests put at their addresses.
    nonisolated(unsafe) public static var devices: [(range: Range<UInt64>, device: any EmulatedDevice)] = []

    public static func readDevice(_ address: UInt64, width: Int) -> UInt64 {
        guard let found = devices.first(where: { $0.range.contains(address) }) else { return ~0 }
        return found.device.read(address - found.range.lowerBound, width: width)
    }

    public static func writeDevice(_ address: UInt64, width: Int, _ value: UInt64) {
        guard let found = devices.first(where: { $0.range.contains(address) }) else { return }
        found.device.write(address - found.range.lowerBound, width: width, value: value)
    }

    public static func synchroniseInstructions() {}

    // MARK: Threads

    public static func makeContext(
        stack: UnsafeMutableRawPointer, entry: @escaping @convention(c) () -> Void
    ) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(HostThread.make(entry))
    }

    public static func switchContext(
        from old: UnsafeMutablePointer<UnsafeMutableRawPointer?>, to new: UnsafeMutableRawPointer
    ) {
        let me = HostThread.current
        old.pointee = UnsafeMutableRawPointer(me)
        sem_post(new.assumingMemoryBound(to: HostThread.self).pointee.turn)
        sem_wait(me.pointee.turn)
    }

    // MARK: Guests

    /// A VCPU of no architecture: lines, and a note of what was done to it.
    public struct VCPUState {
        public var lines: UInt64 = 0
        public var entry: UInt64 = 0
        public var argument: UInt64 = 0
        public var loads = 0
        public var saves = 0
        public init() {}
    }

    public static func load(_ vcpu: VCPUReference) { vcpu.pointee.state.loads += 1 }
    public static func save(_ vcpu: VCPUReference) { vcpu.pointee.state.saves += 1 }
    public static var guestEntry: @convention(c) () -> Void { { Scheduler.arrive() } }

    public static func reset(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64) {
        vcpu.pointee.state = VCPUState()
        vcpu.pointee.state.entry = entry
        vcpu.pointee.state.argument = argument
    }

    public static func powerOff() -> Never { fatalError("powered off") }
    public static func reboot() -> Never { fatalError("rebooted") }
    public static func startOtherCPUs() {}
    public static func kernelLayout(_ memory: Region) throws(HyperError) -> KernelLayout {
        KernelLayout(kernel: memory.start, initrd: memory.start + (4 << 20), tree: memory.start + (2 << 20))
    }
    public static func describeCPUs(of guest: Guest, in root: DeviceTreeNode) {}
    public static func describeInterruptController(_ node: DeviceTreeNode, of guest: Guest) {}
    public static func destroy(_ vcpu: VCPUReference) {}
    public static func isInterruptPending(_ vcpu: VCPUReference) -> Bool { vcpu.pointee.state.lines != 0 }

    public static func setInterrupt(_ vcpu: VCPUReference, _ line: Int, _ level: Bool) {
        let bit: UInt64 = 1 << UInt64(line)
        if level { vcpu.pointee.state.lines |= bit } else { vcpu.pointee.state.lines &= ~bit }
    }

    /// Sv39x4, less what only hardware needs.
    public enum SecondStage: SecondStageFormat {
        public static var levels: Int { 3 }
        public static var rootEntries: Int { 2048 }
        public static func table(_ address: UInt64) -> UInt64 { address | 1 }
        public static func page(_ address: UInt64, level: Int, _ access: SecondStageAccess) -> UInt64 {
            address | 2 | UInt64(access.rawValue) << 2
        }
        public static func table(of entry: UInt64, level: Int) -> UInt64? { entry & 3 == 1 ? entry & ~4095 : nil }
        public static func page(of entry: UInt64, level: Int) -> UInt64? { entry & 3 == 2 ? entry & ~4095 : nil }
        public static func forget(identifier: UInt64, start: UInt64, size: UInt64) {}
    }
}

public typealias Port = HostPort

/// A thread of the host that waits for its turn.
struct HostThread {
    let turn: UnsafeMutablePointer<sem_t>
    private let entry: @convention(c) () -> Void

    private init(entry: @escaping @convention(c) () -> Void) {
        turn = .allocate(capacity: 1)
        sem_init(turn, 0, 0)
        self.entry = entry
    }

    // Made once, before any thread asks.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    static var current: UnsafeMutablePointer<HostThread> {
        if let known = pthread_getspecific(key) { return known.assumingMemoryBound(to: HostThread.self) }
        let new = UnsafeMutablePointer<HostThread>.allocate(capacity: 1)
        new.initialize(to: HostThread(entry: {}))
        pthread_setspecific(key, new)
        return new
    }

    /// A thread that calls `entry` at its first turn.
    static func make(_ entry: @escaping @convention(c) () -> Void) -> UnsafeMutablePointer<HostThread> {
        let new = UnsafeMutablePointer<HostThread>.allocate(capacity: 1)
        new.initialize(to: HostThread(entry: entry))
        var identifier = pthread_t()
        pthread_create(
            &identifier, nil,
            { argument in
                let thread = argument.unsafelyUnwrapped.assumingMemoryBound(to: HostThread.self)
                pthread_setspecific(HostThread.key, thread)
                sem_wait(thread.pointee.turn)
                thread.pointee.entry()
                return nil
            }, new)
        pthread_detach(identifier)
        return new
    }
}
