/// Another disk, and what was written to this one, which is kept in memory: the other one stays as it is.
public final class OverlayDisk: QueuedDisk {
    private static let sectorsPerPage = Pages.size / 512, pagesPerTable = 512

    private let base: BlockDevice
    /// Of each page of the disk, the copy that was written to, or 0: tables that are made as they are needed.
    private var tables: [[UInt64]]
    /// Pages that were written to.
    public private(set) var pageCount = 0

    /// - Parameter base: nobody writes to it.
    public init(identifier: Text, base: any VirtualDisk) throws(HyperError) {
        self.base = BlockDevice(base)
        let pages = (base.sectorCount + Self.sectorsPerPage - 1) / Self.sectorsPerPage
        tables = [[UInt64]](repeating: [], count: Int(pages / UInt64(Self.pagesPerTable)) + 1)
        try super.init(identifier: identifier, sectorCount: base.sectorCount, isReadOnly: false, below: base)
        try DiskUses.take(base, for: identifier, writes: false)
    }

    public override var kind: Text { "overlay of \(base.identifier), \(pageCount * 4) KiB" }

    public override func close() {
        for page in tables.joined() where page != 0 { Pages.free(page, 1) }
        tables = []
        DiskUses.giveBack(base.disk, from: identifier)
    }

    override func perform(read sector: UInt64, into target: ScatterList) throws(HyperError) {
        try forEachPart(sector, target) { part, offset, copy throws(HyperError) in
            if let copy {
                part.copyMemory(from: UnsafeRawBufferPointer(rebasing: copy[..<part.count]))
            } else if offset % 512 == 0, part.count % 512 == 0 {
                try base.read(sector: offset / 512, into: part)
            } else {
                // A sector that lies in two pieces of memory.
                let (first, end) = (offset / 512, (offset + UInt64(part.count) + 511) / 512)
                let bytes = try base.bytes(first, count: Int(end - first))
                let start = Int(offset % 512)
                part.copyBytes(from: bytes[start..<start + part.count])
            }
        }
    }

    override func perform(write sector: UInt64, from source: ScatterList) throws(HyperError) {
        try forEachPart(sector, source, copies: true) { part, _, copy throws(HyperError) in
            copy?.copyBytes(from: part)
        }
    }

    /// - Parameters:
    ///   - copies: makes a copy of each page that has none.
    ///   - body: is given memory that is of one page of the disk, from which byte of the disk on, and the copy from there
    ///     on.
    private func forEachPart(
        _ sector: UInt64, _ list: ScatterList, copies: Bool = false,
        _ body: (ScatterList.Piece, UInt64, ScatterList.Piece?) throws(HyperError) -> Void
    ) throws(HyperError) {
        var (list, offset) = (list, sector * 512)
        while list.count > 0 {
            let page = offset / Pages.size, within = Int(offset % Pages.size)
            guard let part = list.next(Int(Pages.size) - within) else { return }
            var copy = copy(of: page)
            if copy == nil, copies { copy = try makeCopy(of: page) }
            try body(part, offset, copy.map { ScatterList.Piece(rebasing: $0[within...]) })
            offset += UInt64(part.count)
        }
    }

    private func copy(of page: UInt64) -> ScatterList.Piece? {
        let (table, index) = Int(page).quotientAndRemainder(dividingBy: Self.pagesPerTable)
        guard !tables[table].isEmpty, tables[table][index] != 0 else { return nil }
        // SAFETY: a page of this disk's own.
        return ScatterList.Piece(
            start: UnsafeMutableRawPointer(bitPattern: UInt(tables[table][index])), count: Int(Pages.size))
    }

    private func makeCopy(of page: UInt64) throws(HyperError) -> ScatterList.Piece {
        let address = try Pages.allocate(1)
        // SAFETY: a page of this disk's own.
        let memory = ScatterList.Piece(
            start: UnsafeMutableRawPointer(bitPattern: UInt(address)), count: Int(Pages.size))
        let first = page * Self.sectorsPerPage
        let count = Int(min(Self.sectorsPerPage, sectorCount - first)) * 512
        do throws(HyperError) {
            try base.read(sector: first, into: ScatterList.Piece(rebasing: memory[..<count]))
        } catch {
            Pages.free(address, 1)
            throw error
        }
        let (table, index) = Int(page).quotientAndRemainder(dividingBy: Self.pagesPerTable)
        if tables[table].isEmpty { tables[table] = [UInt64](repeating: 0, count: Self.pagesPerTable) }
        tables[table][index] = address
        pageCount += 1
        return memory
    }
}
