import ISA

/// Condition flags: definitions, which write nothing, and conditions, which compare what the flags are of.
extension X64.Generator {
    /// What the state's record becomes, by where that is when code is left.
    struct FlagsRecipe {
        enum Source {
            case constant(UInt64)
            case register(Register)
            case memory(Memory)
        }
        let kind: FlagsKind
        let width: Width
        /// Nil where it is computed from the operands.
        let result: Source?
        let first: Source
        let operand: Source
        /// Of a comparison of numbers, these, in place of all the rest but the width.
        var numbers: (FloatSource, FloatSource)?

        func needs(_ register: Register) -> Bool {
            if let numbers { return numbers.0.isRegister(register) || numbers.1.isRegister(register) }
            return first.isRegister(register) || operand.isRegister(register) || result?.isRegister(register) ?? false
        }
    }

    // MARK: Definitions

    mutating func defineFlags(_ node: Node) {
        pendingFlags = nil
        let needs = analysis[current].flags
        switch node.operation {
        case .setFlags where node.isComparison:
            if needs.contains(.record) { pendingFlags = current }
        case .setFlags: if needs.contains(.record) { storeFlags(node, node.a, node.b, node.c) }
        case .setFlagsIf: if needs.contains(.record) { storeFlagsConditionally(node) }
        default:
            if node.isFloatComparison(block) {
                if needs.contains(.record) { pendingFlags = current }
                return
            }
            storeFlagsKind(.raw, .double)
            storeFlagsField(\.result, node.a)
        }
    }

    /// The state's flags are those in the register.
    mutating func storeRawFlags(_ register: Register) {
        storeFlagsKind(.raw, .double)
        assembler.store(Self.flagsField(\.result), register)
    }

    private mutating func storeFlags(_ node: Node, _ result: Int32, _ first: Int32, _ operand: Int32) {
        storeFlagsKind(node.flagsKind, node.width)
        storeFlagsField(\.result, result)
        storeFlagsField(\.operand, operand)
        if node.flagsKind.keepsFirst { storeFlagsField(\.first, first) }
    }

    /// Written as if the condition held, and again where it does not.
    private mutating func storeFlagsConditionally(_ node: Node) {
        storeFlags(node, node.b, node.c, node.d)
        locked = 0
        let condition = test(node.a)
        let done = assembler.label()
        assembler.jumpShort(if: condition, done)
        storeFlagsKind(.raw, .double)
        // The raw layout has no high bits.
        assembler.store(Self.flagsField(\.result), constant: Int32(truncatingIfNeeded: node.immediate))
        assembler.bind(done)
    }

    /// Kind and width are neighbours, of a byte each.
    private mutating func storeFlagsKind(_ kind: FlagsKind, _ width: Width) {
        let both = Int32(unsafeBitCast(kind, to: UInt8.self)) | Int32(unsafeBitCast(width, to: UInt8.self)) << 8
        assembler.store(Self.flagsField(\.kind), constant: both, .half)
    }

    private mutating func storeFlagsField(_ field: KeyPath<FlagsRecord, UInt64>, _ node: Int32) {
        if let value = immediate(node) {
            assembler.store(Self.flagsField(field), constant: value)
        } else {
            let register = intoRegister(node)
            assembler.store(Self.flagsField(field), register)
        }
    }

    private static func flagsField<Field>(_ field: KeyPath<FlagsRecord, Field>) -> Memory {
        // Stored properties have an offset.
        Role.field(MemoryLayout<CoreState>.offset(of: \.flags)! + MemoryLayout<FlagsRecord>.offset(of: field)!)
    }

    // MARK: Leaving

    /// How the state gets the flags from here; nil where it has them.
    func flagsRecipe() -> FlagsRecipe? {
        guard let pendingFlags else { return nil }
        let node = block.nodes[Int(pendingFlags)]
        if let comparison = floatComparison(node) { return recipe(comparison) }
        let isLazy = analysis[pendingFlags].flags.contains(.lazy)
        return FlagsRecipe(
            kind: node.flagsKind, width: node.width, result: isLazy ? nil : source(node.a),
            first: isLazy ? source(node.b) : .constant(0), operand: source(node.c))
    }

    private func source(_ node: Int32) -> FlagsRecipe.Source {
        if let value = constant(node) { return .constant(value) }
        switch operand(node) {
        case .register(let register): return .register(register)
        case .memory(let memory): return .memory(memory)
        }
    }

