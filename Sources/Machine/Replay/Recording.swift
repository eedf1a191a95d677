/// A recording, as it is read: what the machine is, what came to it, hashes of its state, snapshots, and how it ended.
public final class Recording {
    public let file: TraceFileReader
    /// Of the machine, as a file of `orrery run` has it.
    public let description: String
    /// Which machine made it.
    public let revision: MachineRevision
    public let resources: [TraceResource]
    public let snapshots: SnapshotStore
    /// Nil where the recording ended early.
    public let conclusion: RunConclusion?

    public init(_ path: String) throws(TraceFileError) {
        let file = try TraceFileReader(path)
        self.file = file
        guard let chunk = file.chunks(of: .description).first else {
            throw TraceFileError(file: path, .missing("description of a machine"))
        }
        guard let text = String(validating: try file.payload(of: chunk), as: UTF8.self) else {
            throw file.damaged(chunk, PayloadError("the description is not UTF-8"))
        }
        description = text
        revision = try file.revision()
        var resources: [TraceResource] = []
        for chunk in file.chunks(of: .resources) {
            resources += try file.decode(chunk) { (reader) throws(PayloadError) in
                try TraceResource.list(&reader, sequence: chunk.sequence)
            }
        }
        self.resources = resources
        snapshots = try SnapshotStore(file)
        // What was recorded after a run had ended is of one that went on.
        if let chunk = file.chunks.last(where: { [.conclusion, .inputs, .stateHashes].contains($0.type) }),
            chunk.type == .conclusion
        {
            conclusion = try file.decode(chunk) { (reader) throws(PayloadError) in try RunConclusion(&reader) }
        } else {
            conclusion = nil
        }
    }

    /// The name of the snapshot that a recording begins with, whose run had begun before.
    static let startName = "start"

    /// Where the recorded run begins, if not with power-on.
    public var start: SnapshotEntry? {
        snapshots.snapshots.first.flatMap { $0.name == Self.startName && $0.inputCount == 0 ? $0 : nil }
    }

    /// From where to where the recorded run goes, in instructions of all CPUs.
    public var range: Range<UInt64> {
        let first = start?.position ?? 0
        let last = conclusion?.position ?? file.chunks.map(\.position).max() ?? 0
        return first..<max(first, last)
    }

    /// Gives out the contents of a file that the machine was made from, piece by piece, and compares the digest at the end.
    /// - Returns: false where the recording has the digest alone.
    public func content(
        of resource: TraceResource, piece: ([UInt8]) throws(TraceFileError) -> Void
    ) throws(TraceFileError) -> Bool {
        guard resource.hasContent || resource.size == 0 else { return false }
        var hasher = SHA256()
        var size: UInt64 = 0
        for sequence in resource.contentChunks.joined() {
            guard let chunk = file.chunk(sequence, of: .resourceContent) else {
                throw TraceFileError(
                    file: file.path, .damaged("\(resource.path) is said to be in chunk \(sequence), which is another"))
            }
            let bytes = try file.payload(of: chunk)
            size += UInt64(bytes.count)
            bytes.withUnsafeBytes { hasher.update($0) }
            try piece(bytes)
        }
        guard size == resource.size, resource.digest == nil || hasher.digest() == resource.digest else {
            throw TraceFileError(
                file: file.path, .damaged("what it holds of \(resource.path) is not what was recorded"))
        }
        return true
    }

    /// The inputs from the one of that number on.
    public func inputs(from ordinal: UInt64 = 0) -> RecordedInputs { RecordedInputs(file, from: ordinal) }

    /// The hashes of one method, from a place in the run on.
    public func hashes(
        from position: UInt64 = 0, by method: RecordedHash.Method = RecordedHash.Method()
    ) -> RecordedHashes { RecordedHashes(file, from: position, by: method) }

    /// What goes on behind the last input.
    func encoderOfMore() throws(TraceFileError) -> InputChunkEncoder {
        var inputs = RecordedInputs(file, from: .max)
        while try inputs.next() != nil {}
        return InputChunkEncoder(ordinal: inputs.ordinal, lastPosition: inputs.position, lastTime: inputs.time)
    }

    /// Reads all of the file, and decodes all that is known of it.
    public func check() throws(TraceFileError) {
        try file.check()
        var inputs = inputs()
        while try inputs.next() != nil {}
        for chunk in file.chunks(of: .stateHashes) { _ = try RecordedHashes.read(chunk, of: file) }
        var parts = parts()
        while try parts.next() != nil {}
        _ = try parent()
        for snapshot in snapshots.snapshots { try snapshots.check(snapshot) }
        for resource in resources where resource.hasContent { _ = try content(of: resource) { _ in } }
    }
}

