/// A station of an Ethernet that speaks IPv4 (RFC 1122): ARP, answers to pings and pings, UDP, DHCP, and TCP as a server.
///
/// It does no I/O and knows no clock: its owner gives it frames and the time, in nanoseconds, and sends the frames that are
/// in ``output``, one thread at a time.
public final class IPv4Station {
    private static let arpType: UInt16 = 0x0806, ipType: UInt16 = 0x0800
    /// Frames that wait for the owner: what is more is lost, as on any wire.
    private static let outputLimit = 256

    public let link: MACAddress
    public internal(set) var configuration: IPv4Configuration?
    public var output: [[UInt8]] = []
    public let tcp: TCP
    var dhcp: DHCPClient?
    private var arp = ARPTable()
    /// Told who has answered a ping: identifier, sequence number.
    public var onEchoReply: (IPv4Address, UInt16, UInt16) -> Void = { _, _, _ in }

    public init(link: MACAddress) {
        self.link = link
        tcp = TCP()
        tcp.station = Unmanaged.passUnretained(self)
    }

    /// An address that somebody has chosen.
    public func configure(_ configuration: IPv4Configuration) {
        dhcp = nil
        take(configuration)
    }

    /// Asks for an address (RFC 2131).
    public func configureByDHCP(now: UInt64) {
        take(nil)
        dhcp = DHCPClient(link: link, transaction: UInt32(truncatingIfNeeded: Random.number()))
        advance(now)
    }

    private func take(_ new: IPv4Configuration?) {
        guard new != configuration else { return }
        tcp.abortAll()
        arp = ARPTable()
        configuration = new
    }

    // MARK: Time

    /// Does what is due.
    public func advance(_ now: UInt64) {
        for address in arp.advance(now) { ask(address) }
        tcp.advance(now)
        if let actions = dhcp?.advance(now) { perform(actions, now) }
    }

    /// When there is something to do.
    public var deadline: UInt64? {
        var deadline: UInt64 = .max
        if let time = arp.deadline { deadline = min(deadline, time) }
        if let time = tcp.deadline { deadline = min(deadline, time) }
        if let time = dhcp?.deadline { deadline = min(deadline, time) }
        return deadline == .max ? nil : deadline
    }

    private func perform(_ actions: DHCPClient.Actions, _ now: UInt64) {
        if case .set(let new) = actions.configuration { take(new) }
        guard let message = actions.message else { return }
        let source = actions.server == nil ? .any : configuration?.address ?? .any
        sendUDP(
            message, from: (source, DHCPClient.clientPort),
            to: (actions.server ?? .broadcast, DHCPClient.serverPort), now: now)
    }

    // MARK: Frames

    public func receive(_ frame: [UInt8], now: UInt64) {
        var reader = PacketReader(frame[...])
        guard let destination = reader.number(bytes: 6), reader.number(bytes: 6) != nil, let type = reader.u16() else {
            return
        }
        let target = MACAddress(destination)
        guard target == link || target == MACAddress(~0) else { return }
        switch type {
        case Self.arpType: receiveARP(reader.rest, now)
        case Self.ipType: receiveIP(reader.rest, now)
        default: break
        }
    }

    private func sendFrame(_ payload: [UInt8], to destination: MACAddress, _ type: UInt16) {
        guard output.count < Self.outputLimit else { return }
        var frame = destination.octets + link.octets
        frame.append(bigEndian: type)
        frame += payload
        // The shortest frame, without its checksum (IEEE 802.3).
        if frame.count < 60 { frame += [UInt8](repeating: 0, count: 60 - frame.count) }
        output.append(frame)
    }

    private func receiveARP(_ bytes: ArraySlice<UInt8>, _ now: UInt64) {
        guard let message = ARPTable.Message(bytes), let own = configuration?.address else { return }
        // Somebody who has our address is not learned: we would speak to ourselves.
        guard message.sender.address != own else { return }
        let isForUs = message.target == own
        let ready = arp.learn(message.sender.address, message.sender.link, isForUs: isForUs, now: now)
        for packet in ready { sendFrame(packet, to: message.sender.link, Self.ipType) }
        guard isForUs, message.operation == ARPTable.Message.request else { return }
        let reply = ARPTable.Message.bytes(ARPTable.Message.reply, from: (link, own), to: message.sender)
        sendFrame(reply, to: message.sender.link, Self.arpType)
    }

    private func ask(_ address: IPv4Address) {
        guard let own = configuration?.address else { return }
        let nobody = (MACAddress(0), address)
        let question = ARPTable.Message.bytes(ARPTable.Message.request, from: (link, own), to: nobody)
        sendFrame(question, to: MACAddress(~0), Self.arpType)
    }

    // MARK: Packets

