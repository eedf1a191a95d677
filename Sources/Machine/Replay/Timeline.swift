import ISA

/// A run that can be moved through in both directions.
///
/// The run is recorded in memory: what comes from outside, and at *marks* the state of the machine, with what changes of memory
/// between them (``PageHistory``). To go back is to restore the mark before and to run forward from there, with the same inputs
/// at the same places. Until the machine has come to where it has been, the *head*, nothing comes from outside and nothing goes
/// there; from the head on the run goes on.
///
/// A place in a run is a number of instructions, executed by all CPUs together.
public final class Timeline: RunCompanion {
    private let session: Session
    private let board: any Board
    private let history: PageHistory
    /// What goes with the run at its head: a recorder, or a recording.
    private let companion: (any RunCompanion)?

    private struct Mark {
        var place: Place
        let state: MachineState
        /// How many inputs came before.
        let inputs: Int
    }

    private struct Place: Comparable {
        let position: UInt64
        let time: UInt64
        /// Where no instruction of a round was executed yet, it may have begun all the same.
        let isBetweenRounds: Bool

        static func < (a: Place, b: Place) -> Bool {
            (a.position, a.time, a.isBetweenRounds ? 0 : 1) < (b.position, b.time, b.isBetweenRounds ? 0 : 1)
        }
    }

    private var marks: [Mark] = []
    /// All that came from outside since the first mark.
    private var inputs: [ExternalInput] = []
    /// Of those, how many the machine has had.
    private var delivered = 0
    /// How far the run has been.
    private var head: Place

    /// Instructions between marks: a twentieth of a second's.
    public var interval: UInt64 = 25_000_000
    /// Bytes of memory that marks may keep; beyond that those go that are missed least.
    public var limit = 1 << 30
    /// So many marks may there be: each has the state of CPUs and devices.
    private static let mostMarks = 400

    /// Begins to record here. It is the session's ``Session/companion`` from then on.
    public init(_ session: Session) {
        self.session = session
        board = session.board
        companion = session.companion
        history = PageHistory(board.memory)
        head = Place(position: 0, time: 0, isBetweenRounds: true)
        head = place
        marks.append(Mark(place: head, state: board.state(), inputs: 0))
        session.companion = self
        session.port.addObserver { [unowned self] event in
            inputs.append(ExternalInput(position: board.executed, time: board.scheduler.time, event))
            delivered = inputs.count
        }
    }

    /// Has the history begin here: what came before is forgotten.
    public func begin() {
        history.begin()
        (inputs, delivered, isInPast) = ([], 0, false)
        head = place
        marks = [Mark(place: head, state: board.state(), inputs: 0)]
    }

    private var place: Place {
        Place(
            position: board.executed, time: board.scheduler.time, isBetweenRounds: board.scheduler.isBetweenRounds)
    }

    /// Where the run is.
    public var position: UInt64 { board.executed }
    /// The first place that it can be moved to.
    public var start: UInt64 { marks[0].place.position }
    /// How far it has been.
    public var end: UInt64 { isInPast ? head.position : board.executed }
    /// The places of marks, in order: from one of them to the next is what is run to look for something.
    public var markPositions: [UInt64] { marks.map(\.place.position) }
    /// Bytes that are kept of memory.
    public var size: Int { history.size }

    /// The machine is where it has been before.
    public private(set) var isInPast = false {
        didSet { session.isRepeating = isInPast }
    }

    // MARK: Going forward

    public var nextPosition: UInt64? {
        guard isInPast else { return companion?.nextPosition }
        return delivered < inputs.count ? inputs[delivered].position : nil
    }

    public var mayBranch: Bool { companion?.mayBranch ?? true }

    public var nextTime: UInt64? {
        guard isInPast else { return companion?.nextTime }
        let input = delivered < inputs.count ? inputs[delivered].time : nil
        let mark = history.current + 1 < marks.count ? marks[history.current + 1].place.time : nil
        let now = board.scheduler.time
        return [input, mark, head.time].compactMap(\.self).filter { $0 > now }.min()
    }

    public func betweenRounds(_ session: Session) -> Session.Conclusion? {
        if isInPast { arrive() }
        guard !isInPast else { return nil }
        if board.executed >= marks[marks.count - 1].place.position &+ interval { mark() }
        return companion?.betweenRounds(session)
    }

    public func inRound(_ session: Session) -> Session.Conclusion? {
        if isInPast { arrive() }
        return isInPast ? nil : companion?.inRound(session)
    }

