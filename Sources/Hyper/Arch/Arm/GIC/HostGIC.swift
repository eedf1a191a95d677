/// The machine's Generic Interrupt Controller, as its CPUs use it at each interrupt: without an object between.
///
/// What is done is what GICv2 has (IHI 0048B) and GICv3 (IHI 0069): of an interrupt that was taken the priority is dropped at
/// once, and it is deactivated when it was handled, or by the guest that has it. Their Distributors are much the same; a CPU
/// reaches its interface by memory in the one and by system registers in the other, and its own interrupts at the
/// Distributor or at its Redistributor.
enum HostGIC {
    enum Version { case none, two, three }

    /// Interrupts 0 to 15 are of other CPUs (SGI), from 16 on of the CPU's own devices (PPI), from 32 on of all (SPI).
    static let firstPrivate = 16, firstShared = 32
    /// From here on they are messages (LPI), which a GICv3 has.
    static let firstMessage = 8192
    /// The first of four numbers that say that there is no interrupt (IHI 0048B, 3.2.5).
    private static let firstSpecial: UInt64 = 1020
    /// By which Hyper's CPUs interrupt each other.
    private static let softwareInterrupt: UInt64 = 0
    /// All are equal: Hyper takes none while it handles another one.
    static let priority: UInt64 = 0xa0

    /// Registers of the Distributor. A GICv3's Redistributor has those of a CPU's own interrupts at the same places.
    enum Distributor {
        static let control: UInt64 = 0x000, type: UInt64 = 0x004, implementer: UInt64 = 0x008, group: UInt64 = 0x080
        static let setEnable: UInt64 = 0x100, clearEnable: UInt64 = 0x180, clearPending: UInt64 = 0x280
        static let setActive: UInt64 = 0x300, clearActive: UInt64 = 0x380, priority: UInt64 = 0x400
        static let targets: UInt64 = 0x800, configuration: UInt64 = 0xc00, softwareInterrupt: UInt64 = 0xf00
        /// Of GICv3 (IHI 0069, 12.8): to which CPU an interrupt goes, by its affinity.
        static let routes: UInt64 = 0x6000
    }

    /// A GICv2's CPU interface (IHI 0048B, 4.4).
    private enum Interface {
        static let control: UInt64 = 0x0000, priorityMask: UInt64 = 0x0004, acknowledge: UInt64 = 0x000c
        static let endOfInterrupt: UInt64 = 0x0010, deactivate: UInt64 = 0x1000
        /// Interrupts on, and their deactivation apart from the priority's drop (EOImodeNS).
        static let enable: UInt64 = 1 << 0, separateDeactivation: UInt64 = 1 << 9
    }

    // SAFETY: written while one CPU runs, when the driver is bound.
    nonisolated(unsafe) private(set) static var version = Version.none
    nonisolated(unsafe) private static var distributor: UInt64 = 0
    nonisolated(unsafe) private static var interface: UInt64 = 0
    /// Private interrupts that each CPU takes: a bit for each, as the port says.
    nonisolated(unsafe) static var privateInterrupts: UInt64 = 0
    /// By which the virtual interface says that the list registers want to be looked at.
    nonisolated(unsafe) static var maintenanceInterrupt = 25
    // SAFETY: by CPU; written by that CPU before others know it. Its own number at a GICv2's Distributor as a bit, and where
    // the registers of its own interrupts are.
    nonisolated(unsafe) private static var targets = InlineArray<32, UInt8>(repeating: 0)
    nonisolated(unsafe) private static var privateRegisters = InlineArray<32, UInt64>(repeating: 0)

    @inline(__always)
    static var isVersion3: Bool { version == .three }

    /// Says where a GICv2's registers are, and that no interrupt of devices is wanted as yet.
    static func begin(distributor: UInt64, interface: UInt64) {
        self.interface = interface
        version = .two
        begin(distributor, enable: 1)
    }

    /// The same of a GICv3, whose Redistributors ``Redistributors`` knows.
    static func begin(distributor: UInt64) {
        version = .three
        // ARE, and the group of interrupts that is ours in either security state (GICD_CTLR, 12.9.4).
        begin(distributor, enable: 1 << 4 | 1 << 1 | 1 << 0)
    }

    private static func begin(_ distributor: UInt64, enable: UInt64) {
        self.distributor = distributor
        Port.writeDevice(distributor + Distributor.control, width: 4, 0)
        // ITLinesNumber: so many times 32, less 32.
        let words = (Port.readDevice(distributor + Distributor.type, width: 4) & 31) + 1
        for word in 1..<max(words, 1) {
            if isVersion3 { setGroup(distributor + 4 * word) }
            Port.writeDevice(distributor + Distributor.clearEnable + 4 * word, width: 4, 0xffff_ffff)
            Port.writeDevice(distributor + Distributor.clearActive + 4 * word, width: 4, 0xffff_ffff)
            Port.writeDevice(distributor + Distributor.clearPending + 4 * word, width: 4, 0xffff_ffff)
        }
        Port.writeDevice(distributor + Distributor.control, width: 4, enable)
        startCPU()
    }

