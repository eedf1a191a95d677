/// IEEE 754 arithmetic on encodings, with exact exception flags, in integer instructions.
///
/// An emulator cannot compute guest floating point with the host's operators: Swift has no access to the host's rounding
/// mode or flags, and the compiler folds and moves such operations as if there were none. So each operation here
/// computes with integers, the same way on every host:
///
/// 1. NaNs, infinities and other operands with rules of their own leave for a function that is never inlined.
/// 2. Finite operands are *unpacked*: a biased exponent and a 64-bit **working significand** with the leading one at
///    bit 62 (subnormals are normalised, with an exponent below 1), so that the value is
///    `significand * 2^(exponent - bias - 62)`. Bit 63 is room for the carry of an addition.
/// 3. The operation computes a working significand in the same form, exact but for bit 0, which is **sticky**: one if
///    anything nonzero lies at or below it. No format has its last place, or the half of it, that low, so
///    that is all rounding needs to know of the rest.
/// 4. `roundAndPack` rounds it to the format, raises the flags and encodes the result.
///
/// Only unpacking and packing know the format, and only a few cold functions the policy. Both are static, so that each
/// specialisation is as if written by hand; within this module whole-module optimisation makes one for each use. Code in
/// other modules should call through concrete functions of this one: unspecialised, an operation is ten times slower.
///
/// Arithmetic is written with `&+`, `&<<` and so on throughout, because wrapping is intended or proven absent: no operand,
/// valid or not, may trap.
public enum FloatArithmetic<Format: FloatFormat, Policy: FloatPolicy> {
    /// The NaN of invalid operations (IEEE 754-2019, 6.2 and 7.2).
    @inline(__always) public static var defaultNaN: UInt64 {
        (Policy.defaultNaNIsNegative ? Format.signMask : 0) | Format.infinity | Format.quietBit
    }
}

// MARK: - Unpacking

/// A finite number taken apart: `significand * 2^(exponent - bias - 62)`, leading one at bit 62. A zero has
/// significand 0.
struct UnpackedFloat {
    var exponent: Int
    var significand: UInt64
}

extension FloatArithmetic {
    /// - Parameter x: finite.
    @inline(__always)
    static func unpack(_ x: UInt64) -> UnpackedFloat {
        let exponent = Format.biasedExponent(x)
        let fraction = x & Format.significandMask
        if exponent != 0 {
            return UnpackedFloat(
                exponent: exponent, significand: (fraction | Format.leadingBit) &<< Format.extraBitCount)
        }
        if fraction == 0 { return UnpackedFloat(exponent: 0, significand: 0) }
        // The leading one of a subnormal moves from below `leadingBit` to bit 62; its exponent counts from 1.
        let shift = fraction.leadingZeroBitCount &- 1
        return UnpackedFloat(
            exponent: 1 &- (shift &- Int(truncatingIfNeeded: Format.extraBitCount)),
            significand: fraction &<< UInt64(truncatingIfNeeded: shift))
    }

    /// An operand as the operation sees it: zero instead of a subnormal where the context flushes inputs.
    @inline(__always)
    static func flushInput(_ x: UInt64, _ context: inout FloatContext) -> UInt64 {
        if Policy.subnormals == .kept || !context.flushesInputs || !Format.isSubnormal(x) { return x }
        // FPUnpackBase raises it for single and double precision only.
        if Policy.subnormals == .arm && Format.width > 16 { context.flags.raise(.inputDenormal) }
        return Format.sign(x)
    }

    /// Raises x86's denormal operand flag. Every more urgent condition (NaN operand, invalid operation, division by
    /// zero) leaves it alone, so it is raised when those have been excluded (Intel SDM volume 1, 4.9.2).
    @inline(__always)
    static func noteSubnormals(_ a: UInt64, _ b: UInt64 = 0, _ c: UInt64 = 0, in context: inout FloatContext) {
        if Policy.subnormals != .x86 { return }
        if Format.isSubnormal(a) || Format.isSubnormal(b) || Format.isSubnormal(c) {
            context.flags.raise(.inputDenormal)
        }
    }
}

// MARK: - NaNs

extension FloatArithmetic {
    @inline(never)
    static func invalid(_ context: inout FloatContext) -> UInt64 {
        context.flags.raise(.invalid)
        return defaultNaN
    }

    /// The result of a one-operand operation on a NaN.
    @inline(never)
    static func propagateNaN(_ a: UInt64, _ context: inout FloatContext) -> UInt64 {
        if Format.isSignalingNaN(a) { context.flags.raise(.invalid) }
        if Policy.nan == .canonical || context.returnsDefaultNaN { return defaultNaN }
        return a | Format.quietBit
    }

    /// The result of an operation of whose operands at least one is a NaN.
    @inline(never)
    static func propagateNaN(_ a: UInt64, _ b: UInt64, _ context: inout FloatContext) -> UInt64 {
        let isSignaling = Format.isSignalingNaN(a) || Format.isSignalingNaN(b)
        if isSignaling { context.flags.raise(.invalid) }
        if Policy.nan == .canonical || context.returnsDefaultNaN { return defaultNaN }
        let takesFirst: Bool
        if isSignaling && Policy.nan == .signalingFirst {
            takesFirst = Format.isSignalingNaN(a)
        } else {
            takesFirst = Format.isNaN(a)
        }
        return (takesFirst ? a : b) | Format.quietBit
    }

    /// The result of `a * b + c` where at least one operand is a NaN.
    @inline(never)
    static func propagateNaN(
        _ a: UInt64, _ b: UInt64, addend c: UInt64, isInfinityTimesZero: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let isSignaling = Format.isSignalingNaN(a) || Format.isSignalingNaN(b) || Format.isSignalingNaN(c)
        if isSignaling || (isInfinityTimesZero && Policy.infinityTimesZeroPlusNaNIsInvalid) {
            context.flags.raise(.invalid)
        }
        if Policy.nan == .canonical || context.returnsDefaultNaN { return defaultNaN }
        if Policy.nan == .operandOrder {
            return (Format.isNaN(a) ? a : Format.isNaN(b) ? b : c) | Format.quietBit
        }
        if isSignaling {
            return (Format.isSignalingNaN(c) ? c : Format.isSignalingNaN(a) ? a : b) | Format.quietBit
        }
        // FPMulAdd: an invalid product makes the default NaN of a quiet addend.
        if isInfinityTimesZero { return defaultNaN }
        return Format.isNaN(c) ? c : Format.isNaN(a) ? a : b
    }
}

// MARK: - NaN boxing

extension FloatArithmetic {
    /// A value in a 64-bit register: a narrower one has all ones above it, which makes it a NaN of the wider format
    /// (RISC-V Unprivileged ISA, "NaN Boxing of Narrower Values").
    @inline(__always)
    public static func boxed(_ x: UInt64) -> UInt64 {
        x | ~(Format.signMask | Format.magnitudeMask)
    }

    /// The value in a 64-bit register, or the default NaN if it is not boxed correctly.
    @inline(__always)
    public static func unboxed(_ register: UInt64) -> UInt64 {
        let mask = Format.signMask | Format.magnitudeMask
        return (register | mask) == ~0 ? register & mask : defaultNaN
    }
}
