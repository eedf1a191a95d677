// Comparisons, minimum and maximum, and classification (IEEE 754-2019, 5.11, 5.7.2, 9.6).

extension FloatArithmetic {
    /// compareQuietEqual.
    public static func equal(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> Bool {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if isUnordered(a, b, quiet: true, &context) { return false }
        return comparable(a) == comparable(b)
    }

    /// compareSignalingLess: any NaN is invalid. With `quiet`, compareQuietLess: only a signalling one is.
    public static func lessThan(
        _ a: UInt64, _ b: UInt64, quiet: Bool = false, _ context: inout FloatContext
    ) -> Bool {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if isUnordered(a, b, quiet: quiet, &context) { return false }
        return comparable(a) < comparable(b)
    }

    /// compareSignalingLessEqual: any NaN is invalid. With `quiet`, compareQuietLessEqual: only a signalling one is.
    public static func lessOrEqual(
        _ a: UInt64, _ b: UInt64, quiet: Bool = false, _ context: inout FloatContext
    ) -> Bool {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if isUnordered(a, b, quiet: quiet, &context) { return false }
        return comparable(a) <= comparable(b)
    }

    /// Whether a comparison meets a NaN, and the flags it then raises; the denormal operand flag if not.
    @inline(__always)
    static func isUnordered(_ a: UInt64, _ b: UInt64, quiet: Bool, _ context: inout FloatContext) -> Bool {
        if Format.isNaN(a) || Format.isNaN(b) {
            if !quiet || Format.isSignalingNaN(a) || Format.isSignalingNaN(b) { context.flags.raise(.invalid) }
            return true
        }
        noteSubnormals(a, b, in: &context)
        return false
    }

    /// An integer in the order of the numbers: encodings are sign and magnitude, integers two's complement. Both zeros
    /// are 0.
    @inline(__always)
    static func comparable(_ x: UInt64) -> Int64 {
        let magnitude = Int64(bitPattern: Format.magnitude(x))
        return Format.isNegative(x) ? 0 &- magnitude : magnitude
    }

    /// The order of two numbers, with -0 below +0: as `comparable`, but negative ones count from -1.
    @inline(__always)
    static func isBelow(_ a: UInt64, _ b: UInt64) -> Bool {
        let x = comparable(a) &- (Format.isNegative(a) ? 1 : 0)
        let y = comparable(b) &- (Format.isNegative(b) ? 1 : 0)
        return x < y
    }
}

extension FloatArithmetic {
    /// minimumNumber: a number is preferred to a NaN, -0 is less than +0 (RISC-V FMIN).
    public static func minimumNumber(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isNaN(a) || Format.isNaN(b) { return numberOrNaN(a, b, &context) }
        return isBelow(a, b) ? a : b
    }

    /// maximumNumber (RISC-V FMAX).
    public static func maximumNumber(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isNaN(a) || Format.isNaN(b) { return numberOrNaN(a, b, &context) }
        return isBelow(a, b) ? b : a
    }

    /// minimum: a NaN operand makes the result a NaN (RISC-V FMINM, Arm FMIN).
    public static func minimum(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isNaN(a) || Format.isNaN(b) { return propagateNaN(a, b, &context) }
        return isBelow(a, b) ? a : b
    }

    /// maximum (RISC-V FMAXM, Arm FMAX).
    public static func maximum(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        if Format.isNaN(a) || Format.isNaN(b) { return propagateNaN(a, b, &context) }
        return isBelow(a, b) ? b : a
    }

    /// The operand that is a number, if one is. (Arm's FMINNM differs: it follows IEEE 754-2008, where a signalling NaN
    /// makes the result a NaN.)
    @inline(never)
    static func numberOrNaN(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        if Format.isSignalingNaN(a) || Format.isSignalingNaN(b) { context.flags.raise(.invalid) }
        if !Format.isNaN(a) { return a }
        if !Format.isNaN(b) { return b }
        return propagateNaN(a, b, &context)
    }
}

/// The class of a value, numbered as the bits of RISC-V's FCLASS (Unprivileged ISA, "Single-Precision
/// Floating-Point Classify Instruction").
public enum FloatClass: UInt8, Sendable, CaseIterable {
    case negativeInfinity, negativeNormal, negativeSubnormal, negativeZero
    case positiveZero, positiveSubnormal, positiveNormal, positiveInfinity
    case signalingNaN, quietNaN

    /// What FCLASS returns: one bit of ten.
    @inline(__always) public var mask: UInt64 { 1 &<< UInt64(truncatingIfNeeded: rawValue) }
}

extension FloatArithmetic {
    public static func classify(_ x: UInt64) -> FloatClass {
        let isNegative = Format.isNegative(x)
        if Format.isNaN(x) { return Format.isSignalingNaN(x) ? .signalingNaN : .quietNaN }
        if Format.isInfinite(x) { return isNegative ? .negativeInfinity : .positiveInfinity }
        if Format.isZero(x) { return isNegative ? .negativeZero : .positiveZero }
        if Format.isSubnormal(x) { return isNegative ? .negativeSubnormal : .positiveSubnormal }
        return isNegative ? .negativeNormal : .positiveNormal
    }
}
