/// What a guest is made of, as its device tree says: VCPUs, and what is at its physical addresses.
///
/// The nodes and properties are those of Xvisor's guest trees, so that a blob made for one is read here too.
public struct GuestDescription {
    public struct VCPU {
        public let name: Text
        /// What the architecture makes of it: `compatible`.
        public let compatible: [Text]
        public let startPC: UInt64
        /// 0 to 7; nil for the scheduler's own, as what follows.
        public let priority: Int?
        /// In nanoseconds.
        public let timeSlice: UInt64?
        public let deadline: UInt64?
        public let periodicity: UInt64?
        /// The host CPUs that it may run on; empty for all.
        public let affinity: [Int]
        /// It waits until another VCPU of the guest starts it.
        public let startsPoweredOff: Bool
        /// Has what an architecture wants to know besides.
        public let node: DeviceTreeNode
    }

    public let name: Text
    public let isBigEndian: Bool
    public let vcpus: [VCPU]
    /// The guest's interrupt numbers are below.
    public let interruptCount: UInt32
    /// In the tree's order, which is that in which devices are made.
    public let regions: [GuestRegion]
    /// Has what the guest's architecture wants to know besides, such as `sbi_version`.
    public let node: DeviceTreeNode

    /// - Parameters:
    ///   - node: the guest's, with `vcpus` or a `vcpu_template`, and an `aspace`.
    ///   - vcpuCount: how many VCPUs to make of the template, of which the first one is powered on. Where the tree has
    ///     `vcpus`, they are what there is.
    public init(_ node: DeviceTreeNode, vcpuCount: Int = 1) throws(HyperError) {
        guard node.text("device_type") == "guest" else {
            throw node.wrong("device_type", "must be \"guest\" for a guest to be made of the node")
        }
        self.node = node
        name = node.name.isEmpty ? node.text("model") ?? "guest" : node.name
        isBigEndian = try node.choice("endianness", [("little", false), ("big", true)], otherwise: false)
        vcpus = try Self.vcpus(of: node, count: vcpuCount)
        guard let space = node.child("aspace") else {
            throw HyperError("\(node.path): there is no node aspace: add it, with a node for each region of addresses")
        }
        let interruptCount = try space.required("guest_irq_count")
        guard interruptCount <= 0xffff else {
            throw space.wrong("guest_irq_count", "is \(interruptCount): at most 65535 can be")
        }
        self.interruptCount = UInt32(interruptCount)
        var regions: [GuestRegion] = []
        for child in space.children {
            let region = try GuestRegion(child)
            for other in regions where region.overlaps(other) {
                throw child.wrong(
                    "guest_physical_addr", "makes the region overlap \(other.node.path): move or shrink one of them")
            }
            for interrupt in region.interrupts where interrupt >= interruptCount {
                throw child.wrong(
                    "interrupts", "has \(UInt64(interrupt)): raise guest_irq_count of \(space.path) above it")
            }
            regions.append(region)
        }
        self.regions = regions
        for region in regions {
            guard case .alias(let target) = region.kind else { continue }
            let isThere = regions.contains { other in
                other.addressSpace == region.addressSpace && other.contains(target, region.size)
            }
            guard isThere else {
                throw region.node.wrong(
                    "alias_physical_addr",
                    "is \(hex: target): no region has all of the \(hex: region.size) bytes there")
            }
        }
    }

    private static func vcpus(of node: DeviceTreeNode, count: Int) throws(HyperError) -> [VCPU] {
        var vcpus: [VCPU] = []
        if let nodes = node.child("vcpus") {
            for child in nodes.children { vcpus.append(try VCPU(child)) }
        } else if let template = node.child("vcpu_template") {
            for index in 0..<max(count, 0) {
                vcpus.append(try VCPU(template, name: "vcpu\(index)", isFirst: index == 0))
            }
        } else {
            throw HyperError("\(node.path): there is no node vcpu_template: add it, with device_type = \"vcpu\"")
        }
        guard !vcpus.isEmpty else {
            throw HyperError("\(node.path): the guest has no VCPU: add a node to vcpus, or ask for one of the template")
        }
        return vcpus
    }
}

extension GuestDescription.VCPU {
    /// - Parameter isFirst: whether it is the one of several like it that starts the others.
    fileprivate init(
        _ node: DeviceTreeNode, name: Text? = nil, isFirst: Bool = false
    ) throws(HyperError) {
        guard node.text("device_type") == "vcpu" else {
            throw node.wrong("device_type", "must be \"vcpu\" for a VCPU to be made of the node")
        }
        self.node = node
        self.name = name ?? node.name
        compatible = node.compatible
        startPC = try node.optional("start_pc") ?? 0
        let priority = try node.optional("priority")
        if let priority, priority > 7 { throw node.wrong("priority", "is \(priority): 0 to 7 are possible") }
        self.priority = priority.map { Int($0) }
        timeSlice = try node.optional("time_slice")
        deadline = try node.optional("deadline")
        periodicity = try node.optional("periodicity")
        var affinity: [Int] = []
        for cpu in try node.optionalCells("affinity") ?? [] { affinity.append(Int(clamping: cpu)) }
        if node.has("affinity"), affinity.isEmpty {
            throw node.wrong("affinity", "is empty: list the host CPUs, or leave it out for all of them")
        }
        self.affinity = affinity
        startsPoweredOff = !isFirst && node.has("poweroff")
    }
}
