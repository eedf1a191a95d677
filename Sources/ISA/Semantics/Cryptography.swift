/// Steps of ciphers and hashes, each of up to three vectors.
public enum CryptographicOperation: UInt8, Sendable, CaseIterable {
    /// SubBytes and ShiftRows of a (FIPS 197, 5.1), MixColumns, and their inverses.
    case aesSubstitute, aesSubstituteInverse, aesMixColumns, aesMixColumnsInverse
    /// Four rounds of SHA-1 (FIPS 180-4, 6.1.2) with Ch, Parity or Maj. The words a, b, c and d are those of a from the
    /// lowest, e is the lowest of b, and c has four words of the schedule with the constant added.
    case sha1Choose, sha1Parity, sha1Majority
    /// What is left to be done for four words of the schedule: a has W(t-16), W(t-14) and W(t-8) in it, and b is the four
    /// words before.
    case sha1Schedule
    /// Four rounds of SHA-256 (6.2.2): what becomes of a, b, c, d in a with e, f, g, h in b; and of e, f, g, h in a with
    /// a, b, c, d in b. c as above.
    case sha256Hash, sha256HashUpper
    /// Four words of the schedule: W(t-16) in a, to which comes what is made of W(t-15), between there and b; and, with
    /// that in a, b and c the eight words before, the rest.
    case sha256ScheduleFirst, sha256ScheduleSecond
    /// Two rounds of SHA-512 (6.4.2) in two steps, and of its schedule two words in two steps, as A64's SHA512H, SHA512H2,
    /// SHA512SU0 and SHA512SU1 divide it.
    case sha512Hash, sha512HashUpper, sha512ScheduleFirst, sha512ScheduleSecond
    /// A round of SM3 (GM/T 0004, 5.3.3), and of its schedule four words, as A64's SM3SS1, SM3TT1A to SM3TT2B, SM3PARTW1
    /// and SM3PARTW2 divide it. What SM3TT1A to SM3TT2B take of a vector is in all of its words.
    case sm3Sum, sm3FirstParity, sm3FirstMajority, sm3SecondParity, sm3SecondChoose, sm3ScheduleFirst, sm3ScheduleSecond
    /// Four rounds of SM4 (GM/T 0002, 6.2) on a with the keys in b, and four round keys after those in a with constants
    /// in b (7.3).
    case sm4Rounds, sm4RoundKeys

    public func evaluate(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>) -> SIMD2<UInt64> {
        switch self {
        case .aesSubstitute: return AES.substitute(a, AES.substitution.table, step: 1)
        case .aesSubstituteInverse: return AES.substitute(a, AES.substitution.inverse, step: 3)
        case .aesMixColumns: return AES.mixColumns(a, [2, 3, 1, 1])
        case .aesMixColumnsInverse: return AES.mixColumns(a, [14, 11, 13, 9])
        case .sha1Choose: return SHA.hash1(a, b, c, SHA.choose)
        case .sha1Parity: return SHA.hash1(a, b, c) { $0 ^ $1 ^ $2 }
        case .sha1Majority: return SHA.hash1(a, b, c, SHA.majority)
        case .sha1Schedule: return SHA.schedule1(a, b)
        case .sha256Hash: return SHA.hash256(a, b, c).0
        case .sha256HashUpper: return SHA.hash256(b, a, c).1
        case .sha256ScheduleFirst: return SHA.schedule256First(a, b)
        case .sha256ScheduleSecond: return SHA.schedule256Second(a, b, c)
        case .sha512Hash: return SHA.hash512(a, b, c)
        case .sha512HashUpper: return SHA.hash512Upper(a, b, c)
        case .sha512ScheduleFirst: return SHA.schedule512First(a, b)
        case .sha512ScheduleSecond: return SHA.schedule512Second(a, b, c)
        case .sm3Sum: return SM3.sum(a, b, c)
        case .sm3FirstParity: return SM3.first(a, b, c) { $0 ^ $1 ^ $2 }
        case .sm3FirstMajority: return SM3.first(a, b, c, SHA.majority)
        case .sm3SecondParity: return SM3.second(a, b, c) { $0 ^ $1 ^ $2 }
        case .sm3SecondChoose: return SM3.second(a, b, c, SHA.choose)
        case .sm3ScheduleFirst: return SM3.scheduleFirst(a, b, c)
        case .sm3ScheduleSecond: return SM3.scheduleSecond(a, b, c)
        case .sm4Rounds: return SM4.rounds(a, b, SM4.mixState)
        case .sm4RoundKeys: return SM4.rounds(a, b, SM4.mixKey)
        }
    }
}

