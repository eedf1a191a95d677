import ISA

/// What makes guests leave, and how many instructions their hypervisor spends on it: `--exits`.
///
/// An exit begins with the trap that takes a hart from V=1 to V=0 and ends with the return to V=1 on it. All that is
/// executed meanwhile counts, the return itself included: other traps, the firmware, and threads of the hypervisor that
/// run before a guest does again. Where the hart waits for an interrupt (WFI) meanwhile, the exit ends there, and what
/// follows until a guest goes on is a wake-up, counted by the interrupt that ended the wait. Which hypervisor it is does not
/// matter, so that two can be compared.
public final class ExitStatistics {
    /// Exits that are counted together.
    public struct Reason: Hashable, Sendable {
        /// As a cause register has it.
        public let cause: UInt64
        /// What tells exits of the cause apart: the extension and the function of an SBI call, the guest-physical address
        /// of a guest-page fault, the bits of a virtual instruction.
        public let detail: UInt64
        public let function: UInt64
        public let ending: Ending
    }

    public enum Ending: Sendable {
        /// The guest that left goes on.
        case same
        /// Another one does.
        case otherGuest
        /// The hart waits for an interrupt.
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

    /// What a hart does between two entries of guests.
    private struct Phase {
        /// The exit's trap, or the first one after a wait, if it has come.
        var trap: RISCV.Hart.TrapRecord?
        var detail: UInt64 = 0
        var function: UInt64 = 0
        /// Executed before it, less what is executed but does not count as such when it ends.
        var start: UInt64
        /// hgatp of the guest that left; nil after a wait.
        var guest: UInt64?
    }

    private var phases: [Phase?]
    private var costs: [Reason: Costs] = [:]
    /// A guest that touches many addresses must not fill the host's memory: further reasons are counted by cause alone.
    private static let reasonLimit = 4096

    /// Observes the session's harts from now on; what else observes their traps goes on.
    /// - Throws: where the CPUs are no harts.
    public init(_ session: Session) throws(InputError) {
        let harts = session.board.processors.compactMap { $0 as? RISCV.Hart }
        guard harts.count == session.board.processors.count else {
            throw InputError(
                file: "--exits", problem: "exits are not counted on this machine yet", mend: "Leave --exits out.")
        }
        phases = Array(repeating: nil, count: harts.count)
        for (index, hart) in harts.enumerated() {
            let other = hart.trapObserver
            hart.trapObserver = { [unowned self, unowned hart] trap in
                other?(trap)
                trapTaken(trap, hart, index)
            }
            hart.guestEntryObserver = { [unowned self, unowned hart] in
                guard let phase = phases[index] else { return }
                let isSame = phase.guest == hart.state.pointee.hgatp
                end(phase, phase.guest == nil ? .wakeUp : isSame ? .same : .otherGuest, hart, index)
                phases[index] = nil
            }
            hart.waitObserver = { [unowned self, unowned hart] in
                guard let phase = phases[index] else { return }
                if phase.guest != nil { end(phase, .idle, hart, index) }
                phases[index] = Phase(start: hart.executed)
            }
        }
    }

    private func trapTaken(_ trap: RISCV.Hart.TrapRecord, _ hart: RISCV.Hart, _ index: Int) {
        if let phase = phases[index] {
            if phase.trap == nil { phases[index]?.trap = trap }
            return
        }
        guard trap.fromVirtual, !trap.toVirtual else { return }
        // Neither an instruction that trapped nor a return counts as executed yet when it is told of.
        let isInterrupt = trap.cause >> 63 == 1
        var phase = Phase(
            trap: trap, start: hart.executed &- (isInterrupt ? 1 : 0), guest: hart.state.pointee.hgatp)
        let registers = hart.state.pointee.core.registers
        switch trap.cause {
        case RISCV.Cause.virtualSupervisorCall: (phase.detail, phase.function) = (registers[17], registers[16])
        case RISCV.Cause.virtualInstruction: phase.detail = trap.value
        default: phase.detail = trap.guestPhysical
        }
        phases[index] = phase
    }

