/// What answers at an address of a guest.
public final class Region {
    public enum Kind {
        /// Memory of the host at this physical address.
        case memory(UInt64, SecondStageAccess)
        /// The guest's own address at which this is found.
        case alias(UInt64)
        /// A device that Hyper emulates.
        case device(any EmulatedDevice)
    }

    public let name: Text
    public let start: UInt64
    public let size: UInt64
    public let kind: Kind
    /// The pages are the guest's own, and go with it.
    let isOwned: Bool
    /// Which of them are elsewhere; nil where none can be.
    let moved: MovedPages?
    /// Other guests have it, too: no memory for an operating system to use as it likes.
    let isShared: Bool

    init(
        name: Text, start: UInt64, size: UInt64, kind: Kind, isOwned: Bool = false, moved: MovedPages? = nil,
        isShared: Bool = false
    ) {
        self.moved = moved
        self.isShared = isShared
        self.name = name
        self.start = start
        self.size = size
        self.kind = kind
        self.isOwned = isOwned
    }

    public var last: UInt64 { start + (size - 1) }

    /// What an operating system finds as its memory.
    var isMainMemory: Bool {
        guard !isShared, case .memory(_, let access) = kind else { return false }
        return access.contains(.write) && !access.contains(.device)
    }
}

/// A device that Hyper emulates, as a guest's address space sees it.
public protocol EmulatedDevice: AnyObject {
    /// The value of `width` (1, 2, 4 or 8) bytes at `offset` of the region.
    func read(_ offset: UInt64, width: Int) -> UInt64
    func write(_ offset: UInt64, width: Int, value: UInt64)
    /// The guest is powered on or reset.
    func reset()
    /// The guest is going: gives back what it holds of the host.
    func remove()
}

extension EmulatedDevice {
    public func remove() {}
}

/// A guest's physical addresses. Its regions change only while none of its VCPUs runs.
public final class AddressSpace {
    /// By address; they do not overlap.
    public private(set) var regions: [Region] = [] { didSet { makePlaces() } }
    /// The same, to be searched at each exit: no array's checks, and no reference counted.
    private var places: UnsafeMutableBufferPointer<Place> = .init(start: nil, count: 0)
    /// Guards the second stage: VCPUs on several CPUs touch their memory at once.
    let lock = SpinLock()
    var secondStage: SecondStage<Port.SecondStage>
    // Of memory that is taken, and had again.
    var uses = Uses()
    var kept: [(address: UInt64, count: UInt64)] = []
    /// Pages that are taken, and not given back yet.
    var leaving: [UInt64] = []
    var taken = 0
    let givingBack = Mutex()
    /// A device of the host's has all of the memory.
    private(set) var isFixed = false
    /// By CPU, the VCPU of the guest's that was there last: what its first stage has left in the CPU's TLB is not for the
    /// guest's others, each of which believes that its TLB is its own. Each CPU uses its own entry alone.
    var lastVCPUs = InlineArray<32, VCPUReference?>(repeating: nil)

    public init(identifier: UInt64) throws(HyperError) { secondStage = try SecondStage(identifier: identifier) }

    deinit { places.deallocate() }

    /// The host's physical address of the second stage's root, and the guest's number in TLBs.
    var root: UInt64 { secondStage.root }
    var identifier: UInt64 { secondStage.identifier }
    public var tablePages: Int { secondStage.tablePages }

    public func add(_ region: Region) throws(HyperError) {
        guard region.size > 0, region.start <= region.last else {
            throw HyperError("region \(region.name): \(hex: region.size) bytes at \(hex: region.start) are no range")
        }
        for other in regions where region.start <= other.last && other.start <= region.last {
            throw HyperError(
                """
                region \(region.name) at \(hex: region.start) overlaps \(other.name) at \(hex: other.start): move one of \
                them
                """)
        }
        if case .memory(let host, _) = region.kind, (region.start | region.size | host) % Pages.size != 0 {
            throw HyperError("region \(region.name) does not begin and end at a page: memory is mapped by 4 KiB")
        }
        regions.insert(region, at: regions.firstIndex { $0.start > region.start } ?? regions.endIndex)
    }

