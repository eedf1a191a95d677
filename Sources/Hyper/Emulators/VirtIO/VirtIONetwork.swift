/// A guest's network card (VirtIO 1.2, Network Device), on a port of a virtual switch.
///
/// A frame is copied once, from the sender's buffers to the receiver's, by the CPU of the sender's VCPU.
public final class VirtIONetwork: VirtIODevice, NetworkEndpoint {
    private static let receiveQueue = 0, transmitQueue = 1
    /// VIRTIO_NET_F_MTU, VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS.
    private static let hasMaximumTransmissionUnit: UInt64 = 1 << 3, hasAddress: UInt64 = 1 << 5
    private static let hasStatus: UInt64 = 1 << 16
    /// struct virtio_net_hdr, with `num_buffers`.
    private static let headerSize = 12
    /// Flags, type of segmentation, its sizes, checksum's place, each none; and one buffer.
    private static let receivedHeader: InlineArray<12, UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]

    public let address: MACAddress
    public let port: NetworkPort
    private let maximumTransmissionUnit: Int
    private var transport: Unmanaged<VirtIOTransport>?
    /// Whether the cable is in.
    public private(set) var isLinkUp = true

    /// - Parameter port: the card's own, which goes with it.
    public init(address: MACAddress, port: NetworkPort, maximumTransmissionUnit: Int = 1500) {
        self.address = address
        self.port = port
        self.maximumTransmissionUnit = maximumTransmissionUnit
    }

    public var identifier: UInt32 { VirtIODeviceType.network }
    public var features: UInt64 { Self.hasMaximumTransmissionUnit | Self.hasAddress | Self.hasStatus }
    public var queueSizes: [UInt16] { [256, 256] }

    /// Address, status, pairs of queues (a feature that is not offered), and MTU.
    public var configuration: [UInt8] {
        let unit = UInt16(clamping: maximumTransmissionUnit)
        return address.octets + [isLinkUp ? 1 : 0, 0, 1, 0, UInt8(truncatingIfNeeded: unit), UInt8(unit >> 8)]
    }

    public func attach(to transport: VirtIOTransport) {
        self.transport = .passUnretained(transport)
        port.connect(self)
    }

    public func reset() { port.discardWaiting() }
    public func remove() { port.remove() }

    /// Pulls the cable out, or puts it in.
    public func setLink(_ isUp: Bool) {
        guard isUp != isLinkUp else { return }
        isLinkUp = isUp
        transport?._withUnsafeGuaranteedRef { $0.setConfiguration(configuration) }
    }

    public func notified(_ queue: Int) {
        // There are buffers to receive into.
        if queue == Self.receiveQueue { return port.resume() }
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(Self.transmitQueue) { buffer throws(HyperError) in
                guard buffer.readable.count >= Self.headerSize else {
                    throw HyperError("queue \(queue): \(buffer.readable.count) bytes are no header of a frame")
                }
                // Nothing of the header was agreed on.
                var frame = buffer.readable
                frame.skip(Self.headerSize)
                if isLinkUp { port.send(frame) }
                return 0
            }
        }
    }

    public func take(_ frame: ScatterList) -> NetworkReception {
        guard isLinkUp, let transport else { return .refused }
        let result = transport._withUnsafeGuaranteedRef { transport in
            transport.supply(Self.receiveQueue) { buffer in
                var space = buffer.writable
                guard space.count >= Self.headerSize + frame.count else { return nil }
                var header = Self.receivedHeader
                withUnsafeBytes(of: &header) { _ = space.write($0) }
                space.write(frame)
                return UInt32(Self.headerSize + frame.count)
            }
        }
        switch result {
        case .supplied: return .taken
        case .noBuffer: return .later
        case .stopped, .unwanted: return .refused
        }
    }
}
