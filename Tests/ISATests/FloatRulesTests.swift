import ISA
import Testing

/// The tables of the manuals: operations whose results are listed rather than computed.
@Suite struct FloatRulesTests {
    private typealias Half = FloatArithmetic<Binary16, RISCVFloatPolicy>
    private typealias Single = FloatArithmetic<Binary32, RISCVFloatPolicy>
    private typealias Double = FloatArithmetic<Binary64, RISCVFloatPolicy>
    private typealias ArmSingle = FloatArithmetic<Binary32, ArmFloatPolicy>

    private let one: UInt64 = 0x3f80_0000
    private let infinity: UInt64 = 0x7f80_0000
    private let quietNaN: UInt64 = 0x7fc0_0000
    private let signalingNaN: UInt64 = 0x7f80_0001
    private let negative: UInt64 = 0x8000_0000

    private func outcome(
        _ mode: RoundingMode = .nearestEven, _ operation: (inout FloatContext) -> UInt64
    ) -> FloatOutcome {
        var context = FloatContext(mode)
        let bits = operation(&context)
        return FloatOutcome(bits: bits, flags: context.flags)
    }

    @Test("The constants of the formats are those of IEEE 754-2019, table 3.5")
    func formats() {
        #expect([Binary16.width, Binary32.width, Binary64.width] == [16, 32, 64])
        #expect([Binary16.bias, Binary32.bias, Binary64.bias] == [15, 127, 1023])
        #expect([Binary16.infinity, Binary32.infinity, Binary64.infinity] == [0x7c00, 0x7f80_0000, 0x7ff0 << 48])
        #expect([Binary16.one, Binary32.one, Binary64.one] == [0x3c00, 0x3f80_0000, 0x3ff0 << 48])
        #expect([Half.defaultNaN, Single.defaultNaN, Double.defaultNaN] == [0x7e00, 0x7fc0_0000, 0x7ff8 << 48])
    }

    @Test("Rounding modes and flags have the numbers of frm and fflags, and no reserved frm is a mode")
    func numbering() {
        let modes: [RoundingMode] = [.nearestEven, .towardZero, .down, .up, .nearestMaxMagnitude]
        #expect(modes.map(\.rawValue) == [0, 1, 2, 3, 4])
        #expect([5, 6, 7].allSatisfy { RoundingMode(rawValue: $0) == nil })
        let flags: [FloatFlags] = [.inexact, .underflow, .overflow, .divideByZero, .invalid]
        #expect(flags.map(\.rawValue) == [1, 2, 4, 8, 16])
    }

    @Test(
        "FCLASS sets the bit of the class",
        arguments: [
            (0xff80_0000, 0), (0xbf80_0000, 1), (0x8080_0000, 1), (0x807f_ffff, 2), (0x8000_0001, 2), (0x8000_0000, 3),
            (0x0000_0000, 4), (0x0000_0001, 5), (0x007f_ffff, 5), (0x0080_0000, 6), (0x7f7f_ffff, 6), (0x7f80_0000, 7),
            (0x7f80_0001, 8), (0xffbf_ffff, 8), (0x7fc0_0000, 9), (0xffff_ffff, 9),
        ] as [(UInt64, UInt64)])
    func classes(bits: UInt64, index: UInt64) {
        #expect(Single.classify(bits).mask == 1 << index)
    }

    @Test("A narrow value is boxed with ones above it, and anything else reads as the canonical NaN")
    func boxing() {
        #expect(Half.boxed(0x3c00) == 0xffff_ffff_ffff_3c00)
        #expect(Single.boxed(one) == 0xffff_ffff_3f80_0000)
        #expect(Double.boxed(0x3ff0 << 48) == 0x3ff0 << 48)
        #expect(Half.unboxed(0xffff_ffff_ffff_3c00) == 0x3c00)
        #expect(Half.unboxed(0xffff_fffe_ffff_3c00) == 0x7e00)
        #expect(Half.unboxed(0xffff_ffff_3f80_0000) == 0x7e00)
        #expect(Single.unboxed(0xffff_ffff_3f80_0000) == one)
        #expect(Single.unboxed(0x3f80_0000) == 0x7fc0_0000)
        #expect(Single.unboxed(0xffff_fffe_3f80_0000) == 0x7fc0_0000)
        #expect(Double.unboxed(0x3ff0 << 48) == 0x3ff0 << 48)
    }

