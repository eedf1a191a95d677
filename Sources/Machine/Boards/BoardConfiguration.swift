import ISA
import JIT

/// What VirtIO devices are attached to.
public enum VirtIOBus: String, MachineOption {
    public static let name = "virtio"
    public static let summary =
        "where disks, cards and the like are: in virtio_mmio slots, there with the legacy interface, or on PCI"
    case mmio
    case legacy = "mmio-legacy"
    case pci
}

/// What a board is built from.
/// - Parameter CPU: what its CPUs are chosen by.
public struct BoardConfiguration<CPU> {
    public var cpu: CPU
    public var cpus = 1
    public var memorySize: UInt64 = 128 << 20
    /// The machine's time, for whoever outside the machine goes by it.
    public var clock = Clock()
    public var console: any ConsoleBackend
    /// Wall-clock time at power-on, in nanoseconds since 1970: a number, so that runs are the same. It is
    /// 2026-01-01 00:00:00 UTC.
    public var powerOnTime: UInt64 = 1_767_225_600 * 1_000_000_000
    /// What VirtIO devices are attached to.
    public var virtio = VirtIOBus.mmio
    /// Disks of the first VirtIO slots, in order; a console and an entropy source take the last two.
    public var drives: [MachineDescription.Drive] = []
    /// What the network card is connected to; without it there is no card. It takes the slot after the disks.
    public var network: (any NetworkBackend)?
    public var macAddress = MACAddress.standard
    /// What the flash banks hold, the first one first.
    public var flash: [MachineDescription.Drive] = []
    /// Whether a screen, a keyboard and a tablet take the VirtIO slots after the disks and the network card.
    public var hasDisplay = false
    /// What the entropy sources are seeded with.
    public var seed: UInt64 = 0
    /// What executes instructions: the run is the same with each.
    public var engine = Engine.default
    public var jitOptions = HotCode.Options()
    /// Told in a sentence of trouble with the host or with a driver.
    public var report: (String) -> Void = { _ in }

    public init(cpu: CPU, console: any ConsoleBackend) {
        self.cpu = cpu
        self.console = console
    }

    /// What the user asks for.
    init(cpu: CPU, _ description: MachineDescription, _ connections: BoardConnections) throws(InputError) {
        self.init(cpu: cpu, console: connections.console)
        cpus = description.harts ?? 1
        memorySize = description.memorySize
        virtio = description.option(VirtIOBus.self)
        drives = description.drives
        flash = description.flash
        hasDisplay = try description.hasDisplay
        seed = description.seed ?? 0
        clock = connections.clock
        network = connections.network
        macAddress = connections.macAddress
        report = connections.report
        engine = description.engine ?? .default
        jitOptions = description.jitOptions
    }

    /// The JIT of a machine; nil where none is wanted, or, and a reason is reported, this host has none.
    func makeTranslator(_ guest: GuestTranslation, memory: PhysicalMemory) -> HotCode? {
        guard engine == .jit else { return nil }
        do throws(HotCode.Unavailable) {
            return try HotCode(memory: memory, guest: guest, options: jitOptions)
        } catch {
            report("the JIT is not available, so that all code is interpreted: \(error)")
            return nil
        }
    }

    /// Pages of decoded code, where it matters how few there are: whoever injects faults wants pages to go too.
    var decodedPages: Int? { engine == .jit && jitOptions.injectsFaults ? 16 : nil }
}

extension MachineDescription {
    /// In bytes; what a machine has whose description does not say.
    var memorySize: UInt64 { memory?.bytes ?? 128 << 20 }
}
