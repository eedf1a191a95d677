import TestSupport
import Testing

@testable import Machine

@Suite("Recordings of another revision of the machine")
struct MachineRevisionTests {
    private let guest = CountingGuest.all[0]
    private let newer = MachineRevision.current + 1
    private let older = MachineRevision.current - 1

    /// Replays a recording that says that a machine of another revision has made it.
    private func replay(
        as revision: UInt64, _ body: (Session, RunReplayer) throws -> Void
    ) throws {
        try TraceFiles.inFolder { folder in
            try guest.record(folder + "/ours.orrery")
            try TraceFiles.copy(folder + "/ours.orrery", to: folder + "/theirs.orrery", .revision) { _ in
                MachineRevision(revision, program: "orrery 7.8").payload
            }
            try guest.replay(folder + "/theirs.orrery", engine: .jit) { try body($0, $1) }
        }
    }

    private func warning(of revision: UInt64) throws -> String {
        var text = ""
        try replay(as: revision) { session, _ in
            #expect(session.run(to: 300_123) == .suspended)
            var byte: UInt8 = 1
            #expect(session.board.memory.write(guest.idlePage, from: &byte, count: 1))
            guard case .diverged(let divergence) = session.run() else {
                Issue.record("the replay is another run, and goes on")
                return
            }
            text = "\(divergence)"
        }
        return text
    }

    @Test("A recording says which machine made it, and each part of a file that was added to")
    func recorded() throws {
        try TraceFiles.inFolder { folder in
            try guest.record(folder + "/t.orrery")
            let revision = try Recording(folder + "/t.orrery").revision
            #expect(revision.number == MachineRevision.current && !revision.program.isEmpty)
            try RecordingWriter(goingOnWith: folder + "/t.orrery", program: "orrery 7.8").file.close()
            let file = try TraceFileReader(folder + "/t.orrery")
            let programs = try file.chunks(of: .revision).map { chunk in
                try file.decode(chunk) { (reader) throws(PayloadError) in try MachineRevision(&reader) }.program
            }
            #expect(programs == [revision.program, "orrery 7.8"])
            try Recording(folder + "/t.orrery").check()
        }
    }

    @Test("Another revision's recording is replayed and compared as our own")
    func same() throws {
        for revision in [older, newer] {
            try replay(as: revision) { session, replayer in
                let conclusion = session.run()
                #expect(conclusion == .instructionLimit || conclusion == .recordingEnded, "\(conclusion)")
                #expect(replayer.compareEnd(session) == nil)
                #expect(replayer.comparedHashes >= 20)
            }
        }
    }

    @Test("Where it is another run, it is said that the machine may be why, and which program to replay it with")
    func different() throws {
        let old = try warning(of: older)
        let current = MachineRevision.current
        #expect(old.contains("of an older machine, revision \(older), and this one is revision \(current)"), "\(old)")
        #expect(old.hasSuffix("Replay it with the program that made it: orrery 7.8"), "\(old)")
        #expect(try warning(of: newer).contains("of a newer machine, revision \(newer), "))
        #expect(!(try warning(of: current)).contains("revision"))
    }

    @Test("What a later version of the format adds to the field is passed over")
    func later() throws {
        var reader = PayloadReader(MachineRevision(300, program: "orrery 7.8").payload + [1, 2, 3])
        #expect(try MachineRevision(&reader) == MachineRevision(300, program: "orrery 7.8"))
    }
}
