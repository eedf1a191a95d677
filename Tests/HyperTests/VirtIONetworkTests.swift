import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2, Network Device, says.
    @Suite("VirtIO's network card")
    struct VirtIONetworkTests {
        private static let a: UInt64 = 0x0200_0000_000a, b: UInt64 = 0x0200_0000_000b
        private static let sentHeader = [UInt8](repeating: 0, count: 12)
        /// `num_buffers` is 1.
        private static let receivedHeader: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]

        private struct Pair {
            let network: VirtualSwitch
            let cards: [VirtIONetwork]
            let drivers: [TwinDriver]
            var ports: [NetworkPort] { cards.map(\.port) }
        }

        /// Two guests.
        private func pair(_ features: UInt64? = nil, mtu: Int = 1500) throws -> Pair {
            let memories = try [TwinMemory(), TwinMemory()]
            let network = VirtualSwitch(name: "test", maximumTransmissionUnit: mtu)
            let cards = try [Self.a, Self.b].map {
                VirtIONetwork(
                    address: MACAddress($0), port: try network.addPort("guest"), maximumTransmissionUnit: mtu)
            }
            let drivers = try zip(cards, memories).map { try TwinDriver($0, memory: $1) }
            for driver in drivers { driver.start(features) }
            return Pair(network: network, cards: cards, drivers: drivers)
        }

        @Test("The card tells its address, its link and its MTU")
        func configuration() throws {
            let pair = try pair(mtu: 9000)
            let driver = pair.drivers[0]
            #expect(driver.read(0x008) == 1)
            #expect(driver.offered & 0x1_ffff == 1 << 3 | 1 << 5 | 1 << 16)
            #expect((0..<6).map { UInt8(driver.device.read(0x100 + $0, width: 1)) } == [2, 0, 0, 0, 0, 0x0a])
            #expect(driver.device.read(0x106, width: 2) == 1, "VIRTIO_NET_S_LINK_UP")
            #expect(driver.device.read(0x10a, width: 2) == 9000)
            #expect(driver.device.read(0x10c, width: 4) == 0, "there is nothing behind")
        }

        @Test("Two guests exchange frames, in buffers of whatever pieces")
        func ping() throws {
            let pair = try pair()
            let (a, b) = (pair.drivers[0], pair.drivers[1])
            let question = frame(to: Self.b, from: Self.a, (0..<1500).map { UInt8(truncatingIfNeeded: $0 &* 3) })
            let answer = frame(to: Self.a, from: Self.b, Array("pong".utf8))
            for round in 0..<100 {
                for driver in [a, b] { driver.start() }
                let atB = b.queues[0].add([], room: [5, 7, 100, 1414])
                b.queues[0].kick()
                let atA = a.queues[0].add([], room: [1526])
                a.queues[0].kick()
                let bytes = Self.sentHeader + question
                a.queues[1].add([Array(bytes[..<3]), Array(bytes[3..<20]), Array(bytes[20...])])
                a.queues[1].kick()
                #expect(a.queues[1].take()?.length == 0)
                #expect(b.line.level)
                #expect(b.queues[0].take()?.length == 1526, "round \(round)")
                let received = zip(atB, [5, 7, 100, 1414]).flatMap { b.memory.load($0, count: $1) }
                #expect(received == Self.receivedHeader + question)
                b.queues[1].add([Self.sentHeader + answer])
                b.queues[1].kick()
                #expect(a.queues[0].take()?.length == UInt32(12 + answer.count))
                #expect(a.memory.load(atA[0], count: 12 + answer.count) == Self.receivedHeader + answer)
            }
            #expect(pair.ports[0].sent.frames == 100)
            #expect(pair.ports[0].received.frames == 100)
            #expect(pair.ports[0].received.bytes == 100 * UInt64(answer.count))
            #expect(a.memory.isGuardIntact && b.memory.isGuardIntact)
        }

        @Test(
            "A driver need not notify of buffers until none is left, and then has what waited",
            arguments: [false, true])
        func suppression(eventIndex: Bool) throws {
            let pair = try pair(1 << 32 | (eventIndex ? 1 << 29 : 0))
            let (a, b) = (pair.drivers[0], pair.drivers[1])
            let receive = b.queues[0]
            /// Available Buffer Notification Suppression: whether the driver has to notify of its last buffer.
            func mustNotify() -> Bool {
                guard eventIndex else { return receive.usedFlags == 0 }
                return receive.availableEvent == receive.nextAvailable &- 1
            }
            func send(_ number: UInt8) {
                a.queues[1].add([Self.sentHeader + frame(to: Self.b, from: Self.a, [number])])
                a.queues[1].kick()
            }
            for _ in 0..<2 { receive.add([], room: [1526]) }
            receive.kick()
            send(0)
            #expect(receive.usedIndex == 1)
            receive.add([], room: [1526])
            #expect(!mustNotify(), "there are buffers")
            send(1)
            send(2)
            #expect(receive.usedIndex == 3)
            send(3)
            send(4)
            #expect(receive.usedIndex == 3)
            #expect(pair.ports[1].waitingCount == 2)
            receive.add([], room: [1526])
            #expect(mustNotify(), "there are none, and frames wait")
            receive.kick()
            #expect(receive.usedIndex == 4)
            receive.add([], room: [1526])
            #expect(mustNotify())
            receive.kick()
            #expect(receive.usedIndex == 5)
            #expect(pair.ports[1].waitingCount == 0)
            #expect(pair.ports[1].received.dropped == 0)
        }

        @Test("A guest without a driver, and one that resets its card, keep no frames")
        func noDriver() throws {
            let pair = try pair()
            let (a, b) = (pair.drivers[0], pair.drivers[1])
            func send() {
                a.queues[1].add([Self.sentHeader + frame(to: Self.b, from: Self.a)])
                a.queues[1].kick()
            }
            send()
            #expect(pair.ports[1].waitingCount == 1)
            b.write(0x070, 0)
            #expect(pair.ports[1].waitingCount == 0)
            send()
            #expect(pair.ports[1].waitingCount == 0)
            #expect(pair.ports[1].received.dropped == 2)
            b.device.remove()
            send()
            #expect(pair.ports[1].received.dropped == 2)
            #expect(pair.network.ports.count == 1, "the card's port goes with it")
        }

        @Test("A buffer that is too small for a frame is left for a smaller one")
        func smallBuffer() throws {
            let pair = try pair()
            let (a, b) = (pair.drivers[0], pair.drivers[1])
            b.queues[0].add([], room: [100])
            b.queues[0].kick()
            for size in [87, 60] {
                a.queues[1].add([Self.sentHeader + frame(to: Self.b, from: Self.a, [UInt8](repeating: 1, count: size))])
                a.queues[1].kick()
            }
            #expect(b.queues[0].take()?.length == 86)
            #expect(pair.ports[1].received.dropped == 1)
            #expect(!b.needsReset)
        }

        @Test("What is no frame is refused and counted, and what is no header stops the card")
        func malformed() throws {
            let pair = try pair()
            let a = pair.drivers[0]
            a.queues[1].add([Self.sentHeader])
            a.queues[1].add([Self.sentHeader + [UInt8](repeating: 0xff, count: 1519)])
            a.queues[1].kick()
            #expect(a.queues[1].usedIndex == 2)
            #expect(pair.ports[0].sent.malformed == 2)
            a.queues[1].add([[0, 0, 0]])
            a.queues[1].kick()
            #expect(a.needsReset)
        }

        @Test("A cable that is pulled out is told by the configuration, and carries nothing (Configuration Space)")
        func link() throws {
            let pair = try pair()
            let (a, b) = (pair.drivers[0], pair.drivers[1])
            let generation = b.read(0x0fc)
            b.queues[0].add([], room: [1526])
            pair.cards[1].setLink(false)
            #expect(b.acknowledge() == 2)
            #expect(b.read(0x0fc) != generation)
            #expect(b.device.read(0x106, width: 2) == 0)
            a.queues[1].add([Self.sentHeader + frame(to: Self.b, from: Self.a)])
            a.queues[1].kick()
            b.queues[1].add([Self.sentHeader + frame(to: Self.a, from: Self.b)])
            b.queues[1].kick()
            #expect(b.queues[0].usedIndex == 0)
            #expect(pair.ports[1].sent.frames == 0)
            pair.cards[1].setLink(true)
            a.queues[1].add([Self.sentHeader + frame(to: Self.b, from: Self.a)])
            a.queues[1].kick()
            #expect(b.queues[0].usedIndex == 1)
        }
    }
}
