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

    private let disk: any VirtualDisk
    private var transport: Unmanaged<VirtIOTransport>?
    /// Requests that the disk has not ended. Guarded by the queue's lock.
    private var pending = 0
    private let ended = WaitQueue()

    public init(disk: any VirtualDisk) { self.disk = disk }

    public var identifier: UInt32 { VirtIODeviceType.block }

    public var features: UInt64 {
        Feature.sizeMaximum | Feature.segmentMaximum | Feature.flush | (disk.isReadOnly ? Feature.readOnly : 0)
    }

    public var queueSizes: [UInt16] { [128] }

    /// Sectors, longest segment, most segments of a request.
    public var configuration: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt64, _ count: UInt64) {
            for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        }
        append(disk.sectorCount, 8)
        append(Self.sizeMaximum, 4)
        append(Self.segmentMaximum, 4)
        return bytes
    }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    /// Waits for the disk, which may still read and write the guest's memory.
    public func remove() { ended.wait { pending == 0 } }

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
        // The last byte is the status'.
        let space = buffer.writable.prefix(buffer.writable.count - 1)
        var written = 0
        let outcome: DiskOutcome
        let use = transport?._withUnsafeGuaranteedRef { $0.beginUse() } ?? 0
        var isPending = false
        defer { if !isPending { transport?._withUnsafeGuaranteedRef { $0.endUse(use) } } }
        switch type {
        case Request.read:
            guard isInDisk(sector, space.count) else { return end(buffer, .error, 0) }
            written = space.count
            outcome = disk.read(sector, into: space, ender(buffer, queue, written, use))
        case Request.write:
            guard !disk.isReadOnly, isInDisk(sector, rest.count) else { return end(buffer, .error, 0) }
            outcome = disk.write(sector, from: rest, ender(buffer, queue, 0, use))
        case Request.flush: outcome = disk.flush(ender(buffer, queue, 0, use))
        case Request.identify:
            guard space.count >= Self.identifierSize else { return end(buffer, .error, 0) }
            return identify(buffer)
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

    private func isInDisk(_ sector: UInt64, _ count: Int) -> Bool {
        let sectors = UInt64(count) / Self.sectorSize
        return UInt64(count) % Self.sectorSize == 0 && count <= Self.byteMaximum && sectors <= disk.sectorCount
            && sector <= disk.sectorCount - sectors
    }

    /// Twenty bytes, zeros behind a shorter name.
    private func identify(_ buffer: VirtqueueBuffer) -> UInt32 {
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
