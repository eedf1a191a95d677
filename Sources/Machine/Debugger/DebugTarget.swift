/// A machine as debuggers' protocols see it: CPUs that stand still, and may be let run in either direction.
///
/// The protocols (GDB's, the Debug Adapter Protocol) are state machines that do no input or output; this is all that they
/// know of a machine, so that a test gives them one of its own. CPUs are named by their numbers, from 0.
public protocol DebugTarget: AnyObject {
    var architecture: ELFFile.Machine { get }
    var processorCount: Int { get }
    /// `hart 0`.
    func label(of processor: Int) -> String
    /// What it does, in a few words: `VS vmid 2, waits (wfi)`.
    func status(of processor: Int) -> String
    /// The CPU that executes next, or executed last.
    var currentProcessor: Int { get }
    /// Instructions of all CPUs since power-on: each place in a run has such a number.
    var position: UInt64 { get }

    // MARK: Registers

    /// All registers, the general ones first. A register's place here is its number.
    var registers: [DebugRegister] { get }
    /// Its bytes, little-endian, as many as it has; nil where the CPU has it not now.
    func readRegister(_ number: Int, of processor: Int) -> [UInt8]?
    /// False, and nothing changed, where it cannot be written.
    func writeRegister(_ number: Int, of processor: Int, _ bytes: [UInt8]) -> Bool

    // MARK: Memory

    /// As many of `count` bytes from the address on as can be read without effect.
    func readMemory(_ address: DebugAddress, count: Int, of processor: Int) -> [UInt8]
    /// Writes past all protection, ROM included. False, and nothing written, where not all of it is memory.
    func writeMemory(_ address: DebugAddress, _ bytes: [UInt8], of processor: Int) -> Bool
    /// What lies at physical addresses, in their order.
    var memoryMap: [DebugMemoryRegion] { get }

    // MARK: Running

    /// Has the machine stop there. One that was inserted before is inserted twice, and has to be removed twice.
    func insert(_ point: StopPoint) throws(DebugRefusal)
    func remove(_ point: StopPoint)
    /// Whether the machine can run backwards.
    var canReverse: Bool { get }
    /// Has the machine run from the next ``advance()`` on.
    func resume(_ resumption: Resumption)
    /// Runs for a short while.
    /// - Returns: why it stands again; nil while it is to run on.
    func advance() -> DebugStop?
    /// Has the next ``advance()`` return ``DebugStop/Reason/interrupted``.
    func interrupt()
    /// Starts the run over, from power-on.
    func restart() throws(DebugRefusal)

    // MARK: The rest

    /// Carries out a command of the monitor's.
    /// - Returns: what it has to say, with line ends.
    func monitor(_ command: String) -> String
    /// The program that runs, where it is a file.
    var executable: String? { get }
}

/// One register, as debuggers are told of it.
public struct DebugRegister: Equatable, Sendable {
    public enum Group: String, Sendable {
        case general, float, vector, system
    }
    public enum Kind: Sendable {
        case integer, codePointer, dataPointer
        /// An IEEE number as wide as the register.
        case float
        /// Of 128 bits: bytes, numbers or parts of numbers.
        case vector
    }
    /// As GDB's standard features spell it, and what they have not as the manual does: `a0`, `x0`, `cpsr`, `SCTLR_EL1`.
    public let name: String
    public let bits: Int
    public let group: Group
    public let kind: Kind

    public init(_ name: String, bits: Int, _ group: Group, _ kind: Kind = .integer) {
        self.name = name
        self.bits = bits
        self.group = group
        self.kind = kind
    }
}

/// An address in one of a machine's address spaces.
public struct DebugAddress: Hashable, Sendable {
    public enum Space: Hashable, Sendable {
        /// As the CPU would translate it now.
        case current
        /// Of the machine's bus: `hpa:`.
        case physical
        /// A guest's physical address, before the second stage; of the guest that runs, where none is named: `gpa@2:`.
        case guestPhysical(guest: UInt64?)
        /// A virtual address as the CPU would translate it at the level of that name: `va@VS:`.
        case virtual(level: String)
    }
    public var space: Space
    public var value: UInt64

    public init(_ value: UInt64, in space: Space = .current) {
        self.value = value
        self.space = space
    }
}

/// What lies at some physical addresses.
public struct DebugMemoryRegion: Equatable, Sendable {
    public enum Kind: Sendable { case ram, rom, device }
    public let kind: Kind
    public let start: UInt64
    public let size: UInt64
    /// Of the device.
    public let name: String?

    public init(_ kind: Kind, start: UInt64, size: UInt64, name: String? = nil) {
        self.kind = kind
        self.start = start
        self.size = size
        self.name = name
    }
}

/// Where a machine is to stop.
public struct StopPoint: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Before the instruction there is executed.
        case execution
        /// After an instruction that accesses any of so many bytes.
        case read(count: UInt64)
        case write(count: UInt64)
        case access(count: UInt64)
    }
    public var kind: Kind
    public var address: DebugAddress
    /// Stops only at the level of this name, where one is given: `VS`, `EL1`.
    public var level: String?
    /// Stops only while the guest of this number (VMID) runs, where one is given.
    public var guest: UInt64?
    /// Stops only where addresses are translated by this ASID, where one is given.
    public var addressSpaceIdentifier: UInt64?

    public init(
        _ kind: Kind, at address: DebugAddress, level: String? = nil, guest: UInt64? = nil,
        addressSpaceIdentifier: UInt64? = nil
    ) {
        self.kind = kind
        self.address = address
        self.level = level
        self.guest = guest
        self.addressSpaceIdentifier = addressSpaceIdentifier
    }
}

/// How a machine is to run.
public struct Resumption: Equatable, Sendable {
    public enum Amount: Equatable, Sendable {
        /// Until something stops it.
        case run
        /// Until this CPU has executed one instruction; the others take the turns that they would take.
        case step(processor: Int)
        /// Until this CPU is at an instruction outside of the addresses, or something else stops it.
        case stepOutOf(processor: Int, range: Range<UInt64>)
    }
    public var amount: Amount
    public var isReverse: Bool

    public init(_ amount: Amount, isReverse: Bool = false) {
        self.amount = amount
        self.isReverse = isReverse
    }
}

/// Why a machine stands.
public struct DebugStop: Equatable, Sendable {
    public enum Reason: Equatable, Sendable {
        case stepped
        case breakpoint
        /// An access to a watched address, which is that of the stop point's first byte that was accessed.
        case watchpoint(StopPoint.Kind, address: UInt64)
        case interrupted
        /// The run begins here, or ends here: there is nothing to run backwards or forwards to.
        case startOfHistory, endOfHistory
        /// The guest has ended.
        case exited(status: UInt64)
        /// The run ended in another way, in a sentence.
        case ended(String)
    }
    public var reason: Reason
    public var processor: Int
    /// What else a person should be told of it, with line ends: which event it was, and which stop point of the monitor's.
    public var text: String?

    public init(_ reason: Reason, processor: Int, text: String? = nil) {
        self.reason = reason
        self.processor = processor
        self.text = text
    }
}

/// What cannot be done, and what to do instead.
public struct DebugRefusal: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
