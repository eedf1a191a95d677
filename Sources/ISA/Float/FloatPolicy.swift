/// Which NaN an operation returns when an operand is one.
public enum NaNPolicy: Sendable {
    /// Always the default NaN (RISC-V: Unprivileged ISA, "NaN Generation and Propagation").
    case canonical
    /// The first signalling operand, else the first quiet one, made quiet; a fused multiply-add looks at the addend
    /// first (Arm ARM, FPProcessNaNs and FPProcessNaNs3).
    case signalingFirst
    /// The first operand that is a NaN, made quiet (Intel SDM volume 1, table 4-7).
    case operandOrder
}

/// What an invalid conversion to an integer returns.
public enum InvalidIntegerPolicy: Sendable {
    /// The nearest integer that fits, and the largest for a NaN (RISC-V: Unprivileged ISA, "Single-Precision
    /// Floating-Point Conversion and Move Instructions").
    case saturateNaNToLargest
    /// The nearest integer that fits, and zero for a NaN (Arm ARM, FPToFixed).
    case saturateNaNToZero
    /// The "integer indefinite" value: the sign bit alone if signed, all ones if not (Intel SDM volume 2, CVTSD2SI).
    case indefinite
}

/// What an architecture can do about subnormal numbers beside computing with them.
public enum SubnormalPolicy: Sendable {
    /// Nothing: the flush options of the context are ignored, and cost nothing.
    case kept
    /// Arm: a flushed input raises input denormal; a result that is tiny before rounding is flushed and raises
    /// underflow alone (Arm ARM, FPUnpackBase and FPRoundBase).
    case arm
    /// x86: an operand that is used raises denormal operand, one that is flushed does not; a result that is tiny after
    /// rounding is flushed and raises underflow and inexact (Intel SDM volume 1, 4.9.1.2, 10.2.3.3 and 10.2.3.4).
    case x86
}

/// What IEEE 754 leaves to the implementation, as one architecture decided it.
public protocol FloatPolicy {
    static var nan: NaNPolicy { get }
    static var defaultNaNIsNegative: Bool { get }
    /// Whether infinity * 0 + quiet NaN raises invalid (left open by IEEE 754-2019, 7.2 c).
    static var infinityTimesZeroPlusNaNIsInvalid: Bool { get }
    static var invalidInteger: InvalidIntegerPolicy { get }
    static var subnormals: SubnormalPolicy { get }
}

public enum RISCVFloatPolicy: FloatPolicy {
    @inline(__always) public static var nan: NaNPolicy { .canonical }
    @inline(__always) public static var defaultNaNIsNegative: Bool { false }
    @inline(__always) public static var infinityTimesZeroPlusNaNIsInvalid: Bool { true }
    @inline(__always) public static var invalidInteger: InvalidIntegerPolicy { .saturateNaNToLargest }
    @inline(__always) public static var subnormals: SubnormalPolicy { .kept }
}

public enum ArmFloatPolicy: FloatPolicy {
    @inline(__always) public static var nan: NaNPolicy { .signalingFirst }
    @inline(__always) public static var defaultNaNIsNegative: Bool { false }
    @inline(__always) public static var infinityTimesZeroPlusNaNIsInvalid: Bool { true }
    @inline(__always) public static var invalidInteger: InvalidIntegerPolicy { .saturateNaNToZero }
    @inline(__always) public static var subnormals: SubnormalPolicy { .arm }
}

/// SSE and AVX. (The x87 chooses the NaN with the larger significand.)
public enum X86FloatPolicy: FloatPolicy {
    @inline(__always) public static var nan: NaNPolicy { .operandOrder }
    @inline(__always) public static var defaultNaNIsNegative: Bool { true }
    @inline(__always) public static var infinityTimesZeroPlusNaNIsInvalid: Bool { false }
    @inline(__always) public static var invalidInteger: InvalidIntegerPolicy { .indefinite }
    @inline(__always) public static var subnormals: SubnormalPolicy { .x86 }
}
