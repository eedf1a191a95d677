import Glibc
import ISA

/// In what two snapshots of one machine differ.
public struct SnapshotDifference: Sendable {
    /// Registers of CPUs, and fields of devices.
    public private(set) var fields: [StateDifference] = []
    public private(set) var pages: [Page] = []

    /// A page of memory that is not the same.
    public struct Page: Equatable, Sendable {
        public let address: UInt64
        /// The first byte that differs, and how many do.
        public let firstByte: UInt64
        public let count: Int
    }

    public var isEmpty: Bool { fields.isEmpty && pages.isEmpty }
    /// Bytes of memory that differ.
    public var byteCount: Int { pages.reduce(0) { $0 + $1.count } }

    /// - Throws: where they are no snapshots of one machine.
    public init(_ first: SnapshotContents, _ second: SnapshotContents) throws(InputError) {
        let (one, other) = (first.listing, second.listing)
        guard one.map(\.name) == other.map(\.name), Self.map(first.memory) == Self.map(second.memory) else {
            throw InputError(
                file: "snapshots", problem: "are of two machines, which have not the same CPUs, devices and memory",
                mend: "Give two snapshots of one machine.")
        }
        for (a, b) in zip(one, other) { add(a, b) }
        for (a, b) in zip(first.memory.regions, second.memory.regions) { add(a, b) }
        pages.sort { $0.address < $1.address }
    }

    private static func map(_ memory: PhysicalMemory) -> [UInt64] { memory.regions.flatMap { [$0.base, $0.size] } }

    private mutating func add(_ first: MachineState.Section, _ second: MachineState.Section) {
        for (a, b) in zip(first.fields, second.fields) where a.value != b.value {
            let (one, other) = MachineState.Value.texts(a.value, b.value)
            fields.append(StateDifference(place: first.name, name: a.name, first: one, second: other))
        }
        // Lists may differ in length, of what a device holds.
        if first.fields.count != second.fields.count {
            fields.append(
                StateDifference(
                    place: first.name, name: "number of fields", first: "\(first.fields.count)",
                    second: "\(second.fields.count)"))
        }
    }

    private mutating func add(_ first: PhysicalMemory.Region, _ second: PhysicalMemory.Region) {
        let size = Int(PhysicalMemory.pageSize)
        for start in stride(from: 0, to: Int(first.size), by: size) {
            // SAFETY: both regions have so many bytes, and whole pages.
            let (a, b) = (first.host + start, second.host + start)
            guard memcmp(a, b, size) != 0 else { continue }
            let one = UnsafeRawBufferPointer(start: a, count: size)
            let other = UnsafeRawBufferPointer(start: b, count: size)
            var place: Int?
            var count = 0
            for index in 0..<size where one[index] != other[index] {
                if place == nil { place = index }
                count += 1
            }
            let address = first.base + UInt64(start)
            pages.append(Page(address: address, firstByte: address + UInt64(place ?? 0), count: count))
        }
    }
}
