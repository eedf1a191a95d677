/// The memory behind Swift's own allocations: objects, arrays, closures.
///
/// Small blocks come from slabs: pages of blocks of one size. What is larger, or at a multiple of more than 64, is whole
/// pages. A slab begins with its header, so that no block of one begins where a page does: the address alone tells which
/// of the two it is, and where the header is.
public enum Heap {
    /// The sizes of blocks: the multiples of 16 that divide a page less its header, 4032 bytes, without a rest.
    static let sizes: InlineArray<17, UInt16> = [
        16, 32, 48, 64, 96, 112, 144, 192, 224, 288, 336, 448, 576, 672, 1008, 1344, 2016,
    ]

    // SAFETY: used by the lock's holder alone.
    nonisolated(unsafe) private static var classes = InlineArray<17, SizeClass>(repeating: SizeClass())
    nonisolated(unsafe) private static var large = (allocations: 0, pages: 0)
    private static let lock = SpinLock()

    // MARK: Allocation

    /// At least `size` bytes at a multiple of `alignment`, a power of two; nil where there is no memory for it.
    public static func allocate(_ size: Int, alignment: Int = 16) -> UnsafeMutableRawPointer? {
        lock.withLock {
            if let index = sizeClass(size, alignment) { return allocateBlock(index) }
            return allocatePages(UInt(bitPattern: size), alignment)
        }
    }

    /// Gives back what was allocated; nil is nothing. Anything else is a fault of the hypervisor's own.
    public static func free(_ address: UnsafeMutableRawPointer?) {
        guard let address else { return }
        lock.withLock {
            if UInt(bitPattern: address) & 4095 == 0 { freePages(address) } else { freeBlock(address) }
        }
    }

    /// Gives back the pages of slabs of which no block is in use. Each class keeps one at most.
    public static func trim() {
        lock.withLock {
            for index in 0..<classes.count {
                var next = classes[index].slabs
                while let slab = next {
                    next = slab.pointee.next
                    if slab.pointee.used == 0 { release(slab) }
                }
            }
        }
    }

    // MARK: Blocks

    /// The first class whose blocks are large enough, and lie as they should: they begin at multiples of 64 plus multiples
    /// of their size.
    @inline(__always)
    private static func sizeClass(_ size: Int, _ alignment: Int) -> Int? {
        guard UInt(bitPattern: size) <= 2016 else { return nil }
        var index = size <= 64 ? max(size - 1, 0) >> 4 : 4
        while sizes[index] < size { index &+= 1 }
        if alignment > 16 {
            // Of a larger size, or none of them.
            guard alignment <= 64 else { return nil }
            while Int(sizes[index]) & (alignment - 1) != 0 {
                index += 1
                if index == sizes.count { return nil }
            }
        }
        return index
    }

    @inline(__always)
    private static func allocateBlock(_ index: Int) -> UnsafeMutableRawPointer? {
        guard let slab = classes[index].slabs ?? makeSlab(index) else { return nil }
        let block: UnsafeMutableRawPointer
        if let free = slab.pointee.free {
            // SAFETY: a free block of this slab holds the next one's address.
            slab.pointee.free = free.load(as: UnsafeMutableRawPointer?.self)
            block = free
        } else {
            block = UnsafeMutableRawPointer(slab) + Slab.headerSize + Int(slab.pointee.fresh) * Int(sizes[index])
            slab.pointee.fresh &+= 1
        }
        slab.pointee.mark(block, true)
        slab.pointee.used &+= 1
        classes[index].blocks &+= 1
        if slab.pointee.isFull { unlink(slab) }
        return block
    }

    @inline(__always)
    private static func freeBlock(_ address: UnsafeMutableRawPointer) {
        let bits = UInt(bitPattern: address)
        // SAFETY: whoever frees had it from here; what is not a slab is told by its header.
        let slab = UnsafeMutablePointer<Slab>(bitPattern: bits & ~4095).unsafelyUnwrapped
        guard slab.pointee.signature == Slab.signature, bits & 15 == 0, slab.pointee.isMarked(address) else {
            Port.panic("memory is freed that is not allocated", at: UInt64(bits))
        }
        slab.pointee.mark(address, false)
        if slab.pointee.isFull { link(slab) }
        address.storeBytes(of: slab.pointee.free, as: UnsafeMutableRawPointer?.self)
        slab.pointee.free = address
        slab.pointee.used &-= 1
        let index = Int(slab.pointee.sizeClass)
        classes[index].blocks &-= 1
        // The last slab with room stays, or a block that comes and goes would take its page along each time.
        if slab.pointee.used == 0, slab.pointee.next != nil || slab.pointee.previous != nil { release(slab) }
    }

    // MARK: Slabs

    @inline(never)
    private static func makeSlab(_ index: Int) -> UnsafeMutablePointer<Slab>? {
        guard let page = Pages.allocateForHeap(1, alignment: Pages.size) else { return nil }
        // SAFETY: a page that nobody else has.
        let slab = UnsafeMutableRawPointer(bitPattern: UInt(page)).unsafelyUnwrapped
            .bindMemory(to: Slab.self, capacity: 1)
        slab.initialize(to: Slab(sizeClass: UInt8(truncatingIfNeeded: index), size: sizes[index]))
        classes[index].pages += 1
        link(slab)
        return slab
    }

