/// One machine built twice, on two engines, and run side by side: what the one does, the other must do.
///
/// The states are compared at the ends of turns. Where they differ, both machines are built anew and run again, which
/// gives the same runs, and are compared at some places between the last one where they were equal and the first where they
/// were not; and so on, down to one instruction.
///
/// In the first run a machine is stopped nowhere but at the ends of turns. What the stops of later ones may hide, or show, is
/// looked at again without them.
public final class Lockstep {
    public struct Options: Sendable {
        public var first = Engine.interpreter
        public var second = Engine.jit
        /// Instructions after which the CPUs are compared. A lone one's turns are no longer than that; several take the
        /// turns that they always take, and are compared when all have taken theirs.
        public var every: UInt64 = 100_000
        /// Instructions after which memory and devices are compared as well.
        public var memoryEvery: UInt64 = 10_000_000

        public init() {}
    }

    /// For tests: something done to the second machine right after its instruction of that number.
    struct Disturbance {
        let instruction: UInt64
        let action: (any Board, any InspectableProcessor) -> Void
    }

    public enum Outcome: Sendable {
        /// Both ran alike to this end.
        case same(Session.Conclusion, instructions: UInt64)
        case different(Divergence)
        case overran(Engine, Overrun)
        /// They differed, and no more when they were run again: an engine does not do the same every time.
        case unsteady(StateDifferences, instructions: UInt64)
    }

    /// An engine went on where a turn should have ended, which no machine may survive: its time depends on it.
    public struct Overrun: Sendable {
        /// `hart 0`.
        public let processor: String
        /// Instructions of all CPUs before the turn or, where it was interrupted, the piece of it.
        public let start: UInt64
        public let allowed: UInt64
        public let executed: UInt64
    }

    /// Where two machines part.
    public struct Divergence: Sendable {
        /// The number of the first instruction after which they differ, counted from 1 over all CPUs.
        public let instruction: UInt64
        /// The CPU that executed it (`hart 0`), and which of that CPU's own instructions it is.
        public let processor: String
        public let instructionOfProcessor: UInt64
        public let differences: StateDifferences
        /// The last instructions of the first machine; this one is the last of them.
        public let steps: [Step]
    }

    /// An instruction, as the first machine executed it.
    public struct Step: Sendable {
        public let instruction: UInt64
        public let processor: String
        /// `HS`, or `VS vmid 2`.
        public let level: String
        public let programCounter: UInt64
        /// `vcpu_run+0x1c`, where some program says so.
        public let symbol: String?
        public let text: String
        /// Exceptions that it took, and interrupts that came before it.
        public var exceptions: [String] = []
        /// Registers of its CPU that it changed.
        public var changed: Set<String> = []
    }

    private let description: MachineDescription
    private let options: Options
    private let builtInFirmware: () throws(InputError) -> InputFile?
    /// Told how many instructions were compared, and while the place of a difference is looked for, among how many.
    public var progress: (_ compared: UInt64, _ left: UInt64?) -> Void = { _, _ in }
    /// Told of what the first machine's guest prints, while both run side by side.
    public var listener: ([UInt8]) -> Void = { _ in }
    var disturbance: Disturbance?
    /// How often both machines were started.
    private(set) var runs = 0
    /// Comparisons of one run that looks for a difference.
    private static let comparisons: UInt64 = 16
    /// Instructions before the difference that are told.
    private static let shownSteps: UInt64 = 12

    /// - Parameters:
    ///   - description: what it says of an engine does not count; disks and flash are used as snapshots, and a network
    ///     is cut off from others, so that both machines find what the other found.
    ///   - builtInFirmware: as for ``Session``.
    public init(
        _ description: MachineDescription, _ options: Options = Options(),
        builtInFirmware: @escaping () throws(InputError) -> InputFile? = { () throws(InputError) in nil }
    ) {
        var description = description
        func snapshot(_ drive: MachineDescription.Drive) -> MachineDescription.Drive {
            MachineDescription.Drive(path: drive.path, isReadOnly: drive.isReadOnly, isSnapshot: !drive.isReadOnly)
        }
        description.drives = description.drives.map(snapshot)
        description.flash = description.flash.map(snapshot)
        description.net = description.net?.isolated
        self.description = description
        self.options = options
        self.builtInFirmware = builtInFirmware
    }

