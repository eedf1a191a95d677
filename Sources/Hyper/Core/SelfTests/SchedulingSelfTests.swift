extension SelfTest {
    static var timers: SelfTest {
        SelfTest(name: "timers", summary: "sleeps end in order, none early, and all soon") { () throws(HyperError) in
            final class Ends {
                let lock = SpinLock()
                var late: [UInt64] = []
                var early = 0
            }
            let ends = Ends()
            let sleepers: [() -> Void] = (0..<UInt64(8)).map { index in
                {
                    for round in 1...4 as ClosedRange<UInt64> {
                        let time = (index * 7 % 5 + round) * 500_000
                        let start = Timers.now
                        Scheduler.sleep(time)
                        let slept = Timers.now - start
                        ends.lock.withLock {
                            if slept < time { ends.early += 1 } else { ends.late.append(slept - time) }
                        }
                    }
                }
            }
            try together(sleepers)
            try expect(ends.early == 0, "\(ends.early) sleeps have ended early")
            let most = ends.late.max() ?? 0
            try expect(ends.late.count == 32 && most < 500_000_000, "a sleep has ended \(most) ns late")
        }
    }

    static var locks: SelfTest {
        SelfTest(name: "locks", summary: "spin locks and mutexes let one in at a time, on all CPUs") {
            () throws(HyperError) in
            final class Shared {
                let spin = SpinLock()
                let mutex = Mutex()
                var spun = 0
                var counted = 0
            }
            let shared = Shared()
            try together(
                (0..<6).map { index in
                    {
                        for round in 0..<500 {
                            shared.spin.withLock { shared.spun += 1 }
                            if round % 10 == 0 {
                                shared.mutex.withLock {
                                    let seen = shared.counted
                                    if index % 2 == 0 { Scheduler.yield() }
                                    shared.counted = seen + 1
                                }
                            }
                        }
                    }
                })
            try expect(shared.spun == 3000, "3000 additions under a spin lock are \(shared.spun)")
            try expect(shared.counted == 300, "300 additions under a mutex are \(shared.counted)")
        }
    }

    static var waiting: SelfTest {
        SelfTest(name: "wait-queues", summary: "signals are counted, limits end waits, completions free all") {
            () throws(HyperError) in
            final class Shared {
                let there = Semaphore()
                let opened = Completion()
                let lock = SpinLock()
                var taken = 0
            }
            let shared = Shared()
            let takers: [() -> Void] = (0..<4).map { _ in
                {
                    shared.opened.wait()
                    for _ in 0..<50 where shared.there.wait(limit: 5_000_000_000) {
                        shared.lock.withLock { shared.taken += 1 }
                    }
                }
            }
            let giver: () -> Void = {
                shared.opened.complete()
                for round in 0..<200 {
                    shared.there.signal()
                    if round % 16 == 0 { Scheduler.sleep(10_000) }
                }
            }
            try together(takers + [giver])
            try expect(shared.taken == 200, "200 signals have ended \(shared.taken) waits")
            let start = Timers.now
            let isTaken = shared.there.wait(limit: 2_000_000)
            try expect(!isTaken, "there is one signal too many")
            try expect(Timers.now - start >= 2_000_000, "a wait of 2 ms has ended after \(Timers.now - start) ns")
        }
    }

    static var threads: SelfTest {
        SelfTest(name: "threads", summary: "priorities, affinities, and threads that are held or ended") {
            () throws(HyperError) in
            for index in 0..<CPUs.count where CPUs.isOnline(CPUs[index]) {
                var place = -1
                let thread = Scheduler.makeThread("selftest") {
                    let wereEnabled = Port.disableInterrupts()
                    place = Port.cpu.pointee.index
                    Port.restoreInterrupts(wereEnabled)
                }
                Scheduler.setAffinity(thread, 1 << UInt32(index))
                Scheduler.wake(thread)
                let hasRun = soon { place >= 0 }
                Scheduler.destroy(thread)
                try expect(hasRun, "a thread of CPU \(index) has not run")
                try expect(place == index, "a thread of CPU \(index) was on \(place)")
            }
            // One that never ends, held and released.
            let spinner = Scheduler.makeThread("selftest") {
                while true { Port.relax() }
            }
            defer { Scheduler.destroy(spinner) }
            Scheduler.wake(spinner)
            let hasRun = soon { Scheduler.runTime(of: spinner) > 0 }
            try expect(hasRun, "a thread that was woken has not run")
            Scheduler.hold(spinner)
            let time = Scheduler.runTime(of: spinner)
            Scheduler.sleep(2_000_000)
            try expect(Scheduler.runTime(of: spinner) == time, "a thread that is held has run")
            Scheduler.release(spinner)
            let runsAgain = soon { Scheduler.runTime(of: spinner) > time }
            try expect(runsAgain, "a thread that was released does not run")
        }
    }

    /// Sleeps until `condition` holds; false when it does not within five seconds.
    ///
    /// Where another emulator runs this machine, and its host has fewer CPUs, a CPU may stand still for many milliseconds.
    private static func soon(_ condition: () -> Bool) -> Bool {
        let end = Timers.now + 5_000_000_000
        while !condition() {
            if Timers.now >= end { return false }
            Scheduler.sleep(100_000)
        }
        return true
    }
}
