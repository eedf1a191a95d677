/// Traps and returns (volume II, "Machine-Level ISA", "Supervisor-Level ISA" and the trap sections of the hypervisor
/// extension): who takes a trap, what it leaves in the registers, interrupts and their priorities.
extension RISCV.Hart {
    typealias Status = RISCV.State.Status
    typealias HypervisorStatus = RISCV.State.HypervisorStatus

    static var virtualInterrupts: UInt64 {
        1 << RISCV.Interrupt.virtualSupervisorSoftware | 1 << RISCV.Interrupt.virtualSupervisorTimer
            | 1 << RISCV.Interrupt.virtualSupervisorExternal
    }

    // MARK: Faults that instructions raise

    /// The value that goes with these (the instruction's bits, or its address) is found when the trap is taken: only
    /// then is the program counter known.
    func illegalInstruction() -> Fault { plainFault(RISCV.Cause.illegalInstruction) }

    /// For what HS-mode could have done but V=1 may not.
    func virtualInstruction() -> Fault { plainFault(RISCV.Cause.virtualInstruction) }

    func breakpoint() -> Fault { fault(RISCV.Cause.breakpoint, fetchMode, 0) }

    private func plainFault(_ cause: UInt64) -> Fault {
        state.pointee.core.fault = FaultRecord(cause: cause)
        return Fault()
    }

    func environmentCall() -> Fault {
        let cause: UInt64
        switch (state.pointee.privilege, state.pointee.virtual) {
        case (.machine, _): cause = RISCV.Cause.machineCall
        case (.supervisor, false): cause = RISCV.Cause.supervisorCall
        case (.supervisor, true): cause = RISCV.Cause.virtualSupervisorCall
        case (.user, _): cause = RISCV.Cause.userCall
        }
        return plainFault(cause)
    }

    // MARK: Taking a trap

    /// Takes the exception in the fault record; the state's program counter is the instruction's.
    func takeException() {
        var record = state.pointee.core.fault
        var instruction: UInt64 = 0
        switch record.cause {
        case RISCV.Cause.illegalInstruction, RISCV.Cause.virtualInstruction:
            record.value = peekInstruction() ?? 0
        case RISCV.Cause.breakpoint:
            record.value = state.pointee.core.programCounter
        case RISCV.Cause.loadMisaligned, RISCV.Cause.storeMisaligned, RISCV.Cause.loadAccess,
            RISCV.Cause.storeAccess, RISCV.Cause.loadPage, RISCV.Cause.storePage, RISCV.Cause.loadGuestPage,
            RISCV.Cause.storeGuestPage:
            if record.detail & RISCV.FaultDetail.implicit != 0 {
                instruction = record.detail & 0xffff_ffff
            } else if features.contains(.h), let word = peekInstruction() {
                instruction = transformed(UInt32(truncatingIfNeeded: word), faulting: record.value)
            }
        case RISCV.Cause.instructionGuestPage:
            if record.detail & RISCV.FaultDetail.implicit != 0 { instruction = record.detail & 0xffff_ffff }
        default: break
        }
        trap(
            cause: record.cause, isInterrupt: false, value: record.value, guestPhysical: record.guestPhysical,
            instruction: instruction, isGuestVirtual: record.detail & RISCV.FaultDetail.guestVirtual != 0)
    }

    /// The word at the program counter, read without effect.
    private func peekInstruction() -> UInt64? {
        // It has been fetched just now, so that it is rarely looked for far.
        let address = core.pointee.programCounter
        let entry = core.pointee.context.pointee.fetch[TranslationContext.fetchIndex(address)]
        if entry.tag == address & ~4095, address & 4095 <= 4092 {
            let word = DecodedPage.host(of: entry.slots).loadUnaligned(
                fromByteOffset: Int(address & 4095), as: UInt32.self)
            return UInt64(word & 3 == 3 ? word : word & 0xffff)
        }
        let record = state.pointee.core.fault
        defer { state.pointee.core.fault = record }
        do throws(Fault) {
            return UInt64(try fetchWord(state.pointee.core.programCounter))
        } catch {
            return nil
        }
    }

