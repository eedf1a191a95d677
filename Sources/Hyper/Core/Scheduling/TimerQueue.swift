/// Something to be done at a time.
public struct TimerEvent {
    public enum Action {
        /// The wait of the thread ends.
        case wake(ThreadReference)
        /// The time slice of whoever runs ends.
        case timeSlice
        /// A function of an argument, called with interrupts off.
        case call(@convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)
    }

    public var action: Action
    /// In ticks of the counter.
    public fileprivate(set) var deadline: UInt64 = .max
    /// Its place in the heap of its CPU.
    fileprivate var position: Int?
    /// Where it is armed.
    fileprivate var cpu: CPUReference?

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

/// Time, and what is to be done at a time, on the CPU that asks.
public enum Timers {
    /// Nanoseconds since power-on.
    public static var now: UInt64 { nanoseconds(Port.counter) }

    /// The ticks of so many nanoseconds, rounded up: no event comes early.
    public static func ticks(_ nanoseconds: UInt64) -> UInt64 {
        scale(nanoseconds, from: second, to: Port.counterFrequency, roundsUp: true)
    }

    public static func nanoseconds(_ ticks: UInt64) -> UInt64 {
        scale(ticks, from: Port.counterFrequency, to: second, roundsUp: false)
    }

    private static let second: UInt64 = 1_000_000_000

    /// Whole seconds and the rest of one apart, so that 64 bits are enough for any counter of less than 10 GHz.
    private static func scale(_ value: UInt64, from: UInt64, to: UInt64, roundsUp: Bool) -> UInt64 {
        let (whole, overflows) = (value / from).multipliedReportingOverflow(by: to)
        let part = (value % from &* to &+ (roundsUp ? from - 1 : 0)) / from
        let (sum, carries) = whole.addingReportingOverflow(part)
        return overflows || carries ? .max : sum
    }

    /// Arms the event for when this CPU's counter has come to `deadline`. One that was armed is armed anew.
    public static func arm(_ event: TimerReference, at deadline: UInt64) {
        cancel(event)
        let wereEnabled = Port.disableInterrupts()
        let cpu = Port.cpu
        cpu.pointee.timerLock.acquire()
        event.pointee.deadline = deadline
        event.pointee.cpu = cpu
        cpu.pointee.timers.insert(event)
        if cpu.pointee.timers.next == event { Port.setAlarm(deadline) }
        cpu.pointee.timerLock.release()
        Port.restoreInterrupts(wereEnabled)
    }

    /// The alarm is left as it is: it finds nothing to do, which is cheaper than to set it twice as often.
    public static func cancel(_ event: TimerReference) {
        guard let cpu = event.pointee.cpu else { return }
        cpu.pointee.timerLock.withLock { cpu.pointee.timers.remove(event) }
        event.pointee.cpu = nil
    }

    /// The alarm has come: does what is due, with interrupts off, and sets the next alarm.
    public static func expire() {
        let cpu = Port.cpu
        while let event = takeDue(cpu) {
            switch event.pointee.action {
            case .wake(let thread): Scheduler.endWait(thread)
            case .timeSlice: cpu.pointee.needsReschedule = true
            case .call(let function, let argument): function(argument)
            }
        }
    }

    /// The next event that is due, no longer armed. Where there is none the alarm is set to the next one.
    private static func takeDue(_ cpu: CPUReference) -> TimerReference? {
        cpu.pointee.timerLock.acquire()
        defer { cpu.pointee.timerLock.release() }
        guard let event = cpu.pointee.timers.next else {
            Port.setAlarm(.max)
            return nil
        }
        guard event.pointee.deadline <= Port.counter else {
            Port.setAlarm(event.pointee.deadline)
            return nil
        }
        cpu.pointee.timers.remove(event)
        event.pointee.cpu = nil
        return event
    }
}
