import Testing

@testable import Hyper

extension CoreTests {
    @Suite("The scheduler")
    struct SchedulerTests {
        @Test("Threads of one priority have their turns one after another, a slice each")
        func roundRobin() {
            Port.start()
            let turns = Journal<(Int, UInt64)>()
            for number in 0..<3 {
                spawn("\(number)") {
                    // A note every millisecond of its own.
                    for _ in 0..<25 {
                        turns.note((number, microseconds / 1000))
                        spend(microseconds: 1000)
                    }
                }
            }
            Port.run()
            // 25 ms each in slices of 10: two rounds of three slices, and one of 5 ms.
            let expected = [0, 1, 2, 0, 1, 2].flatMap { Array(repeating: $0, count: 10) }
            #expect(turns.entries.prefix(60).map(\.0) == expected)
            #expect(turns.entries.dropFirst(60).map(\.0) == [0, 1, 2].flatMap { Array(repeating: $0, count: 5) })
            #expect(turns.entries.map(\.1) == (0..<75).map { UInt64($0) })
        }

        @Test("A thread says what it does")
        func states() {
            Port.start()
            var names: [String] = []
            func note(_ thread: ThreadReference) { names.append(thread.pointee.stateName.description) }
            let thread = spawn("thread") {
                note(Scheduler.current)
                Scheduler.sleep(millisecond)
                spend(microseconds: 3000)
            }
            note(thread)
            Scheduler.setRateLimit(thread, (budget: 2 * millisecond, period: 10 * millisecond))
            spawn("watcher", priority: Thread.highestPriority) {
                Scheduler.sleep(millisecond / 2)
                note(thread)
                // Two milliseconds after it has begun to work, its budget is over.
                Scheduler.sleep(4 * millisecond)
                note(thread)
                Scheduler.hold(thread)
                Scheduler.sleep(20 * millisecond)
                note(thread)
                Scheduler.release(thread)
                Scheduler.sleep(20 * millisecond)
                note(thread)
            }
            Port.run()
            #expect(names == ["ready", "running", "waits", "throttled", "held", "finished"])
        }

        @Test("A thread that was interrupted by a more important one goes on with the rest of its slice")
        func restOfSlice() {
            Port.start()
            let turns = Journal<Int>()
            for number in 0..<2 {
                spawn("\(number)") {
                    for _ in 0..<20 {
                        turns.note(number)
                        spend(microseconds: 1000)
                    }
                }
            }
            spawn("important", priority: 6) {
                for _ in 0..<5 {
                    Scheduler.sleep(3 * millisecond)
                    spend(microseconds: 500)
                }
            }
            Port.run()
            #expect(turns.entries == [0, 1, 0, 1].flatMap { Array(repeating: $0, count: 10) })
        }

        @Test("A more important thread runs as soon as it is ready, and until it waits", arguments: [1, 2, 3])
        func priority(_ priority: Int) {
            Port.start()
            let order = Journal<Text>()
            spawn("low", priority: priority) {
                order.note("low begins")
                spend(microseconds: 50_000)
                order.note("low ends at \(microseconds)")
            }
            spawn("high", priority: priority + 1) {
                Scheduler.sleep(7 * millisecond)
                order.note("high at \(microseconds)")
                spend(microseconds: 30_000)
                order.note("high ends at \(microseconds)")
            }
            Port.run()
            #expect(order.entries == ["low begins", "high at 7000", "high ends at 37000", "low ends at 80000"])
        }

        @Test("A less important thread waits until the other one does")
        func lessImportant() {
            Port.start()
            let order = Journal<Text>()
            spawn("low", priority: 3) { order.note("low at \(microseconds)") }
            spawn("high", priority: 5) {
                spend(microseconds: 30_000)
                Scheduler.sleep(millisecond)
                order.note("high at \(microseconds)")
            }
            Port.run()
            #expect(order.entries == ["low at 30000", "high at 31000"])
        }

        @Test("Waking a more important thread from a thread switches to it before the call returns")
        func wakeSwitches() {
            Port.start()
            let order = Journal<Text>()
            let high = Scheduler.makeThread("high", priority: 6) { order.note("high") }
            spawn("low", priority: 2) {
                order.note("before")
                Scheduler.wake(high)
                order.note("after")
            }
            Port.run()
            #expect(order.entries == ["before", "high", "after"])
        }

        @Test("A thread of fixed priority runs until it waits, whoever else has its priority")
        func fixedPriority() {
            Port.start()
            let turns = Journal<Int>()
            for number in 0..<3 {
                let thread = Scheduler.makeThread("\(number)") {
                    for _ in 0..<40 {
                        turns.note(number)
                        spend(microseconds: 1000)
                    }
                }
                Scheduler.setSlice(thread, nanoseconds: nil)
                Scheduler.wake(thread)
            }
            Port.run()
            #expect(turns.entries == [0, 1, 2].flatMap { Array(repeating: $0, count: 40) })
            #expect(CPUs[0].pointee.interrupts <= 1, "nothing interrupts them")
        }

