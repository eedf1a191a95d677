import Testing

@testable import Hyper

extension CoreTests {
    /// The host bridge's driver. What must be is what the PCI Local Bus Specification 3.0, PCI Express Base and the PCI-to-PCI
    /// Bridge Architecture 1.2 say, and for VirtIO's functions VirtIO 1.2.
    @Suite("PCI Express")
    final class PCITests {
        private static let space: UInt64 = 0x40_1000_0000, window: UInt64 = 0x1000_0000,
            windowSize: UInt64 = 0x1000_0000
        private let memory = GuestBuilderTests.machine()
        private let messages = TwinMessages(8)
        private let registers = TwinWindow()
        private var devices: [any HostDevice] = []
        /// Nodes do not keep what is above them.
        private let tree = DeviceTreeNode()

        deinit {
            Port.devices = []
            HostMessages.remove(messages)
        }

        /// The tree of a machine with a host bridge: pin P (from 1) of device D on its bus is interrupt 100 + 8 D + P.
        private func bridge(
            _ root: TwinBus, buses: ClosedRange<UInt32> = 0...255, windowSize: UInt64 = windowSize
        ) -> (node: DeviceTreeNode, space: TwinConfigurationSpace) {
            let space = TwinConfigurationSpace(root, firstBus: UInt64(buses.lowerBound))
            let size = UInt64(buses.count) << 20
            Port.devices = [
                (Self.space..<Self.space + size, space), (Self.window..<Self.window + Self.windowSize, registers),
            ]
            tree.set("#address-cells", u32: 2)
            tree.set("#size-cells", u32: 2)
            let controller = tree.add("intc")
            controller.set("phandle", u32: 1)
            controller.set("#interrupt-cells", u32: 1)
            let translator = tree.add("its")
            translator.set("phandle", u32: 2)
            let node = tree.add("pcie@10000000")
            node.set("compatible", text: "pci-host-ecam-generic")
            node.set("#address-cells", u32: 3)
            node.set("#size-cells", u32: 2)
            node.set("reg", cells: [UInt32(Self.space >> 32), UInt32(truncatingIfNeeded: Self.space), 0, UInt32(size)])
            node.set("bus-range", cells: [buses.lowerBound, buses.upperBound])
            node.set("ranges", cells: [2 << 24, 0, UInt32(Self.window), 0, UInt32(Self.window), 0, UInt32(windowSize)])
            var map: [UInt32] = []
            for device in UInt32(0)..<32 {
                for pin in UInt32(1)...4 { map += [device << 11, 0, 0, pin, 1, 100 + 8 * device + pin] }
            }
            node.set("interrupt-map", cells: map)
            node.set("interrupt-map-mask", cells: [0xf800, 0, 0, 7])
            node.set("msi-map", cells: [0, 2, 0x1000, 0x1_0000])
            return (node, space)
        }

        private func probe(_ node: DeviceTreeNode) throws(HyperError) {
            if let device = try PCIHostDriver.driver.probe(node) { devices.append(device) }
        }

        /// A disk whose structures lie in its fifth register's 16 KiB, as QEMU's have it.
        private func disk(messages: UInt64 = 4) -> TwinFunction {
            let function = TwinFunction()
            function.addBAR(4, size: 0x4000, isWide: true)
            function.addStructure(1, at: 0x40, bar: 4, offset: 0, length: 0x38)
            function.addStructure(3, at: 0x58, bar: 4, offset: 0x1000, length: 1)
            function.addStructure(4, at: 0x70, bar: 4, offset: 0x2000, length: 0x60)
            function.addStructure(2, at: 0x88, bar: 4, offset: 0x3000, length: 0x400, multiplier: 4)
            if messages > 0 {
                // The table is in the second register's memory.
                function.addBAR(1, size: 0x1000)
                function.addCapability(
                    0x11, at: 0xa0, [UInt8(messages - 1), 0] + [1, 0, 0, 0] + [1, 0x08, 0, 0])
            }
            return function
        }

        // MARK: Addresses

