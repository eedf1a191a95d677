import AArch64ISA
import ISA

/// What a GICv3's CPU interface keeps for Secure state, and for EL3, beside what there is with one Security state (IHI 0069H,
/// 12.2: the copies of banked registers, and ICC_CTLR_EL3).
struct GICv3SecureInterfaceRegisters {
    /// ICC_IGRPEN1_EL1 of Secure state.
    var enablesGroup1 = false
    /// ICC_CTLR_EL1.EOImode of Secure state, and ICC_CTLR_EL3.EOImode_EL3.
    var dropsPriorityOnly = false
    var dropsPriorityOnlyAtEL3 = false

    mutating func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("enable secure group 1", &enablesGroup1)
        visitor.field("secure drops priority only", &dropsPriorityOnly)
        visitor.field("el3 drops priority only", &dropsPriorityOnlyAtEL3)
    }
}

/// Which registers and which Group 1 an access finds, by the state that it is made in.
extension GICv3CPUInterface {
    /// ICC_CTLR_EL3 (12.2.9).
    private enum MonitorControl {
        static let commonBinaryPointSecure: UInt64 = 1 << 0
        static let commonBinaryPointNonSecure: UInt64 = 1 << 1
        static let dropsPriorityOnly: UInt64 = 1 << 2
        static let dropsPriorityOnlySecure: UInt64 = 1 << 3
        static let dropsPriorityOnlyNonSecure: UInt64 = 1 << 4
        /// nDS: there are two Security states for good; the others are as in ICC_CTLR_EL1.
        static let features: UInt64 = 1 << 17 | Control.features
    }

    private typealias Control = GICv3InterfaceRegisters.Control

    /// The registers by which interrupts are acknowledged and ended: those of Group 0, or of Group 1.
    enum RegisterGroup {
        case zero, one
    }

    func enter(_ security: AArch64.InterfaceSecurity) { self.security = security }

    @inline(__always)
    func isEnabled(_ group: InterruptGroup) -> Bool {
        group == .secureOne ? secure.enablesGroup1 : registers.isEnabled(group)
    }

    /// EOImode of who accesses.
    var dropsPriorityOnly: Bool {
        guard hasSecurity else { return registers.dropsPriorityOnly }
        if security.isEL3 { return secure.dropsPriorityOnlyAtEL3 }
        return security.isSecure ? secure.dropsPriorityOnly : registers.dropsPriorityOnly
    }

    /// Whether interrupts of a group are acknowledged and ended by who accesses, with these registers. Group 0 and Secure
    /// Group 1 are not Non-secure state's; EL3 has either Group 1, and Secure software below it its own alone
    /// (CheckGroup0ForSpecialIdentifiers and CheckGroup1ForSpecialIdentifiers of the shared pseudocode).
    @inline(__always)
    func handles(_ group: InterruptGroup, by registers: RegisterGroup) -> Bool {
        switch group {
        case .zero: registers == .zero && security.isSecure
        case .secureOne: registers == .one && security.isSecure
        case .one: registers == .one && (security.isEL3 || !security.isSecure)
        }
    }

    /// What an interrupt that is not theirs reads as in registers: EL3, which looks for Group 0, learns which state's the
    /// interrupt is (2.2.1, "Special INTIDs").
    func otherGroup(than registers: RegisterGroup) -> UInt64 {
        guard hasSecurity, security.isEL3, registers == .zero else { return UInt64(SpecialINTID.spurious) }
        return UInt64(pending.group == .secureOne ? SpecialINTID.secureGroup1 : SpecialINTID.nonSecureGroup1)
    }

    /// Whether who accesses may deactivate an interrupt of a group (ICC_DIR_EL1): EL3 any; below it Secure software any,
    /// and Non-secure software its own, but for those that are EL3's.
    func mayDeactivate(_ group: InterruptGroup) -> Bool {
        if security.isEL3 { return true }
        guard security.isSecure || group == .one else { return false }
        return group == .zero ? !security.fiqsAreEL3s : !security.irqsAreEL3s
    }

    /// Group 0 is EL3's, and Non-secure software sees priorities of the lower half alone.
    private var hidesSecurePriorities: Bool { !security.isSecure && security.fiqsAreEL3s }

    // MARK: ICC_*_EL1