    /// Takes the region out. The guest does not see it from here on.
    public func remove(_ region: Region) {
        regions.removeAll { $0 === region }
        lock.withLock { secondStage.unmap(region.start, size: region.size) }
    }

    private struct Place {
        let start: UInt64
        let size: UInt64
        let region: Unmanaged<Region>
    }

    private func makePlaces() {
        places.deallocate()
        places = .allocate(capacity: regions.count)
        for (index, region) in regions.enumerated() {
            places.initializeElement(
                at: index, to: Place(start: region.start, size: region.size, region: .passUnretained(region)))
        }
    }

    /// What answers at the address, and at which address: behind aliases, another one.
    public func region(at address: UInt64) -> (region: Region, address: UInt64)? {
        guard let (region, address) = place(at: address) else { return nil }
        return (region.takeUnretainedValue(), address)
    }

    /// The same, without counting a reference: the region lives for as long as the space has it.
    @inline(__always)
    func place(at address: UInt64) -> (region: Unmanaged<Region>, address: UInt64)? {
        var address = address
        // No chain of aliases is longer, or it has no end.
        for _ in 0..<4 {
            guard let place = find(address) else { return nil }
            let target: UInt64? = place.region._withUnsafeGuaranteedRef {
                if case .alias(let target) = $0.kind { target } else { nil }
            }
            guard let target else { return (place.region, address) }
            address = target &+ (address &- place.start)
        }
        return nil
    }

