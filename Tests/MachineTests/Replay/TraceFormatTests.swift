import Foundation
import TestSupport
import Testing

@testable import Machine

/// The format is a promise: what was written once is read for ever, and by others.
@Suite("The format of trace files")
struct TraceFormatTests {
    private static let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Data").path

    /// Written by version 1.0 on the day when that was made, and never again:
    ///
    ///     ORRERY_WRITE_TRACE=FILE swift test --filter TraceFormatTests/committed
    @Test("Of a recording that was made on the first day, all is read as it was")
    func committed() throws {
        if let path = ProcessInfo.processInfo.environment["ORRERY_WRITE_TRACE"] {
            try TraceFiles.inFolder { folder in
                try SampleRecording().write(to: folder + "/t.orrery")
                try TraceFiles.write(try TraceFiles.read(folder + "/t.orrery"), path)
            }
        }
        let path = Self.data + "/version-1.0.orrery"
        #expect(try SampleRecording(reading: path) == SampleRecording())
        let recording = try Recording(path)
        #expect(recording.file.ending == .complete)
        #expect(recording.file.program == "orrery 0.1")
        // It is older than the field that says so.
        #expect(recording.revision == MachineRevision(1, program: "orrery 0.1"))
        #expect(
            recording.resources[0].digest?.description
                == "7c2f712a5b31004cd31b6fe611e12219b02a73755049a698be58fdfa32a856cf")
        #expect(recording.snapshots.snapshot(named: "booted")?.inputCount == 4)
        try recording.check()
    }

    @Test("A reader that was written from docs/trace-format.md in another language reads what ours reads")
    func independentReader() throws {
        try TraceFiles.inFolder { folder in
            try SampleRecording().write(to: folder + "/sample.orrery")
            for path in [Self.data + "/version-1.0.orrery", folder + "/sample.orrery"] {
                guard
                    let output = try ExternalTool.run(
                        "python3", [Self.data + "/read-trace.py", "@"], input: try TraceFiles.read(path)),
                    ExternalTool.path("zstd") != nil
                else {
                    #expect(
                        ExternalTool.path("python3") == nil || ExternalTool.path("zstd") == nil,
                        "read-trace.py failed; run it on \(path)")
                    return
                }
                let theirs = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
                #expect(theirs == (try Self.lines(Recording(path))))
            }
        }
    }

    /// What the other reader prints.
    private static func lines(_ recording: Recording) throws -> [String] {
        func hexadecimal(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        func hexadecimal(_ value: UInt64?) -> String { value.map { "0x" + String($0, radix: 16) } ?? "-" }
        var lines = [
            "program \(recording.file.program)", "description " + hexadecimal(Array(recording.description.utf8)),
        ]
        if !recording.file.chunks(of: .revision).isEmpty {
            lines.append("revision \(recording.revision.number) \(recording.revision.program)")
        }
        for resource in recording.resources {
            var bytes: [UInt8] = []
            let isHeld = try recording.content(of: resource) { bytes += $0 } && resource.hasContent
            let digest = try #require(resource.digest)
            lines.append(
                "file \(resource.role) \(resource.path) \(resource.size) \(digest) \(isHeld ? hexadecimal(bytes) : "-")"
            )
        }
        // Chunk by chunk, in the file's order.
        for chunk in recording.file.chunks {
            switch chunk.type {
            case .inputs:
                var decoder = try recording.file.decode(chunk) { (reader) throws(PayloadError) in
                    try InputChunkDecoder(reader)
                }
                while case .input(let input) = try decoder.next() {
                    var body: [UInt8] = []
                    input.event.append(to: &body)
                    lines.append("input \(input.position) \(input.time) \(input.kind.rawValue) \(hexadecimal(body))")
                }
            case .stateHashes:
                for hash in try RecordedHashes.read(chunk, of: recording.file).hashes {
                    lines.append("hash \(hash.position) \(hash.time) \(hexadecimal(hash.value))")
                }
            case .snapshot:
                let entry = try recording.file.decode(chunk) { (reader) throws(PayloadError) in
                    try SnapshotEntry(&reader, sequence: chunk.sequence)
                }
                lines.append(
                    "snapshot \(entry.identifier) \(entry.parent ?? 0) \(entry.position) \(entry.time) \(entry.inputCount) "
                        + "\(entry.name.isEmpty ? "-" : entry.name) \(hexadecimal(entry.hash))")
                let (state, spaces) = try SampleRecording.restore(entry.identifier, recording.snapshots)
                for (space, pages) in spaces.sorted(by: { $0.key < $1.key }) {
                    for (page, bytes) in pages.sorted(by: { $0.key < $1.key }) where bytes.contains(where: { $0 != 0 })
                    {
                        lines.append("page \(space) \(page) \(SHA256Digest(of: bytes))")
                    }
                }
                for section in state.sections {
                    lines.append("section \(section.name)")
                    for field in section.fields {
                        switch field.value {
                        case .word(let word): lines.append("field \(field.name) \(hexadecimal(word))")
                        case .bytes(let bytes): lines.append("field \(field.name) \(hexadecimal(bytes))")
                        }
                    }
                }
            case .conclusion:
                let end = try #require(recording.conclusion)
                lines.append("conclusion \(end.position) \(end.time) \(hexadecimal(end.hash?.value)) \(end.text)")
            default: break
            }
        }
        return lines
    }
}
