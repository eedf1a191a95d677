import Machine

/// The architecture that programs are built for, by its folder's name in `testsuites/bench`, and how they are run.
enum BenchTarget: String, Decodable {
    case riscv, aarch64

    /// That of the board which the user calls `name`; the first board's when nil.
    init(board name: String?) throws(InputError) {
        guard let entry = try MachineCatalog.entry(named: name) else {
            self = .riscv
            return
        }
        self = entry.architecture == .aarch64 ? .aarch64 : .riscv
    }

    var machine: ELFFile.Machine { self == .aarch64 ? .aarch64 : .riscv }

    /// Where its programs are kept.
    var folder: String { ProjectFolder.cache(self == .aarch64 ? "bench-aarch64" : "bench") }

    /// The CPU that both emulators are told of, and where a program wants it the interrupt controller; on RISC-V we have what
    /// QEMU has without being told.
    func orreryOptions(gicVersion: Int? = nil) -> [String] {
        guard self == .aarch64 else { return [] }
        let board = gicVersion.map { ["--machine", "aarch64-virt,gic-version=\($0)"] } ?? []
        return board + ["--cpu", Self.model]
    }

    /// QEMU's for a program that needs no firmware.
    func qemuOptions(gicVersion: Int? = nil) -> [String] {
        switch self {
        case .riscv: ["-M", "virt", "-cpu", "rv64,h=true", "-bios", "none"]
        case .aarch64: Self.board(gicVersion: gicVersion ?? 2) + ["-cpu", Self.model]
        }
    }

    private static func board(gicVersion: Int) -> [String] {
        ["-M", "virt,virtualization=on,gic-version=\(gicVersion)"]
    }
    static let model = "cortex-a72"
}
