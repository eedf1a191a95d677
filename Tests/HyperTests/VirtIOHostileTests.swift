import Testing

@testable import Hyper

extension CoreTests {
    /// Drivers that do what they must not do. None of it ends Hyper, reaches memory that is not the guest's, or outlasts
    /// a reset of the device.
    @Suite("VirtIO's hostile drivers")
    struct VirtIOHostileTests {
        private typealias Piece = TwinQueue.Piece
        private static let room = TwinMemory.base + 0x10_0000

        private func expectRefusal(
            _ reason: String, features: UInt64 = TwinDriver.accept, _ body: (TwinQueue) -> Void
        ) throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(features)
            body(driver.queues[0])
            driver.queues[0].kick()
            #expect(driver.needsReset, "\(reason)")
            #expect(driver.read(0x060) == 2, "the driver is told by a change of the configuration: \(reason)")
            #expect(driver.queues[0].usedIndex == 0)
            // Nothing is served until the reset, and all of it then.
            driver.queues[0].kick()
            #expect(driver.queues[0].usedIndex == 0)
            driver.start()
            #expect(driver.read(0x060) == 0)
            driver.queues[0].add([], room: [16])
            driver.queues[0].kick()
            #expect(driver.queues[0].usedIndex == 1)
            #expect(driver.memory.isGuardIntact)
        }

        @Test("More buffers than the queue has room for")
        func tooMany() throws {
            try expectRefusal("index 17 of 16 entries") { $0.driver.memory.store(UInt16(17), $0.available + 2) }
        }

        @Test("A descriptor behind the end of the table")
        func noDescriptor() throws {
            try expectRefusal("head 16 of 16") { $0.publish(16) }
            try expectRefusal("head 65535 of 16") { $0.publish(65535) }
            try expectRefusal("next 16 of 16") {
                $0.describe(0, Piece(address: Self.room, length: 4, flags: 3), next: 16)
                $0.publish(0)
            }
        }

        @Test("A chain that leads into itself")
        func loop() throws {
            try expectRefusal("0 after 0") {
                $0.describe(0, Piece(address: Self.room, length: 4, flags: 3), next: 0)
                $0.publish(0)
            }
            try expectRefusal("0, 1, 0") {
                $0.describe(0, Piece(address: Self.room, length: 0, flags: 3), next: 1)
                $0.describe(1, Piece(address: Self.room, length: 0, flags: 3), next: 0)
                $0.publish(0)
            }
        }

        @Test(
            "A buffer that is not all in memory, or may not be written",
            arguments: [
                (0x7fff_fff8, 16), (0x801f_fff8, 16), (0x8000_0000, 0xffff_ffff), (0xffff_ffff_ffff_fff8, 16), (0, 1),
                (0x1000, 16),
            ] as [(UInt64, UInt32)])
        func outside(address: UInt64, length: UInt32) throws {
            try expectRefusal("\(length) bytes at \(address)") {
                $0.add([Piece(address: address, length: length, flags: 2)])
            }
        }

        @Test("What is to be read behind what is to be written")
        func order() throws {
            try expectRefusal("readable after writable") {
                $0.add([Piece(address: Self.room, length: 4, flags: 2), Piece(address: Self.room, length: 4)])
            }
        }

