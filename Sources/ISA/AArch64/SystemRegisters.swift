import ISA

/// MRS and MSR of system registers (C5, D19): whether there is such a register, who may access it, which one it is, and
/// what a write has an effect on.
///
/// The registers are the lines of SystemRegisterList*.swift; those that are more than bits in the state have functions in
/// files named after their units.
extension AArch64.ProcessingElement {
    private typealias Entry = AArch64.SystemRegisterEntry
    private typealias Hypervisor = AArch64.HypervisorConfiguration

    /// - Parameters:
    ///   - key: op0 (less 2), op1, CRn, CRm and op2, as the decoder leaves them in the immediate.
    ///   - target: the general-purpose register, for the syndrome of a trap.
    func readSystemRegister(_ key: UInt16, target: UInt8) throws(Fault) -> UInt64 {
        let access = AArch64.SystemAccess(register: key, target: target, isRead: true)
        let entry = try register(access)
        if let nested = nestedOffset(entry, key) { return try readNested(nested) }
        if entry.pointee.offset >= 0 {
            // SAFETY: the offset is of a field of eight bytes in the state block.
            return UnsafeRawPointer(state).load(fromByteOffset: entry.pointee.offset, as: UInt64.self)
        }
        guard let function = entry.pointee.computed else { return entry.pointee.constant }
        return readComputed(function, entry.pointee.index, key)
    }

    func writeSystemRegister(_ key: UInt16, _ value: UInt64, target: UInt8) throws(Fault) {
        let entry = try register(AArch64.SystemAccess(register: key, target: target, isRead: false))
        if let nested = nestedOffset(entry, key) { return try writeNested(nested, value) }
        write(entry, key, value)
    }

    /// Writes a register that may be.
    @inline(__always)
    func write(_ entry: UnsafePointer<AArch64.SystemRegisterEntry>, _ key: UInt16, _ value: UInt64) {
        // The form of EL2's registers is theirs also while EL3 has no EL2 below it.
        let isHostForm = state.pointee.hcr & Hypervisor.e2h != 0
        let writable = isHostForm ? entry.pointee.hostWritable : entry.pointee.writable
        let fixed = isHostForm ? entry.pointee.hostFixed : entry.pointee.fixed
        let new = value & writable | fixed
        let offset = entry.pointee.offset
        if offset >= 0 {
            // SAFETY: as above.
            let field = (UnsafeMutableRawPointer(state) + offset).assumingMemoryBound(to: UInt64.self)
            if entry.pointee.changes.isEmpty {
                field.pointee = new
            } else if field.pointee != new {
                if entry.pointee.changes.contains(.monitors) { updateMonitors() }
                let changed = field.pointee ^ new
                field.pointee = new
                registersChanged(entry, changed)
            }
        } else if let function = entry.pointee.computed {
            writeComputed(function, entry.pointee.index, new, key)
        }
        if isObserved { registerObserver?(key, new) }
    }

    /// What follows from a write that has changed these bits.
    private func registersChanged(_ entry: UnsafePointer<Entry>, _ bits: UInt64) {
        let changes = entry.pointee.changes
        let translating = changes.contains(.translation) ? bits & entry.pointee.translates : 0
        if translating & entry.pointee.translatesEL2 != 0 {
            contextChanged()
        } else {
            if translating != 0 { guestContextChanged() }
            if changes.contains(.floatingPoint) { floatingPointChanged() }
        }
        if changes.contains(.interrupts) { interruptsChanged() }
        if changes.contains(.timers) { timersChanged() }
        if changes.contains(.debug) { debugChanged() }
        if changes.contains(.monitors) { monitorsChanged() }
    }

    /// The register that an access reaches, past all that may forbid it.
    private func register(_ access: AArch64.SystemAccess) throws(Fault) -> UnsafePointer<Entry> {
        let entry = registers.entries + Int(registers.places[Int(access.key)])
        let level = level
        // HCR_EL2.TIDCP is about a whole space, of registers that there are and others.
        if access.isImplementationDefined { try checkImplementationDefined(access) }
        let needed = access.isRead ? entry.pointee.readLevel : entry.pointee.writeLevel
        let isHost = level == 2 ? hypervisorConfiguration & Hypervisor.e2h != 0 : level == 0 && self.isHost
        // EL3 finds the names for EL2 as a host while EL2 is one.
        let isAlias = entry.pointee.needsHost && level == 3 && hypervisorConfiguration & Hypervisor.e2h != 0
        let isBeyond = level < Int(needed) || entry.pointee.needsHost && !(isHost || isAlias)
        if isBeyond && !isNested { throw undefinedRegister(access) }
        if entry.pointee.isGuarded && !isBeyond { try checkGuards(entry.pointee.guards, access) }
        if isNested { return try nestedRegister(access, entry, isBeyond: isBeyond) }
        return isHost || isAlias ? registers.entries + entry.pointee.counterpart : entry
    }

