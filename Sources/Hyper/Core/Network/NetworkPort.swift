/// What is behind a port of a switch: a guest's network card, the host's, the terminal.
public protocol NetworkEndpoint: AnyObject {
    /// Takes the frame, whose bytes are valid until this returns. Called on any CPU with the port's lock held, so an
    /// answer is sent by somebody else, or later.
    func take(_ bytes: ScatterList) -> NetworkReception
}

/// What became of a frame.
public enum NetworkReception: Sendable {
    case taken
    /// There is no room for it: the port keeps it until the endpoint calls ``NetworkPort/resume()``.
    case later
    /// Nobody is there who would want it, or it can never be taken.
    case refused
}

/// A port of a virtual switch.
///
/// Sent is what comes from the endpoint, received what goes to it, as a network card counts. Locks are taken in this
/// order: what an endpoint holds while it sends; the switch's, which is given back before anything is delivered; the
/// receiving port's; what an endpoint needs to receive. An endpoint that sends holds nothing that it needs to receive.
public final class NetworkPort {
    public struct Counters: Sendable {
        public var frames: UInt64 = 0
        public var bytes: UInt64 = 0
        /// Lost: no room, nobody there, or no port to send to.
        public var dropped: UInt64 = 0
        /// Not frames: shorter than a header, or longer than the switch forwards.
        public var malformed: UInt64 = 0

        mutating func count(_ length: Int) {
            frames &+= 1
            bytes &+= UInt64(length)
        }
    }

    /// Frames that wait for the endpoint, at most.
    public static let waitingLimit = 32

    public let name: Text
    /// Lives until the port is removed from it.
    private let network: VirtualSwitch
    private let lock = SpinLock()
    // Guarded by `lock`.
    private var endpoint: (any NetworkEndpoint)?
    private var waiting: [[UInt8]] = []
    private var receivedCounters = Counters()
    // Guarded by the switch's lock.
    var sentCounters = Counters()
    var isRemoved = false
    /// Addresses that the switch has learned of it.
    var addressCount = 0
    /// Frames from addresses that were not learned, since the port has too many.
    var unlearned: UInt64 = 0

    init(name: Text, network: VirtualSwitch) {
        self.name = name
        self.network = network
    }

    public var received: Counters { lock.withLock { receivedCounters } }
    public var sent: Counters { network.sent(self) }
    public var waitingCount: Int { lock.withLock { waiting.count } }

    /// Gives frames to the endpoint from now on, or to nobody. Once this returns, none is on its way to the old one.
    public func connect(_ endpoint: (any NetworkEndpoint)?) {
        lock.withLock {
            self.endpoint = endpoint
            waiting = []
        }
    }

    /// Takes the port out of its network.
    public func remove() { network.remove(self) }

    public var maximumTransmissionUnit: Int { network.maximumTransmissionUnit }

    /// Sends a frame into the network.
    public func send(_ bytes: ScatterList) { network.forward(bytes, from: self) }

    /// Gives the endpoint what waits for it, as far as it has room.
    public func resume() {
        lock.withLock {
            var done = 0
            while done < waiting.count, offer(waiting[done].withUnsafeMutableBytes { ScatterList($0) }) { done += 1 }
            if done > 0 { waiting.removeFirst(done) }
        }
    }

    /// Forgets what waits: the endpoint is reset.
    public func discardWaiting() {
        lock.withLock {
            receivedCounters.dropped &+= UInt64(waiting.count)
            waiting = []
        }
    }

    /// A frame from the switch, which does not hold its lock.
    func deliver(_ bytes: ScatterList) {
        lock.withLock {
            // Behind those that came before it.
            if waiting.isEmpty, offer(bytes) { return }
            guard waiting.count < Self.waitingLimit else { return receivedCounters.dropped &+= 1 }
            waiting.append(bytes.bytes)
        }
    }

    /// False where the frame has to wait.
    private func offer(_ bytes: ScatterList) -> Bool {
        switch endpoint?.take(bytes) {
        case .taken: receivedCounters.count(bytes.count)
        case .later: return false
        case .refused, nil: receivedCounters.dropped &+= 1
        }
        return true
    }
}
