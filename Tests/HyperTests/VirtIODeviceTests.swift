import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2, Device Types, says of each device.
    @Suite("VirtIO's devices")
    struct VirtIODeviceTests {
        // MARK: Entropy

        @Test("The generator's block is ChaCha20's (RFC 8439, Test Vector for the ChaCha20 Block Function)")
        func chacha() {
            var key = InlineArray<8, UInt32>(repeating: 0)
            for index in 0..<8 {
                for byte in 0..<4 { key[index] |= UInt32(4 * index + byte) << UInt32(8 * byte) }
            }
            let block = Random.block(key, counter: 1, nonce: [0x0900_0000, 0x4a00_0000, 0])
            let expected: [UInt32] = [
                0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3, 0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204, 0x4e6c_d4c3,
                0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9, 0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2,
            ]
            #expect((0..<16).map { block[$0] } == expected)
        }

        @Test("An entropy buffer is filled as far as the used length says, each with something else")
        func entropy() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start()
            let first = driver.queues[0].add([], room: [7, 100])
            let second = driver.queues[0].add([], room: [4096])
            driver.queues[0].kick()
            #expect(driver.queues[0].take()?.length == 107)
            let length = Int(try #require(driver.queues[0].take()).length)
            #expect(length >= 1 && length <= 4096)
            let bytes = driver.memory.load(first[1], count: 100) + driver.memory.load(second[0], count: length)
            for value in 0...255 {
                let count = bytes.count { Int($0) == value }
                #expect(count < 30, "\(value) stands \(count) times in \(bytes.count) random bytes")
            }
            driver.queues[0].add([[1, 2, 3]])
            driver.queues[0].kick()
            #expect(driver.needsReset, "the driver must not give it anything to read")
        }

        // MARK: Console

        @Test("What a guest writes to its console is printed, and what is typed comes to it")
        func console() throws {
            let serial = VirtualSerial(name: "test")
            let driver = try TwinDriver(VirtIOConsole(serial: serial))
            #expect(driver.read(0x008) == 3)
            driver.start()
            let (receive, transmit) = (driver.queues[0], driver.queues[1])
            transmit.add([Array("hello, ".utf8), Array("world\n".utf8)])
            transmit.kick()
            #expect(serial.output() == Array("hello, world\n".utf8))
            #expect(transmit.take()?.length == 0)
            // Typed before there is a buffer.
            serial.type(Array("ls".utf8))
            let rooms = receive.add([], room: [1]) + receive.add([], room: [8]) + receive.add([], room: [8])
            receive.kick()
            #expect(receive.take()?.length == 1)
            #expect(receive.take()?.length == 1)
            #expect(receive.take() == nil)
            #expect(driver.acknowledge() == 1)
            receive.setUsedEvent(receive.nextUsed)
            serial.type(Array(" -l\n".utf8))
            #expect(driver.line.level)
            #expect(receive.take()?.length == 4)
            #expect(driver.memory.load(rooms[2], count: 4) == Array(" -l\n".utf8))
        }

        @Test("An emergency write needs no queue (Emergency Write)")
        func emergency() throws {
            let serial = VirtualSerial(name: "test")
            let driver = try TwinDriver(VirtIOConsole(serial: serial))
            #expect(driver.offered & 1 << 2 != 0)
            driver.device.write(0x108, width: 4, value: 0x21)
            #expect(serial.output() == [0x21])
        }

        // MARK: Block

        /// A request: type, reserved, sector; data; status.
        private func header(_ type: UInt32, _ sector: UInt64 = 0) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: type >> (8 * $0)) } + [0, 0, 0, 0]
                + (0..<8).map { UInt8(truncatingIfNeeded: sector >> (8 * UInt64($0))) }
        }

        private func withDisk(
            sectors: Int = 8, isReadOnly: Bool = false,
            _ body: (TwinDriver, UnsafeMutableRawBufferPointer) throws -> Void
        ) throws {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: sectors * 512, alignment: 16)
            defer { bytes.deallocate() }
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index / 512 &* 31 &+ index) }
            let disk = MemoryDisk(identifier: "disk0", memory: bytes, isReadOnly: isReadOnly)
            let driver = try TwinDriver(VirtIOBlock(name: "one/disk0", disk: disk))
            driver.start()
            try body(driver, bytes)
        }

        /// Status, length used, and what was read.
        private func request(
            _ driver: TwinDriver, _ header: [UInt8], _ output: [[UInt8]] = [], room: [Int] = []
        ) -> (status: UInt8, length: UInt32, bytes: [UInt8]) {
            let queue = driver.queues[0]
            let rooms = queue.add([header] + output, room: room + [1])
            driver.memory.store(UInt8(0xff), rooms.last!)
            queue.kick()
            let length = queue.take()?.length ?? .max
            let bytes = zip(rooms, room).flatMap { driver.memory.load($0, count: $1) }
            return (driver.memory.load(rooms.last!, as: UInt8.self), length, bytes)
        }

        @Test("A disk is read and written by sectors, in whatever pieces the driver likes")
        func block() throws {
            try withDisk { driver, disk in
                #expect(driver.read(0x008) == 2)
                #expect(driver.device.read(0x100, width: 8) == 8, "its capacity in sectors")
                #expect(driver.device.read(0x100, width: 4) == 8)
                let read = request(driver, header(0, 3), room: [100, 924])
                #expect(read.status == 0)
                #expect(read.length == 1025)
                #expect(read.bytes == Array(disk[1536..<2560]))
                let data = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let start = header(1, 7)
                let written = request(
                    driver, Array(start[..<5]), [Array(start[5...]) + data[..<9], Array(data[9...])])
                #expect(written.status == 0)
                #expect(written.length == 1)
                #expect(Array(disk[3584..<4096]) == data)
                #expect(request(driver, header(4)).status == 0, "flush")
            }
        }

        @Test("What is outside the disk, or no whole sector, is an error; other requests are not supported")
        func blockErrors() throws {
            try withDisk { driver, disk in
                let before = Array(disk)
                #expect(request(driver, header(0, 8), room: [512]).status == 1)
                #expect(request(driver, header(0, 7), room: [1024]).status == 1)
                #expect(request(driver, header(0, .max), room: [512]).status == 1)
                #expect(request(driver, header(0, 1 << 55), room: [512]).status == 1)
                #expect(request(driver, header(0, 0), room: [511]).status == 1)
                #expect(request(driver, header(1, 8), [[UInt8](repeating: 1, count: 512)]).status == 1)
                #expect(request(driver, header(1, 0), [[UInt8](repeating: 1, count: 513)]).status == 1)
                #expect(request(driver, header(11, 0), [[UInt8](repeating: 0, count: 16)]).status == 2, "discard")
                #expect(request(driver, header(99)).status == 2)
                #expect(Array(disk) == before)
                driver.queues[0].add([[0, 0, 0, 0]], room: [1])
                driver.queues[0].kick()
                #expect(driver.needsReset, "that was no header")
            }
        }

        @Test("A read-only disk says so, and is not written")
        func readOnly() throws {
            try withDisk(isReadOnly: true) { driver, disk in
                #expect(driver.offered & 1 << 5 != 0)
                let before = Array(disk)
                #expect(request(driver, header(1, 0), [[UInt8](repeating: 1, count: 512)]).status == 1)
                #expect(Array(disk) == before)
                #expect(request(driver, header(0, 0), room: [512]).status == 0)
            }
        }

        @Test("A disk's name has twenty bytes, zeros at its end")
        func identifier() throws {
            try withDisk { driver, _ in
                #expect(driver.offered & 1 << 5 == 0)
                let answer = request(driver, header(8), room: [20])
                #expect(answer.status == 0)
                #expect(answer.bytes == Array("disk0".utf8) + [UInt8](repeating: 0, count: 15))
                #expect(request(driver, header(8), room: [19]).status == 1)
            }
        }

        @Test("One notification of much to do keeps the guest's CPU for a part of it; a thread does the rest")
        func budget() throws {
            try withDisk(sectors: 256) { driver, _ in
                driver.start(size: 128)
                let queue = driver.queues[0]
                let (request, room) = (driver.allocate(16), driver.allocate(128 << 10))
                driver.memory.store(header(0), request)
                let table = driver.allocate(48)
                queue.describe(0, TwinQueue.Piece(address: request, length: 16, flags: 1), next: 1, in: table)
                queue.describe(1, TwinQueue.Piece(address: room, length: 128 << 10, flags: 3), next: 2, in: table)
                queue.describe(2, TwinQueue.Piece(address: request + 8, length: 1, flags: 2), next: 0, in: table)
                for _ in 0..<100 { queue.add([TwinQueue.Piece(address: table, length: 48, flags: 4)]) }
                queue.kick()
                #expect(queue.usedIndex > 0 && queue.usedIndex < 10, "\(queue.usedIndex) of 100 requests of 128 KiB")
                Port.run()
                #expect(queue.usedIndex == 100)
            }
        }

        /// A disk that ends requests when it is told to.
        private final class SlowDisk: VirtualDisk {
            var waiting: [(Bool) -> Void] = []
            var sectorCount: UInt64 { 8 }
            var isReadOnly: Bool { false }
            var identifier: Text { "slow" }

            func read(_ sector: UInt64, into memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
                waiting.append { isDone in
                    var memory = memory
                    while memory.count > 0 { memory.write(sector + 1, bytes: 1) }
                    ended(isDone)
                }
                return .pending
            }
            func write(_ sector: UInt64, from: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
                .failed
            }
            func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome { .failed }
        }

        @Test("A disk may take its time, and end later what was asked earlier")
        func slow() throws {
            let disk = SlowDisk()
            let driver = try TwinDriver(VirtIOBlock(name: "one/disk0", disk: disk))
            driver.start()
            let queue = driver.queues[0]
            let first = queue.add([header(0, 0)], room: [512, 1])
            let second = queue.add([header(0, 1)], room: [512, 1])
            queue.kick()
            #expect(queue.usedIndex == 0)
            disk.waiting[1](true)
            #expect(driver.line.level)
            let element = try #require(queue.take())
            #expect(element.head == 3 && element.length == 513)
            #expect(driver.memory.load(second[0], count: 512) == [UInt8](repeating: 2, count: 512))
            #expect(driver.memory.load(second[1], as: UInt8.self) == 0)
            driver.memory.store(UInt8(0xff), first[1])
            disk.waiting[0](false)
            #expect(queue.take()?.head == 0)
            #expect(driver.memory.load(first[1], as: UInt8.self) == 1)
        }

        @Test("What a disk ends behind a reset is nobody's, and a guest's end waits for it")
        func slowReset() throws {
            let disk = SlowDisk()
            let driver = try TwinDriver(VirtIOBlock(name: "one/disk0", disk: disk))
            driver.start()
            let rooms = driver.queues[0].add([header(0, 0)], room: [512, 1])
            driver.queues[0].add([header(0, 0)], room: [512, 1])
            driver.queues[0].kick()
            driver.start()
            driver.memory.store(UInt8(0xff), rooms[1])
            disk.waiting[1](true)
            #expect(driver.queues[0].usedIndex == 0)
            var isRemoved = false
            let remover = Scheduler.makeThread("remover") {
                driver.device.remove()
                isRemoved = true
            }
            Scheduler.wake(remover)
            Port.run()
            #expect(!isRemoved)
            disk.waiting[0](true)
            Port.run()
            #expect(isRemoved)
            #expect(driver.queues[0].usedIndex == 0)
            #expect(driver.memory.load(rooms[1], as: UInt8.self) == 0xff)
            #expect(!driver.line.level)
        }
    }
}
