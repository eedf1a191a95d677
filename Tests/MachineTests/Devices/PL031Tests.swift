import Testing

@testable import Machine

/// Expected values: PrimeCell Real Time Clock (PL031) Technical Reference Manual, DDI 0224C; sections cited are its.
@Suite("PL031 real-time clock")
struct PL031Tests {
    /// 2001-09-09 01:46:40 UTC, and a quarter of a second.
    static let start: UInt64 = 1_000_000_000_250_000_000
    let clock = Clock()
    let sink = RecordingSink()
    let rtc: PL031

    init() {
        rtc = PL031(name: "pl031@9010000", clock: clock, interrupt: sink.line(), powerOnTime: Self.start)
    }

    private func get(_ register: PL031.Register) -> UInt64 { rtc.get(register.rawValue) }
    private func set(_ register: PL031.Register, _ value: UInt64) { rtc.set(register.rawValue, value) }

    @Test("RTCDR starts at the given wall-clock time and counts its seconds")
    func counts() {
        #expect(get(.data) == 1_000_000_000)
        clock.skip(to: 749_999_999)
        #expect(get(.data) == 1_000_000_000)
        clock.skip(1)
        #expect(get(.data) == 1_000_000_001)
        clock.skip(100_000_000_000)
        #expect(get(.data) == 1_000_000_101)
    }

    @Test("The clock is enabled from power-on, and cannot be stopped (3.3.4)")
    func control() {
        #expect(get(.control) == 1)
        set(.control, 0)
        #expect(get(.control) == 1)
    }

    @Test("RTCLR sets the time (2.1)")
    func load() {
        set(.load, 0x1234_5678)
        #expect(get(.data) == 0x1234_5678)
        #expect(get(.load) == 0x1234_5678)
        clock.skip(750_000_000)
        #expect(get(.data) == 0x1234_5679)
        set(.load, 0xffff_ffff)
        clock.skip(1_000_000_000)
        #expect(get(.data) == 0, "the counter has 32 bits and wraps")
    }

    @Test("The interrupt comes when the counter equals RTCMR, and stays until RTCICR is written (2.1)")
    func match() {
        set(.interruptMask, 1)
        set(.match, 1_000_000_002)
        clock.skip(to: 1_749_999_999)
        #expect(!sink.isHigh())
        clock.skip(1)
        #expect(sink.isHigh())
        #expect(get(.rawInterruptStatus) == 1)
        #expect(get(.maskedInterruptStatus) == 1)
        clock.skip(5_000_000_000)
        #expect(sink.isHigh())
        set(.interruptClear, 0)
        #expect(!sink.isHigh(), "\"writing any data value\"")
        #expect(get(.rawInterruptStatus) == 0)
        #expect(clock.deadline == nil)
    }

    @Test("A masked match shows in RTCRIS only, and interrupts when it is unmasked (3.3.5 to 3.3.7)")
    func masked() {
        set(.match, 1_000_000_001)
        clock.skip(to: 1_000_000_000)
        #expect(!sink.isHigh())
        #expect(get(.rawInterruptStatus) == 1)
        #expect(get(.maskedInterruptStatus) == 0)
        set(.interruptMask, 1)
        #expect(get(.interruptMask) == 1)
        #expect(sink.isHigh())
        set(.interruptMask, 0)
        #expect(!sink.isHigh())
    }

    @Test("A match with the present second is due at once; one in the past is not")
    func presentAndPast() {
        set(.interruptMask, 1)
        set(.match, 999_999_999)
        clock.skip(10_000_000_000)
        #expect(!sink.isHigh(), "the two must be equal")
        set(.match, get(.data))
        #expect(sink.isHigh())
    }

    @Test("Setting the time moves the alarm nearer, or away")
    func loadMovesMatch() {
        set(.interruptMask, 1)
        set(.match, 2_000_000_000)
        set(.load, 1_999_999_999)
        clock.skip(750_000_000)
        #expect(sink.isHigh())
        set(.interruptClear, 1)
        set(.load, 1_999_999_999)
        set(.load, 0)
        clock.skip(10_000_000_000)
        #expect(!sink.isHigh())
    }

    @Test("A guest that sets no alarm leaves no event behind")
    func noEvent() {
        set(.interruptMask, 1)
        set(.load, 77)
        #expect(clock.deadline == nil)
    }

    @Test("The identification registers are those that QEMU's board shows")
    func identification() {
        let bytes = stride(from: 0xfe0, to: 0x1000, by: 4).map { rtc.get(UInt64($0)) }
        #expect(bytes == [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
    }

    @Test("Narrow accesses reach the low bytes of a register; read-only and reserved ones stay as they are")
    func accessSize() {
        #expect(rtc.get(0x20) == 0)
        rtc.set(0xfe0, 1)
        #expect(throws: AccessFault.self) { try rtc.read(0, size: 8) }
        #expect(throws: AccessFault.self) { try rtc.read(1, size: 1) }
        #expect(throws: AccessFault.self) { try rtc.write(5, size: 1, value: 0) }
        // kvm-unit-tests, pl031: "R/O fields are R/O".
        for size in [1, 2, 4] { rtc.set(0x14, 0xdead_beef, size) }
        #expect(rtc.get(0x14) == 0)
        #expect(rtc.get(0xff0, 1) == 0x0d && rtc.get(0xff8, 2) == 0x05)  // RTCPCellID0 and 2
        #expect(rtc.get(0, 1) == rtc.get(0) & 0xff)
        #expect(throws: AccessFault.self) { try rtc.write(2, size: 4, value: 0) }
    }

    private static let hot = (0..<8).map { UInt64($0 * 4) }

    @Test("Reset sets the time back to the wall clock and forgets the alarm")
    func reset() {
        let fresh = rtc.snapshot()
        rtc.fuzz(region: 0x1000, hot: Self.hot, clock: clock, seed: 3, count: 1000)
        rtc.reset()
        #expect(rtc.snapshot() == fresh)
    }

    @Test("Random accesses at every offset and size do no harm, and the described state is all of it")
    func fuzz() {
        rtc.fuzz(region: 0x1000, hot: Self.hot, clock: clock)
        let clock = Clock()
        clock.advance(to: self.clock.now)
        let copy = PL031(name: "rtc", clock: clock, interrupt: sink.line(1), powerOnTime: Self.start)
        expectRestores(rtc, into: copy) { rtc in Self.hot.map { rtc.get($0) } }
    }
}
