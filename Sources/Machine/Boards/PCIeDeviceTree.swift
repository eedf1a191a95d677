/// A PCI Express host bridge in a device tree (IEEE Std 1275's PCI Bus Binding, and Linux'
/// bindings/pci/host-generic-pci.yaml).
enum PCIeDeviceTree {
    /// What is at the bus' addresses, in the first of three cells: I/O, or memory of 32 or of 64 bits.
    private enum Space {
        static let ports: UInt32 = 1 << 24, memory: UInt32 = 2 << 24, wideMemory: UInt32 = 3 << 24
    }

    /// - Parameters:
    ///   - name: with the unit address that the board's tree has.
    ///   - interrupt: the handle of the controller that one of the four wires goes to, and the interrupt there.
    static func node(
        _ name: String, _ layout: PCIeHost.Layout, interrupt: (_ wire: Int) -> [UInt32]
    ) -> DeviceTree.Node {
        var node = DeviceTree.Node(name)
        // The wires repeat after four devices. The device is in bits 15 to 11, and the pin, from 1 on, has a cell.
        node.set("interrupt-map-mask", cells: 3 << 11, 0, 0, 7)
        var map: [UInt32] = []
        for device in 0..<4 {
            for pin in 0..<4 {
                map += [UInt32(device) << 11, 0, 0, UInt32(pin) + 1]
                map += interrupt(PCIeHost.wire(device: device, pin: pin))
            }
        }
        node.set("interrupt-map", cells: map)
        func range(_ space: UInt32, _ window: AddressWindow, at address: UInt64) -> [UInt32] {
            [space] + [address, window.base, window.size].flatMap { [UInt32($0 >> 32), UInt32($0 & 0xffff_ffff)] }
        }
        node.set(
            "ranges",
            cells: range(Space.ports, layout.ports, at: 0)
                + range(Space.memory, layout.memory, at: layout.memory.base)
                + range(Space.wideMemory, layout.wideMemory, at: layout.wideMemory.base))
        node.set("reg", doubleCells: layout.configuration.base, layout.configuration.size)
        node.setEmpty("dma-coherent")
        node.set("bus-range", cells: 0, 255)
        node.set("linux,pci-domain", cells: 0)
        node.set("device_type", "pci")
        node.set("compatible", "pci-host-ecam-generic")
        node.set("#size-cells", cells: 2)
        node.set("#interrupt-cells", cells: 1)
        node.set("#address-cells", cells: 3)
        return node
    }
}
