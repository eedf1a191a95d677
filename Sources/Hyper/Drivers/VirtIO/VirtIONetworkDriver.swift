/// A network card of the host's behind VirtIO (VirtIO 1.2, Network Device).
///
/// It copies each frame once: outwards from the sender's memory, inwards to the receiver's. A thread passes on what comes
/// from outside, so that a flood of frames takes no more of the machine than a thread's share of it.
public final class VirtIONetworkDriver: HostNetworkDevice, HostDevice {
    private enum Feature {
        static let address: UInt64 = 1 << 5, status: UInt64 = 1 << 16
    }

    private enum Configuration {
        static let address: UInt64 = 0, status: UInt64 = 6
    }

    private static let receiveQueue = 0, transmitQueue = 1
    private static let queueLimit = 64
    /// A frame of 1514 bytes, a VLAN's tag, and the header.
    private static let slotSize = 2048
    /// Frames that are passed on before others get their turn.
    private static let batch = 32

    public let name: Text
    public let address: MACAddress
    private let transport: VirtIODriverTransport
    /// Of struct virtio_net_hdr, which has no `num_buffers` in the legacy interface without merged buffers.
    private let headerSize: Int
    private let hasStatus: Bool
    private let slots: UInt64
    private let slotPages: Int
    private let work: WorkQueue
    private let lock = SpinLock()
    // Guarded by `lock`.
    private let receiving: DriverVirtqueue
    private let transmitting: DriverVirtqueue
    /// The slot of each buffer that a queue has, by the buffer's number.
    private var receiveSlots: [Int]
    private var transmitSlots: [Int]
    private var freeSlots: [Int] = []
    /// Received, not passed on yet, and not given back to the card.
    private var port: NetworkPort?
    private var isWorking = false
    private var isSending = false
    private var linkIsUp = true
    private var stopReason: Text?

    public init(_ transport: VirtIODriverTransport, work: WorkQueue) throws(HyperError) {
        let features = try transport.negotiate(Feature.address | Feature.status)
        self.transport = transport
        self.work = work
        name = HostNetworkDevices.freeName
        headerSize = transport.isLegacy ? 10 : 12
        hasStatus = features & Feature.status != 0
        if features & Feature.address != 0 {
            var value: UInt64 = 0
            for octet in 0..<UInt64(6) {
                value = value << 8 | transport.configuration(Configuration.address + octet, width: 1)
            }
            address = MACAddress(value)
        } else {
            // One of nobody's making, by the lot.
            var value = Random.number()
            value = value & ~(3 << 40) | 2 << 40
            address = MACAddress(value)
        }
        receiving = try transport.makeQueue(Self.receiveQueue, limit: Self.queueLimit)
        transmitting = try transport.makeQueue(Self.transmitQueue, limit: Self.queueLimit)
        receiveSlots = Array(repeating: 0, count: receiving.size)
        transmitSlots = Array(repeating: 0, count: transmitting.size)
        slotPages = (receiving.size + transmitting.size + 1) / 2
        slots = try Pages.allocate(slotPages)
        for slot in 0..<receiving.size { offer(slot) }
        freeSlots = Array(receiving.size..<receiving.size + transmitting.size)
        transmitting.setInterrupts(false)
        readLink()
        HostNetworkDevices.add(self)
        transport.start { [self] causes in interrupt(causes) }
        transport.notify(receiving)
    }

    deinit { Pages.free(slots, slotPages) }

    public var place: Text { transport.path }
    public var isLinkUp: Bool { lock.withLock { linkIsUp } }
    public var failure: Text? { lock.withLock { stopReason } }
    public var summary: Text { "\(name), \(address.text)" }

    public func setPort(_ port: NetworkPort?) { lock.withLock { self.port = port } }

    public func remove() {
        HostNetworkDevices.remove(self)
        transport.remove()
        lock.withLock { stopReason = "it was taken away" }
    }

    // MARK: Slots (the lock is held)