    @Test("Invalid operations give the default NaN and NV (IEEE 754-2019, 7.2)")
    func invalidOperations() {
        let invalid = FloatOutcome(bits: quietNaN, flags: .invalid)
        let minusOne = one | negative
        #expect(outcome { Single.subtract(infinity, infinity, &$0) } == invalid)
        #expect(outcome { Single.add(infinity, infinity | negative, &$0) } == invalid)
        #expect(outcome { Single.multiply(infinity, negative, &$0) } == invalid)
        #expect(outcome { Single.divide(0, negative, &$0) } == invalid)
        #expect(outcome { Single.divide(infinity, infinity, &$0) } == invalid)
        #expect(outcome { Single.squareRoot(minusOne, &$0) } == invalid)
        #expect(outcome { Single.squareRoot(infinity | negative, &$0) } == invalid)
        #expect(outcome { Single.fusedMultiplyAdd(infinity, 0, one, &$0) } == invalid)
        #expect(outcome { Single.fusedMultiplyAdd(0, infinity, quietNaN, &$0) } == invalid)
        #expect(outcome { Single.fusedMultiplyAdd(infinity, minusOne, infinity, &$0) } == invalid)
        #expect(outcome { Single.add(signalingNaN, one, &$0) } == invalid)
        #expect(outcome { Single.add(quietNaN | 0x1234, one, &$0) } == FloatOutcome(bits: quietNaN, flags: []))
        #expect(outcome { Single.squareRoot(signalingNaN, &$0) } == invalid)
    }

    @Test("Exact infinities and zeros keep their signs and raise nothing but division by zero")
    func infinitiesAndZeros() {
        func exact(_ bits: UInt64, _ flags: FloatFlags = []) -> FloatOutcome { FloatOutcome(bits: bits, flags: flags) }
        let minusOne = one | negative
        #expect(outcome { Single.divide(minusOne, 0, &$0) } == exact(infinity | negative, .divideByZero))
        #expect(outcome { Single.divide(one, negative, &$0) } == exact(infinity | negative, .divideByZero))
        #expect(outcome { Single.divide(infinity, 0, &$0) } == exact(infinity))
        #expect(outcome { Single.divide(one, infinity | negative, &$0) } == exact(negative))
        #expect(outcome { Single.squareRoot(negative, &$0) } == exact(negative))
        #expect(outcome { Single.squareRoot(infinity, &$0) } == exact(infinity))
        #expect(outcome { Single.add(negative, negative, &$0) } == exact(negative))
        #expect(outcome { Single.add(0, negative, &$0) } == exact(0))
        #expect(outcome(.down) { Single.add(0, negative, &$0) } == exact(negative))
        #expect(outcome(.down) { Single.subtract(one, one, &$0) } == exact(negative))
        #expect(outcome { Single.fusedMultiplyAdd(one, minusOne, one, &$0) } == exact(0))
        #expect(outcome(.down) { Single.fusedMultiplyAdd(one, minusOne, one, &$0) } == exact(negative))
        #expect(outcome { Single.fusedMultiplyAdd(minusOne, 0, negative, &$0) } == exact(negative))
        #expect(outcome { Single.fusedMultiplyAdd(one, 0, negative, &$0) } == exact(0))
    }

    @Test("Quiet comparisons are invalid for signalling NaNs alone, signalling ones for every NaN")
    func comparisons() {
        let quiet = FloatOutcome(bits: 0, flags: [])
        let invalid = FloatOutcome(bits: 0, flags: .invalid)
        #expect(outcome { Single.equal(quietNaN, quietNaN, &$0) ? 1 : 0 } == quiet)
        #expect(outcome { Single.equal(one, signalingNaN, &$0) ? 1 : 0 } == invalid)
        #expect(outcome { Single.lessThan(quietNaN, one, &$0) ? 1 : 0 } == invalid)
        #expect(outcome { Single.lessOrEqual(one, quietNaN, &$0) ? 1 : 0 } == invalid)
        #expect(outcome { Single.lessThan(quietNaN, one, quiet: true, &$0) ? 1 : 0 } == quiet)
        #expect(outcome { Single.lessOrEqual(signalingNaN, one, quiet: true, &$0) ? 1 : 0 } == invalid)
    }

