/// Saturating operations. A lane's exact result fits 128 bits; whether it was what the lane holds is told beside it.
extension VectorSaturatingOperation {
    public func evaluate(
        _ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> (result: SIMD2<UInt64>, saturated: Bool) {
        switch self {
        case .narrowSigned: return Self.narrowed(lane, a, isSigned: true, toSigned: true)
        case .narrowUnsigned: return Self.narrowed(lane, a, isSigned: false, toSigned: false)
        case .narrowSignedToUnsigned: return Self.narrowed(lane, a, isSigned: true, toSigned: false)
        default: break
        }
        var result = SIMD2<UInt64>()
        var saturated = false
        for index in 0..<lane.lanes {
            let exact = exact(lane, a.lane(index, lane), b.lane(index, lane), c.lane(index, lane))
            let nearest = lane.nearest(exact, signed: isSigned)
            saturated = saturated || nearest != exact
            result.setLane(index, lane, nearest.low)
        }
        return (result, saturated)
    }

    /// Whether the result is signed.
    private var isSigned: Bool {
        switch self {
        case .addUnsigned, .subtractUnsigned, .addSignedToUnsigned, .shiftUnsigned, .shiftRoundingUnsigned,
            .shiftSignedToUnsigned, .narrowUnsigned, .narrowSignedToUnsigned:
            return false
        default: return true
        }
    }

    private func exact(_ lane: Width, _ a: UInt64, _ b: UInt64, _ c: UInt64) -> Int128 {
        let (x, y) = (lane.signed(a), lane.signed(b))
        let bits = Int128(lane.bits)
        let half: Int128 = 1 &<< (bits - 1)
        switch self {
        case .addSigned: return x + y
        case .addUnsigned: return Int128(a) + Int128(b)
        case .subtractSigned: return x - y
        case .subtractUnsigned: return Int128(a) - Int128(b)
        case .addUnsignedToSigned: return x + Int128(b)
        case .addSignedToUnsigned: return Int128(a) + y
        case .shiftSigned, .shiftSignedToUnsigned: return VectorOperation.shifted(x, by: b, rounding: false)
        case .shiftUnsigned: return VectorOperation.shifted(Int128(a), by: b, rounding: false)
        case .shiftRoundingSigned: return VectorOperation.shifted(x, by: b, rounding: true)
        case .shiftRoundingUnsigned: return VectorOperation.shifted(Int128(a), by: b, rounding: true)
        // Of lanes of 16 and 32 bits; wrapping, since nothing else is asked of the others.
        case .doubleMultiplyHigh: return (2 &* x &* y) &>> bits
        case .roundingDoubleMultiplyHigh: return (2 &* x &* y &+ half) &>> bits
        case .roundingDoubleMultiplyHighAdd: return (lane.signed(c) &<< bits &+ 2 &* x &* y &+ half) &>> bits
        case .roundingDoubleMultiplyHighSubtract: return (lane.signed(c) &<< bits &- 2 &* x &* y &+ half) &>> bits
        case .doubleMultiply: return 2 &* x &* y
        case .narrowSigned, .narrowUnsigned, .narrowSignedToUnsigned: return 0
        }
    }

    /// - Parameter lane: the narrower one; there is none of 64 bits.
    private static func narrowed(
        _ lane: Width, _ a: SIMD2<UInt64>, isSigned: Bool, toSigned: Bool
    ) -> (result: SIMD2<UInt64>, saturated: Bool) {
        let wide = Width(rawValue: lane.rawValue &+ 1) ?? .double
        var result = SIMD2<UInt64>()
        var saturated = false
        for index in 0..<wide.lanes {
            let value = a.lane(index, wide)
            let exact = isSigned ? wide.signed(value) : Int128(value)
            let nearest = lane.nearest(exact, signed: toSigned)
            saturated = saturated || nearest != exact
            result.setLane(index, lane, nearest.low)
        }
        return (result, saturated)
    }
}

extension Width {
    /// The nearest number of this width.
    @inline(__always)
    func nearest(_ value: Int128, signed: Bool) -> Int128 {
        let largest = Int128(signed ? mask >> 1 : mask)
        let smallest = signed ? -largest - 1 : 0
        return min(max(value, smallest), largest)
    }
}
