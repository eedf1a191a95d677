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
    /// The tree that describes the machine to what the plan loads.
    func deviceTree(for plan: LoadPlan, bootArguments: String?) -> DeviceTree
    /// Gives what the user wants started to firmware that looks for it.
    func offerToFirmware(kernel: InputFile?, initrd: InputFile?, commandLine: String?)
    /// Has `observer` told of each interrupt that the CPU whose turn it is gets from its controller by number.
    func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void)
    /// The line of the console is broken for longer than a character takes.
    func receiveBreak()
    /// What the JIT makes of the code at a physical address; nil where it makes nothing.
    func translationListing(at address: UInt64) -> TranslationListing?

    /// Walks the state that is the board's own: of no CPU, no device, and not of time.
    func describeOwnState(_ visitor: inout some StateVisitor)
    /// All state was replaced, that of CPUs and devices as well: works out what follows from it.
    func ownStateRestored()
}

extension Board {
    /// Where no controller tells of them.
    public func observeAcknowledgements(_ observer: @escaping (InterruptAcknowledgement) -> Void) {}

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
