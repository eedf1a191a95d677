/// VirtIO GPU device (VirtIO 1.2, section 5.7), 2D: one screen of whatever size the driver sets.
///
/// The driver fills resources from guest memory and says which of them the screen shows. What it does is in
/// VirtIOGPUCommands.swift.
public final class VirtIOGPU: VirtIODevice {
    /// Queues (5.7.2).
    enum Queue {
        static let control = 0
        static let cursor = 1
    }

    static let scanoutCount: UInt32 = 1
    /// What the screen asks for; the driver need not heed it.
    public static let preferredSize = Rectangle(width: 1280, height: 800)
    /// Bytes of the host that resources may take: what QEMU's `max_hostmem` is unless told otherwise.
    static let memoryLimit: UInt64 = 256 << 20

    public let id: UInt32 = 16
    /// Neither 3D nor EDID, blobs or UUIDs.
    public let features: VirtIOFeatures = []
    public let queueSizes: [UInt16] = [256, 16]
    public weak var transport: VirtIOTransport?

    /// What the guest shows.
    public var screen: any Screen { scanout }
    let scanout = VirtIOGPUScanout()
    var resources: [UInt32: VirtIOGPUResource] = [:]
    /// The sum of their ``VirtIOGPUResource/cost``.
    var memoryUsed: UInt64 = 0
    /// Bytes that the command in progress has moved beside its own.
    var moved: UInt64 = 0

    public init() {}

    /// struct virtio_gpu_config: events_read, events_clear, num_scanouts, num_capsets. The size that the screen asks for
    /// never changes, so that there is no event to read or clear.
    public var configuration: [UInt8] {
        var bytes: [UInt8] = []
        for word in [0, 0, Self.scanoutCount, 0] { bytes.append(littleEndian: word) }
        return bytes
    }

    public func reset() {
        resources = [:]
        memoryUsed = 0
        scanout.reset()
    }

    public func powerOn() {
        scanout.powerOn()
    }

    // MARK: Requests

    /// struct virtio_gpu_ctrl_hdr (5.7.6.7).
    private struct Header {
        static let byteCount: UInt64 = 24
        private static let fence: UInt32 = 1

        let type: UInt32
        let flags: UInt32
        let fenceIdentifier: UInt64
        let context: UInt32

        init(_ bytes: [UInt8]) {
            type = bytes.littleEndian(at: 0)
            flags = bytes.littleEndian(at: 4)
            fenceIdentifier = bytes.littleEndian(at: 8)
            context = bytes.littleEndian(at: 16)
        }

        /// The header of the response; a fenced one names the fence.
        func response(_ type: UInt32) -> [UInt8] {
            let isFenced = flags & Self.fence != 0
            var bytes: [UInt8] = []
            bytes.append(littleEndian: type)
            bytes.append(littleEndian: isFenced ? Self.fence : 0)
            bytes.append(littleEndian: isFenced ? fenceIdentifier : 0)
            bytes.append(littleEndian: isFenced ? context : 0)
            bytes.append(littleEndian: UInt32(0))  // ring_idx, padding
            return bytes
        }
    }

    public func serve(_ index: Int) {
        transport?.process(index) { chain in
            var request = chain.readable
            guard let bytes = request.removeFirst(Header.byteCount)?.bytes() else {
                return .malformed("a request has no room for its 24-byte header")
            }
            let header = Header(bytes)
            var response: [UInt8]
            moved = 0
            do throws(Refusal) {
                let answer = try execute(header.type, &request, queue: index)
                response = header.response(answer.type.rawValue) + answer.bytes
            } catch {
                response = header.response(error.rawValue)
            }
            // Drivers give commands of the cursor queue no room for a response.
            return .used(UInt64(chain.writable.fill(response)), moved: moved)
        }
    }

    // MARK: State

    public func describeState(_ visitor: inout some StateVisitor) {
        let identifiers = resources.keys.sorted()
        var count = UInt64(identifiers.count)
        visitor.field("resources", &count)
        // A snapshot's own are read in the place of these; a damaged one may name any number.
        var described: [UInt32: VirtIOGPUResource] = [:]
        let limit = Self.memoryLimit / VirtIOGPUResource.overhead
        if count > limit {
            visitor.refuse("no more than \(limit) resources")
            count = 0
        }
        for index in 0..<Int(count) {
            var identifier = index < identifiers.count ? identifiers[index] : 0
            visitor.field("resource", &identifier)
            let resource = resources[identifier] ?? VirtIOGPUResource(format: .b8g8r8x8, width: 0, height: 0)
            resource.describeState(&visitor, memory: transport?.memory)
            if !resource.isEmpty { described[identifier] = resource }
        }
        resources = described
        memoryUsed = resources.values.reduce(0) { $0 + $1.cost }
        scanout.describeState(&visitor)
    }
}
