/// A driver of one queue of one virtio device, with one buffer at a time (Virtual I/O Device 1.2: Virtio over MMIO).
struct VirtIO {
    static let magic: UInt64 = 0x00, versionRegister: UInt64 = 0x04, deviceIdentifier: UInt64 = 0x08
    static let network: UInt32 = 1, block: UInt32 = 2, entropy: UInt32 = 4

    private static let driverFeatures: UInt64 = 0x20, driverFeaturesSelect: UInt64 = 0x24, pageSize: UInt64 = 0x28
    private static let queueSelect: UInt64 = 0x30, queueSizeLimit: UInt64 = 0x34, queueSize: UInt64 = 0x38
    private static let queueAlign: UInt64 = 0x3c, queuePage: UInt64 = 0x40, queueReady: UInt64 = 0x44
    private static let notify: UInt64 = 0x50, interruptStatus: UInt64 = 0x60, interruptAcknowledge: UInt64 = 0x64
    private static let status: UInt64 = 0x70, descriptorArea: UInt64 = 0x80, driverArea: UInt64 = 0x90
    private static let deviceArea: UInt64 = 0xa0

    let base: UInt64
    /// 0 or 1: pages 4 and 5 are the first one's, 8 and 9 the other's.
    private let queue: UInt32
    private let descriptors: UInt64
    private let size: UInt32 = 4
    private var available: UInt64 { descriptors + 64 }
    /// On the next page, where the legacy interface wants it.
    private var used: UInt64 { descriptors + 4096 }

    init(base: UInt64, queue: UInt32 = 0) {
        self.base = base
        self.queue = queue
        descriptors = address_of_basic_page(queue == 0 ? 4 : 8)
    }

    var version: UInt32 { read(Self.versionRegister) }
    func read(_ register: UInt64) -> UInt32 { device_read32(base + register) }
    private func write(_ register: UInt64, _ value: UInt32) { device_write32(base + register, value) }
    private func write(_ register: UInt64, address: UInt64) {
        write(register, UInt32(truncatingIfNeeded: address))
        write(register + 4, UInt32(truncatingIfNeeded: address >> 32))
    }

    func reset() { write(Self.status, 0) }

    /// Device initialization, with no feature but VERSION_1, and this queue.
    func setUp() -> Bool {
        guard begin(), setUpQueue() else { return false }
        run()
        return true
    }

    func begin() -> Bool {
        let acknowledge: UInt32 = 1, driver: UInt32 = 2, featuresOK: UInt32 = 8
        reset()
        write(Self.status, acknowledge)
        write(Self.status, acknowledge | driver)
        write(Self.driverFeaturesSelect, 0)
        write(Self.driverFeatures, 0)
        guard version != 1 else { return true }
        write(Self.driverFeaturesSelect, 1)
        write(Self.driverFeatures, 1)
        write(Self.status, acknowledge | driver | featuresOK)
        return read(Self.status) & featuresOK != 0
    }

    func run() {
        let driverOK: UInt32 = 4
        write(Self.status, read(Self.status) | driverOK)
    }

    func setUpQueue() -> Bool {
        let isLegacy = version == 1
        for word in 0..<UInt64(1024) { device_write64(descriptors + word * 8, 0) }
        write(Self.queueSelect, queue)
        guard read(Self.queueSizeLimit) >= size else { return false }
        if isLegacy { write(Self.pageSize, 4096) }
        write(Self.queueSize, size)
        if isLegacy {
            write(Self.queueAlign, 4096)
            write(Self.queuePage, UInt32(truncatingIfNeeded: descriptors >> 12))
        } else {
            write(Self.descriptorArea, address: descriptors)
            write(Self.driverArea, address: available)
            write(Self.deviceArea, address: used)
            write(Self.queueReady, 1)
        }
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
        if !Clock.wait(milliseconds: 1000, until: { read(Self.interruptStatus) & 1 != 0 }) { done = false }
        if let source {
            if !Clock.wait(milliseconds: 1000, until: { External.isPending }) { done = false }
            if External.claim(hart) != source { done = false }
            write(Self.interruptAcknowledge, 1)
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
        write(Self.notify, queue)
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
