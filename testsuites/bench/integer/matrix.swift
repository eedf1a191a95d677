/// The product of two 96 x 96 matrices of 64-bit integers, modulo 2^64.
@c(bench)
public func bench() -> UInt64 {
    let size = 96
    let a = UnsafeMutablePointer<UInt64>.allocate(capacity: size * size)
    let b = UnsafeMutablePointer<UInt64>.allocate(capacity: size * size)
    let c = UnsafeMutablePointer<UInt64>.allocate(capacity: size * size)
    defer {
        a.deallocate()
        b.deallocate()
        c.deallocate()
    }
    var random = Random(state: 0x6d61_7472_6978)
    for index in 0..<size * size {
        a[index] = random.next()
        b[index] = random.next()
    }
    for row in 0..<size {
        for column in 0..<size {
            var sum: UInt64 = 0
            for index in 0..<size {
                sum &+= a[row &* size &+ index] &* b[index &* size &+ column]
            }
            c[row &* size &+ column] = sum
        }
    }
    var checksum = checksumStart
    for index in 0..<size * size { checksum = mix(checksum, c[index]) }
    return checksum
}
