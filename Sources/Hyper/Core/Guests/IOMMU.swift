/// A unit of the host that translates the addresses of what devices read and write, as the second stage does for CPUs. No
/// board that Hyper has a driver for has one yet; the unit tests have.
public protocol IOMMU: AnyObject {
    /// Whether the device's accesses go through it.
    func covers(_ node: DeviceTreeNode) -> Bool
    /// Has the device see memory through a guest's second stage, all of which is mapped, and which stays until it is
    /// detached.
    /// - Parameters:
    ///   - root: the host's physical address of the second stage's root.
    ///   - identifier: the guest's number in TLBs.
    func attach(_ node: DeviceTreeNode, root: UInt64, identifier: UInt64) throws(HyperError)
    /// Has the device see nothing.
    func detach(_ node: DeviceTreeNode)
}

/// The units that drivers have found.
public enum IOMMUs {
    // SAFETY: changed while drivers are probed, one at a time.
    nonisolated(unsafe) private static var all: [any IOMMU] = []

    public static func add(_ unit: any IOMMU) { all.append(unit) }
    public static func remove(_ unit: any IOMMU) { all.removeAll { $0 === unit } }
    static func unit(of node: DeviceTreeNode) -> (any IOMMU)? { all.first { $0.covers(node) } }
}
