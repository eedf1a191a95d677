import Glibc

/// Reads a trace file: which chunks it has, and any of them, without holding more than one.
///
/// A file that was closed is opened by its index. Any other is read through once, and found to have ended early.
/// Checksums are compared whenever a chunk is read. One reader serves one thread.
public final class TraceFileReader {
    /// How a file ends.
    public enum Ending: Equatable, Sendable {
        /// With a footer: it was closed.
        case complete
        /// Whoever wrote it was stopped, or the file was cut.
        case early(EarlyEnd)
    }

    public struct EarlyEnd: Equatable, Sendable {
        public var wholeChunks: UInt64
        /// Bytes after the last whole chunk.
        public var unreadableBytes: UInt64
        /// Whether those are what is left of a chunk that was cut short, and nothing else.
        public var isTorn: Bool
    }

    public let path: String
    public let byteCount: UInt64
    public let version: (major: UInt16, minor: UInt16)
    /// The program that began the file, in its own words.
    public let program: String
    /// All chunks, in their order.
    public private(set) var chunks: [TraceChunk] = []
    /// Chunks that a scan found to be other than they were written, by their sequence.
    public private(set) var damagedChunks: [UInt64] = []
    public private(set) var ending = Ending.complete

    /// Where the first chunk begins.
    let start: UInt64
    private let file: TraceFileDescriptor
    private let decompressor: ZstandardDecompressor

    public init(_ path: String) throws(TraceFileError) {
        self.path = path
        guard let decompressor = ZstandardDecompressor() else { throw TraceFileError(file: path, .unreadable(ENOMEM)) }
        self.decompressor = decompressor
        file = try TraceFileDescriptor(path)
        byteCount = file.byteCount
        let header = try TraceFileHeader(file)
        version = (header.major, header.minor)
        program = header.program
        start = header.size
        if let indexed = indexedChunks() { chunks = indexed } else { try scan() }
        if let chunk = chunks.first(where: { !$0.isUnderstood && !$0.isOptional }) {
            throw TraceFileError(file: path, offset: chunk.offset, .unknownChunk(chunk.type))
        }
    }

    /// How much of the file is whole.
    public var extent: TraceFileExtent {
        TraceFileExtent(
            chunks: UInt64(chunks.count), bytes: chunks.last?.end ?? start, position: chunks.last?.position ?? 0)
    }

    /// The chunks of a type, in their order.
    public func chunks(of type: ChunkType) -> [TraceChunk] { chunks.filter { $0.type == type && $0.isUnderstood } }

    /// Those of them that may hold what is recorded from a place in the run on: the last that begins before it, and all behind.
    func chunks(of type: ChunkType, from position: UInt64) -> ArraySlice<TraceChunk> {
        let all = chunks(of: type)
        return all[(all.lastIndex { $0.position < position } ?? 0)...]
    }

    /// The chunk of that ``TraceChunk/sequence``, if it is of that type.
    public func chunk(_ sequence: UInt64, of type: ChunkType) -> TraceChunk? {
        guard sequence < UInt64(chunks.count) else { return nil }
        let chunk = chunks[Int(sequence)]
        return chunk.type == type && chunk.isUnderstood ? chunk : nil
    }

    /// The contents of a chunk of this file.
    public func payload(of chunk: TraceChunk) throws(TraceFileError) -> [UInt8] {
        func damaged(_ what: String) -> TraceFileError {
            TraceFileError(file: path, offset: chunk.offset, .damaged(what))
        }
        guard chunk.isUnderstood else {
            throw TraceFileError(file: path, offset: chunk.offset, .unknownChunk(chunk.type))
        }
        let bytes = try file.read(at: chunk.offset, count: TraceChunk.headerSize + Int(chunk.storedSize))
        guard let (found, storedChecksum) = TraceChunk.parse(bytes, at: chunk.offset) else {
            throw damaged("the header of chunk \(chunk.sequence) is not as it was written")
        }
        guard found == chunk else { throw damaged("chunk \(chunk.sequence) is not where the index has it") }
        let stored = bytes[TraceChunk.headerSize...]
        guard checksum(stored) == storedChecksum else {
            throw damaged("chunk \(chunk.sequence) is not as it was written")
        }
        guard chunk.compression == TraceChunk.Compression.zstandard else { return Array(stored) }
        let contents = stored.withUnsafeBytes { decompressor.decompress($0, count: Int(chunk.payloadSize)) }
        guard let contents else { throw damaged("chunk \(chunk.sequence) cannot be decompressed") }
        return contents
    }

    /// Decodes a chunk's payload, and has what is wrong with it said of this file.
    func decode<T>(
        _ chunk: TraceChunk, _ body: (inout PayloadReader) throws(PayloadError) -> T
    ) throws(TraceFileError) -> T {
        var reader = PayloadReader(try payload(of: chunk))
        do throws(PayloadError) { return try body(&reader) } catch { throw damaged(chunk, error) }
    }

