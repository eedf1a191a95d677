import ISA

/// What is known of each node of a block before code is made of it: who uses it and how long, what need not be done at
/// all, and what is best done where it is used.
struct Analysis {
    struct Facts {
        /// The last node that needs the result: its own index where nobody does.
        var lastUse: Int32 = 0
        var uses: UInt16 = 0
        /// Uses as the address of a memory access.
        var addressUses: UInt16 = 0
        /// Uses as what is added to another value, which the host can multiply on the way.
        var scaledUses: UInt16 = 0
        /// Uses in comparisons of it with 0, for which the host need not have all of it: ``Node/isTest(of:_:)``.
        var testUses: UInt16 = 0
        /// Uses as the low part of a vector, as which floating-point operations have their operands.
        var partUses: UInt16 = 0
        /// Of these, uses as one of two neighbours in memory that are loaded at once.
        var pairUses: UInt16 = 0
        /// Nothing comes of it.
        var isDead = false
        /// It is computed where it is used: a comparison, bits that are tested, or a sum that becomes part of an address.
        var isDeferred = false
        /// Of a vector: it is a ``VectorAssembly``.
        var isAssembled = false
        /// Of a low part of a vector, or of a vector: more than 32 bits of it are used.
        var isWide = false
        /// Of a store of a doubleword: the vector all of which is stored, the next store with it.
        var stored: Int32?
        /// Of a definition of the flags: what has to be at hand of it.
        var flags: FlagsUse = []
    }

    /// A run of instructions that is entered only at its start and left, but for faults and loops that end, only at its
    /// end: the unit that the budget is taken in.
    struct Segment {
        var firstInstruction: Int
        var count: Int
    }

    private(set) var facts = ContiguousArray<Facts>()
    private(set) var segments = ContiguousArray<Segment>()
    private var hasVectors = false

    init() {}

    subscript(node: Int32) -> Facts { facts[Int(node)] }
    subscript(node: Int) -> Facts { facts[node] }

    /// Analyses `block`, and rewrites pairs of shifts in it; what was known of another block is forgotten.
    /// - Parameter hasVectors: floating-point numbers are low parts of vectors.
    mutating func analyse(
        _ block: inout Block, _ floats: FloatOperands, _ switches: OptimizationSwitches, hasVectors: Bool
    ) {
        self.hasVectors = hasVectors
        facts.fill(block.nodes.count, with: Facts())
        findSegments(block)
        countUses(&block, floats, switches)
    }

    private mutating func findSegments(_ block: Block) {
        segments.removeAll(keepingCapacity: true)
        let isUnrolled = block.isUnrolled
        var first = 0
        for instruction in block.instructions.indices {
            let isLast = instruction == block.instructions.count - 1
            guard isLast || block.endsSegment(instruction, isUnrolled: isUnrolled) else { continue }
            segments.append(Segment(firstInstruction: first, count: instruction + 1 - first))
            first = instruction + 1
        }
    }