/// FIPS 197. Byte 4 * c + r of a vector is the state's in row r of column c.
private enum AES {
    /// The S-box and its inverse, made as 5.1.1 defines them.
    static let substitution: (table: InlineArray<256, UInt8>, inverse: InlineArray<256, UInt8>) = {
        var (table, inverse) = (InlineArray<256, UInt8>(repeating: 0), InlineArray<256, UInt8>(repeating: 0))
        // x runs through all but 0 as powers of 3, and y through their inverses, powers of 3's inverse 0xf6.
        var (x, y) = (1 as UInt8, 1 as UInt8)
        repeat {
            x = product(x, 3)
            y = product(y, 0xf6)
            let affine = y ^ rotated(y, 1) ^ rotated(y, 2) ^ rotated(y, 3) ^ rotated(y, 4) ^ 0x63
            table[Int(x)] = affine
            inverse[Int(affine)] = x
        } while x != 1
        table[0] = 0x63
        inverse[0x63] = 0
        return (table, inverse)
    }()

    private static func rotated(_ x: UInt8, _ count: UInt8) -> UInt8 { x &<< count | x &>> (8 &- count) }

    /// In the field of 4.2.
    private static func product(_ x: UInt8, _ factor: UInt8) -> UInt8 {
        var (sum, power, rest) = (0 as UInt8, x, factor)
        while rest != 0 {
            if rest & 1 != 0 { sum ^= power }
            power = power &<< 1 ^ (power & 0x80 != 0 ? 0x1b : 0)
            rest &>>= 1
        }
        return sum
    }

    /// - Parameter step: by how many columns row 1 moves.
    static func substitute(
        _ state: SIMD2<UInt64>, _ table: InlineArray<256, UInt8>, step: Int
    ) -> SIMD2<UInt64> {
        .made { index in
            // Row and column of a byte are its number modulo 4 and divided by it.
            let source = (index &+ 4 &* (index & 3) &* step) & 15
            return table[Int(state.element(source) as UInt8)]
        }
    }

    /// - Parameter factors: the first row of the matrix; each other row is the one before, moved to the right.
    static func mixColumns(_ state: SIMD2<UInt64>, _ factors: InlineArray<4, UInt8>) -> SIMD2<UInt64> {
        .made { index in
            var sum: UInt8 = 0
            for row in 0..<4 { sum ^= product(state.element(index & 12 | row), factors[(row &- index) & 3]) }
            return sum
        }
    }
}

extension SIMD2<UInt64> {
    /// Words, counted from the lowest.
    @inline(__always)
    var words: InlineArray<4, UInt32> {
        [
            UInt32(truncatingIfNeeded: x), UInt32(truncatingIfNeeded: x &>> 32),
            UInt32(truncatingIfNeeded: y), UInt32(truncatingIfNeeded: y &>> 32),
        ]
    }

    @inline(__always)
    init(words: InlineArray<4, UInt32>) {
        self.init(UInt64(words[1]) &<< 32 | UInt64(words[0]), UInt64(words[3]) &<< 32 | UInt64(words[2]))
    }
}

@inline(__always)
private func rotateRight<Word: FixedWidthInteger>(_ x: Word, _ count: Word) -> Word {
    x &>> count | x &<< (Word(truncatingIfNeeded: Word.bitWidth) &- count)
}

/// FIPS 180-4.
private enum SHA {
    private typealias Words = InlineArray<4, UInt32>

    static func choose<Word: FixedWidthInteger>(_ x: Word, _ y: Word, _ z: Word) -> Word { (y ^ z) & x ^ z }
    static func majority<Word: FixedWidthInteger>(_ x: Word, _ y: Word, _ z: Word) -> Word { x & y | (x | y) & z }

    // MARK: SHA-1

    static func hash1(
        _ state: SIMD2<UInt64>, _ last: SIMD2<UInt64>, _ schedule: SIMD2<UInt64>,
        _ function: (UInt32, UInt32, UInt32) -> UInt32
    ) -> SIMD2<UInt64> {
        var x = state.words
        var e = last.words[0]
        let w = schedule.words
        for round in 0..<4 {
            let t = e &+ rotateRight(x[0], 27) &+ function(x[1], x[2], x[3]) &+ w[round]
            e = x[3]
            x = [t, x[0], rotateRight(x[1], 2), x[2]]
        }
        return SIMD2(words: x)
    }

