import Testing

@testable import Hyper

extension CoreTests {
    /// Arm's interrupt controllers, of the host and of guests. What must be is what IHI 0048B (GICv2) and IHI 0069 (GICv3) say.
    @Suite("Arm's interrupt controllers")
    final class GICTests {
        private static let distributor: UInt64 = 0x800_0000, redistributors: UInt64 = 0x80a_0000
        private let memory: FakeMemory

        /// Registers that keep what is written; of a Redistributor, those of one CPU after the other.
        final class TwinRegisters: EmulatedDevice {
            var values: [UInt64: UInt64] = [:]
            func read(_ offset: UInt64, width: Int) -> UInt64 {
                // GICR_WAKER: what is asked to sleep sleeps at once (12.11.42).
                if offset % 0x2_0000 == 0x14 { return (values[offset] ?? 0) & 2 != 0 ? 6 : 0 }
                return values[offset] ?? 0
            }
            func write(_ offset: UInt64, width: Int, value: UInt64) { values[offset] = value }
            func reset() {}
        }

        private let registers = TwinRegisters(), frames = TwinRegisters()

        init() throws {
            memory = GuestBuilderTests.machine()
            Emulators.add(GICv2Distributor.emulator)
            Emulators.add(GICv3Distributor.emulator)
            Port.devices = [
                (Self.distributor..<Self.distributor + 0x1_0000, registers),
                (Self.redistributors..<Self.redistributors + 0x6_0000, frames),
            ]
            GICSystemRegisters.lists = InlineArray(repeating: 0)
            GICSystemRegisters.machine = 0
            GICSystemRegisters.pending = []
            GICSystemRegisters.sent = []
            // GICD_TYPER: 64 interrupts. GICR_TYPER: affinities 0 to 2, of which the last says so.
            registers.values[4] = 1
            for index in UInt64(0)..<3 { frames.values[index * 0x2_0000 + 8] = index << 32 | (index == 2 ? 1 << 4 : 0) }
            let node = DeviceTreeNode()
            node.set("#address-cells", u32: 1)
            node.set("#size-cells", u32: 1)
            let controller = node.add("intc@8000000")
            controller.set("compatible", text: "arm,gic-v3")
            controller.set("reg", cells: [0x800_0000, 0x1_0000, 0x80a_0000, 0x6_0000])
            _ = try GICDriver.version3.probe(controller)
        }

        deinit { (Port.devices, HostInterrupts.controller) = ([], nil) }

        /// A guest whose tree has a GIC of these versions.
        private func guest(_ compatible: [Text], vcpus: Int = 2) throws(HyperError) -> Guest {
            let description = GuestBuilderTests.description { guest in
                guard let space = guest.child("aspace") else { return }
                space.child("uart0")?.set("interrupts", cells: [40])
                guard let node = space.child("plic") else { return }
                node.set("compatible", strings: compatible)
                node.set("guest_physical_addr", u64: 0x800_0000)
                node.set("physical_size", u32: 0x1_0000)
                node.set("cpu_interface", u32: 0x801_0000)
                node.set("redistributors", u32: 0x80a_0000)
            }
            return try Guests.make(description, name: "g", vcpus: vcpus)
        }

        private func device(_ guest: Guest, _ address: UInt64) -> any EmulatedDevice {
            guard let region = guest.space.regions.first(where: { $0.start == address }),
                case .device(let device) = region.kind
            else { fatalError("there is no device at this address") }
            return device
        }

        /// Runs a test with a guest whose first VCPU is loaded on this CPU, and whose Distributor is on.
        private func withGuest(
            _ body: (_ guest: Guest, _ controller: any GuestInterruptController, _ own: any EmulatedDevice) -> Void
        ) throws {
            let guest = try guest(["arm,gic-v3", "arm,cortex-a15-gic"])
            let controller = try #require(guest.interrupts.controller)
            device(guest, Self.distributor).write(0, width: 4, value: 1 << 4 | 1 << 1)
            controller.load(guest.vcpus[0])
            body(guest, controller, device(guest, Self.redistributors))
            controller.save(guest.vcpus[0])
            GuestBuilderTests.destroy(guest)
        }