    @Test("Numbers, infinities and both zeros compare by value")
    func order() {
        let ascending: [UInt64] = [
            0xff80_0000, 0xff7f_ffff, 0xbf80_0000, 0x8080_0000, 0x807f_ffff, 0x8000_0001, 0x0000_0000, 0x0000_0001,
            0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000,
        ]
        var context = FloatContext()
        for (i, a) in ascending.enumerated() {
            for (j, b) in ascending.enumerated() {
                #expect(Single.equal(a, b, &context) == (i == j), "\(hexadecimal(a, b))")
                #expect(Single.lessThan(a, b, &context) == (i < j), "\(hexadecimal(a, b))")
                #expect(Single.lessOrEqual(a, b, &context) == (i <= j), "\(hexadecimal(a, b))")
                #expect(Single.minimumNumber(a, b, &context) == ascending[min(i, j)], "\(hexadecimal(a, b))")
                #expect(Single.maximumNumber(a, b, &context) == ascending[max(i, j)], "\(hexadecimal(a, b))")
                #expect(Single.minimum(a, b, &context) == ascending[min(i, j)], "\(hexadecimal(a, b))")
                #expect(Single.maximum(a, b, &context) == ascending[max(i, j)], "\(hexadecimal(a, b))")
            }
        }
        #expect(Single.equal(0, negative, &context))
        #expect(!Single.lessThan(negative, 0, &context))
        #expect(Single.lessOrEqual(0, negative, &context))
        #expect(context.flags == [])
    }

    @Test("FMIN and FMAX prefer a number to a NaN and order the zeros")
    func minimumAndMaximum() {
        #expect(outcome { Single.minimumNumber(0, negative, &$0) } == FloatOutcome(bits: negative, flags: []))
        #expect(outcome { Single.maximumNumber(negative, 0, &$0) } == FloatOutcome(bits: 0, flags: []))
        #expect(outcome { Single.minimumNumber(quietNaN, one, &$0) } == FloatOutcome(bits: one, flags: []))
        #expect(outcome { Single.maximumNumber(one, quietNaN, &$0) } == FloatOutcome(bits: one, flags: []))
        #expect(outcome { Single.minimumNumber(one, signalingNaN, &$0) } == FloatOutcome(bits: one, flags: .invalid))
        let payload = quietNaN | negative | 0x42
        #expect(outcome { Single.maximumNumber(payload, payload, &$0) } == FloatOutcome(bits: quietNaN, flags: []))
        #expect(outcome { Single.minimum(one, quietNaN, &$0) } == FloatOutcome(bits: quietNaN, flags: []))
        #expect(outcome { Single.maximum(signalingNaN, one, &$0) } == FloatOutcome(bits: quietNaN, flags: .invalid))
        #expect(outcome { Single.minimum(0, negative, &$0) } == FloatOutcome(bits: negative, flags: []))
    }

    @Test(
        "Invalid conversions to integers saturate, and NaN is the largest",
        arguments: [
            (32, true, 0x7fff_ffff, 0xffff_ffff_8000_0000), (32, false, 0xffff_ffff, 0),
            (64, true, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000), (64, false, 0xffff_ffff_ffff_ffff, 0),
        ] as [(Int, Bool, UInt64, UInt64)])
    func saturation(bits: Int, signed: Bool, largest: UInt64, smallest: UInt64) {
        func convert(_ x: UInt64) -> FloatOutcome {
            outcome { Single.toInteger(x, bits: bits, signed: signed, &$0) }
        }
        #expect(convert(infinity) == FloatOutcome(bits: largest, flags: .invalid))
        #expect(convert(quietNaN) == FloatOutcome(bits: largest, flags: .invalid))
        #expect(convert(signalingNaN | negative) == FloatOutcome(bits: largest, flags: .invalid))
        #expect(convert(infinity | negative) == FloatOutcome(bits: smallest, flags: .invalid))
        #expect(convert(0x7f7f_ffff) == FloatOutcome(bits: largest, flags: .invalid))
        #expect(convert(0xff7f_ffff) == FloatOutcome(bits: smallest, flags: .invalid))
        // -0.5 rounds to zero, which every range has.
        #expect(convert(0xbf00_0000) == FloatOutcome(bits: 0, flags: .inexact))
        // -1
        #expect(convert(0xbf80_0000) == (signed ? .init(bits: ~0, flags: []) : .init(bits: 0, flags: .invalid)))
    }

