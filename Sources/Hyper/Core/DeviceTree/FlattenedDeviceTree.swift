// A reader of flattened device trees (Devicetree Specification 0.4, chapter 5). It allocates nothing, trusts no offset,
// and visits each node once: a node is handed to the visitor with its parent's cell counts, and its properties are found
// by scanning from where its name ends.

/// A byte range of memory described by a `reg` entry.
public struct MemoryRange: Equatable, Sendable {
    public var base: UInt64
    public var size: UInt64

    public init(base: UInt64, size: UInt64) {
        self.base = base
        self.size = size
    }

    /// Whether `count` bytes from `address` all lie inside.
    func contains(_ address: UInt64, count: UInt64 = 1) -> Bool {
        address >= base && count <= size && address - base <= size - count
    }

    func overlaps(_ address: UInt64, count: UInt64) -> Bool {
        guard count > 0, size > 0 else { return false }
        return address <= base &+ (size - 1) && base <= address &+ (count - 1)
    }
}

/// The value of a property: big-endian cells or NUL-terminated strings.
struct PropertyValue {
    let bytes: UnsafeRawBufferPointer

    var cellCount: Int { bytes.count / 4 }

    func cell(_ index: Int) -> UInt64 {
        index >= 0 && index < cellCount ? UInt64(bigEndianWord(bytes, index * 4)) : 0
    }

    /// `count` cells (one or two) from `index` as one number.
    func number(at index: Int, cells count: Int) -> UInt64 {
        count == 2 ? cell(index) << 32 | cell(index + 1) : count == 1 ? cell(index) : 0
    }

    /// Whether one string of the list is `text`.
    func contains(_ text: StaticString) -> Bool {
        var start = 0
        for index in 0..<bytes.count where bytes[index] == 0 {
            if matches(bytes, start, index - start, text) { return true }
            start = index + 1
        }
        return false
    }
}

struct FlattenedDeviceTree {
    static let beginNode: UInt32 = 1, endNode: UInt32 = 2, property: UInt32 = 3, noOperation: UInt32 = 4
    static let end: UInt32 = 9
    /// Nesting beyond this is refused; the specification's own examples stop at five.
    static let depthLimit = 16

    let bytes: UnsafeRawBufferPointer
    let structure: Int
    let structureSize: Int
    let strings: Int
    let stringsSize: Int
    let reservations: Int

    /// Checks the header: magic, version 16 or later, and every block inside the blob.
    init?(at address: UInt64, limit: Int) {
        guard limit >= 40, address & 7 == 0, let start = UnsafeRawPointer(bitPattern: UInt(address)) else { return nil }
        // SAFETY: the caller vouches for memory at `address`; the header is read first and bounds all that follows.
        let header = UnsafeRawBufferPointer(start: start, count: 40)
        guard bigEndianWord(header, 0) == 0xd00d_feed, bigEndianWord(header, 20) >= 16 else { return nil }
        let total = bigEndianInt(header, 4)
        let structure = bigEndianInt(header, 8)
        let strings = bigEndianInt(header, 12)
        let reservations = bigEndianInt(header, 16)
        let stringsSize = bigEndianInt(header, 32)
        let version = bigEndianWord(header, 20)
        guard total >= 40, total <= limit, strings <= total, stringsSize <= total - strings, structure <= total,
            reservations <= total, structure & 3 == 0
        else { return nil }
        // Version 16 has no size of the structure block; its end token ends it.
        let structureSize = version >= 17 ? bigEndianInt(header, 36) : (total - structure) & ~3
        guard structureSize <= total - structure else { return nil }
        self.bytes = UnsafeRawBufferPointer(start: start, count: total)
        self.structure = structure
        self.structureSize = structureSize
        self.strings = strings
        self.stringsSize = stringsSize
        self.reservations = reservations
    }

    /// Visits each range of memory that must not be used ("Memory Reservation Block").
    func forEachReservation(_ visit: (MemoryRange) -> Void) {
        var offset = reservations
        while offset <= bytes.count - 16 {
            func number(_ place: Int) -> UInt64 {
                UInt64(bigEndianWord(bytes, place)) << 32 | UInt64(bigEndianWord(bytes, place + 4))
            }
            let range = MemoryRange(base: number(offset), size: number(offset + 8))
            if range.base == 0, range.size == 0 { return }
            visit(range)
            offset += 16
        }
    }

    /// A node as the visitor sees it.
    struct Node {
        let tree: FlattenedDeviceTree
        /// 0 for the root.
        let depth: Int
        let nameStart: Int
        let nameLength: Int
        /// Offset of the first token after the name.
        let body: Int
        /// The parent's `#address-cells` and `#size-cells`, in which this node's `reg` is written.
        let addressCells: Int
        let sizeCells: Int

        /// Whether the name, without its unit address, is `text`.
        func isNamed(_ text: StaticString) -> Bool {
            var length = 0
            while length < nameLength, tree.bytes[nameStart + length] != 0x40 { length += 1 }
            return matches(tree.bytes, nameStart, length, text)
        }

