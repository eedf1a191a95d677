/// Lets the CPUs of a machine take turns, and virtual time pass.
///
/// A round gives each CPU that does not wait the same number of instructions, from the same virtual time on, so that in
/// the machine's time they ran side by side. Events lie between rounds: the round ends where the next event is due, and a
/// CPU that arms an earlier one has its turn cut short there. When all CPUs wait, time skips to the next event. All of
/// this is a function of the guest's own instructions, so that a run is the same every time.
///
/// As the CPUs take turns, each instruction has its number among those of all CPUs, and a machine can be stopped before any
/// of them. A round that is stopped in the middle goes on where it was: who stops a machine, to look into it or to bring it
/// to a certain place, changes nothing of what it does.
public final class Scheduler {
    public let clock: Clock
    public private(set) var processors: [any Processor] = []
    /// When each processor, by its place in ``processors``, began to wait; nil while it does not.
    public private(set) var waitingSince: [UInt64?] = []
    /// Virtual time between rounds.
    public private(set) var time: UInt64 = 0
    /// The round that runs, or was stopped in the middle.
    private var inProgress: Round?
    /// The CPU whose turn it is. Its turn began and is to end when it has executed so many instructions.
    private var current: (any Processor)?
    private var turnStart: UInt64 = 0
    private var turnEnd: UInt64 = 0
    /// The number of the CPU whose turn it is, or was last: whose access it is that a device with banked registers sees.
    public private(set) var currentIdentifier = 0
    /// Set by anything that wants ``round(limit:instructions:skips:)`` to return after the instruction in progress.
    private var stopRequested = false
    /// A CPU executes instructions.
    private var isExecuting = false

    /// Longest turn of one CPU among several: how far their views of time can be apart.
    public static let sharedQuantum: UInt64 = 10_000
    /// Longest turn of a lone CPU: how often the host is looked at.
    public static let soleQuantum: UInt64 = 2_000_000
    /// Set lower by whoever has to look at guest memory between turns.
    public var quantum = soleQuantum

    public init(clock: Clock) {
        self.clock = clock
        clock.progress = { [unowned self] in
            guard let current else { return 0 }
            return current.executed - turnStart
        }
        clock.deadlineMoved = { [unowned self] due, side in
            guard let current, side == .machine || processors.count == 1 else { return }
            let end = turnStart + (due > time ? due - time : 0)
            turnEnd = min(turnEnd, max(end, current.executed + 1))
            current.limitTurn(to: end)
        }
    }

    private struct Round {
        /// The CPUs that have a turn, by their places, and which of them is next, or has its turn now.
        let runnable: [Int]
        var next = 0
        /// Of each turn that begins.
        var length: UInt64
        /// Instructions of the longest turn so far.
        var longest: UInt64 = 0
    }

    public func add(_ processor: any Processor) {
        processors.append(processor)
        waitingSince.append(nil)
        if processors.count > 1 { quantum = min(quantum, Self.sharedQuantum) }
    }

    /// Puts another processor in the place of each, which passes on to it: so that a tracer sees every turn.
    public func substitute(_ other: (any Processor) -> any Processor) {
        processors = processors.map(other)
    }

    /// Makes the round that runs, or else the next one, return ``Outcome/stopped`` after the instruction in progress.
    public func stop() {
        stopRequested = true
        current?.stop()
    }

    /// Why ``round(limit:instructions:skips:)`` came back.
    public enum Outcome: Equatable {
        /// A round was run, or time skipped to an event.
        case progress
        /// The instructions are used up, or a debugger stopped a CPU: the round goes on at the next call.
        case suspended
        /// All CPUs wait and an event lies ahead; only when asked not to skip.
        case idle(until: UInt64)
        /// All CPUs wait, or are lost, and nothing will ever change that.
        case stuck
        /// ``stop()`` was called.
        case stopped
    }

    /// A debugger has suspended the round that was run last.
    public private(set) var isStoppedByDebugger = false

