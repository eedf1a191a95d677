import ISA

/// Floating point of a recorded block in the manner of the host, which keeps a single in the low half of a vector register.
///
/// RISC-V boxes singles: an f register that holds one has ones above it, and what is not boxed reads as the canonical NaN
/// ("NaN Boxing of Narrower Values"). The recorder writes down the masks, comparisons and selections of that. Here they go:
/// an operation on singles has the whole register as its operand, and its own result is the whole register. Where the block
/// does not show that the register is boxed, its first user has to look, and leaves the instruction to the interpreter
/// where it is not.
struct FloatOperands {
    enum Role: UInt8 {
        /// What the node says.
        case plain
        /// As the node says, with ones above the single.
        case boxed
        /// The low half of `a`, whatever it is, with ones above it.
        case box
        /// `a` with the sign of `b`, with its inverse, with the exclusive or of both signs.
        case copySign, copyNegatedSign, exclusiveOrSign
    }

    private var roles = ContiguousArray<Role>()
    /// A bit for each operand that has to be looked at.
    private var checks = ContiguousArray<UInt8>()
    /// The register that a node is the single of, boxed or not; ``Node/none``.
    private var singles = ContiguousArray<Int32>()
    /// What a node's users use in its place.
    private var replacements = ContiguousArray<Int32>()
    /// The upper half is known to be ones.
    private var isBoxed = ContiguousArray<Bool>()
    private var uses = ContiguousArray<UInt16>()
    /// First node of the instruction in progress.
    private var first: Int32 = 0
    private var isDirty = false

    private static let single: UInt64 = 0xffff_ffff
    private static let canonicalNaN: UInt64 = 0x7fc0_0000
    private static let dirtyOffset = UInt64(MemoryLayout<CoreState>.offset(of: \.floatDirty)!)

    init() {}

    func role(_ node: Int32) -> Role { roles[Int(node)] }
    /// Whether operand `position` of `node` must be found boxed.
    func mustCheck(_ node: Int32, _ position: Int) -> Bool { checks[Int(node)] & 1 << UInt8(position) != 0 }
    /// The result has ones above the single, where this has been looked at.
    func isBoxed(_ node: Int32) -> Bool { isBoxed[Int(node)] }

    /// Whether the instruction may be left to the interpreter at the node though that cannot fault.
    func mayLeave(_ node: Node, _ index: Int) -> Bool {
        switch node.operation {
        case .float:
            guard checks[index] == 0, roles[index] == .plain || roles[index] == .boxed else {
                return checks[index] != 0
            }
            return node.floatOperation.givesFloat && node.rounding != .dynamic
        case .floatToInteger: return checks[index] != 0 || node.rounding != .dynamic || !node.isSigned
        case .integerToFloat, .convertFloat: return checks[index] != 0 || node.rounding != .dynamic
        default: return false
        }
    }

    /// Nothing is known, and everything is done as recorded.
    mutating func forget(_ count: Int) {
        roles.fill(count, with: .plain)
        checks.fill(count, with: 0)
        isBoxed.fill(count, with: false)
    }

    /// Rewrites the block.
    mutating func rewrite(_ block: inout Block) {
        let count = block.nodes.count
        forget(count)
        guard block.nodes.contains(where: { $0.operation == .require }) else { return }
        singles.fill(count, with: Node.none)
        replacements.fill(count, with: Node.none)
        uses.fill(count, with: 0)
        for node in block.nodes {
            for position in 0..<4 where node[operand: position] >= 0 { uses[Int(node[operand: position])] &+= 1 }
        }
        isDirty = false
        for instruction in block.instructions.indices {
            let range = block.nodes(of: instruction)
            first = Int32(truncatingIfNeeded: range.lowerBound)
            for index in range {
                replaceOperands(&block.nodes[index])
                rewrite(Int32(truncatingIfNeeded: index), &block)
            }
        }
    }

    private func replaceOperands(_ node: inout Node) {
        if node.a >= 0, replacements[Int(node.a)] >= 0 { node.a = replacements[Int(node.a)] }
        if node.b >= 0, replacements[Int(node.b)] >= 0 { node.b = replacements[Int(node.b)] }
        if node.c >= 0, replacements[Int(node.c)] >= 0 { node.c = replacements[Int(node.c)] }
        if node.d >= 0, replacements[Int(node.d)] >= 0 { node.d = replacements[Int(node.d)] }
    }

    private mutating func rewrite(_ index: Int32, _ block: inout Block) {
        let node = block.nodes[Int(index)]
        switch node.operation {
        case .constant: isBoxed[Int(index)] = node.immediate >> 32 == Self.single
        case .binary where node.width == .double && node.binaryOperation == .or: rewriteBox(index, &block)
        case .binary where node.width == .double && node.binaryOperation == .xor: rewriteSign(index, &block)
        case .select: findSingle(index, block)
        case .float, .floatToInteger: if node.width == .word { useRegisters(index, &block) }
        case .convertFloat: if node.otherWidth == .word { useRegisters(index, &block) }
        case .setState: leaveOutDirty(index, &block)
        case .call: isDirty = false
        default: break
        }
    }

    /// The constant, if it belongs to the instruction in progress: what the program itself computes is no pattern.
    private func constant(_ node: Int32, _ block: Block) -> UInt64? {
        guard node >= first, block.nodes[Int(node)].operation == .constant else { return nil }
        return block.nodes[Int(node)].immediate
    }

    /// The node, if it is such an operation, of 64 bits, in the instruction in progress.
    private func binary(_ operation: BinaryOperation, _ node: Int32, _ block: Block) -> Node? {
        guard node >= first else { return nil }
        let node = block.nodes[Int(node)]
        guard node.operation == .binary, node.width == .double, node.binaryOperation == operation else { return nil }
        return node
    }

