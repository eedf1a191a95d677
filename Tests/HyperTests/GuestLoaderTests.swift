import Testing

@testable import Hyper

extension CoreTests {
    /// Images in guests' memory, and the tree that a guest is given (Devicetree Specification 0.4, and Linux's bindings of
    /// `chosen` and of simple frame buffers).
    @Suite("Kernels and trees of guests")
    final class GuestLoaderTests {
        private let memory = GuestBuilderTests.machine()
        private let files = MemoryFiles()
        /// Where the fake port has a kernel, its tree and its initial files.
        private let kernel: UInt64 = 0x8000_0000, tree: UInt64 = 0x8020_0000, initrd: UInt64 = 0x8040_0000

        init() throws {
            files.files = [
                ("kernel", (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }), ("initrd", Array("files".utf8)),
                ("empty", []),
            ]
            try VirtualFileSystem.mount(files, kind: "memory", at: "/")
        }

        deinit {
            for guest in Guests.all { GuestBuilderTests.destroy(guest) }
            try? VirtualFileSystem.unmount("/")
        }

        private func guest(vcpus: Int = 1, _ change: (DeviceTreeNode) -> Void = { _ in }) throws -> Guest {
            try Guests.make(
                GuestBuilderTests.description {
                    $0.node(at: "/aspace/ram")!.set("physical_size", u64: 8 << 20)
                    change($0)
                }, name: "g", vcpus: vcpus)
        }

        private func bytes(_ guest: Guest, _ address: UInt64, _ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let isRead = bytes.withUnsafeMutableBytes { guest.space.read(address, into: $0) }
            #expect(isRead)
            return bytes
        }

        private func file(_ name: Text) -> [UInt8] { files.files.first { $0.name == name }?.bytes ?? [] }

        /// The tree that the guest has in its memory.
        private func given(_ guest: Guest) throws -> DeviceTreeNode {
            let header = bytes(guest, guest.argument, 8)
            let size = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
            return try DeviceTreeNode(blob: bytes(guest, guest.argument, size))
        }

        private func expectRefusal(_ reason: String, _ body: () throws -> Void) {
            let error = #expect(throws: HyperError.self) { try body() }
            #expect(error?.message.string.contains(reason) ?? false, "\(error?.message.string ?? "")")
        }

        private func inThread(_ body: @escaping () -> Void) {
            let thread = spawn("test", body)
            Port.run()
            #expect(thread.pointee.state == .finished)
            Scheduler.destroy(thread)
        }

        // MARK: Images

        @Test("A file is put where it is wanted, into what the guest may not write, too")
        func load() throws {
            let guest = try guest()
            #expect(try GuestLoader.load("/kernel", into: guest, at: 0x8000_0003) == 10_000)
            #expect(bytes(guest, 0x8000_0003, 10_000) == file("kernel"))
            #expect(bytes(guest, 0x8000_0000, 3) == [0, 0, 0])
            #expect(try GuestLoader.load("/initrd", into: guest, at: 0x2000_0000) == 5, "a ROM")
            #expect(bytes(guest, 0x2000_0000, 5) == file("initrd"))
            #expect(try GuestLoader.load("/empty", into: guest, at: 0x4000_0000) == 0, "nothing needs no memory")
            for address in [0x4000_0000, 0x2000_0000, 0x807f_f000, 0x1000_0000, .max] as [UInt64] {
                expectRefusal("/kernel has 10000 bytes, and guest g has no such memory") {
                    try GuestLoader.load("/kernel", into: guest, at: address)
                }
            }
            expectRefusal("/none: there is no such file") { try GuestLoader.load("/none", into: guest, at: kernel) }
        }

