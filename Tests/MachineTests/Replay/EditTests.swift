import ISA
import TestSupport
import Testing

@testable import Machine

/// What a debugger changes comes from outside as keys do: it belongs to the run's history, and to its recording.
@Suite("Edits of a run")
struct EditTests {
    private func finish(_ target: MachineTarget, _ amount: Resumption.Amount = .run, reverse: Bool = false) -> DebugStop
    {
        target.resume(Resumption(amount, isReverse: reverse))
        while true { if let stop = target.advance() { return stop } }
    }

    private func number(_ guest: CountingGuest, _ target: MachineTarget, _ processor: Int = 0) -> UInt64 {
        let name = guest.machine.hasPrefix("aarch64") ? "x0" : "a0"
        let register = target.registers.firstIndex { $0.name == name }
        return UInt64(littleEndianBytes: register.flatMap { target.readRegister($0, of: processor) } ?? [])
    }

    private func setNumber(_ guest: CountingGuest, _ target: MachineTarget, _ value: UInt64, _ processor: Int = 0)
        -> Bool
    {
        let name = guest.machine.hasPrefix("aarch64") ? "x0" : "a0"
        guard let register = target.registers.firstIndex(where: { $0.name == name }) else { return false }
        return target.writeRegister(register, of: processor, value.littleEndianBytes(8))
    }

    @Test(
        "To run backwards goes back over an edit and past it, and forwards meets it again", arguments: CountingGuest.all
    )
    func history(_ guest: CountingGuest) throws {
        for engine in Engine.allCases {
            try guest.load(engine: engine) { session in
                let target = MachineTarget(session, describe: { _ in nil })
                let stop = StopPoint(.execution, at: DebugAddress(guest.store))
                try target.insert(stop)
                // Of one CPU, whichever comes.
                func next(reverse: Bool = false) -> UInt64 {
                    while true {
                        let stop = finish(target, reverse: reverse)
                        guard stop.reason == .breakpoint else { return .max }
                        if stop.processor == 0 { return number(guest, target) }
                    }
                }
                for count: UInt64 in 1...5 { #expect(next() == count) }
                let memory = DebugAddress(guest.idlePage, in: .physical)
                #expect(target.writeMemory(memory, [1, 2, 3], of: 0))
                #expect(setNumber(guest, target, 100))
                #expect(next() == 101)
                #expect(next() == 102)
                #expect(target.writeMemory(memory, [4, 5, 6], of: 0))
                let hash = session.board.stateHash
                let position = target.position
                #expect(next(reverse: true) == 101)
                #expect(target.readMemory(memory, count: 3, of: 0) == [1, 2, 3])
                #expect(next(reverse: true) == 100)
                #expect(next(reverse: true) == 4)
                #expect(target.readMemory(memory, count: 3, of: 0) == [0, 0, 0])
                #expect(next(reverse: true) == 3)
                #expect([4, 100, 101, 102] == (0..<4).map { _ in next() })
                #expect(target.position == position)
                #expect(target.readMemory(memory, count: 3, of: 0) == [4, 5, 6])
                #expect(session.board.stateHash == hash)
                #expect(next() == 103)
            }
        }
    }

    @Test("A single step back from an edit undoes it, and one forwards makes it again", arguments: CountingGuest.all)
    func steps(_ guest: CountingGuest) throws {
        try guest.load { session in
            let target = MachineTarget(session, describe: { _ in nil })
            for _ in 0..<7 { #expect(finish(target, .step(processor: 0)).reason == .stepped) }
            let before = number(guest, target)
            #expect(setNumber(guest, target, 1000))
            #expect(finish(target, .step(processor: 0), reverse: true).reason == .stepped)
            #expect(number(guest, target) <= before)
            #expect(finish(target, .step(processor: 0)).reason == .stepped)
            #expect(number(guest, target) == 1000)
        }
    }

    @Test("An edit in the past forgets what came after it", arguments: CountingGuest.all)
    func past(_ guest: CountingGuest) throws {
        try guest.load { session in
            let target = MachineTarget(session, describe: { _ in nil })
            try target.insert(StopPoint(.execution, at: DebugAddress(guest.store)))
            for _ in 0..<10 * guest.cpus { #expect(finish(target).reason == .breakpoint) }
            var processor = 0
            for _ in 0..<4 * guest.cpus {
                let stop = finish(target, reverse: true)
                #expect(stop.reason == .breakpoint)
                processor = stop.processor
            }
            #expect(setNumber(guest, target, 500, processor))
            while finish(target) != DebugStop(.breakpoint, processor: processor) {}
            #expect(number(guest, target, processor) == 501)
        }
    }

    @Test(
        "A recording has a debugger's edits, wherever it had the machine stand, and replays to the same state",
        arguments: CountingGuest.all)
    func recorded(_ guest: CountingGuest) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/run.orrery"
            var random = SplitMix64(seed: 17)
            var hash: UInt64 = 0
            var (edits, farthest): (UInt64, UInt64) = (0, 0)
            try guest.load(instructions: 3_000_000) { session in
                let recorder = try CountingGuest.recorder(session, path)
                let target = MachineTarget(session, describe: { _ in nil })
                let point = StopPoint(.execution, at: DebugAddress(guest.store))
                for round in 0..<60 {
                    switch round % 4 {
                    case 0:
                        try target.insert(point)
                        _ = finish(target)
                        target.remove(point)
                    case 1:
                        for _ in 0...random.below(3) { _ = finish(target, .step(processor: random.below(guest.cpus))) }
                    case 2: _ = finish(target, .step(processor: guest.cpus - 1), reverse: true)
                    default:
                        for _ in 0..<random.below(6) {
                            _ = finish(target, .step(processor: random.below(guest.cpus)))
                        }
                    }
                    let isPast = target.position < farthest
                    farthest = max(farthest, target.position)
                    let address = DebugAddress(guest.idlePage + UInt64(random.below(4000)), in: .physical)
                    let isTaken = target.writeMemory(address, [UInt8(round), 0xaa], of: 0)
                    // In the past nothing may be changed, for what was written stays written.
                    #expect(isTaken != isPast, "round \(round)")
                    #expect(
                        setNumber(guest, target, random.next() >> 40, random.below(guest.cpus)) == isTaken,
                        "round \(round)")
                    if isTaken { edits += 2 }
                }
                #expect(edits > 60)
                while target.conclusion == nil { _ = finish(target) }
                #expect(target.conclusion == .instructionLimit)
                recorder.conclude("")
                hash = session.board.stateHash
            }
            for engine in Engine.allCases {
                try guest.replay(path, engine: engine, instructions: 3_000_000) { session, replayer in
                    let conclusion = session.run()
                    #expect(conclusion == .instructionLimit || conclusion == .recordingEnded, "\(conclusion)")
                    #expect(replayer.compareEnd(session) == nil)
                    #expect(replayer.deliveredInputs == edits)
                    #expect(session.board.stateHash == hash)
                }
            }
        }
    }

