import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("Running backwards")
struct ReverseTests {
    /// Counts a0 up, and stores it, at 0x80000100; the store is at 0x8000000c.
    static let counter: [UInt32] = [
        0x0000_0297,  // auipc t0, 0
        0x0000_0513,  // li    a0, 0
        0x0015_0513,  // addi  a0, a0, 1
        0x10a2_a023,  // sw    a0, 256(t0)
        0x0000_0013,  // nop
        0xff5f_f06f,  // j     .-12
    ]
    static let store: UInt64 = 0x8000_000c
    static let variable: UInt64 = 0x8000_0100

    private static func withTarget(
        cpus: Int = 1, engine: Engine = .jit, _ body: (MachineTarget, Session) throws -> Void
    ) throws {
        try TinyGuest.load(
            counter,
            {
                $0.engine = engine
                $0.harts = cpus
                $0.maxInstructions = Count(10_000_000)
            }
        ) { session in try body(MachineTarget(session, describe: { _ in nil }), session) }
    }

    private static func finish(_ target: MachineTarget, _ amount: Resumption.Amount, reverse: Bool = false) -> DebugStop
    {
        target.resume(Resumption(amount, isReverse: reverse))
        while true { if let stop = target.advance() { return stop } }
    }

    private static func a0(_ session: Session) -> UInt64? { session.board.processors[0].register(named: "a0") }

    @Test("To run backwards is to come to the breakpoint that was passed last", arguments: Engine.allCases)
    func breakpoint(_ engine: Engine) throws {
        try Self.withTarget(engine: engine) { target, session in
            let point = StopPoint(.execution, at: DebugAddress(Self.store))
            try target.insert(point)
            for count: UInt64 in 1...20 {
                #expect(Self.finish(target, .run) == DebugStop(.breakpoint, processor: 0))
                #expect(Self.a0(session) == count)
            }
            for count in (1...19 as ClosedRange<UInt64>).reversed() {
                #expect(Self.finish(target, .run, reverse: true) == DebugStop(.breakpoint, processor: 0))
                #expect(Self.a0(session) == count)
                #expect(session.board.processors[0].programCounter == Self.store)
            }
            #expect(Self.finish(target, .run, reverse: true).reason == .startOfHistory)
            #expect(target.position == 0)
            target.remove(point)
        }
    }

    @Test("A watched word is found by who wrote it last, before it is written", arguments: Engine.allCases)
    func watchpoint(_ engine: Engine) throws {
        try Self.withTarget(engine: engine) { target, session in
            _ = session.run(to: 0)
            target.resume(Resumption(.run))
            while target.position < 300_000 { #expect(target.advance() == nil) }
            target.interrupt()
            #expect(target.advance()?.reason == .interrupted)
            let point = StopPoint(.write(count: 4), at: DebugAddress(Self.variable))
            try target.insert(point)
            var value: UInt32 = 0
            _ = session.board.memory.read(Self.variable, into: &value, count: 4)
            for _ in 0..<5 {
                let stop = Self.finish(target, .run, reverse: true)
                #expect(stop.reason == .watchpoint(.write(count: 4), address: Self.variable))
                #expect(session.board.processors[0].programCounter == Self.store)
                #expect(Self.a0(session) == UInt64(value))
                value -= 1
                var before: UInt32 = 0
                _ = session.board.memory.read(Self.variable, into: &before, count: 4)
                #expect(before == value)
            }
        }
    }

    @Test("A step backwards undoes a step of that CPU", arguments: [1, 2])
    func step(_ cpus: Int) throws {
        try Self.withTarget(cpus: cpus) { target, session in
            let last = cpus - 1
            func counter() -> UInt64 { session.board.processors[last].programCounter }
            var counters: [UInt64] = []
            for _ in 0..<30 {
                counters.append(counter())
                #expect(Self.finish(target, .step(processor: last)) == DebugStop(.stepped, processor: last))
            }
            for expected in counters.reversed() {
                #expect(Self.finish(target, .step(processor: last), reverse: true).reason == .stepped)
                #expect(counter() == expected)
            }
            #expect(Self.finish(target, .step(processor: last), reverse: true).reason == .startOfHistory)
        }
    }

    @Test("A run that was debugged, forwards and backwards, ends as one that was not", arguments: [1, 3])
    func undisturbed(_ cpus: Int) throws {
        var hash: UInt64 = 0
        try Self.withTarget(cpus: cpus) { _, session in
            #expect(session.run() == .instructionLimit)
            hash = session.board.stateHash
        }
        try Self.withTarget(cpus: cpus) { target, session in
            let point = StopPoint(.write(count: 4), at: DebugAddress(Self.variable))
            try target.insert(point)
            for _ in 0..<50 { _ = Self.finish(target, .run) }
            for _ in 0..<20 { _ = Self.finish(target, .run, reverse: true) }
            for _ in 0..<5 { _ = Self.finish(target, .step(processor: 0), reverse: true) }
            target.remove(point)
            _ = Self.finish(target, .run)
            #expect(session.board.stateHash == hash)
        }
    }
}
