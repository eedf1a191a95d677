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

    /// Compares CPUs, time, the board, devices and memory of two machines built from one description.
    init(_ first: any Board, _ second: any Board) {
        for (a, b) in zip(first.processors, second.processors) {
            add(.listing(a, first.memory), .listing(b, second.memory))
        }
        add("machine", "time", seconds(first.scheduler.time), seconds(second.scheduler.time))
        add(.ownListing(of: first), .ownListing(of: second))
        for (a, b) in zip(first.devices, second.devices) {
            add(.listing(a), .listing(b))
        }
        addMemory(first.memory, second.memory)
    }

    private mutating func add(_ first: MachineState.Section, _ second: MachineState.Section) {
        for (a, b) in zip(first.fields, second.fields) where a.value != b.value {
            let (one, other) = MachineState.Value.texts(a.value, b.value)
            add(first.name, a.name, one, other)
        }
        // Lists may differ in length, of what a device holds.
        add(first.name, "number of fields", "\(first.fields.count)", "\(second.fields.count)")
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
            if whole {
                board.describeState(&hasher) { _, _ in }
            } else {
                for processor in board.processors { processor.describeState(&hasher, board.memory) }
            }
            return hasher.value
        }
        guard hash(self) == hash(other) else { return false }
        guard whole else { return true }
        var isEqual = true
        forEachDifference(memory, other.memory) { _, _, _, _ in isEqual = false }
        return isEqual
    }
}

extension MachineState.Section {
    /// What a CPU says of itself, its fields told apart.
    static func listing(_ processor: any InspectableProcessor, _ memory: PhysicalMemory) -> Self {
        Self(processor, memory).numbered(type(of: processor).fieldName)
    }

    /// What a board says of what is its own, its fields told apart.
    fileprivate static func ownListing(of board: any Board) -> Self {
        var writer = StateWriter()
        writer.begin("board")
        board.describeOwnState(&writer)
        return writer.sections[0].numbered { name, index in "\(name) \(index)" }
    }

    /// What a device says of itself, its fields told apart.
    static func listing(_ device: any Device) -> Self {
        Self(device).numbered { name, index in "\(name) \(index)" }
    }

    /// Tells fields of one name apart.
    func numbered(_ name: (String, Int) -> String) -> Self {
        var result = self
        let counts = fields.reduce(into: [String: Int]()) { $0[$1.name, default: 0] += 1 }
        var indices: [String: Int] = [:]
        for place in fields.indices where counts[fields[place].name] != 1 {
            let old = fields[place].name
            result.fields[place].name = name(old, indices[old, default: 0])
            indices[old, default: 0] += 1
        }
        return result
    }

    /// Names of the fields that are not as in `other`.
    func names(unlike other: Self) -> Set<String> {
        Set(zip(fields, other.fields).filter { $0.value != $1.value }.map(\.0.name))
    }
}

extension MachineState.Value {
    /// Two values that differ, as text.
    static func texts(_ first: Self, _ second: Self) -> (String, String) {
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
