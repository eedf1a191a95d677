/// A VirtIO device as a function on PCI (VirtIO 1.2, Virtio Over PCI Bus), not a transitional one. It interrupts by its pin.
final class VirtIOPCIFunction: VirtIOTransport, PCIFunctionEmulator {
    private typealias Common = VirtIOPCIRegisters.Register
    private typealias Capability = VirtIOPCIRegisters.Capability

    /// Each of the device's structures has a page of its memory.
    private enum Page {
        static let common: UInt64 = 0, interruptStatus: UInt64 = 1, device: UInt64 = 2, notification: UInt64 = 3
        static let size: UInt64 = 0x1000
    }

    private static let vendor: UInt16 = 0x1af4, revision: UInt8 = 1
    /// Bytes between the places at which two queues are notified (notify_off_multiplier).
    private static let notificationStride: UInt64 = 4
    /// Nobody takes messages (VIRTIO_MSI_NO_VECTOR).
    private static let noMessage: UInt64 = 0xffff

    let memorySize = 4 * Page.size
    /// Guarded by the transport's lock.
    private var waitsForMemory = true
    /// Where its configuration space has the capability to access its memory by.
    private var accessCapability = 0

    // MARK: As the bridge sees it

    func makeConfiguration() -> PCIConfigurationSpace {
        var configuration = PCIConfigurationSpace(
            vendor: Self.vendor, device: UInt16(VirtIOPCIRegisters.firstDevice) + UInt16(device.identifier),
            classCode: classCode, revision: Self.revision, memorySize: memorySize)
        configuration.add(Self.capability(Capability.common, Page.common))
        configuration.add(Self.capability(Capability.notify, Page.notification, Self.notificationStride))
        configuration.add(Self.capability(Capability.interrupt, Page.interruptStatus))
        configuration.add(Self.capability(Capability.device, Page.device))
        // PCI configuration access capability: bar, offset and length are the driver's. Its last four bytes are the data.
        accessCapability = configuration.add(
            Self.capability(Capability.access, nil, 0),
            writable: [0, 0, 0, 0, 0xff, 0, 0, 0] + [UInt8](repeating: 0xff, count: 8))
        return configuration
    }

