/// Registers of a VirtIO device on PCI (VirtIO 1.2, Virtio Over PCI Bus): those of version 1, which transitional devices have
/// too.
final class VirtIOPCIRegisters: VirtIODriverRegisters {
    /// Common configuration structure layout.
    enum Register {
        static let deviceFeaturesSelect: UInt64 = 0x00, deviceFeatures: UInt64 = 0x04
        static let driverFeaturesSelect: UInt64 = 0x08, driverFeatures: UInt64 = 0x0c
        static let configurationMessage: UInt64 = 0x10, queueCount: UInt64 = 0x12, status: UInt64 = 0x14
        static let generation: UInt64 = 0x15
        static let queueSelect: UInt64 = 0x16, queueSize: UInt64 = 0x18, queueMessage: UInt64 = 0x1a
        static let queueEnable: UInt64 = 0x1c
        static let queueNotifyOffset: UInt64 = 0x1e, descriptorArea: UInt64 = 0x20, driverArea: UInt64 = 0x28
        static let deviceArea: UInt64 = 0x30
        static let size: UInt64 = 0x38
    }
    /// Entries of the table of messages (MSI-X Vector Configuration): changes of the configuration have one of their own, so that
    /// nobody has to ask which of both it was.
    private enum Message {
        static let configuration = 0, queues = 1, count = 2
    }
    /// Virtio Structure PCI Capabilities: what each is of, and its fields.
    enum Capability {
        static let identifier: UInt64 = 0x09, type: UInt64 = 3, bar: UInt64 = 4, offset: UInt64 = 8
        static let length: UInt64 = 12, notifyMultiplier: UInt64 = 16
        static let common: UInt64 = 1, notify: UInt64 = 2, interrupt: UInt64 = 3, device: UInt64 = 4
        static let access: UInt64 = 5
    }
    /// PCI Device Discovery: of devices of version 1 the number follows the type; of transitional ones it does not.
    static let firstDevice: UInt64 = 0x1040
    private static let transitional: [(device: UInt64, type: UInt32)] = [
        (0x1000, VirtIODeviceType.network), (0x1001, VirtIODeviceType.block), (0x1003, VirtIODeviceType.console),
        (0x1005, VirtIODeviceType.entropy),
    ]

    let deviceType: UInt32
    let interrupts: [VirtIODriverInterrupt]
    var isLegacy: Bool { false }
    /// nil where the device interrupts by a pin.
    private let messages: PCIMessages?
    private let common: UInt64
    private let interrupt: UInt64
    private let notification: (base: UInt64, size: UInt64, multiplier: UInt64)
    let configuration: MemoryRange
    /// Where each queue is notified, by its number.
    private var queues: [(index: Int, address: UInt64)] = []

    init(_ node: DeviceTreeNode) throws(HyperError) {
        guard let space = node.number(PCIHostDriver.configurationSpace), let bus = node.number(PCIHostDriver.bus) else {
            throw HyperError("\(node.path): the bus has no such function")
        }
        let function = PCIFunction(base: space), device = function.device
        deviceType =
            device >= Self.firstDevice
            ? UInt32(device - Self.firstDevice) : Self.transitional.first { $0.device == device }?.type ?? 0
        let windows = PCIHostDriver.windows(node)
        var (common, isr): (UInt64, UInt64) = (0, 0)
        var configuration = MemoryRange(base: 0, size: 0)
        var notification: (base: UInt64, size: UInt64, multiplier: UInt64) = (0, 0, 0)
        // Of several of one kind, the first is what the device would have used. What does not lie in the function's memory
        // would be somebody else's.
        for place in function.capabilities(Capability.identifier).reversed() {
            let bar = function.read(place + Capability.bar, width: 1)
            let size = function.read(place + Capability.length, width: 4)
            guard let window = windows.first(where: { $0.bar == Int(bar) }),
                let inside = window.place(of: function.read(place + Capability.offset, width: 4), count: size)
            else { continue }
            let start = inside &+ bus
            switch function.read(place + Capability.type, width: 1) {
            case Capability.common where size >= Register.size: common = start
            case Capability.notify:
                notification = (start, size, function.read(place + Capability.notifyMultiplier, width: 4))
            case Capability.interrupt where size > 0: isr = start
            case Capability.device: configuration = MemoryRange(base: start, size: size)
            default: break
            }
        }
        guard common != 0, isr != 0, notification.base != 0 else {
            throw HyperError("\(node.path): the function has not all that VirtIO 1.0 has in memory")
        }
        (self.common, self.interrupt, self.configuration) = (common, isr, configuration)
        self.notification = notification
        messages = Configuration.PCI_MESSAGES ? PCIMessages(function, node, count: Message.count) : nil
        if let messages {
            let numbers = messages.interrupts
            interrupts = [
                VirtIODriverInterrupt(number: numbers[Message.configuration], causes: .configuration),
                VirtIODriverInterrupt(number: numbers[Message.queues], causes: .used),
            ]
        } else {
            guard let pin = try node.interrupts().first?.number else {
                throw node.wrong("interrupts", "must name the function's interrupt")
            }
            interrupts = [VirtIODriverInterrupt(number: pin)]
        }
        function.enable()
    }

