import ISA

/// Integers.
extension X64.Generator {
    /// Whether there is code for the node; where not, its instruction is left to the interpreter.
    func supports(_ node: Node) -> Bool {
        switch node.operation {
        case .constant, .programCounter, .register, .setRegister, .state, .setState, .extend, .select,
            .conditionValue, .truth, .not, .and, .or, .branch, .jump, .jumpIndirect, .probe, .loadHeld,
            .storeHeld, .storeHeldIf, .reserve, .consumeReservation, .require, .expect, .uncount,
            .setContext, .call, .endBlock, .resume, .setRawFlags, .condition, .flags:
            return true
        case .load, .store: return !node.attributes.contains(.cacheManagement)
        case .setFlags, .addWithCarry, .subtractWithBorrow: return isNative(node.width)
        case .setFlagsIf: return isNative(node.width) && !node.keepsFlags
        case .compare: return isNative(node.width)
        case .binary:
            switch node.binaryOperation {
            case .carrylessMultiply, .carrylessMultiplyHigh, .carrylessMultiplyReversed: return false
            case .multiplyHighSignedUnsigned: return node.width == .double
            default: return isNative(node.width)
            }
        case .unary:
            switch node.unaryOperation {
            case .not, .negate, .reverseBytes, .countOnes: return isNative(node.width)
            case .countLeadingZeros: return isNative(node.width) && host.contains(.lzcnt)
            case .countTrailingZeros: return isNative(node.width) && host.contains(.bmi1)
            case .orCombineBytes: return node.width == .double
            case .reverseBits: return isNative(node.width)
            case .reverseBitsInBytes: return false
            }
        case .atomicUpdate: return isNative(node.width)
        case .compareAndSwap: return isNative(node.width)
        case .float, .floatToInteger, .integerToFloat, .convertFloat:
            guard switches.contains(.floats) else { return false }
            return map.hasVectors ? Self.supportsVectorFloat(node, host) : Self.supportsFloat(node, host)
        case .vectorFloat: return switches.contains(.floats) && Self.supportsVectorFloat(node, host)
        case .vectorSaturating: return Self.supportsVectorSaturating(node)
        default: return Self.supportsVector(node)
        }
    }

    /// Operations of these widths are the host's own.
    private func isNative(_ width: Width) -> Bool { width == .word || width == .double }

    mutating func generateInteger(_ node: Node) {
        switch node.operation {
        case .binary: generateBinary(node)
        case .unary: generateUnary(node)
        case .extend: generateExtend(node)
        case .select: generateSelect(node)
        case .conditionValue: generateConditionValue(node)
        case .and, .or: generateConditionPair(node)
        case .addWithCarry: generateAddWithCarry(node, .add)
        case .subtractWithBorrow: generateAddWithCarry(node, .subtract)
        default: preconditionFailure("\(node) is no operation on integers")
        }
    }

    // MARK: Two operands

    private mutating func generateBinary(_ node: Node) {
        switch node.binaryOperation {
        case .add: generateAdd(node)
        case .subtract: generateSubtract(node)
        case .and: generateLogic(.and, node)
        case .or: generateLogic(.or, node)
        case .xor: generateLogic(.xor, node)
        case .andNot: generateAndNot(node)
        case .orNot: generateInverted(.or, node)
        case .xorNot: generateXorNot(node)
        case .shiftLeft: generateShift(.left, node)
        case .shiftRightLogical: generateShift(.logicalRight, node)
        case .shiftRightArithmetic: generateShift(.arithmeticRight, node)
        case .rotateLeft: generateShift(.rotateLeft, node)
        case .rotateRight: generateShift(.rotateRight, node)
        case .multiply: generateMultiply(node)
        case .multiplyHighUnsigned: generateMultiplyHigh(.multiplyUnsigned, node)
        case .multiplyHighSigned: generateMultiplyHigh(.multiplySigned, node)
        case .multiplyHighSignedUnsigned: generateMultiplyHighMixed(node)
        case .divideUnsigned: generateDivide(node, signed: false, remainder: false)
        case .divideSigned: generateDivide(node, signed: true, remainder: false)
        case .remainderUnsigned: generateDivide(node, signed: false, remainder: true)
        case .remainderSigned: generateDivide(node, signed: true, remainder: true)
        case .minimumSigned: generateExtremum(node, keepsIf: .less)
        case .maximumSigned: generateExtremum(node, keepsIf: .greater)
        case .minimumUnsigned: generateExtremum(node, keepsIf: .below)
        case .maximumUnsigned: generateExtremum(node, keepsIf: .above)
        case .carrylessMultiply, .carrylessMultiplyHigh, .carrylessMultiplyReversed:
            preconditionFailure("\(node) has no code")
        }
    }