        @Test("Each range that a function wants is at a multiple of its size, and no two overlap")
        func ranges() throws {
            let function = TwinFunction()
            function.addBAR(0, size: 0x100)
            function.addBAR(1, size: 0x10_0000)
            function.addBAR(2, size: 0x4000, isWide: true)
            // Ports: bit 0.
            function.addBAR(4, writable: 0xffff_ffe0, fixed: 1)
            let (node, _) = bridge(TwinBus([3: function]))
            try probe(node)
            let places = [(function.bar(0), 0x1000), (function.bar(1), 0x10_0000), (function.bar(2) & ~0xf, 0x4000)]
            for (place, size) in places {
                #expect(place != 0 && place % UInt64(size) == 0)
                #expect(place >= Self.window && place + UInt64(size) <= Self.window + Self.windowSize)
            }
            for (index, one) in places.enumerated() {
                for other in places[..<index] {
                    #expect(one.0 + UInt64(one.1) <= other.0 || other.0 + UInt64(other.1) <= one.0)
                }
            }
            #expect(function.bar(3) == 0, "the upper half of an address below 4 GiB")
            #expect(function.bar(4) == 1, "ports are given none")
            let child = try #require(node.child("virtio@3,0"))
            #expect(
                PCIHostDriver.windows(child) == [
                    .init(bar: 0, address: function.bar(0), size: 0x100),
                    .init(bar: 1, address: function.bar(1), size: 0x10_0000),
                    .init(bar: 2, address: function.bar(2) & ~0xf, size: 0x4000),
                ])
            // PCI Bus Binding to IEEE 1275: memory of 32 bits, and the register's offset.
            #expect(child.cells("assigned-addresses")?[0] == 0x0200_0010)
            #expect(function.number(4, 2) == 0, "it answers only once a driver has it")
        }

