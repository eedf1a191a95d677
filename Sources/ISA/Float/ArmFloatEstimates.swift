// Estimates of reciprocals, and what Arm has for steps of Newton's method that begin with them.

extension FloatArithmetic where Policy == ArmFloatPolicy {
    @inline(__always)
    private static func placed(_ exponent: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: exponent) &<< UInt64(truncatingIfNeeded: Format.significandBitCount)
    }

    private static var two: UInt64 { @inline(__always) get { placed(Format.bias &+ 1) } }
    private static var three: UInt64 { @inline(__always) get { two | Format.quietBit } }
    private static var oneAndAHalf: UInt64 { @inline(__always) get { Format.one | Format.quietBit } }

    /// The 8 bits behind the leading one of a working significand.
    @inline(__always)
    private static func leadingBits(_ significand: UInt64) -> UInt64 { significand &>> 54 & 0xff }

    /// 8 bits as the fraction of a number with a biased exponent, which may be 0 or -1: then it is subnormal.
    @inline(__always)
    private static func pack(_ sign: UInt64, _ exponent: Int, bits: UInt64) -> UInt64 {
        let significand = (0x100 | bits) &<< UInt64(truncatingIfNeeded: Format.significandBitCount &- 8)
        if exponent > 0 { return sign | placed(exponent) | significand & Format.significandMask }
        return sign | significand &>> UInt64(truncatingIfNeeded: 1 &- exponent)
    }

    /// FPRecipEstimate().
    @inline(never)
    static func reciprocalEstimate(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        let x = flushInput(x, &context)
        if Format.isNaN(x) { return propagateNaN(x, &context) }
        let sign = Format.sign(x)
        if Format.isInfinite(x) { return sign }
        if Format.isZero(x) {
            context.flags.raise(.divideByZero)
            return sign | Format.infinity
        }
        let unpacked = unpack(x)
        // Below half of the least normal number's half, the reciprocal overflows.
        if unpacked.exponent < -1 {
            context.flags.raise(.overflow)
            context.flags.raise(.inexact)
            return sign | (roundingIncrement(sign, context.rounding) != 0 ? Format.infinity : Format.largestFinite)
        }
        // The reciprocal of 2^(bias - 1) and more is subnormal.
        let exponent = 2 &* Format.bias &- 1 &- unpacked.exponent
        if context.flushesResults && exponent < 1 {
            context.flags.raise(.underflow)
            return sign
        }
        let estimate = ArmEstimate.reciprocal(0x100 | leadingBits(unpacked.significand))
        return pack(sign, exponent, bits: estimate & 0xff)
    }

    /// FPRSqrtEstimate().
    @inline(never)
    static func reciprocalSquareRootEstimate(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        let x = flushInput(x, &context)
        if Format.isNaN(x) { return propagateNaN(x, &context) }
        if Format.isZero(x) {
            context.flags.raise(.divideByZero)
            return Format.sign(x) | Format.infinity
        }
        if Format.isNegative(x) { return invalid(&context) }
        if Format.isInfinite(x) { return 0 }
        let unpacked = unpack(x)
        let bits = 0x100 | leadingBits(unpacked.significand)
        let estimate = ArmEstimate.reciprocalSquareRoot(unpacked.exponent & 1 == 0 ? bits : bits &>> 1)
        return pack(0, (3 &* Format.bias &- 1 &- unpacked.exponent) &>> 1, bits: estimate & 0xff)
    }

    /// FPRecpX().
    @inline(never)
    static func reciprocalExponent(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        let x = flushInput(x, &context)
        if Format.isNaN(x) { return propagateNaN(x, &context) }
        let exponent = Format.biasedExponent(x)
        let inverse = exponent == 0 ? Format.specialExponent &- 1 : ~exponent & Format.specialExponent
        return Format.sign(x) | placed(inverse)
    }

    /// FPMulX().
    @inline(__always)
    static func multiplyExtended(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if isInfinityTimesZero(a, b, &context) { return Format.sign(a ^ b) | two }
        return multiply(a, b, &context)
    }

    /// FPRecipStepFused(): 2 - a * b.
    @inline(__always)
    static func reciprocalStep(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if isInfinityTimesZero(a, b, &context) { return two }
        return fusedMultiplyAdd(a ^ Format.signMask, b, two, &context)
    }

    /// FPRSqrtStepFused(): (3 - a * b) / 2.
    @inline(__always)
    static func reciprocalSquareRootStep(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if isInfinityTimesZero(a, b, &context) { return oneAndAHalf }
        return fusedMultiplyAdd(a ^ Format.signMask, b, three, exponentChange: -1, &context)
    }

    @inline(__always)
    private static func isInfinityTimesZero(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> Bool {
        guard Format.isInfinite(a) || Format.isInfinite(b) else { return false }
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        return Format.isZero(a) || Format.isZero(b)
    }

    /// FPMulAddH(): this format's next narrower one holds the factors. It is half precision, of which all is normal in
    /// single precision: so the factors keep their bits, a NaN its kind, and the product its exactness.
    @inline(never)
    static func multiplyAddHalves(
        _ a: UInt64, _ b: UInt64, _ c: UInt64, flushesHalves: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        fusedMultiplyAdd(widened(a, flushes: flushesHalves), widened(b, flushes: flushesHalves), c, &context)
    }

    @inline(__always)
    private static func widened(_ x: UInt64, flushes: Bool) -> UInt64 {
        let x = x & (Binary16.signMask | Binary16.magnitudeMask)
        let sign = Binary16.isNegative(x) ? Format.signMask : 0
        if Binary16.isSubnormal(x) && flushes { return sign }
        let places = UInt64(truncatingIfNeeded: Format.significandBitCount &- Binary16.significandBitCount)
        if Binary16.isSpecial(x) { return sign | Format.infinity | (x & Binary16.significandMask) &<< places }
        var exact = FloatContext()
        return FloatArithmetic<Binary16, Policy>.convert(x, to: Format.self, &exact)
    }
}

/// The manual's tables of estimates, as it computes them.
public enum ArmEstimate {
    /// RecipEstimate(): of a fraction with 9 bits, leading one at bit 8; likewise.
    public static func reciprocal(_ a: UInt64) -> UInt64 {
        let divisor = a &* 2 &+ 1
        return ((1 &<< 19) / divisor &+ 1) &>> 1
    }

    /// RecipSqrtEstimate(): of 9 bits with a leading one at bit 8 or 7, for [1/2, 1) and [1/4, 1/2).
    public static func reciprocalSquareRoot(_ a: UInt64) -> UInt64 {
        // The middle of the interval that the bits stand for, in units of 2^-9 and 2^-8.
        let middle = a < 256 ? a &* 2 &+ 1 : ((a & ~1) &+ 1) &* 2
        var root: UInt64 = 512
        while middle &* (root &+ 1) &* (root &+ 1) < 1 &<< 28 { root &+= 1 }
        return (root &+ 1) &>> 1
    }

    /// UnsignedRecipEstimate() of 32 bits behind the point, which are at least a half; else all ones.
    public static func unsignedReciprocal(_ a: UInt64) -> UInt64 {
        if a & 0x8000_0000 == 0 { return 0xffff_ffff }
        return reciprocal(a &>> 23 & 0x1ff) &<< 23
    }

    /// UnsignedRSqrtEstimate(), of at least a quarter.
    public static func unsignedReciprocalSquareRoot(_ a: UInt64) -> UInt64 {
        if a & 0xc000_0000 == 0 { return 0xffff_ffff }
        return reciprocalSquareRoot(a &>> 23 & 0x1ff) &<< 23
    }
}