    private func read(_ register: UInt64, width: Int) -> UInt64 { Port.readDevice(common + register, width: width) }
    private func write(_ register: UInt64, width: Int, _ value: UInt64) {
        Port.writeDevice(common + register, width: width, value)
    }
    /// Fields of eight bytes are written as two (Driver Requirements: Device Configuration Space).
    private func write(_ register: UInt64, address: UInt64) {
        write(register, width: 4, address & 0xffff_ffff)
        write(register + 4, width: 4, address >> 32)
    }

    var status: UInt32 {
        get { UInt32(truncatingIfNeeded: read(Register.status, width: 1) & 0xff) }
        set { write(Register.status, width: 1, UInt64(newValue)) }
    }

    func offeredFeatures() -> UInt64 {
        (0..<UInt64(2)).reduce(0) {
            write(Register.deviceFeaturesSelect, width: 4, $1)
            return $0 | (read(Register.deviceFeatures, width: 4) & 0xffff_ffff) << (32 * $1)
        }
    }

    func setFeatures(_ features: UInt64) {
        for half in 0..<UInt64(2) {
            write(Register.driverFeaturesSelect, width: 4, half)
            write(Register.driverFeatures, width: 4, features >> (32 * half) & 0xffff_ffff)
        }
    }

    func select(_ queue: Int) -> (isUsed: Bool, maximum: Int) {
        write(Register.queueSelect, width: 2, UInt64(queue))
        return (
            read(Register.queueEnable, width: 2) & 0xffff != 0, Int(read(Register.queueSize, width: 2) & 0xffff)
        )
    }

    func use(_ queue: DriverVirtqueue) -> Bool {
        write(Register.queueSize, width: 2, UInt64(queue.size))
        write(Register.descriptorArea, address: queue.descriptorArea)
        write(Register.driverArea, address: queue.driverArea)
        write(Register.deviceArea, address: queue.deviceArea)
        if messages != nil {
            guard take(Register.configurationMessage, Message.configuration),
                take(Register.queueMessage, Message.queues)
            else { return false }
        }
        let offset = (read(Register.queueNotifyOffset, width: 2) & 0xffff) * notification.multiplier
        guard offset + 2 <= notification.size else { return false }
        queues.removeAll { $0.index == queue.index }
        queues.append((queue.index, notification.base + offset))
        write(Register.queueEnable, width: 2, 1)
        return true
    }

    /// A device that has no room for a message takes none (MSI-X Vector Configuration).
    private func take(_ register: UInt64, _ message: Int) -> Bool {
        write(register, width: 2, UInt64(message))
        return read(register, width: 2) & 0xffff == UInt64(message)
    }

    func notify(_ queue: DriverVirtqueue) {
        for entry in queues where entry.index == queue.index {
            Port.writeDevice(entry.address, width: 2, UInt64(queue.index))
        }
    }

    /// Reading it takes the interrupt back (ISR status capability).
    func takeCauses() -> UInt32 { UInt32(truncatingIfNeeded: Port.readDevice(interrupt, width: 1) & 3) }

    var configurationGeneration: UInt32 { UInt32(truncatingIfNeeded: read(Register.generation, width: 1) & 0xff) }
}
