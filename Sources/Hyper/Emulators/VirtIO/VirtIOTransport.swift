import Synchronization

/// What all transports of VirtIO have in common (VirtIO 1.2, Basic Facilities of a Virtio Device): status, features,
/// queues, and what the driver is interrupted for. A transport puts registers before it, and has a line that is high for as
/// long as the driver has not acknowledged all of that.
///
/// Locks are taken in this order: a queue's, the transport's, the interrupt controller's.
public class VirtIOTransport {
    enum Status {
        static let acknowledge: UInt32 = 1, driver: UInt32 = 2, driverOK: UInt32 = 4, featuresOK: UInt32 = 8
        static let needsReset: UInt32 = 64, failed: UInt32 = 128
        static let ofDriver = acknowledge | driver | driverOK | featuresOK | failed
        /// No driver's: the device may not access memory.
        static let held: UInt32 = 1 << 8
    }

    /// What the driver was interrupted for: InterruptStatus of MMIO's registers, and PCI's ISR status.
    private enum InterruptBit {
        static let used: UInt32 = 1, configuration: UInt32 = 2
    }

    enum Interrupt {
        /// A buffer of the queue is used.
        case queue(Int)
        /// The configuration, or the device's status, has changed.
        case configuration
    }

    /// Reserved Feature Bits.
    enum Feature {
        static let indirectDescriptors: UInt64 = 1 << 28, eventIndex: UInt64 = 1 << 29, version1: UInt64 = 1 << 32
    }

    /// Bytes that are served at once, while the VCPU that asks waits with interrupts off. A thread does the rest.
    private static let byteBudget = 256 << 10

    final let device: any VirtIODevice
    final let deviceFeatures: UInt64
    final let queues: [Virtqueue]
    private let memory: Unmanaged<AddressSpace>
    private let work: WorkQueue
    /// Guards what is below, and the transport's own registers.
    final let lock = SpinLock()
    private let atomicStatus = Atomic<UInt32>(0)
    private let line: InterruptLine
    final private(set) var interruptStatus: UInt32 = 0
    private var isLineDisabled = false
    private var driverFeatures: UInt64 = 0
    // What the driver has chosen to speak of.
    final var deviceFeaturesHalf: UInt32 = 0
    final var driverFeaturesHalf: UInt32 = 0
    final var selectedQueue: UInt32 = 0
    private var configuration: [UInt8]
    final private(set) var configurationGeneration: UInt32 = 0
    private var lastFailure: Text?

    /// - Parameters:
    ///   - memory: The guest's, which outlives the transport.
    ///   - line: Interrupts the driver.
    ///   - work: Goes on with what a guest's exit has no time for. Its thread has the priority of guests, so that a
    ///     guest gets no more of the machine through it than by running.
    init(device: any VirtIODevice, memory: AddressSpace, line: InterruptLine, work: WorkQueue) {
        self.device = device
        self.line = line
        self.work = work
        deviceFeatures = device.features | Feature.indirectDescriptors | Feature.eventIndex | Feature.version1
        let memory = Unmanaged.passUnretained(memory)
        self.memory = memory
        queues = device.queueSizes.enumerated().map { Virtqueue(index: $0, maximumSize: $1, memory: memory) }
        configuration = device.configuration
        device.attach(to: self)
    }

    // MARK: Interrupts

    /// The lock is held.
    private func updateLine() { line.set(interruptStatus != 0 && !isLineDisabled) }

    /// Tells the driver, if it has begun. No lock but a queue's is held.
    final func interrupt(_ cause: Interrupt) {
        let bit = if case .configuration = cause { InterruptBit.configuration } else { InterruptBit.used }
        lock.withLock {
            guard status & Status.driverOK != 0, interruptStatus & bit == 0 else { return }
            interruptStatus |= bit
            if interruptStatus == bit { updateLine() }
        }
    }

    /// The driver knows of these causes; which of them there were.
    @discardableResult
    final func acknowledge(_ bits: UInt32) -> UInt32 {
        lock.withLock {
            let taken = interruptStatus & bits
            interruptStatus &= ~bits
            if taken != 0, interruptStatus == 0 { updateLine() }
            return taken
        }
    }

    /// Why the device needs a reset, or needed the last one.
    public final var failure: Text? { lock.withLock { lastFailure } }

    // MARK: Status and features

    /// What the driver reads, and has written, of the device's state (Device Status Field).
    final var status: UInt32 { atomicStatus.load(ordering: .relaxed) }

