/// Integers in bytes, least significant first.
extension Array<UInt8> {
    /// The little-endian integer at `offset`; bytes beyond the end count as zero.
    func littleEndian<T: FixedWidthInteger>(at offset: Int, as type: T.Type = T.self) -> T {
        var value: T = 0
        for index in 0..<T.bitWidth / 8 where indices.contains(offset + index) {
            value |= T(truncatingIfNeeded: self[offset + index]) << T(index * 8)
        }
        return value
    }

    /// Appends the bytes of an integer, least significant first.
    mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
        for index in 0..<T.bitWidth / 8 { append(UInt8(truncatingIfNeeded: value >> T(index * 8))) }
    }
}
