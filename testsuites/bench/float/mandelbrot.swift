/// How soon z^2 + c escapes, for 96 x 96 points c around the Mandelbrot set, at most 100 steps each.
@c(bench)
public func bench() -> UInt64 {
    let size = 96
    var checksum = checksumStart
    for row in 0..<size {
        let imaginary = Double(row) * (2.5 / Double(size)) - 1.25
        for column in 0..<size {
            let real = Double(column) * (2.5 / Double(size)) - 2.0
            var x = 0.0
            var y = 0.0
            var steps: UInt64 = 0
            while steps < 100 {
                let xx = x * x
                let yy = y * y
                if xx + yy > 4.0 { break }
                y = 2.0 * x * y + imaginary
                x = xx - yy + real
                steps &+= 1
            }
            checksum = mix(checksum, steps)
        }
    }
    return checksum
}
