import ISA
import Testing

/// Every rounding mode, both kinds of tininess and all three formats against the definitions of the standard: an exact
/// result in wide integers, then rounded once.
@Suite struct FloatDefinitionTests {
    @Test("Half-precision arithmetic is the exact result, rounded once") func half() { arithmetic(Binary16.self) }
    @Test("Single-precision arithmetic is the exact result, rounded once") func single() { arithmetic(Binary32.self) }
    @Test("Double-precision arithmetic is the exact result, rounded once") func double() { arithmetic(Binary64.self) }

    private func arithmetic<F: FloatFormat>(_ format: F.Type) {
        typealias Ours = FloatArithmetic<F, RISCVFloatPolicy>
        var operands = FloatOperands(seed: 0xdef + UInt64(F.width))
        var mismatches = 0
        for mode in RoundingMode.allCases {
            for tininess in [Tininess.afterRounding, .beforeRounding] {
                for _ in 0..<floatCases(4_000) where mismatches < 5 {
                    let (a, b, c) = operands.triple(format)
                    // Zeros, infinities and NaNs have tables of their own.
                    if [a, b, c].contains(where: { F.isSpecial($0) || F.isZero($0) }) { continue }
                    let x = ExactNumber(a, format)
                    let y = ExactNumber(b, format)
                    let z = ExactNumber(c, format)
                    let magnitude = ExactNumber(F.magnitude(a), format)
                    let cases: [(String, ExactNumber, (inout FloatContext) -> UInt64)] = [
                        ("add", x + y, { Ours.add(a, b, &$0) }),
                        ("subtract", x + ExactNumber(b ^ F.signMask, format), { Ours.subtract(a, b, &$0) }),
                        ("multiply", x * y, { Ours.multiply(a, b, &$0) }),
                        ("divide", x / y, { Ours.divide(a, b, &$0) }),
                        ("squareRoot", magnitude.squareRoot(), { Ours.squareRoot(F.magnitude(a), &$0) }),
                        ("fusedMultiplyAdd", x * y + z, { Ours.fusedMultiplyAdd(a, b, c, &$0) }),
                    ]
                    for (name, exact, operation) in cases {
                        var context = FloatContext(mode, tininess: tininess)
                        let got = FloatOutcome(bits: operation(&context), flags: context.flags)
                        let wanted: FloatOutcome
                        if exact.magnitude == 0 {
                            // x + (-x): +0 in all modes but down (6.3).
                            wanted = FloatOutcome(bits: mode == .down ? F.signMask : 0, flags: [])
                        } else {
                            wanted = exact.rounded(to: format, mode, tininess)
                        }
                        if got == FloatOutcome(bits: wanted.bits, flags: context.flags) && wanted.flags == got.flags {
                            continue
                        }
                        mismatches += 1
                        Issue.record(
                            "\(name) \(mode) \(tininess) of \(hexadecimal(a, b, c)): \(got), by definition \(wanted)")
                    }
                }
            }
        }
    }

    @Test("The square root of every half-precision number is the exact one, rounded once")
    func everySquareRoot() {
        typealias Ours = FloatArithmetic<Binary16, RISCVFloatPolicy>
        // Debug builds take a sample.
        let step: UInt64 = floatCases(50) == 50 ? 1 : 97
        var mismatches = 0
        for mode in RoundingMode.allCases {
            for bits in 1..<Binary16.infinity where bits % step == 0 && mismatches < 5 {
                var context = FloatContext(mode)
                let got = FloatOutcome(bits: Ours.squareRoot(bits, &context), flags: context.flags)
                let wanted = ExactNumber(bits, Binary16.self).squareRoot()
                    .rounded(to: Binary16.self, mode, .afterRounding)
                if got == wanted { continue }
                mismatches += 1
                Issue.record("squareRoot \(mode) of \(hexadecimal(bits)): \(got), by definition \(wanted)")
            }
        }
    }

    @Test("Converting between formats rounds once, and widening is exact")
    func formats() {
        var operands = FloatOperands(seed: 0xc0)
        convert(Binary64.self, Binary32.self, &operands)
        convert(Binary64.self, Binary16.self, &operands)
        convert(Binary32.self, Binary16.self, &operands)
        convert(Binary32.self, Binary64.self, &operands)
        convert(Binary16.self, Binary64.self, &operands)
        convert(Binary16.self, Binary32.self, &operands)
    }

