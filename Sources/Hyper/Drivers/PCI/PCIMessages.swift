/// The messages by which a function on PCI interrupts, instead of by its pin: MSI-X (PCI Local Bus 3.0, 6.8.2).
final class PCIMessages {
    private enum Capability {
        static let identifier: UInt64 = 0x11, control: UInt64 = 2, table: UInt64 = 4
        /// Message Control: entries of the table, less one; all are masked; messages are sent instead of pins.
        static let lastEntry: UInt64 = 0x7ff, isMasked: UInt64 = 1 << 14, isEnabled: UInt64 = 1 << 15
    }
    private enum Entry {
        static let size: UInt64 = 16, address: UInt64 = 0, addressHigh: UInt64 = 4, data: UInt64 = 8
        /// Vector Control: bit 0 masks the entry.
        static let control: UInt64 = 12
    }

    private let function: PCIFunction
    /// Where the function's capability is.
    private let capability: UInt64
    private let controller: any HostMessageController
    private let device: UInt32
    private let messages: [HostMessage]
    /// The interrupt that each entry of the table is, from the first on.
    var interrupts: [Int] { messages.map { $0.interrupt } }

    /// Takes `count` messages for a function of the host's tree; nil where it, or whoever it would send them to, has not so
    /// many, and pins are what is left. They are sent from ``enable()`` on.
    init?(_ function: PCIFunction, _ node: DeviceTreeNode, count: Int) {
        guard let target = HostMessages.target(of: node),
            let place = function.capabilities(Capability.identifier).first,
            function.read(place + Capability.control, width: 2) & Capability.lastEntry + 1 >= count
        else { return nil }
        let location = function.read(place + Capability.table, width: 4)
        guard let bus = node.number(PCIHostDriver.bus),
            let window = PCIHostDriver.windows(node).first(where: { $0.bar == Int(location & 7) }),
            let start = window.place(of: location & ~7, count: UInt64(count) * Entry.size),
            let messages = target.controller.allocate(count, for: target.device)
        else { return nil }
        (self.function, capability, self.messages) = (function, place, messages)
        (controller, device) = (target.controller, target.device)
        function.write(capability + Capability.control, width: 2, Capability.isEnabled | Capability.isMasked)
        // The table answers once the function does; its pin is off where messages are on (6.8.3.3).
        function.enable()
        for (index, message) in messages.enumerated() {
            let entry = start &+ bus &+ UInt64(index) * Entry.size
            Port.writeDevice(entry + Entry.address, width: 4, message.address & 0xffff_ffff)
            Port.writeDevice(entry + Entry.addressHigh, width: 4, message.address >> 32)
            Port.writeDevice(entry + Entry.data, width: 4, UInt64(message.data))
            Port.writeDevice(entry + Entry.control, width: 4, 0)
        }
        function.write(capability + Capability.control, width: 2, Capability.isEnabled)
    }

    deinit {
        function.write(capability + Capability.control, width: 2, 0)
        controller.free(messages, of: device)
    }
}
