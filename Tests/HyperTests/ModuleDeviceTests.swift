import HyperModule
import Testing

@testable import Hyper

/// A device of guests as a module would emulate it, whose functions note what they are asked.
private enum FakeEmulator {
    // SAFETY: these tests run one at a time.
    nonisolated(unsafe) static var calls: [String] = []
    nonisolated(unsafe) static var devices: [OpaquePointer?] = []
    nonisolated(unsafe) static var reason: StaticString?
    nonisolated(unsafe) static var fails = false

    static func description(_ name: StaticString = "fake") -> hyper_emulator {
        hyper_emulator(
            name: hyper_text(name), compatible: hyper_text("test,device test,other"),
            make: { device, error in
                if let reason = FakeEmulator.reason { _ = hyper_fail(error, hyper_text(reason)) }
                guard !FakeEmulator.fails else { return nil }
                FakeEmulator.devices.append(device)
                return UnsafeMutableRawPointer(bitPattern: FakeEmulator.devices.count)
            },
            read: { state, offset, width in
                FakeEmulator.calls.append("\(FakeEmulator.number(state)) read \(offset) \(width)")
                return 0x1234
            },
            write: { state, offset, width, value in
                FakeEmulator.calls.append("\(FakeEmulator.number(state)) write \(offset) \(width) \(value)")
            },
            reset: { FakeEmulator.calls.append("\(FakeEmulator.number($0)) reset") },
            remove: { FakeEmulator.calls.append("\(FakeEmulator.number($0)) remove") })
    }

    static func number(_ state: UnsafeMutableRawPointer?) -> Int { Int(bitPattern: state) }

    static func forget() { (calls, devices, reason, fails) = ([], [], nil, false) }
}

extension CoreTests {
    /// What HyperModule.h promises to modules that drive the host's devices or emulate guests'.
    @Suite("Devices of modules")
    final class ModuleDeviceTests {
        private let memory = GuestBuilderTests.machine()
        private let files = MemoryFiles()

        init() throws {
            // One CPU, since modules are loaded by the test itself, which can wait for no other.
            Port.start()
            try VirtualFileSystem.mount(files, kind: "memory", at: "/modules")
            FakeModule.start = { error in
                var emulator = FakeEmulator.description()
                return hyper_add_emulator(&emulator, error)
            }
            FakeEmulator.forget()
        }

        deinit {
            for guest in Guests.all { GuestBuilderTests.destroy(guest) }
            for module in Modules.all.reversed() { try? Modules.unload(module.name) }
            try? VirtualFileSystem.unmount("/modules")
            (HostDevices.tree, HostInterrupts.controller, Port.devices) = (DeviceTreeNode(), nil, [])
        }

        private func load(_ name: String = "one") throws -> Module {
            files.files = [("one.o", FakeModule.file(name).bytes)]
            return try Modules.load("/modules/one.o")
        }

        private func expectRefusal(_ reason: String, _ body: () throws -> Void) {
            let error = #expect(throws: HyperError.self) { try body() }
            #expect(error?.message.string.contains(reason) ?? false, "\(error?.message.string ?? "")")
        }

        /// A guest with a device of the module's at 0x1100_0000 and interrupts 3 and 4.
        private func guest(_ name: Text = "g") throws -> Guest {
            try Guests.make(
                GuestBuilderTests.description {
                    $0.node(at: "/vcpu_template")!.set("affinity", cells: [0])
                    let node = $0.node(at: "/aspace")!.add("fake")
                    node.set("manifest_type", text: "virtual")
                    node.set("address_type", text: "memory")
                    node.set("device_type", text: "misc")
                    node.set("compatible", strings: ["vendor,unknown", "test,other"])
                    node.set("guest_physical_addr", u64: 0x1100_0000)
                    node.set("physical_size", u64: 0x200)
                    node.set("interrupts", cells: [3, 4])
                    node.set("value", u32: 77)
                }, name: name)
        }

        private func device(_ name: Text, of guest: Guest) throws -> any EmulatedDevice {
            let region = try #require(guest.space.regions.first { $0.name == name })
            guard case .device(let device) = region.kind else { throw HyperError("\(name) is no device") }
            return device
        }

        // MARK: Emulators

        @Test("A guest's device is the module's from its making to its end")
        func life() throws {
            let module = try load()
            #expect(module.emulators.map(\.name) == ["fake"])
            let guest = try guest()
            let device = try device("fake", of: guest)
            #expect(device.read(8, width: 4) == 0x1234)
            device.write(16, width: 8, value: 9)
            let thread = spawn("resetter") { guest.reset() }
            Port.run()
            Scheduler.destroy(thread)
            GuestBuilderTests.destroy(guest)
            #expect(FakeEmulator.calls == ["1 read 8 4", "1 write 16 8 9", "1 reset", "1 remove"])
        }

        @Test("A module with devices of guests stays until they are gone")
        func inUse() throws {
            _ = try load()
            let guests = [try guest("a"), try guest("b")]
            expectRefusal("module one is 2 devices of guests: destroy them first") { try Modules.unload("one") }
            GuestBuilderTests.destroy(guests[0])
            expectRefusal("module one is 1 device of guests: destroy them first") { try Modules.unload("one") }
            GuestBuilderTests.destroy(guests[1])
            try Modules.unload("one")
            #expect(Emulators.find(["test,device"]) == nil)
            expectRefusal("nothing that is emulated here") { _ = try guest() }
        }

