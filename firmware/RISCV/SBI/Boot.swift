import RISCV

/// The boot hart's way from reset to the next stage.
@c public func boot(_ identifier: UInt64, _ treeAddress: UInt64, _ description: UInt64) -> Never {
    let hart = Hart.current
    let next = NextStage(describedAt: description)
    var tree = treeAddress
    if let blob = FlattenedDeviceTree(at: treeAddress, limit: Platform.treeLimit) {
        platform.read(blob)
        tree = reserveFirmware(in: blob, at: treeAddress)
    }
    for identifier in 0..<UInt64(HART_LIMIT) where identifier != hart.identifier {
        Hart(identifier)?.state = .stopped
    }
    hart.state = .started
    hart.prepare()
    if platform.wantsBanner { printBanner() }
    release_harts()
    for identifier in 0..<UInt64(HART_LIMIT) where identifier != hart.identifier {
        // An event without content: the hart looks up, finds itself released, and parks in `join`.
        Hart(identifier)?.raise(HartEvents())
    }

    guard next.mode == NextStage.supervisorMode else {
        fail("the next stage asks for privilege mode ", next.mode, ": only S-mode (1) is started")
    }
    var first: UInt64 = 0
    guard platform.isSupervisorMemory(next.address, count: 2), load_if_present(next.address & ~7, &first) else {
        fail("the next stage lies outside memory: ", next.address, "")
    }
    // Two zero bytes are an illegal instruction by definition: nothing was loaded.
    guard first >> (8 * (next.address & 6)) & 0xffff != 0 else {
        fail("there is nothing to start at ", next.address, ": load a kernel there")
    }
    hart.enter(next.address, opaque: tree)
}

/// What another hart does once memory is ready: wait to be started.
@c public func join(_ identifier: UInt64) -> Never {
    let hart = Hart.current
    hart.prepare()
    waitToBeStarted(hart)
}

/// The loader's description of the next stage: OpenSBI's `fw_dynamic` information, which QEMU passes in a2.
struct NextStage {
    static let magic: UInt64 = 0x4942_534f
    static let supervisorMode: UInt64 = 1

    var address = Platform.defaultNextStage
    var mode = NextStage.supervisorMode

    /// Reads magic, version, address and mode; keeps the defaults where there is no description, or one without an
    /// address.
    init(describedAt description: UInt64) {
        var word: UInt64 = 0
        guard description != 0, description & 7 == 0, load_if_present(description, &word), word == Self.magic,
            load_if_present(description &+ 8, &word), word >= 1, load_if_present(description &+ 16, &word), word != 0
        else { return }
        address = word
        if load_if_present(description &+ 24, &word) { mode = word }
    }
}

/// Adds the firmware's range to the tree as reserved, and returns where the tree then is. The tree stays where it was
/// if it can grow there: in memory, with only zeros behind it. Otherwise it moves between the firmware and the next
/// stage, where nothing is loaded.
func reserveFirmware(in tree: FlattenedDeviceTree, at address: UInt64) -> UInt64 {
    // SAFETY: the linker script sets this region aside.
    let scratch = UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: UInt(address_of_tree_scratch())), count: Int(size_of_tree_scratch()))
    let size = DeviceTreeEditor.reserve(
        Platform.firmware, name: "mmode_resv0@80000000", in: tree, scratch: scratch)
    guard let size else {
        Console.write("orrery-sbi: the device tree is malformed or too large; the firmware is not reserved in it\n")
        return address
    }
    guard size > 0 else { return address }

    let window = MemoryRange(base: 0x8010_0000, size: 0x10_0000)
    let grown = UInt64(size)
    var target = address
    let fitsInPlace =
        platform.isSupervisorMemory(address, count: grown)
        && isZero(from: address + UInt64(tree.bytes.count), to: address + grown)
    if !fitsInPlace {
        target = window.base
        guard grown <= window.size else { return address }
    }
    // SAFETY: `target` is memory that the checks above found free, or the old tree itself, which is no longer read.
    UnsafeMutableRawPointer(bitPattern: UInt(target))?.copyMemory(from: scratch.baseAddress!, byteCount: size)
    if let moved = FlattenedDeviceTree(at: target, limit: Platform.treeLimit) { platform.isa = isaString(of: moved) }
    return target
}

private func isZero(from start: UInt64, to end: UInt64) -> Bool {
    var address = start
    while address < end {
        if device_read8(address) != 0 { return false }
        address += 1
    }
    return true
}

private func isaString(of tree: FlattenedDeviceTree) -> PropertyValue? {
    var found: PropertyValue?
    tree.forEachNode { node in
        if found == nil, node.isNamed("cpu") { found = node.property("riscv,isa") }
    }
    return found
}

/// One line, if `/chosen` has `orrery,banner`.
private func printBanner() {
    Console.write("orrery-sbi 0.1: SBI 2.0, ")
    Console.decimal(UInt64(platform.hartMask.nonzeroBitCount))
    Console.write(platform.hartMask.nonzeroBitCount == 1 ? " hart" : " harts")
    if let isa = platform.isa {
        Console.write(", ")
        for index in 0..<isa.bytes.count where isa.bytes[index] != 0 { Console.put(isa.bytes[index]) }
    }
    Console.write("\n")
}

/// Says what is wrong and stops the machine as failed.
func fail(_ before: StaticString, _ value: UInt64, _ after: StaticString) -> Never {
    Console.write("orrery-sbi: ")
    Console.write(before)
    Console.hexadecimal(value)
    Console.write(after)
    Console.write("\n")
    Finisher.stop(.failure)
}

/// A trap of the firmware itself: it has no one to tell but the reader.
@c public func report_own_trap(_ cause: UInt64, _ pc: UInt64, _ value: UInt64) -> Never {
    Console.write("orrery-sbi: trap in the firmware: mcause ")
    Console.hexadecimal(cause, digits: 16)
    Console.write(" mepc ")
    Console.hexadecimal(pc, digits: 16)
    Console.write(" mtval ")
    Console.hexadecimal(value, digits: 16)
    Console.write(" hart ")
    Console.decimal(csr_read_mhartid())
    Console.write("\n")
    Finisher.stop(.failure)
}

/// SiFive's test finisher: the machine's power button.
enum Finisher {
    enum Outcome: UInt32 { case success = 0x5555, failure = 0x1_3333, reset = 0x7777 }

    static func stop(_ outcome: Outcome) -> Never {
        device_write32(platform.finisher, outcome.rawValue)
        while true { wait_for_interrupt() }
    }
}
