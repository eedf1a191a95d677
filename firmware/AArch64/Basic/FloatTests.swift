/// Floating-point and vector registers belong to the guest for as long as it runs, whoever runs in between.
enum Floats {
    nonisolated(unsafe) private static var rounds: UInt64 = 1000
    static let words = Int(BASIC_FLOAT_WORDS)

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
        Timer.begin(0)
        Interrupt.turnOn()
        compute_floats(rounds, float_results(hart, 1))
        Interrupt.turnOff()
        return differences(float_results(hart, 1), float_results(0, 0))
    }

    static func differences(_ left: UnsafePointer<UInt64>, _ right: UnsafePointer<UInt64>) -> UInt64 {
        // SAFETY: both have 32 registers of two words, then FPCR and FPSR.
        var count: UInt64 = 0
        for word in 0..<words where left[word] != right[word] { count += 1 }
        return count
    }
}

/// Each CPU's boot code has turned it on.
func setUpFloats() {}

func testFloats() {
    Floats.calibrate()
    Timer.period = Clock.microseconds(200)
    let before = hart_timer_interrupts(0)
    let wrong = Floats.computeInterrupted(0)
    let ticks = UInt64(hart_timer_interrupts(0) &- before)
    Timer.stop()
    Test.equal("floating point registers survive timer interrupts", wrong, 0)
    Test.atLeast("there were timer interrupts meanwhile", ticks, 5)

    var lost: UInt64 = 0
    for _ in 0..<5 {
        Timer.begin(Clock.now + Clock.milliseconds(2))
        hold_floats(float_results(0, 1))
        for word in 0..<64 where float_results(0, 1)[word] != float_values()[word] { lost += 1 }
        if float_results(0, 1)[64] != 3 << 22 || float_results(0, 1)[65] != 1 { lost += 1 }
    }
    Timer.stop()
    Test.equal("floating point registers survive WFI", lost, 0)
}
