/// Where a GICv2 CPU interface has its interrupts from: the Distributor, or the List registers of a virtual machine.
protocol GICv2InterruptSource: AnyObject {
    /// The pending interrupt becomes active. Returns what GICC_IAR reads: the INTID, and for an SGI the CPU it is from.
    func acknowledge(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32
    /// What GICC_HPPIR reads of the pending interrupt.
    func identifier(_ interrupt: PendingInterrupt, _ cpu: Int) -> UInt32
    /// The group of an interrupt that software ends, or nil when there is no such interrupt.
    func group(_ intid: UInt32, _ cpu: Int) -> InterruptGroup?
    /// Software has ended the interrupt, which is no longer active.
    /// - Parameter isAnyActive: whether a priority was active; if none was, what is ended was never acknowledged.
    func deactivate(_ intid: UInt32, _ cpu: Int, isAnyActive: Bool)
    /// Software has changed anything of the CPU interface but by ending an interrupt.
    func interfaceChanged()
}

/// The CPU interface of one CPU, GICC, or that of the virtual machine it runs, GICV, which looks the same to software.
///
/// "ARM Generic Interrupt Controller Architecture Specification", version 2.0, IHI 0048B, sections 4.4 and 5.5. How accesses
/// that are not Secure find GICC with the Security Extensions is in GICv2NonSecureView.swift.
final class GICv2CPUInterface: BankedRegisters {
    typealias Register = GICv2CPUInterfaceRegister
    typealias Control = GICv2CPUInterfaceControl

    /// It tells the interface what is pending, and does not hold it.
    let source: any GICv2InterruptSource
    let cpu: Int
    private let irq: InterruptLine
    private let fiq: InterruptLine

    /// Whether anything is signalled at all: GICH_HCR.En, for a virtual machine.
    private var isEnabled = true
    var control: Control = []
    var priorities: InterruptPriorities
    /// EOImode of Non-secure software, which has a bit of its own with the Security Extensions.
    var dropsPriorityOnlyNonSecure = false
    /// The Security Extensions are there.
    let hasSecurity: Bool
    /// The highest priority pending interrupt, as the source last stated it.
    private(set) var pending = PendingInterrupt.none
    /// Told of each INTID that is acknowledged; nil where nobody asks.
    var acknowledged: ((UInt32) -> Void)?

    init(
        source: any GICv2InterruptSource, cpu: Int, irq: InterruptLine, fiq: InterruptLine,
        priorities: InterruptPriorities, hasSecurity: Bool = false
    ) {
        self.hasSecurity = hasSecurity
        self.source = source
        self.cpu = cpu
        self.irq = irq
        self.fiq = fiq
        self.priorities = priorities
    }

    func reset() {
        control = []
        dropsPriorityOnlyNonSecure = false
        priorities.reset()
        signal()
    }

    /// The priority mask is one that Non-secure software may change, as firmware leaves it.
    func handOver() {
        priorities.setMask(0x80)
        signal()
    }

    // MARK: Signals

    /// The source's highest priority pending interrupt is now this one.
    func setPending(_ interrupt: PendingInterrupt, isEnabled: Bool = true) {
        pending = interrupt
        self.isEnabled = isEnabled
        signal()
    }

    /// GICH_APR, which the hypervisor writes.
    func setActivePriorities(_ value: UInt32) {
        priorities.setActiveWord(0, .zero, value)
        signal()
    }

    private func isGroupEnabled(_ group: InterruptGroup) -> Bool {
        control.contains(group == .zero ? .enableGroup0 : .enableGroup1)
    }

    /// Whether the pending interrupt is signalled. One of a group that is disabled here hides all of lower priority
    /// (4.4.7, GICC_HPPIR).
    @inline(__always)
    private var isSignalled: Bool {
        priorities.suffices(pending) && isEnabled && isGroupEnabled(pending.group)
    }

