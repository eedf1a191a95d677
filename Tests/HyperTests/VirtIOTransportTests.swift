import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2 says in the section that a test names.
    @Suite("VirtIO's transport")
    struct VirtIOTransportTests {
        @Test("The registers say what device is behind them (MMIO Device Register Layout)")
        func identity() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            #expect(driver.read(0x000) == 0x7472_6976)
            #expect(driver.read(0x004) == 2)
            #expect(driver.read(0x008) == 4, "an entropy device is 4")
            #expect(driver.status == 0)
            #expect(driver.read(0x0b0) == 0xffff_ffff, "there is no shared memory")
            #expect(driver.read(0x0fc) == 0)
            #expect(driver.device.read(0x000, width: 1) == 0, "registers are of 32 bits")
            driver.write(0x014, 2)
            #expect(driver.read(0x010) == 0, "features end at bit 63")
        }

        @Test("Features that were not offered are refused, and so is a driver of an older version (Feature Bits)")
        func features() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            #expect(driver.offered == 1 << 32 | 1 << 29 | 1 << 28)
            #expect(driver.negotiate(1 << 32))
            #expect(!driver.negotiate(1 << 32 | 1 << 40))
            #expect(!driver.negotiate(1 << 29))
            driver.write(0x070, 15)
            #expect(driver.status & 4 == 0, "no DRIVER_OK without FEATURES_OK")
            #expect(driver.negotiate(1 << 32))
            driver.write(0x024, 0)
            driver.write(0x020, 1 << 29)
            driver.write(0x070, 3)
            #expect(driver.status == 11, "a driver clears no bit of the status")
        }

        @Test("A queue is set up by its registers, and stopped by them")
        func queues() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            #expect(driver.negotiate(driver.offered))
            driver.write(0x030, 1)
            #expect(driver.read(0x034) == 0, "there is one queue")
            driver.write(0x030, 0)
            #expect(driver.read(0x034) == 64)
            let queue = TwinQueue(driver, 0, size: 8, TwinMemory.base + 0x4000)
            queue.setUp()
            #expect(driver.read(0x044) == 1)
            driver.write(0x044, 0)
            #expect(driver.read(0x044) == 0)
        }

        @Test(
            "A queue that cannot be is not made ready: the device needs a reset (Virtqueues)",
            arguments: [
                (3, 0x8000_4000, 0x8000_5000, 0x8000_6000), (0, 0x8000_4000, 0x8000_5000, 0x8000_6000),
                (128, 0x8000_4000, 0x8000_5000, 0x8000_6000), (0x1_0008, 0x8000_4000, 0x8000_5000, 0x8000_6000),
                (8, 0x8000_4008, 0x8000_5000, 0x8000_6000), (8, 0x8000_4000, 0x8000_5001, 0x8000_6000),
                (8, 0x8000_4000, 0x8000_5000, 0x8000_6002), (8, 0x9000_0000, 0x8000_5000, 0x8000_6000),
                (8, 0x8000_4000, 0x801f_fff0, 0x8000_6000), (8, 0x8000_4000, 0x8000_5000, 0x1000),
                (8, 0xffff_ffff_ffff_fff0, 0x8000_5000, 0x8000_6000),
            ] as [(UInt32, UInt64, UInt64, UInt64)])
        func badQueue(size: UInt32, descriptors: UInt64, available: UInt64, used: UInt64) throws {
            let driver = try TwinDriver(VirtIOEntropy())
            #expect(driver.negotiate(driver.offered))
            driver.write(0x038, size)
            for (register, area) in [(0x080, descriptors), (0x090, available), (0x0a0, used)] as [(UInt64, UInt64)] {
                driver.write(register, UInt32(truncatingIfNeeded: area))
                driver.write(register + 4, UInt32(truncatingIfNeeded: area >> 32))
            }
            driver.write(0x044, 1)
            #expect(driver.read(0x044) == 0)
            #expect(driver.needsReset)
            #expect(driver.device.failure?.hasPrefix("queue 0: ") == true)
            driver.start()
            #expect(!driver.needsReset, "a reset is all that it needs")
        }

        @Test("Nothing is used before DRIVER_OK, nor by a notification of a queue that is not there")
        func early() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            #expect(driver.negotiate(driver.offered))
            let queue = TwinQueue(driver, 0, size: 8, TwinMemory.base + 0x4000)
            queue.setUp()
            queue.add([], room: [32])
            queue.kick()
            driver.write(0x050, 1)
            driver.write(0x050, 0xffff_ffff)
            #expect(queue.usedIndex == 0)
            driver.write(0x070, 15)
            queue.kick()
            #expect(queue.usedIndex == 1)
        }

        @Test("The line is high until the driver has acknowledged all (InterruptStatus, InterruptACK)")
        func interrupts() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(1 << 32)
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            #expect(driver.line.level)
            #expect(driver.read(0x060) == 1)
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            #expect(driver.line.rises == 1)
            driver.write(0x064, 2)
            #expect(driver.line.level)
            driver.write(0x064, 1)
            #expect(!driver.line.level)
            driver.queues[0].kick()
            #expect(!driver.line.level, "a notification without buffers is nothing")
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            #expect(driver.line.level)
            driver.write(0x070, 0)
            #expect(!driver.line.level, "a reset clears the interrupt")
            #expect(driver.read(0x060) == 0)
            #expect(driver.read(0x044) == 0)
        }

        @Test("A driver that sets the flag of its ring is not interrupted (Used Buffer Notification Suppression)")
        func flags() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(1 << 32)
            driver.queues[0].setAvailableFlags(1)
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            #expect(driver.queues[0].usedIndex == 1)
            #expect(!driver.line.level)
            driver.queues[0].setAvailableFlags(0)
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            #expect(driver.line.level)
        }

        @Test("With event indices the interrupt comes with the used buffer of that index")
        func eventIndex() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(1 << 32 | 1 << 29)
            let queue = driver.queues[0]
            // The flag is to be ignored.
            queue.setAvailableFlags(1)
            queue.setUsedEvent(2)
            for expected in [false, false, true] {
                queue.add([], room: [16])
                queue.kick()
                #expect(driver.line.level == expected, "used index \(queue.usedIndex)")
                #expect(queue.usedFlags == 0)
                #expect(queue.availableEvent == queue.nextAvailable, "the next buffer is to be notified of")
            }
            _ = driver.acknowledge()
            queue.setUsedEvent(5)
            for _ in 0..<4 { queue.add([], room: [16]) }
            queue.kick()
            #expect(driver.line.level, "used indices 3 to 6 were passed at once, 5 among them")
            _ = driver.acknowledge()
            queue.add([], room: [16])
            queue.kick()
            #expect(!driver.line.level, "5 is past")
        }

        @Test("Indices go on behind 65535")
        func wrap() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start(size: 4)
            let queue = driver.queues[0]
            let room = driver.allocate(16)
            for count in 1...66_000 {
                queue.setUsedEvent(queue.nextUsed)
                queue.add([TwinQueue.Piece(address: room, length: 16, flags: 2)])
                queue.kick()
                guard let element = queue.take(), element.length == 16, driver.acknowledge() == 1 else {
                    Issue.record("buffer \(count) did not come back")
                    return
                }
            }
        }

        @Test("Power-on leaves nothing of what was before")
        func powerOn() throws {
            let driver = try TwinDriver(VirtIOEntropy())
            driver.start()
            driver.queues[0].add([], room: [32])
            driver.queues[0].kick()
            driver.device.reset()
            #expect(driver.status == 0)
            #expect(!driver.line.level)
            driver.queues[0].kick()
            #expect(driver.queues[0].usedIndex == 1)
        }
    }
}
