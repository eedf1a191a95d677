// Conversions that Arm alone has: to integers of a bounded size, as ECMAScript wants them, the alternative half precision,
// and bfloat16.

extension FloatArithmetic where Policy == ArmFloatPolicy {
    /// FPRoundIntN(): to an integer that `bits` bits hold, signed.
    @inline(never)
    static func roundToInteger(_ x: UInt64, bits: Int, _ context: inout FloatContext) -> UInt64 {
        var attempt = context
        attempt.flags = []
        let integer = toInteger(x, bits: bits, signed: true, &attempt)
        context.flags.raise(attempt.flags)
        if attempt.flags.contains(.invalid) {
            return Format.signMask | UInt64(truncatingIfNeeded: Format.bias &+ bits &- 1)
                &<< UInt64(truncatingIfNeeded: Format.significandBitCount)
        }
        // What has an integer in the format is exact.
        var exact = FloatContext(.towardZero)
        return integer == 0 ? Format.sign(x) : fromInteger(integer, signed: true, &exact)
    }

    /// FPToFixedJS(). Bit 32 is its Z.
    @inline(never)
    static func toModularWord(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        let isFlushed = context.flushesInputs && Format.isSubnormal(x)
        let x = flushInput(x, &context)
        if Format.isSpecial(x) {
            context.flags.raise(.invalid)
            return 0
        }
        let unpacked = unpack(x)
        let exponent = unpacked.exponent &- Format.bias
        // From here on all bits are zeros modulo 2^32, and below it 64 bits hold the integer.
        var magnitude: UInt64 = 0
        var isInexact = false
        if exponent <= 62 {
            (magnitude, isInexact) = roundToMagnitude(0, exponent, unpacked.significand, .towardZero)
        } else if exponent < 62 &+ 32 {
            magnitude = unpacked.significand &<< UInt64(truncatingIfNeeded: exponent &- 62)
        }
        let isNegative = Format.isNegative(x)
        let result = (isNegative ? 0 &- magnitude : magnitude) & 0xffff_ffff
        if exponent > 62 || magnitude > (isNegative ? 0x8000_0000 : 0x7fff_ffff) {
            context.flags.raise(.invalid)
            return result
        }
        if isInexact { context.flags.raise(.inexact) }
        let isMinusZero = isNegative && Format.isZero(x)
        return isInexact || isMinusZero || isFlushed ? result : 1 &<< 32 | result
    }

    /// The alternative half precision has numbers where the standard's has infinities and NaNs, so it has no others.
    @inline(never)
    static func fromAlternativeHalf(_ x: UInt64) -> UInt64 {
        let sign = Binary16.isNegative(x) ? Format.signMask : 0
        var exact = FloatContext()
        guard Binary16.isSpecial(x) else {
            return FloatArithmetic<Binary16, Policy>.convert(x, to: Format.self, &exact)
        }
        let exponent = UInt64(truncatingIfNeeded: Format.bias &+ 16)
        let places = UInt64(truncatingIfNeeded: Format.significandBitCount)
        return sign | exponent &<< places | (x & Binary16.significandMask) &<< (places &- 10)
    }

    @inline(never)
    static func toAlternativeHalf(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        typealias Half = FloatArithmetic<Binary16, Policy>
        let x = flushInput(x, &context)
        let sign = Format.isNegative(x) ? Binary16.signMask : 0
        if Format.isSpecial(x) {
            context.flags.raise(.invalid)
            return Format.isNaN(x) ? sign : sign | Binary16.magnitudeMask
        }
        let unpacked = unpack(x)
        if unpacked.significand == 0 { return sign }
        let exponent = unpacked.exponent &- Format.bias &+ Binary16.bias
        if exponent < 1 { return Half.roundAndPack(sign, exponent, unpacked.significand, &context) }
        // One exponent more than roundAndPack() has, and beyond it the largest number and nothing inexact.
        var attempt = context
        if exponent <= 31 {
            let significand = Half.roundSignificand(sign, unpacked.significand, &attempt)
            let magnitude = Half.pack(0, exponent, significand)
            if magnitude <= Binary16.magnitudeMask {
                context = attempt
                return sign | magnitude
            }
        }
        context.flags.raise(.invalid)
        return sign | Binary16.magnitudeMask
    }
}

/// bfloat16 (FEAT_BF16).
extension FloatArithmetic where Policy == ArmFloatPolicy, Format == Binary32 {
    /// BFDotAdd(): c + a0 * b0 + a1 * b1.
    @inline(never)
    static func dotProductBrain(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        let lower = rounded { multiply(a &<< 16 & 0xffff_0000, b &<< 16 & 0xffff_0000, &$0) }
        let upper = rounded { multiply(a & 0xffff_0000, b & 0xffff_0000, &$0) }
        let product = rounded { add(lower, upper, &$0) }
        return rounded { add(c, product, &$0) }
    }

    /// BFRound(): to odd, but to infinity beyond the largest number; tiny numbers are zeros, and a NaN is the default one.
    @inline(__always)
    private static func rounded(_ operation: (inout FloatContext) -> UInt64) -> UInt64 {
        var context = FloatContext(
            .odd, tininess: .beforeRounding, flushesInputs: true, flushesResults: true, returnsDefaultNaN: true)
        let result = operation(&context)
        return context.flags.contains(.overflow) ? Format.sign(result) | Format.infinity : result
    }
}
