// Division and square root (IEEE 754-2019, 5.4.1). Neither uses a table or a 128-bit division, which Swift would leave
// to a library routine.

extension FloatArithmetic {
    public static func divide(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isSpecial(a) || Format.isSpecial(b) || Format.isZero(b) { return quotientOfSpecials(a, b, &context) }
        noteSubnormals(a, b, in: &context)

        let x = unpack(a)
        let y = unpack(b)
        let sign = Format.sign(a ^ b)
        if x.significand == 0 { return sign }
        // The dividend is scaled into [divisor, 2 * divisor), so the quotient is in [1, 2).
        let isLess = x.significand < y.significand
        let dividend = isLess ? x.significand &<< 1 : x.significand
        let exponent = x.exponent &- y.exponent &+ Format.bias &- (isLess ? 1 : 0)

        if Format.significandBitCount <= 23 {
            // One division of 64 bits by the 25 that are not zero makes a quotient of 38 bits, leading one at bit 37.
            let divisor = y.significand &>> 38
            let numerator = dividend &>> 1
            let quotient = numerator / divisor
            let remainder = numerator &- quotient &* divisor
            return roundAndPack(sign, exponent, (quotient &<< 25) | (remainder != 0 ? 1 : 0), &context)
        }
        // Two digits of 28 bits, schoolbook: a quotient of 56 bits.
        let (high, remainder) = quotientDigit(dividend &>> 1, y.significand)
        let (low, rest) = quotientDigit(remainder, y.significand)
        let quotient = (high &<< 28) &+ low
        return roundAndPack(sign, exponent, (quotient &<< 7) | (rest != 0 ? 1 : 0), &context)
    }

    /// `numerator * 2^28` divided by `divisor`.
    ///
    /// The digit is estimated with the upper 32 of the 63 bits of the divisor (Knuth, The Art of Computer Programming,
    /// 4.3.1). What is left out makes the estimate too large by less than 2^28 * 2^-31, so by one at most, and then the
    /// remainder is negative.
    /// - Parameters:
    ///   - numerator: less than `divisor`.
    ///   - divisor: leading one at bit 62.
    @inline(__always)
    static func quotientDigit(_ numerator: UInt64, _ divisor: UInt64) -> (digit: UInt64, remainder: UInt64) {
        let estimate = (numerator &>> 3) / (divisor &>> 31)
        let remainder = (numerator &<< 28) &- estimate &* divisor
        let allOnesIfNegative = UInt64(bitPattern: Int64(bitPattern: remainder) &>> 63)
        return (estimate &+ allOnesIfNegative, remainder &+ (divisor & allOnesIfNegative))
    }

    @inline(never)
    static func quotientOfSpecials(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if Format.isNaN(a) || Format.isNaN(b) { return propagateNaN(a, b, &context) }
        let sign = Format.sign(a ^ b)
        if Format.isInfinite(a) && Format.isInfinite(b) { return invalid(&context) }
        if Format.isZero(a) && Format.isZero(b) { return invalid(&context) }
        if Format.isZero(b) && !Format.isInfinite(a) {
            context.flags.raise(.divideByZero)
            return sign | Format.infinity
        }
        noteSubnormals(a, b, in: &context)
        return Format.isInfinite(a) ? sign | Format.infinity : sign
    }
}

extension FloatArithmetic {
    public static func squareRoot(_ a: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        if Format.isNaN(a) { return propagateNaN(a, &context) }
        if Format.isZero(a) { return a }
        if Format.isNegative(a) { return invalid(&context) }
        if Format.isInfinite(a) { return a }
        noteSubnormals(a, in: &context)

        // An odd exponent lends one factor of two to the radicand, which is then in [1, 4), its root in [1, 2).
        let x = unpack(a)
        let unbiased = x.exponent &- Format.bias
        let exponent = (unbiased &>> 1) &+ Format.bias
        let radicand = x.significand &<< UInt64(truncatingIfNeeded: unbiased & 1)
        let (root, remainder) = integerSquareRoot(radicand)
        if Format.significandBitCount <= 23 {
            return roundAndPack(0, exponent, (root &<< 31) | (remainder != 0 ? 1 : 0), &context)
        }
        return roundAndPack(0, exponent, extendedSquareRoot(root, remainder), &context)
    }

