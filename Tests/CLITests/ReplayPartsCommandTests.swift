import Foundation
import TestSupport
import Testing

@testable import Machine

/// `orrery replay` of parts of a run, as a user runs it.
@Suite("orrery replay in parts")
struct ReplayPartsCommandTests {
    /// Counts down 0xc00000 times, which takes 25 million instructions, and powers off with status 0.
    private static let guest: [UInt32] = [
        0x0010_04b7,  // lui  s1, 0x100
        0x0000_5937,  // lui  s2, 0x5
        0x5559_0913,  // addi s2, s2, 0x555
        0x00c0_09b7,  // lui  s3, 0xc00
        0xfff9_8993,  // addi s3, s3, -1
        0xfe09_9ee3,  // bnez s3, -4
        0x0124_a023,  // sw   s2, 0(s1)
        0x0000_006f,  // j    .
    ]

    /// Records a run, changes the recording, and replays it; nil where there is no program to run.
    private func replay(
        _ arguments: String, recording flags: String = "", change: (String) throws -> Void = { _ in }
    ) throws -> ExternalTool.Result? {
        guard let program = CommandTests.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { folder in
            let bytes = Self.guest.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/guest.bin"))
            let recorded = try ExternalTool.run(
                program: "/bin/sh",
                ["-c", "'\(program)' run --firmware none guest.bin --record t.orrery \(flags) </dev/null"], in: folder)
            #expect(recorded.status == 0, "\(recorded.errorText)")
            try change(folder + "/t.orrery")
            return try ExternalTool.run(
                program: "/bin/sh", ["-c", "'\(program)' replay t.orrery --verify \(arguments)"], in: folder)
        }
    }

    @Test("--jobs verifies the parts between snapshots; --parts says how many")
    func parts() throws {
        let cases = [
            ("--jobs 2", "in 4 parts"), ("--parts 2", "in 2 parts"), ("--parts 9 --jobs 3", "in 4 parts"),
        ]
        for (arguments, words) in cases {
            guard let result = try replay(arguments, recording: "--snapshot-interval 8M") else { return }
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.outputText.hasPrefix("t.orrery: the same run \(words): 0 inputs, "), "\(result.outputText)")
        }
    }

    @Test("A snapshot that is not what the run had is found, with the part that begins there")
    func changedSnapshot() throws {
        let result = try replay("--jobs 2", recording: "--snapshot-interval 8M") { path in
            var number = 0
            try ChangedTrace.write(path, to: path + ".new") { type, payload in
                guard type == .machineState else { return }
                number += 1
                guard number == 2 else { return }
                var state = try MachineState(encoded: Array(payload.dropFirst()))
                // What is to be written to the test device.
                let field = try #require(state.sections[0].fields.firstIndex { $0.value == .word(0x5555) })
                state.sections[0].fields[field].value = .word(0x5556)
                payload = payload.prefix(1) + state.encoded()
            }
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: path + ".new", toPath: path)
        }
        guard let result else { return }
        #expect(result.status == 77, "\(result.errorText)")
        let name = "part 3 of 4, from snapshot #2 at instruction 16,000,000"
        #expect(result.outputText.contains("4 parts, 1 diverged or failed: \(name); "), "\(result.outputText)")
        #expect(result.errorText.contains("\(name): exit status 77: "), "\(result.errorText)")
        #expect(result.errorText.contains("hart 0: s2 is 0x5556, and was 0x5555"), "\(result.errorText)")
    }

    @Test("Where there are no snapshots, it is told how to record them")
    func noSnapshots() throws {
        guard let result = try replay("--jobs 2") else { return }
        #expect(result.status == 65, "\(result.errorText)")
        #expect(result.errorText.contains("--snapshot-interval"), "\(result.errorText)")
    }

    @Test("--rewinds replays from places of the run to the next again, of any recording")
    func rewinds() throws {
        guard let result = try replay("--rewinds 4 --stats --json") else { return }
        #expect(result.status == 0, "\(result.errorText)")
        #expect(
            result.outputText.contains("; replayed again from 4 places to the next, 2 hashes"), "\(result.outputText)")
        // What is told of the run is of all of it.
        #expect(result.outputText.contains("the same run: 25,165,"), "\(result.outputText)")
        #expect(result.outputText.contains("\"instructions\":25165"), "\(result.outputText)")
    }

    @Test(
        "What makes no sense is refused in a sentence",
        arguments: [
            ("--jobs 0", "from 1"), ("--parts 0", "from 1"), ("--parts 3 --to 100", "leave other flags out"),
            ("--rewinds 0", "from 1"), ("--rewinds 3 --from 100", "leave other flags out"),
            ("--rewinds 3 --jobs 2", "leave other flags out"), ("--rewinds 3 --times 2", "leave the other flags out"),
            ("--part x", "--part"),
        ])
    func refusals(_ arguments: String, _ words: String) throws {
        guard let result = try replay(arguments) else { return }
        #expect(result.status == 64, "\(result.errorText)")
        #expect(result.errorText.contains(words), "\(result.errorText)")
    }
}
