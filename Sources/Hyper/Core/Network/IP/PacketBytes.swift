/// Reads the fields of a packet in the order of the network, the highest byte first. What goes beyond the end is nil.
struct PacketReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func number(bytes count: Int) -> UInt64? {
        guard let field = take(count) else { return nil }
        return field.reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func u8() -> UInt8? { rest.popFirst() }
    mutating func u16() -> UInt16? { number(bytes: 2).map { UInt16(truncatingIfNeeded: $0) } }
    mutating func u32() -> UInt32? { number(bytes: 4).map { UInt32(truncatingIfNeeded: $0) } }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt16) {
        append(UInt8(value >> 8))
        append(UInt8(value & 0xff))
    }

    mutating func set(_ offset: Int, bigEndian value: UInt16) {
        self[offset] = UInt8(value >> 8)
        self[offset + 1] = UInt8(value & 0xff)
    }
}

/// The checksum of the Internet's protocols (RFC 1071): the ones' complement of the sum of all words.
struct InternetChecksum {
    private var sum: UInt64 = 0

    /// - Parameter bytes: behind those before, of which there was an even number.
    mutating func add(_ bytes: ArraySlice<UInt8>) {
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            sum += UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
            index += 2
        }
        if index < bytes.endIndex { sum += UInt64(bytes[index]) << 8 }
    }

    mutating func add(_ value: UInt32) { sum += UInt64(value >> 16) + UInt64(value & 0xffff) }

    /// Of bytes that have their own checksum among them it is 0.
    var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = (folded & 0xffff) + folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }

    static func of(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var checksum = InternetChecksum()
        checksum.add(bytes)
        return checksum.value
    }
}
