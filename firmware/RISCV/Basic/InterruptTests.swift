import RISCV

/// The UART alone, polled (National Semiconductor PC16550D data sheet, chapter 8).
func testSerial() {
    guard Serial.isUsed else { return Test.skip("UART", "the tree has none, or the boot arguments say so") }
    Serial.write(Serial.scratch, 0x5a)
    Test.equal("UART scratch register keeps a value", Serial.read(Serial.scratch), 0x5a)
    Serial.write(Serial.scratch, 0xa5)
    Test.equal("UART scratch register keeps its complement", Serial.read(Serial.scratch), 0xa5)
    let empty: UInt64 = 0x60
    Test.holds("UART is empty after a while", Clock.wait { Serial.read(Serial.lineStatus) & empty == empty })
    // 8.3: the divisor latch lies over the first two registers while LCR bit 7 is set.
    Serial.write(Serial.Register.lineControl, 0x83)
    let low = Serial.read(Serial.Register.data), high = Serial.read(Serial.Register.interruptEnable)
    Serial.write(Serial.Register.data, 0x12)
    Serial.write(Serial.Register.interruptEnable, 0)
    let divisor = Serial.read(Serial.Register.data)
    Serial.write(Serial.Register.data, UInt8(low))
    Serial.write(Serial.Register.interruptEnable, UInt8(high))
    Serial.write(Serial.Register.lineControl, 3)
    Test.equal("UART divisor latch reads as written", divisor, 0x12)
    Test.equal("UART interrupts are off", Serial.read(Serial.Register.interruptEnable), 0)
    // 8.6: FIFOs enabled show in bits 7 and 6; 1 is no interrupt.
    Test.equal("UART identifies its FIFOs, and no interrupt", Serial.read(Serial.Register.identification), 0xc1)
    testLoopback()
}

/// 8.8, MCR bit 4: what is sent is received, and leaves the chip by no pin.
private func testLoopback() {
    Serial.write(Serial.modemControl, 0x18)
    Serial.keepInput()
    Serial.write(Serial.Register.data, 0x41)
    let received = Clock.wait(milliseconds: 1000) { Serial.read(Serial.lineStatus) & Serial.Status.dataReady != 0 }
    let byte = received ? Serial.read(Serial.Register.data) : 0
    Serial.write(Serial.modemControl, 8)
    Test.equal("UART receives what it sends in loopback", byte, 0x41)
}

/// The PLIC with the UART's transmitter interrupt as the source.
func testInterrupts() {
    guard let plic = Machine.plic, Machine.hart(0).pointee.context != ~0 else {
        return Test.skip("PLIC", "the tree has none for this hart")
    }
    Test.equal("PLIC claim of nothing is 0", plic.claim(0), 0)
    guard Serial.isUsed, let source = Serial.source else { return Test.skip("PLIC", "no UART to interrupt by it") }
    testRegisters(plic, source)
    Console.hold()
    testLevel(plic, source)
    Console.release()
    testTaken(plic, source)
    plic.setEnabled(0, source, false)
}

/// One interrupt from its cause to its end. Nothing is printed meanwhile, since that would be a cause too.
private func testLevel(_ plic: PLIC, _ source: UInt64) {
    // Interrupt priorities: 0 never interrupts. Thresholds mask all priorities up to theirs.
    plic.setPriority(source, 1)
    plic.setThreshold(0, 0)
    plic.setEnabled(0, source, true)
    Test.equal("PLIC is quiet without a cause", csr_read_sip() & Interrupt.external, 0)
    raise()
    Test.holds("UART transmitter interrupt is pending", isPending())
    Test.holds("PLIC pending bit shows it", plic.isPending(source))
    plic.setThreshold(0, 1)
    Test.holds("PLIC threshold masks its own priority", isNotPending())
    plic.setThreshold(0, 0)
    Test.holds("PLIC threshold lowered lets it through", isPending())
    plic.setPriority(source, 0)
    Test.holds("PLIC priority 0 is never", isNotPending())
    plic.setPriority(source, 1)
    plic.setEnabled(0, source, false)
    Test.equal("PLIC claim of what is not enabled is 0", plic.claim(0), 0)
    plic.setEnabled(0, source, true)

    // Interrupt claim process, interrupt completion.
    Test.equal("PLIC claim gives the UART", plic.claim(0), source)
    Test.holds("PLIC claim clears the pending bit", !plic.isPending(source) && isNotPending())
    Test.equal("PLIC claim again gives 0", plic.claim(0), 0)
    plic.complete(0, source)
    // Interrupt gateways: a level that stays is another interrupt as soon as this one is complete.
    if isPending() {
        Test.equal("PLIC completion lets a level that stays come again", plic.claim(0), source)
    } else {
        Test.skip("PLIC completion lets a level that stays come again", "this one, as QEMU's, waits for it to change")
    }
    Test.equal("UART identifies the transmitter", Serial.read(Serial.Register.identification) & 0xf, 2)
    Test.equal("UART identification is reset by reading", Serial.read(Serial.Register.identification) & 0xf, 1)
    plic.complete(0, source)
    Test.holds("PLIC is quiet when the cause is gone", isNotPending() && !plic.isPending(source))
    Test.equal("PLIC claim of a source that is gone is 0", plic.claim(0), 0)
    Serial.write(Serial.Register.interruptEnable, 0)
}

private func testRegisters(_ plic: PLIC, _ source: UInt64) {
    Serial.write(Serial.Register.interruptEnable, 0)
    plic.setPriority(source, 1)
    Test.equal("PLIC priority reads as written", plic.priority(source), 1)
    plic.setEnabled(0, source, true)
    Test.holds("PLIC enable bit reads as written", plic.isEnabled(0, source))
    plic.setEnabled(0, source, false)
    Test.holds("PLIC enable bit reads as cleared", !plic.isEnabled(0, source))
    plic.setThreshold(0, 1)
    Test.equal("PLIC threshold reads as written", plic.threshold(0), 1)
    plic.setThreshold(0, 0)
    Test.equal("PLIC source 0 has no priority", plic.priority(0), 0)
}

/// Interrupts that are taken: asleep, and for each byte of a line.
private func testTaken(_ plic: PLIC, _ source: UInt64) {
    let before = hart_external_interrupts(0)
    Console.hold()
    raise()
    let woke = Interrupt.sleep(Interrupt.external) { csr_read_sip() & Interrupt.external != 0 }
    Test.holds("UART interrupt ends WFI", woke)
    csr_set_sie(Interrupt.external)
    let taken = Interrupt.take { hart_external_interrupts(0) != before }
    Test.holds("UART interrupt is taken", taken && Machine.hart(0).pointee.claimed == source)
    Console.release()
    let line: StaticString = "basic: this line was sent by interrupts\r\n"
    Test.holds("UART sends a line by interrupts", Serial.sendByInterrupts(line))
    csr_clear_sie(Interrupt.external)
}

/// The transmitter is empty: enabling its interrupt raises it (data sheet, 8.7).
func raise() {
    Serial.write(Serial.Register.interruptEnable, 0)
    _ = Clock.wait { Serial.read(Serial.lineStatus) & Serial.Status.transmitterEmpty != 0 }
    Serial.write(Serial.Register.interruptEnable, 2)
}

private func isPending() -> Bool { Clock.wait(milliseconds: 1000) { csr_read_sip() & Interrupt.external != 0 } }
private func isNotPending() -> Bool { Clock.wait(milliseconds: 1000) { csr_read_sip() & Interrupt.external == 0 } }
