import ISA

/// Instructions on general-purpose registers and memory.
extension X64.Assembler {
    public typealias Register = X64.Register
    public typealias Memory = X64.Memory
    public typealias Operand = X64.Operand

    /// Byte registers 4 to 7 need a REX prefix.
    func isUniform(_ width: Width, _ register: UInt8, _ other: UInt8 = 0) -> Bool {
        width == .byte && (register >= 4 || other >= 4)
    }

    private func number(_ operand: Operand) -> UInt8 {
        if case .register(let register) = operand { register.rawValue } else { 0 }
    }

    // MARK: Moves

    /// target = source.
    public mutating func move(_ target: Register, _ source: Register, _ width: Width = .double) {
        instruction(
            width == .byte ? 0x88 : 0x89, reg: source.rawValue, .register(target), width,
            needsREX: isUniform(width, source.rawValue, target.rawValue))
    }

    /// target = value, in the shortest form; flags stay.
    public mutating func move(_ target: Register, constant value: UInt64) {
        if value <= UInt64(UInt32.max) {
            if target.rawValue >= 8 { byte(0x41) }
            byte(0xb8 | target.rawValue & 7)
            bytes(value, 4)
        } else if Int64(bitPattern: value) == Int64(Int32(truncatingIfNeeded: value)) {
            instruction(0xc7, reg: 0, .register(target), .double)
            bytes(value, 4)
        } else {
            byte(0x48 | target.rawValue >> 3)
            byte(0xb8 | target.rawValue & 7)
            bytes(value, 8)
        }
    }

    /// target = memory, zero-extended to 64 bits.
    public mutating func load(_ target: Register, _ memory: Memory, _ width: Width = .double) {
        switch width {
        case .byte: instruction(0x0fb6, reg: target.rawValue, .memory(memory), .word)
        case .half: instruction(0x0fb7, reg: target.rawValue, .memory(memory), .word)
        default: instruction(0x8b, reg: target.rawValue, .memory(memory), width)
        }
    }

    /// target = memory, sign-extended to 64 bits.
    public mutating func loadSigned(_ target: Register, _ memory: Memory, _ width: Width) {
        extendSigned(target, .memory(memory), width)
    }

    /// memory = source.
    public mutating func store(_ memory: Memory, _ source: Register, _ width: Width = .double) {
        instruction(
            width == .byte ? 0x88 : 0x89, reg: source.rawValue, .memory(memory), width,
            needsREX: isUniform(width, source.rawValue))
    }

    /// memory = value, sign-extended from 32 bits.
    public mutating func store(_ memory: Memory, constant value: Int32, _ width: Width = .double) {
        instruction(width == .byte ? 0xc6 : 0xc7, reg: 0, .memory(memory), width)
        bytes(UInt64(truncatingIfNeeded: value), Int(min(width.bytes, 4)))
    }

    /// target = the low bits of source, zero-extended to 64 bits.
    public mutating func extendZero(_ target: Register, _ source: Register, _ width: Width) {
        switch width {
        case .byte:
            instruction(
                0x0fb6, reg: target.rawValue, .register(source), .word, needsREX: isUniform(.byte, source.rawValue))
        case .half: instruction(0x0fb7, reg: target.rawValue, .register(source), .word)
        default: move(target, source, width)
        }
    }

    /// target = the low bits of source, sign-extended to 64 bits.
    public mutating func extendSigned(_ target: Register, _ source: Operand, _ width: Width) {
        switch width {
        case .byte: instruction(0x0fbe, reg: target.rawValue, source, .double)
        case .half: instruction(0x0fbf, reg: target.rawValue, source, .double)
        case .word: instruction(0x63, reg: target.rawValue, source, .double)
        case .double: instruction(0x8b, reg: target.rawValue, source, .double)
        }
    }

    /// target = the address itself.
    public mutating func address(_ target: Register, _ memory: Memory, _ width: Width = .double) {
        instruction(0x8d, reg: target.rawValue, .memory(memory), width)
    }

    /// target = the label's address (LEA relative to RIP; SDM volume 2, "RIP-Relative Addressing").
    public mutating func address(_ target: Register, _ label: Label) {
        byte(0x48 | (target.rawValue & 8) >> 1)
        byte(0x8d)
        byte((target.rawValue & 7) << 3 | 5)
        reference(label)
    }

    /// Register and operand change places; in memory, as one atomic access (XCHG).
    public mutating func exchange(_ register: Register, _ operand: Operand, _ width: Width = .double) {
        instruction(
            width == .byte ? 0x86 : 0x87, reg: register.rawValue, operand, width,
            needsREX: isUniform(width, register.rawValue, number(operand)))
    }

