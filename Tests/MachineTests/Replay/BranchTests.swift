import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("A run that leaves its recording")
struct BranchTests {
    private static func withEcho(cpus: Int, _ body: (Session, String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try TinyGuest.load(
                EchoGuest.words,
                {
                    $0.harts = cpus
                    $0.maxInstructions = nil
                }
            ) { try body($0, directory) }
        }
    }

    /// Records the echo of some words, and gives the place behind the first ones.
    private static func record(_ session: Session, _ path: String) throws {
        let recorder = try CountingGuest.recorder(session, path)
        for (number, text) in ["one ", "two ", "three\n"].enumerated() {
            session.console.receive(Array(text.utf8))
            if number < 2 { #expect(session.run(to: UInt64(number + 1) * 50_000) == .suspended) }
        }
        #expect(session.run() == .exited(status: 0))
        recorder.conclude("")
    }

    @Test("It goes on with other input, and its recording has both parts and replays alone", arguments: [1, 3])
    func live(_ cpus: Int) throws {
        try Self.withEcho(cpus: cpus) { original, directory in
            let (path, branch) = (directory + "/run.orrery", directory + "/branch.orrery")
            try Self.record(original, path)
            var hash: UInt64 = 0
            let parent = RecordingParent(
                path: path, digest: SHA256Digest(of: try TraceFiles.read(path)), position: 70_001)
            do {
                let session = try Session(original.description, repeats: RecordedImages())
                var printed = ""
                session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
                let recording = try Recording(path)
                let recorder = try RunRecorder(
                    session, to: branch, branchOf: recording, parent, program: "test", report: { Issue.record("\($0)") }
                )
                recorder.hashInterval = 1000
                let run = ReplayedRun(session, try RunReplayer(recording), recorder: recorder)
                #expect(session.run(to: 70_001) == .suspended)
                #expect(printed == "one two ")
                run.goLive()
                try ManualEdit("memory 0x80000800=0102").make(in: session)
                try ManualEdit("register \(cpus - 1) s7=9").make(in: session)
                try session.goLive(
                    input: InputFile(name: "keys", bytes: Array("pause 20us\nsend \"four\\n\"\n".utf8)))
                #expect(session.run() == .exited(status: 0))
                #expect(printed == "one two four\n", "\(printed)")
                recorder.conclude("the guest ended well")
                hash = session.board.stateHash
            }
            try FileManager.default.removeItem(atPath: path)
            let recording = try Recording(branch)
            #expect(try recording.parent() == parent)
            for engine in Engine.allCases {
                var description = original.description
                description.engine = engine
                let session = try Session(description, repeats: RecordedImages())
                var printed = ""
                session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
                let replayer = try RunReplayer(recording)
                session.companion = replayer
                #expect(session.run() == .exited(status: 0))
                #expect(replayer.compareEnd(session) == nil)
                #expect(session.board.stateHash == hash && printed == "one two four\n", "\(engine)")
            }
        }
    }

    @Test("A debugger runs it both ways, and where it changes something the recording is left", arguments: [1, 3])
    func debugger(_ cpus: Int) throws {
        try Self.withEcho(cpus: cpus) { original, directory in
            let path = directory + "/run.orrery"
            try Self.record(original, path)
            let session = try Session(original.description, repeats: RecordedImages())
            var printed = ""
            session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
            let run = ReplayedRun(session, try RunReplayer(try Recording(path)))
            let target = MachineTarget(session, describe: { _ in nil })
            func finish(reverse: Bool = false) -> DebugStop {
                target.resume(Resumption(.run, isReverse: reverse))
                while true { if let stop = target.advance() { return stop } }
            }
            // The store to the serial port's data register.
            let point = StopPoint(.execution, at: DebugAddress(0x8000_0024))
            try target.insert(point)
            var stops = 0
            while finish().reason == .breakpoint { stops += 1 }
            #expect(stops == "one two three\n".utf8.count)
            #expect(printed == "one two three\n" && !run.isLive)
            for _ in 0..<stops { #expect(finish(reverse: true).reason == .breakpoint) }
            #expect(finish(reverse: true).reason == .startOfHistory)
            // Another letter.
            let stop = finish()
            #expect(stop.reason == .breakpoint)
            let a0 = try #require(target.registers.firstIndex { $0.name == "a0" })
            #expect(target.writeRegister(a0, of: stop.processor, UInt64(0x4f).littleEndianBytes(8)))
            #expect(run.isLive)
            target.remove(point)
            target.resume(Resumption(.run))
            let goal = target.position + 100_000
            while target.position < goal { #expect(target.advance() == nil) }
            target.interrupt()
            #expect(target.advance()?.reason == .interrupted)
            // What is printed where it had been before is not printed again.
            #expect(printed == "one two three\nOne ", "\(printed)")
            session.console.receive(Array("here\n".utf8))
            #expect(finish().reason == .exited(status: 0))
            #expect(printed == "one two three\nOne here\n", "\(printed)")
        }
    }
}
