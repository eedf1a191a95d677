import ISA

/// What a PE has to do when its state is replaced between two turns, as a snapshot is restored.
extension AArch64.ProcessingElement {
    private typealias PSTATE = AArch64.PSTATE

    /// The fields of its state were replaced: works out what follows from them, and forgets what followed from others.
    public func stateRestored() {
        pool.flushAll()
        noteMonitorActivity()
        core.pointee.event = 0
        core.pointee.missedJump = 0
        core.pointee.refusedDevice = 0
        contextChanged()
        debugChanged()
    }

    /// The count of executed instructions, between turns.
    public func setExecuted(_ count: UInt64) { core.pointee.restoreExecuted(count) }

    /// How often the exception came that the PE takes again and again at the vector that it leads to, where it stands: 0
    /// where it does no such thing. It decides when the PE ``isLost``, and what it is follows from the registers.
    public var exceptionRepeats: UInt64 {
        guard let last = traps.last?.pointee, last.kind == .synchronous, last.fromLevel == level, last.toLevel == level,
            last.programCounter == core.pointee.programCounter, last.programCounter == state.pointee.elr[level],
            last.syndrome == state.pointee.esr[level], last.faultAddress == state.pointee.far[level]
        else { return 0 }
        return last.repeats &+ 1
    }

    /// Forgets the exceptions of another run, but for the one that came so often.
    public func setExceptionRepeats(_ count: UInt64) {
        traps.removeAll()
        guard count > 0 else { return }
        let (s, level) = (state, level)
        var record = TrapRecord(
            time: 0, kind: .synchronous, syndrome: s.pointee.esr[level], programCounter: s.pointee.elr[level],
            faultAddress: s.pointee.far[level], guestPhysical: s.pointee.hpfar, fromLevel: level, toLevel: level)
        record.repeats = count &- 1
        traps.keep(record)
    }

    // MARK: Damaged snapshots

    /// Whether such a PSTATE can be, as far as others rely on that: the level is there, and is one of A64.
    public func isPossible(processState value: UInt64) -> Bool {
        let flags =
            PSTATE.mode | PSTATE.daif | PSTATE.branchType | PSTATE.ssbs | PSTATE.illegal | PSTATE.softwareStep
            | PSTATE.pan | PSTATE.uao | PSTATE.dit
        let level = value >> 2 & 3
        // M[4] is AArch32's, and M[1] is reserved; EL0 has no stack pointer to choose.
        guard value & ~flags == 0, value & PSTATE.aarch32 == 0, value & 2 == 0, level != 0 || value & 1 == 0 else {
            return false
        }
        return level < 2 || level == 2 && hasEL2 || level == 3 && hasEL3
    }

    /// PSTATE as a reset leaves it.
    public var initialProcessState: UInt64 { PSTATE.daif | UInt64(resetLevel) << 2 | PSTATE.spSelect }
}
