/// A network card of the host's hardware. On a port of a virtual switch it leads to the outside.
public protocol HostNetworkDevice: NetworkEndpoint {
    var name: Text { get }
    var address: MACAddress { get }
    /// Whether the cable is in.
    var isLinkUp: Bool { get }
    /// Where it is in the host's tree.
    var place: Text { get }
    /// Why it does not work any more; nil while it does.
    var failure: Text? { get }
    /// Gives the port, and nobody else, what comes from outside from here on.
    func setPort(_ port: NetworkPort?)
}

/// The host's network cards: eth0, eth1, and so on, in the order in which they are found.
public enum HostNetworkDevices {
    public struct Attachment {
        public let device: any HostNetworkDevice
        public let network: VirtualSwitch
        fileprivate let port: NetworkPort
    }

    // SAFETY: changed by one thread at a time: at boot, and by whoever holds the mutex of the management.
    nonisolated(unsafe) public private(set) static var all: [any HostNetworkDevice] = []
    nonisolated(unsafe) public private(set) static var attachments: [Attachment] = []

    /// A name that no card has.
    public static var freeName: Text {
        var number = 0
        while true {
            let name: Text = "eth\(number)"
            if !all.contains(where: { $0.name == name }) { return name }
            number += 1
        }
    }

    public static func add(_ device: any HostNetworkDevice) { all.append(device) }

    public static func remove(_ device: any HostNetworkDevice) {
        if let attachment = attachments.first(where: { $0.device === device }) { detach(attachment) }
        all.removeAll { $0 === device }
    }

    public static func find(_ name: Text) throws(HyperError) -> any HostNetworkDevice {
        guard let device = all.first(where: { $0.name == name }) else {
            throw HyperError("the machine has no network card \(name); `host network` lists those that it has")
        }
        return device
    }

    /// The network that the card is on.
    public static func network(of device: any HostNetworkDevice) -> VirtualSwitch? {
        attachments.first { $0.device === device }?.network
    }

    /// Puts the card on the network: whoever is on it is outside, too, from here on.
    public static func attach(_ device: any HostNetworkDevice, to network: VirtualSwitch) throws(HyperError) {
        if let other = self.network(of: device) {
            throw HyperError("\(device.name) is on network \(other.name) already: detach it first")
        }
        let port = try network.addPort(device.name)
        attachments.append(Attachment(device: device, network: network, port: port))
        port.connect(device)
        device.setPort(port)
    }

    public static func detach(_ device: any HostNetworkDevice) throws(HyperError) {
        guard let attachment = attachments.first(where: { $0.device === device }) else {
            throw HyperError("\(device.name) is on no network")
        }
        detach(attachment)
    }

    private static func detach(_ attachment: Attachment) {
        attachment.device.setPort(nil)
        attachment.port.remove()
        attachments.removeAll { $0.device === attachment.device }
    }
}
