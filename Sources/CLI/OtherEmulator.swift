import Machine

/// The emulator that `--against` names.
enum OtherEmulator {
    /// The path of `name`, of which `qemu` stands for QEMU's emulator of the architecture.
    static func find(_ name: String, for architecture: ELFFile.Machine = .riscv) throws(InputError) -> String {
        let program = name == "qemu" ? qemu(architecture) : name
        guard let path = HostProcess.find(program) else {
            throw InputError(
                file: "--against", problem: "\(program) is not installed",
                mend:
                    "Install it (Debian: \(architecture == .aarch64 ? "qemu-system-arm" : "qemu-system-misc")), or give its path."
            )
        }
        return path
    }

    private static func qemu(_ architecture: ELFFile.Machine) -> String {
        architecture == .aarch64 ? "qemu-system-aarch64" : "qemu-system-riscv64"
    }

    /// What QEMU is told of the processor: every extension that 7.2 has.
    static let processor =
        "rv64,h=true,sstc=true,sscofpmf=true,svnapot=true,svpbmt=true,svinval=true,Zfh=true"

    /// The first line of what the emulator at `path` says of its version.
    static func version(_ path: String) throws(InputError) -> String {
        let said = String(decoding: try HostProcess(path, ["--version"], limit: 60).run().output, as: UTF8.self)
        return said.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// The command that runs a test program, whose path goes behind it: QEMU's, with a deterministic clock, or
    /// `text` itself.
    /// - Parameter machine: our board, whose interrupt controller and Secure state QEMU's has too.
    static func command(
        _ text: String, for architecture: ELFFile.Machine, machine board: String? = nil
    ) throws(InputError) -> [String] {
        let words = text.split(separator: " ").map(String.init)
        let path = try find(words.first ?? "", for: architecture)
        guard words.count == 1, path.hasSuffix(qemu(architecture)) else { return [path] + words.dropFirst() }
        let options = (board?.split(separator: ",") ?? []).filter {
            $0.hasPrefix("gic-version=") || $0.hasPrefix("secure=")
        }
        let machine =
            architecture == .aarch64
            ? ["-M", (["virt", "virtualization=on"] + options).joined(separator: ","), "-cpu", "max"]
            : ["-M", "virt", "-cpu", processor, "-bios", "none"]
        return [path] + machine + [
            "-icount", "shift=0", "-display", "none", "-serial", "stdio", "-monitor", "none", "-kernel",
        ]
    }
}
