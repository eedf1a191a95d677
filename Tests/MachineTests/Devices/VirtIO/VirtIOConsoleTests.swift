import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.3.
@Suite("VirtIO console")
struct VirtIOConsoleTests {
    let console = MemoryConsole()
    let device: VirtIOConsole
    let driver: DriverTwin
    let buffer = DriverTwin.ram + 0x8_0000

    init() {
        device = VirtIOConsole(backend: console, columns: 120, rows: 40)
        driver = DriverTwin(device)
    }

    @Test("It states its size, one port, and emergency write; MULTIPORT is off")
    func configuration() {
        #expect(driver.get(.deviceID) == 3)
        #expect(driver.deviceFeatures() & 0xff_ffff == 0b101)
        #expect(driver.mmio.get(0x100, 2) == 120)
        #expect(driver.mmio.get(0x102, 2) == 40)
        #expect(driver.mmio.get(0x104, 4) == 1)
    }

    @Test("What the driver transmits is printed in order, whatever its framing")
    func transmit() {
        driver.start(queues: 2)
        driver.put(Array("Hello, world".utf8), at: buffer)
        #expect(driver.send([.read(buffer, 5), .read(buffer + 5, 7)], 1) == 0)
        #expect(console.text == "Hello, world")
    }

    @Test("Typed bytes fill receive buffers as they come, and wait while there are none")
    func receive() {
        driver.start(queues: 2)
        console.receive(Array("abcdef".utf8))
        #expect(driver.usedIndex(0) == 0)
        driver.setChain([.write(buffer, 4)], in: driver.descriptorTable(0))
        driver.setChain([.write(buffer + 16, 4)], in: driver.descriptorTable(0), first: 1)
        driver.setChain([.write(buffer + 32, 4)], in: driver.descriptorTable(0), first: 2)
        for head: UInt64 in 0..<3 { driver.offer(head) }
        driver.notify()
        #expect(driver.takeUsed()?.length == 4)
        #expect(driver.takeUsed()?.length == 2)
        #expect(driver.takeUsed() == nil, "the third buffer waits for input")
        #expect(driver.take(4, at: buffer) == Array("abcd".utf8))
        #expect(driver.take(2, at: buffer + 16) == Array("ef".utf8))
        console.receive([0x67])
        #expect(driver.takeUsed()?.length == 1)
        #expect(driver.take(1, at: buffer + 32) == [0x67])
        #expect(driver.sink.isHigh())
    }

    @Test("The emergency write prints before anything is set up")
    func emergencyWrite() {
        driver.mmio.set(0x108, 0x21)
        #expect(console.text == "!")
    }

    @Test("A new window size changes the configuration and tells the driver")
    func resize() {
        driver.start(queues: 2)
        device.resize(columns: 80, rows: 25)
        #expect(driver.mmio.get(0x100) == 25 << 16 | 80)
        #expect(driver.get(.configurationGeneration) == 1)
        #expect(driver.get(.interruptStatus) == 2)
        device.resize(columns: 80, rows: 25)
        #expect(driver.get(.configurationGeneration) == 1, "nothing changed")
    }

    @Test("Random registers, rings and buffers do no harm, and the described state is all of it")
    func fuzz() {
        driver.fuzz(seed: 4)
        console.receive([1, 2, 3])
        let copy = DriverTwin(VirtIOConsole(backend: MemoryConsole()))
        expectRestores(driver.mmio, into: copy.mmio) { mmio in
            [0x44, 0x60, 0x70, 0x100].map { mmio.get($0) }
        }
    }
}
