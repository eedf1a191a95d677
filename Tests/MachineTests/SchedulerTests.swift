import Testing

@testable import Machine

@Suite("Scheduler")
struct SchedulerTests {
    /// A CPU that runs as long as it is let, and notes how long that was.
    private final class Runner: Processor {
        let identifier: Int
        private(set) var executed: UInt64 = 0
        var clockOffset: UInt64 = 0
        let isWaiting = false
        var isLost = false
        let hasEndedTurn = false
        private(set) var turns: [UInt64] = []
        /// Called when a turn begins.
        var begins: () -> Void = {}
        private var limit: UInt64 = 0

        init(_ identifier: Int) { self.identifier = identifier }

        func run(_ count: UInt64) -> UInt64 {
            limit = executed + count
            begins()
            let ran = limit - executed
            executed = limit
            turns.append(ran)
            return ran
        }

        func limitTurn(to newLimit: UInt64) { limit = min(limit, max(newLimit, executed + 1)) }
        func stop() { limit = executed + 1 }
        func loseReservation() {}
    }

    @Test("An event that one CPU arms ends its turn, and those of the CPUs after it, where it is due")
    func armedEvent() {
        let clock = Clock()
        let scheduler = Scheduler(clock: clock)
        let runners = [Runner(0), Runner(1)]
        for runner in runners { scheduler.add(runner) }
        var fired: UInt64?
        let timer = Clock.Timer(clock) { fired = clock.now }
        runners[0].begins = { if fired == nil { timer.arm(at: 100) } }
        #expect(scheduler.round() == .progress)
        #expect(runners.map(\.turns) == [[100], [100]])
        #expect(scheduler.round() == .progress)
        #expect(fired == 100)
        #expect(runners.map { $0.turns.last } == [Scheduler.sharedQuantum, Scheduler.sharedQuantum])
    }

    @Test("Whoever asks during a turn is told whose turn it is")
    func currentIdentifier() {
        let scheduler = Scheduler(clock: Clock())
        let runners = [Runner(4), Runner(7)]
        var seen: [Int] = []
        for runner in runners {
            scheduler.add(runner)
            runner.begins = { seen.append(scheduler.currentIdentifier) }
        }
        _ = scheduler.round()
        #expect(seen == [4, 7])
    }

    @Test("A stop is told by the round that it ends")
    func stop() {
        let scheduler = Scheduler(clock: Clock())
        let runner = Runner(0)
        scheduler.add(runner)
        runner.begins = { scheduler.stop() }
        #expect(scheduler.round() == .stopped)
        runner.begins = {}
        #expect(scheduler.round() == .progress)
    }

    /// Three CPUs, the second of which gives up each turn after 3 instructions; one of them arms an event.
    private final class Ring {
        final class Member: Processor {
            let identifier: Int
            private(set) var executed: UInt64 = 0
            var clockOffset: UInt64 = 0
            let isWaiting = false
            let isLost = false
            private(set) var hasEndedTurn = false
            let yieldsEvery: UInt64?
            /// Called before each instruction.
            var step: (UInt64) -> Void = { _ in }
            private var limit: UInt64 = 0

            init(_ identifier: Int, yieldsEvery: UInt64? = nil) {
                self.identifier = identifier
                self.yieldsEvery = yieldsEvery
            }

            func run(_ count: UInt64) -> UInt64 {
                let start = executed
                (limit, hasEndedTurn) = (start + count, false)
                while executed < limit {
                    step(executed)
                    executed += 1
                    if let yieldsEvery, executed % yieldsEvery == 0 {
                        hasEndedTurn = true
                        break
                    }
                }
                return executed - start
            }

            func limitTurn(to newLimit: UInt64) { limit = min(limit, max(newLimit, executed + 1)) }
            func stop() { limit = executed + 1 }
            func loseReservation() {}
        }

        let clock = Clock()
        let scheduler: Scheduler
        let members = [Member(0), Member(1, yieldsEvery: 3), Member(2)]
        /// The instructions in the order in which they were executed, with the time that each was at.
        private(set) var log: [String] = []
        private var timer: Clock.Timer?

        init() {
            scheduler = Scheduler(clock: clock)
            timer = Clock.Timer(clock) { [unowned self] in log.append("event at \(clock.now)") }
            for member in members {
                scheduler.add(member)
                member.step = { [unowned self, unowned member] number in
                    if member.identifier == 2, number % 5000 == 100 { timer?.arm(at: clock.now + 777) }
                    log.append("\(member.identifier).\(number) at \(clock.now)")
                }
            }
        }
    }

    @Test(
        "A machine that is stopped after any numbers of instructions does what one does that is not", arguments: 1...4)
    func suspension(seed: UInt64) {
        let (straight, stopped) = (Ring(), Ring())
        while straight.scheduler.time < 40_000 { _ = straight.scheduler.round() }
        var random = SplitMix64(seed: seed)
        while stopped.scheduler.time < 40_000 {
            _ = stopped.scheduler.round(instructions: random.next() % [2, 50, 30_000][Int(random.next() % 3)])
        }
        #expect(stopped.log == straight.log)
        #expect(stopped.log.contains { $0.hasPrefix("event") })
    }

    @Test("A host's timer goes off between rounds, and ends none of several CPUs'")
    func hostTimer() {
        let ring = Ring()
        var fired: [UInt64] = []
        let timer = Clock.Timer(ring.clock, of: .host) {
            fired.append(ring.clock.now)
            #expect(ring.scheduler.isBetweenRounds)
        }
        timer.arm(at: 5)
        _ = ring.scheduler.round()
        #expect(fired == [Scheduler.sharedQuantum], "the round of 10,000 goes on to its end")
        withExtendedLifetime(timer) {}
    }
}
