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
}
