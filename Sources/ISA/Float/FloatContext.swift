/// The rounding-direction attributes of IEEE 754-2019, 4.3, numbered as the `rm` field and `frm` of RISC-V
/// (Unprivileged ISA, "Floating-Point Control and Status Register"), and rounding to odd.
public enum RoundingMode: UInt8, Sendable, CaseIterable {
    /// RNE, roundTiesToEven.
    case nearestEven = 0
    /// RTZ, roundTowardZero.
    case towardZero = 1
    /// RDN, roundTowardNegative.
    case down = 2
    /// RUP, roundTowardPositive.
    case up = 3
    /// RMM, roundTiesToAway.
    case nearestMaxMagnitude = 4
    /// An inexact result gets an odd last place, so that it can be rounded once more without double rounding
    /// (Arm's FCVTXN). No RISC-V field holds this number: 5 and 6 stay reserved, 7 is DYN.
    case odd = 8
}

/// Exceptions an operation raised, in the order of RISC-V's `fflags`.
public struct FloatFlags: OptionSet, Sendable {
    public var rawValue: UInt8
    @inline(__always) public init(rawValue: UInt8) { self.rawValue = rawValue }

    // Computed: a stored static property would be a lazily initialised global.
    /// NX.
    @inline(__always) public static var inexact: FloatFlags { FloatFlags(rawValue: 1) }
    /// UF.
    @inline(__always) public static var underflow: FloatFlags { FloatFlags(rawValue: 2) }
    /// OF.
    @inline(__always) public static var overflow: FloatFlags { FloatFlags(rawValue: 4) }
    /// DZ.
    @inline(__always) public static var divideByZero: FloatFlags { FloatFlags(rawValue: 8) }
    /// NV.
    @inline(__always) public static var invalid: FloatFlags { FloatFlags(rawValue: 16) }
    /// Arm's IDC, x86's DE; never raised under the RISC-V policy.
    @inline(__always) public static var inputDenormal: FloatFlags { FloatFlags(rawValue: 32) }

    /// `insert` without its result, in one instruction also where OptionSet's generic code is not specialised.
    @inline(__always) mutating func raise(_ flags: FloatFlags) { rawValue |= flags.rawValue }

    /// Raises without a branch, for conditions that data decide at random.
    @inline(__always) mutating func raise(_ flags: FloatFlags, if condition: Bool) {
        rawValue |= condition ? flags.rawValue : 0
    }
}

/// When a result is examined for underflow (IEEE 754-2019, 7.5: the implementation chooses).
public enum Tininess: UInt8, Sendable {
    /// RISC-V, x86.
    case afterRounding
    /// Arm.
    case beforeRounding
}

/// How operations round, and what they raised. Flags are only ever set: the caller clears them.
public struct FloatContext: Sendable {
    public var rounding: RoundingMode
    public var flags: FloatFlags = []
    public var tininess: Tininess
    /// Subnormal operands count as zeros (Arm FZ or FIZ, x86 DAZ).
    public var flushesInputs: Bool
    /// Tiny results become zeros (Arm FZ, x86 FTZ).
    public var flushesResults: Bool
    /// Every NaN result is the default NaN (Arm DN).
    public var returnsDefaultNaN: Bool

    @inline(__always)
    public init(
        _ rounding: RoundingMode = .nearestEven, tininess: Tininess = .afterRounding, flushesInputs: Bool = false,
        flushesResults: Bool = false, returnsDefaultNaN: Bool = false
    ) {
        self.rounding = rounding
        self.tininess = tininess
        self.flushesInputs = flushesInputs
        self.flushesResults = flushesResults
        self.returnsDefaultNaN = returnsDefaultNaN
    }
}
