/// The platform-level interrupt controller.
///
/// "RISC-V Platform-Level Interrupt Controller Specification", version 1.0.0; the device tree's `riscv,plic0`. Interrupt
/// sources are level-sensitive wires into a gateway each. A context is one privilege mode of one hart; its output is the
/// external interrupt wire of that mode.
///
/// A gateway (chapter 6) forwards one request, which shows as a pending bit, and no more until a context has completed
/// it. A request once forwarded stays although the wire falls. On completion a wire that is still high is forwarded
/// again.
public final class PLIC: Device, InterruptSink {
    /// The register map of chapter 3.
    enum Block {
        /// One word a source; source 0 does not exist.
        static let priorities: Range<UInt64> = 0x00_0000..<0x00_1000
        /// One bit a source.
        static let pending: Range<UInt64> = 0x00_1000..<0x00_1080
        /// One bit a source, 0x80 bytes a context.
        static let enables: Range<UInt64> = 0x00_2000..<0x1f_2000
        static let enableStride: UInt64 = 0x80
        /// Threshold, then claim/complete, 0x1000 bytes a context.
        static let contexts: Range<UInt64> = 0x20_0000..<0x400_0000
        static let contextStride: UInt64 = 0x1000
    }

    enum ContextRegister: UInt64 {
        case threshold = 0x0
        case claimComplete = 0x4
    }

    public let name: String
    /// Sources 1 to `sources` - 1 exist.
    public let sources: Int
    private let outputs: [InterruptLine]
    /// Priorities are WARL and have this many bits: 0 (never) to 7.
    private static let priorityMask: UInt32 = 7

    private var priorities: [UInt8]
    /// The level of each source's wire.
    private var levels: [UInt32]
    /// Requests that gateways have forwarded and nobody has claimed.
    private var pending: [UInt32]
    /// Gateways that wait for a completion.
    private var claimed: [UInt32]
    /// Enable words, context by context.
    private var enables: [UInt32]
    private var thresholds: [UInt8]
    private let words: Int
    /// Told of each source that is claimed; nil where nobody asks.
    var acknowledged: ((UInt32) -> Void)?

    /// - Parameters:
    ///   - sources: number of sources, the absent source 0 included: at most 1024.
    ///   - outputs: the external interrupt line of each context; by custom machine, then supervisor mode of each hart.
    public init(name: String, sources: Int = 96, outputs: [InterruptLine]) {
        precondition((2...1024).contains(sources) && outputs.count <= 15872, "a PLIC has at most 1024 sources")
        self.name = name
        self.sources = sources
        self.outputs = outputs
        words = (sources + 31) / 32
        priorities = Array(repeating: 0, count: sources)
        levels = Array(repeating: 0, count: words)
        pending = Array(repeating: 0, count: words)
        claimed = Array(repeating: 0, count: words)
        enables = Array(repeating: 0, count: words * outputs.count)
        thresholds = Array(repeating: 0, count: outputs.count)
    }

    public func reset() {
        for index in priorities.indices { priorities[index] = 0 }
        for index in enables.indices { enables[index] = 0 }
        for index in thresholds.indices { thresholds[index] = 0 }
        // Wires keep their level, so a gateway whose wire is high forwards it anew.
        for word in 0..<words {
            pending[word] = levels[word]
            claimed[word] = 0
        }
        update()
    }

    // MARK: Sources

    public func setLine(_ number: Int, _ level: Bool) {
        guard number > 0, number < sources else { return }
        let (word, bit) = (number / 32, UInt32(1) << (number % 32))
        if level {
            levels[word] |= bit
            forward(word, bit)
            update()
        } else {
            levels[word] &= ~bit
        }
    }

    private func forward(_ word: Int, _ bit: UInt32) {
        if claimed[word] & bit == 0 { pending[word] |= bit }
    }

    /// The pending and enabled source of highest priority above `threshold`; the lowest number wins a tie.
    private func best(_ context: Int, above threshold: UInt8) -> Int {
        var (source, highest) = (0, threshold)
        for word in 0..<words {
            var candidates = pending[word] & enables[context * words + word]
            while candidates != 0 {
                let number = word * 32 + candidates.trailingZeroBitCount
                candidates &= candidates - 1
                if priorities[number] > highest { (source, highest) = (number, priorities[number]) }
            }
        }
        return source
    }

