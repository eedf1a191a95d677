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
    public struct Costs: Sendable {
        public private(set) var count: UInt64 = 0
        public private(set) var total: UInt64 = 0
        public private(set) var least = UInt64.max
        public private(set) var most: UInt64 = 0
        private var histogram: [UInt64: UInt64] = [:]

        mutating func add(_ instructions: UInt64) {
            count += 1
            total += instructions
            least = min(least, instructions)
            most = max(most, instructions)
            histogram[Self.rounded(instructions), default: 0] += 1
        }

        fileprivate mutating func add(_ other: Costs) {
            count += other.count
            total += other.total
            least = min(least, other.least)
            most = max(most, other.most)
            histogram.merge(other.histogram, uniquingKeysWith: +)
        }

        /// Exact up to 4096, and to seven binary digits above, so that a histogram never grows long.
        private static func rounded(_ value: UInt64) -> UInt64 {
            guard value > 4096 else { return value }
            let dropped = UInt64(64 - 7 - value.leadingZeroBitCount)
            return (value >> dropped) << dropped
        }

        /// The lower median; above 4096 rounded down, by less than one part in 64, but never below the least.
        public var median: UInt64 {
            var left = (count + 1) / 2
            for (value, times) in histogram.sorted(by: { $0.key < $1.key }) {
                if times >= left { return max(value, least) }
                left -= times
            }
            return most
        }
    }

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
    }

    private var phases: [Phase?]
    private var costs: [Reason: Costs] = [:]
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
                    phases[index] = Phase(start: processor.executed)
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
            start: processor.executed &- (exception.isInterrupt ? 1 : 0), guest: processor.guestRoot)
    }

    private func end(_ phase: Phase, _ ending: Ending, _ processor: any ExitingProcessor, _ index: Int) {
        // A wait that ended without an exception: the hypervisor has looked at what is pending itself.
        let cause = phase.cause ?? .max
        var reason = Reason(cause: cause, detail: phase.detail, function: phase.function, ending: ending)
        if costs.count >= Self.reasonLimit, costs[reason] == nil {
            reason = Reason(cause: cause, detail: .max, function: 0, ending: ending)
        }
        costs[reason, default: Costs()].add(processor.executed &- phase.start)
    }

    // MARK: What came of it

    /// What happened, in words, and what it cost; what cost most in all comes first. Addresses that appear once, as memory's
    /// do that is touched for the first time, are one row a cause.
    public var rows: [(name: String, costs: Costs)] {
        var rows: [String: Costs] = [:]
        for (reason, costs) in costs {
            let isOneOfMany = reason.detail == .max || costs.count == 1 && hasAddress(reason.cause)
            rows[isOneOfMany ? name(ofAny: reason) : name(reason), default: Costs()].add(costs)
        }
        return rows.map { (name: $0.key, costs: $0.value) }.sorted {
            ($1.costs.total, $0.name) < ($0.costs.total, $1.name)
        }
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

    private func name(_ reason: Reason) -> String {
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
}

/// An exception as exits are counted by.
public struct ExitingException {
    public let leavesGuest: Bool
    public let isInterrupt: Bool
    /// As in ``ExitStatistics/Reason``.
    public let cause: UInt64
    public var detail: UInt64 = 0
    public var function: UInt64 = 0
}
