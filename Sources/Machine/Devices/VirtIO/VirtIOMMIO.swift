/// A VirtIO device in the memory map: the MMIO transport, version 2 (VirtIO 1.2, section 4.2), or version 1, its legacy
/// interface (4.2.4). Device tree: `virtio,mmio`.
///
/// A slot that holds no device answers with device ID 0, which tells drivers to pass by.
public final class VirtIOMMIO: Device {
    /// Table 4.1. All are 32 bits wide, little-endian.
    enum Register: UInt64 {
        case magicValue = 0x000
        case version = 0x004
        case deviceID = 0x008
        case vendorID = 0x00c
        case deviceFeatures = 0x010
        case deviceFeaturesSelect = 0x014
        case driverFeatures = 0x020
        case driverFeaturesSelect = 0x024
        case queueSelect = 0x030
        case queueSizeMaximum = 0x034
        case queueSize = 0x038
        case queueReady = 0x044
        case queueNotify = 0x050
        case interruptStatus = 0x060
        case interruptAcknowledge = 0x064
        case status = 0x070
        case queueDescriptorLow = 0x080
        case queueDescriptorHigh = 0x084
        case queueDriverLow = 0x090
        case queueDriverHigh = 0x094
        case queueDeviceLow = 0x0a0
        case queueDeviceHigh = 0x0a4
        case sharedMemorySelect = 0x0ac
        case sharedMemoryLengthLow = 0x0b0
        case sharedMemoryLengthHigh = 0x0b4
        case sharedMemoryBaseLow = 0x0b8
        case sharedMemoryBaseHigh = 0x0bc
        case configurationGeneration = 0x0fc
        // Table 4.2: of the legacy interface alone.
        case guestPageSize = 0x028
        case queueAlignment = 0x03c
        case queuePageNumber = 0x040
    }

    /// Bits of the interrupt status register.
    private enum InterruptStatus {
        static let usedBuffer: UInt32 = 1
        static let configurationChange: UInt32 = 2
    }

    /// "virt"; and "QEMU", since drivers written for its board (xv6) ask for the vendor.
    private static let magic: UInt32 = 0x7472_6976
    private static let vendor: UInt32 = 0x554d_4551
    private static let configuration: UInt64 = 0x100

    public let name: String
    /// The device in the slot, if there is one.
    public let transport: VirtIOTransport?
    private let interrupt: InterruptLine

    private var selectors = VirtIOSelectors()
    private var legacy: VirtIOLegacyLayout
    private var interruptStatus: UInt32 = 0

    /// The slot has the legacy interface.
    private let isLegacy: Bool

    /// - Parameters:
    ///   - device: nil leaves the slot empty.
    ///   - isLegacy: the driver sees version 1, where the device has it.
    ///   - space: where the driver's buffers are.
    ///   - report: told in a sentence when the driver breaks the rules.
    public init(
        name: String, device: (any VirtIODevice)? = nil, isLegacy: Bool = false, space: AddressSpace, clock: Clock,
        interrupt: InterruptLine, report: @escaping (String) -> Void = { _ in }
    ) {
        self.name = name
        self.interrupt = interrupt
        let isLegacy = isLegacy && device?.hasLegacyInterface ?? true
        self.isLegacy = isLegacy
        legacy = VirtIOLegacyLayout(queues: device?.queueSizes.count ?? 0)
        transport = device.map {
            VirtIOTransport($0, label: name, isLegacy: isLegacy, space: space, clock: clock, report: report)
        }
        transport?.signal = { [unowned self] signal in
            switch signal {
            case .used: interruptStatus |= InterruptStatus.usedBuffer
            case .configuration: interruptStatus |= InterruptStatus.configurationChange
            }
            update()
        }
    }

    public func reset() {
        selectors = VirtIOSelectors()
        legacy.reset()
        interruptStatus = 0
        transport?.powerOn()
        update()
    }

    private func update() {
        interrupt.set(interruptStatus != 0)
    }

    private var selectedQueue: Int? {
        transport.flatMap { selectors.queue(of: $0) }
    }

    // MARK: Registers

    public func read(_ offset: UInt64, size: Int) throws(AccessFault) -> UInt64 {
        if offset >= Self.configuration {
            try requireConfigurationAccess(offset, size: size)
            return transport?.readConfiguration(offset - Self.configuration, size: size) ?? 0
        }
        try requireAligned(offset, size: size, width: 4)
        guard let register = register(offset) else { return 0 }  // reserved
        return UInt64(read(register))
    }

