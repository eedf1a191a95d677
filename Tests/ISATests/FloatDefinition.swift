import ISA

/// A number as IEEE 754 speaks of it before rounding: exact, of unbounded range. The value is
/// `(magnitude + tail) * 2^exponent`, where tail is 0 or, if `hasTail`, something between 0 and 1.
///
/// Slow and literal on purpose: it shares nothing with the implementation, and each step is a sentence of the standard.
struct ExactNumber {
    var isNegative: Bool
    var magnitude: UInt128
    var exponent: Int
    var hasTail = false

    /// The value of a finite encoding (IEEE 754-2019, 3.4).
    init<F: FloatFormat>(_ bits: UInt64, _ format: F.Type) {
        let field = Int(bits & F.infinity) >> F.significandBitCount
        let fraction = UInt128(bits & F.significandMask)
        isNegative = bits & F.signMask != 0
        magnitude = field == 0 ? fraction : fraction + UInt128(1) << UInt128(F.significandBitCount)
        exponent = max(field, 1) - F.bias - F.significandBitCount
    }

    init(isNegative: Bool, magnitude: UInt128, exponent: Int, hasTail: Bool = false) {
        self.isNegative = isNegative
        self.magnitude = magnitude
        self.exponent = exponent
        self.hasTail = hasTail
    }

    /// The position of the leading one.
    var leading: Int { exponent + 127 - magnitude.leadingZeroBitCount }

    /// Moves the leading one to bit 120, so that bits can be compared or shifted out.
    func normalized() -> ExactNumber {
        var result = self
        let shift = magnitude.leadingZeroBitCount - 7
        if magnitude == 0 || hasTail || shift <= 0 { return self }
        result.magnitude <<= UInt128(shift)
        result.exponent -= shift
        return result
    }

    /// - Precondition: both have at most 60 bits.
    static func * (a: ExactNumber, b: ExactNumber) -> ExactNumber {
        ExactNumber(
            isNegative: a.isNegative != b.isNegative, magnitude: a.magnitude * b.magnitude,
            exponent: a.exponent + b.exponent)
    }

    /// - Precondition: neither is zero, and neither has a tail.
    static func + (a: ExactNumber, b: ExactNumber) -> ExactNumber {
        var large = a.normalized()
        var small = b.normalized()
        if large.exponent < small.exponent { swap(&large, &small) }
        // Both have their leading one at bit 120: the one with the larger exponent is larger.
        let distance = large.exponent - small.exponent
        var aligned: UInt128 = 0
        var lost = true
        if distance < 128 {
            aligned = small.magnitude >> UInt128(distance)
            lost = aligned << UInt128(distance) != small.magnitude
        }
        large.hasTail = lost
        if large.isNegative == small.isNegative {
            large.magnitude += aligned
        } else if lost {
            // large - (aligned + tail) = (large - aligned - 1) + (1 - tail)
            large.magnitude -= aligned + 1
        } else if large.magnitude >= aligned {
            large.magnitude -= aligned
        } else {
            large.magnitude = aligned - large.magnitude
            large.isNegative.toggle()
        }
        return large
    }

    /// - Precondition: both have at most 53 bits; `b` is not zero.
    static func / (a: ExactNumber, b: ExactNumber) -> ExactNumber {
        // A dividend of 121 bits makes a quotient of at least 67: more than every format has.
        let dividend = a.normalized()
        let (quotient, remainder) = dividend.magnitude.quotientAndRemainder(dividingBy: b.magnitude)
        return ExactNumber(
            isNegative: a.isNegative != b.isNegative, magnitude: quotient, exponent: dividend.exponent - b.exponent,
            hasTail: remainder != 0)
    }

    /// - Precondition: positive.
    func squareRoot() -> ExactNumber {
        var radicand = normalized()
        if radicand.exponent & 1 != 0 {
            radicand.magnitude <<= 1
            radicand.exponent -= 1
        }
        // The largest root whose square does not exceed the radicand, bit by bit.
        var root: UInt128 = 0
        for bit in (0..<62).reversed() {
            let candidate = root | UInt128(1) << UInt128(bit)
            if candidate * candidate <= radicand.magnitude { root = candidate }
        }
        return ExactNumber(
            isNegative: false, magnitude: root, exponent: radicand.exponent / 2,
            hasTail: root * root != radicand.magnitude)
    }

    /// The multiple of 2^quantum that a rounding-direction attribute chooses (4.3), as a count of that quantum.
    func rounded(toMultipleOf quantum: Int, _ mode: RoundingMode) -> (count: UInt128, isInexact: Bool) {
        let shift = quantum - exponent
        precondition(shift > 0 || !hasTail, "the reference has too few bits")
        if shift <= 0 { return (magnitude << UInt128(-shift), false) }
        let below: UInt128 = shift < 128 ? magnitude >> UInt128(shift) : 0
        let rest = shift < 128 ? magnitude - below << UInt128(shift) : magnitude
        if rest == 0 && !hasTail { return (below, false) }
        // Less than, equal to or greater than half of the quantum.
        let half: UInt128 = shift <= 128 ? 1 << UInt128(shift - 1) : 0
        let isAboveHalf = shift <= 128 && (rest > half || (rest == half && hasTail))
        let isHalf = shift <= 128 && rest == half && !hasTail
        let isAway =
            switch mode {
            case .nearestEven: isAboveHalf || (isHalf && below % 2 == 1)
            case .nearestMaxMagnitude: isAboveHalf || isHalf
            case .towardZero: false
            case .down: isNegative
            case .up: !isNegative
            case .odd: below % 2 == 0
            }
        return (isAway ? below + 1 : below, true)
    }

    /// The result of an operation whose exact result this is, with the flags of the default exception handling (7.4 to
    /// 7.6).
    /// - Precondition: not zero.
    func rounded<F: FloatFormat>(to format: F.Type, _ mode: RoundingMode, _ tininess: Tininess) -> FloatOutcome {
        let smallestExponent = 1 - F.bias
        let precision = F.significandBitCount + 1
        let sign = isNegative ? F.signMask : 0

        // As though the exponent range were unbounded.
        let (unbounded, _) = rounded(toMultipleOf: leading - precision + 1, mode)
        let reachesNextBinade = unbounded == UInt128(1) << UInt128(precision)
        let unboundedLeading = reachesNextBinade ? leading + 1 : leading
        if unboundedLeading > F.bias {
            let isInfinite =
                switch mode {
                case .nearestEven, .nearestMaxMagnitude: true
                case .towardZero, .odd: false
                case .down: isNegative
                case .up: !isNegative
                }
            return FloatOutcome(
                bits: sign | (isInfinite ? F.infinity : F.largestFinite), flags: [.overflow, .inexact])
        }

        let quantum = max(leading, smallestExponent) - precision + 1
        let (count, isInexact) = rounded(toMultipleOf: quantum, mode)
        let isTiny = (tininess == .beforeRounding ? leading : unboundedLeading) < smallestExponent
        var flags: FloatFlags = []
        if isInexact { flags.insert(.inexact) }
        if isInexact && isTiny { flags.insert(.underflow) }

        // Encodings of one sign are consecutive integers, binade after binade.
        let binade = UInt64(quantum + precision - 1 - smallestExponent) << UInt64(F.significandBitCount)
        return FloatOutcome(bits: sign | (binade + UInt64(count)), flags: flags)
    }
}