    /// Moves `a` into `target` and gives `b` as an operand that this leaves alone; both are locked.
    private mutating func arrange(_ target: Register, _ a: Int32, _ b: Int32) -> Operand {
        var second = anyOperand(b)
        if second == .register(target), register(of: a) != target {
            let other = scratch()
            assembler.move(other, target)
            second = .register(other)
        }
        move(target, a)
        return second
    }

    private mutating func generateAdd(_ node: Node) {
        // Operands before the target: what is only in memory may need a register of its own.
        var (a, b) = (node.a, node.b)
        if analysis[b].isDeferred { return generateScaledAdd(node) }
        if constant(a) != nil { swap(&a, &b) }
        if let value = immediate(b, node.width), let first = register(of: a) {
            locked |= 1 << UInt16(first.rawValue)
            let target = target(reusing: a)
            if target == first {
                assembler.arithmetic(.add, .register(target), constant: value, node.width)
                noteHostFlags()
            } else {
                assembler.address(target, Memory(first, value), node.width)
            }
            return finish(target)
        }
        if let first = register(of: a), let second = register(of: b) {
            locked |= 1 << UInt16(first.rawValue) | 1 << UInt16(second.rawValue)
            let target = addressTarget() ?? target(reusing: a)
            if target == first {
                assembler.arithmetic(.add, target, .register(second), node.width)
                noteHostFlags()
            } else if target == second {
                assembler.arithmetic(.add, target, .register(first), node.width)
                noteHostFlags()
            } else {
                assembler.address(target, Memory(first, index: second), node.width)
            }
            return finish(target)
        }
        generateLogic(.add, node)
    }

    /// a + b * 2, 4 or 8, with b in front of the shift.
    private mutating func generateScaledAdd(_ node: Node) {
        let shift = block.nodes[Int(node.b)]
        let (first, second) = (intoRegister(node.a), intoRegister(shift.a))
        let count = constant(shift.b) ?? 0
        let target = addressTarget() ?? target(reusing: node.a)
        assembler.address(target, Memory(first, index: second, scale: 1 << UInt8(count)))
        finish(target)
    }

    /// Where an address is wanted that one access alone is at: accesses begin by taking this register.
    private mutating func addressTarget() -> Register? {
        let facts = analysis[current]
        guard facts.uses == 1, facts.addressUses == 1, locked & 1 << UInt16(Register.rdx.rawValue) == 0 else {
            return nil
        }
        take(.rdx)
        return .rdx
    }

    /// An operation whose operands may change places.
    private mutating func generateLogic(_ operation: X64.Arithmetic, _ node: Node) {
        var (a, b) = (node.a, node.b)
        if constant(a) != nil { swap(&a, &b) }
        if operation == .and, let mask = constant(b), let width = Self.widthOfMask(mask & node.width.mask) {
            return generateZeroExtension(a, width)
        }
        if let value = immediate(b, node.width) {
            lockRegister(of: a)
            let target = target(reusing: a)
            move(target, a)
            assembler.arithmetic(operation, .register(target), constant: value, node.width)
            noteHostFlags()
            return finish(target)
        }
        lockRegister(of: a)
        lockRegister(of: b)
        let target = (operation == .add ? addressTarget() : nil) ?? target(reusing: a)
        if register(of: b) == target { swap(&a, &b) }
        let second = arrange(target, a, b)
        assembler.arithmetic(operation, target, second, node.width)
        noteHostFlags()
        finish(target)
    }

