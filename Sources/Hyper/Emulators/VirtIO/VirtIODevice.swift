/// What a kind of device has of its own, behind any transport (VirtIO 1.2, Device Types).
public protocol VirtIODevice: AnyObject {
    var identifier: UInt32 { get }
    /// The features that it offers of its own.
    var features: UInt64 { get }
    /// The most buffers of each of its queues.
    var queueSizes: [UInt16] { get }
    /// Its configuration space, as it is at first.
    var configuration: [UInt8] { get }
    /// Said once. The transport outlives the device's last call of it, which is before ``remove()`` returns.
    func attach(to transport: VirtIOTransport)
    /// The driver has put buffers into the queue. No lock is held.
    func notified(_ queue: Int)
    /// The driver has written `width` bytes of the configuration space.
    func writeConfiguration(_ offset: UInt64, width: Int, value: UInt64)
    /// The driver begins anew. The queues are stopped.
    func reset()
    /// The guest is going: gives back what it holds of the host.
    func remove()
}

extension VirtIODevice {
    public func writeConfiguration(_ offset: UInt64, width: Int, value: UInt64) {}
    public func reset() {}
    public func remove() {}
}

/// The numbers of VirtIO 1.2, Device Types.
enum VirtIODeviceType {
    static let network: UInt32 = 1, block: UInt32 = 2, console: UInt32 = 3, entropy: UInt32 = 4
    static let balloon: UInt32 = 5, gpu: UInt32 = 16, input: UInt32 = 18
}
