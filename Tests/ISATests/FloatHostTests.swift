import ISA
import Testing

/// Our arithmetic against that of the processor the tests run on.
@Suite struct FloatHostTests {
    // MARK: Swift's operators: values in round-to-nearest, on any host

    @Test("Double-precision results equal those of Swift's operators")
    func doubleValues() {
        typealias Ours = FloatArithmetic<Binary64, RISCVFloatPolicy>
        var operands = FloatOperands(seed: 0xd0)
        var mismatches = 0
        for _ in 0..<floatCases(60_000) where mismatches < 5 {
            let (a, b, c) = operands.triple(Binary64.self)
            let x = Double(bitPattern: a)
            let y = Double(bitPattern: b)
            let z = Double(bitPattern: c)
            let expected: [(String, Double)] = [
                ("add", x + y), ("subtract", x - y), ("multiply", x * y), ("divide", x / y),
                ("squareRoot", x.squareRoot()), ("fusedMultiplyAdd", z.addingProduct(x, y)),
                ("roundToInteger", x.rounded(.toNearestOrEven)), ("fromInteger", Double(Int64(bitPattern: a))),
                ("fromInteger unsigned", Double(a)),
            ]
            var context = FloatContext()
            let got = [
                Ours.add(a, b, &context), Ours.subtract(a, b, &context), Ours.multiply(a, b, &context),
                Ours.divide(a, b, &context), Ours.squareRoot(a, &context), Ours.fusedMultiplyAdd(a, b, c, &context),
                Ours.roundToInteger(a, raisesInexact: true, &context),
                Ours.fromInteger(a, signed: true, &context), Ours.fromInteger(a, signed: false, &context),
            ]
            for (bits, (name, value)) in zip(got, expected) {
                let wanted = value.isNaN ? Ours.defaultNaN : value.bitPattern
                if bits == wanted { continue }
                mismatches += 1
                Issue.record("\(name) of \(hexadecimal(a, b, c)): \(hexadecimal(bits)), not \(hexadecimal(wanted))")
            }
            let comparisons = [
                Ours.equal(a, b, &context), Ours.lessThan(a, b, &context), Ours.lessOrEqual(a, b, &context),
            ]
            if comparisons != [x == y, x < y, x <= y] {
                mismatches += 1
                Issue.record("== < <= of \(hexadecimal(a, b)): \(comparisons)")
            }
        }
    }

    @Test("Single-precision results equal those of Swift's operators")
    func singleValues() {
        typealias Ours = FloatArithmetic<Binary32, RISCVFloatPolicy>
        var operands = FloatOperands(seed: 0xf0)
        var mismatches = 0
        for _ in 0..<floatCases(60_000) where mismatches < 5 {
            let (a, b, c) = operands.triple(Binary32.self)
            let x = Float(bitPattern: UInt32(a))
            let y = Float(bitPattern: UInt32(b))
            let z = Float(bitPattern: UInt32(c))
            let wide = operands.value(Binary64.self)
            let expected: [(String, Float)] = [
                ("add", x + y), ("subtract", x - y), ("multiply", x * y), ("divide", x / y),
                ("squareRoot", x.squareRoot()), ("fusedMultiplyAdd", z.addingProduct(x, y)),
                ("convert", Float(Double(bitPattern: wide))), ("fromInteger", Float(Int64(bitPattern: wide))),
            ]
            var context = FloatContext()
            let got = [
                Ours.add(a, b, &context), Ours.subtract(a, b, &context), Ours.multiply(a, b, &context),
                Ours.divide(a, b, &context), Ours.squareRoot(a, &context), Ours.fusedMultiplyAdd(a, b, c, &context),
                FloatArithmetic<Binary64, RISCVFloatPolicy>.convert(wide, to: Binary32.self, &context),
                Ours.fromInteger(wide, signed: true, &context),
            ]
            for (bits, (name, value)) in zip(got, expected) {
                let wanted = value.isNaN ? Ours.defaultNaN : UInt64(value.bitPattern)
                if bits == wanted { continue }
                mismatches += 1
                Issue.record(
                    "\(name) of \(hexadecimal(a, b, c, wide)): \(hexadecimal(bits)), not \(hexadecimal(wanted))")
            }
        }
    }

