import Foundation
import TestSupport
import Testing

@testable import Hyper

@Suite("Descriptions of guests")
struct GuestDescriptionTests {
    /// A guest with a region of each kind, in the form of Xvisor's trees.
    static func guest() -> DeviceTreeNode {
        let guest = DeviceTreeNode()
        guest.set("model", text: "board")
        guest.set("device_type", text: "guest")
        guest.set("sbi_version", u32: 2)
        let aliases = guest.add("aliases")
        aliases.set("mem0", text: "/aspace/ram")
        let template = guest.add("vcpu_template")
        template.set("device_type", text: "vcpu")
        template.set("compatible", text: "riscv,generic")
        template.set("start_pc", u32: 0x1000)
        template.set("priority", u32: 5)
        template.set("time_slice", u32: 5_000_000)
        template.set("deadline", u64: 6_000_000_000)
        template.set("affinity", cells: [0, 2])
        template.set("poweroff")
        let space = guest.add("aspace")
        space.set("guest_irq_count", u32: 64)

        func region(
            _ name: Text, _ manifestation: Text, _ type: Text, _ start: UInt32, _ size: UInt32
        ) -> DeviceTreeNode {
            let node = space.add(name)
            node.set("manifest_type", text: manifestation)
            node.set("address_type", text: "memory")
            node.set("device_type", text: type)
            node.set("guest_physical_addr", u32: start)
            node.set("physical_size", u32: size)
            return node
        }
        let flash = region("flash", "real", "alloced_rom", 0, 0x20_0000)
        flash.set("align_order", u32: 21)
        flash.set("map_order", u32: 24)
        let serial = region("uart0", "virtual", "serial", 0x1000_0000, 0x100)
        serial.set("compatible", strings: ["vendor,uart", "ns16550a"])
        serial.set("fifo_size", u32: 16)
        serial.set("interrupts", cells: [10, 63])
        let network = region("net0", "real", "nic", 0x2000_0000, 0x1000)
        network.set("host_physical_addr", u64: 0x1_4000_0000)
        network.set("compatible", text: "platform-pt")
        network.set("interrupts", cells: [3, 4])
        network.set("host-interrupts", cells: [33, 4, .max, 34, 1, 1])
        region("mirror", "alias", "serial", 0x3000_0000, 0x80).set("alias_physical_addr", u32: 0x1000_0080)
        region("shm", "real", "shared_ram", 0x5800_0000, 0x10_0000).set("shared_mem", text: "default")
        let colored = region("fast", "real", "colored_ram", 0x6000_0000, 0x10_0000)
        colored.set("first_color", u32: 2)
        colored.set("num_colors", u32: 4)
        region("fixed", "real", "ram", 0x7000_0000, 0x10_0000).set("host_physical_addr", u32: 0x9000_0000)
        _ = region("video", "virtual", "alloced_ram", 0x7800_0000, 0x1000)
        _ = region("ram", "real", "alloced_ram", 0x8000_0000, 0x800_0000)
        let port = region("port", "virtual", "sys", 0x1000_0000, 8)
        port.set("address_type", text: "io")
        port.set("compatible", text: "port")
        return guest
    }

