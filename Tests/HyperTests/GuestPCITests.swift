import Testing

@testable import Hyper

extension CoreTests {
    /// What is expected is what PCI Local Bus 3.0, chapter 6, and VirtIO 1.2, Virtio Over PCI Bus, say.
    @Suite("A guest's devices on PCI")
    struct GuestPCITests {
        private static let entropy: UInt32 = 4

        @Test("Where no function is, ones are read, and what is written is lost")
        func absence() throws {
            let pci = try TwinPCI([Self.entropy])
            // Another device, another function of the same one, the last, and each width.
            for place in [1 << 15, 1 << 12, 31 << 15 | 7 << 12] as [UInt64] {
                pci.store(TwinPCI.space + place, 4, 0)
                #expect(pci.load(TwinPCI.space + place, 4) == 0xffff_ffff)
                #expect(pci.load(TwinPCI.space + place, 2) == 0xffff)
                #expect(pci.load(TwinPCI.space + place + 1, 1) == 0xff)
                #expect(pci.load(TwinPCI.space + place, 8) == .max)
            }
            #expect(pci.load(TwinPCI.window, 4) == 0xffff_ffff)
        }

        @Test(
            "A function says what device it is (PCI Device Discovery)",
            arguments: [(4, 0x1044), (3, 0x1043), (5, 0x1045)] as [(UInt32, UInt64)])
        func identity(type: UInt32, device: UInt64) throws {
            let pci = try TwinPCI([type])
            defer { pci.bridge.remove() }
            #expect(pci.read(0, 0, 2) == 0x1af4)
            #expect(pci.read(0, 2, 2) == device)
            #expect(pci.read(0, 8, 1) >= 1, "a revision of 1 or higher")
            #expect(pci.read(0, 0x2e, 2) >= 0x40, "not what a transitional device has")
            #expect(pci.read(0, 0x0e, 1) == 0)
            #expect(pci.read(0, 0x3d, 1) == 1)
            pci.write(0, 0, 4, 0)
            #expect(pci.read(0, 0, 2) == 0x1af4)
            pci.write(0, 0x3c, 2, 0x7733)
            #expect(pci.read(0, 0x3c, 2) == 0x0133, "the line is the guest's to keep, and the pin is not")
            #expect(pci.read(0, 0x100, 4) == 0, "there are no extended capabilities")
            #expect(pci.read(0, 0xfff, 8) == 0, "nor anything behind the last byte")
        }

