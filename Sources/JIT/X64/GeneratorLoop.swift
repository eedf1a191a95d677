import ISA

/// A block that goes back to its own beginning keeps the vector registers that it reads in the host's from one round to the
/// next. The state block has them too, as it does everywhere, so that whoever leaves has nothing to put in order; but a
/// result is not stored and loaded again on its way into the next round.
extension X64.Generator {
    struct Loop {
        /// Behind the loads that are made where the block is entered from elsewhere.
        let start: Label
        var carried: [Carried]
    }

    /// A vector register of the guest that the block reads before it sets it.
    struct Carried {
        let guest: UInt8
        /// Which reads it.
        let node: Int32
        let register: VectorRegister
    }

    /// More are read where they are needed, so that enough registers are left for results.
    private static let mostCarried = 9

    /// Whether the node goes to where the block begins.
    private func isBack(_ node: Node) -> Bool {
        (node.operation == .branch || node.operation == .jump) && node.immediate == 0
    }

    /// What is carried is needed as long as the last jump back.
    mutating func findLoop() {
        loop = nil
        guard map.hasVectors, switches.contains(.loopRegisters), label(ofBlock: block.address) != nil else { return }
        var isLoop = false
        for node in block.nodes {
            // A helper may change any register.
            if node.operation == .call { return }
            if isBack(node) { isLoop = true }
        }
        guard isLoop else { return }
        var carried: [Carried] = []
        var isSet: UInt64 = 0
        for (index, node) in block.nodes.enumerated() {
            let guest = UInt8(truncatingIfNeeded: node.immediate)
            // Where nothing is forwarded, what was set may be read.
            if node.operation == .setVectorRegister { isSet |= 1 << UInt64(guest) }
            guard node.operation == .vectorRegister, isSet >> UInt64(guest) & 1 == 0 else { continue }
            guard carried.count < Self.mostCarried, !analysis[index].isDead,
                !carried.contains(where: { $0.guest == guest })
            else { continue }
            let registers = map.temporaryVectors
            carried.append(
                Carried(
                    guest: guest, node: Int32(truncatingIfNeeded: index),
                    register: registers[registers.count - 1 - carried.count]))
        }
        guard !carried.isEmpty else { return }
        for (index, node) in block.nodes.enumerated() where isBack(node) {
            for value in values(carried, before: index) { analysis.keep(value, until: index) }
        }
        loop = Loop(start: assembler.label(), carried: carried)
    }

    /// The nodes that the guest registers are set to before node `end`.
    private func values(_ carried: [Carried], before end: Int) -> [Int32] {
        var values = carried.map(\.node)
        for node in block.nodes[..<end] where node.operation == .setVectorRegister {
            if let place = carried.firstIndex(where: { UInt64($0.guest) == node.immediate }) { values[place] = node.a }
        }
        return values
    }

    /// Where the block is entered: loads what is carried.
    mutating func enterLoop() {
        guard let loop else { return }
        for carried in loop.carried {
            let memory = Self.vectorField(carried.guest)
            if let width = analysis.lowWidth(carried.node) {
                assembler.load(carried.register, memory, width)
            } else {
                assembler.loadVector(carried.register, memory)
            }
            places[Int(carried.node)] = .temporaryVector(carried.register)
            vectorOwners[Int(carried.register.rawValue)] = carried.node
            backing[Int(carried.node)] = Self.firstVector + carried.guest
            inGuest.append(carried.node)
        }
        assembler.align(to: CodeMemory.alignment)
        assembler.bind(loop.start)
    }

    /// The node in progress goes back to the beginning, where the condition holds.
    mutating func goBack(if condition: X64.Condition?) {
        guard let loop else { return }
        var moves: [Move] = []
        var kept: UInt16 = 0
        for (carried, value) in zip(loop.carried, values(loop.carried, before: Int(current))) {
            let width = analysis.lowWidth(carried.node)
            if case .temporaryVector(let source) = places[Int(value)] {
                kept |= 1 << UInt16(source.rawValue)
                let isClean = width.map { isCleanVector(value, $0) } ?? true
                if source != carried.register || !isClean {
                    moves.append(Move(target: carried.register, source: source, width: isClean ? nil : width))
                }
            } else {
                moves.append(
                    Move(
                        target: carried.register, source: nil, memory: Self.vectorField(carried.guest), width: width))
            }
        }
        guard let condition else {
            move(moves)
            return assembler.jump(loop.start)
        }
        let flags = flagsRecipe()
        if moves.isEmpty, flags == nil { return assembler.jump(if: condition, loop.start) }
        let skip = assembler.label()
        assembler.jump(if: condition.inverted, skip)
        if let flags { store(flags, keeping: kept) }
        move(moves)
        assembler.jump(loop.start)
        assembler.bind(skip)
    }

    private struct Move {
        let target: VectorRegister
        /// Nil where it is in memory.
        var source: VectorRegister?
        var memory: Memory?
        /// Where zeros have to be put above so much, or no more is to be loaded.
        let width: Width?
    }

    /// All at once: no target is written before who needs its old value has got it.
    private mutating func move(_ moves: [Move]) {
        var moves = moves
        while !moves.isEmpty {
            let place = moves.firstIndex { move in
                !moves.contains { $0.source == move.target && $0.target != move.target }
            }
            guard let place else {
                // They go round.
                let target = moves[0].target
                assembler.move(Role.ones, target)
                for index in moves.indices where moves[index].source == target { moves[index].source = Role.ones }
                continue
            }
            let move = moves.remove(at: place)
            if let memory = move.memory {
                if let width = move.width {
                    assembler.load(move.target, memory, width)
                } else {
                    assembler.loadVector(move.target, memory)
                }
            } else if let source = move.source {
                if let width = move.width {
                    clean(move.target, source, width)
                } else {
                    assembler.move(move.target, source)
                }
            }
        }
    }
}
