import ISA

/// How the blocks of a region are entered from one another, which is found before code is made of any.
///
/// Where a block is entered, it takes its first instructions out of the budget, and is left where that does not reach: so
/// the state has to have the condition flags there. Who comes from another block of the region may take them itself, and
/// go in behind that. If the block then defines the flags before anybody can see those of before, the flags stay with who
/// comes: it stores them where the budget does not reach, and nowhere else.
///
/// A block that goes on to another in any case takes that one's instructions out of the budget with its own last ones.
/// Nothing can be left between them, so that flags which only the second defines are dead where the first begins.
struct RegionEdges {
    struct Entry {
        /// Instructions that are taken out of the budget where the block is entered.
        var budget = 0
        /// It may be entered behind where they are taken.
        var isOpen = false
        /// Who comes in behind that need not have the flags of before in the state.
        var flagsAreDead = false
        /// Instructions of the block behind this one that its last instructions' budget is taken with; 0 where that takes its
        /// own.
        var next = 0
        /// Some loop is likely to come in behind where the budget is taken.
        var isHead = false
    }

    /// A block as it was recorded, and how it ends.
    struct RecordedBlock {
        var block = Block(address: 0)
        var ending: X64.Generator.Ending?
    }

    /// What is seen first of the flags.
    private enum FirstUse {
        case definition
        /// They are looked at, or code may be left where they have to be in the state.
        case look
        /// Neither, as far as the block goes.
        case none
    }

    private struct Facts {
        var instructions = 0
        /// All instructions are taken out of the budget at once.
        var isWhole = false
        var firstUse = FirstUse.look
        /// The block that comes next in any case.
        var successor: Int?
        var state = State.unknown
    }

    private enum State { case unknown, inProgress, known }

    /// More instructions are not taken out of the budget at once for a second block.
    private static let mostJoined = 64

    private var entries = ContiguousArray<Entry>()
    private var facts = ContiguousArray<Facts>()
    /// The numbers of the region's blocks, by their places in the page; -1 for none.
    private var numbers = ContiguousArray<Int16>(repeating: -1, count: 2048)
    private var places = ContiguousArray<Int>()
    private var page: UInt64 = 0

    /// What is known of the block at `address`, if it is one of the region.
    subscript(address: UInt64) -> Entry {
        guard let number = number(of: address) else { return Entry() }
        return entries[number]
    }

    private func number(of address: UInt64) -> Int? {
        guard address & ~4095 == page, address & 1 == 0 else { return nil }
        let number = numbers[Int(address & 4095) / 2]
        return number < 0 ? nil : Int(number)
    }

    /// Nothing is known of any block.
    mutating func forget() {
        for place in places { numbers[place] = -1 }
        places.removeAll(keepingCapacity: true)
    }

    /// Finds out about the first `count` of `blocks`, which are all of a region, in order.
    /// - Parameter keepsVectors: loops of one block have vector registers in the host's, and are entered at their beginning.
    mutating func find(_ blocks: ContiguousArray<RecordedBlock>, _ count: Int, keepsVectors: Bool) {
        forget()
        guard count > 0 else { return }
        page = blocks[0].block.address & ~4095
        entries.fill(count, with: Entry())
        facts.fill(count, with: Facts())
        for number in 0..<count {
            let place = Int(blocks[number].block.address & 4095) / 2
            numbers[place] = Int16(truncatingIfNeeded: number)
            places.append(place)
        }
        for number in 0..<count { look(at: blocks[number], number, count, keepsVectors: keepsVectors) }
        for number in 0..<count { join(number) }
    }

