/// A platform-level interrupt controller (RISC-V PLIC specification 1.0).
public final class PLICEmulator: EmulatedDevice, GuestInterruptController {
    public static var emulator: Emulator {
        Emulator("plic", compatible: ["sifive,plic-1.0.0", "riscv,plic0", "sifive,plic0"]) { (context) in
            // Two contexts a hart, of which the second is the supervisor's, as boards have it.
            let external = context.region.node.u32("parent_irq") ?? 10
            let plic = PLICEmulator(
                targets: context.guest.vcpus.flatMap { [nil, ($0, Int(external))] },
                interrupts: context.guest.interrupts)
            context.guest.interrupts.controller = plic
            return plic
        }
    }

    private static let priorities: UInt64 = 0, pendingBits: UInt64 = 0x1000, enables: UInt64 = 0x2000
    private static let contextRegisters: UInt64 = 0x20_0000, end: UInt64 = 0x400_0000
    private static let words = 32

    /// A target: a privilege of a hart.
    private struct Context {
        var enabled = InlineArray<32, UInt32>(repeating: 0)
        var threshold: UInt32 = 0
    }

    /// For each context the VCPU that it interrupts, and on which of its lines; nil where that level is not the guest's.
    private let targets: [(vcpu: VCPUReference, line: Int)?]
    private let interrupts: Unmanaged<GuestInterrupts>
    private let lock = SpinLock()
    private var contexts: [Context]
    private var priority = [UInt32](repeating: 0, count: 1024)
    private var level = InlineArray<32, UInt32>(repeating: 0)
    private var pending = InlineArray<32, UInt32>(repeating: 0)
    private var claimed = InlineArray<32, UInt32>(repeating: 0)
    /// What each context's line was last set to.
    private var raised: [Bool]
    /// Words in which anything is pending: most guests use one.
    private var pendingWords: UInt32 = 0

    /// - Parameter interrupts: of the guest, which outlive it.
    public init(targets: [(vcpu: VCPUReference, line: Int)?], interrupts: GuestInterrupts) {
        self.targets = targets
        self.interrupts = .passUnretained(interrupts)
        contexts = [Context](repeating: Context(), count: targets.count)
        raised = [Bool](repeating: false, count: targets.count)
    }

    public func reset() {
        lock.withLock {
            for index in contexts.indices { contexts[index] = Context() }
            for index in priority.indices { priority[index] = 0 }
            level = InlineArray(repeating: 0)
            pending = InlineArray(repeating: 0)
            claimed = InlineArray(repeating: 0)
            pendingWords = 0
            update()
        }
    }

    public func set(_ line: Int, _ high: Bool) {
        guard line > 0, line < 1024 else { return }
        lock.withLock {
            let (word, bit) = (line / 32, UInt32(1) << UInt32(line % 32))
            if high { level[word] |= bit } else { level[word] &= ~bit }
            if high && claimed[word] & bit == 0 {
                setPending(word, bit, true)
                update()
            } else if !high && pending[word] & bit != 0 {
                setPending(word, bit, false)
                update()
            }
        }
    }

    private func setPending(_ word: Int, _ bit: UInt32, _ value: Bool) {
        if value { pending[word] |= bit } else { pending[word] &= ~bit }
        let wordBit = UInt32(1) << UInt32(word)
        if pending[word] != 0 { pendingWords |= wordBit } else { pendingWords &= ~wordBit }
    }

    /// The most important interrupt that is pending and enabled for the context, above its threshold. Of equals, the least number.
    private func best(_ context: Int) -> Int? {
        var (found, highest): (Int?, UInt32) = (nil, contexts[context].threshold)
        var words = pendingWords
        while words != 0 {
            let word = words.trailingZeroBitCount
            words &= words - 1
            var bits = pending[word] & contexts[context].enabled[word]
            while bits != 0 {
                let number = word * 32 + bits.trailingZeroBitCount
                bits &= bits - 1
                if priority[number] > highest { (found, highest) = (number, priority[number]) }
            }
        }
        return found
    }

    private func update() {
        for index in targets.indices {
            guard let target = targets[index] else { continue }
            let new = best(index) != nil
            guard new != raised[index] else { continue }
            raised[index] = new
            target.vcpu.set(line: Port.line(target.line), new)
        }
    }

    // MARK: Registers

    public func read(_ offset: UInt64, width: Int) -> UInt64 {
        guard width == 4, offset & 3 == 0 else { return 0 }
        return lock.withLock { UInt64(register(offset)) }
    }

    private func register(_ offset: UInt64) -> UInt32 {
        switch offset {
        case Self.priorities..<Self.pendingBits: return priority[Int(offset / 4)]
        case Self.pendingBits..<Self.enables:
            let word = Int((offset - Self.pendingBits) / 4)
            return word < Self.words ? pending[word] : 0
        case Self.enables..<Self.contextRegisters:
            guard let (context, word) = enablePlace(offset) else { return 0 }
            return contexts[context].enabled[word]
        case Self.contextRegisters..<Self.end:
            guard let (context, register) = contextPlace(offset) else { return 0 }
            return register == 0 ? contexts[context].threshold : register == 4 ? claim(context) : 0
        default: return 0
        }
    }

    public func write(_ offset: UInt64, width: Int, value: UInt64) {
        guard width == 4, offset & 3 == 0 else { return }
        let value = UInt32(truncatingIfNeeded: value)
        lock.withLock {
            switch offset {
            case 4..<Self.pendingBits: priority[Int(offset / 4)] = value & 7
            case Self.enables..<Self.contextRegisters:
                guard let (context, word) = enablePlace(offset) else { return }
                contexts[context].enabled[word] = word == 0 ? value & ~1 : value
            case Self.contextRegisters..<Self.end:
                guard let (context, register) = contextPlace(offset) else { return }
                if register == 0 { contexts[context].threshold = value & 7 }
                if register == 4 { complete(context, Int(value)) }
            default: return
            }
            update()
        }
    }

    private func enablePlace(_ offset: UInt64) -> (context: Int, word: Int)? {
        let (context, word) = (Int((offset - Self.enables) / 0x80), Int((offset & 0x7f) / 4))
        return context < contexts.count ? (context, word) : nil
    }

    private func contextPlace(_ offset: UInt64) -> (context: Int, register: UInt64)? {
        let context = Int((offset - Self.contextRegisters) / 0x1000)
        return context < contexts.count ? (context, offset & 0xfff) : nil
    }

    private func claim(_ context: Int) -> UInt32 {
        guard let number = best(context) else { return 0 }
        let (word, bit) = (number / 32, UInt32(1) << UInt32(number % 32))
        claimed[word] |= bit
        setPending(word, bit, false)
        update()
        return UInt32(number)
    }

    private func complete(_ context: Int, _ number: Int) {
        guard number > 0, number < 1024 else { return }
        let (word, bit) = (number / 32, UInt32(1) << UInt32(number % 32))
        guard claimed[word] & bit != 0, contexts[context].enabled[word] & bit != 0 else { return }
        claimed[word] &= ~bit
        interrupts._withUnsafeGuaranteedRef { interrupts in
            guard interrupts.isPassed(number) else { return }
            level[word] &= ~bit
            interrupts.complete(number)
        }
        // A level that is still high is another interrupt.
        if level[word] & bit != 0 { setPending(word, bit, true) }
    }
}