    @inline(never)
    private static func release(_ slab: UnsafeMutablePointer<Slab>) {
        unlink(slab)
        classes[Int(slab.pointee.sizeClass)].pages -= 1
        slab.pointee.signature = 0
        Pages.free(UInt64(UInt(bitPattern: slab)), 1)
    }

    private static func link(_ slab: UnsafeMutablePointer<Slab>) {
        let index = Int(slab.pointee.sizeClass)
        let first = classes[index].slabs
        slab.pointee.next = first
        slab.pointee.previous = nil
        first?.pointee.previous = slab
        classes[index].slabs = slab
    }

    private static func unlink(_ slab: UnsafeMutablePointer<Slab>) {
        let (next, previous) = (slab.pointee.next, slab.pointee.previous)
        next?.pointee.previous = previous
        if let previous {
            previous.pointee.next = next
        } else {
            classes[Int(slab.pointee.sizeClass)].slabs = next
        }
    }

    // MARK: Pages

    private static func allocatePages(_ size: UInt, _ alignment: Int) -> UnsafeMutableRawPointer? {
        let count = Int(size >> 12) + (size & 4095 == 0 && size > 0 ? 0 : 1)
        guard let address = Pages.allocateForHeap(count, alignment: UInt64(max(alignment, 4096))) else { return nil }
        large.allocations += 1
        large.pages += count
        return UnsafeMutableRawPointer(bitPattern: UInt(address))
    }

    private static func freePages(_ address: UnsafeMutableRawPointer) {
        let address = UInt64(UInt(bitPattern: address))
        let count = Pages.count(at: address)
        guard count > 0 else { Port.panic("memory is freed that is not allocated", at: address) }
        large.allocations -= 1
        large.pages -= count
        Pages.free(address, count)
    }

    // MARK: What is in use

    public struct Statistics: Equatable, Sendable {
        /// Of the blocks of one size.
        public struct Blocks: Equatable, Sendable {
            public let size: Int
            /// Blocks in use.
            public let count: Int
            /// Pages of slabs.
            public let pages: Int
            /// Bytes in use.
            public var bytes: Int { count * size }
        }

        public let blocks: [Blocks]
        /// Allocations of whole pages, and their pages.
        public let largeAllocations: Int
        public let largePages: Int
        /// Bytes in use.
        public var bytes: Int { blocks.reduce(largePages * 4096) { $0 + $1.bytes } }
        /// Pages that the heap has of `Pages`.
        public var pages: Int { blocks.reduce(largePages) { $0 + $1.pages } }
    }

    /// What is in use, the answer's own array not included.
    public static var statistics: Statistics {
        var blocks: [Statistics.Blocks] = []
        // Before the lock is taken: the array is of this heap.
        blocks.reserveCapacity(sizes.count)
        return lock.withLock {
            for index in 0..<sizes.count {
                let known = classes[index]
                blocks.append(Statistics.Blocks(size: Int(sizes[index]), count: known.blocks, pages: known.pages))
            }
            return Statistics(blocks: blocks, largeAllocations: large.allocations, largePages: large.pages)
        }
    }

    #if !hasFeature(Embedded)
    /// Forgets all blocks, between tests.
    static func removeAll() {
        classes = InlineArray(repeating: SizeClass())
        large = (0, 0)
    }
    #endif
}

/// What the heap keeps of the blocks of one size.
private struct SizeClass {
    /// Slabs that have room.
    var slabs: UnsafeMutablePointer<Slab>?
    var blocks = 0
    var pages = 0
}

/// The header of a page of blocks of one size.
struct Slab {
    /// Bytes, so that blocks of multiples of 64 begin at such.
    static let headerSize = 64
    static let signature: UInt32 = 0x6261_6c53

    var next: UnsafeMutablePointer<Slab>?
    var previous: UnsafeMutablePointer<Slab>?
    /// The first of the free blocks, each of which holds the next one's address.
    var free: UnsafeMutableRawPointer?
    var signature = Slab.signature
    let sizeClass: UInt8
    let capacity: UInt8
    /// Blocks in use.
    var used: UInt8 = 0
    /// The first block that was never used, nor are those above: they are in no list, so that a new slab needs no loop.
    var fresh: UInt8 = 0
    /// A bit for every 16 bytes of the page: whether a block in use begins there.
    private var marks = InlineArray<4, UInt64>(repeating: 0)

    init(sizeClass: UInt8, size: UInt16) {
        self.sizeClass = sizeClass
        capacity = UInt8(truncatingIfNeeded: (4096 - UInt16(Slab.headerSize)) / size)
    }

    var isFull: Bool { used == capacity }

    @inline(__always)
    func isMarked(_ block: UnsafeMutableRawPointer) -> Bool {
        let unit = Self.unit(block)
        return marks[unit >> 6] >> UInt64(unit & 63) & 1 != 0
    }

    @inline(__always)
    mutating func mark(_ block: UnsafeMutableRawPointer, _ inUse: Bool) {
        let unit = Self.unit(block)
        let bit: UInt64 = 1 << UInt64(unit & 63)
        if inUse { marks[unit >> 6] |= bit } else { marks[unit >> 6] &= ~bit }
    }

    @inline(__always)
    private static func unit(_ block: UnsafeMutableRawPointer) -> Int { Int(UInt(bitPattern: block) >> 4 & 255) }
}