        @Test("A GICv3's driver wakes this CPU's Redistributor, and has all interrupts in group 1")
        func driver() {
            // GICD_CTLR: affinity routing and group 1. GICD_IGROUPR1, and GICR_IGROUPR0 of the first CPU.
            #expect(registers.values[0] == 0x13)
            #expect(registers.values[0x84] == 0xffff_ffff)
            #expect(frames.values[0x1_0080] == 0xffff_ffff)
            #expect(frames.values[0x14] == 0, "GICR_WAKER.ProcessorSleep must be cleared (12.11.42)")
            #expect(frames.values[0x2_0014] == nil, "another CPU's Redistributor is not this CPU's to wake")
        }

        @Test("An interrupt of a device is enabled for this CPU by its affinity, and deactivated by its number")
        func hostInterrupt() {
            HostGIC.enable(45)
            #expect(registers.values[0x6000 + 8 * 45] == 0)
            #expect(registers.values[0x104] == 1 << 13)
            #expect(registers.values[0x400 + 45] == 0xa0)
            GICSystemRegisters.pending = [45]
            #expect(HostGIC.acknowledge() == 45)
            #expect(GICSystemRegisters.dropped.last == 45)
            HostGIC.deactivate(45)
            #expect(GICSystemRegisters.deactivated.last == 45)
            #expect(HostGIC.acknowledge() == nil, "1023 says that there is nothing")
        }

        @Test("A CPU is interrupted by ICC_SGI1R_EL1 with its affinity")
        func softwareInterruptOfTheHost() {
            HostGIC.interrupt(CPUs[2])
            #expect(GICSystemRegisters.sent.last == 1 << 2)
            // 12.2.18: Aff3, the range of target list bits, Aff2, the number, Aff1, and a bit of 16.
            #expect(
                SoftwareInterrupt(5, to: 0x12_0034_5629).bits
                    == 0x12 << 48 | 2 << 44 | 0x34 << 32 | 5 << 24 | 0x56 << 16 | 1 << 9)
        }

        @Test("A shared interrupt comes to the list register of the VCPU that its route names")
        func sharedInterrupt() throws {
            try withGuest { guest, controller, _ in
                let distributor = device(guest, Self.distributor)
                distributor.write(0x400 + 40, width: 1, value: 0x80)
                distributor.write(0x6000 + 8 * 40, width: 8, value: 1)
                distributor.write(0x104, width: 4, value: 1 << 8)
                controller.set(40, true)
                #expect(GICSystemRegisters.lists[0] == 0, "the other VCPU's interrupt is not this one's")
                #expect(distributor.read(0x6000 + 8 * 40, width: 8) == 1)
                controller.set(40, false)
                distributor.write(0x6000 + 8 * 40, width: 8, value: 0)
                controller.set(40, true)
                // 12.4.8: pending, group 1, the priority, the interrupt on completion since it is a level, the number.
                #expect(GICSystemRegisters.lists[0] == 1 << 62 | 1 << 60 | 0x80 << 48 | 1 << 41 | 40)
                #expect(distributor.read(0x204, width: 4) == 1 << 8, "GICD_ISPENDR1 has what is pending there")
                controller.set(40, false)
                #expect(GICSystemRegisters.lists[0] == 0, "a level that is gone is withdrawn")
            }
        }