/// Reads a recording's inputs one after the other, one chunk of them at a time.
public struct RecordedInputs {
    private let file: TraceFileReader
    private var chunks: ArraySlice<TraceChunk>
    private var decoder: InputChunkDecoder?
    private var current: TraceChunk?
    private var isAtChunk = false
    private let first: UInt64
    /// How many inputs of the file come before the next one.
    public private(set) var ordinal: UInt64 = 0
    /// Of the last input.
    private(set) var position: UInt64 = 0
    private(set) var time: UInt64 = 0
    /// Inputs of kinds that this program does not know, and may pass over.
    public private(set) var passedOver: UInt64 = 0

    init(_ file: TraceFileReader, from first: UInt64) {
        self.file = file
        self.first = first
        chunks = file.chunks(of: .inputs)[...]
    }

    /// The next input; nil behind the last.
    public mutating func next() throws(TraceFileError) -> ExternalInput? {
        try seek()
        while true {
            guard var decoder, let chunk = current else {
                guard try nextChunk() else { return nil }
                continue
            }
            let next: InputChunkDecoder.Next
            do throws(PayloadError) { next = try decoder.next() } catch { throw file.damaged(chunk, error) }
            self.decoder = decoder
            switch next {
            case .end: self.decoder = nil
            case .unknown(let kind): throw TraceFileError(file: file.path, offset: chunk.offset, .unknownInput(kind))
            case .unknownOptional:
                ordinal = decoder.ordinal
                passedOver += 1
            case .input(let input):
                guard input.position >= position, input.time >= time else {
                    throw file.damaged(chunk, PayloadError("an input comes before the one before it"))
                }
                (position, time) = (input.position, input.time)
                ordinal = decoder.ordinal
                if ordinal > first { return input }
            }
        }
    }

    /// Passes over the chunks that end before the first input that is asked for.
    private mutating func seek() throws(TraceFileError) {
        guard !isAtChunk else { return }
        isAtChunk = true
        // The last chunk that begins with it or before.
        var (low, high) = (chunks.startIndex, chunks.endIndex)
        while high - low > 1 {
            let middle = (low + high) / 2
            let decoder = try Self.decoder(chunks[middle], of: file)
            if decoder.firstOrdinal <= first { (low, ordinal) = (middle, decoder.firstOrdinal) } else { high = middle }
        }
        chunks = chunks[low...]
    }

    private static func decoder(
        _ chunk: TraceChunk, of file: TraceFileReader
    ) throws(TraceFileError) -> InputChunkDecoder {
        try file.decode(chunk) { (reader) throws(PayloadError) in try InputChunkDecoder(reader) }
    }

    private mutating func nextChunk() throws(TraceFileError) -> Bool {
        guard let chunk = chunks.popFirst() else { return false }
        let decoder = try Self.decoder(chunk, of: file)
        guard decoder.firstOrdinal == ordinal else {
            throw file.damaged(chunk, PayloadError("input \(decoder.firstOrdinal) follows input \(ordinal)"))
        }
        (self.decoder, current) = (decoder, chunk)
        return true
    }
}

/// Reads a recording's hashes one after the other, one chunk of them at a time.
public struct RecordedHashes {
    private let file: TraceFileReader
    private var chunks: ArraySlice<TraceChunk>
    private var hashes: ArraySlice<RecordedHash> = []
    private let method: RecordedHash.Method
    private let first: UInt64

    init(_ file: TraceFileReader, from position: UInt64, by method: RecordedHash.Method) {
        self.file = file
        self.method = method
        first = position
        chunks = file.chunks(of: .stateHashes, from: position)
    }

    /// The next hash; nil behind the last.
    public mutating func next() throws(TraceFileError) -> RecordedHash? {
        while true {
            while let hash = hashes.popFirst() { if hash.position >= first { return hash } }
            guard let chunk = chunks.popFirst() else { return nil }
            let read = try Self.read(chunk, of: file)
            if read.method == method { hashes = read.hashes[...] }
        }
    }

    static func read(_ chunk: TraceChunk, of file: TraceFileReader) throws(TraceFileError) -> HashChunk {
        try file.decode(chunk) { (reader) throws(PayloadError) in try HashChunk(&reader) }
    }
}