    @Test("Underflow depends on tininess where rounding reaches the smallest normal number")
    func tininess() {
        // 2^-126 * (1 - 2^-24): half way between the largest subnormal and 2^-126 at the precision of subnormals, and
        // exactly representable with unbounded exponents. 1 - 2^-24 = 0x3f7fffff.
        for (tininess, flags) in [
            (Tininess.afterRounding, [.underflow, .inexact] as FloatFlags),
            (.beforeRounding, [.underflow, .inexact]),
        ] {
            var context = FloatContext(tininess: tininess)
            #expect(Single.multiply(0x0080_0000, 0x3f7f_ffff, &context) == 0x0080_0000)
            #expect(context.flags == flags, "\(tininess)")
        }
        // (1 + 2^-23) * (2^-126 - 2^-149) = 2^-126 * (1 - 2^-46): it rounds to 2^-126 also with unbounded exponents.
        for (tininess, flags) in [
            (Tininess.afterRounding, .inexact as FloatFlags), (.beforeRounding, [.underflow, .inexact]),
        ] {
            var context = FloatContext(tininess: tininess)
            #expect(Single.multiply(0x3f80_0001, 0x007f_ffff, &context) == 0x0080_0000)
            #expect(context.flags == flags, "\(tininess)")
        }
    }

    @Test("Arm chooses the first signalling NaN, else the first quiet one, and the addend before the factors")
    func armNaNs() {
        let quiet1 = quietNaN | 1
        let quiet2 = quietNaN | negative | 2
        let signaling = signalingNaN | 0x30
        #expect(outcome { ArmSingle.add(quiet1, quiet2, &$0) } == FloatOutcome(bits: quiet1, flags: []))
        #expect(
            outcome { ArmSingle.add(quiet1, signaling, &$0) }
                == FloatOutcome(bits: signaling | 0x40_0000, flags: .invalid))
        #expect(
            outcome { ArmSingle.fusedMultiplyAdd(quiet1, one, quiet2, &$0) } == FloatOutcome(bits: quiet2, flags: []))
        #expect(
            outcome { ArmSingle.fusedMultiplyAdd(signaling, one, quiet2, &$0) }
                == FloatOutcome(bits: signaling | 0x40_0000, flags: .invalid))
        #expect(
            outcome { ArmSingle.fusedMultiplyAdd(infinity, 0, quiet2, &$0) }
                == FloatOutcome(bits: quietNaN, flags: .invalid))
        #expect(
            outcome { ArmSingle.toInteger(quiet1, bits: 32, signed: true, &$0) }
                == FloatOutcome(bits: 0, flags: .invalid))
        var context = FloatContext(tininess: .beforeRounding, returnsDefaultNaN: true)
        #expect(ArmSingle.multiply(quiet2, one, &context) == quietNaN)
        // A payload keeps its leading bits in a conversion.
        #expect(
            outcome { ArmSingle.convert(0xffc1_2000, to: Binary16.self, &$0) }
                == FloatOutcome(bits: 0xfe09, flags: []))
    }

    @Test("Arm's flush-to-zero raises input denormal for operands, underflow alone for results")
    func armFlush() {
        var context = FloatContext(tininess: .beforeRounding, flushesInputs: true, flushesResults: true)
        #expect(ArmSingle.add(0x807f_ffff, 0, &context) == 0)
        #expect(context.flags == .inputDenormal)
        context.flags = []
        // 2^-126 * -0.5
        #expect(ArmSingle.multiply(0x0080_0000, 0xbf00_0000, &context) == negative)
        #expect(context.flags == .underflow)
        context.flags = []
        // Half precision: FPUnpackBase flushes without a flag.
        #expect(FloatArithmetic<Binary16, ArmFloatPolicy>.add(0x0001, 0, &context) == 0)
        #expect(context.flags == [])
    }
}
