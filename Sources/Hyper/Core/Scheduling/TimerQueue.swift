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
    fileprivate var position = -1
    /// Where it is armed; changed under that CPU's lock alone.
    var cpu: CPUReference?

    public var isArmed: Bool { cpu != nil }

    public init(action: Action) { self.action = action }
}

public typealias TimerReference = UnsafeMutablePointer<TimerEvent>

/// The timer events of a CPU, the next one first. There is no tick: the alarm is set to the next event, or not at all.
struct TimerQueue: ~Copyable {
    /// A binary heap, in raw memory: each switch of threads comes here.
    private var heap: UnsafeMutablePointer<TimerReference>
    private var capacity = 16
    private(set) var count = 0

    init() { heap = .allocate(capacity: capacity) }

    deinit { heap.deallocate() }

    @inline(__always)
    var next: TimerReference? { count == 0 ? nil : heap[0] }

    mutating func insert(_ event: TimerReference) {
        if count == capacity { grow() }
        count &+= 1
        rise(event, from: count &- 1)
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<TimerReference>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: heap, count: count)
        heap.deallocate()
        heap = larger
        capacity *= 2
    }

    mutating func remove(_ event: TimerReference) {
        let position = event.pointee.position
        guard position >= 0 else { return }
        event.pointee.position = -1
        count &-= 1
        let last = heap[count]
        guard last != event else { return }
        if position > 0, last.pointee.deadline < heap[parent(position)].pointee.deadline {
            rise(last, from: position)
        } else {
            sink(last, from: position)
        }
    }

    private func parent(_ position: Int) -> Int { (position &- 1) &>> 1 }

    @inline(__always)
    private func place(_ event: TimerReference, _ position: Int) {
        // SAFETY: positions are less than the count, which is no more than the capacity.
        heap[position] = event
        event.pointee.position = position
    }

    /// Puts the event where it belongs between the position, which is free, and the first one.
    private func rise(_ event: TimerReference, from start: Int) {
        var position = start
        while position > 0, event.pointee.deadline < heap[parent(position)].pointee.deadline {
            place(heap[parent(position)], position)
            position = parent(position)
        }
        place(event, position)
    }

    /// Puts the event where it belongs between the position, which is free, and the last ones.
    private func sink(_ event: TimerReference, from start: Int) {
        var position = start
        while true {
            var child = 2 &* position &+ 1
            guard child < count else { break }
            if child &+ 1 < count, heap[child &+ 1].pointee.deadline < heap[child].pointee.deadline { child &+= 1 }
            guard heap[child].pointee.deadline < event.pointee.deadline else { break }
            place(heap[child], position)
            position = child
        }
        place(event, position)
    }
}