    /// value OR box.
    private mutating func rewriteBox(_ index: Int32, _ block: inout Block) {
        let node = block.nodes[Int(index)]
        guard constant(node.b, block) == ~Self.single else { return }
        let value = block.nodes[Int(node.a)]
        switch value.operation {
        case .float, .integerToFloat, .convertFloat, .load:
            guard value.width == .word, uses[Int(node.a)] == 1, node.a >= first else { break }
            if roles[Int(node.a)] == .plain {
                guard value.operation != .float || value.floatOperation.givesFloat else { break }
                roles[Int(node.a)] = .boxed
            }
            return replace(index, by: node.a, &block)
        default: break
        }
        block.nodes[Int(index)] = Node(.float, .word, node.a, node.a, node.a)
        roles[Int(index)] = .box
        isBoxed[Int(index)] = true
    }

    private mutating func replace(_ index: Int32, by other: Int32, _ block: inout Block) {
        isBoxed[Int(other)] = true
        replacements[Int(index)] = other
        block.nodes[Int(index)] = Node(.constant)
    }

    /// (register AND box) = box ? the low half of register : canonical NaN.
    private mutating func findSingle(_ index: Int32, _ block: Block) {
        let node = block.nodes[Int(index)]
        guard constant(node.c, block) == Self.canonicalNaN, node.a >= first, node.b >= first else { return }
        let (comparison, value) = (block.nodes[Int(node.a)], block.nodes[Int(node.b)])
        guard comparison.operation == .compare, comparison.comparison == .equal, comparison.width == .double,
            constant(comparison.b, block) == ~Self.single, let upper = binary(.and, comparison.a, block),
            constant(upper.b, block) == ~Self.single, value.operation == .extend, value.extension == .zero32,
            value.a == upper.a
        else { return }
        singles[Int(index)] = value.a
    }

    /// Operands that are the singles of registers become the registers.
    private mutating func useRegisters(_ index: Int32, _ block: inout Block) {
        var node = block.nodes[Int(index)]
        node.a = register(node.a, index, 0)
        if node.operation == .float {
            node.b = register(node.b, index, 1)
            node.c = register(node.c, index, 2)
        }
        block.nodes[Int(index)] = node
    }

    private mutating func register(_ operand: Int32, _ user: Int32, _ position: UInt8) -> Int32 {
        let register = singles[Int(operand)]
        guard register != Node.none else { return operand }
        if !isBoxed[Int(register)] {
            checks[Int(user)] |= 1 << position
            isBoxed[Int(register)] = true
        }
        return register
    }

    /// magnitude XOR sign, as sign injection has it.
    private mutating func rewriteSign(_ index: Int32, _ block: inout Block) {
        let node = block.nodes[Int(index)]
        var (sign, isNegated) = (node.b, false)
        if let inverse = binary(.xor, sign, block) {
            (sign, isNegated) = (inverse.a, true)
        }
        guard let source = binary(.and, sign, block), let bit = constant(source.b, block),
            bit == Width.double.signBit || bit == Width.word.signBit
        else { return }
        let width: Width = bit == Width.double.signBit ? .double : .word
        if isNegated, binary(.xor, node.b, block).flatMap({ constant($0.b, block) }) != bit { return }
        var (magnitude, role) = (node.a, Role.exclusiveOrSign)
        if let cleared = binary(.andNot, magnitude, block), constant(cleared.b, block) == bit {
            (magnitude, role) = (cleared.a, isNegated ? .copyNegatedSign : .copySign)
        } else if isNegated {
            return
        }
        var result = Node(.float, width, magnitude, source.a, magnitude)
        if width == .word {
            guard singles[Int(magnitude)] >= 0, singles[Int(source.a)] >= 0, isOnlyBoxed(index, block) else {
                return
            }
            result.a = register(magnitude, index, 0)
            result.b = register(source.a, index, 1)
            result.c = result.a
            isBoxed[Int(index)] = true
        }
        if role == .copySign, width == .double, result.a == result.b {
            replacements[Int(index)] = result.a
            block.nodes[Int(index)] = Node(.constant)
            return
        }
        roles[Int(index)] = role
        block.nodes[Int(index)] = result
    }

    /// Whether the result of the node is boxed at once, and used for nothing else.
    private func isOnlyBoxed(_ index: Int32, _ block: Block) -> Bool {
        guard uses[Int(index)] == 1 else { return false }
        for next in block.nodes[(Int(index) + 1)...] where next.operation != .constant {
            return next.operation == .binary && next.width == .double && next.binaryOperation == .or
                && next.a == index && constant(next.b, block) == ~Self.single
        }
        return false
    }

    /// The state of floating point is dirty already.
    private mutating func leaveOutDirty(_ index: Int32, _ block: inout Block) {
        let node = block.nodes[Int(index)]
        guard node.immediate == Self.dirtyOffset else { return }
        let value = block.nodes[Int(node.a)]
        let isSet = node.width == .byte && value.operation == .constant && value.immediate == 1
        if isSet && isDirty { block.nodes[Int(index)] = Node(.constant) }
        isDirty = isSet
    }
}

extension FloatOperation {
    /// The result is a number of the format, and not 1 or 0 or a class.
    var givesFloat: Bool {
        switch self {
        case .equal, .less, .lessOrEqual, .classify: return false
        default: return true
        }
    }

    /// A back end may have code for it: what other operations give is no number, or not known to the host.
    var hasCode: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .squareRoot, .minimumNumber, .maximumNumber, .equal, .less,
            .lessOrEqual:
            return true
        default: return isFused
        }
    }

    var isFused: Bool {
        switch self {
        case .multiplyAdd, .multiplySubtract, .negatedMultiplyAdd, .negatedMultiplySubtract: return true
        default: return false
        }
    }
}
