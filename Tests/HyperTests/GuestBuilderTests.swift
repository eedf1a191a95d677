import Testing

@testable import Hyper

extension CoreTests {
    @Suite("Guests made of descriptions")
    struct GuestBuilderTests {
        /// A machine with memory and two emulators, and no guest.
        static func machine() -> FakeMemory {
            let memory = FakeMemory(adding: 8192)
            Port.start(cpus: 3)
            for name in Emulators.all.map(\.name) { Emulators.remove(name) }
            Emulators.add(NS16550Emulator.emulator)
            Emulators.add(PLICEmulator.emulator)
            return memory
        }

        static func description(_ change: (DeviceTreeNode) -> Void = { _ in }) -> DeviceTreeNode {
            let guest = DeviceTreeNode()
            guest.set("device_type", text: "guest")
            let template = guest.add("vcpu_template")
            template.set("device_type", text: "vcpu")
            template.set("compatible", text: "riscv,generic")
            template.set("start_pc", u64: 0x8000_0000)
            template.set("priority", u32: 5)
            template.set("time_slice", u32: 2_000_000)
            template.set("affinity", cells: [1, 2])
            let space = guest.add("aspace")
            space.set("guest_irq_count", u32: 64)
            func region(
                _ name: Text, _ manifestation: Text, _ type: Text, _ start: UInt64, _ size: UInt64
            ) -> DeviceTreeNode {
                let node = space.add(name)
                node.set("manifest_type", text: manifestation)
                node.set("address_type", text: "memory")
                node.set("device_type", text: type)
                node.set("guest_physical_addr", u64: start)
                node.set("physical_size", u64: size)
                return node
            }
            region("plic", "virtual", "pic", 0xc00_0000, 0x400_0000).set("compatible", text: "sifive,plic-1.0.0")
            let serial = region("uart0", "virtual", "serial", 0x1000_0000, 0x1000)
            serial.set("compatible", text: "ns16550a")
            serial.set("interrupts", cells: [10])
            _ = region("rom", "real", "alloced_rom", 0x2000_0000, 0x2000)
            region("mirror", "alias", "ram", 0x3000_0000, 0x1000).set("alias_physical_addr", u64: 0x8000_1000)
            _ = region("ram", "real", "alloced_ram", 0x8000_0000, 0x10_0000)
            change(guest)
            return guest
        }

        private func message(_ body: () throws(HyperError) -> Void) -> Text? {
            do throws(HyperError) { try body() } catch { return error.message }
            return nil
        }

        static func destroy(_ guest: Guest) {
            let thread = spawn("destroyer", priority: Thread.highestPriority) { Guests.destroy(guest) }
            Port.run()
            #expect(thread.pointee.state == .finished)
            Scheduler.destroy(thread)
        }

