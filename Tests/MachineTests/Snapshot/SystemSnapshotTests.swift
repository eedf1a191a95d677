import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Whole systems go on from a snapshot as without one. They boot here only as far as a debug build's tests may take.
@Suite("Snapshots of systems")
struct SystemSnapshotTests {
    /// A system that boots, and where its states are taken.
    struct System: CustomTestStringConvertible, Sendable {
        var name: String
        var images: [String]
        var places: [UInt64]
        var configure: @Sendable (inout MachineDescription) -> Void
        var testDescription: String { name }
        var isThere: Bool { images.allSatisfy { BuiltImages.exists($0) } }
    }

    private static func linux(_ description: inout MachineDescription, _ harts: Int, _ machine: String) {
        description.kernel = BuiltImages.path("systems/linux")
        description.initrd = BuiltImages.path("systems/guest.cpio")
        description.firmware = BuiltImages.path("systems/fw_dynamic.bin")
        description.append = "console=ttyS0"
        description.memory = ByteCount(256 << 20)
        connect(&description, harts, machine)
    }

    private static func linuxOfAArch64(_ description: inout MachineDescription, _ harts: Int, _ machine: String) {
        description.kernel = BuiltImages.path("systems/arm64/linux")
        description.initrd = BuiltImages.path("systems/arm64/pci.cpio")
        description.append = "console=ttyAMA0"
        description.memory = ByteCount(512 << 20)
        description.cpu = "cortex-a72"
        connect(&description, harts, machine)
    }

    private static func connect(_ description: inout MachineDescription, _ harts: Int, _ machine: String) {
        description.machine = machine
        description.harts = harts
        description.drives = [
            MachineDescription.Drive(path: BuiltImages.path("systems/fw_dynamic.bin"), isSnapshot: true)
        ]
        var user = MachineDescription.Network.User()
        user.isRestricted = true
        description.net = .user(user)
        description.display = .headless
    }

    static let systems: [System] = {
        let riscv = ["systems/linux", "systems/guest.cpio", "systems/fw_dynamic.bin"]
        let arm = ["systems/arm64/linux", "systems/arm64/pci.cpio", "systems/fw_dynamic.bin"]
        let early: [UInt64] = [40_000_000, 200_000_000, 500_000_000]
        return [
            System(name: "Linux, virtio_mmio", images: riscv, places: early) { linux(&$0, 1, "virt") },
            System(name: "Linux, legacy", images: riscv, places: early) {
                linux(&$0, 3, "virt,virtio=mmio-legacy")
            },
            System(name: "Linux, PCI", images: riscv, places: early) { linux(&$0, 4, "virt,virtio=pci") },
            System(name: "Linux of AArch64, GICv2", images: arm, places: early) {
                linuxOfAArch64(&$0, 1, "aarch64-virt")
            },
            System(name: "Linux of AArch64, GICv2, PCI", images: arm, places: early) {
                linuxOfAArch64(&$0, 3, "aarch64-virt,virtio=pci")
            },
            System(name: "Linux of AArch64, GICv3 with ITS, PCI", images: arm, places: early) {
                linuxOfAArch64(&$0, 4, "aarch64-virt,gic-version=3,virtio=pci")
            },
            System(
                name: "Trusted Firmware", images: ["systems/arm64/trusted-firmware-gicv3.bin"],
                places: [5_000_000, 60_000_000]
            ) {
                $0.machine = "aarch64-virt,secure=on,gic-version=3"
                $0.firmware = BuiltImages.path("systems/arm64/trusted-firmware-gicv3.bin")
                $0.memory = ByteCount(1 << 30)
                $0.cpu = "cortex-a72"
                $0.harts = 2
            },
            System(
                name: "Hyper and two guests",
                images: ["systems/guests.cpio", "systems/guests.img", "firmware/riscv/hyper.elf"],
                places: [20_000_000, 400_000_000, 1_500_000_000]
            ) {
                $0.firmware = BuiltImages.path("firmware/riscv/firmware.elf")
                $0.kernel = BuiltImages.path("firmware/riscv/hyper.elf")
                $0.initrd = BuiltImages.path("systems/guests.cpio")
                $0.drives = [MachineDescription.Drive(path: BuiltImages.path("systems/guests.img"), isSnapshot: true)]
                $0.append = "bootcmd=\"vfs run /first.script\""
                $0.memory = ByteCount(1 << 30)
                $0.harts = 4
            },
        ]
    }()

    @Test("A system goes on from a snapshot as without one", arguments: systems.filter(\.isThere))
    func system(_ system: System) throws {
        var description = MachineDescription()
        system.configure(&description)
        let oracle = SnapshotOracle(
            description: description, engines: (.jit, .jit), quantum: Scheduler.sharedQuantum, length: 6_000_000,
            comparisons: 2)
        let reached = try oracle.check(after: system.places, input: Array("\n".utf8))
        #expect(reached == system.places.count, "it ended before its state was to be taken: take it earlier")
    }
}