    func readComputed(_ function: AArch64.SystemRegister.Computed, _ index: Int, _ key: UInt16) -> UInt64 {
        let s = state
        switch function {
        case .identification: return model.identification[index]
        case .mainIdentification: return isGuest ? s.pointee.vpidr : model.main
        case .affinity: return isGuest ? s.pointee.vmpidr : multiprocessorAffinity
        case .revision: return model.revision
        case .cacheType: return model.cacheType
        case .cacheLevels: return model.cacheLevels
        case .cacheSize: return cacheSize
        case .zeroingSize: return zeroingSize
        case .spsel: return s.pointee.pstate & AArch64.PSTATE.spSelect
        case .currentEL: return isNested ? 2 << 2 : UInt64(level) << 2
        case .pan: return s.pointee.pstate & AArch64.PSTATE.pan
        case .uao: return s.pointee.pstate & AArch64.PSTATE.uao
        case .dit: return s.pointee.pstate & AArch64.PSTATE.dit
        case .ssbs: return s.pointee.pstate & AArch64.PSTATE.ssbs
        case .daif: return s.pointee.pstate & AArch64.PSTATE.daif
        case .nzcv: return conditionFlags
        case .fpcr: return ArmFloat.control(core.pointee)
        case .fpsr: return ArmFloat.status(core.pointee)
        case .random: return randomNumber()
        case .interruptStatus: return interruptStatus
        case .deferredInterrupt: return defersVirtually ? s.pointee.vdisr : s.pointee.disr
        case .physicalCount: return physicalCount
        case .virtualCount: return virtualCount
        case .timerValue: return timerValue(index)
        case .timerControl: return timerControl(index)
        case .timerCompare: return s.pointee.timerCompare[index]
        case .oslar: return 0
        case .oslsr: return osLockStatus
        case .claimSet: return 0xff
        case .debugAuthentication: return debugAuthentication
        case .claimClear: return s.pointee.dbgclaim
        case .interruptInterface: return readInterruptInterface(UInt8(truncatingIfNeeded: key & 0x7f))
        case .interruptHypervisor: return readInterruptHypervisor(UInt8(truncatingIfNeeded: key & 0x7f))
        case .interruptMonitor: return readInterruptMonitor(UInt8(truncatingIfNeeded: key & 0x7f))
        case .pmcr, .pmcntenset, .pmcntenclr, .pmovsclr, .pmovsset, .pmswinc, .pmselr, .pmceid0, .pmceid1, .pmccntr,
            .pmxevtyper, .pmxevcntr, .pmintenset, .pmintenclr, .pmevcntr, .pmevtyper, .pmccfiltr:
            return readMonitor(function, index)
        }
    }

