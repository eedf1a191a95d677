import ISA
import JIT

/// A machine as sessions and tools see it, whatever its CPUs are.
///
/// It is asked between turns, and never for each instruction. ``MachineCatalog/boards`` lists the boards there are.
public protocol Board: AnyObject {
    /// What is known of such machines before one is built.
    static var catalogEntry: MachineCatalog.Entry { get }

    /// Builds the machine that `description` asks for; its images are loaded later, by ``powerOn(_:)``.
    init(_ description: MachineDescription, _ connections: BoardConnections) throws(InputError)

    /// Refuses what is no CPU of the board.
    static func checkCPU(_ text: String?) throws(InputError)

    var memory: PhysicalMemory { get }
    var space: AddressSpace { get }
    var clock: Clock { get }
    var scheduler: Scheduler { get }
    /// In the order of their numbers.
    var processors: [any InspectableProcessor] { get }
    /// In the order of their addresses.
    var devices: [any Device] { get }
    /// What the guest last asked of the machine as a whole.
    var request: MachineRequest? { get }
    /// What executes instructions: the interpreter, too, where the JIT was asked for and is not available.
    var engine: Engine { get }
    /// The JIT, where that is what executes.
    var translator: HotCode? { get }
    var translationFigures: TranslationFigures? { get }
    /// The screen, and what a person in front of it has; nil on a machine without.
    var display: Display? { get }
    var ramBase: UInt64 { get }
    var memorySize: UInt64 { get }
    /// Where images lie that do not say.
    var loadRules: any LoadRules { get }

    /// Loads a plan and resets everything.
    func powerOn(_ plan: LoadPlan) throws(InputError)
    /// The tree that describes the machine to its guest.
    func deviceTree(bootArguments: String?, initrd: Range<UInt64>?) -> DeviceTree
    /// Gives what the user wants started to firmware that looks for it.
    func offerToFirmware(kernel: InputFile?, initrd: InputFile?, commandLine: String?)
    /// The line of the console is broken for longer than a character takes.
    func receiveBreak()
    /// What the JIT makes of the code at a physical address; nil where it makes nothing.
    func translationListing(at address: UInt64) -> TranslationListing?
}

extension Board {
    public var architecture: ELFFile.Machine { Self.catalogEntry.architecture }

    /// What the manual calls a CPU: `hart`.
    public var noun: String { processors.first.map { type(of: $0).noun } ?? "CPU" }

    /// Instructions executed by all CPUs.
    public var executed: UInt64 { processors.reduce(0) { $0 &+ $1.executed } }
}

/// What a board is connected to.
public struct BoardConnections {
    /// The machine's time, for whoever outside the machine goes by it.
    public var clock = Clock()
    public var console: any ConsoleBackend
    /// What the network card is connected to, and its address; without it there is no card.
    public var network: (any NetworkBackend)?
    public var macAddress = MACAddress.standard
    /// Told in a sentence of trouble with the host or with a driver.
    public var report: (String) -> Void = { _ in }

    public init(console: any ConsoleBackend) {
        self.console = console
    }
}

/// What boards are built from, beside their CPUs.
protocol BoardConfiguration {
    var memorySize: UInt64 { get set }
    var clock: Clock { get set }
    var console: any ConsoleBackend { get set }
    var drives: [MachineDescription.Drive] { get set }
    var network: (any NetworkBackend)? { get set }
    var macAddress: MACAddress { get set }
    var flash: [MachineDescription.Drive] { get set }
    var hasDisplay: Bool { get set }
    var seed: UInt64 { get set }
    /// What executes instructions.
    var engine: Engine { get set }
    var jitOptions: HotCode.Options { get set }
    var report: (String) -> Void { get set }
}

extension BoardConfiguration {
    /// Takes over what the user asks for.
    mutating func set(_ description: MachineDescription, _ connections: BoardConnections) throws(InputError) {
        memorySize = description.memorySize
        drives = description.drives
        flash = description.flash
        hasDisplay = try description.hasDisplay
        seed = description.seed ?? 0
        clock = connections.clock
        console = connections.console
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
