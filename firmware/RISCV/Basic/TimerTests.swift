import RISCV

/// The two timers of a hart: the SBI's, and stimecmp (Sstc extension).
enum Timer {
    /// Hostile: every interrupt sets the next one.
    nonisolated(unsafe) static var isStorming = false
    /// Whether the interrupt sets stimecmp, or calls the SBI.
    nonisolated(unsafe) static var usesStimecmp = false
    /// Ticks go on, so far apart.
    nonisolated(unsafe) static var period: UInt64 = 0

    static func set(_ deadline: UInt64) {
        if usesStimecmp { csr_write_stimecmp(deadline) } else { SBI.setTimer(deadline) }
    }

    /// What an interrupt does: the next period, or never.
    static func rearm() { set(isStorming ? 0 : period != 0 ? Clock.now + period : ~0) }

    /// Has it interrupt at the deadline.
    static func begin(_ deadline: UInt64) {
        SBI.setTimer(deadline)
        csr_set_sie(Interrupt.timer)
    }

    static func stop() {
        period = 0
        set(~0)
        csr_clear_sie(Interrupt.timer)
    }
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
    testTimer(
        comparator: false, early: "SBI timer is never early", late: "SBI timer is not late",
        past: "SBI timer in the past is pending at once", clear: "SBI timer moved away is not pending",
        count: "SBI timer interrupts once for each setting", wait: "SBI timer ends WFI with interrupts off")
    guard Machine.hasStimecmp else { return Test.skip("stimecmp", "the tree has no sstc") }
    testTimer(
        comparator: true, early: "stimecmp is never early", late: "stimecmp is not late",
        past: "stimecmp in the past is pending at once", clear: "stimecmp moved away is not pending",
        count: "stimecmp interrupts once for each setting", wait: "stimecmp ends WFI with interrupts off")
    let value = Clock.now + Machine.frequency * 3600
    csr_write_stimecmp(value)
    Test.equal("stimecmp reads as written", csr_read_stimecmp(), value)
    csr_write_stimecmp(~0)
    Timer.usesStimecmp = false
}

private func isPending() -> Bool { csr_read_sip() & Interrupt.timer != 0 }

private func testTimer(
    comparator: Bool, early: StaticString, late: StaticString, past: StaticString, clear: StaticString,
    count: StaticString, wait: StaticString
) {
    Timer.usesStimecmp = comparator
    // TIME, sbi_set_timer: pending until the next setting; to clear it without a next event, infinitely far away.
    Timer.set(0)
    Test.holds(past, Clock.wait(milliseconds: latest, until: isPending))
    Timer.set(~0)
    Test.holds(clear, Clock.wait(milliseconds: latest) { !isPending() })

    let delays: InlineArray<6, UInt64> = [0, 10, 100, 1000, 5000, 20_000]  // microseconds
    var earliest: UInt64 = ~0, worst: UInt64 = 0
    let before = hart_timer_interrupts(0)
    csr_set_sie(Interrupt.timer)
    for round in 0..<24 {
        let deadline = Clock.now + Clock.microseconds(delays[round % 6])
        Timer.set(deadline)
        // Half of them asleep.
        let start = hart_timer_interrupts(0)
        let came = Interrupt.take(milliseconds: 1000) {
            if round & 1 == 0, hart_timer_interrupts(0) == start { wait_for_interrupt() }
            return hart_timer_interrupts(0) != start
        }
        let time = Machine.hart(0).pointee.timer_time
        guard came else { continue }
        earliest = min(earliest, time >= deadline ? 1 : 0)
        worst = max(worst, time &- deadline)
    }
    // A timer that is far away interrupts nobody.
    Timer.set(Clock.now + Machine.frequency * 3600)
    _ = Interrupt.take(milliseconds: 2) { false }
    Timer.stop()
    Test.equal(count, UInt64(hart_timer_interrupts(0) &- before), 24)
    Test.equal(early, earliest, 1)
    Test.atMost(late, worst / max(Clock.milliseconds(1), 1), latest)

    // WFI goes on for an interrupt that sie enables, whatever SIE says (Privileged ISA, wait for interrupt).
    let deadline = Clock.now + Clock.milliseconds(5)
    Timer.set(deadline)
    csr_set_sie(Interrupt.timer)
    let woke = Clock.wait(milliseconds: 1000) {
        wait_for_interrupt()
        return isPending()
    }
    Test.holds(wait, woke && Clock.now >= deadline)
    Timer.stop()
}
