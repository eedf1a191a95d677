import ISA

/// Conditions, and what depends on them.
extension X64.Generator {
    /// Emits a test of the condition `node`, and gives what holds afterwards where the condition holds.
    mutating func test(_ index: Int32) -> X64.Condition {
        let node = block.nodes[Int(index)]
        switch node.operation {
        case .not: return test(node.a).inverted
        case .truth:
            // The stack pointer is not 0.
            assembler.test(.register(.rsp), .rsp)
            return node.immediate != 0 ? .notEqual : .equal
        case .compare: return testComparison(node)
        case .condition where analysis[index].isDeferred: return testFlags(node)
        default:
            let value = anyOperand(index)
            assembler.arithmetic(.compare, value, constant: 0, .word)
            return .notEqual
        }
    }

    private mutating func testComparison(_ node: Node) -> X64.Condition {
        if let condition = condition(ofVerdict: node) { return condition }
        let condition = Self.condition(node.comparison)
        if constant(node.a) != nil, constant(node.b) == nil {
            if let value = immediate(node.a, node.width) {
                compare(anyOperand(node.b), value, node.width, condition)
            } else {
                let first = intoRegister(node.a)
                let second = anyOperand(node.b)
                assembler.arithmetic(.compare, first, second, node.width)
                return condition
            }
            return Self.swapped(condition)
        }
        if let value = immediate(node.b, node.width) {
            if analysis[node.a].isDeferred { return testBits(block.nodes[Int(node.a)], condition) }
            let first = anyOperand(node.a)
            return compare(first, value, node.width, condition)
        }
        let first = intoRegister(node.a)
        let second = anyOperand(node.b)
        assembler.arithmetic(.compare, first, second, node.width)
        return condition
    }

    /// Of the value and the mask that the node is the conjunction of, neither of which is kept.
    private mutating func testBits(_ node: Node, _ condition: X64.Condition) -> X64.Condition {
        // Analysis asks for a mask of 32 bits.
        let mask = Int32(truncatingIfNeeded: block.nodes[Int(node.b)].immediate)
        assembler.test(anyOperand(node.a), constant: mask, .word)
        return condition
    }

    @discardableResult
    private mutating func compare(
        _ operand: Operand, _ value: Int32, _ width: Width, _ condition: X64.Condition
    ) -> X64.Condition {
        if value == 0, case .register(let register) = operand {
            assembler.test(operand, register, width)
        } else {
            assembler.arithmetic(.compare, operand, constant: value, width)
        }
        return condition
    }

    private static func condition(_ comparison: Comparison) -> X64.Condition {
        switch comparison {
        case .equal: return .equal
        case .notEqual: return .notEqual
        case .lessSigned: return .less
        case .greaterOrEqualSigned: return .greaterOrEqual
        case .lessUnsigned: return .below
        case .greaterOrEqualUnsigned: return .aboveOrEqual
        }
    }

    /// What holds of b and a where `condition` holds of a and b.
    private static func swapped(_ condition: X64.Condition) -> X64.Condition {
        switch condition {
        case .less: return .greater
        case .greaterOrEqual: return .lessOrEqual
        case .below: return .above
        case .aboveOrEqual: return .belowOrEqual
        default: return condition
        }
    }

    mutating func generateConditionValue(_ node: Node) {
        let condition = test(node.a)
        let target = target()
        // The low byte first: moving a constant would change no flags, but the target may be an operand's register.
        assembler.set(condition, target)
        assembler.extendZero(target, target, .byte)
        finish(target)
    }

    /// The test comes first, and its operands' registers are free afterwards: no move changes flags.
    mutating func generateSelect(_ node: Node) {
        var condition = tested(node.a) ?? test(node.a)
        locked = 0
        var (chosen, other) = (node.b, node.c)
        let home = destination().flatMap { index -> Register? in
            if case .general(let register) = map[index] { return register } else { return nil }
        }
        if let home, register(of: chosen) == home {
            swap(&chosen, &other)
            condition = condition.inverted
        }
        let first = anyOperand(chosen)
        let isThere = home != nil && register(of: other) == home
        let result = home.map { first == .register($0) } == true ? scratch() : target()
        // Who needs the old value of the home has got it moved away, but it is still there.
        if !isThere || result != home { move(result, other) }
        assembler.move(if: condition, result, first, node.width)
        finish(result)
    }

    /// The budget grows by one where the condition holds. Each segment waits for the budget of the one before: the sum is
    /// one operation in that chain, where a conditional move would be two.
    mutating func generateUncount(_ node: Node) {
        let one = scratch()
        assembler.arithmetic(.xor, one, .register(one), .word)
        let condition = test(node.a)
        assembler.set(condition, one)
        assembler.address(Role.budget, Memory(Role.budget, index: one))
        testResult = TestResult(node: node.a, condition: condition, end: assembler.count)
    }

    /// The flags hold the result of a test, where code ended.
    struct TestResult {
        let node: Int32
        let condition: X64.Condition
        let end: Int
    }

    /// What holds where the condition `node` holds, if that has just been tested.
    private func tested(_ node: Int32) -> X64.Condition? {
        guard let testResult, testResult.node == node, testResult.end == assembler.count else { return nil }
        return testResult.condition
    }

    /// The operands' registers are free behind each test, which no move undoes.
    mutating func generateConditionPair(_ node: Node) {
        let first = test(node.a)
        locked = 0
        let result = scratch()
        assembler.set(first, result)
        let second = test(node.b)
        locked = 1 << UInt16(result.rawValue)
        let other = scratch()
        assembler.set(second, other)
        assembler.arithmetic(node.operation == .and ? .and : .or, result, .register(other), .word)
        assembler.arithmetic(.and, .register(result), constant: 1, .word)
        finishInTemporary(result)
    }
}
