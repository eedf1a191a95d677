/// An interrupt of the host's that a VirtIO device raises.
public struct VirtIODriverInterrupt {
    let number: Int
    /// What it is about; without them the device is asked.
    var causes: VirtIODriverTransport.Causes?
}

/// Registers of a VirtIO device of the host's: behind memory (VirtIO 1.2, Virtio Over MMIO), or on PCI (Virtio Over PCI Bus).
public protocol VirtIODriverRegisters: AnyObject {
    /// The device has the interface of before VirtIO 1.0.
    var isLegacy: Bool { get }
    /// Its number in Device Types; 0 where there is none.
    var deviceType: UInt32 { get }
    /// The host's interrupts that the device raises.
    var interrupts: [VirtIODriverInterrupt] { get }
    var status: UInt32 { get set }
    func offeredFeatures() -> UInt64
    func setFeatures(_ features: UInt64)
    /// Chooses the queue that is spoken of next: whether it is in use, and how many descriptors it can have.
    func select(_ queue: Int) -> (isUsed: Bool, maximum: Int)
    /// Where the parts of the chosen queue are; whether the device reaches them.
    func use(_ queue: DriverVirtqueue) -> Bool
    func notify(_ queue: DriverVirtqueue)
    /// What an interrupt is about. It is not raised any more.
    func takeCauses() -> UInt32
    /// Changes with the configuration; 0 where that is not told.
    var configurationGeneration: UInt32 { get }
    /// Where the device's own configuration is, for accesses of up to four bytes.
    var configuration: MemoryRange { get }
}

/// A VirtIO device of the host's, as its driver sees it: with the interface of VirtIO 1.2, or that of before 1.0, which QEMU's
/// boards have unless they are told otherwise.
///
/// The driver's part (Device Initialization): ``negotiate(_:)``, ``makeQueue(_:limit:)`` for each queue, ``start(_:)``.
public final class VirtIODriverTransport {
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

    private static let version1: UInt64 = 1 << 32
    /// Reads of the status until a reset has to be over.
    private static let resetLimit = 10_000

    /// The device's place in the host's tree.
    public let path: Text
    private let registers: any VirtIODriverRegisters
    public var isLegacy: Bool { registers.isLegacy }
    public var deviceType: UInt32 { registers.deviceType }
    /// Of its handlers of interrupts, where it was started: on PCI others may have the same interrupt.
    private var handlers: [(number: Int, token: Int)] = []

    public init(_ path: Text, _ registers: any VirtIODriverRegisters) {
        self.path = path
        self.registers = registers
    }

    private func add(status: UInt32) { registers.status |= status }

    // MARK: Setting up

    /// Begins with the device: of what the driver understands, what the device has, too.
    public func negotiate(_ wanted: UInt64) throws(HyperError) -> UInt64 {
        reset()
        add(status: Status.acknowledge)
        add(status: Status.driver)
        let offered = registers.offeredFeatures()
        guard isLegacy || offered & Self.version1 != 0 else { throw failed("it offers no VIRTIO_F_VERSION_1") }
        // The legacy interface has the lower half alone.
        let agreed = offered & (isLegacy ? wanted & 0xffff_ffff : wanted | Self.version1)
        registers.setFeatures(agreed)
        if !isLegacy {
            add(status: Status.featuresOK)
            guard registers.status & Status.featuresOK != 0 else {
                throw failed("it refuses features \(hex: agreed), all of which it offers")
            }
        }
        return agreed
    }

    /// Gives the device one of its queues.
    /// - Parameter limit: A power of two: no more descriptors than these.
    public func makeQueue(_ index: Int, limit: Int) throws(HyperError) -> DriverVirtqueue {
        let (isUsed, most) = registers.select(index)
        guard !isUsed else { throw failed("its queue \(index) is in use after a reset") }
        let maximum = min(most, 1 << 15)
        guard maximum > 0 else { throw failed("it has no queue \(index)") }
        // The largest power of two, whatever it says.
        var size = 1
        while size * 2 <= min(maximum, limit) { size *= 2 }
        let queue = try DriverVirtqueue(index: index, size: size, isLegacy: isLegacy)
        guard registers.use(queue) else {
            throw failed("it does not take queue \(index) at \(hex: queue.descriptorArea)")
        }
        return queue
    }

    /// Lets the device work. From here on `interrupt` is called when it has something to say, with interrupts off.
    public func start(_ interrupt: @escaping (Causes) -> Void) {
        for known in registers.interrupts {
            let token = HostInterrupts.add(known.number) { [self] in
                let causes = known.causes ?? Causes(rawValue: registers.takeCauses())
                if !causes.isEmpty { interrupt(causes) }
            }
            handlers.append((known.number, token))
        }
        add(status: Status.driverOK)
    }

    // MARK: Working

    /// Tells the device that there are buffers, if it wants to know.
    public func notify(_ queue: DriverVirtqueue) {
        if queue.wantsNotification() { registers.notify(queue) }
    }

    /// A number of 1, 2, 4 or 8 bytes of the device's own configuration space.
    public func configuration(_ offset: UInt64, width: Int) -> UInt64 {
        let place = registers.configuration
        guard place.contains(place.base + offset, count: UInt64(width)) else { return 0 }
        // Of a device that changes it all the time, whatever it is.
        for _ in 0..<16 {
            let before = registers.configurationGeneration
            var value: UInt64 = 0
            // Fields of eight bytes are read as two (Virtio Over MMIO, MMIO Device Register Layout; so it may be on PCI).
            for part in 0..<UInt64(max(width / 4, 1)) {
                let address = place.base + offset + 4 * part
                let bits = Port.readDevice(address, width: min(width, 4)) & ~0 >> UInt64(64 - 8 * min(width, 4))
                value |= bits << (32 * part)
            }
            if registers.configurationGeneration == before { return value }
        }
        return 0
    }

    public func writeConfiguration(_ offset: UInt64, width: Int, _ value: UInt64) {
        let place = registers.configuration
        guard place.contains(place.base + offset, count: UInt64(width)) else { return }
        Port.writeDevice(place.base + offset, width: width, value)
    }

    // MARK: The end

    /// Stops the device: it leaves all memory alone from here on.
    public func reset() {
        registers.status = 0
        for _ in 0..<Self.resetLimit {
            if registers.status == 0 { return }
            Port.relax()
        }
    }

    /// Stops the device for good, and takes no more interrupts of it. No handler of its interrupts runs any more when this
    /// returns. Not for handlers of interrupts.
    public func remove() {
        for handler in handlers { HostInterrupts.remove(handler.number, token: handler.token) }
        handlers = []
        reset()
    }

    /// Stops the device since it does not do what it should; the error that says so.
    public func failed(_ problem: Text) -> HyperError {
        reset()
        add(status: Status.failed)
        return HyperError("\(path): the device is not used any more: \(problem)")
    }
}
