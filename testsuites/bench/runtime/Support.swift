/// Folds one number into a checksum: FNV-1a over 64-bit words, with the high half brought down.
@inline(__always)
func mix(_ checksum: UInt64, _ value: UInt64) -> UInt64 {
    let product = (checksum ^ value) &* 0x0000_0100_0000_01b3
    return product ^ (product &>> 32)
}

/// The start of every checksum (the FNV-1a offset basis).
let checksumStart: UInt64 = 0xcbf2_9ce4_8422_2325

/// Pseudo-random numbers, the same on every run: Marsaglia's xorshift with the shifts 13, 7 and 17.
struct Random {
    var state: UInt64

    @inline(__always)
    mutating func next() -> UInt64 {
        state ^= state &<< 13
        state ^= state &>> 7
        state ^= state &<< 17
        return state
    }
}