    private func update() {
        for context in outputs.indices {
            outputs[context].set(best(context, above: thresholds[context]) != 0)
        }
    }

    /// Hands the best pending source to `context`, whatever its threshold (chapter 8).
    private func claim(_ context: Int) -> Int {
        let source = best(context, above: 0)
        guard source != 0 else { return 0 }
        let (word, bit) = (source / 32, UInt32(1) << (source % 32))
        pending[word] &= ~bit
        claimed[word] |= bit
        update()
        acknowledged?(UInt32(source))
        return source
    }

    /// Ends the service of `source`. A source that is not enabled for the context is ignored (chapter 9).
    private func complete(_ context: Int, _ source: UInt64) {
        guard source > 0, source < UInt64(sources) else { return }
        let (word, bit) = (Int(source) / 32, UInt32(1) << (source % 32))
        guard enables[context * words + word] & bit != 0 else { return }
        claimed[word] &= ~bit
        if levels[word] & bit != 0 { forward(word, bit) }
        update()
    }

    // MARK: Registers

    /// Which enable word an offset names, if it exists.
    private func enableIndex(_ offset: UInt64) -> (index: Int, word: Int)? {
        let relative = offset - Block.enables.lowerBound
        let context = Int(relative / Block.enableStride)
        let word = Int(relative % Block.enableStride / 4)
        guard context < outputs.count, word < words else { return nil }
        return (context * words + word, word)
    }

    private func contextRegister(_ offset: UInt64) -> (context: Int, register: ContextRegister)? {
        let relative = offset - Block.contexts.lowerBound
        let context = Int(relative / Block.contextStride)
        guard context < outputs.count, let register = ContextRegister(rawValue: relative % Block.contextStride) else {
            return nil
        }
        return (context, register)
    }

    /// Registers are 32 bits wide. Reserved ones read zero and ignore writes.
    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        try requireAligned(offset, size: size, width: 4)
        switch offset {
        case Block.priorities:
            let source = Int(offset / 4)
            return source < sources ? UInt64(priorities[source]) : 0
        case Block.pending:
            let word = Int((offset - Block.pending.lowerBound) / 4)
            return word < words ? UInt64(pending[word]) : 0
        case Block.enables:
            return enableIndex(offset).map { UInt64(enables[$0.index]) } ?? 0
        case Block.contexts:
            switch contextRegister(offset) {
            case (let context, .threshold)?: return UInt64(thresholds[context])
            case (let context, .claimComplete)?: return UInt64(claim(context))
            case nil: return 0
            }
        default: return 0
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        try requireAligned(offset, size: size, width: 4)
        let value = UInt32(truncatingIfNeeded: value)
        switch offset {
        case Block.priorities:
            let source = Int(offset / 4)
            guard source > 0, source < sources else { return }
            priorities[source] = UInt8(value & Self.priorityMask)
            update()
        case Block.enables:
            guard let (index, word) = enableIndex(offset) else { return }
            enables[index] = value & existing(word)
            update()
        case Block.contexts:
            switch contextRegister(offset) {
            case (let context, .threshold)?:
                thresholds[context] = UInt8(value & Self.priorityMask)
                update()
            case (let context, .claimComplete)?: complete(context, UInt64(value))
            case nil: return
            }
        default: return  // pending bits are read-only
        }
    }

    /// The bits of `word` whose sources exist.
    private func existing(_ word: Int) -> UInt32 {
        var mask: UInt32 = word == 0 ? ~1 : ~0
        let count = sources - word * 32
        if count < 32 { mask &= (1 << UInt32(count)) - 1 }
        return mask
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("priorities", &priorities, count: sources)
        visitor.field("levels", &levels)
        visitor.field("pending", &pending)
        visitor.field("claimed", &claimed)
        visitor.field("enables", &enables)
        visitor.field("thresholds", &thresholds, count: outputs.count)
        // A source that is not there has no priority to look at.
        for word in 0..<words where (levels[word] | pending[word] | claimed[word]) & ~existing(word) != 0 {
            visitor.refuse("a set of sources that exist", of: "pending")
            levels[word] &= existing(word)
            pending[word] &= existing(word)
            claimed[word] &= existing(word)
        }
        for output in outputs { output.describeState(&visitor) }
    }
}
