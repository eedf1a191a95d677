import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2 says: Console Device, Entropy Device.
    @Suite("The drivers of VirtIO's consoles and sources of random numbers")
    final class VirtIOSmallDriverTests {
        private func numbers() -> [UInt64] { (0..<4).map { _ in Random.number() } }

        @Test("What the source gives seeds all random numbers, and it is asked until it has given enough")
        func entropy() throws {
            let device = TwinDevice(type: 4, isLegacy: false)
            defer { device.end() }
            let driver = try VirtIOEntropyDriver(try VirtIODriverTransport(device.node))
            defer { driver.remove() }
            #expect(device.waiting() == 1 && driver.summary == "has not answered yet")
            var before = numbers()
            for count in [20, 12] {
                device.serve { readable, writable in
                    #expect(readable.isEmpty && writable.map { $0.count } == [32])
                    for index in 0..<count { writable[0][index] = UInt8(index) }
                    // It serves one buffer at a time.
                    return UInt32(count)
                }
                let after = numbers()
                #expect(after != before)
                before = after
            }
            #expect(device.waiting() == 0 && driver.summary == "gave 32 random bytes")
        }

        @Test("A source that gives nothing, or more than was asked for, is left alone", arguments: [0, 33] as [UInt32])
        func hostileEntropy(_ count: UInt32) throws {
            let device = TwinDevice(type: 4, isLegacy: false)
            defer { device.end() }
            let driver = try VirtIOEntropyDriver(try VirtIODriverTransport(device.node))
            defer { driver.remove() }
            device.serve { _, _ in count }
            #expect(device.status == (count == 0 ? 15 : 128))
            if count == 0 { #expect(device.waiting() == 0) }
        }

        /// A console by itself, in a machine without another one.
        private func console(_ device: TwinDevice) throws -> VirtIOConsoleDriver {
            Console.device = nil
            return try VirtIOConsoleDriver(try VirtIODriverTransport(device.node), patience: 1000)
        }

        @Test("What is printed goes out, and what is typed comes in", arguments: [false, true])
        func console(isLegacy: Bool) throws {
            let device = TwinDevice(type: 3, isLegacy: isLegacy, queues: 2)
            defer { device.end() }
            let driver = try console(device)
            #expect(Console.device === driver && device.waiting(0) == 16)
            var printed: [UInt8] = []
            for byte in Array("hello, world, in more bytes than there are buffers".utf8) {
                driver.write(byte)
                if device.waiting(1) == 10 {
                    device.serve(queue: 1) { readable, _ in
                        printed += readable
                        return 0
                    }
                }
            }
            device.serve(queue: 1) { readable, _ in
                printed += readable
                return 0
            }
            #expect(printed == Array("hello, world, in more bytes than there are buffers".utf8))
            var typed: [UInt8] = []
            driver.onInput = { typed += $0 }
            for text in ["ls\r", "", "and more"] {
                let buffer = device.take(0)
                buffer.writable[0].copyBytes(from: Array(text.utf8))
                device.give(UInt32(buffer.head), UInt32(text.utf8.count), 0)
                device.interrupt()
            }
            #expect(typed == Array("ls\rand more".utf8) && device.waiting(0) == 16)
            driver.remove()
            #expect(Console.device == nil && device.status == 0)
        }

        @Test("A console that takes nothing is given up, and nobody waits for it")
        func deafConsole() throws {
            let device = TwinDevice(type: 3, isLegacy: false, queues: 2)
            defer { device.end() }
            let driver = try console(device)
            defer { driver.remove() }
            for byte in 0..<40 as Range<UInt8> { driver.write(byte) }
            #expect(device.status == 128)
        }
    }
}
