/// A VirtIO device of the host's, as its driver sees it (VirtIO 1.2, Virtio Over MMIO): of version 2, or of version 1, the
/// legacy interface, which QEMU's boards have unless they are told otherwise.
///
/// The driver's part (Device Initialization): ``negotiate(_:)``, ``makeQueue(_:limit:)`` for each queue, ``start(_:)``.
public final class VirtIODriverTransport {
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

    /// Device Status Field.
    private enum Status {
        static let acknowledge: UInt32 = 1, driver: UInt32 = 2, driverOK: UInt32 = 4, featuresOK: UInt32 = 8
        static let failed: UInt32 = 128
    }

    /// What an interrupt is about.
    public struct Causes: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Buffers have come back.
        public static let used = Causes(rawValue: 1)
        public static let configuration = Causes(rawValue: 2)
    }

    private static let magic: UInt32 = 0x7472_6976
    private static let version1: UInt64 = 1 << 32
    /// Reads of the status until a reset has to be over.
    private static let resetLimit = 10_000

    /// The device's place in the host's tree.
    public let path: Text
    private let base: UInt64
    private let interruptNumber: Int
    /// The device has the interface of before VirtIO 1.0.
    public let isLegacy: Bool
    /// Its number in Device Types; 0 where there is none.
    public let deviceType: UInt32
    private var isStarted = false

    public init(_ node: DeviceTreeNode) throws(HyperError) {
        guard let registers = try node.registers().first, registers.size >= Register.configuration else {
            throw node.wrong("reg", "must have the 0x100 bytes of VirtIO's registers")
        }
        guard let interrupt = try node.interrupts().first?.number else {
            throw node.wrong("interrupts", "must name the device's interrupt")
        }
        path = node.path
        base = registers.base
        interruptNumber = interrupt
        func read(_ register: UInt64) -> UInt32 {
            UInt32(truncatingIfNeeded: Port.readDevice(registers.base + register, width: 4))
        }
        guard read(Register.magic) == Self.magic else {
            throw HyperError("\(path): there is no VirtIO device: its first word is \(hex: UInt64(read(0)))")
        }
        let version = read(Register.version)
        guard version == 1 || version == 2 else {
            throw HyperError(
                "\(path): version \(UInt64(version)) of VirtIO's registers is not known: there are 1 and 2")
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
    private func add(status: UInt32) { write(Register.status, read(Register.status) | status) }

    // MARK: Setting up

    /// Begins with the device: of what the driver understands, what the device has, too.
    public func negotiate(_ wanted: UInt64) throws(HyperError) -> UInt64 {
        reset()
        add(status: Status.acknowledge)
        add(status: Status.driver)
        var offered: UInt64 = 0
        for half in 0..<UInt64(2) {
            write(Register.deviceFeaturesSelect, UInt32(half))
            offered |= UInt64(read(Register.deviceFeatures)) << (32 * half)
        }
        guard isLegacy || offered & Self.version1 != 0 else { throw failed("it offers no VIRTIO_F_VERSION_1") }
        // The legacy interface has the lower half alone.
        let agreed = offered & (isLegacy ? wanted & 0xffff_ffff : wanted | Self.version1)
        for half in 0..<UInt64(2) {
            write(Register.driverFeaturesSelect, UInt32(half))
            write(Register.driverFeatures, UInt32(truncatingIfNeeded: agreed >> (32 * half)))
        }
        if isLegacy {
            write(Register.pageSize, 4096)
        } else {
            add(status: Status.featuresOK)
            guard read(Register.status) & Status.featuresOK != 0 else {
                throw failed("it refuses features \(hex: agreed), all of which it offers")
            }
        }
        return agreed
    }

    /// Gives the device one of its queues.
    /// - Parameter limit: A power of two: no more descriptors than these.
    public func makeQueue(_ index: Int, limit: Int) throws(HyperError) -> DriverVirtqueue {
        write(Register.queueSelect, UInt32(index))
        guard read(isLegacy ? Register.queuePage : Register.queueReady) == 0 else {
            throw failed("its queue \(index) is in use after a reset")
        }
        let maximum = Int(min(read(Register.queueSizeMaximum), 1 << 15))
        guard maximum > 0 else { throw failed("it has no queue \(index)") }
        // The largest power of two, whatever it says.
        var size = 1
        while size * 2 <= min(maximum, limit) { size *= 2 }
        let queue = try DriverVirtqueue(index: index, size: size, isLegacy: isLegacy)
        write(Register.queueSize, UInt32(size))
        if isLegacy {
            write(Register.queueAlignment, 4096)
            guard let page = UInt32(exactly: queue.descriptorArea >> 12) else {
                throw failed("its legacy interface does not reach a queue at \(hex: queue.descriptorArea)")
            }
            write(Register.queuePage, page)
        } else {
            write(Register.descriptorArea, address: queue.descriptorArea)
            write(Register.driverArea, address: queue.driverArea)
            write(Register.deviceArea, address: queue.deviceArea)
            write(Register.queueReady, 1)
        }
        return queue
    }

    /// Lets the device work. From here on `interrupt` is called when it has something to say, with interrupts off.
    public func start(_ interrupt: @escaping (Causes) -> Void) {
        isStarted = true
        HostInterrupts.add(interruptNumber) { [self] in
            let causes = read(Register.interruptStatus)
            guard causes != 0 else { return }
            write(Register.interruptAcknowledge, causes)
            interrupt(Causes(rawValue: causes))
        }
        add(status: Status.driverOK)
    }

    // MARK: Working

    /// Tells the device that there are buffers, if it wants to know.
    public func notify(_ queue: DriverVirtqueue) {
        if queue.wantsNotification() { write(Register.queueNotify, UInt32(queue.index)) }
    }

    /// A number of 1, 2, 4 or 8 bytes of the device's own configuration space.
    public func configuration(_ offset: UInt64, width: Int) -> UInt64 {
        // Of a device that changes it all the time, whatever it is.
        for _ in 0..<16 {
            let before = isLegacy ? 0 : read(Register.configurationGeneration)
            var value: UInt64 = 0
            // Fields of eight bytes are read as two (Virtio Over MMIO, MMIO Device Register Layout).
            for part in 0..<UInt64(max(width / 4, 1)) {
                let address = base + Register.configuration + offset + 4 * part
                let bits = Port.readDevice(address, width: min(width, 4)) & ~0 >> UInt64(64 - 8 * min(width, 4))
                value |= bits << (32 * part)
            }
            if isLegacy || read(Register.configurationGeneration) == before { return value }
        }
        return 0
    }

    public func writeConfiguration(_ offset: UInt64, width: Int, _ value: UInt64) {
        Port.writeDevice(base + Register.configuration + offset, width: width, value)
    }

    // MARK: The end

    /// Stops the device: it leaves all memory alone from here on.
    public func reset() {
        write(Register.status, 0)
        for _ in 0..<Self.resetLimit where read(Register.status) != 0 { Port.relax() }
    }

    /// Stops the device for good, and takes no more interrupts of it. No handler of its interrupts runs any more when this
    /// returns. Not for handlers of interrupts.
    public func remove() {
        if isStarted { HostInterrupts.remove(interruptNumber) }
        isStarted = false
        reset()
    }

    /// Stops the device since it does not do what it should; the error that says so.
    public func failed(_ problem: Text) -> HyperError {
        reset()
        add(status: Status.failed)
        return HyperError("\(path): the device is not used any more: \(problem)")
    }
}
