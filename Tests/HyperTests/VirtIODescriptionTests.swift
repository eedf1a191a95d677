import Testing

@testable import Hyper

extension CoreTests {
    @Suite("VirtIO devices in descriptions of guests")
    struct VirtIODescriptionTests {
        private func device(_ set: (DeviceTreeNode) -> Void) throws -> (any EmulatedDevice, Guest) {
            let node = DeviceTreeNode("net0")
            node.set("manifest_type", text: "virtual")
            node.set("address_type", text: "memory")
            node.set("device_type", text: "virtio")
            node.set("compatible", text: "virtio,mmio")
            node.set("guest_physical_addr", cells: [0x1000_1000])
            node.set("physical_size", cells: [0x1000])
            node.set("interrupts", cells: [3])
            set(node)
            let guest = try Guest(name: "guest0", identifier: 5)
            let context = Emulator.Context(guest: guest, region: try GuestRegion(node))
            return (try VirtIOMMIOEmulator.emulator.make(context), guest)
        }

        @Test("A card is on the network that its node names, with an address of its own or the node's")
        func network() throws {
            _ = try TwinMemory()
            let network = VirtualSwitch(name: "br0")
            try VirtualSwitches.add(network)
            #expect(throws: HyperError.self) { try VirtualSwitches.add(VirtualSwitch(name: "br0")) }
            let (card, guest) = try device {
                $0.set("virtio_type", u32: 1)
                $0.set("switch", text: "br0")
            }
            #expect(card.read(0x008, width: 4) == 1)
            #expect(card.read(0x100, width: 1) & 3 == 2, "locally administered, and one station's (IEEE 802)")
            #expect(network.ports.map(\.name) == ["guest0/net0"])
            #expect(throws: HyperError.self) { try VirtualSwitches.remove(network) }
            let (named, _) = try device {
                $0.set("virtio_type", u32: 1)
                $0.set("switch", text: "br0")
                $0.set("local-mac-address", bytes: [2, 1, 2, 3, 4, 5])
            }
            #expect((0..<6).map { named.read(0x100 + $0, width: 1) } == [2, 1, 2, 3, 4, 5])
            card.remove()
            named.remove()
            #expect(network.ports.isEmpty)
            try VirtualSwitches.remove(network)
            withExtendedLifetime(guest) {}
        }

        @Test("What a node lacks, or names wrongly, is said")
        func wrong() throws {
            _ = try TwinMemory()
            for set: (DeviceTreeNode) -> Void in [
                { _ in }, { $0.set("virtio_type", u32: 77) }, { $0.set("virtio_type", u32: 1) },
                { $0.set("virtio_type", u32: 2) },
                {
                    $0.set("virtio_type", u32: 1)
                    $0.set("switch", text: "nowhere")
                },
                {
                    $0.set("virtio_type", u32: 2)
                    $0.set("blkdev", text: "nowhere")
                },
            ] { #expect(throws: HyperError.self) { try device(set) } }
        }

        @Test("A disk, a console and entropy are made from nodes, and the console is the guest's")
        func others() throws {
            _ = try TwinMemory()
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
            let disk = MemoryDisk(identifier: "disk0", memory: bytes)
            defer { bytes.deallocate() }
            try VirtualDisks.add(disk)
            defer { VirtualDisks.remove(disk) }
            let (block, _) = try device {
                $0.set("virtio_type", u32: 2)
                $0.set("blkdev", text: "disk0")
            }
            #expect(block.read(0x100, width: 8) == 2)
            let (console, guest) = try device { $0.set("virtio_type", u32: 3) }
            #expect(console.read(0x008, width: 4) == 3)
            #expect(guest.serials.map(\.name) == ["guest0/net0"])
            #expect(try device { $0.set("virtio_type", u32: 4) }.0.read(0x008, width: 4) == 4)
        }
    }
}
