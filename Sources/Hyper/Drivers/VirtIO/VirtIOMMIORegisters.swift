/// Registers of a VirtIO device behind memory (VirtIO 1.2, Virtio Over MMIO): of version 2, or of version 1, the legacy
/// interface.
final class VirtIOMMIORegisters: VirtIODriverRegisters {
    /// MMIO Device Register Layout, and Legacy interface.
    private enum Register {
        static let magic: UInt64 = 0x000, version: UInt64 = 0x004, device: UInt64 = 0x008
        static let deviceFeatures: UInt64 = 0x010, deviceFeaturesSelect: UInt64 = 0x014
        static let driverFeatures: UInt64 = 0x020, driverFeaturesSelect: UInt64 = 0x024
        static let queueSelect: UInt64 = 0x030, queueSizeMaximum: UInt64 = 0x034, queueSize: UInt64 = 0x038
        static let queueReady: UInt64 = 0x044, queueNotify: UInt64 = 0x050
        static let interruptStatus: UInt64 = 0x060, interruptAcknowledge: UInt64 = 0x064, status: UInt64 = 0x070
        static let descriptorArea: UInt64 = 0x080, driverArea: UInt64 = 0x090, deviceArea: UInt64 = 0x0a0
        static let configurationGeneration: UInt64 = 0x0fc, configuration: UInt64 = 0x100
        /// Of the legacy interface alone.
        static let pageSize: UInt64 = 0x028, queueAlignment: UInt64 = 0x03c, queuePage: UInt64 = 0x040
    }

    private static let magic: UInt32 = 0x7472_6976

    private let base: UInt64
    let interrupts: [VirtIODriverInterrupt]
    let isLegacy: Bool
    let deviceType: UInt32
    let configuration: MemoryRange

    init(_ node: DeviceTreeNode) throws(HyperError) {
        guard let registers = try node.registers().first, registers.size >= Register.configuration else {
            throw node.wrong("reg", "must have the 0x100 bytes of VirtIO's registers")
        }
        guard let interrupt = try node.interrupts().first?.number else {
            throw node.wrong("interrupts", "must name the device's interrupt")
        }
        base = registers.base
        configuration = MemoryRange(
            base: registers.base + Register.configuration, size: registers.size - Register.configuration)
        interrupts = [VirtIODriverInterrupt(number: interrupt)]
        func read(_ register: UInt64) -> UInt32 {
            UInt32(truncatingIfNeeded: Port.readDevice(registers.base + register, width: 4))
        }
        guard read(Register.magic) == Self.magic else {
            throw HyperError("\(node.path): there is no VirtIO device: its first word is \(hex: UInt64(read(0)))")
        }
        let version = read(Register.version)
        guard version == 1 || version == 2 else {
            throw HyperError(
                "\(node.path): version \(UInt64(version)) of VirtIO's registers is not known: there are 1 and 2")
        }
        isLegacy = version == 1
        deviceType = read(Register.device)
    }

    private func read(_ register: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: Port.readDevice(base + register, width: 4))
    }
    private func write(_ register: UInt64, _ value: UInt32) {
        Port.writeDevice(base + register, width: 4, UInt64(value))
    }
    private func write(_ register: UInt64, address: UInt64) {
        write(register, UInt32(truncatingIfNeeded: address))
        write(register + 4, UInt32(truncatingIfNeeded: address >> 32))
    }

    var status: UInt32 {
        get { read(Register.status) }
        set { write(Register.status, newValue) }
    }

    func offeredFeatures() -> UInt64 {
        (0..<UInt64(2)).reduce(0) {
            write(Register.deviceFeaturesSelect, UInt32($1))
            return $0 | UInt64(read(Register.deviceFeatures)) << (32 * $1)
        }
    }

    func setFeatures(_ features: UInt64) {
        for half in 0..<UInt64(2) {
            write(Register.driverFeaturesSelect, UInt32(half))
            write(Register.driverFeatures, UInt32(truncatingIfNeeded: features >> (32 * half)))
        }
        if isLegacy { write(Register.pageSize, 4096) }
    }

    func select(_ queue: Int) -> (isUsed: Bool, maximum: Int) {
        write(Register.queueSelect, UInt32(queue))
        let isUsed = read(isLegacy ? Register.queuePage : Register.queueReady) != 0
        return (isUsed, isUsed ? 0 : Int(read(Register.queueSizeMaximum)))
    }

    func use(_ queue: DriverVirtqueue) -> Bool {
        write(Register.queueSize, UInt32(queue.size))
        guard isLegacy else {
            write(Register.descriptorArea, address: queue.descriptorArea)
            write(Register.driverArea, address: queue.driverArea)
            write(Register.deviceArea, address: queue.deviceArea)
            write(Register.queueReady, 1)
            return true
        }
        write(Register.queueAlignment, 4096)
        guard let page = UInt32(exactly: queue.descriptorArea >> 12) else { return false }
        write(Register.queuePage, page)
        return true
    }

    func notify(_ queue: DriverVirtqueue) { write(Register.queueNotify, UInt32(queue.index)) }

    func takeCauses() -> UInt32 {
        let causes = read(Register.interruptStatus)
        if causes != 0 { write(Register.interruptAcknowledge, causes) }
        return causes
    }

    var configurationGeneration: UInt32 { isLegacy ? 0 : read(Register.configurationGeneration) }
}

extension VirtIODriverTransport {
    /// Of a device behind memory, as the host's tree has it.
    public convenience init(_ node: DeviceTreeNode) throws(HyperError) {
        self.init(node.path, try VirtIOMMIORegisters(node))
    }
}
