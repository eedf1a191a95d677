/// Counters and timers (volume II, "Hardware Performance Monitor", "Sscofpmf", "Sstc").
///
/// mcycle counts executed instructions, minstret retired ones: the hart's own time. Software's writes are kept as offsets
/// from those. The programmable counters can count the same two events, with the privilege filters of Sscofpmf, and are
/// brought up to date whenever the privilege changes or somebody looks.
extension RISCV.Hart {
    /// Event numbers of mhpmevent.
    enum Event {
        static let cycles: UInt64 = 1
        static let instructions: UInt64 = 2
        static let overflow: UInt64 = 1 << 63
        static let inhibitMachine: UInt64 = 1 << 62
        static let inhibitSupervisor: UInt64 = 1 << 61
        static let inhibitUser: UInt64 = 1 << 60
        static let inhibitVirtualSupervisor: UInt64 = 1 << 59
        static let inhibitVirtualUser: UInt64 = 1 << 58
        static let selector: UInt64 = 0xff_ffff
    }

    private var executed: UInt64 { state.pointee.core.executed }
    private var retired: UInt64 { executed &- state.pointee.core.trapped }

    func readCounter(_ index: Int) -> UInt64 {
        let s = state
        switch index {
        case 0:
            return s.pointee.mcountinhibit & 1 != 0 ? s.pointee.mcycleOffset : executed &+ s.pointee.mcycleOffset
        case 2:
            return s.pointee.mcountinhibit & 4 != 0
                ? s.pointee.minstretOffset : retired &+ s.pointee.minstretOffset
        default:
            updateCounters()
            return s.pointee.mhpmcounter[index]
        }
    }

    func writeCounter(_ index: Int, _ value: UInt64) {
        let s = state
        switch index {
        case 0: s.pointee.mcycleOffset = s.pointee.mcountinhibit & 1 != 0 ? value : value &- executed &- 1
        // The write takes effect after this instruction retires, which is then not counted (section "Hardware
        // Performance Monitor").
        case 2: s.pointee.minstretOffset = s.pointee.mcountinhibit & 4 != 0 ? value : value &- retired &- 1
        default:
            updateCounters()
            if features.contains(.sscofpmf) { s.pointee.mhpmcounter[index] = value }
            stopSoon()
        }
    }

    func writeEvent(_ index: Int, _ value: UInt64) {
        updateCounters()
        guard features.contains(.sscofpmf) else { return }
        var mask = Event.overflow | Event.inhibitMachine | Event.inhibitSupervisor | Event.inhibitUser
        if features.contains(.h) { mask |= Event.inhibitVirtualSupervisor | Event.inhibitVirtualUser }
        let selector = value & Event.selector
        let isKnown = selector == Event.cycles || selector == Event.instructions
        state.pointee.mhpmevent[index] = value & mask | (isKnown ? selector : 0)
        refreshActivity()
    }

    /// While a counter is inhibited its offset holds its value.
    func inhibitCounters(_ value: UInt64) {
        let s = state
        let changed = s.pointee.mcountinhibit ^ value
        if changed & 1 != 0 {
            if value & 1 != 0 {
                s.pointee.mcycleOffset &+= executed
            } else {
                s.pointee.mcycleOffset = s.pointee.mcycleOffset &- executed &- 1
            }
        }
        if changed & 4 != 0 {
            if value & 4 != 0 {
                s.pointee.minstretOffset &+= retired
            } else {
                s.pointee.minstretOffset = s.pointee.minstretOffset &- retired &- 1
            }
        }
        s.pointee.mcountinhibit = value
        refreshActivity()
    }

    /// Finds out whether any programmable counter counts.
    func noteCounterActivity() {
        counterIsActive = (3..<32).contains { index in
            state.pointee.mhpmevent[index] & Event.selector != 0
                && state.pointee.mcountinhibit & 1 << UInt64(index) == 0
        }
    }

    private func refreshActivity() {
        noteCounterActivity()
        // Counters are brought up to date at each change of level: so none may go by unseen.
        forgetContexts()
        stopSoon()
    }

    /// Whether the counter counts at the present privilege.
    private func counts(_ index: Int) -> Bool {
        let event = state.pointee.mhpmevent[index]
        guard event & Event.selector != 0, state.pointee.mcountinhibit & 1 << UInt64(index) == 0 else { return false }
        switch (state.pointee.privilege, state.pointee.virtual) {
        case (.machine, _): return event & Event.inhibitMachine == 0
        case (.supervisor, false): return event & Event.inhibitSupervisor == 0
        case (.user, false): return event & Event.inhibitUser == 0
        case (.supervisor, true): return event & Event.inhibitVirtualSupervisor == 0
        case (.user, true): return event & Event.inhibitVirtualUser == 0
        }
    }