    @inline(__always)
    func signal() {
        let isSignalled = isSignalled
        let isFIQ = pending.group == .zero && control.contains(.group0IsFIQ)
        irq.set(isSignalled && !isFIQ)
        fiq.set(isSignalled && isFIQ)
    }

    // MARK: Acknowledge and end

    /// GICC_IAR, which acknowledges Group 1 interrupts only with AckCtl; or GICC_AIAR, for Group 1 alone (4.4.4, 4.4.11).
    func acknowledge(isAlias: Bool) -> UInt32 {
        guard isSignalled else { return SpecialINTID.spurious }
        if isAlias {
            guard pending.group == .one else { return SpecialINTID.spurious }
        } else if pending.group == .one, !control.contains(.acknowledgeGroup1) {
            return SpecialINTID.otherGroup
        }
        priorities.activate(pending)
        // The source goes on to state what is pending now, and so the signals.
        let identifier = source.acknowledge(pending, cpu)
        // An SGI's has its sender in it, too.
        if let acknowledged, !SpecialINTID.range.contains(identifier) { acknowledged(identifier & 0x3ff) }
        return identifier
    }

    /// GICC_HPPIR or GICC_AHPPIR (4.4.7, 4.4.13).
    func highestPending(isAlias: Bool) -> UInt32 {
        guard isEnabled, isGroupEnabled(pending.group), pending != .none else { return SpecialINTID.spurious }
        if isAlias {
            guard pending.group == .one else { return SpecialINTID.spurious }
        } else if pending.group == .one, !control.contains(.acknowledgeGroup1) {
            return SpecialINTID.otherGroup
        }
        return source.identifier(pending, cpu)
    }

    /// GICC_EOIR or GICC_AEOIR (4.4.5, 4.4.12). What matches no acknowledgement is UNPREDICTABLE, and ignored.
    func end(_ value: UInt32, isAlias: Bool, isSecure: Bool = true) {
        let intid = value & 0x3ff
        guard intid < SpecialINTID.first, let group = source.group(intid, cpu) else { return }
        if isAlias, group == .zero { return }
        // The end of the other group's is UNPREDICTABLE without AckCtl, and ignored with the Security Extensions.
        if hasSecurity, !isAlias, group == .one, !control.contains(.acknowledgeGroup1) { return }
        let isAnyActive = priorities.running != InterruptPriorities.idle
        priorities.drop(group)
        let dropsOnly = isSecure ? control.contains(.dropsPriorityOnly) : dropsPriorityOnlyNonSecure
        if !dropsOnly { source.deactivate(intid, cpu, isAnyActive: isAnyActive) }
        signal()
    }

    // MARK: Registers

    func read(_ offset: UInt64) -> UInt32 {
        switch Register(rawValue: offset) {
        case .control: return control.rawValue | (dropsPriorityOnlyNonSecure ? Control.dropsPriorityOnlyNonSecure : 0)
        case .priorityMask: return UInt32(priorities.mask)
        case .binaryPoint: return UInt32(priorities.binaryPoint)
        case .acknowledge: return acknowledge(isAlias: false)
        case .runningPriority: return UInt32(priorities.runningPriority)
        case .highestPending: return highestPending(isAlias: false)
        case .aliasedBinaryPoint: return UInt32(priorities.group1BinaryPoint)
        case .aliasedAcknowledge: return acknowledge(isAlias: true)
        case .aliasedHighestPending: return highestPending(isAlias: true)
        case .identification: return 0x0002_043b  // a GICv2 of Arm, as on QEMU's board
        case .end, .aliasedEnd, .deactivate: return 0
        case nil:
            guard let (index, group) = Register.activePriorities(offset) else { return 0 }
            return priorities.activeWord(index, group)
        }
    }