    /// Whether the last round has ended, so that what comes from outside may enter.
    public var isBetweenRounds: Bool { inProgress == nil }

    /// Runs one round or what is left of one, or skips to the next event.
    /// - Parameters:
    ///   - limit: virtual time at which a lone CPU's turn ends. Rounds of several CPUs are what they are, and end behind it.
    ///   - instructions: how many are executed at most, by all CPUs together.
    ///   - skips: whether an idle machine's time skips to the next event at once.
    public func round(limit: UInt64 = .max, instructions: UInt64 = .max, skips: Bool = true) -> Outcome {
        isStoppedByDebugger = false
        if takeStop() { return .stopped }
        if inProgress == nil {
            clock.runEvents(through: time)
            let runnable = processors.indices.filter { !processors[$0].isWaiting }
            let deadline = clock.deadline
            guard !runnable.isEmpty else { return skip(to: deadline, limit, skips: skips) }
            if deadline == nil, runnable.allSatisfy({ processors[$0].isLost }) { return .stuck }
            inProgress = Round(runnable: runnable, length: length(limit))
        }
        var left = instructions
        while let round = inProgress, round.next < round.runnable.count {
            guard runTurn(of: round.runnable[round.next], &left) else {
                // Nobody can tell where a lone CPU's turn ends, so that nothing is left to go on with.
                if processors.count == 1 {
                    if let current { end(current, round.runnable[round.next]) }
                    endRound()
                }
                return .suspended
            }
            if stopRequested { break }
        }
        endRound()
        // At once, so that what asked for it comes before the limits that this turn may have reached as well.
        return takeStop() ? .stopped : .progress
    }

    /// Of the turns of a round that begins now.
    private func length(_ limit: UInt64) -> UInt64 {
        var end = clock.deadline ?? .max
        guard processors.count == 1 else { return min(quantum, end > time ? end - time : 1) }
        // Where one turn ends and the next begins, nobody can tell. Some look at memory then, and have to do so at the same
        // places in each run.
        end = min(end, limit, clock.hostDeadline ?? .max, (time / quantum + 1) * quantum)
        return end > time ? end - time : 1
    }

    /// Brings a round that was stopped to where a run that was to stop at this number of instructions stands: what ends without
    /// another instruction has ended, and what has executed none has not begun. So there is one such place, and who changes
    /// something there can say where it was.
    public func settle() {
        guard !isExecuting, inProgress != nil else { return }
        if let current, current.executed == turnStart, turnEnd > turnStart { self.current = nil }
        var left: UInt64 = 0
        while let round = inProgress, round.next < round.runnable.count {
            guard runTurn(of: round.runnable[round.next], &left) else { break }
        }
        guard let round = inProgress else { return }
        if round.next == round.runnable.count {
            endRound()
        } else if round.next == 0, current == nil {
            inProgress = nil
        }
    }

    /// Lets the CPU at that place have its turn, or go on with it.
    /// - Returns: false when it is suspended.
    private func runTurn(of index: Int, _ left: inout UInt64) -> Bool {
        let processor = processors[index]
        if current == nil {
            guard left > 0 else { return false }
            begin(processor)
        }
        while turnEnd > processor.executed {
            guard left > 0 else { return false }
            isExecuting = true
            let executed = processor.run(min(turnEnd - processor.executed, left))
            isExecuting = false
            left -= min(left, executed)
            if processor.isStoppedByDebugger {
                isStoppedByDebugger = true
                // What it is stopped behind may have ended its turn as well.
                if processor.isWaiting || processor.hasEndedTurn { turnEnd = processor.executed }
                return false
            }
            // With neither, only because it was allowed no more.
            if processor.isWaiting || processor.hasEndedTurn || executed == 0 { break }
        }
        end(processor, index)
        return true
    }

    private func begin(_ processor: any Processor) {
        current = processor
        currentIdentifier = processor.identifier
        turnStart = processor.executed
        turnEnd = turnStart + inProgress!.length
        processor.clockOffset = time &- turnStart
    }