        @Test("Its memory's size is what its register does not keep of ones (6.2.5.1), and nothing has the others")
        func size() throws {
            let pci = try TwinPCI([Self.entropy])
            for bar in 0..<UInt64(6) { pci.write(0, 0x10 + 4 * bar, 4, 0xffff_ffff) }
            #expect(pci.read(0, 0x10, 4) == 0xffff_c000)
            for bar in 1..<UInt64(6) { #expect(pci.read(0, 0x10 + 4 * bar, 4) == 0) }
            pci.write(0, 0x30, 4, 0xffff_ffff)
            #expect(pci.read(0, 0x30, 4) == 0, "there is no ROM")
            pci.write(0, 0x11, 1, 0x3f)
            #expect(pci.read(0, 0x10, 4) == 0xffff_0000, "a byte alone")
        }

        @Test("Its structures are in its memory, each by a capability (Virtio Structure PCI Capabilities)")
        func capabilities() throws {
            let pci = try TwinPCI([Self.entropy])
            #expect(pci.read(0, 6, 2) & 0x10 != 0)
            let places = pci.capabilities(0)
            #expect(Set(places.keys) == [1, 2, 3, 4, 5])
            for (type, place) in places where type != 5 {
                #expect(place % 4 == 0)
                #expect(pci.read(0, place + 2, 1) == (type == 2 ? 20 : 16))
                #expect(pci.read(0, place + 4, 1) == 0)
                let (offset, length) = (pci.read(0, place + 8, 4), pci.read(0, place + 12, 4))
                #expect(offset % 4 == 0 && offset + length <= 0x4000)
                #expect(length >= (type == 1 ? 56 : 1))
            }
            #expect(pci.read(0, try #require(places[5]) + 2, 1) == 20)
        }

        @Test("Its memory is where its register says, as far as the bridge reaches, and nowhere else")
        func placing() throws {
            let pci = try TwinPCI([Self.entropy])
            func answers(_ address: UInt64) -> Bool { pci.load(address + 0x12, 2) == 1 }
            pci.write(0, 0x10, 4, TwinPCI.window)
            #expect(!answers(TwinPCI.window), "it may not answer yet")
            pci.place(0, at: TwinPCI.window + 0x8000)
            #expect(answers(TwinPCI.window + 0x8000))
            #expect(!answers(TwinPCI.window) && !answers(TwinPCI.window + 0xc000))
            // Over memory, over the bridge itself, at the window's edges and beyond all of it.
            pci.memory.store(0x1234 as UInt64, TwinMemory.base)
            for place in [TwinMemory.base, TwinPCI.space, TwinPCI.window - 0x4000, 0xffff_c000, 0] {
                pci.place(0, at: place)
                #expect(!answers(TwinPCI.window) && !answers(TwinPCI.window + 0x8000))
                #expect(pci.read(0, 0, 2) == 0x1af4)
                #expect(pci.memory.load(TwinMemory.base, as: UInt64.self) == 0x1234)
                #expect(pci.load(place, 4) == (place == TwinPCI.space ? 0x1044_1af4 : nil))
            }
            let last = TwinPCI.window + TwinPCI.windowSize - 0x4000
            pci.place(0, at: last)
            #expect(answers(last))
        }

        @Test("Memory that lies in the window in part is nowhere")
        func partly() throws {
            let node = TwinPCI.node([{ $0.set("virtio_type", u32: Self.entropy) }])
            node.set("window_addr", u64: TwinPCI.window + 0x1000)
            let pci = try TwinPCI(node)
            pci.place(0, at: TwinPCI.window)
            #expect(pci.load(TwinPCI.window + 0x1000, 1) == 0xff)
        }

        @Test("Of two functions at one address one answers, and both do when they are apart again")
        func overlapping() throws {
            let pci = try TwinPCI([Self.entropy, 3])
            defer { pci.bridge.remove() }
            pci.place(0, at: TwinPCI.window)
            pci.place(1, at: TwinPCI.window)
            #expect([1, 2].contains(pci.load(TwinPCI.window + 0x12, 2)))
            pci.place(1, at: TwinPCI.window + 0x4000)
            #expect(pci.load(TwinPCI.window + 0x12, 2) == 1, "entropy has a queue")
            #expect(pci.load(TwinPCI.window + 0x4012, 2) == 2, "a console has two")
        }

        @Test("A buffer comes back with an interrupt by the pin, which reading its cause ends (ISR status capability)")
        func transfer() throws {
            let pci = try TwinPCI([Self.entropy])
            pci.place(0, at: TwinPCI.window)
            let driver = TwinPCIDriver(pci, 0)
            #expect(driver.read(0x14, 1) == 0)
            #expect(driver.read(0x10, 2) == 0xffff && driver.read(0x1a, 2) == 0xffff, "there are no messages")
            driver.write(0x10, 2, 0)
            #expect(driver.read(0x10, 2) == 0xffff)
            driver.start()
            #expect(driver.read(0x14, 1) == 15)
            #expect(driver.read(0x1c, 2) == 1 && driver.read(0x18, 2) == 8)
            #expect(driver.read(0x30, 4) == driver.queue + 0x2000)
            driver.offer(32)
            #expect(driver.used == 1)
            #expect(pci.memory.load(driver.queue + 0x4000, count: 32) != [UInt8](repeating: 0, count: 32))
            #expect(pci.lines.high == [5])
            #expect(pci.read(0, 6, 2) & 8 != 0)
            #expect(driver.causes() == 1)
            #expect(driver.causes() == 0)
            #expect(pci.lines.high.isEmpty)
            #expect(pci.read(0, 6, 2) & 8 == 0)
            // What a driver must not do is told as a change of the configuration.
            pci.memory.store(UInt16(0x7777), driver.queue + 0x1002)
            pci.store(driver.notification, 2, 0)
            #expect(driver.read(0x14, 1) == 15 | 64)
            #expect(driver.causes() == 2)
            driver.write(0x14, 1, 0)
            #expect(driver.read(0x14, 1) == 0 && driver.read(0x1c, 2) == 0 && driver.read(0x18, 2) == 64)
        }

        @Test("A pin that is disabled is not held, and what it would be held for is kept (6.2.2, 6.2.3)")
        func disabledPin() throws {
            let pci = try TwinPCI([Self.entropy])
            pci.place(0, at: TwinPCI.window, command: 0x406)
            let driver = TwinPCIDriver(pci, 0)
            driver.start()
            driver.offer(32)
            #expect(driver.used == 1 && pci.lines.high.isEmpty)
            #expect(pci.read(0, 6, 2) & 8 != 0)
            pci.write(0, 4, 2, 6)
            #expect(pci.lines.high == [5])
            pci.write(0, 4, 2, 0x406)
            #expect(pci.lines.high.isEmpty)
            #expect(driver.causes() == 1)
            pci.write(0, 4, 2, 6)
            #expect(pci.lines.high.isEmpty)
        }

        @Test("What is no bus master leaves memory alone until it is one (6.2.2)")
        func busMaster() throws {
            let pci = try TwinPCI([Self.entropy])
            pci.place(0, at: TwinPCI.window, command: 2)
            let driver = TwinPCIDriver(pci, 0)
            driver.start()
            driver.offer(32)
            #expect(driver.used == 0 && pci.lines.high.isEmpty)
            pci.write(0, 4, 2, 6)
            #expect(driver.used == 1 && pci.lines.high == [5])
        }

        @Test("Pins of devices take turns at the lines, and one line is high while any that leads to it is held")
        func sharedLine() throws {
            let pci = try TwinPCI([Self.entropy, Self.entropy, Self.entropy])
            let drivers = (0..<UInt64(3)).map { device in
                pci.place(device, at: TwinPCI.window + 0x4000 * device)
                return TwinPCIDriver(pci, device)
            }
            for driver in drivers {
                driver.start()
                driver.offer(16)
            }
            #expect(pci.lines.high == [5, 6])
            _ = drivers[1].causes()
            #expect(pci.lines.high == [5])
            _ = drivers[0].causes()
            #expect(pci.lines.high == [5])
            _ = drivers[2].causes()
            #expect(pci.lines.high.isEmpty)
        }

        @Test("Its registers are reached through the configuration space, too (PCI configuration access capability)")
        func access() throws {
            let pci = try TwinPCI([Self.entropy])
            let place = try #require(pci.capabilities(0)[5])
            func choose(_ offset: UInt64, _ length: UInt64, bar: UInt64 = 0) {
                pci.write(0, place + 4, 1, bar)
                pci.write(0, place + 8, 4, offset)
                pci.write(0, place + 12, 4, length)
            }
            choose(0x12, 2)
            #expect(pci.read(0, place + 16, 2) == 1, "though it has no place")
            choose(0x14, 1)
            pci.write(0, place + 16, 1, 3)
            #expect(pci.read(0, place + 16, 1) == 3)
            for (offset, length, bar) in [
                (0x14, 3, 0), (0x14, 0, 0), (0x14, 1, 1), (0x4000, 1, 0), (0xffff_fffc, 4, 0), (0x15, 2, 0),
            ] as [(UInt64, UInt64, UInt64)] {
                choose(offset, length, bar: bar)
                pci.write(0, place + 16, 4, 0)
                #expect(pci.read(0, place + 16, 4) == 0)
            }
            choose(0x14, 1)
            #expect(pci.read(0, place + 16, 1) == 3)
        }

        @Test("A reset of the guest brings all of it to where it was")
        func reset() throws {
            let pci = try TwinPCI([Self.entropy])
            pci.place(0, at: TwinPCI.window)
            let driver = TwinPCIDriver(pci, 0)
            driver.start()
            driver.offer(32)
            pci.bridge.reset()
            #expect(pci.lines.high.isEmpty)
            #expect(pci.read(0, 4, 2) == 0 && pci.read(0, 0x10, 4) == 0)
            #expect(pci.load(TwinPCI.window + 0x14, 1) == 0xff)
            pci.place(0, at: TwinPCI.window)
            #expect(driver.read(0x14, 1) == 0)
        }

        @Test(
            "A hundred thousand random accesses reach nothing but the guest's memory, and a driver finds its device after them"
        )
        func random() throws {
            let pci = try TwinPCI([Self.entropy, 3, Self.entropy])
            defer { pci.bridge.remove() }
            var generator = SeededGenerator(seed: 7)
            for round in 0..<100_000 {
                if round % 64 == 0 {
                    for device in 0..<UInt64(3) { pci.place(device, at: TwinPCI.window + 0x4000 * device) }
                }
                let width = 1 << Int.random(in: 0..<4, using: &generator)
                let address: UInt64 =
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: TwinPCI.space + UInt64.random(in: 0..<0x10_0000, using: &generator)
                    case 1:
                        TwinPCI.space + UInt64.random(in: 0..<3, using: &generator) << 15
                            + UInt64.random(in: 0..<0x100, using: &generator)
                    case 2: TwinPCI.window + UInt64.random(in: 0..<0xc000, using: &generator)
                    default:
                        TwinPCI.window + UInt64.random(in: 0..<3, using: &generator) << 14
                            + UInt64.random(in: 0..<0x40, using: &generator)
                    }
                if Bool.random(using: &generator) {
                    let value: UInt64 =
                        Bool.random(using: &generator)
                        ? generator.next() : TwinMemory.base + UInt64.random(in: 0..<0x1000, using: &generator)
                    pci.store(address, width, value)
                } else if let value = pci.load(address, width) {
                    #expect(width == 8 || value >> UInt64(8 * width) == 0)
                }
                if round % 256 == 0 { Port.run() }
            }
            #expect(pci.memory.isGuardIntact)
            pci.place(0, at: TwinPCI.window)
            pci.place(1, at: TwinPCI.window + 0x4000)
            pci.place(2, at: TwinPCI.window + 0x8000)
            let driver = TwinPCIDriver(pci, 0)
            pci.memory.store([UInt8](repeating: 0, count: 0x3000), driver.queue)
            driver.start()
            driver.offer(32)
            #expect(driver.used == 1)
        }