    private func slot(_ number: Int) -> UnsafeMutableRawBufferPointer {
        // SAFETY: pages of our own, two slots each.
        UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(slots)).unsafelyUnwrapped + Self.slotSize * number,
            count: Self.slotSize)
    }

    /// Gives the card a slot to receive into.
    private func offer(_ number: Int) {
        if let head = receiving.add([.init(slot(number), isWritable: true)]) { receiveSlots[head] = number }
    }

    /// Takes back the slots of frames that have been sent.
    private func reclaim() throws(HyperError) {
        while let used = try transmitting.takeUsed() { freeSlots.append(transmitSlots[used.head]) }
    }

    // MARK: Outwards

    public func take(_ bytes: ScatterList) -> NetworkReception {
        var problem: HyperError?
        let reception = lock.withLock { () -> NetworkReception in
            guard stopReason == nil, linkIsUp, bytes.count <= Self.slotSize - headerSize else { return .refused }
            do throws(HyperError) {
                try reclaim()
                if freeSlots.isEmpty {
                    // The interrupt of the next one that was sent brings what waits. One may have been sent before it was on.
                    transmitting.setInterrupts(true)
                    isSending = true
                    try reclaim()
                }
            } catch {
                problem = stop(error)
                return .refused
            }
            guard let number = freeSlots.popLast() else { return .later }
            let slot = slot(number)
            // Nothing is left to the card: no checksum, no segments.
            for index in 0..<headerSize { slot[index] = 0 }
            var frame = bytes
            let count = frame.read(into: UnsafeMutableRawBufferPointer(rebasing: slot[headerSize...]))
            let segment = UnsafeMutableRawBufferPointer(rebasing: slot[..<(headerSize + count)])
            guard let head = transmitting.add([.init(segment, isWritable: false)]) else {
                freeSlots.append(number)
                return .later
            }
            transmitSlots[head] = number
            transport.notify(transmitting)
            return .taken
        }
        report(problem)
        return reception
    }

    // MARK: Inwards

    private func interrupt(_ causes: VirtIODriverTransport.Causes) {
        let isIdle = lock.withLock {
            if causes.contains(.configuration) { readLink() }
            defer { isWorking = true }
            return !isWorking
        }
        if isIdle { work.add { [self] in pass() } }
    }

    /// Passes on what has come, and lets go on what waits to go out. Runs in a thread.
    private func pass() {
        lock.withLock { isWorking = false }
        var count = 0
        while count < Self.batch, passOne() { count += 1 }
        let waiting = lock.withLock {
            if count > 0, stopReason == nil { transport.notify(receiving) }
            defer { isSending = false }
            if isSending { transmitting.setInterrupts(false) }
            return isSending ? port : nil
        }
        waiting?.resume()
        // No interrupt says again what is there already.
        if count == Self.batch { interrupt([]) }
    }

    private func passOne() -> Bool {
        var problem: HyperError?
        let received = lock.withLock { () -> (slot: Int, count: Int, port: NetworkPort?)? in
            guard stopReason == nil else { return nil }
            do throws(HyperError) {
                guard let used = try receiving.takeUsed() else { return nil }
                return (receiveSlots[used.head], used.written, port)
            } catch {
                problem = stop(error)
                return nil
            }
        }
        report(problem)
        guard let received else { return false }
        if let port = received.port, received.count > headerSize {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: slot(received.slot)[headerSize..<received.count])
            port.send(ScatterList(bytes))
        }
        lock.withLock { offer(received.slot) }
        return true
    }

    // MARK: State (the lock is held)

    private func readLink() {
        // VIRTIO_NET_S_LINK_UP; without the feature it is always up.
        linkIsUp = !hasStatus || transport.configuration(Configuration.status, width: 2) & 1 != 0
    }

    private func stop(_ problem: HyperError) -> HyperError {
        let error = transport.failed(problem.message)
        stopReason = error.message
        return error
    }

    private func report(_ problem: HyperError?) {
        if let problem { Console.write("hyper: \(problem.message)\n") }
    }
}
