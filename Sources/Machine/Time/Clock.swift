/// Virtual time and its event queue.
///
/// Time is counted in nanoseconds of the machine and is a function of retired instructions alone: one instruction of a
/// CPU takes one nanosecond, and a machine whose CPUs all wait skips to the next event. So a run is the same every time.
public final class Clock {
    /// Time at the start of the running CPU's turn.
    private var base: UInt64 = 0
    /// How far into its turn the running CPU is; set by the scheduler.
    public var progress: () -> UInt64 = { 0 }
    /// Told when an event is armed that is due before all others: a turn that runs now may have to end sooner.
    public var deadlineMoved: (UInt64, Side) -> Void = { _, _ in }

    private var machineTimers = EventQueue()
    private var hostTimers = EventQueue()
    private var sequence: UInt64 = 0
    /// Timers made so far.
    private var timerCount: UInt32 = 0

    /// The end of time, 292 years from power-on: nothing is ever due beyond it, and a turn that begins before it may
    /// overshoot it without wrapping.
    public static let end: UInt64 = 1 << 63

    /// The latest time that any CPU has read; it outlives the CPUs, whose instructions read and write it.
    public let latestRead: UnsafeMutablePointer<UInt64>

    public init() {
        latestRead = .allocate(capacity: 1)
        latestRead.initialize(to: 0)
    }

    deinit { latestRead.deallocate() }

    /// Nanoseconds since power-on, by the running CPU's own count.
    public var now: UInt64 { base + progress() }

    /// The time that the running CPU is shown: never less than what any CPU has read before.
    ///
    /// The CPUs of a round start from the same time, one after the other, so that a later one sees what an earlier one
    /// wrote up to a turn before that happened by its own count. Its clock then stands until its count has caught up;
    /// otherwise it would see effects before their causes (the Unprivileged ISA's Zicntr: the real-time clocks of all
    /// harts are synchronized to within one tick).
    public var shown: UInt64 { max(now, latestRead.pointee) }

    /// ``shown``, to a CPU that reads it.
    public func read() -> UInt64 {
        latestRead.pointee = shown
        return latestRead.pointee
    }

    /// Sets the time between turns. - Precondition: time does not run backwards past a due event.
    public func advance(to time: UInt64) {
        base = time
    }

    /// The time of the next event, if any is to come before the ``end``.
    public var deadline: UInt64? { machineTimers.deadline }

    /// That of the next timer of the host's.
    public var hostDeadline: UInt64? { hostTimers.deadline }

    /// How many entries the queue holds, those that mean nothing any more included.
    var entryCount: Int { machineTimers.count }

    /// Runs all events that are due at or before `time`, in order of time, then of arming.
    public func runEvents(through time: UInt64) {
        while let timer = machineTimers.popFirst(through: time) { timer.fire() }
    }

    /// The same of the host's timers.
    public func runHostTimers(through time: UInt64) {
        while let timer = hostTimers.popFirst(through: time) { timer.fire() }
    }

    /// Who waits for the alarm.
    public enum Side: Sendable {
        /// A device or a CPU: the alarm is an event of the machine.
        case machine
        /// Something outside that goes by the machine's time, a network or a script. It is no part of the machine: what it
        /// brings in comes between rounds, and to a machine that is run again comes from a recording. So no round may end
        /// for it, unless the one CPU cannot tell.
        case host
    }

    /// One alarm of a device. Arming it again moves it.
    public final class Timer {
        fileprivate(set) var armed: UInt64?
        /// When it is due; meaningful while armed.
        public private(set) var time: UInt64 = 0
        private let action: () -> Void
        private let side: Side
        /// A machine's timers are numbered in the order in which they are made, which is always the same.
        fileprivate let number: UInt32
        private unowned let clock: Clock

        /// - Parameter action: what happens then. It is kept for the life of the timer: capture the device `unowned`.
        public init(_ clock: Clock, of side: Side = .machine, _ action: @escaping () -> Void) {
            self.clock = clock
            self.side = side
            self.action = action
            if side == .machine { clock.timerCount += 1 }
            number = clock.timerCount
        }

        fileprivate func fire() {
            armed = nil
            action()
        }

        public var isArmed: Bool { armed != nil }

        /// Arms the timer for `time` in nanoseconds; a time that has passed is due at once.
        public func arm(at time: UInt64) {
            clock.sequence += 1
            armed = clock.sequence
            self.time = time
            let deadline = side == .machine ? clock.machineTimers.deadline : clock.hostTimers.deadline
            switch side {
            case .machine: clock.machineTimers.insert(self, at: time, clock.sequence)
            case .host: clock.hostTimers.insert(self, at: time, clock.sequence)
            }
            if deadline.map({ time < $0 }) ?? true { clock.deadlineMoved(time, side) }
        }

        public func cancel() {
            armed = nil
        }

        /// Described by its due time, for snapshots: a reader arms it again.
        public func describeState(_ visitor: inout some StateVisitor) {
            var isArmed = self.isArmed
            var time = isArmed ? self.time : 0
            visitor.field("armed", &isArmed)
            visitor.field("due", &time)
            if isArmed {
                if !self.isArmed || time != self.time { arm(at: time) }
            } else {
                cancel()
            }
        }
    }

    /// Described by what any CPU has read, and by which timers are armed, in the order in which they will go off: devices
    /// describe when theirs do, but not which of two that are due together comes first. A reader has to have restored the
    /// devices before.
    func describeState(_ visitor: inout some StateVisitor) {
        visitor.field("latest time read", &latestRead.pointee)
        let armed = machineTimers.timers
        var numbers: [UInt8] = []
        for timer in armed { numbers.append(littleEndian: timer.number) }
        let before = numbers
        visitor.field("timers", &numbers)
        guard numbers != before else { return }
        let byNumber = Dictionary(armed.map { ($0.number, $0) }) { first, _ in first }
        for offset in stride(from: 0, to: numbers.count - 3, by: 4) {
            guard let timer = byNumber[numbers.littleEndian(at: offset)] else { continue }
            timer.arm(at: timer.time)
        }
    }
}
