/// A module in memory: its sections, one behind the other, and behind them a slot for each symbol that may be too far away.
///
/// The pages go with the object, so nobody may execute them any more by then.
public final class ModuleImage {
    /// The host's physical address.
    let address: UInt64
    let pages: Int
    /// Bytes that are used.
    let size: Int
    /// Symbols that other modules may use.
    private(set) var exports: [(name: Text, address: UInt64)] = []

    /// Where a section is, from the image's start.
    private typealias Layout = (offsets: [Int?], size: Int)

    /// - Parameter resolve: the address of a symbol that the file does not define.
    init(_ file: ModuleFile, resolve: (Text) -> UInt64?) throws(HyperError) {
        var slots = [Bool](repeating: false, count: file.symbolCount)
        try file.forEachRelocation { (_, relocation) throws(HyperError) in
            guard let symbol = file.symbol(relocation.symbol) else {
                throw HyperError("a relocation is for symbol \(relocation.symbol), of \(file.symbolCount)")
            }
            let isOutside = symbol.section == ModuleFile.Symbol.undefined
            if Port.ModuleRelocations.needsSlot(relocation.type, isOutside: isOutside) {
                slots[relocation.symbol] = true
            }
        }
        let layout = try Self.layout(file)
        let slotSize = Port.ModuleRelocations.slotSize
        size = layout.size + slotSize * slots.count { $0 }
        pages = (size + 4095) / 4096
        guard pages > 0 else { throw HyperError("there is nothing in it that would be loaded") }
        address = try Pages.allocate(pages)
        Pages.clear(address, count: pages)
        for (section, offset) in zip(file.sections, layout.offsets) {
            guard let offset, !section.hasNoContents else { continue }
            file.bytes.withUnsafeBytes { bytes in
                memory(offset, section.contents.count).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[section.contents]))
            }
        }
        try link(file, layout, slots, resolve)
    }

    deinit { Pages.free(address, pages) }

    private static func layout(_ file: ModuleFile) throws(HyperError) -> Layout {
        var layout: Layout = ([], 0)
        layout.offsets.reserveCapacity(file.sections.count)
        let limit = Configuration.MODULE_LIMIT_KIB << 10
        for section in file.sections {
            guard section.isLoaded else {
                layout.offsets.append(nil)
                continue
            }
            let alignment = max(section.alignment, 1)
            guard alignment <= 4096, alignment & (alignment - 1) == 0 else {
                throw HyperError(
                    "a section is to be at a multiple of \(alignment), which is no power of two up to 4096")
            }
            let start = (layout.size + Int(alignment) - 1) & ~(Int(alignment) - 1)
            guard section.size <= UInt64(limit), start + Int(section.size) <= limit else {
                throw HyperError(
                    "its sections have more than \(limit >> 10) KiB, the limit that MODULE_LIMIT_KIB is configured as")
            }
            layout.offsets.append(start)
            layout.size = start + Int(section.size)
        }
        layout.size = (layout.size + 7) & ~7
        return layout
    }

    private func link(
        _ file: ModuleFile, _ layout: Layout, _ slots: [Bool], _ resolve: (Text) -> UInt64?
    ) throws(HyperError) {
        var targets = [UInt64?](repeating: nil, count: file.symbolCount)
        var slotAddresses = [UInt64](repeating: 0, count: file.symbolCount)
        var slot = address + UInt64(layout.size)
        for index in 0..<file.symbolCount {
            guard let symbol = file.symbol(index) else { continue }
            targets[index] = index == 0 ? 0 : try target(file, symbol, layout, resolve)
            if symbol.isExported, let target = targets[index] {
                exports.append((try file.name(symbol), target))
            }
            guard slots[index], let target = targets[index] else { continue }
            slotAddresses[index] = slot
            Port.ModuleRelocations.writeSlot(target, to: self, at: slot - address)
            slot += UInt64(Port.ModuleRelocations.slotSize)
        }
        var relocations: [ModuleRelocation] = []
        try file.forEachRelocation { (section, relocation) throws(HyperError) in
            guard let start = layout.offsets[section], let target = targets[relocation.symbol] else {
                throw HyperError("a relocation is for a symbol of a section that is not loaded")
            }
            let size = file.sections[section].size
            guard relocation.offset < size else {
                throw HyperError("a relocation is at \(hex: relocation.offset) of a section of \(hex: size) bytes")
            }
            relocations.append(
                ModuleRelocation(
                    place: UInt64(start) + relocation.offset, room: size - relocation.offset, type: relocation.type,
                    target: target &+ UInt64(bitPattern: relocation.addend), slot: slotAddresses[relocation.symbol]))
        }
        try Port.ModuleRelocations.apply(relocations, to: self)
    }

    /// Where a symbol is; nil where it is in what is not loaded, which nothing that is loaded may refer to.
    private func target(
        _ file: ModuleFile, _ symbol: ModuleFile.Symbol, _ layout: Layout, _ resolve: (Text) -> UInt64?
    ) throws(HyperError) -> UInt64? {
        switch symbol.section {
        case ModuleFile.Symbol.undefined:
            let name = try file.name(symbol)
            if let address = resolve(name) { return address }
            guard symbol.binding == ModuleFile.Symbol.weak else {
                throw HyperError("nobody exports \(name): load the module first that does")
            }
            return 0
        case ModuleFile.Symbol.absolute: return symbol.value
        case ModuleFile.Symbol.common:
            throw HyperError("\(try file.name(symbol)) has no section: build the module with -fno-common")
        case let index:
            guard let section = file.section(UInt32(index)) else {
                throw HyperError("\(try file.name(symbol)) is in section \(UInt64(index)), of \(file.sections.count)")
            }
            guard let offset = layout.offsets[Int(index)] else { return nil }
            guard symbol.value <= section.size else {
                throw HyperError("\(try file.name(symbol)) is outside of its section")
            }
            return address + UInt64(offset) + symbol.value
        }
    }

    // MARK: What is in it

    /// `count` bytes of the image, which it has.
    private func memory(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(offset >= 0 && count >= 0 && offset <= pages * 4096 - count, "outside of the image")
        // SAFETY: the image's own pages, which live as long as it does.
        return UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped + offset, count: count)
    }

    func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: UInt64, as type: Value.Type) -> Value {
        memory(Int(offset), type.bitWidth / 8).loadUnaligned(as: type)
    }

    func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: UInt64) {
        memory(Int(offset), Value.bitWidth / 8).storeBytes(of: value, as: Value.self)
    }

    /// Where a symbol is that has so many bytes in the image.
    func address(of name: StaticString, size: Int) -> UInt64? {
        let name = Text(stringLiteral: name)
        guard let found = exports.first(where: { $0.name == name }), found.address >= address,
            found.address - address <= UInt64(pages * 4096 - size)
        else { return nil }
        return found.address
    }
}

/// A place in an image that depends on where something is.
public struct ModuleRelocation {
    /// From the image's start.
    let place: UInt64
    /// Bytes up to the end of its section.
    let room: UInt64
    /// In the architecture's numbers.
    let type: UInt32
    /// The symbol's address, and the addend.
    let target: UInt64
    /// The address of the symbol's slot, if it was said to need one.
    let slot: UInt64
}

/// How an architecture's modules are linked.
public protocol ModuleRelocator {
    /// The machine's number in object files.
    static var machine: UInt16 { get }
    /// A slot leads to a symbol at any distance: code that jumps there, or its address, or both.
    static var slotSize: Int { get }
    static func needsSlot(_ type: UInt32, isOutside: Bool) -> Bool
    static func writeSlot(_ target: UInt64, to image: ModuleImage, at offset: UInt64)
    static func apply(_ relocations: [ModuleRelocation], to image: ModuleImage) throws(HyperError)
}