        @Test("Threads of one priority share the CPU as their slices are")
        func slices() {
            Port.start()
            let slices: [UInt64] = [2, 6, 12]
            let threads = slices.map { slice in
                let thread = Scheduler.makeThread("\(slice)") { while true { spend(microseconds: 1_000_000) } }
                Scheduler.setSlice(thread, nanoseconds: slice * millisecond)
                Scheduler.wake(thread)
                return thread
            }
            Port.run(until: Timers.ticks(1000 * millisecond))
            // 1000 ms in rounds of 20 ms.
            #expect(threads.map { Timers.nanoseconds($0.pointee.runTime) / millisecond } == [100, 300, 600])
        }

        @Test("yield gives the turn to the next of the same priority, and to nobody less important")
        func yields() {
            Port.start()
            let turns = Journal<Int>()
            for number in 0..<3 {
                spawn("\(number)", priority: number == 2 ? 3 : 4) {
                    for _ in 0..<3 {
                        turns.note(number)
                        Scheduler.yield()
                    }
                }
            }
            Port.run()
            #expect(turns.entries == [0, 1, 0, 1, 0, 1, 2, 2, 2])
        }

        @Test("A thread alone is never interrupted")
        func noTick() {
            Port.start(cpus: 2)
            spawn("alone") { spend(microseconds: 60_000_000) }
            Port.run()
            #expect(microseconds == 60_000_000)
            #expect(CPUs[0].pointee.interrupts + CPUs[1].pointee.interrupts <= 2)
        }

        @Test("Interrupts of other CPUs take nothing from a thread's slice but their own time")
        func interruptStorm() {
            Port.start()
            let turns = Journal<Int>()
            for number in 0..<2 {
                spawn("\(number)") {
                    for _ in 0..<40 {
                        turns.note(number)
                        spend(microseconds: 500)
                        // As another CPU's would.
                        Port.interrupt(CPUs[0])
                    }
                }
            }
            Port.run()
            #expect(turns.entries == [0, 1, 0, 1].flatMap { Array(repeating: $0, count: 20) })
        }

        @Test("A wake of the same priority does not prolong a slice")
        func wakesDoNotProlong() {
            Port.start()
            let journal = Journal<UInt64>()
            spawn("busy") { spend(microseconds: 200_000) }
            spawn("waits") {
                spend(microseconds: 1)
                journal.note(microseconds)
            }
            // Every 3 ms another one of the same priority becomes ready.
            for number in 1..<20 {
                spawn("\(number)") { Scheduler.sleep(UInt64(number) * 3 * millisecond) }
            }
            Port.run()
            #expect(journal.entries.first ?? .max <= 10_100)
        }

        @Test("A rate limit gives a thread its budget in each period, and the rest to others", arguments: [1, 3, 9])
        func rateLimit(_ budget: UInt64) {
            Port.start()
            let limited = Scheduler.makeThread("limited", priority: 6) { while true { spend(microseconds: 1_000_000) } }
            Scheduler.setRateLimit(limited, (budget: budget * millisecond, period: 10 * millisecond))
            Scheduler.wake(limited)
            let other = spawn("other", priority: 2) { while true { spend(microseconds: 1_000_000) } }
            // In the middle of each of 50 periods after the budget, and at the end of each.
            for period in 0..<50 as Range<UInt64> {
                Port.run(until: Timers.ticks((period * 10 + budget) * millisecond) + 1)
                #expect(limited.pointee.state == .throttled)
                #expect(Timers.nanoseconds(limited.pointee.runTime) == (period + 1) * budget * millisecond)
                Port.run(until: Timers.ticks((period + 1) * 10 * millisecond) - 1)
                #expect(Timers.nanoseconds(limited.pointee.runTime) == (period + 1) * budget * millisecond)
            }
            #expect(CPUs[0].pointee.current == other)
            Scheduler.setRateLimit(limited, nil)
            Port.run(until: Timers.ticks(600 * millisecond))
            #expect(CPUs[0].pointee.current == limited)
        }

        @Test("A priority that is changed counts at once")
        func changedPriority() {
            Port.start()
            let a = spawn("a") { while true { spend(microseconds: 1_000_000) } }
            let b = spawn("b", priority: 2) { while true { spend(microseconds: 1_000_000) } }
            Port.run(until: 1000)
            #expect(CPUs[0].pointee.current == a)
            Scheduler.setPriority(b, 5)
            Port.run(until: 2000)
            #expect(CPUs[0].pointee.current == b)
            Scheduler.setPriority(b, 1)
            Port.run(until: 3000)
            #expect(CPUs[0].pointee.current == a)
            Scheduler.setPriority(b, 99)
            #expect(b.pointee.priority == Thread.highestPriority)
        }

        @Test("Time is counted to the tick")
        func runTime() {
            Port.start()
            let thread = spawn("counted") {
                for _ in 0..<10 {
                    spend(microseconds: 1234)
                    Scheduler.sleep(millisecond)
                }
            }
            spawn("other", priority: 7) { for _ in 0..<10 { Scheduler.sleep(700_000); spend(microseconds: 100) } }
            Port.run()
            #expect(Timers.nanoseconds(thread.pointee.runTime) == 12_340_000)
        }
    }
}
