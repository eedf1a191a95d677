/// The chunks from one index to the next, so that a reader need not look at each: an index begins with the one before it,
/// and the chain ends at the file's header.
enum TraceFileIndex {
    /// What an index says of chunks that lie one after the other.
    /// - Parameters:
    ///   - sequence: the first one's, or the index's own where there is none.
    ///   - offset: likewise.
    static func payload(_ chunks: [TraceChunk], sequence: UInt64, offset: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24 + chunks.count * 12)
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: offset)
        bytes.append(number: chunks.count)
        var position: UInt64 = 0
        for chunk in chunks {
            bytes.append(littleEndian: chunk.type.rawValue)
            bytes += [chunk.flags, chunk.compression]
            bytes.append(number: UInt64(chunk.storedSize))
            bytes.append(number: UInt64(chunk.payloadSize))
            bytes.append(signed: Int64(bitPattern: chunk.position &- position))
            position = chunk.position
        }
        return bytes
    }

    /// - Parameters:
    ///   - index: the chunk that it is the payload of, which lies behind all that it names.
    ///   - start: where the first chunk of a file is.
    static func chunks(
        _ payload: [UInt8], of index: TraceChunk, start: UInt64
    ) throws(PayloadError) -> [TraceChunk] {
        var reader = PayloadReader(payload)
        let first = try reader.integer(as: UInt64.self)
        var offset = try reader.integer(as: UInt64.self)
        let count = try reader.count(ofAtLeast: 9)
        guard offset >= start, offset <= index.offset, (offset == start) == (first == 0),
            index.sequence >= first, index.sequence - first == UInt64(count)
        else { throw PayloadError("the index does not begin where it should") }
        var chunks: [TraceChunk] = []
        var position: UInt64 = 0
        for sequence in first..<index.sequence {
            let type = ChunkType(rawValue: try reader.integer())
            let flags = try reader.byte(), compression = try reader.byte()
            guard let stored = UInt32(exactly: try reader.number()), let size = UInt32(exactly: try reader.number())
            else { throw PayloadError("the index has a chunk that is too large") }
            position &+= UInt64(bitPattern: try reader.signed())
            let chunk = TraceChunk(
                type: type, flags: flags, compression: compression, storedSize: stored, payloadSize: size,
                sequence: sequence, position: position, offset: offset)
            // Each takes its header's bytes of the file: no more memory is asked for than the file is large.
            guard chunk.hasPlausibleSizes, chunk.end <= index.offset else {
                throw PayloadError("the index has a chunk that cannot be there")
            }
            chunks.append(chunk)
            offset = chunk.end
        }
        guard offset == index.offset else { throw PayloadError("the index ends before its chunks do") }
        try reader.expectEnd()
        return chunks
    }
}

/// The last chunk of a file that was closed: it leads to the last index.
enum TraceFileFooter {
    static let payloadSize = 16
    static let size = UInt64(TraceChunk.headerSize + payloadSize)

    static func payload(index: TraceChunk, offset: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: index.offset)
        bytes.append(littleEndian: offset)
        return bytes
    }

    /// Where the index is; nil where this is not the footer at `offset`.
    static func index(_ payload: [UInt8], at offset: UInt64) -> UInt64? {
        guard payload.count == payloadSize, payload.littleEndian(at: 8, as: UInt64.self) == offset else { return nil }
        return payload.littleEndian(at: 0)
    }
}
