/// Where something is in the memory map.
public struct AddressWindow: Equatable, Sendable {
    public let base: UInt64
    public let size: UInt64

    public init(base: UInt64, size: UInt64) {
        self.base = base
        self.size = size
    }

    public var end: UInt64 { base + size }

    /// So many windows of this size, which follow each other.
    func times(_ count: Int) -> AddressWindow { AddressWindow(base: base, size: UInt64(count) * size) }

    /// The window of this size that is so many further on.
    func next(_ count: Int) -> AddressWindow { AddressWindow(base: base + UInt64(count) * size, size: size) }
}

extension AddressSpace {
    /// - Precondition: the window is free.
    public func map(_ device: any Device, in window: AddressWindow) {
        map(device, at: window.base, size: window.size)
    }
}