    /// The integer square root of `n` and what remains, for `n` of at least 2^62.
    ///
    /// Doubles the number of correct digits in each step, as Zimmermann's "Karatsuba Square Root" (INRIA report 3805):
    /// from 4 bits of root to 8, 16 and 32.
    @inline(__always)
    static func integerSquareRoot(_ n: UInt64) -> (root: UInt64, remainder: UInt64) {
        // The top 8 bits are at least 64, their root at least 8; these are the squares of 9 to 15.
        let top = n &>> 56
        var root: UInt64 = 8
        root &+= top >= 81 ? 1 : 0
        root &+= top >= 100 ? 1 : 0
        root &+= top >= 121 ? 1 : 0
        root &+= top >= 144 ? 1 : 0
        root &+= top >= 169 ? 1 : 0
        root &+= top >= 196 ? 1 : 0
        root &+= top >= 225 ? 1 : 0
        var result = (root: root, remainder: top &- root &* root)
        result = squareRootStep(result.root, result.remainder, next: (n &>> 48) & 0xff, bits: 4)
        result = squareRootStep(result.root, result.remainder, next: (n &>> 32) & 0xffff, bits: 8)
        return squareRootStep(result.root, result.remainder, next: n & 0xffff_ffff, bits: 16)
    }

    /// From `m = root^2 + remainder` to the root and the remainder of `m * 2^(2 * bits) + next`.
    @inline(__always)
    static func squareRootStep(
        _ root: UInt64, _ remainder: UInt64, next: UInt64, bits: UInt64
    ) -> (root: UInt64, remainder: UInt64) {
        let doubled = root &<< 1
        let numerator = (remainder &<< bits) | (next &>> bits)
        var quotient = numerator / doubled
        var rest = numerator &- quotient &* doubled
        if quotient &>> bits != 0 {
            quotient &-= 1
            rest &+= doubled
        }
        let newRoot = (root &<< bits) &+ quotient
        let newRemainder = ((rest &<< bits) | (next & ((1 &<< bits) &- 1))) &- quotient &* quotient
        // Negative if the root is one too large.
        let allOnesIfNegative = UInt64(bitPattern: Int64(bitPattern: newRemainder) &>> 63)
        let correction = (newRoot &<< 1) &- 1
        return (newRoot &+ allOnesIfNegative, newRemainder &+ (correction & allOnesIfNegative))
    }

    /// The last step, from a root of 32 bits to one of 64 with zeros as the next bits of the radicand. Only whether
    /// anything remains matters. The result has its leading one at bit 62, bit 0 sticky.
    @inline(__always)
    static func extendedSquareRoot(_ root: UInt64, _ remainder: UInt64) -> UInt64 {
        // remainder * 2^32 / (2 * root), without the bit that would not fit; the numerator's lost bit is zero.
        let numerator = remainder &<< 31
        var quotient = numerator / root
        var rest = (numerator &- quotient &* root) &<< 1
        if quotient &>> 32 != 0 {
            quotient &-= 1
            rest &+= root &<< 1
        }
        let extended = (root &<< 32) &+ quotient
        // What remains: rest * 2^32 - quotient^2, in 128 bits; negative if the root is one too large.
        let square = quotient.multipliedFullWidth(by: quotient)
        let (low, borrow) = (rest &<< 32).subtractingReportingOverflow(square.low)
        let high = (rest &>> 32) &- square.high &- (borrow ? 1 : 0)
        let corrected = extended &- (high &>> 63)
        // A root that was too large is not exact: 53 bits have an exact root of 27 at most, which `root` holds alone.
        return (corrected &>> 1) | (corrected & 1) | (high | low != 0 ? 1 : 0)
    }
}
