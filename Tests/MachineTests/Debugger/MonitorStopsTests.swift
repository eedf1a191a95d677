import ISA
import Testing

@testable import Machine

@Suite("The monitor's stop points and memory")
struct MonitorStopsTests {
    @Test("A stop point is of one address space, level and guest", arguments: EventGuest.allCases, Engine.allCases)
    func qualified(_ guest: EventGuest, engine: Engine) throws {
        let call = guest.calls[0]
        let (hypervisor, level) = guest.levels
        let reached = [
            "break \(call)", "break hpa:\(call)", "break gpa:\(call)", "break va@\(level):\(call)",
            "break \(call) level \(level)", "break \(call) vmid \(guest.guestNumber)", "break va@asid=0:\(call)",
            "break va@vmid=\(guest.guestNumber),asid=0:\(call)",
            "break \(call) level \(level) vmid \(guest.guestNumber)",
        ]
        let missed = [
            "break va@\(hypervisor):\(call)", "break \(call) level \(hypervisor)", "break \(call) vmid 77",
            "break va@asid=9:\(call)", "break hpa:0x8800000",
        ]
        for command in reached {
            try guest.load(guest.guests, engine: engine) { target, session in
                _ = target.monitor("catch entry")
                _ = target.runOn()
                _ = target.monitor("delete")
                #expect(target.monitor(command).hasPrefix("stop 2: break "), "\(command)")
                let stop = target.runOn()
                #expect(stop.reason == .breakpoint, "\(command)")
                #expect(stop.text?.hasPrefix("stop 2: break ") ?? false, "\(command)")
                #expect(session.board.processors[0].programCounter == call, "\(command)")
                _ = target.runOn(.step(processor: 0))
                #expect(target.runOn(reverse: true).reason == .breakpoint, "\(command)")
                #expect(session.board.processors[0].programCounter == call, "\(command)")
            }
        }
        for command in missed {
            try guest.load(guest.guests, engine: engine) { target, _ in
                #expect(target.monitor(command).hasPrefix("stop 1"), "\(command)")
                #expect(target.runOn().reason != .breakpoint, "\(command)")
            }
        }
    }

    @Test("What cannot be stopped at is refused, and the answer says why")
    func refusals() throws {
        try EventGuest.aarch64.load(EventGuest.aarch64.guests) { target, _ in
            let refused = [
                ("break", "break where?"), ("break xpa:1", "is no address space"),
                ("break gpa@77:0", "no CPU has guest 77"),
                ("break 1 level EL9", "is no level"), ("watch 1 0", "nothing is watched"), ("break 1 2", "is none of"),
                ("delete 5", "there is no stop 5"), ("catch fault", "stage2"), ("catch write", "catch write what?"),
                ("catch fault stage2 gpa 2-1", "ends before it begins"), ("x gpa@77:0", "no CPU has VMID 77"),
                ("write 0x40000000 100", "is no byte"), ("write hpa:0x9000000 1", "not all of that is memory"),
                ("last-write", "who wrote what last?"), ("last-line", "which line?"), ("reverse-step", "the debugger"),
            ]
            for (command, words) in refused {
                #expect(target.monitor(command).contains(words), "\(command): \(target.monitor(command))")
            }
            #expect(target.monitor("info stops") == "there are no stops\n")
        }
    }

    @Test("Memory is read and written in the address space that is named")
    func memory() throws {
        let guest = EventGuest.aarch64
        try guest.load(guest.guests) { target, session in
            _ = target.monitor("catch entry")
            _ = target.runOn()
            // The second stage maps the first gigabyte of RAM one to one, and nothing else.
            #expect(target.monitor("write gpa@5:0x40200000 de ad") == "")
            #expect(session.board.memory.read(0x4020_0000) == 0xadde)
            for place in [
                "0x40200000", "hpa:0x40200000", "gpa@5:0x40200000", "va@EL1:0x40200000", "va@vmid=5:0x40200000",
            ] {
                #expect(target.monitor("x \(place) 2").hasPrefix("0x0000000040200000:  de ad"), "\(place)")
            }
            #expect(target.monitor("x gpa@5:0x10000000 2").contains("??"))
        }
    }

    @Test("The interactive monitor stops, goes back and goes on", arguments: EventGuest.allCases)
    func interactive(_ guest: EventGuest) throws {
        try guest.session(guest.guests) { session in
            let monitor = Monitor(session)
            #expect(monitor.execute("break \(guest.calls[1])").text.hasPrefix("stop 1"))
            #expect(monitor.execute("catch exit").text.hasPrefix("stop 2"))
            #expect(monitor.resume() == .quit && monitor.stop?.contains("guest \(guest.guestNumber) leaves") ?? false)
            #expect(monitor.resume() == .quit && monitor.stop?.hasPrefix("stop 1: break") ?? false)
            #expect(session.board.processors[0].programCounter == guest.calls[1])
            #expect(monitor.execute("reverse-continue").text.contains("guest \(guest.guestNumber) leaves"))
            #expect(session.board.processors[0].programCounter == guest.exitHandler)
            #expect(monitor.execute("delete").text.isEmpty)
            #expect(monitor.resume() == .exited(status: 0) || guest == .riscv)
            #expect(monitor.stop == nil)
        }
    }
}

extension PhysicalMemory {
    fileprivate func read(_ address: UInt64) -> UInt16 {
        var value: UInt16 = 0
        _ = read(address, into: &value, count: 2)
        return value
    }
}
