/// Random numbers for all guests: ChaCha20 (RFC 8439), whose every use replaces its key.
///
/// One seed gives one sequence, so that runs can be repeated; what one guest is given tells it nothing of what another
/// one was given.
public enum Random {
    private static let lock = SpinLock()
    // SAFETY: guarded by `lock`.
    nonisolated(unsafe) private static var key = InlineArray<8, UInt32>(repeating: 0)

    /// Mixes bytes into the generator: at boot, what firmware has given (`/chosen`, `rng-seed`). Until then its numbers
    /// are the same at every boot.
    public static func seed(_ bytes: [UInt8]) {
        lock.withLock {
            for (index, byte) in bytes.enumerated() {
                key[index / 4 % 8] ^= UInt32(byte) << UInt32(index % 4 * 8)
                if index % 32 == 31 || index == bytes.count - 1 { replaceKey(block(key, counter: 0)) }
            }
        }
    }

    /// Fills all of the list.
    public static func fill(_ list: ScatterList) {
        lock.withLock {
            var list = list
            let old = key
            replaceKey(block(old, counter: 0))
            var counter: UInt32 = 1
            while list.count > 0 {
                let words = block(old, counter: counter)
                counter &+= 1
                for index in 0..<16 { list.write(UInt64(words[index]), bytes: min(4, list.count)) }
            }
        }
    }

    public static func number() -> UInt64 {
        var number: UInt64 = 0
        withUnsafeMutableBytes(of: &number) { fill(ScatterList($0)) }
        return number
    }

    private static func replaceKey(_ block: InlineArray<16, UInt32>) {
        for index in 0..<8 { key[index] = block[index] }
    }

    /// The block function (RFC 8439, The ChaCha20 Block Function).
    static func block(
        _ key: InlineArray<8, UInt32>, counter: UInt32, nonce: InlineArray<3, UInt32> = [0, 0, 0]
    ) -> InlineArray<16, UInt32> {
        let start: InlineArray<16, UInt32> = [
            0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, key[0], key[1], key[2], key[3],
            key[4], key[5], key[6], key[7], counter, nonce[0], nonce[1], nonce[2],
        ]
        var state = start
        for _ in 0..<10 {
            for column in 0..<4 { quarterRound(&state, column, column + 4, column + 8, column + 12) }
            for diagonal in 0..<4 {
                quarterRound(
                    &state, diagonal, (diagonal + 1) % 4 + 4, (diagonal + 2) % 4 + 8, (diagonal + 3) % 4 + 12)
            }
        }
        for index in 0..<16 { state[index] &+= start[index] }
        return state
    }

    private static func quarterRound(_ state: inout InlineArray<16, UInt32>, _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        mix(&state, a, b, d, 16)
        mix(&state, c, d, b, 12)
        mix(&state, a, b, d, 8)
        mix(&state, c, d, b, 7)
    }

    private static func mix(
        _ state: inout InlineArray<16, UInt32>, _ sum: Int, _ addend: Int, _ rotated: Int, _ by: UInt32
    ) {
        state[sum] &+= state[addend]
        let word = state[rotated] ^ state[sum]
        state[rotated] = word << by | word >> (32 - by)
    }
}
