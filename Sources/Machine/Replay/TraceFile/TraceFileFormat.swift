/// The layout of trace files, which docs/trace-format.md describes: a header, then chunks one after the other. All
/// integers are little-endian.
enum TraceFileFormat {
    /// As PNG's signature: the first byte is no text, and the line ends show a transfer that changed them.
    static let magic: [UInt8] = [0x89] + Array("ORR\r\n".utf8) + [0x1a, 0x0a]
    /// A reader refuses another major version, and takes any minor one.
    static let majorVersion: UInt16 = 1
    static let minorVersion: UInt16 = 0

    /// What no file header exceeds.
    static let headerLimit = 4096
    /// Magic, versions, size of the header, size of the program's name, checksum.
    static let smallestHeader = 24

    /// What no payload exceeds, compressed or not: a reader needs no more memory for a chunk.
    static let payloadLimit = 1 << 24
    /// A writer adds an index after so many chunks.
    static let chunksInIndex = 4096

    static func header(program: String) -> [UInt8] {
        let name = Array(program.utf8.prefix(255))
        var bytes = magic
        bytes.append(littleEndian: majorVersion)
        bytes.append(littleEndian: minorVersion)
        bytes.append(littleEndian: UInt32(smallestHeader + name.count))
        bytes.append(littleEndian: UInt32(name.count))
        bytes += name
        bytes.append(littleEndian: checksum(bytes))
        return bytes
    }
}

/// One chunk of a trace file: what its header says, and where it is.
public struct TraceChunk: Equatable, Sendable {
    /// Bytes of a header.
    static let headerSize = 40

    enum Compression {
        static let none: UInt8 = 0
        static let zstandard: UInt8 = 1
    }
    enum Flags {
        /// Readers that do not know the type pass over the chunk.
        static let optional: UInt8 = 1
    }

    public var type: ChunkType
    var flags: UInt8 = 0
    var compression = Compression.none
    /// Bytes in the file after the header.
    public var storedSize: UInt32
    /// Bytes when decompressed.
    public var payloadSize: UInt32
    /// Its place among all chunks, counted from 0.
    public var sequence: UInt64
    /// Where in the run its contents begin: instructions of all CPUs since power-on.
    public var position: UInt64
    /// Where in the file its header begins.
    public var offset: UInt64

    public var isOptional: Bool { flags & Flags.optional != 0 }
    /// Where the next one begins.
    var end: UInt64 { offset + UInt64(Self.headerSize) + UInt64(storedSize) }

    /// Whether a reader that knows what this one knows can make something of it.
    var isUnderstood: Bool {
        type.isKnown && flags & ~Flags.optional == 0 && compression <= Compression.zstandard
    }
}

extension TraceChunk {
    /// The header, with the checksum of the bytes that follow it.
    func header(storedChecksum: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerSize)
        bytes.append(littleEndian: type.rawValue)
        bytes += [flags, compression, 0, 0]
        bytes.append(littleEndian: storedSize)
        bytes.append(littleEndian: payloadSize)
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: position)
        bytes.append(littleEndian: storedChecksum)
        bytes.append(littleEndian: checksum(bytes))
        return bytes
    }

    /// Reads a header that was found at `offset`: nil where it is none, or damaged.
    static func parse(_ bytes: [UInt8], at offset: UInt64) -> (chunk: TraceChunk, storedChecksum: UInt32)? {
        guard bytes.count >= headerSize,
            bytes.littleEndian(at: 36, as: UInt32.self) == checksum(bytes[..<36]),
            bytes[6] == 0, bytes[7] == 0
        else { return nil }
        let chunk = TraceChunk(
            type: ChunkType(rawValue: bytes.littleEndian(at: 0)), flags: bytes[4], compression: bytes[5],
            storedSize: bytes.littleEndian(at: 8), payloadSize: bytes.littleEndian(at: 12),
            sequence: bytes.littleEndian(at: 16), position: bytes.littleEndian(at: 24), offset: offset)
        guard chunk.hasPlausibleSizes else { return nil }
        return (chunk, bytes.littleEndian(at: 32))
    }

    /// Whether the sizes are within the limits, and agree.
    var hasPlausibleSizes: Bool {
        guard storedSize <= TraceFileFormat.payloadLimit, payloadSize <= TraceFileFormat.payloadLimit else {
            return false
        }
        return compression == Compression.none ? storedSize == payloadSize : storedSize < payloadSize
    }
}
