import Foundation
import Machine
import TestSupport
import Testing

@testable import CLI

/// Snapshots as a user takes them and goes on from them, with the built program.
@Suite("orrery snapshot and orrery fork")
struct SnapshotCommandTests {
    /// Runs a line of shell in a folder with the guest; `$snapshot` saves it behind 5,000 instructions, as s.orrery.
    private func shell(_ line: String) throws -> ExternalTool.Result? {
        guard let program = CommandTests.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { folder in
            let bytes = EchoGuest.words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/guest.bin"))
            for name in ["one", "three"] {
                try Data("send \"\(name)\\n\"\n".utf8).write(to: URL(fileURLWithPath: folder + "/\(name).input"))
            }
            let words =
                "orrery='\(program)'; guest='--firmware none guest.bin'; "
                + "snapshot=\"$orrery snapshot $guest -o s.orrery --at 5000 --quiet\"; "
            return try ExternalTool.run(program: "/bin/sh", ["-c", words + line], in: folder)
        }
    }

    @Test("The recording of a run from a snapshot is looked at as others are")
    func traced() throws {
        let line = """
            $snapshot && $orrery run --from s.orrery --record r.orrery --input three.input </dev/null >/dev/null || exit 1
            $orrery trace latencies r.orrery && $orrery trace profile r.orrery --every 100 --folded | grep -c '^M'
            """
        guard let result = try shell(line) else { return }
        #expect(result.status == 0, "\(result.errorText)")
    }

    @Test("A run from a snapshot ends as the run that was not stopped, with either engine")
    func from() throws {
        let line = """
            $snapshot || exit 1
            for how in "$guest" '--from s.orrery --engine jit' '--from s.orrery --engine interpreter'; do
                $orrery run $how --max-instructions 20000 --json </dev/null | tail -n 1
            done
            """
        guard let result = try shell(line) else { return }
        let hashes = result.outputText.split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["stateHash"] as? String
        }
        #expect(hashes.count == 3 && Set(hashes).count == 1, "\(result.outputText) \(result.errorText)")
    }

    @Test("Forks tell each how it ended, in the order of their inputs")
    func forks() throws {
        guard
            let result = try shell("$snapshot && $orrery fork s.orrery --input one.input --input three.input --runs 4")
        else { return }
        let lines = result.outputText.split(separator: "\n")
        #expect(result.status == 0, "\(result.errorText)")
        #expect(lines.map { $0.split(separator: " ").last.map(String.init) } == ["one", "three", "one", "three"])
        #expect(lines.allSatisfy { $0.contains("  ok  ") }, "\(lines)")
        // The hash is that of the same run alone.
        guard
            let alone = try shell(
                "$snapshot && $orrery run --from s.orrery --input three.input --json </dev/null | tail -n 1")
        else { return }
        let object = try JSONSerialization.jsonObject(with: Data(alone.output)) as? [String: Any]
        let hash = try #require(object?["stateHash"] as? String)
        #expect(lines.count == 4 && lines[1].contains(hash) && lines[3].contains(hash) && !lines[0].contains(hash))
    }

    @Test("What is no snapshot of this machine, or is damaged, is refused with status 65, and wrong flags with 64")
    func refusals() throws {
        let cases: [(String, Int32, String)] = [
            ("$orrery run --from none.orrery", 65, "none.orrery: cannot be read"),
            ("$orrery run --from guest.bin", 65, "is no trace file"),
            ("$snapshot; printf x >>guest.bin; $orrery run --from s.orrery", 65, "Give the file as it was then"),
            ("$snapshot; $orrery run --from s.orrery --memory 64M", 64, "--memory: the snapshot"),
            ("$snapshot; $orrery run --from s.orrery:other", 65, "has no snapshot \"other\""),
            ("$snapshot; head -c 2000 s.orrery >t; $orrery run --from t", 65, "t: "),
            (
                "$snapshot; printf xxxx | dd of=s.orrery bs=1 seek=900 conv=notrunc 2>/dev/null; $orrery fork s.orrery",
                65,
                "is damaged"
            ),
            ("$orrery snapshot $guest -o t", 64, "where is the snapshot to be taken?"),
            (
                "echo older >t; $orrery snapshot $guest -o t --at 1000 --fail-on . --max-instructions 10", 73,
                "no snapshot"
            ),
            ("$orrery run $guest --snapshot-interval 1000", 64, "--snapshots FILE"),
        ]
        for (line, status, words) in cases {
            guard let result = try shell(line + " </dev/null") else { return }
            #expect(result.status == status && result.errorText.contains(words), "\(line): \(result.errorText)")
        }
    }

    @Test("A full disk costs the snapshot, and not the older file")
    func fullDisk() throws {
        // A limit of the shell's stands for the disk: writes beyond 8 blocks of 512 or 1024 bytes fail (EFBIG).
        let line = """
            echo older >s.orrery
            (trap '' XFSZ; ulimit -f 1; $orrery snapshot $guest --contents -o s.orrery --at 5000 --quiet); echo $?
            cat s.orrery; ls
            """
        guard let result = try shell(line) else { return }
        #expect(result.outputText.hasPrefix("65\nolder\n"), "\(result.outputText) \(result.errorText)")
        #expect(!result.outputText.contains("partial"))
    }

    @Test("A difference of snapshots names registers, fields and pages; there is none between a snapshot and itself")
    func diff() throws {
        let line = """
            $snapshot --name a; $snapshot --name b --add --at 5001 >/dev/null 2>&1
            $orrery snapshot $guest -o s.orrery --at 5003 --quiet --add --name c
            $orrery snapshot diff s.orrery:a s.orrery:a; echo $?
            $orrery snapshot diff s.orrery:a s.orrery:c; echo $?
            $orrery snapshot diff s.orrery:a s.orrery:c --json
            """
        guard let result = try shell(line) else { return }
        let lines = result.outputText.split(separator: "\n").map(String.init)
        #expect(Array(lines.prefix(2)) == ["no difference", "0"], "\(lines)")
        #expect(lines.contains { $0.hasPrefix("hart 0  ") }, "\(lines)")
        #expect(lines.dropLast().last == "1" && !result.outputText.contains("\u{1b}"))
        let object = try JSONSerialization.jsonObject(with: Data((lines.last ?? "").utf8)) as? [String: Any]
        #expect(((object?["second"] as? [String: Any])?["instructions"] as? Int) == 5003)
        #expect(((object?["fields"] as? [Any])?.count ?? 0) > 0)
    }

    @Test(
        "A file's name may be followed by a snapshot's",
        arguments: [
            ("s.orrery", "s.orrery", nil), ("s.orrery:a", "s.orrery", "a"), ("a/b:#3", "a/b", "#3"), (":x", ":x", nil),
        ])
    func places(_ text: String, _ file: String, _ name: String?) {
        let place = SnapshotPlace(text)
        #expect(place.file == file && place.name == name)
    }
}