    private func trap(
        cause: UInt64, isInterrupt: Bool, value: UInt64, guestPhysical: UInt64, instruction: UInt64,
        isGuestVirtual: Bool
    ) {
        foldFloatDirty()
        if counterIsActive { updateCounters() }
        let s = state
        let (privilege, virtual) = (s.pointee.privilege, s.pointee.virtual)
        let programCounter = s.pointee.core.programCounter
        let bit: UInt64 = 1 << (cause & 63)
        let toSupervisor =
            privilege != .machine && (isInterrupt ? s.pointee.mideleg : s.pointee.medeleg) & bit != 0
        let toGuest = toSupervisor && virtual && (isInterrupt ? s.pointee.hideleg : s.pointee.hedeleg) & bit != 0
        var code = cause
        if toGuest && isInterrupt && bit & Self.virtualInterrupts != 0 { code -= 1 }
        let register = code | (isInterrupt ? 1 << 63 : 0)
        let vector: UInt64

        if toGuest {
            var status = s.pointee.vsstatus & ~(Status.spp | Status.spie)
            if privilege == .supervisor { status |= Status.spp }
            if status & Status.sie != 0 { status |= Status.spie }
            s.pointee.vsstatus = status & ~Status.sie
            s.pointee.vscause = register
            s.pointee.vsepc = programCounter
            s.pointee.vstval = value
            vector = s.pointee.vstvec
            s.pointee.privilege = .supervisor
        } else if toSupervisor {
            var status = s.pointee.mstatus & ~(Status.spp | Status.spie)
            if privilege == .supervisor { status |= Status.spp }
            if status & Status.sie != 0 { status |= Status.spie }
            s.pointee.mstatus = status & ~Status.sie
            if features.contains(.h) {
                var hypervisor = s.pointee.hstatus & ~(HypervisorStatus.spv | HypervisorStatus.gva)
                if virtual {
                    hypervisor |= HypervisorStatus.spv
                    hypervisor &= ~HypervisorStatus.spvp
                    if privilege == .supervisor { hypervisor |= HypervisorStatus.spvp }
                }
                if isGuestVirtual { hypervisor |= HypervisorStatus.gva }
                s.pointee.hstatus = hypervisor
                s.pointee.htval = guestPhysical >> 2
                s.pointee.htinst = instruction
            }
            s.pointee.scause = register
            s.pointee.sepc = programCounter
            s.pointee.stval = value
            vector = s.pointee.stvec
            s.pointee.privilege = .supervisor
            s.pointee.virtual = false
        } else {
            var status = s.pointee.mstatus & ~(Status.mpp | Status.mpie | Status.mpv | Status.gva)
            status |= UInt64(privilege.rawValue) << 11
            if status & Status.mie != 0 { status |= Status.mpie }
            if features.contains(.h) {
                if virtual { status |= Status.mpv }
                if isGuestVirtual { status |= Status.gva }
                s.pointee.mtval2 = guestPhysical >> 2
                s.pointee.mtinst = instruction
            }
            s.pointee.mstatus = status & ~Status.mie
            s.pointee.mcause = register
            s.pointee.mepc = programCounter
            s.pointee.mtval = value
            vector = s.pointee.mtvec
            s.pointee.privilege = .machine
            s.pointee.virtual = false
        }
        let base = vector & ~3
        s.pointee.core.programCounter = isInterrupt && vector & 1 != 0 ? base &+ 4 &* code : base
        levelChanged()
        record(
            TrapRecord(
                time: core.pointee.virtualTime, cause: cause | (isInterrupt ? 1 << 63 : 0),
                programCounter: programCounter,
                value: value, guestPhysical: guestPhysical, fromPrivilege: privilege, fromVirtual: virtual,
                toPrivilege: s.pointee.privilege, toVirtual: s.pointee.virtual))
    }

    // MARK: Interrupts

    /// mip as it reads: what software wrote and what wires hold.
    var pending: UInt64 { state.pointee.mip | state.pointee.lines }

    /// A wire of the interrupt controller or timer changed.
    public func setLine(_ interrupt: UInt64, _ level: Bool) {
        if level {
            state.pointee.lines |= 1 << interrupt
        } else {
            state.pointee.lines &= ~(1 << interrupt)
        }
        interruptsChanged()
    }

    /// Lets the run loop look at the interrupts before the next instruction, where that may matter.
    func interruptsChanged() {
        if isObserved { pendingObserver?(pending) }
        if pending & state.pointee.mie != 0 {
            state.pointee.waiting = false
            stopSoon()
        }
    }

