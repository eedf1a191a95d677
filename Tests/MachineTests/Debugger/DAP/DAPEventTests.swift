import Testing

@testable import Machine

/// Exception filters stop at what the monitor's `catch` stops at, whose own tests say where that is.
@Suite("An editor at a hypervisor")
struct DAPEventTests {
    @Test(
        "A guest that leaves for a reason stops the machine at the handler, forwards and backwards",
        arguments: EventGuest.allCases)
    func exits(_ guest: EventGuest) throws {
        try guest.load(guest.guests) { target, session in
            let client = DAPTestClient(
                DebuggedProgram(
                    target: target, sources: SourcePrograms([]), symbols: SymbolFinder(session.symbols), name: "guest"))
            try client.begin()
            let set = try client.body(
                "setExceptionBreakpoints",
                #"{"filters":[],"filterOptions":[{"filterId":"exit","condition":"\#(guest.call)"}]}"#)
            #expect(set["breakpoints"]?.array?.map { $0["verified"]?.bool } == [true])
            let cpu = session.board.processors[0]
            func expect(_ command: String, _ call: UInt64) throws {
                let stop = try client.go(command)
                #expect(stop["reason"]?.string == "exception")
                #expect(stop["text"]?.string?.contains("guest \(guest.guestNumber) leaves: ") ?? false)
                #expect(cpu.programCounter == guest.exitHandler)
                #expect(cpu.register(named: guest.exitAddress) == call + guest.returnOffset)
            }
            for call in guest.calls { try expect("continue", call) }
            try expect("reverseContinue", guest.calls[1])
            let unknown = try client.body(
                "setExceptionBreakpoints",
                #"{"filters":[],"filterOptions":[{"filterId":"level","condition":"nowhere"}]}"#)
            #expect(unknown["breakpoints"]?.array?.map { $0["verified"]?.bool } == [false])
            #expect(target.monitor("info stops") == "there are no stops\n", "a list replaces the one before")
            #expect(try client.ask("setExceptionBreakpoints", #"{"filters":["x"]}"#)["success"]?.bool == false)
        }
    }
}
