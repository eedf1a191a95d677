/// Where a virtio device has its registers (Virtual I/O Device 1.2: Virtio Over MMIO, Virtio Over PCI Bus).
enum VirtIORegisters {
    case memory(UInt64)
    case pci(VirtIOStructures)

    private enum Memory {
        static let magic: UInt64 = 0x00, version: UInt64 = 0x04, device: UInt64 = 0x08
        static let driverFeatures: UInt64 = 0x20, driverFeaturesSelect: UInt64 = 0x24, pageSize: UInt64 = 0x28
        static let queueSelect: UInt64 = 0x30, queueSizeLimit: UInt64 = 0x34, queueSize: UInt64 = 0x38
        static let queueAlign: UInt64 = 0x3c, queuePage: UInt64 = 0x40, queueReady: UInt64 = 0x44
        static let notify: UInt64 = 0x50, interruptStatus: UInt64 = 0x60, interruptAcknowledge: UInt64 = 0x64
        static let status: UInt64 = 0x70, descriptorArea: UInt64 = 0x80, driverArea: UInt64 = 0x90
        static let deviceArea: UInt64 = 0xa0, configuration: UInt64 = 0x100
    }

    /// Common configuration structure layout.
    enum Common {
        static let driverFeaturesSelect: UInt64 = 0x08, driverFeatures: UInt64 = 0x0c, queueCount: UInt64 = 0x12
        static let status: UInt64 = 0x14, queueSelect: UInt64 = 0x16, queueSize: UInt64 = 0x18
        static let queueEnable: UInt64 = 0x1c, queueNotifyOffset: UInt64 = 0x1e, descriptorArea: UInt64 = 0x20
        static let driverArea: UInt64 = 0x28, deviceArea: UInt64 = 0x30
    }

    /// 1 is the legacy interface.
    var version: UInt32 {
        switch self {
        case .memory(let base): device_read32(base + Memory.version)
        case .pci: 2
        }
    }

    /// Its number in Device Types; 0 for none.
    var kind: UInt32 {
        switch self {
        case .memory(let base): device_read32(base + Memory.device)
        case .pci(let structures): structures.kind
        }
    }

    /// "virt".
    var hasMagic: Bool {
        switch self {
        case .memory(let base): device_read32(base + Memory.magic) == 0x7472_6976
        case .pci: true
        }
    }

    /// Of the device's own registers.
    var configuration: UInt64 {
        switch self {
        case .memory(let base): base + Memory.configuration
        case .pci(let structures): structures.device
        }
    }

    var status: UInt32 {
        get {
            switch self {
            case .memory(let base): device_read32(base + Memory.status)
            case .pci(let structures): UInt32(device_read8(structures.common + Common.status))
            }
        }
        nonmutating set {
            switch self {
            case .memory(let base): device_write32(base + Memory.status, newValue)
            case .pci(let structures): device_write8(structures.common + Common.status, UInt8(newValue))
            }
        }
    }

    func setFeatures(_ features: UInt64) {
        for half in 0..<UInt32(2) where half == 0 || version != 1 {
            let bits = UInt32(truncatingIfNeeded: features >> UInt64(half * 32))
            switch self {
            case .memory(let base):
                device_write32(base + Memory.driverFeaturesSelect, half)
                device_write32(base + Memory.driverFeatures, bits)
            case .pci(let structures):
                device_write32(structures.common + Common.driverFeaturesSelect, half)
                device_write32(structures.common + Common.driverFeatures, bits)
            }
        }
    }

    /// Chooses a queue; how many descriptors it can have.
    func select(_ queue: UInt32) -> UInt32 {
        switch self {
        case .memory(let base):
            device_write32(base + Memory.queueSelect, queue)
            return device_read32(base + Memory.queueSizeLimit)
        case .pci(let structures):
            device_write16(structures.common + Common.queueSelect, UInt16(queue))
            return UInt32(device_read16(structures.common + Common.queueSize))
        }
    }

