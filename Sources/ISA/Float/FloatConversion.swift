// Conversions between formats, to and from integers, and rounding to an integer (IEEE 754-2019, 5.3.1, 5.4.1, 5.8).

extension FloatArithmetic {
    /// The value in another format.
    public static func convert<Target: FloatFormat>(
        _ x: UInt64, to target: Target.Type, _ context: inout FloatContext
    ) -> UInt64 {
        let x = flushInput(x, &context)
        let sign = Format.isNegative(x) ? Target.signMask : 0
        if Format.isSpecial(x) {
            if Format.isInfinite(x) { return sign | Target.infinity }
            if Format.isSignalingNaN(x) { context.flags.raise(.invalid) }
            if Policy.nan == .canonical || context.returnsDefaultNaN {
                return FloatArithmetic<Target, Policy>.defaultNaN
            }
            // The payload keeps its leading bits.
            let payload = (x & Format.significandMask) &<< UInt64(truncatingIfNeeded: 64 &- Format.significandBitCount)
            let field = payload &>> UInt64(truncatingIfNeeded: 64 &- Target.significandBitCount)
            return sign | Target.infinity | Target.quietBit | field
        }
        noteSubnormals(x, in: &context)
        let unpacked = unpack(x)
        if unpacked.significand == 0 { return sign }
        return FloatArithmetic<Target, Policy>.roundAndPack(
            sign, unpacked.exponent &- Format.bias &+ Target.bias, unpacked.significand, &context)
    }

    /// A 64-bit integer, which may be a sign- or zero-extended narrower one, rounded to the format.
    /// - Parameter fraction: how many of its bits are behind the point.
    public static func fromInteger(
        _ value: UInt64, fraction: Int = 0, signed: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let isNegative = signed && Int64(bitPattern: value) < 0
        let sign = isNegative ? Format.signMask : 0
        let magnitude = isNegative ? 0 &- value : value
        if magnitude == 0 { return 0 }
        if magnitude &>> 63 != 0 {
            let exponent = Format.bias &+ 63 &- fraction
            return roundAndPack(sign, exponent, (magnitude &>> 1) | (magnitude & 1), &context)
        }
        return normalizeRoundAndPack(sign, Format.bias &+ 62 &- fraction, magnitude, &context)
    }

    /// The value rounded to an integer of `bits` bits (1 to 64); what does not fit is invalid, and then nothing is
    /// inexact.
    /// - Parameter fraction: how many of its bits are behind the point.
    /// - Returns: sign-extended to 64 bits if signed, zero-extended if not.
    public static func toInteger(
        _ x: UInt64, fraction: Int = 0, bits: Int, signed: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let x = flushInput(x, &context)
        if Format.isSpecial(x) { return invalidInteger(x, bits: bits, signed: signed, &context) }
        let sign = Format.sign(x)
        let unpacked = unpack(x)
        let exponent = unpacked.exponent &- Format.bias &+ fraction
        if exponent > 63 { return invalidInteger(x, bits: bits, signed: signed, &context) }
        let (magnitude, isInexact) = roundToMagnitude(sign, exponent, unpacked.significand, context.rounding)
        let largest = integerRange(bits: bits, signed: signed)
        let limit = sign == 0 ? largest : signed ? largest &+ 1 : 0
        if magnitude > limit { return invalidInteger(x, bits: bits, signed: signed, &context) }
        context.flags.raise(.inexact, if: isInexact)
        return sign != 0 ? 0 &- magnitude : magnitude
    }

    /// The value rounded to an integer in the same format.
    /// - Parameter raisesInexact: as roundToIntegralExact (5.9); the other such operations of the standard do not.
    public static func roundToInteger(
        _ x: UInt64, raisesInexact: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let x = flushInput(x, &context)
        if Format.isNaN(x) { return propagateNaN(x, &context) }
        let exponent = Format.biasedExponent(x) &- Format.bias
        // Zeros, infinities, and all whose last place is worth one or more.
        if exponent >= Format.significandBitCount || Format.isZero(x) { return x }
        let sign = Format.sign(x)
        let unpacked = unpack(x)
        let (magnitude, isInexact) = roundToMagnitude(
            sign, unpacked.exponent &- Format.bias, unpacked.significand, context.rounding)
        context.flags.raise(.inexact, if: raisesInexact && isInexact)
        if magnitude == 0 { return sign }
        // Exact: at most one bit more than the significand has, and then a power of two.
        let shift = magnitude.leadingZeroBitCount &- 1
        let significand = (magnitude &<< UInt64(truncatingIfNeeded: shift)) &>> Format.extraBitCount
        return pack(sign, Format.bias &+ 62 &- shift, significand)
    }

    /// `significand * 2^(exponent - 62)` rounded to an integer.
    /// - Parameters:
    ///   - exponent: unbiased, at most 63.
    ///   - significand: leading one at bit 62, or 0; all its bits count.
    @inline(__always)
    static func roundToMagnitude(
        _ sign: UInt64, _ exponent: Int, _ significand: UInt64, _ mode: RoundingMode
    ) -> (magnitude: UInt64, isInexact: Bool) {
        let fractionBits = 62 &- exponent
        if fractionBits <= 0 { return (significand &<< UInt64(truncatingIfNeeded: 0 &- fractionBits), false) }
        let integer: UInt64, fraction: UInt64
        if fractionBits < 64 {
            integer = significand &>> UInt64(truncatingIfNeeded: fractionBits)
            fraction = significand &<< UInt64(truncatingIfNeeded: 64 &- fractionBits)
        } else {
            // Less than a half: 64 fraction bits hold the value itself, and any nonzero rest rounds like the least.
            integer = 0
            fraction = fractionBits == 64 ? significand : significand != 0 ? 1 : 0
        }
        let away = roundsAway(sign, fraction: fraction, isOdd: integer & 1 != 0, mode)
        return (integer &+ (away ? 1 : 0), fraction != 0)
    }

    /// The largest integer of `bits` bits.
    @inline(__always)
    static func integerRange(bits: Int, signed: Bool) -> UInt64 {
        ~0 &>> UInt64(truncatingIfNeeded: signed ? 65 &- bits : 64 &- bits)
    }

    @inline(never)
    static func invalidInteger(
        _ x: UInt64, bits: Int, signed: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        context.flags.raise(.invalid)
        let largest = integerRange(bits: bits, signed: signed)
        let smallest = signed ? ~largest : 0
        switch Policy.invalidInteger {
        case .indefinite: return signed ? smallest : largest
        case .saturateNaNToZero where Format.isNaN(x): return 0
        case .saturateNaNToLargest where Format.isNaN(x): return largest
        case .saturateNaNToZero, .saturateNaNToLargest: return Format.isNegative(x) ? smallest : largest
        }
    }
}
