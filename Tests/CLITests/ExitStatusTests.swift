import Machine
import Testing

@testable import CLI

@Suite("Exit statuses")
struct ExitStatusTests {
    @Test("A guest's status is passed on from 0 to 62, and never looks like one of orrery's own")
    func guest() {
        #expect(ExitStatus.of(.exited(status: 0), expectsMatch: false) == 0)
        #expect(ExitStatus.of(.exited(status: 0), expectsMatch: true) == 75)
        for code in 1...62 as ClosedRange<UInt64> {
            #expect(ExitStatus.of(.failed(code: code), expectsMatch: false) == Int32(code))
            #expect(ExitStatus.of(.exited(status: code), expectsMatch: true) == Int32(code))
        }
        for code in [63, 64, 72, 255, 256, 0xffff, UInt64.max] {
            #expect(ExitStatus.of(.failed(code: code), expectsMatch: false) == 63)
        }
        #expect(ExitStatus.of(.failed(code: 0), expectsMatch: false) == 1)
    }

    @Test("Each way to end has a status of its own, and the table names it")
    func distinct() {
        let statuses = ExitStatus.allCases.map(\.rawValue)
        #expect(Set(statuses).count == statuses.count)
        for status in statuses { #expect(ExitStatus.table.contains("\n  \(status) ")) }
    }
}
