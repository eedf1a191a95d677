import Testing

@testable import Hyper

/// A station at the other end of the wire, by the RFCs: it makes frames byte by byte and takes them apart again.
class TwinPeer {
    static let link: [UInt8] = [0x52, 0x55, 10, 0, 2, 2]
    static let address: [UInt8] = [10, 0, 2, 2], own: [UInt8] = [10, 0, 2, 15]
    static let second: UInt64 = 1_000_000_000

    /// Of the station that it speaks to.
    let link: [UInt8]
    /// What that has sent, and nobody has looked at.
    var output: [[UInt8]] = []

    init(link: [UInt8]) { self.link = link }

    /// Gives the station a frame.
    func give(_ frame: [UInt8]) {}

    /// RFC 1071, written down as it is there.
    static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 + (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return [UInt8(~sum >> 8 & 0xff), UInt8(~sum & 0xff)]
    }

    static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
    static func long(_ value: UInt32) -> [UInt8] { word(Int(value >> 16)) + word(Int(value & 0xffff)) }

    static func arp(
        _ operation: Int, from link: [UInt8], _ address: [UInt8], to target: [UInt8], _ targetAddress: [UInt8]
    ) -> [UInt8] {
        [0, 1, 8, 0, 6, 4] + word(operation) + link + address + target + targetAddress
    }

    static func packet(
        _ transport: UInt8, _ payload: [UInt8], from source: [UInt8] = address, to destination: [UInt8] = own
    ) -> [UInt8] {
        var header: [UInt8] = [0x45, 0] + word(20 + payload.count) + [0, 0, 0x40, 0, 64, transport, 0, 0]
        header += source + destination
        header.replaceSubrange(10..<12, with: checksum(header))
        return header + payload
    }

    /// With a transport's checksum at `offset`.
    static func withChecksum(
        _ transport: UInt8, _ bytes: [UInt8], at offset: Int, from source: [UInt8] = address,
        to destination: [UInt8] = own
    ) -> [UInt8] {
        var bytes = bytes
        let sum = checksum(source + destination + [0, transport] + word(bytes.count) + bytes)
        bytes.replaceSubrange(offset..<offset + 2, with: sum)
        return bytes
    }

    func receive(type: Int, _ payload: [UInt8], to destination: [UInt8]? = nil) {
        give((destination ?? link) + Self.link + Self.word(type) + payload)
    }

    func receive(_ transport: UInt8, _ payload: [UInt8]) { receive(type: 0x0800, Self.packet(transport, payload)) }

    struct Sent {
        let destination: [UInt8]
        let type: Int
        let payload: [UInt8]
    }

    /// Says who it is where it is asked for.
    private func introduce() {
        let question: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1]
        let isAsked = output.contains {
            $0[14..<22].elementsEqual(question) && $0[38..<42].elementsEqual(Self.address)
        }
        guard isAsked else { return }
        output.removeAll { $0[14..<22].elementsEqual(question) && $0[38..<42].elementsEqual(Self.address) }
        receive(type: 0x0806, Self.arp(2, from: Self.link, Self.address, to: link, Self.own))
    }

    /// What the station has sent since this was asked last, but for questions who its peer is, which are answered.
    func take() -> [Sent] {
        introduce()
        defer { output = [] }
        return output.map { frame in
            #expect(frame.count >= 60 && frame[6..<12].elementsEqual(link))
            return Sent(
                destination: Array(frame[..<6]), type: Int(frame[12]) << 8 | Int(frame[13]),
                payload: Array(frame[14...]))
        }
    }

    /// The payload of the one packet of the transport that it has sent, whose checksums are right.
    func takePacket(_ transport: UInt8) throws -> [UInt8] {
        let sent = take()
        try #require(sent.count == 1)
        let packet = sent[0].payload
        #expect(sent[0].type == 0x0800 && sent[0].destination == Self.link && packet[9] == transport)
        #expect(Self.checksum(Array(packet[..<20])) == [0, 0])
        return Array(packet[20..<Int(packet[2]) << 8 | Int(packet[3])])
    }
}

/// One that has the station in its hands.
final class StationPeer: TwinPeer {
    let station: IPv4Station
    var now: UInt64 = 0

    init(isConfigured: Bool = true) throws {
        Port.start()
        station = IPv4Station(link: MACAddress(0x0248_7900_0001))
        super.init(link: station.link.octets)
        if isConfigured {
            station.configure(try IPv4Configuration("10.0.2.15/24", gateway: "10.0.2.2"))
            // So that the station knows whom to answer.
            receive(type: 0x0806, Self.arp(1, from: Self.link, Self.address, to: [0, 0, 0, 0, 0, 0], Self.own))
            _ = take()
        }
    }

    override var output: [[UInt8]] {
        get { station.output }
        set { station.output = newValue }
    }

    override func give(_ frame: [UInt8]) { station.receive(frame, now: now) }

