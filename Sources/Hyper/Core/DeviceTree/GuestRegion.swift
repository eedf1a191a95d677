/// A region of a guest's physical addresses, as its device tree describes it.
public struct GuestRegion {
    /// What is there.
    public enum Kind: Equatable, Sendable {
        /// Memory that is taken from the host's when the guest is made (`alloced_ram`, `alloced_rom`).
        case allocated
        /// As `allocated`, of pages with some of the cache's colours (`colored_ram`, `colored_rom`).
        case colored(first: UInt32, count: UInt32)
        /// Memory that others share, by its name (`shared_ram`, `shared_rom`).
        case shared(Text)
        /// Memory at this address of the host, which is kept for the guest (`ram`, `rom`).
        case reserved(UInt64)
        /// A device at this address of the host, which the guest uses itself.
        case passThrough(UInt64)
        /// The same device, by its path in the host's tree, with its interrupts: `host_device`.
        case hostDevice(Text)
        /// What the guest has at this other address.
        case alias(UInt64)
        /// A device that is emulated, by `compatible`.
        case emulated
        /// Nothing, for the guest to find nothing there: memory by its type, but virtual.
        case hole
    }

    public enum AddressSpace: Equatable, Sendable { case memory, io }

    /// An interrupt of the host that a device raises.
    public struct HostInterrupt: Equatable, Sendable {
        public let number: UInt32
        /// Edge or level, in the host controller's numbers.
        public let type: UInt32
        /// Nil for any.
        public let cpu: Int?
    }

    public let name: Text
    public let kind: Kind
    public let addressSpace: AddressSpace
    public let start: UInt64
    public let size: UInt64
    public let deviceType: Text
    public let compatible: [Text]
    /// The guest cannot write it: a `rom`.
    public let isReadOnly: Bool
    /// Of memory: at multiples of 2 to this power.
    public let alignOrder: Int
    /// Of memory: taken from the host's in pieces of 2 to this power, where it need not be in one.
    public let mapOrder: Int?
    /// The guest's, in its interrupt controller's numbers.
    public let interrupts: [UInt32]
    /// The host's, of a device that is passed through: as many, in the same order.
    public let hostInterrupts: [HostInterrupt]
    /// Has what the device wants to know besides.
    public let node: DeviceTreeNode

    private enum Manifestation { case real, virtual, alias }
    private enum Memory { case allocated, colored, shared, reserved }

    init(_ node: DeviceTreeNode) throws(HyperError) {
        self.node = node
        name = node.name
        compatible = node.compatible
        let manifestation: Manifestation = try node.choice(
            "manifest_type", [("real", .real), ("virtual", .virtual), ("alias", .alias)])
        addressSpace = try node.choice("address_type", [("memory", .memory), ("io", .io)])
        guard let deviceType = node.text("device_type") else {
            throw node.wrong("device_type", "must say what is there: \"alloced_ram\", \"serial\" and such")
        }
        self.deviceType = deviceType
        let memory = Self.memory(deviceType)
        isReadOnly = memory?.isReadOnly ?? false

        start = try node.required("guest_physical_addr")
        size = try node.required("physical_size")
        guard size > 0 else {
            throw node.wrong("physical_size", "is 0: set it before the guest is created, or remove the region")
        }
        guard size - 1 <= UInt64.max - start else {
            throw node.wrong("physical_size", "is \(hex: size): from \(hex: start) this goes beyond all addresses")
        }

        switch manifestation {
        case .alias: kind = .alias(try node.required("alias_physical_addr"))
        case .virtual where memory != nil && compatible.isEmpty: kind = .hole
        case .virtual:
            guard !compatible.isEmpty else {
                throw node.wrong("compatible", "must name the device that is emulated, such as \"ns16550a\"")
            }
            kind = .emulated
        case .real:
            switch memory?.type {
            case nil:
                if let device = node.text("host_device") {
                    kind = .hostDevice(device)
                } else {
                    kind = .passThrough(try node.required("host_physical_addr"))
                }
            case .allocated: kind = .allocated
            case .reserved: kind = .reserved(try node.required("host_physical_addr"))
            case .shared:
                guard let shared = node.text("shared_mem"), !shared.isEmpty else {
                    throw node.wrong("shared_mem", "must name a shared memory before the guest is created")
                }
                kind = .shared(shared)
            case .colored:
                let (first, count) = (try node.optional("first_color") ?? 0, try node.required("num_colors"))
                guard count > 0, count <= UInt32.max, first <= UInt64(UInt32.max) - count else {
                    throw node.wrong("num_colors", "is \(count): it must be at least 1, and what the cache has")
                }
                kind = .colored(first: UInt32(first), count: UInt32(count))
            }
        }

        alignOrder = try node.order("align_order") ?? 0
        mapOrder = try node.order("map_order")
        let mask: UInt64 = (1 << UInt64(alignOrder)) - 1
        for (name, value) in [("guest_physical_addr" as Text, start), ("physical_size", size)] where value & mask != 0 {
            throw node.wrong(name, "is \(hex: value): align_order wants a multiple of \(hex: mask + 1)")
        }
        if let host = kind.address, host & mask != 0 {
            throw node.wrong("align_order", "wants a multiple of \(hex: mask + 1), and \(hex: host) is none")
        }

        interrupts = try node.optionalCells("interrupts") ?? []
        let cells = try node.optionalCells("host-interrupts") ?? []
        guard cells.count % 3 == 0, cells.isEmpty || interrupts.count >= cells.count / 3 else {
            throw node.wrong(
                "host-interrupts",
                "must have a number, a type and a CPU for each of interrupts, which has \(interrupts.count)")
        }
        hostInterrupts = stride(from: 0, to: cells.count, by: 3).map { index in
            HostInterrupt(
                number: cells[index], type: cells[index + 1],
                cpu: cells[index + 2] == .max ? nil : Int(clamping: cells[index + 2]))
        }
    }

