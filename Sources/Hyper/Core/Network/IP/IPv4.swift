/// An address of IPv4.
public struct IPv4Address: Equatable, Sendable {
    /// The first octet is the highest.
    public let value: UInt32

    public init(_ value: UInt32) { self.value = value }

    /// Four decimal numbers with dots between them.
    public init(_ text: Text) throws(HyperError) {
        let parts = text.split(UInt8(ascii: "."), keepsEmpty: true)
        var value: UInt32 = 0
        for part in parts {
            guard parts.count == 4, part.count <= 3, part.bytes.allSatisfy({ 0x30...0x39 ~= $0 }),
                let number = part.number, number < 256
            else { throw HyperError("\(text) is no address of IPv4: write four numbers, such as 10.0.2.15") }
            value = value << 8 | UInt32(number)
        }
        self.value = value
    }

    public static let any = IPv4Address(0)
    public static let broadcast = IPv4Address(0xffff_ffff)

    /// Whether it can be one station's (RFC 1122, 3.2.1.3).
    var isStation: Bool { value >> 24 != 0 && value >> 28 < 0xe && value >> 24 != 127 }

    public var text: Text {
        "\(UInt64(value >> 24)).\(UInt64(value >> 16 & 0xff)).\(UInt64(value >> 8 & 0xff)).\(UInt64(value & 0xff))"
    }
}

/// What a station must know of its network.
public struct IPv4Configuration: Equatable, Sendable {
    public var address: IPv4Address
    /// Bits of the address that are the network's.
    public var prefix: Int
    public var gateway: IPv4Address?

    public init(address: IPv4Address, prefix: Int, gateway: IPv4Address? = nil) {
        self.address = address
        self.prefix = prefix
        self.gateway = gateway
    }

    /// `10.0.2.15/24`.
    public init(_ text: Text, gateway: Text?) throws(HyperError) {
        let parts = text.split(UInt8(ascii: "/"))
        guard parts.count == 2, let prefix = parts[1].number, (1...30).contains(prefix) else {
            throw HyperError("\(text): write the address and how many of its bits are the network's: 10.0.2.15/24")
        }
        address = try IPv4Address(parts[0])
        self.prefix = Int(prefix)
        self.gateway = nil
        guard address.isStation, address.value & ~mask != 0, address.value | mask != ~0 else {
            throw HyperError("\(text) is no station's address")
        }
        guard let gateway else { return }
        let router = try IPv4Address(gateway)
        guard isOnLink(router), router != address else {
            throw HyperError("gateway \(gateway) is not on the network of \(text)")
        }
        self.gateway = router
    }

    var mask: UInt32 { ~0 << UInt32(32 - prefix) }
    func isOnLink(_ other: IPv4Address) -> Bool { (other.value ^ address.value) & mask == 0 }
    /// All stations of the network.
    var broadcast: IPv4Address { IPv4Address(address.value | ~mask) }

    /// To whom a packet goes first on its way; nil where nobody knows.
    func nextHop(to destination: IPv4Address) -> IPv4Address? { isOnLink(destination) ? destination : gateway }
}

/// A packet of IPv4 (RFC 791), without options, and never in fragments.
struct IPv4Packet {
    enum Transport {
        static let icmp: UInt8 = 1, tcp: UInt8 = 6, udp: UInt8 = 17
    }

    static let headerSize = 20
    /// Bytes behind the header that always fit into a frame.
    static let payloadLimit = 1500 - headerSize

    let source: IPv4Address
    let destination: IPv4Address
    let transport: UInt8
    let payload: ArraySlice<UInt8>

    /// Nil where it is none, is damaged, or is a fragment: those are nobody's here.
    init?(_ bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard let version = reader.u8(), version >> 4 == 4, reader.u8() != nil, let length = reader.u16(),
            reader.u16() != nil, let fragment = reader.u16(), reader.u8() != nil, let transport = reader.u8(),
            reader.u16() != nil, let source = reader.u32(), let destination = reader.u32()
        else { return nil }
        let header = Int(version & 15) * 4
        // More fragments, or not the first one.
        guard header >= Self.headerSize, Int(length) >= header, Int(length) <= bytes.count, fragment & 0x3fff == 0,
            InternetChecksum.of(bytes.prefix(header)) == 0
        else { return nil }
        self.source = IPv4Address(source)
        self.destination = IPv4Address(destination)
        self.transport = transport
        payload = bytes.prefix(Int(length)).dropFirst(header)
    }

    static func bytes(
        from source: IPv4Address, to destination: IPv4Address, _ transport: UInt8, _ payload: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x45, 0]
        bytes.reserveCapacity(headerSize + payload.count)
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: headerSize + payload.count))
        // No identification: it is never divided (RFC 6864); "don't fragment"; time to live.
        bytes += [0, 0, 0x40, 0, 64, transport, 0, 0]
        bytes.append(bigEndian: source.value)
        bytes.append(bigEndian: destination.value)
        bytes.set(10, bigEndian: InternetChecksum.of(bytes[...]))
        return bytes + payload
    }

    /// The checksum of a transport's bytes, which goes over the addresses, too (RFC 9293, 3.1).
    static func checksum(
        from source: IPv4Address, to destination: IPv4Address, _ transport: UInt8, _ payload: ArraySlice<UInt8>
    ) -> UInt16 {
        var checksum = InternetChecksum()
        checksum.add(source.value)
        checksum.add(destination.value)
        checksum.add(UInt32(transport))
        checksum.add(UInt32(truncatingIfNeeded: payload.count))
        checksum.add(payload)
        return checksum.value
    }
}
