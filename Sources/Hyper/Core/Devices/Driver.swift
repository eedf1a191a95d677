/// A driver of devices of the host, chosen by what the device tree calls them.
public struct Driver {
    public let name: Text
    public let compatible: [Text]
    /// Makes the device work; nil where the node is a place that nothing is in.
    public let probe: (DeviceTreeNode) throws(HyperError) -> (any HostDevice)?

    public init(
        _ name: Text, compatible: [Text], probe: @escaping (DeviceTreeNode) throws(HyperError) -> (any HostDevice)?
    ) {
        self.name = name
        self.compatible = compatible
        self.probe = probe
    }
}

/// A device of the host that a driver has.
public protocol HostDevice: AnyObject {
    /// Stops the device: its interrupts are not taken any more, and nothing it shares is accessed.
    func remove()
    /// What it is, in a few words.
    var summary: Text { get }
}

extension HostDevice {
    public var summary: Text { "" }
}

/// The host's devices, and who drives them.
public enum HostDevices {
    public struct Bound {
        public let node: DeviceTreeNode
        public let driver: Text
        public let device: any HostDevice
    }

    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) private static var drivers: [Driver] = []
    nonisolated(unsafe) public private(set) static var bound: [Bound] = []
    /// Nodes that have a driver, whose probe failed, and why.
    nonisolated(unsafe) public private(set) static var failed: [(node: DeviceTreeNode, error: HyperError)] = []
    /// The host's hardware.
    nonisolated(unsafe) public static var tree = DeviceTreeNode()

    public static func add(_ driver: Driver) { drivers.append(driver) }
    static func hasDriver(_ name: Text) -> Bool { drivers.contains { $0.name == name } }

    /// Takes the driver's devices from it, and the driver away.
    public static func remove(_ driver: Driver) {
        for entry in bound where entry.driver == driver.name { entry.device.remove() }
        bound.removeAll { $0.driver == driver.name }
        drivers.removeAll { $0.name == driver.name }
    }

    /// Gives each device that nobody has to the first driver that knows it: interrupt controllers first, and what makes
    /// interrupts of messages, since others need them; then the console that the tree names, before another becomes it.
    public static func probe() {
        let all = tree.all
        for node in all where node.has("interrupt-controller") { probe(node) }
        for node in all where node.has("msi-controller") { probe(node) }
        // Behind a colon stands how fast it is (Devicetree Specification, "/chosen").
        let console = tree.child("chosen")?.text("stdout-path")?.split(UInt8(ascii: ":")).first
        if let node = console.flatMap({ tree.node(at: $0) }) { probe(node) }
        // A bus that has a driver may have brought more.
        var known = 0
        while case let nodes = tree.all, nodes.count > known {
            known = nodes.count
            for node in nodes { probe(node) }
        }
    }

    private static func probe(_ node: DeviceTreeNode) {
        guard node.isOkay, !isBound(node), PassThrough.owner(of: node) == nil, let driver = driver(of: node) else {
            return
        }
        failed.removeAll { $0.node === node }
        do throws(HyperError) { _ = try bind(node, driver) } catch { failed.append((node, error)) }
    }

    private static func driver(of node: DeviceTreeNode) -> Driver? {
        for name in node.compatible {
            if let driver = drivers.first(where: { $0.compatible.contains(name) }) { return driver }
        }
        return nil
    }

    /// Whether there was a device.
    private static func bind(_ node: DeviceTreeNode, _ driver: Driver) throws(HyperError) -> Bool {
        guard let device = try driver.probe(node) else { return false }
        bound.append(Bound(node: node, driver: driver.name, device: device))
        return true
    }

    public static func isBound(_ node: DeviceTreeNode) -> Bool { bound.contains { $0.node === node } }

    /// Takes a device from its driver, so that it can be given to a guest.
    public static func unbind(_ node: DeviceTreeNode) throws(HyperError) {
        guard let index = bound.firstIndex(where: { $0.node === node }) else {
            throw HyperError("\(node.path) has no driver; `host devices` lists those that have")
        }
        bound.remove(at: index).device.remove()
    }

    /// Gives a device to the first driver that knows it.
    public static func bind(_ node: DeviceTreeNode) throws(HyperError) {
        if let entry = bound.first(where: { $0.node === node }) {
            throw HyperError("\(node.path) has driver \(entry.driver) already: unbind it first")
        }
        if let guest = PassThrough.owner(of: node) {
            throw HyperError("guest \(guest) has \(node.path): destroy it first")
        }
        guard let driver = driver(of: node) else {
            throw HyperError("no driver knows \(node.path): load the module of one that does")
        }
        failed.removeAll { $0.node === node }
        guard try bind(node, driver) else {
            throw HyperError("driver \(driver.name) finds nothing to drive at \(node.path)")
        }
    }
}