    private func convert<F: FloatFormat, G: FloatFormat>(
        _ source: F.Type, _ target: G.Type, _ operands: inout FloatOperands
    ) {
        typealias Ours = FloatArithmetic<F, RISCVFloatPolicy>
        var mismatches = 0
        for mode in RoundingMode.allCases {
            for tininess in [Tininess.afterRounding, .beforeRounding] {
                for _ in 0..<floatCases(5_000) where mismatches < 5 {
                    var a = operands.value(source)
                    if F.width > G.width && operands.below(4) != 0 {
                        // Into the range of the target, subnormals and overflow included.
                        let exponent = operands.below(UInt64(G.specialExponent + G.significandBitCount + 4))
                        let field = exponent &+ UInt64(F.bias - G.bias - G.significandBitCount - 2)
                        a = (a & ~F.infinity) | field << UInt64(F.significandBitCount) & F.infinity
                    }
                    if F.isSpecial(a) || F.isZero(a) { continue }
                    var context = FloatContext(mode, tininess: tininess)
                    let got = FloatOutcome(bits: Ours.convert(a, to: target, &context), flags: context.flags)
                    let wanted = ExactNumber(a, source).rounded(to: target, mode, tininess)
                    if got == wanted && (F.width > G.width || got.flags.isEmpty) { continue }
                    mismatches += 1
                    Issue.record(
                        "\(source) to \(target) \(mode) \(tininess) of \(hexadecimal(a)): \(got), not \(wanted)")
                }
            }
        }
    }

    @Test("Conversions to and from integers round once, and what does not fit is invalid")
    func integers() {
        integers(Binary16.self)
        integers(Binary32.self)
        integers(Binary64.self)
    }

    private func integers<F: FloatFormat>(_ format: F.Type) {
        typealias Ours = FloatArithmetic<F, RISCVFloatPolicy>
        var operands = FloatOperands(seed: 0x1147 + UInt64(F.width))
        var mismatches = 0
        func check(_ name: String, _ operand: UInt64, _ got: FloatOutcome, _ wanted: FloatOutcome) {
            if got == wanted { return }
            mismatches += 1
            Issue.record("\(format) \(name) of \(hexadecimal(operand)): \(got), by definition \(wanted)")
        }
        for mode in RoundingMode.allCases {
            for _ in 0..<floatCases(5_000) where mismatches < 5 {
                let a = operands.nearInteger(format)
                if F.isSpecial(a) { continue }
                let exact = ExactNumber(a, format)
                // From 2^100 on, beyond every integer and without a fraction.
                let isHuge = exact.leading > 100
                let (count, isInexact) = isHuge ? (.max, false) : exact.rounded(toMultipleOf: 0, mode)
                let isNegative = F.isNegative(a)

                for (bits, signed) in [(32, true), (32, false), (64, true), (64, false)] {
                    let largest = UInt64.max >> UInt64(64 - bits + (signed ? 1 : 0))
                    let limit = isNegative ? (signed ? UInt128(largest) + 1 : 0) : UInt128(largest)
                    // Saturated if it does not fit (Unprivileged ISA, chapter "F").
                    let magnitude = UInt64(truncatingIfNeeded: min(count, limit))
                    let wanted = FloatOutcome(
                        bits: isNegative ? 0 &- magnitude : magnitude,
                        flags: count > limit ? .invalid : isInexact ? .inexact : [])
                    var context = FloatContext(mode)
                    let integer = Ours.toInteger(a, bits: bits, signed: signed, &context)
                    check(
                        "toInteger \(bits) \(signed) \(mode)", a, FloatOutcome(bits: integer, flags: context.flags),
                        wanted)
                }

                // An integer in the format: exact, because whatever has a fraction is short enough.
                var context = FloatContext(mode)
                let rounded = Ours.roundToInteger(a, raisesInexact: true, &context)
                let integer = ExactNumber(isNegative: isNegative, magnitude: count, exponent: 0)
                let bits =
                    count == 0
                    ? F.sign(a) : isHuge ? a : integer.rounded(to: format, .towardZero, .afterRounding).bits
                check(
                    "roundToInteger \(mode)", a, FloatOutcome(bits: rounded, flags: context.flags),
                    FloatOutcome(bits: bits, flags: isInexact ? .inexact : []))

                let value = operands.integer()
                for signed in [false, true] where value != 0 {
                    let isNegative = signed && Int64(bitPattern: value) < 0
                    let exact = ExactNumber(
                        isNegative: isNegative, magnitude: UInt128(isNegative ? 0 &- value : value), exponent: 0)
                    var context = FloatContext(mode)
                    let float = Ours.fromInteger(value, signed: signed, &context)
                    check(
                        "fromInteger \(signed) \(mode)", value, FloatOutcome(bits: float, flags: context.flags),
                        exact.rounded(to: format, mode, .afterRounding))
                }
            }
        }
    }
}
