/// A GICv2's CPU interface with the Security Extensions, as accesses find it that are not Secure: with Group 1 alone
/// (IHI 0048B 4.4).
final class GICv2NonSecureView: BankedRegisters {
    private typealias Register = GICv2CPUInterfaceRegister

    private let interface: GICv2CPUInterface

    init(_ interface: GICv2CPUInterface) { self.interface = interface }

    /// GICC_CTLR: EnableGrp1, and EOImodeNS, in the places of Secure software's.
    private enum Control {
        static let enable: UInt32 = 0x001
        static let dropsPriorityOnly: UInt32 = 0x200
    }

    func read(_ offset: UInt64) -> UInt32 {
        switch Register(rawValue: offset) {
        case .control:
            return (interface.control.contains(.enableGroup1) ? Control.enable : 0)
                | (interface.dropsPriorityOnlyNonSecure ? Control.dropsPriorityOnly : 0)
        case .priorityMask: return UInt32(NonSecurePriority.read(interface.priorities.mask))
        case .binaryPoint:
            let priorities = interface.priorities
            return UInt32(
                priorities.hasCommonBinaryPoint ? min(priorities.binaryPoint + 1, 7) : priorities.group1BinaryPoint)
        case .acknowledge: return interface.acknowledge(isAlias: true)
        case .highestPending: return interface.highestPending(isAlias: true)
        case .runningPriority:
            let running = interface.priorities.running
            return running == InterruptPriorities.idle ? 0xff : UInt32(NonSecurePriority.read(UInt8(running)))
        case .identification: return interface.read(offset)
        case .end, .deactivate, .aliasedBinaryPoint, .aliasedAcknowledge, .aliasedEnd, .aliasedHighestPending: return 0
        case nil:
            // The lower half of the priorities, in place of the whole.
            guard let (index, group) = Register.activePriorities(offset), group == .zero, index < 2 else { return 0 }
            return interface.priorities.activeWord(index + 2, .one)
        }
    }

    func write(_ offset: UInt64, _ value: UInt32) {
        switch Register(rawValue: offset) {
        case .control:
            if value & Control.enable != 0 {
                interface.control.insert(.enableGroup1)
            } else {
                interface.control.remove(.enableGroup1)
            }
            interface.dropsPriorityOnlyNonSecure = value & Control.dropsPriorityOnly != 0
        case .priorityMask:
            // A mask of Secure software's is not for others to change.
            guard interface.priorities.mask & 0x80 != 0 else { return }
            interface.priorities.setMask(UInt64(NonSecurePriority.written(UInt8(truncatingIfNeeded: value))))
        case .binaryPoint:
            if !interface.priorities.hasCommonBinaryPoint { interface.priorities.setGroup1BinaryPoint(UInt64(value)) }
        case .end: return interface.end(value, isAlias: true, isSecure: false)
        case .deactivate:
            let intid = value & 0x3ff
            guard interface.dropsPriorityOnlyNonSecure, intid < SpecialINTID.first,
                interface.source.group(intid, interface.cpu) == .one
            else { return }
            return interface.source.deactivate(intid, interface.cpu, isAnyActive: true)
        case .acknowledge, .runningPriority, .highestPending, .aliasedBinaryPoint, .aliasedAcknowledge, .aliasedEnd,
            .aliasedHighestPending, .identification:
            return
        case nil:
            guard let (index, group) = Register.activePriorities(offset), group == .zero, index < 2 else { return }
            interface.priorities.setActiveWord(index + 2, .one, value)
        }
        interface.signal()
    }

    func reset() {}

    func describeState(_ visitor: inout some StateVisitor) {}
}