        /// Whether the whole name is `text`.
        func isNamed(exactly text: StaticString) -> Bool { matches(tree.bytes, nameStart, nameLength, text) }

        func property(_ name: StaticString) -> PropertyValue? {
            let property = FlattenedDeviceTree.property, noOperation = FlattenedDeviceTree.noOperation
            var offset = body
            while let token = tree.token(at: offset), token.kind == property || token.kind == noOperation {
                if token.kind == property, tree.hasString(at: token.nameOffset, name) {
                    return PropertyValue(
                        bytes: UnsafeRawBufferPointer(
                            rebasing: tree.bytes[token.valueStart..<token.valueStart + token.valueLength]))
                }
                offset = token.next
            }
            return nil
        }

        func isCompatible(with text: StaticString) -> Bool { property("compatible")?.contains(text) ?? false }

        /// The `index`th entry of `reg`.
        func range(_ index: Int = 0) -> MemoryRange? {
            let entry = addressCells + sizeCells
            guard let value = property("reg"), addressCells > 0, value.cellCount >= (index + 1) * entry
            else { return nil }
            return MemoryRange(
                base: value.number(at: index * entry, cells: addressCells),
                size: value.number(at: index * entry + addressCells, cells: sizeCells))
        }
    }

    /// Visits every node in the order of the blob. Returns whether the structure was sound to its end token.
    @discardableResult
    func forEachNode(_ visit: (Node) -> Void) -> Bool {
        var addressCells = InlineArray<16, Int>(repeating: 2)
        var sizeCells = InlineArray<16, Int>(repeating: 1)
        var depth = -1
        var offset = 0
        while let token = token(at: offset) {
            switch token.kind {
            case Self.beginNode:
                depth += 1
                guard depth < Self.depthLimit else { return false }
                let parent = max(depth - 1, 0)
                let node = Node(
                    tree: self, depth: depth, nameStart: token.valueStart, nameLength: token.valueLength,
                    body: token.next, addressCells: addressCells[parent], sizeCells: sizeCells[parent])
                addressCells[depth] = node.property("#address-cells").map { Int($0.cell(0) & 3) } ?? 2
                sizeCells[depth] = node.property("#size-cells").map { Int($0.cell(0) & 3) } ?? 1
                visit(node)
            case Self.endNode:
                depth -= 1
                guard depth >= -1 else { return false }
            case Self.end:
                return depth == -1
            default:
                break
            }
            offset = token.next
        }
        return false
    }

    struct Token {
        let kind: UInt32
        let next: Int
        var nameOffset = 0
        var valueStart = 0
        var valueLength = 0
    }

    /// The token at an offset of the structure block, or nil where the block is malformed. For a node's start the value
    /// is its name.
    func token(at offset: Int) -> Token? {
        guard offset >= 0, offset <= structureSize - 4 else { return nil }
        let start = structure + offset
        let kind = bigEndianWord(bytes, start)
        switch kind {
        case Self.beginNode:
            var length = 0
            while offset + 4 + length < structureSize, bytes[start + 4 + length] != 0 { length += 1 }
            guard offset + 4 + length < structureSize else { return nil }
            return Token(
                kind: kind, next: offset + 4 + (length + 4) & ~3, valueStart: start + 4, valueLength: length)
        case Self.property:
            guard offset <= structureSize - 12 else { return nil }
            let length = bigEndianInt(bytes, start + 4)
            guard length <= structureSize - offset - 12 else { return nil }
            return Token(
                kind: kind, next: offset + 12 + (length + 3) & ~3, nameOffset: bigEndianInt(bytes, start + 8),
                valueStart: start + 12, valueLength: length)
        case Self.endNode, Self.noOperation, Self.end:
            return Token(kind: kind, next: offset + 4)
        default:
            return nil
        }
    }

    /// Whether the string at an offset of the strings block is `text`.
    func hasString(at offset: Int, _ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, offset < stringsSize, length < stringsSize - offset else { return false }
        return matches(bytes, strings + offset, length, text) && bytes[strings + offset + length] == 0
    }

    /// The offset of `text` in the strings block.
    func offsetOfString(_ text: StaticString) -> Int? {
        var offset = 0
        while offset < stringsSize {
            if hasString(at: offset, text) { return offset }
            offset += 1
        }
        return nil
    }
}

func bigEndianWord(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}

/// A size or an offset. One that a 32-bit `Int` cannot hold becomes the largest, which lies outside every blob.
func bigEndianInt(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
    Int(clamping: bigEndianWord(bytes, offset))
}

/// Whether `length` bytes at `start` are exactly `text`.
func matches(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ length: Int, _ text: StaticString) -> Bool {
    guard length == text.utf8CodeUnitCount, start >= 0, start <= bytes.count - length else { return false }
    for index in 0..<length where bytes[start + index] != text.utf8Start[index] { return false }
    return true
}
