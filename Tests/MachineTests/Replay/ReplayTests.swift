import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Replay")
struct ReplayTests {
    /// Records the echoing guest, to which a person types at odd times; two of three CPUs wait in the same loop.
    private static func record(
        _ text: [String], cpus: Int, engine: Engine, to path: String, _ session: Session
    ) throws -> UInt64 {
        let recorder = try RunRecorder(
            session, to: path, description: "", files: [], program: "test", report: { Issue.record("\($0)") })
        session.companion = recorder
        var typed = 0
        session.betweenTurns = { time in
            if typed < text.count, time > UInt64(typed + 1) * 7777 {
                session.console.receive(Array(text[typed].utf8))
                typed += 1
            }
            return false
        }
        #expect(session.run() == .exited(status: 0))
        recorder.conclude("the guest ended well")
        #expect(recorder.failure == nil)
        return session.board.stateHash
    }

    private static func withGuest(cpus: Int, engine: Engine, _ body: (Session, String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try TinyGuest.load(
                EchoGuest.words,
                {
                    $0.harts = cpus
                    $0.engine = engine
                    $0.maxInstructions = nil
                }
            ) { try body($0, directory + "/run.orrery") }
        }
    }

    /// The same guest again, with what was recorded of it.
    private static func replay(
        _ path: String, cpus: Int, engine: Engine, _ body: (Session, RunReplayer) throws -> Void
    ) throws {
        try TinyGuest.load(
            EchoGuest.words,
            {
                $0.harts = cpus
                $0.engine = engine
                $0.maxInstructions = nil
            }
        ) { original in
            let session = try Session(original.description, repeats: RecordedImages())
            let replayer = try RunReplayer(try Recording(path))
            session.companion = replayer
            try body(session, replayer)
        }
    }

    @Test("A replay comes to the same state, whichever engine recorded and whichever replays", arguments: [1, 3])
    func same(_ cpus: Int) throws {
        for (first, second) in [(Engine.jit, Engine.interpreter), (.interpreter, .jit), (.jit, .jit)] {
            try Self.withGuest(cpus: cpus, engine: first) { session, path in
                let hash = try Self.record(["a", "bc", "d\n"], cpus: cpus, engine: first, to: path, session)
                try Self.replay(path, cpus: cpus, engine: second) { session, replayer in
                    var printed = ""
                    session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
                    #expect(session.run() == .exited(status: 0), "\(first), \(second)")
                    #expect(replayer.compareEnd(session) == nil)
                    #expect(session.board.stateHash == hash)
                    #expect(replayer.deliveredInputs == 3)
                    #expect(printed.hasPrefix("abcd"), "\(printed)")
                }
            }
        }
    }

    @Test("A machine that is not the recorded one is found out")
    func different() throws {
        try Self.withGuest(cpus: 1, engine: .jit) { session, path in
            _ = try Self.record(["a", "b\n"], cpus: 1, engine: .jit, to: path, session)
            try Self.replay(path, cpus: 1, engine: .jit) { session, replayer in
                #expect(session.run(to: 2000) == .suspended)
                // Nobody looks at it.
                var word: UInt32 = 0x0000_0013
                #expect(session.board.memory.write(0x8000_0100, from: &word, count: 4))
                #expect(session.run() == .exited(status: 0))
                let divergence = try #require(replayer.compareEnd(session))
                #expect(
                    "\(divergence)".contains("the page of memory at 0x80000000 has changed, and had not then"),
                    "\(divergence)")
            }
            // A CPU more.
            try Self.replay(path, cpus: 2, engine: .jit) { session, replayer in
                guard case .diverged(let divergence) = session.run() else {
                    Issue.record("two CPUs ran as one did")
                    return
                }
                #expect("\(divergence)".contains("an input of instruction"), "\(divergence)")
            }
        }
    }

    @Test("Where something came from outside no hash is taken, which would be of the state before or behind it")
    func hashesAndInputs() throws {
        try Self.withGuest(cpus: 3, engine: .jit) { session, path in
            let recorder = try RunRecorder(
                session, to: path, description: "", files: [], program: "test", report: { Issue.record("\($0)") })
            recorder.hashInterval = 1000
            session.companion = recorder
            var rounds = 0
            session.betweenTurns = { _ in
                rounds += 1
                if rounds % 3 == 0 { session.console.receive([rounds < 60 ? 0x61 : 0x0a]) }
                return false
            }
            #expect(session.run() == .exited(status: 0))
            recorder.conclude("")
            let recording = try Recording(path)
            var inputs: Set<UInt64> = []
            var next = recording.inputs()
            while let input = try next.next() { inputs.insert(input.time) }
            var hashes: Set<UInt64> = []
            var all = recording.hashes(by: RecordedHash.Method(scope: .processors))
            while let hash = try all.next() { hashes.insert(hash.time) }
            #expect(inputs.count > 15 && hashes.count > 15)
            #expect(inputs.isDisjoint(with: hashes))
            try Self.replay(path, cpus: 3, engine: .interpreter) { session, replayer in
                #expect(session.run() == .exited(status: 0))
                #expect(replayer.comparedHashes == UInt64(hashes.count))
            }
        }
    }

    @Test("A recording that was cut short is replayed as far as it goes")
    func cutShort() throws {
        try Self.withGuest(cpus: 1, engine: .jit) { session, path in
            let recorder = try RunRecorder(
                session, to: path, description: "", files: [], program: "test", report: { Issue.record("\($0)") })
            session.companion = recorder
            session.console.receive([0x61])
            #expect(session.run(to: 5000) == .suspended)
            session.console.receive([0x62])
            #expect(session.run(to: 9000) == .suspended)
            // What waits is written within a second; here at once.
            recorder.flush()
            try Self.replay(path, cpus: 1, engine: .interpreter) { session, replayer in
                #expect(session.run() == .recordingEnded)
                #expect(replayer.deliveredInputs == 2)
                #expect(session.board.executed == 5000)
                #expect(session.run() == .recordingEnded)
            }
            recorder.conclude("")
        }
    }
}
