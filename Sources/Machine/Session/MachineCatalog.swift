import ISA

/// The machines that can be run, in words.
public enum MachineCatalog {
    public struct Board: Sendable {
        public let name: String
        public let summary: String
        public let maximumHarts: Int
        public let memory: String
        /// One a line: where it is, its name in the device tree, what it is.
        public let devices: [String]
        /// What `--cpu` may turn on and off.
        public let features: [String]
    }

    public static let boards = [virt]

    private static var virt: Board {
        typealias Layout = RISCVVirtLayout
        let ranges: [(UInt64, UInt64, String)] = [
            (Layout.test.base, Layout.test.size, "test: power-off and reset (sifive,test1)"),
            (Layout.rtc.base, Layout.rtc.size, "rtc: goldfish-rtc"),
            (Layout.clint.base, Layout.clint.size, "clint: timer and software interrupts (ACLINT)"),
            (Layout.plic.base, Layout.plic.size, "plic: external interrupts (sifive,plic-1.0.0)"),
            (Layout.uart.base, Layout.uart.size, "serial: the console (ns16550a)"),
            (
                Layout.virtio.base, UInt64(Layout.virtioCount) * Layout.virtio.size,
                "virtio_mmio: \(Layout.virtioCount) slots, disks from the first on, then a network card and a display"
            ),
            (Layout.firmwareConfiguration.base, Layout.firmwareConfiguration.size, "fw-cfg: qemu,fw-cfg-mmio"),
            (Layout.flash.base, 2 * Layout.flash.size, "flash: two banks (cfi-flash)"),
        ]
        return Board(
            name: "virt", summary: "RISC-V, with the memory map of QEMU's virt board",
            maximumHarts: Layout.maximumHarts, memory: "64K to 1T at \(hexadecimal(Layout.ramBase)); 128M by default",
            devices: ranges.map { base, size, text in
                "\(hexadecimal(base))-\(hexadecimal(base + size - 1))  \(text)"
            }, features: RISCV.Features.names.map(\.name))
    }
}

extension Session {
    /// The device tree that the guest is given, as source.
    public func deviceTreeSource() throws(InputError) -> String {
        guard let placement = plan.placements.first(where: { $0.role == .deviceTree }) else { return "" }
        return try DeviceTree(InputFile(name: placement.file, bytes: Array(placement.bytes))).source
    }
}
