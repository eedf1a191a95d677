/// Something to be done at a time.
public struct TimerEvent {
    public enum Action {
        /// The wait of the thread ends.
        case wake(ThreadReference)
        /// The time slice of whoever runs ends.
        case timeSlice
        /// The thread has its budget back.
        case replenish(ThreadReference)
        /// A function of an argument, called with interrupts off.
        case call(@convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)
    }

    public var action: Action
    /// In ticks of the counter.
    public internal(set) var deadline: UInt64 = .max
    /// Its place in the heap of its CPU.
    fileprivate var position: Int?
    /// Where it is armed; changed under that CPU's lock alone.
    var cpu: CPUReference?

    public var isArmed: Bool { cpu != nil }

    public init(action: Action) { self.action = action }
}

public typealias TimerReference = UnsafeMutablePointer<TimerEvent>

/// The timer events of a CPU, the next one first. There is no tick: the alarm is set to the next event, or not at all.
struct TimerQueue {
    /// A binary heap.
    private var heap: [TimerReference] = []

    var next: TimerReference? { heap.first }
    var count: Int { heap.count }

    mutating func insert(_ event: TimerReference) {
        heap.append(event)
        event.pointee.position = heap.count - 1
        rise(heap.count - 1)
    }

    mutating func remove(_ event: TimerReference) {
        guard let position = event.pointee.position else { return }
        event.pointee.position = nil
        let last = heap.removeLast()
        guard last != event else { return }
        place(last, position)
        sink(position)
        rise(position)
    }

    private mutating func place(_ event: TimerReference, _ position: Int) {
        heap[position] = event
        event.pointee.position = position
    }

    private mutating func rise(_ start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard heap[position].pointee.deadline < heap[parent].pointee.deadline else { return }
            exchange(position, parent)
            position = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var position = start
        while true {
            var least = position
            for child in 2 * position + 1...2 * position + 2
            where child < heap.count && heap[child].pointee.deadline < heap[least].pointee.deadline { least = child }
            guard least != position else { return }
            exchange(position, least)
            position = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        let (first, second) = (heap[a], heap[b])
        place(second, a)
        place(first, b)
    }
}
