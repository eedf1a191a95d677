import ISA

/// Writes snapshots of one machine to a file, as it runs: the first one has all of its memory, and each other one what has
/// changed since the one before.
///
/// To restore one is to read those before it as well. So a chain of them ends when its pages are several times those of a
/// whole one, and another begins.
final class SnapshotTaker {
    private unowned let session: Session
    private let memory: PhysicalMemory
    private let writer: RecordingWriter
    private let dirty = DirtyPages()
    /// The snapshot since which ``dirty`` counts; nil before the first.
    private var parent: UInt64?
    /// Pages of the whole snapshot that the chain began with, and of those that build on it.
    private var wholePages = 0
    private var chainPages = 0
    /// How many times the pages of a whole snapshot a chain may have.
    private static let longestChain = 4

    init(_ session: Session, _ writer: RecordingWriter) {
        self.session = session
        memory = session.board.memory
        self.writer = writer
    }

    deinit { if parent != nil { memory.endObserving(dirty) } }

    /// Writes what the machine is now.
    /// - Parameters:
    ///   - isAskedFor: somebody waits for it: it has a hash, by which whoever restores it finds out that it is the same
    ///     machine, and is on the host's disk on return. Both take longer than the rest.
    func take(name: String, isAskedFor: Bool) throws(TraceFileError) -> SnapshotEntry {
        let board = session.board
        let isWhole = parent == nil || chainPages + dirty.numbers.count > Self.longestChain * wholePages
        let snapshot = try writer.snapshot(
            position: board.executed, time: board.scheduler.time, parent: isWhole ? nil : parent, name: name,
            hash: isAskedFor ? board.stateHash : nil)
        if isWhole {
            wholePages = try snapshot.appendAll(of: board.memory)
            chainPages = 0
        } else {
            try snapshot.append(dirty.numbers.sorted(), of: board.memory)
            chainPages += dirty.numbers.count
        }
        try snapshot.finish(board.state(), synchronizes: isAskedFor)
        isNow(snapshot.entry.identifier)
        return snapshot.entry
    }

    /// Says that the machine's memory is now what it is in that snapshot of the file.
    func isNow(_ identifier: UInt64) {
        parent = identifier
        dirty.clear()
        memory.observeChanges(dirty)
    }
}

extension SnapshotWriter {
    /// Adds all pages that are not zero.
    /// - Returns: how many they are.
    func appendAll(of memory: PhysicalMemory) throws(TraceFileError) -> Int {
        var count = 0
        for region in memory.regions.sorted(by: { $0.base < $1.base }) {
            try memory.forEachUsedPage(of: region) { (page) throws(TraceFileError) in
                try append(page, of: region)
                count += 1
            }
        }
        return count
    }

    /// Adds those pages, whatever is in them.
    /// - Parameter numbers: their physical addresses, divided by the size of a page, in order.
    func append(_ numbers: [UInt64], of memory: PhysicalMemory) throws(TraceFileError) {
        let size = PhysicalMemory.pageSize
        for number in numbers {
            guard let region = memory.regions.first(where: { number &- $0.base / size < $0.size / size }) else {
                continue
            }
            try append(Int(number - region.base / size), of: region)
        }
    }

    private func append(_ page: Int, of region: PhysicalMemory.Region) throws(TraceFileError) {
        let size = PhysicalMemory.pageSize
        // SAFETY: the region has that page.
        let bytes = UnsafeRawBufferPointer(start: region.host + page * Int(size), count: Int(size))
        try append(page: region.base / size + UInt64(page), bytes)
    }
}
