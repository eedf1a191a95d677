import ISA
import Testing

@testable import Machine

/// Stops on what a CPU does. Where they are follows from the programs and the manuals: an exception's handler begins at the
/// vector, and its registers say where it came from.
@Suite("Stops on events")
struct EventStopsTests {
    @Test(
        "A guest's exit stops at the first instruction of its handler, forwards and backwards",
        arguments: EventGuest.allCases, Engine.allCases)
    func exits(_ guest: EventGuest, engine: Engine) throws {
        try guest.load(guest.guests, engine: engine) { target, session in
            #expect(target.monitor("catch exit \(guest.call)").hasPrefix("stop 1: catch exit"))
            let cpu = session.board.processors[0]
            func expect(_ stop: DebugStop, from call: UInt64) {
                #expect(stop.reason == .breakpoint && stop.processor == 0)
                #expect(cpu.programCounter == guest.exitHandler)
                #expect(cpu.privilege.name == guest.levels.hypervisor)
                #expect(cpu.register(named: guest.exitAddress) == call + guest.returnOffset)
                let text = stop.text ?? ""
                #expect(text.contains("guest \(guest.guestNumber) leaves: "), "\(text)")
                #expect(text.contains("\(guest.levels.guest) \(hexadecimal(call + guest.returnOffset)) -> "), "\(text)")
            }
            for call in guest.calls { expect(target.runOn(), from: call) }
            expect(target.runOn(reverse: true), from: guest.calls[1])
            expect(target.runOn(reverse: true), from: guest.calls[0])
            #expect(target.runOn(reverse: true).reason == .startOfHistory)
            expect(target.runOn(), from: guest.calls[0])
            #expect(target.monitor("delete 1") == "")
            #expect(target.monitor("info stops") == "there are no stops\n")
        }
    }

