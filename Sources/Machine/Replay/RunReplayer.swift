import ISA

/// Has a run be the one that was recorded: delivers the same inputs at the same places, and compares the state.
///
/// The machine may be run by another engine than the recorded one. Where the run is found to be another, it stops.
public final class RunReplayer: RunCompanion {
    public let recording: Recording
    private var inputs: RecordedInputs
    private var hashes: RecordedHashes
    private var parts: RecordedPartsReader
    private var nextInput: ExternalInput?
    private var nextHash: RecordedHash?
    private var nextParts: RecordedParts?
    /// Where the recording has hashes of pages.
    private var pages: PageHashes?
    private var symbols: SymbolFinder?
    /// Where the runs were compared last, and where all of them was.
    private var lastEqual: UInt64 = 0
    private var lastEqualWhole: UInt64?
    /// Virtual time when the last round began.
    private var now: UInt64 = 0
    /// What keeps the recording from being read on, if anything does.
    public private(set) var failure: TraceFileError?
    public private(set) var deliveredInputs: UInt64 = 0
    public private(set) var comparedHashes: UInt64 = 0
    private let origin: SnapshotEntry?
    /// From a later place on pages are not known to be what they were, unless the machine is brought there by ``place(_:)``.
    private var beginsWithRecording: Bool { origin == nil || origin?.identifier == recording.start?.identifier }
    /// Where only a part of the run is replayed: it ends at the first hash there or behind it.
    private let goal: UInt64?
    /// The part has been replayed.
    private var isAtGoal = false
    /// It delivers an input now.
    private(set) var isDelivering = false

    /// - Parameters:
    ///   - start: the snapshot of the recording that the machine starts from, if not with power-on.
    ///   - goal: where the replay may end, and does so at the first hash there or behind it; nil for the end of the run.
    public init(
        _ recording: Recording, from start: SnapshotEntry? = nil, asFarAs goal: SnapshotEntry? = nil
    ) throws(TraceFileError) {
        self.recording = recording
        self.goal = goal?.position
        origin = start
        let position = start?.position ?? 0
        inputs = recording.inputs(from: start?.inputCount ?? 0)
        hashes = recording.hashes(from: position, by: Self.method)
        parts = recording.parts(from: position)
        lastEqual = position
        try readFirst(behind: start.map { ($0.position, $0.time) })
    }

    private static let method = RecordedHash.Method(scope: .processors)

    /// - Parameter place: where the machine stands, if not at the beginning. An input may have come there, and a hash is of
    ///   what was before that.
    private func readFirst(behind place: (position: UInt64, time: UInt64)?) throws(TraceFileError) {
        nextInput = try inputs.next()
        nextHash = try hashes.next()
        nextParts = try parts.next()
        guard let place else { return }
        while let hash = nextHash, (hash.position, hash.time) <= place { nextHash = try hashes.next() }
        while let record = nextParts, (record.position, record.time) <= place { nextParts = try parts.next() }
    }

    /// Makes a machine that stands at power-on what it was where the replay begins.
    ///
    /// What memory was at the beginning of the recording is looked at on the way, so that all that changes of it from then on
    /// can be compared.
    public func place(_ session: Session) throws(InputError) {
        let store = recording.snapshots
        if let start = recording.start { try session.restore(MachineSnapshot(start, of: store)) }
        begin(session, isAtBeginning: true)
        guard let origin, !beginsWithRecording else { return }
        try session.restore(MachineSnapshot(origin, of: store))
        isPut(at: origin.position)
    }

    /// The machine was put to another place of the run.
    private func isPut(at position: UInt64) {
        _ = pages?.update()
        lastEqual = position
        lastEqualWhole = pages == nil ? nil : position
    }

    /// How many inputs of the recording came before the next one.
    var inputCount: UInt64 { inputs.ordinal - (nextInput == nil ? 0 : 1) }

