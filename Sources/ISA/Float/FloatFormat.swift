/// A binary interchange format (IEEE 754-2019, 3.4), given by the two field widths that define it.
///
/// A value travels as its encoding in the low bits of a `UInt64`; the bits above `width` are zero, and every operation
/// of `FloatArithmetic` relies on it. Any format with an implicit leading one and no more precision than double fits. The
/// 80-bit format of the x87 has an explicit leading bit and 64 bits of
/// significand, so it needs arithmetic of its own, which can share `FloatContext`, `FloatPolicy` and `RoundingMode`.
public protocol FloatFormat {
    /// Width of the biased exponent field (*w* in the standard).
    static var exponentBitCount: Int { get }
    /// Width of the trailing significand field (*t*). The precision *p* is one more: the leading bit is implicit.
    static var significandBitCount: Int { get }
}

/// Half precision.
public enum Binary16: FloatFormat {
    @inline(__always) public static var exponentBitCount: Int { 5 }
    @inline(__always) public static var significandBitCount: Int { 10 }
}

/// bfloat16: the upper half of a single-precision number.
public enum BrainFloat16: FloatFormat {
    @inline(__always) public static var exponentBitCount: Int { 8 }
    @inline(__always) public static var significandBitCount: Int { 7 }
}

/// Single precision.
public enum Binary32: FloatFormat {
    @inline(__always) public static var exponentBitCount: Int { 8 }
    @inline(__always) public static var significandBitCount: Int { 23 }
}

/// Double precision.
public enum Binary64: FloatFormat {
    @inline(__always) public static var exponentBitCount: Int { 11 }
    @inline(__always) public static var significandBitCount: Int { 52 }
}

// Everything that follows from the two widths. Computed, so that specialised code sees constants and nothing is
// initialised at run time.
extension FloatFormat {
    /// Width of the whole encoding.
    @inline(__always) public static var width: Int { 1 &+ exponentBitCount &+ significandBitCount }
    /// What is added to an exponent to store it.
    @inline(__always) public static var bias: Int { (1 &<< (exponentBitCount &- 1)) &- 1 }
    /// The biased exponent of infinities and NaNs: all ones.
    @inline(__always) public static var specialExponent: Int { (1 &<< exponentBitCount) &- 1 }

    @inline(__always) public static var signMask: UInt64 { 1 &<< UInt64(truncatingIfNeeded: width &- 1) }
    /// All bits but the sign.
    @inline(__always) public static var magnitudeMask: UInt64 { signMask &- 1 }
    @inline(__always) public static var significandMask: UInt64 { leadingBit &- 1 }
    /// Where the implicit leading one would stand, just above the trailing significand.
    @inline(__always) public static var leadingBit: UInt64 { 1 &<< UInt64(truncatingIfNeeded: significandBitCount) }
    /// The first bit of a NaN's trailing significand: one if it is quiet (IEEE 754-2019, 6.2.1).
    @inline(__always) public static var quietBit: UInt64 { leadingBit &>> 1 }

    /// Positive infinity; also the bound between the magnitudes of numbers and of NaNs.
    @inline(__always) public static var infinity: UInt64 { magnitudeMask & ~significandMask }
    @inline(__always) public static var largestFinite: UInt64 { infinity &- 1 }
    @inline(__always) public static var one: UInt64 {
        UInt64(truncatingIfNeeded: bias) &<< UInt64(truncatingIfNeeded: significandBitCount)
    }

    @inline(__always) public static func sign(_ x: UInt64) -> UInt64 { x & signMask }
    @inline(__always) public static func magnitude(_ x: UInt64) -> UInt64 { x & magnitudeMask }
    @inline(__always) public static func isNegative(_ x: UInt64) -> Bool { x & signMask != 0 }
    @inline(__always) public static func isZero(_ x: UInt64) -> Bool { magnitude(x) == 0 }
    @inline(__always) public static func isInfinite(_ x: UInt64) -> Bool { magnitude(x) == infinity }
    @inline(__always) public static func isNaN(_ x: UInt64) -> Bool { magnitude(x) > infinity }
    @inline(__always) public static func isSignalingNaN(_ x: UInt64) -> Bool { isNaN(x) && x & quietBit == 0 }
    @inline(__always) public static func isSubnormal(_ x: UInt64) -> Bool {
        // Zero wraps round to a large number.
        magnitude(x) &- 1 < significandMask
    }
    /// An infinity or a NaN.
    @inline(__always) public static func isSpecial(_ x: UInt64) -> Bool { magnitude(x) >= infinity }

    @inline(__always) static func biasedExponent(_ x: UInt64) -> Int {
        Int(truncatingIfNeeded: magnitude(x) &>> UInt64(truncatingIfNeeded: significandBitCount))
    }

    /// How many bits a working significand (see `FloatArithmetic`) has below the last place of the format.
    @inline(__always) static var extraBitCount: UInt64 { UInt64(truncatingIfNeeded: 62 &- significandBitCount) }
}