    @Test(
        "Looking changes nothing: breakpoints, watchpoints, reads of all registers, and running backwards",
        arguments: CountingGuest.all)
    func undisturbed(_ guest: CountingGuest) throws {
        let hash = try guest.load { session in
            #expect(session.run() == .instructionLimit)
            return session.board.stateHash
        }
        for engine in Engine.allCases {
            try guest.load(engine: engine) { session in
                let target = MachineTarget(session, describe: { _ in nil })
                let points = [
                    StopPoint(.execution, at: DebugAddress(guest.store)),
                    StopPoint(.write(count: 4), at: DebugAddress(guest.variable, in: .physical)),
                    StopPoint(.access(count: 1), at: DebugAddress(guest.variable)),
                ]
                for point in points { try target.insert(point) }
                for round in 0..<40 {
                    _ = finish(target, reverse: round % 3 == 2)
                    for register in target.registers.indices { _ = target.readRegister(register, of: guest.cpus - 1) }
                    _ = target.readMemory(DebugAddress(guest.store), count: 64, of: 0)
                    _ = target.monitor("registers")
                    _ = finish(target, .step(processor: guest.cpus - 1), reverse: round % 5 == 4)
                }
                for point in points { target.remove(point) }
                while target.conclusion == nil { _ = finish(target) }
                #expect(session.board.stateHash == hash, "\(engine)")
            }
        }
    }

    @Test("What cannot be is refused, and nobody is told of it", arguments: [CountingGuest.riscv(1), .aarch64(1)])
    func refused(_ guest: CountingGuest) throws {
        try guest.load { session in
            var told = 0
            session.port.addObserver { _ in told += 1 }
            let hash = session.board.stateHash
            for event: ExternalInput.Event in [
                .memoryEdit(.max - 1, [1, 2, 3]), .memoryEdit(1 << 40, [1]),
                .memoryEdit(guest.idlePage, [UInt8](repeating: 1, count: 8 << 20)),
                .registerEdit(processor: 9, guest.idleRegister, UInt64(1).littleEndianBytes(8)),
                .registerEdit(processor: .max, guest.idleRegister, UInt64(1).littleEndianBytes(8)),
                .registerEdit(processor: 0, "nothing", UInt64(1).littleEndianBytes(8)),
                .registerEdit(processor: 0, guest.idleRegister, [1]),
                .registerEdit(processor: 0, guest.idleRegister, []),
            ] { #expect(!session.port.deliver(event), "\(event)") }
            #expect(told == 0 && session.board.stateHash == hash)
            for text in [
                "", "memory", "memory 0x0", "memory 0x80000000=", "memory 0x80000000=1", "memory 0x80000000=0g",
                "register=1", "register a0", "register 0 1 a0=1", "flag x=1", "register a0=-1",
            ] { #expect(throws: ValueError.self, "\(text)") { try ManualEdit(text) } }
            for text in [
                "memory nothing=00", "memory 0xff00000000=00", "register 7 \(guest.idleRegister)=1", "register q=1",
            ] {
                #expect(throws: ValueError.self, "\(text)") { try ManualEdit(text).make(in: session) }
            }
            #expect(told == 0 && session.board.stateHash == hash)
            try ManualEdit("register 0 \(guest.idleRegister)=0x77").make(in: session)
            try ManualEdit("memory \(hexadecimal(guest.idlePage))=01 02ff").make(in: session)
            #expect(told == 2 && session.board.processors[0].register(named: guest.idleRegister) == 0x77)
            #expect(session.board.memory.host(guest.idlePage, count: 3)?.load(as: UInt16.self) == 0x201)
        }
    }
}
