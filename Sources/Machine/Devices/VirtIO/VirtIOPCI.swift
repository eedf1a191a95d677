/// A VirtIO device on PCI: VirtIO 1.2, section 4.1, without its legacy interface.
///
/// Interrupts are messages where the driver enables MSI-X, with a vector for each queue and one for the configuration, and
/// else INTA#.
final class VirtIOPCI: PCIFunction {
    /// The structures (4.1.4), in one range, a page for each.
    private enum Structure: UInt8, CaseIterable {
        case common = 1
        case notification = 2
        case interruptStatus = 3
        case device = 4
        /// A window in configuration space to the others; it is nowhere else.
        case access = 5

        var offset: UInt64 { UInt64(rawValue - 1) * 0x1000 }

        /// With room for so many queues.
        func length(queues: Int) -> UInt32 {
            switch self {
            case .common: 0x38
            case .notification: UInt32(queues) * VirtIOPCI.notificationMultiplier
            case .interruptStatus: 1
            case .device: 0x1000
            case .access: 0
            }
        }
    }

    /// Bits of the interrupt status (4.1.4.5).
    private enum InterruptStatus {
        static let usedBuffer: UInt8 = 1
        static let configurationChange: UInt8 = 2
    }

    /// Numbers of capabilities.
    private enum Capability {
        static let vendorSpecific: UInt8 = 0x09
        static let pciExpress: UInt8 = 0x10
    }

    /// Offsets in the capability of ``Structure/access`` (4.1.4.9).
    private enum Access {
        static let range = 4
        static let offset = 8
        static let length = 12
        static let data = 16
        static let end = 20
    }

    /// Base address registers: those that QEMU's devices have.
    private static let messages = 1, structures = 4
    private static let structuresSize: UInt64 = 0x4000
    /// Each queue has a word.
    private static let notificationMultiplier: UInt32 = 4

    let transport: VirtIOTransport
    private let port: PCIeHost.Port
    private(set) var configuration: PCIConfigurationSpace
    private var common: VirtIOPCICommon
    private var msix: MSIX
    private var interruptStatus: UInt8 = 0
    private let messageControl: Int
    private let accessWindow: Int

    /// - Parameters:
    ///   - space: where the driver's buffers are.
    ///   - report: told in a sentence when the driver breaks the rules.
    init(
        _ device: any VirtIODevice, port: PCIeHost.Port, space: AddressSpace, clock: Clock,
        report: @escaping (String) -> Void
    ) {
        self.port = port
        transport = VirtIOTransport(
            device, label: "virtio-pci " + port.text, space: space, clock: clock, report: report)
        let queues = device.queueSizes.count
        common = VirtIOPCICommon(queues: queues)
        msix = MSIX(count: queues + 1)
        configuration = PCIConfigurationSpace(Self.identity(device), hasInterrupt: true)
        configuration.add(range: Self.messages, size: MSIX.rangeSize, .narrow)
        configuration.add(range: Self.structures, size: Self.structuresSize, .widePrefetchable)
        let express = Self.expressBody
        _ = configuration.add(capability: Capability.pciExpress, express.bytes, writable: express.writable)
        let body = msix.body(range: Self.messages)
        messageControl =
            configuration.add(capability: MSIX.capability, body.bytes, writable: body.writable) + MSIX.controlOffset
        var window = 0
        for structure in Structure.allCases {
            let body = Self.body(structure, queues: queues)
            window = configuration.add(capability: Capability.vendorSpecific, body.bytes, writable: body.writable)
        }
        accessWindow = window
        transport.allowMemory(false)
        transport.signal = { [unowned self] in signal($0) }
    }

    // MARK: Identification

    /// 0x1040 and the device's number (4.1.2.1); what it is for other systems, as QEMU's devices say.
    private static func identity(_ device: any VirtIODevice) -> PCIConfigurationSpace.Identity {
        let classCode: UInt32 =
            switch device.id {
            case 1: 0x02_0000  // an Ethernet controller
            case 2: 0x01_0000  // a SCSI storage controller
            case 3: 0x07_8000  // another communication controller
            case 16: 0x03_8000  // another display controller
            case 18: 0x09_8000  // another input device
            default: 0xff_0000
            }
        return .init(
            vendor: 0x1af4, device: UInt16(0x1040 + device.id), revision: 1, classCode: classCode,
            subsystemVendor: 0x1af4, subsystem: 0x1100)
    }

    /// The PCI Express Capability (PCI Express Base Specification, 7.5.3), version 2: a Root Complex Integrated Endpoint,
    /// which has no link.
    private static var expressBody: (bytes: [UInt8], writable: [UInt8]) {
        var bytes: [UInt8] = [], writable: [UInt8] = []
        bytes.append(littleEndian: UInt16(0x0092))
        bytes.append(littleEndian: UInt32(1 << 15))  // Role-Based Error Reporting
        bytes.append(littleEndian: UInt16(0x2810))  // No Snoop, Relaxed Ordering, reads of at most 512 bytes
        writable = Array(repeating: 0, count: bytes.count - 2)
        writable.append(littleEndian: UInt16(0x781f))
        bytes += Array(repeating: 0, count: 0x3a - bytes.count)
        return (bytes, writable)
    }