    private func end(_ phase: Phase, _ ending: Ending, _ hart: RISCV.Hart, _ index: Int) {
        // A wait that ended without a trap: the hypervisor has looked at what is pending itself.
        let cause = phase.trap?.cause ?? .max
        var reason = Reason(cause: cause, detail: phase.detail, function: phase.function, ending: ending)
        if costs.count >= Self.reasonLimit, costs[reason] == nil {
            reason = Reason(cause: cause, detail: .max, function: 0, ending: ending)
        }
        costs[reason, default: Costs()].add(hart.executed &- phase.start)
    }

    // MARK: What came of it

    /// What happened, in words, and what it cost; what cost most in all comes first. Addresses that appear once, as memory's
    /// do that is touched for the first time, are one row a cause.
    public var rows: [(name: String, costs: Costs)] {
        var rows: [String: Costs] = [:]
        for (reason, costs) in costs {
            let isOneOfMany = reason.detail == .max || costs.count == 1 && Self.hasAddress(reason.cause)
            rows[isOneOfMany ? Self.name(ofAny: reason) : Self.name(reason), default: Costs()].add(costs)
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

    private static func hasAddress(_ cause: UInt64) -> Bool {
        switch cause {
        case RISCV.Cause.instructionGuestPage, RISCV.Cause.loadGuestPage, RISCV.Cause.storeGuestPage: true
        default: false
        }
    }

    private static func name(ofAny reason: Reason) -> String {
        let places = hasAddress(reason.cause) ? ", addresses that appear once" : ", others"
        return RISCV.Cause.describe(reason.cause) + places + suffix(reason.ending)
    }

    private static func name(_ reason: Reason) -> String {
        if reason.ending == .wakeUp {
            return reason.cause == .max ? "wake-up" : "wake-up by " + RISCV.Cause.describe(reason.cause)
        }
        var text = RISCV.Cause.describe(reason.cause)
        switch reason.cause {
        case RISCV.Cause.virtualSupervisorCall:
            text = "SBI \(extensionName(reason.detail))"
            // The legacy extensions have one function each.
            if reason.detail > 0xf { text += ", function \(reason.function)" }
        case RISCV.Cause.virtualInstruction where reason.detail != 0:
            let word = UInt32(truncatingIfNeeded: reason.detail)
            text += ", \(Disassembler(symbols: SymbolFinder([])).line(word, at: 0).text)"
        default: if hasAddress(reason.cause) { text += " at \(hexadecimal(reason.detail))" }
        }
        return text + suffix(reason.ending)
    }

    private static func suffix(_ ending: Ending) -> String {
        switch ending {
        case .same, .wakeUp: ""
        case .otherGuest: ", then another guest"
        case .idle: ", then idle"
        }
    }

    /// As the RISC-V Supervisor Binary Interface Specification 2.0 calls it.
    private static func extensionName(_ number: UInt64) -> String {
        let legacy = [
            "set_timer", "console_putchar", "console_getchar", "clear_ipi", "send_ipi", "remote_fence_i",
            "remote_sfence_vma", "remote_sfence_vma_asid", "shutdown",
        ]
        if number < UInt64(legacy.count) { return "legacy \(legacy[Int(number)])" }
        switch number {
        case 0x10: return "base"
        // The others' numbers are their names in ASCII.
        case 0x5449_4d45: return "TIME"
        case 0x73_5049: return "sPI"
        case 0x5246_4e43: return "RFENCE"
        case 0x48_534d: return "HSM"
        case 0x5352_5354: return "SRST"
        case 0x50_4d55: return "PMU"
        case 0x4442_434e: return "DBCN"
        case 0x5355_5350: return "SUSP"
        case 0x4350_5043: return "CPPC"
        case 0x4e41_434c: return "NACL"
        case 0x53_5441: return "STA"
        default: return hexadecimal(number)
        }
    }
}
