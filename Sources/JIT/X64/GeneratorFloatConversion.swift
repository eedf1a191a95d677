import ISA

/// Conversions, and what is rare in floating point.
extension X64.Generator {
    // MARK: To integers

    mutating func generateFloatToInteger(_ node: Node) {
        let isTruncating = node.rounding == .towardZero
        if !isTruncating { requireRounding(node) }
        let source = intoVector(node.a)
        guard node.isSigned else { return generateToUnsigned(node, source, isTruncating: isTruncating) }
        let target = target()
        let back = assembler.label()
        assembler.convert(
            target, float: .register(source), node.width, to: node.otherWidth, truncating: isTruncating)
        // What no integer can be became the least one, from which alone one cannot be taken.
        assembler.arithmetic(.compare, .register(target), constant: 1, node.otherWidth)
        assembler.jump(
            if: .overflow, stub(.float(.saturate(target, node.otherWidth, of: source, node.width), back: back)))
        assembler.bind(back)
        finish(target)
    }

    /// Numbers that are less than the greatest of its width and not negative have a 64-bit signed conversion: it comes to
    /// the exponent, with the sign above it. The rest is for the interpreter, before any flag is raised.
    private mutating func generateToUnsigned(_ node: Node, _ source: VectorRegister, isTruncating: Bool) {
        let exponent = scratch()
        let isDouble = node.width == .double
        assembler.move(exponent, source, node.width)
        assembler.shift(.logicalRight, .register(exponent), by: isDouble ? 52 : 23, node.width)
        // Rounding may give the power of two above, which must fit too.
        let bits: Int32 = node.otherWidth == .double ? 63 : isTruncating ? 32 : 31
        assembler.arithmetic(.compare, .register(exponent), constant: (isDouble ? 1023 : 127) + bits, .word)
        assembler.jump(if: .aboveOrEqual, stub(.interpret))
        let target = target()
        assembler.convert(target, float: .register(source), node.width, to: .double, truncating: isTruncating)
        finish(target)
    }

    // MARK: From integers

    mutating func generateIntegerToFloat(_ node: Node) {
        if !(node.width == .double && node.otherWidth == .word) { requireRounding(node) }
        if !node.isSigned { return generateFromUnsigned(node) }
        let source: Operand
        // What is in memory is as wide as the register it is of.
        source = anyOperand(node.a)
        let target = targetVector()
        convert(target, source, node.otherWidth, to: node.width)
        finishFloat(target, node.width, isBoxed: true)
    }

    /// The bits above the result are ones.
    private mutating func convert(
        _ target: VectorRegister, _ source: Operand, _ integer: Width, to width: Width
    ) {
        if hasAVX {
            assembler.convert(target, from: Role.ones, integer: source, integer, to: width)
        } else {
            assembler.move(target, Role.ones)
            assembler.convert(target, integer: source, integer, to: width)
        }
    }

    /// 32 bits are a signed integer of 64.
    private mutating func generateFromUnsigned(_ node: Node) {
        let source = scratch()
        move(source, node.a)
        if node.otherWidth == .word { assembler.extendZero(source, source, .word) }
        let target = targetVector()
        if node.otherWidth == .double {
            convertUnsigned(target, source, node.width) {
                $0.convert(target, .register(source), .double, to: node.width)
            }
        } else {
            convert(target, .register(source), .double, to: node.width)
        }
        finishFloat(target, node.width, isBoxed: true)
    }

    /// result = the 64 bits of source, which change, by `convert`, which is for signed integers: with the highest bit set, half
    /// is converted, with the bit that is lost kept for rounding, and doubled, which is exact.
    mutating func convertUnsigned(
        _ result: VectorRegister, _ source: Register, _ width: Width, by convert: (inout X64.Generator) -> Void
    ) {
        let (isSigned, done) = (assembler.label(), assembler.label())
        let low = scratch()
        assembler.test(.register(source), source)
        assembler.jumpShort(if: .notSign, isSigned)
        assembler.move(low, source)
        assembler.shift(.logicalRight, .register(source), by: 1)
        assembler.arithmetic(.and, .register(low), constant: 1)
        assembler.arithmetic(.or, source, .register(low))
        convert(&self)
        assembler.scalar(.add, result, result, width)
        assembler.jumpShort(done)
        assembler.bind(isSigned)
        convert(&self)
        assembler.bind(done)
        locked &= ~(1 << UInt16(low.rawValue))
    }