    // MARK: Arithmetic

    /// target = target operation source; for `.compare`, flags alone.
    public mutating func arithmetic(
        _ operation: X64.Arithmetic, _ target: Register, _ source: Operand, _ width: Width = .double
    ) {
        instruction(
            UInt32(operation.rawValue << 3 | (width == .byte ? 2 : 3)), reg: target.rawValue, source, width,
            needsREX: isUniform(width, target.rawValue, number(source)))
    }

    /// memory = memory operation source.
    public mutating func arithmetic(
        _ operation: X64.Arithmetic, _ memory: Memory, _ source: Register, _ width: Width = .double
    ) {
        instruction(
            UInt32(operation.rawValue << 3 | (width == .byte ? 0 : 1)), reg: source.rawValue, .memory(memory), width,
            needsREX: isUniform(width, source.rawValue))
    }

    /// operand = operand operation value, which is sign-extended.
    public mutating func arithmetic(
        _ operation: X64.Arithmetic, _ operand: Operand, constant value: Int32, _ width: Width = .double
    ) {
        let isShort = value == Int32(Int8(truncatingIfNeeded: value))
        instruction(
            width == .byte ? 0x80 : isShort ? 0x83 : 0x81, reg: operation.rawValue, operand, width,
            needsREX: isUniform(width, number(operand)))
        bytes(UInt64(truncatingIfNeeded: value), width == .byte || isShort ? 1 : Int(min(width.bytes, 4)))
    }

    /// Flags of operand and source.
    public mutating func test(_ operand: Operand, _ source: Register, _ width: Width = .double) {
        instruction(
            width == .byte ? 0x84 : 0x85, reg: source.rawValue, operand, width,
            needsREX: isUniform(width, source.rawValue, number(operand)))
    }

    /// Flags of operand and value, which is sign-extended.
    public mutating func test(_ operand: Operand, constant value: Int32, _ width: Width = .double) {
        instruction(
            width == .byte ? 0xf6 : 0xf7, reg: 0, operand, width, needsREX: isUniform(width, number(operand)))
        bytes(UInt64(truncatingIfNeeded: value), Int(min(width.bytes, 4)))
    }

    /// NOT and NEG of the operand; MUL, IMUL, DIV and IDIV of rdx:rax by it.
    public mutating func unary(_ operation: X64.Unary, _ operand: Operand, _ width: Width = .double) {
        instruction(
            width == .byte ? 0xf6 : 0xf7, reg: operation.rawValue, operand, width,
            needsREX: isUniform(width, number(operand)))
    }

    /// target = target * source, the low half. - Precondition: the width is 16 bits or more.
    public mutating func multiply(_ target: Register, _ source: Operand, _ width: Width = .double) {
        instruction(0x0faf, reg: target.rawValue, source, width)
    }

    /// target = source * value, the low half; value is sign-extended. - Precondition: the width is 16 bits or more.
    public mutating func multiply(
        _ target: Register, _ source: Operand, constant value: Int32, _ width: Width = .double
    ) {
        let isShort = value == Int32(Int8(truncatingIfNeeded: value))
        instruction(isShort ? 0x6b : 0x69, reg: target.rawValue, source, width)
        bytes(UInt64(truncatingIfNeeded: value), isShort ? 1 : Int(min(width.bytes, 4)))
    }

    /// high:low = rdx * source, unsigned, flags untouched: MULX of BMI2. Of one register for both, the high half stays.
    /// - Precondition: the width is 32 or 64 bits.
    public mutating func multiply(
        high: Register, low: Register, _ source: Operand, _ width: Width = .double
    ) {
        vex(0x0f38f6, reg: high.rawValue, source: low.rawValue, source, width, mandatory: 0xf2)
    }

    /// rdx:rax = rax, sign-extended (CQO, CDQ).
    public mutating func extendAccumulator(_ width: Width = .double) {
        if width == .double { byte(0x48) }
        byte(0x99)
    }

    // MARK: Shifts and bits

    /// operand = operand shifted by a constant.
    public mutating func shift(_ kind: X64.Shift, _ operand: Operand, by count: UInt8, _ width: Width = .double) {
        instruction(
            width == .byte ? 0xc0 : 0xc1, reg: kind.rawValue, operand, width,
            needsREX: isUniform(width, number(operand)))
        byte(count)
    }

