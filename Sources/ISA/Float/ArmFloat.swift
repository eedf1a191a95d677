/// Floating point as Arm has it: the soft-float under Arm's policy and the controls in the state block, its flags gathered
/// there. A64 and A32 share it.
///
/// Arm's manual defines operations in pseudocode; names like FPAdd() in comments are of its functions (DDI 0487,
/// "shared/functions/float").
public enum ArmFloat {
    /// What FPCR says beside the rounding mode: ``CoreState/floatControls``.
    public struct Controls: OptionSet, Sendable {
        public let rawValue: UInt8
        @inline(__always) public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// FZ: of single and double precision.
        public static var flush: Controls { @inline(__always) get { Controls(rawValue: 1) } }
        /// FZ16: of half precision.
        public static var flushHalf: Controls { @inline(__always) get { Controls(rawValue: 2) } }
        /// DN.
        public static var defaultNaN: Controls { @inline(__always) get { Controls(rawValue: 4) } }
        /// AHP: conversions have the half precision that knows neither infinities nor NaNs.
        public static var alternativeHalf: Controls { @inline(__always) get { Controls(rawValue: 8) } }
    }

    typealias Half = FloatArithmetic<Binary16, ArmFloatPolicy>
    typealias Single = FloatArithmetic<Binary32, ArmFloatPolicy>
    typealias Double = FloatArithmetic<Binary64, ArmFloatPolicy>

    @inline(__always)
    private static func controls(_ state: UnsafeMutableRawPointer) -> Controls {
        Controls(rawValue: state.assumingMemoryBound(to: CoreState.self).pointee.floatControls)
    }

    /// - Parameter flush: which of the controls makes zeros of the format's subnormals.
    @inline(__always)
    private static func context(
        _ state: UnsafeMutableRawPointer, _ rounding: RoundingControl, flush: Controls
    ) -> FloatContext {
        let core = state.assumingMemoryBound(to: CoreState.self)
        let mode = rounding == .dynamic ? core.pointee.floatRounding : rounding.rawValue
        let controls = controls(state)
        let flushes = controls.contains(flush)
        return FloatContext(
            RoundingMode(rawValue: mode) ?? .nearestEven, tininess: .beforeRounding, flushesInputs: flushes,
            flushesResults: flushes, returnsDefaultNaN: controls.contains(.defaultNaN))
    }

    @inline(__always)
    private static func context(
        _ state: UnsafeMutableRawPointer, _ rounding: RoundingControl, _ format: FloatSize
    ) -> FloatContext {
        context(state, rounding, flush: format == .half ? .flushHalf : .flush)
    }

    @inline(__always)
    private static func gather(_ context: FloatContext, _ state: UnsafeMutableRawPointer) {
        state.assumingMemoryBound(to: CoreState.self).pointee.floatFlags |= context.flags.rawValue
    }

    // MARK: Operations

