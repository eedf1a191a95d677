import Testing

@testable import AArch64ISA
@testable import ISA

/// The generic timer (D11), with the system counter in the test's hands.
@Suite("AArch64 generic timers")
struct AArch64TimerTests {
    private static let physical: UInt64 = 1 << 0
    private static let virtual: UInt64 = 1 << 1
    private static let hypervisor: UInt64 = 1 << 2
    private static let hypervisorVirtual: UInt64 = 1 << 3

    @Test("A timer's output is high while it is on, not masked, and its compare value is reached (D11.2.4)")
    func levels() throws {
        let test = try AArch64TestElement(level: 1)
        test.counter = 99
        try test.write("CNTP_CVAL_EL0", 100)
        try test.write("CNTP_CTL_EL0", 1)
        #expect(test.element.timerLevels() == 0)
        #expect(try test.read("CNTP_CTL_EL0") == 1)
        test.counter = 100
        #expect(test.element.timerLevels() == Self.physical)
        #expect(try test.read("CNTP_CTL_EL0") == 5, "ISTATUS")
        try test.write("CNTP_CTL_EL0", 3)
        #expect(test.element.timerLevels() == 0, "IMASK")
        #expect(try test.read("CNTP_CTL_EL0") == 7, "the condition is met although it is masked")
        try test.write("CNTP_CTL_EL0", 0)
        #expect(try test.read("CNTP_CTL_EL0") == 0, "ISTATUS is 0 while the timer is off")
    }

    @Test("TimerValue is what is left to the compare value, as a signed word, and sets it (D11.2.4)")
    func timerValue() throws {
        let test = try AArch64TestElement(level: 1)
        test.counter = 0x1_0000_0000
        try test.write("CNTV_TVAL_EL0", 0x10)
        #expect(try test.read("CNTV_CVAL_EL0") == 0x1_0000_0010)
        try test.write("CNTV_TVAL_EL0", 0xffff_fff0)
        #expect(try test.read("CNTV_CVAL_EL0") == 0xffff_fff0)
        #expect(try test.read("CNTV_TVAL_EL0") == 0xffff_fff0, "less than nothing is left")
        test.counter = 0x1_0000_0001
        #expect(try test.read("CNTV_TVAL_EL0") == 0xffff_ffef)
    }

    @Test("CNTVOFF_EL2 sets the virtual counter and timer back, but for a host at EL2 (D11.2.2)")
    func virtualOffset() throws {
        let test = try AArch64TestElement()
        test.counter = 1000
        try test.write("CNTVOFF_EL2", 400)
        #expect(try test.read("CNTVCT_EL0") == 600)
        try test.write("CNTV_CVAL_EL0", 601)
        try test.write("CNTV_CTL_EL0", 1)
        #expect(test.element.timerLevels() == 0)
        #expect(test.element.nextTimer() == 1001)
        test.counter = 1001
        #expect(test.element.timerLevels() == Self.virtual)
        try test.write("HCR_EL2", 1 << 31 | 1 << 34)
        #expect(try test.read("CNTVCT_EL0") == 1001, "a host at EL2")
        try test.write("HCR_EL2", 1 << 31 | 1 << 34 | 1 << 27)
        try test.write("CNTHCTL_EL2", 3)
        test.enter(0)
        #expect(try test.read("CNTVCT_EL0") == 1001, "and its applications")
    }

    @Test("The next time that matters is that of the earliest timer which is on, not masked, and not due")
    func next() throws {
        let test = try AArch64TestElement()
        test.counter = 50
        #expect(test.element.nextTimer() == nil)
        for (name, value, control): (String, UInt64, UInt64) in [
            ("CNTP", 40, 1), ("CNTV", 60, 3), ("CNTHP", 90, 1), ("CNTHV", 80, 1),
        ] {
            let end = name.hasPrefix("CNTH") ? "EL2" : "EL0"
            try test.write("\(name)_CVAL_\(end)", value)
            try test.write("\(name)_CTL_\(end)", control)
        }
        #expect(test.timerChanges == 8)
        #expect(test.element.nextTimer() == 80)
        #expect(test.element.timerLevels() == Self.physical)
        test.counter = 85
        #expect(test.element.nextTimer() == 90)
        #expect(test.element.timerLevels() == Self.physical | Self.hypervisorVirtual)
        test.counter = 90
        #expect(test.element.nextTimer() == nil)
        #expect(test.element.timerLevels() == Self.physical | Self.hypervisor | Self.hypervisorVirtual)
    }

    @Test("A compare value that is never reached makes no event")
    func never() throws {
        let test = try AArch64TestElement()
        test.counter = 1000
        try test.write("CNTVOFF_EL2", 500)
        try test.write("CNTV_CVAL_EL0", ~0)
        try test.write("CNTV_CTL_EL0", 1)
        #expect(test.element.nextTimer() == nil, "the system counter would have to pass its end")
    }

    @Test("For a host at EL2, the names of EL0's timers are EL2's timers, and _EL02 names are EL0's (D11.2.4, D8.9)")
    func host() throws {
        let test = try AArch64TestElement(hcr: 1 << 31 | 1 << 34)
        try test.write("CNTP_CVAL_EL0", 1)
        try test.write("CNTV_CVAL_EL0", 2)
        try test.write("CNTP_CVAL_EL02", 3)
        try test.write("CNTV_CVAL_EL02", 4)
        #expect(try test.read("CNTHP_CVAL_EL2") == 1)
        #expect(try test.read("CNTHV_CVAL_EL2") == 2)
        try test.write("HCR_EL2", 1 << 31 | 1 << 34 | 1 << 27)
        try test.write("CNTHCTL_EL2", 0x303)
        test.enter(0)
        #expect(try test.read("CNTP_CVAL_EL0") == 1, "and to its applications")
        test.enter(2)
        try test.write("HCR_EL2", 1 << 31)
        #expect(try test.read("CNTP_CVAL_EL0") == 3)
        #expect(try test.read("CNTV_CVAL_EL0") == 4)
    }
}
