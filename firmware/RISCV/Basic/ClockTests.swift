import RISCV

/// Goldfish real-time clock (QEMU, docs/specs; Linux, rtc-goldfish): nanoseconds since 1970, and an alarm.
enum RealTimeClock {
    static let timeLow: UInt64 = 0x00, timeHigh: UInt64 = 0x04, alarmLow: UInt64 = 0x08, alarmHigh: UInt64 = 0x0c
    static let interruptEnabled: UInt64 = 0x10, clearAlarm: UInt64 = 0x14, alarmStatus: UInt64 = 0x18
    static let clearInterrupt: UInt64 = 0x1c

    /// Reading the low word latches the high one.
    static func read(_ base: UInt64) -> UInt64 {
        let low = UInt64(device_read32(base + timeLow))
        return UInt64(device_read32(base + timeHigh)) << 32 | low
    }

    static func setAlarm(_ base: UInt64, _ time: UInt64) {
        device_write32(base + alarmHigh, UInt32(truncatingIfNeeded: time >> 32))
        device_write32(base + alarmLow, UInt32(truncatingIfNeeded: time))
    }

    static func interrupted(_ source: UInt64) {
        guard let clock = Machine.clock, let own = clock.source, own == source else { return }
        device_write32(clock.base + clearInterrupt, 1)
    }
}

func testClock() {
    guard let clock = Machine.clock else { return Test.skip("RTC", "the tree has none") }
    let start = RealTimeClock.read(clock.base), ticks = Clock.now
    Clock.sleep(milliseconds: 20)
    let elapsed = RealTimeClock.read(clock.base) &- start
    let expected = (Clock.now - ticks) * 1000 / max(Machine.frequency / 1_000_000, 1)
    let difference = elapsed > expected ? elapsed - expected : expected - elapsed
    Test.atMost("RTC goes on as time does, in ms of difference", difference / 1_000_000, 250)

    guard let plic = Machine.plic, let source = clock.source, Machine.hart(0).pointee.context != ~0 else { return }
    plic.setPriority(source, 1)
    plic.setThreshold(0, 0)
    plic.setEnabled(0, source, true)
    Console.hold()
    defer { Console.release() }
    device_write32(clock.base + RealTimeClock.interruptEnabled, 1)
    let alarm = RealTimeClock.read(clock.base) + 10_000_000
    RealTimeClock.setAlarm(clock.base, alarm)
    Test.equal("RTC alarm is set", UInt64(device_read32(clock.base + RealTimeClock.alarmStatus)), 1)
    let came = Interrupt.sleep(Interrupt.external) { csr_read_sip() & Interrupt.external != 0 }
    let time = RealTimeClock.read(clock.base)
    Test.holds("RTC alarm interrupts, and not early", came && time >= alarm)
    Test.equal("PLIC claim gives the RTC", plic.claim(0), source)
    device_write32(clock.base + RealTimeClock.clearInterrupt, 1)
    plic.complete(0, source)
    Test.equal("RTC interrupt is cleared", csr_read_sip() & Interrupt.external, 0)
    testOrder(plic, clock, source)
    device_write32(clock.base + RealTimeClock.interruptEnabled, 0)
    plic.setEnabled(0, source, false)
}

/// With two sources pending the higher priority is claimed first; of equals, the lower number (PLIC, interrupt
/// priorities).
private func testOrder(_ plic: PLIC, _ clock: Machine.Device, _ source: UInt64) {
    guard Serial.isUsed, let serial = Serial.source, serial != source else { return }
    plic.setEnabled(0, serial, true)
    func first(_ clockPriority: UInt32, _ serialPriority: UInt32) -> UInt64 {
        plic.setPriority(source, clockPriority)
        plic.setPriority(serial, serialPriority)
        raise()
        RealTimeClock.setAlarm(clock.base, RealTimeClock.read(clock.base) + 1_000_000)
        _ = Clock.wait(milliseconds: 1000) { plic.isPending(serial) && plic.isPending(source) }
        let sources = (plic.claim(0), plic.claim(0))
        Serial.write(Serial.Register.interruptEnable, 0)
        device_write32(clock.base + RealTimeClock.clearInterrupt, 1)
        plic.complete(0, sources.0)
        plic.complete(0, sources.1)
        return sources.0
    }
    Test.equal("PLIC claims the higher priority first", first(1, 2), serial)
    Test.equal("PLIC claims the higher priority first, the other way", first(2, 1), source)
    Test.equal("PLIC claims the lower number of equals", first(1, 1), min(source, serial))
    plic.setEnabled(0, serial, false)
}