        @Test("A guest's software interrupt is an edge in the list register, and one sent twice comes once")
        func softwareInterrupt() throws {
            try withGuest { guest, controller, own in
                let request: UInt64 = 3 << 24 | 1 << 0
                controller.send(request, from: guest.vcpus[0])
                #expect(
                    GICSystemRegisters.lists[0] == 0, "in GICv3 software interrupts are enabled first (GICR_ISENABLER0)"
                )
                own.write(0x1_0100, width: 4, value: 0xffff)
                let pending: UInt64 = 1 << 62 | 1 << 60 | 3
                #expect(GICSystemRegisters.lists[0] == pending)
                controller.send(request, from: guest.vcpus[1])
                #expect(GICSystemRegisters.lists[0] == pending)
                // The guest has taken it: one that comes now is another.
                GICSystemRegisters.lists[0] = 1 << 63 | 1 << 60 | 3
                controller.send(request, from: guest.vcpus[1])
                #expect(GICSystemRegisters.lists[0] == 1 << 63 | pending)
                controller.send(1 << 40 | 4 << 24, from: guest.vcpus[0])
                #expect(GICSystemRegisters.lists[1] == 0, "what is sent to all others does not come to its sender")
                GICSystemRegisters.lists[0] = 0
            }
        }

        @Test("A timer's interrupt of the host becomes the guest's, whose completion deactivates it")
        func timer() throws {
            try withGuest { guest, controller, own in
                own.write(0x1_0100, width: 4, value: 1 << 27)
                controller.raise(27, of: guest.vcpus[0], host: 27)
                #expect(GICSystemRegisters.lists[0] == 1 << 62 | 1 << 61 | 1 << 60 | 27 << 32 | 27)
                #expect(!controller.isInterruptPending(guest.vcpus[0]), "the guest's interface is off")
                // ICH_VMCR_EL2: group 1 is on, and no priority masked.
                GICSystemRegisters.machine = 0xf8 << 24 | 1 << 1
                #expect(controller.isInterruptPending(guest.vcpus[0]))
            }
        }

        @Test("What a guest reads says what its GICv3 is")
        func identification() throws {
            try withGuest { guest, _, own in
                let distributor = device(guest, Self.distributor)
                #expect(distributor.read(0, width: 4) == 0x52, "GICD_CTLR: DS, ARE and group 1")
                #expect(distributor.read(4, width: 4) & 31 == 1, "GICD_TYPER.ITLinesNumber of 64 interrupts")
                for device in [distributor, own] { #expect(device.read(0xffe8, width: 4) >> 4 & 15 == 3) }
                #expect(own.read(8, width: 8) == 0, "GICR_TYPER of the first of two")
                #expect(own.read(0x2_0008, width: 8) == 1 << 32 | 1 << 8 | 1 << 4)
                #expect(own.read(0x4_0008, width: 8) == 0, "there is no third")
                #expect(own.read(0x14, width: 4) == 0)
            }
        }

        @Test("A tree that names GICv2 alone is refused where the machine has a GICv3")
        func refusal() {
            var message: Text?
            // What is left of the guest is destroyed, for which others must be able to run.
            let thread = spawn("maker", priority: Thread.highestPriority) {
                do throws(HyperError) { _ = try self.guest(["arm,cortex-a15-gic"]) } catch { message = error.message }
            }
            Port.run()
            Scheduler.destroy(thread)
            #expect(
                message == "/aspace/plic: compatible is a GICv2, and this machine has none that a guest could use")
        }

        @Test("A list register has the same in a GICv2's form")
        func version2() {
            // IHI 0048B, 5.3.8: pending, priority 16 of 32, the interrupt on completion, number 40.
            #expect(ListRegister(1 << 62 | 0x80 << 48 | 1 << 41 | 40).version2 == 0x1808_0028)
            // Hardware, active, priority 1, number 27 of the host's, number 27.
            #expect(ListRegister(1 << 61 | 1 << 63 | 0x08 << 48 | 27 << 32 | 27).version2 == 0xa080_6c1b)
            for bits in [0x1808_0028, 0xa080_6c1b, 0x4000_1403, 0] as [UInt32] {
                #expect(ListRegister(version2: bits).version2 == bits)
            }
        }
    }
}
