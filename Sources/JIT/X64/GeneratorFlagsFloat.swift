import ISA

/// Flags of floating-point comparisons, where the guest has condition flags: as of integers, nothing is written until
/// somebody leaves, and a condition compares again. That raises what has been raised before.
extension X64.Generator {
    /// The comparison of numbers that a definition of the flags is of.
    func floatComparison(_ definition: Node) -> Node? {
        definition.isFloatComparison(block) ? block.nodes[Int(definition.a)] : nil
    }

    /// Where a number is when code is left.
    enum FloatSource {
        case vector(VectorRegister)
        case general(Register)
        case memory(Memory)
        case zero
    }

    private func floatSource(_ node: Int32) -> FloatSource {
        if constant(node) == 0 { return .zero }
        if analysis[node].isDeferred, let part = lowPart(node) {
            if case .temporaryVector(let register) = places[Int(part.vector)] { return .vector(register) }
            return vectorMemory(part.vector).map { .memory($0) } ?? .zero
        }
        if case .temporaryVector(let register) = places[Int(node)] { return .vector(register) }
        switch operand(node) {
        case .register(let register): return .general(register)
        case .memory(let memory): return .memory(memory)
        }
    }

    func recipe(_ comparison: Node) -> FlagsRecipe {
        FlagsRecipe(
            kind: .raw, width: comparison.width, result: nil, first: .constant(0), operand: .constant(0),
            numbers: (floatSource(comparison.a), floatSource(comparison.b)))
    }

    /// On a way on which no other result is needed any more: rax and rcx are free.
    mutating func storeFlags(_ numbers: (FloatSource, FloatSource), _ width: Width, keeping kept: UInt16) {
        let spare = Role.ones
        let second: X64.VectorOperand
        switch numbers.1 {
        case .vector(let register): second = .register(register)
        case .memory(let memory): second = .memory(memory)
        case .general(let register):
            assembler.move(spare, register)
            second = .register(spare)
        case .zero:
            assembler.packed(.xor, spare, .register(spare))
            second = .register(spare)
        }
        let free = map.temporaryVectors.first { kept & 1 << UInt16($0.rawValue) == 0 && second != .register($0) }
        guard let other = free else { return hasFailed = true }
        let first: VectorRegister
        switch numbers.0 {
        case .vector(let register): first = register
        case .memory(let memory):
            assembler.load(other, memory, width)
            first = other
        case .general(let register):
            assembler.move(other, register)
            first = other
        case .zero:
            assembler.packed(.xor, other, .register(other))
            first = other
        }
        assembler.compareQuiet(first, second, width)
        makeRawFlags(.rax, .rcx)
        storeRawFlags(.rax)
    }

    /// result = the flags in the raw layout, of what the host has compared. Changes `less`.
    mutating func makeRawFlags(_ result: Register, _ less: Register) {
        let (unordered, done) = (assembler.label(), assembler.label())
        assembler.set(.below, less)
        assembler.set(.equal, result)
        assembler.extendZero(less, less, .byte)
        assembler.extendZero(result, result, .byte)
        assembler.jumpShort(if: .parity, unordered)
        assembler.shift(.left, .register(result), by: UInt8(ConditionCode.zeroBit.trailingZeroBitCount), .word)
        assembler.multiply(
            less, .register(less), constant: Int32(ConditionCode.signBit | ConditionCode.carryBit), .word)
        assembler.arithmetic(.or, result, .register(less), .word)
        assembler.jumpShort(done)
        assembler.bind(unordered)
        assembler.move(result, constant: ConditionCode.overflowBit)
        assembler.bind(done)
    }

    /// Before something here that looks at the state.
    mutating func settleFlags(_ comparison: Node) {
        let (first, second) = (floatOperand(comparison.a), floatOperand(comparison.b))
        assembler.compareQuiet(first, second, comparison.width)
        let (result, less) = (scratch(), scratch())
        makeRawFlags(result, less)
        storeRawFlags(result)
        locked &= ~(1 << UInt16(result.rawValue) | 1 << UInt16(less.rawValue))
    }

    /// Emits a test of the condition of the comparison, the node `index`, and gives what holds then.
    mutating func testNumbers(_ comparison: Node, _ index: Int32, _ code: ConditionCode) -> X64.Condition {
        if code == .equal || code == .notEqual {
            // The host says of what is unordered that it is equal.
            let (first, second) = (floatOperand(comparison.a), floatOperand(comparison.b))
            let (equal, mask) = (scratchVector(), scratch())
            assembler.move(equal, first)
            assembler.compare(.equal, equal, .register(second), comparison.width)
            assembler.moveMask(mask, equal, comparison.width)
            assembler.test(.register(mask), constant: 1, .byte)
            locked &= ~(1 << UInt16(mask.rawValue))
            return code == .equal ? .notEqual : .equal
        }
        let (isSwapped, host) = Self.hostCondition(code)
        if let hostFlags, hostFlags.end == assembler.count, hostFlags.node == index, !isSwapped { return host }
        let (first, second) = (floatOperand(comparison.a), floatOperand(comparison.b))
        if isSwapped {
            assembler.compareQuiet(second, first, comparison.width)
        } else {
            assembler.compareQuiet(first, second, comparison.width)
        }
        return host
    }

    /// The guest's flags are N and the abstract carry of what is less, Z of what is equal, and V of what is unordered
    /// (FPCompare); the host's are CF of what is less, ZF of what is equal, and CF, ZF and PF of what is unordered.
    private static func hostCondition(_ code: ConditionCode) -> (isSwapped: Bool, X64.Condition) {
        switch code {
        case .greater: (false, .above)
        case .lessOrEqual: (false, .belowOrEqual)
        case .greaterOrEqual: (false, .aboveOrEqual)
        case .less: (false, .below)
        case .sign, .below: (true, .above)
        case .notSign, .aboveOrEqual: (true, .belowOrEqual)
        case .belowOrEqual: (true, .aboveOrEqual)
        case .above: (true, .below)
        case .overflow, .parity, .equal: (false, .parity)
        case .notOverflow, .notParity, .notEqual: (false, .notParity)
        }
    }
}