        @Test("The guest's tree says where functions are and whom they interrupt (host-generic-pci, interrupt-map)")
        func tree() throws {
            let pci = try TwinPCI([Self.entropy, Self.entropy, Self.entropy])
            let node = DeviceTreeNode("pci@30000000")
            node.set("interrupts", cells: [5, 6])
            try #require(pci.guest.described.first { $0.start == TwinPCI.space }).describe(node)
            #expect(node.text("device_type") == "pci")
            #expect(!node.has("interrupts"))
            #expect(
                node.u32("#address-cells") == 3 && node.u32("#size-cells") == 2 && node.u32("#interrupt-cells") == 1)
            #expect(node.cells("bus-range") == [0, 0])
            #expect(node.cells("ranges") == [0x0200_0000, 0, 0x4000_0000, 0, 0x4000_0000, 0, 0x10_0000])
            #expect(node.cells("interrupt-map-mask") == [0xf800, 0, 0, 7])
            var map: [UInt32] = []
            for (device, line) in [(0, 5), (1, 6), (2, 5)] as [(UInt32, UInt32)] {
                map += [device << 11, 0, 0, 1, GuestTree.interruptControllerHandle] + Port.interruptSpecifier(line)
            }
            #expect(node.cells("interrupt-map") == map)
        }