    /// Goes on from a place where the machine was before, and was put back to.
    /// - Parameter inputCount: what it was then.
    func goOn(from record: RecordedParts, inputCount: UInt64) throws(TraceFileError) {
        now = record.time
        inputs = recording.inputs(from: inputCount)
        hashes = recording.hashes(from: record.position, by: Self.method)
        parts = recording.parts(from: record.position)
        try readFirst(behind: (record.position, record.time))
        isPut(at: record.position)
    }

    public var nextTime: UInt64? {
        // What comes in the middle of a round that has begun is waited for by its place.
        [nextInput?.time, nextHash?.time, recording.conclusion?.time].compactMap(\.self).filter { $0 > now }.min()
    }

    public var nextPosition: UInt64? {
        // Where a run has ended in the middle of a round, so does this one.
        let end = recording.conclusion.flatMap { $0.time == now ? $0.position : nil }
        return [nextInput?.position, end].compactMap(\.self).min()
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        let board = session.board
        let (position, time) = (board.executed, board.scheduler.time)
        now = time
        if symbols == nil { begin(session, isAtBeginning: beginsWithRecording) }
        do throws(TraceFileError) {
            // A hash is of the state before the inputs of its place.
            while let hash = nextHash, hash.time <= time, isFirst(hash.time, hash.position) {
                if let divergence = try check(hash, board, position, time) { return .diverged(divergence) }
                nextHash = try hashes.next()
                isAtGoal = goal.map { position >= $0 } ?? false
                if isAtGoal { return .recordingEnded }
            }
            while let input = nextInput, input.time <= time {
                if input.time == time, input.position > position, board.processors.count > 1 { break }
                guard (input.position, input.time) == (position, time) else {
                    return .diverged(missed("an input", input.position, input.time, board))
                }
                if let conclusion = try deliver(input, session) { return conclusion }
            }
        } catch {
            failure = error
            return .recordingEnded
        }
        return isAtEnd(position, time) ? .recordingEnded : nil
    }

    public func inRound(_ session: Session) -> Session.Conclusion? {
        let board = session.board
        do throws(TraceFileError) {
            while let input = nextInput, (input.position, input.time) == (board.executed, board.scheduler.time) {
                if let conclusion = try deliver(input, session) { return conclusion }
            }
        } catch {
            failure = error
            return .recordingEnded
        }
        guard let conclusion = recording.conclusion, conclusion.time == board.scheduler.time else { return nil }
        return board.executed == conclusion.position ? .recordingEnded : nil
    }

    private func begin(_ session: Session, isAtBeginning: Bool) {
        symbols = SymbolFinder(session.symbols)
        var needsPages = nextParts != nil
        if case .changes? = recording.conclusion?.hash { needsPages = true }
        // From another place on they are not what they were.
        guard needsPages, isAtBeginning else { return }
        pages = PageHashes(session.board.memory)
        lastEqualWhole = session.board.executed
    }

    private func deliver(_ input: ExternalInput, _ session: Session) throws(TraceFileError) -> Session.Conclusion? {
        isDelivering = true
        defer { isDelivering = false }
        guard session.port.deliver(input.event) else {
            return .diverged(
                divergence(session.board, ["the machine has nothing that takes a recorded \(input.kind.name)"]))
        }
        deliveredInputs += 1
        nextInput = try inputs.next()
        return nil
    }

    /// Whether nothing recorded comes before that place.
    private func isFirst(_ time: UInt64, _ position: UInt64) -> Bool {
        nextInput.map { (time, position) <= ($0.time, $0.position) } ?? true
    }

    private func isAtEnd(_ position: UInt64, _ time: UInt64) -> Bool {
        guard let conclusion = recording.conclusion else { return nextInput == nil && nextHash == nil }
        // Where the run ended of itself it does so again; where it was ended, it is here.
        return time >= conclusion.time && position >= conclusion.position
    }

