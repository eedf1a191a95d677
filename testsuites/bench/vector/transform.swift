/// Points of four floats passed through 4 x 4 matrices and divided by their last coordinate, as those of a picture are.
@c(bench)
public func bench() -> UInt64 {
    let count = 4096
    let points = UnsafeMutablePointer<SIMD4<Float>>.allocate(capacity: count)
    defer { points.deallocate() }
    var random = Random(state: 0x7472_616e_7366)
    for index in 0..<count { points[index] = row(&random) }
    for _ in 0..<8 {
        let columns = (row(&random), row(&random), row(&random), row(&random))
        for index in 0..<count {
            let point = points[index]
            var moved = columns.0 * point[0]
            moved += columns.1 * point[1]
            moved += columns.2 * point[2]
            moved += columns.3 * point[3]
            // No coordinate is negative, and the last is at least a quarter.
            let projected = moved / moved[3]
            points[index] = projected.replacing(with: 1, where: projected .> 4)
        }
    }
    var checksum = checksumStart
    for index in 0..<count {
        let point = points[index]
        checksum = mix(checksum, UInt64(point[0].bitPattern) &<< 32 | UInt64(point[1].bitPattern))
        checksum = mix(checksum, UInt64(point[2].bitPattern) &<< 32 | UInt64(point[3].bitPattern))
    }
    return checksum
}

/// Four numbers from 1/4 to 5/4.
private func row(_ random: inout Random) -> SIMD4<Float> {
    func number(_ bits: UInt64) -> Float { 0.25 + Float(bits & 0xffff) * 0x1p-16 }
    let bits = random.next()
    return SIMD4(number(bits), number(bits &>> 16), number(bits &>> 32), number(bits &>> 48))
}