    /// The driver is ready for the device, and has not done what it must not do.
    final var isRunning: Bool { status & (Status.driverOK | Status.needsReset | Status.held) == Status.driverOK }

    final func setStatus(_ value: UInt32) {
        guard value != 0 else { return reset() }
        lock.withLock {
            var new = status | value & Status.ofDriver
            // Accepts the driver's features, or leaves the bit clear.
            if new & ~status & Status.featuresOK != 0, !areFeaturesAcceptable { new &= ~Status.featuresOK }
            if new & Status.featuresOK == 0 { new &= ~Status.driverOK }
            atomicStatus.store(new, ordering: .relaxed)
        }
    }

    private var areFeaturesAcceptable: Bool {
        driverFeatures & ~deviceFeatures == 0 && driverFeatures & Feature.version1 != 0
    }

    /// The chosen half of what the device offers.
    final var offeredFeatures: UInt32 {
        lock.withLock {
            deviceFeaturesHalf < 2 ? UInt32(truncatingIfNeeded: deviceFeatures >> UInt64(deviceFeaturesHalf * 32)) : 0
        }
    }

    /// The chosen half of what the driver has said it understands.
    final var chosenDriverFeatures: UInt32 {
        lock.withLock {
            driverFeaturesHalf < 2 ? UInt32(truncatingIfNeeded: driverFeatures >> UInt64(driverFeaturesHalf * 32)) : 0
        }
    }

    /// Sets the chosen half of the features that the driver understands.
    final func setDriverFeatures(_ value: UInt32) {
        lock.withLock {
            guard driverFeaturesHalf < 2, status & Status.featuresOK == 0 else { return }
            let shift = UInt64(driverFeaturesHalf) * 32
            driverFeatures = driverFeatures & ~(0xffff_ffff << shift) | UInt64(value) << shift
        }
    }

    /// By the driver, or at the guest's power-on.
    public final func reset() {
        lock.withLock {
            atomicStatus.store(status & Status.held, ordering: .relaxed)
            driverFeatures = 0
        }
        // Each waits until nobody serves the queue.
        for queue in queues { queue.lock.withLock { queue.reset() } }
        device.reset()
        acknowledge(~0)
        lock.withLock { (deviceFeaturesHalf, driverFeaturesHalf, selectedQueue) = (0, 0, 0) }
    }

    public final func remove() {
        reset()
        device.remove()
    }

    /// Whether the device may not access memory, and whether its line stays low, whatever it is interrupting for.
    final func allow(memory: Bool, interrupts: Bool) {
        lock.withLock {
            atomicStatus.store(memory ? status & ~Status.held : status | Status.held, ordering: .relaxed)
            isLineDisabled = !interrupts
            updateLine()
        }
    }

    /// The driver has done what it must not do: nothing is served until it resets the device.
    final func fail(_ error: HyperError) {
        lock.withLock {
            atomicStatus.store(status | Status.needsReset, ordering: .relaxed)
            lastFailure = error.message
        }
        interrupt(.configuration)
    }

    // MARK: Configuration space

    final func readConfiguration(_ offset: UInt64, width: Int) -> UInt64 {
        lock.withLock {
            var value: UInt64 = 0
            for index in 0..<UInt64(width) where offset + index < UInt64(configuration.count) {
                value |= UInt64(configuration[Int(offset + index)]) << (8 * index)
            }
            return value
        }
    }

    /// Changes what the driver reads, and tells it, unless it knows, since it has asked for that.
    final func setConfiguration(_ bytes: [UInt8], tellsDriver: Bool = true) {
        changeConfiguration(tellsDriver: tellsDriver) { $0 = bytes }
    }

    final func changeConfiguration(tellsDriver: Bool = true, _ change: (inout [UInt8]) -> Void) {
        lock.withLock {
            change(&configuration)
            configurationGeneration &+= 1
        }
        if tellsDriver { interrupt(.configuration) }
    }

    // MARK: Queues

    final func queue(_ index: UInt32) -> Virtqueue? { index < queues.count ? queues[Int(index)] : nil }

    /// The one that the driver has chosen, if there is one.
    final var selected: Virtqueue? { queue(lock.withLock { selectedQueue }) }

    /// What does not fit is no power of two that the queue allows, either. The driver leaves a queue alone that is ready.
    final func setQueueSize(_ value: UInt32) {
        guard let queue = selected else { return }
        queue.lock.withLock { if !queue.isReady { queue.size = UInt16(exactly: value) ?? 0 } }
    }