    @Test(
        "A guest's entry stops at its first instruction, and a level's change at where it leads",
        arguments: EventGuest.allCases)
    func entries(_ guest: EventGuest) throws {
        try guest.load(guest.guests) { target, session in
            let cpu = session.board.processors[0]
            _ = target.monitor("catch entry vmid \(guest.guestNumber)")
            for place in [guest.guestStart, guest.calls[0] + 4, guest.calls[1] + 4] {
                #expect(target.runOn().reason == .breakpoint)
                #expect(cpu.programCounter == place && cpu.privilege.isGuests)
            }
            #expect(target.runOn(reverse: true).text?.contains("guest \(guest.guestNumber) is entered") ?? false)
            #expect(cpu.programCounter == guest.calls[0] + 4)
            _ = target.monitor("delete")
            _ = target.monitor("catch level \(guest.levels.hypervisor.lowercased())")
            #expect(target.runOn().reason == .breakpoint)
            #expect(
                cpu.programCounter == guest.exitHandler
                    && cpu.register(named: guest.exitAddress) == guest.calls[1] + guest.returnOffset)
            _ = target.monitor("delete")
            _ = target.monitor("catch entry vmid 77")
            #expect(target.runOn().reason != .breakpoint, "there is no guest 77")
        }
    }

    @Test(
        "An interrupt stops before its handler's first instruction, and backwards at the one before",
        arguments: EventGuest.allCases, Engine.allCases)
    func interrupts(_ guest: EventGuest, engine: Engine) throws {
        try guest.load(guest.timer, engine: engine) { target, session in
            let cpu = session.board.processors[0]
            _ = target.monitor("catch interrupt")
            for count: UInt64 in 0..<6 {
                #expect(target.runOn().reason == .breakpoint)
                #expect(cpu.programCounter == guest.interruptHandler)
                #expect(cpu.register(named: guest.counter) == count, "the handler has not counted it yet")
            }
            for count in (0..<5 as Range<UInt64>).reversed() {
                #expect(target.runOn(reverse: true).reason == .breakpoint)
                #expect(cpu.programCounter == guest.interruptHandler && cpu.register(named: guest.counter) == count)
            }
            #expect(target.runOn(reverse: true).reason == .startOfHistory)
        }
    }

    @Test(
        "Backwards, a breakpoint at an interrupt's handler is come to with the interrupt taken",
        arguments: EventGuest.allCases)
    func breakpointAtVector(_ guest: EventGuest) throws {
        try guest.load(guest.timer) { target, session in
            let cpu = session.board.processors[0]
            try target.insert(StopPoint(.execution, at: DebugAddress(guest.interruptHandler)))
            for _ in 0..<4 { #expect(target.runOn().reason == .breakpoint) }
            for count in (0..<3 as Range<UInt64>).reversed() {
                #expect(target.runOn(reverse: true).reason == .breakpoint)
                #expect(cpu.programCounter == guest.interruptHandler && cpu.register(named: guest.counter) == count)
            }
        }
    }

    @Test(
        "A write of a system register stops behind it, and names it as the manual does", arguments: EventGuest.allCases)
    func writes(_ guest: EventGuest) throws {
        try guest.load(guest.guests) { target, session in
            let cpu = session.board.processors[0]
            let (register, offset): (String, UInt64) = guest == .riscv ? ("mepc", 0x34) : ("VTTBR_EL2", 0x1c)
            #expect(target.monitor("catch write \(register.lowercased())") == "stop 1: catch write \(register)\n")
            let stop = target.runOn()
            #expect(stop.text?.contains("\(register) = ") ?? false)
            #expect(cpu.programCounter == guest.base + offset + 4)
            #expect(target.monitor("catch write mepx").contains("is no system register"))
        }
    }

    @Test("An exception is named by its number or by words", arguments: EventGuest.allCases)
    func exceptions(_ guest: EventGuest) throws {
        // Environment call from VS-mode is 10 (volume II, mcause); HVC's class is 0x16 (ESR_ELx.EC).
        for name in guest == .riscv ? ["10", "environment call from VS-mode"] : ["0x16", "HVC"] {
            try guest.load(guest.guests) { target, session in
                #expect(target.monitor("catch exception \(name)").hasPrefix("stop 1"))
                #expect(target.runOn().reason == .breakpoint)
                let from = session.board.processors[0].register(named: guest.exitAddress)
                #expect(from == guest.calls[0] + guest.returnOffset)
            }
        }
        try guest.load(guest.guests) { target, _ in
            #expect(target.monitor("catch exception pancake").contains("is no exception"))
            #expect(target.monitor("catch nothing").contains("is no event"))
        }
    }

    @Test("A fault of the second stage is told of with each step of both stages")
    func stageTwo() throws {
        try EventGuest.aarch64.load(EventGuest.aarch64.guests) { target, session in
            // Nothing is at 0x10000000, which the guest reads: its entry at level 1 is the second stage's first, 0.
            _ = target.monitor("catch fault stage2 gpa 0x20000000-0x2fffffff")
            _ = target.monitor("catch fault stage2 gpa 0x10000000")
            let text = target.runOn().text ?? ""
            #expect(text.hasPrefix("catch fault stage2 gpa 0x10000000-0x10000fff\n"), "\(text)")
            #expect(text.contains("guest 5 leaves: data abort of a read: translation fault, level 1"))
            #expect(
                text.contains("  fails at stage 2: translation fault, level 1; intermediate 0x10000000\n"), "\(text)")
            #expect(session.board.processors[0].programCounter == EventGuest.aarch64.exitHandler)
        }
    }

    @Test(
        "A run that was stopped at all kinds of events, forwards and backwards, ends as one that was not",
        arguments: EventGuest.allCases, [1, 2])
    func undisturbed(_ guest: EventGuest, cpus: Int) throws {
        for (program, isTimer) in [(guest.guests, false), (guest.timer, true)] {
            for engine in Engine.allCases {
                var (hash, position): (UInt64, UInt64) = (0, 0)
                try guest.load(program, engine: engine, cpus: cpus, instructions: 300_000) { _, session in
                    _ = session.run()
                    (hash, position) = (session.board.stateHash, session.board.executed)
                }
                try guest.load(program, engine: engine, cpus: cpus, instructions: 300_000) { target, session in
                    let register = guest == .riscv ? "mepc" : "elr_el2"
                    for event in [
                        "entry", "exit", "level", "interrupt", "exception", "write \(register)", "fault stage2",
                    ] {
                        #expect(target.monitor("catch \(event)").hasPrefix("stop "))
                    }
                    for _ in 0..<(isTimer ? 40 : 6) { _ = target.runOn() }
                    for _ in 0..<(isTimer ? 25 : 4) { _ = target.runOn(reverse: true) }
                    _ = target.runOn(.step(processor: 0), reverse: true)
                    for _ in 0..<3 { _ = target.runOn() }
                    _ = target.monitor("delete")
                    _ = target.runOn()
                    #expect(session.board.executed == position)
                    #expect(session.board.stateHash == hash)
                }
            }
        }
    }
}
