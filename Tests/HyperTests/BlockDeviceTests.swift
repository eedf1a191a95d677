import Testing

@testable import Hyper

/// A disk that ends requests when the test says so.
private final class SlowDisk: VirtualDisk {
    let memory: MemoryDisk
    var waiting: [(Bool) -> Void] = []

    init(_ memory: MemoryDisk) { self.memory = memory }

    var identifier: Text { memory.identifier }
    var sectorCount: UInt64 { memory.sectorCount }
    var isReadOnly: Bool { memory.isReadOnly }

    private func later(_ outcome: DiskOutcome, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        waiting.append { isDone in
            if case .done = outcome { ended(isDone) } else { ended(false) }
        }
        return .pending
    }

    func read(_ sector: UInt64, into target: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        later(memory.read(sector, into: target) { _ in }, ended)
    }
    func write(_ sector: UInt64, from source: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        later(memory.write(sector, from: source) { _ in }, ended)
    }
    func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome { later(.done, ended) }
}

/// A disk whose every request fails.
private final class BrokenDisk: VirtualDisk {
    var identifier: Text { "broken" }
    var sectorCount: UInt64 { 8 }
    var isReadOnly: Bool { false }
    func read(_ sector: UInt64, into _: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome { .failed }
    func write(_ sector: UInt64, from _: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome { .failed }
    func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome { .failed }
}

extension CoreTests {
    @Suite("Disks as threads use them")
    struct BlockDeviceTests {
        private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * 512 + 100, alignment: 16)

        private func disk(isReadOnly: Bool = false) -> MemoryDisk {
            Port.start()
            for index in memory.indices { memory[index] = UInt8(truncatingIfNeeded: index / 512 + 1) }
            return MemoryDisk(identifier: "vda", memory: memory, isReadOnly: isReadOnly)
        }

        /// The sentence that the body throws.
        private func sentence(_ body: () throws(HyperError) -> Void) -> String? {
            do throws(HyperError) {
                try body()
                return nil
            } catch {
                return String(decoding: error.message.bytes, as: UTF8.self)
            }
        }

        @Test("What is written is read again, and its neighbours are left alone")
        func roundTrip() throws {
            defer { memory.deallocate() }
            let device = BlockDevice(disk())
            #expect(device.sectorCount == 8, "what is less than a sector is not used")
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
            defer { buffer.deallocate() }
            buffer.initializeMemory(as: UInt8.self, repeating: 0xee)
            try device.write(sector: 3, from: UnsafeRawBufferPointer(rebasing: buffer[..<1024]))
            try device.read(sector: 0, into: buffer)
            let expected: [UInt8] = [1, 2, 3, 0xee, 0xee, 6, 7, 8]
            #expect(Array(buffer) == expected.flatMap { [UInt8](repeating: $0, count: 512) })
            try device.flush()
        }

        @Test("What a disk has not is refused with a sentence")
        func refusals() {
            defer { memory.deallocate() }
            let device = BlockDevice(disk(isReadOnly: true))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
            defer { buffer.deallocate() }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<100])
            #expect(
                sentence { () throws(HyperError) in try device.read(sector: 0, into: part) }
                    == "disk vda: 100 bytes are no whole sectors of 512: ask for whole ones")
            for sector in [7, 8, UInt64.max] {
                #expect(
                    sentence { () throws(HyperError) in try device.read(sector: sector, into: buffer) }
                        == "disk vda has 8 sectors: 2 of them from \(sector) on go beyond its end")
            }
            #expect(
                sentence { () throws(HyperError) in
                    try device.write(sector: 0, from: UnsafeRawBufferPointer(buffer))
                } == "disk vda cannot be written: it is for reading alone")
        }

        @Test("A disk's failure is an error")
        func failures() {
            Port.start()
            memory.deallocate()
            let device = BlockDevice(BrokenDisk())
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)
            defer { buffer.deallocate() }
            #expect(
                sentence { () throws(HyperError) in try device.read(sector: 5, into: buffer) }
                    == "disk broken: reading 512 bytes at sector 5 has failed")
            #expect(
                sentence { () throws(HyperError) in
                    try device.write(sector: 5, from: UnsafeRawBufferPointer(buffer))
                } == "disk broken: writing 512 bytes at sector 5 has failed")
            #expect(sentence { () throws(HyperError) in try device.flush() } != nil)
        }

        @Test("A thread waits for a disk that takes its time, and others run meanwhile", arguments: [true, false])
        func waits(isDone: Bool) {
            defer { memory.deallocate() }
            let slow = SlowDisk(disk())
            let device = BlockDevice(slow)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)
            defer { buffer.deallocate() }
            var outcomes: [Bool] = []
            let thread = Scheduler.makeThread("reader") {
                outcomes.append(
                    sentence { () throws(HyperError) in try device.read(sector: 6, into: buffer) } == nil)
                outcomes.append(sentence { () throws(HyperError) in try device.flush() } == nil)
            }
            Scheduler.wake(thread)
            Port.run()
            #expect(outcomes == [] && slow.waiting.count == 1, "the thread waits")
            slow.waiting.removeFirst()(isDone)
            Port.run()
            #expect(outcomes == [isDone] && slow.waiting.count == 1, "it has gone on to the next request")
            slow.waiting.removeFirst()(!isDone)
            Port.run()
            #expect(outcomes == [isDone, !isDone])
            #expect(buffer.allSatisfy { $0 == 7 })
        }
    }
}