    /// Writes the record, on a way on which nothing but the homes of guest registers is needed any more. Host flags change.
    /// - Parameter kept: vector registers that are needed still.
    mutating func store(_ recipe: FlagsRecipe, keeping kept: UInt16 = 0) {
        if let numbers = recipe.numbers { return storeFlags(numbers, recipe.width, keeping: kept) }
        storeFlagsKind(recipe.kind, recipe.width)
        // A register that neither operand is in.
        let scratch = Role.temporaries.first { !recipe.needs($0) } ?? .rax
        if !recipe.kind.isLogic { store(recipe.operand, \.operand, scratch) }
        if let result = recipe.result { return store(result, \.result, scratch) }
        move(scratch, recipe.first)
        let operation: X64.Arithmetic =
            recipe.kind.isAddition ? .add : recipe.kind.isLogic ? .and : .subtract
        switch recipe.operand {
        case .constant(let value):
            let narrow = Int32(truncatingIfNeeded: value)
            if recipe.width != .double || UInt64(bitPattern: Int64(narrow)) == value {
                assembler.arithmetic(operation, .register(scratch), constant: narrow, recipe.width)
            } else {
                let other = Role.temporaries.first { $0 != scratch && !recipe.first.isRegister($0) } ?? .rdx
                assembler.move(other, constant: value)
                assembler.arithmetic(operation, scratch, .register(other), recipe.width)
            }
        case .register(let register):
            assembler.arithmetic(operation, scratch, .register(register), recipe.width)
        case .memory(let memory): assembler.arithmetic(operation, scratch, .memory(memory), recipe.width)
        }
        assembler.store(Self.flagsField(\.result), scratch)
    }

    private mutating func move(_ target: Register, _ source: FlagsRecipe.Source) {
        switch source {
        case .constant(let value): assembler.move(target, constant: value)
        case .register(let register): if register != target { assembler.move(target, register) }
        case .memory(let memory): assembler.load(target, memory)
        }
    }

    private mutating func store(
        _ source: FlagsRecipe.Source, _ field: KeyPath<FlagsRecord, UInt64>, _ scratch: Register
    ) {
        switch source {
        case .register(let register): assembler.store(Self.flagsField(field), register)
        case .constant(let value) where Int64(Int32(truncatingIfNeeded: value)) == Int64(bitPattern: value):
            assembler.store(Self.flagsField(field), constant: Int32(truncatingIfNeeded: value))
        default:
            move(scratch, source)
            assembler.store(Self.flagsField(field), scratch)
        }
    }

    /// Before something here that looks at the state, or code that does not know of the definition.
    mutating func settleFlags() {
        guard let pending = pendingFlags else { return }
        pendingFlags = nil
        let node = block.nodes[Int(pending)]
        if let comparison = floatComparison(node) { return settleFlags(comparison) }
        storeFlagsKind(node.flagsKind, node.width)
        if !node.flagsKind.isLogic { storeFlagsField(\.operand, node.c) }
        guard analysis[pending].flags.contains(.lazy) else {
            return storeFlagsField(\.result, node.a)
        }
        let result = scratch()
        combine(result, node)
        assembler.store(Self.flagsField(\.result), result)
    }

    /// result = the first operand, and the second as the kind says.
    private mutating func combine(_ result: Register, _ node: Node) {
        let operation: X64.Arithmetic =
            node.flagsKind.isAddition ? .add : node.flagsKind.isLogic ? .and : .subtract
        move(result, node.b)
        if let value = immediate(node.c, node.width) {
            assembler.arithmetic(operation, .register(result), constant: value, node.width)
        } else {
            let second = anyOperand(node.c)
            assembler.arithmetic(operation, result, second, node.width)
        }
    }

    // MARK: Conditions

    /// Emits a test of the condition, which is of a comparison, and gives what holds then.
    mutating func testFlags(_ node: Node) -> X64.Condition {
        let definition = block.nodes[Int(node.a)]
        let code = node.conditionCode
        if let comparison = floatComparison(definition) { return testNumbers(comparison, definition.a, code) }
        let host = X64.Condition(code)
        if let hostFlags, hostFlags.end == assembler.count, hostFlags.node == definition.a,
            block.nodes[Int(definition.a)].width == definition.width,
            code.isOfResult || definition.flagsKind == .subtract && definition.hasPlainResult(block)
        {
            return host
        }
        let isLazy = analysis[node.a].flags.contains(.lazy)
        switch definition.flagsKind {
        case .subtract:
            if code.isOfResult && !isLazy { return testResult(definition, host) }
            compare(definition.b, definition.c, definition.width)
            return host
        case .add, .addInverted:
            if code.isOfResult && !isLazy { return testResult(definition, host) }
            let result = scratch()
            combine(result, definition)
            // The host's carry is that of `add`.
            if definition.flagsKind == .addInverted, code.dependsOnCarry { assembler.complementCarry() }
            return host
        default:
            if code.dependsOnCarry {
                // With the carry, "below or equal" holds; without, it is equality.
                let hasCarry = definition.flagsKind == .logicInverted
                if hasCarry || code == .below || code == .aboveOrEqual {
                    let holds = hasCarry != code.isOdd
                    assembler.test(.register(.rsp), .rsp)
                    return holds ? .notEqual : .equal
                }
            }
            guard isLazy else { return testResult(definition, host) }
            if let value = immediate(definition.c, definition.width) {
                let first = anyOperand(definition.b)
                assembler.test(first, constant: value, definition.width)
            } else {
                let second = intoRegister(definition.c)
                let first = anyOperand(definition.b)
                assembler.test(first, second, definition.width)
            }
            return host
        }
    }

