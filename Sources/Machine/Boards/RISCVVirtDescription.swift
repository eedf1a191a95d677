import ISA
import JIT

/// RISC-V's board as the user describes it.
extension RISCVVirt: Board {
    public func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {
        plic.acknowledged = { observer(InterruptAcknowledgement(number: $0, isVirtual: false)) }
    }

    public convenience init(_ description: MachineDescription, _ connections: BoardConnections) throws(InputError) {
        try self.init(Configuration(cpu: try RISCV.Features(cpu: description.cpu), description, connections))
    }

    public static func checkCPU(_ text: String?) throws(InputError) { _ = try RISCV.Features(cpu: text) }

    public var ramBase: UInt64 { RISCVVirtLayout.ramBase }
    public var loadRules: any LoadRules { RISCVLoadRules() }

    public func deviceTree(for plan: LoadPlan, bootArguments: String?) -> DeviceTree {
        var tree = deviceTree
        tree.bootArguments = bootArguments
        tree.initrd = plan.initrd
        return tree.tree
    }

    /// It is loaded, and starts what its information names.
    public func offerToFirmware(kernel: InputFile?, initrd: InputFile?, commandLine: String?) {}

    public func receiveBreak() { uart.receiveBreak() }

    public var translationFigures: TranslationFigures? {
        translator.map { TranslationFigures($0.statistics, of: executed, on: RISCV.Hart.self) }
    }

    public func translationListing(at address: UInt64) -> TranslationListing? {
        translator?.listing(at: address, of: harts[0])
    }

    public static var catalogEntry: MachineCatalog.Entry {
        typealias Layout = RISCVVirtLayout
        let rows: [(AddressWindow, String)] = [
            (Layout.test, "test: power-off and reset (sifive,test1)"),
            (Layout.rtc, "rtc: goldfish-rtc"),
            (Layout.clint, "clint: timer and software interrupts (ACLINT)"),
            (Layout.plic, "plic: external interrupts (sifive,plic-1.0.0)"),
            (Layout.uart, "serial: the console (ns16550a)"),
            (
                Layout.virtio.times(Layout.virtioCount),
                "virtio_mmio: \(Layout.virtioCount) slots, disks from the first on, then a network card and a display"
            ),
            (Layout.firmwareConfiguration, "fw-cfg: qemu,fw-cfg-mmio"),
            (Layout.flash.times(2), "flash: two banks (cfi-flash)"),
        ]
        return MachineCatalog.Entry(
            names: ["virt", "riscv-virt"], summary: "RISC-V, with the memory map of QEMU's virt board",
            architecture: .riscv, firmware: .loaded, processors: "harts", maximumProcessors: Layout.maximumHarts,
            memory: "64K to 1T at \(hexadecimal(Layout.ramBase)); 128M by default",
            devices: MachineCatalog.listing(rows + Layout.pcie(memorySize: MachineDescription().memorySize).rows),
            cpu: "max (all of these), or rv64 and a choice:", features: RISCV.Features.names.map(\.name),
            options: [VirtIOBus.self])
    }
}

extension RISCV.Features {
    /// Features that include another: that is on where they are on.
    private static let includes: [(whole: Self, part: Self)] = [(.zfh, .zfhmin), (.sv57, .sv48)]

    /// The features that `text` asks for: a comma-separated list that starts with `max` (all of them, as nil does) or
    /// `rv64` (RV64GC alone), and then turns single ones on (`zba=on`, `zba`) or off (`h=off`).
    public init(cpu text: String?) throws(InputError) {
        self = .all
        guard let text else { return }
        for (index, word) in text.split(separator: ",").map(String.init).enumerated() {
            if index == 0 && (word == "max" || word == "rv64") {
                self = word == "max" ? .all : [.misaligned, .sv48, .sv57]
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map { $0.lowercased() }
            let names = Self.names
            guard let name = parts.first, let feature = names.first(where: { $0.name == name })?.feature else {
                let near = nearestWord(to: word, among: names.map(\.name))
                throw InputError(
                    file: "--cpu", problem: "\"\(word)\" is no feature of this CPU",
                    mend: near.map { "Did you mean \($0)?" }
                        ?? "Features: \(names.map(\.name).joined(separator: ", ")).")
            }
            switch parts.count > 1 ? parts[1] : "on" {
            case "on", "true":
                insert(feature)
                for (whole, part) in Self.includes where whole == feature { insert(part) }
            case "off", "false":
                remove(feature)
                for (whole, part) in Self.includes where part == feature { remove(whole) }
            default:
                throw InputError(
                    file: "--cpu", problem: "\(name) is \"\(parts[1])\", and must be on or off",
                    mend: "Write \(name)=on or \(name)=off.")
            }
        }
    }
}