    /// Backwards, so that every user of a node is seen before the node.
    private mutating func countUses(
        _ block: inout Block, _ floats: FloatOperands, _ switches: OptimizationSwitches
    ) {
        let eliminates = switches.contains(.deadSets)
        let calls = block.nodes.contains { $0.operation == .call }
        var segment = segments.count - 1
        /// A bit for each register that is set again before anybody can see what it holds.
        var overwritten: (UInt64, UInt64) = (0, 0)
        var instruction = block.instructions.count - 1
        var flags = FlagsLiveness(block)
        for index in stride(from: block.nodes.count - 1, through: 0, by: -1) {
            var node = block.nodes[index]
            while instruction > 0 && Int(block.instructions[instruction].firstNode) > index {
                // The start of a segment looks at the budget and may leave.
                if segment > 0 && segments[segment].firstInstruction == instruction {
                    overwritten = (0, 0)
                    flags.observe(Int(block.instructions[instruction].firstNode))
                    segment -= 1
                }
                instruction -= 1
                // What called a helper may leave behind itself.
                if calls, block.nodes(of: instruction).contains(where: { block.nodes[$0].operation == .call }) {
                    overwritten = (0, 0)
                }
            }
            if node.operation == .register {
                let bit = 1 &<< (node.immediate & 63) as UInt64
                if node.immediate < 64 { overwritten.0 &= ~bit } else { overwritten.1 &= ~bit }
            }
            if node.operation == .setRegister && eliminates {
                let register = node.immediate
                let bit = 1 &<< (register & 63) as UInt64
                if (register < 64 ? overwritten.0 : overwritten.1) & bit != 0 {
                    facts[index].isDead = true
                    continue
                }
                if register < 64 { overwritten.0 |= bit } else { overwritten.1 |= bit }
            } else if node.operation.mayFault || node.operation.isControl
                || (hasVectors ? node.operation.isFloatingPoint : floats.mayLeave(node, index))
            {
                overwritten = (0, 0)
                if node.operation == .call { flags.call(index) } else { flags.observe(index) }
            }
            if node.operation.result == .flags {
                countFlags(node, index, flags.define(), block)
                continue
            }
            if facts[index].uses == 0 && node.operation.isDroppable && eliminates {
                facts[index].isDead = true
                continue
            }
            if switches.contains(.shiftPairs), joinShifts(index, &block) {
                if facts[index].isDead { continue }
                node = block.nodes[index]
            }
            if hasVectors, let first = firstHalf(index, block) {
                facts[first].stored = block.nodes[Int(node.b)].a
                facts[index].isDead = true
                continue
            }
            // What an initializer is given is counted, so that it is called for vectors alone.
            if hasVectors, node.operation == .vector, let assembly = VectorAssembly(node, block) {
                facts[index].isAssembled = true
                use(Int(assembly.sources.0), at: Int32(index))
                use(Int(assembly.sources.1), at: Int32(index))
                continue
            }
            if let vector = facts[index].stored {
                use(Int(node.a), at: Int32(index))
                use(Int(vector), at: Int32(index))
                continue
            }
            facts[index].isDeferred = isDeferred(node, index, block)
            if node.operation == .condition || node.operation == .flags {
                let place = facts[index].isDeferred ? max(facts[index].lastUse, Int32(index)) : Int32(index)
                useFlags(node, place, &flags, block)
                continue
            }
            let place = facts[index].isDeferred ? max(facts[index].lastUse, Int32(index)) : Int32(index)
            let kinds = node.operation.operands
            for position in 0..<4 where kinds[position] != .nothing {
                let operand = Int(node[operand: position])
                guard operand >= 0 else { continue }
                use(operand, at: place)
                if node.operation.isAccess && position == 0 { facts[operand].addressUses &+= 1 }
                if hasVectors && position == 1 && isScaled(node, block) { facts[operand].scaledUses &+= 1 }
                if position == 0 && node.isTest(of: block.nodes[operand], block) { facts[operand].testUses &+= 1 }
                if hasVectors, takesPart(node, index, position, block) {
                    facts[operand].partUses &+= 1
                    if node.operation != .extend, node.operation != .doubleword || facts[index].isWide {
                        facts[operand].isWide = true
                    }
                    if block.nodes[operand].operation == .loadHeld, isPair(node, block) {
                        facts[operand].pairUses &+= 1
                    }
                }
            }
        }
    }

    /// How much of a vector is used, where that is no more than its low part.
    func lowWidth(_ vector: Int32) -> Width? {
        let facts = self[vector]
        guard facts.uses == facts.partUses else { return nil }
        return facts.isWide ? .double : .word
    }

    /// The result of `node` is needed at `place`.
    mutating func use(_ node: Int, at place: Int32) {
        facts[node].lastUse = max(facts[node].lastUse, place)
        facts[node].uses &+= 1
    }

    /// The low parts of vectors that the nodes are, or other numbers, are needed at `place`.
    mutating func useParts(_ nodes: [Int32], at place: Int32) {
        for node in nodes {
            use(Int(node), at: place)
            facts[Int(node)].partUses &+= 1
            facts[Int(node)].isWide = true
        }
    }

    /// The result of `node` is needed by node `end`, which has it not as an operand.
    mutating func keep(_ node: Int32, until end: Int) {
        facts[Int(node)].lastUse = max(facts[Int(node)].lastUse, Int32(truncatingIfNeeded: end))
    }

