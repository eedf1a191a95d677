import ISA

/// Instructions on vector registers as a whole, and on their elements as integers.
///
/// Where a method has the parameter `from`, that register is the first source, and the instruction has a VEX prefix, which
/// needs AVX. Without it the target is the first source, and SSE4.1 is enough (INSERTPS, PINSR, PEXTR, ROUND, BLENDV; the
/// rest is SSE2 or SSE3).
extension X64.Assembler {
    public typealias VectorRegister = X64.VectorRegister
    public typealias VectorOperand = X64.VectorOperand

    /// An instruction whose ModRM.rm may be a vector register, with a VEX prefix where there is a first source.
    mutating func vector(
        _ opcode: UInt32, _ reg: VectorRegister, from first: VectorRegister?, _ operand: Operand,
        _ width: Width = .word, mandatory: UInt8
    ) {
        if let first {
            vex(opcode, reg: reg.rawValue, source: first.rawValue, operand, width, mandatory: mandatory)
        } else {
            instruction(opcode, reg: reg.rawValue, operand, width, mandatory: mandatory)
        }
    }

    /// A vector register in ModRM.rm has a general-purpose one's encoding.
    static func operand(_ operand: VectorOperand) -> Operand {
        switch operand {
        case .register(let register): .register(Register(rawValue: register.rawValue) ?? .rax)
        case .memory(let memory): .memory(memory)
        }
    }

    // MARK: Moves

    /// target = source, all of it (MOVAPS).
    public mutating func move(_ target: VectorRegister, _ source: VectorRegister) {
        instruction(0x0f28, reg: target.rawValue, Self.operand(.register(source)), .word)
    }

    /// target = the bits of source, zero-extended (MOVD, MOVQ).
    public mutating func move(_ target: VectorRegister, _ source: Register, _ width: Width = .double) {
        instruction(0x0f6e, reg: target.rawValue, .register(source), width, mandatory: 0x66)
    }

    /// target = the low bits of source, zero-extended (MOVD, MOVQ).
    public mutating func move(_ target: Register, _ source: VectorRegister, _ width: Width = .double) {
        instruction(0x0f7e, reg: source.rawValue, .register(target), width, mandatory: 0x66)
    }

    /// target = the low 64 bits of source, zero-extended (MOVQ).
    public mutating func moveLow(_ target: VectorRegister, _ source: VectorRegister) {
        instruction(0x0f7e, reg: target.rawValue, Self.operand(.register(source)), .word, mandatory: 0xf3)
    }

    /// target = memory, zero-extended, as an integer (MOVD, MOVQ).
    public mutating func move(_ target: VectorRegister, _ memory: Memory, _ width: Width = .double) {
        let isDouble = width == .double
        instruction(
            isDouble ? 0x0f7e : 0x0f6e, reg: target.rawValue, .memory(memory), .word,
            mandatory: isDouble ? 0xf3 : 0x66)
    }

    /// memory = the low bits of source, as an integer (MOVD, MOVQ).
    public mutating func move(_ memory: Memory, _ source: VectorRegister, _ width: Width = .double) {
        instruction(
            width == .double ? 0x0fd6 : 0x0f7e, reg: source.rawValue, .memory(memory), .word, mandatory: 0x66)
    }

    /// target = memory, 16 bytes that need no alignment (MOVUPS).
    public mutating func loadVector(_ target: VectorRegister, _ memory: Memory) {
        instruction(0x0f10, reg: target.rawValue, .memory(memory), .word)
    }

    /// memory = source, 16 bytes that need no alignment (MOVUPS).
    public mutating func storeVector(_ memory: Memory, _ source: VectorRegister) {
        instruction(0x0f11, reg: source.rawValue, .memory(memory), .word)
    }

    // MARK: Whole vectors

    /// target = first source operation source.
    public mutating func packed(
        _ operation: X64.Packed, _ target: VectorRegister, from first: VectorRegister? = nil, _ source: VectorOperand
    ) {
        vector(
            operation.rawValue & 0xff_ffff, target, from: first, Self.operand(source),
            mandatory: UInt8(operation.rawValue >> 24))
    }

    /// target = first source operation source, as the constant says. PCLMULQDQ has a CPUID bit of its own.
    public mutating func packed(
        _ operation: X64.PackedConstant, _ target: VectorRegister, from first: VectorRegister? = nil,
        _ source: VectorOperand, constant: UInt8
    ) {
        vector(
            operation.rawValue & 0xff_ffff, target, from: first, Self.operand(source),
            mandatory: UInt8(operation.rawValue >> 24))
        byte(constant)
    }

