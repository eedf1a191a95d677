// Addition, subtraction, multiplication and fused multiply-add (IEEE 754-2019, 5.4.1).

extension FloatArithmetic {
    public static func add(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        sum(a, b, negation: 0, &context)
    }

    public static func subtract(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        sum(a, b, negation: Format.signMask, &context)
    }

    /// The sign of a sum of opposite numbers: positive unless rounding downward (6.3).
    @inline(__always)
    static func exactZero(_ context: FloatContext) -> UInt64 {
        context.rounding == .down ? Format.signMask : 0
    }

    /// - Parameter negation: the sign mask to subtract; a NaN in `b` must keep its own sign.
    @inline(__always)
    static func sum(_ a: UInt64, _ b: UInt64, negation: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isSpecial(a) || Format.isSpecial(b) { return sumOfSpecials(a, b, negation: negation, &context) }
        noteSubnormals(a, b, in: &context)

        var large = a
        var small = b ^ negation
        if Format.magnitude(large) < Format.magnitude(small) { swap(&large, &small) }
        // Not normalised: two subnormals have the same exponent, 1, and a sum of the right scale.
        let (exponent, largeSignificand) = unpackUnnormalized(large)
        let (smallExponent, unaligned) = unpackUnnormalized(small)
        let smallSignificand = shiftRightSticky(unaligned, exponent &- smallExponent)
        let sign = Format.sign(large)

        if Format.sign(large ^ small) == 0 {
            let total = largeSignificand &+ smallSignificand
            if total &>> 63 != 0 {
                return roundAndPack(sign, exponent &+ 1, (total &>> 1) | (total & 1), &context)
            }
            if total &>> 62 != 0 { return roundAndPack(sign, exponent, total, &context) }
            if total == 0 { return sign }
            return normalizeRoundAndPack(sign, exponent, total, &context)
        }
        let difference = largeSignificand &- smallSignificand
        if difference == 0 { return exactZero(context) }
        // Normalising moves a sticky bit by one place at most, still below the half of the last place: bits were lost
        // only if the exponents differ by more than one, and then at most one leading bit cancels.
        return normalizeRoundAndPack(sign, exponent, difference, &context)
    }

    @inline(__always)
    static func unpackUnnormalized(_ x: UInt64) -> (exponent: Int, significand: UInt64) {
        let exponent = Format.biasedExponent(x)
        let fraction = x & Format.significandMask
        if exponent == 0 { return (1, fraction &<< Format.extraBitCount) }
        return (exponent, (fraction | Format.leadingBit) &<< Format.extraBitCount)
    }

    @inline(never)
    static func sumOfSpecials(
        _ a: UInt64, _ b: UInt64, negation: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        if Format.isNaN(a) || Format.isNaN(b) { return propagateNaN(a, b, &context) }
        let b = b ^ negation
        if Format.isInfinite(a) && Format.isInfinite(b) && a != b { return invalid(&context) }
        noteSubnormals(a, b, in: &context)
        return Format.isInfinite(a) ? a : b
    }
}

extension FloatArithmetic {
    public static func multiply(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isSpecial(a) || Format.isSpecial(b) { return productOfSpecials(a, b, &context) }
        noteSubnormals(a, b, in: &context)

        let x = unpack(a)
        let y = unpack(b)
        let sign = Format.sign(a ^ b)
        if x.significand == 0 || y.significand == 0 { return sign }
        let exponent = x.exponent &+ y.exponent &- Format.bias

        // The product of two numbers in [1, 2) is in [1, 4): it is computed with the leading one at bit 61 or 62.
        if Format.significandBitCount <= 23 {
            // At most 24 significant bits each: the exact product fits 64 bits.
            let product = (x.significand &>> 32) &* (y.significand &>> 31)
            if product &>> 62 != 0 { return roundAndPack(sign, exponent &+ 1, product, &context) }
            return roundAndPack(sign, exponent, product &<< 1, &context)
        }
        let (high, low) = (x.significand &<< 1).multipliedFullWidth(by: y.significand)
        if high &>> 62 != 0 {
            return roundAndPack(sign, exponent &+ 1, high | (low != 0 ? 1 : 0), &context)
        }
        // The top bit of `low` would move into bit 0, where the sticky bit stands for it.
        return roundAndPack(sign, exponent, (high &<< 1) | (low != 0 ? 1 : 0), &context)
    }

    @inline(never)
    static func productOfSpecials(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if Format.isNaN(a) || Format.isNaN(b) { return propagateNaN(a, b, &context) }
        if Format.isZero(a) || Format.isZero(b) { return invalid(&context) }
        noteSubnormals(a, b, in: &context)
        return Format.sign(a ^ b) | Format.infinity
    }
}

