import Testing

@testable import Hyper

let millisecond: UInt64 = 1_000_000

/// The clock of the fake machine, in microseconds since its start.
var microseconds: UInt64 { Timers.nanoseconds(Port.counter) / 1000 }

/// Executes for so many microseconds, less what others take from it.
func spend(microseconds: UInt64) { FakeMachine.spend(Timers.ticks(microseconds * 1000)) }

/// Makes a thread and wakes it.
@discardableResult
func spawn(
    _ name: Text, priority: Int = Thread.defaultPriority, on cpu: Int = 0, affinity: UInt32 = .max,
    _ body: @escaping () -> Void
) -> ThreadReference {
    let thread = Scheduler.makeThread(name, priority: priority, on: CPUs[cpu], body)
    Scheduler.setAffinity(thread, affinity)
    Scheduler.wake(thread)
    return thread
}

/// What happened in which order.
final class Journal<Entry> {
    private(set) var entries: [Entry] = []
    func note(_ entry: Entry) { entries.append(entry) }
}

/// What has to be true between any two steps, wherever nobody is in the middle of changing it.
enum SchedulerInvariants {
    /// The first that is broken.
    static func violation() -> String? {
        var places: [ThreadReference: Int] = [:]
        for index in 0..<CPUs.count {
            let cpu = CPUs[index]
            guard !cpu.pointee.lock.isHeld else { continue }
            var last = Thread.highestPriority
            var problem: String?
            var count = 0
            _ = cpu.pointee.ready.first { thread in
                count += 1
                places[thread, default: 0] += 1
                if thread.pointee.state != .ready { problem = "a thread in the queue is \(thread.pointee.state)" }
                if thread.pointee.cpu != cpu { problem = "a thread is in another CPU's queue" }
                if thread.pointee.priority > last { problem = "the queue is out of order" }
                if thread.pointee.isHeld { problem = "a thread that is held waits for its turn" }
                last = thread.pointee.priority
                return problem != nil
            }
            if let problem { return problem }
            if count != cpu.pointee.ready.count {
                return "the queue has \(count) threads and counts \(cpu.pointee.ready.count)"
            }
            let current = cpu.pointee.current
            if current.pointee.cpu != cpu { return "the running thread is another CPU's" }
            if current.pointee.state == .migrating { return "a thread runs that has left" }
        }
        for thread in Scheduler.threadsUnlocked {
            let cpu = thread.pointee.cpu
            guard !cpu.pointee.lock.isHeld else { continue }
            let place = places[thread] ?? 0
            if place > 1 { return "a thread is in two queues" }
            if thread.pointee.state == .ready, place == 0 { return "a thread that is ready is in no queue" }
            if thread.pointee.state == .running, cpu.pointee.current != thread {
                return "a thread is lost while it runs"
            }
            if let limit = thread.pointee.rateLimit, thread.pointee.budgetLeft > limit.budget {
                return "a thread has more than its budget"
            }
        }
        return nil
    }

    /// When all has come to rest: who could run does, and the most important ones do.
    static func violationAtRest() -> String? {
        for index in 0..<CPUs.count where CPUs.isOnline(CPUs[index]) {
            let cpu = CPUs[index]
            for thread in Scheduler.threadsUnlocked where thread.pointee.state == .ready {
                let running = cpu.pointee.current.pointee.priority
                if thread.pointee.priority > running, thread.pointee.mayRun(on: cpu) {
                    return "a thread of priority \(thread.pointee.priority) waits while CPU \(index) runs \(running)"
                }
            }
        }
        return violation()
    }
}
