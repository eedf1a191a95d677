import ISA

/// Instructions of SSE2 on scalars, and what governs them.
extension X64.Assembler {
    public typealias VectorRegister = X64.VectorRegister

    /// target = the bits of source, zero-extended (MOVD, MOVQ).
    public mutating func move(_ target: VectorRegister, _ source: Register, _ width: Width = .double) {
        instruction(0x0f6e, reg: target.rawValue, .register(source), width, mandatory: 0x66)
    }

    /// target = the low bits of source, zero-extended (MOVD, MOVQ).
    public mutating func move(_ target: Register, _ source: VectorRegister, _ width: Width = .double) {
        instruction(0x0f7e, reg: source.rawValue, .register(target), width, mandatory: 0x66)
    }

    /// target = memory, and zeros above it (MOVSS, MOVSD).
    public mutating func load(_ target: VectorRegister, _ memory: Memory, _ width: Width) {
        instruction(0x0f10, reg: target.rawValue, .memory(memory), .word, mandatory: Self.scalarPrefix(width))
    }

    /// memory = the low bits of source (MOVSS, MOVSD).
    public mutating func store(_ memory: Memory, _ source: VectorRegister, _ width: Width) {
        instruction(0x0f11, reg: source.rawValue, .memory(memory), .word, mandatory: Self.scalarPrefix(width))
    }

    /// target = target operation source, in the low element.
    public mutating func scalar(
        _ operation: X64.Scalar, _ target: VectorRegister, _ source: VectorRegister, _ width: Width
    ) {
        instruction(
            0x0f00 | UInt32(operation.rawValue), reg: target.rawValue, Self.operand(source), .word,
            mandatory: Self.scalarPrefix(width))
    }

    /// ZF, PF and CF by comparing the low elements; quiet NaNs raise nothing (UCOMISS, UCOMISD).
    public mutating func compareQuiet(_ a: VectorRegister, _ b: VectorRegister, _ width: Width) {
        instruction(0x0f2e, reg: a.rawValue, Self.operand(b), .word, mandatory: width == .double ? 0x66 : 0)
    }

    /// The same, and any NaN raises the invalid flag (COMISS, COMISD).
    public mutating func compareSignaling(_ a: VectorRegister, _ b: VectorRegister, _ width: Width) {
        instruction(0x0f2f, reg: a.rawValue, Self.operand(b), .word, mandatory: width == .double ? 0x66 : 0)
    }

    /// MXCSR = memory.
    public mutating func loadControl(_ memory: Memory) { instruction(0x0fae, reg: 2, .memory(memory), .word) }

    /// memory = MXCSR.
    public mutating func storeControl(_ memory: Memory) { instruction(0x0fae, reg: 3, .memory(memory), .word) }

    private static func scalarPrefix(_ width: Width) -> UInt8 { width == .double ? 0xf2 : 0xf3 }

    /// A vector register in ModRM.rm has a general-purpose one's encoding.
    private static func operand(_ register: VectorRegister) -> Operand {
        .register(Register(rawValue: register.rawValue) ?? .rax)
    }
}
