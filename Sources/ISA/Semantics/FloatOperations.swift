/// The vocabulary of floating-point operations: what IEEE 754 defines, and what an architecture adds.
///
/// Each is the guest's own, under its state: NaNs, subnormals and flags are as its manual says. Bits of an operand above
/// the format are zero, and so are those of the result.

public enum FloatSize: UInt8, Sendable, CaseIterable {
    case half, single, double
}

public enum FloatOperation: UInt8, Sendable, CaseIterable {
    case add, subtract, multiply, divide, squareRoot
    /// a * b + c, a * b - c, -(a * b) + c, -(a * b) - c, rounded once.
    case multiplyAdd, multiplySubtract, negatedMultiplyAdd, negatedMultiplySubtract
    /// IEEE 754-2019 minimumNumber and maximumNumber; on Arm minNum and maxNum of 754-2008.
    case minimumNumber, maximumNumber
    /// 1 or 0. Equality is quiet, the orders signal on every NaN.
    case equal, less, lessOrEqual
    /// A bit for the class of the operand (RISC-V fclass).
    case classify

    /// The smaller and the larger one; of a NaN comes a NaN (A64 FMIN, FMAX).
    case minimum, maximum
    /// All condition flags of a comparison, in the raw layout of ``ConditionCode``. The second one signals on every NaN.
    case compareQuiet, compareSignaling
    /// To an integer in the same format. The second one raises inexact.
    case roundToInteger, roundToIntegerExact
    /// The same to one that 32 or 64 bits hold, signed; what does not fit is invalid and becomes the most negative one.
    case roundToWord, roundToDouble
    /// a * 2^b to an integer of c bits, signed or not, which saturates as ``Emitter/floatToInteger(_:_:_:signed:_:)``
    /// does, and is zero-extended.
    case toFixedSigned, toFixedUnsigned
    /// a * 2^-b, with a as an integer of c bits.
    case fromFixedSigned, fromFixedUnsigned
    /// To an integer toward zero, modulo 2^32. Bit 32 is set where it is equal to a, that is no -0 (A64 FJCVTZS).
    case toModularWord
    /// a * b + c, with a and b in the next narrower format (A64 FMLAL).
    case multiplyAddNarrow
    /// a * b, but 2 with the product's sign for infinity times zero (A64 FMULX).
    case multiplyExtended
    /// 1 / a and 1 / sqrt(a) to some bits, as the guest's tables have them, and steps of Newton's method.
    case reciprocalEstimate, reciprocalSquareRootEstimate, reciprocalStep, reciprocalSquareRootStep
    /// c + a0 * b0 + a1 * b1 in single precision, with two bfloat16 numbers in each of a and b (A64 BFDOT). Each step is
    /// rounded to odd, knows no subnormal numbers, and raises nothing, whatever the state says.
    case dotProductBrain
    /// To bfloat16 (A64 BFCVT).
    case convertToBrain
    /// A power of two about as far from 1 as a, on the other side (A64 FRECPX).
    case reciprocalExponent
}

/// Which rounding mode an instruction uses: one of its own, or the one in the state.
public enum RoundingControl: UInt8, Sendable {
    case nearestEven = 0, towardZero = 1, down = 2, up = 3, nearestMaxMagnitude = 4, dynamic = 7, odd = 8
}
