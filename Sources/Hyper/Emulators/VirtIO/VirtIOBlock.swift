/// A guest's disk (VirtIO 1.2, Block Device).
public final class VirtIOBlock: VirtIODevice {
    private enum Feature {
        static let sizeMaximum: UInt64 = 1 << 1, segmentMaximum: UInt64 = 1 << 2
        static let readOnly: UInt64 = 1 << 5, flush: UInt64 = 1 << 9
    }

    private enum Request {
        static let read: UInt64 = 0, write: UInt64 = 1, flush: UInt64 = 4, identify: UInt64 = 8
    }

    private enum Status: UInt64 {
        case ok = 0, error = 1, unsupported = 2
    }

    private static let sectorSize: UInt64 = 512, identifierSize = 20
    /// Of one request: what is more is an error, so that no request keeps a CPU for long.
    private static let segmentMaximum: UInt64 = 126, sizeMaximum: UInt64 = 8192
    private static let byteMaximum = Int(segmentMaximum * sizeMaximum)

    /// What the guest and this are called: `one/disk0`.
    public let name: Text
    /// Set while the queue's lock is held; nil for a drive without a disk.
    private var disk: (any VirtualDisk)?
    /// What the driver was told; a disk that is put in later may be for reading alone all the same.
    private let isReadOnly: Bool
    private var transport: Unmanaged<VirtIOTransport>?
    /// Requests that the disk has not ended. Guarded by the queue's lock.
    private var pending = 0
    private let ended = WaitQueue()

    /// - Parameter isReadOnly: the guest may not write, whatever the disk is.
    public init(name: Text, disk: (any VirtualDisk)?, isReadOnly: Bool = false) throws(HyperError) {
        self.name = name
        self.disk = disk
        self.isReadOnly = isReadOnly || disk?.isReadOnly ?? false
        if let disk { try DiskUses.take(disk, for: name, writes: !self.isReadOnly) }
        VirtIODrives.add(self)
    }

    public var identifier: UInt32 { VirtIODeviceType.block }

    public var features: UInt64 {
        Feature.sizeMaximum | Feature.segmentMaximum | Feature.flush | (isReadOnly ? Feature.readOnly : 0)
    }

    public var queueSizes: [UInt16] { [128] }

