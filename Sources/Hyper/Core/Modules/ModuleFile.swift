/// A relocatable object file (System V ABI, "Object Files"; ELF-64 Object File Format 1.5), which nobody has looked at yet:
/// every number in it may be anything.
struct ModuleFile {
    /// A section header (ELF-64, "Sections").
    struct Section {
        let name: UInt32
        let type: UInt32
        let flags: UInt64
        /// Of its contents in the file; nothing for one that has zeros alone.
        let contents: Range<Int>
        let size: UInt64
        let link: UInt32
        let info: UInt32
        let alignment: UInt64

        var isLoaded: Bool { flags & 2 != 0 && size > 0 }
        var hasNoContents: Bool { type == SectionType.noBits }
    }

    enum SectionType {
        static let symbols: UInt32 = 2, strings: UInt32 = 3, relocations: UInt32 = 4, noBits: UInt32 = 8
        static let relocationsWithoutAddends: UInt32 = 9
    }

    /// An entry of the symbol table ("Symbol Table").
    struct Symbol {
        let name: UInt32
        let binding: UInt8
        let visibility: UInt8
        let section: UInt16
        let value: UInt64

        static let undefined: UInt16 = 0, absolute: UInt16 = 0xfff1, common: UInt16 = 0xfff2
        static let global: UInt8 = 1, weak: UInt8 = 2
        /// Others may refer to it ("Symbol Visibility" of the System V ABI): neither internal nor hidden.
        var isExported: Bool {
            binding == Self.global && visibility != 1 && visibility != 2 && section != Self.undefined
        }
    }

    /// An entry of a relocation section with addends ("Relocation").
    struct Relocation {
        let offset: UInt64
        let type: UInt32
        let symbol: Int
        let addend: Int64
    }

    let bytes: [UInt8]
    private(set) var sections: [Section] = []
    private(set) var symbolCount = 0
    private var symbols = 0..<0
    private var strings = 0..<0

    private static let headerSize = 64, sectionSize = 64, symbolSize = 24, relocationSize = 24

    init(_ bytes: [UInt8]) throws(HyperError) {
        self.bytes = bytes
        // "ELF Header": class 64, least significant byte first, version 1; relocatable, for this machine.
        guard bytes.count >= Self.headerSize, bytes[0..<7].elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) else {
            throw HyperError("this is no object file of 64 bits (ELF): build modules with firmware/build")
        }
        let (type, machine) = (bytes.u16(16), bytes.u16(18))
        guard type == 1, machine == Port.ModuleRelocations.machine else {
            throw HyperError(
                """
                type \(UInt64(type)) for machine \(UInt64(machine)): a module is a relocatable file (1) for \
                \(UInt64(Port.ModuleRelocations.machine))
                """)
        }
        try readSections()
        try findSymbols()
    }

    private mutating func readSections() throws(HyperError) {
        let (start, size, count) = (bytes.u64(40), bytes.u16(58), Int(bytes.u16(60)))
        guard Int(size) == Self.sectionSize, let table = range(start, UInt64(count * Self.sectionSize)) else {
            throw HyperError("the table of sections, \(UInt64(count)) at \(hex: start), is not in the file")
        }
        sections.reserveCapacity(count)
        for index in 0..<count {
            let at = table.lowerBound + index * Self.sectionSize
            let (type, offset, size) = (bytes.u32(at + 4), bytes.u64(at + 24), bytes.u64(at + 32))
            let contents = type == SectionType.noBits || index == 0 ? 0..<0 : range(offset, size)
            guard let contents else {
                throw HyperError("section \(index), \(hex: size) bytes at \(hex: offset), is not in the file")
            }
            sections.append(
                Section(
                    name: bytes.u32(at), type: type, flags: bytes.u64(at + 8), contents: contents, size: size,
                    link: bytes.u32(at + 40),
                    info: bytes.u32(at + 44), alignment: bytes.u64(at + 48)))
        }
    }

    private mutating func findSymbols() throws(HyperError) {
        let tables = sections.filter { $0.type == SectionType.symbols }
        guard tables.count == 1, let table = tables.first, let strings = section(table.link),
            strings.type == SectionType.strings
        else {
            throw HyperError("it has no symbol table with names: strip a module with --strip-debug alone")
        }
        symbols = table.contents
        symbolCount = table.contents.count / Self.symbolSize
        self.strings = strings.contents
    }

    func section(_ index: UInt32) -> Section? { index < sections.count ? sections[Int(index)] : nil }

    func symbol(_ index: Int) -> Symbol? {
        guard index >= 0, index < symbolCount else { return nil }
        let at = symbols.lowerBound + index * Self.symbolSize
        return Symbol(
            name: bytes.u32(at), binding: bytes[at + 4] >> 4, visibility: bytes[at + 5] & 3, section: bytes.u16(at + 6),
            value: bytes.u64(at + 8))
    }

    /// A symbol's name, up to the zero behind it.
    func name(_ symbol: Symbol) throws(HyperError) -> Text {
        guard symbol.name < strings.count else { throw HyperError("a symbol's name is outside of the table of names") }
        let rest = bytes[(strings.lowerBound + Int(symbol.name))..<strings.upperBound]
        guard let end = rest.firstIndex(of: 0) else { throw HyperError("a symbol's name has no end") }
        return Text(rest[..<end])
    }

    /// Calls `body` with each relocation of the sections that are loaded, and its section.
    func forEachRelocation(_ body: (_ section: Int, Relocation) throws(HyperError) -> Void) throws(HyperError) {
        for section in sections {
            guard let target = self.section(section.info), target.isLoaded else { continue }
            guard section.type != SectionType.relocationsWithoutAddends else {
                throw HyperError("it has relocations without addends, which this machine's modules never have")
            }
            guard section.type == SectionType.relocations else { continue }
            for index in 0..<section.contents.count / Self.relocationSize {
                let at = section.contents.lowerBound + index * Self.relocationSize
                let info = bytes.u64(at + 8)
                try body(
                    Int(section.info),
                    Relocation(
                        offset: bytes.u64(at), type: UInt32(truncatingIfNeeded: info), symbol: Int(info >> 32),
                        addend: Int64(bitPattern: bytes.u64(at + 16))))
            }
        }
    }

    /// A part of the file, if it has it.
    private func range(_ start: UInt64, _ count: UInt64) -> Range<Int>? {
        guard start <= UInt64(bytes.count), count <= UInt64(bytes.count) - start else { return nil }
        return Int(start)..<Int(start + count)
    }
}