        @Test("What is no power of two, has no size, or does not fit, is given no place")
        func impossibleRanges() throws {
            let function = TwinFunction()
            function.addBAR(0, writable: 0x00ff_a000, fixed: 0)
            // 64 bits, of which none can be written: nothing, or all of it.
            function.addBAR(1, writable: 0, fixed: 4)
            function.addBAR(3, size: 0x2000_0000)
            // The last one says that it goes on in a register that is not there.
            function.addBAR(5, writable: 0xffff_f000, fixed: 4)
            let (node, _) = bridge(TwinBus([0: function]))
            try probe(node)
            let child = try #require(node.child("virtio@0,0"))
            #expect(PCIHostDriver.windows(child).allSatisfy { $0.bar == 5 && $0.size == 0x1000 })
            for index in [0, 3] { #expect(function.bar(index) == 0) }
            #expect(!function.writes.contains { $0.offset >= 0x28 }, "what is behind the registers is none of them")
        }

        @Test("When the window is full, who comes too late has no place, and the others keep theirs")
        func fullWindow() throws {
            let functions = (0..<3).map { _ in TwinFunction() }
            for function in functions { function.addBAR(0, size: 0x4000) }
            let (node, _) = bridge(TwinBus([0: functions[0], 1: functions[1], 2: functions[2]]), windowSize: 0x8000)
            try probe(node)
            #expect(functions.map { $0.bar(0) } == [Self.window, Self.window + 0x4000, 0])
        }

        @Test("A device of several functions is asked for each, and one of one for none besides")
        func functions() throws {
            let bus = TwinBus([1: TwinFunction(), 2: TwinFunction()])
            bus.functions[1 << 3]?.bytes[0x0e] = 0x80
            bus.functions[1 << 3 | 5] = TwinFunction()
            bus.functions[2 << 3 | 5] = TwinFunction()
            let (node, _) = bridge(bus)
            try probe(node)
            #expect(node.children.map(\.name) == ["virtio@1,0", "virtio@1,5", "virtio@2,0"])
        }

        // MARK: Bridges

        @Test("Buses behind bridges are numbered as they are found, and each bridge lets through what is behind it")
        func bridges() throws {
            let (far, near) = (TwinFunction(pin: 1), TwinFunction(pin: 2))
            far.addBAR(0, size: 0x20_0000)
            near.addBAR(0, size: 0x1000)
            let inner = TwinFunction.bridge(TwinBus([3: far]))
            let outer = TwinFunction.bridge(TwinBus([0: inner]))
            let other = TwinFunction.bridge(TwinBus([2: near]))
            let empty = TwinFunction.bridge(TwinBus())
            let (node, _) = bridge(TwinBus([1: outer, 2: other, 4: empty]))
            try probe(node)
            // Primary, secondary and subordinate bus (3.2.5.2 to 3.2.5.4).
            #expect([0x18, 0x19, 0x1a].map { outer.number($0, 1) } == [0, 1, 2])
            #expect([0x18, 0x19, 0x1a].map { inner.number($0, 1) } == [1, 2, 2])
            #expect([0x18, 0x19, 0x1a].map { other.number($0, 1) } == [0, 3, 3])
            #expect([0x18, 0x19, 0x1a].map { empty.number($0, 1) } == [0, 4, 4])
            // Memory Base and Memory Limit have bits 31 to 20 (3.2.5.8).
            func lets(_ bridge: TwinFunction, _ function: TwinFunction, _ size: UInt64) -> Bool {
                let (base, limit) = (bridge.number(0x20, 2) << 16, bridge.number(0x22, 2) << 16 | 0xf_ffff)
                return base <= function.bar(0) && function.bar(0) + size - 1 <= limit
            }
            #expect(lets(outer, far, 0x20_0000) && lets(inner, far, 0x20_0000) && lets(other, near, 0x1000))
            #expect(!lets(other, far, 0x20_0000) && !lets(outer, near, 0x1000))
            #expect(empty.number(0x20, 2) > empty.number(0x22, 2), "nothing is behind it (a base above the limit)")
            for bridge in [outer, inner, other, empty] {
                #expect(bridge.number(4, 2) & 6 == 6, "memory and messages go through (Command)")
                #expect(bridge.number(0x24, 2) > bridge.number(0x26, 2), "there is no prefetchable memory")
                #expect(bridge.number(0x1c, 1) > bridge.number(0x1d, 1), "there are no ports")
            }
            // Pins change their places by the device's number on each bus but the first (9.1): INTA of device 3 behind device 0
            // behind device 1 is INTD; INTB of device 2 behind device 2 is INTD.
            let farNode = try #require(tree.node(at: "/pcie@10000000/pci@1,0/pci@0,0/virtio@3,0"))
            let nearNode = try #require(tree.node(at: "/pcie@10000000/pci@2,0/virtio@2,0"))
            #expect(try farNode.interrupts().map(\.number) == [100 + 8 * 1 + 4])
            #expect(try nearNode.interrupts().map(\.number) == [100 + 8 * 2 + 4])
            // Messages carry bus, device and function.
            #expect(farNode.cells("msi-parent") == [2, 0x1000 + 2 << 8 + 3 << 3])
            #expect(nearNode.cells("msi-parent") == [2, 0x1000 + 3 << 8 + 2 << 3])
        }

        @Test("Functions behind a bridge to a bus of PCI's interrupt by their pins", arguments: [nil, 7] as [UInt64?])
        func conventionalBus(portType: UInt64?) throws {
            let function = TwinFunction()
            let behind = TwinFunction.bridge(TwinBus([1: function]), portType: portType)
            let (node, _) = bridge(TwinBus([1: TwinFunction.bridge(TwinBus([0: behind]))]))
            try probe(node)
            let child = try #require(tree.node(at: "/pcie@10000000/pci@1,0/pci@0,0/virtio@1,0"))
            #expect(!child.has("msi-parent"), "the number that its messages carry is the bridge's")
            #expect(try child.interrupts().count == 1)
        }

        @Test("Bus numbers begin with the bridge's first, and end with its last")
        func busRange() throws {
            let bridges = (0..<3).map { _ in TwinFunction.bridge(TwinBus([0: TwinFunction()])) }
            let (node, _) = bridge(TwinBus([0: bridges[0], 1: bridges[1], 2: bridges[2]]), buses: 0x20...0x22)
            try probe(node)
            #expect(bridges.map { $0.number(0x19, 1) } == [0x21, 0x22, 0])
            #expect(bridges[2].number(4, 2) == 0, "behind one that has no number nobody answers")
            #expect(tree.node(at: "/pcie@10000000/pci@2,0/virtio@0,0") == nil)
        }

        @Test("Bridges behind bridges without an end have one")
        func endlessBridges() throws {
            func endless() -> TwinBus {
                let bus = TwinBus()
                bus.everywhere = { $0 == 0 ? TwinFunction.bridge(endless()) : nil }
                return bus
            }
            let (node, space) = bridge(endless())
            try probe(node)
            var depth = 0
            var deepest = node
            while let next = deepest.child("pci@0,0") { (deepest, depth) = (next, depth + 1) }
            #expect(depth == 8)
            #expect(space.reads < 10_000)
        }

        // MARK: Capabilities

        @Test("A list of capabilities that leads in a circle, or into the header, has an end")
        func circularCapabilities() throws {
            let function = TwinFunction()
            function.addCapability(0x09, at: 0x40, [])
            function.addCapability(0x09, at: 0x50, [])
            function.bytes[0x41] = 0x50
            let (_, _) = bridge(TwinBus([0: function]))
            #expect(PCIFunction(base: Self.space).capabilities(0x09) == [0x50, 0x40], "each is there once")
            function.bytes[0x41] = 0x04
            #expect(PCIFunction(base: Self.space).capabilities(0x09) == [0x50, 0x40])
            // The two lowest bits are reserved (6.7).
            function.bytes[0x34] = 0x53
            #expect(PCIFunction(base: Self.space).capabilities(0x09) == [0x50, 0x40])
            function.bytes[0x06] = 0
            #expect(PCIFunction(base: Self.space).capabilities(0x09).isEmpty, "Status says that there is no list")
        }

        @Test(
            "A structure of VirtIO that is not in the function's memory is not used",
            arguments: [
                (4, 0x3fd0, 0x38), (4, 0xffff_f000, 0x38), (4, 0, 0x30), (3, 0, 0x38), (6, 0, 0x38), (5, 0, 0x38),
            ])
        func structureOutside(bar: Int, offset: Int, length: Int) throws {
            let function = TwinFunction()
            function.addBAR(4, size: 0x4000, isWide: true)
            function.addStructure(1, at: 0x40, bar: UInt8(bar), offset: UInt32(offset), length: UInt32(length))
            function.addStructure(3, at: 0x58, bar: 4, offset: 0x1000, length: 1)
            function.addStructure(2, at: 0x88, bar: 4, offset: 0x3000, length: 0x400, multiplier: 4)
            let (node, _) = bridge(TwinBus([1: function]))
            try probe(node)
            let child = try #require(node.child("virtio@1,0"))
            let error = #expect(throws: HyperError.self) { try VirtIOPCIRegisters(child) }
            #expect(
                error?.message == "/pcie@10000000/virtio@1,0: the function has not all that VirtIO 1.0 has in memory")
            #expect(registers.values.isEmpty)
        }

