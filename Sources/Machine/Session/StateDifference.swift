import Glibc
import ISA

/// One thing that two machines do not have in common.
public struct StateDifference: Equatable, Sendable {
    /// `hart 1`, `memory`, the name of a device.
    public let place: String
    /// The name of a register or field; an address.
    public let name: String
    /// What the one machine has there, and what the other. Where both have as many characters, they can be compared
    /// character by character.
    public let first: String
    public let second: String

    public init(place: String, name: String, first: String, second: String) {
        self.place = place
        self.name = name
        self.first = first
        self.second = second
    }
}

/// What two machines differ in, as much of it as a person would read.
public struct StateDifferences: Sendable {
    public private(set) var shown: [StateDifference] = []
    /// Bytes of memory that differ and are not shown.
    public private(set) var omittedBytes = 0

    /// Lines of memory that are shown, and bytes of each.
    private static let shownLines = 16
    private static let lineBytes = 16

    public var isEmpty: Bool { shown.isEmpty && omittedBytes == 0 }

    /// Of equal machines.
    public init() {}

    mutating func add(_ place: String, _ name: String, _ first: String, _ second: String) {
        guard first != second else { return }
        shown.append(StateDifference(place: place, name: name, first: first, second: second))
    }

    /// Compares CPUs, time, devices and memory of two machines built from one description.
    init(_ first: any Board, _ second: any Board) {
        for (a, b) in zip(first.processors, second.processors) {
            add(a.label, StateListing.of(a, first.memory), StateListing.of(b, second.memory))
        }
        add("machine", "time", seconds(first.scheduler.time), seconds(second.scheduler.time))
        for (a, b) in zip(first.devices, second.devices) {
            add(a.name, StateListing.of(a), StateListing.of(b))
        }
        addMemory(first.memory, second.memory)
    }

    private mutating func add(_ place: String, _ first: StateListing, _ second: StateListing) {
        for (a, b) in zip(first.fields, second.fields) where a.value != b.value {
            let (one, other) = StateListing.Value.texts(a.value, b.value)
            add(place, a.name, one, other)
        }
        // Lists may differ in length, of what a device holds.
        add(place, "number of fields", "\(first.fields.count)", "\(second.fields.count)")
    }

    private mutating func addMemory(_ first: PhysicalMemory, _ second: PhysicalMemory) {
        var lines = 0
        forEachDifference(first, second) { address, one, other, count in
            for start in stride(from: 0, to: count, by: Self.lineBytes) {
                let a = UnsafeRawBufferPointer(rebasing: one[start..<start + Self.lineBytes])
                let b = UnsafeRawBufferPointer(rebasing: other[start..<start + Self.lineBytes])
                let differing = zip(a, b).count { $0 != $1 }
                guard differing > 0 else { continue }
                lines += 1
                if lines <= Self.shownLines {
                    add("memory", hexadecimal(address + UInt64(start)), Self.text(a), Self.text(b))
                } else {
                    omittedBytes += differing
                }
            }
        }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}

/// Calls `body` with each page in which two memories with the same regions differ.
private func forEachDifference(
    _ first: PhysicalMemory, _ second: PhysicalMemory,
    _ body: (UInt64, UnsafeRawBufferPointer, UnsafeRawBufferPointer, Int) -> Void
) {
    let page = Int(PhysicalMemory.pageSize)
    // Most of memory is the same: it is looked at in large pieces first.
    let piece = 256 * page
    for (a, b) in zip(first.regions, second.regions) {
        let size = Int(min(a.size, b.size))
        for start in stride(from: 0, to: size, by: piece) {
            let length = min(piece, size - start)
            // SAFETY: here and below, both regions have `size` bytes of host memory.
            if memcmp(a.host + start, b.host + start, length) == 0 { continue }
            for offset in stride(from: start, to: start + length, by: page)
            where memcmp(a.host + offset, b.host + offset, page) != 0 {
                body(
                    a.base + UInt64(offset), UnsafeRawBufferPointer(start: a.host + offset, count: page),
                    UnsafeRawBufferPointer(start: b.host + offset, count: page), page)
            }
        }
    }
}

extension Board {
    /// Whether the CPUs, and with `whole` all else as well, are as `other`'s: without the names of what differs.
    func hasState(of other: any Board, whole: Bool) -> Bool {
        guard scheduler.time == other.scheduler.time else { return false }
        func hash(_ board: any Board) -> UInt64 {
            var hasher = StateHasher()
            for processor in board.processors { processor.describeState(&hasher, board.memory) }
            if whole { for device in board.devices { device.describeState(&hasher) } }
            return hasher.value
        }
        guard hash(self) == hash(other) else { return false }
        guard whole else { return true }
        var isEqual = true
        forEachDifference(memory, other.memory) { _, _, _, _ in isEqual = false }
        return isEqual
    }
}

/// The state of a CPU or device, field by field, with names.
struct StateListing: StateVisitor {
    enum Value: Equatable {
        case word(UInt64)
        case bytes([UInt8])

        /// Two values that differ, as text.
        static func texts(_ first: Value, _ second: Value) -> (String, String) {
            switch (first, second) {
            case (.word(let a), .word(let b)): return (hexadecimalDigits(a), hexadecimalDigits(b))
            case (.bytes(let a), .bytes(let b)):
                let place = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                let start = place ?? min(a.count, b.count)
                func text(_ bytes: [UInt8]) -> String {
                    let piece = bytes.dropFirst(start).prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                    return "\(bytes.count) bytes, from \(start): \(piece.joined(separator: " "))"
                }
                return (text(a), text(b))
            default: return ("a number", "bytes")
            }
        }
    }

    private(set) var fields: [(name: String, value: Value)] = []

    mutating func field(_ name: StaticString, _ value: inout UInt64) { fields.append(("\(name)", .word(value))) }

    mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) { fields.append(("\(name)", .bytes(bytes))) }

    static func of(_ processor: any InspectableProcessor, _ memory: PhysicalMemory) -> StateListing {
        var listing = StateListing()
        processor.describeState(&listing, memory)
        listing.number(type(of: processor).fieldName)
        return listing
    }

    static func of(_ device: any Device) -> StateListing {
        var listing = StateListing()
        device.describeState(&listing)
        listing.number { name, index in "\(name) \(index)" }
        return listing
    }

    /// Tells fields of one name apart.
    private mutating func number(_ name: (String, Int) -> String) {
        let counts = fields.reduce(into: [String: Int]()) { $0[$1.name, default: 0] += 1 }
        var indices: [String: Int] = [:]
        for place in fields.indices where counts[fields[place].name] != 1 {
            let old = fields[place].name
            fields[place].name = name(old, indices[old, default: 0])
            indices[old, default: 0] += 1
        }
    }

    /// Names of the fields that are not as in `other`.
    func names(unlike other: StateListing) -> Set<String> {
        Set(zip(fields, other.fields).filter { $0.value != $1.value }.map(\.0.name))
    }
}
