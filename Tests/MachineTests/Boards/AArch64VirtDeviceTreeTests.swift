import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Device tree of AArch64's virt board")
struct AArch64VirtDeviceTreeTests {
    /// True where the QEMU is one of those whose tree this is.
    private static var hasQEMU: Bool {
        let output = try? ExternalTool.run("qemu-system-aarch64", ["--version"])
        return output.map { String(decoding: $0, as: UTF8.self).contains("version 7.2") } ?? false
    }

    @Test(
        "QEMU 7.2 makes the same tree, but for the listed differences", .enabled(if: hasQEMU),
        arguments: [(1, .two, true), (3, .two, false), (8, .three, true), (2, .three, false)]
            as [(Int, AArch64Virt.GICVersion, Bool)])
    func sameAsQEMU(cpus: Int, version: AArch64Virt.GICVersion, hasEL2: Bool) throws {
        let machine = "virt,gic-version=\(version.rawValue),virtualization=\(hasEL2 ? "on" : "off"),dumpdtb=@"
        let bytes = try #require(
            try ExternalTool.run(
                "sh",
                [
                    "-c",
                    "qemu-system-aarch64 -M \(machine) -cpu cortex-a72 -smp \(cpus) -m 256M -display none >&2; cat @",
                ]))
        var theirs = try DeviceTree(InputFile(name: "qemu.dtb", bytes: bytes))
        theirs.root.children.removeAll { $0.name == "platform-bus@c000000" }
        theirs.edit("/chosen") { chosen in for seed in ["rng-seed", "kaslr-seed"] { chosen[seed] = nil } }
        let tree = AArch64VirtDeviceTree(
            cpus: cpus, memorySize: 256 << 20, cpu: "arm,cortex-a72", hasEL2: hasEL2, gicVersion: version
        ).tree
        let ours = try DeviceTree(InputFile(name: "ours.dtb", bytes: tree.blob()))
        #expect(Self.sorted(ours.root) == Self.sorted(theirs.root))
    }

    @Test(
        "With Secure state, QEMU 7.2 makes the same tree for what begins at EL3", .enabled(if: hasQEMU),
        arguments: [AArch64Virt.GICVersion.two, .three])
    func sameAsQEMUWithSecureState(version: AArch64Virt.GICVersion) throws {
        let machine = "virt,virtualization=on,secure=on,gic-version=\(version.rawValue),dumpdtb=@"
        let bytes = try #require(
            try ExternalTool.run(
                "sh",
                [
                    "-c",
                    "qemu-system-aarch64 -M \(machine) -cpu cortex-a72 -m 256M -display none >&2; cat @",
                ]))
        var theirs = try DeviceTree(InputFile(name: "qemu.dtb", bytes: bytes))
        theirs.root.children.removeAll { $0.name == "platform-bus@c000000" }
        for node in ["/chosen", "/secure-chosen"] {
            theirs.edit(node) { chosen in for seed in ["rng-seed", "kaslr-seed"] { chosen[seed] = nil } }
        }
        let tree = AArch64VirtDeviceTree(
            cpus: 1, memorySize: 256 << 20, cpu: "arm,cortex-a72", hasEL2: true, gicVersion: version, isSecure: true,
            hasBuiltInFirmware: false
        ).tree
        let ours = try DeviceTree(InputFile(name: "ours.dtb", bytes: tree.blob()))
        #expect(Self.sorted(ours.root) == Self.sorted(theirs.root))
    }

    /// Lines of a tree with each node's properties sorted: their order means nothing.
    private static func sorted(_ node: DeviceTree.Node) -> [String] {
        let properties = node.properties.map { "\($0.name) = \($0.value)" }.sorted()
        return ["{ " + node.name] + properties + node.children.flatMap(sorted) + ["}"]
    }
}