        @Test("A guest has the memory, devices and VCPUs of its description, and gives all of it back")
        func make() throws {
            let memory = Self.machine()
            func live() throws {
                let guest = try Guests.make(Self.description(), name: "g", vcpus: 2)
                #expect(guest.space.regions.map(\.name) == ["plic", "uart0", "rom", "mirror", "ram"])
                #expect(guest.vcpus.count == 2)
                for vcpu in guest.vcpus {
                    let thread = vcpu.pointee.thread!
                    #expect(thread.pointee.priority == 5)
                    #expect(Timers.nanoseconds(thread.pointee.slice) == 2 * millisecond)
                    #expect(thread.pointee.affinity == 0b110)
                }
                #expect(guest.entry == 0x8000_0000)
                #expect(guest.serials.map(\.name) == ["g/uart0"])
                // The alias is the memory that it names, the ROM is for reading, and all of it begins as zeros.
                let (alias, ram) = (
                    guest.space.memory(0x3000_0000, count: 8), guest.space.memory(0x8000_1000, count: 8)
                )
                #expect(alias != nil && alias == ram)
                #expect(guest.space.memory(0x2000_0000, count: 8) != nil)
                #expect(guest.space.memory(0x2000_0000, count: 8, write: true) == nil)
                #expect(guest.space.memory(0x2000_1ffc, count: 8) == nil)
                let bytes = UnsafeRawBufferPointer(
                    start: guest.space.memory(0x8000_0000, count: 0x10_0000), count: 0x10_0000)
                #expect(bytes.allSatisfy { $0 == 0 })
                #expect(
                    message { () throws(HyperError) in try Guests.make(Self.description(), name: "g") }
                        == "there is a guest g already")
                #expect(try Guests.find("g") === guest)
                Self.destroy(guest)
                #expect(
                    message { () throws(HyperError) in _ = try Guests.find("g") }
                        == "there is no guest g; `guest list` shows those that there are")
            }
            try live()
            Heap.trim()
            let used = Pages.statistics.used
            for _ in 0..<20 { try live() }
            Heap.trim()
            #expect(Pages.statistics.used == used)
            withExtendedLifetime(memory) {}
        }

        @Test("What is wrong with a description is said, and nothing of the guest is left")
        func refusals() throws {
            let memory = Self.machine()
            func refusal(_ change: (DeviceTreeNode) -> Void) throws -> Text {
                let used = Pages.statistics.used
                var found: Text?
                let tree = Self.description(change)
                // What was made of it is ended, which waits for CPUs.
                let thread = spawn("maker") {
                    found = message { () throws(HyperError) in try Guests.make(tree, name: "g") }
                }
                Port.run()
                Scheduler.destroy(thread)
                Heap.trim()
                #expect(Pages.statistics.used <= used + 1)
                #expect(Guests.all.isEmpty)
                #expect(Scheduler.threads.isEmpty)
                return try #require(found)
            }
            let unknown = try refusal { $0.node(at: "/aspace/uart0")!.set("compatible", text: "vendor,thing") }
            #expect(unknown.contains("nothing that is emulated here"))
            let overlap = try refusal { $0.node(at: "/aspace/rom")!.set("guest_physical_addr", u64: 0x1000_0000) }
            #expect(overlap.contains("overlap /aspace/uart0"))
            let huge = try refusal { $0.node(at: "/aspace/ram")!.set("physical_size", u64: 1 << 40) }
            #expect(!huge.isEmpty)
            let nowhere = try refusal { $0.node(at: "/vcpu_template")!.set("affinity", cells: [7]) }
            #expect(nowhere == "guest g: affinity names none of the 3 CPUs that there are")
            let ports = try refusal { $0.node(at: "/aspace/uart0")!.set("address_type", text: "io") }
            #expect(ports.contains("this machine has no I/O ports"))
            let screen = try refusal {
                $0.node(at: "/aspace/ram")!.set("compatible", text: "simple-framebuffer")
                $0.node(at: "/aspace/ram")!.set("width", u32: 0)
            }
            #expect(screen.contains("must be pixels of a screen") && Displays.all.isEmpty)
            let part = try refusal { $0.node(at: "/aspace/ram")!.set("physical_size", u64: 0x1800) }
            #expect(!part.isEmpty)
            withExtendedLifetime(memory) {}
        }

        @Test("There are 64 guests at most, and room for another one when one has gone")
        func limit() throws {
            let memory = Self.machine()
            let small = Self.description { $0.node(at: "/aspace/ram")!.set("physical_size", u64: 0x2000) }
            let guests = try (0..<64).map { try Guests.make(small, name: "g\($0)") }
            #expect(Set(guests.map(\.identifier)) == Set(0..<64))
            #expect(
                message { () throws(HyperError) in try Guests.make(small, name: "more") }
                    == "there are 64 guests, as many as can be: destroy one")
            Self.destroy(guests[17])
            #expect(try Guests.make(small, name: "more").identifier == 17)
            for guest in Guests.all { Self.destroy(guest) }
            withExtendedLifetime(memory) {}
        }
    }
}

extension Text {
    fileprivate func contains(_ part: Text) -> Bool {
        guard count >= part.count else { return false }
        return (0...count - part.count).contains { Text(bytes[$0..<$0 + part.count]) == part }
    }
}
