/// Escape times of 96 x 96 points of a Julia set, two doubles in each vector, until both have escaped.
@c(bench)
public func bench() -> UInt64 {
    let side = 96
    let limit = 100
    var checksum = checksumStart
    for line in 0..<side {
        for pair in 0..<side / 2 {
            var x = SIMD2(Double(2 * pair), Double(2 * pair + 1)) * 0.03125 - 1.5
            var y = SIMD2(repeating: Double(line) * 0.03125 - 1.5)
            var counts = SIMD2<Int64>()
            for _ in 0..<limit {
                let (xx, yy) = (x * x, y * y)
                let inside = xx + yy .<= 4
                counts = counts.replacing(with: counts &+ 1, where: inside)
                if !(inside[0] || inside[1]) { break }
                (x, y) = (xx - yy - 0.8, 2 * x * y + 0.156)
            }
            checksum = mix(checksum, UInt64(bitPattern: counts[0] &<< 32 | counts[1]))
        }
    }
    return checksum
}
