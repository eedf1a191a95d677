import ISA

/// Floating point on the low elements of vector registers, and what governs it. Widths are `.word` for single and
/// `.double` for double precision. `from` and its absence mean the same as in AssemblerVector.swift; the elements above come
/// from the first source.
extension X64.Assembler {
    private static func prefix(_ width: Width) -> UInt8 { width == .double ? 0xf2 : 0xf3 }

    /// target = memory, and zeros above it (MOVSS, MOVSD).
    public mutating func load(_ target: VectorRegister, _ memory: Memory, _ width: Width) {
        instruction(0x0f10, reg: target.rawValue, .memory(memory), .word, mandatory: Self.prefix(width))
    }

    /// memory = the low bits of source (MOVSS, MOVSD).
    public mutating func store(_ memory: Memory, _ source: VectorRegister, _ width: Width) {
        instruction(0x0f11, reg: source.rawValue, .memory(memory), .word, mandatory: Self.prefix(width))
    }

    // MARK: Arithmetic

    /// target = first source operation source; a square root has one source.
    public mutating func scalar(
        _ operation: X64.Scalar, _ target: VectorRegister, from first: VectorRegister? = nil, _ source: VectorOperand,
        _ width: Width
    ) {
        vector(
            0x0f00 | UInt32(operation.rawValue), target, from: first, Self.operand(source),
            mandatory: Self.prefix(width))
    }

    /// target = target operation source, of two registers.
    public mutating func scalar(
        _ operation: X64.Scalar, _ target: VectorRegister, _ source: VectorRegister, _ width: Width
    ) {
        scalar(operation, target, .register(source), width)
    }

    /// target = ± product ± addend of target, second and third in the given order, rounded once (FMA3).
    public mutating func fused(
        _ operation: X64.Fused, _ order: X64.FusedOrder, _ target: VectorRegister, _ second: VectorRegister,
        _ third: VectorOperand, _ width: Width
    ) {
        vector(
            0x0f3800 | UInt32(operation.rawValue + order.rawValue), target, from: second, Self.operand(third), width,
            mandatory: 0x66)
    }

    /// target = source, rounded to an integer (ROUNDSS, ROUNDSD).
    /// - Parameter isExact: an inexact result raises the precision flag.
    public mutating func round(
        _ rounding: X64.Rounding, isExact: Bool, _ target: VectorRegister, from first: VectorRegister? = nil,
        _ source: VectorOperand, _ width: Width
    ) {
        vector(
            width == .double ? 0x0f3a0b : 0x0f3a0a, target, from: first, Self.operand(source), mandatory: 0x66)
        byte(rounding.rawValue | (isExact ? 0 : 8))
    }

    /// The same in each element (ADDPS, ADDPD and their kin).
    public mutating func packedFloat(
        _ operation: X64.Scalar, _ target: VectorRegister, from first: VectorRegister? = nil, _ source: VectorRegister,
        _ width: Width
    ) {
        vector(
            0x0f00 | UInt32(operation.rawValue), target, from: first, Self.operand(.register(source)),
            mandatory: width == .double ? 0x66 : 0)
    }

    /// The same in each element. Its opcode is the even one before.
    public mutating func packedFused(
        _ operation: X64.Fused, _ order: X64.FusedOrder, _ target: VectorRegister, _ second: VectorRegister,
        _ third: VectorRegister, _ width: Width
    ) {
        vector(
            0x0f3800 | UInt32(operation.rawValue + order.rawValue - 1), target, from: second,
            Self.operand(.register(third)), width, mandatory: 0x66)
    }

    /// The same of CMPSS and CMPSD in each element (CMPPS, CMPPD).
    public mutating func comparePacked(
        _ predicate: X64.Predicate, _ target: VectorRegister, from first: VectorRegister? = nil,
        _ source: VectorRegister, _ width: Width
    ) {
        vector(
            0x0fc2, target, from: first, Self.operand(.register(source)), mandatory: width == .double ? 0x66 : 0)
        byte(predicate.rawValue)
    }

    /// target = the sign bits of source's elements (MOVMSKPS, MOVMSKPD).
    public mutating func moveMask(_ target: Register, _ source: VectorRegister, _ width: Width) {
        instruction(
            0x0f50, reg: target.rawValue, Self.operand(.register(source)), .word,
            mandatory: width == .double ? 0x66 : 0)
    }

    // MARK: Comparisons

    /// ZF, PF and CF by comparing the low elements; quiet NaNs raise nothing (UCOMISS, UCOMISD).
    public mutating func compareQuiet(_ a: VectorRegister, _ b: VectorOperand, _ width: Width) {
        instruction(0x0f2e, reg: a.rawValue, Self.operand(b), .word, mandatory: width == .double ? 0x66 : 0)
    }

    /// The same, of two registers.
    public mutating func compareQuiet(_ a: VectorRegister, _ b: VectorRegister, _ width: Width) {
        compareQuiet(a, .register(b), width)
    }

