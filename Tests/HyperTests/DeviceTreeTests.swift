import Testing

@testable import Hyper

/// What tests compare and print.
extension Text {
    init(_ string: String) { self.init(Array(string.utf8)) }
    var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// The message of the error that `body` ends with; nil where it ends without one.
func message<Value>(of body: () throws(HyperError) -> Value) -> String? {
    do throws(HyperError) {
        _ = try body()
        return nil
    } catch {
        return error.message.string
    }
}

@Suite("Device trees in memory")
struct DeviceTreeTests {
    /// A machine: a bus at 0x1000_0000 with another one at 0x100 of it, PCI, two controllers, and CPUs without sizes.
    static func machine() -> DeviceTreeNode {
        let root = DeviceTreeNode()
        root.set("#address-cells", u32: 2)
        root.set("#size-cells", u32: 2)
        root.set("interrupt-parent", u32: 1)
        let aliases = root.add("aliases")
        aliases.set("serial0", text: "/bus@10000000/inner@100/serial@20")
        let cpus = root.add("cpus")
        cpus.set("#address-cells", u32: 1)
        cpus.set("#size-cells", u32: 0)
        for index in 0..<2 {
            let cpu = cpus.add("cpu@\(index)")
            cpu.set("reg", u32: UInt32(index))
            let controller = cpu.add("interrupt-controller")
            controller.set("interrupt-controller")
            controller.set("#interrupt-cells", u32: 1)
            controller.set("#address-cells", u32: 0)
            controller.set("phandle", u32: 0x10 + UInt32(index))
        }
        let plic = root.add("plic@c000000")
        plic.set("compatible", strings: ["vendor,plic-1.0", "riscv,plic0"])
        plic.set("interrupt-controller")
        plic.set("#interrupt-cells", u32: 1)
        plic.set("#address-cells", u32: 0)
        plic.set("phandle", u32: 1)
        plic.set("reg", cells: [0, 0xc00_0000, 0, 0x40_0000])
        plic.set("interrupts-extended", cells: [0x10, 9, 0x11, 11])
        let bus = root.add("bus@10000000")
        bus.set("compatible", strings: ["simple-bus"])
        bus.set("#address-cells", u32: 1)
        bus.set("#size-cells", u32: 1)
        bus.set("ranges", cells: [0, 0, 0x1000_0000, 0x1000, 0x8000, 1, 0x8000_0000, 0x1000])
        let inner = bus.add("inner@100")
        inner.set("#address-cells", u32: 1)
        inner.set("#size-cells", u32: 1)
        inner.set("ranges", cells: [0, 0x100, 0x100])
        let serial = inner.add("serial@20")
        serial.set("reg", cells: [0x20, 8, 0x40, 0x10])
        serial.set("interrupts", cells: [5, 6])
        let timer = bus.add("timer@8010")
        timer.set("reg", cells: [0x8010, 0x10])
        timer.set("interrupt-parent", u32: 0x11)
        timer.set("interrupts", u32: 7)
        return root
    }

    @Test("Nodes are found by name, path, alias, phandle and compatible string")
    func lookups() throws {
        let root = Self.machine()
        #expect(root.child("cpus")?.child("cpu")?.name.string == "cpu@0")
        #expect(root.child("cpus")?.child("cpu@1")?.name.string == "cpu@1")
        #expect(root.child("cpu") == nil)
        #expect(root.node(at: "/") === root)
        #expect(root.node(at: "/cpus/cpu@1/interrupt-controller")?.path == "/cpus/cpu@1/interrupt-controller")
        #expect(root.node(at: "/bus/inner")?.path == "/bus@10000000/inner@100")
        #expect(root.node(at: "/bus/outer") == nil)
        #expect(root.node(at: "serial0:115200n8")?.name.string == "serial@20")
        #expect(root.node(at: "serial1") == nil)
        #expect(root.node(phandle: 0x11)?.path == "/cpus/cpu@1/interrupt-controller")
        #expect(root.node(phandle: 99) == nil)
        #expect(root.firstNode(compatible: "riscv,plic0")?.path == "/plic@c000000")
        #expect(root.nodes(compatible: "simple-bus").map(\.path.string) == ["/bus@10000000"])
        #expect(root.nodes(compatible: "simple").isEmpty)
        #expect(
            root.all.map(\.name.string) == [
                "", "aliases", "cpus", "cpu@0", "interrupt-controller", "cpu@1", "interrupt-controller",
                "plic@c000000", "bus@10000000", "inner@100", "serial@20", "timer@8010",
            ])
    }

