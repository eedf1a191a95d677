import ISA
import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 4.1; of MSI-X, PCI Local Bus Specification 3.0, 6.8.2.
@Suite("VirtIO over PCI")
struct VirtIOPCITests {
    let device = ReversingDevice()
    let driver: PCIDriverTwin
    let buffer = DriverTwin.ram + 0x8_0000
    let common = PCIDriverTwin.structures

    init() {
        driver = PCIDriverTwin([device])
        driver.place(1)
    }

    private func reverse(_ bytes: [UInt8]) -> [UInt8]? {
        driver.rings.put(bytes, at: buffer)
        let length = driver.send([.read(buffer, bytes.count), .write(buffer + 0x100, bytes.count)])
        return length.map { driver.rings.take(Int($0), at: buffer + 0x100) }
    }

    @Test("The common configuration tells of the device and its queues (4.1.4.3)")
    func commonConfiguration() {
        driver.store(common, 0)
        #expect(driver.load(common + 4) == 0b101 | 1 << 28 | 1 << 29)
        driver.store(common, 1)
        #expect(driver.load(common + 4) == 1)
        driver.store(common, 2)
        #expect(driver.load(common + 4) == 0)
        #expect(driver.load(common + 0x12, 2) == 2)
        for (queue, size) in [(0, 8), (1, 4), (2, 0)] as [(UInt64, UInt64)] {
            driver.store(common + 0x16, queue, 2)
            #expect(driver.load(common + 0x18, 2) == size)
            #expect(driver.load(common + 0x1e, 2) == (queue < 2 ? queue : 0))
        }
        driver.store(common + 0x16, 1, 2)
        driver.store(common + 0x20, 0x1_2345_6780, 8)
        #expect(driver.load(common + 0x20, 8) == 0x1_2345_6780)
        #expect(driver.load(common + 0x24) == 1)
    }

    @Test("A chain goes through a queue, and INTA# stays asserted until the status is read (4.1.4.5)")
    func interruptPin() {
        driver.start()
        #expect(reverse([1, 2, 3]) == [3, 2, 1])
        #expect(driver.sink.isHigh(1) && driver.get(1, 0x06, 2) & 8 != 0)
        driver.set(1, 0x04, 0x0406, 2)  // Interrupt Disable
        #expect(!driver.sink.isHigh(1) && driver.get(1, 0x06, 2) & 8 != 0)
        driver.set(1, 0x04, 0x0006, 2)
        #expect(driver.sink.isHigh(1))
        #expect(driver.load(PCIDriverTwin.structures + 0x2000, 1) == 1)
        #expect(!driver.sink.isHigh(1) && driver.load(PCIDriverTwin.structures + 0x2000, 1) == 0)
        device.transport?.configurationChanged()
        #expect(driver.load(PCIDriverTwin.structures + 0x2000, 1) == 2)
        #expect(driver.load(common + 0x15, 1) == 1)
        #expect(driver.sent.isEmpty)
    }

    private func enableMessages(_ control: UInt64 = 0x8000) throws {
        let capability = try #require(driver.capability(1, 0x11))
        driver.set(1, capability + 2, control, 2)
    }

    private func setVector(_ index: UInt64, address: UInt64, data: UInt64, masked: UInt64 = 0) {
        let entry = PCIDriverTwin.messages + 16 * index
        driver.store(entry, address, 8)
        driver.store(entry + 8, data)
        driver.store(entry + 12, masked)
    }

    @Test("With MSI-X each queue sends its own message, and the pin is quiet")
    func messages() throws {
        for index: UInt64 in 0..<3 { setVector(index, address: 0x8_0000_1040, data: 100 + index) }
        try enableMessages()
        driver.rings.queueSize = 4  // the second queue's largest
        driver.start(queues: 2, hasVectors: true)
        #expect(reverse([1, 2]) == [2, 1])
        device.transport?.configurationChanged()
        #expect(driver.send([.read(buffer, 1), .write(buffer, 1)], 1) == 1)
        #expect(
            driver.sent
                == [101, 100, 102].map { PCIMessage(address: 0x8_0000_1040, data: $0, requester: 1 << 3) })
        #expect(!driver.sink.isHigh(1) && driver.load(PCIDriverTwin.structures + 0x2000, 1) == 0)
    }

    @Test("What is masked is pending, and sent once when it is not masked any more")
    func masking() throws {
        for index: UInt64 in 0..<3 { setVector(index, address: 0x1000, data: index, masked: 1) }
        try enableMessages()
        driver.start(hasVectors: true)
        #expect(reverse([1]) == [1] && reverse([2]) == [2])
        #expect(driver.sent.isEmpty)
        #expect(driver.load(PCIDriverTwin.messages + 0x800) == 0b10)
        try enableMessages(0xc000)
        driver.store(PCIDriverTwin.messages + 16 + 12, 0)
        #expect(driver.sent.isEmpty)
        try enableMessages()
        #expect(driver.sent.map(\.data) == [1])
        #expect(driver.load(PCIDriverTwin.messages + 0x800) == 0)
    }

    @Test("A vector that is not there is none, and no message tells of that queue (4.1.5.1.2)")
    func noVector() throws {
        driver.store(common + 0x10, 3, 2)
        #expect(driver.load(common + 0x10, 2) == 0xffff)
        driver.store(common + 0x10, 2, 2)
        #expect(driver.load(common + 0x10, 2) == 2)
        setVector(1, address: 0x1000, data: 1)
        try enableMessages()
        driver.start()
        #expect(driver.load(common + 0x10, 2) == 0xffff, "the reset has unmapped it")
        #expect(reverse([1]) == [1])
        #expect(driver.sent.isEmpty)
    }

    @Test("Without Bus Master the device leaves memory alone; what came is done afterwards")
    func busMaster() {
        driver.start()
        driver.set(1, 0x04, 0x0002, 2)
        #expect(reverse([1, 2]) == nil)
        driver.set(1, 0x04, 0x0006, 2)
        #expect(driver.rings.takeUsed()?.length == 2)
        #expect(driver.rings.take(2, at: buffer + 0x100) == [2, 1])
    }

    @Test("The device's configuration is read and written, also by the window in configuration space (4.1.4.9)")
    func configuration() throws {
        #expect(driver.load(PCIDriverTwin.structures + 0x3000) == 0x0403_0201)
        driver.store(PCIDriverTwin.structures + 0x3001, 9, 1)
        #expect(device.configuration == [1, 9, 3, 4, 5, 6])
        let window = try #require(driver.capability(1, 9, structure: 5))
        driver.set(1, window + 4, 4, 1)
        driver.set(1, window + 8, 0x3002)
        driver.set(1, window + 12, 2)
        #expect(driver.get(1, window + 16, 2) == 0x0403)
        driver.set(1, window + 16, 0x0807, 2)
        #expect(device.configuration == [1, 9, 7, 8, 5, 6])
        driver.set(1, window + 8, 0x4000)
        #expect(driver.get(1, window + 16, 2) == 0)
    }

    @Test("A reset of the machine takes everything back")
    func reset() {
        driver.start()
        #expect(reverse([1]) == [1])
        driver.host.reset()
        #expect(!driver.sink.isHigh(1))
        #expect(driver.get(1, 0x04, 2) == 0 && driver.get(1, 0x20) == 0xc)
        driver.place(1)
        #expect(driver.load(common + 0x14, 1) == 0)
    }
}