    /// What follows number and link of a structure's capability (4.1.4).
    private static func body(_ structure: Structure, queues: Int) -> (bytes: [UInt8], writable: [UInt8]) {
        var bytes: [UInt8] = [0, structure.rawValue, structure == .access ? 0 : UInt8(structures), 0, 0, 0]
        bytes.append(littleEndian: UInt32(structure == .access ? 0 : structure.offset))
        bytes.append(littleEndian: structure.length(queues: queues))
        switch structure {
        case .notification: bytes.append(littleEndian: notificationMultiplier)
        case .access: bytes.append(littleEndian: UInt32(0))
        case .common, .interruptStatus, .device: break
        }
        bytes[0] = UInt8(bytes.count + 2)
        guard structure == .access else { return (bytes, []) }
        // Range, offset and length; what is done with the data is no storage.
        return (bytes, [0, 0, 0xff, 0, 0, 0] + Array(repeating: 0xff, count: 8))
    }

    // MARK: Interrupts

    private func signal(_ signal: VirtIOTransport.Signal) {
        if msix.isEnabled {
            return send(msix.signal(Int(common.vector(of: signal))).map { [$0] } ?? [])
        }
        switch signal {
        case .used: interruptStatus |= InterruptStatus.usedBuffer
        case .configuration: interruptStatus |= InterruptStatus.configurationChange
        }
        update()
    }

    private func send(_ messages: [MSIX.Message]) {
        guard configuration.command.contains(.busMaster) else { return }
        for message in messages { port.send(address: message.address, data: message.data) }
    }

    private var isInterrupting: Bool { interruptStatus != 0 && !msix.isEnabled }

    private func update() {
        port.setInterrupt(isInterrupting && !configuration.command.contains(.interruptDisable))
    }

    // MARK: Configuration space

    func readConfiguration(_ offset: Int, size: Int) -> UInt64 {
        if let access = access(offset, size: size) { return read(range: access.range, access.offset, size: size) }
        return configuration.read(offset, size: size, isInterrupting: isInterrupting)
    }

    func writeConfiguration(_ offset: Int, size: Int, value: UInt64) {
        if let access = access(offset, size: size) {
            return write(range: access.range, access.offset, size: size, value: value)
        }
        configuration.write(offset, size: size, value: value)
        send(msix.setControl(configuration.field(messageControl)))
        transport.allowMemory(configuration.command.contains(.busMaster))
        update()
    }

    /// The access that one to the window's data stands for, where it is as long as the window says.
    private func access(_ offset: Int, size: Int) -> PCIPlace? {
        let place = offset - accessWindow
        guard place >= Access.data, place < Access.end,
            configuration.field(accessWindow + Access.length, as: UInt32.self) == size
        else { return nil }
        let range = Int(configuration.field(accessWindow + Access.range, as: UInt8.self))
        let offset = UInt64(configuration.field(accessWindow + Access.offset, as: UInt32.self))
        let limit = configuration.ranges.first { $0.number == range }?.size ?? 0
        return offset < limit && offset % UInt64(size) == 0 ? PCIPlace(range: range, offset: offset) : nil
    }

    // MARK: Structures

    func read(range: Int, _ offset: UInt64, size: Int) -> UInt64 {
        if range == Self.messages { return msix.read(offset, size: size) }
        let place = offset % 0x1000
        switch Structure(rawValue: UInt8(offset / 0x1000 + 1)) {
        case .common: return common.read(place, size: size, transport)
        case .interruptStatus:
            guard place == 0 else { return 0 }
            defer {
                interruptStatus = 0
                update()
            }
            return UInt64(interruptStatus)
        case .device:
            guard size <= 4, place % UInt64(size) == 0 else { return 0 }
            return transport.readConfiguration(place, size: size)
        case .notification, .access, nil: return 0
        }
    }

    func write(range: Int, _ offset: UInt64, size: Int, value: UInt64) {
        if range == Self.messages { return send(msix.write(offset, size: size, value: value)) }
        let place = offset % 0x1000
        switch Structure(rawValue: UInt8(offset / 0x1000 + 1)) {
        case .common:
            common.write(place, size: size, value: value, vectors: msix.count, transport)
            if transport.status.isEmpty {
                interruptStatus = 0
                update()
            }
        case .notification: transport.notify(Int(place / UInt64(Self.notificationMultiplier)))
        case .device:
            guard size <= 4, place % UInt64(size) == 0 else { return }
            transport.writeConfiguration(place, size: size, value: value)
        case .interruptStatus, .access, nil: break
        }
    }

    func locate(_ address: UInt64, size: Int) -> PCIPlace? { configuration.locate(address, size: size) }

    func reset() {
        configuration.reset()
        common.reset()
        msix.reset()
        interruptStatus = 0
        transport.allowMemory(false)
        transport.powerOn()
        update()
    }

    // MARK: State

    func describeState(_ visitor: inout some StateVisitor) {
        configuration.describeState(&visitor)
        common.describeState(&visitor)
        msix.describeState(&visitor)
        visitor.field("interrupt status", &interruptStatus)
        transport.describeState(&visitor, hasMemory: configuration.command.contains(.busMaster))
    }
}