    /// All are in group 1, which a GICv3 signals as IRQ.
    private static func setGroup(_ base: UInt64) {
        Port.writeDevice(base + Distributor.group, width: 4, 0xffff_ffff)
    }

    /// Has this CPU take interrupts.
    static func startCPU() {
        let cpu = Port.cpu
        var own = distributor
        switch version {
        case .none: return
        case .two:
            // What a CPU reads there is its own bit (IHI 0048B, 4.3.12).
            targets[cpu.pointee.index] = UInt8(
                truncatingIfNeeded: Port.readDevice(distributor + Distributor.targets, width: 4))
        case .three:
            own = Redistributors.wake(cpu.pointee.hardwareIdentifier)
            setGroup(own)
        }
        privateRegisters[cpu.pointee.index] = own
        for place in stride(from: UInt64(0), to: 32, by: 4) {
            Port.writeDevice(own + Distributor.priority + place, width: 4, priority * 0x0101_0101)
        }
        Port.writeDevice(own + Distributor.clearActive, width: 4, 0xffff_ffff)
        Port.writeDevice(own + Distributor.clearEnable, width: 4, 0xffff_0000)
        Port.writeDevice(
            own + Distributor.setEnable, width: 4,
            privateInterrupts | 1 << UInt64(maintenanceInterrupt) | 0xffff)
        if isVersion3 { return GICSystemRegisters.start() }
        Port.writeDevice(interface + Interface.priorityMask, width: 4, 0xff)
        Port.writeDevice(interface + Interface.control, width: 4, Interface.enable | Interface.separateDeactivation)
    }

    /// Has this CPU take no more.
    static func stopCPU() {
        switch version {
        case .none: return
        case .two: Port.writeDevice(interface + Interface.control, width: 4, 0)
        case .three:
            GICSystemRegisters.stop()
            Redistributors.sleep(privateRegisters[Port.cpu.pointee.index])
        }
    }

    // MARK: An interrupt's life

    /// The most important interrupt that is pending for this CPU, which from here on is active: as the controller says it,
    /// with the CPU that has sent it where that is a GICv2.
    @inline(__always)
    static func acknowledge() -> UInt64? {
        if isVersion3 {
            let value = GICSystemRegisters.acknowledge()
            if value >= firstSpecial { return takeMessage(value) }
            GICSystemRegisters.dropPriority(value)
            return value
        }
        let value = Port.readDevice(interface + Interface.acknowledge, width: 4)
        if value & 0x3ff >= firstSpecial { return nil }
        Port.writeDevice(interface + Interface.endOfInterrupt, width: 4, value)
        return value
    }

    /// A message has come, or nothing. It has no active state (IHI 0069, 4.1.2): nobody deactivates it, and as it can only be a
    /// device's, it is handled here, where it costs other interrupts nothing.
    @inline(never)
    private static func takeMessage(_ value: UInt64) -> UInt64? {
        if value >= firstMessage {
            GICSystemRegisters.dropPriority(value)
            _ = HostInterrupts.handle(Int(value))
        }
        return nil
    }

    @inline(__always)
    static func number(_ value: UInt64) -> Int { Int(truncatingIfNeeded: value & 0x3ff) }

    /// Lets an interrupt that was acknowledged come again.
    @inline(__always)
    static func deactivate(_ value: UInt64) {
        if isVersion3 { return GICSystemRegisters.deactivate(value) }
        Port.writeDevice(interface + Interface.deactivate, width: 4, value)
    }

    /// Sets whether one of this CPU's own interrupts counts as taken, when the guest changes that has it.
    static func setActive(_ number: Int, _ isActive: Bool) {
        let register = isActive ? Distributor.setActive : Distributor.clearActive
        Port.writeDevice(privateRegisters[Port.cpu.pointee.index] + register, width: 4, 1 << UInt64(number))
    }

    static func interrupt(_ cpu: CPUReference) {
        switch version {
        case .none: return
        case .two:
            let target = UInt64(targets[cpu.pointee.index]) << 16
            Port.writeDevice(distributor + Distributor.softwareInterrupt, width: 4, target | softwareInterrupt)
        case .three:
            GICSystemRegisters.send(
                SoftwareInterrupt(softwareInterrupt, to: cpu.pointee.hardwareIdentifier).bits)
        }
    }

    // MARK: Interrupts of devices

    /// Whether the Distributor has messages, of as many bits of a number.
    static func hasMessages(bits: UInt64) -> Bool {
        let type = Port.readDevice(distributor + Distributor.type, width: 4)
        return isVersion3 && type >> 17 & 1 != 0 && type >> 19 & 31 + 1 >= bits
    }

    /// Of this CPU, which has been given interrupts.
    static var redistributor: UInt64 { privateRegisters[Port.cpu.pointee.index] - Redistributors.frame }

