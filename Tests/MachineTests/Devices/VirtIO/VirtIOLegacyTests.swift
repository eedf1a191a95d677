import ISA
import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 4.2.4 ("Legacy interface"), and the sections of that name elsewhere.
@Suite("VirtIO's legacy interface over MMIO")
struct VirtIOLegacyTests {
    let device = ReversingDevice()
    let driver: DriverTwin
    let buffer = DriverTwin.ram + 0x8_0000

    init() {
        driver = DriverTwin(device, isLegacy: true)
    }

    /// DEVICE_NEEDS_RESET is of VirtIO 1.0: what shows is that nothing comes back.
    private func answers() -> Bool { driver.send([.read(buffer, 2), .write(buffer + 16, 2)]) == 2 }

    @Test("The version is 1, of a slot without a device too")
    func identification() {
        #expect(driver.get(.magicValue) == 0x7472_6976)
        #expect(driver.get(.version) == 1)
        #expect(driver.get(.deviceID) == 42)
        let empty = DriverTwin(nil, isLegacy: true)
        #expect(empty.get(.version) == 1)
        #expect(empty.get(.deviceID) == 0)
        empty.set(.queuePageNumber, 1)
        #expect(empty.get(.queuePageNumber) == 0)
    }

    @Test("A device that has no legacy interface, such as one for input, keeps the modern one")
    func modernDevices() {
        let input = DriverTwin(VirtIOInput(.keyboard), isLegacy: true)
        #expect(input.get(.version) == 2)
        input.start()
        #expect(input.status == 15)
    }

    @Test("ANY_LAYOUT is offered in place of VERSION_1, and there are no more than 32 features")
    func features() {
        #expect(driver.deviceFeatures() == 1 << 29 | 1 << 28 | 1 << 27 | 0b101)
    }

    @Test("What is not offered is left out of what a driver accepts, since it cannot be refused")
    func otherFeatures() {
        driver.set(.driverFeaturesSelect, 0)
        driver.set(.driverFeatures, 0xffff_ffff)
        driver.set(.driverFeaturesSelect, 1)
        driver.set(.driverFeatures, 0xffff_ffff)
        #expect(device.transport?.features.rawValue == 1 << 29 | 1 << 28 | 1 << 27 | 0b101)
    }

    @Test("FEATURES_OK is not taken, and DRIVER_OK does not need it")
    func status() {
        driver.set(.status, 3)
        driver.set(.status, 11)
        #expect(driver.status == 3)
        driver.set(.status, 7)
        #expect(driver.status == 7)
    }

    @Test(
        "A queue is one piece: descriptors, available ring, and the used ring at the next multiple of QueueAlign",
        arguments: [(8, 4096, 4096), (8, 64, 192), (4, 4, 80), (8, 2048, 2048)] as [(UInt64, UInt64, UInt64)])
    func layout(size: UInt64, alignment: UInt64, used: UInt64) {
        // 16 bytes a descriptor, 2 an available entry and 6 more with used_event: 2.7.2, virtq_size().
        driver.queueSize = size
        driver.queueAlignment = alignment
        driver.start(features: 1 << 29)
        #expect(driver.usedRing(0) - driver.descriptorTable(0) == used)
        driver.put([1, 2], at: buffer)
        #expect(answers())
        #expect(driver.take(2, at: buffer + 16) == [2, 1])
        #expect(driver.get(.interruptStatus) == 1)
        driver.set(.interruptAcknowledge, 1)
        #expect(!driver.sink.isHigh())
    }

    @Test(
        "QueuePFN counts in pages of GuestPageSize, reads as it was written, and 0 lets the queue go",
        arguments: [4096, 0x1_0000] as [UInt64])
    func pageNumber(size: UInt64) {
        driver.pageSize = size
        driver.start()
        #expect(driver.get(.queuePageNumber) == driver.descriptorTable(0) / size)
        driver.set(.queuePageNumber, 77)
        #expect(driver.get(.queuePageNumber) == driver.descriptorTable(0) / size, "it is in use")
        driver.set(.queuePageNumber, 0)
        #expect(driver.get(.queuePageNumber) == 0)
        // Used again, it begins with the first entries.
        driver.restartQueue(0)
        driver.put([5, 6], at: buffer)
        #expect(answers())
    }

    @Test("GuestPageSize is still known after a reset by the driver, as Linux writes it before that")
    func reset() {
        driver.pageSize = 0x1_0000
        driver.start()
        driver.set(.status, 0)
        #expect(driver.get(.queuePageNumber) == 0)
        driver.pageSize = nil
        driver.start()
        #expect(driver.get(.queuePageNumber) == 0)
        driver.set(.queuePageNumber, driver.descriptorTable(0) / 0x1_0000)
        driver.put([1, 2], at: buffer)
        #expect(answers())
    }

