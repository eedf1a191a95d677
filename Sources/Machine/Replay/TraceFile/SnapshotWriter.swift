/// Writes one snapshot to a trace file: its pages in ascending order, its ``MachineState``, and then that it is there.
///
/// Nothing is held but the pages of the next chunk. Other chunks may be written between those of a snapshot.
public final class SnapshotWriter {
    /// The space of the machine's memory: a page's number is its physical address divided by 4096.
    public static let physicalMemory = "memory"
    /// Pages are written often, and much at once: level 1 is several times as fast as the default.
    private static let level: Int32 = 1

    public private(set) var entry: SnapshotEntry
    private let file: TraceFileWriter
    private var pages: MemoryPages
    /// Where each space's pages end so far.
    private var ends: [String: UInt64] = [:]
    private var isFinished = false

    /// - Parameters:
    ///   - identifier: one that no snapshot of the file has; see ``SnapshotStore/nextIdentifier``.
    ///   - parent: the one that it is incremental to.
    public init(
        _ file: TraceFileWriter, identifier: UInt64, parent: UInt64? = nil, position: UInt64, time: UInt64,
        inputCount: UInt64 = 0, name: String = "", hash: UInt64? = nil
    ) {
        self.file = file
        entry = SnapshotEntry(
            identifier: identifier, parent: parent, position: position, time: time, inputCount: inputCount, name: name,
            hash: hash)
        pages = MemoryPages(snapshot: identifier, space: Self.physicalMemory)
    }

    /// Adds a page of 4096 bytes. Its number is above all that were added of its space.
    public func append(
        page: UInt64, _ bytes: UnsafeRawBufferPointer, in space: String = physicalMemory
    ) throws(TraceFileError) {
        try prepare(space)
        do throws(PayloadError) { try pages.append(page, bytes) } catch { throw misuse(error) }
    }

    /// Adds pages that are zero: those that the parent has otherwise.
    public func append(zeroPages: Range<UInt64>, in space: String = physicalMemory) throws(TraceFileError) {
        try prepare(space)
        do throws(PayloadError) { try pages.appendZeros(zeroPages) } catch { throw misuse(error) }
    }

    /// Ends the snapshot.
    /// - Parameter synchronizes: whether it is waited for the host's disk, as somebody expects who asked for the snapshot;
    ///   a run that takes them on interval would stand still.
    public func finish(_ state: MachineState, synchronizes: Bool = true) throws(TraceFileError) {
        guard !isFinished else { throw TraceFileError(file: file.path, .misuse("a snapshot has ended already")) }
        isFinished = true
        try flush()
        let bytes = state.encoded()
        guard bytes.count <= MachineState.encodedLimit else {
            throw TraceFileError(
                file: file.path, .misuse("the state of a machine of \(bytes.count) bytes is too large"))
        }
        var piece = 0
        repeat {
            let end = min(piece + Self.pieceSize, bytes.count)
            var payload: [UInt8] = []
            payload.append(number: entry.identifier)
            payload += bytes[piece..<end]
            entry.stateChunks.append(number: try file.append(.machineState, position: entry.position, payload))
            piece = end
        } while piece < bytes.count
        try file.append(.snapshot, position: entry.position, entry.payload)
        if synchronizes { try file.synchronize() }
    }

    /// Bytes of a state in one chunk.
    private static let pieceSize = 1 << 20

    /// Has a chunk for pages of the space.
    private func prepare(_ space: String) throws(TraceFileError) {
        if space == pages.space, !pages.isFull { return }
        try flush()
        pages = MemoryPages(snapshot: entry.identifier, space: space, end: ends[space] ?? 0)
    }

    private func flush() throws(TraceFileError) {
        ends[pages.space] = pages.end
        guard !pages.isEmpty else { return }
        let sequence = try file.append(.memoryPages, position: entry.position, level: Self.level, pages.payload)
        entry.pageChunks.append(number: sequence)
        pages = MemoryPages(snapshot: entry.identifier, space: pages.space, end: pages.end)
    }

    private func misuse(_ error: PayloadError) -> TraceFileError {
        TraceFileError(file: file.path, .misuse(error.problem))
    }
}
