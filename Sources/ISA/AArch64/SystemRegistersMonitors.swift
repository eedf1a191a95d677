import ISA

/// The performance monitors (D12, D19.5).
///
/// A cycle is an executed instruction, so that cycles are virtual time; retired ones are those that did not end in an
/// exception. The counters are brought up to date whenever the exception level changes or somebody looks, with what was
/// executed since, all of it at the level that was left.
extension AArch64.ProcessingElement {
    /// Events (D12.11.2). STALL_FRONTEND, STALL_BACKEND and STALL are there and never happen: nothing is in a pipeline.
    enum MonitoredEvent {
        static let softwareIncrement: UInt64 = 0x00
        static let instructionRetired: UInt64 = 0x08
        static let exceptionTaken: UInt64 = 0x09
        static let exceptionReturn: UInt64 = 0x0a
        static let cycles: UInt64 = 0x11
        static let chain: UInt64 = 0x1e
        static let stalls: [UInt64] = [0x23, 0x24, 0x3c]
    }

    private enum Control {
        static let enable: UInt64 = 1 << 0
        static let resetEvents: UInt64 = 1 << 1
        static let resetCycles: UInt64 = 1 << 2
        static let divider: UInt64 = 1 << 3
        /// Not even the cycle counter counts where counting is prohibited.
        static let disableProhibited: UInt64 = 1 << 5
        static let longCycles: UInt64 = 1 << 6
        static let longEvents: UInt64 = 1 << 7
    }

    /// The cycle counter's bit in masks of counters.
    private static var cycleBit: UInt64 { 1 << 31 }
    private var counterCount: UInt64 { UInt64(model.eventCounters) }

    /// MDCR_EL2.HPMN: the counters below it are EL1's, and EL0's; without EL2 all are.
    private var guestCounters: UInt64 { hasEL2 ? min(state.pointee.mdcr & 31, counterCount) : counterCount }

    /// Those that the level may use.
    private var accessibleCounters: UInt64 { level < 2 && isEL2Enabled ? guestCounters : counterCount }
    private var accessibleMask: UInt64 { 1 << accessibleCounters - 1 | Self.cycleBit }

    // MARK: Registers

    func readMonitor(_ register: AArch64.SystemRegister.Computed, _ index: Int) -> UInt64 {
        let s = state
        switch register {
        case .pmcr: return model.monitorsCode | accessibleCounters << 11 | Control.longCycles | s.pointee.pmcr
        case .pmcntenset, .pmcntenclr: return s.pointee.pmcntenset & accessibleMask
        case .pmovsclr, .pmovsset:
            updateMonitors()
            return s.pointee.pmovsset & accessibleMask
        case .pmintenset, .pmintenclr: return s.pointee.pmintenset & accessibleMask
        case .pmselr: return s.pointee.pmselr
        case .pmceid0: return commonEvents(from: 0)
        case .pmceid1: return commonEvents(from: 32)
        case .pmccntr:
            updateMonitors()
            return s.pointee.pmccntr
        case .pmevcntr: return eventCounter(UInt64(index))
        case .pmxevcntr: return eventCounter(s.pointee.pmselr)
        case .pmevtyper: return eventType(UInt64(index))
        case .pmxevtyper: return eventType(s.pointee.pmselr)
        case .pmccfiltr: return s.pointee.pmccfiltr
        default: return 0
        }
    }

    func writeMonitor(_ register: AArch64.SystemRegister.Computed, _ index: Int, _ value: UInt64) {
        let s = state
        updateMonitors()
        switch register {
        case .pmcr: writeControl(value)
        case .pmcntenset: s.pointee.pmcntenset |= value & accessibleMask
        case .pmcntenclr: s.pointee.pmcntenset &= ~(value & accessibleMask)
        case .pmovsset: s.pointee.pmovsset |= value & accessibleMask
        case .pmovsclr: s.pointee.pmovsset &= ~(value & accessibleMask)
        case .pmintenset: s.pointee.pmintenset |= value & accessibleMask
        case .pmintenclr: s.pointee.pmintenset &= ~(value & accessibleMask)
        case .pmswinc: countEvent(MonitoredEvent.softwareIncrement, among: value & accessibleMask)
        case .pmselr: s.pointee.pmselr = value & 31
        case .pmccntr: s.pointee.pmccntr = value
        case .pmevcntr: setEventCounter(UInt64(index), value)
        case .pmxevcntr: setEventCounter(s.pointee.pmselr, value)
        case .pmevtyper: setEventType(UInt64(index), value)
        case .pmxevtyper: setEventType(s.pointee.pmselr, value)
        case .pmccfiltr: s.pointee.pmccfiltr = value & filterBits
        default: return
        }
        monitorsChanged()
    }