    @Test("Each property is where the description has it")
    func everything() throws {
        let guest = try GuestDescription(Self.guest(), vcpuCount: 3)
        #expect(guest.name == "board" && !guest.isBigEndian && guest.interruptCount == 64)
        #expect(guest.node.u32("sbi_version") == 2)

        #expect(guest.vcpus.map(\.name.string) == ["vcpu0", "vcpu1", "vcpu2"])
        #expect(guest.vcpus.map(\.startsPoweredOff) == [false, true, true])
        let vcpu = guest.vcpus[2]
        #expect(vcpu.compatible.map(\.string) == ["riscv,generic"])
        #expect(vcpu.startPC == 0x1000 && vcpu.priority == 5 && vcpu.affinity == [0, 2])
        #expect(vcpu.timeSlice == 5_000_000 && vcpu.deadline == 6_000_000_000 && vcpu.periodicity == nil)

        let regions = guest.regions
        #expect(
            regions.map(\.name.string) == [
                "flash", "uart0", "net0", "mirror", "shm", "fast", "fixed", "video", "ram", "port",
            ])
        #expect(
            regions.map(\.kind) == [
                .allocated, .emulated, .passThrough(0x1_4000_0000), .alias(0x1000_0080), .shared("default"),
                .colored(first: 2, count: 4), .reserved(0x9000_0000), .hole, .allocated, .emulated,
            ])
        #expect(regions.map(\.isReadOnly) == [true] + [Bool](repeating: false, count: 9))
        #expect(regions.filter { $0.addressSpace == .io }.map(\.name.string) == ["port"])
        #expect(regions[0].alignOrder == 21 && regions[0].mapOrder == 24 && regions[8].mapOrder == nil)
        #expect(regions[8].start == 0x8000_0000 && regions[8].size == 0x800_0000 && regions[8].last == 0x87ff_ffff)
        #expect(regions[1].compatible.map(\.string) == ["vendor,uart", "ns16550a"])
        #expect(regions[1].interrupts == [10, 63] && regions[1].node.u32("fifo_size") == 16)
        #expect(regions[2].interrupts == [3, 4])
        #expect(
            regions[2].hostInterrupts == [
                .init(number: 33, type: 4, cpu: nil), .init(number: 34, type: 1, cpu: 1),
            ])
    }

    @Test("VCPUs that are written down each are taken as they are")
    func vcpus() throws {
        let tree = Self.guest()
        let vcpus = tree.add("vcpus")
        let template = try #require(tree.child("vcpu_template"))
        vcpus.add(template.copy(named: "boot")).remove("poweroff")
        vcpus.add(template.copy(named: "other")).set("start_pc", u64: 0x1_0000_0000)
        let guest = try GuestDescription(tree, vcpuCount: 7)
        #expect(guest.vcpus.map(\.name.string) == ["boot", "other"])
        #expect(guest.vcpus.map(\.startsPoweredOff) == [false, true])
        #expect(guest.vcpus.map(\.startPC) == [0x1000, 0x1_0000_0000])
    }

    @Test("A guest of a larger tree has its node's name, and errors say where it is")
    func nested() throws {
        let root = DeviceTreeNode()
        let node = root.add("guests").add(Self.guest().copy(named: "guest0"))
        #expect(try GuestDescription(node).name == "guest0")
        node.node(at: "mem0")?.set("physical_size", u32: 0)
        #expect(
            message { () throws(HyperError) in try GuestDescription(node) }
                == "/guests/guest0/aspace/ram: physical_size is 0: set it before the guest is created, or remove the "
                + "region")
    }

    @Test("What cannot be a guest is refused: which property of which node, and the mend")
    func refusals() {
        func check(
            _ expected: String, at path: Text = "/aspace/uart0", vcpus: Int = 1, _ change: (DeviceTreeNode) -> Void
        ) {
            let tree = Self.guest()
            if let node = tree.node(at: path) { change(node) }
            let message = message { () throws(HyperError) in try GuestDescription(tree, vcpuCount: vcpus) }
            #expect(message?.hasPrefix(expected) == true, "\(message ?? "no error")")
        }
        check("/: the missing device_type must be \"guest\"", at: "/") { $0.remove("device_type") }
        check("/: endianness must be one of \"little\", \"big\"", at: "/") { $0.set("endianness", text: "middle") }
        check("/: there is no node aspace", at: "/aspace") { $0.removeFromParent() }
        check("/: there is no node vcpu_template", at: "/vcpu_template") { $0.removeFromParent() }
        check("/: the guest has no VCPU", vcpus: 0) { _ in }
        check("/vcpu_template: device_type must be \"vcpu\"", at: "/vcpu_template") { $0.set("device_type", text: "x") }
        check("/vcpu_template: priority is 8", at: "/vcpu_template") { $0.set("priority", u32: 8) }
        check("/vcpu_template: affinity is empty", at: "/vcpu_template") { $0.set("affinity") }
        check("/vcpu_template: start_pc has 3 bytes", at: "/vcpu_template") { $0.set("start_pc", bytes: [1, 2, 3]) }
        check("/aspace: the missing guest_irq_count must be a number", at: "/aspace") { $0.remove("guest_irq_count") }
        check("/aspace: guest_irq_count is 65536", at: "/aspace") { $0.set("guest_irq_count", u32: 65536) }
        check("/aspace/uart0: the missing manifest_type must be one of \"real\", \"virtual\", \"alias\"") {
            $0.remove("manifest_type")
        }
        check("/aspace/uart0: address_type must be one of \"memory\", \"io\"") { $0.set("address_type", text: "x") }
        check("/aspace/uart0: the missing device_type must say what is there") { $0.remove("device_type") }
        check("/aspace/uart0: the missing compatible must name the device") { $0.remove("compatible") }
        check("/aspace/uart0: the missing guest_physical_addr must be a number") { $0.remove("guest_physical_addr") }
        check("/aspace/uart0: physical_size is 0x10: from 0xfffffffffffffff1") {
            $0.set("guest_physical_addr", u64: .max - 14)
            $0.set("physical_size", u32: 0x10)
        }
        check("/aspace/uart0: interrupts has 64: raise guest_irq_count of /aspace") { $0.set("interrupts", u32: 64) }
        check("/aspace/uart0: interrupts has 2 bytes") { $0.set("interrupts", bytes: [1, 2]) }
        check("/aspace/net0: the missing host_physical_addr must be a number", at: "/aspace/net0") {
            $0.remove("host_physical_addr")
        }
        check("/aspace/net0: host-interrupts must have", at: "/aspace/net0") { $0.set("interrupts", u32: 3) }
        check("/aspace/shm: shared_mem must name", at: "/aspace/shm") { $0.set("shared_mem", text: "") }
        check("/aspace/fast: num_colors is 0", at: "/aspace/fast") { $0.set("num_colors", u32: 0) }
        let alignment = "/aspace/flash: guest_physical_addr is 0x1000: align_order wants a multiple of 0x200000"
        check(alignment, at: "/aspace/flash") {
            $0.set("guest_physical_addr", u32: 0x1000)
        }
        check("/aspace/flash: align_order is 64", at: "/aspace/flash") { $0.set("align_order", u32: 64) }
        check("/aspace/ram: guest_physical_addr makes the region overlap /aspace/video", at: "/aspace/ram") {
            $0.set("guest_physical_addr", u32: 0x7800_0fff)
        }
        let alias = "/aspace/mirror: alias_physical_addr is 0x10000090: no region has all of the 0x80 bytes"
        check(alias, at: "/aspace/mirror") {
            $0.set("alias_physical_addr", u32: 0x1000_0090)
        }
    }

    /// `ORRERY_XVISOR` names a checkout of Xvisor, whose own guests are read then.
    static let xvisor = ProcessInfo.processInfo.environment["ORRERY_XVISOR"]

    @Test(
        "Xvisor's guests load as its scripts load them",
        .enabled(if: xvisor != nil, "ORRERY_XVISOR names no checkout of Xvisor"))
    func xvisorGuests() throws {
        let tests = try #require(Self.xvisor) + "/tests"
        let files = try FileManager.default.subpathsOfDirectory(atPath: tests).filter { $0.hasSuffix("-guest.dts") }
        #expect(files.count >= 6)
        for file in files {
            let source = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(tests)/\(file)")))
            let blob = try DeviceTreeBlobTests.dtc("dts", "dtb", source, ["-q"]).output
            let tree = try DeviceTreeNode(blob: blob)
            tree.node(at: "mem0")?.set("physical_size", u32: 0x1000_0000)
            tree.node(at: "shmem0")?.set("shared_mem", text: "default")
            let failure = message { () throws(HyperError) in
                let guest = try GuestDescription(tree, vcpuCount: 2)
                #expect(guest.vcpus.count == 2 && guest.regions.count == tree.child("aspace")?.children.count)
            }
            #expect(failure == nil, "\(file): \(failure ?? "")")
        }
    }
}
