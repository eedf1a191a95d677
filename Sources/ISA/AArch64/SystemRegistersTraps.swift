import ISA

/// What may forbid an access to a system register, or trap it: the conditions of the registers' accessor pseudocode
/// (D19.2), which comes in one order: what EL1 withholds from EL0, then what EL2 wants to know, then EL3.
extension AArch64.ProcessingElement {
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private typealias Class = AArch64.ExceptionClass

    /// AArch64.SystemAccessTrap. What EL0 does goes to EL2 in EL1's place, where HCR_EL2.TGE says so.
    func systemTrap(_ access: AArch64.SystemAccess, toLevel level: Int) -> Fault {
        let target = level == 1 && hypervisorConfiguration & Hypervisor.tge != 0 ? 2 : level
        return trap(toLevel: target, exceptionClass: UInt8(Class.systemRegisterTrapped), syndrome: access.syndrome)
    }

    /// There is no such register here. With FEAT_IDST, reads of what may become an ID register say what they were.
    func undefinedRegister(_ access: AArch64.SystemAccess) -> Fault {
        guard features.contains(.idst), access.isIdentification else { return undefinedInstruction() }
        return systemTrap(access, toLevel: max(level, 1))
    }

    /// HCR_EL2.TIDCP. Those of EL0 that are not there for EL0 are UNDEFINED, as it is free to be.
    func checkImplementationDefined(_ access: AArch64.SystemAccess) throws(Fault) {
        if level == 1, hypervisorConfiguration >> 20 & 1 != 0 { throw systemTrap(access, toLevel: 2) }
    }

    func checkGuards(_ guards: AArch64.AccessGuards, _ access: AArch64.SystemAccess) throws(Fault) {
        let level = level
        if guards.control != .none { try checkControl(guards.control, access) }
        if isEL2Enabled, level == 1 || (level == 0 && guards.fromEL0) { try checkHypervisorGuards(guards, access) }
        if hasEL3 { try checkMonitorGuards(guards, access) }
    }

    private func checkHypervisorGuards(
        _ guards: AArch64.AccessGuards, _ access: AArch64.SystemAccess
    ) throws(Fault) {
        let hcr = hypervisorConfiguration
        // For a host's applications, HCR_EL2's trap bits count as 0.
        if level == 1 || !isHost {
            let trapping = hcr & (access.isRead ? guards.hypervisorReads : guards.hypervisorWrites)
            if trapping | ~hcr & guards.hypervisorClear != 0 { throw systemTrap(access, toLevel: 2) }
        }
        if effectiveDebugTraps & guards.debug != 0 { throw systemTrap(access, toLevel: 2) }
        if guards.coprocessorAccess, state.pointee.cptr >> 31 & 1 != 0 { throw systemTrap(access, toLevel: 2) }
    }

    /// MDCR_EL2, where TDE or HCR_EL2.TGE have TDRA, TDOSA and TDA count as 1.
    private var effectiveDebugTraps: UInt64 {
        let mdcr = state.pointee.mdcr
        let routes = mdcr >> 8 & 1 != 0 || hypervisorConfiguration & Hypervisor.tge != 0
        return routes ? mdcr | 7 << 9 : mdcr
    }

    /// SCTLR_EL1, or SCTLR_EL2 for a host's applications.
    private var controlForEL0: UInt64 { state.pointee.sctlr[isHost ? 2 : 1] }

    private func checkControl(
        _ control: AArch64.SystemRegister.Control, _ access: AArch64.SystemAccess
    ) throws(Fault) {
        switch control {
        case .none: return
        case .floatingPoint: if floatingPointTrapLevel(from: level) != nil { throw floatingPointDisabled() }
        case .otherStackPointer:
            if state.pointee.pstate & AArch64.PSTATE.spSelect == 0 { throw undefinedInstruction() }
        case .counterFrequency, .physicalCounter, .virtualCounter, .physicalTimer, .virtualTimer:
            try checkTimer(control, access)
        case .secureTimer: try checkSecureTimer(access)
        case .nonSecure: if isSecureBelowEL3 { throw undefinedInstruction() }
        case .interruptsCommon, .interruptsGroup0, .interruptsGroup1, .interruptsGenerate, .interruptsDeactivate:
            try checkInterruptController(control, access)
        default:
            guard level == 0, !allowsEL0(control, isRead: access.isRead) else { return }
            throw systemTrap(access, toLevel: 1)
        }
    }

    /// Whether the bits that are there for it let EL0 in.
    private func allowsEL0(_ control: AArch64.SystemRegister.Control, isRead: Bool) -> Bool {
        let user = state.pointee.pmuserenr
        switch control {
        case .cacheType: return controlForEL0 >> 15 & 1 != 0
        case .contextNumber: return controlForEL0 >> 20 & 1 == 0
        case .cacheMaintenance: return controlForEL0 >> 26 & 1 != 0
        case .zeroing: return controlForEL0 >> 14 & 1 != 0
        case .prediction: return controlForEL0 >> 10 & 1 != 0
        // SCTLR_EL2 has no UMA: a host's applications are never let in.
        case .masks: return !isHost && state.pointee.sctlr[1] >> 9 & 1 != 0
        case .communications: return state.pointee.mdscr >> 12 & 1 == 0
        case .monitors: return user & 1 != 0
        case .eventCounters: return user & (isRead ? 9 : 1) != 0
        case .monitorSelection: return user & 9 != 0
        case .cycleCounter: return user & (isRead ? 5 : 1) != 0
        case .softwareIncrement: return user & 3 != 0
        default: return true
        }
    }

    /// CNTKCTL_EL1, and CNTHCTL_EL2 in both of its forms (D11.2.4, D19.12).
    private func checkTimer(
        _ control: AArch64.SystemRegister.Control, _ access: AArch64.SystemAccess
    ) throws(Fault) {
        let s = state
        let level = level
        guard level < 2 else { return }
        // In CNTKCTL_EL1 and, for a host's applications, in CNTHCTL_EL2: what lets EL0 in.
        let own: UInt64
        switch control {
        case .counterFrequency: own = 3
        case .physicalCounter: own = 1 << 0
        case .virtualCounter: own = 1 << 1
        case .physicalTimer: own = 1 << 9
        default: own = 1 << 8
        }
        if level == 0 {
            let enables = isHost ? s.pointee.cnthctl : s.pointee.cntkctl
            if enables & own == 0 { throw systemTrap(access, toLevel: 1) }
            if isHost { return }
        }
        guard isEL2Enabled else { return }
        let isHostForm = hypervisorConfiguration & Hypervisor.e2h != 0
        let needed: UInt64
        switch control {
        case .physicalCounter: needed = isHostForm ? 1 << 10 : 1 << 0
        case .physicalTimer: needed = isHostForm ? 1 << 11 : 1 << 1
        default: return
        }
        if s.pointee.cnthctl & needed == 0 { throw systemTrap(access, toLevel: 2) }
    }
}
