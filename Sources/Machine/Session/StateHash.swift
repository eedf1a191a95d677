import ISA

/// A 64-bit hash of all of a machine's state: two runs that end alike have equal hashes.
public struct StateHasher: StateVisitor {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    @inline(__always)
    public mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 29
    }

    public mutating func field(_ name: StaticString, _ value: inout UInt64) { add(value) }

    public mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        add(UInt64(bytes.count))
        for byte in bytes { add(UInt64(byte)) }
    }

    /// Pages of zeros are passed over, so that memory that was never used costs little and hashes like none.
    public mutating func add(_ region: PhysicalMemory.Region) {
        add(region.base)
        for page in 0..<Int(region.size / PhysicalMemory.pageSize) {
            // SAFETY: the region's host memory has `size` bytes, aligned to pages.
            let words = UnsafeBufferPointer(
                start: (region.host + page * 4096).assumingMemoryBound(to: UInt64.self), count: 512)
            guard !PhysicalMemory.isZero(UnsafeRawBufferPointer(words)) else { continue }
            add(UInt64(page))
            for word in words { add(word) }
        }
    }
}

extension Board {
    /// Of the CPUs alone, and of the time: cheap enough to be taken often.
    public var processorHash: UInt64 {
        var hasher = StateHasher()
        hasher.add(scheduler.time)
        for processor in processors { processor.describeState(&hasher, memory) }
        return hasher.value
    }

    /// Of CPUs, the board and devices, of the time, and of what has changed of memory since `pages` began.
    func changeHash(_ pages: PageHashes) -> UInt64 {
        var hasher = StateHasher()
        describeState(&hasher) { _, _ in }
        hasher.add(pages.changes)
        return hasher.value
    }

    /// Of memory, CPUs, the board and devices, and of the time.
    public var stateHash: UInt64 {
        var hasher = StateHasher()
        describeState(&hasher) { _, _ in }
        for region in memory.regions { hasher.add(region) }
        return hasher.value
    }
}

extension StateVisitor {
    /// A CPU's reservation, which state blocks know by its host address: as its physical one, with bit 0 set to tell address
    /// 0 from none.
    mutating func reservation(_ host: inout UInt64, _ memory: PhysicalMemory) {
        var reservation = memory.address(ofHost: host).map { $0 | 1 } ?? 0
        field("reservation", &reservation)
        host = reservation == 0 ? 0 : memory.host(reservation & ~1).map { UInt64(UInt(bitPattern: $0)) } ?? 0
    }
}

extension PhysicalMemory {
    /// The guest's address of a byte of the host's memory; nil when it is no guest's.
    fileprivate func address(ofHost address: UInt64) -> UInt64? {
        for region in regions {
            let start = UInt64(UInt(bitPattern: region.host))
            if address >= start, address - start < region.size { return region.base + (address - start) }
        }
        return nil
    }
}
