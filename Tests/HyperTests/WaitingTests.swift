import Testing

@testable import Hyper

extension CoreTests {
    /// What the documentation of each says, on CPUs that meet in every order that the seeds find.
    @Suite("Waiting")
    struct WaitingTests {
        @Test("A thread sleeps for as long as it says, to the tick, and wakes in the order of the times")
        func sleep() {
            Port.start()
            let ends = Journal<(Int, UInt64)>()
            for (number, time) in [30, 10, 20, 10].enumerated() {
                spawn("\(number)") {
                    Scheduler.sleep(UInt64(time) * millisecond)
                    ends.note((number, microseconds))
                }
            }
            Port.run()
            #expect(ends.entries.map(\.1) == [10_000, 10_000, 20_000, 30_000])
            #expect(ends.entries.suffix(2).map(\.0) == [2, 0])
        }

        @Test("Nothing but the time ends a sleep")
        func sleepIsLongEnough() {
            Port.start(cpus: 2)
            let ends = Journal<UInt64>()
            let sleeper = spawn("sleeper") {
                Scheduler.sleep(10 * millisecond)
                ends.note(microseconds)
            }
            spawn("waker") {
                for _ in 0..<20 {
                    Scheduler.sleep(300_000)
                    Scheduler.wake(sleeper)
                }
            }
            Port.run()
            #expect(ends.entries == [10_000])
        }

        @Test("A mutex is one thread's at a time, and comes to those who wait in their order", arguments: 0..<40)
        func mutex(_ seed: UInt64) {
            Port.start(cpus: 3, seed: seed)
            let mutex = Mutex()
            let entered = Journal<Int>()
            var isInside = false
            var count = 0
            for number in 0..<6 {
                spawn("\(number)", priority: 2 + number % 3, on: number % 3) {
                    for _ in 0..<10 {
                        mutex.withLock {
                            #expect(!isInside)
                            isInside = true
                            entered.note(number)
                            let seen = count
                            if number % 2 == 0 { spend(microseconds: 50) } else { Scheduler.sleep(20_000) }
                            count = seen + 1
                            isInside = false
                        }
                    }
                }
            }
            #expect(Port.run())
            #expect(count == 60)
            #expect(entered.entries.count == 60)
        }

        @Test("A mutex is handed over in the order in which threads came")
        func mutexOrder() {
            Port.start()
            let mutex = Mutex()
            let entered = Journal<Int>()
            spawn("holder", priority: 5) { mutex.withLock { Scheduler.sleep(10 * millisecond) } }
            for number in 0..<5 {
                spawn("\(number)") {
                    Scheduler.sleep(UInt64(5 - number) * millisecond)
                    for _ in 0..<2 { mutex.withLock { entered.note(number) } }
                }
            }
            Port.run()
            #expect(entered.entries == [4, 3, 2, 1, 0, 4, 3, 2, 1, 0])
        }

        @Test("As many waits of a semaphore end as there were signals, and none is lost", arguments: 0..<40)
        func semaphore(_ seed: UInt64) {
            Port.start(cpus: 4, seed: seed)
            let semaphore = Semaphore(2)
            var taken = 0
            let lock = SpinLock()
            let takers = (0..<5).map { number in
                spawn("taker \(number)", on: number % 4) {
                    while true {
                        semaphore.wait()
                        lock.withLock { taken += 1 }
                    }
                }
            }
            for number in 0..<3 {
                spawn("giver \(number)", on: number) {
                    for _ in 0..<20 {
                        semaphore.signal()
                        if number == 1 { spend(microseconds: 3) }
                    }
                }
            }
            #expect(Port.run())
            #expect(taken == 62)
            #expect(takers.allSatisfy { $0.pointee.state == .blocked })
        }

