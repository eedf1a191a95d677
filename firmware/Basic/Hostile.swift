/// A guest that does its worst: what it does is random, but by its seed.
struct Hostile {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    /// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
    mutating func random() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }

    mutating func random(below limit: UInt64) -> UInt64 { limit == 0 ? 0 : (random() >> 16) % limit }

    /// Numbers that are often mishandled, and any others.
    mutating func value() -> UInt64 {
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
        Interrupt.turnOn()
        while left > 0 {
            // A storm of interrupts ends some time, or this hart would do nothing else for ever.
            set_hart_budget(Machine.thisHart, 64)
            Interrupt.enableAll()
            act()
            if actions != nil { left -= 1 }
        }
        Interrupt.turnOff()
        Interrupt.disableAll()
        set_hart_budget(Machine.thisHart, 0)
        Timer.isStorming = false
        Timer.stop()
    }

    private mutating func act() {
        switch random(below: 16) {
        case 0...6: accessDevice()
        case 7, 8: callFirmware()
        case 9: for _ in 0..<16 { Interrupt.sendToAll() }
        case 10: storm()
        case 11: for _ in 0..<4 { fence() }
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
        var host: PCIHost?
        forEachDevice { node, device in
            if chosen == 0 {
                range = device
                host = PCIHost(node)
                endsMachine = node.isCompatible(with: "sifive,test0") || node.isCompatible(with: "syscon")
            }
            chosen &-= 1
        }
        // On PCI, sometimes, what it has done to a function does not hide the function's own registers.
        if let host, random(below: 8) == 0 { host.assign() }
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
            if let host = PCIHost(node) { visit(node, host.front) }
        }
    }

    /// An address that is neither memory nor a device.
    mutating func nothing() -> UInt64 {
        let offset = random(below: 0x1_0000) << 3
        return random(below: 2) == 0 ? Memory.hole + offset & 0xff8 : 1 << 55 | random() >> 8 & ~7
    }

    private mutating func accessNothing() {
        let address = nothing()
        _ = random(below: 2) == 0 ? Attempt.load(address) : Attempt.store(address, value())
    }
}
