/// Registers of 32 and 64 bits, accessed by parts.

extension UInt64 {
    /// `size` bytes from byte `offset` on.
    func part(_ offset: UInt64, size: Int) -> UInt64 {
        size == 8 ? self : self >> (8 * offset) & (1 << (8 * UInt64(size)) - 1)
    }

    /// With `size` bytes from byte `offset` on replaced by the low ones of `value`.
    func replacingPart(_ offset: UInt64, size: Int, with value: UInt64) -> UInt64 {
        replacing(at: Int(8 * offset), bits: 8 * size, with: value)
    }
}

extension UInt32 {
    /// What a write of `size` bytes, at most 4, at byte `offset` writes of a word: the word, and a mask of its bits.
    @inline(__always)
    static func placed(_ value: UInt64, at offset: UInt64, size: Int) -> (word: UInt32, mask: UInt32) {
        if size == 4 { return (UInt32(truncatingIfNeeded: value), ~0) }
        let shift = UInt32(8 * offset)
        let mask: UInt32 = (1 << UInt32(8 * size) - 1) << shift
        return (UInt32(truncatingIfNeeded: value) << shift, mask)
    }
}
