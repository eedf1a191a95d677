// Floating-point arithmetic from the definition: find the exact result, then round it once (IEEE 754-2019, 4.3 and 7;
// Unprivileged ISA, chapters 20, 21 and 23).

struct Format {
    let name: String
    let exponentBits: Int
    let fractionBits: Int

    static let half = Format(name: "half", exponentBits: 5, fractionBits: 10)
    static let single = Format(name: "single", exponentBits: 8, fractionBits: 23)
    static let double = Format(name: "double", exponentBits: 11, fractionBits: 52)

    var bias: Int { 1 << (exponentBits - 1) - 1 }
    var signBit: UInt64 { 1 << UInt64(exponentBits + fractionBits) }
    var infinity: UInt64 { UInt64(1 << exponentBits - 1) << UInt64(fractionBits) }
    var canonicalNaN: UInt64 { infinity | 1 << UInt64(fractionBits - 1) }
    /// What a 64-bit register holds above a narrower number: ones (21.2).
    var box: UInt64 { fractionBits == 52 ? 0 : ~(signBit << 1 - 1) }

    func decode(_ bits: UInt64) -> Value {
        let negative = bits & signBit != 0
        let fraction = bits & (1 << UInt64(fractionBits) - 1)
        let exponent = Int(bits >> UInt64(fractionBits)) & (1 << exponentBits - 1)
        if exponent == 1 << exponentBits - 1 {
            return fraction == 0
                ? .infinite(negative) : .nan(signalling: fraction >> UInt64(fractionBits - 1) == 0)
        }
        if exponent == 0 {
            return fraction == 0 ? .zero(negative) : .finite(negative, Natural(fraction), 1 - bias - fractionBits)
        }
        return .finite(negative, Natural(fraction | 1 << UInt64(fractionBits)), exponent - bias - fractionBits)
    }
}

/// What a bit pattern stands for. A finite number is its magnitude times a power of two.
enum Value {
    case nan(signalling: Bool)
    case infinite(Bool)
    case zero(Bool)
    case finite(Bool, Natural, Int)

    var negative: Bool {
        switch self {
        case .nan: false
        case .infinite(let negative), .zero(let negative), .finite(let negative, _, _): negative
        }
    }
    var isNaN: Bool { if case .nan = self { true } else { false } }
    var isSignalling: Bool { if case .nan(let signalling) = self { signalling } else { false } }
    var isInfinite: Bool { if case .infinite = self { true } else { false } }
    var isZero: Bool { if case .zero = self { true } else { false } }
}

enum Rounding: Int, CaseIterable { case nearestEven, towardsZero, down, up, nearestAway }

/// The bits of fflags (20.2).
struct Flags: OptionSet {
    let rawValue: UInt8
    static let inexact = Flags(rawValue: 1)
    static let underflow = Flags(rawValue: 2)
    static let overflow = Flags(rawValue: 4)
    static let divisionByZero = Flags(rawValue: 8)
    static let invalid = Flags(rawValue: 16)
}

struct Result {
    var bits: UInt64
    var flags: Flags = []
}

struct Arithmetic {
    let format: Format
    let mode: Rounding

    var invalid: Result { Result(bits: format.canonicalNaN, flags: .invalid) }

    func sign(_ negative: Bool) -> UInt64 { negative ? format.signBit : 0 }

    /// The integer that a magnitude times 2^exponent rounds to, and whether that is exact.
    func integer(_ negative: Bool, _ magnitude: Natural, _ exponent: Int) -> (Natural, inexact: Bool) {
        if exponent >= 0 { return (magnitude << exponent, false) }
        let truncated = magnitude >> -exponent
        let rest = magnitude - truncated << -exponent
        if rest.isZero { return (truncated, false) }
        let half = Natural(1) << (-exponent - 1)
        let away =
            switch mode {
            case .nearestEven: rest > half || rest == half && truncated.isOdd
            case .nearestAway: rest >= half
            case .towardsZero: false
            case .down: negative
            case .up: !negative
            }
        return (away ? truncated + Natural(1) : truncated, true)
    }

