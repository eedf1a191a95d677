import RISCV

/// A guest that does its worst: what it does is random, but by its seed.
struct Hostile {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    /// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
    private mutating func random() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }

    private mutating func random(below limit: UInt64) -> UInt64 { limit == 0 ? 0 : (random() >> 16) % limit }

    /// Numbers that are often mishandled, and any others.
    private mutating func value() -> UInt64 {
        switch random(below: 6) {
        case 0: 0
        case 1: ~0
        case 2: 1 << random(below: 64)
        case 3: (1 << random(below: 64)) &- 1
        case 4: random(below: 256)
        default: random()
        }
    }

    /// So many actions, or as many as the machine stands.
    consuming func run(actions: UInt64?) {
        var left = actions ?? ~0
        csr_set_sstatus(Interrupt.enable)
        while left > 0 {
            // A storm of interrupts ends some time, or this hart would do nothing else for ever.
            set_hart_budget(Machine.thisHart, 64)
            csr_set_sie(Interrupt.software | Interrupt.timer | Interrupt.external)
            act()
            if actions != nil { left -= 1 }
        }
        csr_clear_sstatus(Interrupt.enable)
        csr_write_sie(0)
        set_hart_budget(Machine.thisHart, 0)
        Timer.isStorming = false
        SBI.setTimer(~0)
        csr_clear_sip(Interrupt.software)
    }

    private mutating func act() {
        switch random(below: 16) {
        case 0...6: accessDevice()
        case 7, 8: callFirmware()
        case 9: for _ in 0..<16 { _ = SBI.call(SBI.interProcessor, 0, 0, ~0) }
        case 10: storm()
        case 11: for _ in 0..<4 { _ = sbi_fence(random(below: 3), value(), ~0, value(), value(), value()) }
        case 12: accessNothing()
        case 13: _ = Attempt.run { try_illegal($0) }
        case 14: _ = Attempt.call(nothing())
        default: _ = Attempt.run { try_breakpoint($0) }
        }
    }

    /// A register of a device of the tree, at any width, aligned or not.
    private mutating func accessDevice() {
        var count: UInt64 = 0
        forEachDevice { _, _ in count += 1 }
        var chosen = random(below: count), range = MemoryRange(base: Memory.hole, size: 4096), endsMachine = false
        forEachDevice { node, device in
            if chosen == 0 {
                range = device
                endsMachine = node.isCompatible(with: "sifive,test0") || node.isCompatible(with: "syscon")
            }
            chosen &-= 1
        }
        // Registers are mostly at the beginning.
        let span = random(below: 4) == 0 ? range.size : min(range.size, 0x200)
        let width: UInt64 = 1 << random(below: 4)
        var offset = random(below: span)
        if random(below: 8) != 0 { offset &= ~(width - 1) }
        if random(below: 3) == 0 {
            _ = Attempt.load(range.base &+ offset, width: width)
            return
        }
        let written = value()
        // The end of the machine would be the end of the test: 0x5555, 0x3333 and 0x7777 (sifive_test).
        let word = written & 0xffff
        if endsMachine, word == 0x5555 || word == 0x3333 || word == 0x7777 { return }
        _ = Attempt.store(range.base &+ offset, written, width: width)
    }

    private func forEachDevice(_ visit: (FlattenedDeviceTree.Node, MemoryRange) -> Void) {
        Machine.tree?.forEachNode { node in
            guard node.depth > 0, node.property("compatible") != nil, node.sizeCells > 0, let range = node.range(),
                range.size > 0
            else { return }
            visit(node, range)
        }
    }

    /// Random calls, but for those that would end the machine or this hart.
    private mutating func callFirmware() {
        let extensions: InlineArray<8, UInt64> = [
            SBI.base, SBI.time, SBI.interProcessor, SBI.remoteFence, SBI.hartState, SBI.debugConsole, 0x0800_0000,
            0x50_4d55,
        ]
        let number = extensions[Int(random(below: 8))], stop: UInt64 = 1, suspend: UInt64 = 3
        let function = random(below: 4) == 0 ? value() : random(below: 8)
        if number == SBI.hartState, function == stop || function == suspend { return }
        // What the console is given to write stays short.
        let first = number == SBI.debugConsole ? value() & 0xff | random(below: 2) << 63 : value()
        // It may read only into a page of its own, or where there is nothing.
        let second = number == SBI.debugConsole && random(below: 2) == 0 ? address_of_basic_page(7) : nothing()
        _ = SBI.call(number, function, first, number == SBI.debugConsole ? second : value(), value())
    }

    /// Timer interrupts, each of which sets the next; or no more.
    private mutating func storm() {
        Timer.isStorming = random(below: 2) == 0
        SBI.setTimer(random(below: 2) == 0 ? 0 : Clock.now + random(below: 1000))
        if Machine.hasStimecmp { csr_write_stimecmp(value()) }
        csr_set_sip(Interrupt.software)
        if random(below: 4) == 0 {
            csr_clear_sstatus(Interrupt.enable)
            csr_set_sie(Interrupt.timer)
            SBI.setTimer(Clock.now + random(below: 1000))
            wait_for_interrupt()
            csr_set_sstatus(Interrupt.enable)
        }
    }

    /// An address that is neither memory nor a device.
    private mutating func nothing() -> UInt64 {
        let offset = random(below: 0x1_0000) << 3
        return random(below: 2) == 0 ? Memory.hole + offset & 0xff8 : 1 << 55 | random() >> 8 & ~7
    }

    private mutating func accessNothing() {
        let address = nothing()
        _ = random(below: 2) == 0 ? Attempt.load(address) : Attempt.store(address, value())
    }
}
