import Foundation
import Machine
import TestSupport
import Testing

@testable import CLI

/// `orrery trace info` on the recording of Tests/MachineTests/Replay, whose contents are written down there.
@Suite("orrery trace")
struct TraceCommandTests {
    private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("MachineTests/Replay/Data/version-1.0.orrery").path

    private func summary(_ path: String = path) throws -> TraceSummary { try TraceSummary(Recording(path)) }

    /// Lines with single blanks.
    private func lines(_ summary: TraceSummary, isColoured: Bool = false) -> [String] {
        TraceReport.text(summary, isColoured: isColoured).split(separator: "\n").map {
            $0.split(separator: " ").joined(separator: " ")
        }
    }

    @Test("A recording alone is asked what it holds")
    func recordingAlone() throws {
        let command = try TraceCommand.parseAsRoot([Self.path])
        #expect((command as? TraceCommand.Info)?.file == Self.path, "it is not `orrery trace info FILE`")
    }

    @Test("How far a run is run again says what the rest will take; nothing before it has begun, or beyond its end")
    func progress() {
        let progress = ReplayProgress(1000..<2000)
        #expect(progress.text(1250, seconds: 5) == "25 % of 1,000 instructions, 15 s to go")
        #expect(progress.text(1000, seconds: 5) == nil)
        #expect(progress.text(2000, seconds: 5) == nil)
        #expect(ReplayProgress(7..<7).text(7, seconds: 1) == nil)
    }

    @Test("Calls are followed in short runs, and in long ones where that is asked for")
    func callers() throws {
        let recording = try Recording(Self.path)
        #expect(recording.range.count > 100_000_000, "the recording is of a long run")
        #expect(try CallerOptions.parse([]).source(recording) == .pointers)
        #expect(try CallerOptions.parse(["--stacks", "calls"]).source(recording) == .calls)
    }

    @Test("The summary says what the recording holds, how long it is, and whether it is whole")
    func text() throws {
        let lines = lines(try summary())
        for line in [
            "whole yes", "length 1,099,511,627,776 instructions, 2199.023255552 s of the machine's time",
            "ended you quit",
            "1 console", "1 console break", "1 network frame", "1 network link", "1 keyboard or pointer",
            "1 passing of idle time", "1 monitor command", "1 memory edit", "1 register edit",
            "state hashes 40", "format 1.0, written by orrery 0.1", "machine: riscv-virt",
            "1 booted at instruction 12,345, 0.001006173 s",
            "2 - at instruction 1,099,511,627,776, 2199.023255552 s builds on 1",
        ] {
            #expect(lines.contains(line), "\"\(line)\" is not in \(lines)")
        }
        // Digests are those that sha256sum prints of "the kernel", and of nothing.
        #expect(
            lines.contains {
                $0.hasPrefix("kernel ")
                    && $0.hasSuffix(
                        " vmm.elf 10 bytes sha256 7c2f712a5b31004cd31b6fe611e12219b02a73755049a698be58fdfa32a856cf in this file"
                    )
            })
        #expect(
            lines.contains {
                $0.hasSuffix(
                    "disk.img 0 bytes sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            })
        #expect(!TraceReport.text(try summary(), isColoured: false).contains("\u{1b}"))
        #expect(TraceReport.text(try summary(), isColoured: true).contains("\u{1b}[1msnapshots\u{1b}[0m"))
    }

    @Test("JSON says the same, to a parser that is not ours")
    func json() throws {
        let text = TraceReport.json(try summary()).text
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["whole"] as? Bool == true)
        #expect(object["instructions"] as? UInt64 == 1 << 40)
        #expect((object["conclusion"] as? [String: Any])?["hash"] as? String == "0x123456789abcdef0")
        #expect((object["inputs"] as? [String: Int])?["console break"] == 1)
        #expect((object["files"] as? [[String: Any]])?.map { $0["bytes"] as? Int } == [10, 0])
        #expect((object["snapshots"] as? [[String: Any]])?.map { $0["name"] as? String } == ["booted", ""])
        #expect((object["snapshots"] as? [[String: Any]])?.last?["parent"] as? Int == 1)
    }

    @Test("A recording that was cut short is shown as far as it goes, and control characters in it are not obeyed")
    func cutShort() throws {
        try ExternalTool.withTemporaryDirectory { folder in
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path)))
            try Data(bytes.dropLast(57)).write(to: URL(fileURLWithPath: folder + "/cut"))
            let all = lines(try summary(folder + "/cut"))
            #expect(all.contains { $0.hasPrefix("whole no: the recording ended early: ") })

            let file = try TraceFileWriter(creating: folder + "/hostile", program: "\u{1b}[2Jx")
            let recording = try RecordingWriter(file, description: "kernel: \u{1b}]0;title\u{7}\n")
            try recording.conclude(RunConclusion(position: 1, time: 1, text: "a\u{1b}[31m\nb"))
            let text = TraceReport.text(try summary(folder + "/hostile"), isColoured: false)
            #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
            #expect(text.contains("kernel: \\u{1b}]0;title\\u{7}\n"))
        }
    }
}
