/// VirtIO network device (VirtIO 1.2, section 5.1): an Ethernet card on a ``NetworkBackend``.
///
/// It offers no offloads, so that frames are whole and their checksums the driver's. It has no control queue: it is one
/// end of a wire, and its driver is given all that comes.
public final class VirtIONetwork: VirtIODevice {
    /// Feature bits (5.1.3).
    private enum Feature {
        static let macAddress = VirtIOFeatures(rawValue: 1 << 5)
        static let mergeableReceiveBuffers = VirtIOFeatures(rawValue: 1 << 15)
        static let status = VirtIOFeatures(rawValue: 1 << 16)
    }

    /// Queues (5.1.2).
    private enum Queue {
        static let receive = 0
        static let transmit = 1
    }

    /// VIRTIO_NET_S_LINK_UP (5.1.4).
    private static let linkUp: UInt16 = 1
    /// struct virtio_net_hdr (5.1.6): all zero without offloads, but for its last field, num_buffers, which the legacy
    /// interface has with mergeable buffers alone.
    private var headerSize: Int { transport?.isLegacy == true && !mergesBuffers ? 10 : 12 }
    private var mergesBuffers: Bool { transport?.features.contains(Feature.mergeableReceiveBuffers) ?? false }

    public let id: UInt32 = 1
    public let hasLegacyInterface = true
    public let features: VirtIOFeatures = [Feature.macAddress, Feature.mergeableReceiveBuffers, Feature.status]
    public let queueSizes: [UInt16] = [256, 256]
    public weak var transport: VirtIOTransport?

    private let backend: any NetworkBackend
    private let macAddress: MACAddress
    /// What the driver reads. Legacy drivers may change it (5.1.4, "Legacy Interface").
    private var visibleAddress: [UInt8]
    // For people, who see them in the monitor.
    private var framesSent: UInt64 = 0
    private var framesReceived: UInt64 = 0
    /// The driver's buffers were too small, or what it sent was no frame.
    private var framesDropped: UInt64 = 0

    public init(backend: any NetworkBackend, macAddress: MACAddress = .standard) {
        self.backend = backend
        self.macAddress = macAddress
        visibleAddress = macAddress.bytes
        backend.input.arrived = { [weak self] in self?.serve(Queue.receive) }
    }

    /// mac, status (5.1.4).
    public var configuration: [UInt8] {
        var bytes = visibleAddress
        bytes.append(littleEndian: Self.linkUp)
        return bytes
    }

    public func writeConfiguration(_ bytes: [UInt8], at offset: Int) {
        guard transport?.isLegacy == true, offset + bytes.count <= visibleAddress.count else { return }
        visibleAddress.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// What came for the driver before is not for the next one.
    public func reset() {
        visibleAddress = macAddress.bytes
        backend.input.removeAll()
    }

    public func serve(_ index: Int) {
        switch index {
        case Queue.receive: receive()
        default: transport?.process(index) { send($0) }
        }
    }

    /// Transmission (5.1.6.2).
    private func send(_ chain: DescriptorChain) -> VirtIOTransport.Outcome {
        var request = chain.readable
        guard request.removeFirst(UInt64(headerSize)) != nil else {
            return .malformed("a frame has no room for its \(headerSize)-byte header")
        }
        if NetworkInput.frameSizes.contains(Int(clamping: request.count)) {
            framesSent &+= 1
            backend.send(request.bytes())
        } else {
            framesDropped &+= 1
        }
        return .used(0)
    }

    /// Hands the driver as many frames as it has room for (5.1.6.4). With mergeable buffers one may lie in several.
    private func receive() {
        guard let transport else { return }
        let limit = mergesBuffers ? Int.max : 1
        let headerSize = headerSize
        while let frame = backend.input.first {
            let filling = transport.fill(Queue.receive, headerSize + frame.count, limit: limit) { buffers in
                var bytes = [UInt8](repeating: 0, count: 10)
                bytes.append(littleEndian: UInt16(buffers))
                return bytes.prefix(headerSize) + frame
            }
            switch filling {
            case .done: framesReceived &+= 1
            case .tooSmall: framesDropped &+= 1
            case .waits: return
            }
            backend.input.removeFirst()
        }
    }

    public func describeState(_ visitor: inout some StateVisitor) {
        if transport?.isLegacy == true { visitor.field("address", &visibleAddress, count: macAddress.bytes.count) }
        visitor.field("frames sent", &framesSent)
        visitor.field("frames received", &framesReceived)
        visitor.field("frames dropped", &framesDropped)
        backend.input.describeState(&visitor)
    }
}
