import ISA
import Testing

@testable import Machine

/// "Who was it last?" of programs whose every store, call and line is known.
@Suite("Who was it last")
struct MonitorHistoryTests {
    @Test("The last write is found where it is about to be made, and not a read or a write beside it")
    func write() throws {
        try TinyGuest.load(ReverseTests.counter, { $0.maxInstructions = nil }) { session in
            let target = MachineTarget(session, describe: { _ in nil })
            target.resume(Resumption(.run))
            while target.position < 100_000 { #expect(target.advance() == nil) }
            target.interrupt()
            _ = target.advance()
            let position = target.position
            let nobody = target.monitor("last-write hpa:0x80000108")
            #expect(nobody.hasPrefix("nobody has written there since the history of the run began, at instruction 0"))
            #expect(target.position == position)
            for command in ["last-write hpa:0x80000100 4", "last-write 0x80000102 1"] {
                let text = target.monitor(command)
                #expect(text.contains("hart 0  M  0x8000000c  sw a0, 0x100(t0)"), "\(text)")
                #expect(session.board.processors[0].programCounter == ReverseTests.store)
                #expect(target.position < position && position - target.position <= 12)
            }
        }
    }

    @Test("A search that nobody waits for ends before its end, and leaves the machine as it was")
    func givenUp() throws {
        try TinyGuest.load(ReverseTests.counter, { $0.maxInstructions = nil }) { session in
            let target = MachineTarget(session, describe: { _ in nil })
            target.running.timeline?.interval = 1000
            // Marks lie between turns, which are long where nobody has to look at the machine.
            session.board.scheduler.quantum = 5000
            target.resume(Resumption(.run))
            while target.position < 100_000 { #expect(target.advance() == nil) }
            target.interrupt()
            _ = target.advance()
            let (position, hash) = (target.position, session.board.stateHash)
            for command in ["last-write hpa:0x80000108", "last-exit", "last-interrupt", "last-line nobody prints this"]
            {
                var asked = 0
                target.isGivenUp = {
                    asked += 1
                    return asked == 3
                }
                #expect(target.monitor(command) == "The search was given up, and the machine is where it was.\n")
                #expect(asked == 3, "\(command) looks \(asked) times whether somebody waits for it")
                #expect(target.position == position && session.board.stateHash == hash, "\(command)")
            }
            target.isGivenUp = { false }
            #expect(target.monitor("last-write hpa:0x80000100 4").contains("hart 0  M  0x8000000c"))
        }
    }

    @Test("Memory that is put back counts for no write of a device's")
    func puttingBack() throws {
        try TinyGuest.load(ReverseTests.counter, { $0.maxInstructions = Count(20_000) }) { session in
            let target = MachineTarget(session, describe: { _ in nil })
            target.running.timeline?.interval = 1000
            _ = target.runOn()
            // Beside the word that is stored, so that it is put back with it.
            _ = target.monitor("watch hpa:0x80000108 4")
            #expect(target.runOn(reverse: true).reason == .startOfHistory)
            _ = target.monitor("watch hpa:0x80000100 4")
            #expect(target.runOn().reason == .watchpoint(.write(count: 4), address: ReverseTests.variable))
            #expect(session.board.processors[0].register(named: "a0") == 1)
        }
    }

    @Test("The last exit is found at its handler, by its reason", arguments: EventGuest.allCases)
    func exit(_ guest: EventGuest) throws {
        try guest.load(guest.guests, instructions: 5000) { target, session in
            _ = target.runOn()
            let position = target.position
            #expect(target.monitor("last-exit pancake").hasPrefix("no guest has left for \"pancake\""))
            #expect(target.position == position)
            let cpu = session.board.processors[0]
            var calls: [UInt64] = []
            while !target.monitor("last-exit \(guest.call)").hasPrefix("no guest has left") {
                #expect(cpu.programCounter == guest.exitHandler)
                calls.append((cpu.register(named: guest.exitAddress) ?? 0) - guest.returnOffset)
                guard calls.count < 10 else { break }
            }
            #expect(calls.suffix(3) == guest.calls.reversed()[...])
        }
    }

    @Test("The last interrupt is found before its handler has done anything", arguments: EventGuest.allCases)
    func interrupt(_ guest: EventGuest) throws {
        try guest.load(guest.timer, instructions: 100_000) { target, session in
            _ = target.runOn()
            let cpu = session.board.processors[0]
            let count = try #require(cpu.register(named: guest.counter))
            _ = target.monitor("last-interrupt")
            #expect(cpu.programCounter == guest.interruptHandler)
            let first = try #require(cpu.register(named: guest.counter))
            #expect(first == count || first + 1 == count)
            _ = target.monitor(guest == .riscv ? "last-interrupt machine timer" : "last-interrupt IRQ")
            #expect(cpu.register(named: guest.counter) == first - 1)
        }
    }

    @Test("A console's line is found where its end was printed, also across the marks of the history")
    func line() throws {
        var search = ConsoleSearch()
        search.begin()
        search.take(Array("d\nlast\npart".utf8), at: 100)
        #expect(search.last { $0 == "part" }?.position == 100)
        #expect(search.last { $0 == "last" }?.position == 100)
        #expect(search.last { $0 == "abcd" } == nil)
        search.begin()
        search.take(Array("c".utf8), at: 60)
        #expect(search.last { $0.contains("c") }?.line == "cd")
        search.begin()
        search.take(Array("first\nab".utf8), at: 20)
        let found = search.last { $0.contains("b") }
        #expect(found?.line == "abcd" && found?.position == 100)
        #expect(search.last { $0 == "first" }?.position == 20)
        #expect(search.last { $0 == "part" } == nil, "that is in a later piece")
    }

    @Test("The machine is put back to the store that printed a line")
    func printed() throws {
        // Prints `a`, a new line, `b`, a new line, 1000 loops apart.
        let program: [UInt32] = [
            0x1000_0437,  // lui  s0, 0x10000
            0x0610_0513,  // li   a0, 'a'
            0x00a4_0023,  // sb   a0, 0(s0)
            0x00a0_0593,  // li   a1, 10
            0x00b4_0023,  // sb   a1, 0(s0)
            0x3e80_0293,  // li   t0, 1000
            0xfff2_8293,  // addi t0, t0, -1
            0xfe02_9ee3,  // bnez t0, .-4
            0x0015_0513,  // addi a0, a0, 1
            0xfe5f_f06f,  // j    .-28
        ]
        try TinyGuest.load(program, { $0.maxInstructions = Count(12_000) }) { session in
            let target = MachineTarget(session, describe: { _ in nil })
            _ = target.runOn()
            let text = target.monitor("last-line c")
            #expect(text.hasPrefix("c\n"), "\(text)")
            let cpu = session.board.processors[0]
            #expect(cpu.programCounter == 0x8000_0010, "\(text)")
            #expect(cpu.register(named: "a0") == 0x63)
            #expect(target.monitor("last-line zzz").contains("no line with \"zzz\""))
            #expect(cpu.programCounter == 0x8000_0010)
        }
    }
}
