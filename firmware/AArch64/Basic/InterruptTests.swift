func testSerial() {
    guard Serial.isUsed else { return Test.skip("UART", "the tree has none") }
    // UARTPeriphID0 and 1, UARTPCellID1 and 3 (3.3.15, 3.3.19).
    Test.equal("UART says that it is a PL011", Serial.read(Serial.Register.identification), 0x11)
    Test.equal("UART says that it is a PrimeCell", Serial.read(Serial.Register.identification + 0x1c), 0xb1)
    Test.holds(
        "UART is empty after a while",
        Clock.wait { Serial.read(Serial.Register.flags) & Serial.Flag.transmitterEmpty != 0 })
    Serial.write(Serial.Register.integerDivisor, 0x123)
    Test.equal("UART divisor reads as written", Serial.read(Serial.Register.integerDivisor), 0x123)
    Serial.write(Serial.Register.fractionalDivisor, 0x2a)
    Test.equal("UART fraction reads as written", Serial.read(Serial.Register.fractionalDivisor), 0x2a)
    Test.equal("UART interrupts are off", Serial.read(Serial.Register.mask), 0)
    // 3.3.8, LBE: what is sent is received, and leaves the chip by no pin.
    Serial.keepInput()
    Serial.write(Serial.Register.control, Serial.running | Serial.loopBack)
    Serial.write(Serial.Register.data, 0x41)
    let received = Clock.wait(milliseconds: 1000) {
        Serial.read(Serial.Register.flags) & Serial.Flag.receiverEmpty == 0
    }
    let byte = received ? Serial.read(Serial.Register.data) : 0
    Serial.write(Serial.Register.control, Serial.running)
    Test.equal("UART receives what it sends in loopback", byte & 0xff, 0x41)
}

/// The GIC with the UART's transmitter interrupt as the source.
func testInterrupts() {
    guard let gic = Machine.gic else { return Test.skip("GIC", "the tree has none") }
    Test.equal("GIC has as many CPUs as the tree", gic.cpus, Machine.hartCount)
    let none: UInt64 = 1023
    Test.equal("GIC acknowledges nothing", gic.acknowledge(), none)
    testSoftware(gic)
    guard Serial.isUsed, let source = Serial.source else { return Test.skip("GIC", "no UART to interrupt by it") }
    testRegisters(gic, source)
    Console.hold()
    testLevel(gic, source)
    testPending(gic, source)
    Console.release()
    testTaken(gic, source)
    External.turnOff(0, source)
}

/// Software interrupts to this CPU itself (4.3.15).
private func testSoftware(_ gic: GIC) {
    gic.send(3, to: 1)
    Test.holds("a software interrupt is pending", isPending())
    Test.equal("a software interrupt is acknowledged with its sender", gic.acknowledge(), 3)
    Test.holds("a software interrupt is active", gic.isActive(3))
    gic.complete(3)
    Test.holds("a software interrupt that is completed is gone", isNotPending() && !gic.isActive(3))
    gic.send(5, to: 1)
    gic.send(2, to: 1)
    gic.setPriority(5, 0x40)
    gic.send(5, to: 1)
    Test.holds("two software interrupts are pending", isPending())
    let first = gic.acknowledge()
    gic.complete(first)
    let second = gic.acknowledge()
    gic.complete(second)
    Test.equal("both software interrupts come", first + second, 7)
    Test.holds("sent twice is pending once", isNotPending())
    gic.setPriority(5, 0x80)
}

private func testRegisters(_ gic: GIC, _ source: UInt64) {
    gic.setPriority(source, 0x80)
    Test.equal("GIC priority reads as written", gic.priority(source), 0x80)
    gic.setTargets(source, 1)
    // On one CPU the register is nothing (4.3.12).
    Test.equal("GIC target reads as written", gic.targets(source), 1)
    gic.setEnabled(source, true)
    Test.holds("GIC enable bit reads as written", gic.isEnabled(source))
    gic.setEnabled(source, false)
    Test.holds("GIC enable bit reads as cleared", !gic.isEnabled(source))
    Test.atLeast("GIC has the UART's interrupt", gic.lines, source + 1)
}

/// One interrupt from its cause to its end. Nothing is printed meanwhile, since that would be a cause too.
private func testLevel(_ gic: GIC, _ source: UInt64) {
    External.turnOn(0, source)
    Test.holds("GIC is quiet without a cause", !External.isPending)
    Serial.raise()
    Test.holds("UART transmitter interrupt is pending", isPending())
    Test.holds("GIC pending bit shows it", gic.isPending(source))
    gic.setMask(0x80)
    Test.holds("GIC priority mask hides its own priority", isNotPending())
    gic.setMask(0xf0)
    Test.holds("GIC priority mask lets it through", isPending())
    gic.setEnabled(source, false)
    Test.holds("GIC hides what is not enabled", isNotPending())
    gic.setEnabled(source, true)
    Test.holds("GIC shows it when it is enabled again", isPending())
    Serial.lower()
    Test.holds("GIC is quiet when the cause is gone before", isNotPending() && !gic.isPending(source))
    Serial.raise()
    Test.holds("UART transmitter interrupt is pending again", isPending())
    Test.equal("GIC acknowledges the UART", External.claim(0), source)
    Test.holds("GIC says that it is active", gic.isActive(source))
    Test.equal("GIC acknowledges nothing besides", External.claim(0), 0)
    External.complete(0, source)
    Test.holds("GIC completion lets a level that stays come again", isPending())
    Test.equal("GIC acknowledges the UART again", External.claim(0), source)
    Serial.lower()
    External.complete(0, source)
    Test.holds("GIC is quiet when the cause is gone", isNotPending() && !gic.isPending(source))
    Test.holds("GIC says that it is not active any more", !gic.isActive(source))
}

/// What software makes pending (GICD_ISPENDRn).
private func testPending(_ gic: GIC, _ source: UInt64) {
    gic.setPending(source, true)
    Test.holds("an interrupt that software has made pending is", isPending() && gic.isPending(source))
    gic.setPending(source, false)
    Test.holds("an interrupt that software has cleared is not", isNotPending() && !gic.isPending(source))
    gic.setPending(source, true)
    Test.equal("an interrupt of software's is acknowledged", isPending() ? External.claim(0) : 0, source)
    External.complete(0, source)
    Test.holds("an interrupt of software's comes once", isNotPending())
}

/// Interrupts that are taken: asleep, and for each byte of a line.
private func testTaken(_ gic: GIC, _ source: UInt64) {
    let before = hart_external_interrupts(0)
    Console.hold()
    External.turnOn(0, source)
    Serial.raise()
    Test.holds("UART interrupt ends WFI", External.sleep())
    let taken = Interrupt.take { hart_external_interrupts(0) != before }
    Test.holds("UART interrupt is taken", taken && Machine.hart(0).pointee.claimed == source)
    Console.release()
    let line: StaticString = "basic: this line was sent by interrupts\r\n"
    Test.holds("UART sends a line by interrupts", Serial.sendByInterrupts(line))
}

private func isPending() -> Bool { Clock.wait(milliseconds: 1000) { External.isPending } }
private func isNotPending() -> Bool { Clock.wait(milliseconds: 1000) { !External.isPending } }
