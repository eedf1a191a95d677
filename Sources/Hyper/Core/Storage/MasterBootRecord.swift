/// The first sector of a disk with a partition table of the IBM PC's kind; a sector of that form heads each logical
/// partition too (the extended boot record).
struct MasterBootRecord {
    struct Entry {
        let type: UInt8
        let start: UInt32
        let count: UInt32

        var isUsed: Bool { type != 0 && count != 0 }
        /// A chain of logical partitions: with cylinders, with sectors, or of Linux's.
        var isExtended: Bool { type == 0x05 || type == 0x0f || type == 0x85 }
    }

    let entries: [Entry]

    /// Nil where the sector is none: a file system's own boot sector has the same signature, but no four entries that
    /// begin with 0 or 0x80.
    init?(_ sector: [UInt8]) {
        let signatureOffset = 510, entriesOffset = 446, entrySize = 16
        guard sector[signatureOffset] == 0x55, sector[signatureOffset + 1] == 0xaa else { return nil }
        var entries: [Entry] = []
        for index in 0..<4 {
            let offset = entriesOffset + index * entrySize
            guard sector[offset] & 0x7f == 0 else { return nil }
            entries.append(
                Entry(type: sector[offset + 4], start: sector.u32(offset + 8), count: sector.u32(offset + 12)))
        }
        self.entries = entries
    }

    /// It is there so that old tools see a disk that is all used: what counts is the GUID partition table (UEFI 2.10,
    /// 5.2.3).
    var isProtective: Bool { entries.contains { $0.type == 0xee } }
}

extension PartitionTable {
    mutating func read(_ record: MasterBootRecord) throws(HyperError) {
        for (index, entry) in record.entries.enumerated() where entry.isUsed && !entry.isExtended {
            scheme = .masterBootRecord
            add(Self.partition(entry, number: index + 1, base: 0))
        }
        for entry in record.entries where entry.isUsed && entry.isExtended {
            scheme = .masterBootRecord
            try readLogical(UInt64(entry.start))
        }
    }

    /// Follows the chain of logical partitions. Each link has one partition, which is counted from the link on, and
    /// perhaps the next link, which is counted from the chain's beginning on.
    private mutating func readLogical(_ first: UInt64) throws(HyperError) {
        var (link, number) = (first, 5)
        var seen: [UInt64] = []
        while link > 0 {
            guard link < disk.sectorCount else {
                return note("logical partition \(number) would be at sector \(link), beyond the disk's end")
            }
            guard !seen.contains(link) else {
                return note("the chain of logical partitions comes back to sector \(link)")
            }
            guard number <= Self.limit else { return note("there are more than \(Self.limit) partitions") }
            seen.append(link)
            guard let record = MasterBootRecord(try disk.bytes(link)) else {
                return note("sector \(link) is no link of the chain of logical partitions")
            }
            var next: UInt64 = 0
            for entry in record.entries.prefix(2) where entry.isUsed {
                if entry.isExtended {
                    next = first + UInt64(entry.start)
                } else {
                    add(Self.partition(entry, number: number, base: link))
                    number += 1
                }
            }
            link = next
        }
    }

    private static func partition(_ entry: MasterBootRecord.Entry, number: Int, base: UInt64) -> Partition {
        Partition(
            number: number, start: base + UInt64(entry.start), count: UInt64(entry.count),
            type: "\(hex: UInt64(entry.type), digits: 2)")
    }
}
