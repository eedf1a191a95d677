import HeapModule

/// Timers by when they are due, and by when they were armed where that is the same.
///
/// A timer that is moved leaves its old entry behind. A guest can move one as often as it likes, always far ahead, so the
/// queue is swept whenever it has doubled: it is never more than twice as long as there are timers, or short.
struct EventQueue {
    private var heap = Heap<Entry>()
    /// At this many entries, those whose timer was cancelled or moved are thrown out.
    private var sweepCount = fewEntries
    private static let fewEntries = 64

    private struct Entry: Comparable {
        let time: UInt64
        let sequence: UInt64
        let timer: Clock.Timer
        /// The timer was neither cancelled nor moved since.
        var isCurrent: Bool { timer.armed == sequence }
        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.sequence) < (b.time, b.sequence) }
        static func == (a: Entry, b: Entry) -> Bool { a.sequence == b.sequence }
    }

    /// How many entries there are, those that mean nothing any more included.
    var count: Int { heap.count }

    /// Those that are armed, the first one first.
    var timers: [Clock.Timer] { heap.unordered.filter(\.isCurrent).sorted().map(\.timer) }

    /// When the first timer is due, if that is before the ``Clock/end``.
    var deadline: UInt64? {
        mutating get {
            while let entry = heap.min, !entry.isCurrent { _ = heap.popMin() }
            guard let time = heap.min?.time, time <= Clock.end else { return nil }
            return time
        }
    }

    mutating func insert(_ timer: Clock.Timer, at time: UInt64, _ sequence: UInt64) {
        heap.insert(Entry(time: time, sequence: sequence, timer: timer))
        guard heap.count >= sweepCount else { return }
        heap = Heap(heap.unordered.filter(\.isCurrent))
        sweepCount = max(Self.fewEntries, 2 * heap.count)
    }

    /// Takes the first timer out, if it is due at or before `time`.
    mutating func popFirst(through time: UInt64) -> Clock.Timer? {
        guard let due = deadline, due <= time else { return nil }
        return heap.popMin()?.timer
    }
}
