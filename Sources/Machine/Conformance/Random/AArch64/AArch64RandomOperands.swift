import AArch64ISA

/// Words and values that find mistakes, for random programs and for tests.
extension AArch64.Encoding {
    /// A word of this line, whose operands are random.
    package func word(_ random: inout SplitMix64) -> UInt32 {
        match | UInt32(truncatingIfNeeded: random.next()) & ~mask
    }

    /// `word` with its integer and vector registers among few, so that one is often more than one operand.
    package func word(_ word: UInt32, of few: [UInt32], _ random: inout SplitMix64) -> UInt32 {
        pieces.reduce(word) { word, piece in
            guard piece.width == 5, piece.shift == 0, [.rd, .rn, .rm, .ra].contains(piece.target) else { return word }
            let position = UInt32(piece.position)
            return word & ~(31 << position) | random.pick(few) << position
        }
    }
}

extension SplitMix64 {
    /// A number that operations like to treat apart: zero, all ones, one bit, floating-point numbers of each size that
    /// are special or near 1, or any.
    package mutating func hostile() -> UInt64 {
        switch below(14) {
        case 0: return 0
        case 1: return ~0
        case 2: return 1 << (next() & 63)
        case 3: return (1 << (next() & 63)) &- 1
        // Infinities, NaNs, subnormals, 1, the least and the greatest normal number, and the ends of integers.
        case 4:
            return pick([
                0x7ff0_0000_0000_0000, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0x0000_0000_0000_0001,
                0x0010_0000_0000_0000, 0x3ff0_0000_0000_0000, 0x8000_0000_0000_0000, 0x000f_ffff_ffff_ffff,
                0x7fef_ffff_ffff_ffff, 0x43e0_0000_0000_0000, 0xc1e0_0000_0000_0000, 0xfff7_ffff_ffff_ffff,
            ])
        case 5:
            let singles: [UInt64] = [
                0x7f80_0000, 0xffc0_0001, 0x7f80_0001, 1, 0x0080_0000, 0x3f80_0000, 0x8000_0000, 0x007f_ffff,
                0x7f7f_ffff, 0x4f00_0000, 0x5f00_0000, 0xff80_0000,
            ]
            return pick(singles) | pick(singles) << 32
        case 6:
            let halves: [UInt64] = [0, 0x8000, 0x3c00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 1, 0x03ff, 0x7bff, 0x0400]
            return (0..<4).reduce(0) { value, _ in value << 16 | (chance(70) ? pick(halves) : next() & 0xffff) }
        case 7: return next() & 0xff
        // Numbers near 1, whose sums and products are numbers.
        case 8, 9: return 0x3ff0_0000_0000_0000 &+ next() % (1 << 56) &- (1 << 55)
        case 10: return (0x3f80_0000 &+ next() % (1 << 26)) | (0x3f80_0000 &+ next() % (1 << 26)) << 32
        case 11: return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: next())))
        default: return next()
        }
    }
}
