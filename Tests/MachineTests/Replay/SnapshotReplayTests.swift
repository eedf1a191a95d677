import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Recordings with snapshots")
struct SnapshotReplayTests {
    private static func withGuest(_ engine: Engine, _ cpus: Int, _ body: (Session) throws -> Void) throws {
        try TinyGuest.load(
            EchoGuest.words, { ($0.engine, $0.harts, $0.maxInstructions) = (engine, cpus, nil) }, body)
    }

    /// A run at which a person types at odd times.
    private static func type(_ text: [String], at session: Session) {
        var typed = 0
        let start = session.board.scheduler.time
        session.betweenTurns = { time in
            if typed < text.count, time > start + UInt64(typed + 1) * 7777 {
                session.console.receive(Array(text[typed].utf8))
                typed += 1
            }
            return false
        }
    }

    @Test("A replay from any snapshot comes to the end that was recorded, under either engine", arguments: [1, 3])
    func fromEach(_ cpus: Int) throws {
        for (first, second) in [(Engine.jit, Engine.interpreter), (.interpreter, .jit)] {
            try ExternalTool.withTemporaryDirectory { folder in
                let path = folder + "/t.orrery"
                try Self.withGuest(first, cpus) { session in
                    session.board.scheduler.quantum = 1_000
                    let recorder = try RunRecorder(
                        session, to: path, description: "", files: [], program: "test",
                        report: { Issue.record("\($0)") })
                    recorder.hashInterval = 2_500
                    recorder.snapshotInterval = 4_000
                    session.companion = recorder
                    Self.type(["a", "bc", "d", "e\n"], at: session)
                    #expect(session.run() == .exited(status: 0))
                    recorder.conclude("")
                }
                let recording = try Recording(path)
                let snapshots = recording.snapshots.snapshots
                #expect(snapshots.count >= 5 && snapshots.contains { $0.inputCount > 0 })
                for entry in snapshots.map(Optional.some) + [nil] {
                    try Self.withGuest(second, cpus) { original in
                        let session = try Session(
                            original.description, repeats: RecordedImages(),
                            from: entry.map { MachineSnapshot($0, of: recording.snapshots) })
                        session.board.scheduler.quantum = 1_000
                        let replayer = try RunReplayer(recording, from: entry)
                        session.companion = replayer
                        #expect(session.run() == .exited(status: 0), "from \(entry?.position ?? 0)")
                        #expect(replayer.compareEnd(session) == nil)
                        #expect(replayer.deliveredInputs == 4 - (entry?.inputCount ?? 0))
                    }
                }
            }
        }
    }

    @Test("A run that goes on from a snapshot is recorded with it, and replayed from there")
    func beginsLater() throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let (saved, path) = (folder + "/s.orrery", folder + "/t.orrery")
            try Self.withGuest(.jit, 1) { session in
                let saver = try SnapshotSaver(session, to: saved, SnapshotFileTests.recipe, adds: false)
                session.console.receive(Array("before".utf8))
                #expect(session.run(to: 6_000) == .suspended)
                let entry = try saver.save("")
                let store = try Recording(saved).snapshots
                let later = try Session(session.description, from: MachineSnapshot(entry, of: store))
                let recorder = try RunRecorder(
                    later, to: path, description: "", files: [], program: "test", report: { Issue.record("\($0)") })
                later.companion = recorder
                Self.type(["x", "\n"], at: later)
                #expect(later.run() == .exited(status: 0))
                recorder.conclude("")
                let recording = try Recording(path)
                let start = try #require(recording.start)
                #expect(start.position == 6_000)
                let again = try Session(
                    session.description, repeats: RecordedImages(),
                    from: MachineSnapshot(start, of: recording.snapshots))
                let replayer = try RunReplayer(recording, from: start)
                again.companion = replayer
                #expect(again.run() == .exited(status: 0))
                #expect(replayer.compareEnd(again) == nil && replayer.deliveredInputs == 2)
            }
        }
    }
}
