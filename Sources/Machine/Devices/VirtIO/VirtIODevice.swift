/// A VirtIO device without its transport: what it is, its configuration space, and what it does with its queues.
///
/// The same device sits behind `virtio,mmio` or PCI; a ``VirtIOTransport`` stands between.
public protocol VirtIODevice: AnyObject {
    /// Device ID (VirtIO 1.2, chapter 5).
    var id: UInt32 { get }

    /// Whether the device was there before VirtIO 1.0, so that it can have the legacy interface too (VirtIO 1.2, 1.3.1,
    /// "Legacy Interface: Terminology").
    var hasLegacyInterface: Bool { get }

    /// The features the device itself offers. The transport adds those of the queues.
    var features: VirtIOFeatures { get }

    /// The largest size of each queue: powers of two. Their number is fixed.
    var queueSizes: [UInt16] { get }

    /// The device-specific configuration space as the driver would read it now.
    var configuration: [UInt8] { get }

    /// The driver wrote `bytes` at `offset` of the configuration space; all of them lie inside it.
    func writeConfiguration(_ bytes: [UInt8], at offset: Int)

    /// The transport that carries the device; it sets this.
    var transport: VirtIOTransport? { get set }

    /// The driver has made entries available in queue `index`, or has just become ready.
    func serve(_ index: Int)

    /// The driver has reset the device.
    func reset()

    /// The machine is powered on or reset. Follows a ``reset()``; for what outlives that.
    func powerOn()

    /// Walks the device's own state; see ``Device/describeState(_:)``.
    func describeState(_ visitor: inout some StateVisitor)
}

extension VirtIODevice {
    public var hasLegacyInterface: Bool { false }
    public func writeConfiguration(_ bytes: [UInt8], at offset: Int) {}
    public func powerOn() {}
}

/// Feature bits. Bits 0 to 23 mean something else in each device; the devices name their own.
public struct VirtIOFeatures: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// VIRTIO_F_ANY_LAYOUT, of the legacy interface: what a buffer has may be in any number of descriptors.
    public static let anyLayout = VirtIOFeatures(rawValue: 1 << 27)
    /// VIRTIO_F_INDIRECT_DESC.
    public static let indirectDescriptors = VirtIOFeatures(rawValue: 1 << 28)
    /// VIRTIO_F_EVENT_IDX.
    public static let eventIndex = VirtIOFeatures(rawValue: 1 << 29)
    /// VIRTIO_F_VERSION_1: not a legacy device. Drivers must accept it.
    public static let version1 = VirtIOFeatures(rawValue: 1 << 32)
}