    private func writeControl(_ value: UInt64) {
        let s = state
        if value & Control.resetEvents != 0 {
            for index in 0..<Int(accessibleCounters) { s.pointee.pmevcntr[index] = 0 }
        }
        if value & Control.resetCycles != 0 { s.pointee.pmccntr = 0 }
        // LC is 1 without AArch32, so that D has no effect; X has nowhere to export to.
        var kept = Control.enable | Control.divider | Control.disableProhibited
        if features.contains(.pmuv3p5) { kept |= Control.longEvents }
        s.pointee.pmcr = value & kept
    }

    /// PMCEID0_EL0 and PMCEID1_EL0: bit n is event n, and bit 32 + n event 0x4000 + n, of which there is none.
    private func commonEvents(from first: UInt64) -> UInt64 {
        var events = [
            MonitoredEvent.softwareIncrement, MonitoredEvent.instructionRetired, MonitoredEvent.exceptionTaken,
            MonitoredEvent.exceptionReturn, MonitoredEvent.cycles, MonitoredEvent.chain,
        ]
        if features.contains(.pmuv3p1) { events += MonitoredEvent.stalls.dropLast() }
        if features.contains(.pmuv3p4) { events += MonitoredEvent.stalls.suffix(1) }
        return events.reduce(0) { first..<first + 32 ~= $1 ? $0 | 1 << ($1 - first) : $0 }
    }

    /// A counter that is not there, or not this level's, reads as zero and ignores writes.
    private func eventCounter(_ index: UInt64) -> UInt64 {
        guard index < accessibleCounters else { return 0 }
        updateMonitors()
        return state.pointee.pmevcntr[Int(index)]
    }

    private func setEventCounter(_ index: UInt64, _ value: UInt64) {
        guard index < accessibleCounters else { return }
        state.pointee.pmevcntr[Int(index)] = features.contains(.pmuv3p5) ? value : value & 0xffff_ffff
    }

    /// PMXEVTYPER_EL0 with PMSELR_EL0.SEL = 31 is PMCCFILTR_EL0.
    private func eventType(_ index: UInt64) -> UInt64 {
        if index == 31 { return state.pointee.pmccfiltr }
        return index < accessibleCounters ? state.pointee.pmevtyper[Int(index)] : 0
    }

    private func setEventType(_ index: UInt64, _ value: UInt64) {
        if index == 31 {
            state.pointee.pmccfiltr = value & filterBits
        } else if index < accessibleCounters {
            // evtCount has 16 bits from PMUv3p1 on.
            let numbers: UInt64 = features.contains(.pmuv3p1) ? 0xffff : 0x3ff
            state.pointee.pmevtyper[Int(index)] = value & (filterBits | numbers)
        }
    }

    /// P, U, NSH where there is an EL2, and NSK, NSU and M where there is an EL3.
    private var filterBits: UInt64 { 3 << 30 | (hasEL2 ? 1 << 27 : 0) | (hasEL3 ? 3 << 28 | 1 << 26 : 0) }

    // MARK: Counting

    /// Something that decides which counters count was written; they are up to date.
    func monitorsChanged() {
        noteMonitorActivity()
        // The turn has to end where the next counter overflows, and the interrupt's level may be another.
        stopSoon()
        timersChanged()
    }

    /// Finds out whether any counter counts, at some level.
    func noteMonitorActivity() {
        let s = state
        let guests = 1 << guestCounters - 1 | Self.cycleBit
        var enabled = s.pointee.pmcr & Control.enable != 0 ? guests : 0
        if s.pointee.mdcr >> 7 & 1 != 0 { enabled |= ~guests }
        s.pointee.monitorsAreActive = enabled & s.pointee.pmcntenset != 0
    }

    /// AArch64.CountPMUEvents, for an event counter by its number, or the cycle counter as 31 (D12.6).
    private func counts(_ index: UInt64) -> Bool {
        let s = state
        guard s.pointee.pmcntenset >> index & 1 != 0 else { return false }
        let isCycles = index == 31
        let isGuests = isCycles || index < guestCounters
        guard isGuests ? s.pointee.pmcr & Control.enable != 0 : s.pointee.mdcr >> 7 & 1 != 0 else { return false }
        let filter = isCycles ? s.pointee.pmccfiltr : s.pointee.pmevtyper[Int(index)]
        // MDCR_EL3.SPME and SCCD.
        if isSecure, isCycles ? s.pointee.mdcrEL3 >> 23 & 1 != 0 : s.pointee.mdcrEL3 >> 17 & 1 == 0 { return false }
        if isSecure, isCycles, s.pointee.mdcrEL3 >> 17 & 1 == 0, s.pointee.pmcr & Control.disableProhibited != 0 {
            return false
        }
        // NSU and NSK turn around what U and P say, in Non-secure state; M what P says, at EL3.
        let own = hasEL3 && !isSecure ? filter ^ filter << 2 : filter
        switch level {
        case 0: return own >> 30 & 1 == 0
        case 1: return own >> 31 & 1 == 0
        case 3: return (filter >> 31 ^ filter >> 26) & 1 == 0
        default:
            // MDCR_EL2.HPMD and HCCD.
            let isProhibited = isGuests && s.pointee.mdcr >> 17 & 1 != 0
            if isCycles {
                if isProhibited && s.pointee.pmcr & Control.disableProhibited != 0 { return false }
                if s.pointee.mdcr >> 23 & 1 != 0 { return false }
            } else if isProhibited {
                return false
            }
            return filter >> 27 & 1 != 0
        }
    }

