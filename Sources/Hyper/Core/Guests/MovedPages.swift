/// The pages of a region of memory that are not where the region's others are, one behind the other: given back by a
/// balloon, had anew, or chosen by their colour. Where one is, only the second stage says.
final class MovedPages {
    private var words: [UInt64]
    private(set) var count = 0

    init(pages: Int, all: Bool = false) {
        words = [UInt64](repeating: all ? ~0 : 0, count: (pages + 63) / 64)
        if all { count = pages }
    }

    subscript(page: Int) -> Bool { words[page >> 6] >> UInt64(page & 63) & 1 != 0 }

    func insert(_ page: Int) {
        guard !self[page] else { return }
        words[page >> 6] |= 1 << UInt64(page & 63)
        count += 1
    }

    /// Whether any of the pages is moved.
    func contains(anyOf pages: Range<Int>) -> Bool {
        guard count > 0 else { return false }
        var page = pages.lowerBound
        while page < pages.upperBound {
            if page & 63 == 0, words[page >> 6] == 0 {
                page += 64
            } else if self[page] {
                return true
            } else {
                page += 1
            }
        }
        return false
    }
}

/// Memory that is taken from a guest while it runs, and had by it again.
///
/// A page that is taken is unmapped at once, and found by nobody any more. It is given back when nobody can use it that
/// found it before: each CPU has left the handler it was in, and uses that were said to last longer have ended.
extension AddressSpace {
    // MARK: Uses

    /// Says that what ``memory(_:count:write:)`` gives is used for longer than interrupts are off. Said before, or while they
    /// are still off.
    public func beginUse() -> Int { lock.withLock { uses.begin() } }
    public func endUse(_ use: Int) { lock.withLock { uses.end(use) } }

    /// Uses memory of the guest in a thread.
    func withUse<Result>(_ body: () throws(HyperError) -> Result) throws(HyperError) -> Result {
        let use = beginUse()
        defer { endUse(use) }
        return try body()
    }

    /// Keeps memory from being taken, for as long as the guest's device has it: a queue's rings.
    public func keep(_ address: UInt64, count: UInt64) { lock.withLock { kept.append((address, count)) } }
    public func release(_ address: UInt64, count: UInt64) {
        lock.withLock {
            if let index = kept.firstIndex(where: { $0.address == address && $0.count == count }) {
                kept.remove(at: index)
            }
        }
    }

    /// How many uses of memory there are, of those that began before somebody asked and of later ones.
    struct Uses {
        private var counts = (0, 0)
        private var current = 0

        mutating func begin() -> Int {
            if current == 0 { counts.0 += 1 } else { counts.1 += 1 }
            return current
        }

        mutating func end(_ use: Int) { if use == 0 { counts.0 -= 1 } else { counts.1 -= 1 } }

        /// Uses from here on are later ones. Not before the earlier ones of the last time have ended.
        mutating func turn() { current ^= 1 }
        var areEarlierOver: Bool { (current == 0 ? counts.1 : counts.0) == 0 }
    }

    // MARK: Taking

    /// Bytes of memory that can be taken page by page: the guest's own, that no device of the host's uses, nor an alias.
    public var ownedSize: UInt64 {
        regions.reduce(0) { $0 + ($1.isOwned && canTake ? $1.size : 0) }
    }

    /// Bytes that are taken now.
    public var takenSize: UInt64 { lock.withLock { UInt64(taken) * Pages.size } }

    private var canTake: Bool {
        !isFixed && regions.allSatisfy { if case .alias = $0.kind { false } else { true } }
    }

    /// Takes the pages at these addresses, as far as they can be; how many it took.
    ///
    /// Whoever calls this has ``giveBack()`` called by a thread.
    func take(_ addresses: [UInt64]) -> Int {
        guard canTake else { return 0 }
        return lock.withLock {
            var count = 0
            for address in addresses { if takePage(address) { count += 1 } }
            if count > 0 { secondStage.forgetAll() }
            return count
        }
    }

    private func takePage(_ address: UInt64) -> Bool {
        guard address % Pages.size == 0, let (region, _) = region(at: address), region.isOwned,
            case .memory(let host, _) = region.kind, let moved = region.moved,
            !kept.contains(where: { address < $0.address &+ $0.count && $0.address < address + Pages.size })
        else { return false }
        let page = Int((address - region.start) / Pages.size)
        if moved[page] {
            guard let found = secondStage.translate(address) else { return false }
            leaving.append(found)
        } else {
            leaving.append(host + (address - region.start))
            moved.insert(page)
        }
        secondStage.clear(address, size: Pages.size)
        taken += 1
        return true
    }

    /// Gives back what was taken, once nobody uses it. Called by a thread; two do not do so at once.
    func giveBack() {
        givingBack.withLock {
            while true {
                let pages = lock.withLock {
                    defer { leaving = [] }
                    return leaving
                }
                if pages.isEmpty { return }
                // Who found a page before has said so by then, or does not use it any more.
                CPUs.leaveHandlers()
                lock.withLock { uses.turn() }
                while !lock.withLock({ uses.areEarlierOver }) { Scheduler.sleep(1_000_000) }
                for page in pages { Pages.free(page, 1) }
            }
        }
    }

    /// Maps a page that was moved, had anew if it was taken. The lock is held.
    func mapMoved(_ address: UInt64, _ access: SecondStageAccess) throws(HyperError) -> UInt64 {
        let address = address & ~(Pages.size - 1)
        if let page = secondStage.translate(address) { return page }
        let page = try Pages.allocate(1)
        Pages.clear(page, count: 1)
        do throws(HyperError) {
            try secondStage.map(address, to: page, level: 0, access)
        } catch {
            Pages.free(page, 1)
            throw error
        }
        taken -= 1
        return page
    }

    /// Maps a page of the colour at an address at which nothing is.
    func addPage(_ address: UInt64, _ colour: PageColour, _ access: SecondStageAccess) throws(HyperError) {
        let page = try Pages.allocate(1, colour: colour)
        Pages.clear(page, count: 1)
        do throws(HyperError) {
            try lock.withLock { () throws(HyperError) in
                try secondStage.map(address, to: page, level: 0, access)
            }
        } catch {
            Pages.free(page, 1)
            throw error
        }
    }

    // MARK: Going

    /// The pages that a region has of the host, side by side in pieces; they are the caller's from here on.
    func pages(of region: Region) -> [(address: UInt64, count: Int)] {
        guard region.isOwned, case .memory(let host, _) = region.kind else { return [] }
        guard let moved = region.moved, moved.count > 0 else { return [(host, Int(region.size / Pages.size))] }
        var pieces: [(address: UInt64, count: Int)] = []
        // A page that was had anew is an allocation of its own, wherever it lies.
        var goesOn = false
        for page in 0..<Int(region.size / Pages.size) {
            let offset = UInt64(page) * Pages.size
            let place = moved[page] ? translate(region.start + offset) : host + offset
            let isOwn = !moved[page]
            if isOwn, goesOn {
                pieces[pieces.count - 1].count += 1
            } else if let place {
                pieces.append((place, 1))
            }
            goesOn = isOwn
        }
        return pieces
    }
}
