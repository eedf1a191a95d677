/// The meaning of the floating-point instructions: F, D, Zfh, Zfhmin (volume I).
///
/// A narrower value in an f register is NaN-boxed: the bits above it are ones, and a register that is not properly boxed
/// reads as the canonical NaN ("NaN Boxing of Narrower Values").
extension RISCV {
    @inline(__always)
    static func floatOperand<E: Emitter>(_ e: inout E, _ index: UInt8, _ format: FloatSize) -> E.Value {
        let register = e.register(index)
        if format == .double { return register }
        let boxed = e.constant(boxMask(format))
        let upper = e.binary(.and, .double, register, boxed)
        let isBoxed = e.compare(.equal, .double, upper, boxed)
        let value = e.extend(format == .single ? .zero32 : .zero16, register)
        let canonical = e.constant(canonicalNaN(format))
        return e.select(isBoxed, value, canonical)
    }

    @inline(__always)
    static func setFloat<E: Emitter>(_ e: inout E, _ index: UInt8, _ value: E.Value, _ format: FloatSize) {
        if format == .double {
            e.setRegister(index, value)
        } else {
            let box = e.constant(boxMask(format))
            let boxed = e.binary(.or, .double, value, box)
            e.setRegister(index, boxed)
        }
        markDirty(&e)
    }

    /// mstatus.FS becomes Dirty: every write of an f register or of fcsr says so.
    @inline(__always)
    static func markDirty<E: Emitter>(_ e: inout E) {
        let one = e.constant(1)
        e.setState(floatDirtyOffset, .byte, one)
    }

    @inline(__always)
    static func boxMask(_ format: FloatSize) -> UInt64 {
        switch format {
        case .half: return ~0xffff
        case .single: return ~0xffff_ffff
        case .double: return 0
        }
    }

    @inline(__always)
    static func canonicalNaN(_ format: FloatSize) -> UInt64 {
        switch format {
        case .half: return 0x7e00
        case .single: return 0x7fc0_0000
        case .double: return 0x7ff8_0000_0000_0000
        }
    }

    static var floatDirtyOffset: Int { @inline(__always) get { MemoryLayout<CoreState>.offset(of: \.floatDirty)! } }

    /// FS must not be Off; and where the instruction takes its rounding mode from frm, that must not be a reserved one.
    @inline(__always)
    static func rounding<E: Emitter>(_ e: inout E, _ i: Operands) throws(E.Failure) -> RoundingControl {
        try e.require(.floatingPoint)
        let rounding = i.rounding
        if rounding == .dynamic { try e.require(.dynamicRounding) }
        return rounding
    }

    // MARK: Loads and stores

