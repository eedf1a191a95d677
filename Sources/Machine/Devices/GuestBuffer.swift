import ISA

/// A list of pieces of guest memory that a driver has handed to a device, used front to back.
///
/// Every piece was checked against the memory map when the buffer was made, and the map of RAM does not change while a
/// device executes, so copying cannot fail.
struct GuestBuffer {
    struct Piece: Equatable {
        var address: UInt64
        var count: UInt64
    }

    private let memory: PhysicalMemory
    private(set) var pieces: [Piece] = []
    /// Bytes in all pieces.
    private(set) var count: UInt64 = 0

    init(_ memory: PhysicalMemory) {
        self.memory = memory
    }

    /// Adds a piece; false when it is not memory, or read-only memory that the device is to write.
    mutating func append(_ piece: Piece, isWritten: Bool) -> Bool {
        guard piece.count > 0 else { return true }
        guard let region = memory.region(containing: piece.address, count: piece.count),
            !(isWritten && region.isReadOnly)
        else { return false }
        let (sum, overflow) = count.addingReportingOverflow(piece.count)
        guard !overflow else { return false }
        pieces.append(piece)
        count = sum
        return true
    }

    /// Cuts the first `length` bytes off and returns them, or nil when there are fewer.
    mutating func removeFirst(_ length: UInt64) -> GuestBuffer? {
        guard length <= count else { return nil }
        var head = GuestBuffer(memory)
        var tail = GuestBuffer(memory)
        for piece in pieces {
            let taken = min(piece.count, length - head.count)
            if taken > 0 {
                head.pieces.append(Piece(address: piece.address, count: taken))
                head.count += taken
            }
            if taken < piece.count {
                tail.pieces.append(Piece(address: piece.address + taken, count: piece.count - taken))
                tail.count += piece.count - taken
            }
        }
        self = tail
        return head
    }

    /// Cuts the last `length` bytes off and returns them, or nil when there are fewer.
    mutating func removeLast(_ length: UInt64) -> GuestBuffer? {
        guard length <= count, let head = removeFirst(count - length) else { return nil }
        defer { self = head }
        return self
    }

    /// Calls `body` with the host memory of each piece, cut to at most `limit` bytes, to read from.
    func read<E: Error>(limit: Int = .max, _ body: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
        for piece in pieces {
            guard let host = memory.host(piece.address, count: piece.count) else { return }
            var done = 0
            while done < Int(piece.count) {
                let length = min(limit, Int(piece.count) - done)
                // SAFETY: `host` is the address of `piece.count` bytes, of which this is a part.
                try body(UnsafeRawBufferPointer(start: host + done, count: length))
                done += length
            }
        }
    }

    /// Calls `body` with the host memory of each piece to write to; decoded code of these bytes is dropped.
    func write<E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        for piece in pieces {
            guard let host = memory.host(piece.address, count: piece.count) else { return }
            memory.willChange(piece.address, count: piece.count)
            defer { memory.noteWrite(piece.address, count: piece.count) }
            // SAFETY: `host` is the address of `piece.count` bytes.
            try body(UnsafeMutableRawBufferPointer(start: host, count: Int(piece.count)))
        }
    }

    /// A copy of the bytes. For what is known to be small.
    func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        read { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Copies as much of `bytes` in as fits and returns how many that were.
    @discardableResult
    func fill(_ bytes: [UInt8]) -> Int {
        var done = 0
        write { target in
            let length = min(target.count, bytes.count - done)
            target.copyBytes(from: bytes[done..<done + length])
            done += length
        }
        return done
    }
}

extension PhysicalMemory {
    /// The little-endian integer at `address`, or nil where that is not memory.
    func load<T: FixedWidthInteger>(_ address: UInt64, as type: T.Type = T.self) -> T? {
        var value: T = 0
        let isRead = withUnsafeMutableBytes(of: &value) { buffer in
            // SAFETY: the buffer of an integer has a base address and `count` bytes.
            read(address, into: buffer.baseAddress!, count: buffer.count)
        }
        return isRead ? T(littleEndian: value) : nil
    }

    /// Stores a little-endian integer; false where that is not memory, or is read-only.
    func store<T: FixedWidthInteger>(_ address: UInt64, _ value: T) -> Bool {
        withUnsafeBytes(of: value.littleEndian) { buffer in
            // SAFETY: as above.
            write(address, from: buffer.baseAddress!, count: buffer.count)
        }
    }
}
