/// A PL031 real-time clock (ARM DDI 0224C): seconds since 1970, and a second at which it interrupts.
enum RealTimeClock {
    static let data: UInt64 = 0x00, match: UInt64 = 0x04, load: UInt64 = 0x08, mask: UInt64 = 0x10, raw: UInt64 = 0x14
    static let masked: UInt64 = 0x18, clear: UInt64 = 0x1c, identification: UInt64 = 0xfe0

    static func interrupted(_ source: UInt64) {
        guard let clock = Machine.clock, let own = clock.source, own == source else { return }
        device_write32(clock.base + clear, 1)
    }
}

func testClock() {
    guard let clock = Machine.clock else { return Test.skip("RTC", "the tree has none") }
    func read(_ register: UInt64) -> UInt64 { UInt64(device_read32(clock.base + register)) }
    func write(_ register: UInt64, _ value: UInt64) {
        device_write32(clock.base + register, UInt32(truncatingIfNeeded: value))
    }
    Test.equal("RTC says that it is a PL031", read(RealTimeClock.identification), 0x31)
    // From the beginning of a second on.
    let before = read(RealTimeClock.data)
    for _ in 0..<1500 where read(RealTimeClock.data) == before { Clock.sleep(milliseconds: 1) }
    let first = read(RealTimeClock.data)
    Test.holds("RTC goes on", first != before)
    let start = Clock.now
    guard let source = clock.source, External.isPresent(0) else { return }
    Console.hold()
    defer { Console.release() }
    write(RealTimeClock.clear, 1)
    write(RealTimeClock.mask, 1)
    write(RealTimeClock.match, first + 1)
    External.turnOn(0, source)
    Test.equal("RTC alarm has not come before its time", read(RealTimeClock.raw), 0)
    // Its second begins up to one from now; the timer of the wait may end it before.
    let came = Interrupt.sleep(milliseconds: 1500) { read(RealTimeClock.raw) != 0 }
    Test.holds("RTC alarm interrupts, and not early", came && read(RealTimeClock.data) >= first + 1)
    let elapsed = (Clock.now - start) / max(Clock.milliseconds(1), 1)
    Test.atMost("RTC goes on as time does, in ms of difference", elapsed > 1000 ? elapsed - 1000 : 1000 - elapsed, 250)
    Test.holds("RTC interrupt is pending", Clock.wait(milliseconds: 1000) { External.isPending })
    Test.equal("GIC acknowledges the RTC", External.claim(0), source)
    write(RealTimeClock.clear, 1)
    External.complete(0, source)
    Test.holds("RTC interrupt is cleared", Clock.wait(milliseconds: 1000) { !External.isPending })
    testOrder(clock, source, write)
    write(RealTimeClock.mask, 0)
    write(RealTimeClock.clear, 1)
    External.turnOff(0, source)
}

/// With two sources pending the higher priority is acknowledged first; of equals, either (IHI 0048B, 3.3).
private func testOrder(_ clock: Machine.Device, _ source: UInt64, _ write: (UInt64, UInt64) -> Void) {
    guard Serial.isUsed, let serial = Serial.source, let gic = Machine.gic else { return }
    func first(_ expected: UInt64, _ clockPriority: UInt8, _ serialPriority: UInt8) -> UInt64 {
        External.turnOn(0, source)
        External.turnOn(0, serial)
        gic.setPriority(source, clockPriority)
        gic.setPriority(serial, serialPriority)
        Serial.raise()
        // What matches at once.
        write(RealTimeClock.match, UInt64(device_read32(clock.base + RealTimeClock.data)))
        // What is pending at the Distributor comes to the CPU's interface a little later (IHI 0048B, 3.2.2).
        _ = Clock.wait(milliseconds: 1000) {
            gic.isPending(serial) && gic.isPending(source) && gic.highestPending() & 0x3ff == expected
        }
        let sources = (External.claim(0), External.claim(0))
        Serial.lower()
        write(RealTimeClock.clear, 1)
        if sources.1 != 0 { External.complete(0, sources.1) }
        External.complete(0, sources.0)
        _ = Clock.wait(milliseconds: 1000) { !External.isPending }
        let rest = External.claim(0)
        if rest != 0 { External.complete(0, rest) }
        return sources.0
    }
    Test.equal("GIC acknowledges the higher priority first", first(serial, 0x90, 0x40), serial)
    Test.equal("GIC acknowledges the higher priority first, the other way", first(source, 0x40, 0x90), source)
    External.turnOff(0, serial)
}