    @Test("A driver may use the device before it sets DRIVER_OK")
    func early() {
        driver.set(.status, 3)
        driver.setUpQueue(0)
        driver.put([1, 2], at: buffer)
        #expect(answers())
    }

    @Test("Sizes that are no powers of two, and queues outside memory, stop the device until it is reset")
    func mistakes() {
        func set(_ page: UInt64, size: UInt64, alignment: UInt64) {
            driver.set(.status, 0)
            driver.set(.guestPageSize, size)
            driver.set(.queueSelect, 0)
            driver.set(.queueSize, 8)
            driver.set(.queueAlignment, alignment)
            driver.set(.queuePageNumber, page)
            driver.set(.guestPageSize, 4096)
            #expect(driver.get(.queuePageNumber) == 0)
            #expect(driver.status == 0, "DEVICE_NEEDS_RESET is not of this interface")
        }
        let page = driver.descriptorTable(0) / 4096
        set(page, size: 3000, alignment: 4096)
        set(page, size: 0, alignment: 4096)
        set(page, size: 4096, alignment: 0)
        set(page, size: 4096, alignment: 100)
        set(1, size: 4096, alignment: 4096)
        set(0xffff_ffff, size: 1 << 31, alignment: 1 << 31)
        #expect(driver.messages.count == 6, "\(driver.messages)")
        #expect(driver.messages.first?.contains("page size is 3000, which is not a power of two") ?? false)
        driver.start()
        driver.put([1, 2], at: buffer)
        #expect(answers())
    }

    @Test("Registers of the other interface are not there")
    func otherRegisters() {
        driver.start()
        for register: VirtIOMMIO.Register in [.queueReady, .configurationGeneration, .sharedMemoryLengthLow] {
            driver.set(register, 1)
            #expect(driver.get(register) == 0)
        }
        let modern = DriverTwin(ReversingDevice())
        modern.start()
        modern.set(.queuePageNumber, 0)
        #expect(modern.get(.queuePageNumber) == 0)
        #expect(modern.get(.queueReady) == 1)
    }

    @Test("A frame has a header of 10 bytes, and of 12 with mergeable buffers; the driver may change the address")
    func network() throws {
        let network = MemoryNetwork()
        let card = DriverTwin(
            VirtIONetwork(backend: network, macAddress: try MACAddress("52:54:00:ab:cd:ef")), isLegacy: true)
        let frame = (0..<60).map { UInt8($0) }
        for (features, header): (UInt64, Int) in [(0, 10), (1 << 15, 12)] {
            card.start(features: features, queues: 2)
            card.put([UInt8](repeating: 0, count: header) + frame, at: buffer)
            #expect(card.send([.read(buffer, header + 60)], 1) == 0)
            #expect(network.sent.last == frame)
            card.setChain([.write(buffer, 2048)], in: card.descriptorTable(0))
            card.offer(0, 0)
            card.notify(0)
            network.input.receive(frame)
            #expect(card.takeUsed(0)?.length == UInt32(header + 60))
            #expect(card.take(60, at: buffer + UInt64(header)) == frame)
        }
        card.mmio.set(0x105, 0x11, 1)
        #expect(card.mmio.get(0x105, 1) == 0x11)
        card.set(.status, 0)
        #expect(card.mmio.get(0x105, 1) == 0xef)
    }

    @Test("A disk is read, a console written and entropy had by the legacy interface")
    func otherDevices() {
        let disk = DriverTwin(VirtIOBlock(backend: MemoryDisk(Array(repeating: 9, count: 512))), isLegacy: true)
        disk.start(features: 0)
        disk.put([UInt8](repeating: 0, count: 16), at: buffer)
        #expect(disk.send([.read(buffer, 16), .write(buffer + 512, 512), .write(buffer + 1024, 1)]) == 513)
        #expect(disk.take(512, at: buffer + 512) == Array(repeating: 9, count: 512))
        let output = MemoryConsole()
        let console = DriverTwin(VirtIOConsole(backend: output), isLegacy: true)
        console.start(features: 0, queues: 2)
        console.put(Array("hello".utf8), at: buffer)
        #expect(console.send([.read(buffer, 5)], 1) == 0)
        #expect(output.text == "hello")
        let entropy = DriverTwin(VirtIOEntropy(seed: 1), isLegacy: true)
        entropy.start(features: 0)
        #expect(entropy.send([.write(buffer, 8)]) == 8)
    }

    @Test("Random registers and rings do no harm")
    func fuzz() { driver.fuzz(seed: 11) }
}