    // MARK: Instructions: values and flags in SSE's four modes

    #if arch(x86_64) && canImport(Glibc)
    @Test(
        "Double-precision results and flags equal the host processor's in its four rounding modes",
        arguments: [false, true])
    func doubleInstructions(flushes: Bool) throws {
        try compare(Binary64.self, other: Binary32.self, flushes: flushes)
    }

    @Test(
        "Single-precision results and flags equal the host processor's in its four rounding modes",
        arguments: [false, true])
    func singleInstructions(flushes: Bool) throws {
        try compare(Binary32.self, other: Binary64.self, flushes: flushes)
    }

    private static let operations: [HostProcessor.Operation] = [
        .add, .subtract, .multiply, .divide, .squareRoot, .fusedMultiplyAdd, .equal, .lessThan, .lessOrEqual,
        .toInteger32, .toInteger64, .truncateToInteger64, .fromInteger32, .fromInteger64, .roundToInteger,
        .roundToIntegerQuietly, .convert, .toHalf, .fromHalf,
    ]

    private func compare<F: FloatFormat, G: FloatFormat>(
        _ format: F.Type, other: G.Type, flushes: Bool
    ) throws {
        let host = try #require(HostProcessor(isDouble: F.width == 64), "the host gives no executable memory")
        for operation in Self.operations where host.supports(operation) {
            // The half-precision conversions know nothing of FTZ and DAZ.
            if flushes && (operation == .toHalf || operation == .fromHalf) { continue }
            for mode in [RoundingMode.nearestEven, .towardZero, .down, .up] {
                compare(format, other: other, host, operation, mode, flushes: flushes)
            }
        }
    }

    private func compare<F: FloatFormat, G: FloatFormat>(
        _ format: F.Type, other: G.Type, _ host: HostProcessor, _ operation: HostProcessor.Operation,
        _ mode: RoundingMode, flushes: Bool
    ) {
        var operands = FloatOperands(seed: UInt64(F.width) << 8 | UInt64(mode.rawValue))
        var mismatches = 0
        for _ in 0..<floatCases(flushes ? 3_000 : 10_000) where mismatches < 5 {
            var (a, b, c) = operands.triple(format)
            switch operation {
            case .toInteger32, .toInteger64, .truncateToInteger64, .roundToInteger, .roundToIntegerQuietly:
                a = operands.nearInteger(format)
            case .fromInteger32: a = operands.integer() & 0xffff_ffff
            case .fromInteger64: a = operands.integer()
            case .fromHalf: a = operands.value(Binary16.self)
            case .convert, .toHalf:
                // Around the range of the narrower format.
                if operands.below(2) == 0 {
                    var context = FloatContext()
                    let narrow = FloatArithmetic<Binary16, X86FloatPolicy>.convert(
                        operands.value(Binary16.self), to: format, &context)
                    a = operands.value(format, near: narrow)
                }
            default: break
            }
            let wanted = host.execute(operation, a, b, c, mode, flushes: flushes)
            var got = perform(format, X86FloatPolicy.self, other: other, operation, a, b, c, mode, flushes: flushes)
            if operation == .toInteger32 { got.bits &= 0xffff_ffff }
            // VCVTPH2PS never signals a denormal operand (Intel SDM volume 2).
            if operation == .fromHalf { got.flags.remove(.inputDenormal) }
            if got != wanted {
                mismatches += 1
                Issue.record("x86 \(operation) \(mode) of \(hexadecimal(a, b, c)): \(got), the host: \(wanted)")
            }
            if flushes { continue }

            // What RISC-V shares with the host: all but NaNs and the results of invalid conversions.
            let riscv = perform(format, RISCVFloatPolicy.self, other: other, operation, a, b, c, mode, flushes: false)
            let expected = asRISCV(format, other: other, wanted, operation, a, b, c)
            let isComparable =
                switch operation {
                case .toInteger32, .toInteger64, .truncateToInteger64: !wanted.flags.contains(.invalid)
                default: true
                }
            let mask: UInt64 = operation == .toInteger32 ? 0xffff_ffff : ~0
            if riscv.flags != expected.flags || (isComparable && riscv.bits & mask != expected.bits) {
                mismatches += 1
                Issue.record("RISC-V \(operation) \(mode) of \(hexadecimal(a, b, c)): \(riscv), the host: \(wanted)")
            }
        }
    }