        @Test("What is wrong with a bridge's node is said, and nothing of its functions is left")
        func wrong() throws {
            _ = try TwinMemory()
            let network = VirtualSwitch(name: "br1")
            try VirtualSwitches.add(network)
            let card: (DeviceTreeNode) -> Void = {
                $0.set("virtio_type", u32: 1)
                $0.set("switch", text: "br1")
            }
            let changes: [(DeviceTreeNode) -> Void] = [
                { $0.set("physical_size", u64: 0x1000) },
                { $0.set("physical_size", u64: 0x1010_0000) },
                { $0.remove("window_addr") },
                { $0.set("window_size", u64: 0) },
                { $0.set("window_addr", u64: 0xffff_f000) },
                { $0.set("window_addr", u64: .max) },
                { $0.set("window_addr", u64: TwinMemory.base) },
                { $0.remove("interrupts") },
                { $0.children[1].set("device", u32: 0) },
                { $0.children[1].set("device", u32: 32) },
                { $0.children[1].set("device", u64: .max) },
                { $0.children[1].set("compatible", text: "virtio,mmio") },
                { $0.children[1].set("virtio_type", u32: 77) },
            ]
            for change in changes {
                let node = TwinPCI.node([card, card])
                change(node)
                #expect(throws: HyperError.self) { try TwinPCI(node) }
                #expect(network.ports.isEmpty)
            }
            let pci = try TwinPCI(TwinPCI.node([card, card]))
            #expect(network.ports.map(\.name) == ["guest0/function0", "guest0/function1"])
            let addresses = (0..<UInt64(2)).map { device in
                pci.place(device, at: TwinPCI.window + 0x4000 * device)
                // The last bytes of six: those of before are a maker's.
                return pci.load(pci.structure(device, 4) + 2, 4)
            }
            #expect(addresses[0] != addresses[1], "each has an address of its own")
            pci.bridge.remove()
            #expect(network.ports.isEmpty)
            try VirtualSwitches.remove(network)
        }
    }
}
