/// The snapshots of a trace file.
public struct SnapshotStore {
    private let file: TraceFileReader
    /// In the order in which they were written.
    public let snapshots: [SnapshotEntry]
    private let places: [UInt64: Int]
    /// Of the file.
    var path: String { file.path }

    public init(_ file: TraceFileReader) throws(TraceFileError) {
        self.file = file
        var snapshots: [SnapshotEntry] = []
        var places: [UInt64: Int] = [:]
        for chunk in file.chunks(of: .snapshot) {
            let entry = try file.decode(chunk) { (reader) throws(PayloadError) in
                let entry = try SnapshotEntry(&reader, sequence: chunk.sequence)
                // A parent comes before its children, so that every chain has an end.
                guard places[entry.identifier] == nil, entry.parent.map({ places[$0] != nil }) ?? true else {
                    throw PayloadError("snapshot \(entry.identifier) is there twice, or its parent is not")
                }
                return entry
            }
            places[entry.identifier] = snapshots.count
            snapshots.append(entry)
        }
        self.snapshots = snapshots
        self.places = places
    }

    /// How many pieces of memory a snapshot and its parents may have: what is kept of each takes memory, and little in a file
    /// can be many. Every other page of 32 GiB is as many.
    private static let recordLimit = 1 << 22

    /// A number that no snapshot has.
    public var nextIdentifier: UInt64 { (snapshots.map(\.identifier).max() ?? 0) &+ 1 }

    public func snapshot(_ identifier: UInt64) -> SnapshotEntry? { places[identifier].map { snapshots[$0] } }

    /// The latest of that name.
    public func snapshot(named name: String) -> SnapshotEntry? { snapshots.last { $0.name == name } }

    /// The one nearest before a place in the run, or there.
    public func snapshot(at position: UInt64) -> SnapshotEntry? {
        snapshots.filter { $0.position <= position }.max { $0.position < $1.position }
    }

    /// Neighbouring pages of a snapshot.
    public struct Pages {
        /// ``SnapshotWriter/physicalMemory``, or the name of another store of pages.
        public let space: String
        public let range: Range<UInt64>
        public let contents: Contents

        public enum Contents {
            case zero
            /// The bytes of all pages, one after the other. They are there for the length of the call.
            case bytes(UnsafeRawBufferPointer)
            /// The bytes of one page, which all are like. A file may say that of any number of pages, so that who takes them
            /// looks first whether they are memory.
            case each(UnsafeRawBufferPointer)
        }
    }

    /// Gives out the pages of a snapshot, each once: its own first, then those of its parent that it has not, and so on.
    /// Pages that are never given out are zero.
    /// - Returns: the state of the machine.
    public func restore(
        _ identifier: UInt64, pages: (Pages) throws(TraceFileError) -> Void
    ) throws(TraceFileError) -> MachineState {
        guard let entry = snapshot(identifier) else {
            throw TraceFileError(file: file.path, .missing("snapshot \(identifier)"))
        }
        var known: [String: PageRanges] = [:]
        var left = Self.recordLimit
        var next: SnapshotEntry? = entry
        while let current = next {
            var own: [String: PageRanges] = [:]
            for sequence in current.pageChunks.joined() {
                let piece = try piece(sequence, of: current, after: own)
                for record in piece.records {
                    own[piece.space, default: PageRanges()].append(record.pages)
                    left -= 1
                    guard left > 0 else {
                        throw TraceFileError(file: file.path, .tooLarge("a snapshot has its memory in too many pieces"))
                    }
                    for part in known[piece.space]?.missing(from: record.pages) ?? [record.pages] {
                        try give(part, of: record, piece, to: pages)
                    }
                }
            }
            next = current.parent.flatMap { snapshot($0) }
            if next != nil { for (space, ranges) in own { known[space] = ranges.union(known[space] ?? PageRanges()) } }
        }
        return try state(of: entry)
    }

    /// The pages of a chunk, which follow those that were read before it.
    private func piece(
        _ sequence: UInt64, of entry: SnapshotEntry, after own: [String: PageRanges]
    ) throws(TraceFileError) -> MemoryPages {
        try file.decode(try chunk(sequence, of: .memoryPages)) { (reader) throws(PayloadError) in
            let piece = try MemoryPages(&reader)
            let end = own[piece.space]?.ranges.last?.upperBound ?? 0
            guard piece.snapshot == entry.identifier, (piece.records.first?.pages.lowerBound ?? end) >= end else {
                throw PayloadError("its pages are not those of snapshot \(entry.identifier)")
            }
            return piece
        }
    }

    /// Decodes all that a snapshot itself has.
    func check(_ entry: SnapshotEntry) throws(TraceFileError) {
        var own: [String: PageRanges] = [:]
        for sequence in entry.pageChunks.joined() {
            let piece = try piece(sequence, of: entry, after: own)
            guard let end = piece.records.last?.pages.upperBound else { continue }
            var last = PageRanges()
            last.append(end - 1..<end)
            own[piece.space] = last
        }
        _ = try state(of: entry)
    }

    private func give(
        _ range: Range<UInt64>, of record: MemoryPages.Record, _ piece: MemoryPages,
        to body: (Pages) throws(TraceFileError) -> Void
    ) throws(TraceFileError) {
        switch record.kind {
        case .zero: try body(Pages(space: piece.space, range: range, contents: .zero))
        case .stored:
            let first = record.contents + Int(range.lowerBound - record.pages.lowerBound)
            try piece.withContents(first..<first + range.count) { (bytes) throws(TraceFileError) in
                try body(Pages(space: piece.space, range: range, contents: .bytes(bytes)))
            }
        case .copies:
            try piece.withContents(record.contents..<record.contents + 1) { (bytes) throws(TraceFileError) in
                try body(Pages(space: piece.space, range: range, contents: .each(bytes)))
            }
        }
    }

    /// The state of the machine alone.
    public func state(of entry: SnapshotEntry) throws(TraceFileError) -> MachineState {
        var chunks: [TraceChunk] = []
        var size = 0
        for sequence in entry.stateChunks.joined() {
            let chunk = try chunk(sequence, of: .machineState)
            size += Int(chunk.payloadSize)
            // Before anything is decompressed: little in a file can be much in memory.
            guard size <= MachineState.encodedLimit + chunks.count * 16 else {
                throw TraceFileError(
                    file: file.path, offset: chunk.offset, .tooLarge("the state of a machine is larger than 1 GiB"))
            }
            chunks.append(chunk)
        }
        var bytes: [UInt8] = []
        for chunk in chunks {
            bytes += try file.decode(chunk) { (reader) throws(PayloadError) in
                guard try reader.number() == entry.identifier else {
                    throw PayloadError("it is not of snapshot \(entry.identifier)")
                }
                return reader.rest()
            }
        }
        do throws(PayloadError) { return try MachineState(encoded: bytes) } catch {
            throw TraceFileError(
                file: file.path, offset: chunks.first?.offset,
                .damaged("the state of snapshot \(entry.identifier): \(error.problem)"))
        }
    }

    private func chunk(_ sequence: UInt64, of type: ChunkType) throws(TraceFileError) -> TraceChunk {
        guard let chunk = file.chunk(sequence, of: type) else {
            throw TraceFileError(
                file: file.path, .damaged("a snapshot names chunk \(sequence), which is not of its kind"))
        }
        return chunk
    }
}
