import AArch64

/// A guest's virtual and physical timers (D11.2.4). They are the CPU's own while the VCPU is loaded, and interrupt the host,
/// which gives the interrupt to the guest; while the VCPU waits elsewhere, an event of Hyper's wakes it.
enum GuestTimer {
    private static let enabled: UInt64 = 1 << 0, masked: UInt64 = 1 << 1
    /// Of guests' timers, where all have them: PPI 11 and PPI 14.
    private static let guestInterrupts = (virtual: 27, physical: 30)
    // SAFETY: written while one CPU runs, at boot. As the tree has them.
    nonisolated(unsafe) static var hostInterrupts = (virtual: 27, physical: 30)

    /// A timer of the VCPU that is loaded here has come. The interrupt stays taken until the guest has completed it.
    @inline(__always)
    static func expired(isPhysical: Bool) {
        let host = isPhysical ? hostInterrupts.physical : hostInterrupts.virtual
        guard let vcpu = AArch64Port.cpu.pointee.loaded else { return HostGIC.deactivate(UInt64(host)) }
        vcpu.pointee.guest._withUnsafeGuaranteedRef { guest in
            guard let controller = guest.interrupts.controller else {
                // Nobody could complete it.
                mask(isPhysical: isPhysical)
                return HostGIC.deactivate(UInt64(host))
            }
            controller.raise(
                isPhysical ? guestInterrupts.physical : guestInterrupts.virtual, of: vcpu, host: host)
        }
    }

    private static func mask(isPhysical: Bool) {
        let isHost = AArch64Port.isHost
        if isPhysical {
            write_guest_physical_timer_control(isHost, read_guest_physical_timer_control(isHost) | masked)
        } else {
            write_guest_virtual_timer_control(isHost, read_guest_virtual_timer_control(isHost) | masked)
        }
        instruction_barrier()
    }

    /// The VCPU is not loaded any more: where it waits, it is to be woken when a timer of its comes.
    static func saved(_ vcpu: VCPUReference, _ state: UnsafeMutablePointer<AArch64VCPUState>) {
        guard let thread = vcpu.pointee.thread, thread.pointee.state == .blocked else { return }
        var deadline = UInt64.max
        if isRunning(state.pointee.virtualTimerControl) {
            let (time, overflows) = state.pointee.virtualTimerCompare.addingReportingOverflow(
                state.pointee.timerOffset)
            if !overflows { deadline = time }
        }
        if isRunning(state.pointee.physicalTimerControl) {
            deadline = min(deadline, state.pointee.physicalTimerCompare)
        }
        if deadline != .max { vcpu.wake(at: deadline) }
    }

    @inline(__always)
    private static func isRunning(_ control: UInt64) -> Bool { control & (enabled | masked) == enabled }

    @inline(__always)
    static func loaded(_ vcpu: VCPUReference) {
        if let timer = vcpu.pointee.timer { Timers.cancel(timer) }
    }
}
