/// VirtIO block device (VirtIO 1.2, section 5.2): a disk over a ``BlockBackend``.
public final class VirtIOBlock: VirtIODevice {
    /// Feature bits (5.2.3).
    private enum Feature {
        static let segmentMaximum = VirtIOFeatures(rawValue: 1 << 2)
        static let readOnly = VirtIOFeatures(rawValue: 1 << 5)
        static let blockSize = VirtIOFeatures(rawValue: 1 << 6)
        static let flush = VirtIOFeatures(rawValue: 1 << 9)
        static let configurableWriteCache = VirtIOFeatures(rawValue: 1 << 11)
        static let discard = VirtIOFeatures(rawValue: 1 << 13)
        static let writeZeroes = VirtIOFeatures(rawValue: 1 << 14)
    }

    /// Request types (5.2.6).
    private enum Request: UInt32 {
        case read = 0
        case write = 1
        case flush = 4
        case getID = 8
        case discard = 11
        case writeZeroes = 13
    }

    private enum Status: UInt8 {
        case ok = 0
        case ioError = 1
        case unsupported = 2
    }

    /// The request header: type, reserved, sector.
    private static let headerSize: UInt64 = 16
    private static let sectorSize: UInt64 = 512
    private static let idSize = 20
    /// The configuration space's only writable field.
    private static let writebackOffset = 32

    /// Limits the configuration space states.
    private enum Limit {
        static let queueSize: UInt16 = 256
        /// A queue's worth, without header and status.
        static let segments: UInt32 = 254
        /// Discard and write zeroes: ranges a request, sectors a range.
        static let ranges: UInt32 = 16
        static let sectors: UInt32 = 65536
    }

    public let id: UInt32 = 2
    public let queueSizes: [UInt16] = [Limit.queueSize]
    public let hasLegacyInterface = true
    public weak var transport: VirtIOTransport?

    private let backend: any BlockBackend
    private let serial: [UInt8]
    private let reports: DeviceReports
    /// Whether written data may stay in a cache until a flush. The driver may change it (5.2.5).
    private var writeback = true

    /// - Parameters:
    ///   - serial: up to 20 bytes that GET_ID returns.
    ///   - report: told in a sentence when the host cannot read or write the disk.
    public init(backend: any BlockBackend, serial: String = "orrery", report: @escaping (String) -> Void = { _ in }) {
        self.backend = backend
        self.serial = Array(serial.utf8.prefix(Self.idSize))
        reports = DeviceReports("disk \(serial)", to: report)
    }

    public var features: VirtIOFeatures {
        let all: VirtIOFeatures = [Feature.segmentMaximum, Feature.blockSize, Feature.flush]
        if backend.isReadOnly { return all.union(Feature.readOnly) }
        return all.union([Feature.configurableWriteCache, Feature.discard, Feature.writeZeroes])
    }

    private var capacity: UInt64 { backend.byteCount / Self.sectorSize }

