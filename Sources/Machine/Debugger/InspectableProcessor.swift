import ISA

/// A CPU that tools look into, whatever its architecture: post-mortems, traces, comparisons, the monitor.
///
/// An architecture's side of this is in files of its own beside this one. None of it is on a hot path.
public protocol InspectableProcessor: Processor {
    /// What its manual calls one: `hart`.
    static var noun: String { get }
    /// The address of the next instruction.
    var programCounter: UInt64 { get }
    var privilege: PrivilegeLevel { get }
    /// The number of the guest that runs, or would.
    var guest: UInt64 { get }
    /// Why it executes nothing: `waits (wfi)`; nil where it does.
    var idleness: String? { get }
    /// What it does or waits for, and what keeps pending interrupts from it: clauses of one sentence.
    /// - Parameter since: the virtual time since when it waits, where that is known.
    func activity(since: UInt64?) -> [String]
    /// The latest exceptions and interrupts, oldest first.
    var recentExceptions: [ExceptionRecord] { get }
    var figures: ProcessorFigures { get }
    /// Has `observer` told of each exception and interrupt after it was taken; nil ends that.
    func observeExceptions(_ observer: ((ExceptionRecord) -> Void)?)

    /// What such a write is called in traces: `csr`.
    static var registerLabel: String { get }
    /// Has `observer` told of each write of a system register; nil ends that.
    func observeRegisters(_ observer: ((_ name: String, _ value: UInt64) -> Void)?)

    /// The bits of the instruction that it would execute next, read without effect; nil where it could not.
    func instructionWord() -> UInt32?

    /// All registers by name, those of the system with what their bits mean.
    func registerLines(_ symbols: SymbolFinder) -> [String]
    /// What a register holds; nil where none has the name.
    func register(named name: String) -> UInt64?
    /// All levels that such a CPU may have, by their names.
    static var levelNames: [String] { get }
    /// Each step of an address's translation, at the current level or that of the name `level`.
    func translationLines(
        _ address: UInt64, for access: AccessKind, as level: String?, _ memory: PhysicalMemory
    ) -> [String]
    /// Where the address leads at the current level, found without effect; nil where the access would fault.
    func physicalAddress(of address: UInt64, for access: AccessKind, _ memory: PhysicalMemory) -> UInt64?
    /// Where a debugger's address leads, found without effect, and past what permissions forbid; nil where nothing is mapped.
    /// A guest is the one whose second stage the CPU has selected, whatever number the address names.
    func physicalAddress(of address: DebugAddress, _ memory: PhysicalMemory) -> UInt64?
    /// Its registers by number.
    func makeRegisterFile() -> any DebugRegisterFile

    /// Walks every field of its architectural state, once each, as ``Device/describeState(_:)`` does.
    /// - Parameter memory: where reserved bytes are, which state blocks know by their host addresses.
    func describeState(_ visitor: inout some StateVisitor, _ memory: PhysicalMemory)
    /// The fields were replaced, between turns: works out what follows from them, and forgets what followed from others.
    func stateRestored()
    /// The name of the field of that number among those that ``describeState(_:_:)`` gives the name `name`.
    static func fieldName(_ name: String, _ index: Int) -> String
}

extension InspectableProcessor {
    /// `hart 0`.
    public var label: String { "\(Self.noun) \(identifier)" }

    /// `HS`, or `VS vmid 2`.
    public var privilegeText: String { privilege.name + (privilege.isGuests ? " vmid \(guest)" : "") }
}

/// What an instruction does with memory.
public enum AccessKind: String, Sendable {
    case read, write, execute
}

/// A privilege mode or exception level.
public struct PrivilegeLevel: Equatable, Sendable {
    /// As the manual abbreviates it: `HS`, `EL1`.
    public let name: String
    /// Addresses there are a guest's own, and no program's of this machine.
    public let isGuests: Bool

    public init(_ name: String, isGuests: Bool) {
        self.name = name
        self.isGuests = isGuests
    }
}

/// What a CPU has done so far.
public struct ProcessorFigures: Sendable {
    /// Interrupts not included.
    public var exceptions: UInt64 = 0
    public var interrupts: UInt64 = 0
    public var tlbMisses: UInt64 = 0
    public var deviceAccesses: UInt64 = 0
    public var fetchMisses: UInt64 = 0

    static func + (a: Self, b: Self) -> Self {
        Self(
            exceptions: a.exceptions &+ b.exceptions, interrupts: a.interrupts &+ b.interrupts,
            tlbMisses: a.tlbMisses &+ b.tlbMisses, deviceAccesses: a.deviceAccesses &+ b.deviceAccesses,
            fetchMisses: a.fetchMisses &+ b.fetchMisses)
    }
}

/// An exception or interrupt that a CPU has taken, as people read of it.
public struct ExceptionRecord: Sendable {
    public enum Kind: Sendable {
        case interrupt
        /// A call of the next level: how a healthy system lives, as it does by interrupts.
        case call
        case fault
    }

    /// Virtual time in nanoseconds.
    public let time: UInt64
    public let kind: Kind
    /// `load guest-page fault`.
    public let name: String
    /// As the registers have them that describe an exception: where both are the same, so was what happened.
    public let cause: UInt64
    public let value: UInt64
    public let programCounter: UInt64
    public let from: PrivilegeLevel
    public let to: PrivilegeLevel
    /// What it is about, to be put behind the place: `, address 0x10002004`.
    public let detail: String
    /// Of the second stage of translation.
    public let guestPhysical: UInt64?
    /// How often the same came again at once.
    public let repeats: UInt64
    /// It came from the first instruction of the handler that it goes to.
    public let isInHandler: Bool
}
