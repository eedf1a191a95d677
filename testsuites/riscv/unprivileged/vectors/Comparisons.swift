// The operations that do not round: comparisons, minimum and maximum, classification (20.6, 20.8, 20.9).

extension Format {
    /// Less, by the numbers' values, or by their signs if `zeros` are to be told apart.
    func isLess(_ a: UInt64, _ b: UInt64, zeros: Bool = false) -> Bool {
        func key(_ bits: UInt64) -> Int64 {
            let magnitude = Int64(bits & (signBit - 1))
            return bits & signBit == 0 ? magnitude : (zeros ? -1 : 0) - magnitude
        }
        return key(a) < key(b)
    }

    /// FEQ is quiet; FLT and FLE signal for every NaN.
    func equal(_ a: UInt64, _ b: UInt64) -> Result {
        let (x, y) = (decode(a), decode(b))
        if x.isNaN || y.isNaN { return Result(bits: 0, flags: x.isSignalling || y.isSignalling ? .invalid : []) }
        return Result(bits: !isLess(a, b) && !isLess(b, a) ? 1 : 0)
    }

    func less(_ a: UInt64, _ b: UInt64) -> Result {
        if decode(a).isNaN || decode(b).isNaN { return Result(bits: 0, flags: .invalid) }
        return Result(bits: isLess(a, b) ? 1 : 0)
    }

    func lessOrEqual(_ a: UInt64, _ b: UInt64) -> Result {
        if decode(a).isNaN || decode(b).isNaN { return Result(bits: 0, flags: .invalid) }
        return Result(bits: isLess(b, a) ? 0 : 1)
    }

    /// minimumNumber and maximumNumber of IEEE 754-2019: a NaN loses against a number, and -0 is below +0.
    func minimum(_ a: UInt64, _ b: UInt64) -> Result { choice(a, b) { isLess($0, $1, zeros: true) } }
    func maximum(_ a: UInt64, _ b: UInt64) -> Result { choice(a, b) { isLess($1, $0, zeros: true) } }

    private func choice(_ a: UInt64, _ b: UInt64, first: (UInt64, UInt64) -> Bool) -> Result {
        let (x, y) = (decode(a), decode(b))
        let flags: Flags = x.isSignalling || y.isSignalling ? .invalid : []
        if x.isNaN && y.isNaN { return Result(bits: canonicalNaN, flags: flags) }
        if x.isNaN || y.isNaN { return Result(bits: x.isNaN ? b : a, flags: flags) }
        return Result(bits: first(a, b) ? a : b, flags: flags)
    }

    func classify(_ a: UInt64) -> Result {
        let bit: UInt64
        switch decode(a) {
        case .infinite(let negative): bit = negative ? 0 : 7
        case .zero(let negative): bit = negative ? 3 : 4
        case .nan(let signalling): bit = signalling ? 8 : 9
        case .finite(let negative, _, _):
            let subnormal = a & infinity == 0
            bit = negative ? (subnormal ? 2 : 1) : (subnormal ? 5 : 6)
        }
        return Result(bits: 1 << bit)
    }
}
