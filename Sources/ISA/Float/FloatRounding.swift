/// `x` shifted right by `count` (not negative), with bit 0 one if any one was shifted out (or was there).
@inline(__always)
func shiftRightSticky(_ x: UInt64, _ count: Int) -> UInt64 {
    if count > 63 { return x != 0 ? 1 : 0 }
    let shift = UInt64(truncatingIfNeeded: count)
    let lost = x & ((1 &<< shift) &- 1)
    return (x &>> shift) | (lost != 0 ? 1 : 0)
}

@inline(__always)
func shiftRightSticky(_ x: UInt128, _ count: Int) -> UInt128 {
    if count > 127 { return x != 0 ? 1 : 0 }
    let shift = UInt128(truncatingIfNeeded: count)
    let shifted = x &>> shift
    return shifted | (shifted &<< shift != x ? 1 : 0)
}

extension FloatArithmetic {
    /// What rounding adds to the magnitude before it truncates: half of the last place, almost all of it, or nothing.
    /// Ties to even and rounding to odd then still mend the last place.
    @inline(__always)
    static func roundingIncrement(_ sign: UInt64, _ mode: RoundingMode) -> UInt64 {
        let almostOne: UInt64 = (1 &<< Format.extraBitCount) &- 1
        switch mode {
        case .nearestEven, .nearestMaxMagnitude: return 1 &<< (Format.extraBitCount &- 1)
        case .towardZero, .odd: return 0
        case .down: return sign != 0 ? almostOne : 0
        case .up: return sign != 0 ? 0 : almostOne
        }
    }

    /// A working significand rounded to the last place of the format, and the inexact flag.
    /// - Returns: the significand as the format has it, leading bit included; it may have been carried to one bit more.
    @inline(__always)
    static func roundSignificand(_ sign: UInt64, _ significand: UInt64, _ context: inout FloatContext) -> UInt64 {
        let half: UInt64 = 1 &<< (Format.extraBitCount &- 1)
        let rest = significand & ((half &<< 1) &- 1)
        var rounded: UInt64
        if context.rounding == .nearestEven {
            rounded = (significand &+ half) &>> Format.extraBitCount
            if rest == half { rounded &= ~1 }
        } else {
            rounded = (significand &+ roundingIncrement(sign, context.rounding)) &>> Format.extraBitCount
            if context.rounding == .odd && rest != 0 { rounded |= 1 }
        }
        context.flags.raise(.inexact, if: rest != 0)
        return rounded
    }

    /// The encoding of a rounded significand. The exponent field holds one less than the exponent, because the leading
    /// bit is added to it; so a carry out of the significand moves to the next binade, and a significand without a
    /// leading bit (exponent 1) becomes a subnormal.
    @inline(__always)
    static func pack(_ sign: UInt64, _ exponent: Int, _ significand: UInt64) -> UInt64 {
        let field = UInt64(truncatingIfNeeded: exponent &- 1)
        return sign &+ (field &<< UInt64(truncatingIfNeeded: Format.significandBitCount)) &+ significand
    }

    /// Rounds a nonzero result to the format and encodes it (IEEE 754-2019, 4.3 and 7.4 to 7.6).
    /// - Parameters:
    ///   - sign: the sign bit in its place.
    ///   - exponent: biased, of any size.
    ///   - significand: leading one at bit 62, bit 0 sticky.
    @inline(__always)
    static func roundAndPack(
        _ sign: UInt64, _ exponent: Int, _ significand: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        // One comparison for 1 <= exponent <= specialExponent - 2, where no rounding can overflow or underflow.
        if UInt(bitPattern: exponent &- 1) >= UInt(bitPattern: Format.specialExponent &- 2) {
            return roundAndPackExtreme(sign, exponent, significand, &context)
        }
        return pack(sign, exponent, roundSignificand(sign, significand, &context))
    }

    /// The same for a significand whose leading one may be anywhere below bit 63.
    @inline(__always)
    static func normalizeRoundAndPack(
        _ sign: UInt64, _ exponent: Int, _ significand: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        let shift = significand.leadingZeroBitCount &- 1
        return roundAndPack(
            sign, exponent &- shift, significand &<< UInt64(truncatingIfNeeded: shift), &context)
    }

    /// `roundAndPack` near and beyond both ends of the exponent range.
    @inline(never)
    static func roundAndPackExtreme(
        _ sign: UInt64, _ exponent: Int, _ significand: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        let increment = roundingIncrement(sign, context.rounding)
        // With unbounded exponents, the leading one would be carried into the next binade.
        let carries = (significand &+ increment) &>> 63 != 0

        if exponent > 0 {
            if exponent >= Format.specialExponent || (exponent == Format.specialExponent &- 1 && carries) {
                context.flags.raise(.overflow)
                context.flags.raise(.inexact)
                // Modes that round this sign toward zero stop at the largest finite number (7.4).
                return sign | (increment != 0 ? Format.infinity : Format.largestFinite)
            }
            return pack(sign, exponent, roundSignificand(sign, significand, &context))
        }

        let isTinyAfterRounding = exponent < 0 || !carries
        if Policy.subnormals == .arm && context.flushesResults {
            context.flags.raise(.underflow)
            return sign
        }
        if Policy.subnormals == .x86 && context.flushesResults && isTinyAfterRounding {
            context.flags.raise(.underflow)
            context.flags.raise(.inexact)
            return sign
        }
        let denormalized = shiftRightSticky(significand, 1 &- exponent)
        let isInexact = denormalized & ((1 &<< Format.extraBitCount) &- 1) != 0
        if isInexact && (isTinyAfterRounding || context.tininess == .beforeRounding) {
            context.flags.raise(.underflow)
        }
        return pack(sign, 1, roundSignificand(sign, denormalized, &context))
    }

    /// Whether a magnitude is rounded away from zero, by the mode's definition.
    /// - Parameters:
    ///   - fraction: what follows the last place, as a 64-bit binary fraction, bit 0 sticky.
    ///   - isOdd: whether the last place is one.
    @inline(__always)
    static func roundsAway(_ sign: UInt64, fraction: UInt64, isOdd: Bool, _ mode: RoundingMode) -> Bool {
        let half: UInt64 = 1 &<< 63
        switch mode {
        // Oddness matters only to a tie, and only there does bit 0 decide.
        case .nearestEven: return fraction | (isOdd ? 1 : 0) > half
        case .nearestMaxMagnitude: return fraction >= half
        case .towardZero: return false
        case .down: return fraction != 0 && sign != 0
        case .up: return fraction != 0 && sign == 0
        case .odd: return fraction != 0 && !isOdd
        }
    }
}
