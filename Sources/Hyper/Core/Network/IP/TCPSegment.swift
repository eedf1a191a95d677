/// A segment of TCP (RFC 9293, 3.1).
struct TCPSegment {
    struct Flags: OptionSet {
        let rawValue: UInt8
        static let finish = Flags(rawValue: 1), synchronize = Flags(rawValue: 2), reset = Flags(rawValue: 4)
        static let push = Flags(rawValue: 8), acknowledge = Flags(rawValue: 16)
    }

    private enum Option {
        static let end: UInt8 = 0, none: UInt8 = 1, maximumSegmentSize: UInt8 = 2
    }

    private static let headerSize = 20

    var sourcePort: UInt16
    var destinationPort: UInt16
    var sequence: UInt32
    var acknowledgement: UInt32 = 0
    var flags: Flags
    var window: UInt16 = 0
    var maximumSegmentSize: UInt16?
    var payload: ArraySlice<UInt8> = []

    /// How much of the sequence it takes: SYN and FIN count as an octet each.
    var length: UInt32 {
        UInt32(truncatingIfNeeded: payload.count) &+ (flags.contains(.synchronize) ? 1 : 0)
            &+ (flags.contains(.finish) ? 1 : 0)
    }

    /// Nil where it is none, or is damaged.
    init?(_ packet: IPv4Packet) {
        var reader = PacketReader(packet.payload)
        guard let source = reader.u16(), let destination = reader.u16(), let sequence = reader.u32(),
            let acknowledgement = reader.u32(), let offset = reader.u8(), let flags = reader.u8(),
            let window = reader.u16(), reader.u32() != nil
        else { return nil }
        let size = Int(offset >> 4) * 4
        let checksum = IPv4Packet.checksum(
            from: packet.source, to: packet.destination, packet.transport, packet.payload)
        guard size >= Self.headerSize, size <= packet.payload.count, source != 0, checksum == 0 else { return nil }
        (sourcePort, destinationPort) = (source, destination)
        (self.sequence, self.acknowledgement) = (sequence, acknowledgement)
        (self.flags, self.window) = (Flags(rawValue: flags), window)
        payload = packet.payload.dropFirst(size)
        var options = PacketReader(packet.payload.prefix(size).dropFirst(Self.headerSize))
        while let kind = options.u8(), kind != Option.end {
            if kind == Option.none { continue }
            guard let length = options.u8(), length >= 2, let value = options.take(Int(length) - 2) else { break }
            var field = PacketReader(value)
            if kind == Option.maximumSegmentSize, value.count == 2 { maximumSegmentSize = field.u16() }
        }
    }

    init(
        from sourcePort: UInt16, to destinationPort: UInt16, sequence: UInt32, acknowledgement: UInt32 = 0,
        _ flags: Flags
    ) {
        (self.sourcePort, self.destinationPort) = (sourcePort, destinationPort)
        (self.sequence, self.acknowledgement, self.flags) = (sequence, acknowledgement, flags)
    }

    func bytes(from source: IPv4Address, to destination: IPv4Address) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: sourcePort)
        bytes.append(bigEndian: destinationPort)
        bytes.append(bigEndian: sequence)
        bytes.append(bigEndian: acknowledgement)
        bytes += [maximumSegmentSize == nil ? 0x50 : 0x60, flags.rawValue]
        bytes.append(bigEndian: window)
        bytes += [0, 0, 0, 0]
        if let maximumSegmentSize {
            bytes += [Option.maximumSegmentSize, 4]
            bytes.append(bigEndian: maximumSegmentSize)
        }
        bytes += payload
        bytes.set(
            16,
            bigEndian: IPv4Packet.checksum(
                from: source, to: destination, IPv4Packet.Transport.tcp, bytes[...]))
        return bytes
    }
}

/// Places in a sequence that begins anew after 2^32 (RFC 9293, 3.4).
extension UInt32 {
    /// Whether it comes before the other one.
    func isBefore(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) < 0 }
}
