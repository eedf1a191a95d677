/// Blocks of 2^order pages, each at a multiple of its own size: an address has one buddy of each size, and two buddies that
/// are free are one free block of twice the size (Knuth, The Art of Computer Programming, volume 1, 2.5, "buddy system").
///
/// Nothing is kept outside of the memory that is described: a range of RAM begins with a byte for each of its pages, and
/// a free block begins with its place in the list of its order. Pages are numbered: address / 4096.
struct BuddyAllocator: ~Copyable {
    /// Blocks of 4 KiB to 1 GiB.
    static let orders = 19

    /// Pages of all ranges; of them, those that are nobody's to allocate, and those that are free.
    private(set) var total: UInt = 0
    private(set) var reserved: UInt = 0
    private(set) var free: UInt = 0

    private var ranges: UnsafeMutablePointer<PageRange>?
    /// The first free block of each order, or 0: the page at address 0 is never given out, since its address is nil.
    private var lists = InlineArray<19, UInt>(repeating: 0)
    /// A bit for each order that has a free block.
    private var present: UInt32 = 0
    /// What is left out of ranges that are still to be added.
    private var reservations = InlineArray<32, Range<UInt>>(repeating: 0..<0)
    private var reservationCount = 0

    init() {}

    /// Pages of the largest free block.
    var largest: UInt { present == 0 ? 0 : 1 << UInt(31 - present.leadingZeroBitCount) }

    // MARK: Memory that is there

    /// Adds a range of RAM, less what is reserved of it. One that is too small for its own table is left out.
    mutating func add(_ pages: Range<UInt>) {
        let pages = max(pages.lowerBound, 1)..<max(pages.upperBound, 1)
        let tableSize = UInt(MemoryLayout<PageRange>.stride + pages.count + 4095) >> 12
        var hole = gap(from: pages.lowerBound, to: pages.upperBound)
        while let found = hole, found.count < tableSize { hole = gap(from: found.upperBound, to: pages.upperBound) }
        guard let place = hole?.lowerBound else { return }
        var other = ranges
        while let range = other {
            let both = range.pointee.pages.clamped(to: pages)
            if !both.isEmpty { Port.panic("memory is added twice", at: UInt64(both.lowerBound) << 12) }
            other = range.pointee.next
        }
        note(place..<place + tableSize)

        // SAFETY: the caller gives this memory, and nobody else uses what is not reserved of it.
        // The state of a page within a block is zero.
        Pages.clear(UInt64(place) << 12, count: Int(tableSize))
        let table = UnsafeMutableRawPointer(bitPattern: place << 12).unsafelyUnwrapped
        let range = table.bindMemory(to: PageRange.self, capacity: 1)
        let states = (table + MemoryLayout<PageRange>.stride).bindMemory(to: PageState.self, capacity: pages.count)
        range.initialize(to: PageRange(pages: pages, states: states, next: ranges))
        ranges = range
        total += UInt(pages.count)
        reserved += UInt(pages.count)

        // All of it is reserved, and then what is not becomes free.
        var page = pages.lowerBound
        while page < pages.upperBound {
            let order = min(page.trailingZeroBitCount, Self.floorLog2(pages.upperBound - page), Self.orders - 1)
            range.pointee[page] = PageState(.reserved, order)
            page += 1 << UInt(order)
        }
        page = pages.lowerBound
        while let hole = gap(from: page, to: pages.upperBound) {
            reserved -= UInt(hole.count)
            giveBack(range, hole, from: .reserved)
            page = hole.upperBound
        }
    }

    /// Takes pages away from whoever would allocate them: in the ranges that are there, where they are free, and in those
    /// that are added later.
    mutating func reserve(_ pages: Range<UInt>) {
        note(pages)
        var next = ranges
        while let range = next {
            next = range.pointee.next
            let part = pages.clamped(to: range.pointee.pages)
            if part.isEmpty { continue }
            let before = free
            claim(range, part, as: .reserved)
            reserved += before - free
        }
    }

    private mutating func note(_ pages: Range<UInt>) {
        guard reservationCount < 32 else { Port.panic("more than 32 parts of memory are reserved") }
        reservations[reservationCount] = pages
        reservationCount += 1
    }

    /// The first pages from `page` on that are not reserved.
    private func gap(from page: UInt, to end: UInt) -> Range<UInt>? {
        var (first, limit) = (page, end)
        var index = 0
        while index < reservationCount {
            let other = reservations[index]
            index += 1
            guard other.contains(first) else { continue }
            first = other.upperBound
            index = 0
        }
        guard first < end else { return nil }
        for index in 0..<reservationCount where reservations[index].lowerBound > first {
            limit = min(limit, reservations[index].lowerBound)
        }
        return first..<limit
    }

    // MARK: Allocation

