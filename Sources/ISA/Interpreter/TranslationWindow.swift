/// Memory that a context has mapped as one piece, by large leaves of its page tables, as boot code, hypervisors and many
/// kernels map theirs. Translated code compares an address with its bounds, and adds the one distance to the host: that is
/// shorter than to look an entry up, and waits for no entry.
///
/// The windows of a context are dropped with all of its entries, and by whatever drops an address of a large leaf.
extension TranslationContext {
    public struct Window: Equatable, Sendable {
        /// The virtual address of the first byte.
        public internal(set) var start: UInt64 = 0
        /// How far from `start` an access has to begin before: so far that the longest one ends within. 0 where there is no
        /// window.
        public internal(set) var limit: UInt64 = 0
        /// Host address minus virtual address.
        public internal(set) var addend: UInt64 = 0

        /// What is accessed at once has no more bytes than this.
        public static let longestAccess: UInt64 = 1024

        init() {}

        /// - Precondition: `size` is no less than a page.
        init(start: UInt64, size: UInt64, addend: UInt64) {
            (self.start, self.addend) = (start, addend)
            limit = size &- (Self.longestAccess &- 1)
        }

        var isEmpty: Bool { limit == 0 }
        var size: UInt64 { isEmpty ? 0 : limit &+ (Self.longestAccess &- 1) }

        func contains(_ address: UInt64) -> Bool { address &- start < size }

        /// Both as one, where they touch or overlap.
        func union(_ other: Window) -> Window? {
            guard !isEmpty, !other.isEmpty, addend == other.addend,
                other.start &- start <= size || start &- other.start <= other.size
            else { return nil }
            let first = other.start &- start <= size ? start : other.start
            let end = max(start &+ size &- first, other.start &+ other.size &- first)
            return Window(start: first, size: end, addend: addend)
        }

        /// Leaves out the page at `host`, and all beyond it on the shorter side.
        mutating func cut(host: UInt64) { leaveOut(host &- addend, host &- addend, ~0) }

        /// Leaves out the pages from that of `first` to that of `last`, and all beyond them on the shorter side.
        /// - Parameter bits: of the addresses, those that are compared.
        mutating func leaveOut(_ first: UInt64, _ last: UInt64, _ bits: UInt64) {
            let inPage = PhysicalMemory.pageSize &- 1
            let (first, last) = (first & ~inPage, last | inPage)
            let offset = (first &- start) & bits
            // They begin in the window, or the window begins in them.
            guard offset < size || !isEmpty && (start &- first) & bits <= last &- first else { return }
            let below = offset < size ? offset : 0
            let behind = ((last &- start) & bits) &+ 1
            let above = behind < size ? size &- behind : 0
            if max(below, above) == 0 {
                self = Window()
            } else if below >= above {
                self = Window(start: start, size: below, addend: addend)
            } else {
                self = Window(start: start &+ behind, size: above, addend: addend)
            }
        }
    }

    /// What a context begins with: some pages may be elsewhere.
    static let firstVotes = 40
    private static let mostVotes = 64

    /// Whether reads find most of what they access in the window.
    public var hasReadWindow: Bool { windowVotes >= Self.mostVotes / 2 && !readWindow.isEmpty }
    public var hasWriteWindow: Bool { hasReadWindow && !writeWindow.isEmpty }

    /// Says that a page was entered that lies in a leaf of `size` bytes, all of which may be accessed likewise. Its memory
    /// becomes the window, or part of it, if it is what most pages are in (Boyer and Moore's majority vote).
    /// - Parameters:
    ///   - physical: where `address` leads to, in `region`.
    ///   - size: a power of 2.
    package mutating func notePage(
        _ address: UInt64, physical: UInt64, size: UInt64, in region: PhysicalMemory.Region, isWrite: Bool
    ) {
        if isWrite {
            if hasReadWindow, !writeWindow.contains(address), let window = Self.window(address, physical, size, region)
            {
                widenForWrites(window, physical, region)
            }
            return
        }
        if readWindow.contains(address) {
            windowVotes = min(windowVotes + 1, Self.mostVotes)
            return
        }
        let window = Self.window(address, physical, size, region)
        if let window, let both = readWindow.union(window) {
            readWindow = both
        } else if let window, readWindow.isEmpty || windowVotes == 0 {
            readWindow = window
        } else {
            windowVotes = max(windowVotes - 1, 0)
        }
    }

    /// The part of the leaf that is in the region; nil where a leaf is no more than a page.
    private static func window(
        _ address: UInt64, _ physical: UInt64, _ size: UInt64, _ region: PhysicalMemory.Region
    ) -> Window? {
        guard size > PhysicalMemory.pageSize else { return nil }
        let first = max(physical & ~(size &- 1), region.base)
        let last = min(physical | (size &- 1), region.base &+ (region.size &- 1))
        let start = address &- (physical &- first)
        let host = UInt64(UInt(bitPattern: region.host)) &+ (first &- region.base)
        return Window(start: start, size: last &- first &+ 1, addend: host &- start)
    }

    /// Pages on either side that are looked at.
    private static let widening = 1024

    /// Adds the pages around the address that hold no code, and are not clean.
    private mutating func widenForWrites(_ leaf: Window, _ physical: UInt64, _ region: PhysicalMemory.Region) {
        let page = Int((physical &- region.base) / PhysicalMemory.pageSize)
        func isOpen(_ page: Int) -> Bool { region.codeGranules[page] == 0 && !region.isClean[page] }
        guard isOpen(page) else { return }
        // The numbers of the region's pages that the leaf has.
        let host = UInt64(UInt(bitPattern: region.host))
        let lowest = Int((leaf.start &+ leaf.addend &- host) / PhysicalMemory.pageSize)
        let end = lowest + Int(leaf.size / PhysicalMemory.pageSize)
        var first = page
        var last = page
        while first > max(lowest, page - Self.widening), isOpen(first - 1) { first -= 1 }
        while last + 1 < min(end, page + Self.widening), isOpen(last + 1) { last += 1 }
        let count = last - first + 1
        // Whoever finds code there has to say so.
        (region.isWritten + first).update(repeating: true, count: count)
        let start = leaf.start &+ UInt64(first - lowest) * PhysicalMemory.pageSize
        let window = Window(start: start, size: UInt64(count) * PhysicalMemory.pageSize, addend: leaf.addend)
        if let both = writeWindow.union(window) {
            writeWindow = both
        } else if window.size > writeWindow.size {
            writeWindow = window
        }
    }
}