    /// Rounds magnitude times 2^exponent, not zero, to the format. `sticky` stands for a little more than that.
    func round(_ negative: Bool, _ magnitude: Natural, _ exponent: Int, sticky: Bool = false) -> Result {
        var magnitude = magnitude
        var exponent = exponent
        if sticky {
            magnitude = magnitude << 2 + Natural(1)
            exponent -= 2
        }
        let least = 1 - format.bias
        let leading = exponent + magnitude.bitWidth - 1
        // As if the exponent had no bounds: tiny is what is below the least normal number after rounding (20.2).
        let unbounded = leading - format.fractionBits
        let (full, _) = integer(negative, magnitude, exponent - unbounded)
        let tiny = unbounded + full.bitWidth - 1 < least

        var unit = max(leading, least) - format.fractionBits
        var (number, inexact) = integer(negative, magnitude, exponent - unit)
        if number.bitWidth > format.fractionBits + 1 {
            number = number >> 1
            unit += 1
        }
        if unit + format.fractionBits > format.bias {
            let infinite =
                switch mode {
                case .nearestEven, .nearestAway: true
                case .towardsZero: false
                case .down: negative
                case .up: !negative
                }
            return Result(
                bits: sign(negative) | (infinite ? format.infinity : format.infinity - 1), flags: [.overflow, .inexact])
        }
        var flags: Flags = inexact ? .inexact : []
        if tiny && inexact { flags.insert(.underflow) }
        // A subnormal number has the exponent field 0; the hidden bit of a normal one adds the 1 that is missing here.
        let field = UInt64(unit + format.fractionBits + format.bias - 1) << UInt64(format.fractionBits)
        return Result(bits: sign(negative) | field + number.low, flags: flags)
    }

    func add(_ a: UInt64, _ b: UInt64) -> Result { sum(format.decode(a), format.decode(b)) }

    func sum(_ a: Value, _ b: Value) -> Result {
        if a.isNaN || b.isNaN { return nan(a, b) }
        switch (a, b) {
        case (.infinite(let first), .infinite(let second)) where first != second: return invalid
        case (.infinite(let negative), _), (_, .infinite(let negative)):
            return Result(bits: sign(negative) | format.infinity)
        case (.zero(let first), .zero(let second)):
            return Result(bits: sign(first == second ? first : mode == .down))
        case (.zero, .finite(let negative, let magnitude, let exponent)),
            (.finite(let negative, let magnitude, let exponent), .zero):
            return round(negative, magnitude, exponent)
        case (.finite(let first, let m1, let e1), .finite(let second, let m2, let e2)):
            let exponent = min(e1, e2)
            let x = m1 << (e1 - exponent)
            let y = m2 << (e2 - exponent)
            if first == second { return round(first, x + y, exponent) }
            if x == y { return Result(bits: sign(mode == .down)) }
            return x > y ? round(first, x - y, exponent) : round(second, y - x, exponent)
        default: return invalid
        }
    }

    /// The exact product of two numbers that are no NaNs, or none for infinity times zero.
    func product(_ a: Value, _ b: Value) -> Value? {
        let negative = a.negative != b.negative
        if a.isInfinite && b.isZero || a.isZero && b.isInfinite { return nil }
        if a.isInfinite || b.isInfinite { return .infinite(negative) }
        guard case .finite(_, let m1, let e1) = a, case .finite(_, let m2, let e2) = b else { return .zero(negative) }
        return .finite(negative, m1 * m2, e1 + e2)
    }

    func nan(_ values: Value...) -> Result {
        Result(bits: format.canonicalNaN, flags: values.contains { $0.isSignalling } ? .invalid : [])
    }

    func pack(_ value: Value) -> Result {
        switch value {
        case .nan: Result(bits: format.canonicalNaN)
        case .infinite(let negative): Result(bits: sign(negative) | format.infinity)
        case .zero(let negative): Result(bits: sign(negative))
        case .finite(let negative, let magnitude, let exponent): round(negative, magnitude, exponent)
        }
    }