    @inline(__always)
    static func loadFloat<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let base = e.register(i.rs1)
        let offset = e.constant(i.immediateBits)
        let address = e.binary(.add, .double, base, offset)
        let value = try e.load(address, format.width, [])
        setFloat(&e, i.rd, value, format)
    }

    @inline(__always)
    static func storeFloat<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        try store(&e, i, format.width)
    }

    // MARK: Arithmetic

    @inline(__always)
    static func floatBinary<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = floatOperand(&e, i.rs1, format)
        let b = floatOperand(&e, i.rs2, format)
        let zero = e.constant(0)
        let result = e.float(operation, format, a, b, zero, mode)
        setFloat(&e, i.rd, result, format)
    }

    @inline(__always)
    static func floatSquareRoot<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = floatOperand(&e, i.rs1, format)
        let zero = e.constant(0)
        let result = e.float(.squareRoot, format, a, zero, zero, mode)
        setFloat(&e, i.rd, result, format)
    }

    @inline(__always)
    static func floatFused<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = floatOperand(&e, i.rs1, format)
        let b = floatOperand(&e, i.rs2, format)
        let c = floatOperand(&e, i.rs3, format)
        let result = e.float(operation, format, a, b, c, mode)
        setFloat(&e, i.rd, result, format)
    }

    /// FMIN, FMAX: exact, so they have no rounding field.
    @inline(__always)
    static func floatExtremum<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rs1, format)
        let b = floatOperand(&e, i.rs2, format)
        let zero = e.constant(0)
        let result = e.float(operation, format, a, b, zero, .nearestEven)
        setFloat(&e, i.rd, result, format)
    }

    @inline(__always)
    static func floatCompare<E: Emitter>(
        _ e: inout E, _ i: Operands, _ operation: FloatOperation, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rs1, format)
        let b = floatOperand(&e, i.rs2, format)
        let zero = e.constant(0)
        let result = e.float(operation, format, a, b, zero, .nearestEven)
        e.setRegister(i.rd, result)
        markDirty(&e)
    }

    @inline(__always)
    static func floatClassify<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rs1, format)
        let zero = e.constant(0)
        let result = e.float(.classify, format, a, zero, zero, .nearestEven)
        e.setRegister(i.rd, result)
    }

    /// FSGNJ, FSGNJN, FSGNJX: the sign from rs2, its inverse, or the exclusive or of both; the rest from rs1.
    enum SignInjection { case copy, negate, exclusiveOr }

    @inline(__always)
    static func floatSign<E: Emitter>(
        _ e: inout E, _ i: Operands, _ injection: SignInjection, _ format: FloatSize
    ) throws(E.Failure) {
        try e.require(.floatingPoint)
        let a = floatOperand(&e, i.rs1, format)
        let b = floatOperand(&e, i.rs2, format)
        let signBit = e.constant(format.width.signBit)
        var sign = e.binary(.and, .double, b, signBit)
        if injection == .negate { sign = e.binary(.xor, .double, sign, signBit) }
        let magnitude = injection == .exclusiveOr ? a : e.binary(.andNot, .double, a, signBit)
        let result = e.binary(.xor, .double, magnitude, sign)
        setFloat(&e, i.rd, result, format)
    }

    // MARK: Moves and conversions

    /// FMV.X.*: the bits, sign-extended, boxed or not.
    @inline(__always)
    static func moveFromFloat<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let bits = e.register(i.rs1)
        switch format {
        case .double: e.setRegister(i.rd, bits)
        case .single:
            let extended = e.extend(.signed32, bits)
            e.setRegister(i.rd, extended)
        case .half:
            let extended = e.extend(.signed16, bits)
            e.setRegister(i.rd, extended)
        }
    }

    @inline(__always)
    static func moveToFloat<E: Emitter>(_ e: inout E, _ i: Operands, _ format: FloatSize) throws(E.Failure) {
        try e.require(.floatingPoint)
        let bits = e.register(i.rs1)
        setFloat(&e, i.rd, bits, format)
    }

    @inline(__always)
    static func convertToInteger<E: Emitter>(
        _ e: inout E, _ i: Operands, _ format: FloatSize, _ width: Width, signed: Bool
    ) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = floatOperand(&e, i.rs1, format)
        let result = e.floatToInteger(format, a, width, signed: signed, mode)
        if width == .word {
            // Both W and WU results are sign-extended from 32 bits.
            let extended = e.extend(.signed32, result)
            e.setRegister(i.rd, extended)
        } else {
            e.setRegister(i.rd, result)
        }
        markDirty(&e)
    }

    @inline(__always)
    static func convertFromInteger<E: Emitter>(
        _ e: inout E, _ i: Operands, _ format: FloatSize, _ width: Width, signed: Bool
    ) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = e.register(i.rs1)
        let result = e.integerToFloat(format, a, width, signed: signed, mode)
        setFloat(&e, i.rd, result, format)
    }

    @inline(__always)
    static func convertFormat<E: Emitter>(
        _ e: inout E, _ i: Operands, from source: FloatSize, to target: FloatSize
    ) throws(E.Failure) {
        let mode = try rounding(&e, i)
        let a = floatOperand(&e, i.rs1, source)
        let result = e.convertFloat(a, from: source, to: target, mode)
        setFloat(&e, i.rd, result, target)
    }
}

extension Operands {
    /// The rm field of a floating-point instruction. The decoder refuses the reserved values 5 and 6.
    @inline(__always) var rounding: RoundingControl {
        // SAFETY: what is left, 0 to 4 and 7, are the cases.
        RoundingControl(rawValue: UInt8(truncatingIfNeeded: immediate & 7)).unsafelyUnwrapped
    }
    /// The third source of a fused multiply-add.
    @inline(__always) var rs3: UInt8 { UInt8(truncatingIfNeeded: immediate &>> 8) }
}
