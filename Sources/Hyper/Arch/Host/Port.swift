/// The port that unit tests run the core on: what is behind it is a ``FakeMachine``.
public enum HostPort: Architecture {
    public static var cpu: CPUReference {
        FakeMachine.step()
        return FakeMachine.cpus[FakeMachine.active].reference
    }

    public static var counter: UInt64 {
        get {
            FakeMachine.step()
            return FakeMachine.counter
        }
        set { FakeMachine.counter = newValue }
    }

    public static var counterFrequency: UInt64 { 10_000_000 }

    /// A new machine; with a seed one on which CPUs meet at random.
    public static func start(cpus: Int = 1, seed: UInt64? = nil) { FakeMachine.start(cpus: cpus, seed: seed) }

    /// Lets all threads run, and time pass, until nobody has anything to do or the counter has come to `limit`.
    @discardableResult
    public static func run(until limit: UInt64 = .max) -> Bool { FakeMachine.run(until: limit) }

    public static func disableInterrupts() -> Bool {
        FakeMachine.step()
        guard !FakeMachine.isOutside else { return false }
        defer { FakeMachine.cpus[FakeMachine.active].takesInterrupts = false }
        return FakeMachine.cpus[FakeMachine.active].takesInterrupts
    }

    public static func restoreInterrupts(_ enabled: Bool) {
        if enabled, !FakeMachine.isOutside {
            FakeMachine.cpus[FakeMachine.active].takesInterrupts = true
            FakeMachine.takeInterrupts()
        }
        FakeMachine.step()
    }

    public static func waitForInterrupt() { FakeMachine.wait(until: .max) }
    public static func relax() { FakeMachine.relax() }
    public static func interrupt(_ cpu: CPUReference) { FakeMachine.interrupt(cpu.pointee.index) }
    /// What was printed while no console had a driver.
    nonisolated(unsafe) public static var printed: [UInt8] = []
    public static func write(_ byte: UInt8) { printed.append(byte) }
    public static func panic(_ message: UnsafeBufferPointer<UInt8>) -> Never {
        FakeMachine.panic(String(decoding: message, as: UTF8.self))
    }
    /// When the executing CPU's timer interrupt will come.
    public static var alarm: UInt64 { FakeMachine.cpus[FakeMachine.active].alarm }
    public static func setAlarm(_ counter: UInt64) { FakeMachine.cpus[FakeMachine.active].alarm = counter }

    /// CPUs that the fake machine's firmware does not start.
    // SAFETY: of the fake machine's one thread.
    nonisolated(unsafe) public static var brokenCPUs: UInt32 = 0

    public static func start(_ cpu: CPUReference) -> Bool {
        // A firmware takes its time.
        for _ in 0..<16 { FakeMachine.step() }
        guard brokenCPUs & 1 << UInt32(cpu.pointee.index) == 0 else { return false }
        FakeMachine.turnOn(cpu.pointee.index)
        return true
    }

    public static func stop() -> Never {
        FakeMachine.cpus[FakeMachine.active].isOff = true
        FakeMachine.wait(until: .max)
        fatalError("a CPU that is off executes")
    }

    public static func isStopped(_ cpu: CPUReference) -> Bool { FakeMachine.cpus[cpu.pointee.index].isOff }

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

    public static func interruptNumber(_ specifier: [UInt32]) -> Int? { specifier.first.map { Int($0) } }

    public static func synchroniseInstructions() {}

    // MARK: Threads

