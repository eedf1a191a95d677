/// The common configuration structure of a VirtIO device on PCI (VirtIO 1.2, section 4.1.4.3).
struct VirtIOPCICommon {
    /// Offsets; each is as wide as ``width`` says.
    private enum Register: UInt64 {
        case deviceFeatureSelect = 0x00
        case deviceFeature = 0x04
        case driverFeatureSelect = 0x08
        case driverFeature = 0x0c
        case configurationVector = 0x10
        case queueCount = 0x12
        case deviceStatus = 0x14
        case configurationGeneration = 0x15
        case queueSelect = 0x16
        case queueSize = 0x18
        case queueVector = 0x1a
        case queueEnable = 0x1c
        case queueNotifyOffset = 0x1e
        case queueDescriptorLow = 0x20
        case queueDescriptorHigh = 0x24
        case queueDriverLow = 0x28
        case queueDriverHigh = 0x2c
        case queueDeviceLow = 0x30
        case queueDeviceHigh = 0x34

        var width: Int {
            switch self {
            case .deviceStatus, .configurationGeneration: 1
            case .configurationVector, .queueCount, .queueSelect, .queueSize, .queueVector, .queueEnable,
                .queueNotifyOffset:
                2
            default: 4
            }
        }
    }

    /// VIRTIO_MSI_NO_VECTOR.
    private static let noVector: UInt16 = 0xffff

    private var selectors = VirtIOSelectors()
    private var configurationVector = noVector
    private var queueVectors: [UInt16]

    init(queues: Int) {
        queueVectors = Array(repeating: Self.noVector, count: queues)
    }

    mutating func reset() {
        selectors = VirtIOSelectors()
        forgetVectors()
    }

    /// The driver has reset the device.
    private mutating func forgetVectors() {
        configurationVector = Self.noVector
        for index in queueVectors.indices { queueVectors[index] = Self.noVector }
    }

    /// By which a signal is told.
    func vector(of signal: VirtIOTransport.Signal) -> UInt16 {
        switch signal {
        case .used(let queue): queueVectors[queue]
        case .configuration: configurationVector
        }
    }

    /// Fields are accessed whole, and those of 64 bits also by halves (4.1.3.1).
    func read(_ offset: UInt64, size: Int, _ transport: VirtIOTransport) -> UInt64 {
        guard size == 8 else { return UInt64(readField(offset, size: size, transport)) }
        return UInt64(readField(offset, size: 4, transport))
            | UInt64(readField(offset + 4, size: 4, transport)) << 32
    }

    private func readField(_ offset: UInt64, size: Int, _ transport: VirtIOTransport) -> UInt32 {
        guard let register = Register(rawValue: offset), register.width == size else { return 0 }
        let queue = selectors.queue(of: transport).map { transport.queues[$0] }
        return switch register {
        case .deviceFeatureSelect: selectors.deviceFeatures
        case .deviceFeature: selectors.deviceFeatures(of: transport)
        case .driverFeatureSelect: selectors.driverFeatures
        case .driverFeature: selectors.driverFeatures(of: transport)
        case .configurationVector: UInt32(configurationVector)
        case .queueCount: UInt32(queueVectors.count)
        case .deviceStatus: UInt32(transport.status.rawValue)
        case .configurationGeneration: transport.configurationGeneration & 0xff
        case .queueSelect: selectors.queue
        case .queueSize: UInt32(queue?.size ?? 0)
        case .queueVector: UInt32(selectors.queue(of: transport).map { queueVectors[$0] } ?? Self.noVector)
        case .queueEnable: queue?.isReady ?? false ? 1 : 0
        case .queueNotifyOffset: queue == nil ? 0 : selectors.queue
        case .queueDescriptorLow: UInt32(truncatingIfNeeded: queue?.descriptorTable ?? 0)
        case .queueDescriptorHigh: UInt32((queue?.descriptorTable ?? 0) >> 32)
        case .queueDriverLow: UInt32(truncatingIfNeeded: queue?.availableRing ?? 0)
        case .queueDriverHigh: UInt32((queue?.availableRing ?? 0) >> 32)
        case .queueDeviceLow: UInt32(truncatingIfNeeded: queue?.usedRing ?? 0)
        case .queueDeviceHigh: UInt32((queue?.usedRing ?? 0) >> 32)
        }
    }

    /// - Parameter vectors: how many there are. Others are refused by keeping none.
    mutating func write(
        _ offset: UInt64, size: Int, value: UInt64, vectors: Int, _ transport: VirtIOTransport
    ) {
        guard size == 8 else {
            let low = UInt32(truncatingIfNeeded: value & (1 << UInt64(8 * size) - 1))
            return writeField(offset, size: size, low, vectors: vectors, transport)
        }
        writeField(offset, size: 4, UInt32(truncatingIfNeeded: value), vectors: vectors, transport)
        writeField(offset + 4, size: 4, UInt32(value >> 32), vectors: vectors, transport)
    }

    private mutating func writeField(
        _ offset: UInt64, size: Int, _ value: UInt32, vectors: Int, _ transport: VirtIOTransport
    ) {
        guard let register = Register(rawValue: offset), register.width == size else { return }
        func change(_ body: (inout Virtqueue) -> Void) { selectors.changeQueue(of: transport, body) }
        let vector = value < vectors ? UInt16(value) : Self.noVector
        switch register {
        case .deviceFeatureSelect: selectors.deviceFeatures = value
        case .driverFeatureSelect: selectors.driverFeatures = value
        case .driverFeature: selectors.setDriverFeatures(of: transport, value)
        case .configurationVector: configurationVector = vector
        case .deviceStatus:
            transport.setStatus(UInt8(truncatingIfNeeded: value))
            if transport.status.isEmpty { forgetVectors() }
        case .queueSelect: selectors.queue = value
        case .queueSize: change { $0.size = UInt16(truncatingIfNeeded: value) }
        case .queueVector: if let queue = selectors.queue(of: transport) { queueVectors[queue] = vector }
        // There is no other way to disable a queue than a reset.
        case .queueEnable:
            if value == 1, let queue = selectors.queue(of: transport) { transport.setReady(queue, true) }
        case .queueDescriptorLow: change { $0.descriptorTable.replaceHalf(0, with: value) }
        case .queueDescriptorHigh: change { $0.descriptorTable.replaceHalf(1, with: value) }
        case .queueDriverLow: change { $0.availableRing.replaceHalf(0, with: value) }
        case .queueDriverHigh: change { $0.availableRing.replaceHalf(1, with: value) }
        case .queueDeviceLow: change { $0.usedRing.replaceHalf(0, with: value) }
        case .queueDeviceHigh: change { $0.usedRing.replaceHalf(1, with: value) }
        case .deviceFeature, .queueCount, .configurationGeneration, .queueNotifyOffset: break
        }
    }

    mutating func describeState(_ visitor: inout some StateVisitor) {
        selectors.describeState(&visitor)
        visitor.field("configuration vector", &configurationVector)
        visitor.field("queue vectors", &queueVectors)
    }
}
