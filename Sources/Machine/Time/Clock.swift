import HeapModule

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
    public var deadlineMoved: (UInt64) -> Void = { _ in }

    private var queue = Heap<Entry>()
    private var sequence: UInt64 = 0
    /// At this many entries, those whose timer was cancelled or moved are thrown out.
    private var sweepCount = fewEntries
    private static let fewEntries = 64

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

    private struct Entry: Comparable {
        let time: UInt64
        let sequence: UInt64
        let timer: Timer
        /// The timer was neither cancelled nor moved since.
        var isCurrent: Bool { timer.armed == sequence }
        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.sequence) < (b.time, b.sequence) }
        static func == (a: Entry, b: Entry) -> Bool { a.sequence == b.sequence }
    }

    /// The time of the next event, if any is to come before the ``end``.
    public var deadline: UInt64? {
        while let entry = queue.min, !entry.isCurrent { _ = queue.popMin() }
        guard let time = queue.min?.time, time <= Self.end else { return nil }
        return time
    }

    /// How many entries the queue holds, those that mean nothing any more included.
    var entryCount: Int { queue.count }

    /// A moved timer leaves its old entry behind. A guest can move one as often as it likes, always far ahead, so the
    /// queue is swept whenever it has doubled: it is never more than twice as long as there are timers, or short.
    private func insert(_ entry: Entry) {
        queue.insert(entry)
        guard queue.count >= sweepCount else { return }
        queue = Heap(queue.unordered.filter(\.isCurrent))
        sweepCount = max(Self.fewEntries, 2 * queue.count)
    }

    /// Runs all events that are due at or before `time`, in order of time, then of arming.
    public func runEvents(through time: UInt64) {
        while let due = deadline, due <= time {
            let entry = queue.popMin()!
            entry.timer.armed = nil
            entry.timer.action()
        }
    }

    /// One alarm of a device. Arming it again moves it.
    public final class Timer {
        fileprivate var armed: UInt64?
        /// When it is due; meaningful while armed.
        public private(set) var time: UInt64 = 0
        fileprivate let action: () -> Void
        private unowned let clock: Clock

        /// - Parameter action: what happens then. It is kept for the life of the timer: capture the device `unowned`.
        public init(_ clock: Clock, _ action: @escaping () -> Void) {
            self.clock = clock
            self.action = action
        }

        public var isArmed: Bool { armed != nil }

        /// Arms the timer for `time` in nanoseconds; a time that has passed is due at once.
        public func arm(at time: UInt64) {
            clock.sequence += 1
            armed = clock.sequence
            self.time = time
            let isFirst = clock.deadline.map { time < $0 } ?? true
            clock.insert(Entry(time: time, sequence: clock.sequence, timer: self))
            if isFirst { clock.deadlineMoved(time) }
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
}