    /// struct virtio_blk_config (5.2.4). Fields of features that are not offered are zero.
    public var configuration: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: capacity)
        bytes.append(littleEndian: UInt32(0))  // size_max
        bytes.append(littleEndian: Limit.segments)
        bytes.append(littleEndian: UInt32(0))  // geometry
        bytes.append(littleEndian: UInt32(Self.sectorSize))
        bytes.append(littleEndian: UInt64(0))  // topology
        bytes.append(writeback ? 1 : 0)
        bytes.append(contentsOf: [0, 0, 0])  // unused0, num_queues
        let (ranges, sectors) = backend.isReadOnly ? (0, 0) : (Limit.ranges, Limit.sectors)
        bytes.append(littleEndian: sectors)  // max_discard_sectors
        bytes.append(littleEndian: ranges)  // max_discard_seg
        bytes.append(littleEndian: UInt32(backend.isReadOnly ? 0 : 1))  // discard_sector_alignment
        bytes.append(littleEndian: sectors)  // max_write_zeroes_sectors
        bytes.append(littleEndian: ranges)  // max_write_zeroes_seg
        bytes.append(backend.isReadOnly ? 0 : 1)  // write_zeroes_may_unmap
        bytes.append(contentsOf: [0, 0, 0])
        return bytes
    }

    public func writeConfiguration(_ bytes: [UInt8], at offset: Int) {
        guard offset == Self.writebackOffset, let transport,
            transport.features.contains(Feature.configurableWriteCache)
        else { return }
        writeback = bytes[0] & 1 != 0
        // From here on a completed write is durable, those before it included.
        if !writeback { _ = attempt { () throws(BlockError) in try backend.flush() } }
    }

    public func reset() {
        writeback = true
    }

    /// Without either feature a driver has no way to flush and counts on write-through (5.2.6.2).
    private var isWriteThrough: Bool {
        let agreed = transport?.features ?? []
        if agreed.contains(Feature.configurableWriteCache) { return !writeback }
        return !agreed.contains(Feature.flush)
    }

    // MARK: Requests

    public func serve(_ index: Int) {
        transport?.process(index) { handle($0) }
    }

    private func handle(_ chain: DescriptorChain) -> VirtIOTransport.Outcome {
        var (request, response) = (chain.readable, chain.writable)
        guard let header = request.removeFirst(Self.headerSize)?.bytes() else {
            return .malformed("a request has no room for its 16-byte header")
        }
        guard let statusByte = response.removeLast(1) else {
            return .malformed("a request has no room for its status byte")
        }
        let sector: UInt64 = header.littleEndian(at: 8)
        var filled: UInt64 = 0
        let status: Status
        switch Request(rawValue: header.littleEndian(at: 0)) {
        case .read:
            status = transfer(sector, response.count) { (offset) throws(BlockError) in
                var position = offset
                try response.write { (piece) throws(BlockError) in
                    try backend.read(at: position, into: piece)
                    position += UInt64(piece.count)
                }
                filled = response.count
            }
        case .write:
            status = transfer(sector, request.count) { (offset) throws(BlockError) in
                if backend.isReadOnly { throw .readOnly }
                var position = offset
                try request.read { (piece) throws(BlockError) in
                    try backend.write(at: position, from: piece)
                    position += UInt64(piece.count)
                }
                if isWriteThrough { try backend.flush() }
            }
        case .flush: status = attempt { () throws(BlockError) in try backend.flush() }
        case .getID:
            filled = UInt64(response.fill(serial + Array(repeating: 0, count: Self.idSize - serial.count)))
            status = .ok
        case .discard: status = zeroRanges(request, feature: Feature.discard, allowedFlags: 0)
        case .writeZeroes: status = zeroRanges(request, feature: Feature.writeZeroes, allowedFlags: 1)
        case nil: status = .unsupported
        }
        statusByte.fill([status.rawValue])
        // The status counts as written only if all bytes before it are.
        return .used(filled == response.count ? filled + 1 : filled)
    }

    /// Moves `count` bytes at `sector` if they are whole sectors of the disk.
    private func transfer(_ sector: UInt64, _ count: UInt64, _ body: (UInt64) throws(BlockError) -> Void) -> Status {
        guard count % Self.sectorSize == 0, contains(sector, count / Self.sectorSize) else { return .ioError }
        return attempt { () throws(BlockError) in try body(sector * Self.sectorSize) }
    }

    private func contains(_ sector: UInt64, _ count: UInt64) -> Bool {
        sector <= capacity && count <= capacity - sector
    }

    /// Discard and write zeroes (5.2.6.2). Discarded sectors read as zero, so that a run does not depend on the host.
    private func zeroRanges(_ request: GuestBuffer, feature: VirtIOFeatures, allowedFlags: UInt32) -> Status {
        guard features.contains(feature) else { return .unsupported }
        guard request.count > 0, request.count % 16 == 0, request.count / 16 <= UInt64(Limit.ranges) else {
            return .ioError
        }
        let bytes = request.bytes()
        var ranges: [(offset: UInt64, count: UInt64)] = []
        for start in stride(from: 0, to: bytes.count, by: 16) {
            let sector: UInt64 = bytes.littleEndian(at: start)
            let count: UInt32 = bytes.littleEndian(at: start + 8)
            let flags: UInt32 = bytes.littleEndian(at: start + 12)
            guard flags & ~allowedFlags == 0 else { return .unsupported }
            guard count <= Limit.sectors, contains(sector, UInt64(count)) else { return .ioError }
            ranges.append((sector * Self.sectorSize, UInt64(count) * Self.sectorSize))
        }
        return attempt { () throws(BlockError) in
            for range in ranges { try backend.zero(at: range.offset, count: range.count) }
            if isWriteThrough { try backend.flush() }
        }
    }

    private func attempt(_ body: () throws(BlockError) -> Void) -> Status {
        do throws(BlockError) {
            try body()
            reports.recovered()
            return .ok
        } catch {
            reports.report("\(error); the guest sees an I/O error")
            return .ioError
        }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("writeback", &writeback)
        backend.describeState(&visitor)
    }
}
