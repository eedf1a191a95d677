import Testing

@testable import Machine

/// Expected values: PC16550D data sheet, tables II to IV and section 8; and what Linux's 8250 driver probes for.
@Suite("NS16550A serial port")
struct NS16550ATests {
    let clock = Clock()
    let sink = RecordingSink()
    let console = MemoryConsole()
    let uart: NS16550A

    init() {
        uart = NS16550A(name: "serial@10000000", clock: clock, backend: console, interrupt: sink.line())
    }

    private func get(_ register: NS16550A.Register) -> UInt64 { uart.get(register.rawValue, 1) }
    private func set(_ register: NS16550A.Register, _ value: UInt64) { uart.set(register.rawValue, value, 1) }

    /// 8N1 at the divisor: ten bits of sixteen clocks each, four characters.
    private func fourCharacters(divisor: UInt64) -> UInt64 { 4 * (10 * 16 * divisor * 1_000_000_000 / 3_686_400) }

    @Test("After reset the transmitter is empty, no interrupt is pending and the FIFOs are off")
    func resetValues() {
        #expect(get(.lineStatus) == 0x60)
        #expect(get(.identification) == 0x01)
        #expect(get(.interruptEnable) == 0)
        #expect(get(.lineControl) == 0)
        #expect(get(.modemControl) == 0)
        #expect(get(.modemStatus) == 0xb0, "CTS, DSR and DCD are up, with no delta")
        #expect(!sink.isHigh())
    }

    @Test("A byte written to the holding register is with the back end at once")
    func transmit() {
        for byte in "Hello\n".utf8 { set(.data, UInt64(byte)) }
        #expect(console.text == "Hello\n")
        #expect(get(.lineStatus) & 0x60 == 0x60)
    }

    @Test("The divisor latch hides the data and interrupt enable registers while DLAB is set")
    func divisorLatch() {
        set(.interruptEnable, 0x05)
        set(.lineControl, 0x83)
        set(.data, 0x41)
        set(.interruptEnable, 0x02)
        #expect(get(.data) == 0x41)
        #expect(get(.interruptEnable) == 0x02)
        set(.lineControl, 0x03)
        #expect(console.output.isEmpty, "a byte for the latch was transmitted")
        #expect(get(.interruptEnable) == 0x05)
    }

    @Test("The scratch register and the writable bits of IER, MCR and LCR hold what is written")
    func readBack() {
        for value: UInt64 in [0x00, 0x55, 0xaa, 0xff] {
            set(.scratch, value)
            #expect(get(.scratch) == value)
            set(.interruptEnable, value)
            #expect(get(.interruptEnable) == value & 0x0f, "the upper half of IER is always zero")
            set(.modemControl, value)
            #expect(get(.modemControl) == value & 0x1f, "bits 5 to 7 of MCR are always zero")
            set(.lineControl, value)
            #expect(get(.lineControl) == value)
            set(.lineControl, 0)
        }
    }

    @Test("Enabling the THRE interrupt while the transmitter is empty raises it; reading IIR withdraws it")
    func transmitterInterrupt() {
        set(.interruptEnable, 0x02)
        #expect(sink.isHigh())
        #expect(get(.identification) == 0x02)
        #expect(!sink.isHigh(), "reading IIR is what resets THRE (table IV)")
        #expect(get(.identification) == 0x01)
        set(.data, 0x41)
        #expect(sink.isHigh(), "the holding register is empty again")
        set(.interruptEnable, 0)
        #expect(!sink.isHigh())
    }

    @Test("Without FIFOs each received byte interrupts, and the next waits in the back end")
    func receiveWithoutFIFO() {
        set(.interruptEnable, 0x01)
        console.receive([1, 2, 3])
        #expect(console.input.count == 2)
        for expected: UInt64 in 1...3 {
            #expect(sink.isHigh())
            #expect(get(.identification) == 0x04)
            #expect(get(.lineStatus) == 0x61)
            #expect(get(.data) == expected)
        }
        #expect(!sink.isHigh())
        #expect(get(.lineStatus) == 0x60)
    }