    private mutating func testResult(_ definition: Node, _ condition: X64.Condition) -> X64.Condition {
        let result = intoRegister(definition.a)
        assembler.test(.register(result), result, definition.width)
        return condition
    }

    private mutating func compare(_ a: Int32, _ b: Int32, _ width: Width) {
        if let value = immediate(b, width) {
            if value == 0, constant(a) == nil, let register = register(of: a) {
                return assembler.test(.register(register), register, width)
            }
            let first = constant(a) == nil ? anyOperand(a) : .register(intoRegister(a))
            assembler.arithmetic(.compare, first, constant: value, width)
        } else {
            let first = intoRegister(a)
            let second = anyOperand(b)
            assembler.arithmetic(.compare, first, second, width)
        }
    }

    /// A condition whose value is worked out here: of a definition under a condition, or of the state's record.
    mutating func generateCondition(_ node: Node) {
        guard node.a != Node.none, block.nodes[Int(node.a)].operation == .setFlagsIf else {
            return callForFlags(node.conditionCode.rawValue)
        }
        let definition = block.nodes[Int(node.a)]
        let code = node.conditionCode
        let (otherwise, done) = (assembler.label(), assembler.label())
        guard definition.flagsKind == .subtract || definition.flagsKind == .addInverted else {
            hasFailed = true
            return
        }
        // Nothing is moved behind the jump: it would be missed on the other way.
        let target = scratch()
        move(target, definition.c)
        let value = immediate(definition.d, definition.width)
        let second = value == nil ? anyOperand(definition.d) : .register(target)
        let condition = test(definition.a)
        assembler.jumpShort(if: condition.inverted, otherwise)
        let operation: X64.Arithmetic = definition.flagsKind == .subtract ? .subtract : .add
        if let value {
            assembler.arithmetic(operation, .register(target), constant: value, definition.width)
        } else {
            assembler.arithmetic(operation, target, second, definition.width)
        }
        if operation == .add, code.dependsOnCarry { assembler.complementCarry() }
        assembler.set(X64.Condition(code), target)
        assembler.extendZero(target, target, .byte)
        assembler.jumpShort(done)
        assembler.bind(otherwise)
        assembler.move(target, constant: code.holds(raw: definition.immediate) ? 1 : 0)
        assembler.bind(done)
        finishInTemporary(target)
    }

    /// All flags in the raw layout.
    mutating func generateFlags() { callForFlags(X64.Trampolines.allFlags) }

    private mutating func callForFlags(_ what: UInt8) {
        settleFlags()
        take(.rax)
        take(.rcx)
        for register in map.temporaryVectors { evict(register) }
        assembler.move(.rax, constant: UInt64(what))
        assembler.call(toAddress: trampolines.readFlags, from: base)
        finishInTemporary(.rax)
    }

    // MARK: The host's flags

    /// The host's flags are those of the operation of 64 or 32 bits that `node` is, where code ended.
    struct HostFlags {
        let node: Int32
        var end: Int
    }

    /// The last instruction has set the host's flags as the result of the node in progress.
    mutating func noteHostFlags() { hostFlags = HostFlags(node: current, end: assembler.count) }
}

extension X64.Generator.FlagsRecipe.Source {
    func isRegister(_ register: X64.Register) -> Bool {
        if case .register(register) = self { true } else { false }
    }
}

extension X64.Generator.FloatSource {
    fileprivate func isRegister(_ register: X64.Register) -> Bool {
        if case .general(register) = self { true } else { false }
    }
}

extension ConditionCode {
    var dependsOnCarry: Bool {
        switch self {
        case .below, .aboveOrEqual, .belowOrEqual, .above: return true
        default: return false
        }
    }

    var isOdd: Bool { rawValue & 1 != 0 }
}

extension X64.Condition {
    /// The conditions have the host's numbers, and the abstract carry is the host's of a subtraction.
    init(_ code: ConditionCode) {
        // SAFETY: both enumerations have all numbers of four bits.
        self = X64.Condition(rawValue: code.rawValue).unsafelyUnwrapped
    }
}