    /// The same, and any NaN raises the invalid flag (COMISS, COMISD).
    public mutating func compareSignaling(_ a: VectorRegister, _ b: VectorOperand, _ width: Width) {
        instruction(0x0f2f, reg: a.rawValue, Self.operand(b), .word, mandatory: width == .double ? 0x66 : 0)
    }

    /// The same, of two registers.
    public mutating func compareSignaling(_ a: VectorRegister, _ b: VectorRegister, _ width: Width) {
        compareSignaling(a, .register(b), width)
    }

    /// target = ones where the predicate holds of first source and source, else zeros (CMPSS, CMPSD).
    public mutating func compare(
        _ predicate: X64.Predicate, _ target: VectorRegister, from first: VectorRegister? = nil,
        _ source: VectorOperand, _ width: Width
    ) {
        vector(0x0fc2, target, from: first, Self.operand(source), mandatory: Self.prefix(width))
        byte(predicate.rawValue)
    }

    // MARK: Constants at addresses of the host; AVX

    /// target = source AND what is at the address (VANDPS).
    public mutating func and(_ target: VectorRegister, _ source: VectorRegister, at address: UInt, from base: UInt) {
        vex(0x0f54, reg: target.rawValue, source: source.rawValue, at: address, from: base, mandatory: 0)
    }

    /// As ``compareQuiet(_:_:_:)`` with what is at the address (VUCOMISS, VUCOMISD).
    public mutating func compareQuiet(_ a: VectorRegister, at address: UInt, from base: UInt, _ width: Width) {
        vex(0x0f2e, reg: a.rawValue, source: 0, at: address, from: base, mandatory: width == .double ? 0x66 : 0)
    }

    /// As ``comparePacked(_:_:_:_:)`` with what is at the address (VCMPPS, VCMPPD).
    public mutating func comparePacked(
        _ predicate: X64.Predicate, _ target: VectorRegister, from source: VectorRegister, at address: UInt,
        from base: UInt, _ width: Width
    ) {
        vex(
            0x0fc2, reg: target.rawValue, source: source.rawValue, at: address, from: base,
            mandatory: width == .double ? 0x66 : 0, behind: 1)
        byte(predicate.rawValue)
    }

    // MARK: Conversions

    /// target = the signed integer in source, as a number of the width `float` (CVTSI2SS, CVTSI2SD).
    public mutating func convert(
        _ target: VectorRegister, from first: VectorRegister? = nil, integer source: Operand, _ integer: Width,
        to float: Width
    ) {
        vector(0x0f2a, target, from: first, source, integer, mandatory: Self.prefix(float))
    }

    /// target = the four signed integers of 32 bits in source, as single-precision numbers (CVTDQ2PS).
    public mutating func convertWords(_ target: VectorRegister, _ source: VectorOperand) {
        instruction(0x0f5b, reg: target.rawValue, Self.operand(source), .word)
    }

    /// target = the number in source, as a signed integer; what none can be becomes the least one and raises the invalid flag.
    /// - Parameter truncating: toward zero (CVTTSS2SI, CVTTSD2SI), and not as MXCSR says (CVTSS2SI, CVTSD2SI).
    public mutating func convert(
        _ target: Register, float source: VectorOperand, _ float: Width, to integer: Width, truncating: Bool
    ) {
        instruction(
            truncating ? 0x0f2c : 0x0f2d, reg: target.rawValue, Self.operand(source), integer,
            mandatory: Self.prefix(float))
    }

    /// target = the number in source, of the width `float`, in the other width (CVTSD2SS, CVTSS2SD).
    public mutating func convert(
        _ target: VectorRegister, from first: VectorRegister? = nil, float source: VectorOperand, _ float: Width
    ) {
        vector(0x0f5a, target, from: first, Self.operand(source), mandatory: Self.prefix(float))
    }

    /// target = the four low half-precision numbers of source as single precision (VCVTPH2PS of F16C).
    public mutating func convertFromHalf(_ target: VectorRegister, _ source: VectorOperand) {
        vex(0x0f3813, reg: target.rawValue, source: 0, Self.operand(source), .word, mandatory: 0x66)
    }

    /// target = the four single-precision numbers of source as half precision (VCVTPS2PH of F16C).
    public mutating func convertToHalf(_ target: VectorOperand, _ source: VectorRegister, _ rounding: X64.Rounding) {
        vex(0x0f3a1d, reg: source.rawValue, source: 0, Self.operand(target), .word, mandatory: 0x66)
        byte(rounding.rawValue)
    }

    // MARK: Control

    /// MXCSR = memory.
    public mutating func loadControl(_ memory: Memory) { instruction(0x0fae, reg: 2, .memory(memory), .word) }

    /// memory = MXCSR.
    public mutating func storeControl(_ memory: Memory) { instruction(0x0fae, reg: 3, .memory(memory), .word) }
}