    /// The host's outcome in RISC-V's terms (Unprivileged ISA, chapter "F"): no denormal flag, the canonical NaN,
    /// and infinity * 0 + quiet NaN is invalid.
    private func asRISCV<F: FloatFormat, G: FloatFormat>(
        _ format: F.Type, other: G.Type, _ outcome: FloatOutcome, _ operation: HostProcessor.Operation, _ a: UInt64,
        _ b: UInt64, _ c: UInt64
    ) -> FloatOutcome {
        func canonical<R: FloatFormat>(_ format: R.Type, _ bits: UInt64) -> UInt64 {
            R.isNaN(bits) ? R.infinity | R.quietBit : bits
        }
        var outcome = outcome
        outcome.flags.remove(.inputDenormal)
        switch operation {
        case .equal, .lessThan, .lessOrEqual, .toInteger32, .toInteger64, .truncateToInteger64: break
        case .convert: outcome.bits = canonical(other, outcome.bits)
        case .toHalf: outcome.bits = canonical(Binary16.self, outcome.bits)
        default: outcome.bits = canonical(format, outcome.bits)
        }
        if operation == .fusedMultiplyAdd, (F.isInfinite(a) && F.isZero(b)) || (F.isZero(a) && F.isInfinite(b)) {
            outcome.flags.insert(.invalid)
        }
        return outcome
    }

    private func perform<F: FloatFormat, G: FloatFormat, P: FloatPolicy>(
        _ format: F.Type, _ policy: P.Type, other: G.Type, _ operation: HostProcessor.Operation, _ a: UInt64,
        _ b: UInt64, _ c: UInt64, _ mode: RoundingMode, flushes: Bool
    ) -> FloatOutcome {
        typealias Ours = FloatArithmetic<F, P>
        var context = FloatContext(mode, flushesInputs: flushes, flushesResults: flushes)
        // CMPSS makes a mask of the width of the format.
        let allOnes = F.signMask | F.magnitudeMask
        let bits: UInt64
        switch operation {
        case .add: bits = Ours.add(a, b, &context)
        case .subtract: bits = Ours.subtract(a, b, &context)
        case .multiply: bits = Ours.multiply(a, b, &context)
        case .divide: bits = Ours.divide(a, b, &context)
        case .squareRoot: bits = Ours.squareRoot(a, &context)
        case .fusedMultiplyAdd: bits = Ours.fusedMultiplyAdd(a, b, c, &context)
        case .equal: bits = Ours.equal(a, b, &context) ? allOnes : 0
        case .lessThan: bits = Ours.lessThan(a, b, &context) ? allOnes : 0
        case .lessOrEqual: bits = Ours.lessOrEqual(a, b, &context) ? allOnes : 0
        case .toInteger32: bits = Ours.toInteger(a, bits: 32, signed: true, &context)
        case .toInteger64: bits = Ours.toInteger(a, bits: 64, signed: true, &context)
        case .truncateToInteger64:
            context.rounding = .towardZero
            bits = Ours.toInteger(a, bits: 64, signed: true, &context)
        case .fromInteger32:
            let extended = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: a)))
            bits = Ours.fromInteger(extended, signed: true, &context)
        case .fromInteger64: bits = Ours.fromInteger(a, signed: true, &context)
        case .roundToInteger: bits = Ours.roundToInteger(a, raisesInexact: true, &context)
        case .roundToIntegerQuietly: bits = Ours.roundToInteger(a, raisesInexact: false, &context)
        case .convert: bits = Ours.convert(a, to: other, &context)
        case .toHalf: bits = Ours.convert(a, to: Binary16.self, &context)
        case .fromHalf: bits = FloatArithmetic<Binary16, P>.convert(a, to: format, &context)
        }
        return FloatOutcome(bits: bits, flags: context.flags)
    }
    #endif
}
