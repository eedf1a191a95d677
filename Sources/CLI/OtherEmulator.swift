import Machine

/// The emulator that `--against` names.
enum OtherEmulator {
    /// The path of `name`, of which `qemu` stands for QEMU's RISC-V emulator.
    static func find(_ name: String) throws(InputError) -> String {
        let program = name == "qemu" ? qemu : name
        guard let path = HostProcess.find(program) else {
            throw InputError(
                file: "--against", problem: "\(program) is not installed",
                mend: "Install it (Debian: qemu-system-misc), or give its path.")
        }
        return path
    }

    private static let qemu = "qemu-system-riscv64"

    /// The command that runs a test program, whose path goes behind it: QEMU's, with every extension that 7.2 has and a
    /// deterministic clock, or `text` itself.
    static func command(_ text: String) throws(InputError) -> [String] {
        let words = text.split(separator: " ").map(String.init)
        let path = try find(words.first ?? "")
        guard words.count == 1, path.hasSuffix(qemu) else { return [path] + words.dropFirst() }
        return [
            path, "-M", "virt", "-icount", "shift=0", "-cpu",
            "rv64,h=true,sstc=true,sscofpmf=true,svnapot=true,svpbmt=true,svinval=true,Zfh=true", "-bios", "none",
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-kernel",
        ]
    }
}
