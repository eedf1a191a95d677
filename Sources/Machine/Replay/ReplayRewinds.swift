/// Has a replay go back to places of its run, and run from each of them again.
///
/// On its way the state of the machine is kept in memory at places that are spread evenly over the run; of its memory, what
/// changes between them (``PageHistory``). From each place the run is then replayed as far as the next, the last place first:
/// so a machine that has come further is put back each time. It is compared with the recording on the way, and where it
/// arrives with what it was there before.
///
/// Where a lone CPU's turns are longer than the places are apart, there are fewer of them.
public final class ReplayRewinds: RunCompanion {
    private unowned let session: Session
    private let replayer: RunReplayer
    /// What goes with the run, the replayer among it.
    private let inner: any RunCompanion
    /// From the first place on.
    private var history: PageHistory?
    private var marks: [Mark] = []
    private var nextMark: UInt64
    /// Instructions from one place to the next.
    private var step: UInt64
    private let limit: Int
    /// The run is replayed again.
    private var isRewound = false
    /// Where that stops, if not at the end of the run.
    private var goal: Mark?
    private var hasArrived = false

    /// A place to go back to.
    private struct Mark {
        let state: MachineState
        /// What the machine is compared with.
        let parts: RecordedParts
        /// How many inputs of the recording came before.
        let inputCount: UInt64
    }

    /// From how many places the run was replayed again.
    public private(set) var count = 0
    /// Hashes that were compared then.
    public private(set) var comparedHashes: UInt64 = 0

    /// The run from a place on is found not to be the one that it was.
    public struct Failure: Error, Equatable {
        /// The place that the machine was put back to.
        public let start: UInt64
        public let divergence: Divergence
    }

    /// Goes with a replay from its beginning on. It is the session's ``Session/companion`` from then on.
    /// - Parameters:
    ///   - count: of places.
    ///   - limit: bytes that may be kept of memory. Beyond that every second place is given up.
    public init(_ session: Session, _ replayer: RunReplayer, count: Int, limit: Int = 1 << 30) {
        self.session = session
        self.replayer = replayer
        self.limit = limit
        inner = session.companion ?? replayer
        let range = replayer.recording.range
        step = max((range.upperBound - range.lowerBound) / (UInt64(max(count, 0)) &+ 1), 1)
        nextMark = count > 0 ? range.lowerBound &+ step : .max
        session.companion = self
    }

    deinit { history?.end() }

    public var nextTime: UInt64? {
        let time = goal?.parts.time
        return [inner.nextTime, time.flatMap { $0 > session.board.scheduler.time ? $0 : nil }].compactMap(\.self).min()
    }

    public var nextPosition: UInt64? { inner.nextPosition }
    public var mayBranch: Bool { inner.mayBranch }

    public func inRound(_ session: Session) -> Session.Conclusion? { inner.inRound(session) }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        if let conclusion = inner.betweenRounds(session) { return conclusion }
        let board = session.board
        guard isRewound else {
            if board.executed >= nextMark { mark(board) }
            return nil
        }
        if let goal, (goal.parts.time, goal.parts.position) <= (board.scheduler.time, board.executed) {
            hasArrived = true
            return replayer.compare(board, with: goal.parts).map { .diverged($0) } ?? .recordingEnded
        }
        // One that is another run may hang where that one had ended.
        if goal == nil, let end = replayer.recording.conclusion, board.scheduler.time > end.time {
            return .recordingEnded
        }
        // Nobody else looks while a run is repeated.
        return session.betweenTurns?(board.scheduler.time) ?? false ? .quit : nil
    }

    private func mark(_ board: any Board) {
        let range = replayer.recording.range
        nextMark = board.executed &+ (step - (board.executed &- range.lowerBound) % step)
        // What is left is a part as long as the others.
        if nextMark &+ step / 2 > range.upperBound { nextMark = .max }
        if let history { history.mark() } else { history = PageHistory(board.memory) }
        marks.append(
            Mark(state: board.state(), parts: replayer.parts(of: board), inputCount: replayer.inputCount))
        while let history, history.size > limit, marks.count > 2 {
            for index in stride(from: marks.count - 2, to: 0, by: -2) {
                history.drop(index)
                marks.remove(at: index)
            }
            step = step &* 2
        }
    }

    /// Goes back to each place, when the run has come to its end.
    ///
    /// The machine stands somewhere in its run then.
    public func run() throws {
        let board = session.board
        session.isRepeating = true
        isRewound = true
        let before = replayer.comparedHashes
        defer {
            session.isRepeating = false
            comparedHashes = replayer.comparedHashes - before
        }
        for index in marks.indices.reversed() {
            let mark = marks[index]
            history?.move(to: index)
            do throws(StateError) { try board.restore(mark.state) } catch {
                throw InputError(
                    file: replayer.recording.file.path, problem: printable(error.problemText), mend: error.mend)
            }
            try replayer.goOn(from: mark.parts, inputCount: mark.inputCount)
            (goal, hasArrived) = (index + 1 < marks.count ? marks[index + 1] : nil, false)
            let conclusion = session.run()
            if let failure = replayer.failure { throw failure }
            if conclusion == .quit { return }
            if let divergence = divergence(conclusion) {
                throw Failure(start: mark.parts.position, divergence: divergence)
            }
            if goal != nil { history?.reachNext() }
            count += 1
        }
    }

    private func divergence(_ conclusion: Session.Conclusion) -> Divergence? {
        if case .diverged(let divergence) = conclusion { return divergence }
        guard let goal else { return replayer.compareEnd(session) }
        // It has ended before.
        return hasArrived ? nil : replayer.compare(session.board, with: goal.parts)
    }
}