    func write(_ offset: UInt64, _ value: UInt32) {
        switch Register(rawValue: offset) {
        case .control:
            control = Control(rawValue: value).intersection(.all)
            dropsPriorityOnlyNonSecure = hasSecurity && value & Control.dropsPriorityOnlyNonSecure != 0
            priorities.hasCommonBinaryPoint = control.contains(.commonBinaryPoint)
        case .priorityMask: priorities.setMask(UInt64(value))
        case .binaryPoint: priorities.setBinaryPoint(UInt64(value))
        case .aliasedBinaryPoint: priorities.setGroup1BinaryPoint(UInt64(value))
        case .end: return end(value, isAlias: false)
        case .aliasedEnd: return end(value, isAlias: true)
        case .deactivate:
            // Without a separate priority drop it is UNPREDICTABLE (4.4.15), and ignored.
            guard control.contains(.dropsPriorityOnly), value & 0x3ff < SpecialINTID.first else { return }
            return source.deactivate(value & 0x3ff, cpu, isAnyActive: true)
        case .acknowledge, .runningPriority, .highestPending, .aliasedAcknowledge, .aliasedHighestPending,
            .identification:
            return
        case nil:
            guard let (index, group) = Register.activePriorities(offset) else { return }
            priorities.setActiveWord(index, group, value)
        }
        signal()
        source.interfaceChanged()
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("control", &control.rawValue)
        control.formIntersection(.all)
        priorities.describeState(&visitor)
        priorities.hasCommonBinaryPoint = control.contains(.commonBinaryPoint)
        pending.describeState(&visitor)
        visitor.field("enabled", &isEnabled)
        if hasSecurity { visitor.field("drops priority only", &dropsPriorityOnlyNonSecure) }
        irq.describeState(&visitor)
        fiq.describeState(&visitor)
    }
}

/// Offsets of GICC and GICV (tables 4-2 and 5-9).
enum GICv2CPUInterfaceRegister: UInt64 {
    case control = 0x000
    case priorityMask = 0x004
    case binaryPoint = 0x008
    case acknowledge = 0x00c
    case end = 0x010
    case runningPriority = 0x014
    case highestPending = 0x018
    case aliasedBinaryPoint = 0x01c
    case aliasedAcknowledge = 0x020
    case aliasedEnd = 0x024
    case aliasedHighestPending = 0x028
    case identification = 0x0fc
    case deactivate = 0x1000

    /// GICC_APRn, of Group 0, and GICC_NSAPRn, of Group 1.
    static func activePriorities(_ offset: UInt64) -> (Int, InterruptGroup)? {
        switch offset {
        case 0x0d0..<0x0e0: return (Int(offset - 0x0d0) / 4, .zero)
        case 0x0e0..<0x0f0: return (Int(offset - 0x0e0) / 4, .one)
        default: return nil
        }
    }
}

/// GICC_CTLR (4.4.1), GICV_CTLR (5.5.1). The board has no interrupts to bypass the GIC with, nor the bits for it.
struct GICv2CPUInterfaceControl: OptionSet {
    var rawValue: UInt32
    static let enableGroup0 = GICv2CPUInterfaceControl(rawValue: 0x001)
    static let enableGroup1 = GICv2CPUInterfaceControl(rawValue: 0x002)
    /// AckCtl: GICC_IAR acknowledges interrupts of Group 1 too.
    static let acknowledgeGroup1 = GICv2CPUInterfaceControl(rawValue: 0x004)
    /// FIQEn.
    static let group0IsFIQ = GICv2CPUInterfaceControl(rawValue: 0x008)
    /// CBPR: GICC_BPR is for both groups.
    static let commonBinaryPoint = GICv2CPUInterfaceControl(rawValue: 0x010)
    /// EOImode: GICC_EOIR leaves the interrupt active, until GICC_DIR.
    static let dropsPriorityOnly = GICv2CPUInterfaceControl(rawValue: 0x200)
    static let all = GICv2CPUInterfaceControl(rawValue: 0x21f)
    /// EOImodeNS, with the Security Extensions; EOImode is EOImodeS then.
    static let dropsPriorityOnlyNonSecure: UInt32 = 0x400
}
