/// A List register: an interrupt that a hypervisor gives to the virtual machine that a CPU runs.
///
/// GICv2's and GICv3's differ in where the fields are (IHI 0048B 5.3.9; IHI 0069, ICH_LR<n>_EL2).
protocol ListRegister: BitwiseCopyable {
    /// An empty one.
    init()
    var virtualID: UInt32 { get }
    var priority: UInt16 { get }
    var group: InterruptGroup { get }
    var state: ListRegisterState { get set }
    /// Whether the end of the interrupt also ends a physical one, ``physicalID``.
    var isHardware: Bool { get }
    var physicalID: UInt32 { get }
    /// Whether the end of the interrupt raises the maintenance interrupt.
    var asksForMaintenance: Bool { get }
}

enum ListRegisterState: UInt32 {
    case invalid = 0
    case pending = 1
    case active = 2
    case pendingAndActive = 3

    var isActive: Bool { self == .active || self == .pendingAndActive }
}

/// The List registers of a CPU: four, as a GIC-400 has them.
struct ListRegisters<Register: ListRegister> {
    static var count: Int { 4 }
    private var registers = InlineArray<4, Register>(repeating: Register())

    subscript(index: Int) -> Register {
        get { registers[index] }
        set { registers[index] = newValue }
    }

    mutating func reset() { registers = InlineArray(repeating: Register()) }

    /// What is pending for the virtual machine. An interrupt that is pending and active waits until it is no longer
    /// active (IHI 0048B 5.2.2).
    func highestPending(_ isEligible: (Register) -> Bool = { _ in true }) -> PendingInterrupt {
        var best = PendingInterrupt.none
        for index in registers.indices {
            let register = registers[index]
            guard register.state == .pending, register.priority < best.priority, isEligible(register) else { continue }
            best = PendingInterrupt(intid: register.virtualID, priority: register.priority, group: register.group)
        }
        return best
    }

    @inline(__always)
    func index(_ intid: UInt32, _ isWanted: (ListRegisterState) -> Bool) -> Int? {
        for index in registers.indices where registers[index].virtualID == intid && isWanted(registers[index].state) {
            return index
        }
        return nil
    }

    /// EISR: those whose interrupt has ended, and asked for a maintenance interrupt then.
    @inline(__always)
    var endStatus: UInt32 {
        // Looked at with each change of one, and mostly none asks.
        var bits: UInt32 = 0
        for index in registers.indices where registers[index].asksForMaintenance {
            if registers[index].state == .invalid { bits |= 1 &<< UInt32(truncatingIfNeeded: index) }
        }
        return bits
    }

    /// ELRSR: those that may be used for another interrupt.
    var emptyStatus: UInt32 { bits { $0.state == .invalid && !$0.asksForMaintenance } }

    @inline(__always)
    private func bits(_ isSet: (Register) -> Bool) -> UInt32 {
        var bits: UInt32 = 0
        for index in registers.indices where isSet(registers[index]) { bits |= 1 << UInt32(index) }
        return bits
    }

    /// MISR: why the maintenance interrupt is asserted, if ``HypervisorControl/isEnabled``.
    @inline(__always)
    func maintenanceStatus(
        _ control: HypervisorControl, enablesGroup0: Bool, enablesGroup1: Bool
    ) -> MaintenanceStatus {
        let ended: MaintenanceStatus = endStatus == 0 ? [] : .end
        if control.interrupts.isEmpty { return ended }
        var status = control.interrupts.intersection([
            enablesGroup0 ? .group0Enabled : .group0Disabled, enablesGroup1 ? .group1Enabled : .group1Disabled,
        ])
        status.formUnion(ended)
        if control.interrupts.contains(.underflow), bits({ $0.state != .invalid }).nonzeroBitCount < 2 {
            status.insert(.underflow)
        }
        if control.interrupts.contains(.entryNotPresent), control.endCount != 0 { status.insert(.entryNotPresent) }
        if control.interrupts.contains(.noPending), bits({ $0.state == .pending }) == 0 {
            status.insert(.noPending)
        }
        return status
    }
}

/// GICH_HCR (IHI 0048B 5.3.2), and what ICH_HCR_EL2 has beside bits that trap.
struct HypervisorControl {
    var rawValue: UInt32
    var isEnabled: Bool { rawValue & 1 != 0 }
    /// Bits 1 to 7 enable the interrupts that these bits of MISR tell of.
    var interrupts: MaintenanceStatus { MaintenanceStatus(rawValue: rawValue & 0xfe) }
    /// EOICount: ends for which no List register was found, in five bits that wrap.
    var endCount: UInt32 {
        get { rawValue >> 27 }
        set { rawValue = rawValue.replacing(at: 27, bits: 5, with: newValue) }
    }
}

/// GICH_MISR (IHI 0048B 5.3.5), ICH_MISR_EL2.
struct MaintenanceStatus: OptionSet {
    let rawValue: UInt32
    static let end = MaintenanceStatus(rawValue: 0x01)
    static let underflow = MaintenanceStatus(rawValue: 0x02)
    static let entryNotPresent = MaintenanceStatus(rawValue: 0x04)
    static let noPending = MaintenanceStatus(rawValue: 0x08)
    static let group0Enabled = MaintenanceStatus(rawValue: 0x10)
    static let group0Disabled = MaintenanceStatus(rawValue: 0x20)
    static let group1Enabled = MaintenanceStatus(rawValue: 0x40)
    static let group1Disabled = MaintenanceStatus(rawValue: 0x80)
}