        @Test("The same memory so often that its length has no number")
        func tooLong() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(size: 64)
            let queue = driver.queues[0]
            let table = driver.allocate(1024 * 16)
            for number in 0..<UInt16(1024) {
                queue.describe(
                    number, Piece(address: TwinMemory.base, length: 2 << 20, flags: number < 1023 ? 3 : 2),
                    next: number + 1, in: table)
            }
            queue.add([Piece(address: table, length: 1024 * 16, flags: 4)])
            queue.kick()
            #expect(driver.needsReset)
        }

        @Test("Indirect tables of a wrong length, in each other, or not agreed on (Indirect Descriptors)")
        func indirect() throws {
            for length in [0, 8, 17, 1025 * 16, 0xffff_fff0] as [UInt32] {
                try expectRefusal("a table of \(length) bytes") {
                    $0.add([Piece(address: Self.room, length: length, flags: 4)])
                }
            }
            try expectRefusal("a table and a next descriptor") {
                $0.describe(0, Piece(address: Self.room, length: 16, flags: 5), next: 1)
                $0.publish(0)
            }
            try expectRefusal("a table in a table") {
                $0.describe(0, Piece(address: Self.room, length: 16, flags: 4), next: 0, in: Self.room)
                $0.add([Piece(address: Self.room, length: 16, flags: 4)])
            }
            try expectRefusal("a next descriptor behind the table") {
                $0.describe(0, Piece(address: Self.room, length: 16, flags: 3), next: 1, in: Self.room)
                $0.add([Piece(address: Self.room, length: 16, flags: 4)])
            }
            try expectRefusal("a table outside memory") { $0.add([Piece(address: 0x10, length: 16, flags: 4)]) }
            try expectRefusal("no indirect descriptors", features: 1 << 32) {
                $0.describe(0, Piece(address: Self.room + 64, length: 16, flags: 2), next: 0, in: Self.room)
                $0.add([Piece(address: Self.room, length: 16, flags: 4)])
            }
        }

        @Test("An indirect table behind direct descriptors is served, whatever its descriptor's WRITE says")
        func legalIndirect() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start()
            let queue = driver.queues[0]
            queue.describe(0, Piece(address: Self.room + 256, length: 16, flags: 3), next: 1, in: Self.room)
            queue.describe(1, Piece(address: Self.room + 512, length: 16, flags: 2), next: 0, in: Self.room)
            queue.add([
                Piece(address: Self.room + 128, length: 16, flags: 2), Piece(address: Self.room, length: 32, flags: 6),
            ])
            queue.kick()
            #expect(queue.take()?.length == 48)
            for offset in [128, 256, 512] as [UInt64] {
                #expect(driver.memory.load(Self.room + offset, count: 16) != [UInt8](repeating: 0, count: 16))
            }
        }

        @Test("Ten thousand buffers of random descriptors, for every kind of device", arguments: 0..<4)
        func random(kind: Int) throws {
            let disk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
            disk.initializeMemory(as: UInt8.self, repeating: 0)
            defer { disk.deallocate() }
            let memory = try TwinMemory()
            let device: any VirtIODevice
            switch kind {
            case 0: device = VirtIOEntropy()
            case 1: device = VirtIOConsole(serial: VirtualSerial(name: "test"))
            case 2: device = try VirtIOBlock(name: "test", disk: MemoryDisk(identifier: "test", memory: disk))
            default:
                let hub = VirtualSwitch(name: "test", policy: .hub)
                device = VirtIONetwork(address: MACAddress(0x0200_0000_0001), port: try hub.addPort("a"))
            }
            let driver = try TwinDriver(device, memory: memory)
            var generator = SeededGenerator(seed: UInt64(kind) + 1)
            var (failures, served) = (0, 0)
            for round in 0..<10_000 {
                if driver.status != 15 {
                    failures += 1
                    driver.start(size: 1 << UInt16.random(in: 0...6, using: &generator))
                }
                let queue = driver.queues.randomElement(using: &generator)!
                hostileDescriptors(queue, &generator)
                if kind > 1, round % 2 == 0 { likelyRequest(queue, &generator) }
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    queue.publish(UInt16.random(in: 0..<queue.size, using: &generator))
                }
                queue.kick()
                if let console = device as? VirtIOConsole, round % 8 == 0 { console.notified(0) }
                // What it gave back, it had been given.
                while let element = queue.take() {
                    served += 1
                    #expect(element.head < UInt32(queue.size))
                }
                if round % 64 == 0 { Port.run() }
            }
            #expect(memory.isGuardIntact)
            #expect(failures > 100 && served > 100, "both happen: \(failures) failures, \(served) buffers served")
        }

        /// A disk's header of a request that there may be, which a frame's may be as well, and what follows it.
        private func likelyRequest(_ queue: TwinQueue, _ generator: inout SeededGenerator) {
            let type = [0, 1, 4, 8, 11].randomElement(using: &generator)! as UInt32
            queue.driver.memory.store(type, Self.room + 0x8000)
            queue.driver.memory.store(UInt64.random(in: 0..<140, using: &generator), Self.room + 0x8008)
            queue.describe(0, Piece(address: Self.room + 0x8000, length: 16, flags: 1), next: 1)
            queue.publish(0)
        }

        /// Descriptors of which about one in four is wrong in some way.
        private func hostileDescriptors(_ queue: TwinQueue, _ generator: inout SeededGenerator) {
            let table = Self.room
            for _ in 0..<8 {
                let isInTable = Bool.random(using: &generator)
                var piece = Piece(
                    address: Self.room + 0x1_0000 + UInt64.random(in: 0..<0x1_0000, using: &generator),
                    length: UInt32.random(in: 0..<600, using: &generator),
                    flags: UInt16.random(in: 0..<4, using: &generator))
                switch Int.random(in: 0..<24, using: &generator) {
                case 0: piece.address = generator.next()
                case 1: piece.length = UInt32(truncatingIfNeeded: generator.next())
                case 2: piece.flags = UInt16(truncatingIfNeeded: generator.next())
                case 3: piece.address = TwinMemory.base + TwinMemory.size - 8
                case 4: piece.length = 1 << 20
                case 5...8:
                    piece = Piece(address: table, length: 16 * UInt32.random(in: 1..<8, using: &generator), flags: 4)
                default: break
                }
                let number = UInt16.random(in: 0..<min(queue.size, 8), using: &generator)
                queue.describe(
                    number, piece, next: UInt16.random(in: 0..<8, using: &generator), in: isInTable ? table : nil)
            }
        }
    }
}
