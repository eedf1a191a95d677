/// Which of `count` parts of a cache a page falls into: pages whose numbers are alike modulo the count compete for the same
/// sets, those of other colours do not. Guests of different colours do not evict each other's lines.
public struct PageColour: Equatable, Sendable {
    public let index: UInt
    public let count: UInt

    public init(index: UInt, of count: UInt) throws(HyperError) {
        guard index < count else {
            throw HyperError("there is no page colour \(UInt64(index)) of \(UInt64(count)): the first is 0")
        }
        self.index = index
        self.count = count
    }
}

/// How the host's memory is used, in pages.
public struct PageStatistics: Equatable, Sendable {
    /// All memory that was added.
    public let total: UInt64
    /// What is nobody's to allocate: the hypervisor's image, firmware, the tables of the allocator.
    public let reserved: UInt64
    public let free: UInt64
    /// The largest block of a power of two.
    public let largestFreeBlock: UInt64
    public var used: UInt64 { total - reserved - free }
}

/// The host's memory, in pages of 4 KiB. Physical addresses are the hypervisor's own.
public enum Pages {
    public static let size: UInt64 = 4096
    /// Pages that only the heap may have: when memory runs out, what is asked for a guest is refused while there is still
    /// enough to say so, and to destroy a guest.
    // SAFETY: set at boot, before there are others.
    nonisolated(unsafe) public static var keptForHeap = Configuration.HEAP_RESERVE_PAGES

    // SAFETY: used by the lock's holder alone.
    nonisolated(unsafe) private static var buddies = BuddyAllocator()
    private static let lock = SpinLock()

    // MARK: At boot

    /// Adds RAM: the pages that lie wholly in it. Not the one at address 0, nor what a pointer does not reach.
    ///
    /// The table that describes the range is put into it, a byte a page. A range without room for that is left out.
    public static func add(start: UInt64, size: UInt64) {
        let end = min(size > .max - start ? .max : start + size, UInt64(UInt.max))
        let first = start >> 12 + (start & 4095 == 0 ? 0 : 1)
        guard first < end >> 12 else { return }
        lock.withLock { buddies.add(UInt(first)..<UInt(end >> 12)) }
    }

    /// Keeps memory from being allocated: all pages that touch it. It need not be added yet, or ever.
    public static func reserve(start: UInt64, size: UInt64) {
        guard size > 0, start <= UInt64(UInt.max) else { return }
        let last = min(size - 1 > .max - start ? .max : start + (size - 1), UInt64(UInt.max))
        lock.withLock { buddies.reserve(UInt(start >> 12)..<UInt(last >> 12) + 1) }
    }

    // MARK: Allocation

    /// `count` pages in one piece, at a multiple of `alignment`, which is a power of two. What they hold is left as it is.
    ///
    /// With a colour, a single page of it.
    public static func allocate(
        _ count: Int, alignment: UInt64 = 4096, colour: PageColour? = nil
    ) throws(HyperError) -> UInt64 {
        guard count > 0, alignment >= size, alignment & (alignment - 1) == 0 else {
            throw HyperError(
                """
                \(count) pages cannot be had at a multiple of \(alignment): ask for at least one page, and a power of two \
                of at least 4096
                """)
        }
        guard colour == nil || count == 1 && alignment == size else {
            throw HyperError("\(count) pages have no one colour: ask for them one by one")
        }
        if let address = allocate(count, alignment: alignment, colour, keeping: keptForHeap) { return address }
        let now = statistics
        throw HyperError(
            """
            no \(count) pages in one piece at a multiple of \(alignment): \(now.free) of \(now.total) are free, \
            \(now.largestFreeBlock) of them in one block, and \(keptForHeap) are kept for the heap; destroy a guest, or ask \
            for less
            """)
    }

    /// The same for the heap, which may have the last pages, and cannot be told anything that would need it.
    static func allocateForHeap(_ count: Int, alignment: UInt64) -> UInt64? {
        allocate(count, alignment: alignment, nil, keeping: 0)
    }

    private static func allocate(_ count: Int, alignment: UInt64, _ colour: PageColour?, keeping kept: Int) -> UInt64? {
        guard let alignment = UInt(exactly: alignment >> 12) else { return nil }
        let page: UInt? = lock.withLock {
            guard buddies.free >= UInt(kept), buddies.free - UInt(kept) >= UInt(count) else { return nil }
            if let colour { return buddies.allocate(colour) }
            return buddies.allocate(UInt(count), alignment: alignment)
        }
        guard let page else { return nil }
        return UInt64(page) << 12
    }

    /// Gives back `count` pages: an allocation, or a part of one. Anything else is a fault of the hypervisor's own.
    public static func free(_ address: UInt64, _ count: Int) {
        guard address & 4095 == 0, count > 0, let first = UInt(exactly: address >> 12) else {
            Port.panic("what is freed is not pages", at: address)
        }
        lock.withLock { buddies.free(first..<first + UInt(count)) }
    }

    /// How many pages were allocated at the address; 0 where no allocation begins.
    static func count(at address: UInt64) -> Int { lock.withLock { Int(buddies.count(at: UInt(address >> 12))) } }

    /// Fills pages with zeros.
    public static func clear(_ address: UInt64, count: Int) {
        // SAFETY: the caller owns these pages.
        let start = UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
        // Eight words in a step: most of a guest's birth is this.
        start.initializeMemory(as: SIMD8<UInt64>.self, repeating: .zero, count: count * 64)
    }

    public static var statistics: PageStatistics {
        lock.withLock {
            PageStatistics(
                total: UInt64(buddies.total), reserved: UInt64(buddies.reserved), free: UInt64(buddies.free),
                largestFreeBlock: UInt64(buddies.largest))
        }
    }

    #if !hasFeature(Embedded)
    /// Forgets all memory, between tests.
    static func removeAll() { buddies = BuddyAllocator() }
    #endif
}
