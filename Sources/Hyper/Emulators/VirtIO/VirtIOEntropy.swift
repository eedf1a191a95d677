/// Random numbers for a guest (VirtIO 1.2, Entropy Device).
final class VirtIOEntropy: VirtIODevice {
    /// Bytes that a buffer is given at most: the device may use less than all of it.
    private static let limit = 1024

    private var transport: Unmanaged<VirtIOTransport>?

    public init() {}

    public var identifier: UInt32 { VirtIODeviceType.entropy }
    public var features: UInt64 { 0 }
    public var queueSizes: [UInt16] { [64] }
    public var configuration: [UInt8] { [] }

    public func attach(to transport: VirtIOTransport) { self.transport = .passUnretained(transport) }

    public func notified(_ queue: Int) {
        transport?._withUnsafeGuaranteedRef { transport in
            transport.serve(queue) { buffer throws(HyperError) in
                guard buffer.writable.count > 0 else {
                    throw HyperError("queue \(queue): there is nothing to write random numbers to")
                }
                let part = buffer.writable.prefix(Self.limit)
                Random.fill(part)
                return UInt32(part.count)
            }
        }
    }
}
