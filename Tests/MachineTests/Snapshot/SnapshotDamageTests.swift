import Foundation
import TestSupport
import Testing

@testable import Machine

/// Files of snapshots that are not what was written. Whatever is done to one: who starts from it is told, or has the machine
/// that was saved.
@Suite("Damaged snapshots of machines")
struct SnapshotDamageTests {
    /// What becomes of a machine that starts from a file's last snapshot.
    private enum Outcome: Equatable {
        case refused(String)
        case ran(hash: UInt64)
    }

    private static func start(_ path: String, _ description: MachineDescription) -> Outcome {
        do {
            let store = try Recording(path).snapshots
            let entry = try store.snapshot(meaning: nil)
            let session = try Session(description, from: MachineSnapshot(entry, of: store))
            _ = session.run(to: 9_000)
            return .ran(hash: session.board.stateHash)
        } catch { return .refused("\(error)") }
    }

    /// A file with two snapshots, and the hashes of what runs from each come to.
    private static func withFile(
        _ body: (_ bytes: [UInt8], _ path: String, MachineDescription, _ last: UInt64, _ first: UInt64) throws -> Void
    ) throws {
        try TinyGuest.load(
            SnapshotFileTests.counter,
            { ($0.maxInstructions, $0.engine, $0.memory) = (nil, .interpreter, ByteCount(256 << 10)) }
        ) { session in
            try ExternalTool.withTemporaryDirectory { folder in
                let path = folder + "/s.orrery"
                let keeper = try SnapshotKeeper(session, in: path, SnapshotFileTests.recipe)
                #expect(session.run(to: 1_000) == .suspended)
                try keeper.save("first")
                #expect(session.run(to: 5_000) == .suspended)
                try keeper.save("last")
                try keeper.close()
                #expect(session.run(to: 9_000) == .suspended)
                let hash = session.board.stateHash
                try body([UInt8](Data(contentsOf: URL(fileURLWithPath: path))), path, session.description, hash, hash)
            }
        }
    }

    @Test("A file that was cut, or changed at any place, is refused with a reason, or gives the machine that was saved")
    func mutations() throws {
        try Self.withFile { bytes, path, description, hash, _ in
            #expect(Self.start(path, description) == .ran(hash: hash))
            var random = SplitMix64(seed: 2026)
            var refused = 0
            for number in 0..<400 {
                var damaged = bytes
                let what: String
                switch number % 5 {
                case 0:
                    let bit = random.below(bytes.count * 8)
                    damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                    what = "bit \(bit) flipped"
                case 1:
                    let length = random.below(bytes.count)
                    damaged = Array(bytes.prefix(length))
                    what = "cut to \(length) bytes"
                case 2:
                    let place = random.below(bytes.count), count = min(1 + random.below(300), bytes.count - place)
                    for index in place..<place + count { damaged[index] = UInt8(truncatingIfNeeded: random.next()) }
                    what = "\(count) bytes at \(place) are others"
                case 3:
                    let place = random.below(bytes.count), count = min(1 + random.below(300), bytes.count - place)
                    damaged.removeSubrange(place..<place + count)
                    what = "\(count) bytes at \(place) are missing"
                default:
                    let from = random.below(bytes.count), to = random.below(bytes.count), count = random.below(2_000)
                    damaged.insert(contentsOf: bytes[from..<min(from + count, bytes.count)], at: to)
                    what = "\(count) bytes of \(from) are at \(to), too"
                }
                try Data(damaged).write(to: URL(fileURLWithPath: path))
                switch Self.start(path, description) {
                case .refused(let why):
                    refused += 1
                    #expect(why.hasPrefix(path), "\(what): \(why)")
                case .ran(let other):
                    #expect(other == hash, "\(what): another run")
                }
            }
            #expect(refused > 200, "\(refused) of 400")
        }
    }

