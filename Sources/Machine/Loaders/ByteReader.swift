/// Little-endian fields of a file, each read within bounds or not at all.
///
/// Offsets are 64-bit because that is how files state them: every one of them may be a lie.
struct ByteReader {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    var count: UInt64 { UInt64(bytes.count) }

    /// The integer at `offset`, or nil where it does not lie in the file.
    func integer<T: FixedWidthInteger & UnsignedInteger>(at offset: UInt64, as type: T.Type = T.self) -> T? {
        guard let field = slice(at: offset, count: UInt64(MemoryLayout<T>.size)) else { return nil }
        var value: T = 0
        for byte in field.reversed() { value = value << 8 | T(byte) }
        return value
    }

    /// The `count` bytes at `offset`, or nil where they do not all lie in the file.
    func slice(at offset: UInt64, count: UInt64) -> ArraySlice<UInt8>? {
        guard offset <= self.count, count <= self.count - offset else { return nil }
        let start = bytes.startIndex + Int(offset)
        return bytes[start..<start + Int(count)]
    }
}