    /// Has the device use the chosen queue. In the legacy interface its parts follow each other.
    func use(size: UInt32, _ descriptors: UInt64, _ available: UInt64, _ used: UInt64) {
        switch self {
        case .memory(let base):
            if version == 1 { device_write32(base + Memory.pageSize, 4096) }
            device_write32(base + Memory.queueSize, size)
            if version == 1 {
                device_write32(base + Memory.queueAlign, 4096)
                device_write32(base + Memory.queuePage, UInt32(truncatingIfNeeded: descriptors >> 12))
            } else {
                Self.write(base + Memory.descriptorArea, address: descriptors)
                Self.write(base + Memory.driverArea, address: available)
                Self.write(base + Memory.deviceArea, address: used)
                device_write32(base + Memory.queueReady, 1)
            }
        case .pci(let structures):
            device_write16(structures.common + Common.queueSize, UInt16(size))
            Self.write(structures.common + Common.descriptorArea, address: descriptors)
            Self.write(structures.common + Common.driverArea, address: available)
            Self.write(structures.common + Common.deviceArea, address: used)
            device_write16(structures.common + Common.queueEnable, 1)
        }
    }

    private static func write(_ register: UInt64, address: UInt64) {
        device_write32(register, UInt32(truncatingIfNeeded: address))
        device_write32(register + 4, UInt32(truncatingIfNeeded: address >> 32))
    }

    func notify(_ queue: UInt32) {
        switch self {
        case .memory(let base): device_write32(base + Memory.notify, queue)
        case .pci(let structures):
            device_write16(structures.common + Common.queueSelect, UInt16(queue))
            let offset = UInt64(device_read16(structures.common + Common.queueNotifyOffset))
            device_write16(structures.notification + offset * structures.multiplier, UInt16(queue))
        }
    }

    /// What the device interrupts for. On PCI to read it is to acknowledge it (ISR status capability).
    var causes: UInt32 {
        switch self {
        case .memory(let base): device_read32(base + Memory.interruptStatus)
        case .pci(let structures): UInt32(device_read8(structures.interrupt))
        }
    }

    var areCausesTaken: Bool {
        switch self {
        case .memory: false
        case .pci: true
        }
    }

    func acknowledge(_ causes: UInt32) {
        if case .memory(let base) = self { device_write32(base + Memory.interruptAcknowledge, causes) }
    }
}

/// The structures of a virtio device on PCI (Virtio Structure PCI Capabilities): where its memory has them.
struct VirtIOStructures {
    static let capability: UInt8 = 0x09
    /// A capability's fields.
    static let type: UInt64 = 3, bar: UInt64 = 4, offset: UInt64 = 8, length: UInt64 = 12, more: UInt64 = 16
    static let common: UInt8 = 1, notification: UInt8 = 2, interrupt: UInt8 = 3, device: UInt8 = 4, access: UInt8 = 5

    private(set) var kind: UInt32
    private(set) var common: UInt64 = 0
    private(set) var notification: UInt64 = 0
    private(set) var multiplier: UInt64 = 0
    private(set) var interrupt: UInt64 = 0
    private(set) var device: UInt64 = 0

    /// Nil for what is no virtio device.
    init?(_ function: PCIFunction) {
        guard let kind = Self.kind(function) else { return nil }
        self.kind = kind
        var found = self
        function.forEachCapability(Self.capability) { place in
            let start =
                function.address(UInt64(function.read8(place + Self.bar))).address
                + UInt64(function.read32(place + Self.offset))
            switch function.read8(place + Self.type) {
            case Self.common where found.common == 0: found.common = start
            case Self.notification where found.notification == 0:
                found.notification = start
                found.multiplier = UInt64(function.read32(place + Self.more))
            case Self.interrupt where found.interrupt == 0: found.interrupt = start
            case Self.device where found.device == 0: found.device = start
            default: break
            }
        }
        self = found
        guard common != 0, notification != 0, interrupt != 0 else { return nil }
    }

    /// PCI Device Discovery: of a transitional device the subsystem has the number.
    static func kind(_ function: PCIFunction) -> UInt32? {
        guard function.read16(PCIFunction.vendor) == 0x1af4 else { return nil }
        let device = function.read16(PCIFunction.identifier)
        switch device {
        case 0x1000...0x103f: return UInt32(function.read16(PCIFunction.subsystem))
        case 0x1040...0x107f: return UInt32(device - 0x1040)
        default: return nil
        }
    }
}