    public static func makeContext(
        stack: UnsafeMutableRawPointer, entry: @escaping @convention(c) () -> Void
    ) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(FakeMachine.makeContext(entry))
    }

    public static func switchContext(
        from old: UnsafeMutablePointer<UnsafeMutableRawPointer?>, to new: UnsafeMutableRawPointer
    ) {
        old.pointee = UnsafeMutableRawPointer(FakeMachine.cpus[FakeMachine.active].context)
        FakeMachine.switchContext(to: new)
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

    /// A floating-point register of each CPU's, and what a guest that uses it finds.
    public enum Floats: FloatRegisters {
        public static var words: Int { 1 }
        // SAFETY: of the fake machine's one thread.
        nonisolated(unsafe) static var registers = InlineArray<32, UInt64>(repeating: 0)
        nonisolated(unsafe) private static var isOpen = InlineArray<32, Bool>(repeating: false)

        public static func set(_ vcpu: VCPUReference, areThere: Bool) { isOpen[cpu.pointee.index] = areThere }
        public static func open() { isOpen[cpu.pointee.index] = true }
        public static func give(_ vcpu: VCPUReference) {}
        public static func save(_ floats: UnsafeMutablePointer<UInt64>) { floats[0] = registers[cpu.pointee.index] }
        public static func load(_ floats: UnsafeMutablePointer<UInt64>) { registers[cpu.pointee.index] = floats[0] }

        /// A guest exchanges what is in the register, as one of its instructions would; whether that had to come to Hyper first.
        public static func exchange(_ vcpu: VCPUReference, _ value: inout UInt64) -> Bool {
            let isTrapped = !isOpen[cpu.pointee.index]
            if isTrapped { LazyFloats.take(vcpu) }
            swap(&registers[cpu.pointee.index], &value)
            return isTrapped
        }
    }

    public static func load(_ vcpu: VCPUReference) {
        vcpu.pointee.state.loads += 1
        lines = vcpu.pointee.state.lines
    }

    public static func save(_ vcpu: VCPUReference) {
        vcpu.pointee.state.saves += 1
        vcpu.pointee.state.lines = lines
    }

    /// What guests execute, given the VCPU; where nobody says, they wait for interrupts.
    // SAFETY: set between runs of the fake machine.
    nonisolated(unsafe) public static var guestProgram: ((VCPUReference) -> Void)?

    public static func enter(_ vcpu: VCPUReference, stack: UnsafeMutableRawPointer) -> Never {
        restoreInterrupts(true)
        guestProgram?(vcpu)
        _ = disableInterrupts()
        while true {
            lines = 0
            vcpu.waitForInterrupt()
        }
    }

    public static func exitName(_ cause: Int) -> Text { "cause \(cause)" }
    /// What tests say that was interrupted.
    // SAFETY: of the fake machine's one thread.
    nonisolated(unsafe) public static var interruptedPlace: (address: UInt64, isGuest: Bool) = (0, false)

    public static func reset(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64) {
        vcpu.pointee.state = VCPUState()
        vcpu.pointee.state.entry = entry
        vcpu.pointee.state.argument = argument
    }

    public static var drivers: [Driver] { ArmDevices.drivers }
    public static var emulators: [Emulator] { ArmDevices.emulators }
    public static func powerOff() -> Never { fatalError("powered off") }
    public static func reboot() -> Never { fatalError("rebooted") }
    public static func startOtherCPUs() {}
    public static func kernelLayout(_ memory: Region) throws(HyperError) -> KernelLayout {
        KernelLayout(kernel: memory.start, initrd: memory.start + (4 << 20), tree: memory.start + (2 << 20))
    }
    public static func describeCPUs(of guest: Guest, in root: DeviceTreeNode) {}
    public static func describeInterruptController(_ node: DeviceTreeNode, of guest: Guest) {}
    public static func interruptSpecifier(_ line: UInt32) -> [UInt32] { [line] }
    public static func describeDevice(_ node: DeviceTreeNode, in root: DeviceTreeNode) {}
    public static func registers(_ vcpu: VCPUReference) -> [(name: Text, value: UInt64)] {
        [("entry", vcpu.pointee.state.entry), ("argument", vcpu.pointee.state.argument)]
    }
    // SAFETY: set between runs of the fake machine.
    nonisolated(unsafe) public static var seesWaits = false
    public static func isInterruptPending(_ vcpu: VCPUReference) -> Bool {
        guard vcpu.pointee.loadedOn == cpu else { return vcpu.pointee.state.lines != 0 }
        vcpu.applyLines()
        return lines != 0
    }

    public static func line(_ number: Int) -> UInt64 { 1 << UInt64(number) }

    public static func setLines(_ lines: UInt64) { self.lines |= lines }
    public static func clearLines(_ lines: UInt64) { self.lines &= ~lines }

    /// Those of the VCPU that is loaded on this CPU.
    public static var lines: UInt64 {
        get { FakeMachine.cpus[FakeMachine.active].lines }
        set { FakeMachine.cpus[FakeMachine.active].lines = newValue }
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
        public static func access(of entry: UInt64) -> SecondStageAccess {
            SecondStageAccess(rawValue: UInt8(truncatingIfNeeded: entry >> 2 & 15))
        }
        public static func forget(identifier: UInt64, root: UInt64, start: UInt64, size: UInt64) {}
    }
}

public typealias Port = HostPort