    @Test("Chunks that are exchanged, dropped or doubled, each whole in itself, are found")
    func chunks() throws {
        try Self.withFile { bytes, path, description, hash, _ in
            let file = try TraceFileReader(path)
            let parts = file.chunks.map { Array(bytes[Int($0.offset)..<Int($0.offset) + 40 + Int($0.storedSize)]) }
            let header = Array(bytes[..<Int(file.chunks[0].offset)])
            var random = SplitMix64(seed: 7)
            for _ in 0..<120 {
                var new = parts
                let (a, b) = (random.below(new.count), random.below(new.count))
                switch random.below(3) {
                case 0: new.swapAt(a, b)
                case 1: new.remove(at: a)
                default: new.insert(new[a], at: b)
                }
                try Data(header + new.joined()).write(to: URL(fileURLWithPath: path))
                if case .ran(let other) = Self.start(path, description) {
                    #expect(other == hash, "chunks \(a) and \(b)")
                }
            }
        }
    }

    @Test("A file of another major version says which program reads it, and one of a later minor version is read")
    func versions() throws {
        try Self.withFile { bytes, path, description, hash, _ in
            func with(_ major: UInt16, _ minor: UInt16) throws -> Outcome {
                var header = Array(bytes[..<Int(bytes.littleEndian(at: 12, as: UInt32.self) - 4)])
                header.replaceSubrange(8..<12, with: [UInt8(major), 0, UInt8(minor), 0])
                let sum = checksum(header)
                for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
                    header.append(UInt8(truncatingIfNeeded: sum >> shift))
                }
                try Data(header + bytes[header.count...]).write(to: URL(fileURLWithPath: path))
                return Self.start(path, description)
            }
            guard case .refused(let newer) = try with(2, 0), case .refused(let older) = try with(0, 9) else {
                Issue.record("another version was read")
                return
            }
            #expect(newer.contains("A newer orrery made it") && older.contains("An older orrery made it"))
            #expect(try with(1, 7) == .ran(hash: hash))
        }
    }

    @Test("A snapshot whose every chunk is right, and that is not what was hashed, is refused")
    func otherContents() throws {
        try Self.withFile { _, path, description, _, _ in
            let recording = try Recording(path)
            let entry = try recording.snapshots.snapshot(meaning: "first")
            var pages: [(UInt64, [UInt8])] = []
            let state = try recording.snapshots.restore(entry.identifier) { (given) throws(TraceFileError) in
                guard case .bytes(let bytes) = given.contents else { return }
                for (index, page) in given.range.enumerated() {
                    pages.append((page, Array(bytes[index * 4096..<(index + 1) * 4096])))
                }
            }
            func write(_ change: (inout [(UInt64, [UInt8])], inout MachineState, inout UInt64) -> Void) throws
                -> Outcome
            {
                var (pages, state, position) = (pages, state, entry.position)
                change(&pages, &state, &position)
                let file = try TraceFileWriter(creating: path, program: "", replaces: true)
                let writer = try RecordingWriter(file, description: "")
                let snapshot = try writer.snapshot(position: position, time: entry.time, hash: entry.hash)
                for (page, bytes) in pages.sorted(by: { $0.0 < $1.0 }) {
                    try bytes.withUnsafeBytes { try snapshot.append(page: page, $0) }
                }
                try snapshot.finish(state)
                try file.close()
                return Self.start(path, description)
            }
            func expect(
                _ words: String, at location: SourceLocation = #_sourceLocation,
                _ change: (inout [(UInt64, [UInt8])], inout MachineState, inout UInt64) -> Void
            ) throws {
                let outcome = try write(change)
                if case .refused(let why) = outcome, why.contains(words) { return }
                Issue.record("expected a refusal with \"\(words)\": \(outcome)", sourceLocation: location)
            }
            guard case .ran = try write({ _, _, _ in }) else {
                Issue.record("what was read is not what is written")
                return
            }
            try expect("was hashed") { pages, _, _ in pages[pages.count - 1].1[9] ^= 1 }
            try expect("is said to be of instruction") { _, _, position in position += 1 }
            try expect("has memory at") { pages, _, _ in pages[0].0 = 1 << 40 }
            try expect("is missing") { _, state, _ in state.sections.removeLast() }
            try expect("is damaged") { _, state, _ in state.sections[0].fields[1].value = .bytes([1]) }
        }
    }
}
