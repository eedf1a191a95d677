import RISCV

/// Floating point registers belong to the guest for as long as it runs, whoever runs in between.
enum Floats {
    nonisolated(unsafe) private static var rounds: UInt64 = 1000
    static let words = 33

    /// A run that nothing of the guest's own interrupts, about 20 ms long, as the reference.
    static func calibrate() {
        rounds = 1000
        // The first run is for translators and caches.
        compute_floats(rounds, float_results(0, 0))
        let start = Clock.now
        compute_floats(rounds, float_results(0, 0))
        let time = max(Clock.now &- start, 1)
        rounds = min(max(Clock.milliseconds(20) * rounds / time, 1000), 200_000)
        compute_floats(rounds, float_results(0, 0))
    }

    /// The same with timer interrupts on. Returns how many registers differ.
    static func computeInterrupted(_ hart: UInt64) -> UInt64 {
        csr_set_sie(Interrupt.timer)
        SBI.setTimer(0)
        csr_set_sstatus(Interrupt.enable)
        compute_floats(rounds, float_results(hart, 1))
        csr_clear_sstatus(Interrupt.enable)
        return differences(float_results(hart, 1), float_results(0, 0))
    }

    static func differences(_ left: UnsafePointer<UInt64>, _ right: UnsafePointer<UInt64>) -> UInt64 {
        // SAFETY: both have 32 registers, then fcsr.
        var count: UInt64 = 0
        for word in 0..<words where left[word] != right[word] { count += 1 }
        return count
    }
}

/// sstatus.FS: Initial, so that floating point instructions are legal.
func setUpFloats() { if Machine.hasFloat { csr_set_sstatus(1 << 13) } }

func testFloats() {
    guard Machine.hasFloat else { return Test.skip("floating point", "the tree has no d") }
    Floats.calibrate()
    Timer.period = Clock.microseconds(200)
    let before = hart_timer_interrupts(0)
    let wrong = Floats.computeInterrupted(0)
    let ticks = UInt64(hart_timer_interrupts(0) &- before)
    Timer.stop()
    Test.equal("floating point registers survive timer interrupts", wrong, 0)
    Test.atLeast("there were timer interrupts meanwhile", ticks, 5)

    var lost: UInt64 = 0
    csr_set_sie(Interrupt.timer)
    for _ in 0..<5 {
        SBI.setTimer(Clock.now + Clock.milliseconds(2))
        hold_floats(float_results(0, 1))
        for word in 0..<32 where float_results(0, 1)[word] != float_values()[word] { lost += 1 }
        if float_results(0, 1)[32] != 0x20 { lost += 1 }
    }
    Timer.stop()
    Test.equal("floating point registers survive WFI", lost, 0)
    let dirty: UInt64 = 3 << 13
    Test.equal("sstatus says that they are dirty", csr_read_sstatus() & dirty, dirty)
}
