/// The names of a program's addresses, both ways: `0x80200134` is `vcpu_run+0x1c`, and `tohost` is `0x80001000`.
///
/// Names stay in the file's string table and become strings when asked for. So a table costs a fixed number of bytes
/// a symbol, however long the names that a hostile file points at.
///
/// An address is looked up among intervals that do not overlap: where symbols nest, the innermost owns the address,
/// and a symbol without a size (a label in assembly) reaches to the next symbol or the end of its section. Labels inside
/// a sized function are left to the function.
public struct SymbolTable: Sendable {
    public struct Symbol: Equatable, Sendable {
        public enum Kind: UInt8, Sendable {
            /// No type: a label of an assembler or linker script.
            case label = 0
            case object = 1
            case function = 2
        }
        public let name: String
        public let address: UInt64
        public let size: UInt64
        public let kind: Kind
    }

    /// A symbol and how far past its start.
    public struct Location: Equatable, Sendable, CustomStringConvertible {
        public let symbol: Symbol
        public let offset: UInt64
        /// `vcpu_run+0x1c`, or the name alone at its start; of Swift's names what a person calls the function.
        public var description: String {
            let name = shortSymbolName(symbol.name)
            return printable(offset == 0 ? name : "\(name)+\(hexadecimal(offset))")
        }
    }

    private struct Entry {
        var address: UInt64
        var size: UInt64
        /// Start of its name in `strings`.
        var name: UInt32
        var kind: Symbol.Kind
        var isGlobal: Bool
        /// Where a symbol without a size ends at the latest: the end of its section.
        var bound: UInt64
        /// Names a value, not a place (SHN_ABS).
        var isAbsolute: Bool
    }

    private struct Interval {
        let start: UInt64
        let end: UInt64
        let entry: Int
    }

    private var entries: [Entry] = []
    /// Sorted; no two overlap.
    private var intervals: [Interval] = []
    /// The string table; it ends with a NUL byte.
    private var strings: ArraySlice<UInt8> = []

    /// A table without symbols: a stripped or raw program's.
    public init() {}

    public var isEmpty: Bool { entries.isEmpty }
    public var count: Int { entries.count }