extension FloatArithmetic {
    /// `a * b + c`, rounded once.
    ///
    /// For the other signs flip the operands' sign bits first: `a` for a negative product, `c` for a negative addend.
    /// Arm negates so too, NaNs included; on x86 a NaN keeps its sign.
    public static func fusedMultiplyAdd(
        _ a: UInt64, _ b: UInt64, _ c: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        fusedMultiplyAdd(a, b, c, exponentChange: 0, &context)
    }

    /// The same times `2^exponentChange`, rounded once.
    @inline(__always)
    static func fusedMultiplyAdd(
        _ a: UInt64, _ b: UInt64, _ c: UInt64, exponentChange: Int, _ context: inout FloatContext
    ) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        let c = flushInput(c, &context)
        if Format.isSpecial(a) || Format.isSpecial(b) || Format.isSpecial(c) {
            return fusedOfSpecials(a, b, c, &context)
        }
        noteSubnormals(a, b, c, in: &context)

        let x = unpack(a)
        let y = unpack(b)
        let addend = unpack(c)
        let productSign = Format.sign(a ^ b)
        let addendSign = Format.sign(c)
        if x.significand == 0 || y.significand == 0 {
            if addend.significand == 0 { return productSign == addendSign ? productSign : exactZero(context) }
            return roundAndPack(addendSign, addend.exponent &+ exponentChange, addend.significand, &context)
        }

        // The exact product, with the leading one at bit 126 of 128.
        var productExponent = x.exponent &+ y.exponent &- Format.bias
        var product = wide(x.significand &<< 1, times: y.significand)
        let isTwoOrMore = product &>> 126 != 0
        productExponent &+= isTwoOrMore ? 1 : 0
        product = isTwoOrMore ? product : product &<< 1
        if addend.significand == 0 {
            return roundAndPack(productSign, productExponent &+ exponentChange, narrow(product), &context)
        }

        // Addition as in `sum`, with 128 bits. The aligned smaller term loses bits into the sticky bit only if it is
        // more than 20 places away, where at most one bit can cancel.
        let wideAddend = UInt128(addend.significand) &<< 64
        let distance = productExponent &- addend.exponent
        let large: UInt128, small: UInt128, sign: UInt64
        var exponent: Int
        if distance > 0 || (distance == 0 && product >= wideAddend) {
            (large, small) = (product, shiftRightSticky(wideAddend, distance))
            (sign, exponent) = (productSign, productExponent)
        } else {
            (large, small) = (wideAddend, shiftRightSticky(product, 0 &- distance))
            (sign, exponent) = (addendSign, addend.exponent)
        }
        if productSign == addendSign {
            var total = large &+ small
            if total &>> 127 != 0 {
                total = (total &>> 1) | (total & 1)
                exponent &+= 1
            }
            return roundAndPack(sign, exponent &+ exponentChange, narrow(total), &context)
        }
        let difference = large &- small
        if difference == 0 { return exactZero(context) }
        let shift = difference.leadingZeroBitCount &- 1
        let normalized = difference &<< UInt128(truncatingIfNeeded: shift)
        return roundAndPack(sign, exponent &- shift &+ exponentChange, narrow(normalized), &context)
    }

    @inline(__always)
    static func wide(_ a: UInt64, times b: UInt64) -> UInt128 {
        let (high, low) = a.multipliedFullWidth(by: b)
        return UInt128(high) &<< 64 | UInt128(low)
    }

    /// The upper half, the lower one as its sticky bit.
    @inline(__always)
    static func narrow(_ significand: UInt128) -> UInt64 {
        let low = UInt64(truncatingIfNeeded: significand)
        return UInt64(truncatingIfNeeded: significand &>> 64) | (low != 0 ? 1 : 0)
    }

    @inline(never)
    static func fusedOfSpecials(
        _ a: UInt64, _ b: UInt64, _ c: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        let isInfinityTimesZero =
            (Format.isInfinite(a) && Format.isZero(b)) || (Format.isZero(a) && Format.isInfinite(b))
        if Format.isNaN(a) || Format.isNaN(b) || Format.isNaN(c) {
            return propagateNaN(a, b, addend: c, isInfinityTimesZero: isInfinityTimesZero, &context)
        }
        if isInfinityTimesZero { return invalid(&context) }
        let productSign = Format.sign(a ^ b)
        let productIsInfinite = Format.isInfinite(a) || Format.isInfinite(b)
        if productIsInfinite && Format.isInfinite(c) && Format.sign(c) != productSign { return invalid(&context) }
        noteSubnormals(a, b, c, in: &context)
        return productIsInfinite ? productSign | Format.infinity : c
    }
}
