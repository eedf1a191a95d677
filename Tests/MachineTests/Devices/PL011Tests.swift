import Testing

@testable import Machine

/// Expected values: PrimeCell UART (PL011) Technical Reference Manual, DDI 0183G; sections cited are its.
@Suite("PL011 serial port")
struct PL011Tests {
    let clock = Clock()
    let sink = RecordingSink()
    let console = MemoryConsole()
    let uart: PL011

    init() {
        uart = PL011(name: "pl011@9000000", clock: clock, backend: console, interrupt: sink.line())
    }

    private func get(_ register: PL011.Register) -> UInt64 { uart.get(register.rawValue) }
    private func set(_ register: PL011.Register, _ value: UInt64) { uart.set(register.rawValue, value) }

    /// 115200 baud of 24 MHz: 13 and 1/64 (3.3.6), 8N1, with or without FIFOs.
    private func configure(fifos: Bool = true, level: UInt64 = 2) {
        set(.integerBaudRate, 13)
        set(.fractionalBaudRate, 1)
        set(.lineControl, fifos ? 0x70 : 0x60)
        set(.fifoLevelSelect, level << 3)
    }

    /// 32 bits at that rate, in nanoseconds, rounded down.
    private let timeout: UInt64 = 32 * 16 * (13 * 64 + 1) * 1_000_000_000 / 64 / 24_000_000

    @Test("Registers have the reset values of table 3-1")
    func resetValues() {
        #expect(get(.flags) == 0x090, "both FIFOs are empty, and the board wires no modem")
        #expect(get(.control) == 0x300)
        #expect(get(.fifoLevelSelect) == 0x12)
        for register: PL011.Register in [
            .data, .receiveStatus, .lowPowerCounter, .integerBaudRate, .fractionalBaudRate, .lineControl,
            .interruptMask, .rawInterruptStatus, .maskedInterruptStatus, .dmaControl,
        ] {
            #expect(get(register) == 0, "\(register)")
        }
        #expect(!sink.isHigh())
    }

    @Test("The identification registers are those that QEMU's board shows: a PL011 of revision 1")
    func identification() {
        let bytes = stride(from: 0xfe0, to: 0x1000, by: 4).map { uart.get(UInt64($0)) }
        #expect(bytes == [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
    }

    @Test("A byte written to UARTDR is with the back end at once, enabled or not; UARTFR keeps saying so")
    func transmit() {
        for byte in "Hello\n".utf8 { uart.set(0, UInt64(byte), 1) }
        #expect(console.text == "Hello\n")
        set(.control, 0)
        set(.data, 0x21)
        #expect(console.text == "Hello\n!")
        #expect(get(.flags) & 0x0a8 == 0x080, "TXFE, and neither BUSY nor TXFF")
    }

    @Test("Writable bits hold what is written, and no others (3.3.4 to 3.3.10, 3.3.14)")
    func readBack() {
        for (register, bits): (PL011.Register, UInt64) in [
            (.lowPowerCounter, 0xff), (.integerBaudRate, 0xffff), (.fractionalBaudRate, 0x3f), (.lineControl, 0xff),
            (.control, 0xff87), (.fifoLevelSelect, 0x3f), (.interruptMask, 0x7ff), (.dmaControl, 0x7),
        ] {
            for value: UInt64 in [0xffff_ffff, 0x5555_5555, 0xaaaa_aaaa, 0] {
                set(register, value)
                #expect(get(register) == value & bits, "\(register)")
            }
        }
    }

    @Test("The transmit interrupt is not raised by reset or unmasking, but by what leaves the FIFO (2.8.3)")
    func transmitInterrupt() {
        configure()
        set(.interruptMask, 0x020)
        #expect(!sink.isHigh())
        set(.data, 0x41)
        #expect(sink.isHigh())
        #expect(get(.maskedInterruptStatus) == 0x020)
        set(.interruptClear, 0x020)
        #expect(!sink.isHigh())
        #expect(get(.rawInterruptStatus) == 0)
    }

    @Test("In character mode each received byte interrupts, and the next waits in the back end (2.8.2)")
    func receiveCharacterMode() {
        configure(fifos: false)
        set(.interruptMask, 0x010)
        console.receive([1, 2, 3])
        #expect(console.input.count == 2)
        for expected: UInt64 in 1...3 {
            #expect(sink.isHigh())
            #expect(get(.flags) & 0x050 == 0x040, "RXFF, and not RXFE")
            #expect(get(.data) == expected)
        }
        #expect(!sink.isHigh())
        #expect(get(.flags) & 0x050 == 0x010)
    }

