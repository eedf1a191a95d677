/// A VirtIO device behind memory-mapped registers (VirtIO 1.2, Virtio Over MMIO), version 2.
public final class VirtIOMMIOEmulator: VirtIOTransport, EmulatedDevice {
    /// MMIO Device Register Layout.
    private enum Register {
        static let magic: UInt64 = 0x000, version: UInt64 = 0x004, device: UInt64 = 0x008, vendor: UInt64 = 0x00c
        static let deviceFeatures: UInt64 = 0x010, deviceFeaturesSelect: UInt64 = 0x014
        static let driverFeatures: UInt64 = 0x020, driverFeaturesSelect: UInt64 = 0x024
        static let queueSelect: UInt64 = 0x030, queueSizeMaximum: UInt64 = 0x034, queueSize: UInt64 = 0x038
        static let queueReady: UInt64 = 0x044, queueNotify: UInt64 = 0x050
        static let interruptStatus: UInt64 = 0x060, interruptAcknowledge: UInt64 = 0x064, status: UInt64 = 0x070
        static let descriptorLow: UInt64 = 0x080, descriptorHigh: UInt64 = 0x084
        static let driverLow: UInt64 = 0x090, driverHigh: UInt64 = 0x094
        static let deviceLow: UInt64 = 0x0a0, deviceHigh: UInt64 = 0x0a4
        static let sharedMemory: ClosedRange<UInt64> = 0x0b0...0x0bc
        static let configurationGeneration: UInt64 = 0x0fc, configuration: UInt64 = 0x100
    }

    private enum InterruptBit {
        static let used: UInt32 = 1, configuration: UInt32 = 2
    }

    /// "virt"
    private static let magic: UInt32 = 0x7472_6976
    /// "Hypr"
    private static let vendor: UInt32 = 0x7270_7948

    private let line: InterruptLine
    private var interruptStatus: UInt32 = 0
    private var deviceFeaturesHalf: UInt32 = 0
    private var driverFeaturesHalf: UInt32 = 0
    private var selectedQueue: UInt32 = 0

    /// - Parameters:
    ///   - memory: The guest's, which outlives the device.
    ///   - work: Goes on with what a guest's exit has no time for, with the priority of guests.
    public init(device: any VirtIODevice, memory: AddressSpace, line: InterruptLine, work: WorkQueue) {
        self.line = line
        super.init(device: device, memory: memory, work: work)
    }

    // MARK: Interrupts

    override func interrupt(_ cause: Interrupt) {
        let bit = if case .configuration = cause { InterruptBit.configuration } else { InterruptBit.used }
        lock.withLock {
            guard status & Status.driverOK != 0, interruptStatus & bit == 0 else { return }
            interruptStatus |= bit
            if interruptStatus == bit { line.set(true) }
        }
    }

    private func acknowledge(_ bits: UInt32) {
        lock.withLock {
            guard interruptStatus & bits != 0 else { return }
            interruptStatus &= ~bits
            if interruptStatus == 0 { line.set(false) }
        }
    }

    // MARK: As the guest's address space sees it

    public func reset() {
        resetDevice()
        acknowledge(~0)
        lock.withLock { (deviceFeaturesHalf, driverFeaturesHalf, selectedQueue) = (0, 0, 0) }
    }

    public func remove() {
        reset()
        device.remove()
    }

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
        case Register.deviceFeatures:
            lock.withLock {
                deviceFeaturesHalf < 2
                    ? UInt32(truncatingIfNeeded: deviceFeatures >> UInt64(deviceFeaturesHalf * 32)) : 0
            }
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
        case Register.driverFeatures: lock.withLock { setDriverFeatures(driverFeaturesHalf, value) }
        case Register.queueSelect: lock.withLock { selectedQueue = value }
        case Register.status: if value == 0 { reset() } else { setStatus(value) }
        case Register.queueReady:
            guard let queue = selected else { return }
            if value == 0 { queue.lock.withLock { queue.reset() } } else { startQueue(queue) }
        default: setUp(offset, value)
        }
    }

    private var selected: Virtqueue? { queue(lock.withLock { selectedQueue }) }

    /// Registers of the selected queue, which the driver leaves alone while it is ready.
    private func setUp(_ offset: UInt64, _ value: UInt32) {
        guard let queue = selected else { return }
        queue.lock.withLock {
            guard !queue.isReady else { return }
            switch offset {
            // What does not fit is no power of two that it allows, either.
            case Register.queueSize: queue.size = UInt16(exactly: value) ?? 0
            case Register.descriptorLow: Self.setLow(&queue.descriptorArea, value)
            case Register.descriptorHigh: Self.setHigh(&queue.descriptorArea, value)
            case Register.driverLow: Self.setLow(&queue.driverArea, value)
            case Register.driverHigh: Self.setHigh(&queue.driverArea, value)
            case Register.deviceLow: Self.setLow(&queue.deviceArea, value)
            case Register.deviceHigh: Self.setHigh(&queue.deviceArea, value)
            default: return
            }
        }
    }

    private static func setLow(_ address: inout UInt64, _ value: UInt32) {
        address = address & ~0xffff_ffff | UInt64(value)
    }

    private static func setHigh(_ address: inout UInt64, _ value: UInt32) {
        address = address & 0xffff_ffff | UInt64(value) << 32
    }
}