    @Test("A value is given as the type asked for, or not at all")
    func types() {
        let node = DeviceTreeNode("node")
        node.set("empty")
        node.set("one", u32: 0x1234_5678)
        node.set("two", u64: 0x1_8000_0000)
        node.set("odd", bytes: [1, 2, 3])
        node.set("text", text: "hello")
        node.set("list", strings: ["a", "", "b"])
        #expect(node.bytes("one") == [0x12, 0x34, 0x56, 0x78])
        #expect(node.u32("one") == 0x1234_5678 && node.u64("one") == nil && node.number("one") == 0x1234_5678)
        #expect(node.u32("two") == nil && node.u64("two") == 0x1_8000_0000 && node.number("two") == 0x1_8000_0000)
        #expect(node.cells("two") == [1, 0x8000_0000])
        #expect(node.cells("odd") == nil && node.number("odd") == nil && node.strings("odd") == nil)
        #expect(node.text("text") == "hello" && node.bytes("text")?.last == 0)
        #expect(node.strings("list")?.map(\.string) == ["a", "", "b"] && node.text("list") == nil)
        #expect(node.has("empty") && node.strings("empty") == [] && node.cells("empty") == [])
        #expect(!node.has("nothing") && node.bytes("nothing") == nil)
    }

    @Test("A device is to be used unless its status says otherwise")
    func status() {
        let node = DeviceTreeNode("node")
        #expect(node.isOkay)
        for (status, isOkay) in [("okay", true), ("ok", true), ("disabled", false), ("fail", false), ("", false)] {
            node.set("status", text: Text(status))
            #expect(node.isOkay == isOkay, "\(status)")
        }
        node.remove("status")
        #expect(node.isOkay && node.properties.isEmpty)
    }