    func damaged(_ chunk: TraceChunk, _ error: PayloadError) -> TraceFileError {
        TraceFileError(
            file: path, offset: chunk.offset, .damaged("chunk \(chunk.sequence) (\(chunk.type)): \(error.problem)"))
    }

    /// Reads every chunk, and compares every index with what is there.
    public func check() throws(TraceFileError) {
        var offset = start
        for (number, chunk) in chunks.enumerated() {
            guard chunk.offset == offset, chunk.sequence == UInt64(number) else {
                throw TraceFileError(file: path, offset: offset, .damaged("chunk \(number) is not where it should be"))
            }
            offset = chunk.end
            guard chunk.isUnderstood else { continue }
            let contents = try payload(of: chunk)
            switch chunk.type {
            case .index:
                let named = try decode(chunk) { (_) throws(PayloadError) in
                    try TraceFileIndex.chunks(contents, of: chunk, start: start)
                }
                guard named.elementsEqual(chunks[Int(named.first?.sequence ?? 0)..<number]) else {
                    throw damaged(chunk, PayloadError("it does not name the chunks that are there"))
                }
            case .footer:
                let index = TraceFileFooter.index(contents, at: chunk.offset)
                guard number > 0, index == chunks[number - 1].offset, chunks[number - 1].type == .index else {
                    throw damaged(chunk, PayloadError("it does not lead to the index before it"))
                }
            default: break
            }
        }
    }

    // MARK: Opening

    /// All chunks as the footer and the chain of indices have them; nil where these are not there or not right.
    private func indexedChunks() -> [TraceChunk]? {
        guard byteCount >= start + TraceFileFooter.size,
            let footer = chunk(at: byteCount - TraceFileFooter.size), footer.type == .footer, footer.end == byteCount,
            let payload = try? payload(of: footer),
            var next = TraceFileFooter.index(payload, at: footer.offset)
        else { return nil }
        var runs: [[TraceChunk]] = [[footer]]
        var (end, sequence) = (footer.offset, footer.sequence)
        while true {
            // Each lies before the one that led to it: the chain has an end.
            guard next >= start, next < end, let index = chunk(at: next), index.type == .index,
                runs.count > 1 || index.end == end, index.sequence < sequence,
                let payload = try? self.payload(of: index),
                let run = try? TraceFileIndex.chunks(payload, of: index, start: start)
            else { return nil }
            if runs.count == 1 { runs[0].insert(index, at: 0) }
            runs.append(run)
            guard let first = run.first, first.sequence > 0 else { break }
            (next, end, sequence) = (first.offset, index.offset, index.sequence)
            guard first.type == .index else { return nil }
        }
        let all = Array(runs.reversed().joined())
        // Run after run, each chunk has its number.
        guard all.indices.allSatisfy({ all[$0].sequence == UInt64($0) }) else { return nil }
        return all
    }

    private func chunk(at offset: UInt64) -> TraceChunk? {
        guard byteCount - offset >= UInt64(TraceChunk.headerSize),
            let bytes = try? file.read(at: offset, count: TraceChunk.headerSize)
        else { return nil }
        return TraceChunk.parse(bytes, at: offset)?.chunk
    }

    /// Reads the file from its start on, as far as there are whole chunks.
    private func scan() throws(TraceFileError) {
        var offset = start
        var isTorn = true
        while byteCount - offset >= UInt64(TraceChunk.headerSize) {
            let header = try file.read(at: offset, count: TraceChunk.headerSize)
            guard let (chunk, storedChecksum) = TraceChunk.parse(header, at: offset) else {
                // A host that crashed may have lengthened the file without having written to it.
                isTorn = try file.isZero(from: offset)
                break
            }
            guard chunk.sequence == UInt64(chunks.count) else {
                throw TraceFileError(
                    file: path, offset: offset,
                    .damaged("chunk \(chunk.sequence) is where chunk \(chunks.count) should be"))
            }
            guard chunk.end <= byteCount else { break }
            let stored = try file.read(at: offset + UInt64(TraceChunk.headerSize), count: Int(chunk.storedSize))
            if checksum(stored) != storedChecksum { damagedChunks.append(chunk.sequence) }
            chunks.append(chunk)
            offset = chunk.end
        }
        // Behind the last whole chunk nothing is of use.
        while let last = chunks.last, last.sequence == damagedChunks.last {
            chunks.removeLast()
            damagedChunks.removeLast()
            isTorn = false
        }
        let whole = extent
        guard chunks.last?.type != .footer || whole.bytes != byteCount else { return }
        ending = .early(
            EarlyEnd(wholeChunks: whole.chunks, unreadableBytes: byteCount - whole.bytes, isTorn: isTorn))
    }
}

extension TraceFileReader.Ending {
    /// `the recording ended early: 12 chunks are whole`; nil of one that did not.
    public var warning: String? {
        guard case .early(let end) = self else { return nil }
        let rest = end.unreadableBytes
        return "the recording ended early: \(grouped(end.wholeChunks)) chunks are whole"
            + (rest > 0 ? ", and \(grouped(rest)) bytes after them cannot be read" : "")
    }
}
