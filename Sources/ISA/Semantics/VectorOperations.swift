/// The vocabulary of vectors of 128 bits, whose lanes have the width that is named beside the operation.
///
/// It is small on purpose. What a few of its operations make is not in it: those that all hosts have, one for one, are,
/// and those that would need many. As for integers, the meaning of each is its `evaluate` function.

public enum VectorOperation: UInt8, Sendable, CaseIterable {
    case add, subtract, multiply
    case and, or, xor
    /// a AND NOT b.
    case andNot
    /// All ones where the relation holds, else zero.
    case compareEqual, compareGreaterSigned, compareGreaterUnsigned
    case minimumSigned, maximumSigned, minimumUnsigned, maximumUnsigned
    /// The low half of the product over GF(2).
    case polynomialMultiply
    /// Lanes of a to the left by those of b; to the right where these are negative. The count is the low byte of a lane,
    /// signed, and all bits may go. The rounding ones add half of the last place, with as many bits as that takes.
    case shiftSigned, shiftUnsigned, shiftRoundingSigned, shiftRoundingUnsigned
    /// Lanes of a and b by turns: of the lower halves, and of the upper ones.
    case zipLow, zipHigh
    /// The even lanes of a, then those of b; the odd ones.
    case unzipEven, unzipOdd
    /// Bytes of a by the numbers in b, and zero by a number above 15.
    case lookup
}

public enum VectorUnaryOperation: UInt8, Sendable, CaseIterable {
    case countLeadingZeros, countOnes, reverseBits
    /// 1 / a and 1 / sqrt(a) of 32-bit fractions, as the tables of Arm's manual have them (A64 URECPE, URSQRTE).
    case reciprocalEstimate, reciprocalSquareRootEstimate
}

/// By one count, of 0 to the bits of a lane.
public enum VectorShiftOperation: UInt8, Sendable, CaseIterable {
    case left, rightSigned, rightUnsigned
}

/// Operations whose result becomes the nearest that a lane holds, which is noted in ``CoreState/saturated``.
public enum VectorSaturatingOperation: UInt8, Sendable, CaseIterable {
    case addSigned, addUnsigned, subtractSigned, subtractUnsigned
    /// An unsigned b is added to a signed a; and the other way round.
    case addUnsignedToSigned, addSignedToUnsigned
    /// As those of ``VectorOperation``; the last one makes an unsigned number of a signed one.
    case shiftSigned, shiftUnsigned, shiftRoundingSigned, shiftRoundingUnsigned, shiftSignedToUnsigned
    /// The upper half of 2 * a * b, signed; and rounded.
    case doubleMultiplyHigh, roundingDoubleMultiplyHigh
    /// c + 2 * a * b, and c - 2 * a * b, with c shifted to the upper half, of which that is what remains; rounded.
    case roundingDoubleMultiplyHighAdd, roundingDoubleMultiplyHighSubtract
    /// 2 * a * b of signed numbers that half a lane holds.
    case doubleMultiply
    /// Lanes of twice the width become lanes of this one, in the lower half; the upper one is zero.
    case narrowSigned, narrowUnsigned, narrowSignedToUnsigned
}
