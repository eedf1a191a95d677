/// A VirtIO device behind memory-mapped registers (VirtIO 1.2, Virtio Over MMIO), version 2.
public final class VirtIOMMIOEmulator: VirtIOTransport, EmulatedDevice {
    public static var emulator: Emulator {
        Emulator("virtio-mmio", compatible: ["virtio,mmio"]) { (context) throws(HyperError) in
            let line = try context.interrupt()
            let (guest, region) = (context.guest, context.region)
            let description = VirtIODescription(guest: guest, node: region.node, place: region.start)
            return VirtIOMMIOEmulator(
                device: try description.makeDevice(), memory: guest.space, line: line,
                work: VirtIODescription.sharedWork())
        }
    }

    /// MMIO Device Register Layout.
    private enum Register {
        static let magic: UInt64 = 0x000, version: UInt64 = 0x004, device: UInt64 = 0x008, vendor: UInt64 = 0x00c
        static let deviceFeatures: UInt64 = 0x010, deviceFeaturesSelect: UInt64 = 0x014
        static let driverFeatures: UInt64 = 0x020, driverFeaturesSelect: UInt64 = 0x024
        static let queueSelect: UInt64 = 0x030, queueSizeMaximum: UInt64 = 0x034, queueSize: UInt64 = 0x038
        static let queueReady: UInt64 = 0x044, queueNotify: UInt64 = 0x050
        static let interruptStatus: UInt64 = 0x060, interruptAcknowledge: UInt64 = 0x064, status: UInt64 = 0x070
        /// Of a queue, each of two words and every 16 bytes.
        static let addresses: ClosedRange<UInt64> = 0x080...0x0a4
        static let sharedMemory: ClosedRange<UInt64> = 0x0b0...0x0bc
        static let configurationGeneration: UInt64 = 0x0fc, configuration: UInt64 = 0x100
    }

    /// "virt"
    private static let magic: UInt32 = 0x7472_6976
    /// "Hypr"
    private static let vendor: UInt32 = 0x7270_7948

    public func read(_ offset: UInt64, width: Int) -> UInt64 {
        if offset >= Register.configuration { return readConfiguration(offset - Register.configuration, width: width) }
        guard width == 4 else { return 0 }
        if offset == Register.interruptStatus { return UInt64(lock.withLock { interruptStatus }) }
        return UInt64(register(offset))
    }

    private func register(_ offset: UInt64) -> UInt32 {
        switch offset {
        case Register.magic: Self.magic
        case Register.version: 2
        case Register.device: device.identifier
        case Register.vendor: Self.vendor
        case Register.deviceFeatures: offeredFeatures
        case Register.queueSizeMaximum: UInt32(selected?.maximumSize ?? 0)
        case Register.queueReady: selected.map { queue in queue.lock.withLock { queue.isReady } ? 1 : 0 } ?? 0
        case Register.status: status
        // There is no shared memory: its length and its address are -1.
        case Register.sharedMemory: ~0
        case Register.configurationGeneration: lock.withLock { configurationGeneration }
        default: 0
        }
    }

    public func write(_ offset: UInt64, width: Int, value: UInt64) {
        if offset >= Register.configuration {
            return device.writeConfiguration(offset - Register.configuration, width: width, value: value)
        }
        guard width == 4 else { return }
        let value = UInt32(truncatingIfNeeded: value)
        switch offset {
        case Register.queueNotify: notify(value)
        case Register.interruptAcknowledge: acknowledge(value)
        case Register.deviceFeaturesSelect: lock.withLock { deviceFeaturesHalf = value }
        case Register.driverFeaturesSelect: lock.withLock { driverFeaturesHalf = value }
        case Register.driverFeatures: setDriverFeatures(value)
        case Register.queueSelect: lock.withLock { selectedQueue = value }
        case Register.status: setStatus(value)
        case Register.queueReady:
            guard let queue = selected else { return }
            if value == 0 { queue.lock.withLock { queue.reset() } } else { startQueue(queue) }
        case Register.queueSize: setQueueSize(value)
        case Register.addresses where offset & 0xb == 0:
            setQueueAddress(Int(offset >> 3 & 0xe | offset >> 2 & 1), value)
        default: return
        }
    }
}
