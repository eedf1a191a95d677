import Foundation
import TestSupport
import Testing

@testable import Machine

/// No file makes the reader crash, ask for memory without bound, or read what was not written.
@Suite("Damaged trace files")
struct TraceFileDamageTests {
    /// The bytes of a small recording with something of everything.
    private static let sample: [UInt8] = {
        var bytes: [UInt8] = []
        try? TraceFiles.inFolder { folder in
            try SampleRecording().write(to: folder + "/t.orrery")
            bytes = try TraceFiles.read(folder + "/t.orrery")
        }
        return bytes
    }()

    /// The chunks of a file and what they hold, as far as they can be read: nil where the file or one of them is refused.
    private func contents(_ bytes: [UInt8], _ path: String) throws -> (
        chunks: [[UInt8]], ending: TraceFileReader.Ending
    )? {
        try TraceFiles.write(bytes, path)
        do throws(TraceFileError) {
            let reader = try TraceFileReader(path)
            var all: [[UInt8]] = []
            for chunk in reader.chunks where ![.index, .footer].contains(chunk.type) {
                all.append(try reader.payload(of: chunk))
            }
            return (all, reader.ending)
        } catch {
            let text = error.description
            try require(text.hasPrefix(path) && !text.contains("\n") && text.utf8.count < 1000, "bad error: \(text)")
            return nil
        }
    }

