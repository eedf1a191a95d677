/// The part of a GIC that gives a guest its interrupts (IHI 0048B, chapter 5; IHI 0069, 12.4): the registers of the CPU that
/// asks. A GICv3's and a GICv2's differ in how they are reached, and in where a list register has what.
enum VirtualInterface {
    /// A GICv2's.
    private enum Register {
        static let control: UInt64 = 0x000, type: UInt64 = 0x004, machine: UInt64 = 0x008, empty: UInt64 = 0x030
        static let activePriorities: UInt64 = 0x0f0, lists: UInt64 = 0x100
    }
    /// GICH_HCR, ICH_HCR_EL2: on; an interrupt where no more than one list register has something.
    private static let enable: UInt64 = 1 << 0, underflow: UInt64 = 1 << 1

    // SAFETY: written while one CPU runs, when the driver is bound.
    nonisolated(unsafe) private static var base: UInt64 = 0
    /// Where the CPU interface is that guests use themselves, and how many bytes of it; a GICv3's is no memory.
    nonisolated(unsafe) private(set) static var guestRegisters = MemoryRange(base: 0, size: 0)
    nonisolated(unsafe) private(set) static var listCount = 0
    /// Registers of active priorities.
    nonisolated(unsafe) private(set) static var activePriorityCount = 1

    static func begin(base: UInt64, guestRegisters: MemoryRange) {
        self.base = base
        self.guestRegisters = guestRegisters
        listCount = min(Int(Port.readDevice(base + Register.type, width: 4) & 63) + 1, GICInterface.listLimit)
    }

    /// A GICv3's (ICH_VTR_EL2).
    static func begin() {
        let type = GICSystemRegisters.virtualType()
        listCount = min(Int(type & 31) + 1, GICInterface.listLimit)
        activePriorityCount = 1 << max(Int(type >> 26 & 7) - 4, 0)
    }

    /// Lets the guest have its interrupts.
    @inline(__always)
    static func start(reportsUnderflow: Bool) {
        let value = enable | (reportsUnderflow ? underflow : 0)
        if HostGIC.isVersion3 { return GICSystemRegisters.setVirtualControl(value) }
        Port.writeDevice(base + Register.control, width: 4, value)
    }

    @inline(__always)
    static func list(_ index: Int) -> ListRegister {
        if HostGIC.isVersion3 { return ListRegister(GICSystemRegisters.list(index)) }
        return ListRegister(
            version2: UInt32(truncatingIfNeeded: Port.readDevice(base + Register.lists + UInt64(index) * 4, width: 4)))
    }

    @inline(__always)
    static func setList(_ index: Int, _ value: ListRegister) {
        if HostGIC.isVersion3 { return GICSystemRegisters.setList(index, value.bits) }
        Port.writeDevice(base + Register.lists + UInt64(index) * 4, width: 4, UInt64(value.version2))
    }

    /// A bit for each list register that has nothing (GICH_ELRSR0, ICH_ELRSR_EL2).
    @inline(__always)
    static var emptyLists: UInt32 {
        if HostGIC.isVersion3 { return UInt32(truncatingIfNeeded: GICSystemRegisters.emptyLists()) }
        return UInt32(truncatingIfNeeded: Port.readDevice(base + Register.empty, width: 4))
    }

    /// What the guest has set its CPU interface to (GICH_VMCR, ICH_VMCR_EL2).
    static var machine: UInt32 {
        get {
            if HostGIC.isVersion3 { return UInt32(truncatingIfNeeded: GICSystemRegisters.virtualMachine()) }
            return UInt32(truncatingIfNeeded: Port.readDevice(base + Register.machine, width: 4))
        }
        set {
            if HostGIC.isVersion3 { return GICSystemRegisters.setVirtualMachine(UInt64(newValue)) }
            Port.writeDevice(base + Register.machine, width: 4, UInt64(newValue))
        }
    }

    /// Priorities of what the guest has taken: all that is in them, in the order of their registers.
    static func activePriorities(_ index: Int) -> UInt32 {
        if HostGIC.isVersion3 { return UInt32(truncatingIfNeeded: GICSystemRegisters.activePriorities(index)) }
        return UInt32(truncatingIfNeeded: Port.readDevice(base + Register.activePriorities, width: 4))
    }

    static func setActivePriorities(_ index: Int, _ value: UInt32) {
        if HostGIC.isVersion3 { return GICSystemRegisters.setActivePriorities(index, UInt64(value)) }
        Port.writeDevice(base + Register.activePriorities, width: 4, UInt64(value))
    }
}

/// An interrupt on its way to a guest, as a GICv3 has it (ICH_LR<n>_EL2, 12.4.8).
struct ListRegister {
    var bits: UInt64

    init(_ bits: UInt64) { self.bits = bits }

    static let pending: UInt64 = 1 << 62, active: UInt64 = 1 << 63
    /// The guest's completion interrupts the host.
    static let reportsEnd: UInt64 = 1 << 41
    /// The guest's completion deactivates an interrupt of the host's.
    private static let isHardware: UInt64 = 1 << 61
    private static let group1: UInt64 = 1 << 60

    init(_ number: Int, priority: UInt8) {
        bits = UInt64(number) | UInt64(priority) << 48 | Self.pending | (HostGIC.isVersion3 ? Self.group1 : 0)
    }

    /// A GICv2's (GICH_LRn, IHI 0048B, 5.3.8): HW and the group, the state, five bits of a priority, ten of a number of the
    /// host's, of which the last says of what is no host's interrupt that its end is reported.
    @inline(__always)
    init(version2: UInt32) {
        let old = UInt64(version2)
        let kind = (old >> 30) << 60 | (old >> 28 & 3) << 62
        bits = kind | (old >> 23 & 31) << 51 | (old >> 10 & 0x3ff) << 32 | old & 0x3ff
    }

    @inline(__always)
    var version2: UInt32 {
        let kind = (bits >> 60 & 3) << 30 | (bits >> 62) << 28
        return UInt32(
            truncatingIfNeeded: kind | (bits >> 51 & 31) << 23 | (bits >> 32 & 0x3ff) << 10 | bits & 0x3ff)
    }

    @inline(__always)
    var number: Int { Int(truncatingIfNeeded: bits & 0x3ff) }
    @inline(__always)
    var isEmpty: Bool { bits & (Self.pending | Self.active) == 0 }
    /// The CPU that has sent a software interrupt, where that is a GICv2's.
    var source: Int { Int(truncatingIfNeeded: bits >> 32 & 7) }
    /// Only the most important 5 bits are used.
    var priority: UInt32 { UInt32(truncatingIfNeeded: bits >> 48 & 0xff) }
    /// Whether a guest that has set its interface so has this signalled (VMCR: a bit for each group, and above 24 the mask).
    func isSignalled(_ machine: UInt32) -> Bool {
        let enabled: UInt32 = bits & Self.group1 != 0 ? 2 : 1
        return bits & Self.pending != 0 && machine & enabled != 0 && priority < machine >> 24
    }

    mutating func setSource(_ source: Int) { bits |= UInt64(source) << 32 }
    mutating func setHardware(_ number: Int) { bits |= Self.isHardware | UInt64(number) << 32 }
    var completesHardware: Bool { bits & Self.isHardware != 0 }
}