        @Test("A device that is not made says why, and leaves the module free to go")
        func refusal() throws {
            _ = try load()
            (FakeEmulator.fails, FakeEmulator.reason) = (true, "it has no room")
            expectRefusal("it has no room") { _ = try guest() }
            FakeEmulator.reason = nil
            expectRefusal("it failed, and did not say why") { _ = try guest() }
            #expect(FakeEmulator.calls.isEmpty && Guests.all.isEmpty)
            try Modules.unload("one")
        }

        @Test("A device knows its node and its size, and has the guest's memory and its own interrupts alone")
        func environment() throws {
            _ = try load()
            let guest = try guest()
            let device = try #require(FakeEmulator.devices.first)
            #expect(hyper_device_size(device) == 0x200)
            let node = hyper_device_node(device)
            var value: UInt64 = 0
            #expect(hyper_node_number(node, hyper_text("value"), &value) && value == 77)
            #expect(!hyper_node_number(node, hyper_text("nothing"), &value) && value == 77)

            var bytes: [UInt8] = [1, 2, 3, 4]
            #expect(hyper_device_write_memory(device, 0x8000_0ffe, bytes, 4), "over the end of a page")
            bytes = [0, 0, 0, 0]
            #expect(hyper_device_read_memory(device, 0x8000_0ffe, &bytes, 4) && bytes == [1, 2, 3, 4])
            #expect(!hyper_device_read_memory(device, 0x800f_fffe, &bytes, 4), "beyond the memory's end")
            #expect(!hyper_device_write_memory(device, 0x2000_0000, bytes, 4), "a ROM")
            #expect(!hyper_device_read_memory(device, 0x1000_0000, &bytes, 4), "a device's registers")

            // The PLIC's pending bits (RISC-V PLIC specification 1.0, "Interrupt Pending Bits").
            let plic = try self.device("plic", of: guest)
            #expect(plic.read(0x1000, width: 4) == 0)
            hyper_device_set_interrupt(device, 1, true)
            hyper_device_set_interrupt(device, 2, true)
            hyper_device_set_interrupt(device, -1, true)
            #expect(plic.read(0x1000, width: 4) == 1 << 4)
        }

        @Test("An emulator has a name of its own and all of its functions, or is not added")
        func incomplete() throws {
            _ = try load()
            expectRefusal("there is an emulator fake already") { _ = try load("two") }
            let changes: [(inout hyper_emulator) -> Void] = [
                { $0.make = nil }, { $0.read = nil }, { $0.write = nil }, { $0.reset = nil }, { $0.remove = nil },
            ]
            for change in changes {
                FakeModule.start = { error in
                    var emulator = FakeEmulator.description("other")
                    change(&emulator)
                    return hyper_add_emulator(&emulator, error)
                }
                expectRefusal("an emulator lacks one of its functions") { _ = try load("two") }
            }
            FakeModule.start = { hyper_add_emulator(nil, $0) }
            expectRefusal("an emulator lacks one of its functions") { _ = try load("two") }
            FakeModule.start = { hyper_add_driver(nil, $0) }
            expectRefusal("a driver lacks probe or remove") { _ = try load("two") }
            FakeModule.start = { hyper_add_command(nil, $0) }
            expectRefusal("there is no command to add") { _ = try load("two") }
            #expect(Modules.all.map(\.name) == ["one"] && Emulators.all.map(\.name).last == "fake")
        }

        // MARK: Drivers

        @Test("A driver has the device's registers, its interrupt, the time and the console")
        func driver() throws {
            let tree = DeviceTreeNode()
            let controller = tree.add("controller")
            controller.set("#interrupt-cells", u32: 1)
            controller.set("phandle", u32: 1)
            let node = tree.add("device")
            node.set("interrupt-parent", u32: 1)
            node.set("interrupts", cells: [7, 9])
            let interrupts = TwinController()
            (HostDevices.tree, HostInterrupts.controller) = (tree, interrupts)
            var number: UInt32 = 0
            try ModuleError.check { hyper_node_interrupt(node.moduleReference, 1, &number, $0) }
            #expect(number == 9)
            expectRefusal("/device: interrupts has 2 entries, and number 2 is wanted") {
                try ModuleError.check { hyper_node_interrupt(node.moduleReference, 2, &number, $0) }
            }

            let count = Journal<Int>()
            try ModuleError.check { error in
                hyper_add_interrupt(
                    9, { Unmanaged<Journal<Int>>.fromOpaque($0!).takeUnretainedValue().note(9) },
                    Unmanaged.passUnretained(count).toOpaque(), error)
            }
            interrupts.raise(9)
            #expect(count.entries == [9] && interrupts.enabled == [9])
            hyper_remove_interrupt(9)
            #expect(interrupts.enabled.isEmpty)
            expectRefusal("interrupt 9 has no handler") {
                try ModuleError.check { hyper_add_interrupt(9, nil, nil, $0) }
            }

            let registers = try self.device("uart0", of: try guestWithoutModule())
            Port.devices = [(0x4000..<0x4100, registers)]
            // The scratch register of a 16550.
            hyper_write_device(0x4007, 1, 0x5a)
            #expect(hyper_read_device(0x4007, 1) == 0x5a)

            Port.counter = Timers.ticks(3 * millisecond)
            #expect(hyper_time() == 3 * millisecond)
            let before = Port.printed.count
            hyper_print(hyper_text("module: hello\n"))
            #expect(String(decoding: Port.printed[before...], as: UTF8.self) == "module: hello\r\n")
        }

        private func guestWithoutModule() throws -> Guest {
            try Guests.make(
                GuestBuilderTests.description { $0.node(at: "/vcpu_template")!.set("affinity", cells: [0]) },
                name: "plain")
        }
    }
}
