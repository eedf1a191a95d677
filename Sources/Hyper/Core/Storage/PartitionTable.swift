/// A part of a disk, as its table has it.
public struct Partition: Equatable, Sendable {
    /// From 1: primary partitions of an MBR have 1 to 4 by their entries, logical ones 5 and up; those of a GPT have
    /// their entry's number.
    public let number: Int
    public let start: UInt64
    /// Sectors.
    public let count: UInt64
    /// What the table says is in it: `0x83`, or a GUID.
    public let type: Text
    /// Of a GPT, what somebody has called it; what is not ASCII is a question mark.
    public let name: Text

    public init(number: Int, start: UInt64, count: UInt64, type: Text, name: Text = Text()) {
        self.number = number
        self.start = start
        self.count = count
        self.type = type
        self.name = name
    }

    func overlaps(_ other: Partition) -> Bool {
        start >= other.start ? start - other.start < other.count : other.start - start < count
    }
}

/// What a disk is divided into: a master boot record with logical partitions, or a GUID partition table.
///
/// A table is what somebody else has written: an entry that leads beyond the disk, or into another one, is left out, and
/// ``problems`` has why. Whatever it says, reading it ends.
public struct PartitionTable {
    public enum Scheme: Equatable, Sendable {
        /// The disk has none.
        case none
        case masterBootRecord
        case globallyUnique
    }

    /// Partitions of a disk, at most.
    public static let limit = 128

    public internal(set) var scheme = Scheme.none
    public private(set) var partitions: [Partition] = []
    public private(set) var problems: [HyperError] = []

    let disk: BlockDevice

    public init(_ disk: BlockDevice) throws(HyperError) {
        self.disk = disk
        guard disk.sectorCount > 0 else { return }
        guard let record = MasterBootRecord(try disk.bytes(0)) else { return }
        if record.isProtective {
            try readGlobally()
        } else {
            try read(record)
        }
    }

    /// Adds the partition, unless it cannot be one.
    mutating func add(_ partition: Partition) {
        guard partition.start > 0, partition.start < disk.sectorCount,
            partition.count <= disk.sectorCount - partition.start
        else {
            return note(
                """
                partition \(partition.number) has sectors \(partition.start) to \
                \(partition.start &+ partition.count &- 1), and the disk has \(disk.sectorCount)
                """)
        }
        if let other = partitions.first(where: { $0.overlaps(partition) }) {
            return note("partition \(partition.number) overlaps partition \(other.number)")
        }
        partitions.append(partition)
    }

    mutating func note(_ problem: Text) { problems.append(HyperError("\(disk.identifier): \(problem)")) }
}

/// A disk that is part of another one.
public final class PartitionDisk: VirtualDisk {
    public let identifier: Text
    public let partition: Partition
    private let disk: any VirtualDisk

    /// - Parameter partition: lies in the disk.
    public init(_ partition: Partition, of whole: any VirtualDisk) {
        self.partition = partition
        disk = whole
        // vda1, but ram0p1: so that no two have one name.
        let endsInDigit = whole.identifier.bytes.last.map { 0x30...0x39 ~= $0 } ?? false
        identifier = "\(whole.identifier)\(endsInDigit ? "p" : "" as Text)\(partition.number)"
    }

    public var sectorCount: UInt64 { partition.count }
    public var isReadOnly: Bool { disk.isReadOnly }
    public var whole: (any VirtualDisk)? { disk }
    public var kind: Text { "partition" }

    public func read(_ sector: UInt64, into memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard contains(sector, memory.count) else { return .failed }
        return disk.read(partition.start + sector, into: memory, ended)
    }

    public func write(_ sector: UInt64, from memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard contains(sector, memory.count) else { return .failed }
        return disk.write(partition.start + sector, from: memory, ended)
    }

    public func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome { disk.flush(ended) }

    /// Nobody's request leads into another partition.
    private func contains(_ sector: UInt64, _ bytes: Int) -> Bool {
        sector <= sectorCount && UInt64(bytes + 511) / 512 <= sectorCount - sector
    }
}

extension VirtualDisks {
    /// Adds the partitions of the disk, as disks of their own, instead of those that it had before.
    @discardableResult
    public static func addPartitions(of disk: any VirtualDisk) throws(HyperError) -> PartitionTable {
        let table = try PartitionTable(BlockDevice(disk))
        try checkPartitions(of: disk)
        removePartitions(of: disk)
        for partition in table.partitions { try add(PartitionDisk(partition, of: disk)) }
        return table
    }

    /// Looks at all disks of the host, at boot: a thread does, as disks are waited for.
    static func addAllPartitions() {
        for disk in all where disk.whole == nil {
            do throws(HyperError) {
                for problem in try addPartitions(of: disk).problems { Console.write("\(problem.message)\n") }
            } catch {
                Console.write("\(error.message)\n")
            }
        }
    }

    /// Whether nobody uses any of them.
    static func checkPartitions(of disk: any VirtualDisk) throws(HyperError) {
        for other in all where other.whole === disk {
            guard let user = DiskUses.users(of: other).first else { continue }
            throw HyperError("disk \(other.identifier) is \(user)'s: take it from there first")
        }
    }

    public static func removePartitions(of disk: any VirtualDisk) {
        for other in all where other.whole === disk { remove(other) }
    }
}

extension BlockDevice {
    /// Whole sectors, as bytes.
    func bytes(_ sector: UInt64, count: Int = 1) throws(HyperError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count * Self.sectorSize)
        try bytes.withBuffer { buffer throws(HyperError) in try read(sector: sector, into: buffer) }
        return bytes
    }
}
