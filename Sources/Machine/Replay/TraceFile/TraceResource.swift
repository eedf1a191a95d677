import Glibc

/// A file that a recorded machine was made from: an image or a drive.
public struct TraceResource: Equatable, Sendable {
    /// The word of the machine's description that names it: `kernel`, `drive`.
    public var role: String
    /// As the user wrote it.
    public var path: String
    public var size: UInt64
    /// Nil where a later program has digested it otherwise.
    public var digest: SHA256Digest?
    /// Sequence numbers of the chunks with what is in it; none where the recording holds the digest alone.
    var contentChunks: [Range<UInt64>] = []

    public init(role: String, path: String, size: UInt64, digest: SHA256Digest) {
        self.role = role
        self.path = path
        self.size = size
        self.digest = digest
    }

    public var hasContent: Bool { !contentChunks.isEmpty }

    /// What is in one chunk of it.
    static let pieceSize = 1 << 20

    /// What is no file, and in the recording itself.
    init(role: String, _ contents: [UInt8]) {
        var hasher = SHA256()
        contents.withUnsafeBytes { hasher.update($0) }
        self.init(role: role, path: "", size: UInt64(contents.count), digest: hasher.digest())
    }

    /// The file at `path` as it is now.
    /// - Parameters:
    ///   - cache: of digests; a file that is known there is not read, and `piece` not called.
    ///   - piece: called with each piece of it, none of which is larger than a chunk may be.
    public init(
        role: String, readingFrom path: String, cache: DigestCache? = nil,
        piece: (UnsafeRawBufferPointer) throws(TraceFileError) -> Void = { _ in }
    ) throws(TraceFileError) {
        guard !path.utf8.contains(0) else { throw TraceFileError(file: path, .unreadable(EINVAL)) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TraceFileError(file: path, .unreadable(errno)) }
        defer { close(descriptor) }
        let key = cache == nil ? nil : DigestCache.Key(descriptor)
        if let key, let digest = cache?.digest(of: key) {
            self.init(role: role, path: path, size: key.size, digest: digest)
            return
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 64)
        defer { buffer.deallocate() }
        var hasher = SHA256()
        var size: UInt64 = 0
        while true {
            // SAFETY: read(2) writes at most `count` bytes to the buffer.
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw TraceFileError(file: path, .unreadable(errno)) }
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            size += UInt64(count)
            try piece(bytes)
        }
        let digest = hasher.digest()
        // As long as it was read, it was the same file.
        if let key, key.size == size, DigestCache.Key(descriptor) == key { cache?.keep(digest, of: key) }
        self.init(role: role, path: path, size: size, digest: digest)
    }

    /// Refuses a file that is not the one that was recorded.
    public func expectUnchanged(at other: String? = nil, cache: DigestCache? = nil) throws(InputError) {
        let name = other ?? path
        let now: TraceResource
        do throws(TraceFileError) { now = try TraceResource(role: role, readingFrom: name, cache: cache) } catch {
            throw error.inputError
        }
        guard now.size == size else {
            throw InputError(
                file: name, problem: "is of \(now.size) bytes, and was of \(size) when the run was recorded (\(role))",
                mend: "Give the file as it was then.")
        }
        guard digest == nil || now.digest == digest else {
            throw InputError(
                file: name,
                problem: "has changed since the run was recorded (\(role)): its SHA-256 is no longer "
                    + "\(digest?.description.prefix(16) ?? "")…",
                mend: "Give the file as it was then.")
        }
    }
}

extension TraceResource {
    private enum DigestMethod {
        static let sha256: UInt8 = 1
    }

    /// Each record has its length before it, so that later minor versions may have more at its end.
    static func payload(_ resources: [TraceResource]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: resources.count)
        for resource in resources {
            var record: [UInt8] = []
            record.append(text: resource.role)
            record.append(text: resource.path)
            record.append(number: resource.size)
            record.append(DigestMethod.sha256)
            record.append(lengthAnd: resource.digest?.bytes ?? [])
            record.append(ranges: resource.contentChunks)
            bytes.append(lengthAnd: record)
        }
        return bytes
    }

    /// - Parameter sequence: the chunk's.
    static func list(_ reader: inout PayloadReader, sequence: UInt64) throws(PayloadError) -> [TraceResource] {
        var resources: [TraceResource] = []
        for _ in 0..<(try reader.count(ofAtLeast: 7)) {
            var record = try reader.part()
            let role = try record.text(), path = try record.text()
            let size = try record.number()
            let method = try record.byte()
            let digest = Array(try record.lengthAndBytes())
            guard method != DigestMethod.sha256 || digest.count == SHA256Digest.size else {
                throw PayloadError("a digest is of \(digest.count) bytes")
            }
            var resource = TraceResource(role: role, path: path, size: size, digest: SHA256Digest(bytes: digest))
            if method != DigestMethod.sha256 { resource.digest = nil }
            resource.contentChunks = try record.ranges(below: sequence)
            resources.append(resource)
        }
        try reader.expectEnd()
        return resources
    }
}
