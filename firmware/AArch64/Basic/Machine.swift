/// What the device tree says of the machine.
enum Machine {
    nonisolated(unsafe) private(set) static var tree: FlattenedDeviceTree? = nil
    /// Of the counter, in a second.
    static var frequency: UInt64 { max(read_cntfrq_el0(), 1) }
    static var hasFloat: Bool { true }
    nonisolated(unsafe) private(set) static var hartCount: UInt64 = 1
    nonisolated(unsafe) private(set) static var gic: GIC? = nil
    nonisolated(unsafe) private(set) static var clock: Device? = nil
    nonisolated(unsafe) private(set) static var bootArguments: UnsafeRawBufferPointer? = nil

    /// A device with one range of registers and at most one interrupt.
    struct Device {
        var base: UInt64
        var source: UInt64?
    }

    static func hart(_ index: UInt64) -> UnsafeMutablePointer<basic_hart> { basic_hart_record(index) }
    static var thisHart: UInt64 { thread_pointer() }

    static func discover(bootHart: UInt64, treeAddress: UInt64) {
        hart(0).pointee.identifier = bootHart
        guard let tree = FlattenedDeviceTree(at: treeAddress, limit: 0x20_0000) else { return }
        self.tree = tree
        tree.forEachNode { node in
            if node.property("device_type")?.contains("cpu") ?? false { addHart(node, bootHart: bootHart) }
            if node.depth == 1, node.isNamed("chosen") { bootArguments = node.property("bootargs")?.bytes }
            if gic == nil, node.isCompatible(with: "arm,cortex-a15-gic"), let distributor = node.range(),
                let interface = node.range(1)
            {
                gic = GIC(distributor: distributor.base, interface: interface.base, redistributors: nil)
            }
            if gic == nil, node.isCompatible(with: "arm,gic-v3"), let distributor = node.range(),
                let redistributors = node.range(1)
            {
                gic = GIC(distributor: distributor.base, interface: 0, redistributors: redistributors.base)
            }
            if clock == nil, node.isCompatible(with: "arm,pl031") { clock = device(node) }
            if node.isCompatible(with: "arm,pl011") { Serial.found(node) }
        }
        Memory.discover(tree, treeAddress: treeAddress)
        gic?.setUp()
    }

    static func device(_ node: FlattenedDeviceTree.Node) -> Device? {
        guard let range = node.range() else { return nil }
        return Device(base: range.base, source: node.property("interrupts").flatMap { source($0, 0) })
    }

    /// Of an interrupt, as the GIC knows it from that cell on. Shared interrupts have type 0 and are counted from 32 on
    /// (Devicetree bindings, arm,gic).
    static func source(_ specifier: PropertyValue, _ index: Int) -> UInt64? {
        specifier.cell(index) == 0 ? specifier.cell(index + 1) + GIC.firstShared : nil
    }

    /// Gives the CPU an index: the boot CPU is 0, the others follow in the order of the tree.
    private static func addHart(_ node: FlattenedDeviceTree.Node, bootHart: UInt64) {
        guard let reg = node.property("reg") else { return }
        let identifier = reg.number(at: 0, cells: node.addressCells)
        guard identifier != bootHart, hartCount < UInt64(BASIC_HART_LIMIT) else { return }
        hart(hartCount).pointee.identifier = identifier
        hartCount += 1
    }
}

/// Time by the virtual counter.
enum Clock {
    static var now: UInt64 { virtual_counter() }
    static func milliseconds(_ count: UInt64) -> UInt64 { Machine.frequency &* count / 1000 }
    static func microseconds(_ count: UInt64) -> UInt64 { Machine.frequency &* count / 1_000_000 }

    /// Whether the condition came true in this time.
    static func wait(milliseconds count: UInt64 = 5000, until condition: () -> Bool) -> Bool {
        let start = now
        while !condition() { if now &- start > milliseconds(count) { return condition() } }
        return true
    }

    /// Sleeps in WFI, with interrupts off: what is pending ends the wait, and stays pending.
    static func sleep(milliseconds count: UInt64) {
        let deadline = now + milliseconds(count)
        Timer.begin(deadline)
        while now < deadline { AArch64.wait() }
        Timer.stop()
    }
}

/// Interrupts as a whole: PSTATE.I.
enum Interrupt {
    static func turnOn() { enable_interrupts() }
    static func turnOff() { _ = disable_interrupts() }

    static func enableAll() {
        Machine.gic?.setEnabled(Timer.interrupt, true)
        if let source = Serial.source { External.turnOn(Machine.thisHart, source) }
        if let source = Machine.clock?.source { External.turnOn(Machine.thisHart, source) }
    }

    static func disableAll() {
        Machine.gic?.setEnabled(Timer.interrupt, false)
        if let source = Serial.source { External.turnOff(Machine.thisHart, source) }
        if let source = Machine.clock?.source { External.turnOff(Machine.thisHart, source) }
    }

    /// To each CPU.
    static func sendToAll() { Machine.gic?.send(0, to: 1 << Machine.hartCount - 1) }

    /// Takes whatever comes until the condition holds. WFI goes on for what is pending although interrupts are off, so
    /// nothing is missed between the question and the wait.
    static func take(milliseconds: UInt64 = 5000, until condition: () -> Bool) -> Bool {
        let start = Clock.now
        while !condition() {
            if Clock.now &- start > Clock.milliseconds(milliseconds) { return condition() }
            turnOn()
            turnOff()
        }
        return true
    }

    /// Sleeps in WFI with interrupts off until the condition holds. The timer ends it otherwise, and its interrupt is taken
    /// out of account.
    static func sleep(milliseconds: UInt64 = 1000, until condition: () -> Bool) -> Bool {
        let end = Clock.now + Clock.milliseconds(milliseconds)
        Timer.begin(end)
        while !condition(), Clock.now < end { AArch64.wait() }
        Timer.stop()
        return condition()
    }
}
