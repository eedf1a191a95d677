/// An Ethernet address of 48 bits (IEEE 802.3, Address fields).
public struct MACAddress: Equatable, Sendable {
    /// The octet that is sent first is the highest.
    public let value: UInt64

    public init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

    /// Of a group of stations, or of all of them.
    public var isGroup: Bool { value >> 40 & 1 != 0 }

    /// In the order in which they are sent.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * $0)) } }

    public var text: Text {
        var text = Text()
        for (index, octet) in octets.enumerated() {
            if index > 0 { text.append(UInt8(0x3a)) }
            text.append(UInt64(octet), radix: 16, digits: 2)
        }
        return text
    }
}

/// An Ethernet frame, from its destination to the end of its payload, in its sender's memory: valid while it is sent.
public struct NetworkFrame {
    /// Destination, source, and type or length.
    public static let headerSize = 14

    public let bytes: ScatterList
    public let destination: MACAddress
    public let source: MACAddress

    /// Nil where the bytes do not even have a header.
    public init?(_ bytes: ScatterList) {
        var header = bytes
        guard bytes.count >= Self.headerSize, let first = header.number(bytes: 8), let second = header.number(bytes: 4)
        else { return nil }
        self.bytes = bytes
        destination = MACAddress(first.byteSwapped >> 16)
        source = MACAddress((first.byteSwapped & 0xffff) << 32 | second.byteSwapped >> 32)
    }
}
