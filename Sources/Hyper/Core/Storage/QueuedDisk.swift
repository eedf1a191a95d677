/// A disk whose requests a thread carries out, one after another, since it waits for files or for other disks. Disks of
/// one depth share a thread, which so never waits for itself.
public class QueuedDisk: VirtualDisk {
    public let identifier: Text
    public let sectorCount: UInt64
    public let isReadOnly: Bool
    public let depth: Int
    private let work: WorkQueue

    private static let depthLimit = 8
    // SAFETY: changed by one thread at a time, which holds the mutex of the management.
    nonisolated(unsafe) private static var queues: [WorkQueue] = []

    /// - Parameter below: the disk that it waits for.
    init(
        identifier: Text, sectorCount: UInt64, isReadOnly: Bool, below: (any VirtualDisk)?
    ) throws(HyperError) {
        self.identifier = identifier
        self.sectorCount = sectorCount
        self.isReadOnly = isReadOnly
        depth = (below?.depth ?? 0) + 1
        guard depth <= Self.depthLimit else {
            throw HyperError(
                "disk \(identifier) would be on \(depth - 1) others, one on another: use one further below")
        }
        while Self.queues.count < depth { Self.queues.append(WorkQueue("disks \(Self.queues.count + 1)")) }
        work = Self.queues[depth - 1]
    }

    #if !hasFeature(Embedded)
    /// Forgets the threads, between tests, each of which has a machine of its own.
    static func forgetThreads() { queues = [] }
    #endif

    // MARK: What a disk does by its own thread

    func perform(read sector: UInt64, into target: ScatterList) throws(HyperError) {}
    func perform(write sector: UInt64, from source: ScatterList) throws(HyperError) {}
    func performFlush() throws(HyperError) {}

    // MARK: VirtualDisk

    public var kind: Text { Text() }
    public var isCreated: Bool { true }
    public func close() {}

    public func read(_ sector: UInt64, into memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard contains(sector, memory.count) else { return .failed }
        return later(ended) { (disk) throws(HyperError) in try disk.perform(read: sector, into: memory) }
    }

    public func write(_ sector: UInt64, from memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard !isReadOnly, contains(sector, memory.count) else { return .failed }
        return later(ended) { (disk) throws(HyperError) in try disk.perform(write: sector, from: memory) }
    }

    public func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        later(ended) { (disk) throws(HyperError) in try disk.performFlush() }
    }

    private func contains(_ sector: UInt64, _ bytes: Int) -> Bool {
        sector <= sectorCount && UInt64(bytes + 511) / 512 <= sectorCount - sector
    }

    private func later(
        _ ended: @escaping (Bool) -> Void, _ body: @escaping (QueuedDisk) throws(HyperError) -> Void
    ) -> DiskOutcome {
        work.add { [self] in
            do throws(HyperError) {
                try body(self)
                ended(true)
            } catch {
                ended(false)
            }
        }
        return .pending
    }
}

/// A disk whose sectors are a file's bytes.
public final class FileDisk: QueuedDisk {
    private let path: Text

    public init(identifier: Text, path: Text, isReadOnly: Bool) throws(HyperError) {
        let file = try VirtualFileSystem.entry(at: path)
        guard !file.isDirectory, file.size >= 512 else {
            throw HyperError("\(path) has not one sector of 512 bytes: it is no disk")
        }
        self.path = path
        try super.init(
            identifier: identifier, sectorCount: file.size / 512, isReadOnly: isReadOnly,
            below: try VirtualFileSystem.disk(of: path))
        try VirtualFileSystem.keep(path)
    }

    public override var kind: Text { "file \(path)" }
    public override func close() { VirtualFileSystem.release(path) }

    override func perform(read sector: UInt64, into target: ScatterList) throws(HyperError) {
        var (target, offset) = (target, sector * 512)
        while let piece = target.next(.max) {
            guard try VirtualFileSystem.read(path, at: offset, into: piece) == piece.count else {
                throw HyperError("\(path) is shorter than it was")
            }
            offset += UInt64(piece.count)
        }
    }

    override func perform(write sector: UInt64, from source: ScatterList) throws(HyperError) {
        var (source, offset) = (source, sector * 512)
        while let piece = source.next(.max) {
            try VirtualFileSystem.write(path, at: offset, from: UnsafeRawBufferPointer(piece))
            offset += UInt64(piece.count)
        }
    }
}
