import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Trace files")
struct TraceFileTests {
    @Test("What is appended is read again, chunk by chunk, in any order", arguments: [0, 1, 7, 100, 9000])
    func roundTrip(_ count: Int) throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let contents = try TraceFiles.random(path, seed: UInt64(count), chunks: count)
            let reader = try TraceFileReader(path)
            #expect(reader.ending == .complete)
            #expect(reader.program == "a test")
            let chunks = reader.chunks(of: .inputs)
            #expect(chunks.count == count)
            var random = SplitMix64(seed: 1)
            for place in Array(chunks.indices).shuffled(using: &random).prefix(500) {
                #expect(try reader.payload(of: chunks[place]) == contents[place])
                #expect(chunks[place].position == UInt64(place) * 10)
            }
            try reader.check()
            #expect(reader.chunks.last?.end == reader.byteCount)
            // One index for so many chunks, and one at the end.
            #expect(reader.chunks(of: .index).count == count / (TraceFileFormat.chunksInIndex - 1) + 1)
        }
    }

    @Test("A file that was closed can be added to any number of times, and grows only at its end")
    func appending() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            var contents = try TraceFiles.random(path, seed: 1, chunks: 3)
            var random = SplitMix64(seed: 2)
            for _ in 0..<5 {
                let before = try TraceFiles.read(path)
                let writer = try TraceFileWriter(appendingTo: path)
                for _ in 0..<random.below(4) {
                    contents.append(TraceFiles.contents(&random))
                    try writer.append(.inputs, position: 1000, contents[contents.count - 1])
                }
                try writer.close()
                #expect(try TraceFiles.read(path).starts(with: before))
                let reader = try TraceFileReader(path)
                #expect(reader.ending == .complete)
                #expect(try reader.chunks(of: .inputs).map { try reader.payload(of: $0) } == contents)
                try reader.check()
            }
        }
    }

    @Test("A file that was cut short is added to behind its last whole chunk")
    func appendingToTorn() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let contents = try TraceFiles.random(path, seed: 3, chunks: 6, closes: false)
            let whole = try TraceFiles.read(path)
            let last = try #require(try TraceFileReader(path).chunks.last)
            for size in [Int(last.offset) + 1, Int(last.offset) + 39, whole.count - 1, whole.count] {
                try TraceFiles.write(Array(whole[..<size]), path)
                let writer = try TraceFileWriter(appendingTo: path)
                #expect(writer.chunkCount == (size == whole.count ? 6 : 5))
                try writer.append(.inputs, position: 9, [1, 2, 3])
                try writer.close()
                let reader = try TraceFileReader(path)
                #expect(reader.ending == .complete)
                let expected = Array(contents[..<(size == whole.count ? 6 : 5)]) + [[1, 2, 3]]
                #expect(try reader.chunks(of: .inputs).map { try reader.payload(of: $0) } == expected)
                try reader.check()
            }
        }
    }

    @Test("A file whose end is no torn chunk is not added to, and left as it is")
    func appendingToDamaged() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            _ = try TraceFiles.random(path, seed: 3, chunks: 6, closes: false)
            var bytes = try TraceFiles.read(path)
            bytes[Int(try TraceFileReader(path).chunks[3].offset)] ^= 1
            try TraceFiles.write(bytes, path)
            #expect(throws: TraceFileError.self) { try TraceFileWriter(appendingTo: path) }
            #expect(try TraceFiles.read(path) == bytes)
        }
    }

    @Test("Of a file that ended early, a damaged chunk at the end is gone, and one before it is an error if read")
    func damagedChunks() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let contents = try TraceFiles.random(path, seed: 12, chunks: 12, closes: false)
            let bytes = try TraceFiles.read(path)
            let chunks = try TraceFileReader(path).chunks
            let (middle, last) = (try #require(chunks.dropLast(2).last { $0.storedSize > 0 }), chunks[11])
            try #require(last.storedSize > 0)
            for hasMiddle in [false, true] {
                var bytes = bytes
                bytes[Int(last.end) - 1] ^= 0x10
                if hasMiddle { bytes[Int(middle.end) - 1] ^= 0x10 }
                try TraceFiles.write(bytes, path)
                let reader = try TraceFileReader(path)
                let rest = last.end - last.offset
                #expect(reader.ending == .early(.init(wholeChunks: 11, unreadableBytes: rest, isTorn: false)))
                #expect(reader.damagedChunks == (hasMiddle ? [middle.sequence] : []))
                for chunk in reader.chunks where !hasMiddle || chunk != middle {
                    #expect(try reader.payload(of: chunk) == contents[Int(chunk.sequence)])
                }
                guard hasMiddle else { continue }
                #expect(throws: TraceFileError.self) { try reader.payload(of: middle) }
                #expect(throws: TraceFileError.self) { try reader.check() }
            }
        }
    }

    @Test("Zeros after the last chunk, as a crash of the host leaves them, are a recording that ended early")
    func zeros() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let contents = try TraceFiles.random(path, seed: 4, chunks: 6, closes: false)
            try TraceFiles.write(try TraceFiles.read(path) + [UInt8](repeating: 0, count: 5000), path)
            let reader = try TraceFileReader(path)
            #expect(
                reader.ending == .early(.init(wholeChunks: 6, unreadableBytes: 5000, isTorn: true)))
            #expect(try reader.chunks.map { try reader.payload(of: $0) } == contents)
            #expect(
                reader.ending.warning
                    == "the recording ended early: 6 chunks are whole, and 5,000 bytes after them cannot be read")
        }
    }

    @Test("Two writers do not write one file")
    func locking() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let writer = try TraceFileWriter(creating: path, program: "a test")
            #expect(throws: TraceFileError(file: path, .inUse)) { try TraceFileWriter(appendingTo: path) }
            #expect(throws: TraceFileError(file: path, .inUse)) {
                try TraceFileWriter(creating: path, program: "another", replaces: true)
            }
            try writer.append(.inputs, position: 0, [1])
            try writer.close()
            try TraceFileWriter(appendingTo: path).close()
            #expect(try TraceFileReader(path).chunks(of: .inputs).count == 1)
        }
    }

    @Test("A file that is there is not written over unless that is asked for")
    func overwriting() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            try TraceFiles.write([1, 2, 3], path)
            let error = #expect(throws: TraceFileError.self) { try TraceFileWriter(creating: path, program: "") }
            #expect(
                error?.description == "\(path): cannot be written: File exists. Give another name, or remove the file.")
            #expect(try TraceFiles.read(path) == [1, 2, 3])
            try TraceFileWriter(creating: path, program: "", replaces: true).close()
            #expect(try TraceFileReader(path).chunks.count == 2)
        }
    }

    @Test("What is no regular file, or none at all, is refused and not waited for")
    func otherFiles() throws {
        try TraceFiles.inFolder { folder in
            mkfifo(folder + "/pipe", 0o600)
            try TraceFiles.write([], folder + "/empty")
            for (path, problem) in [
                (folder, TraceFileError.Problem.unreadable(EISDIR)), (folder + "/pipe", .unreadable(ESPIPE)),
                (folder + "/nothing", .unreadable(ENOENT)), (folder + "/empty", .notTraceFile),
                (folder + "/\0", .unreadable(EINVAL)),
            ] {
                #expect(throws: TraceFileError(file: path, problem)) { try TraceFileReader(path) }
            }
        }
    }

    // MARK: Versions

    /// A file with another version, and a right checksum.
    private func file(major: UInt16, minor: UInt16, extra: [UInt8] = []) -> [UInt8] {
        let known = TraceFileFormat.header(program: "orrery of another day")
        var bytes = Array(known[..<(known.count - 4)]) + extra
        bytes.replaceSubrange(8..<16, with: [])
        var words: [UInt8] = []
        words.append(littleEndian: major)
        words.append(littleEndian: minor)
        words.append(littleEndian: UInt32(known.count + extra.count))
        bytes.insert(contentsOf: words, at: 8)
        bytes.append(littleEndian: checksum(bytes))
        return bytes
    }

    @Test("Another major version is refused, with what reads it; a later minor one, with more in its header, is read")
    func versions() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            for (major, mend) in [(UInt16(0), "An older"), (2, "A newer"), (0xffff, "A newer")] {
                try TraceFiles.write(file(major: major, minor: 3), path)
                let error = #expect(throws: TraceFileError(file: path, .version(major, 3))) {
                    try TraceFileReader(path)
                }
                #expect(error?.description.contains("\(mend) orrery made it") == true)
            }
            let chunk = TraceChunk(type: .inputs, storedSize: 0, payloadSize: 0, sequence: 0, position: 5, offset: 0)
            let bytes = file(major: 1, minor: 9, extra: [1, 2, 3]) + chunk.header(storedChecksum: checksum([]))
            try TraceFiles.write(bytes, path)
            let reader = try TraceFileReader(path)
            #expect(reader.version.minor == 9)
            #expect(reader.program == "orrery of another day")
            #expect(reader.chunks.map(\.position) == [5])
        }
    }

    @Test("A chunk of an unknown type is passed over if it is optional, and else the file is refused")
    func unknownChunks() throws {
        try TraceFiles.inFolder { folder in
            for isOptional in [true, false] {
                for closes in [true, false] {
                    let path = folder + "/\(isOptional)\(closes)"
                    let type = ChunkType("Nyet")
                    let writer = try TraceFileWriter(creating: path, program: "a test")
                    try writer.append(.inputs, position: 0, [1])
                    try writer.append(type, position: 1, isOptional: isOptional, [2])
                    try writer.append(.inputs, position: 2, [3])
                    if closes { try writer.close() }
                    if isOptional {
                        let reader = try TraceFileReader(path)
                        #expect(try reader.chunks(of: .inputs).map { try reader.payload(of: $0) } == [[1], [3]])
                        try reader.check()
                    } else {
                        let error = #expect(throws: TraceFileError.self) { try TraceFileReader(path) }
                        #expect(error?.problem == .unknownChunk(type))
                        #expect(error?.description.contains("a chunk (Nyet) that this program does not know") == true)
                    }
                }
            }
        }
    }

    @Test("Compression and flags of a later day are refused as an unknown type is")
    func unknownFeatures() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            for (flags, compression, isRead) in [
                (UInt8(0), UInt8(2), false), (2, 0, false), (1, 2, true), (3, 0, true), (0, 0, true),
            ] {
                let header = TraceFileFormat.header(program: "")
                let chunk = TraceChunk(
                    type: .inputs, flags: flags, compression: compression, storedSize: 1,
                    payloadSize: compression == 0 ? 1 : 2, sequence: 0, position: 0, offset: UInt64(header.count))
                try TraceFiles.write(header + chunk.header(storedChecksum: checksum([7])) + [7], path)
                if isRead {
                    let reader = try TraceFileReader(path)
                    #expect(reader.chunks(of: .inputs).count == (compression == 0 && flags < 2 ? 1 : 0))
                    try reader.check()
                } else {
                    #expect(throws: TraceFileError.self) { try TraceFileReader(path) }
                }
            }
        }
    }

    @Test("A chunk larger than the format allows is a fault of the caller, and the file goes on")
    func tooLarge() throws {
        try TraceFiles.inFolder { folder in
            let path = folder + "/t.orrery"
            let writer = try TraceFileWriter(creating: path, program: "")
            let limit = [UInt8](repeating: 5, count: TraceFileFormat.payloadLimit)
            #expect(throws: TraceFileError.self) { try writer.append(.inputs, position: 0, limit + [1]) }
            try writer.append(.inputs, position: 0, limit)
            try writer.close()
            let reader = try TraceFileReader(path)
            #expect(try reader.payload(of: reader.chunks[0]) == limit)
        }
    }
}