    /// Adds what has been executed since the last time.
    func updateMonitors() {
        let s = state
        let executed = core.pointee.executed
        let retired = executed &- core.pointee.trapped
        let cycles = executed &- s.pointee.monitoredExecuted
        let instructions = retired &- s.pointee.monitoredRetired
        s.pointee.monitoredExecuted = executed
        s.pointee.monitoredRetired = retired
        guard s.pointee.monitorsAreActive, cycles != 0 else { return }
        if counts(31) {
            let (sum, overflows) = s.pointee.pmccntr.addingReportingOverflow(cycles)
            s.pointee.pmccntr = sum
            if overflows { overflowed(31) }
        }
        for index in 0..<counterCount where counts(index) {
            switch s.pointee.pmevtyper[Int(index)] & 0xffff {
            case MonitoredEvent.cycles: add(cycles, to: index)
            case MonitoredEvent.instructionRetired: add(instructions, to: index)
            default: break
            }
        }
    }

    /// An exception is taken, or returned from: it and what was executed until then belong to the level that is left.
    func countAtLevelChange(_ event: UInt64) {
        updateMonitors()
        countEvent(event)
    }

    /// An event that happens once.
    private func countEvent(_ event: UInt64, among counters: UInt64 = ~0) {
        guard state.pointee.monitorsAreActive else { return }
        for index in 0..<counterCount where counters >> index & 1 != 0 {
            if state.pointee.pmevtyper[Int(index)] & 0xffff == event, counts(index) { add(1, to: index) }
        }
    }

    private func add(_ count: UInt64, to index: UInt64) {
        let s = state
        let old = s.pointee.pmevcntr[Int(index)]
        let (sum, carries) = old.addingReportingOverflow(count)
        let isLong = features.contains(.pmuv3p5)
        s.pointee.pmevcntr[Int(index)] = isLong ? sum : sum & 0xffff_ffff
        let overflowsWord = count > 0xffff_ffff - (old & 0xffff_ffff)
        guard countsLong(index) ? carries : overflowsWord else { return }
        overflowed(index)
        // CHAIN: the odd counter above counts overflows of the even one (D12.11.2, event 0x001E).
        if index & 1 == 0, index + 1 < counterCount, counts(index + 1),
            s.pointee.pmevtyper[Int(index + 1)] & 0xffff == MonitoredEvent.chain
        {
            add(1, to: index + 1)
        }
    }

    /// Whether all 64 bits have to be used up for an overflow: PMCR_EL0.LP, and MDCR_EL2.HLP for EL2's counters.
    private func countsLong(_ index: UInt64) -> Bool {
        guard features.contains(.pmuv3p5) else { return false }
        return index < guestCounters ? state.pointee.pmcr & Control.longEvents != 0 : state.pointee.mdcr >> 26 & 1 != 0
    }

    private func overflowed(_ index: UInt64) {
        let old = state.pointee.pmovsset
        state.pointee.pmovsset |= 1 << index
        if old != state.pointee.pmovsset { timersChanged() }
    }

    // MARK: For the machine and the run loop

    /// The overflow interrupt, level-sensitive (D12.4).
    public var monitorsInterrupt: Bool {
        let s = state
        let pending = s.pointee.pmovsset & s.pointee.pmintenset
        let guests = 1 << guestCounters - 1 | Self.cycleBit
        if s.pointee.pmcr & Control.enable != 0, pending & guests != 0 { return true }
        return s.pointee.mdcr >> 7 & 1 != 0 && pending & ~guests != 0
    }

    /// Makes the turn pause where the next counter overflows, so that its interrupt comes on that instruction.
    func limitToMonitorOverflow() {
        updateMonitors()
        var limit = core.pointee.budget
        if counts(31), state.pointee.pmccntr != 0 { limit = min(limit, 0 &- state.pointee.pmccntr) }
        for index in 0..<counterCount where counts(index) {
            let event = state.pointee.pmevtyper[Int(index)] & 0xffff
            guard event == MonitoredEvent.cycles || event == MonitoredEvent.instructionRetired else { continue }
            let value = state.pointee.pmevcntr[Int(index)]
            let left = countsLong(index) ? 0 &- value : 1 << 32 &- value & 0xffff_ffff
            if left != 0 { limit = min(limit, left) }
        }
        core.pointee.withheld &+= core.pointee.budget &- limit
        core.pointee.budget = limit
    }
}
