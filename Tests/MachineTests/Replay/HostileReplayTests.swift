import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

/// Whatever is done to a recording: its replay is the run that was recorded, or a part of it that is said to be one, or is
/// refused with a sentence. It is never another run, and never no end.
@Suite("Damaged recordings")
struct HostileReplayTests {
    /// Something done to a file.
    private enum Fault: Equatable, CustomStringConvertible {
        case cut(Int)
        case flip(bit: Int)
        case set(Int, UInt8)
        case swap(Int, Int)
        case `repeat`(Int)
        case drop(Int)
        case version(UInt16)

        var description: String {
            switch self {
            case .cut(let size): "cut to \(size) bytes"
            case .flip(let bit): "bit \(bit % 8) of byte \(bit / 8) flipped"
            case .set(let place, let value): "byte \(place) set to \(value)"
            case .swap(let a, let b): "chunks \(a) and \(b) exchanged"
            case .repeat(let chunk): "chunk \(chunk) doubled"
            case .drop(let chunk): "chunk \(chunk) left out"
            case .version(let version): "version \(version)"
            }
        }
    }

    /// A recording, and what its replay comes to.
    private final class Sample {
        let original: Session
        let bytes: [UInt8]
        let header: Int
        let chunks: [Range<Int>]
        let hash: UInt64
        let position: UInt64
        let printed: String
        let path: String

        init(_ original: Session, _ path: String) throws {
            self.original = original
            self.path = path
            var printed = ""
            original.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
            let recorder = try CountingGuest.recorder(original, path)
            for (number, text) in ["to be ", "or not\n"].enumerated() {
                original.console.receive(Array(text.utf8))
                if number == 0 { #expect(original.run(to: 9000) == .suspended) }
            }
            recorder.flush()
            #expect(original.port.deliver(.memoryEdit(0x8000_0900, [1, 2, 3])))
            #expect(original.run() == .exited(status: 0))
            recorder.conclude("the guest ended well")
            self.printed = printed
            hash = original.board.stateHash
            position = original.board.executed
            bytes = try TraceFiles.read(path)
            let reader = try TraceFileReader(path)
            header = Int(reader.start)
            chunks = reader.chunks.map { Int($0.offset)..<Int($0.end) }
        }

        func bytes(with faults: [Fault]) -> [UInt8] {
            var pieces = [Array(bytes[..<header])] + chunks.map { Array(bytes[$0]) }
            var whole: [UInt8]?
            for fault in faults {
                switch fault {
                case .swap(let a, let b): pieces.swapAt(a % chunks.count + 1, b % chunks.count + 1)
                case .repeat(let place): pieces.insert(pieces[place % chunks.count + 1], at: place % chunks.count + 1)
                case .drop(let place): pieces[place % chunks.count + 1] = []
                default:
                    var all = whole ?? pieces.flatMap(\.self)
                    switch fault {
                    case .cut(let size): all = Array(all.prefix(size))
                    case .flip(let bit) where !all.isEmpty: all[bit / 8 % all.count] ^= 1 << UInt8(bit % 8)
                    case .set(let place, let value) where !all.isEmpty: all[place % all.count] = value
                    case .version(let version) where all.count > 9:
                        (all[8], all[9]) = (UInt8(truncatingIfNeeded: version), UInt8(version >> 8))
                    default: break
                    }
                    whole = all
                }
            }
            return whole ?? pieces.flatMap(\.self)
        }

        /// What is wrong with how a replay of these bytes ends; nil where nothing is.
        func complaint(_ bytes: [UInt8]) throws -> String? {
            try TraceFiles.write(bytes, path)
            do {
                let recording = try Recording(path)
                var description = original.description
                // A replay that does not end is a fault as well.
                description.maxInstructions = Count(position * 4)
                let session = try Session(description, repeats: RecordedImages())
                var printed = ""
                session.console.listeners.append { printed += String(decoding: $0, as: UTF8.self) }
                let replayer = try RunReplayer(recording)
                session.companion = replayer
                let conclusion = session.run()
                if let failure = replayer.failure { throw failure }
                if case .diverged(let divergence) = conclusion {
                    return "\(divergence)".contains("\n") ? "the divergence has several lines" : nil
                }
                if recording.file.ending == .complete, recording.conclusion != nil {
                    if replayer.compareEnd(session) != nil { return nil }
                    guard conclusion == .exited(status: 0), session.board.stateHash == hash else {
                        return "it is another run, and nothing is said: \(conclusion)"
                    }
                    return printed == self.printed ? nil : "it printed something else: \(printed)"
                }
                guard self.printed.hasPrefix(printed) else { return "it printed something else: \(printed)" }
                // A file that is cut short says so.
                return conclusion == .instructionLimit ? "it has no end" : nil
            } catch let error as TraceFileError {
                let text = error.description
                return text.hasPrefix(path) && !text.contains("\n") ? nil : "the refusal says: \(text)"
            }
        }

        /// Fails with as few of the faults as are needed.
        func check(_ faults: [Fault]) throws {
            guard var found = try complaint(bytes(with: faults)) else { return }
            var needed = faults
            for fault in faults where needed.count > 1 {
                let fewer = needed.filter { $0 != fault }
                if let other = try complaint(bytes(with: fewer)) { (needed, found) = (fewer, other) }
            }
            Issue.record("\(needed.map(\.description).joined(separator: ", then ")): \(found)")
        }
    }

