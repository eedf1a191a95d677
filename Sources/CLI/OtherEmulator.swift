import Machine

/// The emulator that `--against` names.
enum OtherEmulator {
    /// The path of `name`, of which `qemu` stands for QEMU's RISC-V emulator.
    static func find(_ name: String) throws(InputError) -> String {
        let program = name == "qemu" ? "qemu-system-riscv64" : name
        guard let path = HostProcess.find(program) else {
            throw InputError(
                file: "--against", problem: "\(program) is not installed",
                mend: "Install it (Debian: qemu-system-misc), or give its path.")
        }
        return path
    }
}