    func readBanked(_ register: Register) -> UInt64 {
        let (priorities, isSecureBank) = (registers.priorities, security.isSecureBelowEL3)
        switch register {
        case .pmr where hidesSecurePriorities: return UInt64(NonSecurePriority.read(priorities.mask))
        case .rpr where hidesSecurePriorities:
            let running = priorities.running
            return running == InterruptPriorities.idle ? 0xff : UInt64(NonSecurePriority.read(UInt8(running)))
        // A common binary point stands in both places below EL3, which has all that there are.
        case .bpr1 where isSecureBank:
            let isCommon = priorities.hasSecureCommonBinaryPoint && !security.isEL3
            return UInt64(isCommon ? priorities.binaryPoint : priorities.secureGroup1BinaryPoint)
        case .bpr1 where security.isEL3: return UInt64(priorities.group1BinaryPoint)
        case .ap1r0 where isSecureBank: return UInt64(priorities.activeWord(0, .secureOne))
        case .igrpen1 where isSecureBank: return secure.enablesGroup1 ? 1 : 0
        case .ctlr where isSecureBank:
            return Control.features | (priorities.hasSecureCommonBinaryPoint ? Control.commonBinaryPoint : 0)
                | (secure.dropsPriorityOnly ? Control.dropsPriorityOnly : 0)
        default: return registers.read(register)
        }
    }

    func writeBanked(_ register: Register, _ value: UInt64) {
        let isSecureBank = security.isSecureBelowEL3
        switch register {
        case .pmr where hidesSecurePriorities:
            // A mask of Secure software's is not for others to change.
            guard registers.priorities.mask & 0x80 != 0 else { return }
            registers.priorities.setMask(UInt64(NonSecurePriority.written(UInt8(truncatingIfNeeded: value))))
        case .bpr1 where isSecureBank:
            if registers.priorities.hasSecureCommonBinaryPoint, !security.isEL3 {
                registers.priorities.setBinaryPoint(value)
            } else {
                registers.priorities.setSecureGroup1BinaryPoint(value)
            }
        case .bpr1 where security.isEL3: registers.priorities.setGroup1BinaryPoint(value)
        case .ap1r0 where isSecureBank:
            registers.priorities.setActiveWord(0, .secureOne, UInt32(truncatingIfNeeded: value))
        case .igrpen1 where isSecureBank: secure.enablesGroup1 = value & 1 != 0
        // CBPR is for EL3 to write.
        case .ctlr where isSecureBank: secure.dropsPriorityOnly = value & Control.dropsPriorityOnly != 0
        case .ctlr: registers.dropsPriorityOnly = value & Control.dropsPriorityOnly != 0
        default: registers.write(register, value)
        }
    }

    // MARK: ICC_*_EL3

    func read(_ register: AArch64.MonitorInterfaceRegister) -> UInt64 {
        switch register {
        case .igrpen1: return (registers.enablesGroup1 ? 1 : 0) | (secure.enablesGroup1 ? 2 : 0)
        case .ctlr:
            let flags: [(Bool, UInt64)] = [
                (registers.priorities.hasSecureCommonBinaryPoint, MonitorControl.commonBinaryPointSecure),
                (registers.priorities.hasCommonBinaryPoint, MonitorControl.commonBinaryPointNonSecure),
                (secure.dropsPriorityOnlyAtEL3, MonitorControl.dropsPriorityOnly),
                (secure.dropsPriorityOnly, MonitorControl.dropsPriorityOnlySecure),
                (registers.dropsPriorityOnly, MonitorControl.dropsPriorityOnlyNonSecure),
            ]
            return flags.reduce(MonitorControl.features) { $1.0 ? $0 | $1.1 : $0 }
        }
    }

    func write(_ register: AArch64.MonitorInterfaceRegister, _ value: UInt64) {
        switch register {
        case .igrpen1:
            registers.enablesGroup1 = value & 1 != 0
            secure.enablesGroup1 = value & 2 != 0
        case .ctlr:
            registers.priorities.hasSecureCommonBinaryPoint = value & MonitorControl.commonBinaryPointSecure != 0
            registers.priorities.hasCommonBinaryPoint = value & MonitorControl.commonBinaryPointNonSecure != 0
            secure.dropsPriorityOnlyAtEL3 = value & MonitorControl.dropsPriorityOnly != 0
            secure.dropsPriorityOnly = value & MonitorControl.dropsPriorityOnlySecure != 0
            registers.dropsPriorityOnly = value & MonitorControl.dropsPriorityOnlyNonSecure != 0
        }
        signal()
    }
}
