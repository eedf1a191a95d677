import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Recordings")
struct RecordingTests {
    @Test("A recording with something of everything is read as it was written")
    func sample() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let sample = SampleRecording()
            try sample.write(to: path)
            #expect(try SampleRecording(reading: path) == sample)
            try Recording(path).check()
        }
    }

    /// Inputs as a person, a network and an idle machine make them.
    static func randomInputs(_ count: Int, seed: UInt64) -> [ExternalInput] {
        var random = SplitMix64(seed: seed)
        var (position, time) = (UInt64(0), UInt64(0))
        return (0..<count).map { _ in
            let step = random.chance(20) ? 0 : random.next() >> (8 + UInt64(random.below(56)))
            position += min(step, 1 << 40)
            time += min(step, 1 << 40) / (random.chance(50) ? 1 : 4) + (random.chance(30) ? random.next() >> 30 : 0)
            let number = random.below(3 as UInt64)
            let bytes = (0..<random.below(random.chance(5) ? 1500 : 12)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            let event: ExternalInput.Event =
                switch random.below(9) {
                case 0: .console(number, bytes)
                case 1: .consoleBreak(number)
                case 2: .frame(number, bytes)
                case 3: .link(number, isUp: random.chance(50))
                case 4:
                    .inputDevice(
                        number,
                        bytes.map {
                            InputEvent(type: UInt16($0), code: .max - UInt16($0), value: .max / (1 + UInt32($0)))
                        })
                case 5: .timeAdvance
                case 6: .command("info \(number) ü")
                case 7: .memoryEdit(random.next(), bytes)
                default: .registerEdit(processor: number, "x\(number)", bytes)
                }
            return ExternalInput(position: position, time: time, event)
        }
    }

    @Test("Any inputs are read as they were written, from any of them on")
    func inputs() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let inputs = Self.randomInputs(20_000, seed: 6)
            let writer = try RecordingWriter(TraceFileWriter(creating: path, program: ""), description: "")
            for input in inputs { try writer.append(input) }
            #expect(writer.inputCount == 20_000)
            try writer.conclude(RunConclusion(position: 0, time: 0, text: ""))
            let recording = try Recording(path)
            #expect(recording.file.chunks(of: .inputs).count > 4)
            for first in [0, 1, 4000, 10_000, 19_999, 20_000, 30_000] {
                var reader = recording.inputs(from: UInt64(first))
                for place in inputs.indices.dropFirst(first) {
                    let next = try reader.next()
                    if next != inputs[place] {
                        Issue.record("input \(place) is \(String(describing: next)), and was \(inputs[place])")
                        return
                    }
                    #expect(reader.ordinal == UInt64(place) + 1)
                }
                #expect(try reader.next() == nil)
            }
        }
    }

    @Test("A recording goes on where it ended, with its inputs counted on")
    func goingOn() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let inputs = Self.randomInputs(3000, seed: 7)
            let writer = try RecordingWriter(TraceFileWriter(creating: path, program: ""), description: "a machine")
            for input in inputs[..<1000] { try writer.append(input) }
            let snapshot = try writer.snapshot(position: inputs[999].position, time: inputs[999].time)
            try snapshot.finish(MachineState())
            let end = RunConclusion(position: inputs[999].position, time: inputs[999].time, text: "you quit")
            try writer.conclude(end)
            #expect(try Recording(path).conclusion == end)
            for part in [1000..<2000, 2000..<3000] {
                let more = try RecordingWriter(goingOnWith: path, program: "")
                #expect(more.inputCount == UInt64(part.lowerBound))
                #expect(throws: TraceFileError.self) { try more.append(inputs[part.lowerBound - 500]) }
                for input in inputs[part] { try more.append(input) }
                let snapshot = try more.snapshot(position: 1 << 60, time: 1 << 60)
                try snapshot.finish(MachineState())
                try more.file.close()
            }
            let recording = try Recording(path)
            #expect(recording.conclusion == nil)
            var reader = recording.inputs()
            for input in inputs { #expect(try reader.next() == input) }
            #expect(recording.snapshots.snapshots.map(\.identifier) == [1, 2, 3])
            #expect(recording.snapshots.snapshots.map(\.inputCount) == [1000, 2000, 3000])
            try recording.check()
        }
    }

    @Test("Nothing waits longer than a second to be written")
    func age() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let writer = try RecordingWriter(TraceFileWriter(creating: path, program: ""), description: "")
            var now = ContinuousClock.now
            writer.now = { now }
            func written() throws -> Int { try TraceFileReader(path).chunks(of: .inputs).count }
            try writer.append(ExternalInput(position: 1, time: 1, .console(0, [65])))
            now += .milliseconds(999)
            try writer.append(ExternalInput(position: 2, time: 2, .console(0, [66])))
            try writer.flushIfDue()
            #expect(try written() == 0)
            now += .milliseconds(1)
            try writer.flushIfDue()
            #expect(try written() == 1)
            now += .seconds(10)
            try writer.flushIfDue()
            #expect(try written() == 1)
            try writer.append(ExternalInput(position: 3, time: 3, .console(0, [67])))
            try writer.flushIfDue()
            #expect(try written() == 1)
            now += .seconds(1)
            try writer.flushIfDue()
            #expect(try written() == 2)
        }
    }

    @Test("Inputs of unknown kinds are passed over if they may be, and else the replay is refused")
    func unknownInputs() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            for (kind, isOptional) in [(UInt8(0), false), (10, false), (0x7f, false), (0x80, true), (0xff, true)] {
                var payload: [UInt8] = [0, 3]
                payload.append(littleEndian: UInt64(5))
                payload.append(littleEndian: UInt64(5))
                for column in [[0, 1, 1], [0, 0, 3], [6, kind, 6], [0, 4, 0]] as [[UInt8]] {
                    payload.append(lengthAnd: column)
                }
                payload += [1, 2, 3, 4]
                let file = try TraceFileWriter(creating: path, program: "", replaces: true)
                try file.append(.description, position: 0, [])
                try file.append(.inputs, position: 5, payload)
                try file.close()
                var reader = try Recording(path).inputs()
                #expect(try reader.next() == ExternalInput(position: 5, time: 5, .timeAdvance))
                if isOptional {
                    #expect(try reader.next() == ExternalInput(position: 7, time: 8, .timeAdvance))
                    #expect(try reader.next() == nil)
                    #expect(reader.passedOver == 1)
                } else {
                    let error = #expect(throws: TraceFileError.self) { try reader.next() }
                    #expect(error?.problem == .unknownInput(kind))
                }
            }
        }
    }

    @Test("Hashes are read as they were written, from any place on, and only those of the method that is asked for")
    func hashes() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            var random = SplitMix64(seed: 8)
            var (position, time) = (UInt64(0), UInt64(0))
            let hashes = (0..<10_000).map { _ in
                position += random.chance(90) ? 1_000_000 : random.below(3_000_000 as UInt64)
                time += random.below(2_000_000 as UInt64)
                return RecordedHash(position: position, time: time, value: random.next())
            }
            let method = RecordedHash.Method(algorithm: 1, scope: .processors)
            let writer = try RecordingWriter(
                TraceFileWriter(creating: path, program: ""), description: "", hashes: method)
            for hash in hashes { try writer.append(hash) }
            try writer.conclude(RunConclusion(position: 0, time: 0, text: ""))
            let recording = try Recording(path)
            for first in [0, 1, 4095, 4096, 9000] {
                var reader = recording.hashes(from: hashes[first].position, by: method)
                let start = try #require(hashes.firstIndex { $0.position == hashes[first].position })
                for hash in hashes[start...] { #expect(try reader.next() == hash) }
                #expect(try reader.next() == nil)
            }
            var others = recording.hashes()
            #expect(try others.next() == nil)
        }
    }

    @Test(
        "What is hashed each million instructions takes less than 0.02 bytes for a thousand of them, and with idle time 0.5"
    )
    func sizes() throws {
        try TraceFiles.inFolder { folder in
            var random = SplitMix64(seed: 9)
            // A CPU that never waits, for ten thousand million instructions.
            let busy = try RecordingWriter(
                TraceFileWriter(creating: folder + "/busy", program: ""), description: "")
            for place in 1...10_000 as ClosedRange<UInt64> {
                try busy.append(
                    RecordedHash(position: place * 1_000_000, time: place * 1_000_000, value: random.next()))
            }
            try busy.conclude(RunConclusion(position: 0, time: 0, text: ""))
            let busySize = Double(try TraceFileReader(folder + "/busy").byteCount) / 10_000_000
            #expect(busySize < 0.02, "\(busySize) bytes for a thousand instructions")

            // A guest that wakes up each 4 ms for some thousand instructions, on a host that lets its time pass.
            let idle = try RecordingWriter(
                TraceFileWriter(creating: folder + "/idle", program: ""), description: "")
            var (position, time, hashed) = (UInt64(0), UInt64(0), UInt64(0))
            for _ in 0..<100_000 {
                let work = 8000 + random.below(8000 as UInt64)
                position += work
                time = (time / 4_000_000 + 1) * 4_000_000
                try idle.append(ExternalInput(position: position, time: time, .timeAdvance))
                time += work
                if position - hashed >= 1_000_000 {
                    hashed = position
                    try idle.append(RecordedHash(position: position, time: time, value: random.next()))
                }
            }
            try idle.conclude(RunConclusion(position: 0, time: 0, text: ""))
            let idleSize = Double(try TraceFileReader(folder + "/idle").byteCount) / (Double(position) / 1000)
            #expect(idleSize < 0.5, "\(idleSize) bytes for a thousand instructions")
        }
    }

    @Test("A file's digest is what sha256sum prints, and its contents come back")
    func resources() throws {
        try TraceFiles.inFolder { folder in
            var random = SplitMix64(seed: 10)
            for size in [0, 1, 64, 3_000_000] {
                let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                try TraceFiles.write(bytes, folder + "/image")
                let resource = try TraceResource(role: "drive", readingFrom: folder + "/image")
                let printed = try #require(try ExternalTool.run("sha256sum", ["@"], input: bytes))
                #expect(resource.digest?.description == String(decoding: printed.prefix(64), as: UTF8.self))
                let path = folder + "/\(size).orrery"
                let writer = try RecordingWriter(TraceFileWriter(creating: path, program: ""), description: "")
                try writer.append([resource, resource], contentOf: [1])
                try writer.file.close()
                let recording = try Recording(path)
                #expect(recording.resources[0] == resource)
                var read: [UInt8] = []
                #expect(try recording.content(of: recording.resources[0]) { _ in } == (size == 0))
                #expect(try recording.content(of: recording.resources[1]) { read += $0 })
                #expect(read == bytes)
            }
        }
    }

    @Test("A file that has changed since is refused by its name, its role and what differs")
    func changed() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/vmm.elf"
            try TraceFiles.write([1, 2, 3], path)
            let resource = try TraceResource(role: "kernel", readingFrom: path)
            try resource.expectUnchanged()
            try TraceFiles.write([1, 2, 4], path)
            var error = #expect(throws: InputError.self) { try resource.expectUnchanged() }
            #expect(error?.description.contains("vmm.elf: has changed since the run was recorded (kernel)") == true)
            try TraceFiles.write([1, 2, 3, 4], path)
            error = #expect(throws: InputError.self) { try resource.expectUnchanged() }
            #expect(
                error?.description.contains("is of 4 bytes, and was of 3 when the run was recorded (kernel)") == true)
            unlink(path)
            error = #expect(throws: InputError.self) { try resource.expectUnchanged() }
            #expect(error?.description.contains("No such file") == true)
        }
    }

    @Test("Payloads that are damaged are refused or read, and nothing else")
    func payloads() throws {
        var inputs = InputChunkEncoder()
        for input in SampleRecording().inputs { try inputs.append(input) }
        var hashes = HashChunkEncoder(RecordedHash.Method())
        for hash in SampleRecording().hashes { try hashes.append(hash) }
        var pages = MemoryPages(snapshot: 1, space: "memory")
        for page in 0..<6 as Range<UInt64> {
            try SampleRecording.page([1, 2, 0, 1, 3, 3][Int(page)]).withUnsafeBytes { try pages.append(page * 2, $0) }
        }
        var entry = SnapshotEntry(identifier: 2, parent: 1, position: 5, time: 6, inputCount: 7, name: "name", hash: 8)
        entry.stateChunks = [3..<4]
        entry.pageChunks = [0..<3, 5..<7]
        var resource = TraceResource(role: "kernel", path: "vmm.elf", size: 3, digest: SHA256Digest(of: [1, 2, 3]))
        resource.contentChunks = [1..<3]
        let corpus: [[UInt8]] = [
            inputs.take(), hashes.take(), pages.payload, entry.payload, TraceResource.payload([resource, resource]),
            SampleRecording().states[0].encoded(), SampleRecording().conclusion.payload,
        ]
        fuzz("payload", cases: 50_000, corpus: corpus) { bytes, random in
            var holds = true
            do throws(PayloadError) {
                var reader = PayloadReader(bytes)
                switch random.below(8) {
                case 0:
                    var decoder = try InputChunkDecoder(reader)
                    while true {
                        let next = try decoder.next()
                        if case .unknown = next { break }
                        if next == .end { break }
                    }
                case 1: _ = try HashChunk(&reader)
                case 2:
                    let pages = try MemoryPages(&reader)
                    for record in pages.records where record.kind != .zero {
                        let count = record.kind == .stored ? record.pages.count : 1
                        do throws(TraceFileError) {
                            try pages.withContents(record.contents..<record.contents + count) { _ in }
                        } catch {}
                    }
                case 3: _ = try SnapshotEntry(&reader, sequence: 9)
                case 4: _ = try TraceResource.list(&reader, sequence: 9)
                case 5:
                    let state = try MachineState(encoded: bytes)
                    // What is read can be written.
                    let again = try MachineState(encoded: state.encoded())
                    holds = state == again
                case 6: _ = try RunConclusion(&reader)
                default:
                    let index = TraceChunk(
                        type: .index, storedSize: 0, payloadSize: 0, sequence: random.below(20), position: 0,
                        offset: random.below(5000))
                    let chunks = try TraceFileIndex.chunks(bytes, of: index, start: 24)
                    holds = chunks.count <= 5000 / TraceChunk.headerSize
                }
            } catch {}
            try require(holds, "a state changes when it is written, or an index names more than there is room for")
        }
    }
}