    @Test("reg is read by the cells of the bus, and translated by the ranges of every bus above")
    func registers() throws {
        let root = Self.machine()
        let serial = try #require(root.node(at: "serial0"))
        #expect(
            try serial.registers() == [
                MemoryRange(base: 0x1000_0120, size: 8), MemoryRange(base: 0x1000_0140, size: 0x10),
            ])
        #expect(try serial.busRegisters().map(\.address.offset) == [0x20, 0x40])
        #expect(try root.child("bus")?.child("timer")?.registers() == [MemoryRange(base: 0x1_8000_0010, size: 0x10)])
        #expect(try root.child("plic")?.registers() == [MemoryRange(base: 0xc00_0000, size: 0x40_0000)])
        let cpu = try #require(root.node(at: "/cpus/cpu@1"))
        #expect(try cpu.busRegisters().map(\.address.offset) == [1])
        #expect(try cpu.busRegisters().map(\.size) == [0])
        // The processors' numbers are no addresses of memory.
        #expect(message { () throws(HyperError) in try cpu.registers() }?.contains("/cpus has no ranges") == true)
        #expect(try root.child("aliases")?.registers() == [])
    }

    @Test("PCI's windows are told apart by the space of the address")
    func pci() throws {
        let root = DeviceTreeNode()
        root.set("#address-cells", u32: 2)
        root.set("#size-cells", u32: 2)
        let pci = root.add("pci@30000000")
        pci.set("#address-cells", u32: 3)
        pci.set("#size-cells", u32: 2)
        // As QEMU's virt has them: I/O, memory of 32 bits, memory of 64 bits.
        pci.set(
            "ranges",
            cells: [
                0x100_0000, 0, 0, 0, 0x300_0000, 0, 0x1_0000, 0x200_0000, 0, 0x4000_0000, 0, 0x4000_0000, 0,
                0x4000_0000, 0x300_0000, 4, 0, 4, 0, 4, 0,
            ])
        let windows = try #require(try pci.windows())
        #expect(windows.map(\.child.space) == [0x100_0000, 0x200_0000, 0x300_0000])
        #expect(windows.map(\.parent.offset) == [0x300_0000, 0x4000_0000, 0x4_0000_0000])
        #expect(windows.map(\.size) == [0x1_0000, 0x4000_0000, 0x4_0000_0000])
        let device = pci.add("device@1,0")
        device.set("assigned-addresses", bytes: [])
        device.set("reg", cells: [0x8100_0800, 0, 0x40, 0, 0x20, 0x8200_0800, 0, 0x4000_0000, 0, 0x1000])
        #expect(
            try device.registers() == [
                MemoryRange(base: 0x300_0040, size: 0x20), MemoryRange(base: 0x4000_0000, size: 0x1000),
            ])
    }

    @Test("Interrupts go to the controller that is nearest by reference, or else above")
    func interrupts() throws {
        let root = Self.machine()
        let serial = try #require(root.node(at: "serial0"))
        #expect(try serial.interrupts().map(\.controller.name.string) == ["plic@c000000", "plic@c000000"])
        #expect(try serial.interrupts().map(\.specifier) == [[5], [6]])
        let timer = try #require(root.node(at: "/bus/timer"))
        #expect(try timer.interrupts().map(\.controller.path.string) == ["/cpus/cpu@1/interrupt-controller"])
        #expect(try timer.interrupts().map(\.specifier) == [[7]])
        let plic = try #require(root.child("plic"))
        #expect(
            try plic.interrupts().map(\.controller.path.string) == [
                "/cpus/cpu@0/interrupt-controller", "/cpus/cpu@1/interrupt-controller",
            ])
        #expect(try plic.interrupts().map(\.specifier) == [[9], [11]])
        // Cells of the controller's number.
        plic.set("#interrupt-cells", u32: 2)
        #expect(try serial.interrupts().map(\.specifier) == [[5, 6]])
        plic.set("#interrupt-cells", u32: 3)
        #expect(
            message { () throws(HyperError) in try serial.interrupts() }?.hasPrefix(
                "/bus@10000000/inner@100/serial@20: its interrupts ends within a specifier") == true)
        plic.set("#interrupt-cells", u32: .max)
        #expect(message { () throws(HyperError) in try serial.interrupts() } != nil)
    }

    @Test("Interrupts for nobody, or that end within a cell, are refused by name")
    func badInterrupts() throws {
        let root = Self.machine()
        let serial = try #require(root.node(at: "serial0"))
        let plic = try #require(root.child("plic")?.u32("phandle"))
        func refusal() -> String? { message { () throws(HyperError) in try serial.interrupts() } }
        serial.set("interrupts-extended", cells: [plic, 3, 99, 1])
        #expect(refusal()?.contains("its interrupts-extended names phandle 0x63, which no node has") == true)
        serial.set("interrupts-extended", cells: [plic, 3, plic])
        #expect(refusal()?.contains("its interrupts-extended ends within a specifier") == true)
        serial.set("interrupts-extended", bytes: [0, 0, 0])
        #expect(refusal()?.contains("its interrupts-extended ends within a cell") == true)
        serial.remove("interrupts-extended")
        serial.set("interrupts", bytes: [0, 0, 0, 1, 0])
        #expect(refusal()?.contains("its interrupts ends within a cell") == true)
    }

    @Test("Interrupt parents that refer to each other come to an end")
    func circle() {
        let root = DeviceTreeNode()
        for (index, name) in ["a", "b"].enumerated() {
            let node = root.add(Text(name))
            node.set("phandle", u32: UInt32(index))
            node.set("interrupt-parent", u32: UInt32(1 - index))
            node.set("interrupts", u32: 1)
        }
        #expect(root.child("a")?.interruptParent == nil)
        #expect(
            message { () throws(HyperError) in try root.child("a")?.interrupts() }
                == "/a: its interrupts are for nobody: name a controller in interrupt-parent")
    }

    @Test("A reg that is no whole number of entries, or outside all ranges, is refused by name")
    func badRegisters() throws {
        let root = Self.machine()
        let serial = try #require(root.node(at: "serial0"))
        let refusals: [([UInt32], String)] = [
            ([0x20], "/bus@10000000/inner@100/serial@20: its reg has 4 bytes"),
            ([0xf9, 8], "no entry of the ranges of /bus@10000000/inner@100 has the 0x8 bytes at 0xf9"),
            ([.max, .max], "no entry of the ranges"),
        ]
        for (cells, expected) in refusals {
            serial.set("reg", cells: cells)
            let message = message { () throws(HyperError) in try serial.registers() }
            #expect(message?.contains(expected) == true, "\(message ?? "no error")")
        }
        serial.set("reg", cells: [0x20, 8])
        for (name, value) in [("#address-cells", 4 as UInt32), ("#address-cells", .max), ("#size-cells", 3)] {
            let root = Self.machine()
            let serial = try #require(root.node(at: "serial0"))
            serial.parent?.set(Text(name), u32: value)
            #expect(message { () throws(HyperError) in try serial.registers() } != nil, "\(name) \(value)")
        }
    }

    @Test("A copy is a tree of its own")
    func copies() throws {
        let root = Self.machine()
        let bus = try #require(root.child("bus"))
        let copy = bus.copy(named: "bus@20000000")
        #expect(copy.parent == nil && copy.name == "bus@20000000")
        #expect(copy.all.count == bus.all.count && copy.properties == bus.properties)
        copy.node(at: "/inner/serial")?.set("reg", cells: [1, 2])
        copy.child("timer")?.removeFromParent()
        #expect(root.node(at: "serial0")?.cells("reg") == [0x20, 8, 0x40, 0x10])
        #expect(bus.children.count == 2 && copy.children.count == 1)
        root.add(copy)
        #expect(root.node(at: "/bus@20000000/inner/serial@20")?.path == "/bus@20000000/inner@100/serial@20")
        #expect(root.children.last === copy)
    }

    @Test("A node that outlives its parent is a root, and one that moves has one parent")
    func parents() {
        var root: DeviceTreeNode? = Self.machine()
        let cpus = root?.child("cpus")
        root = nil
        #expect(cpus?.parent == nil && cpus?.path == "/cpus" && cpus?.children.count == 2)
        let other = DeviceTreeNode()
        let cpu = cpus?.child("cpu@0")
        if let cpu { other.add(cpu) }
        #expect(cpus?.children.count == 1 && cpu?.parent === other && cpu?.path == "/cpu@0")
    }
}
