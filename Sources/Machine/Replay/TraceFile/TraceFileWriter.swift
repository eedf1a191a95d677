import Glibc

/// Writes a trace file, or adds to one: chunk after chunk, each whole when ``append(_:position:isOptional:level:_:)``
/// returns.
///
/// A file is only ever written at its end. A process that is killed leaves all chunks that were appended; a host that
/// crashes, those before the last ``synchronize()``. The first write that fails ends the writing: what is there stays
/// good, and the error says how far it goes.
public final class TraceFileWriter {
    public let path: String
    /// The program that began the file, in its own words.
    public private(set) var program = ""
    /// How much of the file is whole.
    public private(set) var extent: TraceFileExtent
    private var descriptor: Int32
    /// Where the file is until it is whole; nil where it is written in its place.
    private var temporary: String?
    private var failure: TraceFileError?
    private let compressor: ZstandardCompressor
    /// The chunks since the last index, that index included.
    private var chunks: [TraceChunk]
    private var isFinished: Bool

    /// How hard chunks are compressed that do not ask for something else: zstd's own choice.
    public static let defaultLevel: Int32 = 3

    /// Begins a file.
    /// - Parameters:
    ///   - program: the writing program and its version, for people.
    ///   - replaces: whether a file of that name is written over.
    public init(creating path: String, program: String, replaces: Bool = false) throws(TraceFileError) {
        (descriptor, compressor) = try Self.open(path, O_WRONLY | O_CREAT | (replaces ? 0 : O_EXCL))
        self.path = path
        extent = TraceFileExtent()
        chunks = []
        isFinished = false
        self.program = program
        // Not before it is known that nobody else writes it.
        if ftruncate(descriptor, 0) != 0, errno != EINVAL { throw failed(errno) }
        try write(TraceFileFormat.header(program: program))
    }

    /// Begins a file that takes the place of another one of that name when it is closed, and not before: until then it is
    /// beside that under another name, and goes when it is not closed.
    public init(replacing path: String, program: String) throws(TraceFileError) {
        var status = stat()
        // What is there and no file, a pipe or a device, is written to.
        let isFile = path.utf8.contains(0) || stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
        let name = isFile ? "\(path).\(getpid()).partial" : path
        do throws(TraceFileError) {
            (descriptor, compressor) = try Self.open(name, O_WRONLY | O_CREAT)
        } catch { throw TraceFileError(file: path, error.problem) }
        temporary = isFile ? name : nil
        self.path = path
        extent = TraceFileExtent()
        chunks = []
        isFinished = false
        self.program = program
        if ftruncate(descriptor, 0) != 0, errno != EINVAL { throw failed(errno) }
        try write(TraceFileFormat.header(program: program))
    }

    /// Goes on with a file, whether it was closed or cut short. What is left of a chunk that was cut short is dropped.
    public init(appendingTo path: String) throws(TraceFileError) {
        (descriptor, compressor) = try Self.open(path, O_RDWR)
        self.path = path
        extent = TraceFileExtent()
        chunks = []
        isFinished = false
        let reader = try TraceFileReader(path)
        program = reader.program
        let all = reader.chunks
        chunks = Array(all[(all.lastIndex { $0.type == .index } ?? 0)...])
        extent = reader.extent
        switch reader.ending {
        case .complete: isFinished = true
        case .early(let early):
            guard early.isTorn, reader.damagedChunks.isEmpty else {
                throw TraceFileError(file: path, offset: extent.bytes, .notAppendable)
            }
            if ftruncate(descriptor, off_t(extent.bytes)) != 0 { throw failed(errno) }
        }
    }

    deinit {
        letGo()
        if let temporary { unlink(temporary) }
    }

    /// Closes the file as it is.
    /// - Returns: what close(2) did.
    @discardableResult
    private func letGo() -> Int32 {
        guard descriptor >= 0 else { return 0 }
        // A process that is being forked off at this moment would hold the lock until it executes its program.
        flock(descriptor, LOCK_UN)
        defer { descriptor = -1 }
        return Glibc.close(descriptor)
    }

