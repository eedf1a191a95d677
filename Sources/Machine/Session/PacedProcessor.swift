/// How far the CPUs of a machine may go, and what is done with them on the way. Places in a run are counted in
/// instructions of all CPUs: they take turns, so that each instruction has its number.
final class Pace {
    private unowned let board: any Board
    /// The run ends when so many instructions have been executed.
    var limit = UInt64.max
    /// Turns that may come to this instruction are run one instruction at a time.
    var stepsFrom = UInt64.max
    /// Called before and after each such instruction.
    var willStep: (any InspectableProcessor) -> Void = { _ in }
    var didStep: (any InspectableProcessor) -> Void = { _ in }
    /// For tests: what is done to the CPU that has executed the instruction of that number.
    var disturbance: Lockstep.Disturbance?
    /// The CPU that executed the last instruction before the limit.
    private(set) var lastProcessor: (any InspectableProcessor)?
    /// The first turn that was longer than it might be.
    private(set) var overrun: Lockstep.Overrun?

    /// Puts itself in front of all CPUs.
    init(_ board: any Board) {
        self.board = board
        board.scheduler.substitute { processor in
            guard let processor = processor as? any InspectableProcessor else { return processor }
            return PacedProcessor(processor, self)
        }
    }

    /// Instructions from now to where a turn has to be interrupted.
    fileprivate var distance: UInt64 {
        let executed = board.executed
        var place = limit
        if let disturbance, disturbance.instruction > executed { place = min(place, disturbance.instruction) }
        return place - min(place, executed)
    }

    fileprivate func mayStep(within count: UInt64) -> Bool {
        stepsFrom < board.executed.addingReportingOverflow(count).partialValue
    }

    /// Looks at what a CPU has done since it had executed `before` instructions.
    /// - Returns: whether the run is to end.
    fileprivate func passed(_ processor: any InspectableProcessor, before: UInt64, allowed: UInt64) -> Bool {
        let executed = board.executed
        if let disturbance, disturbance.instruction == executed {
            self.disturbance = nil
            disturbance.action(board, processor)
        }
        let done = processor.executed &- before
        if done > allowed, overrun == nil {
            overrun = Lockstep.Overrun(
                processor: processor.label, start: board.executed &- done, allowed: allowed, executed: done)
        }
        guard executed >= limit || overrun != nil else { return false }
        lastProcessor = processor
        board.scheduler.stop()
        return true
    }
}

/// A CPU that runs as its ``Pace`` says. Where that says nothing, its turns are those of the CPU itself.
private final class PacedProcessor: StandInProcessor {
    private let pace: Pace

    init(_ base: any InspectableProcessor, _ pace: Pace) {
        self.pace = pace
        super.init(base)
    }

    override func run(_ count: UInt64) -> UInt64 {
        let steps = pace.mayStep(within: count)
        return run(count) { left in
            let wanted = steps ? 1 : min(left, pace.distance)
            if steps { pace.willStep(base) }
            let before = base.executed
            let done = base.run(wanted)
            if steps { pace.didStep(base) }
            return !pace.passed(base, before: before, allowed: wanted) && done >= wanted
        }
    }
}