    /// Sets one word of the selected queue's addresses, of which each has two.
    final func setQueueAddress(_ word: Int, _ value: UInt32) {
        guard let queue = selected else { return }
        let shift = UInt64(word & 1) * 32
        queue.lock.withLock {
            guard !queue.isReady else { return }
            queue.areas[word / 2] = queue.areas[word / 2] & ~(0xffff_ffff << shift) | UInt64(value) << shift
        }
    }

    final func startQueue(_ queue: Virtqueue) {
        let (features, areAgreed) = lock.withLock { (driverFeatures, status & Status.featuresOK != 0) }
        queue.lock.withLock {
            guard areAgreed, !queue.isReady else { return }
            do throws(HyperError) {
                try queue.start(
                    eventIndex: features & Feature.eventIndex != 0,
                    indirect: features & Feature.indirectDescriptors != 0)
            } catch {
                fail(error)
            }
        }
    }

    /// The driver has put buffers into the queue of that number.
    @inline(__always)
    final func notify(_ index: UInt32) {
        if index < queues.count { device.notified(Int(index)) }
    }

    /// Serves the buffers that are available, one after the other: `body` returns how many bytes it has written, or nil
    /// where the buffer is completed later. The queue's lock is held meanwhile.
    final func serve(_ index: Int, _ body: (VirtqueueBuffer) throws(HyperError) -> UInt32?) {
        let queue = queues[index]
        queue.lock.withLock {
            guard isRunning else { return }
            do throws(HyperError) {
                // Of those that come meanwhile the driver may notify, or not.
                var count = try queue.availableCount()
                var budget = Self.byteBudget
                while count > 0, budget > 0, let buffer = try queue.take() {
                    if let written = try body(buffer) { queue.complete(buffer, written: written) }
                    budget -= buffer.readable.count + buffer.writable.count
                    count -= 1
                }
                if queue.acceptNotifications() { goOn(queue) }
            } catch {
                fail(error)
            }
            if queue.wantsInterrupt() { interrupt(.queue(index)) }
        }
    }

    private func goOn(_ queue: Virtqueue) {
        guard !queue.isContinued else { return }
        queue.isContinued = true
        work.add { [self] in
            queue.lock.withLock { queue.isContinued = false }
            device.notified(queue.index)
        }
    }

    /// Puts something into the driver's next buffer: `body` returns how many bytes it has written, or nil where it does
    /// not want the buffer. The driver need not notify of buffers until none is left.
    final func supply(_ index: Int, _ body: (VirtqueueBuffer) throws(HyperError) -> UInt32?) -> Supply {
        let queue = queues[index]
        return queue.lock.withLock {
            guard isRunning, queue.isReady else { return .stopped }
            var result = Supply.supplied
            do throws(HyperError) {
                var buffer = try queue.take()
                if buffer == nil, queue.acceptNotifications() { buffer = try queue.take() }
                guard let buffer else { return .noBuffer }
                if let written = try body(buffer) {
                    queue.complete(buffer, written: written)
                } else {
                    queue.putBack()
                    result = .unwanted
                }
                queue.suppressNotifications()
            } catch {
                fail(error)
                result = .stopped
            }
            if queue.wantsInterrupt() { interrupt(.queue(index)) }
            return result
        }
    }

    enum Supply {
        case supplied, noBuffer, unwanted
        /// The driver does not run, or not any more.
        case stopped
    }

    /// Says that a buffer's memory is used when it is not completed where it is served. Said there.
    final func beginUse() -> Int { memory._withUnsafeGuaranteedRef { $0.beginUse() } }
    final func endUse(_ use: Int) { memory._withUnsafeGuaranteedRef { $0.endUse(use) } }

    /// Gives back a buffer that was not completed when it was served: `body` writes what is left to write, unless the
    /// buffer is nobody's any more. The queue's lock is held meanwhile, not before.
    final func complete(_ index: Int, _ buffer: VirtqueueBuffer, _ body: (_ isOwned: Bool) -> UInt32) {
        let queue = queues[index]
        queue.lock.withLock {
            let isOwned = queue.owns(buffer)
            let written = body(isOwned)
            guard isOwned else { return }
            queue.complete(buffer, written: written)
            if isRunning, queue.wantsInterrupt() { interrupt(.queue(index)) }
        }
    }
}
