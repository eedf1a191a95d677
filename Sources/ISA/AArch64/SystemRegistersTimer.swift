import ISA

/// The generic timer (D11): counters, and four timers that compare with one of them.
///
/// A timer's output is level-sensitive, and held for as long as its condition is met (D11.2.4). Nothing here runs: the
/// machine asks for the levels, and for the next time at which they change. The event stream (D11.2.3) has nobody to wake:
/// WFE waits for no more than a turn.
extension AArch64.ProcessingElement {
    private typealias Hypervisor = AArch64.HypervisorConfiguration
    private static var enable: UInt64 { 1 << 0 }
    private static var mask: UInt64 { 1 << 1 }

    /// CNTPCT_EL0, read by an instruction: virtual time is the PE's own, but for what other PEs have read.
    var physicalCount: UInt64 {
        timebase?.read(at: core.pointee.virtualTime) ?? environment.counter
    }

    /// CNTVCT_EL0. A host at EL2, and its applications, see no offset.
    var virtualCount: UInt64 {
        let isHosts = level == 2 ? hypervisorConfiguration & Hypervisor.e2h != 0 : level == 0 && isHost
        return isHosts ? physicalCount : physicalCount &- offset(.virtual)
    }

    /// What the counter that the timer compares with is behind the system counter.
    private func offset(_ timer: AArch64.GenericTimer) -> UInt64 {
        timer == .virtual && hasEL2 ? state.pointee.cntvoff : 0
    }

    /// The compare value is not ahead of the count. (CompareValue and count are unsigned, and so is their order.)
    private func isDue(_ timer: AArch64.GenericTimer) -> Bool {
        environment.counter &- offset(timer) >= state.pointee.timerCompare[timer.rawValue]
    }

    // MARK: Registers

    /// TimerValue: the low word of what is left, which may be less than nothing.
    func timerValue(_ index: Int) -> UInt64 {
        (state.pointee.timerCompare[index] &- countFor(index)) & 0xffff_ffff
    }

    func setTimerValue(_ index: Int, _ value: UInt64) {
        let signed = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
        setTimerCompare(index, countFor(index) &+ signed)
    }

    private func countFor(_ index: Int) -> UInt64 {
        environment.counter &- offset(AArch64.GenericTimer(rawValue: index) ?? .physical)
    }

    /// CTL: ENABLE, IMASK and ISTATUS, which says 0 while the timer is off.
    func timerControl(_ index: Int) -> UInt64 {
        let control = state.pointee.timerControl[index]
        guard control & Self.enable != 0, let timer = AArch64.GenericTimer(rawValue: index) else { return control }
        return isDue(timer) ? control | 1 << 2 : control
    }

    func setTimerControl(_ index: Int, _ value: UInt64) {
        state.pointee.timerControl[index] = value & (Self.enable | Self.mask)
        timersChanged()
    }

    func setTimerCompare(_ index: Int, _ value: UInt64) {
        state.pointee.timerCompare[index] = value
        timersChanged()
    }

    // MARK: For the machine

    /// Tells the machine that levels or times are others now.
    func timersChanged() { environment.timersChanged(self) }

    /// The outputs: bit n is that of ``AArch64/GenericTimer`` n.
    public func timerLevels() -> UInt64 {
        var levels: UInt64 = 0
        for timer in AArch64.GenericTimer.allCases {
            let control = state.pointee.timerControl[timer.rawValue]
            if control & (Self.enable | Self.mask) == Self.enable, isDue(timer) {
                levels |= 1 << UInt64(timer.rawValue)
            }
        }
        return levels
    }

    /// The system counter's value at which ``timerLevels()`` are others; nil where that never comes by itself.
    public func nextTimer() -> UInt64? {
        let now = environment.counter
        var next: UInt64?
        for timer in AArch64.GenericTimer.allCases {
            let index = timer.rawValue
            guard state.pointee.timerControl[index] & (Self.enable | Self.mask) == Self.enable, !isDue(timer) else {
                continue
            }
            let due = now &+ (state.pointee.timerCompare[index] &- countFor(index))
            // One that is due after the counter wraps is not due in any run.
            if due > now { next = min(next ?? ~0, due) }
        }
        return next
    }
}
