import ISA
import Machine

/// How many random cases a test runs for each combination of format, operation and mode.
func floatCases(_ release: Int) -> Int {
    #if DEBUG
    return max(release / 100, 20)
    #else
    return release
    #endif
}

/// Operands where floating point breaks: extreme exponents, runs of ones and zeros, single bits, and pairs that nearly
/// cancel. A seed names the whole sequence, and failures print their operands, so any case can be run alone.
struct FloatOperands {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { random.next() }

    mutating func below(_ bound: UInt64) -> UInt64 { random.below(bound) }

    /// A run of ones somewhere in 64 bits, sometimes inverted, sometimes with one bit wrong.
    mutating func run() -> UInt64 {
        var value = ((~0 as UInt64) >> below(64)) << below(64)
        if below(2) == 0 { value ^= 1 << below(64) }
        return below(2) == 0 ? value : ~value
    }

    mutating func value<F: FloatFormat>(_ format: F.Type) -> UInt64 {
        let special = UInt64(F.specialExponent)
        let bias = UInt64(F.bias)
        let exponent: UInt64
        switch below(8) {
        case 0: exponent = [0, 1, special, special - 1, special - 2][Int(below(5))]
        case 1: exponent = bias &+ below(8) &- 4
        case 2: exponent = bias &+ below(128) &- 64
        case 3: exponent = below(UInt64(F.significandBitCount) + 3)
        case 4: exponent = special - below(UInt64(F.significandBitCount))
        default: exponent = next()
        }
        let significand: UInt64
        switch below(8) {
        case 0, 1, 2: significand = run()
        case 3: significand = 0
        case 4: significand = 1 << below(64)
        case 5: significand = below(16) &- 8
        default: significand = next()
        }
        let field = exponent << UInt64(F.significandBitCount) & F.infinity
        return (below(2) == 0 ? 0 : F.signMask) | field | significand & F.significandMask
    }

    /// A value near another: a few units in the last place away, one bit apart, or in the same binade.
    mutating func value<F: FloatFormat>(_ format: F.Type, near other: UInt64) -> UInt64 {
        let mask = F.signMask | F.magnitudeMask
        let sign = below(2) == 0 ? 0 : F.signMask
        switch below(4) {
        case 0: return ((other &+ below(9) &- 4) & mask) ^ sign
        case 1: return (other ^ 1 << below(UInt64(F.width))) ^ sign
        case 2: return ((other & ~F.significandMask) | (run() & F.significandMask)) ^ sign
        default: return value(format)
        }
    }

    /// Three operands; the third is often close to minus the product of the others.
    mutating func triple<F: FloatFormat>(_ format: F.Type) -> (UInt64, UInt64, UInt64) {
        let a = value(format)
        let b = below(2) == 0 ? value(format) : value(format, near: a)
        guard below(2) == 0 else { return (a, b, value(format, near: a)) }
        var context = FloatContext()
        let product = FloatArithmetic<F, RISCVFloatPolicy>.multiply(a, b, &context)
        let near = (product ^ F.signMask) &+ below(5) &- 2
        return (a, b, near & (F.signMask | F.magnitudeMask))
    }

    /// A value around the sizes of integers.
    mutating func nearInteger<F: FloatFormat>(_ format: F.Type) -> UInt64 {
        let other = value(format)
        if below(4) == 0 { return other }
        let exponent = UInt64(F.bias) &+ below(72) &- 4
        return (other & ~F.infinity) | (exponent << UInt64(F.significandBitCount) & F.infinity)
    }

    /// An integer of any length, often next to a power of two.
    mutating func integer() -> UInt64 {
        switch below(3) {
        case 0: return run() &+ below(5) &- 2
        case 1: return next() >> below(64)
        default: return 0 &- next() >> below(64)
        }
    }
}

/// What an operation gave, or should have given.
struct FloatOutcome: Equatable, CustomStringConvertible {
    var bits: UInt64
    var flags: FloatFlags

    var description: String {
        let names: [(FloatFlags, String)] = [
            (.invalid, "NV"), (.divideByZero, "DZ"), (.overflow, "OF"), (.underflow, "UF"), (.inexact, "NX"),
            (.inputDenormal, "ID"),
        ]
        let raised = names.filter { flags.contains($0.0) }.map(\.1).joined(separator: " ")
        return "0x\(String(bits, radix: 16)) [\(raised)]"
    }
}

func hexadecimal(_ values: UInt64...) -> String {
    values.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
}