    private func receiveIP(_ bytes: ArraySlice<UInt8>, _ now: UInt64) {
        guard let packet = IPv4Packet(bytes) else { return }
        guard let configuration else {
            // Who has no address yet takes what a server of DHCP sends him, wherever that goes (RFC 2131, 4.1).
            if packet.transport == IPv4Packet.Transport.udp { receiveUDP(packet, now) }
            return
        }
        let isOwn = packet.destination == configuration.address
        let isForAll = packet.destination == .broadcast || packet.destination == configuration.broadcast
        guard isOwn || isForAll, packet.source.isStation, packet.source != configuration.broadcast,
            packet.source != configuration.address
        else { return }
        switch packet.transport {
        case IPv4Packet.Transport.icmp where isOwn: receiveICMP(packet, now)
        case IPv4Packet.Transport.tcp where isOwn: tcp.receive(packet, now)
        case IPv4Packet.Transport.udp: receiveUDP(packet, now)
        default: break
        }
    }

    func send(
        _ payload: [UInt8], _ transport: UInt8, from source: IPv4Address? = nil, to destination: IPv4Address,
        now: UInt64
    ) {
        guard let source = source ?? configuration?.address, payload.count <= IPv4Packet.payloadLimit else { return }
        let packet = IPv4Packet.bytes(from: source, to: destination, transport, payload)
        if destination == .broadcast || destination == configuration?.broadcast {
            return sendFrame(packet, to: MACAddress(~0), Self.ipType)
        }
        guard let hop = configuration?.nextHop(to: destination) else { return }
        switch arp.send(packet, to: hop, now: now) {
        case .known(let link): sendFrame(packet, to: link, Self.ipType)
        case .ask: ask(hop)
        case .waits: break
        }
    }

    // MARK: ICMP (RFC 792)

    private enum Echo {
        static let reply: UInt8 = 0, request: UInt8 = 8
    }

    private func receiveICMP(_ packet: IPv4Packet, _ now: UInt64) {
        var reader = PacketReader(packet.payload)
        guard InternetChecksum.of(packet.payload) == 0, let type = reader.u8(), let code = reader.u8(), code == 0,
            reader.u16() != nil, let identifier = reader.u16(), let sequence = reader.u16()
        else { return }
        switch type {
        case Echo.request:
            let reply = echo(Echo.reply, identifier, sequence, reader.rest)
            send(reply, IPv4Packet.Transport.icmp, to: packet.source, now: now)
        case Echo.reply: onEchoReply(packet.source, identifier, sequence)
        default: break
        }
    }

    private func echo(_ type: UInt8, _ identifier: UInt16, _ sequence: UInt16, _ data: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = [type, 0, 0, 0]
        bytes.append(bigEndian: identifier)
        bytes.append(bigEndian: sequence)
        bytes += data
        bytes.set(2, bigEndian: InternetChecksum.of(bytes[...]))
        return bytes
    }

    /// Sends a ping with 56 bytes, as everybody does.
    public func ping(_ address: IPv4Address, identifier: UInt16, sequence: UInt16, now: UInt64) throws(HyperError) {
        guard let configuration else {
            throw HyperError("the terminal has no address yet: give it one with `net ip`, or wait for DHCP")
        }
        guard configuration.nextHop(to: address) != nil else {
            throw HyperError("\(address.text) is not on the terminal's network, and no gateway is known")
        }
        let data = (0..<UInt8(56)).map { $0 }
        send(
            echo(Echo.request, identifier, sequence, data[...]), IPv4Packet.Transport.icmp, to: address, now: now)
    }

    // MARK: UDP (RFC 768)

    private func receiveUDP(_ packet: IPv4Packet, _ now: UInt64) {
        var reader = PacketReader(packet.payload)
        guard let source = reader.u16(), let destination = reader.u16(), let length = reader.u16(),
            let checksum = reader.u16(), length >= 8, Int(length) <= packet.payload.count
        else { return }
        let datagram = packet.payload.prefix(Int(length))
        // A checksum of 0 is none.
        guard
            checksum == 0
                || IPv4Packet.checksum(
                    from: packet.source, to: packet.destination, IPv4Packet.Transport.udp, datagram) == 0
        else { return }
        guard source == DHCPClient.serverPort, destination == DHCPClient.clientPort else { return }
        if let actions = dhcp?.receive(datagram.dropFirst(8), now) { perform(actions, now) }
    }

    private func sendUDP(
        _ data: [UInt8], from source: (address: IPv4Address, port: UInt16),
        to destination: (address: IPv4Address, port: UInt16), now: UInt64
    ) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: source.port)
        bytes.append(bigEndian: destination.port)
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: 8 + data.count))
        bytes += [0, 0]
        bytes += data
        let checksum = IPv4Packet.checksum(
            from: source.address, to: destination.address, IPv4Packet.Transport.udp, bytes[...])
        bytes.set(6, bigEndian: checksum == 0 ? 0xffff : checksum)
        send(bytes, IPv4Packet.Transport.udp, from: source.address, to: destination.address, now: now)
    }
}
