/// A host bridge whose configuration space is memory (Devicetree bindings, host-generic-pci; PCI Express Base, 7.2.2): its first
/// bus, of which what a driver knows becomes a node of the host's tree.
///
/// Functions are given addresses in the bridge's window below 4 GiB, whatever a firmware has given them. They interrupt by
/// their pins.
final class PCIHostDriver: HostDevice {
    /// Names of nodes of functions, and properties that they have here.
    static let virtIO: Text = "virtio,pci"
    static let configurationSpace: Text = "hyper,configuration-space", bus: Text = "hyper,bus-offset"

    private static let virtIOVendor: UInt64 = 0x1af4
    private static let deviceCount: UInt64 = 32, functionCount: UInt64 = 8
    private static let functionSize: UInt64 = 4096

    static var driver: Driver {
        Driver("pci-host", compatible: ["pci-host-ecam-generic"]) { (node) throws(HyperError) in
            try PCIHostDriver(node)
        }
    }

    private let functions: [PCIFunction]
    var summary: Text { "\(functions.count) functions" }

    private init(_ node: DeviceTreeNode) throws(HyperError) {
        guard let space = try node.registers().first, space.size >= Self.functionSize << 8 else {
            throw node.wrong("reg", "must have the configuration space of one bus")
        }
        let memory: UInt32 = 2
        guard let window = try node.windows()?.first(where: { $0.child.space >> 24 & 3 == memory }) else {
            throw node.wrong("ranges", "must have a window of memory below 4 GiB")
        }
        var next = max(window.child.offset, Pages.size)
        func allocate(_ size: UInt64) -> UInt64? {
            let size = max(size, Pages.size)
            guard size <= window.size else { return nil }
            let start = (next + size - 1) & ~(size - 1)
            guard start + size <= window.child.offset + window.size else { return nil }
            next = start + size
            return start
        }
        var functions: [PCIFunction] = []
        for device in 0..<Self.deviceCount {
            for number in 0..<Self.functionCount {
                let function = PCIFunction(base: space.base + (device << 3 | number) * Self.functionSize)
                guard function.isPresent else { continue }
                functions.append(function)
                if function.vendor == Self.virtIOVendor, function.hasBARs {
                    function.disable()
                    function.assign(allocate)
                    let child = node.add("virtio@\(device),\(number)")
                    child.set("compatible", text: Self.virtIO)
                    child.set(Self.configurationSpace, u64: function.base)
                    child.set(Self.bus, u64: window.parent.offset &- window.child.offset)
                    Self.route(function.interruptPin, of: UInt32(device << 11 | number << 8), node, to: child)
                }
                if number == 0, !function.hasOthers { break }
            }
        }
        self.functions = functions
    }

    func remove() {}

    /// Says which interrupt of whose a pin is (Devicetree Specification, "interrupt-map").
    private static func route(_ pin: UInt32, of unit: UInt32, _ node: DeviceTreeNode, to child: DeviceTreeNode) {
        guard let cells = node.cells("interrupt-map"), let mask = node.cells("interrupt-map-mask"), mask.count == 4
        else { return }
        var rest = cells[...]
        while rest.count > 5 {
            let entry = Array(rest.prefix(5))
            rest.removeFirst(5)
            guard let controller = node.node(phandle: entry[4]), let count = controller.u32("#interrupt-cells") else {
                return
            }
            // Without it a controller's address has no cells here.
            let skipped = Int(controller.u32("#address-cells") ?? 0)
            guard rest.count >= skipped + Int(count) else { return }
            let specifier = Array(rest.dropFirst(skipped).prefix(Int(count)))
            rest.removeFirst(skipped + Int(count))
            if entry[0] == unit & mask[0], entry[3] == pin & mask[3] {
                child.set("interrupt-parent", u32: entry[4])
                child.set("interrupts", cells: specifier)
                return
            }
        }
    }
}
