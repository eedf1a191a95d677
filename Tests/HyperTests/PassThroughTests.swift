import Testing

@testable import Hyper

extension CoreTests {
    /// Devices of the host that guests have.
    @Suite("Devices passed through")
    final class PassThroughTests {
        let memory = FakeMemory(adding: 4096)
        let controller = FakeController()

        /// An interrupt controller that notes what it is told.
        final class FakeController: HostInterruptController {
            var enabled: [Int] = []
            var pending: [Int] = []
            var completed: [Int] = []
            func enable(_ number: Int) { enabled.append(number) }
            func disable(_ number: Int) { enabled.removeAll { $0 == number } }
            func claim() -> Int? { pending.isEmpty ? nil : pending.removeFirst() }
            func complete(_ number: Int, claimedBy cpu: CPUReference) {
                // As a PLIC: what is not enabled is not completed.
                if enabled.contains(number) { completed.append(number) }
            }
        }

        final class FakeIOMMU: IOMMU {
            var attached: [(path: Text, root: UInt64, identifier: UInt64)] = []
            var fails = false
            func covers(_ node: DeviceTreeNode) -> Bool { node.isCompatible(with: "virtio,mmio") }
            func attach(_ node: DeviceTreeNode, root: UInt64, identifier: UInt64) throws(HyperError) {
                guard !fails else { throw HyperError("the unit has no context left") }
                attached.append((node.path, root, identifier))
            }
            func detach(_ node: DeviceTreeNode) { attached.removeAll { $0.path == node.path } }
        }

        final class FakeDevice: HostDevice {
            func remove() {}
        }

        init() {
            let tree = DeviceTreeNode()
            tree.set("#address-cells", u32: 1)
            tree.set("#size-cells", u32: 1)
            func device(_ name: Text, _ compatible: Text, _ start: UInt32, _ size: UInt32, _ interrupt: UInt32?) {
                let node = tree.add(name)
                node.set("compatible", text: compatible)
                node.set("reg", cells: [start, size])
                guard let interrupt else { return }
                node.set("interrupt-parent", u32: 9)
                node.set("interrupts", cells: [interrupt])
            }
            device("pic@0", "test,pic", 0x100_0000, 0x1000, nil)
            tree.child("pic")?.set("interrupt-controller")
            tree.child("pic")?.set("#interrupt-cells", u32: 1)
            tree.child("pic")?.set("phandle", u32: 9)
            device("rtc@1000", "test,rtc", 0x1000, 0x100, 11)
            device("a@2000", "test,a", 0x2000, 0x100, 12)
            device("b@2800", "test,b", 0x2800, 0x100, 13)
            device("odd@3010", "test,odd", 0x3010, 0x10, 14)
            device("net@4000", "virtio,mmio", 0x4000, 0x1000, 15)
            tree.add("none@5000").set("compatible", text: "test,none")
            HostDevices.tree = tree
            HostInterrupts.controller = controller
            Emulators.add(PLICEmulator.emulator)
        }

        deinit {
            for guest in Guests.all { Guests.destroy(guest) }
            Emulators.remove("plic")
            HostInterrupts.controller = nil
            HostDevices.tree = DeviceTreeNode()
        }

        private func guest(_ name: Text, _ device: Text, change: (DeviceTreeNode) -> Void = { _ in }) throws -> Guest {
            let node = DeviceTreeNode()
            node.set("model", text: "board")
            node.set("device_type", text: "guest")
            let template = node.add("vcpu_template")
            template.set("device_type", text: "vcpu")
            template.set("compatible", text: "test")
            template.set("start_pc", u32: 0x8000_0000)
            let space = node.add("aspace")
            space.set("guest_irq_count", u32: 64)
            func region(_ name: Text, _ kind: Text, _ type: Text, _ start: UInt32, _ size: UInt32) -> DeviceTreeNode {
                let node = space.add(name)
                node.set("manifest_type", text: kind)
                node.set("address_type", text: "memory")
                node.set("device_type", text: type)
                node.set("guest_physical_addr", u32: start)
                node.set("physical_size", u32: size)
                return node
            }
            region("plic", "virtual", "pic", 0xc00_0000, 0x400_0000).set("compatible", text: "riscv,plic0")
            _ = region("mem0", "real", "alloced_ram", 0x8000_0000, 0x10_0000)
            let passed = region("passed", "real", "misc", 0x2000_0000, 0x1000)
            passed.set("host_device", text: device)
            passed.set("interrupts", cells: [5])
            change(passed)
            return try Guests.make(node, name: name)
        }

        private func expectRefusal(_ reason: String, _ body: () throws -> Void) {
            let error = #expect(throws: HyperError.self) { try body() }
            #expect(error?.message.string.contains(reason) ?? false, "\(error?.message.string ?? "")")
            #expect(PassThrough.given.filter { $0.guest == "refused" }.isEmpty)
        }

        @Test("The guest's address leads to the device, which Hyper's own devices do not take for memory")
        func mapping() throws {
            let guest = try guest("one", "/rtc@1000")
            #expect(try guest.space.map(0x2000_0123))
            #expect(guest.space.translate(0x2000_0123) == 0x1123)
            #expect(guest.space.memory(0x2000_0000, count: 4) == nil)
            #expect(guest.space.memory(0x2000_0000, count: 4, write: true) == nil)
            Guests.destroy(guest)
            #expect(PassThrough.given.isEmpty)
        }

