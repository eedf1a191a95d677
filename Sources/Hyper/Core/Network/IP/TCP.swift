/// The server's side of TCP: ports at which somebody listens, and the connections that others have opened.
public final class TCP {
    public struct Listener {
        public let port: UInt16
        /// Octets that a new connection may have received and not handled.
        let space: Int
        /// Takes a connection that somebody opens; false where there is no room for it.
        let accept: (TCPConnection) -> Bool
    }

    /// Connections, those that are half open or rest among them.
    public static let connectionLimit = 16

    /// Outlives it.
    var station: Unmanaged<IPv4Station>?
    public private(set) var listeners: [Listener] = []
    public private(set) var connections: [TCPConnection] = []
    private let secret = Random.number()

    public func listen(_ port: UInt16, space: Int, _ accept: @escaping (TCPConnection) -> Bool) throws(HyperError) {
        guard !listeners.contains(where: { $0.port == port }) else {
            throw HyperError("somebody listens at TCP port \(UInt64(port)) already")
        }
        listeners.append(Listener(port: port, space: space, accept: accept))
    }

    /// Ends its connections, too.
    public func stopListening(_ port: UInt16, now: UInt64) {
        listeners.removeAll { $0.port == port }
        for connection in connections where connection.port == port { connection.abort() }
        flush(now)
    }

    /// The address is another one, or none: nobody is told.
    func abortAll() {
        for connection in connections { connection.abort() }
        connections = []
    }

    /// Cuts all off, and lets nobody in any more.
    public func close(now: UInt64) {
        listeners = []
        for connection in connections { connection.abort() }
        flush(now)
    }

    func receive(_ packet: IPv4Packet, _ now: UInt64) {
        guard let segment = TCPSegment(packet) else { return }
        let known = connections.first {
            $0.peer == packet.source && $0.peerPort == segment.sourcePort && $0.port == segment.destinationPort
        }
        if let known, !known.isResting || !segment.flags.contains(.synchronize) {
            let wasHalfOpen = known.isHalfOpen
            known.receive(segment, now: now)
            if wasHalfOpen, !known.isHalfOpen, !known.isClosed, !accept(known) { known.abort() }
            return flush(now)
        }
        // A new connection in place of one that rests (RFC 9293, 3.6.1).
        if let known { connections.removeAll { $0 === known } }
        open(segment, packet.source, now)
    }

    private func accept(_ connection: TCPConnection) -> Bool {
        listeners.first { $0.port == connection.port }?.accept(connection) ?? false
    }

    private func open(_ segment: TCPSegment, _ peer: IPv4Address, _ now: UInt64) {
        guard !segment.flags.contains(.reset) else { return }
        guard segment.flags.contains(.synchronize), !segment.flags.contains(.acknowledge),
            let listener = listeners.first(where: { $0.port == segment.destinationPort }), makeRoom()
        else { return refuse(segment, peer, now) }
        connections.append(
            TCPConnection(
                segment, from: peer, initialSend: initialSequence(segment, peer, now), space: listener.space, now: now))
        flush(now)
    }

    /// Whether there is room for a connection: those that rest, and then those that are half open, go for it, so that nobody
    /// keeps others out by beginning.
    private func makeRoom() -> Bool {
        guard connections.count >= Self.connectionLimit else { return true }
        guard
            let index = connections.firstIndex(where: { $0.isResting })
                ?? connections.firstIndex(where: { $0.isHalfOpen })
        else { return false }
        connections.remove(at: index)
        return true
    }

    /// Nobody listens, or nobody knows of the connection (RFC 9293, 3.10.7.1).
    private func refuse(_ segment: TCPSegment, _ peer: IPv4Address, _ now: UInt64) {
        let isAcknowledged = segment.flags.contains(.acknowledge)
        let answer = TCPSegment(
            from: segment.destinationPort, to: segment.sourcePort,
            sequence: isAcknowledged ? segment.acknowledgement : 0,
            acknowledgement: isAcknowledged ? 0 : segment.sequence &+ segment.length,
            isAcknowledged ? .reset : [.reset, .acknowledge])
        send(answer, peer, now)
    }

    /// RFC 6528: a clock of 4 µs, and what nobody can guess of another's connection.
    private func initialSequence(_ segment: TCPSegment, _ peer: IPv4Address, _ now: UInt64) -> UInt32 {
        let key: InlineArray<8, UInt32> = [
            UInt32(truncatingIfNeeded: secret), UInt32(truncatingIfNeeded: secret >> 32), peer.value,
            UInt32(segment.sourcePort) << 16 | UInt32(segment.destinationPort), 0, 0, 0, 0,
        ]
        return Random.block(key, counter: 0)[0] &+ UInt32(truncatingIfNeeded: now / 4000)
    }

    // MARK: Time

    var deadline: UInt64? { connections.compactMap { $0.deadline }.min() }

    func advance(_ now: UInt64) {
        for connection in connections { connection.advance(now) }
        flush(now)
    }

    /// Sends what connections have made, and forgets those that are closed.
    public func flush(_ now: UInt64) {
        for connection in connections {
            for segment in connection.output { send(segment, connection.peer, now) }
            connection.output = []
        }
        connections.removeAll { $0.isClosed }
    }

    private func send(_ segment: TCPSegment, _ peer: IPv4Address, _ now: UInt64) {
        station?._withUnsafeGuaranteedRef { station in
            guard let own = station.configuration?.address else { return }
            station.send(segment.bytes(from: own, to: peer), IPv4Packet.Transport.tcp, to: peer, now: now)
        }
    }
}