    // MARK: Between formats

    mutating func generateConvertFloat(_ node: Node) {
        // To the wider format is exact.
        if node.width == .word { requireRounding(node) }
        let source = hasAVX ? vectorOperand(node.a) : .register(intoVector(node.a))
        let target = targetVector()
        if hasAVX {
            assembler.convert(target, from: Role.ones, float: source, node.otherWidth)
        } else if source == .register(target) {
            assembler.convert(target, float: source, node.otherWidth)
            if node.width == .word { box(target) }
        } else {
            assembler.move(target, Role.ones)
            assembler.convert(target, float: source, node.otherWidth)
        }
        checkNumber(target, node.width)
        finishFloat(target, node.width, isBoxed: true)
    }

    // MARK: Behind the blocks

    mutating func generate(_ stub: FloatStub, _ back: Label) {
        switch stub {
        case .load: preconditionFailure("the unit's registers are loaded by the trampoline")
        case .notANumber(let result, let width): loadNotANumber(result, width)
        case .notANumberFused(let result, let first, let second, let width):
            raiseInvalid(result, first, second, width)
            loadNotANumber(result, width)
        case .saturate(let target, let integer, let source, let width):
            saturate(target, integer, source, width)
        }
        assembler.jump(back)
    }

    /// Below the stack pointer are 128 bytes that nobody changes (System V ABI, 3.2.2).
    private static let redZone = Memory(.rsp, -8)

    /// The canonical NaN. Changes no other register.
    private mutating func loadNotANumber(_ result: VectorRegister, _ width: Width) {
        assembler.store(Self.redZone, .rax)
        assembler.move(.rax, constant: width == .double ? 0x7ff8_0000_0000_0000 : 0xffff_ffff_7fc0_0000)
        assembler.move(result, .rax)
        assembler.load(.rax, Self.redZone)
    }

    /// Infinity times zero is invalid even where the summand is a quiet NaN, which the host's fused operations do not see
    /// so ("fused multiply-add instructions", volume I): the product is computed again, for this flag alone.
    private mutating func raiseInvalid(
        _ scratch: VectorRegister, _ first: VectorOperand, _ second: VectorRegister, _ width: Width
    ) {
        let (kept, raised) = (Memory(.rsp, -16), Memory(.rsp, -24))
        assembler.store(Self.redZone, .rax)
        assembler.storeControl(kept)
        switch first {
        case .register(let register): assembler.move(scratch, register)
        case .memory(let memory): assembler.load(scratch, memory, width)
        }
        assembler.scalar(.multiply, scratch, second, width)
        assembler.storeControl(raised)
        assembler.load(.rax, raised, .word)
        assembler.arithmetic(.and, .register(.rax), constant: 1, .word)
        assembler.arithmetic(.or, kept, .rax, .word)
        assembler.loadControl(kept)
        assembler.load(.rax, Self.redZone)
    }

    /// A NaN is the greatest integer; what is too small the least, which the target holds; what is too great the greatest.
    private mutating func saturate(
        _ target: Register, _ integer: Width, _ source: VectorRegister, _ width: Width
    ) {
        let (greatest, done) = (assembler.label(), assembler.label())
        assembler.compareQuiet(source, source, width)
        assembler.jumpShort(if: .parity, greatest)
        assembler.move(target, source, width)
        assembler.test(.register(target), target, width)
        assembler.move(target, constant: integer.signBit)
        assembler.jumpShort(if: .sign, done)
        assembler.bind(greatest)
        assembler.move(target, constant: integer.mask >> 1)
        assembler.bind(done)
    }
}
