import Testing

@testable import Machine

/// Expected values: PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual, DDI 0190B; sections cited
/// are its.
@Suite("PL061 GPIO")
struct PL061Tests {
    let clock = Clock()
    let sink = RecordingSink()
    let gpio: PL061

    init() {
        gpio = PL061(name: "pl061@9030000", clock: clock, interrupt: sink.line())
    }

    private func get(_ register: PL061.Register) -> UInt64 { gpio.get(register.rawValue) }
    private func set(_ register: PL061.Register, _ value: UInt64) { gpio.set(register.rawValue, value) }
    /// Where GPIODATA is accessed for the given pins.
    private func data(_ pins: UInt64) -> UInt64 { pins << 2 }

    @Test("All registers are zero after reset (table 3-1), and writable ones hold eight bits")
    func readBack() {
        for register: PL061.Register in [
            .direction, .interruptSense, .interruptBothEdges, .interruptEvent, .interruptEnable, .alternateFunction,
        ] {
            #expect(get(register) == 0)
            set(register, 0xffff_ffa5)
            #expect(get(register) == 0xa5)
            set(register, 0)
        }
        #expect(get(.rawInterruptStatus) == 0 && get(.maskedInterruptStatus) == 0)
        #expect(gpio.get(data(0xff)) == 0, "the pins are pulled down")
    }

    @Test("Bits 9 to 2 of the address choose the pins that a write changes and a read shows (3.3.1)")
    func dataMask() {
        set(.direction, 0xff)
        gpio.set(data(0x26), 0xfb)
        #expect(gpio.get(data(0xff)) == 0x22)
        gpio.set(data(0x0f), 0xff)
        #expect(gpio.get(data(0xff)) == 0x2f)
        #expect(gpio.get(data(0x31)) == 0x21)
        #expect(gpio.get(data(0)) == 0)
    }

    @Test("Inputs read their pins and do not take what is written (3.3.1, 3.3.2)")
    func direction() {
        set(.direction, 0xf0)
        gpio.setLine(0, true)
        gpio.setLine(7, true)
        gpio.set(data(0xff), 0x5a)
        #expect(gpio.get(data(0xff)) == 0x51)
        set(.direction, 0x00)
        #expect(gpio.get(data(0xff)) == 0x81)
        set(.direction, 0xff)
        #expect(gpio.get(data(0xff)) == 0x50)
    }

    @Test(
        "An edge as GPIOIEV and GPIOIBE ask for is kept until it is cleared (3.3.3 to 3.3.9)",
        arguments: [
            (0x00, 0x00, false, true), (0x00, 0x10, true, false), (0x10, 0x00, true, true), (0x10, 0x10, true, true),
        ])
    func edges(both: UInt64, event: UInt64, rising: Bool, falling: Bool) {
        set(.interruptBothEdges, both)
        set(.interruptEvent, event)
        set(.interruptEnable, 0x10)
        gpio.setLine(4, true)
        #expect(sink.isHigh() == rising)
        #expect(get(.rawInterruptStatus) == (rising ? 0x10 : 0))
        set(.interruptClear, 0x10)
        #expect(!sink.isHigh())
        gpio.setLine(4, false)
        #expect(sink.isHigh() == falling)
        #expect(get(.maskedInterruptStatus) == (falling ? 0x10 : 0))
        set(.interruptClear, 0xef)
        #expect(sink.isHigh() == falling, "another pin's bit clears nothing")
        set(.interruptClear, 0x10)
        #expect(!sink.isHigh())
    }

    @Test("A level interrupts as long as it lasts, and cannot be cleared (3.3.3, 3.3.9)", arguments: [true, false])
    func levels(high: Bool) {
        gpio.setLine(2, !high)
        set(.interruptSense, 0x04)
        set(.interruptEvent, high ? 0x04 : 0)
        set(.interruptEnable, 0x04)
        #expect(!sink.isHigh())
        gpio.setLine(2, high)
        #expect(sink.isHigh())
        set(.interruptClear, 0xff)
        #expect(sink.isHigh())
        gpio.setLine(2, !high)
        #expect(!sink.isHigh())
    }

    @Test("A masked edge shows in GPIORIS alone, and interrupts when it is unmasked (3.3.6 to 3.3.8)")
    func masked() {
        set(.interruptEvent, 0x01)
        gpio.setLine(0, true)
        #expect(get(.rawInterruptStatus) == 0x01 && get(.maskedInterruptStatus) == 0)
        #expect(!sink.isHigh())
        set(.interruptEnable, 0x01)
        #expect(get(.maskedInterruptStatus) == 0x01)
        #expect(sink.isHigh())
    }

    @Test("The power key is pin 3: it goes down, and up again after 100 ms")
    func powerKey() {
        set(.interruptBothEdges, 0x08)
        set(.interruptEnable, 0x08)
        clock.skip(to: 5)
        gpio.pressPowerKey()
        #expect(sink.isHigh())
        #expect(gpio.get(data(0x08)) == 0x08)
        set(.interruptClear, 0x08)
        clock.skip(99_999_999)
        #expect(!sink.isHigh())
        clock.skip(1)
        #expect(sink.isHigh())
        #expect(gpio.get(data(0x08)) == 0)
        #expect(clock.deadline == nil)
    }

    @Test("The identification registers are those that QEMU's board shows")
    func identification() {
        let bytes = stride(from: 0xfe0, to: 0x1000, by: 4).map { gpio.get(UInt64($0)) }
        #expect(bytes == [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
    }

    @Test("Pins that do not exist cannot be raised; reserved offsets read zero")
    func absent() {
        gpio.setLine(8, true)
        gpio.setLine(-1, true)
        #expect(gpio.get(data(0xff)) == 0)
        gpio.set(0x500, 1)
        #expect(gpio.get(0x500) == 0)
        #expect(throws: AccessFault.self) { try gpio.read(0x400, size: 8) }
        #expect(throws: AccessFault.self) { try gpio.write(0x401, size: 1, value: 0) }
    }

    private static let hot = [data, 0x20, 0x3fc].map { UInt64($0) } + (0x400..<0x424).map { UInt64($0) }
    private static let data = 0

    @Test("Reset clears every register, and the pins keep their level")
    func reset() {
        let fresh = gpio.snapshot()
        gpio.fuzz(region: 0x1000, hot: Self.hot, seed: 5, count: 1000)
        gpio.reset()
        #expect(gpio.snapshot() == fresh)
        gpio.setLine(1, true)
        gpio.reset()
        #expect(gpio.get(data(0xff)) == 0x02)
    }

    @Test("Random accesses and wires do no harm, and the described state is all of it")
    func fuzz() {
        gpio.fuzz(region: 0x1000, hot: Self.hot, clock: clock) { random in
            if random.next() % 1024 == 0 { gpio.pressPowerKey() }
            gpio.setLine(Int(random.next() % 9), random.next() % 2 == 0)
        }
        let clock = Clock()
        clock.advance(to: self.clock.now)
        let copy = PL061(name: "gpio", clock: clock, interrupt: sink.line(1))
        expectRestores(gpio, into: copy) { gpio in
            [0x3fc].map { gpio.get($0) } + (0..<9).map { gpio.get(0x400 + $0 * 4) }
        }
    }
}
