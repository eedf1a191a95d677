/// What the vector operations mean, lane by lane.
extension VectorOperation {
    public func evaluate(_ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>) -> SIMD2<UInt64> {
        mapLanes(lane, a, b) { x, y in
            switch self {
            case .add: return x &+ y
            case .subtract: return x &- y
            case .and: return x & y
            case .or: return x | y
            case .xor: return x ^ y
            case .compareEqual: return Comparison.equal.evaluate(lane, x, y) ? lane.mask : 0
            case .compareGreaterSigned: return Comparison.lessSigned.evaluate(lane, y, x) ? lane.mask : 0
            }
        }
    }
}

extension VectorFloatOperation {
    /// Applies `operation`, which gets the lane's width and its two operands, to each lane of the format.
    public func evaluate(
        _ format: FloatSize, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ operation: (Width, UInt64, UInt64) -> UInt64
    ) -> SIMD2<UInt64> {
        let lane = format.width
        return mapLanes(lane, a, b) { x, y in operation(lane, x, y) }
    }
}

extension FloatSize {
    public var width: Width {
        switch self {
        case .half: return .half
        case .single: return .word
        case .double: return .double
        }
    }
}

@inline(__always)
private func mapLanes(
    _ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ operation: (UInt64, UInt64) -> UInt64
) -> SIMD2<UInt64> {
    var result = SIMD2<UInt64>()
    for half in 0..<2 {
        var bit: UInt64 = 0
        while bit < 64 {
            let x = (a[half] &>> bit) & lane.mask
            let y = (b[half] &>> bit) & lane.mask
            result[half] |= (operation(x, y) & lane.mask) &<< bit
            bit &+= lane.bits
        }
    }
    return result
}
