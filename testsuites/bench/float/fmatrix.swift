/// The product of two 64 x 64 matrices of doubles, with fused multiply-adds.
@c(bench)
public func bench() -> UInt64 {
    let size = 64
    let a = UnsafeMutablePointer<Double>.allocate(capacity: size * size)
    let b = UnsafeMutablePointer<Double>.allocate(capacity: size * size)
    let c = UnsafeMutablePointer<Double>.allocate(capacity: size * size)
    defer {
        a.deallocate()
        b.deallocate()
        c.deallocate()
    }
    var random = Random(state: 0x666d_6174)
    for index in 0..<size * size {
        a[index] = Double(random.next() &>> 11) * 0x1p-53 - 0.5
        b[index] = Double(random.next() &>> 11) * 0x1p-53 - 0.5
    }
    for row in 0..<size {
        for column in 0..<size {
            var sum = 0.0
            for index in 0..<size {
                sum = sum.addingProduct(a[row &* size &+ index], b[index &* size &+ column])
            }
            c[row &* size &+ column] = sum
        }
    }
    var checksum = checksumStart
    for index in 0..<size * size { checksum = mix(checksum, c[index].bitPattern) }
    return checksum
}
