import Testing

@testable import Machine

/// Expected values: the register table of the Goldfish virtual hardware, in the order Linux's rtc-goldfish uses it.
@Suite("Goldfish RTC")
struct GoldfishRTCTests {
    /// 2001-09-09 01:46:40 UTC.
    static let start: UInt64 = 1_000_000_000_000_000_000
    let clock = Clock()
    let sink = RecordingSink()
    let rtc: GoldfishRTC

    init() {
        rtc = GoldfishRTC(name: "rtc@101000", clock: clock, interrupt: sink.line(), powerOnTime: Self.start)
    }

    private func get(_ register: GoldfishRTC.Register) -> UInt64 { rtc.get(register.rawValue) }
    private func set(_ register: GoldfishRTC.Register, _ value: UInt64) { rtc.set(register.rawValue, value) }
    private func time() -> UInt64 {
        let low = get(.timeLow)
        return get(.timeHigh) << 32 | low
    }
    private func setAlarm(_ time: UInt64) {
        set(.alarmHigh, time >> 32)
        set(.alarmLow, time & 0xffff_ffff)
    }

    @Test("Time starts at the given wall-clock time and advances with the virtual clock")
    func advances() {
        #expect(time() == Self.start)
        clock.skip(to: 5_000_000_000)
        #expect(time() == Self.start + 5_000_000_000)
    }

    @Test("Reading the low half latches the high half")
    func latch() {
        let wrap = (Self.start | 0xffff_ffff) + 1
        clock.skip(to: wrap - Self.start - 1)
        #expect(get(.timeLow) == 0xffff_ffff)
        clock.skip(1)
        #expect(get(.timeHigh) == (wrap - 1) >> 32)
        #expect(get(.timeLow) == 0)
        #expect(get(.timeHigh) == wrap >> 32)
    }

    @Test("The guest sets the time, high half first")
    func setTime() {
        let new: UInt64 = 1_700_000_000_000_000_000
        clock.skip(to: 777)
        set(.timeHigh, new >> 32)
        set(.timeLow, new & 0xffff_ffff)
        #expect(time() == new)
        clock.skip(10)
        #expect(time() == new + 10)
    }

    @Test("An alarm disarms itself and raises the interrupt at its time, until that is cleared")
    func alarm() {
        set(.interruptEnable, 1)
        setAlarm(Self.start + 1000)
        #expect(get(.alarmStatus) == 1)
        clock.skip(to: 999)
        #expect(!sink.isHigh())
        clock.skip(to: 1000)
        #expect(sink.isHigh())
        #expect(get(.alarmStatus) == 0)
        set(.clearInterrupt, 1)
        #expect(!sink.isHigh())
    }

    @Test("An alarm in the past is due at once; one while the interrupt is masked shows when it is unmasked")
    func alarmInPast() {
        setAlarm(Self.start - 1)
        #expect(!sink.isHigh())
        set(.interruptEnable, 1)
        #expect(sink.isHigh())
        set(.interruptEnable, 0)
        #expect(!sink.isHigh())
    }

    @Test("A cleared alarm does not come")
    func clearAlarm() {
        set(.interruptEnable, 1)
        setAlarm(Self.start + 1000)
        set(.clearAlarm, 1)
        #expect(get(.alarmStatus) == 0)
        clock.skip(to: 5000)
        #expect(!sink.isHigh())
    }

    @Test("Setting the time moves an armed alarm nearer")
    func setTimeMovesAlarm() {
        set(.interruptEnable, 1)
        setAlarm(Self.start + 1_000_000)
        set(.timeLow, (Self.start + 999_990) & 0xffff_ffff)
        clock.skip(10)
        #expect(sink.isHigh())
    }

    @Test("An alarm beyond the range of the clock never comes")
    func farAlarm() {
        clock.skip(to: 1 << 40)
        set(.timeHigh, 0)
        setAlarm(~0)
        #expect(clock.deadline == nil)
    }

    @Test("Registers take 32-bit accesses only, and there are eight")
    func accessSize() {
        #expect(throws: AccessFault.self) { try rtc.read(0, size: 8) }
        #expect(throws: AccessFault.self) { try rtc.read(0x20, size: 4) }
        #expect(throws: AccessFault.self) { try rtc.write(2, size: 4, value: 0) }
    }

    @Test("Random accesses at every offset and size do no harm, and the described state is all of it")
    func fuzz() {
        rtc.fuzz(region: 0x1000, hot: [0, 4, 8, 0xc, 0x10, 0x14, 0x18, 0x1c], clock: clock)
        let clock = Clock()
        clock.advance(to: self.clock.now)
        let copy = GoldfishRTC(name: "rtc", clock: clock, interrupt: sink.line(1), powerOnTime: Self.start)
        expectRestores(rtc, into: copy) { rtc in stride(from: 0, to: 0x20, by: 4).map { rtc.get($0) } }
    }
}
