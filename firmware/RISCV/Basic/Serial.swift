import RISCV

/// A 16550 UART (National Semiconductor PC16550D; sections are the data sheet's).
enum Serial {
    enum Register { static let data = 0, interruptEnable = 1, identification = 2, fifoControl = 2, lineControl = 3 }
    enum Status { static let dataReady: UInt64 = 1, transmitterEmpty: UInt64 = 0x20 }
    static let modemControl = 4, lineStatus = 5, scratch = 7

    nonisolated(unsafe) private(set) static var base: UInt64 = 0
    nonisolated(unsafe) private(set) static var source: UInt64? = nil
    nonisolated(unsafe) private static var shift: UInt64 = 0
    nonisolated(unsafe) private(set) static var width: UInt64 = 1
    nonisolated(unsafe) private(set) static var isUsed = false

    nonisolated(unsafe) private static var keptCount: UInt64 = 0
    nonisolated(unsafe) private static var keptIndex: UInt64 = 0
    /// What is sent by interrupts.
    nonisolated(unsafe) private static var pending: UnsafeBufferPointer<UInt8>? = nil
    nonisolated(unsafe) private static var sent = 0

    static func found(_ node: FlattenedDeviceTree.Node) {
        guard base == 0, let device = Machine.device(node) else { return }
        base = device.base + (node.property("reg-offset")?.cell(0) ?? 0)
        source = device.source
        shift = node.property("reg-shift")?.cell(0) ?? 0
        width = node.property("reg-io-width")?.cell(0) ?? 1
    }

    static func setUp() {
        guard base != 0 else { return }
        isUsed = !Words(Machine.bootArguments).contains("console=sbi")
        write(Register.interruptEnable, 0)
        write(Register.lineControl, 3)  // eight bits, no divisor access
        write(modemControl, 8)  // OUT2, which gates the interrupt on some boards
        // Enabling the FIFOs empties them (8.5), and something may have been typed already.
        if read(Register.identification) & 0xc0 != 0xc0 { write(Register.fifoControl, 1) }
    }

    static var statusAddress: UInt64 { address(lineStatus) }
    static func address(_ register: Int) -> UInt64 { base + UInt64(register) << shift }

    static func read(_ register: Int) -> UInt64 {
        width == 4 ? UInt64(device_read32(address(register))) & 0xff : UInt64(device_read8(address(register)))
    }

    static func write(_ register: Int, _ value: UInt8) {
        if width == 4 {
            device_write32(address(register), UInt32(value))
        } else {
            device_write8(address(register), value)
        }
    }

    static func send(_ byte: UInt8) {
        while read(lineStatus) & Status.transmitterEmpty == 0 {}
        write(Register.data, byte)
    }

    /// Takes what was typed out of the chip, so that a test of the receiver does not meet it.
    static func keepInput() {
        let typed = address_of_basic_line() + 256
        while keptCount < 64, read(lineStatus) & Status.dataReady != 0 {
            device_write8(typed + keptCount, UInt8(truncatingIfNeeded: read(Register.data)))
            keptCount += 1
        }
    }

    private static func nextKept() -> UInt8? {
        if keptIndex == keptCount { (keptIndex, keptCount) = (0, 0) }
        guard keptIndex < keptCount else { return nil }
        keptIndex += 1
        return device_read8(address_of_basic_line() + 255 + keptIndex)
    }

    /// Waits for a byte: interrupts wake the hart, and are claimed with interrupts off.
    static func read() -> UInt8 {
        if let kept = nextKept() { return kept }
        let plic = Machine.plic, hart = Machine.thisHart
        while read(lineStatus) & Status.dataReady == 0 {
            guard let plic, let source, Machine.hart(hart).pointee.context != ~0 else { continue }
            plic.setPriority(source, 1)
            plic.setThreshold(hart, 0)
            plic.setEnabled(hart, source, true)
            write(Register.interruptEnable, 1)
            csr_set_sie(Interrupt.external)
            wait_for_interrupt()
            csr_clear_sie(Interrupt.external)
            write(Register.interruptEnable, 0)
            let claimed = plic.claim(hart)
            if claimed != 0 { plic.complete(hart, claimed) }
        }
        return UInt8(truncatingIfNeeded: read(Register.data))
    }

    /// Sends a text by interrupts alone, a byte for each time the transmitter becomes empty (8.7, interrupt enable).
    static func sendByInterrupts(_ text: StaticString) -> Bool {
        sent = 0
        pending = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        write(Register.interruptEnable, 2)
        let done = Interrupt.take { sent == text.utf8CodeUnitCount }
        pending = nil
        write(Register.interruptEnable, 0)
        return done
    }

    static func interrupted(_ claimed: UInt64) {
        guard let source, claimed == source else { return }
        let transmitterEmpty: UInt64 = 2
        let identification = read(Register.identification) & 0xf
        guard let pending, identification == transmitterEmpty, sent < pending.count else {
            // Nobody waits for it: off, so that it does not come again at once.
            return write(Register.interruptEnable, 0)
        }
        write(Register.data, pending[sent])
        sent += 1
        if sent == pending.count { write(Register.interruptEnable, 0) }
    }
}
