import RISCV

/// What the device tree says of the machine.
enum Machine {
    nonisolated(unsafe) private(set) static var tree: FlattenedDeviceTree? = nil
    /// Of the counter `time`, in a second.
    nonisolated(unsafe) private(set) static var frequency: UInt64 = 10_000_000
    nonisolated(unsafe) private(set) static var hasStimecmp = false
    nonisolated(unsafe) private(set) static var hasFloat = false
    nonisolated(unsafe) private(set) static var hartCount: UInt64 = 1
    nonisolated(unsafe) private(set) static var plic: PLIC? = nil
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
        hart(0).pointee.context = ~0
        guard let tree = FlattenedDeviceTree(at: treeAddress, limit: 0x20_0000) else { return }
        self.tree = tree
        var current: UInt64?
        tree.forEachNode { node in
            if node.depth == 1, node.isNamed("cpus"), let frequency = node.property("timebase-frequency") {
                self.frequency = max(frequency.number(at: 0, cells: frequency.cellCount), 1)
            }
            if node.property("device_type")?.contains("cpu") ?? false { current = addHart(node, bootHart: bootHart) }
            if let current, node.isCompatible(with: "riscv,cpu-intc") {
                hart(current).pointee.phandle = node.property("phandle")?.cell(0) ?? 0
            }
            if node.depth == 1, node.isNamed("chosen") { bootArguments = node.property("bootargs")?.bytes }
        }
        tree.forEachNode { node in
            if node.isCompatible(with: "riscv,plic0") || node.isCompatible(with: "sifive,plic-1.0.0"),
                plic == nil, let range = node.range()
            {
                plic = PLIC(base: range.base)
                findContexts(node)
            }
            if clock == nil, node.isCompatible(with: "google,goldfish-rtc") { clock = device(node) }
            if node.isCompatible(with: "ns16550a") || node.isCompatible(with: "ns16550") { Serial.found(node) }
        }
        Memory.discover(tree, treeAddress: treeAddress)
    }

    static func device(_ node: FlattenedDeviceTree.Node) -> Device? {
        guard let range = node.range() else { return nil }
        if let interrupts = node.property("interrupts") {
            return Device(base: range.base, source: source(interrupts, 0))
        }
        return Device(base: range.base, source: node.property("interrupts-extended")?.cell(1))
    }

    /// Of an interrupt, as the PLIC knows it from that cell on.
    static func source(_ specifier: PropertyValue, _ index: Int) -> UInt64? { specifier.cell(index) }

    /// Gives the hart an index: the boot hart is 0, the others follow in the order of the tree.
    private static func addHart(_ node: FlattenedDeviceTree.Node, bootHart: UInt64) -> UInt64? {
        if let status = node.property("status"), !status.contains("okay") { return nil }
        guard let reg = node.property("reg") else { return nil }
        let identifier = reg.number(at: 0, cells: node.addressCells)
        if identifier == bootHart {
            readExtensions(node)
            return 0
        }
        guard hartCount < UInt64(BASIC_HART_LIMIT) else { return nil }
        hart(hartCount).pointee.identifier = identifier
        hart(hartCount).pointee.context = ~0
        hartCount += 1
        return hartCount - 1
    }

    /// Of `riscv,isa-extensions`, a list, or else `riscv,isa`: single letters after rv64, then names after underscores.
    private static func readExtensions(_ node: FlattenedDeviceTree.Node) {
        if let list = node.property("riscv,isa-extensions") {
            hasStimecmp = list.contains("sstc")
            hasFloat = list.contains("d")
            return
        }
        guard let bytes = node.property("riscv,isa")?.bytes else { return }
        var start = 0
        for index in 0..<bytes.count where bytes[index] == 0x5f || bytes[index] == 0 {
            if start == 0 {
                for letter in 4..<max(index, 4) where bytes[letter] == 0x64 || bytes[letter] == 0x67 { hasFloat = true }
            } else if matches(bytes, start, index - start, "sstc") {
                hasStimecmp = true
            }
            start = index + 1
        }
    }

    /// The PLIC's contexts are numbered in the order of its `interrupts-extended`: (local controller, cause) each.
    private static func findContexts(_ node: FlattenedDeviceTree.Node) {
        let supervisorExternal: UInt64 = 9
        for index in 0..<hartCount { hart(index).pointee.context = ~0 }
        guard let list = node.property("interrupts-extended") else { return }
        for context in 0..<list.cellCount / 2 where list.cell(2 * context + 1) == supervisorExternal {
            for index in 0..<hartCount where hart(index).pointee.phandle == list.cell(2 * context) {
                hart(index).pointee.context = UInt64(context)
            }
        }
    }
}

/// Time by the counter `time`.
enum Clock {
    static var now: UInt64 { csr_read_time() }
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
        SBI.setTimer(deadline)
        csr_set_sie(Interrupt.timer)
        while now < deadline { wait_for_interrupt() }
        csr_clear_sie(Interrupt.timer)
        SBI.setTimer(~0)
    }
}

/// Bits of sie and sip, and of sstatus.
enum Interrupt {
    static let software: UInt64 = 1 << 1, timer: UInt64 = 1 << 5, external: UInt64 = 1 << 9
    /// sstatus.SIE.
    static let enable: UInt64 = 1 << 1

    static func turnOn() { csr_set_sstatus(enable) }
    static func turnOff() { csr_clear_sstatus(enable) }
    static func enableAll() { csr_set_sie(software | timer | external) }

    static func disableAll() {
        csr_write_sie(0)
        csr_clear_sip(software)
    }

    /// To each hart.
    static func sendToAll() { _ = SBI.call(SBI.interProcessor, 0, 0, ~0) }

    /// Takes whatever comes until the condition holds. WFI goes on for what is pending although interrupts are off, so
    /// nothing is missed between the question and the wait.
    static func take(milliseconds: UInt64 = 5000, until condition: () -> Bool) -> Bool {
        let start = Clock.now
        while !condition() {
            if Clock.now &- start > Clock.milliseconds(milliseconds) { return condition() }
            csr_set_sstatus(enable)
            csr_clear_sstatus(enable)
        }
        return true
    }

    /// Sleeps in WFI with interrupts off, but for these, until the condition holds. The timer ends it otherwise; whether
    /// it has come is asked of the clock, since not every machine shows it in sip.
    static func sleep(_ bits: UInt64, milliseconds: UInt64 = 1000, until condition: () -> Bool) -> Bool {
        let end = Clock.now + Clock.milliseconds(milliseconds)
        SBI.setTimer(end)
        csr_set_sie(timer | bits)
        while !condition(), Clock.now < end { wait_for_interrupt() }
        csr_clear_sie(timer | bits)
        SBI.setTimer(~0)
        return condition()
    }
}
