import Foundation
import Machine

/// What `orrery bench` boots: Debian's kernel, with busybox, as `testsuites/systems/fetch` gets it.
struct BenchBoot {
    static let name = "linux"
    static let group = "boot"
    /// At the beginning of a line; no message of the kernel or the firmware begins so.
    static let prompt = Array("\n# ".utf8)
    private static let mebibytes = 256

    let target: BenchTarget
    private let firmware: String?
    private let kernel: String
    private let initrd: String

    init(for target: BenchTarget) throws(InputError) {
        self.target = target
        let root = URL(fileURLWithPath: try ProjectFolder.find("testsuites/systems/fetch"))
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
        let fetched = root + "/.build/systems"
        let folder = target == .aarch64 ? fetched + "/arm64" : fetched
        firmware = target == .aarch64 ? nil : folder + "/fw_dynamic.bin"
        kernel = folder + "/linux"
        initrd = folder + "/initramfs.cpio"
        for file in [firmware, kernel, initrd].compactMap(\.self) where access(file, R_OK) != 0 {
            throw InputError(
                file: file, problem: "is not there; the system that is booted has to be downloaded",
                mend: "Type \(root)/testsuites/systems/fetch \(fetched)\(target == .aarch64 ? " arm64" : "")")
        }
    }

    var description: String {
        "Debian's kernel \(target == .aarch64 ? "at EL2" : "by OpenSBI"), to the shell's prompt: the whole process, by the "
            + "wall's clock"
    }

    private var commandLine: String { target == .aarch64 ? "console=ttyAMA0" : "console=ttyS0" }

    var orreryOptions: [String] {
        (firmware.map { ["--firmware", $0] } ?? []) + ["--kernel", kernel, "--initrd", initrd]
            + ["--append", commandLine, "--memory", "\(Self.mebibytes)M"] + target.orreryOptions()
    }

    /// The same machine, for who runs it in this process.
    var machineDescription: MachineDescription {
        var description = MachineDescription()
        if target == .aarch64 { (description.machine, description.cpu) = ("aarch64-virt", BenchTarget.model) }
        (description.firmware, description.kernel, description.initrd) = (firmware, kernel, initrd)
        description.append = commandLine
        description.memory = ByteCount(UInt64(Self.mebibytes) << 20)
        return description
    }

    var qemuOptions: [String] {
        let machine =
            target == .aarch64 ? target.qemuOptions() : ["-M", "virt", "-cpu", OtherEmulator.processor]
        return machine + (firmware.map { ["-bios", $0] } ?? [])
            + ["-m", "\(Self.mebibytes)", "-kernel", kernel, "-initrd", initrd, "-append", commandLine]
    }
}