    @Test(
        "The receive interrupt comes at the level of UARTIFLS, and goes below it (2.8.2, 3.3.9)",
        arguments: [(0, 2), (1, 4), (2, 8), (3, 12), (4, 14)])
    func receiveLevel(select: UInt64, level: Int) {
        configure(level: select)
        set(.interruptMask, 0x010)
        console.receive(Array(repeating: 0x20, count: level - 1))
        #expect(!sink.isHigh(), "\(level - 1) characters raise no interrupt at level \(level)")
        console.receive([0x20])
        #expect(sink.isHigh())
        #expect(get(.rawInterruptStatus) == 0x010)
        _ = get(.data)
        #expect(!sink.isHigh())
    }

    @Test("A receive interrupt that was cleared comes again only after the FIFO has held less (2.8.2)")
    func receiveCleared() {
        configure(level: 0)
        set(.interruptMask, 0x010)
        console.receive([1, 2])
        set(.interruptClear, 0x010)
        #expect(!sink.isHigh())
        console.receive([3])
        #expect(!sink.isHigh())
        _ = get(.data)
        _ = get(.data)
        console.receive([4])
        #expect(sink.isHigh())
    }

    @Test("Characters below the level time out after 32 bits, and reading all of them withdraws that (2.8.4)")
    func receiveTimeout() {
        configure()
        set(.interruptMask, 0x040)
        console.receive([7, 8])
        clock.skip(timeout - 1)
        #expect(!sink.isHigh())
        clock.skip(1)
        #expect(sink.isHigh())
        #expect(get(.maskedInterruptStatus) == 0x040)
        #expect(get(.data) == 7)
        #expect(sink.isHigh(), "one character is left")
        #expect(get(.data) == 8)
        #expect(!sink.isHigh())
        #expect(clock.deadline == nil, "an empty FIFO has no time-out")
    }

    @Test("A further character restarts the time-out, and UARTICR withdraws its interrupt (2.8.4)")
    func receiveTimeoutRestarts() {
        configure()
        set(.interruptMask, 0x040)
        console.receive([1])
        clock.skip(timeout - 10)
        console.receive([2])
        clock.skip(timeout - 10)
        #expect(!sink.isHigh())
        clock.skip(10)
        #expect(sink.isHigh())
        set(.interruptClear, 0x040)
        #expect(!sink.isHigh())
    }

    @Test("A driver that unmasks only the receive interrupt hears of a single character, once it has timed out")
    func receiveInterruptByTimeout() {
        configure()
        set(.interruptMask, 0x010)
        console.receive([1, 2, 3])
        #expect(!sink.isHigh())
        clock.skip(timeout)
        for expected: UInt64 in 1...3 {
            #expect(sink.isHigh())
            #expect(get(.data) == expected)
        }
        #expect(!sink.isHigh())
        #expect(get(.rawInterruptStatus) == 0)
    }

    @Test("The divisor counts from the next write of UARTLCR_H on (3.3.7)")
    func divisorIsLatched() {
        configure()
        set(.integerBaudRate, 13 * 4)
        set(.interruptMask, 0x040)
        console.receive([1])
        clock.skip(timeout)
        #expect(sink.isHigh(), "the new rate is not in force yet")
        _ = get(.data)
        set(.lineControl, 0x70)
        console.receive([1])
        clock.skip(timeout)
        #expect(!sink.isHigh())
    }

    @Test("A thousand typed bytes all arrive, sixteen at a time")
    func nothingIsLost() {
        configure()
        let typed = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        console.receive(typed)
        #expect(console.input.count == 1000 - 16)
        #expect(get(.flags) & 0x040 != 0)
        var got: [UInt8] = []
        while get(.flags) & 0x010 == 0 { got.append(UInt8(get(.data))) }
        #expect(got == typed)
    }

    @Test("Loopback returns transmitted bytes to the receiver, and none to the line or from it (3.3.8, bit 7)")
    func loopbackData() {
        configure()
        set(.control, 0x380)
        console.receive([0x55])
        set(.data, 0x41)
        #expect(console.output.isEmpty)
        #expect(get(.data) == 0x41)
        #expect(get(.flags) & 0x010 != 0, "the line is cut off in loopback")
        set(.control, 0x300)
        #expect(get(.data) == 0x55)
    }

    @Test("In loopback the modem outputs are the inputs, and each change of one interrupts (2.8.1)")
    func loopbackModem() {
        set(.control, 0x380)
        set(.interruptMask, 0x00f)
        for (output, input, interrupt): (UInt64, UInt64, UInt64) in [
            (0x0800, 0x001, 0x002), (0x0400, 0x002, 0x008), (0x1000, 0x004, 0x004), (0x2000, 0x100, 0x001),
        ] {
            for isUp in [true, false] {
                set(.control, isUp ? 0x380 | output : 0x380)
                #expect(get(.flags) & 0x107 == (isUp ? input : 0))
                #expect(get(.maskedInterruptStatus) == interrupt)
                #expect(sink.isHigh())
                set(.interruptClear, interrupt)
                #expect(!sink.isHigh())
            }
        }
    }

