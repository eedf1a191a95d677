/// What makes guests leave, and how many instructions their hypervisor spends on it: `--exits`.
///
/// An exit begins with the exception that takes a CPU out of a guest (from V=1 to V=0, or to EL2) and ends with the return
/// into one on it. All that is executed meanwhile counts, the return itself included: other exceptions, the firmware, and
/// threads of the hypervisor that run before a guest does again. Where the CPU waits for an interrupt (WFI) meanwhile, the
/// exit ends there, and what follows until a guest goes on is a wake-up, counted by the interrupt that ended the wait.
/// Which hypervisor it is does not matter, so that two can be compared.
public final class ExitStatistics {
    /// Exits that are counted together.
    public struct Reason: Hashable, Sendable {
        /// What the CPU calls the exception, in a number; all ones for none.
        public let cause: UInt64
        /// What tells exits of the cause apart: which call it is, the guest-physical address of a fault.
        public let detail: UInt64
        public let function: UInt64
        public let ending: Ending
        /// The number of the guest that left; of a wake-up, of the one that goes on.
        public let guest: UInt64
    }

    public enum Ending: Sendable {
        /// The guest that left goes on.
        case same
        /// Another one does.
        case otherGuest
        /// The CPU waits for an interrupt.
        case idle
        /// Not an exit: from the end of the wait until a guest goes on.
        case wakeUp
    }

    /// How many instructions the exits of one reason took.
    public typealias Costs = Distribution

    /// What the exits of one reason took.
    private struct Sums {
        var instructions = Distribution()
        /// Nanoseconds of the machine.
        var time = Distribution()

        mutating func add(_ other: Sums) {
            instructions.add(other.instructions)
            time.add(other.time)
        }
    }

    /// An exit that has ended.
    public struct Exit {
        /// The CPU's place among those of the machine.
        public let processor: Int
        public let reason: Reason
        /// Virtual time in nanoseconds.
        public let start: UInt64
        public let end: UInt64
        public let instructions: UInt64
        /// Where the guest was; 0 of a wake-up.
        public let programCounter: UInt64
    }

    /// Told of each exit when it has ended.
    public var ended: ((Exit) -> Void)?

    /// What a CPU does between two entries of guests.
    private struct Phase {
        /// The exit's cause, or that of the first exception after a wait, if it has come.
        var cause: UInt64?
        var detail: UInt64 = 0
        var function: UInt64 = 0
        /// Executed before it, less what is executed but does not count as such when it ends.
        var start: UInt64
        /// The guest that left; nil after a wait.
        var guest: UInt64?
        /// Its number.
        var number: UInt64 = 0
        var startTime: UInt64
        var programCounter: UInt64 = 0
    }

    private var phases: [Phase?]
    private var sums: [Reason: Sums] = [:]
    /// A guest that touches many addresses must not fill the host's memory: further reasons are counted by cause alone.
    private static let reasonLimit = 4096

    private let kind: (any ExitingProcessor.Type)?

    /// Observes the session's CPUs from now on; what else observes their exceptions goes on.
    /// - Throws: where CPUs do not tell of their guests.
    public init(_ session: Session) throws(InputError) {
        let processors = session.board.processors.compactMap { $0 as? any ExitingProcessor }
        guard processors.count == session.board.processors.count else {
            throw InputError(
                file: "--exits", problem: "exits are not counted on this machine yet", mend: "Leave --exits out.")
        }
        phases = Array(repeating: nil, count: processors.count)
        kind = processors.first.map { type(of: $0) }
        for (index, processor) in processors.enumerated() {
            processor.observeExits(
                exception: { [unowned self, unowned processor] in taken($0, processor, index) },
                entry: { [unowned self, unowned processor] in
                    guard let phase = phases[index] else { return }
                    let isSame = phase.guest == processor.guestRoot
                    end(phase, phase.guest == nil ? .wakeUp : isSame ? .same : .otherGuest, processor, index)
                    phases[index] = nil
                },
                wait: { [unowned self, unowned processor] in
                    guard let phase = phases[index] else { return }
                    if phase.guest != nil { end(phase, .idle, processor, index) }
                    phases[index] = Phase(start: processor.executed, startTime: processor.virtualTime)
                })
        }
    }

    private func taken(_ exception: ExitingException, _ processor: any ExitingProcessor, _ index: Int) {
        if let phase = phases[index] {
            if phase.cause == nil { phases[index]?.cause = exception.cause }
            return
        }
        guard exception.leavesGuest else { return }
        // Neither an instruction that trapped nor a return counts as executed yet when it is told of.
        phases[index] = Phase(
            cause: exception.cause, detail: exception.detail, function: exception.function,
            start: processor.executed &- (exception.isInterrupt ? 1 : 0), guest: processor.guestRoot,
            number: processor.guest, startTime: processor.virtualTime, programCounter: exception.programCounter)
    }

    private func end(_ phase: Phase, _ ending: Ending, _ processor: any ExitingProcessor, _ index: Int) {
        // A wait that ended without an exception: the hypervisor has looked at what is pending itself.
        let cause = phase.cause ?? .max
        let guest = phase.guest == nil ? processor.guest : phase.number
        var reason = Reason(
            cause: cause, detail: phase.detail, function: phase.function, ending: ending, guest: guest)
        if sums.count >= Self.reasonLimit, sums[reason] == nil {
            reason = Reason(cause: cause, detail: .max, function: 0, ending: ending, guest: guest)
        }
        let instructions = processor.executed &- phase.start
        let time = processor.virtualTime
        // A wake-up begins when the wait is over, which nobody tells of; what was executed since took as many nanoseconds.
        let start = ending == .wakeUp ? time - min(instructions, time) : min(phase.startTime, time)
        sums[reason, default: Sums()].instructions.add(instructions)
        sums[reason, default: Sums()].time.add(time - start)
        ended?(
            Exit(
                processor: index, reason: reason, start: start, end: time, instructions: instructions,
                programCounter: phase.programCounter))
    }