    private static func memory(_ deviceType: Text) -> (type: Memory, isReadOnly: Bool)? {
        switch deviceType {
        case "alloced_ram": (.allocated, false)
        case "alloced_rom": (.allocated, true)
        case "colored_ram": (.colored, false)
        case "colored_rom": (.colored, true)
        case "shared_ram": (.shared, false)
        case "shared_rom": (.shared, true)
        case "ram": (.reserved, false)
        case "rom": (.reserved, true)
        default: nil
        }
    }

    public var last: UInt64 { start + (size - 1) }

    func overlaps(_ other: GuestRegion) -> Bool {
        addressSpace == other.addressSpace && start <= other.last && other.start <= last
    }

    func contains(_ address: UInt64, _ count: UInt64) -> Bool {
        MemoryRange(base: start, size: size).contains(address, count: count)
    }
}

extension GuestRegion.Kind {
    /// The address besides the region's own.
    fileprivate var address: UInt64? {
        switch self {
        case .reserved(let address), .passThrough(let address), .alias(let address): address
        default: nil
        }
    }
}

// MARK: Properties of a description, and what is wrong with them

extension DeviceTreeNode {
    func wrong(_ property: Text, _ problem: Text) -> HyperError {
        HyperError("\(path): \(has(property) ? "" : "the missing " as Text)\(property) \(problem)")
    }

    /// A number of one or two cells.
    func optional(_ name: Text) throws(HyperError) -> UInt64? {
        guard let bytes = bytes(name) else { return nil }
        guard let number = number(name) else {
            throw wrong(name, "has \(bytes.count) bytes: write one number of 4 or 8, as in \(name) = <0x1000>")
        }
        return number
    }

    func required(_ name: Text) throws(HyperError) -> UInt64 {
        guard let number = try optional(name) else { throw wrong(name, "must be a number, as in \(name) = <0x1000>") }
        return number
    }

    func optionalCells(_ name: Text) throws(HyperError) -> [UInt32]? {
        guard let bytes = bytes(name) else { return nil }
        guard let cells = cells(name) else {
            throw wrong(name, "has \(bytes.count) bytes: write whole cells, as in \(name) = <1 2>")
        }
        return cells
    }

    /// The exponent of a power of two.
    fileprivate func order(_ name: Text) throws(HyperError) -> Int? {
        guard let order = try optional(name) else { return nil }
        guard order < 64 else { throw wrong(name, "is \(order): it is the exponent of a power of two, below 64") }
        return Int(order)
    }

    /// What one of some strings stands for.
    func choice<Value>(
        _ name: Text, _ choices: [(text: Text, value: Value)], otherwise: Value? = nil
    ) throws(HyperError) -> Value {
        if let otherwise, !has(name) { return otherwise }
        let text = text(name)
        for choice in choices where choice.text == text { return choice.value }
        var list = Text()
        for choice in choices { list.append("\(list.isEmpty ? "" : ", " as Text)\"\(choice.text)\"" as Text) }
        throw wrong(name, "must be one of \(list)")
    }
}