    @inline(__always)
    private func find(_ address: UInt64) -> Place? {
        guard let base = places.baseAddress else { return nil }
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low &+ high) &>> 1
            // SAFETY: the middle lies within the buffer's count, of which all is initialised.
            let place = base[middle]
            if address &- place.start < place.size { return place }
            if address < place.start { high = middle } else { low = middle &+ 1 }
        }
        return nil
    }

    /// Maps the largest page of memory that the address lies in; whether there is memory there.
    ///
    /// A guest's memory is mapped as it is touched, so that creating a guest costs nothing for what it never uses.
    ///
    /// - Parameter wanted: what the guest is about to do there.
    func map(_ address: UInt64, for wanted: SecondStageAccess = []) throws(HyperError) -> Bool {
        try mapPage(address, wanted) > 0
    }

    /// Maps all of its memory, which stays: for devices, which cannot wait for what is not mapped.
    func mapAll() throws(HyperError) {
        isFixed = true
        for region in regions {
            // Behind an alias, too.
            guard let target = self.region(at: region.start)?.region, case .memory(_, let access) = target.kind,
                !access.contains(.device)
            else { continue }
            var address = region.start
            while region.last - address < region.size {
                let size = try mapPage(address)
                let next = (address & ~(size - 1)) &+ size
                guard next > address, next <= region.last else { break }
                address = next
            }
        }
    }

    /// How large the page is; 0 where there is no memory.
    private func mapPage(_ address: UInt64, _ wanted: SecondStageAccess = []) throws(HyperError) -> UInt64 {
        guard let (region, target) = region(at: address), case .memory(let host, let access) = region.kind,
            access.isSuperset(of: wanted)
        else { return 0 }
        // The region as it is seen at the address.
        let start = address &- (target - region.start)
        return try lock.withLock { () throws(HyperError) in
            if let moved = region.moved, moved[Int((target - region.start) / Pages.size)] {
                let page = try mapMoved(target, access)
                if target != address { try secondStage.map(address & ~4095, to: page, level: 0, access) }
                return Pages.size
            }
            var level = Port.SecondStage.levels - 1
            while level > 0, !fits(level, address, start, region, host) { level -= 1 }
            let page = address & ~(SecondStage<Port.SecondStage>.pageSize(level) - 1)
            try secondStage.map(page, to: host &+ (page &- start), level: level, access)
            return SecondStage<Port.SecondStage>.pageSize(level)
        }
    }

    /// Where the second stage leads, as far as it is made.
    func translate(_ address: UInt64) -> UInt64? { lock.withLock { secondStage.translate(address) } }

    /// Whether the page of the level around the address lies in the region, and as the host has it.
    private func fits(_ level: Int, _ address: UInt64, _ start: UInt64, _ region: Region, _ host: UInt64) -> Bool {
        let pageSize = SecondStage<Port.SecondStage>.pageSize(level)
        let page = address & ~(pageSize - 1)
        guard page >= start, region.size >= pageSize, page - start <= region.size - pageSize,
            (host &- start) & (pageSize - 1) == 0
        else { return false }
        guard let moved = region.moved else { return true }
        let first = Int((page - start) / Pages.size)
        return !moved.contains(anyOf: first..<first + Int(pageSize / Pages.size))
    }

    // MARK: Memory as Hyper's devices see it

    /// The host's address of `count` bytes of memory at the guest's address; nil where they are not side by side in one
    /// region, or are a device's registers.
    ///
    /// It is good for as long as interrupts stay off; for longer see ``beginUse()`` and ``keep(_:count:)``.
    public func memory(_ address: UInt64, count: UInt64, write: Bool = false) -> UnsafeMutableRawPointer? {
        guard let piece = piece(address, count: count, write: write), UInt64(piece.count) == count else { return nil }
        return piece.baseAddress
    }

    /// As many of the bytes as lie side by side.
    public func piece(_ address: UInt64, count: UInt64, write: Bool = false) -> UnsafeMutableRawBufferPointer? {
        guard let (region, target) = region(at: address), case .memory(let host, let access) = region.kind,
            access.contains(write ? .write : .read), !access.contains(.device), count <= region.size,
            target - region.start <= region.size - count
        else { return nil }
        let offset = target - region.start
        if let moved = region.moved, moved.count > 0 {
            return lock.withLock { movedPiece(region, moved, host, access, offset, count) }
        }
        return UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(host + offset)), count: Int(count))
    }

    private func movedPiece(
        _ region: Region, _ moved: MovedPages, _ host: UInt64, _ access: SecondStageAccess, _ offset: UInt64,
        _ count: UInt64
    ) -> UnsafeMutableRawBufferPointer? {
        func place(_ offset: UInt64) -> UInt64? {
            guard moved[Int(offset / Pages.size)] else { return host + offset }
            // What was taken is had again by a device's use, too.
            return (try? mapMoved(region.start + offset, access)).map { $0 + offset % Pages.size }
        }
        guard let start = place(offset) else { return nil }
        var length = min(count, Pages.size - offset % Pages.size)
        while length < count, place(offset + length) == start + length { length = min(count, length + Pages.size) }
        return UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(start)), count: Int(length))
    }

    /// The bytes' pieces, one after the other, for whoever may write to what the guest may only read; whether there were
    /// all of them.
    func forEachPiece(
        _ address: UInt64, count: UInt64, write: Bool = false,
        _ body: (UnsafeMutableRawBufferPointer) throws(HyperError) -> Void
    ) throws(HyperError) -> Bool {
        var done: UInt64 = 0
        while done < count {
            guard let piece = piece(address &+ done, count: count - done, write: write), !piece.isEmpty else {
                return false
            }
            try body(piece)
            done += UInt64(piece.count)
        }
        return true
    }

    /// Whether all of the bytes are memory now.
    public func hasMemory(_ address: UInt64, count: UInt64) -> Bool {
        var done: UInt64 = 0
        while done < count {
            guard let (region, target) = region(at: address &+ done), case .memory(_, let access) = region.kind,
                access.contains(.read), !access.contains(.device)
            else { return false }
            done += min(count - done, region.size - (target - region.start))
        }
        return true
    }

    public func read(_ address: UInt64, into target: UnsafeMutableRawBufferPointer) -> Bool {
        let use = beginUse()
        defer { endUse(use) }
        var done = 0
        while done < target.count {
            guard let piece = piece(address &+ UInt64(done), count: UInt64(target.count - done)) else { return false }
            target[done...].copyBytes(from: piece)
            done += piece.count
        }
        return true
    }

    public func write(_ address: UInt64, from source: UnsafeRawBufferPointer) -> Bool {
        let use = beginUse()
        defer { endUse(use) }
        var done = 0
        while done < source.count {
            guard let piece = piece(address &+ UInt64(done), count: UInt64(source.count - done), write: true) else {
                return false
            }
            piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + piece.count]))
            done += piece.count
        }
        return true
    }
}