        @Test("A reset brings back what was loaded, and halts a guest whose files are gone")
        func reset() throws {
            let guest = try guest()
            try GuestLoader.load("/initrd", into: guest, at: 0x8000_1000)
            try GuestLoader.load("/kernel", into: guest, at: 0x8000_1000)
            let other: [UInt8] = [1, 2, 3]
            #expect(other.withUnsafeBytes { guest.space.write(0x8000_1000, from: $0) })
            inThread { guest.reset() }
            #expect(bytes(guest, 0x8000_1000, 10_000) == file("kernel"), "the last of two at one address")
            #expect(guest.state == .ready && guest.haltReason == nil)
            files.files = []
            inThread { guest.reset() }
            #expect(guest.state == .halted)
            #expect(guest.haltReason == "it cannot be loaded again: /kernel: there is no such file")
            expectRefusal("guest g is halted: reset it") { try guest.kick() }
        }

        // MARK: Kernels

        @Test("A kernel, its initial files and its tree are loaded, and the first VCPU begins there")
        func loadKernel() throws {
            let guest = try guest()
            try GuestLoader.loadKernel("/kernel", initrd: "/initrd", append: "console=ttyS0 quiet", into: guest)
            #expect(guest.entry == kernel && guest.argument == tree)
            #expect(bytes(guest, kernel, 10_000) == file("kernel"))
            #expect(bytes(guest, initrd, 5) == file("initrd"))
            let chosen = try #require(try given(guest).child("chosen"))
            #expect(chosen.text("bootargs") == "console=ttyS0 quiet")
            #expect(chosen.number("linux,initrd-start") == initrd && chosen.number("linux,initrd-end") == initrd + 5)

            // Another one, without initial files: those of the first are not brought back over it.
            try GuestLoader.loadKernel("/kernel", initrd: nil, append: "", into: guest)
            let plain = try #require(try given(guest).child("chosen"))
            #expect(!plain.has("bootargs") && !plain.has("linux,initrd-start"))
            let zeros = [UInt8](repeating: 0, count: 5)
            #expect(zeros.withUnsafeBytes { guest.space.write(initrd, from: $0) })
            inThread { guest.reset() }
            #expect(bytes(guest, initrd, 5) == zeros && bytes(guest, kernel, 10_000) == file("kernel"))
        }

        @Test("What would be loaded over something else is refused, and so is a guest without memory")
        func room() throws {
            let guest = try guest()
            files.files[0].bytes = [UInt8](repeating: 1, count: 2 << 20)
            try GuestLoader.loadKernel("/kernel", initrd: "/initrd", append: "", into: guest)
            files.files[0].bytes.append(1)
            expectRefusal("/kernel has 2097153 bytes, and there is room for 2097152 of them at 0x80000000") {
                try GuestLoader.loadKernel("/kernel", initrd: nil, append: "", into: guest)
            }
            files.files[0].bytes = [1]
            files.files[1].bytes = [UInt8](repeating: 2, count: 4 << 20)
            try GuestLoader.loadKernel("/kernel", initrd: "/initrd", append: "", into: guest)
            files.files[1].bytes.append(2)
            expectRefusal("/initrd has 4194305 bytes, and guest g has no such memory") {
                try GuestLoader.loadKernel("/kernel", initrd: "/initrd", append: "", into: guest)
            }
            expectRefusal("/none: there is no such file") {
                try GuestLoader.loadKernel("/kernel", initrd: "/none", append: "", into: guest)
            }
            GuestBuilderTests.destroy(guest)
            let none = try self.guest { $0.node(at: "/aspace/ram")!.set("device_type", text: "alloced_rom") }
            expectRefusal("guest g has no memory") {
                try GuestLoader.loadKernel("/kernel", initrd: nil, append: "", into: none)
            }
        }

        // MARK: Trees

