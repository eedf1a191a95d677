import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Device tree of the RISC-V virt board")
struct RISCVVirtDeviceTreeTests {
    static func tree(harts: Int) -> DeviceTree {
        let isa = RISCVISA(
            letters: "imafdch",
            extensions: ["sstc", "zbs", "zba", "zihintpause", "zifencei", "zicsr", "zbc", "zbb"])
        return RISCVVirtDeviceTree(harts: harts, memorySize: 256 << 20, isa: isa, mmu: .sv48).tree
    }

    @Test("The ISA string has its extensions in canonical order")
    func isaString() {
        // What QEMU 7.2 prints for its default CPU.
        #expect(
            Self.tree(harts: 1).node(at: "/cpus/cpu@0")?.string("riscv,isa")
                == "rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc")
        #expect(
            RISCVISA(letters: "hcvdfami", extensions: ["xorrery", "svpbmt", "zvbb", "zicbom", "smstateen"]).string
                == "rv64imafdcvh_zicbom_zvbb_smstateen_svpbmt_xorrery")
    }

    /// `-M virt,dumpdtb=... -smp 2 -m 256M` of QEMU 7.2.22, read with dtc: compatible strings, registers, interrupts.
    private static let facts: [(path: String, compatible: [String], reg: [UInt32]?, interrupts: [UInt32]?)] = [
        ("/", ["riscv-virtio"], nil, nil),
        ("/fw-cfg@10100000", ["qemu,fw-cfg-mmio"], [0, 0x1010_0000, 0, 0x18], nil),
        ("/flash@20000000", ["cfi-flash"], [0, 0x2000_0000, 0, 0x200_0000, 0, 0x2200_0000, 0, 0x200_0000], nil),
        ("/poweroff", ["syscon-poweroff"], nil, nil),
        ("/reboot", ["syscon-reboot"], nil, nil),
        ("/cpus/cpu@0", ["riscv"], [0], nil),
        ("/cpus/cpu@0/interrupt-controller", ["riscv,cpu-intc"], nil, nil),
        ("/cpus/cpu@1", ["riscv"], [1], nil),
        ("/cpus/cpu@1/interrupt-controller", ["riscv,cpu-intc"], nil, nil),
        ("/soc", ["simple-bus"], nil, nil),
        ("/soc/rtc@101000", ["google,goldfish-rtc"], [0, 0x10_1000, 0, 0x1000], [11]),
        ("/soc/serial@10000000", ["ns16550a"], [0, 0x1000_0000, 0, 0x100], [10]),
        ("/soc/test@100000", ["sifive,test1", "sifive,test0", "syscon"], [0, 0x10_0000, 0, 0x1000], nil),
        ("/soc/pci@30000000", ["pci-host-ecam-generic"], [0, 0x3000_0000, 0, 0x1000_0000], nil),
        ("/soc/virtio_mmio@10008000", ["virtio,mmio"], [0, 0x1000_8000, 0, 0x1000], [8]),
        ("/soc/virtio_mmio@10007000", ["virtio,mmio"], [0, 0x1000_7000, 0, 0x1000], [7]),
        ("/soc/virtio_mmio@10006000", ["virtio,mmio"], [0, 0x1000_6000, 0, 0x1000], [6]),
        ("/soc/virtio_mmio@10005000", ["virtio,mmio"], [0, 0x1000_5000, 0, 0x1000], [5]),
        ("/soc/virtio_mmio@10004000", ["virtio,mmio"], [0, 0x1000_4000, 0, 0x1000], [4]),
        ("/soc/virtio_mmio@10003000", ["virtio,mmio"], [0, 0x1000_3000, 0, 0x1000], [3]),
        ("/soc/virtio_mmio@10002000", ["virtio,mmio"], [0, 0x1000_2000, 0, 0x1000], [2]),
        ("/soc/virtio_mmio@10001000", ["virtio,mmio"], [0, 0x1000_1000, 0, 0x1000], [1]),
        ("/soc/plic@c000000", ["sifive,plic-1.0.0", "riscv,plic0"], [0, 0xc00_0000, 0, 0x60_0000], nil),
        ("/soc/clint@2000000", ["sifive,clint0", "riscv,clint0"], [0, 0x200_0000, 0, 0x1_0000], nil),
    ]

    @Test("Each node has the compatible strings, registers and interrupts of QEMU's")
    func facts() throws {
        let tree = Self.tree(harts: 2)
        for fact in Self.facts {
            let node = try #require(tree.node(at: fact.path), "\(fact.path) is missing")
            #expect(node.strings("compatible") == fact.compatible, "\(fact.path)")
            #expect(node.cells("reg") == fact.reg, "\(fact.path)")
            #expect(node.cells("interrupts") == fact.interrupts, "\(fact.path)")
        }
        var paths: [String] = []
        func walk(_ node: DeviceTree.Node, _ path: String) {
            if node["compatible"] != nil { paths.append(path.isEmpty ? "/" : path) }
            for child in node.children { walk(child, path + "/" + child.name) }
        }
        walk(tree.root, "")
        #expect(paths == Self.facts.map(\.path), "no others, and in QEMU's order, which Linux numbers devices by")
    }

    @Test("Interrupts are wired by handle: devices to the PLIC, the PLIC and CLINT to each hart")
    func wiring() throws {
        let tree = Self.tree(harts: 3)
        func node(_ path: String) throws -> DeviceTree.Node { try #require(tree.node(at: path)) }
        func handle(_ path: String) throws -> UInt32 { try #require(try node(path).cells("phandle")?.first) }
        let plic = try handle("/soc/plic@c000000")
        for path in Self.facts.filter({ $0.interrupts != nil }).map(\.path) {
            #expect(try node(path).cells("interrupt-parent") == [plic], "\(path)")
        }
        let harts = try (0..<3).map { try handle("/cpus/cpu@\($0)/interrupt-controller") }
        // Machine and supervisor external interrupts are 11 and 9; machine software and timer 3 and 7 (mip, Privileged
        // ISA 3.1.9).
        #expect(try node("/soc/plic@c000000").cells("interrupts-extended") == harts.flatMap { [$0, 11, $0, 9] })
        #expect(try node("/soc/clint@2000000").cells("interrupts-extended") == harts.flatMap { [$0, 3, $0, 7] })
        let test = try handle("/soc/test@100000")
        for (name, value) in [("poweroff", 0x5555), ("reboot", 0x7777)] as [(String, UInt32)] {
            #expect(try node("/" + name).cells("regmap") == [test])
            #expect(try node("/" + name).cells("value") == [value])
        }
        for hart in 0..<3 {
            #expect(
                try node("/cpus/cpu-map/cluster0/core\(hart)").cells("cpu") == [handle("/cpus/cpu@\(hart)")])
        }
        #expect(try node("/chosen").string("stdout-path") == "/soc/serial@10000000")
    }

    @Test("A hart with Zicbom and Zicboz names its block sizes, which Linux demands")
    func cacheBlocks() throws {
        let isa = RISCVISA(letters: "imac", extensions: ["zicbom", "zicboz"])
        let tree = RISCVVirtDeviceTree(harts: 1, memorySize: 1 << 24, isa: isa, mmu: .sv39).tree
        let cpu = try #require(tree.node(at: "/cpus/cpu@0"))
        #expect(cpu.cells("riscv,cbom-block-size") == [64])
        #expect(cpu.cells("riscv,cboz-block-size") == [64])
        #expect(cpu.string("mmu-type") == "riscv,sv39")
    }

    /// True where the QEMU is one of those whose tree this is.
    private static var hasQEMU: Bool {
        let output = try? ExternalTool.run("qemu-system-riscv64", ["--version"])
        return output.map { String(decoding: $0, as: UTF8.self).contains("version 7.2") } ?? false
    }

    @Test("QEMU 7.2 makes the same tree, but for the listed differences", .enabled(if: hasQEMU), arguments: [1, 4])
    func sameAsQEMU(harts: Int) throws {
        let bytes = try #require(
            try ExternalTool.run(
                "sh", ["-c", "qemu-system-riscv64 -M virt,dumpdtb=@ -smp \(harts) -m 256M -display none >&2; cat @"]))
        var theirs = try DeviceTree(InputFile(name: "qemu.dtb", bytes: bytes))
        theirs.root.children.removeAll { ["pmu", "platform-bus@4000000"].contains($0.name) }
        theirs.edit("/chosen") { $0["rng-seed"] = nil }
        let ours = try DeviceTree(InputFile(name: "ours.dtb", bytes: Self.tree(harts: harts).blob()))
        #expect(Self.sorted(ours.root) == Self.sorted(theirs.root))
    }

    /// Lines of a tree with each node's properties sorted: their order means nothing.
    private static func sorted(_ node: DeviceTree.Node) -> [String] {
        let properties = node.properties.map { "\($0.name) = \($0.value)" }.sorted()
        return ["{ " + node.name] + properties + node.children.flatMap(sorted) + ["}"]
    }
}