    private func widthOfMask(_ mask: UInt64) -> Width? { Self.widthOfMask(mask) }

    private static func widthOfMask(_ mask: UInt64) -> Width? {
        switch mask {
        case 0xff: return .byte
        case 0xffff: return .half
        case 0xffff_ffff: return .word
        default: return nil
        }
    }

    private mutating func lockRegister(of node: Int32) {
        if constant(node) == nil, let register = register(of: node) { locked |= 1 << UInt16(register.rawValue) }
    }

    private mutating func generateSubtract(_ node: Node) {
        lockRegister(of: node.a)
        lockRegister(of: node.b)
        let target = target(reusing: constant(node.a) == 0 ? node.b : node.a)
        if let value = immediate(node.b, node.width) {
            move(target, node.a)
            assembler.arithmetic(.subtract, .register(target), constant: value, node.width)
        } else if constant(node.a) == 0 {
            move(target, node.b)
            assembler.unary(.negate, .register(target), node.width)
        } else {
            let second = arrange(target, node.a, node.b)
            assembler.arithmetic(.subtract, target, second, node.width)
        }
        noteHostFlags()
        finish(target)
    }

    /// a ± b ± c.
    private mutating func generateAddWithCarry(_ node: Node, _ operation: X64.Arithmetic) {
        let second = intoRegister(node.b)
        let third = intoRegister(node.c)
        let result = scratch()
        move(result, node.a)
        assembler.arithmetic(operation, result, .register(second), node.width)
        assembler.arithmetic(operation, result, .register(third), node.width)
        finishInTemporary(result)
    }

    private mutating func generateAndNot(_ node: Node) {
        if host.contains(.bmi1) {
            let second = intoRegister(node.b)
            let first = anyOperand(node.a)
            let target = target()
            assembler.andNot(target, first, not: second, node.width)
            return finish(target)
        }
        generateInverted(.and, node)
    }

    /// a operation NOT b.
    private mutating func generateInverted(_ operation: X64.Arithmetic, _ node: Node) {
        let other = scratch()
        move(other, node.b)
        assembler.unary(.not, .register(other), node.width)
        lockRegister(of: node.a)
        let target = target()
        move(target, node.a)
        assembler.arithmetic(operation, target, .register(other), node.width)
        finish(target)
    }

    private mutating func generateXorNot(_ node: Node) {
        lockRegister(of: node.a)
        lockRegister(of: node.b)
        let target = target(reusing: node.a)
        let second = arrange(target, node.a, node.b)
        assembler.arithmetic(.xor, target, second, node.width)
        assembler.unary(.not, .register(target), node.width)
        finish(target)
    }

    private mutating func generateShift(_ kind: X64.Shift, _ node: Node) {
        if let count = constant(node.b) {
            lockRegister(of: node.a)
            let target = target(reusing: node.a)
            move(target, node.a)
            let number = UInt8(truncatingIfNeeded: count & (node.width.bits - 1))
            if number != 0 {
                assembler.shift(kind, .register(target), by: number, node.width)
            } else if node.width == .word {
                assembler.move(target, target, .word)
            }
            return finish(target)
        }
        let isRotation = kind == .rotateLeft || kind == .rotateRight
        if host.contains(.bmi2) && !isRotation {
            let count = intoRegister(node.b)
            let value = anyOperand(node.a)
            let target = target()
            assembler.shift(kind, target, value, by: count, node.width)
            return finish(target)
        }
        take(.rcx)
        lockRegister(of: node.a)
        lockRegister(of: node.b)
        // The count goes first: the target may be its register.
        move(.rcx, node.b)
        let target = target()
        move(target, node.a)
        assembler.shiftByCL(kind, .register(target), node.width)
        finish(target)
    }

    // MARK: Products and quotients

    private mutating func generateMultiply(_ node: Node) {
        var (a, b) = (node.a, node.b)
        if constant(a) != nil { swap(&a, &b) }
        if let value = immediate(b, node.width) {
            let source = anyOperand(a)
            let target = target(reusing: a)
            assembler.multiply(target, source, constant: value, node.width)
            return finish(target)
        }
        lockRegister(of: a)
        lockRegister(of: b)
        let target = target(reusing: a)
        if register(of: b) == target { swap(&a, &b) }
        let second = arrange(target, a, b)
        assembler.multiply(target, second, node.width)
        finish(target)
    }