    @Test("A seventeenth character is lost; UARTRSR says so until cleared, the next character says so once (2.4.3)")
    func overrun() {
        configure()
        set(.control, 0x380)
        set(.interruptMask, 0x400)
        for byte: UInt64 in 0..<16 { set(.data, byte) }
        #expect(!sink.isHigh())
        set(.data, 0x99)
        #expect(sink.isHigh())
        #expect(get(.receiveStatus) == 0x8)
        #expect(get(.data) == 0)
        set(.data, 0x55)
        for byte: UInt64 in 1..<16 { #expect(get(.data) == byte) }
        #expect(get(.data) == 0x855)
        #expect(get(.receiveStatus) == 0x8)
        set(.receiveStatus, 0)
        #expect(get(.receiveStatus) == 0)
        set(.data, 0x56)
        #expect(get(.data) == 0x56)
        set(.interruptClear, 0x400)
        #expect(!sink.isHigh())
    }

    @Test("A break is one zero character with the break bit, which UARTRSR shows after it was read (3.3.1, 3.3.2)")
    func lineBreak() {
        configure()
        set(.interruptMask, 0x200)
        console.receive([0x41])
        uart.receiveBreak()
        #expect(sink.isHigh())
        #expect(get(.data) == 0x41)
        #expect(get(.receiveStatus) == 0)
        #expect(get(.data) == 0x400)
        #expect(get(.receiveStatus) == 0x4)
        set(.interruptClear, 0x200)
        #expect(!sink.isHigh())
    }

    @Test("A break that is sent in loopback is received (3.3.7, bit 0)")
    func loopbackBreak() {
        configure()
        set(.control, 0x380)
        set(.lineControl, 0x71)
        #expect(get(.data) == 0x400)
        set(.lineControl, 0x71)
        #expect(get(.flags) & 0x010 != 0, "it is one break as long as the bit is set")
    }

    @Test("Turning the FIFOs on or off drops what they hold (3.3.7, bit 4)")
    func fifoMode() {
        configure()
        console.receive([1, 2])
        set(.lineControl, 0x60)
        #expect(get(.flags) & 0x010 != 0)
        console.receive([3, 4])
        #expect(get(.flags) & 0x040 != 0, "one character fills the holding register")
        set(.lineControl, 0x70)
        #expect(get(.data) == 4)
    }

    @Test("Narrow accesses reach the low bytes of a register; others and reserved offsets do nothing")
    func accessSize() {
        uart.set(0x30, 0xff01, 1)
        #expect(uart.get(0x30, 2) == 0xff01 & 0xff87)
        #expect(uart.get(0x30, 1) == 0x01)
        uart.set(0x08, 0xffff_ffff)
        #expect(uart.get(0x08) == 0)
        for (offset, size): (UInt64, Int) in [(0, 8), (1, 1), (0x32, 2)] {
            #expect(throws: AccessFault.self) { try uart.read(offset, size: size) }
            #expect(throws: AccessFault.self) { try uart.write(offset, size: size, value: 0) }
        }
    }

    private static let hot = (0..<0x13).map { UInt64($0 * 4) } + [0xfe0, 0xffc]

    @Test("Reset returns every register to its power-on value and keeps what was typed but not received")
    func reset() {
        let fresh = uart.snapshot()
        uart.fuzz(region: 0x1000, hot: Self.hot, clock: clock, seed: 7, count: 1000)
        uart.reset()
        #expect(uart.snapshot() == fresh)
        console.receive([1, 2])
        uart.reset()
        #expect(get(.data) == 2, "the character in the receiver is lost, the one on the line is not")
    }

    @Test("Random accesses at every offset and size do no harm, and the described state is all of it")
    func fuzz() {
        uart.fuzz(region: 0x1000, hot: Self.hot, clock: clock) { random in
            if random.next() % 32 == 0 { console.receive([UInt8(truncatingIfNeeded: random.next())]) }
            if random.next() % 128 == 0 { uart.receiveBreak() }
            while console.input.count > 1000 { _ = console.input.take() }
            if console.output.count > 1000 { console.output = [] }
        }
        let copy = PL011(name: "serial", clock: Clock(), backend: MemoryConsole(), interrupt: sink.line(1))
        expectRestores(uart, into: copy) { uart in
            (0..<32).flatMap { _ in Self.hot.map { uart.get($0) } }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            uart.describeState(&scrambler)
            uart.fuzz(region: 0x1000, hot: Self.hot, seed: seed, count: 200)
        }
    }
}
