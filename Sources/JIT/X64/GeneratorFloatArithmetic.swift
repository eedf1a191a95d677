import ISA

/// Arithmetic, comparisons and signs.
extension X64.Generator {
    /// What is done behind the blocks for floating point.
    enum FloatStub {
        /// Loads the unit's registers.
        case load
        /// The result is not a number: RISC-V has only one such.
        case notANumber(VectorRegister, Width)
        /// The same of a fused operation, whose factors are needed for its flags.
        case notANumberFused(VectorRegister, VectorOperand, VectorRegister, Width)
        /// The integer does not hold the number.
        case saturate(Register, Width, of: VectorRegister, Width)
    }

    mutating func generateFloatOperation(_ node: Node) {
        switch node.floatOperation {
        case .add: generateScalar(.add, node)
        case .subtract: generateScalar(.subtract, node)
        case .multiply: generateScalar(.multiply, node)
        case .divide: generateScalar(.divide, node)
        case .squareRoot: generateSquareRoot(node)
        case .multiplyAdd: generateFused(.add, node)
        case .multiplySubtract: generateFused(.subtract, node)
        case .negatedMultiplyAdd: generateFused(.negatedAdd, node)
        case .negatedMultiplySubtract: generateFused(.negatedSubtract, node)
        case .minimumNumber: generateExtremum(.minimum, node)
        case .maximumNumber: generateExtremum(.maximum, node)
        case .equal: generateEqual(node)
        case .less: generateOrder(.above, node)
        case .lessOrEqual: generateOrder(.aboveOrEqual, node)
        default: preconditionFailure("\(node) has no code")
        }
    }

    private mutating func generateScalar(_ operation: X64.Scalar, _ node: Node) {
        requireRounding(node)
        let first = intoVector(node.a)
        let second = vectorOperand(node.b)
        let target = targetVector()
        scalar(operation, target, first, second, node.width)
        checkNumber(target, node.width)
        finishFloat(target, node.width, isBoxed: floats.isBoxed(node.a))
    }

    /// target = first operation second.
    private mutating func scalar(
        _ operation: X64.Scalar, _ target: VectorRegister, _ first: VectorRegister, _ second: VectorOperand,
        _ width: Width
    ) {
        if hasAVX { return assembler.scalar(operation, target, from: first, second, width) }
        var second = second
        if second == .register(target) && target != first {
            let other = scratchVector()
            assembler.move(other, target)
            second = .register(other)
        }
        if target != first { assembler.move(target, first) }
        assembler.scalar(operation, target, second, width)
    }

    /// Where the result is not a number, it becomes the canonical one. Comparing quiet NaNs raises nothing.
    mutating func checkNumber(_ register: VectorRegister, _ width: Width) {
        checkNumber(register, width, .notANumber(register, width))
    }

    private mutating func checkNumber(_ register: VectorRegister, _ width: Width, _ kind: FloatStub) {
        let back = assembler.label()
        assembler.compareQuiet(register, register, width)
        assembler.jump(if: .parity, stub(.float(kind, back: back)))
        assembler.bind(back)
    }

    private mutating func generateSquareRoot(_ node: Node) {
        requireRounding(node)
        // The bits above the result are the first source's.
        let source = intoVector(node.a)
        let target = targetVector()
        if hasAVX {
            assembler.scalar(.squareRoot, target, from: source, .register(source), node.width)
        } else {
            if target != source { assembler.move(target, source) }
            assembler.scalar(.squareRoot, target, source, node.width)
        }
        checkNumber(target, node.width)
        finishFloat(target, node.width, isBoxed: floats.isBoxed(node.a))
    }