    /// `count` pages at a multiple of `alignment` pages, a power of two.
    mutating func allocate(_ count: UInt, alignment: UInt) -> UInt? {
        let order = max(Self.floorLog2(2 * count - 1), Self.floorLog2(alignment))
        let sufficient = order < Self.orders ? present & ~0 << UInt32(order) : 0
        if sufficient != 0 { return take(lists[sufficient.trailingZeroBitCount], count) }
        // No block is large enough; neighbours together may be.
        guard let page = run(of: count, alignment) else { return nil }
        return take(page, count)
    }

    /// A page of the colour. Blocks that are too small to have each colour are looked at first, to keep the large ones
    /// whole, but only a few of them, as long as there are others.
    mutating func allocate(_ colour: PageColour) -> UInt? {
        guard let page = find(colour, looks: 8) ?? find(colour, looks: .max) else { return nil }
        return take(page, 1)
    }

    /// Gives back pages that were allocated: all of an allocation, or a part of one.
    mutating func free(_ pages: Range<UInt>) {
        guard let range = range(of: pages.lowerBound), pages.upperBound <= range.pointee.pages.upperBound else {
            Port.panic("pages are freed that are not memory", at: UInt64(pages.lowerBound) << 12)
        }
        giveBack(range, pages, from: .used)
        // What is left of the allocation above is one of its own.
        let end = pages.upperBound
        if end < range.pointee.pages.upperBound, range.pointee[end].kind == .used { range.pointee[end].begins = true }
    }

    /// How many pages were allocated at the page; 0 where no allocation begins.
    func count(at page: UInt) -> UInt {
        guard let range = range(of: page), range.pointee[page].begins else { return 0 }
        var end = page
        repeat {
            end += 1 << UInt(range.pointee[end].order)
        } while end < range.pointee.pages.upperBound && range.pointee[end].kind == .used && !range.pointee[end].begins
        return end - page
    }

    private mutating func take(_ page: UInt, _ count: UInt) -> UInt {
        let range = range(of: page).unsafelyUnwrapped
        claim(range, page..<page + count, as: .used)
        range.pointee[page].begins = true
        return page
    }

    private func run(of count: UInt, _ alignment: UInt) -> UInt? {
        var next = ranges
        while let range = next {
            let pages = range.pointee.pages
            var page = pages.lowerBound
            var start = (page + alignment - 1) & ~(alignment - 1)
            while page < pages.upperBound {
                let state = range.pointee[page]
                page += 1 << UInt(state.order)
                if state.kind != .free {
                    start = (page + alignment - 1) & ~(alignment - 1)
                } else if page >= start, page - start >= count {
                    return start
                }
            }
            next = range.pointee.next
        }
        return nil
    }

    private func find(_ colour: PageColour, looks: Int) -> UInt? {
        for order in 0..<Self.orders {
            var (block, looked) = (lists[order], 0)
            while block != 0, looked < looks {
                let distance = (colour.index + colour.count - block % colour.count) % colour.count
                if distance >> UInt(order) == 0 { return block + distance }
                block = Self.block(block).pointee.next
                looked += 1
            }
        }
        return nil
    }

    // MARK: Blocks

    /// Makes free blocks into others. Some may be reserved already, if that is what they are to be.
    private mutating func claim(_ range: UnsafeMutablePointer<PageRange>, _ pages: Range<UInt>, as kind: PageState.Kind)
    {
        var page = split(range, at: pages.lowerBound)
        while page < pages.upperBound {
            let state = head(range, page, within: pages.upperBound)
            if state.kind == .free {
                unlink(page, state.order)
                range.pointee[page] = PageState(kind, state.order)
                free -= 1 << UInt(state.order)
            } else if state.kind == .used || kind == .used {
                Port.panic("memory is reserved that is in use", at: UInt64(page) << 12)
            }
            page += 1 << UInt(state.order)
        }
    }

    /// Makes blocks free, which are all of the kind, and of one allocation.
    private mutating func giveBack(
        _ range: UnsafeMutablePointer<PageRange>, _ pages: Range<UInt>, from kind: PageState.Kind
    ) {
        var page = split(range, at: pages.lowerBound)
        while page < pages.upperBound {
            let state = head(range, page, within: pages.upperBound)
            let address = UInt64(page) << 12
            if state.kind != kind {
                if state.kind == .reserved { Port.panic("pages are freed that are reserved", at: address) }
                Port.panic("pages are freed that are free", at: address)
            }
            if state.begins, page != pages.lowerBound {
                Port.panic("pages of two allocations are freed as one", at: address)
            }
            free += 1 << UInt(state.order)
            merge(range, page, state.order)
            page += 1 << UInt(state.order)
        }
    }

