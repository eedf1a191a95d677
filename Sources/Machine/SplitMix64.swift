/// Random numbers that one number, the seed, decides: for devices that must be the same in every run, and for tests.
///
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). They are no secret.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    /// All there is to know: a generator goes on from here.
    package var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    /// 0 to `bound` - 1, or 0 when there is nothing below `bound`.
    package mutating func below(_ bound: UInt64) -> UInt64 { next() % max(bound, 1) }

    package mutating func below(_ bound: Int) -> Int { Int(below(UInt64(max(bound, 1)))) }

    /// - Precondition: the list is not empty.
    package mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    package mutating func chance(_ percent: UInt64) -> Bool { below(100 as UInt64) < percent }
}
