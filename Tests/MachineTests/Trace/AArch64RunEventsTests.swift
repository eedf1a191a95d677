import Testing

@testable import Machine

@Suite("Events of a run on AArch64")
struct AArch64RunEventsTests {
    @Test("Exits of guests have the instructions that their handler takes, and levels have their time")
    func exits() throws {
        try TinyA64Guest.load(AArch64ExitStatisticsTests.program) { session in
            let events = try RunEvents(session)
            #expect(session.run() == .exited(status: 0))
            events.finish()
            let exits = events.events.filter { $0.kind == .exit }
            // Handlers of 6 instructions for a call, and 9 for anything else.
            #expect(exits.map(\.instructions) == [6, 6, 6, 9, 9, 9])
            #expect(exits.allSatisfy { events.owners[$0.owner] == .guest(5) })
            let names = exits.map { events.names[$0.name] }
            #expect(names.first == "HVC PSCI_VERSION")
            #expect(names.last == "trapped WFI")
            #expect(events.owners.contains(.level("EL2")))
            #expect(events.shares[0].reduce(0) { $0 + $1.time } == events.end)
            #expect(events.shares[0].reduce(0) { $0 + $1.instructions } == session.board.executed)
            // The EL1 that is the guest's executes 11 instructions up to the last call.
            let guest = try #require(events.owners.firstIndex(of: .guest(5)))
            #expect(events.shares[0][guest].instructions == 11)
        }
    }
}
