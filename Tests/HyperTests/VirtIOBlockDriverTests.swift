import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what VirtIO 1.2, Block Device and Virtio Over MMIO, says.
    @Suite("The driver of VirtIO's disks")
    final class VirtIOBlockDriverTests {
        private static let sectorCount = 64
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 512, alignment: 16)
        private var disk: [UInt8] = (0..<sectorCount).flatMap { [UInt8](repeating: UInt8($0 + 1), count: 512) }
        private var requests: [(type: UInt32, sector: UInt64, count: Int)] = []

        deinit { buffer.deallocate() }

        /// Its capacity, size_max and seg_max.
        private func device(isLegacy: Bool = false, features: UInt64 = 0, size: UInt32 = 0, segments: UInt32 = 0)
            -> TwinDevice
        {
            var configuration: [UInt8] = []
            for (value, count) in [(UInt64(Self.sectorCount), 8), (UInt64(size), 4), (UInt64(segments), 4)] {
                for index in 0..<count { configuration.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
            }
            return TwinDevice(type: 2, isLegacy: isLegacy, features: features, configuration: configuration)
        }

        private func driver(_ device: TwinDevice) throws -> VirtIOBlockDriver {
            let driver = try VirtIOBlockDriver(try VirtIODriverTransport(device.node))
            return driver
        }

        /// A request as the device has it: struct virtio_blk_req.
        private func serve(_ readable: [UInt8], _ writable: [UnsafeMutableRawBufferPointer]) -> UInt32 {
            func number(_ range: Range<Int>) -> UInt64 { readable[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
            let (type, sector) = (UInt32(number(0..<4)), number(8..<16))
            #expect(number(4..<8) == 0)
            #expect(writable.last?.count == 1, "the status")
            var place = Int(sector) * 512
            var written = 1
            if type == 0 {
                for piece in writable.dropLast() {
                    piece.copyBytes(from: disk[place..<place + piece.count])
                    place += piece.count
                    written += piece.count
                }
            } else if type == 1 {
                disk.replaceSubrange(place..<place + readable.count - 16, with: readable[16...])
            }
            requests.append((type, sector, type == 0 ? written - 1 : readable.count - 16))
            writable.last![0] = 0
            return UInt32(written)
        }

        private func list(_ counts: [Int]) -> ScatterList {
            var place = 0
            let pieces = counts.map { count in
                defer { place += count + 16 }
                return UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + count])
            }
            return ScatterList(pieces, from: 0, count: counts.reduce(0, +))
        }

        @Test("A disk is set up and read and written, by both interfaces", arguments: [false, true])
        func roundTrip(isLegacy: Bool) throws {
            let device = device(isLegacy: isLegacy, features: 1 << 9 | 1 << 29 | 1 << 28)
            defer { device.end() }
            let driver = try driver(device)
            #expect(
                device.statuses == (isLegacy ? [0, 1, 3, 7] : [0, 1, 3, 11, 15]), "Device Initialization, in its order")
            #expect(device.agreed == (isLegacy ? 1 << 9 : 1 << 32 | 1 << 9), "what it does not know it does not accept")
            #expect(device.queues[0].size == 64)
            #expect(driver.identifier == "vda" && driver.sectorCount == 64 && !driver.isReadOnly)

            var outcomes: [Bool] = []
            guard case .pending = driver.read(3, into: list([5, 507, 1024]), { outcomes.append($0) }) else {
                Issue.record("a disk ends no request at once")
                return
            }
            #expect(device.notified == [0] && outcomes.isEmpty)
            device.serve(serve)
            #expect(outcomes == [true])
            #expect(list([5, 507, 1024]).bytes == Array(disk[3 * 512..<6 * 512]))

            buffer.initializeMemory(as: UInt8.self, repeating: 0xee)
            guard case .pending = driver.write(9, from: list([512]), { outcomes.append($0) }) else { return }
            guard case .pending = driver.flush({ outcomes.append($0) }) else {
                Issue.record("a device with the feature is told to flush")
                return
            }
            device.serve(serve)
            #expect(outcomes == [true, true, true])
            #expect(disk[9 * 512..<10 * 512].allSatisfy { $0 == 0xee } && disk[10 * 512] == 11)
            #expect(requests.map { $0.type } == [0, 1, 4])
            #expect(driver.counters.reads == 1 && driver.counters.readSectors == 3)
            #expect(driver.counters.writes == 1 && driver.counters.writtenSectors == 1)
            driver.remove()
            #expect(device.status == 0 && device.controller.enabled == [])
            #expect(VirtualDisks.all.isEmpty && HostDisks.all.isEmpty)
        }

        @Test("What is more than the device takes at once is given to it part by part, in whole sectors")
        func parts() throws {
            let device = device(features: 1 << 1 | 1 << 2, size: 1000, segments: 3)
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var outcomes: [Bool] = []
            // Pieces of at most 1000 bytes, three of them: 1000 + 1000 + 100 are four sectors and a rest, and so on.
            _ = driver.read(8, into: list([2100, 972, 512]), { outcomes.append($0) })
            while outcomes.isEmpty {
                let before = requests.count
                device.serve(serve)
                try #require(requests.count > before, "the device is given the next part")
            }
            #expect(outcomes == [true])
            #expect(requests.map { $0.sector } == [8, 12] && requests.map { $0.count } == [2048, 1536])
            #expect(list([2100, 972, 512]).bytes == Array(disk[8 * 512..<15 * 512]))
        }

        @Test("Requests wait in their order for room in the queue")
        func waiting() throws {
            let device = device()
            device.maximumSize = 8
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var order: [Int] = []
            for number in 0..<20 {
                _ = driver.read(UInt64(number), into: list([512])) { isDone in order.append(isDone ? number : -1) }
            }
            #expect(device.waiting() == 2, "three descriptors each, of eight")
            while order.count < 20 {
                let before = order.count
                device.serve(serve)
                try #require(order.count > before)
            }
            #expect(order == Array(0..<20))
            #expect(requests.map { $0.sector } == Array(0..<20))
        }

        @Test("A sector in more pieces than the device takes is refused")
        func pieces() throws {
            let device = device(features: 1 << 2, segments: 2)
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            guard case .failed = driver.read(0, into: list([100, 100, 312]), { _ in }) else {
                Issue.record("it cannot be done")
                return
            }
            #expect(driver.counters.errors == 1)
        }

        @Test("A request that the device fails is the requester's error, and the next one goes on")
        func errors() throws {
            let device = device()
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var outcomes: [Bool] = []
            for status in [1, 2, 0xff, 0] as [UInt8] {
                _ = driver.read(0, into: list([512])) { outcomes.append($0) }
                device.serve { _, writable in
                    writable.last![0] = status
                    return 1
                }
            }
            #expect(outcomes == [false, false, false, true])
            #expect(driver.failure == nil && driver.counters.errors == 3)
        }

        @Test(
            "A device that breaks the rules is stopped, and nobody waits for it",
            arguments: [
                "it gives back buffer 1, which", "it gives back buffer 70000, which", "it gives back 9 buffers",
                "it has written 600 bytes where 513",
            ])
        func hostile(_ problem: String) throws {
            let device = device()
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var outcomes: [Bool] = []
            _ = driver.read(0, into: list([512])) { outcomes.append($0) }
            _ = driver.read(1, into: list([512])) { outcomes.append($0) }
            switch problem {
            case "it gives back buffer 1, which": device.give(1, 0)
            case "it gives back buffer 70000, which": device.give(70000, 0)
            case "it gives back 9 buffers": for _ in 0..<9 { device.give(0, 0) }
            default: device.give(0, 600)
            }
            device.interrupt()
            #expect(outcomes == [false, false])
            #expect(device.status == 128, "reset, and FAILED")
            let reason = String(decoding: try #require(driver.failure).bytes, as: UTF8.self)
            #expect(reason.contains(problem))
            guard case .failed = driver.read(0, into: list([512]), { _ in }) else {
                Issue.record("it is not used any more")
                return
            }
        }

        @Test("A device that does not answer is given up after half a minute")
        func silence() throws {
            let device = device()
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var outcomes: [Bool] = []
            _ = driver.read(0, into: list([512])) { outcomes.append($0) }
            Port.run(until: Timers.ticks(29_000_000_000))
            #expect(outcomes.isEmpty)
            Port.run(until: Timers.ticks(31_000_000_000))
            #expect(outcomes == [false] && device.status == 128)
        }

        @Test("While a device answers, it is watched, and not given up")
        func patience() throws {
            let device = device()
            defer { device.end() }
            let driver = try driver(device)
            defer { driver.remove() }
            var outcomes: [Bool] = []
            for second in stride(from: 20, through: 200, by: 20) as StrideThrough<UInt64> {
                _ = driver.read(0, into: list([512])) { outcomes.append($0) }
                Port.run(until: Timers.ticks(second * 1_000_000_000))
                Port.counter = Timers.ticks(second * 1_000_000_000)
                device.serve(serve)
            }
            #expect(outcomes == [Bool](repeating: true, count: 10))
            Port.run(until: .max - 1)
            #expect(Port.alarm == .max, "nobody looks while there is nothing to look for")
        }

        @Test("A device that lacks what is needed has no driver")
        func refusals() throws {
            func problem(_ change: (TwinDevice) -> Void) -> String {
                let device = device()
                defer { device.end() }
                change(device)
                do throws(HyperError) {
                    _ = try VirtIOBlockDriver(try VirtIODriverTransport(device.node))
                    return ""
                } catch {
                    return String(decoding: error.message.bytes, as: UTF8.self)
                }
            }
            #expect(problem { $0.refuses = true }.contains("it refuses features 0x100000000, all of which it offers"))
            #expect(problem { $0.maximumSize = 0 }.contains("it has no queue 0"))
            #expect(problem { $0.maximumSize = 3 }.contains("its queue has 2 entries"))
            #expect(problem { $0.node.remove("interrupts") }.contains("must name the device's interrupt"))
            #expect(problem { $0.node.remove("reg") }.contains("must have the 0x100 bytes"))
            #expect(HostDisks.all.isEmpty)
        }
    }
}