    /// target = the elements of source, or of target, shifted by a constant (PSLLD, PSLLQ, PSRLD, PSRLQ).
    /// - Precondition: `kind` is `.left` or `.logicalRight`, and the width is 32 or 64 bits.
    public mutating func shift(
        _ kind: X64.Shift, _ target: VectorRegister, from source: VectorRegister? = nil, by count: UInt8, _ width: Width
    ) {
        assert(kind == .left || kind == .logicalRight, "only logical shifts are here")
        let opcode: UInt32 = width == .double ? 0x0f73 : 0x0f72
        let part: UInt8 = kind == .left ? 6 : 2
        if let source {
            vex(
                opcode, reg: part, source: target.rawValue, Self.operand(.register(source)), .word, mandatory: 0x66)
        } else {
            instruction(opcode, reg: part, Self.operand(.register(target)), .word, mandatory: 0x66)
        }
        byte(count)
    }

    /// target = its elements shifted by a constant; as far as all bits (PSLLW to PSLLQ, PSRLW to PSRLQ, PSRAW, PSRAD).
    /// - Precondition: elements have 16, 32 or 64 bits, and for `.arithmeticRight` not 64.
    public mutating func shiftLanes(_ kind: X64.Shift, _ target: VectorRegister, by count: UInt8, _ width: Width) {
        let opcode: UInt32 = width == .double ? 0x0f73 : width == .word ? 0x0f72 : 0x0f71
        let part: UInt8 = kind == .left ? 6 : kind == .logicalRight ? 2 : 4
        instruction(opcode, reg: part, Self.operand(.register(target)), .word, mandatory: 0x66)
        byte(count)
    }

    /// Flags: equal where all bits of the register are zero (PTEST).
    public mutating func test(_ register: VectorRegister) {
        instruction(0x0f3817, reg: register.rawValue, Self.operand(.register(register)), .word, mandatory: 0x66)
    }

    /// target = four 32-bit elements of source, each chosen by two bits of the constant (PSHUFD).
    public mutating func shuffle(_ target: VectorRegister, _ source: VectorOperand, constant: UInt8) {
        instruction(0x0f70, reg: target.rawValue, Self.operand(source), .word, mandatory: 0x66)
        byte(constant)
    }

    /// target = the 32-bit elements 1, 1, 3 and 3 of source (MOVSHDUP).
    public mutating func duplicateOdd(_ target: VectorRegister, _ source: VectorOperand) {
        instruction(0x0f16, reg: target.rawValue, Self.operand(source), .word, mandatory: 0xf3)
    }

    /// target = where the sign bits of xmm0's elements are ones, source, else target (BLENDVPS, BLENDVPD).
    public mutating func blend(_ target: VectorRegister, _ source: VectorOperand, _ width: Width) {
        instruction(
            width == .double ? 0x0f3815 : 0x0f3814, reg: target.rawValue, Self.operand(source), .word, mandatory: 0x66)
    }

    /// target = where the sign bits of mask's elements are ones, source, else first (VBLENDVPS, VBLENDVPD).
    public mutating func blend(
        _ target: VectorRegister, from first: VectorRegister, _ source: VectorOperand, mask: VectorRegister,
        _ width: Width
    ) {
        vector(
            width == .double ? 0x0f3a4b : 0x0f3a4a, target, from: first, Self.operand(source), mandatory: 0x66)
        byte(mask.rawValue << 4)
    }

    // MARK: Elements

    /// target = the element of source; in a register, zero-extended (PEXTRD, PEXTRQ).
    public mutating func extract(
        _ target: Operand, _ source: VectorRegister, element: UInt8, _ width: Width = .double
    ) {
        vector(0x0f3a16, source, from: nil, target, width, mandatory: 0x66)
        byte(element)
    }

    /// target = first source, with source in place of the element (PINSRD, PINSRQ).
    public mutating func insert(
        _ target: VectorRegister, from first: VectorRegister? = nil, _ source: Operand, element: UInt8,
        _ width: Width = .double
    ) {
        vector(0x0f3a22, target, from: first, source, width, mandatory: 0x66)
        byte(element)
    }
}
