import ISA

/// Hashes of the pages of memory that change, and of all that has changed of it since some moment.
///
/// A page is hashed before it changes for the first time, and when somebody looks (``update()``) and it may have changed: what
/// is not written to costs nothing. What has changed as a whole is the sum of the pages' differences, so that a page that
/// changes costs no more than itself.
public final class PageHashes: ChangeObserver {
    private unowned let memory: PhysicalMemory
    private let stores: [Store]
    /// Of all that has changed: the same for two machines that were alike at the beginning and are now.
    public private(set) var changes: UInt64 = 0

    /// A region's pages.
    private struct Store {
        let region: PhysicalMemory.Region
        /// Of those that have ever changed.
        let hashes: UnsafeMutablePointer<UInt64>
        let isKnown: UnsafeMutablePointer<Bool>
        /// May have changed since they were hashed.
        let isDirty: UnsafeMutablePointer<Bool>
        var count: Int { Int(region.size / PhysicalMemory.pageSize) }
    }

    /// A page, by its address divided by its size, and what it hashes to.
    public struct Page: Equatable, Sendable {
        public let number: UInt64
        public let hash: UInt64
    }

    private var dirty: [(store: Int, page: Int)] = []

    /// Begins with memory as it is now.
    public init(_ memory: PhysicalMemory) {
        self.memory = memory
        stores = memory.regions.map { region in
            let count = Int(region.size / PhysicalMemory.pageSize)
            let hashes = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
            let isKnown = UnsafeMutablePointer<Bool>.allocate(capacity: count)
            isKnown.initialize(repeating: false, count: count)
            let isDirty = UnsafeMutablePointer<Bool>.allocate(capacity: count)
            isDirty.initialize(repeating: false, count: count)
            return Store(region: region, hashes: hashes, isKnown: isKnown, isDirty: isDirty)
        }
        super.init()
        memory.observeChanges(self)
    }

    deinit {
        for store in stores {
            store.hashes.deallocate()
            store.isKnown.deallocate()
            store.isDirty.deallocate()
        }
    }

    /// Is told of changes no more, and is of no use from then on.
    public func end() { memory.endObserving(self) }

    public override func willChange(page: Int, of region: PhysicalMemory.Region) {
        for index in stores.indices where stores[index].region.base == region.base {
            let store = stores[index]
            guard !store.isDirty[page] else { return }
            store.isDirty[page] = true
            if !store.isKnown[page] {
                store.isKnown[page] = true
                store.hashes[page] = Self.hash(store.region, page)
            }
            dirty.append((index, page))
            return
        }
    }

    /// How many pages were written to since the last ``update()``, whatever was written.
    public var dirtyCount: Int { dirty.count }

    /// Hashes again what was written to.
    /// - Returns: the pages that are not what they were at the last call, in ascending order.
    public func update() -> [Page] {
        var changed: [Page] = []
        for (index, page) in dirty {
            let store = stores[index]
            store.isDirty[page] = false
            let (old, new) = (store.hashes[page], Self.hash(store.region, page))
            guard old != new else { continue }
            store.hashes[page] = new
            changes = changes &- old &+ new
            changed.append(Page(number: store.region.base / PhysicalMemory.pageSize + UInt64(page), hash: new))
        }
        if !dirty.isEmpty {
            dirty.removeAll(keepingCapacity: true)
            memory.observeChanges(self)
        }
        return changed.sorted { $0.number < $1.number }
    }

    /// What a page hashed to at the last ``update()``; nil where it has never changed.
    public func hash(of number: UInt64) -> UInt64? {
        for store in stores {
            let first = store.region.base / PhysicalMemory.pageSize
            guard number >= first, number - first < UInt64(store.count) else { continue }
            return store.isKnown[Int(number - first)] ? store.hashes[Int(number - first)] : nil
        }
        return nil
    }

    /// Four sums side by side, since each step of one waits for the step before.
    private static func hash(_ region: PhysicalMemory.Region, _ page: Int) -> UInt64 {
        let size = Int(PhysicalMemory.pageSize)
        // SAFETY: the region's host memory has all of the page, aligned to pages.
        let words = (region.host + page * size).assumingMemoryBound(to: UInt64.self)
        let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
        var (a, b, c, d) = (prime, prime &* 3, prime &* 5, prime &* 7)
        var any: UInt64 = 0
        var index = 0
        while index < size / 8 {
            let (w, x, y, z) = (words[index], words[index + 1], words[index + 2], words[index + 3])
            any |= w | x | y | z
            a = (a ^ w) &* prime
            b = (b ^ x) &* prime
            c = (c ^ y) &* prime
            d = (d ^ z) &* prime
            a ^= a >> 29
            b ^= b >> 29
            c ^= c >> 29
            d ^= d >> 29
            index += 4
        }
        guard any != 0 else { return 0 }
        var hasher = StateHasher()
        for word in [a, b, c, d, region.base &+ UInt64(page * size)] { hasher.add(word) }
        return hasher.value
    }
}
