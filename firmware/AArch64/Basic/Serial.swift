/// A PL011 UART (ARM DDI 0183G).
enum Serial {
    enum Register {
        static let data: UInt64 = 0x00, flags: UInt64 = 0x18, integerDivisor: UInt64 = 0x24
        static let fractionalDivisor: UInt64 = 0x28, lineControl: UInt64 = 0x2c, control: UInt64 = 0x30
        static let mask: UInt64 = 0x38, raw: UInt64 = 0x3c, masked: UInt64 = 0x40, clear: UInt64 = 0x44
        static let identification: UInt64 = 0xfe0
    }
    enum Flag {
        static let receiverEmpty: UInt64 = 1 << 4, transmitterFull: UInt64 = 1 << 5, transmitterEmpty: UInt64 = 1 << 7
    }
    static let received: UInt64 = 1 << 4, transmitted: UInt64 = 1 << 5
    /// UARTCR: on, both ways; and looped back.
    static let running: UInt64 = 0x301, loopBack: UInt64 = 0x80

    nonisolated(unsafe) private(set) static var base: UInt64 = 0
    nonisolated(unsafe) private(set) static var source: UInt64? = nil
    static var width: UInt64 { 4 }
    nonisolated(unsafe) private(set) static var isUsed = false

    nonisolated(unsafe) private static var keptCount: UInt64 = 0
    nonisolated(unsafe) private static var keptIndex: UInt64 = 0
    /// What is sent by interrupts.
    nonisolated(unsafe) private static var pending: UnsafeBufferPointer<UInt8>? = nil
    nonisolated(unsafe) private static var sent = 0

    static var statusAddress: UInt64 { base + Register.flags }

    static func found(_ node: FlattenedDeviceTree.Node) {
        guard base == 0, let device = Machine.device(node) else { return }
        base = device.base
        source = device.source
    }

    static func setUp() {
        guard base != 0 else { return }
        isUsed = true
        write(Register.mask, 0)
        write(Register.clear, 0x7ff)
        write(Register.lineControl, 0x70)  // eight bits, FIFOs
        write(Register.control, running)
    }

    static func read(_ register: UInt64) -> UInt64 { UInt64(device_read32(base + register)) }
    static func write(_ register: UInt64, _ value: UInt64) {
        device_write32(base + register, UInt32(truncatingIfNeeded: value))
    }

    static func send(_ byte: UInt8) {
        while read(Register.flags) & Flag.transmitterFull != 0 {}
        write(Register.data, UInt64(byte))
    }

    private static var hasInput: Bool { read(Register.flags) & Flag.receiverEmpty == 0 }

    /// Takes what was typed out of the chip, so that a test of the receiver does not meet it.
    static func keepInput() {
        let typed = address_of_basic_line() + 256
        while keptCount < 64, hasInput {
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

    /// Waits for a byte: interrupts wake the CPU, and are claimed with interrupts off.
    static func read() -> UInt8 {
        if let kept = nextKept() { return kept }
        let hart = Machine.thisHart
        while !hasInput {
            guard let source, External.isPresent(hart) else { continue }
            External.turnOn(hart, source)
            write(Register.mask, received)
            wait()
            write(Register.mask, 0)
            let claimed = External.claim(hart)
            if claimed != 0 { External.complete(hart, claimed) }
        }
        return UInt8(truncatingIfNeeded: read(Register.data))
    }

    /// Sends a text by interrupts alone, a byte for each time the transmitter becomes empty (2.8, UARTTXINTR).
    static func sendByInterrupts(_ text: StaticString) -> Bool {
        sent = 0
        pending = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        raise()
        let done = Interrupt.take { sent == text.utf8CodeUnitCount }
        pending = nil
        write(Register.mask, 0)
        return done
    }

    static func interrupted(_ claimed: UInt64) {
        guard let source, claimed == source else { return }
        guard let pending, read(Register.masked) & transmitted != 0, sent < pending.count else {
            // Nobody waits for it: off, so that it does not come again at once.
            return write(Register.mask, 0)
        }
        write(Register.clear, transmitted)
        write(Register.data, UInt64(pending[sent]))
        sent += 1
        if sent == pending.count { write(Register.mask, 0) }
    }

    /// Something that was sent raises the transmitter's interrupt once it is enabled: looped back, so that nobody sees it.
    static func raise() {
        write(Register.control, running | loopBack)
        write(Register.data, 0x41)
        _ = Clock.wait { read(Register.raw) & transmitted != 0 }
        _ = read(Register.data)
        write(Register.control, running)
        write(Register.mask, transmitted)
    }

    static func lower() {
        write(Register.mask, 0)
        write(Register.clear, transmitted)
    }
}
