import ISA

/// Makes translated code give up where it need not, so that tests take all ways out of it: every access goes to the slow
/// path first, code is left at the head of some block soon after it was entered, and all of it is thrown away again and
/// again.
///
/// When that happens follows from nothing but how often code was entered, so that a run can be repeated.
final class FaultInjection {
    /// Heads of blocks that may still be passed. Translated code counts down, and leaves when that goes below 0.
    let blocksLeft: UnsafeMutablePointer<Int32>
    private var entriesLeft = 0
    /// The state of a xorshift generator (Marsaglia, "Xorshift RNGs"): any number but 0.
    private var random: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// Code is translated when it is come to so often: it does not live long enough to become hot.
    static let threshold = 2

    init() {
        blocksLeft = .allocate(capacity: 1)
        blocksLeft.initialize(to: 0)
    }

    deinit {
        blocksLeft.deallocate()
    }

    private func next(below bound: UInt64) -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return (random >> 32) % bound
    }

    /// Before translated code is entered. True when all code is to be thrown away first: after 1 to 2048 entries, as often
    /// after a few as after many.
    func isFlushDue() -> Bool {
        blocksLeft.pointee = Int32(truncatingIfNeeded: next(below: 8))
        entriesLeft -= 1
        guard entriesLeft < 0 else { return false }
        entriesLeft = 1 << Int(next(below: 12))
        return true
    }
}

extension X64.Generator {
    /// At the head of a block, where temporary registers are free.
    mutating func countBlock() {
        guard blocksLeft != nil else { return }
        count(stub(.outOfBudget, at: block.address, refund: 0), nil)
    }

    /// Counts a block, and goes to `out` where no more may be passed.
    /// - Parameter flags: what is needed for the flags there.
    mutating func count(_ out: Label, _ flags: FlagsRecipe?) {
        guard let blocksLeft else { return }
        let free = Role.temporaries.first { register in !(flags?.needs(register) ?? false) }
        guard let free else { return }
        assembler.move(free, constant: UInt64(blocksLeft))
        assembler.arithmetic(.subtract, .memory(Memory(free)), constant: 1, .word)
        assembler.jump(if: .sign, out)
    }
}
