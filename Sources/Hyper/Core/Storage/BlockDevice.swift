/// A disk as threads use it: each request returns when the disk has ended it.
///
/// There is no limit to a wait, since the memory is the disk's until then: a disk whose hardware no longer answers ends its
/// requests itself. Not for handlers of interrupts, nor for who holds a spin lock.
public final class BlockDevice {
    public static let sectorSize = 512

    public let disk: any VirtualDisk

    public init(_ disk: any VirtualDisk) { self.disk = disk }

    public var identifier: Text { disk.identifier }
    public var sectorCount: UInt64 { disk.sectorCount }
    public var isReadOnly: Bool { disk.isReadOnly }

    /// Reads whole sectors, as many as `target` has room for.
    public func read(sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(HyperError) {
        try check(sector, target.count)
        guard !target.isEmpty else { return }
        guard wait({ disk.read(sector, into: ScatterList(target), $0) }) else {
            throw failure("reading", sector, target.count)
        }
    }

    /// Writes whole sectors. They may be lost with the power until ``flush()``.
    public func write(sector: UInt64, from source: UnsafeRawBufferPointer) throws(HyperError) {
        guard !isReadOnly else { throw HyperError("disk \(identifier) cannot be written: it is for reading alone") }
        try check(sector, source.count)
        guard !source.isEmpty else { return }
        // SAFETY: a disk only reads what is written to it.
        let bytes = UnsafeMutableRawBufferPointer(mutating: source)
        guard wait({ disk.write(sector, from: ScatterList(bytes), $0) }) else {
            throw failure("writing", sector, source.count)
        }
    }

    /// Makes what was written last.
    public func flush() throws(HyperError) {
        guard wait({ disk.flush($0) }) else {
            throw HyperError("disk \(identifier): what was written could not be made to last; it may be lost")
        }
    }

    private func check(_ sector: UInt64, _ count: Int) throws(HyperError) {
        guard count % Self.sectorSize == 0 else {
            throw HyperError(
                "disk \(identifier): \(count) bytes are no whole sectors of \(Self.sectorSize): ask for whole ones")
        }
        let sectors = UInt64(count / Self.sectorSize)
        guard sectors <= sectorCount, sector <= sectorCount - sectors else {
            throw HyperError(
                "disk \(identifier) has \(sectorCount) sectors: \(sectors) of them from \(sector) on go beyond its end")
        }
    }

    private func failure(_ what: StaticString, _ sector: UInt64, _ count: Int) -> HyperError {
        HyperError("disk \(identifier): \(what) \(count) bytes at sector \(sector) has failed")
    }

    /// What the disk says in the end.
    private final class Ending {
        let completion = Completion()
        var isDone = false
    }

    private func wait(_ request: (_ ended: @escaping (Bool) -> Void) -> DiskOutcome) -> Bool {
        let ending = Ending()
        let outcome = request { isDone in
            ending.isDone = isDone
            ending.completion.complete()
        }
        switch outcome {
        case .done: return true
        case .failed: return false
        case .pending:
            ending.completion.wait()
            return ending.isDone
        }
    }
}
