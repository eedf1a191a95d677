import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("Replays of parts of a run")
struct ReplayPartsTests {
    /// Records a run with snapshots.
    private static func withRecording(_ guest: CountingGuest, _ body: (String, Recording) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let path = folder + "/run.orrery"
            try guest.load { session in
                let recorder = try CountingGuest.recorder(session, path)
                recorder.snapshotInterval = 105_000
                #expect(session.run() == .instructionLimit)
                recorder.conclude("")
            }
            try body(path, try Recording(path))
        }
    }

    /// A part: from a snapshot, or the beginning, to behind the next one, or the end.
    private static func replay<T>(
        _ guest: CountingGuest, _ recording: Recording, _ engine: Engine, _ start: SnapshotEntry?,
        _ next: SnapshotEntry?,
        _ body: (Session, RunReplayer, Session.Conclusion) throws -> T
    ) throws -> T {
        try guest.load(engine: engine) { original in
            let session = try Session(original.description, repeats: RecordedImages())
            session.board.scheduler.quantum = original.board.scheduler.quantum
            let replayer = try RunReplayer(recording, from: start, asFarAs: next)
            try replayer.place(session)
            session.companion = replayer
            return try body(session, replayer, session.run())
        }
    }

    /// The parts that are found to be other runs, by their places, with what is told of them.
    private static func divergences(
        _ guest: CountingGuest, _ path: String, _ engine: Engine
    ) throws -> [(part: Int, Divergence)] {
        let recording = try Recording(path)
        let begins = [nil] + recording.snapshots.snapshots.map(Optional.some)
        var found: [(part: Int, Divergence)] = []
        for (index, start) in begins.enumerated() {
            let next = index + 1 < begins.count ? begins[index + 1] : nil
            try replay(guest, recording, engine, start, next) { session, replayer, conclusion in
                if case .diverged(let divergence) = conclusion {
                    found.append((index, divergence))
                } else if let divergence = replayer.compareEnd(session) {
                    found.append((index, divergence))
                }
                #expect(!found.isEmpty || replayer.comparedHashes > 3, "part \(index) compares too little")
            }
        }
        return found
    }

    @Test("Each part is as recorded, and ends at the first hash behind the next snapshot", arguments: CountingGuest.all)
    func parts(_ guest: CountingGuest) throws {
        try Self.withRecording(guest) { path, recording in
            let snapshots = recording.snapshots.snapshots
            #expect(snapshots.count == 5)
            for engine in Engine.allCases {
                #expect(try Self.divergences(guest, path, engine).isEmpty)
                try Self.replay(guest, recording, engine, snapshots[1], snapshots[2]) { session, _, conclusion in
                    #expect(conclusion == .recordingEnded)
                    var hashes = recording.hashes(
                        from: snapshots[2].position, by: RecordedHash.Method(scope: .processors))
                    let hash = try hashes.next()
                    #expect(session.board.executed == hash?.position && session.board.scheduler.time == hash?.time)
                }
            }
        }
    }

    @Test("A snapshot with another register is found by the part that begins there alone", arguments: CountingGuest.all)
    func register(_ guest: CountingGuest) throws {
        try Self.withRecording(guest) { path, _ in
            let changed = path + ".changed"
            let last = guest.cpus - 1
            let field = try guest.load { session in
                let board = session.board
                let fields = MachineState.Section.listing(board.processors[last], board.memory).fields
                return try #require(fields.firstIndex { $0.name == guest.idleRegister })
            }
            var number = 0
            try ChangedTrace.write(path, to: changed) { type, payload in
                guard type == .machineState else { return }
                number += 1
                guard number == 3 else { return }
                var state = try MachineState(encoded: Array(payload.dropFirst()))
                state.sections[last].fields[field].value = .word(0x1234)
                payload = payload.prefix(1) + state.encoded()
            }
            for engine in Engine.allCases {
                let found = try Self.divergences(guest, changed, engine)
                #expect(found.map(\.part) == [3], "the third snapshot is what was changed: \(found)")
                let text = "\(try #require(found.first).1)"
                #expect(text.contains("\(guest.idleRegister) is 0x1234, and was 0x0"), "\(text)")
            }
        }
    }

    @Test("A snapshot with another page is found by the part that begins there alone", arguments: CountingGuest.all)
    func page(_ guest: CountingGuest) throws {
        try Self.withRecording(guest) { path, recording in
            let changed = path + ".changed"
            // The page with the variable, which each snapshot has anew.
            let count = try Recording(path).file.chunks(of: .memoryPages).count
            #expect(count == 5)
            var number = 0
            try ChangedTrace.write(path, to: changed) { type, payload in
                guard type == .memoryPages else { return }
                number += 1
                // Of a word that the guest leaves alone.
                if number == 3 { payload[payload.count - 4096 + 0xf00] ^= 1 }
            }
            for engine in Engine.allCases {
                let found = try Self.divergences(guest, changed, engine)
                #expect(found.map(\.part) == [3], "the third snapshot is what was changed: \(found)")
                let text = "\(try #require(found.first).1)"
                let page = hexadecimal(guest.variable & ~4095)
                #expect(text.contains("the page of memory at \(page)"), "\(text)")
            }
        }
    }

    // MARK: From places in memory

    /// Replays a run with places to go back to.
    private static func rewinding<T>(
        _ guest: CountingGuest, _ path: String, _ engine: Engine, count: Int, limit: Int = 1 << 30,
        _ body: (Session, RunReplayer, ReplayRewinds) throws -> T
    ) throws -> T {
        try guest.replay(path, engine: engine) { session, replayer in
            let rewinds = ReplayRewinds(session, replayer, count: count, limit: limit)
            let conclusion = session.run()
            #expect(conclusion == .instructionLimit || conclusion == .recordingEnded, "\(conclusion)")
            #expect(replayer.compareEnd(session) == nil)
            return try body(session, replayer, rewinds)
        }
    }

    @Test("From each place that a replay goes back to, the run is the same again", arguments: CountingGuest.all)
    func rewinds(_ guest: CountingGuest) throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let path = folder + "/run.orrery"
            try guest.record(path)
            for engine in Engine.allCases {
                try Self.rewinding(guest, path, engine, count: 9) { session, replayer, rewinds in
                    let before = replayer.comparedHashes
                    try rewinds.run()
                    #expect(rewinds.count == 9)
                    // All but what lies before the first place, a tenth of the run.
                    #expect(rewinds.comparedHashes * 10 >= before * 8, "\(rewinds.comparedHashes) of \(before)")
                    #expect(!session.isRepeating)
                }
            }
        }
    }

    @Test("Where memory is short, there are fewer places to go back to", arguments: CountingGuest.all)
    func limit(_ guest: CountingGuest) throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let path = folder + "/run.orrery"
            try guest.record(path)
            try Self.rewinding(guest, path, .jit, count: 50, limit: 8 * 4096) { _, _, rewinds in
                try rewinds.run()
                #expect((3...9).contains(rewinds.count), "\(rewinds.count) places, with a page each")
            }
        }
    }

    @Test(
        "What is another run from a place on is found, with that place and what differs", arguments: CountingGuest.all,
        [false, true])
    func changed(_ guest: CountingGuest, _ changesMemory: Bool) throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let path = folder + "/run.orrery"
            try guest.record(path)
            try Self.rewinding(guest, path, .jit, count: 5) { session, _, rewinds in
                var isChanged = false
                session.betweenTurns = { _ in
                    // The last part is run first, so that two have gone well before.
                    guard session.isRepeating, !isChanged, (310_000..<390_000).contains(session.board.executed) else {
                        return false
                    }
                    isChanged = true
                    var byte: UInt8 = 1
                    let file = session.board.processors[0].makeRegisterFile()
                    let number = file.registers.firstIndex { $0.name == guest.idleRegister } ?? 0
                    #expect(
                        changesMemory
                            ? session.board.memory.write(guest.idlePage, from: &byte, count: 1)
                            : file.write(number, UInt64(0x77).littleEndianBytes(8)))
                    return false
                }
                do {
                    try rewinds.run()
                    Issue.record("it is not found")
                } catch let failure as ReplayRewinds.Failure {
                    #expect((300_000..<310_000).contains(failure.start), "\(failure.start)")
                    let text = "\(failure.divergence)"
                    #expect(
                        text.contains(
                            changesMemory
                                ? "the page of memory at \(hexadecimal(guest.idlePage))"
                                : "\(guest.idleRegister) is 0x77, and was 0x0"), "\(text)")
                }
                #expect(isChanged && rewinds.count == 2)
            }
        }
    }
}