    // MARK: What came of it

    /// What happened, in words, and what it cost; what cost most in all comes first. Addresses that appear once, as memory's
    /// do that is touched for the first time, are one row a cause.
    public var rows: [(name: String, costs: Costs)] {
        var rows: [String: Costs] = [:]
        for (reason, sums) in sums { rows[rowName(reason, sums), default: Costs()].add(sums.instructions) }
        return rows.map { (name: $0.key, costs: $0.value) }.sorted {
            ($1.costs.total, $0.name) < ($0.costs.total, $1.name)
        }
    }

    /// The exits of a guest for one reason.
    public struct Row {
        public let guest: UInt64
        public let name: String
        public let instructions: Distribution
        /// Nanoseconds of the machine.
        public let time: Distribution
    }

    /// The same of each guest.
    public var rowsOfGuests: [Row] {
        var rows: [UInt64: [String: Sums]] = [:]
        for (reason, sums) in sums {
            rows[reason.guest, default: [:]][rowName(reason, sums), default: Sums()].add(sums)
        }
        return rows.flatMap { guest, rows in
            rows.map { Row(guest: guest, name: $0.key, instructions: $0.value.instructions, time: $0.value.time) }
        }.sorted {
            ($1.instructions.total, $0.guest, $0.name) < ($0.instructions.total, $1.guest, $1.name)
        }
    }

    private func rowName(_ reason: Reason, _ sums: Sums) -> String {
        let isOneOfMany = reason.detail == .max || sums.instructions.count == 1 && hasAddress(reason.cause)
        return isOneOfMany ? name(ofAny: reason) : name(reason)
    }

    /// A table with a row a reason.
    public var table: String {
        let rows = rows
        let count = rows.reduce(0) { $0 + $1.costs.count }
        let total = rows.reduce(0) { $0 + $1.costs.total }
        guard count > 0 else { return "no guest has left for its hypervisor\n" }
        var lines = [["count", "least", "median", "most", "share", "instructions of the hypervisor in an exit for"]]
        for (name, costs) in rows {
            lines.append([
                grouped(costs.count), grouped(costs.least), grouped(costs.median), grouped(costs.most),
                decimal(100 * Double(costs.total) / Double(max(total, 1)), places: 1) + " %", name,
            ])
        }
        let widths = (0..<5).map { column in lines.map { $0[column].count }.max() ?? 0 }
        var text = "\(grouped(count)) exits of guests took \(grouped(total)) instructions\n"
        for line in lines {
            for (column, width) in widths.enumerated() {
                text += String(repeating: " ", count: width - line[column].count) + line[column] + "  "
            }
            text += line[5] + "\n"
        }
        return text
    }

    private func hasAddress(_ cause: UInt64) -> Bool { kind?.exitHasAddress(cause) ?? false }

    private func name(ofAny reason: Reason) -> String {
        let places = hasAddress(reason.cause) ? ", addresses that appear once" : ", others"
        return (kind?.exitName(reason.cause) ?? "") + places + Self.suffix(reason.ending)
    }

    /// What happened, in words.
    public func name(_ reason: Reason) -> String {
        if reason.detail == .max { return name(ofAny: reason) }
        if reason.ending == .wakeUp {
            return reason.cause == .max ? "wake-up" : "wake-up by " + (kind?.exitName(reason.cause) ?? "")
        }
        let name = kind?.exitName(reason.cause, detail: reason.detail, function: reason.function) ?? ""
        return name + Self.suffix(reason.ending)
    }

    private static func suffix(_ ending: Ending) -> String {
        switch ending {
        case .same, .wakeUp: ""
        case .otherGuest: ", then another guest"
        case .idle: ", then idle"
        }
    }
}

/// A CPU that tells when guests leave for their hypervisor, and when they come back.
public protocol ExitingProcessor: InspectableProcessor {
    /// What tells guests apart: the root of the second stage.
    var guestRoot: UInt64 { get }
    /// Has the observers told of each exception, each return into a guest, and each wait of the hypervisor's; whoever
    /// observed exceptions before goes on.
    func observeExits(
        exception: @escaping (ExitingException) -> Void, entry: @escaping () -> Void, wait: @escaping () -> Void)
    /// The cause in words.
    static func exitName(_ cause: UInt64) -> String
    /// The same, with what tells exits of the cause apart.
    static func exitName(_ cause: UInt64, detail: UInt64, function: UInt64) -> String
    /// The detail is an address.
    static func exitHasAddress(_ cause: UInt64) -> Bool

    /// Has the observers told of the interrupts that are pending, a bit each, whenever they may have changed; and of each
    /// return from an exception, with the level that it came from.
    func observeInterrupts(pending: @escaping (UInt64) -> Void, return: @escaping (PrivilegeLevel) -> Void)
    /// The bit of an interrupt that was taken; 0 where none is told of.
    static func pendingBit(_ interrupt: ExceptionRecord) -> UInt64
}

extension ExitingProcessor {
    /// Its own time in nanoseconds, while its turn runs.
    var virtualTime: UInt64 { executed &+ clockOffset }
}

/// An exception as exits are counted by.
public struct ExitingException {
    public let leavesGuest: Bool
    public let isInterrupt: Bool
    /// As in ``ExitStatistics/Reason``.
    public let cause: UInt64
    public var detail: UInt64 = 0
    public var function: UInt64 = 0
    public var programCounter: UInt64 = 0
}