    private mutating func generateMultiplyHigh(_ operation: X64.Unary, _ node: Node) {
        let second = operandsForAccumulator(node)
        assembler.unary(operation, second, node.width)
        finishInTemporary(.rdx)
    }

    /// The signed operand is the first: the unsigned product less the second where the first is negative.
    private mutating func generateMultiplyHighMixed(_ node: Node) {
        let second = operandsForAccumulator(node)
        let correction = Register.rcx
        take(correction)
        // rcx may hold the second operand, as the only register left.
        if second == .register(correction) {
            let slot = spillSlot()
            let memory = Memory(Role.state, Int32(CoreState.spillOffset + 8 * Int(slot) - Role.stateBias))
            assembler.store(memory, correction)
            mixed(.memory(memory), correction)
        } else {
            mixed(second, correction)
        }
        finishInTemporary(.rdx)
    }

    private mutating func mixed(_ second: Operand, _ correction: Register) {
        assembler.move(correction, .rax)
        assembler.shift(.arithmeticRight, .register(correction), by: 63)
        assembler.arithmetic(.and, correction, second)
        assembler.unary(.multiplyUnsigned, second)
        assembler.arithmetic(.subtract, .rdx, .register(correction))
    }

    /// The first operand in rax, and the second elsewhere than in rax and rdx, which are both free.
    private mutating func operandsForAccumulator(_ node: Node) -> Operand {
        take(.rax)
        take(.rdx)
        // Evicted operands are in memory now.
        var second: Operand
        if constant(node.b) != nil || !isInGeneral(node.b) {
            take(.rcx)
            move(.rcx, node.b)
            second = .register(.rcx)
        } else {
            second = operand(node.b)
            if case .register(let register) = second { locked |= 1 << UInt16(register.rawValue) }
        }
        move(.rax, node.a)
        return second
    }

    /// The result is in a general register or in memory.
    private func isInGeneral(_ node: Int32) -> Bool {
        switch places[Int(node)] {
        case .temporary, .spilled: return true
        case .guest(let index): if case .vector = map[index] { return false } else { return true }
        default: return false
        }
    }

    private mutating func generateDivide(_ node: Node, signed: Bool, remainder: Bool) {
        let width = node.width
        let divisor = operandsForAccumulator(node)
        let (byZero, byMinusOne, done) = (assembler.label(), assembler.label(), assembler.label())
        assembler.arithmetic(.compare, divisor, constant: 0, width)
        assembler.jump(if: .equal, byZero)
        if signed {
            assembler.arithmetic(.compare, divisor, constant: -1, width)
            assembler.jump(if: .equal, byMinusOne)
            assembler.extendAccumulator(width)
            assembler.unary(.divideSigned, divisor, width)
        } else {
            assembler.arithmetic(.xor, .rdx, .register(.rdx), .word)
            assembler.unary(.divideUnsigned, divisor, width)
        }
        let result: Register = remainder ? .rdx : .rax
        assembler.jump(done)
        assembler.bind(byZero)
        if remainder {
            assembler.move(.rdx, .rax, width)
        } else {
            assembler.move(.rax, constant: width.mask)
        }
        if signed {
            assembler.jump(done)
            assembler.bind(byMinusOne)
            if remainder {
                assembler.arithmetic(.xor, .rdx, .register(.rdx), .word)
            } else {
                assembler.unary(.negate, .register(.rax), width)
            }
        }
        assembler.bind(done)
        finishInTemporary(result)
    }

    /// The result of the node in progress is in this temporary register.
    mutating func finishInTemporary(_ register: Register) {
        places[Int(current)] = .temporary(register)
        owners[Int(register.rawValue)] = current
    }