    /// Makes the block free, together with its buddy, if that is, and so on.
    private mutating func merge(_ range: UnsafeMutablePointer<PageRange>, _ page: UInt, _ order: Int) {
        var (page, order) = (page, order)
        range.pointee[page] = .inside
        while order < Self.orders - 1 {
            let buddy = page ^ 1 << UInt(order)
            guard range.pointee.pages.contains(buddy), range.pointee[buddy] == PageState(.free, order) else { break }
            unlink(buddy, order)
            range.pointee[buddy] = .inside
            page &= ~(1 << UInt(order))
            order += 1
        }
        range.pointee[page] = PageState(.free, order)
        link(page, order)
    }

    /// Makes a block begin at the page, and returns it.
    private mutating func split(_ range: UnsafeMutablePointer<PageRange>, at page: UInt) -> UInt {
        // The block that it lies in begins at the nearest multiple of a power of two where one does.
        var (block, order) = (page, 0)
        while range.pointee[block] == .inside {
            order += 1
            block = page & ~0 << UInt(order)
        }
        if block != page { split(range, block, at: page) }
        return page
    }

    /// The state of the block that begins at the page, cut off at `end`.
    private mutating func head(_ range: UnsafeMutablePointer<PageRange>, _ page: UInt, within end: UInt) -> PageState {
        if page + 1 << UInt(range.pointee[page].order) > end { split(range, page, at: end) }
        return range.pointee[page]
    }

    /// Halves the block until one begins at `boundary` within it.
    private mutating func split(_ range: UnsafeMutablePointer<PageRange>, _ block: UInt, at boundary: UInt) {
        let state = range.pointee[block]
        var (block, order) = (block, state.order)
        if state.kind == .free { unlink(block, order) }
        while block != boundary {
            order -= 1
            let upper = block + 1 << UInt(order)
            range.pointee[block].order = order
            range.pointee[upper] = PageState(state.kind, order)
            let (whole, halved) = boundary < upper ? (upper, block) : (block, upper)
            if state.kind == .free { link(whole, order) }
            block = halved
        }
        if state.kind == .free { link(block, order) }
    }

    // MARK: Lists

    private func range(of page: UInt) -> UnsafeMutablePointer<PageRange>? {
        var range = ranges
        while let found = range, !found.pointee.pages.contains(page) { range = found.pointee.next }
        return range
    }

    private mutating func link(_ page: UInt, _ order: Int) {
        let first = lists[order]
        Self.block(page).initialize(to: FreeBlock(next: first, previous: 0))
        if first != 0 { Self.block(first).pointee.previous = page }
        lists[order] = page
        present |= 1 << UInt32(order)
    }

    private mutating func unlink(_ page: UInt, _ order: Int) {
        let (next, previous) = (Self.block(page).pointee.next, Self.block(page).pointee.previous)
        if next != 0 { Self.block(next).pointee.previous = previous }
        if previous != 0 { Self.block(previous).pointee.next = next } else { lists[order] = next }
        if lists[order] == 0 { present &= ~(1 << UInt32(order)) }
    }

    @inline(__always)
    private static func block(_ page: UInt) -> UnsafeMutablePointer<FreeBlock> {
        // SAFETY: a free page, which is the allocator's alone.
        UnsafeMutablePointer<FreeBlock>(bitPattern: page << 12).unsafelyUnwrapped
    }

    @inline(__always)
    private static func floorLog2(_ value: UInt) -> Int { UInt.bitWidth - 1 - value.leadingZeroBitCount }
}

/// What a free block begins with: its neighbours in the list of its order.
private struct FreeBlock {
    var next: UInt
    var previous: UInt
}

/// What the byte of a page says: of which block it is the first, if it is.
private struct PageState: Equatable {
    enum Kind: UInt8 { case inside = 0, free = 0x20, used = 0x40, reserved = 0x60 }

    private var bits: UInt8

    /// Of a page that is not the first of its block.
    static let inside = PageState(bits: 0)

    private init(bits: UInt8) { self.bits = bits }
    init(_ kind: Kind, _ order: Int) { bits = kind.rawValue | UInt8(truncatingIfNeeded: order) }

    // SAFETY: two bits, of which each value is a case.
    var kind: Kind { Kind(rawValue: bits & 0x60).unsafelyUnwrapped }

    var order: Int {
        get { Int(bits & 0x1f) }
        set { bits = bits & ~0x1f | UInt8(truncatingIfNeeded: newValue) }
    }

    /// The first block of an allocation.
    var begins: Bool {
        get { bits & 0x80 != 0 }
        set { bits = newValue ? bits | 0x80 : bits & 0x7f }
    }
}

/// A range of RAM. Stands at its beginning, or behind what is reserved there, before the states of its pages.
private struct PageRange {
    let pages: Range<UInt>
    let states: UnsafeMutablePointer<PageState>
    let next: UnsafeMutablePointer<PageRange>?

    subscript(page: UInt) -> PageState {
        get { states[Int(page - pages.lowerBound)] }
        nonmutating set { states[Int(page - pages.lowerBound)] = newValue }
    }
}
