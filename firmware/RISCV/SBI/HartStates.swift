import RISCV

/// Harts that a call names: a mask from a base, or all of them (SBI 2.0, 3.1). Stopped harts are not available to
/// supervisor code, so naming one is an error, but "all" leaves them out.
struct HartSet {
    private var mask: UInt64 = 0

    init(mask: UInt64, base: UInt64) throws(SBIError) {
        if base == ~0 {
            self = HartSet(ignoringStoppedIn: platform.hartMask)
            return
        }
        guard mask != 0 else { return }
        guard base < UInt64(HART_LIMIT) else { throw .invalidParameter }
        for bit in 0..<UInt64(64) where mask >> bit & 1 != 0 {
            guard let hart = Hart(base + bit), hart.isAvailable else { throw .invalidParameter }
            self.mask |= 1 << (base + bit)
        }
    }

    init(ignoringStoppedIn mask: UInt64) {
        for identifier in 0..<UInt64(HART_LIMIT) where mask >> identifier & 1 != 0 {
            if let hart = Hart(identifier), hart.isAvailable { self.mask |= 1 << identifier }
        }
    }

    /// Raises an event on every hart of the set.
    func raise(_ event: HartEvents) {
        for identifier in 0..<UInt64(HART_LIMIT) where mask >> identifier & 1 != 0 { Hart(identifier)?.raise(event) }
    }

    mutating func remove(_ hart: Hart) -> Bool {
        let bit: UInt64 = 1 << hart.identifier
        defer { mask &= ~bit }
        return mask & bit != 0
    }

    var count: Int { mask.nonzeroBitCount }
}

extension Hart {
    /// Whether supervisor code runs on it, or will without being asked again.
    var isAvailable: Bool {
        switch state {
        case .stopped, .stopPending: false
        default: true
        }
    }
}

/// Hart state management (SBI 2.0, chapter 9).
func callHartState(_ function: UInt64, _ frame: Frame, _ hart: Hart) throws(SBIError) -> UInt64 {
    switch function {
    case 0:
        guard let target = Hart(frame[10]) else { throw .invalidParameter }
        guard target.state == .stopped else { throw .alreadyAvailable }
        guard platform.isSupervisorMemory(frame[11], count: 2) else { throw .invalidAddress }
        // The state is claimed before the mailbox is written: of two starters, one wins.
        guard target.replaceState(.stopped, with: .startPending) else { throw .alreadyAvailable }
        target.start = (frame[11], frame[12])
        fence_memory()
        target.raise(.start)
        return 0
    case 1:
        hart.state = .stopPending
        waitToBeStarted(hart)
    case 2:
        guard let target = Hart(frame[10]) else { throw .invalidParameter }
        return UInt64(target.state.rawValue)
    case 3:
        return try suspend(type: UInt32(truncatingIfNeeded: frame[10]), frame, hart)
    default:
        throw .notSupported
    }
}

/// The stopped state: interrupts of supervisor code are off, remote fences are still answered, and a start leaves.
func waitToBeStarted(_ hart: Hart) -> Never {
    csr_write_mie(Interrupt.machineSoftware)
    // A start can only be asked for after this; a hart that joins late may find one already asked for.
    _ = hart.replaceState(.stopPending, with: .stopped)
    while true {
        let events = handleEvents(hart)
        if events.contains(.start) {
            hart.prepare()
            hart.state = .started
            let start = hart.start
            hart.enter(start.address, opaque: start.opaque)
        }
        wait_for_interrupt()
    }
}

/// hart_suspend: waits until an interrupt that supervisor code has enabled is pending. Retentive returns to the caller;
/// non-retentive goes to the resume address with the registers of a start.
private func suspend(type: UInt32, _ frame: Frame, _ hart: Hart) throws(SBIError) -> UInt64 {
    let retentive: UInt32 = 0, nonRetentive: UInt32 = 0x8000_0000
    guard type == retentive || type == nonRetentive else {
        // Reserved values are errors; the platform has no types of its own.
        throw type & 0x7fff_ffff < 0x1000_0000 ? .invalidParameter : .notSupported
    }
    if type == nonRetentive, !platform.isSupervisorMemory(frame[11], count: 2) { throw .invalidAddress }
    hart.state = .suspended
    while true {
        handleEvents(hart)
        let pending = csr_read_mip() & csr_read_mie()
        if pending & Interrupt.machineTimer != 0 {
            csr_clear_mie(Interrupt.machineTimer)
            csr_set_mip(Interrupt.supervisorTimer)
            continue
        }
        if pending & ~Interrupt.machineSoftware != 0 { break }
        wait_for_interrupt()
    }
    hart.state = .started
    if type == retentive { return 0 }
    csr_write_satp(0)
    csr_clear_mie(~Interrupt.machineSoftware)
    if !hart.features.contains(.supervisorTimer) { csr_set_mie(Interrupt.machineTimer) }
    hart.enter(frame[11], opaque: frame[12])
}
