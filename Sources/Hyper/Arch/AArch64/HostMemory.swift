import AArch64

/// Hyper's own translation: every address is its own, memory is memory, and all else is a device.
///
/// Blocks of 1 GiB do for most of it; where memory begins or ends within one, blocks of 2 MiB. Exclusive accesses, and with
/// them every lock, need memory that is cached (B2.9.2).
enum HostMemory {
    /// No device tree is larger (Documentation/arch/arm64/booting).
    static let treeLimit = 1 << 21

    private static let gibibyte: UInt64 = 1 << 30, block: UInt64 = 1 << 21, entries = 512
    /// The first of ``translation_tables()``, behind which are two of level 1, for 1 TiB, and those of level 2.
    private static let firstTables = 1, lastTables = 3

    // D5.3.3: a table, a block, and what a block is.
    private static let table: UInt64 = 3, valid: UInt64 = 1
    private static let device: UInt64 = 1 << 2, forEL0: UInt64 = 1 << 6, accessed: UInt64 = 1 << 10
    private static let shareable: UInt64 = 3 << 8, executeNever: UInt64 = 3 << 53

    /// AP[1] is always 1 where EL2 is alone in its translation; where EL0 shares it, what EL0 may write EL2 does not execute
    /// (D5.4.1), and what it may access PSTATE.PAN hides.
    private static var readWrite: UInt64 {
        read_hcr_el2() & HypervisorConfiguration.hostExtensions != 0 ? 0 : forEL0
    }
    private static var memoryBlock: UInt64 { valid | readWrite | shareable | accessed }
    private static var deviceBlock: UInt64 { valid | device | readWrite | accessed | executeNever }

    @inline(__always)
    private static func address(_ table: Int) -> UInt64 {
        UInt64(UInt(bitPattern: translation_tables())) + UInt64(table * entries * 8)
    }

    /// Called with translation and caches off, by the first CPU: no lock can be taken, and nothing allocated.
    static func makeTables(_ tree: UInt64) {
        // SAFETY: the tables are the image's own, and this CPU alone executes.
        let tables = translation_tables().unsafelyUnwrapped
        for index in firstTables..<lastTables { tables[index - firstTables] = address(index) | table }
        for index in 0..<2 * entries {
            tables[firstTables * entries + index] = UInt64(index) * gibibyte | deviceBlock
        }
        var free = lastTables
        // Without a tree the image is all that is known to be memory, and enough to say so.
        add(address_of_image_start(), address_of_image_end() - address_of_image_start(), &free)
        guard let blob = FlattenedDeviceTree(at: tree, limit: treeLimit) else { return }
        blob.forEachNode { node in
            guard node.depth == 1, node.isNamed("memory") else { return }
            var index = 0
            while let range = node.range(index) {
                add(range.base, range.size, &free)
                index += 1
            }
        }
    }

    private static func add(_ start: UInt64, _ size: UInt64, _ free: inout Int) {
        let tables = translation_tables().unsafelyUnwrapped
        guard size > 0, start < UInt64(2 * entries) * gibibyte else { return }
        let end = min(start &+ size, UInt64(2 * entries) * gibibyte)
        var place = start & ~(gibibyte - 1)
        while place < end {
            let entry = firstTables * entries + Int(place / gibibyte)
            let isWhole = start <= place && end - place >= gibibyte
            // Where there are no more tables, devices in the same gibibyte are lost.
            if isWhole || tables[entry] & 3 == valid && free == Int(HYPER_TABLES) {
                tables[entry] = place | memoryBlock
            } else {
                if tables[entry] & 3 == valid { divide(entry, place, &free) }
                fill(tables[entry] & ~0xfff, from: max(start, place), to: min(end, place + gibibyte))
            }
            place += gibibyte
        }
    }

    private static func divide(_ entry: Int, _ place: UInt64, _ free: inout Int) {
        let tables = translation_tables().unsafelyUnwrapped
        let old = tables[entry] & (gibibyte - 1) | tables[entry] & executeNever
        for index in 0..<entries { tables[free * entries + index] = place + UInt64(index) * block | old }
        tables[entry] = address(free) | table
        free += 1
    }

    private static func fill(_ table: UInt64, from start: UInt64, to end: UInt64) {
        // SAFETY: a table that ``divide(_:_:_:)`` has made.
        let entries = UnsafeMutablePointer<UInt64>(bitPattern: UInt(table)).unsafelyUnwrapped
        var place = start & ~(block - 1)
        while place < end {
            entries[Int(place % gibibyte / block)] = place | memoryBlock
            place += block
        }
    }
}

@c(hyper_make_tables)
public func hyperMakeTables(_ tree: UInt64) { HostMemory.makeTables(tree) }