    @Test(
        "The receive interrupt comes at the trigger level and goes below it",
        arguments: [(0, 1), (1, 4), (2, 8), (3, 14)])
    func triggerLevel(code: UInt64, level: Int) {
        set(.identification, code << 6 | 0x07)
        set(.interruptEnable, 0x01)
        console.receive(Array(repeating: 0x20, count: level - 1))
        #expect(!sink.isHigh(), "\(level - 1) characters raise no interrupt at level \(level)")
        console.receive([0x20])
        #expect(sink.isHigh())
        #expect(get(.identification) == 0xc4)
        _ = get(.data)
        #expect(!sink.isHigh())
    }

    @Test("Characters below the trigger level are reported after four character times, and reading one clears that")
    func characterTimeout() {
        set(.identification, 0xc7)
        set(.lineControl, 0x83)
        set(.data, 2)  // 115200 baud from 3.6864 MHz
        set(.interruptEnable, 0)
        set(.lineControl, 0x03)
        set(.interruptEnable, 0x01)
        console.receive([7, 8])
        let wait = fourCharacters(divisor: 2)
        clock.skip(wait - 1)
        #expect(!sink.isHigh())
        clock.skip(1)
        #expect(sink.isHigh())
        #expect(get(.identification) == 0xcc)
        #expect(get(.data) == 7)
        #expect(!sink.isHigh())
        clock.skip(wait)
        #expect(get(.identification) == 0xcc, "the second character times out as well")
        #expect(get(.data) == 8)
        #expect(clock.deadline == nil, "an empty FIFO has no time-out")
    }

    @Test("A new character restarts the character time-out")
    func characterTimeoutRestarts() {
        set(.identification, 0xc7)
        set(.lineControl, 0x03)
        set(.interruptEnable, 0x01)
        let wait = fourCharacters(divisor: 12)
        console.receive([1])
        clock.skip(wait - 10)
        console.receive([2])
        clock.skip(wait - 10)
        #expect(!sink.isHigh())
        clock.skip(10)
        #expect(sink.isHigh())
    }

    @Test("A thousand typed bytes all arrive, sixteen at a time")
    func nothingIsLost() {
        set(.identification, 0x01)
        let typed = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        console.receive(typed)
        #expect(console.input.count == 1000 - 16)
        var got: [UInt8] = []
        while get(.lineStatus) & 1 != 0 { got.append(UInt8(get(.data))) }
        #expect(got == typed)
    }

    @Test("Clearing the receiver FIFO drops its characters; changing the FIFO mode does as well")
    func clearFIFO() {
        set(.identification, 0x01)
        console.receive([1, 2])
        set(.identification, 0x03)
        #expect(get(.lineStatus) & 1 == 0)
        #expect(get(.identification) == 0xc1, "FIFOs stay on and the clear bit clears itself")
        console.receive([3])
        set(.identification, 0x00)
        #expect(get(.lineStatus) & 1 == 0)
        #expect(get(.identification) == 0x01)
    }

    @Test("Loopback wires the modem outputs to the inputs, as Linux's driver tests it")
    func loopbackModem() {
        set(.modemControl, 0x1a)  // LOOP, OUT2, RTS
        #expect(get(.modemStatus) & 0xf0 == 0x90, "DCD and CTS")
        set(.modemControl, 0x15)  // LOOP, OUT1, DTR
        #expect(get(.modemStatus) & 0xf0 == 0x60, "RI and DSR")
    }

    @Test("Loopback returns transmitted bytes to the receiver and none to the line")
    func loopbackData() {
        set(.identification, 0x01)
        set(.modemControl, 0x10)
        console.receive([0x55])
        set(.data, 0x41)
        #expect(console.output.isEmpty)
        #expect(get(.data) == 0x41)
        #expect(get(.lineStatus) & 1 == 0, "the line is cut off in loopback")
        set(.modemControl, 0)
        #expect(get(.data) == 0x55)
    }

