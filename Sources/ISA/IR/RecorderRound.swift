/// A loop of one block, recorded several times in a row: what is defined in one round need not be written down where the
/// next one defines it again.
extension Recorder {
    /// How many nodes there may be with another round.
    private static let unrolledNodes = 160
    private static let maximumRounds = 4

    /// Where the last instruction goes back to the block's beginning, has the block leave there in the other case, if there
    /// is one, and goes on with the first instruction again; false where it does not, or the block is long.
    public mutating func goRound() -> Bool {
        guard let jump = block.nodes.last, jump.operation == .branch || jump.operation == .jump, jump.immediate == 0
        else { return false }
        rounds += 1
        // A round more is as long as those before.
        guard rounds < Self.maximumRounds, block.nodes.count / rounds * (rounds + 1) <= Self.unrolledNodes else {
            return false
        }
        block.nodes.removeLast()
        if jump.operation == .branch {
            let condition = not(RecordedCondition(node: jump.a))
            append(Node(.branch, condition.node, immediate: UInt64(bitPattern: nextOffset)))
        }
        isClosed = false
        nextOffset = 0
        return true
    }
}
