import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.8, and Linux' input-event-codes.h.
@Suite("VirtIO input")
struct VirtIOInputTests {
    let device: VirtIOInput
    let driver: DriverTwin
    let buffer = DriverTwin.ram + 0x8_0000

    init() { self.init(.tablet) }

    private init(_ kind: VirtIOInput.Kind) {
        device = VirtIOInput(kind)
        driver = DriverTwin(device)
    }

    /// What the configuration space shows of a selection.
    private func shown(_ select: UInt64, _ subselect: UInt64 = 0) -> [UInt8] {
        driver.mmio.set(0x100, select, 1)
        driver.mmio.set(0x101, subselect, 1)
        return (0..<driver.mmio.get(0x102, 1)).map { UInt8(driver.mmio.get(0x108 + $0, 1)) }
    }

    private func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { bytes.littleEndian(at: $0) }
    }

    @Test("A tablet says its names, what it is, and which events come")
    func tablet() {
        #expect(driver.get(.deviceID) == 18)
        #expect(String(decoding: shown(1), as: UTF8.self) == "Orrery tablet")
        #expect(String(decoding: shown(2), as: UTF8.self) == "tablet")
        #expect(shown(3) == [6, 0, 0x27, 6, 3, 0, 1, 0], "BUS_VIRTUAL, QEMU's vendor and tablet, version 1")
        #expect(shown(0x10) == [], "no properties")
        // BTN_LEFT 0x110, BTN_RIGHT 0x111, BTN_MIDDLE 0x112
        #expect(shown(0x11, 1) == Array(repeating: 0, count: 0x22) + [0b111])
        #expect(shown(0x11, 2) == [0x40, 0x01], "REL_HWHEEL 6 and REL_WHEEL 8")
        #expect(shown(0x11, 3) == [0b11], "ABS_X and ABS_Y")
        #expect(shown(0x11, 4) == [])
        for axis: UInt64 in 0...1 { #expect(words(shown(0x12, axis)) == [0, 0x7fff, 0, 0, 0]) }
        #expect(shown(0x12, 2) == [])
        #expect(shown(0) == [] && shown(0x77, 3) == [] && shown(1, 1) == [])
    }

    @Test("A keyboard has all keys of a PC, and no axes")
    func keyboard() {
        let keyboard = VirtIOInputTests(.keyboard)
        #expect(String(decoding: keyboard.shown(1), as: UTF8.self) == "Orrery keyboard")
        #expect(keyboard.shown(3) == [6, 0, 0x27, 6, 1, 0, 1, 0])
        #expect(keyboard.shown(0x11, 1) == [0xfe] + Array(repeating: 0xff, count: 15), "KEY_ESC to KEY_COMPOSE")
        #expect(keyboard.shown(0x11, 3) == [] && keyboard.shown(0x12, 0) == [])
    }

    @Test("Both selections may be written at once, and everything else is read only")
    func selection() {
        driver.mmio.set(0x100, 0x0311, 2)
        #expect(driver.mmio.get(0x108, 1) == 3)
        driver.mmio.set(0x108, 0xff, 1)
        #expect(driver.mmio.get(0x108, 1) == 3)
        driver.set(.status, 0)
        #expect(driver.mmio.get(0x100) == 0)
    }

    private func offerBuffers(_ count: UInt64, length: Int = 8) {
        for index in 0..<count {
            driver.setChain(
                [.write(buffer + 16 * index, length)], in: driver.descriptorTable(0), first: index)
        }
        for index in 0..<count { driver.offer(index) }
        driver.notify()
    }

    private func event(_ index: UInt64) -> [UInt8] { driver.take(8, at: buffer + 16 * index) }

    @Test("Events take a buffer each, end in SYN_REPORT, and wait for buffers")
    func events() {
        driver.start(queues: 2)
        offerBuffers(3)
        #expect(driver.takeUsed() == nil)
        device.port.receive([.absolute(0, 0x1234), .relative(8, -1), .key(0x110, isDown: true)])
        for _ in 0..<3 { #expect(driver.takeUsed()?.length == 8) }
        #expect(driver.takeUsed() == nil)
        #expect(driver.sink.isHigh())
        #expect(event(0) == [3, 0, 0, 0, 0x34, 0x12, 0, 0])
        #expect(event(1) == [2, 0, 8, 0, 0xff, 0xff, 0xff, 0xff])
        #expect(event(2) == [1, 0, 0x10, 1, 1, 0, 0, 0])
        offerBuffers(2)
        #expect(driver.takeUsed()?.length == 8)
        #expect(event(0) == [0, 0, 0, 0, 0, 0, 0, 0], "SYN_REPORT")
        #expect(driver.takeUsed() == nil)
        device.port.receive([])
        #expect(driver.takeUsed() == nil, "nothing happened")
    }

    @Test("What happens while no driver listens is lost; what it is slow to take is bounded, and dropped as a whole")
    func dropping() {
        device.port.receive([.key(0x110, isDown: true)])
        #expect(device.port.count == 0)
        driver.start(queues: 2)
        for _ in 0..<1000 { device.port.receive([.absolute(0, 1), .absolute(1, 2)]) }
        #expect(device.port.count == 1023, "341 times two events and their report")
        driver.set(.status, 0)
        #expect(device.port.count == 0, "and a reset forgets them")
    }

    @Test("A buffer too small for an event stops the device; what drivers say of lights is taken")
    func smallBuffer() {
        driver.start(queues: 2)
        driver.put([0x11, 0, 0, 0, 1, 0, 0, 0], at: buffer)
        #expect(driver.send([.read(buffer, 8)], 1) == 0)
        offerBuffers(1, length: 7)
        device.port.receive([.absolute(0, 1)])
        #expect(driver.needsReset)
        #expect(driver.messages.first?.contains("no room for an event") ?? false)
    }

    @Test("Random registers, rings and buffers do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 5, count: 20_000)
        driver.start(queues: 2)
        device.port.receive([.absolute(0, 1), .absolute(1, 2)])
        driver.mmio.set(0x100, 0x12, 1)
        let copy = VirtIOInputTests(.tablet)
        expectRestores(driver.mmio, into: copy.driver.mmio) { mmio in
            [0x44, 0x60, 0x70, 0x100, 0x108].map { mmio.get($0) }
        }
        #expect(copy.device.port.count == 3)
        var scrambler = StateScrambler(random: SplitMix64(seed: 1))
        for _ in 0..<100 { copy.device.describeState(&scrambler) }
    }
}