    private func writeComputed(
        _ function: AArch64.SystemRegister.Computed, _ index: Int, _ value: UInt64, _ key: UInt16
    ) {
        let s = state
        switch function {
        case .spsel: setMode(s.pointee.pstate & AArch64.PSTATE.mode & ~AArch64.PSTATE.spSelect | value & 1)
        case .pan: setProcessState(AArch64.PSTATE.pan, value)
        case .uao: setProcessState(AArch64.PSTATE.uao, value)
        case .dit: setProcessState(AArch64.PSTATE.dit, value)
        case .ssbs: setProcessState(AArch64.PSTATE.ssbs, value)
        case .daif: setProcessState(AArch64.PSTATE.daif, value)
        case .nzcv: conditionFlags = value
        // Exceptions are not trapped, and FZ16 is of half precision.
        case .fpcr: ArmFloat.setControl(&core.pointee, features.contains(.fp16) ? value : value & ~(1 << 19))
        case .fpsr: ArmFloat.setStatus(&core.pointee, value)
        case .deferredInterrupt: if defersVirtually { s.pointee.vdisr = value } else { s.pointee.disr = value }
        case .timerValue: setTimerValue(index, value)
        case .timerControl: setTimerControl(index, value)
        case .timerCompare: setTimerCompare(index, value)
        case .oslar: setOSLock(value)
        case .claimSet: s.pointee.dbgclaim |= value & 0xff
        case .claimClear: s.pointee.dbgclaim &= ~value
        case .interruptInterface: writeInterruptInterface(UInt8(truncatingIfNeeded: key & 0x7f), value)
        case .interruptHypervisor: writeInterruptHypervisor(UInt8(truncatingIfNeeded: key & 0x7f), value)
        case .interruptMonitor: writeInterruptMonitor(UInt8(truncatingIfNeeded: key & 0x7f), value)
        case .pmcr, .pmcntenset, .pmcntenclr, .pmovsclr, .pmovsset, .pmswinc, .pmselr, .pmceid0, .pmceid1, .pmccntr,
            .pmxevtyper, .pmxevcntr, .pmintenset, .pmintenclr, .pmevcntr, .pmevtyper, .pmccfiltr:
            writeMonitor(function, index, value)
        // Read-only.
        case .identification, .mainIdentification, .affinity, .revision, .cacheType, .cacheLevels, .cacheSize,
            .zeroingSize,
            .currentEL, .random, .interruptStatus, .physicalCount, .virtualCount, .oslsr, .debugAuthentication:
            break
        }
    }

    /// What EL2 shows of itself in another's place is EL1's to read.
    private var isGuest: Bool { level == 1 && isEL2Enabled }

    /// System registers as a reset leaves them: the bits that are always 1, and what is not zero (D1.9).
    func resetSystemRegisters() {
        let s = state
        for place in 1...registers.count {
            let entry = registers.entries + place
            guard entry.pointee.offset >= 0 else { continue }
            // SAFETY: the offset is of a field of eight bytes in the state block.
            (UnsafeMutableRawPointer(s) + entry.pointee.offset).assumingMemoryBound(to: UInt64.self).pointee |=
                entry.pointee.fixed
        }
        s.pointee.vpidr = model.main
        s.pointee.vmpidr = multiprocessorAffinity
        // Every counter is EL1's.
        s.pointee.mdcr = features.contains(.pmuv3) ? UInt64(model.eventCounters) : 0
        // EL1 has the physical counter and timer, as software expects that knows nothing of EL2.
        s.pointee.cnthctl = 3
        s.pointee.random = UInt64(identifier)
    }
}

extension AArch64 {
    /// An access to a system register, or a system instruction.
    struct SystemAccess {
        /// op0, op1, CRn, CRm and op2.
        let number: UInt16
        let target: UInt8
        let isRead: Bool

        /// MRS or MSR.
        init(register key: UInt16, target: UInt8, isRead: Bool) {
            self.init(number: key & 0x7fff | 1 << 15, target: target, isRead: isRead)
        }

        /// SYS.
        init(instruction key: UInt16, target: UInt8) {
            self.init(number: key & 0x3fff | 1 << 14, target: target, isRead: false)
        }

        private init(number: UInt16, target: UInt8, isRead: Bool) {
            self.number = number
            self.target = target & 31
            self.isRead = isRead
        }

        /// Without op0's upper bit: the key of a register.
        var key: UInt16 { number & 0x7fff }
        var op1: UInt16 { number >> 11 & 7 }
        var crn: UInt16 { number >> 7 & 15 }
        var crm: UInt16 { number >> 3 & 15 }
        var op2: UInt16 { number & 7 }

        /// ISS of a trapped MSR, MRS or System instruction (D19.2.37).
        var syndrome: UInt64 {
            let op0 = UInt64(number >> 14)
            let registers = UInt64(op2) << 17 | UInt64(op1) << 14 | UInt64(crn) << 10 | UInt64(crm) << 1
            return op0 << 20 | registers | UInt64(target) << 5 | (isRead ? 1 : 0)
        }

        /// In the spaces S3_<op1>_C11 and C15, and S1_<op1>_C11 and C15.
        var isImplementationDefined: Bool { number >> 14 & 1 == 1 && crn | 4 == 15 }

        /// Of EL2's: what EL2 may access and EL1 may not, that is no other level's.
        var isOfHypervisor: Bool { op1 & 6 == 4 }

        /// The feature ID space (A2.6, FEAT_IDST).
        var isIdentification: Bool { isRead && number >> 14 == 3 && 0b1011 >> op1 & 1 == 1 && crn == 0 && crm < 8 }
    }
}