    mutating func add(_ use: FlagsUse, toFlagsOf node: Int) { facts[node].flags.insert(use) }
    mutating func kill(_ node: Int) { facts[node].isDead = true }

    /// Whether the node was the first of a pair of shifts, and another form was found for them.
    private mutating func joinShifts(_ index: Int, _ block: inout Block) -> Bool {
        guard facts[index].uses == 1, block.nodes[index].operation == .binary else { return false }
        let user = Int(facts[index].lastUse)
        // What is kept for who leaves the code is needed longer than by its user.
        guard user < block.nodes.count, block.nodes[user].a == Int32(truncatingIfNeeded: index) else { return false }
        guard let pair = ShiftPair(first: index, user: user, block) else { return false }
        let source = block.nodes[index].a
        // Where the operand would have to be kept elsewhere for the second, nothing is gained.
        let sourceRegister = block.nodes[Int(source)].operation == .register ? block.nodes[Int(source)].immediate : nil
        for between in index + 1..<user where !facts[between].isDead && block.nodes[between].operation == .setRegister {
            guard let sourceRegister, block.nodes[between].immediate != sourceRegister else { return false }
        }
        guard let form = pair.rewrite(&block) else { return false }
        if form == .one {
            facts[index].isDead = true
            facts[Int(source)].lastUse = max(facts[Int(source)].lastUse, Int32(truncatingIfNeeded: user))
            facts[Int(source)].uses &+= 1
        }
        return true
    }

    private func isDeferred(_ node: Node, _ index: Int, _ block: Block) -> Bool {
        switch node.operation {
        case .compare, .not, .truth: return true
        case .condition:
            guard node.a != Node.none else { return false }
            let definition = block.nodes[Int(node.a)]
            return definition.isComparison || definition.isFloatComparison(block)
        case .binary where node.binaryOperation == .add && node.width == .double:
            let offset = block.nodes[Int(node.b)]
            return facts[index].uses == facts[index].addressUses && offset.operation == .constant
                && Int64(bitPattern: offset.immediate) == Int64(Int16(truncatingIfNeeded: offset.immediate))
        case .binary where node.binaryOperation == .and:
            return facts[index].uses > 0 && facts[index].uses == facts[index].testUses
        case .binary where node.binaryOperation == .shiftLeft:
            return facts[index].uses == 1 && facts[index].scaledUses == 1
        case .doubleword: return isPart(index)
        case .extend where node.extension == .zero32 && block.nodes[Int(node.a)].isLowDoubleword:
            return isPart(index)
        case .loadHeld where node.width == .double: return facts[index].uses == facts[index].pairUses
        default: return false
        }
    }

    /// The store of the low half of a vector to where the store `index` of its high half goes on, right before that.
    private func firstHalf(_ index: Int, _ block: Block) -> Int? {
        // The half itself may have been taken in between.
        let first = index > 0 && block.nodes[index - 1].operation == .doubleword ? index - 2 : index - 1
        guard first >= 0 else { return nil }
        let (low, high) = (block.nodes[first], block.nodes[index])
        guard high.operation == .storeHeld, low.operation == .storeHeld, high.width == .double, low.width == .double,
            high.a == low.a, high.immediate == low.immediate + 8
        else { return nil }
        let (lowPart, highPart) = (block.nodes[Int(low.b)], block.nodes[Int(high.b)])
        guard lowPart.isLowDoubleword, highPart.operation == .doubleword, highPart.immediate == 1,
            lowPart.a == highPart.a
        else { return nil }
        return first
    }

    /// Whether the node is the sum of a value and another one, times 2, 4 or 8, which comes of a node right before.
    private func isScaled(_ node: Node, _ block: Block) -> Bool {
        guard node.operation == .binary, node.binaryOperation == .add, node.width == .double,
            block.nodes[Int(node.a)].operation != .constant
        else { return false }
        let other = block.nodes[Int(node.b)]
        guard other.operation == .binary, other.binaryOperation == .shiftLeft, other.width == .double,
            block.nodes[Int(other.a)].operation != .constant
        else { return false }
        let count = block.nodes[Int(other.b)]
        return count.operation == .constant && (1...3).contains(count.immediate)
    }

