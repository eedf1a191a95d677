/// How an architecture writes the tables that translate a guest's physical addresses.
///
/// Tables are pages of 512 entries, the root apart, on every architecture that Hyper is for.
public protocol SecondStageFormat {
    /// From the root, which is level `levels - 1`, to level 0, whose entries are pages of 4 KiB.
    static var levels: Int { get }
    /// A power of two of at least 512.
    static var rootEntries: Int { get }
    /// An entry that leads to a table at the host's physical address.
    static func table(_ address: UInt64) -> UInt64
    /// An entry that is a page, of a size by its level.
    static func page(_ address: UInt64, level: Int, _ access: SecondStageAccess) -> UInt64
    /// The table that an entry leads to; nil where it is empty or a page.
    static func table(of entry: UInt64, level: Int) -> UInt64?
    /// The page that an entry is; nil where it is empty or leads to a table.
    static func page(of entry: UInt64, level: Int) -> UInt64?
    /// What may be done to the page that an entry is.
    static func access(of entry: UInt64) -> SecondStageAccess
    /// Makes all CPUs forget what they know of the guest's addresses `start ..< start + size`, behind the tables of `root`.
    static func forget(identifier: UInt64, root: UInt64, start: UInt64, size: UInt64)
}

/// What a guest may do to a page.
public struct SecondStageAccess: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let read = SecondStageAccess(rawValue: 1)
    public static let write = SecondStageAccess(rawValue: 2)
    public static let execute = SecondStageAccess(rawValue: 4)
    /// Device memory: neither cached nor merged.
    public static let device = SecondStageAccess(rawValue: 8)
    public static let all: SecondStageAccess = [.read, .write, .execute]
}

/// A guest's second stage of translation.
public struct SecondStage<Format: SecondStageFormat>: ~Copyable {
    /// The host's physical address of the root.
    public let root: UInt64
    /// What tells this guest's translations from others' in the CPUs' TLBs (VMID).
    public let identifier: UInt64
    /// Pages of tables, the root's included.
    public private(set) var tablePages: Int

    private static var rootPages: Int { Format.rootEntries / 512 }

    public init(identifier: UInt64) throws(HyperError) {
        self.identifier = identifier
        root = try Pages.allocate(Self.rootPages, alignment: UInt64(Self.rootPages) * Pages.size)
        Pages.clear(root, count: Self.rootPages)
        tablePages = Self.rootPages
    }

    deinit {
        Self.freeTables(root, level: Format.levels - 1)
        Pages.free(root, Self.rootPages)
    }

    private static func entries(_ level: Int) -> Int { level == Format.levels - 1 ? Format.rootEntries : 512 }

    private static func freeTables(_ table: UInt64, level: Int) {
        guard level > 0 else { return }
        for index in 0..<entries(level) {
            guard let next = Format.table(of: entry(table, index).pointee, level: level) else { continue }
            freeTables(next, level: level - 1)
            Pages.free(next, 1)
        }
    }

    @inline(__always)
    private static func entry(_ table: UInt64, _ index: Int) -> UnsafeMutablePointer<UInt64> {
        // SAFETY: a table of this second stage, which lives as long as it does, and an index within it.
        UnsafeMutablePointer<UInt64>(bitPattern: UInt(table) + UInt(index) * 8).unsafelyUnwrapped
    }

    @inline(__always)
    private static func index(_ address: UInt64, _ level: Int) -> Int {
        Int(truncatingIfNeeded: address >> UInt64(12 + 9 * level)) & (entries(level) - 1)
    }

    /// Bytes of a page of the level.
    public static func pageSize(_ level: Int) -> UInt64 { Pages.size << UInt64(9 * level) }

    /// Maps the page of `level` at the guest's address. What was mapped there is replaced.
    public mutating func map(
        _ guest: UInt64, to host: UInt64, level: Int, _ access: SecondStageAccess
    ) throws(HyperError) {
        var (table, current) = (root, Format.levels - 1)
        while current > level {
            let entry = Self.entry(table, Self.index(guest, current))
            if let next = Format.table(of: entry.pointee, level: current) {
                table = next
            } else {
                // A larger page goes: what is touched of the rest is mapped again.
                let new = try Pages.allocate(1)
                Pages.clear(new, count: 1)
                tablePages += 1
                entry.pointee = Format.table(new)
                table = new
            }
            current -= 1
        }
        let entry = Self.entry(table, Self.index(guest, level))
        if let old = Format.table(of: entry.pointee, level: level) {
            Self.freeTables(old, level: level - 1)
            Pages.free(old, 1)
            tablePages -= 1
        }
        entry.pointee = Format.page(host, level: level, access)
    }

    /// Unmaps all that touches `start ..< start + size`, and makes the CPUs forget it.
    public mutating func unmap(_ start: UInt64, size: UInt64) {
        clear(start, size: size)
        Format.forget(identifier: identifier, root: root, start: start, size: size)
    }

    /// The same, but for the CPUs.
    mutating func clear(_ start: UInt64, size: UInt64) {
        Self.clear(root, Format.levels - 1, base: 0, start, start &+ size)
    }

    /// Makes the CPUs forget all.
    func forgetAll() { Format.forget(identifier: identifier, root: root, start: 0, size: .max) }

    private static func clear(_ table: UInt64, _ level: Int, base: UInt64, _ start: UInt64, _ end: UInt64) {
        let size = pageSize(level)
        let first = start > base ? Int((start - base) / size) : 0
        for index in first..<max(first, entries(level)) {
            let address = base + UInt64(index) * size
            guard address < end else { return }
            let entry = entry(table, index)
            if let next = Format.table(of: entry.pointee, level: level) {
                clear(next, level - 1, base: address, start, end)
            } else {
                entry.pointee = 0
            }
        }
    }

    /// What the guest may do at its address; nil where nothing is mapped.
    public borrowing func access(_ guest: UInt64) -> SecondStageAccess? {
        var (table, level) = (root, Format.levels - 1)
        while true {
            let entry = Self.entry(table, Self.index(guest, level)).pointee
            if Format.page(of: entry, level: level) != nil { return Format.access(of: entry) }
            guard let next = Format.table(of: entry, level: level) else { return nil }
            table = next
            level -= 1
        }
    }

    /// Where the guest's address leads in the host.
    public borrowing func translate(_ guest: UInt64) -> UInt64? {
        var (table, level) = (root, Format.levels - 1)
        while true {
            let entry = Self.entry(table, Self.index(guest, level)).pointee
            if let page = Format.page(of: entry, level: level) { return page | guest & (Self.pageSize(level) - 1) }
            guard let next = Format.table(of: entry, level: level) else { return nil }
            table = next
            level -= 1
        }
    }
}
