import Testing

@testable import Machine

/// Expected values: VirtIO 1.2, section 5.1.
@Suite("VirtIO network")
struct VirtIONetworkTests {
    let network = MemoryNetwork()
    let driver: DriverTwin
    let buffer = DriverTwin.ram + 0x8_0000
    /// VIRTIO_F_VERSION_1, and with it VIRTIO_NET_F_MRG_RXBUF.
    static let plain: UInt64 = 1 << 32
    static let mergeable: UInt64 = 1 << 32 | 1 << 15
    /// VIRTIO_F_EVENT_IDX.
    static let eventIndex: UInt64 = 1 << 29

    init() throws {
        driver = DriverTwin(VirtIONetwork(backend: network, macAddress: try MACAddress("52:54:00:ab:cd:ef")))
    }

    /// A frame of so many bytes, each of which tells where it stands.
    private func frame(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) } }

    /// Offers receive buffers of these sizes, 4 KiB apart.
    private func offer(_ sizes: [Int], from first: Int = 0) {
        for (index, size) in sizes.enumerated() {
            let number = UInt64(first + index)
            driver.setChain([.write(buffer + 4096 * number, size)], in: driver.descriptorTable(0), first: number)
            driver.offer(number)
        }
        driver.notify(0)
    }

    /// A field of the device's state, as the monitor shows it.
    private func count(_ name: String) -> UInt64? {
        for field in driver.mmio.snapshot() where field.name == name {
            if case .word(let number) = field.value { return number }
        }
        return nil
    }

    @Test("It states its address and that the link is up; MAC, MRG_RXBUF and STATUS are offered, no offload")
    func configuration() {
        #expect(driver.get(.deviceID) == 1)
        #expect(driver.deviceFeatures() & 0xff_ffff == 1 << 5 | 1 << 15 | 1 << 16)
        let address = (0..<6).map { driver.mmio.get(0x100 + $0, 1) }
        #expect(address == [0x52, 0x54, 0x00, 0xab, 0xcd, 0xef])
        #expect(driver.mmio.get(0x106, 2) == 1)
    }

    @Test("A frame goes out without its header, whatever its framing")
    func transmit() {
        driver.start(queues: 2)
        driver.put([UInt8](repeating: 0, count: 12) + frame(60), at: buffer)
        #expect(driver.send([.read(buffer, 12), .read(buffer + 12, 60)], 1) == 0)
        #expect(driver.send([.read(buffer, 5), .read(buffer + 5, 20), .read(buffer + 25, 47)], 1) == 0)
        #expect(network.sent == [frame(60), frame(60)])
        #expect(count("frames sent") == 2)
    }

    @Test("What is no frame is dropped and counted, and its buffer given back", arguments: [13, 1519, 0x4_0000])
    func notAFrame(size: Int) {
        driver.start(queues: 2)
        #expect(driver.send([.read(buffer, 12 + size)], 1) == 0)
        #expect(network.sent.isEmpty)
        #expect(count("frames dropped") == 1)
        #expect(!driver.needsReset)
    }

    @Test("A buffer without room for the header breaks the rules: the device asks for a reset")
    func noHeader() {
        driver.start(queues: 2)
        #expect(driver.send([.read(buffer, 11)], 1) == nil)
        #expect(driver.needsReset)
        #expect(driver.messages.first?.contains("no room for its 12-byte header") ?? false, "\(driver.messages)")
    }

    @Test("A received frame follows a header that is zero but for num_buffers, and interrupts")
    func receive() {
        driver.start(queues: 2)
        driver.put([UInt8](repeating: 0xee, count: 100), at: buffer)
        offer([1526])
        #expect(driver.takeUsed() == nil)
        network.receive(frame(60))
        #expect(driver.takeUsed()?.length == 72)
        #expect(driver.take(12, at: buffer) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
        #expect(driver.take(60, at: buffer + 12) == frame(60))
        #expect(driver.take(1, at: buffer + 72) == [0xee], "no more than the frame is written")
        #expect(driver.sink.isHigh())
        #expect(count("frames received") == 1)
    }

    @Test("Frames wait for buffers in order; beyond 256 they are dropped and counted; a reset forgets them")
    func waiting() {
        driver.start(queues: 2)
        for index in 0..<300 { network.receive([UInt8(truncatingIfNeeded: index)] + frame(59)) }
        #expect(network.input.count == 256)
        #expect(count("frames dropped on the way") == 44)
        offer([1526, 1526])
        #expect(driver.takeUsed()?.length == 72)
        #expect(driver.takeUsed()?.length == 72)
        #expect(driver.take(1, at: buffer + 12) == [0])
        #expect(driver.take(1, at: buffer + 4096 + 12) == [1])
        #expect(network.input.count == 254)
        driver.set(.status, 0)
        #expect(network.input.count == 0)
    }

    @Test("With mergeable buffers a frame lies in as many as it needs, of which the first says how many (5.1.6.4)")
    func merge() {
        driver.start(features: Self.mergeable, queues: 2)
        offer([64, 64, 64])
        network.receive(frame(200))
        #expect(driver.takeUsed() == nil, "212 bytes do not fit into 192: the buffers stay for when there are more")
        offer([64], from: 3)
        #expect((0..<4).map { _ in driver.takeUsed()?.length } == [64, 64, 64, 20])
        #expect(driver.take(12, at: buffer) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0])
        let pieces = [driver.take(52, at: buffer + 12)] + (1..<4).map { driver.take(64, at: buffer + 4096 * $0) }
        #expect(Array(pieces.joined().prefix(200)) == frame(200))
    }

    @Test("A driver that has offered too few is asked to tell of the next one, not of those that are known (2.7.10)")
    func eventIndex() {
        driver.start(features: Self.mergeable | Self.eventIndex, queues: 2)
        offer([64, 64, 64])
        network.receive(frame(200))
        // avail_event stands behind the used ring's entries.
        #expect(driver.memory.load(driver.usedRing(0) + 4 + 8 * driver.queueSize, as: UInt16.self) == 3)
    }

    @Test("Without them a frame that the next buffer has no room for is dropped, and the buffer serves the next")
    func tooSmall() {
        driver.start(features: Self.plain, queues: 2)
        offer([100, 1526])
        network.receive(frame(200))
        #expect(driver.takeUsed() == nil)
        #expect(count("frames dropped") == 1)
        network.receive(frame(60))
        #expect(driver.takeUsed()?.length == 72)
    }

    @Test("A queue full of tiny buffers costs the frame, and nothing else", arguments: [0, 1, 13])
    func tiny(size: Int) {
        driver.start(features: Self.mergeable, queues: 2)
        offer(Array(repeating: size, count: Int(driver.queueSize)))
        network.receive(frame(1514))
        #expect(driver.takeUsed() == nil)
        #expect(count("frames dropped") == 1)
        #expect(!driver.needsReset)
    }

    @Test("A chain of receive buffers that loops breaks the rules")
    func loops() {
        driver.start(features: Self.mergeable, queues: 2)
        network.receive(frame(60))
        driver.setDescriptor(0, in: driver.descriptorTable(0), buffer, 64, DriverTwin.Flags.next, next: 0)
        driver.offer(0)
        driver.notify(0)
        #expect(driver.needsReset)
        network.receive(frame(60))
        #expect(network.input.count == 2, "they wait for the driver's reset")
    }

    @Test("Chains of any parts and frames of any size do no harm, and all that was lost is counted")
    func chains() throws {
        var random = SplitMix64(seed: 5)
        var offered = 0
        for _ in 0..<20_000 {
            if driver.needsReset || random.next() % 64 == 0 {
                driver.start(features: random.next() % 2 == 0 ? Self.mergeable : Self.plain, queues: 2)
            }
            let queue = random.next() % 2
            let parts = (0...random.next() % 3).map { _ in
                let size = [0, 1, 11, 12, 13, 26, 64, 1526, 0x1_0000][Int(random.next() % 9)]
                // Mostly of the kind that the queue is for.
                let isWritten = (queue == 0) != (random.next() % 16 == 0)
                return DriverTwin.Part(address: buffer, length: UInt32(size), isWritten: isWritten)
            }
            driver.setChain(parts, in: driver.descriptorTable(queue), first: random.next() % 6)
            driver.offer(random.next() % 8, queue)
            driver.notify(queue)
            if random.next() % 4 == 0 {
                network.receive(frame(Int(random.next() % 1600)))
                offered += 1
            }
        }
        let received = try #require(count("frames received"))
        let dropped = try #require(count("frames dropped"))
        let lost = try #require(count("frames dropped on the way"))
        #expect(received > 100 && dropped > 100 && network.sent.count > 100, "\(received) \(dropped)")
        #expect(received + lost + UInt64(network.input.count) <= UInt64(offered))
        #expect(received + dropped + lost + UInt64(network.input.count) >= UInt64(offered))
    }

    @Test("Random registers, rings and frames do no harm, and the described state is all of it")
    func fuzz() throws {
        driver.fuzz(seed: 1)
        network.receive(frame(60))
        let copy = DriverTwin(
            VirtIONetwork(backend: MemoryNetwork(), macAddress: try MACAddress("52:54:00:ab:cd:ef")))
        expectRestores(driver.mmio, into: copy.mmio) { mmio in
            [0x44, 0x60, 0x70, 0x100, 0x104].map { mmio.get($0) }
        }
        var scrambler = StateScrambler(random: SplitMix64(seed: 1))
        for _ in 0..<100 {
            copy.mmio.describeState(&scrambler)
            copy.notify(0)
        }
    }
}