    private func isPart(_ index: Int) -> Bool {
        hasVectors && facts[index].uses == facts[index].partUses
    }

    /// Whether the node can have the operand as the low part of a vector; or, of what is loaded, in a vector at once.
    private func takesPart(_ node: Node, _ index: Int, _ position: Int, _ block: Block) -> Bool {
        let operand = block.nodes[Int(node[operand: position])]
        switch node.operation {
        case .vector:
            if isPair(node, block) { return true }
            let high = block.nodes[Int(node.b)]
            return position == 0 && high.operation == .constant && high.immediate == 0 && !operand.isHighDoubleword
        case .doubleword: return facts[index].isDeferred && node.immediate == 0
        case .store, .storeHeld:
            return position == 1 && (node.width == .word || node.width == .double) && operand.isLowPart(block)
        case .float: return operand.operation != .loadHeld && !node.isFromFixed
        case .floatToInteger, .convertFloat: return operand.operation != .loadHeld
        case .extend:
            return facts[index].isDeferred && operand.isLowDoubleword
        default: return false
        }
    }
}

extension Analysis {
    /// Whether a vector is of two neighbours in memory.
    private func isPair(_ node: Node, _ block: Block) -> Bool {
        guard node.operation == .vector else { return false }
        let (low, high) = (block.nodes[Int(node.a)], block.nodes[Int(node.b)])
        return low.operation == .loadHeld && high.operation == .loadHeld && low.a == high.a && low.width == .double
            && high.width == .double && high.immediate == low.immediate + 8
    }
}

extension Node {
    /// Whether it asks for any bit of a value under a mask of 32 bits, which `operand` is.
    fileprivate func isTest(of operand: Node, _ block: Block) -> Bool {
        guard operation == .compare, comparison == .equal || comparison == .notEqual, operand.operation == .binary,
            operand.binaryOperation == .and, operand.width.rawValue >= Width.word.rawValue,
            width.rawValue >= Width.word.rawValue
        else { return false }
        let (zero, mask) = (block.nodes[Int(b)], block.nodes[Int(operand.b)])
        return zero.operation == .constant && zero.immediate == 0 && mask.operation == .constant
            && mask.immediate >> 32 == 0 && block.nodes[Int(operand.a)].operation != .constant
    }

    /// The low half of a vector, or the low half of that.
    fileprivate func isLowPart(_ block: Block) -> Bool {
        operation == .extend ? self.extension == .zero32 && block.nodes[Int(a)].isLowDoubleword : isLowDoubleword
    }

    /// Its operand is an integer.
    fileprivate var isFromFixed: Bool {
        floatOperation == .fromFixedSigned || floatOperation == .fromFixedUnsigned
    }

    fileprivate var isHighDoubleword: Bool { operation == .doubleword && immediate == 1 }

    /// The low half of a vector.
    fileprivate var isLowDoubleword: Bool { operation == .doubleword && immediate == 0 }
}

extension ContiguousArray {
    /// The first `count` elements become `value`. The array grows where it is too short, and never shrinks: what is known
    /// of each node of a block is kept in the same memory for all blocks.
    mutating func fill(_ count: Int, with value: Element) {
        if count > self.count {
            self = ContiguousArray(repeating: value, count: Swift.max(count, 2 * self.count))
        } else {
            withUnsafeMutableBufferPointer { $0[..<count].update(repeating: value) }
        }
    }
}

extension Node.Operation {
    /// It may be left out where nobody needs its result.
    var isDroppable: Bool {
        switch self {
        case .register, .state, .condition, .flags, .loadHeld, .vectorRegister: return true
        default: return isPure
        }
    }

    /// It computes with floating-point numbers.
    var isFloatingPoint: Bool {
        switch self {
        case .float, .floatToInteger, .integerToFloat, .convertFloat, .vectorFloat: return true
        default: return false
        }
    }

    /// Its first operand is an address in memory.
    var isAccess: Bool {
        switch self {
        case .load, .store, .probe: return true
        default: return false
        }
    }
}
