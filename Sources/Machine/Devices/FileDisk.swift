#if canImport(Glibc)
import Glibc
#endif

/// A raw disk image in a file of the host.
///
/// Its bytes are no part of the machine's state. A run that is to be repeatable uses it read-only below an
/// ``OverlayDisk``.
public final class FileDisk: BlockBackend {
    public let path: String
    public let byteCount: UInt64
    public let isReadOnly: Bool
    private let descriptor: Int32

    /// Opens the image at `path`. A size that is not whole sectors is rounded up; the bytes beyond its end read as zero.
    public init(path: String, isReadOnly: Bool) throws(BlockError) {
        let descriptor = open(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .host(operation: isReadOnly ? "open" : "open for writing", path: path, reason: Self.reason())
        }
        // Seeking rather than the file's status: it gives the size of block devices too.
        let end = lseek(descriptor, 0, SEEK_END)
        let reason = end < 0 ? Self.reason() : "it is no disk image"
        var status = stat()
        guard end >= 0, end <= Int.max - 511, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            close(descriptor)
            throw .host(operation: "take the size of", path: path, reason: reason)
        }
        self.descriptor = descriptor
        self.path = path
        self.isReadOnly = isReadOnly
        byteCount = (UInt64(end) + 511) / 512 * 512
    }

    deinit {
        close(descriptor)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private func failure(_ operation: String) -> BlockError {
        if errno == ENOSPC || errno == EDQUOT { return .hostFull(path: path) }
        return .host(operation: operation, path: path, reason: Self.reason())
    }

    public func read(at offset: UInt64, into target: UnsafeMutableRawBufferPointer) throws(BlockError) {
        try check(offset, UInt64(target.count))
        guard let base = target.baseAddress else { return }
        var done = 0
        while done < target.count {
            // SAFETY: the range from `done` to `count` lies in `target`.
            let count = pread(descriptor, base + done, target.count - done, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read")
            }
            if count == 0 {
                (base + done).initializeMemory(as: UInt8.self, repeating: 0, count: target.count - done)
                return
            }
            done += count
        }
    }

    public func write(at offset: UInt64, from source: UnsafeRawBufferPointer) throws(BlockError) {
        if isReadOnly { throw .readOnly }
        try check(offset, UInt64(source.count))
        guard let base = source.baseAddress else { return }
        var done = 0
        while done < source.count {
            // SAFETY: the range from `done` to `count` lies in `source`.
            let count = pwrite(descriptor, base + done, source.count - done, Int(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            done += count
        }
    }

    /// Writes zeroes only where there are none yet, so that a sparse image stays sparse when a guest discards all of it.
    public func zero(at offset: UInt64, count: UInt64) throws(BlockError) {
        if isReadOnly { throw .readOnly }
        try check(offset, count)
        guard count > 0 else { return }
        let size = Int(min(count, 1 << 20))
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { bytes.deallocate() }
        var done: UInt64 = 0
        while done < count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Int(min(count - done, UInt64(size)))])
            try read(at: offset + done, into: piece)
            if piece.contains(where: { $0 != 0 }) {
                piece.initializeMemory(as: UInt8.self, repeating: 0)
                try write(at: offset + done, from: UnsafeRawBufferPointer(piece))
            }
            done += UInt64(piece.count)
        }
    }

    public func flush() throws(BlockError) {
        while fdatasync(descriptor) != 0 {
            if errno == EINTR { continue }
            // A file that is a pipe or a memory object has nothing to flush to.
            if errno == EINVAL || errno == EROFS { return }
            throw failure("flush")
        }
    }

    /// The file is the host's.
    public func describeState(_ visitor: inout some StateVisitor) {}
}
