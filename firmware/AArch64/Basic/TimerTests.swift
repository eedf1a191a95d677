/// The virtual timer of EL1 (D11.2.4).
enum Timer {
    /// Of the virtual timer: PPI 11.
    static let interrupt: UInt64 = 27
    private static let enabled: UInt64 = 1, masked: UInt64 = 2, status: UInt64 = 4

    /// Hostile: every interrupt sets the next one.
    nonisolated(unsafe) static var isStorming = false
    /// Ticks go on, so far apart.
    nonisolated(unsafe) static var period: UInt64 = 0

    static func set(_ deadline: UInt64) {
        write_cntv_cval_el0(deadline)
        write_cntv_ctl_el0(enabled)
        instruction_barrier()
    }

    /// What an interrupt does: the next period, or never.
    static func rearm() { set(isStorming ? 0 : period != 0 ? Clock.now + period : ~0) }

    /// Has it interrupt at the deadline.
    static func begin(_ deadline: UInt64) {
        set(deadline)
        Machine.gic?.setEnabled(interrupt, true)
    }

    /// Nothing of it is left.
    static func stop() {
        period = 0
        write_cntv_ctl_el0(0)
        instruction_barrier()
        guard let gic = Machine.gic else { return }
        gic.setEnabled(interrupt, false)
        gic.setPending(interrupt, false)
    }

    static var hasCome: Bool { read_cntv_ctl_el0() & status != 0 }
}

/// An interrupt may be as late as this. No manual has a bound; a hypervisor may run other guests meanwhile.
private let latest: UInt64 = 250

func testTimer() {
    var isMonotonic = true, last = Clock.now
    let start = last
    for _ in 0..<10_000 {
        let now = Clock.now
        if now < last { isMonotonic = false }
        last = now
    }
    Test.holds("time never goes back", isMonotonic)
    Test.holds("time goes on", Clock.wait(milliseconds: 1000) { Clock.now > start })
    guard Machine.gic != nil else { return Test.skip("timer", "the tree has no interrupt controller") }
    let value = Clock.now + Machine.frequency * 3600
    write_cntv_cval_el0(value)
    Test.equal("CNTV_CVAL_EL0 reads as written", read_cntv_cval_el0(), value)
    Timer.set(value)
    Test.holds("timer far away has no status", !Timer.hasCome)
    Timer.set(0)
    Test.holds("timer in the past has its status", Timer.hasCome)
    Timer.begin(0)
    Test.holds(
        "timer in the past is pending at once", Clock.wait(milliseconds: latest) { External.isPending })
    Timer.stop()
    Test.holds("timer that is off is not pending", Clock.wait(milliseconds: latest) { !External.isPending })

    let delays: InlineArray<6, UInt64> = [0, 10, 100, 1000, 5000, 20_000]  // microseconds
    var earliest: UInt64 = ~0, worst: UInt64 = 0
    let before = hart_timer_interrupts(0)
    for round in 0..<24 {
        let deadline = Clock.now + Clock.microseconds(delays[round % 6])
        Timer.begin(deadline)
        // Half of them asleep.
        let start = hart_timer_interrupts(0)
        let came = Interrupt.take(milliseconds: 1000) {
            if round & 1 == 0, hart_timer_interrupts(0) == start { wait() }
            return hart_timer_interrupts(0) != start
        }
        let time = Machine.hart(0).pointee.timer_time
        guard came else { continue }
        earliest = min(earliest, time >= deadline ? 1 : 0)
        worst = max(worst, time &- deadline)
    }
    // A timer that is far away interrupts nobody.
    Timer.begin(Clock.now + Machine.frequency * 3600)
    _ = Interrupt.take(milliseconds: 2) { false }
    Timer.stop()
    Test.equal("timer interrupts once for each setting", UInt64(hart_timer_interrupts(0) &- before), 24)
    Test.equal("timer is never early", earliest, 1)
    Test.atMost("timer is not late", worst / max(Clock.milliseconds(1), 1), latest)

    // WFI goes on for an interrupt whatever PSTATE.I says (D1.17.2).
    let deadline = Clock.now + Clock.milliseconds(5)
    Timer.begin(deadline)
    let woke = Clock.wait(milliseconds: 1000) {
        wait()
        return External.isPending
    }
    Test.holds("timer ends WFI with interrupts off", woke && Clock.now >= deadline)
    Timer.stop()
    testPhysicalTimer()
}

/// The physical timer of EL1 (D11.2.4), by the physical counter.
private func testPhysicalTimer() {
    guard let gic = Machine.gic else { return }
    let interrupt: UInt64 = 30, enabled: UInt64 = 1, status: UInt64 = 4
    let far = counter() + Machine.frequency * 3600
    write_cntp_cval_el0(far)
    Test.equal("CNTP_CVAL_EL0 reads as written", read_cntp_cval_el0(), far)
    write_cntp_ctl_el0(enabled)
    instruction_barrier()
    Test.equal("physical timer far away has no status", read_cntp_ctl_el0(), enabled)
    gic.setEnabled(interrupt, true)
    let deadline = counter() + Clock.milliseconds(5)
    write_cntp_cval_el0(deadline)
    let woke = Clock.wait(milliseconds: 1000) {
        wait()
        return External.isPending
    }
    Test.holds("physical timer ends WFI, and not early", woke && counter() >= deadline)
    Test.equal("physical timer has its status", read_cntp_ctl_el0(), enabled | status)
    Test.equal("GIC acknowledges the physical timer", External.claim(Machine.thisHart), interrupt)
    write_cntp_ctl_el0(0)
    instruction_barrier()
    External.complete(Machine.thisHart, interrupt)
    Test.holds(
        "physical timer that is off is not pending", Clock.wait(milliseconds: latest) { !External.isPending })
    gic.setEnabled(interrupt, false)
}
