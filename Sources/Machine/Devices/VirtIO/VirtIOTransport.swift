import ISA

/// The part of a VirtIO device that all transports share: status, features, queues and configuration (VirtIO 1.2,
/// chapters 2 and 3). What differs is how registers look and interrupts travel; that is the owner's.
///
/// A device works while the driver's store to the notification register executes, and is done when it retires.
/// Work of more than a few megabytes is cut: the rest follows a microsecond later, so that the machine stays responsive.
public final class VirtIOTransport {
    /// Device status bits (2.1).
    public struct Status: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let acknowledge = Status(rawValue: 1)
        public static let driver = Status(rawValue: 2)
        public static let driverOK = Status(rawValue: 4)
        public static let featuresOK = Status(rawValue: 8)
        public static let needsReset = Status(rawValue: 64)
        public static let failed = Status(rawValue: 128)
        /// What a driver may set.
        static let ofDriver: Status = [.acknowledge, .driver, .driverOK, .featuresOK, .failed]
    }

    /// What a device has to tell its driver.
    public enum Signal: Equatable {
        /// Entries of this queue have been used.
        case used(queue: Int)
        /// The configuration, or the need for a reset, has changed.
        case configuration
    }

    /// The bytes that are moved before the rest of a queue has to wait, and for how many nanoseconds.
    private static let workLimit: UInt64 = 16 << 20
    private static let restDelay: UInt64 = 1000

    public let device: any VirtIODevice
    /// The driver sees the interface of before VirtIO 1.0 (1.3.1, "Legacy Interface: Terminology"). What there is in the
    /// guest's byte order then is little-endian here: no machine has guests of another.
    public let isLegacy: Bool
    /// It maps the device, and so holds it.
    private unowned let space: AddressSpace
    /// Where the driver's buffers are.
    var memory: PhysicalMemory { space.memory }
    private let clock: Clock
    private let reports: DeviceReports
    /// How signals reach the driver; the owner sets it.
    var signal: (Signal) -> Void = { _ in }

    public private(set) var status: Status = []
    private(set) var driverFeatures: VirtIOFeatures = []
    private(set) var configurationGeneration: UInt32 = 0
    var queues: [Virtqueue]
    /// Queues with work left over, a bit each.
    private var leftOver: UInt64 = 0
    private var restTimer: Clock.Timer!

    /// - Parameters:
    ///   - label: the device tree's name of the device; messages start with it.
    ///   - isLegacy: see ``isLegacy``.
    ///   - space: where the driver's buffers are.
    ///   - report: told in a sentence when the driver breaks the rules.
    public init(
        _ device: any VirtIODevice, label: String, isLegacy: Bool = false, space: AddressSpace, clock: Clock,
        report: @escaping (String) -> Void = { _ in }
    ) {
        precondition(device.queueSizes.count <= 64, "left-over work is noted for 64 queues")
        self.device = device
        self.isLegacy = isLegacy
        self.space = space
        self.clock = clock
        reports = DeviceReports(label, to: report)
        queues = device.queueSizes.map { Virtqueue(maximumSize: $0) }
        restTimer = Clock.Timer(clock) { [unowned self] in serveLeftOver() }
        device.transport = self
    }

    /// What the device offers (6): its own features, and those of every queue here.
    public var deviceFeatures: VirtIOFeatures {
        device.features.union([isLegacy ? .anyLayout : .version1, .indirectDescriptors, .eventIndex])
    }

    /// What both sides agreed on. Empty until the driver has set FEATURES_OK, which no legacy driver does.
    public var features: VirtIOFeatures { isLegacy || status.contains(.featuresOK) ? driverFeatures : [] }

    /// Whether the device may access memory, which buses can forbid. What comes in the meantime is done afterwards.
    private(set) var hasMemory = true

    func allowMemory(_ isAllowed: Bool) {
        let isNew = isAllowed && !hasMemory
        hasMemory = isAllowed
        if isNew { serveAll() }
    }

    /// Whether a driver is there, and its buffers can be reached. Legacy drivers often use a device before they set DRIVER_OK
    /// (3.1.2).
    var isRunning: Bool {
        (isLegacy || status.contains(.driverOK)) && !status.contains(.needsReset) && hasMemory
    }

    // MARK: The driver's actions

    /// The driver writes the status register. Bits are only ever added; zero resets (2.1.1).
    func setStatus(_ value: UInt8) {
        guard value != 0 else { return reset() }
        var added = Status(rawValue: value).intersection(.ofDriver).subtracting(status)
        // There is no such step, and nothing to wait for (3.1.2, "Legacy Interface: Device Initialization").
        if isLegacy { added.remove(.featuresOK) }
        // A set of features that the device does not offer is refused by not taking the bit. Without VERSION_1 it may be
        // (6.1), but xv6 reads and writes the low half alone, and means this version all the same.
        if added.contains(.featuresOK), !driverFeatures.isSubset(of: deviceFeatures) { added.remove(.featuresOK) }
        if added.contains(.driverOK), !isLegacy, !status.union(added).contains(.featuresOK) { added.remove(.driverOK) }
        status.formUnion(added)
        if added.contains(.driverOK) { serveAll() }
    }

    /// The driver accepts features. Once they are agreed on they stay. What is not offered cannot be refused to a legacy
    /// driver, and is left out.
    func setDriverFeatures(_ value: UInt64) {
        guard !status.contains(isLegacy ? .driverOK : .featuresOK) else { return }
        driverFeatures = VirtIOFeatures(rawValue: value)
        if isLegacy { driverFeatures.formIntersection(deviceFeatures) }
    }

    /// The driver makes a queue ready, or not.
    func setReady(_ index: Int, _ isReady: Bool) {
        guard queues.indices.contains(index), queues[index].isReady != isReady else { return }
        guard isReady else {
            queues[index].isReady = false
            return
        }
        do throws(VirtqueueError) {
            try queues[index].validate(space.memory)
            queues[index].isReady = true
        } catch {
            fail(index, error)
        }
    }

    /// The driver says of the legacy interface where a queue is.
    /// - Parameter place: its address, or why that is not known.
    func setLegacyQueue(_ index: Int, _ place: Result<UInt64, VirtqueueError>, alignment: UInt64) {
        guard queues.indices.contains(index), !queues[index].isReady else { return }
        do throws(VirtqueueError) {
            try queues[index].setLegacyLayout(at: place.get(), alignment: alignment)
            setReady(index, true)
        } catch {
            fail(index, error)
        }
    }

    /// The driver stops using a queue: it begins anew when it is used again.
    func releaseQueue(_ index: Int) {
        if queues.indices.contains(index) { queues[index].reset() }
    }

    /// The driver says that queue `index` has new entries.
    func notify(_ index: Int) {
        guard queues.indices.contains(index) else { return }
        serve(index)
    }

    func readConfiguration(_ offset: UInt64, size: Int) -> UInt64 {
        let bytes = device.configuration
        guard offset < UInt64(bytes.count) else { return 0 }
        let value = bytes.littleEndian(at: Int(offset), as: UInt64.self)
        return size == 8 ? value : value & ((1 << (8 * UInt64(size))) - 1)
    }

    func writeConfiguration(_ offset: UInt64, size: Int, value: UInt64) {
        guard offset <= UInt64(device.configuration.count), Int(offset) + size <= device.configuration.count else {
            return
        }
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        device.writeConfiguration(bytes, at: Int(offset))
    }

    /// Power-on: the device forgets also what a driver's reset leaves alone.
    func powerOn() {
        reset()
        configurationGeneration = 0
        device.powerOn()
    }

    /// The driver's write of zero to the status register (2.4).
    private func reset() {
        status = []
        driverFeatures = []
        leftOver = 0
        restTimer.cancel()
        for index in queues.indices { queues[index].reset() }
        device.reset()
    }

    // MARK: The device's actions

    /// What a device made of one chain.
    enum Outcome {
        /// It filled this many bytes of the writable part, and moved some besides those of the chain.
        case used(UInt64, moved: UInt64 = 0)
        /// The driver's request has not the form the device's chapter gives it.
        case malformed(String)
    }

    /// Takes entries of a queue in order, while there are any and `isWanted` holds, and gives them back.
    func process(_ index: Int, while isWanted: () -> Bool = { true }, _ body: (DescriptorChain) -> Outcome) {
        guard isRunning, queues[index].isReady else { return }
        let memory = space.memory
        let agreed = features
        let firstUsed = queues[index].nextUsed
        var moved: UInt64 = 0
        do throws(VirtqueueError) {
            while isWanted() {
                if moved >= Self.workLimit {
                    leftOver |= 1 << UInt64(index)
                    if !restTimer.isArmed { restTimer.arm(at: clock.now &+ Self.restDelay) }
                    break
                }
                guard let chain = try queues[index].take(memory, agreed) else { break }
                moved += chain.count
                switch body(chain) {
                case .used(let count, let besides):
                    moved += besides
                    try queues[index].give(memory, chain, written: UInt32(clamping: count))
                case .malformed(let what): throw .malformedRequest(what)
                }
            }
            try queues[index].askForNotification(memory, agreed)
            if try queues[index].wantsInterrupt(memory, agreed, since: firstUsed) { signal(.used(queue: index)) }
        } catch {
            fail(index, error)
        }
    }

    /// What came of ``fill(_:_:limit:_:)``.
    enum Filling {
        case done
        /// Until the driver makes more chains available.
        case waits
        /// As many chains as may be used have not the room.
        case tooSmall
    }

    /// Fills the next chains of a queue, as many as `count` bytes need, and gives them back together; or leaves them all.
    /// - Parameters:
    ///   - limit: how many chains may be used.
    ///   - bytes: what goes in; it is told how many chains there are.
    func fill(_ index: Int, _ count: Int, limit: Int, _ bytes: (Int) -> [UInt8]) -> Filling {
        guard isRunning, queues[index].isReady else { return .waits }
        let memory = space.memory
        let agreed = features
        let firstUsed = queues[index].nextUsed
        var chains: [DescriptorChain] = []
        var room: UInt64 = 0
        do throws(VirtqueueError) {
            while room < UInt64(count) {
                let isAtLimit = chains.count >= min(limit, Int(queues[index].size))
                guard !isAtLimit, let chain = try queues[index].take(memory, agreed) else {
                    // Before they are put back: the driver is to tell of those that it has not made available yet.
                    try queues[index].askForNotification(memory, agreed)
                    queues[index].putBack(chains.count)
                    return isAtLimit ? .tooSmall : .waits
                }
                chains.append(chain)
                room += chain.writable.count
            }
            var rest = bytes(chains.count)[...]
            for chain in chains {
                var target = chain.writable
                let part = rest.prefix(Int(clamping: target.count))
                rest = rest.dropFirst(part.count)
                target.removeFirst(UInt64(part.count))?.fill(Array(part))
                try queues[index].give(memory, chain, written: UInt32(part.count))
            }
            try queues[index].askForNotification(memory, agreed)
            if try queues[index].wantsInterrupt(memory, agreed, since: firstUsed) { signal(.used(queue: index)) }
            return .done
        } catch {
            fail(index, error)
            return .waits
        }
    }

    /// The device has changed its configuration space on its own.
    func configurationChanged() {
        configurationGeneration &+= 1
        if isRunning { signal(.configuration) }
    }

    private func serve(_ index: Int) {
        if isRunning, queues[index].isReady { device.serve(index) }
    }

    private func serveAll() {
        for index in queues.indices { serve(index) }
    }

    private func serveLeftOver() {
        let work = leftOver
        leftOver = 0
        for index in queues.indices where work >> UInt64(index) & 1 != 0 { serve(index) }
    }

    /// The driver broke a rule: the device stops and asks for a reset (2.1.2).
    private func fail(_ index: Int, _ error: VirtqueueError) {
        guard !status.contains(.needsReset) else { return }
        status.insert(.needsReset)
        reports.report("queue \(index): \(error); the device waits for its driver to reset it")
        if status.contains(.driverOK), !isLegacy { signal(.configuration) }
    }

    // MARK: State

    /// - Parameter hasMemory: what ``allowMemory(_:)`` was told last, which nothing is made of when it is restored.
    func describeState(_ visitor: inout some StateVisitor, hasMemory: Bool = true) {
        self.hasMemory = hasMemory
        var status = self.status.rawValue
        visitor.field("status", &status)
        self.status = Status(rawValue: status)
        var features = driverFeatures.rawValue
        visitor.field("driver features", &features)
        driverFeatures = VirtIOFeatures(rawValue: features)
        if self.status.contains(.featuresOK), !driverFeatures.isSubset(of: deviceFeatures) {
            visitor.refuse("features that the device offers")
            driverFeatures.formIntersection(deviceFeatures)
        }
        visitor.field("configuration generation", &configurationGeneration)
        for index in queues.indices { queues[index].describeState(&visitor) }
        visitor.field("left over", &leftOver)
        restTimer.describeState(&visitor)
        device.describeState(&visitor)
    }
}
