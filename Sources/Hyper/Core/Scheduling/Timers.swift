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

    /// No sum comes before what it is made of: what is too far away never comes.
    static func sum(_ ticks: UInt64, _ others: UInt64) -> UInt64 {
        let (sum, overflows) = ticks.addingReportingOverflow(others)
        return overflows ? .max : sum
    }

    /// The tick at which so many nanoseconds from now will be over.
    public static func deadline(after nanoseconds: UInt64) -> UInt64 { sum(Port.counter, ticks(nanoseconds)) }

    /// Arms the event for when this CPU's counter has come to `deadline`. One that was armed is armed anew.
    public static func arm(_ event: TimerReference, at deadline: UInt64) {
        let wereEnabled = Port.disableInterrupts()
        cancel(event)
        let cpu = Port.cpu
        cpu.pointee.timerLock.acquire()
        event.pointee.deadline = deadline
        event.pointee.cpu = cpu
        cpu.pointee.timers.insert(event)
        if cpu.pointee.timers.next == event { Port.setAlarm(deadline) }
        cpu.pointee.timerLock.release()
        Port.restoreInterrupts(wereEnabled)
    }

    /// The alarm is left as it is: it finds nothing to do, which is cheaper than to set it twice as often. What the event does
    /// may be under way on another CPU.
    public static func cancel(_ event: TimerReference) {
        // It may expire, or move with all events of its CPU, until that CPU's lock is held.
        while let cpu = event.pointee.cpu {
            let isDone = cpu.pointee.timerLock.withLock {
                guard event.pointee.cpu == cpu else { return false }
                cpu.pointee.timers.remove(event)
                event.pointee.cpu = nil
                return true
            }
            if isDone { return }
        }
    }

    /// Cancels the event, and waits until no other CPU is about to do what it does: then it may go. The caller holds no
    /// lock that this might need.
    public static func cancelAndWait(_ event: TimerReference) {
        cancel(event)
        for index in 0..<CPUs.count where CPUs[index] != Port.cpu {
            let cpu = CPUs[index]
            while cpu.pointee.timerLock.withLock({ cpu.pointee.expiring == event }) { Port.relax() }
        }
    }

    /// The alarm has come: does what is due, with interrupts off, and sets the next alarm.
    public static func expire() {
        let cpu = Port.cpu
        while let event = takeDue(cpu) {
            switch event.pointee.action {
            case .wake(let thread): Scheduler.endWait(thread)
            case .timeSlice:
                cpu.pointee.sliceIsOver = true
                cpu.pointee.needsReschedule = true
                if cpu.pointee.current.pointee.turn != .max { cpu.pointee.turnIsOver = true }
            case .replenish(let thread): Scheduler.replenish(thread)
            case .call(let function, let argument): function(argument)
            }
        }
    }

    /// The next event that is due, no longer armed. Where there is none the alarm is set to the next one.
    private static func takeDue(_ cpu: CPUReference) -> TimerReference? {
        cpu.pointee.timerLock.acquire()
        defer { cpu.pointee.timerLock.release() }
        cpu.pointee.expiring = nil
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
        cpu.pointee.expiring = event
        return event
    }

    /// Hands all events of this CPU, which goes off, to another one. Interrupts are off.
    static func move(to other: CPUReference) {
        let cpu = Port.cpu
        let (first, second) = cpu.pointee.index < other.pointee.index ? (cpu, other) : (other, cpu)
        first.pointee.timerLock.acquire()
        second.pointee.timerLock.acquire()
        while let event = cpu.pointee.timers.next {
            cpu.pointee.timers.remove(event)
            event.pointee.cpu = other
            other.pointee.timers.insert(event)
        }
        second.pointee.timerLock.release()
        first.pointee.timerLock.release()
        Port.setAlarm(.max)
    }

    /// Has the alarm of this CPU come for the next event, whoever armed that. Interrupts are off.
    static func setAlarm() {
        let cpu = Port.cpu
        cpu.pointee.timerLock.acquire()
        Port.setAlarm(cpu.pointee.timers.next?.pointee.deadline ?? .max)
        cpu.pointee.timerLock.release()
    }
}
