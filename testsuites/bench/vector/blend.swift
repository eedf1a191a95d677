/// Two pictures of bytes blended by a third, which says how much of each byte is whose, sixteen bytes at a time; what is
/// too bright is limited.
@c(bench)
public func bench() -> UInt64 {
    let count = 4096
    let pictures = UnsafeMutablePointer<SIMD16<UInt8>>.allocate(capacity: 3 * count)
    defer { pictures.deallocate() }
    var random = Random(state: 0x626c_656e_64)
    for index in 0..<3 * count {
        pictures[index] = SIMD16(lowHalf: bytes(random.next()), highHalf: bytes(random.next()))
    }
    let (front, back, share) = (pictures, pictures + count, pictures + 2 * count)
    for _ in 0..<8 {
        for index in 0..<count {
            let blended = blend(front[index], back[index], share[index])
            back[index] = blended.replacing(with: 240, where: blended .> 240) &+ 3
        }
    }
    var checksum = checksumStart
    UnsafeMutableRawPointer(back).withMemoryRebound(to: UInt64.self, capacity: 2 * count) { words in
        for index in 0..<2 * count { checksum = mix(checksum, words[index]) }
    }
    return checksum
}

private func bytes(_ word: UInt64) -> SIMD8<UInt8> { unsafeBitCast(word, to: SIMD8<UInt8>.self) }

/// (a s + b (255 - s) + 128) / 256, byte by byte.
@inline(__always)
private func blend(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ share: SIMD16<UInt8>) -> SIMD16<UInt8> {
    let (s, a, b) = (
        SIMD16<UInt16>(truncatingIfNeeded: share), SIMD16<UInt16>(truncatingIfNeeded: a),
        SIMD16<UInt16>(truncatingIfNeeded: b)
    )
    let sum = a &* s &+ b &* (255 &- s) &+ 128
    return SIMD16<UInt8>(truncatingIfNeeded: sum &>> 8)
}
