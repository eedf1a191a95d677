/// The host's side of a disk or flash chip: a row of bytes.
public protocol BlockBackend: AnyObject {
    /// Size in bytes, a multiple of 512.
    var byteCount: UInt64 { get }
    var isReadOnly: Bool { get }

    /// Fills `target` with the bytes at `offset`.
    func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(BlockError)

    func write(at offset: UInt64, from source: UnsafeRawBufferPointer) throws(BlockError)

    /// Sets bytes to zero, and lets the host have their space back where it can.
    func zero(at offset: UInt64, count: UInt64) throws(BlockError)

    /// Returns when everything written so far will outlive the host.
    func flush() throws(BlockError)

    /// Walks what belongs to the machine's state. Bytes that live in a host file do not.
    func describeState(_ visitor: inout some StateVisitor)
}

/// Why a disk could not do what a guest asked of it. The guest sees an I/O error; the user sees this.
public enum BlockError: Error, Equatable, CustomStringConvertible {
    case readOnly
    case beyondEnd(offset: UInt64, count: UInt64, size: UInt64)
    /// The host's disk has no room.
    case hostFull(path: String)
    /// A call of the host failed.
    case host(operation: String, path: String, reason: String)
    /// The copy-on-write overlay has reached its limit.
    case overlayFull(limit: UInt64)

    public var description: String {
        switch self {
        case .readOnly: return "the disk is read-only"
        case .beyondEnd(let offset, let count, let size):
            return "\(count) bytes at \(offset) lie beyond the end of the disk, which has \(size)"
        case .hostFull(let path):
            return "the host's disk is full: \(path) could not be written. Free some space, or open it copy-on-write"
        case .host(let operation, let path, let reason): return "cannot \(operation) \(path): \(reason)"
        case .overlayFull(let limit):
            return "the guest has written more than the \(limit) bytes that its copy-on-write overlay may hold"
        }
    }
}

extension BlockBackend {
    /// Refuses a range that is not all inside the disk.
    func check(_ offset: UInt64, _ count: UInt64) throws(BlockError) {
        guard offset <= byteCount, count <= byteCount - offset else {
            throw .beyondEnd(offset: offset, count: count, size: byteCount)
        }
    }
}

/// A disk in memory: a RAM disk, and the twin that tests use in place of a file.
public final class MemoryDisk: BlockBackend {
    public private(set) var bytes: [UInt8]
    public let isReadOnly: Bool
    /// Set by tests: the next operations fail with it.
    public var failure: BlockError?
    /// How often it was flushed.
    public private(set) var flushes = 0

    /// - Parameter bytes: the contents; padded with zeroes to whole sectors.
    public init(_ bytes: [UInt8], isReadOnly: Bool = false) {
        self.bytes = bytes + Array(repeating: 0, count: (512 - bytes.count % 512) % 512)
        self.isReadOnly = isReadOnly
    }

    public var byteCount: UInt64 { UInt64(bytes.count) }

    public func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(BlockError) {
        if let failure { throw failure }
        try check(offset, UInt64(target.count))
        target.copyBytes(from: bytes[Int(offset)..<Int(offset) + target.count])
    }

    public func write(at offset: UInt64, from source: UnsafeRawBufferPointer) throws(BlockError) {
        if let failure { throw failure }
        if isReadOnly { throw .readOnly }
        try check(offset, UInt64(source.count))
        bytes.withUnsafeMutableBytes { all in
            UnsafeMutableRawBufferPointer(rebasing: all[Int(offset)..<Int(offset) + source.count]).copyMemory(
                from: source)
        }
    }

    public func zero(at offset: UInt64, count: UInt64) throws(BlockError) {
        if let failure { throw failure }
        if isReadOnly { throw .readOnly }
        try check(offset, count)
        bytes.replaceSubrange(Int(offset)..<Int(offset + count), with: repeatElement(0, count: Int(count)))
    }

    public func flush() throws(BlockError) {
        if let failure { throw failure }
        flushes += 1
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("disk", &bytes, count: bytes.count)
    }
}