        @Test("An interrupt is completed at the host when the guest completes it, or is reset, or goes")
        func interrupt() throws {
            let guest = try guest("one", "/rtc@1000")
            let region = try #require(guest.space.region(at: 0xc00_0000)?.region)
            guard case .device(let plic) = region.kind else { throw HyperError("no device") }
            #expect(controller.enabled == [11])
            // Priority, enable and threshold of context 1, the supervisor's (PLIC specification, "Memory Map").
            plic.write(5 * 4, width: 4, value: 1)
            plic.write(0x2080, width: 4, value: 1 << 5)
            func take() {
                controller.pending = [11]
                HostInterrupts.handle()
            }
            take()
            #expect(controller.completed == [])
            #expect(guest.vcpus[0].pointee.state.lines == 1 << 10)
            #expect(plic.read(0x20_1004, width: 4) == 5)
            #expect(guest.vcpus[0].pointee.state.lines == 0)
            #expect(controller.completed == [])
            plic.write(0x20_1004, width: 4, value: 5)
            #expect(controller.completed == [11])
            #expect(guest.vcpus[0].pointee.state.lines == 0, "the device says anew that it interrupts, if it does")
            // Nothing is completed twice.
            plic.write(0x20_1004, width: 4, value: 5)
            #expect(controller.completed == [11])
            take()
            guest.reset()
            #expect(controller.completed == [11, 11])
            take()
            Guests.destroy(guest)
            #expect(controller.completed == [11, 11, 11], "it is completed before it is disabled")
            #expect(controller.enabled == [])
        }

        @Test("A device that another has is not given")
        func owners() throws {
            let rtc = try #require(HostDevices.tree.child("rtc"))
            let driver = Driver("rtc", compatible: ["test,rtc"]) { _ in FakeDevice() }
            HostDevices.add(driver)
            defer { HostDevices.remove(driver) }
            try HostDevices.bind(rtc)
            expectRefusal("/rtc@1000 has driver rtc: `host unbind /rtc@1000` takes it from it") {
                _ = try guest("refused", "/rtc@1000")
            }
            try HostDevices.unbind(rtc)
            let one = try guest("one", "/rtc@1000")
            expectRefusal("guest one has /rtc@1000: destroy it first") { _ = try guest("refused", "/rtc@1000") }
            expectRefusal("guest one has /rtc@1000: destroy it first") { try HostDevices.bind(rtc) }
            HostDevices.probe()
            #expect(!HostDevices.isBound(rtc))
            #expect(PassThrough.given.count == 1)
            Guests.destroy(one)
            try HostDevices.bind(rtc)
        }

        @Test("What would give a guest more than the device is refused")
        func refusals() throws {
            expectRefusal("/pic@0 is what all guests need") {
                _ = try guest("refused", "/pic@0") { $0.remove("interrupts") }
            }
            expectRefusal("/a@2000 shares its page with /b@2800") { _ = try guest("refused", "/a@2000") }
            expectRefusal("/odd@3010 has 0x10 bytes at 0x3010") { _ = try guest("refused", "/odd@3010") }
            expectRefusal("/net@4000 reads and writes memory by itself") { _ = try guest("refused", "/net@4000") }
            expectRefusal("/nothing, which the host's tree does not have") { _ = try guest("refused", "/nothing") }
            expectRefusal("interrupts has 2 entries, and /rtc@1000 has 1") {
                _ = try guest("refused", "/rtc@1000") { $0.set("interrupts", cells: [5, 6]) }
            }
            expectRefusal("and not 0x2000 bytes") {
                _ = try guest("refused", "/rtc@1000") { $0.set("physical_size", u32: 0x2000) }
            }
            expectRefusal("/none@5000: the missing reg has no entry") {
                _ = try guest("refused", "/none@5000") { $0.remove("interrupts") }
            }
            expectRefusal("host_physical_addr is 0x77000, where no device of the host's begins") {
                _ = try guest("refused", "/rtc@1000") {
                    $0.remove("host_device")
                    $0.set("host_physical_addr", u32: 0x7_7000)
                }
            }
            #expect(controller.enabled == [])
        }

        @Test("A device is found by its address, too, with the interrupts that the description names")
        func address() throws {
            let guest = try guest("one", "") {
                $0.remove("host_device")
                $0.set("host_physical_addr", u32: 0x1000)
                $0.set("host-interrupts", cells: [31, 4, .max])
            }
            #expect(PassThrough.owner(of: HostDevices.tree.child("rtc")!) == "one")
            #expect(controller.enabled == [31])
            Guests.destroy(guest)
        }

        @Test("Behind an IOMMU a device may access memory: the guest's, all of which is mapped")
        func translated() throws {
            let unit = FakeIOMMU()
            IOMMUs.add(unit)
            defer { IOMMUs.remove(unit) }
            let one = try guest("one", "/net@4000")
            #expect(unit.attached.map { $0.path } == ["/net@4000"])
            #expect(unit.attached.first?.root == one.space.root)
            for page in 0..<UInt64(256) { #expect(one.space.translate(0x8000_0000 + page << 12) != nil) }
            Guests.destroy(one)
            #expect(unit.attached.isEmpty)
            unit.fails = true
            expectRefusal("the unit has no context left") { _ = try guest("refused", "/net@4000") }
        }
    }
}