    private func end(_ processor: any Processor, _ index: Int) {
        let executed = processor.executed - turnStart
        inProgress!.longest = max(inProgress!.longest, executed)
        inProgress!.next += 1
        waitingSince[index] = processor.isWaiting ? time + executed : nil
        if processors.count > 1 { processor.loseReservation() }
        current = nil
        // An event that this turn has armed ends the turns after it as well.
        if let deadline = clock.deadline, deadline < time + inProgress!.length {
            inProgress!.length = max(deadline, time + 1) - time
        }
    }

    private func endRound() {
        let longest = inProgress?.longest ?? 0
        (inProgress, current) = (nil, nil)
        advance(to: time + longest)
        clock.runHostTimers(through: time)
    }

    /// No CPU has anything to do before `deadline`.
    private func skip(to deadline: UInt64?, _ limit: UInt64, skips: Bool) -> Outcome {
        if let due = clock.hostDeadline, due <= time {
            // The host has let time pass up to there.
            clock.runHostTimers(through: time)
            return .progress
        }
        guard let next = [deadline, clock.hostDeadline].compactMap(\.self).min() else { return .stuck }
        guard skips else { return .idle(until: next) }
        advance(to: min(next, limit))
        clock.runHostTimers(through: time)
        return .progress
    }

    private func takeStop() -> Bool {
        defer { stopRequested = false }
        return stopRequested
    }

    /// Lets an idle machine's time pass up to `newTime`, no further than the next event.
    public func advance(to newTime: UInt64) {
        time = max(time, newTime)
        clock.advance(to: time)
    }

    /// With a round that was stopped in the middle, so that a machine can be saved at any instruction.
    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("time", &time)
        if time > Clock.end {
            visitor.refuse("no later than the end of time")
            time = 0
        }
        if visitor.replacesFields { (inProgress, current, stopRequested) = (nil, nil, false) }
        clock.advance(to: time)
        visitor.field("current CPU", &currentIdentifier)
        for index in waitingSince.indices {
            var since = waitingSince[index].map { $0 &+ 1 } ?? 0
            visitor.field("waiting since", &since)
            waitingSince[index] = since == 0 ? nil : since &- 1
        }
        describeRound(&visitor)
    }

    private func describeRound(_ visitor: inout some StateVisitor) {
        var runnable: [UInt8] = []
        for index in inProgress?.runnable ?? [] { runnable.append(littleEndian: UInt16(index)) }
        visitor.field("round", &runnable, parts: 2, limit: processors.count)
        var round = Round(
            runnable: stride(from: 0, to: runnable.count, by: 2).map {
                Int(runnable.littleEndian(at: $0, as: UInt16.self))
            }, length: inProgress?.length ?? 0)
        (round.next, round.longest) = (inProgress?.next ?? 0, inProgress?.longest ?? 0)
        visitor.field("turns that are over", &round.next)
        visitor.field("length of turns", &round.length)
        visitor.field("longest turn", &round.longest)
        var isInTurn = current != nil
        visitor.field("in a turn", &isInTurn)
        // Of turns that are over, where they were is nothing to go on from.
        if !isInTurn, !visitor.replacesFields { (turnStart, turnEnd) = (0, 0) }
        visitor.field("start of the turn", &turnStart)
        visitor.field("end of the turn", &turnEnd)
        guard visitor.replacesFields else { return }
        let isWhole =
            round.next <= round.runnable.count && round.runnable.allSatisfy { processors.indices.contains($0) }
            && (!isInTurn || round.next < round.runnable.count)
        if !isWhole { visitor.refuse("a round of this machine's CPUs", of: "round") }
        inProgress = isWhole && !round.runnable.isEmpty ? round : nil
        current = isWhole && isInTurn ? processors[round.runnable[round.next]] : nil
        if let current { current.clockOffset = time &- turnStart }
    }
}