    /// In order of decreasing priority (section "Machine Interrupt Registers", and "Hypervisor Interrupt Registers").
    private static let priorities: [UInt64] = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6, 13]

    /// Takes the most urgent interrupt that is enabled, if any.
    func takePendingInterrupt() {
        let s = state
        let candidates = pending & s.pointee.mie
        guard candidates != 0 else { return }
        s.pointee.waiting = false
        let (privilege, virtual) = (s.pointee.privilege, s.pointee.virtual)
        var taken = candidates & ~s.pointee.mideleg
        if privilege == .machine && s.pointee.mstatus & Status.mie == 0 { taken = 0 }
        if taken == 0 && privilege != .machine {
            taken = candidates & s.pointee.mideleg & ~s.pointee.hideleg
            if privilege == .supervisor && !virtual && s.pointee.mstatus & Status.sie == 0 { taken = 0 }
            if taken == 0 && virtual && (privilege == .user || s.pointee.vsstatus & Status.sie != 0) {
                taken = candidates & s.pointee.mideleg & s.pointee.hideleg
            }
        }
        guard taken != 0, let cause = Self.priorities.first(where: { taken & 1 << $0 != 0 }) else { return }
        trap(cause: cause, isInterrupt: true, value: 0, guestPhysical: 0, instruction: 0, isGuestVirtual: false)
    }

    // MARK: Returns and waiting

    func supervisorReturn() throws(Fault) {
        let s = state
        if s.pointee.virtual {
            if s.pointee.privilege == .user || s.pointee.hstatus & HypervisorStatus.vtsr != 0 {
                throw virtualInstruction()
            }
        } else if s.pointee.privilege == .user
            || (s.pointee.privilege == .supervisor && s.pointee.mstatus & Status.tsr != 0)
        {
            throw illegalInstruction()
        }
        foldFloatDirty()
        if counterIsActive { updateCounters() }
        let (wasVirtual, from) = (s.pointee.virtual, s.pointee.privilege)
        if wasVirtual {
            let status = s.pointee.vsstatus
            s.pointee.privilege = status & Status.spp != 0 ? .supervisor : .user
            s.pointee.vsstatus = Self.returned(status, Status.spp, Status.spie, Status.sie)
            s.pointee.core.programCounter = s.pointee.vsepc
        } else {
            let status = s.pointee.mstatus
            s.pointee.virtual = s.pointee.hstatus & HypervisorStatus.spv != 0
            s.pointee.hstatus &= ~HypervisorStatus.spv
            s.pointee.privilege = status & Status.spp != 0 ? .supervisor : .user
            s.pointee.mstatus = Self.returned(status, Status.spp, Status.spie, Status.sie) & ~Status.mprv
            s.pointee.core.programCounter = s.pointee.sepc
        }
        levelChanged()
        guard isObserved else { return }
        if !wasVirtual, s.pointee.virtual { guestEntryObserver?() }
        returnObserver?(from, wasVirtual)
    }

    func machineReturn() throws(Fault) {
        let s = state
        guard s.pointee.privilege == .machine else { throw illegalInstruction() }
        foldFloatDirty()
        if counterIsActive { updateCounters() }
        let status = s.pointee.mstatus
        let privilege = RISCV.Privilege(rawValue: UInt8(status >> 11 & 3))!
        s.pointee.privilege = privilege
        s.pointee.virtual = privilege != .machine && status & Status.mpv != 0
        var next = Self.returned(status, Status.mpp, Status.mpie, Status.mie) & ~Status.mpv
        if privilege != .machine { next &= ~Status.mprv }
        s.pointee.mstatus = next
        s.pointee.core.programCounter = s.pointee.mepc
        levelChanged()
        guard isObserved else { return }
        if s.pointee.virtual { guestEntryObserver?() }
        returnObserver?(.machine, false)
    }

    /// A status register after a return: the enable bit from its saved copy, which becomes 1; the saved privilege U.
    private static func returned(
        _ status: UInt64, _ savedPrivilege: UInt64, _ saved: UInt64, _ enable: UInt64
    ) -> UInt64 {
        var next = status & ~(savedPrivilege | enable)
        if status & saved != 0 { next |= enable }
        return next | saved
    }

    func waitForInterrupt() throws(Fault) {
        let s = state
        if timesOut { throw illegalInstruction() }
        if s.pointee.virtual {
            if s.pointee.privilege == .user || timesOutVirtually {
                throw virtualInstruction()
            }
        } else if s.pointee.privilege == .user {
            throw illegalInstruction()
        }
        if isObserved { waitObserver?() }
        s.pointee.waiting = pending & s.pointee.mie == 0
    }

    /// WRS.NTO and WRS.STO may end for any reason (Zawrs). This one gives the other harts their turn. The time that WRS.NTO
    /// may take where it is not to take long is none at all.
    func waitOnReservation(isShort: Bool) throws(Fault) {
        guard state.pointee.core.reservation != 0 else { return }
        if !isShort {
            if timesOut { throw illegalInstruction() }
            if timesOutVirtually { throw virtualInstruction() }
        }
        endTurn()
    }

    /// mstatus.TW and hstatus.VTW: waiting comes to an end by an exception.
    private var timesOut: Bool { state.pointee.privilege != .machine && state.pointee.mstatus & Status.tw != 0 }
    private var timesOutVirtually: Bool {
        state.pointee.virtual && state.pointee.hstatus & HypervisorStatus.vtw != 0
    }
}
