/// Floating point as RISC-V has it: the soft-float of `Float/` under RISC-V's policy, its flags gathered in fflags.
extension RISCV {
    private typealias Half = FloatArithmetic<Binary16, RISCVFloatPolicy>
    private typealias Single = FloatArithmetic<Binary32, RISCVFloatPolicy>
    private typealias Double = FloatArithmetic<Binary64, RISCVFloatPolicy>

    /// The rounding mode that a control names, with the state's for `dynamic`, which `require` has found valid.
    @inline(__always)
    private static func context(_ state: UnsafeMutableRawPointer, _ rounding: RoundingControl) -> FloatContext {
        let core = state.assumingMemoryBound(to: CoreState.self)
        let mode = rounding == .dynamic ? core.pointee.floatRounding : rounding.rawValue
        return FloatContext(RoundingMode(rawValue: mode) ?? .nearestEven)
    }

    @inline(__always)
    private static func gather(_ context: FloatContext, _ state: UnsafeMutableRawPointer) {
        state.assumingMemoryBound(to: CoreState.self).pointee.floatFlags |= context.flags.rawValue
    }

    @inline(__always)
    public static func float(
        _ operation: FloatOperation, _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ b: UInt64,
        _ c: UInt64, _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding)
        let result: UInt64
        switch format {
        case .half: result = compute(Binary16.self, operation, a, b, c, &context)
        case .single: result = compute(Binary32.self, operation, a, b, c, &context)
        case .double: result = compute(Binary64.self, operation, a, b, c, &context)
        }
        gather(context, state)
        return result
    }

    @inline(__always)
    private static func compute<Format: FloatFormat>(
        _: Format.Type, _ operation: FloatOperation, _ a: UInt64, _ b: UInt64, _ c: UInt64,
        _ context: inout FloatContext
    ) -> UInt64 {
        typealias Arithmetic = FloatArithmetic<Format, RISCVFloatPolicy>
        let sign = Format.signMask
        switch operation {
        case .add: return Arithmetic.add(a, b, &context)
        case .subtract: return Arithmetic.subtract(a, b, &context)
        case .multiply: return Arithmetic.multiply(a, b, &context)
        case .divide: return Arithmetic.divide(a, b, &context)
        case .squareRoot: return Arithmetic.squareRoot(a, &context)
        case .multiplyAdd: return Arithmetic.fusedMultiplyAdd(a, b, c, &context)
        case .multiplySubtract: return Arithmetic.fusedMultiplyAdd(a, b, c ^ sign, &context)
        case .negatedMultiplyAdd: return Arithmetic.fusedMultiplyAdd(a ^ sign, b, c, &context)
        case .negatedMultiplySubtract: return Arithmetic.fusedMultiplyAdd(a ^ sign, b, c ^ sign, &context)
        case .minimumNumber: return Arithmetic.minimumNumber(a, b, &context)
        case .maximumNumber: return Arithmetic.maximumNumber(a, b, &context)
        case .equal: return Arithmetic.equal(a, b, &context) ? 1 : 0
        case .less: return Arithmetic.lessThan(a, b, &context) ? 1 : 0
        case .lessOrEqual: return Arithmetic.lessOrEqual(a, b, &context) ? 1 : 0
        case .classify: return Arithmetic.classify(a).mask
        // No instruction has these.
        default: return Arithmetic.defaultNaN
        }
    }

    @inline(__always)
    public static func floatToInteger(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding)
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

    @inline(__always)
    public static func integerToFloat(
        _ format: FloatSize, _ state: UnsafeMutableRawPointer, _ a: UInt64, _ width: Width, signed: Bool,
        _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding)
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

    @inline(__always)
    public static func convertFloat(
        _ state: UnsafeMutableRawPointer, _ a: UInt64, from: FloatSize, to: FloatSize, _ rounding: RoundingControl
    ) -> UInt64 {
        var context = context(state, rounding)
        let result: UInt64
        switch (from, to) {
        case (.half, .single): result = Half.convert(a, to: Binary32.self, &context)
        case (.half, .double): result = Half.convert(a, to: Binary64.self, &context)
        case (.single, .half): result = Single.convert(a, to: Binary16.self, &context)
        case (.single, .double): result = Single.convert(a, to: Binary64.self, &context)
        case (.double, .half): result = Double.convert(a, to: Binary16.self, &context)
        case (.double, .single): result = Double.convert(a, to: Binary32.self, &context)
        default: result = a
        }
        gather(context, state)
        return result
    }
}
