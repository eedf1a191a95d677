/// Has a run be the one that was recorded: delivers the same inputs at the same places, and compares hashes of the state.
///
/// The machine may be run by another engine than the recorded one. Where the run is found to be another, it stops.
public final class RunReplayer: RunCompanion {
    private let recording: Recording
    private var inputs: RecordedInputs
    private var hashes: RecordedHashes
    private var nextInput: ExternalInput?
    private var nextHash: RecordedHash?
    /// Where the runs were compared last.
    private var lastEqual: UInt64 = 0
    /// What keeps the recording from being read on, if anything does.
    public private(set) var failure: TraceFileError?
    public private(set) var deliveredInputs: UInt64 = 0
    public private(set) var comparedHashes: UInt64 = 0

    /// - Parameter start: the snapshot of the recording that the machine starts from, if not with power-on.
    public init(_ recording: Recording, from start: SnapshotEntry? = nil) throws(TraceFileError) {
        self.recording = recording
        inputs = recording.inputs(from: start?.inputCount ?? 0)
        // At the snapshot itself an input may have come before it, and a hash is of what was before that.
        hashes = recording.hashes(
            from: start.map { $0.position &+ 1 } ?? 0, by: RecordedHash.Method(scope: .processors))
        lastEqual = start?.position ?? 0
        nextInput = try inputs.next()
        nextHash = try hashes.next()
    }

    public var nextTime: UInt64? {
        [nextInput?.time, nextHash?.time, recording.conclusion?.time].compactMap(\.self).min()
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        let board = session.board
        let (position, time) = (board.executed, board.scheduler.time)
        do throws(TraceFileError) {
            // A hash is of the state before the inputs of its place.
            while let hash = nextHash, hash.time <= time, isFirst(hash.time, hash.position) {
                if let divergence = check(hash, board, position, time) { return .diverged(divergence) }
                nextHash = try hashes.next()
            }
            while let input = nextInput, input.time <= time {
                guard (input.position, input.time) == (position, time) else {
                    return .diverged(missed("an input", input.position, input.time, board))
                }
                guard session.port.deliver(input.event) else {
                    return .diverged(
                        divergence(board, ["the machine has nothing that takes a recorded \(input.kind.name)"]))
                }
                deliveredInputs += 1
                nextInput = try inputs.next()
            }
        } catch {
            failure = error
            return .recordingEnded
        }
        return isAtEnd(position, time) ? .recordingEnded : nil
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
    ) -> Divergence? {
        guard (hash.position, hash.time) == (position, time) else {
            return missed("the state", hash.position, hash.time, board)
        }
        guard hash.value == board.processorHash else {
            return divergence(board, ["the state of the CPUs is not what it was"])
        }
        lastEqual = position
        comparedHashes += 1
        return nil
    }

    /// Compares the end of the run with that of the recorded one.
    /// - Returns: nil where they are equal, or nothing is recorded of it.
    public func compareEnd(_ session: Session) -> Divergence? {
        guard let conclusion = recording.conclusion else { return nil }
        let board = session.board
        guard (conclusion.position, conclusion.time) == (board.executed, board.scheduler.time) else {
            return missed("the end", conclusion.position, conclusion.time, board)
        }
        guard conclusion.hash == nil || conclusion.hash == board.stateHash else {
            return divergence(board, ["at its end memory, CPUs or devices are not what they were"])
        }
        return nil
    }

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
        return Divergence(
            position: board.executed, time: board.scheduler.time, lastEqual: lastEqual, differences: differences,
            place: "\(processor.label) at \(hexadecimal(processor.programCounter)) in \(processor.privilegeText)")
    }
}