    private func check(
        _ hash: RecordedHash, _ board: any Board, _ position: UInt64, _ time: UInt64
    ) throws(TraceFileError) -> Divergence? {
        guard (hash.position, hash.time) == (position, time) else {
            return missed("the state", hash.position, hash.time, board)
        }
        let isEqual = hash.value == board.processorHash
        var differences: [String] = []
        var comparesMemory = false
        while let record = nextParts, (record.time, record.position) <= (time, position) {
            nextParts = try parts.next()
            if (record.position, record.time) == (position, time) {
                differences = self.differences(record, board)
                comparesMemory = record.memory != nil
                // Another one of this place is of the state behind its inputs, where the run ended.
                break
            }
        }
        guard isEqual, differences.isEmpty else {
            return divergence(
                board, differences.isEmpty ? ["the state of the CPUs is not what it was"] : differences)
        }
        lastEqual = position
        if comparesMemory { lastEqualWhole = position }
        comparedHashes += 1
        return nil
    }

    private func differences(_ record: RecordedParts, _ board: any Board) -> [String] {
        var texts = StateParts(board).differences(from: record.parts, on: board)
        guard let memory = record.memory, let pages else { return texts }
        let changed = pages.update()
        texts += memory.differences(pages, changed: changed) { [symbols] in symbols?.nameInPage(of: $0) }
        return texts
    }

    /// Compares the end of the run with that of the recorded one.
    /// - Returns: nil where they are equal, or nothing is recorded of it.
    public func compareEnd(_ session: Session) -> Divergence? {
        guard let conclusion = recording.conclusion, !isAtGoal else { return nil }
        let board = session.board
        guard (conclusion.position, conclusion.time) == (board.executed, board.scheduler.time) else {
            return missed("the end", conclusion.position, conclusion.time, board)
        }
        board.scheduler.settle()
        if let record = nextParts, (record.position, record.time) == (board.executed, board.scheduler.time) {
            let differences = differences(record, board)
            if !differences.isEmpty { return divergence(board, differences) }
        } else {
            _ = pages?.update()
        }
        let isEqual =
            switch conclusion.hash {
            case nil: true
            case .whole(let value): value == board.stateHash
            case .changes(let value): pages.map { value == board.changeHash($0) } ?? true
            }
        return isEqual ? nil : divergence(board, ["at its end memory, CPUs or devices are not what they were"])
    }

    /// What the machine is here.
    func parts(of board: any Board) -> RecordedParts {
        RecordedParts(
            position: board.executed, time: board.scheduler.time, parts: StateParts(board),
            memory: pages.map { RecordedParts.Memory(lookingAt: $0) })
    }

    /// Compares the machine with what it was at a place when it was there before.
    func compare(_ board: any Board, with record: RecordedParts) -> Divergence? {
        guard (board.executed, board.scheduler.time) == (record.position, record.time) else {
            return missed("the state", record.position, record.time, board)
        }
        let differences = differences(record, board)
        return differences.isEmpty ? nil : divergence(board, differences)
    }

    /// Leaves the run to itself.
    func end() { pages?.end() }

    private func missed(_ what: String, _ position: UInt64, _ time: UInt64, _ board: any Board) -> Divergence {
        divergence(
            board,
            [
                "\(what) of instruction \(grouped(position)), \(seconds(time)), falls at \(grouped(board.executed)), "
                    + "\(seconds(board.scheduler.time))"
            ])
    }

    private func divergence(_ board: any Board, _ differences: [String]) -> Divergence {
        let processor = board.processors[min(board.scheduler.currentIdentifier, board.processors.count - 1)]
        let place = symbols?.text(processor.programCounter, inGuest: processor.privilege.isGuests)
        return Divergence(
            position: board.executed, time: board.scheduler.time, lastEqual: lastEqualWhole ?? lastEqual,
            lastEqualProcessors: lastEqual, differences: differences,
            place: "\(processor.label) at \(place ?? hexadecimal(processor.programCounter)) in "
                + processor.privilegeText, revision: recording.revision)
    }
}

extension SymbolFinder {
    /// The symbol that owns the start of a page, or else the first that begins in it.
    func nameInPage(of page: UInt64) -> String? {
        for address in stride(from: page, to: page + PhysicalMemory.pageSize, by: 4) {
            if let name = name(address) { return name }
        }
        return nil
    }
}
