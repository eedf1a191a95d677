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
    /// From a later place on pages are not known to be what they were.
    private let beginsWithRecording: Bool
    /// It delivers an input now.
    private(set) var isDelivering = false

    /// - Parameter start: the snapshot of the recording that the machine starts from, if not with power-on.
    public init(_ recording: Recording, from start: SnapshotEntry? = nil) throws(TraceFileError) {
        self.recording = recording
        beginsWithRecording = start == nil || start?.identifier == recording.start?.identifier
        inputs = recording.inputs(from: start?.inputCount ?? 0)
        // At the snapshot itself an input may have come before it, and a hash is of what was before that.
        let first = start.map { $0.position &+ 1 } ?? 0
        hashes = recording.hashes(from: first, by: RecordedHash.Method(scope: .processors))
        parts = recording.parts(from: first)
        lastEqual = start?.position ?? 0
        nextInput = try inputs.next()
        nextHash = try hashes.next()
        nextParts = try parts.next()
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
        if symbols == nil { begin(session) }
        do throws(TraceFileError) {
            // A hash is of the state before the inputs of its place.
            while let hash = nextHash, hash.time <= time, isFirst(hash.time, hash.position) {
                if let divergence = try check(hash, board, position, time) { return .diverged(divergence) }
                nextHash = try hashes.next()
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

    private func begin(_ session: Session) {
        symbols = SymbolFinder(session.symbols)
        var needsPages = nextParts != nil
        if case .changes? = recording.conclusion?.hash { needsPages = true }
        // From another place on they are not what they were.
        guard needsPages, beginsWithRecording else { return }
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
        guard let conclusion = recording.conclusion else { return nil }
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
