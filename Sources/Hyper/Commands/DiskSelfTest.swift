/// What `selftest disk` does: several threads read all of a disk, or write all of it, at once.
final class DiskSelfTest {
    private static let threadCount = 4
    /// Of a request: not a power of two, so that requests lie anywhere in pages and the last one is a short one.
    private static let requestSectors = 24

    private let device: BlockDevice
    private let lock = SpinLock()
    private let ended = Semaphore()
    // Guarded by `lock`.
    private var nextSector: UInt64 = 0
    private var failure: HyperError?

    init(_ device: BlockDevice) { self.device = device }

    /// The Adler-32 checksum (RFC 1950) of all that is on the disk, read by one thread.
    func checksum() throws(HyperError) -> UInt32 {
        var sum = Adler32()
        nextSector = 0
        try forEachRequest { (sector, buffer) throws(HyperError) in
            try device.read(sector: sector, into: buffer)
            for byte in buffer { sum.add(byte) }
        }
        return sum.value
    }

    /// Fills each sector with its number, 64 times over, the least byte first.
    func fill() throws(HyperError) {
        try inThreads { [device] (sector, buffer) throws(HyperError) in
            for word in 0..<buffer.count / 8 {
                buffer.storeBytes(
                    of: (sector + UInt64(word / 64)).littleEndian, toByteOffset: 8 * word, as: UInt64.self)
            }
            try device.write(sector: sector, from: UnsafeRawBufferPointer(buffer))
        }
        try device.flush()
    }

    /// Whether ``fill()`` was done.
    func check() throws(HyperError) {
        try inThreads { [device] (sector, buffer) throws(HyperError) in
            try device.read(sector: sector, into: buffer)
            for word in 0..<buffer.count / 8 {
                let expected = sector + UInt64(word / 64)
                let found = UInt64(littleEndian: buffer.load(fromByteOffset: 8 * word, as: UInt64.self))
                guard found == expected else {
                    throw HyperError(
                        "disk \(device.identifier), sector \(expected): \(hex: found) was read, not its number")
                }
            }
        }
    }

    private typealias Body = (_ sector: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws(HyperError) -> Void

    /// Has several threads do it until nothing is left.
    private func inThreads(_ body: @escaping Body) throws(HyperError) {
        nextSector = 0
        var threads: [ThreadReference] = []
        for number in 0..<Self.threadCount {
            threads.append(
                Scheduler.makeThread("selftest \(number)") { [self] in
                    do throws(HyperError) { try forEachRequest(body) } catch { lock.withLock { failure = error } }
                    ended.signal()
                })
        }
        for thread in threads { Scheduler.wake(thread) }
        for _ in threads { ended.wait() }
        // They have signalled, and end: each has left its stack once its CPU takes interrupts again.
        for thread in threads { while thread.pointee.state != .finished { Scheduler.yield() } }
        CPUs.leaveHandlers()
        for thread in threads { Scheduler.destroy(thread) }
        if let failure { throw failure }
    }

    private func forEachRequest(_ body: Body) throws(HyperError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.requestSectors * BlockDevice.sectorSize, alignment: 16)
        defer { buffer.deallocate() }
        while let part = lock.withLock({ takeRequest() }) {
            try body(part.sector, UnsafeMutableRawBufferPointer(rebasing: buffer[..<part.bytes]))
        }
    }

    private func takeRequest() -> (sector: UInt64, bytes: Int)? {
        let left = device.sectorCount - nextSector
        guard left > 0, failure == nil else { return nil }
        let count = min(left, UInt64(Self.requestSectors))
        defer { nextSector += count }
        return (nextSector, Int(count) * BlockDevice.sectorSize)
    }
}