    func multiply(_ a: UInt64, _ b: UInt64) -> Result {
        let (x, y) = (format.decode(a), format.decode(b))
        if x.isNaN || y.isNaN { return nan(x, y) }
        return product(x, y).map(pack) ?? invalid
    }

    /// Infinity times zero is invalid even where the addend is a quiet NaN (20.6).
    func multiplyAdd(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> Result {
        let (x, y, z) = (format.decode(a), format.decode(b), format.decode(c))
        if x.isNaN || y.isNaN { return nan(x, y, z) }
        guard let exact = product(x, y) else { return invalid }
        return z.isNaN ? nan(z) : sum(exact, z)
    }

    func divide(_ a: UInt64, _ b: UInt64) -> Result {
        let (x, y) = (format.decode(a), format.decode(b))
        if x.isNaN || y.isNaN { return nan(x, y) }
        let negative = x.negative != y.negative
        if x.isInfinite && y.isInfinite || x.isZero && y.isZero { return invalid }
        if x.isInfinite { return Result(bits: sign(negative) | format.infinity) }
        if y.isZero { return Result(bits: sign(negative) | format.infinity, flags: .divisionByZero) }
        guard case .finite(_, let m1, let e1) = x, case .finite(_, let m2, let e2) = y else {
            return Result(bits: sign(negative))
        }
        let (quotient, inexact) = Natural.quotient(m1 << 128, m2)  // many more bits than any format keeps
        return round(negative, quotient, e1 - e2 - 128, sticky: inexact)
    }

    func squareRoot(_ a: UInt64) -> Result {
        let x = format.decode(a)
        if x.isNaN { return nan(x) }
        guard case .finite(let negative, let magnitude, let exponent) = x else {
            return x.isZero || !x.negative ? Result(bits: a) : invalid
        }
        if negative { return invalid }
        let odd = exponent & 1  // the exponent must be even to be halved
        let (root, inexact) = (magnitude << (128 + odd)).squareRoot
        return round(false, root, (exponent - odd - 128) / 2, sticky: inexact)
    }

    func convert(_ bits: UInt64, from source: Format) -> Result {
        let value = source.decode(bits)
        return value.isNaN ? nan(value) : pack(value)
    }

    func fromInteger(_ bits: UInt64, width: Int, signed: Bool) -> Result {
        var value = width == 32 ? UInt64(UInt32(truncatingIfNeeded: bits)) : bits
        if width == 32 && signed { value = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits))) }
        let negative = signed && Int64(bitPattern: value) < 0
        if negative { value = 0 &- value }
        return value == 0 ? Result(bits: 0) : round(negative, Natural(value), 0)
    }

    /// To an integer; what does not fit is invalid and becomes the nearest end of the range, a NaN the upper (20.7).
    /// The result is as it stands in a register: a 32-bit one sign-extended, even if unsigned.
    func toInteger(_ bits: UInt64, width: Int, signed: Bool) -> Result {
        let value = format.decode(bits)
        let greatest: UInt64 = signed ? 1 << UInt64(width - 1) - 1 : width == 64 ? ~0 : 1 << UInt64(width) - 1
        let least: UInt64 = signed ? 0 &- (1 << UInt64(width - 1)) : 0
        func inRegister(_ result: UInt64) -> UInt64 {
            width == 64 ? result : UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: result)))
        }
        func saturated(_ negative: Bool) -> Result {
            Result(bits: inRegister(negative ? least : greatest), flags: .invalid)
        }
        switch value {
        case .nan: return saturated(false)
        case .infinite(let negative): return saturated(negative)
        case .zero: return Result(bits: 0)
        case .finite(let negative, let magnitude, let exponent):
            let (number, inexact) = integer(negative, magnitude, exponent)
            let limit = negative ? Natural(0 &- least) : Natural(greatest)
            if number > limit { return saturated(negative) }
            return Result(
                bits: inRegister(negative ? 0 &- number.low : number.low), flags: inexact ? .inexact : [])
        }
    }
}
