/// What an architecture puts behind the core. `Port` names the one that a build is for; there is nothing else between them,
/// so that what is one instruction there is one instruction here.
///
/// The core names no architecture: it does not know how wide a register is, how interrupts are numbered, or whether a
/// device is reached through memory or through ports.
public protocol Architecture {
    // MARK: This CPU

    /// The CPU that executes this.
    static var cpu: CPUReference { get }
    /// Takes no more interrupts; whether they were taken until now.
    static func disableInterrupts() -> Bool
    static func restoreInterrupts(_ enabled: Bool)
    /// Sleeps until an interrupt is pending, taken or not.
    static func waitForInterrupt()
    /// Says that the CPU waits for another one.
    static func relax()
    /// Makes the other CPU look at what it has to do.
    static func interrupt(_ cpu: CPUReference)
    /// Prints on whatever console the firmware has: before a driver runs, or where there is none.
    static func write(_ byte: UInt8)
    /// Prints and stops for good: a fault of the hypervisor's own.
    static func panic(_ message: UnsafeBufferPointer<UInt8>) -> Never

    /// A register of the host's devices, `width` (1, 2, 4 or 8) bytes at a physical address, in the order of the program.
    static func readDevice(_ address: UInt64, width: Int) -> UInt64
    static func writeDevice(_ address: UInt64, width: Int, _ value: UInt64)
    /// The number by which the machine's interrupt controller knows what its device tree describes in these cells; nil
    /// where they describe nothing.
    static func interruptNumber(_ specifier: [UInt32]) -> Int?

    /// Drivers and emulators of what no other architecture's boards have, as the configuration says.
    static var drivers: [Driver] { get }
    static var emulators: [Emulator] { get }
    static func powerOff() -> Never
    static func reboot() -> Never
    /// Starts the CPUs that the device tree has besides this one.
    static func startOtherCPUs()
    /// Starts a CPU that is off: it runs its idle thread from the beginning. Whether the machine did so.
    static func start(_ cpu: CPUReference) -> Bool
    /// Turns this CPU off. Interrupts are off, and nothing is left that would wake it.
    static func stop() -> Never
    /// Whether the CPU has stopped: it can be started again.
    static func isStopped(_ cpu: CPUReference) -> Bool

    // MARK: Time

    /// Ticks since power-on.
    static var counter: UInt64 { get }
    /// Ticks a second.
    static var counterFrequency: UInt64 { get }
    /// Raises this CPU's timer interrupt once the counter has come to `counter`; `UInt64.max` for never.
    static func setAlarm(_ counter: UInt64)

    // MARK: Threads

    /// The context of a thread that will begin in `entry` on a stack that ends at `stack`, with interrupts off. A context
    /// is where a thread that does not run has put its registers: on its own stack.
    static func makeContext(
        stack: UnsafeMutableRawPointer, entry: @escaping @convention(c) () -> Void
    ) -> UnsafeMutableRawPointer
    /// Keeps the running thread's context in `old` and goes on with `new`; returns when somebody goes on with `old`.
    static func switchContext(
        from old: UnsafeMutablePointer<UnsafeMutableRawPointer?>, to new: UnsafeMutableRawPointer)

    // MARK: Modules

    /// How they are linked.
    associatedtype ModuleRelocations: ModuleRelocator
    /// Has all CPUs see code that was written.
    static func synchroniseInstructions()

    // MARK: Guests

    /// The registers of a VCPU and whatever else the architecture keeps of it.
    associatedtype VCPUState
    /// How it writes the tables that translate a guest's physical addresses.
    associatedtype SecondStage: SecondStageFormat
    /// Its floating-point registers, which ``LazyFloats`` brings to guests.
    associatedtype Floats: FloatRegisters
    /// Brings the VCPU's state into this CPU's registers. Its lock is held.
    static func load(_ vcpu: VCPUReference)
    /// Brings what is in this CPU's registers back into the VCPU's state. Its lock is held.
    static func save(_ vcpu: VCPUReference)
    /// Enters the guest on the VCPU's own thread, with what ``reset(_:entry:argument:)`` has set. Interrupts are off. Exits are
    /// handled on a stack that ends at `stack`.
    static func enter(_ vcpu: VCPUReference, stack: UnsafeMutableRawPointer) -> Never
    /// What a cause of exits is called: a number below ``Profile/causes``.
    static func exitName(_ cause: Int) -> Text
    /// What the interrupt that is being handled has interrupted: an address, and whether it is a guest's.
    static var interruptedPlace: (address: UInt64, isGuest: Bool) { get }
    /// Sets the VCPU's registers as they are at power-on: to begin at `entry` with `argument` (a device tree's address).
    static func reset(_ vcpu: VCPUReference, entry: UInt64, argument: UInt64)
    /// Where a kernel goes in a guest's memory.
    static func kernelLayout(_ memory: Region) throws(HyperError) -> KernelLayout
    /// Adds the node `cpus` to the tree that a guest is given, and to its interrupt controller's node what is the
    /// architecture's.
    static func describeCPUs(of guest: Guest, in root: DeviceTreeNode)
    static func describeInterruptController(_ node: DeviceTreeNode, of guest: Guest)
    /// The cells by which the guest's tree names a line of its interrupt controller.
    static func interruptSpecifier(_ line: UInt32) -> [UInt32]
    /// Adds to a device's node, and to the tree, what drivers of the architecture's boards ask for besides.
    static func describeDevice(_ node: DeviceTreeNode, in root: DeviceTreeNode)
    /// The VCPU's registers and their names, as it keeps them while it is not loaded.
    static func registers(_ vcpu: VCPUReference) -> [(name: Text, value: UInt64)]
    /// Whether a VCPU that waits for another one of its guest by executing leaves the guest for ``Scheduler/giveWay()``.
    static var seesWaits: Bool { get }
    /// Whether the VCPU has an interrupt that it would wake up for. Its lock is held.
    static func isInterruptPending(_ vcpu: VCPUReference) -> Bool
    /// The line of that number among the VCPU's own, as a bit.
    static func line(_ number: Int) -> UInt64
    /// Changes lines of the VCPU that is loaded here, in this CPU's registers. Those of one that is loaded nowhere are among
    /// what its state has as `lines`.
    static func setLines(_ lines: UInt64)
    static func clearLines(_ lines: UInt64)
}
