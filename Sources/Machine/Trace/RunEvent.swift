/// Something that happened in a run, with its time and who had the CPU.
public struct RunEvent: Sendable {
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// A guest left for its hypervisor. It lasts until a guest goes on, or the CPU waits.
        case exit
        /// Any other exception that is no interrupt. It lasts until its handler returns.
        case exception
        case interrupt
        /// A CPU executed nothing.
        case wait
        /// The guest printed a line.
        case console

        public var name: String { "\(self)" }
    }

    public var kind: Kind
    /// The CPU's place among those of the machine.
    public var processor: Int
    /// Who had the CPU: a place in ``RunEvents/owners``.
    public var owner: Int
    /// The level there, and what happened: places in ``RunEvents/names``.
    public var level: Int
    public var name: Int
    public var programCounter: UInt64
    /// The address that an exception is about; 0 where it is about none.
    public var address: UInt64 = 0
    /// Virtual time in nanoseconds.
    public var start: UInt64
    public var duration: UInt64
    /// What was executed meanwhile.
    public var instructions: UInt64
    /// From when an interrupt was pending until it was taken.
    public var latency: UInt64?
}

/// Whom a CPU belongs to for a time.
public enum RunOwner: Hashable, Sendable, CustomStringConvertible {
    case waiting
    case guest(UInt64)
    /// Guests beyond those that are told apart.
    case otherGuests
    /// A level at which no guest runs, by its name.
    case level(String)

    public var description: String {
        switch self {
        case .waiting: "waiting"
        case .guest(let number): "guest \(number)"
        case .otherGuests: "other guests"
        case .level(let name): name
        }
    }

    public var guest: UInt64? { if case .guest(let number) = self { number } else { nil } }
}

/// A CPU belonged to somebody for this time.
public struct RunSegment: Sendable {
    public var processor: Int
    /// A place in ``RunEvents/owners``.
    public var owner: Int
    public var start: UInt64
    public var end: UInt64
}

/// A line of the console.
public struct RunLine: Sendable {
    /// When its first character was printed, and its last.
    public var start: UInt64
    public var end: UInt64
    /// Who printed its first character.
    public var processor: Int
    public var owner: Int
    public var level: Int
    public var text: String
    /// It was longer than what is kept of it.
    public var isCut: Bool
}