    /// The symbol that owns `address`.
    public func location(of address: UInt64) -> Location? {
        var low = 0
        var high = intervals.count
        while low < high {
            let middle = (low + high) / 2
            if intervals[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address < intervals[low - 1].end else { return nil }
        let entry = entries[intervals[low - 1].entry]
        return Location(symbol: symbol(entry), offset: address - entry.address)
    }

    /// The symbol called `name`: of several, a global one, then the first.
    public func symbol(named name: String) -> Symbol? {
        let wanted = Array(name.utf8)
        var found: Entry?
        for entry in entries where found == nil || entry.isGlobal {
            guard nameBytes(entry, limit: wanted.count + 1).elementsEqual(wanted) else { continue }
            if entry.isGlobal { return symbol(entry) }
            found = entry
        }
        return found.map(symbol)
    }

    /// The (virtual) address of the symbol called `name`.
    public func address(of name: String) -> UInt64? {
        symbol(named: name)?.address
    }

    /// No compiler makes longer names; a hostile file may, and each look-up would pay for it.
    private static let maximumNameLength = 4096

    private func symbol(_ entry: Entry) -> Symbol {
        Symbol(
            name: String(decoding: nameBytes(entry, limit: Self.maximumNameLength), as: UTF8.self),
            address: entry.address, size: entry.size, kind: entry.kind)
    }

    /// The bytes of a name up to its NUL, and no more than `limit` of them.
    private func nameBytes(_ entry: Entry, limit: Int) -> ArraySlice<UInt8> {
        strings.dropFirst(Int(entry.name)).prefix(limit).prefix { $0 != 0 }
    }
}

// MARK: Reading an ELF file

extension SymbolTable {
    private struct Section {
        let type: UInt32
        let address: UInt64
        let offset: UInt64
        let size: UInt64
        let link: UInt32
    }

    /// Reads the symbol table of an ELF file, or its dynamic one; a file without either has no symbols.
    init(_ reader: ByteReader, _ header: ELFFile.Header, file: String) throws(InputError) {
        self.init()
        let sections = try Self.sections(reader, header, file: file)
        guard
            let index = sections.firstIndex(where: { $0.type == 2 })  // SHT_SYMTAB
                ?? sections.firstIndex(where: { $0.type == 11 })  // SHT_DYNSYM
        else { return }
        let section = sections[index]
        guard let table = reader.slice(at: section.offset, count: section.size) else {
            throw InputError(
                file: file, offset: header.sectionHeaderOffset,
                problem: "the symbol table (section \(index): \(section.size) bytes at \(hexadecimal(section.offset))) "
                    + "lies outside the file of \(reader.count) bytes", mend: "The file is cut short or damaged.")
        }
        guard let link = Int(exactly: section.link), sections.indices.contains(link), sections[link].type == 3,
            let strings = reader.slice(at: sections[link].offset, count: sections[link].size), strings.last == 0
        else {
            throw InputError(
                file: file, offset: header.sectionHeaderOffset,
                problem: "the symbol table's names (section \(section.link)) are not a string table in the file")
        }
        self.strings = strings
        let fields = ByteReader(table)
        for index in 0..<table.count / 24 {
            let base = UInt64(index) * 24
            guard let name: UInt32 = fields.integer(at: base), let info: UInt8 = fields.integer(at: base + 4),
                let section: UInt16 = fields.integer(at: base + 6), let value: UInt64 = fields.integer(at: base + 8),
                let size: UInt64 = fields.integer(at: base + 16)
            else { break }
            guard name < strings.count else {
                throw InputError(
                    file: file, offset: UInt64(table.startIndex) + base,
                    problem: "symbol \(index) has a name outside the string table")
            }
            // Undefined symbols, sections' and files' own names, and mapping symbols name no place.
            let bytes = strings[(strings.startIndex + Int(name))...]
            guard section != 0, bytes.first != 0, !Self.isMappingSymbol(bytes),
                let kind = Symbol.Kind(rawValue: info & 0xf)
            else { continue }
            var bound = UInt64.max
            if sections.indices.contains(Int(section)) {
                let (end, wraps) = sections[Int(section)].address.addingReportingOverflow(sections[Int(section)].size)
                if !wraps { bound = end }
            }
            entries.append(
                Entry(
                    address: value, size: size, name: name, kind: kind, isGlobal: info >> 4 != 0, bound: bound,
                    isAbsolute: section == 0xfff1))
        }
        buildIntervals()
    }

    private static func sections(
        _ reader: ByteReader, _ header: ELFFile.Header, file: String
    ) throws(InputError) -> [Section] {
        guard header.sectionHeaderOffset != 0 else { return [] }
        func refuse(_ problem: String) -> InputError {
            InputError(file: file, offset: 40, problem: problem, mend: "The file is cut short or damaged.")
        }
        var count = UInt64(header.sectionHeaderCount)
        // Of 0xff00 sections or more, the first header's size field has the number.
        if count == 0 { count = reader.integer(at: header.sectionHeaderOffset &+ 32) ?? 0 }
        guard count > 0 else { return [] }
        let stride = UInt64(header.sectionHeaderSize)
        guard stride >= 64 else { throw refuse("section headers of \(stride) bytes (e_shentsize); ELF64 has 64") }
        let (size, wraps) = count.multipliedReportingOverflow(by: stride)
        guard !wraps, let table = reader.slice(at: header.sectionHeaderOffset, count: size) else {
            throw refuse(
                "the \(count) section headers at \(hexadecimal(header.sectionHeaderOffset)) lie outside the file of "
                    + "\(reader.count) bytes")
        }
        let fields = ByteReader(table)
        var sections: [Section] = []
        for index in 0..<count {
            let base = index * stride
            guard let type: UInt32 = fields.integer(at: base + 4), let address: UInt64 = fields.integer(at: base + 16),
                let offset: UInt64 = fields.integer(at: base + 24), let size: UInt64 = fields.integer(at: base + 32),
                let link: UInt32 = fields.integer(at: base + 40)
            else { break }
            sections.append(Section(type: type, address: address, offset: offset, size: size, link: link))
        }
        return sections
    }

    /// Sweeps the symbols in order of address, with the symbols around the current one on a stack.
    /// What tells code from data: `$x`, `$d`, and with more behind a point, or on RISC-V behind `$x` what it is code for
    /// (ELF for the Arm 64-bit Architecture, "Mapping symbols"; RISC-V ELF psABI, the same). Names of Swift begin so, too.
    private static func isMappingSymbol(_ name: ArraySlice<UInt8>) -> Bool {
        let start = Array(name.prefix(4))
        guard start.count > 2, start[0] == UInt8(ascii: "$"), "adtx".utf8.contains(start[1]) else { return false }
        return start[2] == 0 || start[2] == UInt8(ascii: ".") || start.dropFirst(2).starts(with: "rv".utf8)
    }

    private mutating func buildIntervals() {
        // At one address: the larger first, as it is the outer one; then, of equals, the better name comes last and
        // so owns the address.
        func rank(_ entry: Entry) -> Int { Int(entry.kind.rawValue) * 2 + (entry.isGlobal ? 1 : 0) }
        let order = entries.indices.filter { !entries[$0].isAbsolute }.sorted { a, b in
            let x = entries[a]
            let y = entries[b]
            if x.address != y.address { return x.address < y.address }
            if x.size != y.size { return x.size > y.size }
            return (rank(x), b) < (rank(y), a)
        }
        func end(_ entry: Entry) -> UInt64 {
            let (end, wraps) = entry.address.addingReportingOverflow(entry.size)
            return wraps ? UInt64.max : end
        }
        var open: [Int] = []
        /// How far the addresses are given out.
        var position: UInt64 = 0
        func emit(_ entry: Int, to end: UInt64) {
            let start = max(position, entries[entry].address)
            if end > start { intervals.append(Interval(start: start, end: end, entry: entry)) }
            position = max(position, end)
        }
        for (place, index) in order.enumerated() {
            let entry = entries[index]
            while let top = open.last, end(entries[top]) <= entry.address {
                emit(top, to: end(entries[top]))
                open.removeLast()
            }
            if let top = open.last { emit(top, to: entry.address) }
            if entry.size > 0 {
                open.append(index)
            } else if open.isEmpty {
                // The next symbol with another address ends it. Several labels at one address: the best one is last.
                let next = place + 1 < order.count ? entries[order[place + 1]].address : UInt64.max
                if next > entry.address { emit(index, to: min(next, entry.bound)) }
            }
        }
        while let top = open.popLast() { emit(top, to: end(entries[top])) }
    }
}