    private mutating func generateExtremum(_ node: Node, keepsIf condition: X64.Condition) {
        let first = intoRegister(node.a)
        let second = intoRegister(node.b)
        let result = scratch()
        assembler.move(result, second, node.width)
        assembler.arithmetic(.compare, first, .register(second), node.width)
        assembler.move(if: condition, result, .register(first), node.width)
        finishInTemporary(result)
    }

    // MARK: One operand

    private mutating func generateUnary(_ node: Node) {
        switch node.unaryOperation {
        case .not, .negate:
            lockRegister(of: node.a)
            let target = target(reusing: node.a)
            move(target, node.a)
            assembler.unary(node.unaryOperation == .not ? .not : .negate, .register(target), node.width)
            finish(target)
        case .reverseBytes:
            lockRegister(of: node.a)
            let target = target(reusing: node.a)
            move(target, node.a)
            assembler.swapBytes(target, node.width)
            finish(target)
        case .countOnes: generateCount(.population, node)
        case .countLeadingZeros: generateCount(.leadingZeros, node)
        case .countTrailingZeros: generateCount(.trailingZeros, node)
        case .orCombineBytes: generateOrCombineBytes(node)
        case .reverseBits: generateReverseBits(node)
        case .reverseBitsInBytes: preconditionFailure("\(node) has no code")
        }
    }

    /// All bits of each byte are gathered in its lowest, which then fills the byte.
    private mutating func generateOrCombineBytes(_ node: Node) {
        lockRegister(of: node.a)
        let target = target(reusing: node.a)
        let other = scratch()
        move(target, node.a)
        for count: UInt8 in [4, 2, 1] {
            assembler.move(other, target)
            assembler.shift(.logicalRight, .register(other), by: count)
            assembler.arithmetic(.or, target, .register(other))
        }
        assembler.move(other, constant: 0x0101_0101_0101_0101)
        assembler.arithmetic(.and, target, .register(other))
        assembler.multiply(target, .register(target), constant: 0xff)
        finish(target)
    }

    /// The bytes, and in each neighbouring fours, pairs and single bits, change places.
    private mutating func generateReverseBits(_ node: Node) {
        let target = target(reusing: node.a)
        move(target, node.a)
        // There are three: the operand may have to go from its own.
        let (other, mask) = (scratch(), scratch())
        assembler.swapBytes(target, node.width)
        for (count, bits) in [(4, 0x0f0f_0f0f_0f0f_0f0f), (2, 0x3333_3333_3333_3333), (1, 0x5555_5555_5555_5555)]
            as [(UInt8, UInt64)]
        {
            assembler.move(mask, constant: node.width.zeroExtend(bits))
            assembler.move(other, target, node.width)
            assembler.shift(.logicalRight, .register(other), by: count, node.width)
            assembler.arithmetic(.and, target, .register(mask), node.width)
            assembler.arithmetic(.and, other, .register(mask), node.width)
            assembler.shift(.left, .register(target), by: count, node.width)
            assembler.arithmetic(.or, target, .register(other), node.width)
        }
        finish(target)
    }

    private mutating func generateCount(_ kind: X64.Count, _ node: Node) {
        let source = anyOperand(node.a)
        let target = target()
        assembler.count(kind, target, source, node.width)
        finish(target)
    }

    private mutating func generateExtend(_ node: Node) {
        switch node.extension {
        case .zero8: generateZeroExtension(node.a, .byte)
        case .zero16: generateZeroExtension(node.a, .half)
        case .zero32: generateZeroExtension(node.a, .word)
        case .signed8: generateSignExtension(node.a, .byte)
        case .signed16: generateSignExtension(node.a, .half)
        case .signed32: generateSignExtension(node.a, .word)
        }
    }

    private mutating func generateZeroExtension(_ node: Int32, _ width: Width) {
        let source = anyOperand(node)
        let target = target(reusing: node)
        switch source {
        case .register(let register): assembler.extendZero(target, register, width)
        case .memory(let memory): assembler.load(target, memory, width)
        }
        finish(target)
    }

    private mutating func generateSignExtension(_ node: Int32, _ width: Width) {
        let source = anyOperand(node)
        let target = target(reusing: node)
        assembler.extendSigned(target, source, width)
        finish(target)
    }
}