    private func withSample(_ body: (Sample) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try TinyGuest.load(EchoGuest.words, { $0.maxInstructions = nil }) { session in
                let sample = try Sample(session, directory + "/run.orrery")
                #expect(try sample.complaint(sample.bytes) == nil)
                try body(sample)
            }
        }
    }

    @Test("Cut at the edge of each chunk, a byte before it and a byte behind it")
    func cuts() throws {
        try withSample { sample in
            for edge in [0, sample.header] + sample.chunks.map(\.upperBound) {
                for size in [edge - 1, edge, edge + 1] where size >= 0 { try sample.check([.cut(size)]) }
            }
        }
    }

    @Test("With chunks in another order, doubled, or left out")
    func order() throws {
        try withSample { sample in
            for chunk in sample.chunks.indices {
                try sample.check([.repeat(chunk)])
                try sample.check([.drop(chunk)])
                for other in sample.chunks.indices where other > chunk { try sample.check([.swap(chunk, other)]) }
            }
        }
    }

    @Test("Of another version")
    func versions() throws {
        try withSample { sample in
            for version: UInt16 in [0, 2, 3, 0x100, .max] {
                let bytes = sample.bytes(with: [.version(version)])
                try TraceFiles.write(bytes, sample.path)
                let error = #expect(throws: TraceFileError.self) { try Recording(sample.path) }
                #expect(error?.description.contains("version \(version).0") ?? false)
            }
        }
    }

    @Test("With one to four faults of all kinds, hundreds of times")
    func faults() throws {
        try withSample { sample in
            #if DEBUG
            let cases: UInt64 = 300
            #else
            let cases: UInt64 = 2000
            #endif
            for seed in 0..<cases {
                var random = SplitMix64(seed: seed)
                let faults: [Fault] = (0...random.below(4)).map { _ in
                    switch random.below(9) {
                    case 0: .cut(random.below(sample.bytes.count + 1))
                    case 1, 2, 3: .flip(bit: random.below(sample.bytes.count * 8))
                    case 4, 5: .set(random.below(sample.bytes.count), UInt8(truncatingIfNeeded: random.next()))
                    case 6: .swap(random.below(99), random.below(99))
                    case 7: .repeat(random.below(99))
                    default: .drop(random.below(99))
                    }
                }
                try sample.check(faults)
            }
        }
    }

    @Test("Made on purpose, with right checksums: each field of each chunk changed in turn")
    func forged() throws {
        try withSample { sample in
            for (number, chunk) in sample.chunks.enumerated() {
                let type = ChunkType(rawValue: sample.bytes.littleEndian(at: chunk.lowerBound, as: UInt32.self))
                guard ![.index, .footer, .resourceContent].contains(type) else { continue }
                let start = chunk.lowerBound + TraceChunk.headerSize
                let step = max((chunk.upperBound - start) / 40, 1)
                for place in stride(from: start, to: chunk.upperBound, by: step) {
                    for value: UInt8 in [0, 0x7f, 0xff] {
                        var bytes = sample.bytes
                        bytes[place] = value
                        Self.repair(&bytes, chunk)
                        // What is recorded of the run may be another one's now: that is another recording, and not known
                        // from the outside. It comes to an end all the same, or is refused.
                        let found = try sample.complaint(bytes)
                        #expect(
                            found == nil || found!.hasPrefix("it is another run") || found!.hasPrefix("it printed"),
                            "chunk \(number) (\(type)), byte \(place - start) set to \(value): \(found!)")
                    }
                }
            }
        }
    }

    private static func repair(_ bytes: inout [UInt8], _ chunk: Range<Int>) {
        for (place, range) in [
            (32, chunk.lowerBound + TraceChunk.headerSize..<chunk.upperBound),
            (36, chunk.lowerBound..<chunk.lowerBound + 36),
        ] {
            var word: [UInt8] = []
            word.append(littleEndian: checksum(bytes[range]))
            bytes.replaceSubrange(chunk.lowerBound + place..<chunk.lowerBound + place + 4, with: word)
        }
    }
}
