/// A host bridge whose configuration space is memory (Devicetree bindings, host-generic-pci; PCI Express Base, 7.2.2): its
/// buses, of which what a driver knows becomes a node of the host's tree.
///
/// Functions are given addresses in the bridge's window below 4 GiB. They interrupt by messages where something makes interrupts
/// of those, and else by their pins.
final class PCIHostDriver: HostDevice {
    /// Names of nodes of functions, and properties that they have here beside `assigned-addresses` (PCI Bus Binding to IEEE 1275,
    /// 4.1.1) and `msi-parent`.
    static let virtIO: Text = "virtio,pci"
    static let configurationSpace: Text = "hyper,configuration-space", bus: Text = "hyper,bus-offset"
    static let assigned: Text = "assigned-addresses"

    private static let virtIOVendor: UInt64 = 0x1af4

    static var driver: Driver {
        Driver("pci-host", compatible: ["pci-host-ecam-generic"]) { (node) throws(HyperError) in
            try PCIHostDriver(node)
        }
    }

    private let count: Int
    var summary: Text { "\(count) functions" }

    private init(_ node: DeviceTreeNode) throws(HyperError) {
        guard let space = try node.registers().first, space.size >= PCIBuses.busSize else {
            throw node.wrong("reg", "must have the configuration space of one bus")
        }
        let memory: UInt32 = 2
        guard let window = try node.windows()?.first(where: { $0.child.space >> 24 & 3 == memory }) else {
            throw node.wrong("ranges", "must have a window of memory below 4 GiB")
        }
        let range = node.cells("bus-range")
        let first = UInt64(range?.first ?? 0)
        let last = min(UInt64(range?.last ?? 255), 255, first + (space.size / PCIBuses.busSize - 1))
        guard first <= last else { throw node.wrong("bus-range", "must have the numbers of a first and a last bus") }
        var buses = PCIBuses(
            space: space.base, buses: first...last, memory: MemoryRange(base: window.child.offset, size: window.size))
        let offset = window.parent.offset &- window.child.offset
        buses.enumerate(node, wants: { $0.vendor == Self.virtIOVendor }) { place, parent in
            let child = parent.add("virtio@\(place.device),\(place.number)")
            child.set("compatible", text: Self.virtIO)
            child.set(Self.configurationSpace, u64: place.function.base)
            child.set(Self.bus, u64: offset)
            Self.describe(place.windows, in: child)
            Self.routePin(of: place, node, to: child)
            if Configuration.PCI_MESSAGES, place.isOnExpress { Self.routeMessages(of: place, node, to: child) }
        }
        count = buses.count
    }

    func remove() {}

    /// A window in `assigned-addresses`: the register, in the lowest byte of the first cell; the address; the size.
    private static func describe(_ windows: [PCIFunction.Window], in child: DeviceTreeNode) {
        let memory: UInt32 = 2 << 24
        var cells: [UInt32] = []
        for window in windows {
            cells += [
                memory | UInt32(0x10 + 4 * window.bar), UInt32(truncatingIfNeeded: window.address >> 32),
                UInt32(truncatingIfNeeded: window.address), UInt32(truncatingIfNeeded: window.size >> 32),
                UInt32(truncatingIfNeeded: window.size),
            ]
        }
        child.set(assigned, cells: cells)
    }

    /// What ``describe(_:in:)`` has written.
    static func windows(_ child: DeviceTreeNode) -> [PCIFunction.Window] {
        var windows: [PCIFunction.Window] = []
        var rest = (child.cells(assigned) ?? [])[...]
        while let first = rest.popFirst(), rest.count >= 4 {
            let address = rest.takeNumber(cells: 2), size = rest.takeNumber(cells: 2)
            windows.append(PCIFunction.Window(bar: Int(first & 0xff) / 4 - 4, address: address, size: size))
        }
        return windows
    }

    /// Says which interrupt of whose a function's pin is (Devicetree Specification, "interrupt-map").
    private static func routePin(of place: PCIBuses.Place, _ node: DeviceTreeNode, to child: DeviceTreeNode) {
        let own = place.function.interruptPin
        guard (1...4).contains(own), let cells = node.cells("interrupt-map"),
            let mask = node.cells("interrupt-map-mask"), mask.count == 4
        else { return }
        let (unit, pin) = (UInt32(place.root << 11), place.rootPin(own))
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

    /// Says whom a function's messages go to, and what it is called there (Devicetree bindings, pci-msi).
    private static func routeMessages(of place: PCIBuses.Place, _ node: DeviceTreeNode, to child: DeviceTreeNode) {
        if let parent = node.cells("msi-parent") { return child.set("msi-parent", cells: parent) }
        guard let cells = node.cells("msi-map") else { return }
        let requester = place.requester & (node.u32("msi-map-mask") ?? 0xffff_ffff)
        for start in stride(from: 0, to: cells.count - cells.count % 4, by: 4) {
            let (first, controller, base, length) = (cells[start], cells[start + 1], cells[start + 2], cells[start + 3])
            guard requester >= first, requester - first < length else { continue }
            return child.set("msi-parent", cells: [controller, base &+ (requester - first)])
        }
    }
}
