import AArch64ISA

/// What software has written to a CPU interface of a GICv3: the same registers for physical and for virtual interrupts
/// (IHI 0069H, 12.2 and 12.3).
struct GICv3InterfaceRegisters {
    typealias Register = AArch64.InterfaceRegister

    static let priorityBits: UInt8 = 5
    static let implementedPriorityBits: UInt8 = ~0 << (8 - priorityBits)

    /// ICC_CTLR_EL1, ICV_CTLR_EL1.
    enum Control {
        static let commonBinaryPoint: UInt64 = 1 << 0
        static let dropsPriorityOnly: UInt64 = 1 << 1
        /// A3V, INTIDs of 24 bits, and so many bits of priority.
        static let features: UInt64 = 1 << 15 | 1 << 11 | UInt64(priorityBits - 1) << 8
    }

    var priorities = InterruptPriorities(bits: priorityBits)
    var enablesGroup0 = false
    var enablesGroup1 = false
    /// EOImode: the end of an interrupt leaves it active, until ICC_DIR_EL1.
    var dropsPriorityOnly = false

    func isEnabled(_ group: InterruptGroup) -> Bool { group == .zero ? enablesGroup0 : enablesGroup1 }

    mutating func reset() {
        priorities.reset()
        enablesGroup0 = false
        enablesGroup1 = false
        dropsPriorityOnly = false
    }

    /// A register that is no more than what was written; 0 for others.
    func read(_ register: Register) -> UInt64 {
        switch register {
        case .pmr: return UInt64(priorities.mask)
        case .bpr0: return UInt64(priorities.binaryPoint)
        case .bpr1:
            // With a common binary point it is greater by one than ICC_BPR0_EL1, up to 7.
            return UInt64(
                priorities.hasCommonBinaryPoint ? min(priorities.binaryPoint + 1, 7) : priorities.group1BinaryPoint)
        case .ap0r0: return UInt64(priorities.activeWord(0, .zero))
        case .ap1r0: return UInt64(priorities.activeWord(0, .one))
        case .rpr: return UInt64(priorities.runningPriority)
        case .ctlr:
            return Control.features | (priorities.hasCommonBinaryPoint ? Control.commonBinaryPoint : 0)
                | (dropsPriorityOnly ? Control.dropsPriorityOnly : 0)
        case .igrpen0: return enablesGroup0 ? 1 : 0
        case .igrpen1: return enablesGroup1 ? 1 : 0
        default: return 0
        }
    }

    mutating func write(_ register: Register, _ value: UInt64) {
        switch register {
        case .pmr: priorities.setMask(value)
        case .bpr0: priorities.setBinaryPoint(value)
        case .bpr1: if !priorities.hasCommonBinaryPoint { priorities.setGroup1BinaryPoint(value) }
        case .ap0r0: priorities.setActiveWord(0, .zero, UInt32(truncatingIfNeeded: value))
        case .ap1r0: priorities.setActiveWord(0, .one, UInt32(truncatingIfNeeded: value))
        case .ctlr:
            priorities.hasCommonBinaryPoint = value & Control.commonBinaryPoint != 0
            dropsPriorityOnly = value & Control.dropsPriorityOnly != 0
        case .igrpen0: enablesGroup0 = value & 1 != 0
        case .igrpen1: enablesGroup1 = value & 1 != 0
        default: break
        }
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("enable group 0", &enablesGroup0)
        visitor.field("enable group 1", &enablesGroup1)
        visitor.field("drops priority only", &dropsPriorityOnly)
        visitor.field("common binary point", &priorities.hasCommonBinaryPoint)
        priorities.describeState(&visitor)
    }
}