    /// An interrupt that is disabled is signalled once each time that it becomes pending, and not for as long as it is
    /// (GICD_ICFGR).
    static func setEdge(_ number: Int) {
        let register = distributor + Distributor.configuration + UInt64(number / 16 * 4)
        let isEdge: UInt64 = 2 << UInt64(number % 16 * 2)
        Port.writeDevice(register, width: 4, Port.readDevice(register, width: 4) | isEdge)
    }

    static func enable(_ number: Int) {
        let place = UInt64(number), cpu = Port.cpu
        Port.writeDevice(distributor + Distributor.priority + place, width: 1, priority)
        if isVersion3 {
            Port.writeDevice(distributor + Distributor.routes + place * 8, width: 8, cpu.pointee.hardwareIdentifier)
        } else {
            Port.writeDevice(
                distributor + Distributor.targets + place, width: 1, UInt64(targets[cpu.pointee.index]))
        }
        Port.writeDevice(distributor + Distributor.setEnable + place / 32 * 4, width: 4, 1 << (place % 32))
    }

    static func disable(_ number: Int) { clear(Distributor.clearEnable, number) }

    /// Lets an interrupt that another CPU has acknowledged come again (GICD_ICACTIVERn).
    static func clearActive(_ number: Int) { clear(Distributor.clearActive, number) }

    private static func clear(_ register: UInt64, _ number: Int) {
        let place = UInt64(number)
        Port.writeDevice(distributor + register + place / 32 * 4, width: 4, 1 << (place % 32))
    }
}

/// A GICv3's Redistributors, of which each CPU has one (IHI 0069, 12.10).
enum Redistributors {
    static let control: UInt64 = 0x00, type: UInt64 = 0x08
    private static let waker: UInt64 = 0x14
    /// GICR_TYPER: no other one follows in the region; frames of virtual LPIs follow.
    private static let isLast: UInt64 = 1 << 4, hasVirtualMessages: UInt64 = 1 << 1
    /// GICR_WAKER.
    private static let processorSleep: UInt64 = 1 << 1, childrenAsleep: UInt64 = 1 << 2
    /// A frame, of which the second has a CPU's own interrupts.
    static let frame: UInt64 = 0x1_0000

    // SAFETY: written while one CPU runs, when the driver is bound.
    nonisolated(unsafe) static var regions: [MemoryRange] = []

    /// The registers of a CPU's own interrupts, of the CPU itself, which from here on is given interrupts.
    static func wake(_ affinity: UInt64) -> UInt64 {
        guard let base = find(affinity) else { Port.panic("a CPU has no Redistributor: its affinity", at: affinity) }
        setSleeping(base, false)
        return base + frame
    }

    static func sleep(_ registers: UInt64) { setSleeping(registers - frame, true) }

    private static func setSleeping(_ base: UInt64, _ sleeps: Bool) {
        let old = Port.readDevice(base + waker, width: 4)
        Port.writeDevice(base + waker, width: 4, sleeps ? old | processorSleep : old & ~processorSleep)
        let wanted = sleeps ? childrenAsleep : 0
        while Port.readDevice(base + waker, width: 4) & childrenAsleep != wanted { Port.relax() }
    }

    private static func find(_ affinity: UInt64) -> UInt64? {
        // Aff3 to Aff0 side by side, where MPIDR_EL1 has Aff3 apart.
        let packed = affinity >> 8 & 0xff00_0000 | affinity & 0xff_ffff
        for region in regions {
            var base = region.base
            while base < region.base + region.size {
                let type = Port.readDevice(base + Self.type, width: 8)
                if type >> 32 == packed { return base }
                if type & isLast != 0 { break }
                base += frame * (type & hasVirtualMessages != 0 ? 4 : 2)
            }
        }
        return nil
    }
}

/// A software interrupt, as a GICv3's system register has it (ICC_SGI1R_EL1, 12.2.18).
struct SoftwareInterrupt {
    var bits: UInt64

    init(_ bits: UInt64) { self.bits = bits }

    /// To the CPU of an affinity, as MPIDR_EL1 has it.
    init(_ number: UInt64, to affinity: UInt64) {
        let (aff0, aff1, aff2, aff3) = (
            affinity & 0xff, affinity >> 8 & 0xff, affinity >> 16 & 0xff, affinity >> 32 & 0xff
        )
        bits = number << 24 | aff3 << 48 | (aff0 >> 4) << 44 | aff2 << 32 | aff1 << 16 | 1 << (aff0 & 15)
    }

    var number: Int { Int(truncatingIfNeeded: bits >> 24 & 15) }
    /// To all but the sender.
    var isForOthers: Bool { bits >> 40 & 1 != 0 }
    /// The CPUs of cluster 0 that it is for: a bit for each.
    var targets: UInt64 {
        let aff3to1: UInt64 = 0xff << 48 | 0xff << 32 | 0xff << 16
        return bits & aff3to1 == 0 ? (bits & 0xffff) << (bits >> 44 & 15 &* 16) : 0
    }
}
