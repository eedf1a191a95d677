import Testing

@testable import Machine

@Suite("Clock")
struct ClockTests {
    @Test("Events run in order of time, then of arming; a timer armed again moves")
    func order() {
        let clock = Clock()
        var log: [String] = []
        let first = Clock.Timer(clock) { log.append("first") }
        let second = Clock.Timer(clock) { log.append("second") }
        let third = Clock.Timer(clock) { log.append("third") }
        first.arm(at: 30)
        second.arm(at: 20)
        third.arm(at: 20)
        first.arm(at: 10)
        clock.runEvents(through: 15)
        #expect(log == ["first"])
        clock.runEvents(through: 40)
        #expect(log == ["first", "second", "third"])
        #expect(clock.deadline == nil)
    }

    @Test("A timer that is moved ten thousand times leaves no more than a few entries behind")
    func moved() {
        let clock = Clock()
        var log: [Int] = []
        let timers = (0..<10).map { number in Clock.Timer(clock) { log.append(number) } }
        for round in 0..<1000 as Range<UInt64> {
            for timer in timers { timer.arm(at: 1_000_000 - round) }
        }
        timers[3].cancel()
        #expect(clock.entryCount <= 100, "the queue holds \(clock.entryCount) entries for 9 timers")
        clock.runEvents(through: 1_000_000)
        #expect(log == [0, 1, 2, 4, 5, 6, 7, 8, 9], "in the order of arming")
    }

    @Test("What is due beyond the end of time never comes")
    func end() {
        let clock = Clock()
        let timer = Clock.Timer(clock) {}
        timer.arm(at: .max)
        #expect(clock.deadline == nil)
        timer.arm(at: Clock.end)
        #expect(clock.deadline == Clock.end)
    }

    @Test("A CPU whose turn comes later in a round is shown no less than what an earlier one has read")
    func shown() {
        let clock = Clock()
        var progress: UInt64 = 9000
        clock.progress = { progress }
        clock.advance(to: 1_000_000)
        #expect(clock.read() == 1_009_000)
        progress = 200
        #expect(clock.now == 1_000_200, "its own count")
        #expect(clock.shown == 1_009_000)
        #expect(clock.read() == 1_009_000)
        progress = 9001
        #expect(clock.read() == 1_009_001, "it has caught up")
    }
}
