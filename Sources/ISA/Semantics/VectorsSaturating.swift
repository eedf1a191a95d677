/// Saturating operations. A lane's exact result fits an integer of some more bits; whether it was what the lane holds is
/// told beside it.
extension VectorSaturatingOperation {
    public func evaluate(
        _ lane: Width, _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>
    ) -> (result: SIMD2<UInt64>, saturated: Bool) {
        switch self {
        case .narrowSigned, .narrowUnsigned, .narrowSignedToUnsigned:
            switch lane {
            case .byte: return narrowed(a, Int16.self, to: Int8.self)
            case .half: return narrowed(a, Int32.self, to: Int16.self)
            case .word: return narrowed(a, Int64.self, to: Int32.self)
            // Nothing is wider.
            case .double: return (a, false)
            }
        default: break
        }
        switch lane {
        case .byte: return evaluate(a, b, c, Int8.self, exact: Int64.self)
        case .half: return evaluate(a, b, c, Int16.self, exact: Int64.self)
        case .word: return evaluate(a, b, c, Int32.self, exact: Int128.self)
        case .double: return evaluate(a, b, c, Int64.self, exact: Int128.self)
        }
    }

    /// - Parameter exact: has room for a product of lanes and a few bits more.
    @inline(__always)
    private func evaluate<
        Lane: FixedWidthInteger & SignedInteger, Exact: FixedWidthInteger & SignedInteger
    >(
        _ a: SIMD2<UInt64>, _ b: SIMD2<UInt64>, _ c: SIMD2<UInt64>, _: Lane.Type, exact: Exact.Type
    ) -> (result: SIMD2<UInt64>, saturated: Bool) {
        var saturated = false
        let result = SIMD2.made { index in
            nearest(
                self.exact(a.element(index) as Lane, b.element(index), c.element(index)) as Exact, noting: &saturated)
                as Lane
        }
        return (result, saturated)
    }

    @inline(__always)
    private func narrowed<Wide: FixedWidthInteger & SignedInteger, Lane: FixedWidthInteger & SignedInteger>(
        _ a: SIMD2<UInt64>, _: Wide.Type, to _: Lane.Type
    ) -> (result: SIMD2<UInt64>, saturated: Bool) {
        var saturated = false
        let result = SIMD2.made { index in
            guard index < 128 / Wide.bitWidth else { return 0 as Lane }
            let value = a.element(index) as Wide
            let exact = self == .narrowUnsigned ? value.unsigned() : Int128(value)
            return nearest(exact, noting: &saturated)
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

    /// The nearest that a lane holds.
    @inline(__always)
    private func nearest<Exact: FixedWidthInteger & SignedInteger, Lane: FixedWidthInteger & SignedInteger>(
        _ value: Exact, noting saturated: inout Bool
    ) -> Lane {
        let smallest = isSigned ? Exact(Lane.min) : 0
        let largest = isSigned ? Exact(Lane.max) : (-1 as Lane).unsigned()
        let nearest = min(max(value, smallest), largest)
        if nearest != value { saturated = true }
        return Lane(truncatingIfNeeded: nearest)
    }

    @inline(__always)
    private func exact<Lane: FixedWidthInteger & SignedInteger, Exact: FixedWidthInteger & SignedInteger>(
        _ a: Lane, _ b: Lane, _ c: Lane
    ) -> Exact {
        let (x, y) = (Exact(a), Exact(b))
        let bits = Exact(truncatingIfNeeded: Lane.bitWidth)
        let half: Exact = 1 &<< (bits &- 1)
        switch self {
        case .addSigned: return x &+ y
        case .addUnsigned: return a.unsigned() &+ b.unsigned()
        case .subtractSigned: return x &- y
        case .subtractUnsigned: return a.unsigned() &- b.unsigned()
        case .addUnsignedToSigned: return x &+ b.unsigned()
        case .addSignedToUnsigned: return a.unsigned() &+ y
        case .shiftSigned, .shiftSignedToUnsigned: return VectorOperation.shifted(x, by: b, rounding: false)
        case .shiftUnsigned: return VectorOperation.shifted(a.unsigned(), by: b, rounding: false)
        case .shiftRoundingSigned: return VectorOperation.shifted(x, by: b, rounding: true)
        case .shiftRoundingUnsigned: return VectorOperation.shifted(a.unsigned(), by: b, rounding: true)
        // Of lanes of 16 and 32 bits; wrapping, since nothing else is asked of the others.
        case .doubleMultiplyHigh: return (2 &* x &* y) &>> bits
        case .roundingDoubleMultiplyHigh: return (2 &* x &* y &+ half) &>> bits
        case .roundingDoubleMultiplyHighAdd: return (Exact(c) &<< bits &+ 2 &* x &* y &+ half) &>> bits
        case .roundingDoubleMultiplyHighSubtract: return (Exact(c) &<< bits &- 2 &* x &* y &+ half) &>> bits
        case .doubleMultiply: return 2 &* x &* y
        case .narrowSigned, .narrowUnsigned, .narrowSignedToUnsigned: return x
        }
    }
}

extension FixedWidthInteger {
    /// These bits as a number without a sign.
    @inline(__always)
    func unsigned<Wide: FixedWidthInteger>() -> Wide { Wide(truncatingIfNeeded: Magnitude(truncatingIfNeeded: self)) }
}
