import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("A run that is moved through")
struct TimelineTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var machine: String
        var engine: Engine
        var cpus = 1
        var testDescription: String { "\(machine), \(engine), \(cpus) CPUs" }
    }

    static let cases = ["riscv-virt", "aarch64-virt"].flatMap { machine in
        Engine.allCases.flatMap { engine in [1, 3].map { Case(machine: machine, engine: engine, cpus: $0) } }
    }

    /// A random program, which every CPU starts and one runs to its end.
    private static func withSession(_ what: Case, seed: UInt64, _ body: (() throws -> Session) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let isArm = what.machine.hasPrefix("aarch64")
            let source = try MachineCatalog.randomSource(
                machine: what.machine, cpu: isArm ? "max" : nil, seed: seed, isForQEMU: false)
            func elf(_ source: some RandomSource) -> [UInt8] { source.program(0, blocks: 10).elf }
            var description = MachineDescription()
            description.kernel = directory + "/program.elf"
            try Data(elf(source)).write(to: URL(fileURLWithPath: description.kernel!))
            (description.machine, description.cpu, description.harts) = (what.machine, source.cpu, what.cpus)
            description.firmware = isArm ? nil : "none"
            description.engine = what.engine
            description.memory = ByteCount(16 << 20)
            // So that code is translated in a short run.
            description.jitThreshold = Count(2)
            description.maxInstructions = Count(400_000)
            try body { try Session(description) }
        }
    }

    @Test("At each place that it is moved to, the machine is as it was there", arguments: cases)
    func random(_ what: Case) throws {
        try Self.withSession(what, seed: 3) { make in
            // What it was: of a run that is never put back.
            let straight = try make()
            var random = SplitMix64(seed: 11)
            var hashes: [(position: UInt64, hash: UInt64)] = []
            while true {
                let end = straight.run(to: straight.board.executed + 1 + random.next() % 25_000) != .suspended
                hashes.append((straight.board.executed, straight.board.stateHash))
                if end { break }
            }
            try #require(hashes.count > 5, "the program is too short")

            let session = try make()
            let timeline = Timeline(session)
            timeline.interval = 30_000
            for _ in 0..<40 {
                let (position, hash) = hashes[Int(random.next() % UInt64(hashes.count))]
                let from = timeline.position
                _ = try timeline.move(to: position)
                #expect(session.board.executed == position, "from \(from)")
                #expect(session.board.stateHash == hash, "at \(position), from \(from)")
            }
            _ = timeline.run()
            #expect(session.board.stateHash == hashes[hashes.count - 1].hash, "at its end")
            #expect(timeline.markPositions.count > 2)
        }
    }

    @Test("What was typed is typed again at the same places, and prints nothing again")
    func inputs() throws {
        try TinyGuest.load(EchoGuest.words) { session in
            var printed = ""
            session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
            let timeline = Timeline(session)
            timeline.interval = 1000
            for (number, text) in ["one ", "two ", "three "].enumerated() {
                session.console.receive(Array(text.utf8))
                #expect(timeline.run(to: UInt64(number + 1) * 20_000) == .suspended)
            }
            #expect(printed == "one two three ")
            let hash = session.board.stateHash
            for position: UInt64 in [100, 20_500, 3, 60_000] {
                _ = try timeline.move(to: position)
                #expect(timeline.isInPast == (position != 60_000))
            }
            #expect(session.board.stateHash == hash)
            #expect(printed == "one two three ")
            session.console.receive([0x0a])
            #expect(timeline.run() == .exited(status: 0))
        }
    }

    @Test("A run that goes on another way forgets what came after")
    func branch() throws {
        try TinyGuest.load(EchoGuest.words) { session in
            var printed = ""
            session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
            let timeline = Timeline(session)
            timeline.interval = 1000
            session.console.receive(Array("old".utf8))
            #expect(timeline.run(to: 40_000) == .suspended)
            _ = try timeline.move(to: 50)
            timeline.branch()
            #expect(timeline.end == 50)
            session.console.receive(Array(" new\n".utf8))
            #expect(timeline.run() == .exited(status: 0))
            #expect(printed.hasSuffix(" new\n"), "\(printed)")
        }
    }
}
