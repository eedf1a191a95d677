/// Memory by the tree, and what of it is in use.
enum Memory {
    nonisolated(unsafe) private static var ranges = InlineArray<4, (base: UInt64, size: UInt64)>(repeating: (0, 0))
    nonisolated(unsafe) private static var reserved = InlineArray<16, (base: UInt64, size: UInt64)>(repeating: (0, 0))
    nonisolated(unsafe) private static var rangeCount = 0
    nonisolated(unsafe) private static var reservedCount = 0
    nonisolated(unsafe) private(set) static var total: UInt64 = 0
    /// The memory test has written to all of it.
    nonisolated(unsafe) static var areAllTouched = false
    /// Just after the last range.
    nonisolated(unsafe) private(set) static var end: UInt64 = 0

    static func discover(_ tree: FlattenedDeviceTree, treeAddress: UInt64) {
        reserve(address_of_image_start(), address_of_basic_end() - address_of_image_start())
        reserve(treeAddress, UInt64(tree.bytes.count))
        var offset = tree.reservations
        while offset <= tree.bytes.count - 16 {
            let words = PropertyValue(bytes: UnsafeRawBufferPointer(rebasing: tree.bytes[offset..<offset + 16]))
            if words.number(at: 2, cells: 2) == 0 { break }
            reserve(words.number(at: 0, cells: 2), words.number(at: 2, cells: 2))
            offset += 16
        }
        var isReservation = false
        tree.forEachNode { node in
            if node.depth == 1 { isReservation = node.isNamed(exactly: "reserved-memory") }
            if node.depth == 2, isReservation, let range = node.range() { reserve(range.base, range.size) }
            if let start = node.property("linux,initrd-start"), let end = node.property("linux,initrd-end") {
                let base = start.number(at: 0, cells: start.cellCount)
                reserve(base, end.number(at: 0, cells: end.cellCount) &- base)
            }
            guard node.property("device_type")?.contains("memory") ?? false else { return }
            var index = 0
            while let range = node.range(index), rangeCount < 4 {
                ranges[rangeCount] = (range.base, range.size)
                rangeCount += 1
                total += range.size
                end = max(end, range.base + range.size)
                index += 1
            }
        }
    }

    private static func reserve(_ base: UInt64, _ size: UInt64) {
        guard reservedCount < 16 else { stop("more than 16 reservations") }
        reserved[reservedCount] = (base, size)
        reservedCount += 1
    }

    /// Visits every page that is free for use, upwards.
    static func forEachPage(_ visit: (UInt64) -> Void) {
        for index in 0..<rangeCount {
            var page = ranges[index].base
            while page + 4096 <= ranges[index].base + ranges[index].size {
                if !isReserved(page) { visit(page) }
                page += 4096
            }
        }
    }

    static func isReserved(_ page: UInt64) -> Bool {
        for index in 0..<reservedCount where page + 4096 > reserved[index].base {
            if page < reserved[index].base + reserved[index].size { return true }
        }
        return false
    }

    static func contains(_ page: UInt64) -> Bool {
        for index in 0..<rangeCount where page >= ranges[index].base {
            if page - ranges[index].base < ranges[index].size { return true }
        }
        return false
    }

    /// An address above memory that is in no `reg` of the tree.
    static var hole: UInt64 {
        var candidate = (end + 0xfff) & ~0xfff
        var isTaken = true
        while isTaken {
            isTaken = false
            Machine.tree?.forEachNode { node in
                var index = 0
                while node.sizeCells > 0, let range = node.range(index) {
                    if range.overlaps(candidate, count: 4096) { isTaken = true }
                    index += 1
                }
            }
            if isTaken { candidate += 0x100_0000 }
        }
        return candidate
    }
}