    func advance(to time: UInt64) {
        now = time
        station.advance(now)
    }
}

extension TwinPeer {
    /// The address, from ``address``; and its network, gateway, and an hour's lease.
    static let dhcpServer: [UInt8] = [54, 4, 10, 0, 2, 2]
    static let dhcpNetwork: [UInt8] = [1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 51, 4, 0, 0, 0x0e, 0x10]

    /// A server's message: fixed fields, the cookie, options (RFC 2131, 2; RFC 2132).
    func dhcpMessage(_ transaction: [UInt8], _ options: [UInt8]) -> [UInt8] {
        let fixed: [UInt8] = [2, 1, 6, 0] + transaction + [0, 0, 0x80, 0] + [0, 0, 0, 0] + Self.own
        let data =
            fixed + [0, 0, 0, 0, 0, 0, 0, 0] + link + [UInt8](repeating: 0, count: 202)
            + [0x63, 0x82, 0x53, 0x63] + options + [255]
        let datagram = Self.word(67) + Self.word(68) + Self.word(8 + data.count) + [0, 0] + data
        let all: [UInt8] = [255, 255, 255, 255]
        return Self.packet(
            17, Self.withChecksum(17, datagram, at: 6, from: Self.address, to: all), from: Self.address, to: all)
    }

    /// The options of the one message that the client has sent.
    func takeDHCPMessage() throws -> (transaction: [UInt8], options: [UInt8: [UInt8]]) {
        let sent = take()
        try #require(sent.count == 1)
        let data = Array(sent[0].payload[28...])
        #expect(data[0] == 1 && Array(data[28..<34]) == link)
        #expect(Array(data[236..<240]) == [0x63, 0x82, 0x53, 0x63])
        var (options, place): ([UInt8: [UInt8]], Int) = ([:], 240)
        while data[place] != 255 {
            options[data[place]] = Array(data[place + 2..<place + 2 + Int(data[place + 1])])
            place += 2 + Int(data[place + 1])
        }
        return (Array(data[4..<8]), options)
    }
}

/// A client of TCP, which keeps no rules but those that a test keeps.
final class TwinClient {
    static let fin: UInt8 = 1, syn: UInt8 = 2, rst: UInt8 = 4, ack: UInt8 = 16

    struct Segment: Equatable {
        var sequence: UInt32
        var acknowledgement: UInt32
        var flags: UInt8
        var window: Int
        var options: [UInt8]
        var data: [UInt8]
    }

    let peer: TwinPeer
    var port = 40000
    /// Of the next octet that the client sends, and that it expects.
    var next: UInt32 = 0xffff_fff0
    var expected: UInt32 = 0
    var window = 8192

    init(_ peer: TwinPeer) { self.peer = peer }

    func send(
        _ flags: UInt8, _ data: [UInt8] = [], at sequence: UInt32? = nil, acknowledging: UInt32? = nil,
        options: [UInt8] = []
    ) {
        var bytes = TwinPeer.word(port) + TwinPeer.word(23) + TwinPeer.long(sequence ?? next)
        bytes += TwinPeer.long(flags & Self.ack != 0 ? acknowledging ?? expected : 0)
        bytes += [UInt8((5 + options.count / 4) << 4), flags] + TwinPeer.word(window) + [0, 0, 0, 0] + options + data
        peer.receive(6, TwinPeer.withChecksum(6, bytes, at: 16))
    }

    /// All segments that the server has sent, whose checksums are right.
    func take() -> [Segment] {
        peer.take().compactMap { sent in
            guard sent.type == 0x0800, sent.payload[9] == 6 else { return nil }
            let length = Int(sent.payload[2]) << 8 | Int(sent.payload[3])
            let bytes = Array(sent.payload[20..<length])
            #expect(
                TwinPeer.checksum(TwinPeer.own + TwinPeer.address + [0, 6] + TwinPeer.word(bytes.count) + bytes) == [
                    0, 0,
                ])
            func long(_ offset: Int) -> UInt32 { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
            #expect(Int(bytes[0]) << 8 | Int(bytes[1]) == 23 && Int(bytes[2]) << 8 | Int(bytes[3]) == port)
            let size = Int(bytes[12] >> 4) * 4
            return Segment(
                sequence: long(4), acknowledgement: long(8), flags: bytes[13],
                window: Int(bytes[14]) << 8 | Int(bytes[15]), options: Array(bytes[20..<size]),
                data: Array(bytes[size...]))
        }
    }

    /// The three-way handshake, and nothing more.
    func open() throws {
        try shakeHands()
        #expect(take().isEmpty)
    }

    func shakeHands() throws {
        send(Self.syn, options: [2, 4, 0x05, 0xb4])
        next &+= 1
        let answer = take()
        try #require(answer.count == 1 && answer[0].flags == Self.syn | Self.ack && answer[0].acknowledgement == next)
        expected = answer[0].sequence &+ 1
        send(Self.ack)
    }
}
