/// A driver of one queue of one virtio device, with one buffer at a time (Virtual I/O Device 1.2).
struct VirtIO {
    static let network: UInt32 = 1, block: UInt32 = 2, entropy: UInt32 = 4

    let registers: VirtIORegisters
    /// 0 or 1: pages 4 and 5 are the first one's, 8 and 9 the other's.
    private let queue: UInt32
    private let descriptors: UInt64
    private let size: UInt32 = 4
    private var available: UInt64 { descriptors + 64 }
    /// On the next page, where the legacy interface wants it.
    private var used: UInt64 { descriptors + 4096 }

    init(_ registers: VirtIORegisters, queue: UInt32 = 0) {
        self.registers = registers
        self.queue = queue
        descriptors = address_of_basic_page(queue == 0 ? 4 : 8)
    }

    /// Those that the machine has, behind memory and then on PCI, where each is given its memory first.
    static func forEach(_ visit: (VirtIO, Machine.Device) -> Void) {
        Machine.tree?.forEachNode { node in
            guard node.isCompatible(with: "virtio,mmio"), let device = Machine.device(node) else { return }
            let virtio = VirtIO(.memory(device.base))
            if virtio.registers.kind != 0 { visit(virtio, device) }
        }
        PCIHost.forEach { host in
            host.assign()
            host.forEachFunction { function in
                guard let structures = VirtIOStructures(function) else { return }
                visit(
                    VirtIO(.pci(structures)),
                    Machine.Device(base: structures.common, source: host.source(function)))
            }
        }
    }

    /// The device of the kind, by its place among those.
    static func find(_ kind: UInt32, _ place: UInt64 = 0) -> (virtio: VirtIO, device: Machine.Device)? {
        var found: (VirtIO, Machine.Device)?, seen: UInt64 = 0
        forEach { virtio, device in
            guard virtio.registers.kind == kind else { return }
            if seen == place { found = (virtio, device) }
            seen += 1
        }
        return found
    }

    func reset() { registers.status = 0 }

    /// Device initialization, with no feature but VERSION_1, and this queue.
    func setUp() -> Bool {
        guard begin(), setUpQueue() else { return false }
        run()
        return true
    }

    func begin() -> Bool {
        let acknowledge: UInt32 = 1, driver: UInt32 = 2, featuresOK: UInt32 = 8, version1: UInt64 = 1 << 32
        reset()
        registers.status = acknowledge
        registers.status = acknowledge | driver
        registers.setFeatures(version1)
        guard registers.version != 1 else { return true }
        registers.status = acknowledge | driver | featuresOK
        return registers.status & featuresOK != 0
    }

    func run() {
        let driverOK: UInt32 = 4
        registers.status |= driverOK
    }

    func setUpQueue() -> Bool {
        for word in 0..<UInt64(1024) { device_write64(descriptors + word * 8, 0) }
        guard registers.select(queue) >= size else { return false }
        registers.use(size: size, descriptors, available, used)
        return true
    }

    func describe(_ index: UInt64, _ address: UInt64, _ length: UInt32, isWritten: Bool = false, next: UInt16? = nil) {
        let descriptor = descriptors + index * 16
        device_write64(descriptor, address)
        device_write32(descriptor + 8, length)
        device_write16(descriptor + 12, (next == nil ? 0 : 1) | (isWritten ? 2 : 0))
        device_write16(descriptor + 14, next ?? 0)
    }

    /// Offers the chain that starts with descriptor 0. Whether it comes back, with the device's interrupt.
    func transfer(_ device: Machine.Device) -> Bool {
        let hart = Machine.thisHart
        let source = External.isPresent(hart) ? device.source : nil
        if let source { External.turnOn(hart, source) }
        offer()
        var done = Clock.wait { device_read16(used + 2) == 1 }
        // Where it can be asked for without taking the interrupt back.
        if !registers.areCausesTaken || source == nil {
            if !Clock.wait(milliseconds: 1000, until: { registers.causes & 1 != 0 }) { done = false }
        }
        if let source {
            if !Clock.wait(milliseconds: 1000, until: { External.isPending }) { done = false }
            if External.claim(hart) != source { done = false }
            if registers.areCausesTaken, registers.causes & 1 == 0 { done = false }
            registers.acknowledge(1)
            External.complete(hart, source)
            External.turnOff(hart, source)
        }
        return done
    }

    /// Offers the chain that starts with descriptor 0.
    func offer() {
        let index = device_read16(available + 2)
        device_write16(available + 4 + UInt64(index % UInt16(size)) * 2, 0)
        fence_memory()
        device_write16(available + 2, index &+ 1)
        fence_memory()
        registers.notify(queue)
    }

    /// Whether all that was offered has come back.
    var isIdle: Bool {
        let isIdle = device_read16(used + 2) == device_read16(available + 2)
        fence_memory()
        return isIdle
    }

    /// Of the last element of the used ring: bytes that the device wrote.
    var usedLength: UInt64 {
        UInt64(device_read32(used + 8 + UInt64((device_read16(used + 2) &- 1) % UInt16(size)) * 8))
    }
}