        @Test("A guest's tree has its memory and its devices, as their bindings want them")
        func devices() throws {
            let guest = try guest {
                let far = $0.node(at: "/aspace")!.add("far")
                far.set("manifest_type", text: "real")
                far.set("address_type", text: "memory")
                far.set("device_type", text: "alloced_ram")
                far.set("guest_physical_addr", u64: 0x12_0000_0000)
                far.set("physical_size", u64: 0x4000)
            }
            let root = try GuestTree.make(for: guest, append: "", initrd: nil)
            #expect(root.children.map(\.name) == ["chosen", "memory@80000000", "memory@1200000000", "soc"])
            #expect(root.text("model") == "Hyper guest g")
            #expect(
                try root.children.filter { $0.text("device_type") == "memory" }.flatMap { try $0.registers() } == [
                    MemoryRange(base: 0x8000_0000, size: 8 << 20), MemoryRange(base: 0x12_0000_0000, size: 0x4000),
                ])
            let soc = try #require(root.child("soc"))
            #expect(soc.compatible == ["simple-bus"] && soc.bytes("ranges") == [], "addresses are the guest's own")
            #expect(soc.children.map(\.name) == ["plic@c000000", "uart0@10000000"])
            let plic = try #require(soc.child("plic"))
            plic.set("#interrupt-cells", u32: 1)
            let serial = try #require(soc.child("uart0"))
            #expect(serial.compatible == ["ns16550a"] && plic.compatible == ["sifive,plic-1.0.0"])
            #expect(try serial.registers() == [MemoryRange(base: 0x1000_0000, size: 0x1000)])
            let interrupts = try serial.interrupts()
            #expect(interrupts.map(\.specifier) == [[10]] && interrupts[0].controller === plic)
            #expect(serial.u32("clock-frequency") == 3_686_400)
            #expect(root.child("chosen")?.text("stdout-path") == "/soc/uart0@10000000")
        }

        @Test("Memory that is a screen is a frame buffer, and neither memory to use nor to load into")
        func screen() throws {
            let guest = try guest {
                let screen = $0.node(at: "/aspace")!.add("screen")
                screen.set("manifest_type", text: "real")
                screen.set("address_type", text: "memory")
                screen.set("device_type", text: "alloced_ram")
                screen.set("compatible", text: "simple-framebuffer")
                screen.set("guest_physical_addr", u64: 0x9000_0000)
                // Larger than the guest's memory.
                screen.set("physical_size", u64: 12 << 20)
                screen.set("width", u32: 64)
                screen.set("height", u32: 32)
            }
            #expect(Displays.all.map(\.name) == ["g/screen"])
            try GuestLoader.loadKernel("/kernel", initrd: nil, append: "", into: guest)
            #expect(guest.entry == kernel)
            let root = try given(guest)
            #expect(root.children.map(\.name) == ["chosen", "memory@80000000", "soc"])
            let buffer = try #require(root.child("chosen")?.child("framebuffer"))
            #expect(buffer.compatible == ["simple-framebuffer"])
            #expect(try buffer.registers() == [MemoryRange(base: 0x9000_0000, size: 12 << 20)])
            #expect([buffer.u32("width"), buffer.u32("height"), buffer.u32("stride")] == [64, 32, 256])
            #expect(buffer.text("format") == "x8r8g8b8")
            GuestBuilderTests.destroy(guest)
            #expect(Displays.all.isEmpty)
        }

        @Test("A device of the host's is in the guest's tree as what it is in the host's")
        func hostDevice() throws {
            let host = DeviceTreeNode()
            host.set("#address-cells", u32: 1)
            host.set("#size-cells", u32: 1)
            let rtc = host.add("rtc@101000")
            rtc.set("compatible", strings: ["vendor,clock", "google,goldfish-rtc"])
            rtc.set("reg", cells: [0x10_1000, 0x1000])
            HostDevices.tree = host
            defer { HostDevices.tree = DeviceTreeNode() }
            let guest = try guest {
                let clock = $0.node(at: "/aspace")!.add("clock")
                clock.set("manifest_type", text: "real")
                clock.set("address_type", text: "memory")
                clock.set("device_type", text: "rtc")
                clock.set("host_device", text: "/rtc@101000")
                clock.set("guest_physical_addr", u64: 0x11_0000)
                clock.set("physical_size", u64: 0x1000)
            }
            let root = try GuestTree.make(for: guest, append: "", initrd: nil)
            let node = try #require(root.node(at: "/soc/clock@110000"))
            #expect(node.compatible == ["vendor,clock", "google,goldfish-rtc"])
            #expect(try node.registers() == [MemoryRange(base: 0x11_0000, size: 0x1000)])
        }
    }
}