    public static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding, format)
        let result: UInt64
        switch operation {
        case .multiplyAddNarrow:
            result = Single.multiplyAddHalves(
                a, b, c, flushesHalves: controls(state).contains(.flushHalf), &context)
        case .dotProductBrain: result = Single.dotProductBrain(a, b, c)
        case .convertToBrain: result = Single.convert(a, to: BrainFloat16.self, &context)
        default:
            switch format {
            case .half: result = Half.compute(operation, a, b, c, &context)
            case .single: result = Single.compute(operation, a, b, c, &context)
            case .double: result = Double.compute(operation, a, b, c, &context)
            }
        }
        gather(context, state)
        return result
    }

    public static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding, format)
        let bits = Int(width.bits)
        let result: UInt64
        switch format {
        case .half: result = Half.toInteger(a, bits: bits, signed: signed, &context)
        case .single: result = Single.toInteger(a, bits: bits, signed: signed, &context)
        case .double: result = Double.toInteger(a, bits: bits, signed: signed, &context)
        }
        gather(context, state)
        return result
    }

    public static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding, format)
        let value = signed ? width.signExtend(a) : width.zeroExtend(a)
        let result: UInt64
        switch format {
        case .half: result = Half.fromInteger(value, signed: signed, &context)
        case .single: result = Single.fromInteger(value, signed: signed, &context)
        case .double: result = Double.fromInteger(value, signed: signed, &context)
        }
        gather(context, state)
        return result
    }

    /// FPConvert(). Half precision is never flushed here, whatever FZ16 says.
    public static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding, flush: .flush)
        if from == .half { context.flushesInputs = false }
        if to == .half { context.flushesResults = false }
        let isAlternative = controls(state).contains(.alternativeHalf)
        let result: UInt64
        switch (from, to) {
        case (.half, .single):
            result = isAlternative ? Single.fromAlternativeHalf(a) : Half.convert(a, to: Binary32.self, &context)
        case (.half, .double):
            result = isAlternative ? Double.fromAlternativeHalf(a) : Half.convert(a, to: Binary64.self, &context)
        case (.single, .half):
            result =
                isAlternative
                ? Single.toAlternativeHalf(a, &context) : Single.convert(a, to: Binary16.self, &context)
        case (.double, .half):
            result =
                isAlternative
                ? Double.toAlternativeHalf(a, &context) : Double.convert(a, to: Binary16.self, &context)
        case (.single, .double): result = Single.convert(a, to: Binary64.self, &context)
        case (.double, .single): result = Double.convert(a, to: Binary32.self, &context)
        default: result = a
        }
        gather(context, state)
        return result
    }

    // MARK: FPCR and FPSR

    /// Bits of FPCR that the state block has (C5.2.7).
    private static let controlBits: [(bit: UInt64, control: Controls)] = [
        (1 << 26, .alternativeHalf), (1 << 25, .defaultNaN), (1 << 24, .flush), (1 << 19, .flushHalf),
    ]

    /// AHP, DN, FZ, RMode and FZ16 as FPCR holds them.
    public static func control(_ core: CoreState) -> UInt64 {
        // Nearest, plus infinity, minus infinity, zero.
        let modes: [UInt64] = [0, 3, 2, 1]
        let mode = modes[Int(core.floatRounding & 3)] << 22
        let controls = Controls(rawValue: core.floatControls)
        return controlBits.reduce(mode) { controls.contains($1.control) ? $0 | $1.bit : $0 }
    }

    public static func setControl(_ core: inout CoreState, _ value: UInt64) {
        let modes: [RoundingMode] = [.nearestEven, .up, .down, .towardZero]
        core.floatRounding = modes[Int(value >> 22 & 3)].rawValue
        core.floatControls =
            controlBits.reduce(into: Controls()) { controls, each in
                if value & each.bit != 0 { controls.insert(each.control) }
            }.rawValue
    }

    /// Bits of FPSR and the flags they stand for (C5.2.8).
    private static let statusBits: [(bit: UInt64, flag: FloatFlags)] = [
        (1 << 7, .inputDenormal), (1 << 4, .inexact), (1 << 3, .underflow), (1 << 2, .overflow),
        (1 << 1, .divideByZero), (1 << 0, .invalid),
    ]
    private static let saturationBit: UInt64 = 1 << 27

    /// QC and the cumulative exceptions as FPSR holds them.
    public static func status(_ core: CoreState) -> UInt64 {
        let flags = FloatFlags(rawValue: core.floatFlags)
        let status = statusBits.reduce(0 as UInt64) { flags.contains($1.flag) ? $0 | $1.bit : $0 }
        return core.saturated != 0 ? status | saturationBit : status
    }

    public static func setStatus(_ core: inout CoreState, _ value: UInt64) {
        core.floatFlags = statusBits.reduce(0) { value & $1.bit != 0 ? $0 | $1.flag.rawValue : $0 }
        core.saturated = value & saturationBit != 0 ? 1 : 0
    }
}

