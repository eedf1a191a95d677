/// Memory (m, x, M and X), and what is asked about it: searches and checksums.
extension GDBSession {
    func place(_ address: UInt64) -> DebugAddress { DebugAddress(address, in: isPhysical ? .physical : .current) }

    /// Bytes that fit into a packet of digits. Less than what was asked for may be sent.
    private static let mostBytes = GDBPacket.longestPayload / 2 - 1

    func readMemory(_ address: UInt64, count: UInt64, isBinary: Bool) throws(GDBError) -> GDBReply {
        let count = Int(min(count, UInt64(Self.mostBytes)))
        let bytes = count == 0 ? [] : target.readMemory(place(address), count: count, of: general)
        guard bytes.count > 0 || count == 0 else { throw .memory }
        return isBinary ? .binary("b", bytes) : .text(Hexadecimal.text(bytes))
    }

    func writeMemory(_ address: UInt64, _ bytes: [UInt8]) throws(GDBError) -> GDBReply {
        // GDB asks by an empty one whether there is X.
        guard bytes.isEmpty || target.writeMemory(place(address), bytes, of: general) else { throw .memory }
        return .ok
    }

    // MARK: Searches and checksums

    /// Nobody waits for more than this.
    private static let longestSearch: UInt64 = 1 << 28
    private static let pieceSize = 1 << 16

    /// Goes through memory in pieces, until `body` says that it is enough.
    private func forEachPiece(
        _ address: UInt64, _ count: UInt64, _ body: (_ start: UInt64, _ bytes: [UInt8]) -> Bool
    ) throws(GDBError) {
        guard count <= Self.longestSearch else { throw .refused("so much memory takes too long: 256 MiB is the most") }
        var done: UInt64 = 0
        while done < count {
            let start = address &+ done
            let size = Int(min(count - done, UInt64(Self.pieceSize)))
            let bytes = target.readMemory(place(start), count: size, of: general)
            if body(start, bytes) { return }
            guard bytes.count == size else { throw .memory }
            done += UInt64(size)
        }
    }

    /// qSearch:memory:address;length;pattern.
    func search(_ argument: GDBText) throws(GDBError) -> GDBReply {
        var text = argument
        try text.require("memory:")
        let address = try text.number()
        try text.require(";")
        let count = try text.number()
        try text.require(";")
        let pattern = try text.binary()
        guard let first = pattern.first else { throw .malformed("the pattern is empty") }
        var window: [UInt8] = []
        var found: UInt64?
        try forEachPiece(address, count) { start, bytes in
            // A match may begin in the piece before.
            let origin = start &- UInt64(window.count)
            window += bytes
            var index = 0
            while index + pattern.count <= window.count {
                if window[index] == first, window[index..<index + pattern.count].elementsEqual(pattern) {
                    found = origin &+ UInt64(index)
                    return true
                }
                index += 1
            }
            window = Array(window.suffix(pattern.count - 1))
            return false
        }
        return .text(found.map { "1," + String($0, radix: 16) } ?? "0")
    }

    /// qCRC: the CRC of `compare-sections`, whose polynomial is 0x04c11db7 and which starts with all bits set.
    func checksum(_ argument: GDBText) throws(GDBError) -> GDBReply {
        var text = argument
        let (address, count) = try GDBCommand.range(&text)
        try text.requireEnd()
        var sum: UInt32 = ~0
        try forEachPiece(address, count) { _, bytes in
            for byte in bytes { sum = sum << 8 ^ Self.checksums[Int(sum >> 24 ^ UInt32(byte))] }
            return false
        }
        return .text("C" + String(sum, radix: 16))
    }

    private static let checksums: [UInt32] = (0..<256).map { (byte: UInt32) in
        (0..<8).reduce(byte << 24) { sum, _ in sum >> 31 == 1 ? sum << 1 ^ 0x04c1_1db7 : sum << 1 }
    }
}
