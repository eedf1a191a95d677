import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("A replay that differs")
struct DivergenceTests {
    /// Replays a recording, changes something at an instruction without telling anybody, and goes on.
    private func divergence(
        _ guest: CountingGuest, _ path: String, engine: Engine = .jit, at position: UInt64 = 300_123,
        _ change: (Session) throws -> Void
    ) throws -> Divergence? {
        try guest.replay(path, engine: engine) { session, _ in
            #expect(session.run(to: position) == .suspended)
            try change(session)
            guard case .diverged(let divergence) = session.run() else { return nil }
            #expect(divergence.lastEqual <= position && divergence.position > position, "\(divergence)")
            #expect(divergence.lastEqual <= divergence.lastEqualProcessors)
            return divergence
        }
    }

    private func withRecording(_ guest: CountingGuest, _ body: (String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/run.orrery"
            try guest.record(path)
            try body(path)
        }
    }

    @Test("Where nothing was changed, all parts are as recorded, in each engine", arguments: CountingGuest.all)
    func same(_ guest: CountingGuest) throws {
        try withRecording(guest) { path in
            for engine in Engine.allCases {
                try guest.replay(path, engine: engine) { session, replayer in
                    let conclusion = session.run()
                    #expect(conclusion == .instructionLimit || conclusion == .recordingEnded, "\(conclusion)")
                    #expect(replayer.compareEnd(session) == nil)
                    #expect(replayer.comparedHashes >= 20)
                }
            }
            var parts = try Recording(path).parts()
            var (records, looks) = (0, 0)
            while let record = try parts.next() {
                records += 1
                if record.memory != nil { looks += 1 }
            }
            #expect(records >= 20 && looks > 3, "\(records) records, \(looks) of them with memory")
        }
    }

    @Test("A register that was changed is named, with both values", arguments: CountingGuest.all)
    func register(_ guest: CountingGuest) throws {
        try withRecording(guest) { path in
            let last = guest.cpus - 1
            let found = try divergence(guest, path) { session in
                let file = session.board.processors[last].makeRegisterFile()
                let number = try #require(file.registers.firstIndex { $0.name == guest.idleRegister })
                #expect(file.write(number, UInt64(0x1234).littleEndianBytes(8)))
            }
            let text = "\(try #require(found))"
            let label = guest.machine.hasPrefix("aarch64") ? "CPU \(last)" : "hart \(last)"
            #expect(text.contains("\(label): \(guest.idleRegister) is 0x1234, and was 0x0"), "\(text)")
            #expect(!text.contains("memory"), "\(text)")
        }
    }

    @Test("A page of memory that was changed is named", arguments: CountingGuest.all)
    func memory(_ guest: CountingGuest) throws {
        try withRecording(guest) { path in
            for engine in Engine.allCases {
                let found = try divergence(guest, path, engine: engine) { session in
                    var byte: UInt8 = 1
                    #expect(session.board.memory.write(guest.idlePage + 77, from: &byte, count: 1))
                }
                let text = "\(try #require(found))"
                #expect(text.contains("the page of memory at \(hexadecimal(guest.idlePage)) has changed"), "\(text)")
                #expect(!text.contains("hart 0:") && !text.contains("CPU 0:"), "\(text)")
            }
        }
    }

    @Test("Of a page that the guest writes to, it is told that it is not what it was", arguments: CountingGuest.all)
    func writtenMemory(_ guest: CountingGuest) throws {
        try withRecording(guest) { path in
            let found = try divergence(guest, path) { session in
                var byte: UInt8 = 1
                #expect(session.board.memory.write(guest.variable + 0x100, from: &byte, count: 1))
            }
            let text = "\(try #require(found))"
            let page = hexadecimal(guest.variable & ~4095)
            #expect(text.contains("the page of memory at \(page)") && text.contains("is not what it was"), "\(text)")
        }
    }

    @Test("A device whose state was changed is named", arguments: CountingGuest.all)
    func device(_ guest: CountingGuest) throws {
        try withRecording(guest) { path in
            let found = try divergence(guest, path) { session in
                let (address, size) = guest.deviceRegister
                #expect(session.board.space.write(address, size: size, value: 0x15))
            }
            let differences = try #require(found).differences
            #expect(
                differences.count == 1 && differences[0].hasPrefix("the state of ")
                    && differences[0].lowercased().contains(guest.device), "\(differences)")
        }
    }

    @Test("Parts come back from a file as they were written")
    func coding() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let path = directory + "/t.orrery"
            var random = SplitMix64(seed: 5)
            var written: [RecordedParts] = []
            let file = try TraceFileWriter(creating: path, program: "test")
            let writer = try RecordingWriter(file, description: "")
            var registers: [[UInt64]] = [[0, 0, .max], [1]]
            for index in 0..<500 {
                var parts = StateParts()
                parts.names = ["hart 0", "hart 1", "board", "clock"]
                parts.hashes = parts.names.map { _ in UInt32(truncatingIfNeeded: random.next()) }
                registers[random.below(2)][0] = random.next() >> UInt64(random.below(64))
                if random.chance(10) { registers[1].append(random.next()) }
                parts.registers = registers
                var pages: [(number: UInt64, hash: UInt16)] = []
                var page: UInt64 = 0
                for _ in 0..<random.below(9) {
                    page += UInt64(1 + random.below(1 << 20))
                    pages.append((page, UInt16(truncatingIfNeeded: random.next())))
                }
                let record = RecordedParts(
                    position: UInt64(index) * 1000, time: UInt64(index) * 999, parts: parts,
                    memory: random.chance(50) ? .init(changes: random.next(), pages: pages) : nil)
                written.append(record)
                try writer.append(record)
                if random.chance(5) { try writer.flush() }
            }
            try writer.conclude(RunConclusion(position: 1 << 30, time: 1 << 30, text: ""))
            let recording = try Recording(path)
            var read: [RecordedParts] = []
            var next = recording.parts()
            while let record = try next.next() { read.append(record) }
            #expect(read.count == written.count)
            for (a, b) in zip(read, written) {
                #expect(a.position == b.position && a.time == b.time && a.memory == b.memory)
                #expect(a.parts.names == b.parts.names && a.parts.hashes == b.parts.hashes)
                // A CPU has as many registers as have ever been other than zero.
                for (c, d) in zip(a.parts.registers, b.parts.registers) {
                    #expect(zip(c, d).allSatisfy { $0 == $1 } && d.dropFirst(c.count).allSatisfy { $0 == 0 })
                }
            }
            try recording.check()
        }
    }
}
