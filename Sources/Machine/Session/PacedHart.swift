import ISA

/// How far the harts of a machine may go, and what is done with them on the way. Places in a run are counted in
/// instructions of all harts: they take turns, so that each instruction has its number.
final class Pace {
    private unowned let board: RISCVVirt
    /// The run ends when so many instructions have been executed.
    var limit = UInt64.max
    /// Turns that may come to this instruction are run one instruction at a time.
    var stepsFrom = UInt64.max
    /// Called before and after each such instruction.
    var willStep: (RISCV.Hart) -> Void = { _ in }
    var didStep: (RISCV.Hart) -> Void = { _ in }
    /// For tests: what is done to the hart that has executed the instruction of that number.
    var disturbance: Lockstep.Disturbance?
    /// The hart that executed the last instruction before the limit.
    private(set) var lastHart: RISCV.Hart?
    /// The first turn that was longer than it might be.
    private(set) var overrun: Lockstep.Overrun?

    /// Puts itself in front of all harts.
    init(_ board: RISCVVirt) {
        self.board = board
        board.scheduler.substitute { processor in
            guard let hart = processor as? RISCV.Hart else { return processor }
            return PacedHart(hart, self)
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

    /// Looks at what a hart has done since it had executed `before` instructions.
    /// - Returns: whether the run is to end.
    fileprivate func passed(_ hart: RISCV.Hart, before: UInt64, allowed: UInt64) -> Bool {
        let executed = board.executed
        if let disturbance, disturbance.instruction == executed {
            self.disturbance = nil
            disturbance.action(board, hart)
        }
        let done = hart.executed &- before
        if done > allowed, overrun == nil {
            overrun = Lockstep.Overrun(
                hart: hart.identifier, start: board.executed &- done, allowed: allowed, executed: done)
        }
        guard executed >= limit || overrun != nil else { return false }
        lastHart = hart
        board.scheduler.stop()
        return true
    }
}

/// A hart that runs as its ``Pace`` says. Where that says nothing, its turns are those of the hart itself.
private final class PacedHart: Processor {
    private let hart: RISCV.Hart
    private let pace: Pace
    /// Where the turn ends, in executed instructions.
    private var end: UInt64 = 0

    init(_ hart: RISCV.Hart, _ pace: Pace) {
        self.hart = hart
        self.pace = pace
    }

    var identifier: Int { hart.identifier }
    var executed: UInt64 { hart.executed }
    var clockOffset: UInt64 {
        get { hart.clockOffset }
        set { hart.clockOffset = newValue }
    }
    var isWaiting: Bool { hart.isWaiting }
    var isLost: Bool { hart.isLost }

    func run(_ count: UInt64) -> UInt64 {
        let start = hart.executed
        end = start &+ count
        let steps = pace.mayStep(within: count)
        while hart.executed < end {
            let wanted = steps ? 1 : min(end &- hart.executed, pace.distance)
            let yields = steps && hart.yieldsTurn
            if steps { pace.willStep(hart) }
            let before = hart.executed
            let done = hart.run(wanted)
            if steps { pace.didStep(hart) }
            let isOver = pace.passed(hart, before: before, allowed: wanted)
            if isOver || done < wanted || hart.isWaiting || yields { break }
        }
        return hart.executed &- start
    }

    func limitTurn(to limit: UInt64) {
        end = min(end, max(limit, hart.executed &+ 1))
        hart.limitTurn(to: limit)
    }

    func stop() {
        end = 0
        hart.stop()
    }

    func loseReservation() { hart.loseReservation() }
}

extension RISCV.Hart {
    /// The next instruction is WRS.NTO or WRS.STO and ends the turn, as the hart has a reservation.
    var yieldsTurn: Bool {
        guard state.pointee.core.reservation != 0, let word = instructionWord() else { return false }
        let (noTimeout, shortTimeout): (UInt32, UInt32) = (0x00d0_0073, 0x01d0_0073)
        return word == shortTimeout || word == noTimeout && !reservationTimesOut
    }
}