    static func schedule1(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let (x, y) = (a.words, b.words)
        let t: Words = [x[0] ^ y[1], x[1] ^ y[2], x[2] ^ y[3], x[3]]
        return SIMD2(words: [
            rotateRight(t[0], 31), rotateRight(t[1], 31), rotateRight(t[2], 31),
            rotateRight(t[3], 31) ^ rotateRight(t[0], 30),
        ])
    }

    // MARK: SHA-256

    static func hash256(
        _ lower: SIMD2<UInt64>, _ upper: SIMD2<UInt64>, _ schedule: SIMD2<UInt64>
    ) -> (SIMD2<UInt64>, SIMD2<UInt64>) {
        var (x, y) = (lower.words, upper.words)
        let w = schedule.words
        for round in 0..<4 {
            let sum1 = rotateRight(y[0], 6) ^ rotateRight(y[0], 11) ^ rotateRight(y[0], 25)
            let sum0 = rotateRight(x[0], 2) ^ rotateRight(x[0], 13) ^ rotateRight(x[0], 22)
            let t = y[3] &+ sum1 &+ choose(y[0], y[1], y[2]) &+ w[round]
            let (first, fifth) = (t &+ sum0 &+ majority(x[0], x[1], x[2]), t &+ x[3])
            x = [first, x[0], x[1], x[2]]
            y = [fifth, y[0], y[1], y[2]]
        }
        return (SIMD2(words: x), SIMD2(words: y))
    }

    static func schedule256First(_ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let (x, y) = (a.words, b.words)
        let next: Words = [x[1], x[2], x[3], y[0]]
        var result = x
        for index in 0..<4 {
            let word = next[index]
            result[index] &+= rotateRight(word, 7) ^ rotateRight(word, 18) ^ word &>> 3
        }
        return SIMD2(words: result)
    }

    static func schedule256Second(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> SIMD2<UInt64> {
        let (y, z) = (b.words, c.words)
        let next: Words = [y[1], y[2], y[3], z[0]]
        var result = a.words
        for index in 0..<4 {
            let word = index < 2 ? z[index &+ 2] : result[index &- 2]
            result[index] &+= (rotateRight(word, 17) ^ rotateRight(word, 19) ^ word &>> 10) &+ next[index]
        }
        return SIMD2(words: result)
    }

    // MARK: SHA-512

    private static func sum1(_ x: UInt64) -> UInt64 { rotateRight(x, 14) ^ rotateRight(x, 18) ^ rotateRight(x, 41) }
    private static func sum0(_ x: UInt64) -> UInt64 { rotateRight(x, 28) ^ rotateRight(x, 34) ^ rotateRight(x, 39) }

    static func hash512(_ w: SIMD2<UInt64>, _ x: SIMD2<UInt64>, _ y: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let high = choose(y.y, x.x, x.y) &+ sum1(y.y) &+ w.y
        let t = high &+ y.x
        return SIMD2(choose(t, y.y, x.x) &+ sum1(t) &+ w.x, high)
    }

    static func hash512Upper(_ w: SIMD2<UInt64>, _ x: SIMD2<UInt64>, _ y: SIMD2<UInt64>) -> SIMD2<UInt64> {
        let high = majority(x.x, y.y, y.x) &+ sum0(y.x) &+ w.y
        return SIMD2(majority(high, y.y, y.x) &+ sum0(high) &+ w.x, high)
    }

    static func schedule512First(_ w: SIMD2<UInt64>, _ x: SIMD2<UInt64>) -> SIMD2<UInt64> {
        func sigma0(_ x: UInt64) -> UInt64 { rotateRight(x, 1) ^ rotateRight(x, 8) ^ x &>> 7 }
        return SIMD2(w.x &+ sigma0(w.y), w.y &+ sigma0(x.x))
    }

    static func schedule512Second(_ w: SIMD2<UInt64>, _ x: SIMD2<UInt64>, _ y: SIMD2<UInt64>) -> SIMD2<UInt64> {
        func sigma1(_ x: UInt64) -> UInt64 { rotateRight(x, 19) ^ rotateRight(x, 61) ^ x &>> 6 }
        return SIMD2(w.x &+ sigma1(x.x) &+ y.x, w.y &+ sigma1(x.y) &+ y.y)
    }
}