extension FloatArithmetic where Policy == ArmFloatPolicy {
    @inline(__always)
    static func compute(
        _ operation: FloatOperation, _ a: UInt64, _ b: UInt64, _ c: UInt64, _ context: inout FloatContext
    ) -> UInt64 {
        let sign = Format.signMask
        switch operation {
        case .add: return add(a, b, &context)
        case .subtract: return subtract(a, b, &context)
        case .multiply: return multiply(a, b, &context)
        case .divide: return divide(a, b, &context)
        case .squareRoot: return squareRoot(a, &context)
        case .multiplyAdd: return fusedMultiplyAdd(a, b, c, &context)
        case .multiplySubtract: return fusedMultiplyAdd(a, b, c ^ sign, &context)
        case .negatedMultiplyAdd: return fusedMultiplyAdd(a ^ sign, b, c, &context)
        case .negatedMultiplySubtract: return fusedMultiplyAdd(a ^ sign, b, c ^ sign, &context)
        case .minimumNumber:
            let (x, y) = numbers(a, b)
            return minimum(x, y, &context)
        case .maximumNumber:
            let (x, y) = numbers(a, b)
            return maximum(x, y, &context)
        case .equal: return equal(a, b, &context) ? 1 : 0
        case .less: return lessThan(a, b, &context) ? 1 : 0
        case .lessOrEqual: return lessOrEqual(a, b, &context) ? 1 : 0
        case .classify: return classify(a).mask
        case .minimum: return minimum(a, b, &context)
        case .maximum: return maximum(a, b, &context)
        case .compareQuiet: return compare(a, b, quiet: true, &context)
        case .compareSignaling: return compare(a, b, quiet: false, &context)
        case .roundToInteger: return roundToInteger(a, raisesInexact: false, &context)
        case .roundToIntegerExact: return roundToInteger(a, raisesInexact: true, &context)
        case .roundToWord: return roundToInteger(a, bits: 32, &context)
        case .roundToDouble: return roundToInteger(a, bits: 64, &context)
        case .toFixedSigned: return toFixed(a, fraction: b, bits: c, signed: true, &context)
        case .toFixedUnsigned: return toFixed(a, fraction: b, bits: c, signed: false, &context)
        case .fromFixedSigned: return fromFixed(a, fraction: b, bits: c, signed: true, &context)
        case .fromFixedUnsigned: return fromFixed(a, fraction: b, bits: c, signed: false, &context)
        case .toModularWord: return toModularWord(a, &context)
        case .multiplyExtended: return multiplyExtended(a, b, &context)
        case .reciprocalEstimate: return reciprocalEstimate(a, &context)
        case .reciprocalSquareRootEstimate: return reciprocalSquareRootEstimate(a, &context)
        case .reciprocalStep: return reciprocalStep(a, b, &context)
        case .reciprocalSquareRootStep: return reciprocalSquareRootStep(a, b, &context)
        case .reciprocalExponent: return reciprocalExponent(a, &context)
        // Of two formats: not here.
        case .multiplyAddNarrow, .dotProductBrain, .convertToBrain: return defaultNaN
        }
    }

    /// FPCompare().
    @inline(__always)
    private static func compare(
        _ a: UInt64, _ b: UInt64, quiet: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let a = flushInput(a, &context)
        let b = flushInput(b, &context)
        // C and V; the abstract carry is the inverse of C.
        if isUnordered(a, b, quiet: quiet, &context) { return ConditionCode.overflowBit }
        let (x, y) = (comparable(a), comparable(b))
        if x == y { return ConditionCode.zeroBit }
        return x < y ? ConditionCode.signBit | ConditionCode.carryBit : 0
    }

    /// FPMinNum(), FPMaxNum(): a quiet NaN counts as an infinity that loses, unless the other is one too. So the other
    /// stands in for it, which is flushed, or found to be a signalling NaN, as by itself.
    @inline(__always)
    private static func numbers(_ a: UInt64, _ b: UInt64) -> (UInt64, UInt64) {
        let isQuiet = (
            Format.isNaN(a) && !Format.isSignalingNaN(a), Format.isNaN(b) && !Format.isSignalingNaN(b)
        )
        if isQuiet.0 == isQuiet.1 { return (a, b) }
        return isQuiet.0 ? (b, b) : (a, a)
    }

    @inline(__always)
    private static func toFixed(
        _ a: UInt64, fraction: UInt64, bits: UInt64, signed: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        // A width that there is none of takes part in no shift: 1 to 64.
        let bits = min(max(bits, 1), 64)
        let result = toInteger(
            a, fraction: Int(truncatingIfNeeded: fraction & 127), bits: Int(truncatingIfNeeded: bits), signed: signed,
            &context)
        return result & ~0 &>> (64 &- bits)
    }

    @inline(__always)
    private static func fromFixed(
        _ a: UInt64, fraction: UInt64, bits: UInt64, signed: Bool, _ context: inout FloatContext
    ) -> UInt64 {
        let unused = 64 &- min(max(bits, 1), 64)
        let value =
            signed
            ? UInt64(bitPattern: Int64(bitPattern: a &<< unused) &>> Int64(bitPattern: unused))
            : (a &<< unused) &>> unused
        return fromInteger(value, fraction: Int(truncatingIfNeeded: fraction & 127), signed: signed, &context)
    }
}
