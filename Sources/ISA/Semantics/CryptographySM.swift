/// The hash and the cipher of China's standards, as A64 has steps of them (FEAT_SM3, FEAT_SM4).

@inline(__always)
private func rotateLeft(_ x: UInt32, _ count: UInt32) -> UInt32 { x &<< count | x &>> (32 &- count) }

/// GM/T 0004-2012. Of the eight words of the state, two vectors have four each: A, B, C and D, or E, F, G and H, the first
/// of them highest.
enum SM3 {
    /// SM3SS1: SS1 of A in a, E in b and the constant in c, in the highest word.
    static func sum(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let sum = rotateLeft(a.words[3], 12) &+ b.words[3] &+ c.words[3]
        return SIMD2(words: [0, 0, 0, rotateLeft(sum, 7)])
    }

    /// SM3TT1A, SM3TT1B: the state's first half; SS1 in b, a word of W' in c.
    static func first(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>, _ function: (UInt32, UInt32, UInt32) -> UInt32
    ) -> SIMD2<UInt64> {
        let x = a.words
        let sum = b.words[3] ^ rotateLeft(x[3], 12)
        let next = function(x[3], x[2], x[1]) &+ x[0] &+ sum &+ c.words[0]
        return SIMD2(words: [x[1], rotateLeft(x[2], 9), x[3], next])
    }

    /// SM3TT2A, SM3TT2B: the second half; SS1 in b, a word of W in c.
    static func second(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>, _ function: (UInt32, UInt32, UInt32) -> UInt32
    ) -> SIMD2<UInt64> {
        let x = a.words
        let next = function(x[3], x[2], x[1]) &+ x[0] &+ b.words[3] &+ c.words[0]
        return SIMD2(words: [x[1], rotateLeft(x[2], 19), x[3], next ^ rotateLeft(next, 9) ^ rotateLeft(next, 17)])
    }

    /// P1 (4.4).
    @inline(__always)
    private static func permuted(_ x: UInt32) -> UInt32 { x ^ rotateLeft(x, 15) ^ rotateLeft(x, 23) }

    /// SM3PARTW1.
    static func scheduleFirst(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        var x = (a ^ b).words
        let z = c.words
        for index in 0..<3 { x[index] = permuted(x[index] ^ rotateLeft(z[index &+ 1], 15)) }
        x[3] = permuted(x[3] ^ rotateLeft(x[0], 15))
        return SIMD2(words: x)
    }

    /// SM3PARTW2.
    static func scheduleSecond(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        var y = b.words
        let z = c.words
        for index in 0..<4 { y[index] ^= rotateLeft(z[index], 7) }
        var result = a.words
        for index in 0..<4 { result[index] ^= y[index] }
        result[3] ^= permuted(rotateLeft(y[0], 15))
        return SIMD2(words: result)
    }
}

/// GM/T 0002-2012. The last word of a vector is the highest.
enum SM4 {
    /// The S-box: the inverse in GF(2)[x] / (x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1) between two affine functions (Liu et
    /// al., "Analysis of the SMS4 block cipher", 2007).
    private static let substitution: InlineArray<256, UInt8> = {
        var table = InlineArray<256, UInt8>(repeating: 0)
        // x runs through all but 0 as powers of 3, and its inverse through those of 3's.
        var (inverses, x, y) = (table, 1 as UInt8, 1 as UInt8)
        repeat {
            inverses[Int(x)] = y
            x = product(x, 3)
            y = product(y, 0xac)
        } while x != 1
        for value in 0..<256 { table[value] = affine(inverses[Int(affine(UInt8(truncatingIfNeeded: value)))]) }
        return table
    }()

    private static func product(_ x: UInt8, _ factor: UInt8) -> UInt8 {
        var (sum, power, rest) = (0 as UInt8, x, factor)
        while rest != 0 {
            if rest & 1 != 0 { sum ^= power }
            power = power &<< 1 ^ (power & 0x80 != 0 ? 0xf5 : 0)
            rest &>>= 1
        }
        return sum
    }

    /// Each row of the matrix is the one before, turned by a place.
    private static func affine(_ x: UInt8) -> UInt8 {
        var (result, row) = (0xd3 as UInt8, 0xa7 as UInt8)
        for bit: UInt8 in 0..<8 {
            result ^= UInt8(truncatingIfNeeded: (x & row).nonzeroBitCount & 1) &<< bit
            row = row &<< 1 | row &>> 7
        }
        return result
    }

    /// SM4E, SM4EKEY: four rounds, each with a word of `keys`.
    static func rounds(
        _ state: SIMD2<UInt64>, _ keys: SIMD2<UInt64>, _ mix: (UInt32) -> UInt32
    ) -> SIMD2<UInt64> {
        var x = state.words
        let key = keys.words
        for round in 0..<4 {
            let sum = x[1] ^ x[2] ^ x[3] ^ key[round]
            var substituted: UInt32 = 0
            for index: UInt32 in 0..<4 {
                let shift = 8 &* index
                substituted |= UInt32(substitution[Int(sum &>> shift & 0xff)]) &<< shift
            }
            x = [x[1], x[2], x[3], x[0] ^ mix(substituted)]
        }
        return SIMD2(words: x)
    }

    /// L (6.2), and L' of the keys' schedule (7.3).
    static func mixState(_ x: UInt32) -> UInt32 {
        x ^ rotateLeft(x, 2) ^ rotateLeft(x, 10) ^ rotateLeft(x, 18) ^ rotateLeft(x, 24)
    }
    static func mixKey(_ x: UInt32) -> UInt32 { x ^ rotateLeft(x, 13) ^ rotateLeft(x, 23) }
}
