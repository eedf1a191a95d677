/// The head of a GUID partition table (UEFI 2.10, 5.3.2), once its checksum was right.
struct GUIDPartitionHeader {
    static let signature: UInt64 = 0x5452_4150_2049_4645  // "EFI PART"

    let alternate: UInt64
    let firstUsable: UInt64
    let lastUsable: UInt64
    let entries: UInt64
    let entryCount: Int
    let entrySize: Int
    let entriesChecksum: UInt32

    init(_ sector: [UInt8], at address: UInt64, of count: UInt64) throws(HyperError) {
        let size = Int(sector.u32(12))
        guard sector.u64(0) == Self.signature else { throw HyperError("sector \(address) has no \"EFI PART\"") }
        guard (92...512).contains(size) else { throw HyperError("the header has \(size) bytes") }
        var bytes = Array(sector[..<size])
        bytes.set(0, 16, bytes: 4)
        guard CRC32.of(bytes) == sector.u32(16) else { throw HyperError("the header's checksum is wrong") }
        guard sector.u64(24) == address else { throw HyperError("the header is that of sector \(sector.u64(24))") }
        alternate = sector.u64(32)
        firstUsable = sector.u64(40)
        lastUsable = sector.u64(48)
        entries = sector.u64(72)
        entryCount = Int(sector.u32(80))
        entrySize = Int(sector.u32(84))
        entriesChecksum = sector.u32(88)
        // 128 by a power of two; and a table that anybody would write.
        guard entrySize >= 128, entrySize <= 1024, entrySize & (entrySize - 1) == 0, entryCount <= 1024 else {
            throw HyperError("it has \(entryCount) entries of \(entrySize) bytes")
        }
        guard entries > 0, entries < count, UInt64(entryCount * entrySize) <= (count - entries) * 512 else {
            throw HyperError("its entries are at sector \(entries), and the disk has \(count)")
        }
        guard firstUsable <= lastUsable, lastUsable < count else {
            throw HyperError("it is for sectors \(firstUsable) to \(lastUsable), and the disk has \(count)")
        }
    }
}

extension PartitionTable {
    /// Reads the table at the disk's beginning, or else the copy at its end.
    mutating func readGlobally() throws(HyperError) {
        scheme = .globallyUnique
        guard disk.sectorCount > 2 else {
            return note("a disk of \(disk.sectorCount) sectors has no room for its table")
        }
        for address in [1, disk.sectorCount - 1] {
            do throws(HyperError) {
                return try readGlobally(at: address)
            } catch {
                note("GUID partition table at sector \(address): \(error.message)")
            }
        }
    }

    private mutating func readGlobally(at address: UInt64) throws(HyperError) {
        let header = try GUIDPartitionHeader(try disk.bytes(address), at: address, of: disk.sectorCount)
        let bytes = try disk.bytes(header.entries, count: (header.entryCount * header.entrySize + 511) / 512)
        var sum = CRC32()
        sum.add(bytes[..<(header.entryCount * header.entrySize)])
        guard sum.value == header.entriesChecksum else { throw HyperError("the checksum of its entries is wrong") }
        for index in 0..<header.entryCount {
            let offset = index * header.entrySize
            let (type, first, last) = (Self.identifier(bytes, offset), bytes.u64(offset + 32), bytes.u64(offset + 40))
            guard let type else { continue }
            guard first >= header.firstUsable, last <= header.lastUsable, first <= last else {
                note("partition \(index + 1) has sectors \(first) to \(last), which are not for partitions")
                continue
            }
            guard partitions.count < Self.limit else { return note("there are more than \(Self.limit) partitions") }
            add(
                Partition(
                    number: index + 1, start: first, count: last - first + 1, type: type,
                    name: Self.name(bytes, offset + 56)))
        }
    }

    /// A GUID as it is written, of which the first three fields have their least byte first; nil for all zeros, which is
    /// an entry that is not used (UEFI 2.10, 5.3.3 and appendix A).
    private static func identifier(_ bytes: [UInt8], _ offset: Int) -> Text? {
        guard bytes[offset..<offset + 16].contains(where: { $0 != 0 }) else { return nil }
        var text = Text()
        text.append(UInt64(bytes.u32(offset)), radix: 16, digits: 8)
        for field in [4, 6] {
            text.append(UInt8(ascii: "-"))
            text.append(UInt64(bytes.u16(offset + field)), radix: 16, digits: 4)
        }
        for index in 8..<16 {
            if index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
            text.append(UInt64(bytes[offset + index]), radix: 16, digits: 2)
        }
        return text
    }

    /// Thirty-six units of UTF-16, or fewer and a zero.
    private static func name(_ bytes: [UInt8], _ offset: Int) -> Text {
        var text = Text()
        for index in 0..<36 {
            let unit = bytes.u16(offset + 2 * index)
            if unit == 0 { break }
            text.append(0x20..<0x7f ~= unit ? UInt8(unit) : UInt8(ascii: "?"))
        }
        return text
    }
}
