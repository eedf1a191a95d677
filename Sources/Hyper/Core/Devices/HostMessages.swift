/// An interrupt that a device of the host raises by a store of its own.
public struct HostMessage: Sendable {
    /// Where the device stores what.
    public let address: UInt64
    public let data: UInt32
    /// The interrupt that comes of it, as ``HostInterrupts`` knows it.
    public let interrupt: Int
}

/// What makes interrupts of messages.
public protocol HostMessageController: AnyObject {
    /// Messages for a device, numbered as they are in it from the first on; nil where there are not so many left.
    func allocate(_ count: Int, for device: UInt32) -> [HostMessage]?
    /// The device will send them no more, and nobody handles them.
    func free(_ messages: [HostMessage], of device: UInt32)
}

/// Those that the machine has, by their nodes in its tree.
public enum HostMessages {
    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) private static var controllers:
        [(node: DeviceTreeNode, controller: any HostMessageController)] = []

    static func add(_ controller: any HostMessageController, _ node: DeviceTreeNode) {
        controllers.append((node, controller))
    }

    /// No device is given messages of it any more; those that have some keep them.
    static func remove(_ controller: any HostMessageController) {
        controllers.removeAll { $0.controller === controller }
    }

    /// Whom a device's messages go to, and by which number it is known there (Devicetree bindings, msi: `msi-parent`).
    static func target(of node: DeviceTreeNode) -> (controller: any HostMessageController, device: UInt32)? {
        guard let cells = node.cells("msi-parent"), let first = cells.first, let parent = node.node(phandle: first),
            let entry = controllers.first(where: { $0.node === parent })
        else { return nil }
        return (entry.controller, cells.count > 1 ? cells[1] : 0)
    }
}