    /// Adds what has been executed since the last time, all of it at the present privilege.
    func updateCounters() {
        let s = state
        let (newExecuted, newRetired) = (executed, retired)
        let cycles = newExecuted &- s.pointee.hpmExecuted
        let instructions = newRetired &- s.pointee.hpmRetired
        s.pointee.hpmExecuted = newExecuted
        s.pointee.hpmRetired = newRetired
        guard counterIsActive else { return }
        for index in 3..<32 where counts(index) {
            let isCycles = s.pointee.mhpmevent[index] & Event.selector == Event.cycles
            let (sum, overflowed) = s.pointee.mhpmcounter[index].addingReportingOverflow(
                isCycles ? cycles : instructions)
            s.pointee.mhpmcounter[index] = sum
            if overflowed && s.pointee.mhpmevent[index] & Event.overflow == 0 {
                s.pointee.mhpmevent[index] |= Event.overflow
                s.pointee.mip |= 1 << RISCV.Interrupt.localCounterOverflow
                interruptsChanged()
            }
        }
    }

    /// Makes the turn pause where the next counter overflows, so that its interrupt comes on that instruction.
    func limitToCounterOverflow() {
        updateCounters()
        let core = UnsafeMutableRawPointer(state).assumingMemoryBound(to: CoreState.self)
        var limit = core.pointee.budget
        for index in 3..<32 where counts(index) && state.pointee.mhpmevent[index] & Event.overflow == 0 {
            let left = 0 &- state.pointee.mhpmcounter[index]
            if left != 0 { limit = min(limit, left) }
        }
        core.pointee.withheld &+= core.pointee.budget &- limit
        core.pointee.budget = limit
    }

    /// scountovf: the OF bits that mcounteren (and for V=1 hcounteren) lets be seen.
    var counterOverflows: UInt64 {
        updateCounters()
        var bits: UInt64 = 0
        for index in 3..<32 where state.pointee.mhpmevent[index] & Event.overflow != 0 { bits |= 1 << UInt64(index) }
        if state.pointee.privilege != .machine { bits &= state.pointee.mcounteren }
        if state.pointee.virtual { bits &= state.pointee.hcounteren }
        return bits
    }

    // MARK: Timers

    /// A comparator, its enable, or what shifts it was written.
    func comparatorsChanged() {
        updateTimers()
        environment.timersChanged(self)
    }

    /// Sets STIP and VSTIP as the comparators say now.
    public func updateTimers() {
        let s = state
        let time = environment.time
        var lines = s.pointee.lines
        lines &= ~(1 << RISCV.Interrupt.supervisorTimer | 1 << RISCV.Interrupt.virtualSupervisorTimer)
        if s.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.stce != 0 {
            // The bit is the comparator's alone while it is in force.
            s.pointee.mip &= ~(1 << RISCV.Interrupt.supervisorTimer)
            if time >= s.pointee.stimecmp { lines |= 1 << RISCV.Interrupt.supervisorTimer }
            if henvcfg & RISCV.State.EnvironmentConfiguration.stce != 0,
                time &+ s.pointee.htimedelta >= s.pointee.vstimecmp
            {
                lines |= 1 << RISCV.Interrupt.virtualSupervisorTimer
            }
        }
        s.pointee.lines = lines
        interruptsChanged()
    }

    /// The timer value at which ``updateTimers()`` has to be called next; nil when no comparator will ever match.
    public var nextTimer: UInt64? {
        let s = state
        guard s.pointee.menvcfg & RISCV.State.EnvironmentConfiguration.stce != 0 else { return nil }
        let time = environment.time
        var next: UInt64?
        if s.pointee.stimecmp > time && s.pointee.stimecmp != ~0 { next = s.pointee.stimecmp }
        if henvcfg & RISCV.State.EnvironmentConfiguration.stce != 0 {
            let guestTime = time &+ s.pointee.htimedelta
            if s.pointee.vstimecmp > guestTime && s.pointee.vstimecmp != ~0 {
                let due = time &+ (s.pointee.vstimecmp &- guestTime)
                if due > time { next = min(next ?? ~0, due) }
            }
        }
        return next
    }
}