    /// ± a * b ± c. What is multiplied must outlive the result.
    private mutating func generateFused(_ operation: X64.Fused, _ node: Node) {
        requireRounding(node)
        let second = intoVector(node.b)
        if let home = fusedHome(node) {
            let first = intoVector(node.a)
            assembler.fused(operation, .order231, home, first, .register(second), node.width)
            checkNumber(home, node.width, .notANumberFused(home, .register(first), second, node.width))
            return finishFloat(home, node.width, isBoxed: floats.isBoxed(node.c))
        }
        let third = vectorOperand(node.c)
        // The first factor is copied: it is looked up when what it is in can change no more.
        let result = scratchVector()
        moveVector(result, node.a)
        let first: VectorOperand
        if let register = vectorRegister(of: node.a) {
            first = .register(register)
        } else if constant(node.a) == nil, case .memory(let memory) = operand(node.a) {
            first = .memory(memory)
        } else {
            return generateFused(operation, node, constant: result, second, third)
        }
        assembler.fused(operation, .order213, result, second, third, node.width)
        checkNumber(result, node.width, .notANumberFused(result, first, second, node.width))
        finishFloat(result, node.width, isBoxed: floats.isBoxed(node.a))
    }

    /// The home of the result, if it holds the summand and neither factor.
    private mutating func fusedHome(_ node: Node) -> VectorRegister? {
        guard let index = destination(), case .vector(let home) = map[index], vectorRegister(of: node.c) == home,
            vectorRegister(of: node.a) != home, vectorRegister(of: node.b) != home
        else { return nil }
        evacuate(index)
        return home
    }

    /// The first factor is nowhere but in `result`: it goes to a place of its own for as long as it takes.
    private mutating func generateFused(
        _ operation: X64.Fused, _ node: Node, constant result: VectorRegister, _ second: VectorRegister,
        _ third: VectorOperand
    ) {
        let slot = spillSlot()
        let memory = Role.field(CoreState.spillOffset + 8 * Int(slot))
        assembler.store(memory, result, .double)
        assembler.fused(operation, .order213, result, second, third, node.width)
        checkNumber(result, node.width, .notANumberFused(result, .memory(memory), second, node.width))
        usedSpills &= ~(1 << UInt64(slot))
        finishFloat(result, node.width, isBoxed: floats.isBoxed(node.a))
    }

    // MARK: Minimum and maximum

    /// MINSD gives its second source for equal operands and for NaNs: zeros of both signs are told apart by their bits, and
    /// NaNs are left to the interpreter, which raises for them again what the comparison has raised.
    private mutating func generateExtremum(_ operation: X64.Scalar, _ node: Node) {
        let first = intoVector(node.a)
        let second = intoVector(node.b)
        let target = targetVector()
        let (differ, done) = (assembler.label(), assembler.label())
        assembler.compareQuiet(first, second, node.width)
        assembler.jump(if: .parity, stub(.interpret))
        assembler.jumpShort(if: .notEqual, differ)
        let other: VectorRegister
        if target == second && target != first {
            other = first
        } else {
            if target != first { assembler.move(target, first) }
            other = second
        }
        // Equal numbers are the same, or are zeros.
        assembler.packed(operation == .minimum ? .or : .and, target, .register(other))
        assembler.jumpShort(done)
        assembler.bind(differ)
        scalarOfDifferent(operation, target, first, second, node.width)
        assembler.bind(done)
        finishFloat(target, node.width, isBoxed: floats.isBoxed(node.a) && floats.isBoxed(node.b))
    }

    /// Of operands that are not equal, in whatever order.
    private mutating func scalarOfDifferent(
        _ operation: X64.Scalar, _ target: VectorRegister, _ first: VectorRegister, _ second: VectorRegister,
        _ width: Width
    ) {
        if target == second {
            assembler.scalar(operation, target, first, width)
        } else {
            if target != first { assembler.move(target, first) }
            assembler.scalar(operation, target, second, width)
        }
    }

    // MARK: Comparisons

    /// The flags hold the result of a comparison, until code is written that is not known to keep them.
    struct Verdict {
        let node: Int32
        /// Holds where the comparison does.
        let condition: X64.Condition
        /// Where the code ended that keeps them.
        var end: Int
    }

    /// b against a: unordered is below.
    private mutating func generateOrder(_ condition: X64.Condition, _ node: Node) {
        let first = vectorOperand(node.a)
        let second = intoVector(node.b)
        let target = target()
        assembler.arithmetic(.xor, target, .register(target), .word)
        assembler.compareSignaling(second, first, node.width)
        assembler.set(condition, target)
        finish(target)
        verdict = Verdict(node: current, condition: condition, end: assembler.count)
    }