    /// Virtio Structure PCI Capabilities, of a whole page, and perhaps one word more.
    private static func capability(_ type: UInt64, _ page: UInt64?, _ more: UInt64? = nil) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: more == nil ? 16 : 20)
        bytes[0] = UInt8(Capability.identifier)
        bytes[2] = UInt8(bytes.count)
        bytes[Int(Capability.type)] = UInt8(type)
        if let page {
            bytes.set(page * Page.size, Int(Capability.offset), bytes: 4)
            bytes.set(Page.size, Int(Capability.length), bytes: 4)
        }
        if let more { bytes.set(more, Int(Capability.notifyMultiplier), bytes: 4) }
        return bytes
    }

    /// Of PCI's Class Codes, the nearest: drivers of VirtIO do not look at it.
    private var classCode: UInt32 {
        switch device.identifier {
        case VirtIODeviceType.network: 0x02_00_00
        case VirtIODeviceType.block: 0x01_80_00
        case VirtIODeviceType.console: 0x07_80_00
        case VirtIODeviceType.gpu: 0x03_80_00
        case VirtIODeviceType.input: 0x09_80_00
        default: 0xff_00_00
        }
    }

    var isInterrupting: Bool { lock.withLock { interruptStatus != 0 } }

    func configure(_ configuration: PCIConfigurationSpace) {
        allow(memory: configuration.isBusMaster, interrupts: !configuration.isInterruptDisabled)
    }

    /// Of buffers that were made available before the function was a bus master, the driver does not notify again.
    func goOn() {
        let isNew = lock.withLock {
            let waited = waitsForMemory
            waitsForMemory = status & Status.held != 0
            return waited && !waitsForMemory
        }
        if isNew, isRunning { for queue in queues { device.notified(queue.index) } }
    }

    func indirectAccess(_ offset: Int, _ configuration: PCIConfigurationSpace) -> (offset: UInt64, width: Int)? {
        func field(_ field: UInt64, _ count: Int) -> UInt64 {
            configuration.number(accessCapability + Int(field), bytes: count)
        }
        guard offset == accessCapability + Int(Capability.notifyMultiplier), field(Capability.bar, 1) == 0 else {
            return nil
        }
        let (place, width) = (field(Capability.offset, 4), field(Capability.length, 4))
        guard width == 1 || width == 2 || width == 4, place % width == 0, place < memorySize else { return nil }
        return (place, Int(width))
    }

    // MARK: Its memory

    func read(_ offset: UInt64, width: Int) -> UInt64 {
        let place = offset % Page.size
        switch offset / Page.size {
        case Page.common: return common(place, width)
        // ISR status capability: what is read is acknowledged.
        case Page.interruptStatus: return place == 0 ? UInt64(acknowledge(~0)) : 0
        case Page.device: return readConfiguration(place, width: width)
        default: return 0
        }
    }

    func write(_ offset: UInt64, width: Int, value: UInt64) {
        let place = offset % Page.size
        switch offset / Page.size {
        case Page.common: setCommon(place, width, UInt32(truncatingIfNeeded: value))
        case Page.device: device.writeConfiguration(place, width: width, value: value)
        case Page.notification where place % Self.notificationStride == 0:
            notify(UInt32(place / Self.notificationStride))
        default: return
        }
    }

    /// Common configuration structure layout. Fields are read by their own widths, and those of eight bytes as two of four
    /// (Driver Requirements: Device Configuration Space).
    private func common(_ offset: UInt64, _ width: Int) -> UInt64 {
        switch (offset, width) {
        case (Common.deviceFeaturesSelect, 4): return lock.withLock { UInt64(deviceFeaturesHalf) }
        case (Common.deviceFeatures, 4): return UInt64(offeredFeatures)
        case (Common.driverFeaturesSelect, 4): return lock.withLock { UInt64(driverFeaturesHalf) }
        case (Common.driverFeatures, 4): return UInt64(chosenDriverFeatures)
        case (Common.configurationMessage, 2), (Common.queueMessage, 2): return Self.noMessage
        case (Common.queueCount, 2): return UInt64(queues.count)
        case (Common.status, 1): return UInt64(status & 0xff)
        case (Common.generation, 1): return lock.withLock { UInt64(configurationGeneration & 0xff) }
        case (Common.queueSelect, 2): return lock.withLock { UInt64(selectedQueue) }
        default: break
        }
        guard let queue = selected else { return 0 }
        return queue.lock.withLock {
            switch (offset, width) {
            case (Common.queueSize, 2): return UInt64(queue.size)
            case (Common.queueEnable, 2): return queue.isReady ? 1 : 0
            case (Common.queueNotifyOffset, 2): return UInt64(queue.index)
            case (Common.descriptorArea..<Common.size, 4) where offset % 4 == 0:
                let word = Int(offset - Common.descriptorArea) / 4
                return queue.areas[word / 2] >> UInt64((word & 1) * 32) & 0xffff_ffff
            default: return 0
            }
        }
    }

    private func setCommon(_ offset: UInt64, _ width: Int, _ value: UInt32) {
        switch (offset, width) {
        case (Common.deviceFeaturesSelect, 4): lock.withLock { deviceFeaturesHalf = value }
        case (Common.driverFeaturesSelect, 4): lock.withLock { driverFeaturesHalf = value }
        case (Common.driverFeatures, 4): setDriverFeatures(value)
        case (Common.status, 1): setStatus(value & 0xff)
        case (Common.queueSelect, 2): lock.withLock { selectedQueue = value & 0xffff }
        case (Common.queueSize, 2): setQueueSize(value & 0xffff)
        // A driver takes no queue back but by a reset.
        case (Common.queueEnable, 2): if value & 0xffff == 1, let queue = selected { startQueue(queue) }
        case (Common.descriptorArea..<Common.size, 4) where offset % 4 == 0:
            setQueueAddress(Int(offset - Common.descriptorArea) / 4, value)
        default: return
        }
    }
}