    /// operand = operand shifted by cl.
    public mutating func shiftByCL(_ kind: X64.Shift, _ operand: Operand, _ width: Width = .double) {
        instruction(
            width == .byte ? 0xd2 : 0xd3, reg: kind.rawValue, operand, width,
            needsREX: isUniform(width, number(operand)))
    }

    /// target = source shifted by a register, flags untouched: SHLX, SHRX, SARX of BMI2. - Precondition: `kind` is no
    /// rotation, and the width is 32 or 64 bits.
    public mutating func shift(
        _ kind: X64.Shift, _ target: Register, _ source: Operand, by count: Register, _ width: Width = .double
    ) {
        let mandatory: UInt8 = kind == .left ? 0x66 : kind == .logicalRight ? 0xf2 : 0xf3
        vex(0x0f38f7, reg: target.rawValue, source: count.rawValue, source, width, mandatory: mandatory)
    }

    /// target = operand rotated right by a constant, flags untouched: RORX of BMI2. - Precondition: the width is 32 or 64
    /// bits.
    public mutating func rotateRight(
        _ target: Register, _ operand: Operand, by count: UInt8, _ width: Width = .double
    ) {
        vex(0x0f3af0, reg: target.rawValue, source: 0, operand, width, mandatory: 0xf2)
        byte(count)
    }

    /// operand = operand shifted by a constant, with bits of source moving in (SHLD, SHRD).
    /// - Precondition: `kind` is `.left` or `.logicalRight`, and the width is 16 bits or more.
    public mutating func shift(
        _ kind: X64.Shift, _ operand: Operand, from source: Register, by count: UInt8, _ width: Width = .double
    ) {
        assert(kind == .left || kind == .logicalRight, "only logical shifts have a second source")
        instruction(kind == .left ? 0x0fa4 : 0x0fac, reg: source.rawValue, operand, width)
        byte(count)
    }

    /// CF = the bit of the operand, which is changed afterwards (BT, BTS, BTR, BTC).
    /// - Parameter number: counted modulo the width. - Precondition: the width is 16 bits or more.
    public mutating func bitTest(
        _ operand: Operand, constant number: UInt8, and change: X64.BitChange = .nothing, _ width: Width = .double
    ) {
        instruction(0x0fba, reg: change.rawValue, operand, width)
        byte(number)
    }

    /// CF = the bit of the operand, which is changed afterwards (BT, BTS, BTR, BTC).
    /// - Parameter number: counted modulo the width in a register, but any signed distance from the operand in memory.
    /// - Precondition: the width is 16 bits or more.
    public mutating func bitTest(
        _ operand: Operand, _ number: Register, and change: X64.BitChange = .nothing, _ width: Width = .double
    ) {
        instruction(0x0f83 | UInt32(change.rawValue) << 3, reg: number.rawValue, operand, width)
    }

    /// target = the low bits of source, spread to where mask has ones: PDEP of BMI2. - Precondition: the width is 32 or 64
    /// bits.
    public mutating func depositBits(
        _ target: Register, _ source: Register, mask: Operand, _ width: Width = .double
    ) {
        vex(0x0f38f5, reg: target.rawValue, source: source.rawValue, mask, width, mandatory: 0xf2)
    }

    /// target = the bits of source where mask has ones, moved together: PEXT of BMI2. - Precondition: the width is 32 or 64
    /// bits.
    public mutating func extractBits(
        _ target: Register, _ source: Register, mask: Operand, _ width: Width = .double
    ) {
        vex(0x0f38f5, reg: target.rawValue, source: source.rawValue, mask, width, mandatory: 0xf3)
    }

    /// target = source and not other: ANDN of BMI1. - Precondition: the width is 32 or 64 bits.
    public mutating func andNot(_ target: Register, _ source: Operand, not other: Register, _ width: Width = .double) {
        vex(0x0f38f2, reg: target.rawValue, source: other.rawValue, source, width)
    }

    /// target = the count of bits in source. - Precondition: the width is 16 bits or more.
    public mutating func count(_ kind: X64.Count, _ target: Register, _ source: Operand, _ width: Width = .double) {
        if width == .half { byte(0x66) }
        instruction(
            0x0f00 | UInt32(kind.rawValue), reg: target.rawValue, source, width == .half ? .word : width,
            mandatory: 0xf3)
    }

    /// The bytes of the register in opposite order. - Precondition: the width is 32 or 64 bits.
    public mutating func swapBytes(_ register: Register, _ width: Width = .double) {
        let rex: UInt8 = (width == .double ? 8 : 0) | register.rawValue >> 3
        if rex != 0 { byte(0x40 | rex) }
        byte(0x0f)
        byte(0xc8 | register.rawValue & 7)
    }
}