    /// Runs both machines to their end, or to where they differ.
    public func run() throws(InputError) -> Outcome {
        let (first, second) = try pair()
        first.session.console.listeners.append(listener)
        // Up to here all was compared, and equal.
        var equal: UInt64 = 0
        var target: UInt64 = 0
        while true {
            target = Self.sum(target, options.every)
            first.advance(to: target)
            second.advance(to: target)
            for (twin, engine) in [(first, options.first), (second, options.second)] {
                if let overrun = twin.pace.overrun { return .overran(engine, overrun) }
            }
            let isEnd = first.conclusion != nil || second.conclusion != nil
            let isWhole = isEnd || target >= Self.sum(equal, options.memoryEvery)
            guard first.isEqual(second, whole: isWhole) else { break }
            if let conclusion = first.conclusion { return .same(conclusion, instructions: first.executed) }
            if isWhole { equal = first.executed }
            target = first.executed
            progress(target, nil)
        }
        let seen = first.differences(from: second)
        let end = max(first.executed, second.executed)
        return try search(from: equal, to: end) ?? .unsteady(seen, instructions: end)
    }

    private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    // MARK: Finding the place

    /// The first instruction after which the machines differ: they were equal after `low` and not after `high`.
    /// - Returns: nil when this time they do not differ there.
    private func search(from low: UInt64, to high: UInt64) throws(InputError) -> Outcome? {
        let near = try narrowed(low, high)
        if near != (low, high), try isEqual(at: near.low), let found = try bisected(near.low, near.high) {
            return found
        }
        // Only without stops on the way, or no more.
        return try bisected(low, high)
    }

    /// Brings the two places together: compares at several between them in one run, and so on. A CPU that is alone can be
    /// stopped anywhere; of several, that would change the order of their turns, and they are compared at the ends of those.
    private func narrowed(_ low: UInt64, _ high: UInt64) throws(InputError) -> (low: UInt64, high: UInt64) {
        var (low, high) = (low, high)
        while high - low > 1 {
            progress(low, high - low)
            let (first, second) = try pair()
            let distance = max((high - low) / Self.comparisons, 1)
            let before = (low, high)
            var place = low + distance
            while place < high {
                for twin in [first, second] { twin.advance(to: place, exactly: first.isAlone) }
                // The end of a turn may be far from where it was to be.
                let executed = max(first.executed, second.executed)
                guard executed < high else { break }
                guard first.isEqual(second, whole: true) else {
                    high = executed
                    break
                }
                low = executed
                place = max(place, low) + distance
            }
            if before == (low, high) { break }
        }
        return (low, high)
    }

    /// The same, and what is there, by runs that are stopped nowhere else.
    private func bisected(_ low: UInt64, _ high: UInt64) throws(InputError) -> Outcome? {
        var (low, high) = (low, high)
        guard try !isEqual(at: high) else { return nil }
        while high - low > 1 {
            progress(low, high - low)
            let middle = low + (high - low) / 2
            if try isEqual(at: middle) { low = middle } else { high = middle }
        }
        let (first, second) = try pair(at: high)
        let differences = first.differences(from: second)
        guard !differences.isEmpty, let processor = first.pace.lastProcessor ?? second.pace.lastProcessor else {
            return nil
        }
        return .different(
            Divergence(
                instruction: high, processor: processor.label, instructionOfProcessor: processor.executed,
                differences: differences,
                steps: try steps(to: high)))
    }

    private func pair() throws(InputError) -> (Twin, Twin) {
        runs += 1
        return (try Twin(self, options.first), try Twin(self, options.second, disturbance))
    }

    /// New machines that have executed so many instructions.
    private func pair(at instruction: UInt64) throws(InputError) -> (Twin, Twin) {
        let (first, second) = try pair()
        for twin in [first, second] { twin.advance(to: instruction, exactly: true) }
        return (first, second)
    }

    private func isEqual(at instruction: UInt64) throws(InputError) -> Bool {
        let (first, second) = try pair(at: instruction)
        return first.isEqual(second, whole: true)
    }