    /// Runs to `position`, or as far as the run goes.
    @discardableResult
    public func run(to position: UInt64 = .max) -> Session.Conclusion {
        while isInPast {
            // Marks in the middle of a round, and such a head, are no places where a round ends.
            let goal = history.current + 1 < marks.count ? marks[history.current + 1].place : head
            let next = min(position, goal.position)
            guard board.executed < position else { return .suspended }
            // Where time is to pass without instructions, one more has to be allowed.
            let conclusion = session.run(to: board.executed < next ? next : next &+ 1)
            if isInPast { arrive() }
            guard conclusion == .suspended, !board.scheduler.isStoppedByDebugger else { return conclusion }
        }
        return session.run(to: position)
    }

    /// Has come to a place: what came there from outside comes again.
    private func arrive() {
        passMarks()
        while delivered < inputs.count, inputs[delivered].position == board.executed,
            inputs[delivered].time == board.scheduler.time
        {
            // As it was taken then, it is taken now.
            _ = session.port.repeat(inputs[delivered].event)
            delivered += 1
            passMarks()
        }
        if isAtHead { isInPast = false }
    }

    private var isAtHead: Bool { place >= head && delivered == inputs.count }

    private func passMarks() {
        while history.current + 1 < marks.count {
            let mark = marks[history.current + 1].place
            let here = place
            if here.isBetweenRounds, !mark.isBetweenRounds, (here.position, here.time) == (mark.position, mark.time) {
                // The round had begun.
                _ = board.scheduler.round(instructions: 0)
            }
            // One that was made after an input of its place is behind that.
            guard mark == place, marks[history.current + 1].inputs == delivered else { return }
            history.reachNext()
        }
    }

    private func mark() {
        history.mark()
        marks.append(Mark(place: place, state: board.state(), inputs: delivered))
        dropMarks()
    }

    private func dropMarks() {
        while marks.count > 2, history.size > limit || marks.count > Self.mostMarks, dropLeastMissed() {}
    }

    /// Drops the mark whose neighbours are nearest to each other, as seen from here: what is long ago may be found by longer
    /// runs.
    /// - Returns: false where there is none to drop.
    private func dropLeastMissed() -> Bool {
        let now = Double(max(end, head.position))
        var least: (index: Int, weight: Double)?
        for index in 1..<marks.count - 1 where index != history.current {
            let gap = Double(marks[index + 1].place.position - marks[index - 1].place.position)
            let weight = gap / (now - Double(marks[index].place.position) + Double(interval))
            if least.map({ weight < $0.weight }) ?? true { least = (index, weight) }
        }
        guard let least else { return false }
        marks.remove(at: least.index)
        history.drop(least.index)
        return true
    }

    // MARK: Going back

    /// Moves to a place that the run has been at, or runs there.
    public func move(to position: UInt64) throws(StateError) -> Session.Conclusion {
        if position < board.executed {
            try restore(marks.lastIndex { $0.place.position <= position } ?? 0)
            runNear(position)
            if isInPast, board.executed == position { arrive() }
        }
        return position > board.executed ? run(to: position) : .suspended
    }

    /// Runs to shortly before a place, and makes marks on the way: whoever has gone back is likely to do it again.
    private func runNear(_ position: UInt64) {
        for distance in [interval / 16, interval / 256] {
            guard isInPast, position - board.executed > 2 * distance, run(to: position - distance) == .suspended,
                isInPast
            else { continue }
            history.insert()
            marks.insert(Mark(place: place, state: board.state(), inputs: delivered), at: history.current)
            dropMarks()
        }
    }

    /// Moves to a mark, by its place among ``markPositions``.
    public func restore(_ index: Int) throws(StateError) {
        if !isInPast { leaveHead() }
        history.move(to: index)
        try board.restore(marks[index].state)
        delivered = marks[index].inputs
        isInPast = !isAtHead
    }

    /// Makes a mark of the head, so that the run can come back to it at once.
    private func leaveHead() {
        head = place
        if marks[marks.count - 1].place != head || marks[marks.count - 1].inputs != inputs.count {
            history.mark()
            marks.append(Mark(place: head, state: board.state(), inputs: delivered))
        }
        history.holdLast()
    }

    /// Goes on from here another way: what came after this place is forgotten.
    /// - Returns: false where it may not, since it is being recorded how it went.
    @discardableResult
    public func branch() -> Bool {
        guard isInPast else { return true }
        guard mayBranch else { return false }
        history.dropLater()
        marks.removeSubrange((history.current + 1)...)
        inputs.removeSubrange(delivered...)
        head = place
        isInPast = false
        return true
    }
}
