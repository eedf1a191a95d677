/// ChaCha20's block function (RFC 8439, 2.3) over 1024 blocks, a row of four words in each vector.
@c(bench)
public func bench() -> UInt64 {
    let constants = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
    var random = Random(state: 0x6368_6163_6861)
    let key = (words(&random), words(&random))
    var checksum = checksumStart
    for counter in 0..<1024 {
        let last = SIMD4<UInt32>(UInt32(truncatingIfNeeded: counter), 0x0900_0000, 0x4a00_0000, 0)
        var (a, b, c, d) = (constants, key.0, key.1, last)
        for _ in 0..<10 {
            quarterRounds(&a, &b, &c, &d)
            // The columns' diagonals, and back.
            (b, c, d) = (b[1, 2, 3, 0], c[2, 3, 0, 1], d[3, 0, 1, 2])
            quarterRounds(&a, &b, &c, &d)
            (b, c, d) = (b[3, 0, 1, 2], c[2, 3, 0, 1], d[1, 2, 3, 0])
        }
        let sums = (a &+ constants) ^ (b &+ key.0) ^ (c &+ key.1) ^ (d &+ last)
        checksum = mix(checksum, UInt64(sums[0]) &<< 32 | UInt64(sums[1]))
        checksum = mix(checksum, UInt64(sums[2]) &<< 32 | UInt64(sums[3]))
    }
    return checksum
}

private func words(_ random: inout Random) -> SIMD4<UInt32> {
    let (first, second) = (random.next(), random.next())
    return SIMD4(
        UInt32(truncatingIfNeeded: first), UInt32(truncatingIfNeeded: first &>> 32),
        UInt32(truncatingIfNeeded: second), UInt32(truncatingIfNeeded: second &>> 32))
}

extension SIMD4<UInt32> {
    @inline(__always)
    fileprivate subscript(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Self { Self(self[a], self[b], self[c], self[d]) }

    @inline(__always)
    fileprivate func rotated(_ count: UInt32) -> Self {
        self &<< Self(repeating: count) | self &>> Self(repeating: 32 &- count)
    }
}

@inline(__always)
private func quarterRounds(
    _ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>
) {
    a = a &+ b
    d = (d ^ a).rotated(16)
    c = c &+ d
    b = (b ^ c).rotated(12)
    a = a &+ b
    d = (d ^ a).rotated(8)
    c = c &+ d
    b = (b ^ c).rotated(7)
}