    /// What the first machine executes up to `instruction`.
    private func steps(to instruction: UInt64) throws(InputError) -> [Step] {
        let twin = try Twin(self, options.first)
        let board = twin.session.board
        let symbols = SymbolFinder(twin.session.symbols)
        let disassembler = Disassembler(symbols: symbols, architecture: board.architecture)
        let start = instruction - min(instruction, Self.shownSteps)
        var steps: [Step] = []
        var before = MachineState.Section(name: "")
        var exceptions: [String] = []
        func step(_ processor: any InspectableProcessor) -> Step {
            let (counter, isGuests) = (processor.programCounter, processor.privilege.isGuests)
            let text = processor.instructionWord().map { disassembler.line($0, at: counter, inGuest: isGuests).text }
            return Step(
                instruction: board.executed + 1, processor: processor.label, level: processor.privilegeText,
                programCounter: counter, symbol: isGuests ? nil : symbols.name(counter),
                text: text ?? "(no instruction can be fetched)")
        }
        for processor in board.processors {
            processor.observeExceptions { [unowned processor] record in
                exceptions.append(record.name)
                // After an interrupt the step still executes an instruction: the first one of the handler.
                guard record.kind == .interrupt, board.executed >= start, !steps.isEmpty else { return }
                steps[steps.count - 1] = step(processor)
            }
        }
        twin.pace.stepsFrom = start
        twin.pace.willStep = { processor in
            guard board.executed >= start else { return }
            exceptions = []
            before = .listing(processor, board.memory)
            steps.append(step(processor))
        }
        twin.pace.didStep = { processor in
            guard !steps.isEmpty else { return }
            guard board.executed >= steps[steps.count - 1].instruction else {
                // A CPU that waits executes nothing.
                steps.removeLast()
                return
            }
            steps[steps.count - 1].exceptions = exceptions
            steps[steps.count - 1].changed =
                MachineState.Section.listing(processor, board.memory).names(unlike: before)
        }
        twin.advance(to: instruction, exactly: true)
        // They hold the board, and it holds them.
        for processor in board.processors { processor.observeExceptions(nil) }
        twin.pace.willStep = { _ in }
        twin.pace.didStep = { _ in }
        return steps
    }

    /// One of the machines.
    private final class Twin {
        let session: Session
        let pace: Pace
        private(set) var conclusion: Session.Conclusion?
        private var printed = StateHasher()

        init(_ lockstep: Lockstep, _ engine: Engine, _ disturbance: Disturbance? = nil) throws(InputError) {
            var description = lockstep.description
            description.engine = engine
            let console = ConsoleHub()
            var complaint: String?
            session = try Session(
                description, builtInFirmware: try lockstep.builtInFirmware(), console: console,
                report: { complaint = complaint ?? $0 })
            let board = session.board
            guard board.engine == engine else {
                throw InputError(
                    file: "--engines", problem: "this computer cannot run the engine \(engine)",
                    mend: complaint.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." })
            }
            if board.processors.count == 1 {
                board.scheduler.quantum = min(board.scheduler.quantum, lockstep.options.every)
            }
            pace = Pace(board)
            pace.disturbance = disturbance
            console.listeners.append { [unowned self] bytes in for byte in bytes { printed.add(UInt64(byte)) } }
        }

        var executed: UInt64 { session.board.executed }

        /// There is one CPU.
        var isAlone: Bool { session.board.processors.count == 1 }

        /// Runs to the end of the first turn that comes so far, or exactly so far, or to the end of the run.
        func advance(to target: UInt64, exactly: Bool = false) {
            guard conclusion == nil else { return }
            let board = session.board
            if exactly { pace.limit = target }
            session.betweenTurns = { _ in board.executed >= target }
            let conclusion = session.run()
            if conclusion != .quit { self.conclusion = conclusion }
        }

        func isEqual(_ other: Twin, whole: Bool) -> Bool {
            conclusion == other.conclusion && printed.value == other.printed.value
                && session.board.hasState(of: other.session.board, whole: whole)
        }

        func differences(from other: Twin) -> StateDifferences {
            var differences = StateDifferences(session.board, other.session.board)
            func end(_ twin: Twin) -> String { twin.conclusion.map { "\($0)" } ?? "goes on" }
            differences.add("machine", "run", end(self), end(other))
            differences.add(
                "console", "hash of all that was printed", hexadecimalDigits(printed.value),
                hexadecimalDigits(other.printed.value))
            return differences
        }
    }
}