        @Test("A queue that is notified behind the end of the structure for that is not used")
        func notificationOutside() throws {
            let function = disk(messages: 0)
            let (node, _) = bridge(TwinBus([1: function]))
            try probe(node)
            let child = try #require(node.child("virtio@1,0"))
            let device = try VirtIOPCIRegisters(child)
            let common = function.bar(4) & ~0xf
            let queue = try DriverVirtqueue(index: 0, size: 4, isLegacy: false)
            // queue_notify_off, in units of four bytes (Notification structure layout).
            registers.values[common - Self.window + 0x1e] = 0xff
            #expect(device.use(queue))
            registers.values[common - Self.window + 0x1e] = 0x100
            #expect(!device.use(queue))
        }

        @Test("What a device's configuration does not have reads as 0, and nothing is accessed for it")
        func shortConfiguration() throws {
            let function = disk(messages: 0)
            let (node, _) = bridge(TwinBus([1: function]))
            try probe(node)
            let device = try VirtIOPCIRegisters(#require(node.child("virtio@1,0")))
            let transport = VirtIODriverTransport("disk", device)
            let start = (function.bar(4) & ~0xf) + 0x2000 - Self.window
            registers.values[start + 0x58] = 7
            registers.values[start + 0x60] = 7
            #expect(transport.configuration(0x58, width: 4) == 7)
            #expect(transport.configuration(0x60, width: 4) == 0)
            transport.writeConfiguration(0x60, width: 4, 9)
            #expect(registers.values[start + 0x60] == 7)
        }

        // MARK: Messages

        /// The device behind the first function of a bridge whose messages somebody takes.
        private func device(_ function: TwinFunction) throws -> VirtIOPCIRegisters {
            let (node, _) = bridge(TwinBus([1: function]))
            try probe(node)
            HostMessages.add(messages, try #require(node.root.child("its")))
            return try VirtIOPCIRegisters(#require(node.child("virtio@1,0")))
        }

        @Test(
            "A function interrupts by messages where somebody takes them, one for its queues and one for its configuration"
        )
        func messageTable() throws {
            let function = disk()
            let device = try device(function)
            #expect(device.interrupts.map(\.number) == [200, 201])
            #expect(device.interrupts.map(\.causes) == [.configuration, .used])
            #expect(messages.devices == [0x1000 + 1 << 3])
            // MSI-X Table Entries (6.8.2.6): address, its upper half, data, and Vector Control, of which bit 0 masks.
            let table = function.bar(1) - Self.window
            for (index, data) in [70, 71].enumerated() {
                let entry = table + UInt64(16 * index)
                #expect((0..<4).map { registers.values[entry + 4 * $0] } == [0x40, 0x12, UInt64(data), 0])
            }
            // Message Control (6.8.2.3): MSI-X Enable, and no Function Mask; masked until the table was written.
            #expect(function.number(0xa2, 2) >> 14 == 2)
            #expect(function.writes.filter { $0.offset == 0xa2 }.map(\.value) == [0xc000, 0x8000])
            #expect(function.number(4, 2) & 6 == 6)
            // config_msix_vector and queue_msix_vector (Common configuration structure layout).
            let common = (function.bar(4) & ~0xf) - Self.window
            #expect(try device.use(DriverVirtqueue(index: 0, size: 4, isLegacy: false)))
            #expect(registers.values[common + 0x10] == 0 && registers.values[common + 0x1a] == 1)
        }

        @Test("Messages are given back with the device")
        func messagesEnd() throws {
            let function = disk()
            var device: VirtIOPCIRegisters? = try device(function)
            #expect(device != nil && messages.left == 6)
            device = nil
            #expect(messages.left == 8)
            #expect(function.number(0xa2, 2) >> 15 == 0, "it sends no more")
        }

        @Test(
            "A function whose table of messages is too short, or not in its memory, interrupts by its pin",
            arguments: 0..<4)
        func noTable(fault: Int) throws {
            let function = disk(messages: fault == 0 ? 1 : 4)
            switch fault {
            // Table Offset and Table BIR (6.8.2.4): at the end of the memory, far behind it, in a register without memory.
            case 1: function.set(0xa4, 4, 0xff0 | 1)
            case 2: function.set(0xa4, 4, 0xffff_fff8 | 1)
            case 3: function.set(0xa4, 4, 2)
            default: break
            }
            let device = try device(function)
            #expect(device.interrupts.map(\.number) == [100 + 8 * 1 + 1])
            #expect(device.interrupts.map(\.causes) == [nil])
            #expect(function.number(0xa2, 2) >> 15 == 0 && messages.left == 8)
        }

        @Test("Where no messages are left, pins have to do")
        func noMessages() throws {
            messages.left = 1
            #expect(try device(disk()).interrupts.map(\.number) == [109])
        }
    }
}
