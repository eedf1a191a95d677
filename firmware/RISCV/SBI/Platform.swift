import RISCV

/// Where things are: QEMU's `virt` memory map unless the device tree says otherwise.
struct Platform {
    /// What the firmware keeps for itself: the reserved range, and the first PMP entry.
    static let firmware = MemoryRange(base: 0x8000_0000, size: 0x8_0000)
    /// Where the next stage starts when nobody says: the firmware's own 2 MiB are left alone.
    static let defaultNextStage: UInt64 = 0x8020_0000
    /// A device tree larger than this is refused.
    static let treeLimit = 0x10_0000

    var console: UInt64 = 0x1000_0000
    var consoleShift: UInt64 = 0
    var interruptor: UInt64 = 0x0200_0000
    var finisher: UInt64 = 0x0010_0000
    /// Harts that can be started: those with identifiers below `HART_LIMIT` that the tree does not disable.
    var hartMask: UInt64 = 1
    var memory = InlineArray<8, MemoryRange>(repeating: MemoryRange(base: 0, size: 0))
    var memoryCount = 0
    /// `riscv,isa` of the first hart, inside the tree.
    var isa: PropertyValue?
    var wantsBanner = false

    /// Reads a device tree: memory, harts, console, CLINT and the test finisher.
    mutating func read(_ tree: FlattenedDeviceTree) {
        var found = self
        found.hartMask = 0
        var consoleFound = false
        tree.forEachNode { node in
            if node.property("device_type")?.contains("memory") == true, let range = node.range() {
                if found.memoryCount < found.memory.count {
                    found.memory[found.memoryCount] = range
                    found.memoryCount += 1
                }
            } else if node.property("device_type")?.contains("cpu") == true, node.isNamed("cpu") {
                let disabled = node.property("status")?.contains("disabled") ?? false
                if let reg = node.property("reg"), !disabled {
                    let identifier = reg.number(at: 0, cells: node.addressCells)
                    if identifier < UInt64(HART_LIMIT) { found.hartMask |= 1 << identifier }
                }
                if found.isa == nil { found.isa = node.property("riscv,isa") }
            } else if node.isCompatible(with: "ns16550a") || node.isCompatible(with: "ns16550"), !consoleFound {
                if let range = node.range() {
                    found.console = range.base
                    found.consoleShift = node.property("reg-shift").map { $0.cell(0) & 7 } ?? 0
                    consoleFound = true
                }
            } else if node.isCompatible(with: "riscv,clint0") || node.isCompatible(with: "sifive,clint0") {
                if let range = node.range() { found.interruptor = range.base }
            } else if node.isCompatible(with: "sifive,test0") || node.isCompatible(with: "sifive,test1") {
                if let range = node.range() { found.finisher = range.base }
            } else if node.depth == 1, node.isNamed(exactly: "chosen") {
                found.wantsBanner = node.property("orrery,banner") != nil
            }
        }
        found.hartMask |= 1
        self = found
    }

    /// Whether supervisor code may name this memory to us: it is memory, and not ours.
    func isSupervisorMemory(_ address: UInt64, count: UInt64) -> Bool {
        if Self.firmware.overlaps(address, count: count) { return false }
        for index in 0..<memoryCount where memory[index].contains(address, count: count) { return true }
        // Without a device tree nothing is known about memory; the firmware's own bounds are all there is to check.
        return memoryCount == 0
    }
}

/// Written once by the boot hart before any other hart runs Swift code.
nonisolated(unsafe) var platform = Platform()

/// The serial port, a 16550.
enum Console: TextSink {
    private static let data: UInt64 = 0, lineStatus: UInt64 = 5
    private static let received: UInt8 = 0x01, transmitterEmpty: UInt8 = 0x20
    /// Polls before a byte that does not leave is given up; a port without a listener must not stop the machine.
    private static let patience = 100_000

    private static func register(_ index: UInt64) -> UInt64 { platform.console &+ index << platform.consoleShift }

    /// Sends one byte; false if the port stayed busy.
    static func send(_ byte: UInt8) -> Bool {
        var polls = 0
        while device_read8(register(lineStatus)) & transmitterEmpty == 0 {
            polls += 1
            if polls == patience { return false }
        }
        device_write8(register(data), byte)
        return true
    }

    /// A byte that has arrived.
    static func receive() -> UInt8? {
        device_read8(register(lineStatus)) & received != 0 ? device_read8(register(data)) : nil
    }

    static func put(_ byte: UInt8) { _ = send(byte) }
}
