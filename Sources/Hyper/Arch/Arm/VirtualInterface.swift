/// The part of a GICv2 that gives a guest its interrupts (IHI 0048B, chapter 5): the registers of the CPU that asks.
enum VirtualInterface {
    private enum Register {
        static let control: UInt64 = 0x000, type: UInt64 = 0x004, machine: UInt64 = 0x008, empty: UInt64 = 0x030
        static let activePriorities: UInt64 = 0x0f0, lists: UInt64 = 0x100
    }
    /// GICH_HCR: on; an interrupt where no more than one list register has something.
    private static let enable: UInt64 = 1 << 0, underflow: UInt64 = 1 << 1

    // SAFETY: written while one CPU runs, when the driver is bound.
    nonisolated(unsafe) private static var base: UInt64 = 0
    /// Where the CPU interface is that guests use themselves, and how many bytes of it.
    nonisolated(unsafe) private(set) static var guestRegisters = MemoryRange(base: 0, size: 0)
    nonisolated(unsafe) private(set) static var listCount = 0

    static var isPresent: Bool { base != 0 }

    static func begin(base: UInt64, guestRegisters: MemoryRange) {
        self.base = base
        self.guestRegisters = guestRegisters
        listCount = min(Int(Port.readDevice(base + Register.type, width: 4) & 63) + 1, GICInterface.listLimit)
    }

    /// Lets the guest have its interrupts.
    @inline(__always)
    static func start(reportsUnderflow: Bool) {
        Port.writeDevice(base + Register.control, width: 4, enable | (reportsUnderflow ? underflow : 0))
    }

    @inline(__always)
    static func list(_ index: Int) -> ListRegister {
        ListRegister(
            UInt32(truncatingIfNeeded: Port.readDevice(base + Register.lists + UInt64(index) * 4, width: 4)))
    }

    @inline(__always)
    static func setList(_ index: Int, _ value: ListRegister) {
        Port.writeDevice(base + Register.lists + UInt64(index) * 4, width: 4, UInt64(value.bits))
    }

    /// A bit for each list register that has nothing (GICH_ELRSR0).
    @inline(__always)
    static var emptyLists: UInt32 {
        UInt32(truncatingIfNeeded: Port.readDevice(base + Register.empty, width: 4))
    }

    /// What the guest has set its CPU interface to (GICH_VMCR).
    static var machine: UInt32 {
        get { UInt32(truncatingIfNeeded: Port.readDevice(base + Register.machine, width: 4)) }
        set { Port.writeDevice(base + Register.machine, width: 4, UInt64(newValue)) }
    }

    static var activePriorities: UInt32 {
        get { UInt32(truncatingIfNeeded: Port.readDevice(base + Register.activePriorities, width: 4)) }
        set { Port.writeDevice(base + Register.activePriorities, width: 4, UInt64(newValue)) }
    }
}

/// An interrupt on its way to a guest (GICH_LRn, 5.3.8).
struct ListRegister {
    var bits: UInt32

    init(_ bits: UInt32) { self.bits = bits }

    static let pending: UInt32 = 1 << 28, active: UInt32 = 1 << 29
    /// The guest's completion interrupts the host.
    static let reportsEnd: UInt32 = 1 << 19
    /// The guest's completion deactivates an interrupt of the host's.
    private static let isHardware: UInt32 = 1 << 31

    init(_ number: Int, priority: UInt8) {
        bits = UInt32(number) | UInt32(priority >> 3) << 23 | Self.pending
    }

    @inline(__always)
    var number: Int { Int(truncatingIfNeeded: bits & 0x3ff) }
    @inline(__always)
    var isEmpty: Bool { bits & (Self.pending | Self.active) == 0 }
    /// The CPU that has sent a software interrupt.
    var source: Int { Int(truncatingIfNeeded: bits >> 10 & 7) }
    var priority: UInt32 { bits >> 23 & 31 }

    mutating func setSource(_ source: Int) { bits |= UInt32(source) << 10 }
    mutating func setHardware(_ number: Int) { bits |= Self.isHardware | UInt32(number) << 10 }
    var completesHardware: Bool { bits & Self.isHardware != 0 }
}
