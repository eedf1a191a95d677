/// Recorded code: guest instructions one after the other, as one list of nodes.
///
/// The list is *linear*: each instruction's nodes follow those of the one before, and an instruction goes on to the next
/// unless a control node leaves the block. A branch leaves it where its condition holds, so a block can go on behind
/// one. The only structure within is the side region between `whenever` and `endWhenever`, which is skipped where its
/// condition does not hold; what is defined inside is not used outside.
///
/// Addresses in it are relative to the first instruction's, so a block serves every address that its bytes are mapped at,
/// unless the recorder was told to make constants of them.
public struct Block: Sendable {
    /// One guest instruction and where its nodes begin; they end where those of the next begin.
    public struct Instruction: Sendable {
        /// Bytes from the address of the block.
        public var offset: Int32
        public var length: UInt8
        public var firstNode: Int32
    }

    /// Virtual address of the first instruction, as recorded.
    public var address: UInt64
    public var nodes: ContiguousArray<Node> = []
    public var instructions: ContiguousArray<Instruction> = []

    public init(address: UInt64) {
        self.address = address
    }

    /// Indices of the nodes of an instruction.
    public func nodes(of instruction: Int) -> Range<Int> {
        let next = instruction + 1
        let end = next < instructions.count ? Int(instructions[next].firstNode) : nodes.count
        return Int(instructions[instruction].firstNode)..<end
    }

    /// The instruction that the node belongs to, by bisection.
    public func instruction(of node: Int) -> Int {
        var (low, high) = (0, instructions.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(instructions[middle].firstNode) <= node { low = middle } else { high = middle }
        }
        return low
    }
}

// MARK: The rules of the form

extension Block {
    /// A rule that a block breaks, and where.
    public struct Malformed: Error, CustomStringConvertible {
        public let instruction: Int
        public let node: Int
        public let rule: String
        public var description: String { "instruction \(instruction), node \(node): \(rule)" }
    }

    /// Checks what every reader of blocks relies on, and ``Emitter``'s rules as far as they can be seen here:
    /// operands are earlier nodes of the right kind and not from within a side region that has ended; regions nest and
    /// lie within one instruction; what can fault stands before every effect of its instruction; nothing follows
    /// control.
    public func verify() throws(Malformed) {
        /// For each node: the index of the end of the innermost ended region that it lies in, or 0.
        var hidden = ContiguousArray<Int>(repeating: 0, count: nodes.count)
        for instruction in instructions.indices {
            var open: [Int] = []
            var effect: Int?
            var left = false
            for index in nodes(of: instruction) {
                let node = nodes[index]
                func fail(_ rule: String) -> Malformed {
                    Malformed(instruction: instruction, node: index, rule: "\(node.operation): \(rule)")
                }
                let operands = node.operation.operands
                for position in 0..<4 {
                    let operand = Int(node[operand: position])
                    if operands[position] == .nothing {
                        guard operand == Int(Node.none) else { throw fail("operand \(position) is one too many") }
                        continue
                    }
                    if operands[position] == .flags && operand == Int(Node.none) { continue }
                    guard operand >= 0 && operand < index else { throw fail("operand \(position) is no earlier node") }
                    guard nodes[operand].operation.result == operands[position] else {
                        throw fail("operand \(position) is a \(nodes[operand].operation.result)")
                    }
                    guard hidden[operand] == 0 else {
                        throw fail("operand \(position) lies in the side region that ended at \(hidden[operand])")
                    }
                }
                if left && node.operation != .endWhenever { throw fail("stands behind control") }
                if node.operation.mayFault, let effect { throw fail("can fault after the effect of \(effect)") }
                if node.operation.hasEffect { effect = index }
                if node.operation.isControl { left = true }
                if node.operation == .whenever { open.append(index) }
                if node.operation == .endWhenever {
                    guard let start = open.popLast(), nodes[start].immediate == UInt64(index),
                        node.immediate == UInt64(start)
                    else { throw fail("ends what nothing began") }
                    for inside in start...index where hidden[inside] == 0 { hidden[inside] = index }
                    left = false
                }
            }
            if let start = open.last {
                throw Malformed(instruction: instruction, node: start, rule: "a side region without an end")
            }
        }
    }
}