    private static func open(
        _ path: String, _ flags: Int32
    ) throws(TraceFileError) -> (Int32, ZstandardCompressor) {
        // A path with a NUL byte would name another file in C.
        guard !path.utf8.contains(0) else { throw TraceFileError(file: path, .uncreatable(EINVAL)) }
        guard let compressor = ZstandardCompressor() else { throw TraceFileError(file: path, .uncreatable(ENOMEM)) }
        let descriptor = Glibc.open(path, flags | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw TraceFileError(file: path, .uncreatable(errno)) }
        // Not all file systems have locks.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            Glibc.close(descriptor)
            throw TraceFileError(file: path, .inUse)
        }
        return (descriptor, compressor)
    }

    /// How many chunks there are: the ``TraceChunk/sequence`` of the next.
    public var chunkCount: UInt64 { extent.chunks }

    /// Adds a chunk.
    /// - Parameters:
    ///   - position: where in the run its contents begin.
    ///   - isOptional: whether a reader that does not know the type may pass over it.
    ///   - level: how hard it is compressed; 0 for not at all.
    /// - Returns: its ``TraceChunk/sequence``.
    @discardableResult
    public func append(
        _ type: ChunkType, position: UInt64, isOptional: Bool = false, level: Int32 = defaultLevel, _ payload: [UInt8]
    ) throws(TraceFileError) -> UInt64 {
        let sequence = try add(type, position, isOptional ? TraceChunk.Flags.optional : 0, level, payload)
        if chunks.count >= TraceFileFormat.chunksInIndex { try addIndex() }
        return sequence
    }

    /// Has the host put on its disk what was appended.
    public func synchronize() throws(TraceFileError) {
        if let failure { throw failure }
        while fdatasync(descriptor) != 0 {
            if errno == EINTR { continue }
            // A pipe has no disk.
            if errno == EINVAL || errno == EROFS { return }
            throw failed(errno)
        }
    }

    /// Ends the file with an index and a footer. It can be appended to later.
    public func close() throws(TraceFileError) {
        guard descriptor >= 0 else { return }
        defer { letGo() }
        if !isFinished {
            let index = try addIndex()
            try add(
                .footer, index.position, 0, 0, TraceFileFooter.payload(index: index, offset: extent.bytes))
            isFinished = true
        }
        try synchronize()
        // Some file systems tell only now that there was no room.
        if letGo() != 0, errno != EINTR { throw failed(errno) }
        try takePlace()
    }

    /// Gives a file that is whole the name that it is to have.
    private func takePlace() throws(TraceFileError) {
        guard let temporary else { return }
        guard rename(temporary, path) == 0 else { throw TraceFileError(file: path, .uncreatable(errno)) }
        self.temporary = nil
        // A crash of the host leaves the one or the other.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        Glibc.close(descriptor)
    }

    @discardableResult
    private func addIndex() throws(TraceFileError) -> TraceChunk {
        let position = chunks.last?.position ?? 0
        let payload = TraceFileIndex.payload(
            chunks, sequence: chunks.first?.sequence ?? extent.chunks, offset: chunks.first?.offset ?? extent.bytes)
        try add(.index, position, 0, Self.defaultLevel, payload)
        chunks.removeFirst(chunks.count - 1)
        return chunks[0]
    }

    /// Writes a chunk: header and contents at once.
    @discardableResult
    private func add(
        _ type: ChunkType, _ position: UInt64, _ flags: UInt8, _ level: Int32, _ payload: [UInt8]
    ) throws(TraceFileError) -> UInt64 {
        if let failure { throw failure }
        guard descriptor >= 0 else { throw TraceFileError(file: path, .misuse("it is closed")) }
        guard payload.count <= TraceFileFormat.payloadLimit else {
            throw TraceFileError(file: path, .misuse("a chunk of \(payload.count) bytes is too large"))
        }
        var chunk = TraceChunk(
            type: type, flags: flags, storedSize: UInt32(payload.count), payloadSize: UInt32(payload.count),
            sequence: extent.chunks, position: position, offset: extent.bytes)
        var stored = payload
        // What does not become smaller is stored as it is.
        if level > 0, let smaller = compressed(payload, level) {
            stored = smaller
            chunk.storedSize = UInt32(stored.count)
            chunk.compression = TraceChunk.Compression.zstandard
        }
        isFinished = false
        try write(chunk.header(storedChecksum: checksum(stored)) + stored)
        chunks.append(chunk)
        extent.chunks += 1
        extent.position = position
        return chunk.sequence
    }

    private func compressed(_ payload: [UInt8], _ level: Int32) -> [UInt8]? {
        guard payload.count > 1 else { return nil }
        var isSmaller = false
        let stored = [UInt8](unsafeUninitializedCapacity: payload.count - 1) { target, initialized in
            let size = payload.withUnsafeBytes {
                compressor.compress($0, into: UnsafeMutableRawBufferPointer(target), level: level)
            }
            isSmaller = size != nil
            initialized = size ?? 0
        }
        return isSmaller ? stored : nil
    }

    private func write(_ bytes: [UInt8]) throws(TraceFileError) {
        var done = 0
        while done < bytes.count {
            // SAFETY: the range from `done` to `count` lies in `bytes`.
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failed(errno)
            }
            // Nothing was written and nothing is said of why: no more can be.
            guard count > 0 else { throw failed(ENOSPC) }
            done += count
        }
        extent.bytes += UInt64(bytes.count)
    }

    /// Ends the writing, and drops what there is of a chunk in part.
    private func failed(_ error: Int32) -> TraceFileError {
        let error = TraceFileError(file: path, .unwritten(error, whole: extent))
        failure = error
        if descriptor >= 0 { _ = ftruncate(descriptor, off_t(extent.bytes)) }
        return error
    }
}