        @Test(
            "A wait with a limit ends at the limit, or with what it waits for; a late limit ends no other wait",
            arguments: 0..<60)
        func limits(_ seed: UInt64) {
            Port.start(cpus: 3, seed: seed)
            let semaphore = Semaphore()
            var (taken, timedOut, given) = (0, 0, 0)
            let lock = SpinLock()
            for number in 0..<4 {
                spawn("taker \(number)", on: number % 3) {
                    for round in 0..<12 {
                        let start = Port.counter
                        let limit = UInt64(round % 4) * 10_000
                        let isTaken = semaphore.wait(limit: limit)
                        lock.withLock { if isTaken { taken += 1 } else { timedOut += 1 } }
                        if !isTaken { #expect(Port.counter >= start + Timers.ticks(limit)) }
                        // A wait without a limit is ended by nothing else.
                        let mutex = Completion()
                        spawn("completer \(number).\(round)", on: round % 3) { mutex.complete() }
                        let isDone = mutex.wait()
                        #expect(isDone)
                    }
                }
            }
            spawn("giver", on: 1) {
                for round in 0..<24 {
                    semaphore.signal()
                    lock.withLock { given += 1 }
                    Scheduler.sleep(UInt64(round % 3) * 10_000)
                }
            }
            #expect(Port.run())
            #expect(taken + timedOut == 48)
            #expect(given == 24)
            // What was not taken is still there.
            var left = 0
            spawn("rest") { while semaphore.wait(limit: 0) { left += 1 } }
            #expect(Port.run())
            #expect(taken + left == 24)
        }

        @Test(
            "Whoever waits for a completion goes on when it comes, and whoever comes later does not wait",
            arguments: 0..<20)
        func completion(_ seed: UInt64) {
            Port.start(cpus: 4, seed: seed)
            let completion = Completion()
            let passed = Journal<Bool>()
            for number in 0..<6 { spawn("\(number)", on: number % 4) { passed.note(completion.wait()) } }
            spawn("impatient") { passed.note(!completion.wait(limit: 1000)) }
            spawn("completer", on: 3) {
                Scheduler.sleep(millisecond)
                completion.complete()
                passed.note(completion.wait())
            }
            #expect(Port.run())
            #expect(passed.entries.count == 8)
            #expect(passed.entries.allSatisfy { $0 })
        }

        @Test("Work is done once, in the order in which one CPU has given it", arguments: 0..<20)
        func workQueue(_ seed: UInt64) {
            Port.start(cpus: 3, seed: seed)
            let queue = WorkQueue("work")
            let done = Journal<(Int, Int)>()
            for number in 0..<3 {
                spawn("\(number)", on: number, affinity: 1 << UInt32(number)) {
                    for item in 0..<10 {
                        queue.add { done.note((number, item)) }
                        if item % 3 == number { Scheduler.yield() }
                    }
                }
            }
            #expect(Port.run())
            for number in 0..<3 { #expect(done.entries.filter { $0.0 == number }.map(\.1) == Array(0..<10)) }
        }

        @Test("A thread that waits can be ended, and the queue knows nothing of it any more")
        func destroyWaiting() {
            Port.start(cpus: 2)
            let queue = WaitQueue()
            var isOpen = false
            let passed = Journal<Int>()
            let threads = (0..<3).map { number in
                spawn("\(number)") {
                    queue.wait { isOpen }
                    passed.note(number)
                }
            }
            spawn("killer", priority: 3) {
                Scheduler.destroy(threads[1])
                isOpen = true
                queue.wakeAll()
            }
            Port.run()
            #expect(passed.entries == [0, 2])
            #expect(!Scheduler.threads.contains(threads[1]))
        }

        @Test("A CPU that waits for its own lock panics, and so does one that takes locks against their order")
        func deadlocks() {
            func message(_ body: @escaping () -> Void) -> String? {
                Port.start()
                FakeMachine.catchesPanics = true
                defer { FakeMachine.catchesPanics = false }
                spawn("wrong", body)
                Port.run()
                return FakeMachine.panicMessage
            }
            final class Locks {
                let first = SpinLock(.vcpu)
                let second = SpinLock(.timers)
            }
            let (a, b, c) = (Locks(), Locks(), Locks())
            #expect(
                message { a.first.withLock { a.first.withLock {} } } == "deadlock: a CPU waits for a lock that it holds"
            )
            #expect(message { b.first.withLock { b.second.withLock {} } } == nil)
            #expect(
                message { c.second.withLock { c.first.withLock {} } }
                    == "deadlock: a lock of rank 3 is taken by a CPU that holds one of rank 4")
            #expect(message { SpinLock().release() } == "a lock is released by a CPU that does not hold it")
            let mutex = Mutex()
            #expect(message { mutex.withLock { mutex.lock() } } == "deadlock: a thread waits for a mutex that it holds")
            #expect(message { Mutex().unlock() } == "a mutex is unlocked by a thread that does not hold it")
        }
    }
}
