/// The machine's first virtio network card (Virtual I/O Device 1.2: Network device), without any feature, and one frame at
/// a time each way.
struct NetworkCard {
    private static let frameLimit: UInt32 = 1514
    /// `num_buffers` is missing in the legacy interface.
    private let headerSize: UInt64
    private let receiver: VirtIO
    private let transmitter: VirtIO
    private let received = address_of_basic_page(10)
    private let sent = address_of_basic_page(11)

    /// Nil where the machine has none.
    init?() {
        guard let (card, _) = VirtIO.find(VirtIO.network) else { return nil }
        receiver = VirtIO(card.registers, queue: 0)
        transmitter = VirtIO(card.registers, queue: 1)
        headerSize = receiver.registers.version == 1 ? 10 : 12
        guard receiver.begin(), receiver.setUpQueue(), transmitter.setUpQueue() else { return nil }
        receiver.describe(0, received, UInt32(headerSize) + Self.frameLimit, isWritten: true)
        receiver.run()
        receiver.offer()
    }

    func stop() { receiver.reset() }

    /// Where a frame to be sent is put, and where one that has come is.
    var outgoing: UInt64 { sent + headerSize }
    var incoming: UInt64 { received + headerSize }

    /// Sends so many bytes; whether the card has taken them.
    func send(_ count: UInt32) -> Bool {
        for offset in 0..<headerSize { device_write8(sent + offset, 0) }
        transmitter.describe(0, sent, UInt32(headerSize) + max(count, 60))
        transmitter.offer()
        return Clock.wait { transmitter.isIdle }
    }

    /// The length of the frame that has come.
    var incomingLength: UInt64? { receiver.isIdle ? max(receiver.usedLength, headerSize) - headerSize : nil }

    /// Has the card receive the next one.
    func next() { receiver.offer() }
}

/// Numbers of packets, the highest byte first.
enum Packet {
    static func write(_ address: UInt64, _ value: UInt64, bytes count: UInt64) {
        for index in 0..<count {
            device_write8(address + index, UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - index))))
        }
    }

    static func read(_ address: UInt64, bytes count: UInt64) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value = value << 8 | UInt64(device_read8(address + index)) }
        return value
    }

    /// RFC 1071.
    static func checksum(_ address: UInt64, _ count: UInt64) -> UInt64 {
        var sum: UInt64 = 0, offset: UInt64 = 0
        while offset < count {
            sum += read(address + offset, bytes: 2)
            offset += 2
        }
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return ~sum & 0xffff
    }
}