    /// The register, where this interface has it.
    private func register(_ offset: UInt64) -> Register? {
        guard let register = Register(rawValue: offset) else { return nil }
        switch register {
        case .guestPageSize, .queueAlignment, .queuePageNumber: return isLegacy ? register : nil
        case .queueReady, .queueDescriptorLow, .queueDescriptorHigh, .queueDriverLow, .queueDriverHigh, .queueDeviceLow,
            .queueDeviceHigh, .sharedMemorySelect, .sharedMemoryLengthLow, .sharedMemoryLengthHigh,
            .sharedMemoryBaseLow, .sharedMemoryBaseHigh, .configurationGeneration:
            return isLegacy ? nil : register
        default: return register
        }
    }

    private func read(_ register: Register) -> UInt32 {
        switch register {
        case .magicValue: return Self.magic
        case .version: return isLegacy ? 1 : 2
        case .deviceID: return transport?.device.id ?? 0
        case .vendorID: return Self.vendor
        default: break
        }
        guard let transport else { return 0 }
        switch register {
        case .deviceFeatures: return selectors.deviceFeatures(of: transport)
        case .queueSizeMaximum: return selectedQueue.map { UInt32(transport.queues[$0].maximumSize) } ?? 0
        case .queueReady: return selectedQueue.map { transport.queues[$0].isReady ? 1 : 0 } ?? 0
        case .interruptStatus: return interruptStatus
        case .queuePageNumber: return selectedQueue.map { legacy.pageNumber(of: transport.queues[$0]) } ?? 0
        // DEVICE_NEEDS_RESET is of VirtIO 1.0.
        case .status: return UInt32((isLegacy ? transport.status.subtracting(.needsReset) : transport.status).rawValue)
        // No device here has shared memory: length and base of an absent region read all ones.
        case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow, .sharedMemoryBaseHigh: return ~0
        case .configurationGeneration: return transport.configurationGeneration
        default: return 0  // write-only
        }
    }

    public func write(_ offset: UInt64, size: Int, value: UInt64) throws(AccessFault) {
        if offset >= Self.configuration {
            try requireConfigurationAccess(offset, size: size)
            transport?.writeConfiguration(offset - Self.configuration, size: size, value: value)
            return
        }
        try requireAligned(offset, size: size, width: 4)
        guard let register = register(offset), let transport else { return }
        write(register, UInt32(truncatingIfNeeded: value), transport)
    }

    private func write(_ register: Register, _ value: UInt32, _ transport: VirtIOTransport) {
        switch register {
        case .deviceFeaturesSelect: selectors.deviceFeatures = value
        case .driverFeaturesSelect: selectors.driverFeatures = value
        case .driverFeatures: selectors.setDriverFeatures(of: transport, value)
        case .queueSelect: selectors.queue = value
        case .queueSize: setQueue { $0.size = UInt16(clamping: value) }
        case .queueReady: if let index = selectedQueue { transport.setReady(index, value & 1 != 0) }
        case .queueNotify: transport.notify(Int(value))
        case .interruptAcknowledge:
            interruptStatus &= ~value
            update()
        case .status:
            transport.setStatus(UInt8(truncatingIfNeeded: value))
            if transport.status.isEmpty {
                interruptStatus = 0
                update()
            }
        case .queueDescriptorLow: setQueue { $0.descriptorTable.replaceHalf(0, with: value) }
        case .queueDescriptorHigh: setQueue { $0.descriptorTable.replaceHalf(1, with: value) }
        case .queueDriverLow: setQueue { $0.availableRing.replaceHalf(0, with: value) }
        case .queueDriverHigh: setQueue { $0.availableRing.replaceHalf(1, with: value) }
        case .queueDeviceLow: setQueue { $0.usedRing.replaceHalf(0, with: value) }
        case .queueDeviceHigh: setQueue { $0.usedRing.replaceHalf(1, with: value) }
        case .guestPageSize: legacy.pageSize = value
        case .queueAlignment: if let index = selectedQueue { legacy.alignments[index] = value }
        case .queuePageNumber:
            guard let index = selectedQueue else { return }
            if value == 0 {
                transport.releaseQueue(index)
            } else {
                transport.setLegacyQueue(index, legacy.address(ofPage: value), alignment: legacy.alignment(of: index))
            }
        default: break  // read-only
        }
    }

    private func setQueue(_ change: (inout Virtqueue) -> Void) {
        if let transport { selectors.changeQueue(of: transport, change) }
    }

    /// The configuration space takes naturally aligned accesses of up to 32 bits (4.2.2.2).
    private func requireConfigurationAccess(_ offset: UInt64, size: Int) throws(AccessFault) {
        guard size <= 4, offset % UInt64(size) == 0 else { throw AccessFault() }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        selectors.describeState(&visitor)
        if isLegacy { legacy.describeState(&visitor) }
        visitor.field("interrupt status", &interruptStatus)
        interrupt.describeState(&visitor)
        transport?.describeState(&visitor)
    }
}