    private mutating func look(at recorded: RecordedBlock, _ number: Int, _ count: Int, keepsVectors: Bool) {
        let block = recorded.block
        let isLoop = block.isUnrolled
        let last = block.instructions.count - 1
        guard last >= 0 else { return }
        let end = block.instructions.indices.first { $0 == last || block.endsSegment($0, isUnrolled: isLoop) } ?? last
        facts[number].instructions = end + 1
        facts[number].isWhole = end == last
        facts[number].firstUse = Self.firstUse(block, end)
        entries[number].budget = end + 1
        entries[number].isOpen = !keepsVectors || !block.mayKeepVectors
        noteHeads(block)
        // Where a branch is the last instruction, there are two ways on.
        guard let node = block.nodes.last, node.operation != .branch else { return }
        switch recorded.ending {
        case .next(let address):
            // Without a jump there is nothing to be won but the flags.
            guard let next = self.number(of: address), next != number + 1 || block.leavesFlags else { return }
            facts[number].successor = next
        case .interpreted: break
        case nil:
            guard node.operation == .jump else { return }
            facts[number].successor = self.number(of: block.address &+ node.immediate)
        }
    }

    /// Jumps back say where loops begin.
    private mutating func noteHeads(_ block: Block) {
        for index in block.instructions.indices {
            guard let node = block.nodes(of: index).last.map({ block.nodes[$0] }),
                node.operation == .branch || node.operation == .jump,
                Int64(bitPattern: node.immediate) <= Int64(block.instructions[index].offset),
                let head = number(of: block.address &+ node.immediate)
            else { continue }
            entries[head].isHead = true
        }
    }

    /// What the first instructions, up to `end`, do with the flags.
    private static func firstUse(_ block: Block, _ end: Int) -> FirstUse {
        for index in 0..<block.nodes(of: end).upperBound {
            let node = block.nodes[index]
            switch node.operation {
            case .setFlags, .setRawFlags: return .definition
            case .setFlagsIf: return node.extra == 0 ? .definition : .look
            case .condition, .flags: if node.a == Node.none { return .look }
            case .state, .setState, .whenever: return .look
            case .jump: return .none
            default:
                let operation = node.operation
                if operation.mayFault || operation.isControl || operation.isFloatingPoint { return .look }
            }
        }
        return .none
    }

    /// Decides whether block `number` takes the budget of the one that comes next.
    private mutating func join(_ number: Int) {
        guard facts[number].state == .unknown else { return }
        facts[number].state = facts[number].isWhole ? .inProgress : .known
        defer { facts[number].state = .known }
        if facts[number].firstUse == .definition { entries[number].flagsAreDead = true }
        guard let next = facts[number].successor, next != number else { return }
        join(next)
        // Blocks that go on to one another in a circle never end.
        guard facts[next].state == .known, entries[next].isOpen else { return }
        // Who falls into the next block has to jump over where that takes its budget.
        if next == number + 1, !entries[next].flagsAreDead { return }
        let joined = facts[number].instructions + entries[next].budget
        guard joined <= Self.mostJoined else { return }
        entries[number].next = entries[next].budget
        guard facts[number].isWhole else { return }
        entries[number].budget = joined
        if facts[number].firstUse == .none, entries[next].flagsAreDead { entries[number].flagsAreDead = true }
    }
}

extension Block {
    /// It is a loop of several rounds, of which each begins with the first instruction.
    var isUnrolled: Bool { instructions.indices.dropFirst().contains { instructions[$0].offset == 0 } }

    /// Whether the budget for what is behind the instruction is taken there. A loop of several rounds is left between them
    /// much more seldom than not.
    func endsSegment(_ instruction: Int, isUnrolled: Bool) -> Bool {
        guard let last = nodes(of: instruction).last, nodes[last].operation == .branch else { return false }
        return !isUnrolled || nodes[last].immediate == 0
    }

    /// It goes back to its own beginning, and reads vector registers.
    fileprivate var mayKeepVectors: Bool {
        nodes.contains { ($0.operation == .branch || $0.operation == .jump) && $0.immediate == 0 }
            && nodes.contains { $0.operation == .vectorRegister }
    }

    /// The last that is done with the flags is a definition that is stored late.
    fileprivate var leavesFlags: Bool {
        for node in nodes.reversed() {
            switch node.operation {
            case .setFlags, .setRawFlags: return node.isComparison || node.isFloatComparison(self)
            case .setFlagsIf, .flags, .call: return false
            default: break
            }
        }
        return false
    }
}