    private mutating func generateEqual(_ node: Node) {
        let first = intoVector(node.a)
        let second = vectorOperand(node.b)
        let mask = scratchVector()
        if hasAVX {
            assembler.compare(.equal, mask, from: first, second, node.width)
        } else {
            assembler.move(mask, first)
            assembler.compare(.equal, mask, second, node.width)
        }
        let target = target()
        assembler.move(target, mask, .word)
        assembler.arithmetic(.and, .register(target), constant: 1, .word)
        finish(target)
        verdict = Verdict(node: current, condition: .notEqual, end: assembler.count)
    }

    /// Code was made of `node` from `start` on.
    mutating func keepVerdict(behind node: Node, _ start: Int) {
        if let hostFlags, hostFlags.end == start {
            switch node.operation {
            case .setRegister, .constant, .register, .setFlags: self.hostFlags?.end = assembler.count
            default: break
            }
        }
        guard let verdict, verdict.node != current else { return }
        switch node.operation {
        // Moves.
        case .setRegister, .constant, .register: break
        case .setState: if constant(node.a) != nil { break } else { fallthrough }
        default: return self.verdict = nil
        }
        if verdict.end == start { self.verdict?.end = assembler.count }
    }

    /// What the flags hold for the comparison of a floating-point comparison's result with zero, if they do.
    func condition(ofVerdict node: Node) -> X64.Condition? {
        guard let verdict, verdict.end == assembler.count, node.a == verdict.node, constant(node.b) == 0 else {
            return nil
        }
        switch node.comparison {
        case .equal: return verdict.condition.inverted
        case .notEqual: return verdict.condition
        default: return nil
        }
    }

    // MARK: Signs

    /// a with its sign inverted where it differs from what is wanted.
    mutating func generateSign(_ node: Node) {
        let role = floats.role(current)
        if node.a == node.b && role == .copySign { return generateMove(node) }
        let first = intoVector(node.a)
        let second = node.a == node.b ? first : intoVector(node.b)
        let change = scratchVector()
        if node.a == node.b && role == .copyNegatedSign {
            isolateSign(change, Role.ones, node.width)
        } else if role == .exclusiveOrSign {
            isolateSign(change, second, node.width)
        } else {
            assembler.move(change, first)
            assembler.packed(.xor, change, .register(second))
            if role == .copyNegatedSign { assembler.packed(.xor, change, .register(Role.ones)) }
            isolateSign(change, change, node.width)
        }
        let target = targetVector(besides: change)
        if hasAVX {
            assembler.packed(.xor, target, from: first, .register(change))
        } else if target == change {
            assembler.packed(.xor, target, .register(first))
        } else {
            if target != first { assembler.move(target, first) }
            assembler.packed(.xor, target, .register(change))
        }
        finishVector(target)
    }

    private mutating func generateMove(_ node: Node) {
        let source = intoVector(node.a)
        let target = targetVector()
        if target != source { assembler.move(target, source) }
        finishVector(target)
    }

    /// The home of the result, or the temporary register `other`, which then holds it.
    private mutating func targetVector(besides other: VectorRegister) -> VectorRegister {
        if let index = destination(), case .vector = map[index] { return targetVector() }
        return other
    }

    /// target = the sign bit of source's number, and zeros in the rest of the low half.
    private mutating func isolateSign(_ target: VectorRegister, _ source: VectorRegister, _ width: Width) {
        if width == .double {
            if source == Role.ones && hasAVX { return assembler.shift(.left, target, from: source, by: 63, .double) }
            shift(.logicalRight, target, source, by: 63)
            assembler.shift(.left, target, by: 63, .double)
        } else {
            shift(.left, target, source, by: 32)
            assembler.shift(.logicalRight, target, by: 63, .double)
            assembler.shift(.left, target, by: 31, .double)
        }
    }

    private mutating func shift(
        _ kind: X64.Shift, _ target: VectorRegister, _ source: VectorRegister, by count: UInt8
    ) {
        if hasAVX { return assembler.shift(kind, target, from: source, by: count, .double) }
        if target != source { assembler.move(target, source) }
        assembler.shift(kind, target, by: count, .double)
    }
}
