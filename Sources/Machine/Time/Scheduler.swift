/// Lets the CPUs of a machine take turns, and virtual time pass.
///
/// A round gives each CPU that does not wait the same number of instructions, from the same virtual time on, so that in
/// the machine's time they ran side by side. Events lie between rounds: the round ends where the next event is due, and a
/// CPU that arms an earlier one has its turn cut short there. When all CPUs wait, time skips to the next event. All of
/// this is a function of the guest's own instructions, so that a run is the same every time.
public final class Scheduler {
    public let clock: Clock
    public private(set) var processors: [any Processor] = []
    /// When each processor, by its place in ``processors``, began to wait; nil while it does not.
    public private(set) var waitingSince: [UInt64?] = []
    /// Virtual time between rounds.
    public private(set) var time: UInt64 = 0
    /// The CPU whose turn it is, and where its turn began.
    private var current: (any Processor)?
    private var turnStart: UInt64 = 0
    /// The number of the CPU whose turn it is, or was last: whose access it is that a device with banked registers sees.
    public private(set) var currentIdentifier = 0
    /// Set by anything that wants ``round(limit:instructions:skips:)`` to return after the instruction in progress.
    private var stopRequested = false

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
        clock.deadlineMoved = { [unowned self] due in
            guard let current else { return }
            current.limitTurn(to: turnStart + (due > time ? due - time : 0))
        }
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
        /// All CPUs wait and an event lies ahead; only when asked not to skip.
        case idle(until: UInt64)
        /// All CPUs wait, or are lost, and nothing will ever change that.
        case stuck
        /// ``stop()`` was called.
        case stopped
    }

    /// Runs one round, or skips to the next event.
    /// - Parameters:
    ///   - limit: virtual time beyond which nothing is run.
    ///   - instructions: how many each CPU may execute at most.
    ///   - skips: whether an idle machine's time skips to the next event at once.
    public func round(limit: UInt64 = .max, instructions: UInt64 = .max, skips: Bool = true) -> Outcome {
        if takeStop() { return .stopped }
        clock.runEvents(through: time)
        let runnable = processors.indices.filter { !processors[$0].isWaiting }
        let deadline = clock.deadline
        guard !runnable.isEmpty else {
            guard let deadline else { return .stuck }
            guard skips else { return .idle(until: deadline) }
            advance(to: min(deadline, limit))
            return .progress
        }
        if deadline == nil, runnable.allSatisfy({ processors[$0].isLost }) { return .stuck }
        var length = min(quantum, instructions, limit > time ? limit - time : 1)
        if let deadline { length = min(length, max(deadline - time, 1)) }
        var longest: UInt64 = 0
        for index in runnable {
            let processor = processors[index]
            current = processor
            currentIdentifier = processor.identifier
            turnStart = processor.executed
            processor.clockOffset = time &- turnStart
            let executed = processor.run(length)
            longest = max(longest, executed)
            waitingSince[index] = processor.isWaiting ? time + executed : nil
            if processors.count > 1 { processor.loseReservation() }
            if stopRequested { break }
            // An event that this turn has armed ends the turns after it as well.
            if let deadline = clock.deadline, deadline < time + length { length = max(deadline, time + 1) - time }
        }
        current = nil
        advance(to: time + longest)
        // At once, so that what asked for it comes before the limits that this turn may have reached as well.
        return takeStop() ? .stopped : .progress
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
}
