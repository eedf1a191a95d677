import ISA

/// The meaning of scalar floating point (C3.5, C7.2). A scalar is the low part of a vector register; what is above it
/// becomes zero where it is written.
extension AArch64 {
    @inline(__always)
    static func floatOperand<E: Emitter>(_ e: inout E, _ index: UInt8, _ format: FloatSize) -> E.Value {
        let vector = e.vectorRegister(index)
        let low = e.doubleword(0, of: vector)
        switch format {
        case .half: return e.extend(.zero16, low)
        case .single: return e.extend(.zero32, low)
        case .double: return low
        }
    }

    // MARK: Arithmetic

    /// FSQRT, and FRINTN to FRINT64Z with a rounding mode of their own or FPCR's.
    @inline(__always)
    static func floatUnary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize,
        _ rounding: RoundingControl = .dynamic
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let zero = e.constant(0)
        let result = e.float(operation, format, a, zero, zero, rounding)
        setScalar(&e, i.rd, result)
    }

    @inline(__always)
    static func floatBinary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let b = floatOperand(&e, i.rm, format)
        let zero = e.constant(0)
        let result = e.float(operation, format, a, b, zero, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FNMUL: the product's sign is inverted when it is rounded, that of a NaN too.
    @inline(__always)
    static func floatMultiplyNegate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let b = floatOperand(&e, i.rm, format)
        let zero = e.constant(0)
        let product = e.float(.multiply, format, a, b, zero, .dynamic)
        let sign = e.constant(format.width.signBit)
        let result = e.binary(.xor, .double, product, sign)
        setScalar(&e, i.rd, result)
    }

    /// FMADD, FMSUB, FNMADD, FNMSUB.
    @inline(__always)
    static func floatFused<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let b = floatOperand(&e, i.rm, format)
        let c = floatOperand(&e, i.ra, format)
        let result = e.float(operation, format, a, b, c, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FABS, FNEG: bits, of NaNs too.
    @inline(__always)
    static func floatSign<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: BinaryOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let sign = e.constant(format.width.signBit)
        let result = e.binary(operation, .double, a, sign)
        setScalar(&e, i.rd, result)
    }

    // MARK: Comparison and selection

    /// FCMP, FCMPE.
    @inline(__always)
    static func floatCompare<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize, withZero: Bool = false
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let zero = e.constant(0)
        let b = withZero ? zero : floatOperand(&e, i.rm, format)
        let flags = e.float(operation, format, a, b, zero, .nearestEven)
        e.setFlags(raw: flags)
    }

    /// FCCMP, FCCMPE: the operands are looked at, and may raise something, only where the condition holds.
    @inline(__always)
    static func floatConditionalCompare<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let b = floatOperand(&e, i.rm, format)
        let holds = condition(&e, i.immediateBits)
        let otherwise = e.constant(rawFlags(i.immediateBits &>> 4 & 15))
        e.setFlags(raw: otherwise)
        try e.whenever(holds) { e throws(E.Failure) in
            let zero = e.constant(0)
            let flags = e.float(operation, format, a, b, zero, .nearestEven)
            e.setFlags(raw: flags)
        }
    }

    @inline(__always)
    static func floatSelect<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let b = floatOperand(&e, i.rm, format)
        let holds = condition(&e, i.immediateBits)
        let result = e.select(holds, a, b)
        setScalar(&e, i.rd, result)
    }

    // MARK: Moves

    @inline(__always)
    static func floatMove<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        setScalar(&e, i.rd, a)
    }

    @inline(__always)
    static func floatMoveImmediate<E: Emitter>(
        _ e: inout E, _ i: Operands, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let value = e.constant(floatImmediate(i.immediateBits, format))
        setScalar(&e, i.rd, value)
    }

    /// VFPExpandImm(): sign, three bits of exponent around that of 1, four bits of fraction.
    @inline(__always)
    static func floatImmediate(_ bits: UInt64, _ format: FloatSize) -> UInt64 {
        let (places, exponentBits): (UInt64, UInt64) =
            switch format {
            case .half: (10, 5)
            case .single: (23, 8)
            case .double: (52, 11)
            }
        let sign = (bits &>> 7 & 1) &<< (places &+ exponentBits)
        let isSmall = bits &>> 6 & 1
        let inverted = (1 &- isSmall) &<< (exponentBits &- 1)
        let repeated = isSmall == 0 ? 0 : (1 &<< (exponentBits &- 1)) &- 4
        let exponent = (inverted | repeated | bits &>> 4 & 3) &<< places
        return sign | exponent | (bits & 15) &<< (places &- 4)
    }

    /// FMOV of a scalar's bits to a general register.
    @inline(__always)
    static func moveToGeneral<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        e.setRegister(i.rd, a)
    }

    @inline(__always)
    static func moveFromGeneral<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        var a = e.register(i.rn)
        if format != .double { a = e.extend(format == .half ? .zero16 : .zero32, a) }
        setScalar(&e, i.rd, a)
    }

    /// FMOV to and from the upper doubleword of a vector.
    @inline(__always)
    static func moveHighToGeneral<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rn)
        let high = e.doubleword(1, of: vector)
        e.setRegister(i.rd, high)
    }

    @inline(__always)
    static func moveHighFromGeneral<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let vector = e.vectorRegister(i.rd)
        let low = e.doubleword(0, of: vector)
        let high = e.register(i.rn)
        let result = e.vector(low: low, high: high)
        e.setVectorRegister(i.rd, result)
    }

    // MARK: Conversions

    @inline(__always)
    static func floatConvert<E: Emitter>(
        _ e: inout E, _ i: Operands, from source: FloatSize, to target: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, source)
        let result = e.convertFloat(a, from: source, to: target, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FCVTNS to FCVTZU, to a general register.
    @inline(__always)
    static func floatToInteger<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ format: FloatSize, signed: Bool, _ rounding: RoundingControl
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let integer = e.floatToInteger(format, a, width, signed: signed, rounding)
        let result = width == .word ? e.extend(.zero32, integer) : integer
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func integerToFloat<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ format: FloatSize, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.register(i.rn)
        let result = e.integerToFloat(format, a, width, signed: signed, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FCVTZS, FCVTZU (scalar, fixed-point).
    @inline(__always)
    static func floatToFixed<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ format: FloatSize, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, format)
        let fraction = e.constant(64 &- (i.immediateBits & 63))
        let bits = e.constant(width.bits)
        let result = e.float(signed ? .toFixedSigned : .toFixedUnsigned, format, a, fraction, bits, .towardZero)
        e.setRegister(i.rd, result)
    }

    @inline(__always)
    static func fixedToFloat<E: Emitter>(
        _ e: inout E, _ i: Operands, _ width: Width, _ format: FloatSize, signed: Bool
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = e.register(i.rn)
        let fraction = e.constant(64 &- (i.immediateBits & 63))
        let bits = e.constant(width.bits)
        let result = e.float(signed ? .fromFixedSigned : .fromFixedUnsigned, format, a, fraction, bits, .dynamic)
        setScalar(&e, i.rd, result)
    }

    /// FJCVTZS: Z tells whether the integer is the number.
    @inline(__always)
    static func floatToModularInteger<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rn, .double)
        let zero = e.constant(0)
        let both = e.float(.toModularWord, .double, a, zero, zero, .towardZero)
        let result = e.extend(.zero32, both)
        e.setRegister(i.rd, result)
        // C is clear, that is the abstract carry is set, and Z stands six bits above it.
        let down = e.constant(32 &- 6)
        let zeroFlag = e.constant(ConditionCode.zeroBit)
        let shifted = e.binary(.shiftRightLogical, .double, both, down)
        let isEqual = e.binary(.and, .double, shifted, zeroFlag)
        let carry = e.constant(ConditionCode.carryBit)
        let flags = e.binary(.or, .double, isEqual, carry)
        e.setFlags(raw: flags)
    }
}
