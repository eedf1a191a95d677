/// What becomes of a request to a disk.
public enum DiskOutcome: Sendable {
    case done, failed
    /// It goes on: the disk says later how it ended.
    case pending
}

/// A disk of a guest's: memory, a file, or a disk of the host's. Sectors have 512 bytes.
///
/// Requests lie within the disk and are whole sectors. They may come from any CPU, with interrupts off, and while locks
/// are held: a disk that has to wait returns ``DiskOutcome/pending``, leaves the work to others, and calls `ended`
/// once, from a thread or a handler of interrupts, never from within the request. The memory is valid until then.
public protocol VirtualDisk: AnyObject {
    var sectorCount: UInt64 { get }
    var isReadOnly: Bool { get }
    /// A name that a guest sees: at most 20 bytes of ASCII.
    var identifier: Text { get }
    /// The disk that it is a partition of.
    var whole: (any VirtualDisk)? { get }
    /// What it is, for who looks at a list.
    var kind: Text { get }
    /// How many threads wait, one for another, for a request to it.
    var depth: Int { get }
    /// A command has made it, and may take it away.
    var isCreated: Bool { get }
    /// Gives back what it holds. Nobody has it any more.
    func close()
    func read(_ sector: UInt64, into memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome
    func write(_ sector: UInt64, from memory: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome
    /// Makes what was written last.
    func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome
}

extension VirtualDisk {
    public var whole: (any VirtualDisk)? { nil }
    public var kind: Text { "hardware" }
    public var depth: Int { whole?.depth ?? 0 }
    public var isCreated: Bool { false }
    public func close() {}
}

/// A disk in memory.
public class MemoryDisk: VirtualDisk {
    public static let sectorSize = 512

    public let identifier: Text
    public let isReadOnly: Bool
    private let memory: UnsafeMutableRawBufferPointer

    /// - Parameter memory: outlives the disk. What is less than a sector at its end is not used.
    public init(identifier: Text, memory: UnsafeMutableRawBufferPointer, isReadOnly: Bool = false) {
        self.identifier = identifier
        self.memory = memory
        self.isReadOnly = isReadOnly
    }

    public var sectorCount: UInt64 { UInt64(memory.count / Self.sectorSize) }
    public var kind: Text { "memory" }
    public var isCreated: Bool { false }
    public func close() {}

    public func read(_ sector: UInt64, into target: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard let part = part(sector, target.count) else { return .failed }
        var target = target
        target.write(UnsafeRawBufferPointer(part))
        return .done
    }

    public func write(_ sector: UInt64, from source: ScatterList, _ ended: @escaping (Bool) -> Void) -> DiskOutcome {
        guard !isReadOnly, let part = part(sector, source.count) else { return .failed }
        var source = source
        source.read(into: part)
        return .done
    }

    public func flush(_ ended: @escaping (Bool) -> Void) -> DiskOutcome { .done }

    private func part(_ sector: UInt64, _ count: Int) -> UnsafeMutableRawBufferPointer? {
        guard sector <= sectorCount, count <= Int(sectorCount - sector) * Self.sectorSize else { return nil }
        let start = Int(sector) * Self.sectorSize
        return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + count])
    }
}

/// A disk of pages of its own, which begins with zeros.
public final class PageDisk: MemoryDisk {
    private let address: UInt64
    private let count: Int

    /// - Parameter size: in bytes.
    public init(identifier: Text, size: UInt64) throws(HyperError) {
        guard size >= Pages.size, size <= 1 << 40 else {
            throw HyperError(
                "\(size) bytes are no size of a disk of memory: ask for 4K at least, and for what there is")
        }
        count = Int((size + Pages.size - 1) / Pages.size)
        address = try Pages.allocate(count)
        Pages.clear(address, count: count)
        // SAFETY: the pages are this disk's own.
        super.init(
            identifier: identifier,
            memory: UnsafeMutableRawBufferPointer(
                start: UnsafeMutableRawPointer(bitPattern: UInt(address)), count: Int(size)))
    }

    public override var isCreated: Bool { true }
    public override func close() { Pages.free(address, count) }
}

/// The disks that guests may have, by name.
public enum VirtualDisks {
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var all: [any VirtualDisk] = []

    public static func add(_ disk: any VirtualDisk) throws(HyperError) {
        guard !all.contains(where: { $0.identifier == disk.identifier }) else {
            throw HyperError("there is a disk \(disk.identifier) already")
        }
        all.append(disk)
    }

    /// Whoever has it keeps it.
    public static func remove(_ disk: any VirtualDisk) { all.removeAll { $0 === disk } }

    public static func find(_ identifier: Text) throws(HyperError) -> any VirtualDisk {
        guard let disk = all.first(where: { $0.identifier == identifier }) else {
            throw HyperError("there is no disk \(identifier); `vdisk list` shows those that there are")
        }
        return disk
    }
}
