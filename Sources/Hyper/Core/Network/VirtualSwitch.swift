/// A network inside the machine: ports, and a rule for what goes from one to which others.
public final class VirtualSwitch {
    public enum Policy: Sendable {
        /// A bridge that learns who is where (IEEE 802.1D): a frame goes where its destination was seen, or everywhere.
        case learning
        /// Every frame goes to all other ports.
        case hub
    }

    /// Nanoseconds after which a station that says nothing is forgotten (IEEE 802.1D, Ageing Time, its default).
    public static let defaultAge: UInt64 = 300_000_000_000
    public static let portLimit = 64

    public let name: Text
    public let policy: Policy
    /// Bytes of payload that a frame may have.
    public let maximumTransmissionUnit: Int
    /// Guards everything below, and what ports have sent. Never held while a port is called.
    private let lock = SpinLock()
    private var list: [NetworkPort] = []
    private var table: MACTable

    public init(
        name: Text, policy: Policy = .learning, maximumTransmissionUnit: Int = 1500, age: UInt64 = defaultAge
    ) {
        self.name = name
        self.policy = policy
        self.maximumTransmissionUnit = maximumTransmissionUnit
        table = MACTable(maximumAge: Timers.ticks(age))
    }

    public var ports: [NetworkPort] { lock.withLock { list } }
    /// Stations that it knows, or has not forgotten yet.
    public var stationCount: Int { lock.withLock { table.count } }

    public func addPort(_ name: Text) throws(HyperError) -> NetworkPort {
        let port = NetworkPort(name: name, network: self)
        let isAdded = lock.withLock {
            guard list.count < Self.portLimit else { return false }
            list.append(port)
            return true
        }
        guard isAdded else {
            throw HyperError(
                "network \(self.name) has no room for \(name) beside \(Self.portLimit) ports: remove one of them")
        }
        return port
    }

    /// Takes the port out. Once this returns nothing comes from it, and nothing is on its way to it.
    public func remove(_ port: NetworkPort) {
        lock.withLock {
            port.isRemoved = true
            list.removeAll { $0 === port }
            table.forget(port)
        }
        port.connect(nil)
    }

    /// The port behind which the station was seen.
    public func port(of address: MACAddress) -> NetworkPort? {
        lock.withLock { table.port(of: address, now: Port.counter) }
    }

    func sent(_ port: NetworkPort) -> NetworkPort.Counters { lock.withLock { port.sentCounters } }

    private enum Route {
        case nowhere
        case port(NetworkPort)
        /// All but the sender's. The array is as it was when the frame was sent, whoever comes and goes meanwhile.
        case everywhere([NetworkPort])
    }

    func forward(_ bytes: ScatterList, from sender: NetworkPort) {
        switch lock.withLock({ route(bytes, from: sender) }) {
        case .nowhere: return
        case .port(let port): port.deliver(bytes)
        case .everywhere(let ports): for port in ports where port !== sender { port.deliver(bytes) }
        }
    }

    private func route(_ bytes: ScatterList, from sender: NetworkPort) -> Route {
        // A frame may carry a VLAN's tag of four bytes more (IEEE 802.1Q).
        let limit = maximumTransmissionUnit + NetworkFrame.headerSize + 4
        guard bytes.count <= limit, let frame = NetworkFrame(bytes) else {
            sender.sentCounters.malformed &+= 1
            return .nowhere
        }
        guard !sender.isRemoved else {
            sender.sentCounters.dropped &+= 1
            return .nowhere
        }
        sender.sentCounters.count(bytes.count)
        guard policy == .learning else { return .everywhere(list) }
        let now = Port.counter
        table.learn(frame.source, sender, now: now)
        guard !frame.destination.isGroup, let port = table.port(of: frame.destination, now: now) else {
            return .everywhere(list)
        }
        // Who is behind the port from which the frame came has it already.
        return port === sender ? .nowhere : .port(port)
    }
}

/// The networks that there are, by name.
public enum VirtualSwitches {
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var all: [VirtualSwitch] = []

    public static func add(_ network: VirtualSwitch) throws(HyperError) {
        guard !all.contains(where: { $0.name == network.name }) else {
            throw HyperError("there is a network \(network.name) already")
        }
        all.append(network)
    }

    public static func remove(_ network: VirtualSwitch) throws(HyperError) {
        let count = network.ports.count
        guard count == 0 else {
            throw HyperError("network \(network.name) has \(count) ports: destroy the guests on it first")
        }
        all.removeAll { $0 === network }
    }

    public static func find(_ name: Text) throws(HyperError) -> VirtualSwitch {
        guard let network = all.first(where: { $0.name == name }) else {
            throw HyperError("there is no network \(name): make it before the guest")
        }
        return network
    }
}