    @Test("In loopback a seventeenth byte overruns: it is lost, and OE is reported once with the highest priority")
    func overrun() {
        set(.identification, 0x01)
        set(.modemControl, 0x10)
        set(.interruptEnable, 0x05)
        for byte: UInt64 in 0..<17 { set(.data, byte) }
        #expect(get(.identification) == 0xc6)
        #expect(get(.lineStatus) == 0x63)
        #expect(get(.lineStatus) == 0x61, "reading LSR clears OE")
        #expect(get(.identification) == 0xc4)
        for byte: UInt64 in 0..<16 { #expect(get(.data) == byte) }
        #expect(get(.lineStatus) == 0x60)
    }

    @Test("Without FIFOs an overrun destroys the older byte")
    func overrunWithoutFIFO() {
        set(.modemControl, 0x10)
        set(.data, 1)
        set(.data, 2)
        #expect(get(.lineStatus) == 0x63)
        #expect(get(.data) == 2)
    }

    @Test("A break shows when its zero character comes to the top of the FIFO")
    func lineBreak() {
        set(.identification, 0x01)
        console.receive([0x41])
        uart.receiveBreak()
        #expect(get(.lineStatus) == 0xe1, "an error is in the FIFO, but not at its top")
        #expect(get(.data) == 0x41)
        #expect(get(.lineStatus) == 0xf9, "BI and FE")
        #expect(get(.data) == 0)
        #expect(get(.lineStatus) == 0x60)
    }

    @Test("The modem status interrupt follows a delta bit until MSR is read; RI reports only its fall")
    func modemStatusInterrupt() {
        set(.modemControl, 0x10)
        _ = get(.modemStatus)
        set(.interruptEnable, 0x08)
        #expect(!sink.isHigh())
        set(.modemControl, 0x14)  // OUT1 up: ring indicator rises
        #expect(!sink.isHigh())
        set(.modemControl, 0x10)
        #expect(sink.isHigh())
        #expect(get(.identification) == 0x00)
        #expect(get(.modemStatus) == 0x04, "TERI")
        #expect(!sink.isHigh())
    }

    @Test("There is no register beyond the eighth")
    func absentRegister() {
        #expect(throws: AccessFault.self) { try uart.read(8, size: 1) }
        #expect(throws: AccessFault.self) { try uart.write(0xff, size: 1, value: 0) }
    }

    @Test("Reset returns every register to its power-on value and keeps what was typed but not received")
    func reset() {
        let fresh = uart.snapshot()
        uart.fuzz(region: 0x100, hot: Array(0...7), clock: clock, seed: 7, count: 1000)
        set(.modemControl, 0)
        uart.reset()
        #expect(uart.snapshot() == fresh)
    }

    @Test("Random accesses at every offset and size do no harm, and the described state is all of it")
    func fuzz() {
        uart.fuzz(region: 0x100, hot: Array(0...7), clock: clock) { random in
            if random.next() % 32 == 0 { console.receive([UInt8(truncatingIfNeeded: random.next())]) }
            while console.input.count > 1000 { _ = console.input.take() }
            if console.output.count > 1000 { console.output = [] }
        }
        let copy = NS16550A(name: "serial", clock: Clock(), backend: MemoryConsole(), interrupt: sink.line(1))
        expectRestores(uart, into: copy) { uart in
            (0..<32).flatMap { _ in (0..<8).map { uart.get($0, 1) } }
        }
    }

    @Test("A damaged snapshot leaves a device that works")
    func damagedSnapshot() {
        for seed: UInt64 in 0..<50 {
            var scrambler = StateScrambler(random: SplitMix64(seed: seed))
            uart.describeState(&scrambler)
            uart.fuzz(region: 0x100, hot: Array(0...7), seed: seed, count: 200)
        }
    }
}