    @Test("Cut after any byte, a file is read up to its last whole chunk and said to have ended early")
    func truncation() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let whole = try #require(try contents(Self.sample, path))
            let reader = try TraceFileReader(path)
            let ends = reader.chunks.map(\.end)
            for size in 0..<Self.sample.count {
                let cut = try contents(Array(Self.sample[..<size]), path)
                guard size >= Int(reader.start) else {
                    #expect(cut == nil)
                    continue
                }
                let count = ends.filter { $0 <= UInt64(size) }.count
                let bytes = UInt64(size) - (count == 0 ? reader.start : ends[count - 1])
                #expect(
                    cut?.ending == .early(.init(wholeChunks: UInt64(count), unreadableBytes: bytes, isTorn: true)),
                    "cut to \(size) bytes")
                let data = reader.chunks[..<count].filter { ![.index, .footer].contains($0.type) }.count
                #expect(cut?.chunks == Array(whole.chunks[..<data]), "cut to \(size) bytes")
            }
        }
    }

    @Test("With any one bit flipped, a file is refused or has the contents that it had")
    func bitFlips() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            _ = try TraceFiles.random(path, seed: 5, chunks: 4)
            let small = try TraceFiles.read(path)
            let whole = try #require(try contents(small, path))
            var (refused, same) = (0, 0)
            for bit in 0..<small.count * 8 {
                var bytes = small
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                guard let found = try contents(bytes, path) else {
                    refused += 1
                    continue
                }
                same += 1
                #expect(found.chunks == whole.chunks, "bit \(bit) of the file")
            }
            // The index and the footer are all that can be done without.
            #expect(refused > same && same > 0, "\(refused) were refused, \(same) were not")
        }
    }

    @Test("With a bit of any byte flipped, a recording is refused or is the one that it was")
    func recordingBitFlips() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let sample = SampleRecording()
            for place in Self.sample.indices {
                var bytes = Self.sample
                bytes[place] ^= 1 << UInt8(place % 8)
                try TraceFiles.write(bytes, path)
                do {
                    #expect(try SampleRecording(reading: path) == sample, "byte \(place) of the file")
                } catch is TraceFileError {}
            }
        }
    }

    @Test("Chunks that were dropped, doubled, or put in another order are seen, with the footer and without")
    func otherOrder() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            try TraceFiles.write(Self.sample, path)
            let reader = try TraceFileReader(path)
            let header = Array(Self.sample[..<Int(reader.start)])
            let pieces = reader.chunks.map { Array(Self.sample[Int($0.offset)..<Int($0.end)]) }
            let whole = try #require(try contents(Self.sample, path))
            var variants: [[Int]] = []
            let all = Array(pieces.indices)
            for keep in [all.count, all.count - 1] {
                let some = Array(all[..<keep])
                for place in some.indices.dropLast() {
                    variants.append(some.filter { $0 != place })
                    variants.append(Array(some[...place] + some[place...]))
                    var swapped = some
                    swapped.swapAt(place, place + 1)
                    variants.append(swapped)
                }
            }
            for variant in variants {
                let bytes = header + variant.flatMap { pieces[$0] }
                guard let found = try contents(bytes, path) else { continue }
                // A last chunk that is missing is one that was never written.
                #expect(
                    found.chunks == whole.chunks
                        || (found.ending != .complete && whole.chunks.starts(with: found.chunks)),
                    "chunks \(variant)")
                #expect(found.ending != .complete, "chunks \(variant)")
            }
        }
    }

    @Test("Chunks of one size that change places are seen, though the index still leads to chunks that are whole")
    func exchange() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let writer = try TraceFileWriter(creating: path, program: "")
            for place in 0..<4 as Range<UInt8> {
                try writer.append(.inputs, position: 7, level: 0, [UInt8](repeating: place, count: 50))
            }
            try writer.close()
            let bytes = try TraceFiles.read(path)
            let chunks = try TraceFileReader(path).chunks.map { Int($0.offset)..<Int($0.end) }
            for place in 0..<3 {
                var other = bytes
                other.replaceSubrange(chunks[place], with: bytes[chunks[place + 1]])
                #expect(try contents(other, path) == nil, "chunk \(place) is chunk \(place + 1)")
                other.replaceSubrange(chunks[place + 1], with: bytes[chunks[place]])
                #expect(try contents(other, path) == nil, "chunks \(place) and \(place + 1) have changed places")
            }
        }
    }

    @Test("Two files, one behind the other, are not one")
    func concatenation() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let whole = try #require(try contents(Self.sample, path))
            let both = try contents(Self.sample + Self.sample, path)
            #expect(both?.chunks == whole.chunks)
            #expect(both?.ending != .complete)
        }
    }

    @Test("What says that it is huge is refused before memory is asked for")
    func hugeSizes() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let header = TraceFileFormat.header(program: "")
            let compressor = try #require(ZstandardCompressor())
            var frame = [UInt8](repeating: 0, count: 1 << 16)
            // 32 MiB of zeros are a frame of about one KiB.
            let size = [UInt8](repeating: 0, count: 1 << 25).withUnsafeBytes { source in
                frame.withUnsafeMutableBytes { compressor.compress(source, into: $0, level: 3) }
            }
            frame.removeLast(frame.count - (try #require(size)))
            let limit = UInt32(TraceFileFormat.payloadLimit)
            for (stored, payload) in [
                (UInt32(frame.count), UInt32(1 << 25)), (UInt32(frame.count), limit), (UInt32(frame.count), 5000),
                (.max, .max), (.max, limit), (limit, limit), (UInt32(frame.count), .max),
            ] {
                let chunk = TraceChunk(
                    type: .inputs, compression: TraceChunk.Compression.zstandard, storedSize: stored,
                    payloadSize: payload, sequence: 0, position: 0, offset: UInt64(header.count))
                let bytes = header + chunk.header(storedChecksum: checksum(frame)) + frame
                let read = try contents(bytes, path)
                #expect(read == nil || read?.chunks == [], "\(stored) bytes that are said to be \(payload)")
            }
        }
    }

    @Test("Damage of all kinds, in files with right checksums too")
    func damage() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            fuzz("trace file", cases: 3000, corpus: [Self.sample]) { bytes, random in
                var bytes = bytes
                if random.chance(70) { Self.repair(&bytes) }
                guard try contents(bytes, path) != nil else { return }
                do { _ = try SampleRecording(reading: path) } catch is TraceFileError {} catch is Violation {}
                do { try Recording(path).check() } catch is TraceFileError {}
            }
        }
    }

    /// Gives each chunk that is still where its neighbour ends right checksums, as whoever makes a file on purpose does.
    private static func repair(_ bytes: inout [UInt8]) {
        var offset = TraceFileFormat.header(program: "orrery 0.1").count
        while offset + TraceChunk.headerSize <= bytes.count {
            let size = Int(bytes.littleEndian(at: offset + 8, as: UInt32.self))
            let start = offset + TraceChunk.headerSize
            guard size <= bytes.count - start else { return }
            var words: [UInt8] = []
            words.append(littleEndian: checksum(bytes[start..<start + size]))
            bytes.replaceSubrange(offset + 32..<offset + 36, with: words)
            words = []
            words.append(littleEndian: checksum(bytes[offset..<offset + 36]))
            bytes.replaceSubrange(offset + 36..<offset + 40, with: words)
            offset = start + size
        }
    }
}
