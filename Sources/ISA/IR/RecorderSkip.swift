/// Branches over one instruction, recorded as a condition of that instruction.
extension Recorder {
    /// A branch that was taken back, to become the condition of the instruction behind it.
    public struct Skip {
        let condition: Condition
        /// What was known before the instruction.
        let known: Knowledge
    }

    /// Takes back the branch that the last instruction ends with, if that goes to behind the next instruction, which has
    /// `length` bytes. Begin and record that one, which must be simple (``InstructionShape/simple``), then call
    /// ``finish(_:)``.
    public mutating func takeBranch(over length: UInt8) -> Skip? {
        guard let last = block.instructions.last, block.nodes.count > Int(last.firstNode),
            let branch = block.nodes.last, branch.operation == .branch,
            branch.immediate == UInt64(bitPattern: nextOffset &+ Int64(length))
        else { return nil }
        block.nodes.removeLast()
        return Skip(condition: Condition(node: branch.a), known: known)
    }

    /// Has the last instruction done and counted only where the branch is not taken: the register that it sets gets one
    /// of two values.
    public mutating func finish(_ skip: Skip) {
        guard let set = block.nodes.popLast(), set.operation == .setRegister else {
            preconditionFailure("a simple instruction sets a register, and does nothing behind that")
        }
        let register = UInt8(truncatingIfNeeded: set.immediate)
        known.registers[Int(register)] = skip.known.registers[Int(register)]
        let old = self.register(register)
        append(Node(.uncount, skip.condition.node))
        let value = select(skip.condition, old, Value(node: set.a))
        setRegister(register, value)
    }
}
