import AArch64

/// A guest's virtual timer (D11.2.4). It is the CPU's own while the VCPU is loaded, and interrupts the host, which gives the
/// interrupt to the guest; while the VCPU waits elsewhere, an event of Hyper's wakes it.
enum GuestTimer {
    private static let enabled: UInt64 = 1 << 0, masked: UInt64 = 1 << 1

    /// The timer of the VCPU that is loaded here has come. The interrupt stays taken until the guest has completed it.
    @inline(__always)
    static func expired() {
        guard let vcpu = AArch64Port.cpu.pointee.loaded else { return HostGIC.deactivate(timerNumber) }
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guard let controller = guest.interrupts.controller else {
                // Nobody could complete it.
                write_cntv_ctl_el0(read_cntv_ctl_el0() | masked)
                instruction_barrier()
                return HostGIC.deactivate(timerNumber)
            }
            controller.raise(guestInterrupt, of: vcpu, host: AArch64Port.guestTimerInterrupt)
        }
    }

    private static var timerNumber: UInt64 { UInt64(AArch64Port.guestTimerInterrupt) }
    /// Of the guest's virtual timer, where all have it: PPI 11.
    static let guestInterrupt = 27

    /// The VCPU is not loaded any more: where it waits, it is to be woken when its timer comes.
    static func saved(_ vcpu: VCPUReference, _ state: UnsafeMutablePointer<AArch64VCPUState>) {
        // Nothing of it interrupts this CPU any more.
        write_cntv_ctl_el0(0)
        guard state.pointee.timerControl & (enabled | masked) == enabled, let thread = vcpu.pointee.thread,
            thread.pointee.state == .blocked
        else { return }
        let (deadline, overflows) = state.pointee.timerCompare.addingReportingOverflow(state.pointee.timerOffset)
        if overflows { return }
        if state.pointee.timer == nil {
            let timer = TimerReference.allocate(capacity: 1)
            timer.initialize(to: TimerEvent(action: .wake(thread)))
            state.pointee.timer = timer
        }
        if let timer = state.pointee.timer { Timers.arm(timer, at: deadline) }
    }

    @inline(__always)
    static func loaded(_ state: UnsafeMutablePointer<AArch64VCPUState>) {
        if let timer = state.pointee.timer { Timers.cancel(timer) }
    }
}
