import AArch64ISA

/// The page size of a random program for AArch64, which all regimes have, and where its tables lie.
enum AArch64RandomGranule: UInt64, CaseIterable, Sendable {
    /// The bits of an address within a page.
    case of4KiB = 12, of16KiB = 14, of64KiB = 16

    /// The one that programs with these tables have, of those that the CPU has.
    init(of tableSeed: UInt64, _ features: AArch64.Features) {
        let all = Self.allCases.filter { $0 != .of16KiB || features.contains(.tGran16K) }
        self = tableSeed >> 8 % 2 == 0 ? .of4KiB : all[Int(tableSeed >> 16 % UInt64(all.count))]
    }

    var bytes: UInt64 { 1 << rawValue }

    /// TCR_ELx.TG0, which is VTCR_EL2.TG0, and TCR_EL1.TG1 (D19.2.139).
    var lower: UInt64 {
        switch self {
        case .of4KiB: 0
        case .of16KiB: 2
        case .of64KiB: 1
        }
    }
    var upper: UInt64 {
        switch self {
        case .of4KiB: 2
        case .of16KiB: 1
        case .of64KiB: 3
        }
    }

    /// Where addresses of 39 bits begin, and VTCR_EL2.SL0 that says so (D8.2).
    var rootLevel: Int { self == .of64KiB ? 2 : 1 }
    var startLevel: UInt64 { self == .of16KiB ? 2 : 1 }

    /// The lowest bit of an address's index into a table of the level.
    func shift(_ level: Int) -> UInt64 { rawValue + UInt64(3 - level) * (rawValue - 3) }

    func index(_ address: UInt64, _ level: Int) -> Int { Int(address >> shift(level) & (1 << (rawValue - 3) - 1)) }

    /// Whether TxSZ needs a table above the roots.
    func isAboveRoot(_ size: UInt64) -> Bool { 64 - size > shift(rootLevel - 1) }

    // MARK: Places

    private func table(_ number: Int) -> UInt64 { AArch64RandomLayout.tables + UInt64(number) * bytes }

    /// Of EL1&0, of EL2, and of the second stage: the tables that addresses of 39 bits begin at, those above them, and
    /// those of the windows.
    var roots: [UInt64] { (0..<3).map(table) }
    var upperRoots: [UInt64] { (3..<6).map(table) }
    var windowTables: [UInt64] { (6..<9).map(table) }
    /// What the three window tables are set to before each block, 16 entries each.
    var pristine: UInt64 { table(9) }

    func root(_ regime: Int, size: UInt64) -> UInt64 { isAboveRoot(size) ? upperRoots[regime] : roots[regime] }

    /// Where others are made.
    func furtherTable(_ number: Int) -> UInt64 { table(10 + number) }
}

/// Translation tables that grow with what they map.
struct AArch64RandomTables {
    let granule: AArch64RandomGranule
    /// Entries by their table's address.
    private(set) var entries: [UInt64: [UInt64]] = [:]
    private var count = 0

    init(_ granule: AArch64RandomGranule) { self.granule = granule }

    mutating func set(_ table: UInt64, _ index: Int, _ entry: UInt64) {
        var words = entries[table] ?? []
        if words.count <= index { words += [UInt64](repeating: 0, count: index + 1 - words.count) }
        words[index] = entry
        entries[table] = words
    }

    private static let mark: UInt64 = 3, address: UInt64 = 0xffff_ffff_f000

    /// Sets the entry of `level` for an address, with the tables that lead there from the root.
    mutating func map(_ address: UInt64, level: Int, root: UInt64, _ entry: UInt64) {
        var table = root
        for level in granule.rootLevel..<level {
            let index = granule.index(address, level)
            if let words = entries[table], index < words.count, words[index] != 0 {
                table = words[index] & Self.address
            } else {
                let next = granule.furtherTable(count)
                count += 1
                set(table, index, next | Self.mark)
                table = next
            }
        }
        set(table, granule.index(address, level), entry)
    }

    /// Maps memory to itself, or `higher`, in the largest pieces; its first 2 MiB, where QEMU has its device tree, not.
    /// - Parameters:
    ///   - inPages: the first of the blocks are in pages that may differ, whatever the granule.
    ///   - attributes: asked for each piece.
    mutating func mapMemory(root: UInt64, higher: UInt64 = 0, inPages: Bool = false, _ attributes: () -> UInt64) {
        var address: UInt64 = 0x4020_0000
        let end: UInt64 = 0x4800_0000
        while address < end {
            let block: UInt64 = 1 << granule.shift(2)
            let isDivided = inPages && address == AArch64RandomLayout.blocks
            let isBlock = address % block == 0 && address + block <= end && !isDivided
            map(
                address + higher, level: isBlock ? 2 : 3, root: root,
                address | (isBlock ? 1 : Self.mark) | attributes())
            address += isBlock ? block : granule.bytes
        }
    }
}
