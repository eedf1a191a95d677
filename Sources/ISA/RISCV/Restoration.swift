/// What a hart has to do when its state is replaced between two turns, as a snapshot is restored.
extension RISCV.Hart {
    /// The fields of its state were replaced: works out what follows from them, and forgets what followed from others.
    public func stateRestored() {
        let s = state
        // What only a damaged snapshot has there.
        s.pointee.core.registers[0] = 0
        pool.flushAll()
        protection.update(s)
        updateDirectMemory()
        noteCounterActivity()
        s.pointee.hpmExecuted = s.pointee.core.executed
        s.pointee.hpmRetired = s.pointee.core.executed &- s.pointee.core.trapped
        s.pointee.core.event = 0
        s.pointee.core.refusedDevice = 0
        privilegeChanged()
    }

    /// The count of executed instructions, between turns.
    public func setExecuted(_ count: UInt64) { state.pointee.core.restoreExecuted(count) }

    /// How often the exception came that the hart takes again and again at the first instruction of its handler, where it
    /// stands: 0 where it does no such thing. It decides when the hart ``isLost``, and what it is follows from the registers.
    public var exceptionRepeats: UInt64 {
        guard let last = traps.last?.pointee, isInHandler(last), isAt(last) else { return 0 }
        let now = handlerRecord
        return last.isSame(as: now) && last.toPrivilege == now.toPrivilege && last.toVirtual == now.toVirtual
            && last.fromPrivilege == now.fromPrivilege && last.fromVirtual == now.fromVirtual ? last.repeats &+ 1 : 0
    }

    /// Forgets the exceptions of another run, but for the one that came so often.
    public func setExceptionRepeats(_ count: UInt64) {
        traps.removeAll()
        guard count > 0 else { return }
        var record = handlerRecord
        record.repeats = count &- 1
        traps.keep(record)
    }

    private func isAt(_ trap: TrapRecord) -> Bool {
        trap.cause >> 63 == 0 && state.pointee.core.programCounter == trap.programCounter
    }

    /// An exception as the handler's own first instruction would have left it in the registers.
    private var handlerRecord: TrapRecord {
        let s = state
        let (privilege, virtual) = (s.pointee.privilege, s.pointee.virtual)
        let isMachine = privilege == .machine
        let (cause, epc, value) =
            isMachine
            ? (s.pointee.mcause, s.pointee.mepc, s.pointee.mtval)
            : virtual
                ? (s.pointee.vscause, s.pointee.vsepc, s.pointee.vstval)
                : (s.pointee.scause, s.pointee.sepc, s.pointee.stval)
        return TrapRecord(
            time: 0, cause: cause, programCounter: epc, value: value, guestPhysical: 0, fromPrivilege: privilege,
            fromVirtual: virtual, toPrivilege: privilege, toVirtual: virtual)
    }

    // MARK: Damaged snapshots

    /// A register that holds what no instruction could have put there, so that what is done with it does not allow for it;
    /// nil where there is none.
    public var impossibleRegister: StaticString? {
        let s = state
        if s.pointee.mstatus & RISCV.State.Status.mpp == 2 << 11 { return "mstatus" }
        if s.pointee.virtual, s.pointee.privilege == .machine || !features.contains(.h) { return "virtual" }
        if !isRoot(s.pointee.satp) { return "satp" }
        if !isRoot(s.pointee.vsatp) { return "vsatp" }
        if !isRoot(s.pointee.hgatp) || s.pointee.hgatp & 3 != 0 { return "hgatp" }
        if s.pointee.core.floatRounding > 7 { return "frm" }
        if s.pointee.core.floatFlags > 31 { return "fflags" }
        return nil
    }

    /// Puts what power-on does into such registers.
    public func clearImpossibleRegisters() {
        let s = state
        if s.pointee.mstatus & RISCV.State.Status.mpp == 2 << 11 { s.pointee.mstatus &= ~RISCV.State.Status.mpp }
        if s.pointee.virtual, s.pointee.privilege == .machine || !features.contains(.h) { s.pointee.virtual = false }
        if !isRoot(s.pointee.satp) { s.pointee.satp = 0 }
        if !isRoot(s.pointee.vsatp) { s.pointee.vsatp = 0 }
        if !isRoot(s.pointee.hgatp) || s.pointee.hgatp & 3 != 0 { s.pointee.hgatp = 0 }
        s.pointee.core.floatRounding &= 7
        s.pointee.core.floatFlags &= 31
    }

    private func isRoot(_ value: UInt64) -> Bool { validRoot(value) == value }
}

extension CoreState {
    /// Between turns: nothing is left of the last one.
    package mutating func restoreExecuted(_ count: UInt64) {
        turnEnd = count
        budget = 0
        withheld = 0
    }
}
