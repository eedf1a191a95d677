import Glibc

/// A trace file of the host's, opened for reading at any place.
final class TraceFileDescriptor {
    let path: String
    let byteCount: UInt64
    private let descriptor: Int32

    init(_ path: String) throws(TraceFileError) {
        self.path = path
        // A path with a NUL byte would name another file in C.
        guard !path.utf8.contains(0) else { throw TraceFileError(file: path, .unreadable(EINVAL)) }
        // A pipe without a writer would keep us waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw TraceFileError(file: path, .unreadable(errno)) }
        self.descriptor = descriptor
        var status = stat()
        let error = fstat(descriptor, &status) == 0 ? 0 : errno
        byteCount = error == 0 && status.st_mode & S_IFMT == S_IFREG ? UInt64(max(status.st_size, 0)) : 0
        guard error == 0 else { throw TraceFileError(file: path, .unreadable(error)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TraceFileError(file: path, .unreadable(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ESPIPE))
        }
    }

    deinit { close(descriptor) }

    /// The `count` bytes at `offset`, all of them.
    func read(at offset: UInt64, count: Int) throws(TraceFileError) -> [UInt8] {
        var error: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                // SAFETY: the range from `initialized` to `count` lies in the buffer.
                let result = pread(
                    descriptor, buffer.baseAddress! + initialized, count - initialized,
                    off_t(clamping: offset) + initialized)
                if result < 0 {
                    if errno == EINTR { continue }
                    error = errno
                    return
                }
                if result == 0 { return }
                initialized += result
            }
        }
        guard error == 0 else { throw TraceFileError(file: path, offset: offset, .unreadable(error)) }
        guard bytes.count == count else {
            throw TraceFileError(file: path, offset: offset, .damaged("it was cut short"))
        }
        return bytes
    }

    /// Whether there is nothing but zeros from `offset` to the end.
    func isZero(from offset: UInt64) throws(TraceFileError) -> Bool {
        var place = offset
        while place < byteCount {
            let count = min(byteCount - place, 1 << 20)
            guard try read(at: place, count: Int(count)).allSatisfy({ $0 == 0 }) else { return false }
            place += count
        }
        return true
    }
}

/// The first bytes of a trace file.
struct TraceFileHeader {
    let major: UInt16
    let minor: UInt16
    let program: String
    /// Of all of it.
    let size: UInt64

    init(_ file: TraceFileDescriptor) throws(TraceFileError) {
        func damaged() -> TraceFileError {
            TraceFileError(file: file.path, .damaged("its header is not as it was written"))
        }
        let known = Int(min(file.byteCount, UInt64(TraceFileFormat.headerLimit)))
        let bytes = try file.read(at: 0, count: known)
        guard bytes.starts(with: TraceFileFormat.magic) else { throw TraceFileError(file: file.path, .notTraceFile) }
        guard bytes.count >= TraceFileFormat.smallestHeader else { throw damaged() }
        major = bytes.littleEndian(at: 8)
        minor = bytes.littleEndian(at: 10)
        // Another major version may have all that follows otherwise.
        guard major == TraceFileFormat.majorVersion else {
            throw TraceFileError(file: file.path, .version(major, minor))
        }
        let size = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        // The checksum stands at the end of whatever later versions put here.
        guard size >= TraceFileFormat.smallestHeader, size <= bytes.count,
            bytes.littleEndian(at: size - 4, as: UInt32.self) == checksum(bytes[..<(size - 4)])
        else { throw damaged() }
        let nameSize = Int(bytes.littleEndian(at: 16, as: UInt32.self))
        guard nameSize <= size - TraceFileFormat.smallestHeader else { throw damaged() }
        program = String(decoding: bytes[20..<20 + nameSize], as: UTF8.self)
        self.size = UInt64(size)
    }
}
