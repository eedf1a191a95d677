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
}
