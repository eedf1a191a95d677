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

func testVirtIO() {
    var slots: UInt64 = 0, magical: UInt64 = 0, versioned: UInt64 = 0
    Machine.tree?.forEachNode { node in
        guard node.isCompatible(with: "virtio,mmio"), let device = Machine.device(node) else { return }
        let virtio = VirtIO(base: device.base)
        slots += 1
        // "virt"; 1 is the legacy interface (Virtual I/O Device 1.2, MMIO device register layout).
        if virtio.read(VirtIO.magic) == 0x7472_6976 { magical += 1 }
        if virtio.version == 1 || virtio.version == 2 { versioned += 1 }
    }
    guard slots > 0 else { return Test.skip("virtio", "the tree has none") }
    Test.equal("virtio magic is in every slot", magical, slots)
    Test.equal("virtio version is 1 or 2 in every slot", versioned, slots)
    guard magical == slots, versioned == slots else { return }
    Machine.tree?.forEachNode { node in
        guard node.isCompatible(with: "virtio,mmio"), let device = Machine.device(node) else { return }
        let virtio = VirtIO(base: device.base), kind = virtio.read(VirtIO.deviceIdentifier)
        guard kind != 0 else { return }
        Console.write("basic: virtio device ")
        Console.decimal(UInt64(kind))
        Console.write(" at ")
        Console.hexadecimal(device.base)
        Console.write("\n")
        if kind == VirtIO.block { testBlock(virtio, device) }
        if kind == VirtIO.entropy { testEntropy(virtio, device) }
    }
}

private func testBlock(_ virtio: VirtIO, _ device: Machine.Device) {
    let header = address_of_basic_page(6), data = address_of_basic_page(7), status = header + 16
    guard virtio.setUp() else { return Test.holds("virtio block device can be set up", false) }
    // Block device, device operation: type 0 reads; the sector; a status that the device sets to zero.
    device_write64(header, 0)
    device_write64(header + 8, 0)
    device_write8(status, 0xff)
    virtio.describe(0, header, 16, next: 1)
    virtio.describe(1, data, 512, isWritten: true, next: 2)
    virtio.describe(2, status, 1, isWritten: true)
    Test.holds("virtio block device answers", virtio.transfer(device))
    Test.equal("virtio block device reads a sector", UInt64(device_read8(status)), 0)
    Test.equal("virtio block device tells how much it wrote", virtio.usedLength, 513)
    virtio.reset()
}

private func testEntropy(_ virtio: VirtIO, _ device: Machine.Device) {
    let data = address_of_basic_page(7)
    guard virtio.setUp() else { return Test.holds("virtio entropy device can be set up", false) }
    for word in 0..<UInt64(4) { device_write64(data + word * 8, 0) }
    virtio.describe(0, data, 32, isWritten: true)
    Test.holds("virtio entropy device answers", virtio.transfer(device))
    Test.atLeast("virtio entropy device writes something", virtio.usedLength, 1)
    Test.atMost("virtio entropy device writes no more than asked", virtio.usedLength, 32)
    var bits: UInt64 = 0
    for word in 0..<UInt64(4) { bits |= device_read64(data + word * 8) }
    Test.holds("virtio entropy is not all zero", bits != 0)
    virtio.reset()
}
