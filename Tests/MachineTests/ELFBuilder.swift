/// Makes ELF64 files for the loader's tests, field by field as the System V ABI lays them out.
struct ELFBuilder {
    struct Segment {
        var virtualAddress: UInt64
        var physicalAddress: UInt64
        var bytes: [UInt8]
        var memorySize: UInt64
    }

    struct Symbol {
        var name: String
        var value: UInt64
        var size: UInt64 = 0
        /// STT_NOTYPE 0, STT_OBJECT 1, STT_FUNC 2.
        var type: UInt8 = 2
        var isGlobal = true
        /// The section: 1 is the first segment's, 0xfff1 is SHN_ABS.
        var section: UInt16 = 1
    }

    var type: UInt16 = 2
    var machine: UInt16 = 243
    var entry: UInt64 = 0x8000_0000
    var segments: [Segment] = []
    var symbols: [Symbol] = []

    static func program(at address: UInt64 = 0x8000_0000, _ bytes: [UInt8] = [0x13, 0, 0, 0]) -> ELFBuilder {
        var builder = ELFBuilder()
        builder.entry = address
        builder.segments = [
            Segment(
                virtualAddress: address, physicalAddress: address, bytes: bytes, memorySize: UInt64(bytes.count))
        ]
        return builder
    }

    /// Offsets: the header at 0, program headers at 64, then the segments' bytes, symbols, strings, section headers.
    func bytes() -> [UInt8] {
        var contents: [UInt8] = []
        let contentsOffset = UInt64(64 + 56 * segments.count)
        var headers: [UInt8] = []
        for segment in segments {
            headers.append(1 as UInt32)  // PT_LOAD
            headers.append(7 as UInt32)
            headers.append(contentsOffset + UInt64(contents.count))
            headers.append(segment.virtualAddress)
            headers.append(segment.physicalAddress)
            headers.append(UInt64(segment.bytes.count))
            headers.append(segment.memorySize)
            headers.append(4096 as UInt64)
            contents += segment.bytes
        }
        while contents.count % 8 != 0 { contents.append(0) }
        var strings: [UInt8] = [0]
        var table = [UInt8](repeating: 0, count: 24)
        for symbol in symbols {
            table.append(UInt32(strings.count))
            table.append(symbol.type | (symbol.isGlobal ? 0x10 : 0))
            table.append(0 as UInt8)
            table.append(symbol.section)
            table.append(symbol.value)
            table.append(symbol.size)
            strings += Array(symbol.name.utf8) + [0]
        }
        let tableOffset = contentsOffset + UInt64(contents.count)
        let stringsOffset = tableOffset + UInt64(table.count)
        let sectionsOffset = stringsOffset + UInt64(strings.count)
        var sections = [UInt8](repeating: 0, count: 64)
        func section(_ type: UInt32, address: UInt64, offset: UInt64, size: UInt64, link: UInt32) {
            sections.append(0 as UInt32)
            sections.append(type)
            sections.append(0 as UInt64)
            sections.append(address)
            sections.append(offset)
            sections.append(size)
            sections.append(link)
            sections += [UInt8](repeating: 0, count: 20)
        }
        let first = segments.first
        section(
            1, address: first?.virtualAddress ?? 0, offset: contentsOffset, size: first?.memorySize ?? 0, link: 0)
        section(2, address: 0, offset: tableOffset, size: UInt64(table.count), link: 3)
        section(3, address: 0, offset: stringsOffset, size: UInt64(strings.count), link: 0)

        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        file.append(type)
        file.append(machine)
        file.append(1 as UInt32)
        file.append(entry)
        file.append(64 as UInt64)
        file.append(sectionsOffset)
        file.append(0 as UInt32)
        file.append(64 as UInt16)
        file.append(56 as UInt16)
        file.append(UInt16(segments.count))
        file.append(64 as UInt16)
        file.append(4 as UInt16)
        file.append(0 as UInt16)
        return file + headers + contents + table + strings + sections
    }
}

extension [UInt8] {
    /// Appends an integer, little-endian.
    mutating func append<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        for byte in 0..<MemoryLayout<T>.size { append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }

    /// Overwrites an integer, little-endian.
    mutating func put<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        for byte in 0..<MemoryLayout<T>.size { self[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
}
