/// The machine's Generic Interrupt Controller, as its CPUs use it at each interrupt: without an object between.
///
/// What is done is what GICv2 has (IHI 0048B): of an interrupt that was taken the priority is dropped at once, and it is
/// deactivated when it was handled, or by the guest that has it.
enum HostGIC {
    /// Interrupts 0 to 15 are of other CPUs (SGI), from 16 on of the CPU's own devices (PPI), from 32 on of all (SPI).
    static let firstPrivate = 16, firstShared = 32
    /// The first of four numbers that say that there is no interrupt (3.2.5).
    private static let firstSpecial: UInt64 = 1020
    /// By which Hyper's CPUs interrupt each other.
    private static let softwareInterrupt: UInt64 = 0
    /// All are equal: Hyper takes none while it handles another one.
    private static let priority: UInt64 = 0xa0

    enum Distributor {
        static let control: UInt64 = 0x000, type: UInt64 = 0x004
        static let setEnable: UInt64 = 0x100, clearEnable: UInt64 = 0x180, clearPending: UInt64 = 0x280
        static let setActive: UInt64 = 0x300, clearActive: UInt64 = 0x380, priority: UInt64 = 0x400
        static let targets: UInt64 = 0x800, configuration: UInt64 = 0xc00, softwareInterrupt: UInt64 = 0xf00
    }

    private enum Interface {
        static let control: UInt64 = 0x0000, priorityMask: UInt64 = 0x0004, acknowledge: UInt64 = 0x000c
        static let endOfInterrupt: UInt64 = 0x0010, deactivate: UInt64 = 0x1000
        /// Interrupts on, and their deactivation apart from the priority's drop (EOImodeNS).
        static let enable: UInt64 = 1 << 0, separateDeactivation: UInt64 = 1 << 9
    }

    // SAFETY: written while one CPU runs, when the driver is bound; 0 until then.
    nonisolated(unsafe) private(set) static var distributor: UInt64 = 0
    nonisolated(unsafe) private static var interface: UInt64 = 0
    /// Private interrupts that each CPU takes: a bit for each, as the port says.
    nonisolated(unsafe) static var privateInterrupts: UInt64 = 0
    /// By which the virtual interface says that the list registers want to be looked at.
    nonisolated(unsafe) static var maintenanceInterrupt = 25
    // SAFETY: by CPU, its own number at the Distributor as a bit; written by that CPU before others know it.
    nonisolated(unsafe) private static var targets = InlineArray<32, UInt8>(repeating: 0)

    /// Says where the registers are, and that no interrupt of devices is wanted as yet.
    static func begin(distributor: UInt64, interface: UInt64) {
        self.distributor = distributor
        self.interface = interface
        Port.writeDevice(distributor + Distributor.control, width: 4, 0)
        // ITLinesNumber: so many times 32, less 32.
        let groups = (Port.readDevice(distributor + Distributor.type, width: 4) & 31) + 1
        for group in 1..<max(groups, 1) {
            Port.writeDevice(distributor + Distributor.clearEnable + 4 * group, width: 4, 0xffff_ffff)
            Port.writeDevice(distributor + Distributor.clearActive + 4 * group, width: 4, 0xffff_ffff)
            Port.writeDevice(distributor + Distributor.clearPending + 4 * group, width: 4, 0xffff_ffff)
        }
        Port.writeDevice(distributor + Distributor.control, width: 4, 1)
        startCPU()
    }

    /// Has this CPU take interrupts.
    static func startCPU() {
        guard distributor != 0 else { return }
        // What a CPU reads there is its own bit (4.3.12).
        targets[Port.cpu.pointee.index] = UInt8(
            truncatingIfNeeded: Port.readDevice(distributor + Distributor.targets, width: 4))
        for place in stride(from: UInt64(0), to: 32, by: 4) {
            Port.writeDevice(distributor + Distributor.priority + place, width: 4, priority * 0x0101_0101)
        }
        Port.writeDevice(distributor + Distributor.clearActive, width: 4, 0xffff_ffff)
        Port.writeDevice(distributor + Distributor.clearEnable, width: 4, 0xffff_0000)
        Port.writeDevice(
            distributor + Distributor.setEnable, width: 4,
            privateInterrupts | 1 << UInt64(maintenanceInterrupt) | 0xffff)
        Port.writeDevice(interface + Interface.priorityMask, width: 4, 0xff)
        Port.writeDevice(interface + Interface.control, width: 4, Interface.enable | Interface.separateDeactivation)
    }

    /// Has this CPU take no more.
    static func stopCPU() {
        guard distributor != 0 else { return }
        Port.writeDevice(interface + Interface.control, width: 4, 0)
    }

    // MARK: An interrupt's life

    /// The most important interrupt that is pending for this CPU, which from here on is active: as the controller says it,
    /// with the CPU that has sent it.
    @inline(__always)
    static func acknowledge() -> UInt64? {
        let value = Port.readDevice(interface + Interface.acknowledge, width: 4)
        if value & 0x3ff >= firstSpecial { return nil }
        Port.writeDevice(interface + Interface.endOfInterrupt, width: 4, value)
        return value
    }

    @inline(__always)
    static func number(_ value: UInt64) -> Int { Int(truncatingIfNeeded: value & 0x3ff) }

    /// Lets an interrupt that was acknowledged come again.
    @inline(__always)
    static func deactivate(_ value: UInt64) {
        Port.writeDevice(interface + Interface.deactivate, width: 4, value)
    }

    /// Sets whether one of this CPU's own interrupts counts as taken, when the guest changes that has it.
    static func setActive(_ number: Int, _ isActive: Bool) {
        let register = isActive ? Distributor.setActive : Distributor.clearActive
        Port.writeDevice(distributor + register, width: 4, 1 << UInt64(number))
    }

    static func interrupt(_ cpu: CPUReference) {
        guard distributor != 0 else { return }
        let target = UInt64(targets[cpu.pointee.index]) << 16
        Port.writeDevice(distributor + Distributor.softwareInterrupt, width: 4, target | softwareInterrupt)
    }

    // MARK: Interrupts of devices

    static func enable(_ number: Int) {
        let place = UInt64(number)
        Port.writeDevice(distributor + Distributor.priority + place, width: 1, priority)
        Port.writeDevice(
            distributor + Distributor.targets + place, width: 1, UInt64(targets[Port.cpu.pointee.index]))
        Port.writeDevice(distributor + Distributor.setEnable + place / 32 * 4, width: 4, 1 << (place % 32))
    }

    static func disable(_ number: Int) {
        let place = UInt64(number)
        Port.writeDevice(distributor + Distributor.clearEnable + place / 32 * 4, width: 4, 1 << (place % 32))
    }
}