    /// Sectors, longest segment, most segments of a request.
    public var configuration: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt64, _ count: UInt64) {
            for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
        append(disk?.sectorCount ?? 0, 8)
        append(Self.sizeMaximum, 4)
        append(Self.segmentMaximum, 4)
        return bytes
    }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    /// Waits for the disk, which may still read and write the guest's memory.
    public func remove() {
        takeOut()
        VirtIODrives.remove(self)
    }

    /// Puts a disk into the empty drive, and tells the guest, to which it is one of another size.
    public func insert(_ new: any VirtualDisk) throws(HyperError) {
        guard disk == nil else { throw HyperError("\(name) has a disk: detach that first") }
        try DiskUses.take(new, for: name, writes: !isReadOnly && !new.isReadOnly)
        set(new)
        transport?._withUnsafeGuaranteedRef { $0.setConfiguration(configuration) }
    }

    public func eject() throws(HyperError) {
        guard disk != nil else { throw HyperError("\(name) has no disk") }
        takeOut()
        transport?._withUnsafeGuaranteedRef { $0.setConfiguration(configuration) }
    }

    /// Nothing of it is asked from here on, and what was asked has ended.
    private func takeOut() {
        guard let old = disk else { return }
        set(nil)
        ended.wait { pending == 0 }
        DiskUses.giveBack(old, from: name)
    }

    private func set(_ new: (any VirtualDisk)?) {
        guard let queue = transport?._withUnsafeGuaranteedRef({ $0.queue(0) }) else { return disk = new }
        queue.lock.withLock { disk = new }
    }

    public func notified(_ queue: Int) {
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(queue) { buffer throws(HyperError) in try serve(buffer, queue) }
        }
    }

    /// The bytes written, the status among them; nil where the disk is not done yet.
    private func serve(_ buffer: VirtqueueBuffer, _ queue: Int) throws(HyperError) -> UInt32? {
        var rest = buffer.readable
        guard let type = rest.number(bytes: 4), rest.number(bytes: 4) != nil, let sector = rest.number(bytes: 8),
            buffer.writable.count > 0
        else {
            throw HyperError("queue \(queue): a request needs a header of 16 bytes to read, and a status to write")
        }
        guard let disk else { return end(buffer, type <= Request.identify ? .error : .unsupported, 0) }
        // The last byte is the status'.
        let space = buffer.writable.prefix(buffer.writable.count - 1)
        var written = 0
        let outcome: DiskOutcome
        let use = transport?._withUnsafeGuaranteedRef { $0.beginUse() } ?? 0
        var isPending = false
        defer { if !isPending { transport?._withUnsafeGuaranteedRef { $0.endUse(use) } } }
        switch type {
        case Request.read:
            guard isIn(disk, sector, space.count) else { return end(buffer, .error, 0) }
            written = space.count
            outcome = disk.read(sector, into: space, ender(buffer, queue, written, use))
        case Request.write:
            guard !isReadOnly, !disk.isReadOnly, isIn(disk, sector, rest.count) else { return end(buffer, .error, 0) }
            outcome = disk.write(sector, from: rest, ender(buffer, queue, 0, use))
        case Request.flush: outcome = disk.flush(ender(buffer, queue, 0, use))
        case Request.identify:
            guard space.count >= Self.identifierSize else { return end(buffer, .error, 0) }
            return identify(disk, buffer)
        default: return end(buffer, .unsupported, 0)
        }
        switch outcome {
        case .done: return end(buffer, .ok, written)
        case .failed: return end(buffer, .error, 0)
        case .pending:
            pending += 1
            isPending = true
            return nil
        }
    }

    private func isIn(_ disk: any VirtualDisk, _ sector: UInt64, _ count: Int) -> Bool {
        let sectors = UInt64(count) / Self.sectorSize
        return UInt64(count) % Self.sectorSize == 0 && count <= Self.byteMaximum && sectors <= disk.sectorCount
            && sector <= disk.sectorCount - sectors
    }

    /// Twenty bytes, zeros behind a shorter name.
    private func identify(_ disk: any VirtualDisk, _ buffer: VirtqueueBuffer) -> UInt32 {
        let name = disk.identifier.bytes
        var space = buffer.writable
        for index in 0..<Self.identifierSize { space.write(index < name.count ? UInt64(name[index]) : 0, bytes: 1) }
        return end(buffer, .ok, Self.identifierSize)
    }

    private func end(_ buffer: VirtqueueBuffer, _ status: Status, _ written: Int) -> UInt32 {
        var last = buffer.writable
        last.skip(last.count - 1)
        last.write(status.rawValue, bytes: 1)
        // The status counts where all before it was written (The Virtqueue Used Ring).
        return UInt32(written == buffer.writable.count - 1 ? written + 1 : written)
    }

    /// What a disk calls that was not done at once.
    private func ender(_ buffer: VirtqueueBuffer, _ queue: Int, _ written: Int, _ use: Int) -> (Bool) -> Void {
        { [self] isDone in
            transport?._withUnsafeGuaranteedRef { transport in
                transport.complete(queue, buffer) { isOwned in
                    pending -= 1
                    transport.endUse(use)
                    return !isOwned ? 0 : end(buffer, isDone ? .ok : .error, isDone ? written : 0)
                }
            }
            ended.wakeAll()
        }
    }
}

/// The drives of all guests, by name.
enum VirtIODrives {
    // SAFETY: changed by one thread at a time, which holds the mutex of the management.
    nonisolated(unsafe) private static var all: [VirtIOBlock] = []

    static func add(_ drive: VirtIOBlock) { all.append(drive) }
    static func remove(_ drive: VirtIOBlock) { all.removeAll { $0 === drive } }
    static func find(_ name: Text) -> VirtIOBlock? { all.first { $0.name == name } }
}
