import Glibc

/// A file that the user named, read whole.
public struct InputFile: Equatable, Sendable {
    /// As the user wrote it; errors begin with it.
    public let name: String
    public let bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// What no file that a machine loads exceeds: 2 GiB.
    public static let defaultLimit = 1 << 31

    /// Reads the file at `path`, which may also be a pipe.
    /// - Parameters:
    ///   - name: what errors call it; the path when nil.
    ///   - limit: more bytes than this are refused.
    public static func read(
        _ path: String, name: String? = nil, limit: Int = defaultLimit
    ) throws(InputError) -> InputFile {
        let name = name ?? path
        func refuse(_ error: Int32) -> InputError {
            let mend = error == ENOENT ? "Check the path" + (path.hasPrefix("/") ? "." : "; it is relative.") : nil
            return InputError(file: name, problem: "cannot be read: " + String(cString: strerror(error)), mend: mend)
        }
        // A path with a NUL byte would name another file in C.
        guard !path.utf8.contains(0) else { throw refuse(EINVAL) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw refuse(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refuse(errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw refuse(EISDIR) }
        let tooLarge = InputError(file: name, problem: "is larger than \(limit) bytes")
        guard status.st_size <= limit else { throw tooLarge }
        // The size is a hint: a pipe has none, and a file may grow while it is read.
        let capacity = max(Int(status.st_size), 0) + 1
        var bytes: [UInt8] = []
        while true {
            var failure: Int32 = 0
            let count = bytes.count
            // SAFETY: the closure writes at most `buffer.count` bytes and sets the count to what read(2) reported.
            let chunk = [UInt8](unsafeUninitializedCapacity: max(capacity - count, 1 << 16)) { buffer, initialized in
                let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if result < 0 { failure = errno }
                initialized = max(result, 0)
            }
            if failure == EINTR { continue }
            guard failure == 0 else { throw refuse(failure) }
            if chunk.isEmpty { return InputFile(name: name, bytes: bytes) }
            guard chunk.count <= limit - bytes.count else { throw tooLarge }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
    }
}
