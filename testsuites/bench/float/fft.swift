/// The fast Fourier transform of 1024 complex numbers (radix two, in place), forward and back.
let points = 1024

@c(bench)
public func bench() -> UInt64 {
    let real = UnsafeMutablePointer<Double>.allocate(capacity: points)
    let imaginary = UnsafeMutablePointer<Double>.allocate(capacity: points)
    let cosine = UnsafeMutablePointer<Double>.allocate(capacity: points / 2)
    let sine = UnsafeMutablePointer<Double>.allocate(capacity: points / 2)
    defer {
        real.deallocate()
        imaginary.deallocate()
        cosine.deallocate()
        sine.deallocate()
    }
    // The roots of unity by repeated rotation: plain arithmetic, so the same bits everywhere.
    let stepCosine = 0x1.fffd8858e8a92p-1  // cos(2 pi / 1024)
    let stepSine = 0x1.921f0fe670071p-8  // sin(2 pi / 1024)
    cosine[0] = 1
    sine[0] = 0
    for index in 1..<points / 2 {
        cosine[index] = cosine[index - 1] * stepCosine - sine[index - 1] * stepSine
        sine[index] = sine[index - 1] * stepCosine + cosine[index - 1] * stepSine
    }
    var random = Random(state: 0x0066_6674)
    for index in 0..<points {
        real[index] = Double(random.next() &>> 11) * 0x1p-53 - 0.5
        imaginary[index] = Double(random.next() &>> 11) * 0x1p-53 - 0.5
    }

    var checksum = checksumStart
    for _ in 0..<4 {
        transform(real, imaginary, cosine, sine, direction: -1)
        for index in 0..<points { checksum = mix(checksum, real[index].bitPattern ^ imaginary[index].bitPattern &<< 1) }
        transform(real, imaginary, cosine, sine, direction: 1)
        for index in 0..<points {
            real[index] *= 1.0 / Double(points)
            imaginary[index] *= 1.0 / Double(points)
        }
    }
    for index in 0..<points { checksum = mix(checksum, real[index].bitPattern ^ imaginary[index].bitPattern &<< 1) }
    return checksum
}

@inline(never)
func transform(
    _ real: UnsafeMutablePointer<Double>, _ imaginary: UnsafeMutablePointer<Double>,
    _ cosine: UnsafeMutablePointer<Double>, _ sine: UnsafeMutablePointer<Double>, direction: Double
) {
    var reversed = 0
    for index in 1..<points {
        var bit = points &>> 1
        while reversed & bit != 0 {
            reversed ^= bit
            bit &>>= 1
        }
        reversed |= bit
        if index < reversed {
            (real[index], real[reversed]) = (real[reversed], real[index])
            (imaginary[index], imaginary[reversed]) = (imaginary[reversed], imaginary[index])
        }
    }
    var half = 1
    while half < points {
        let turn = points / 2 / half
        for start in stride(from: 0, to: points, by: 2 &* half) {
            for offset in 0..<half {
                let low = start &+ offset
                let high = low &+ half
                let c = cosine[offset &* turn]
                let s = sine[offset &* turn] * direction
                let productReal = real[high] * c - imaginary[high] * s
                let productImaginary = real[high] * s + imaginary[high] * c
                real[high] = real[low] - productReal
                imaginary[high] = imaginary[low] - productImaginary
                real[low] += productReal
                imaginary[low] += productImaginary
            }
        }
        half &<<= 1
    }
}
