import Foundation
import TestSupport
import Testing

/// `orrery replay`, as a user runs it.
@Suite("orrery replay")
struct ReplayCommandTests {
    /// Runs a script where `echo.orrery` is a recording of "abc" and a newline; nil where there is no program to run.
    private func shell(_ script: String) throws -> ExternalTool.Result? {
        guard let program = CommandTests.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { directory in
            let image = EchoGuest.words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            try Data(image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            try Data("pause 20us\nsend \"abc\\n\"\n".utf8).write(to: URL(fileURLWithPath: directory + "/abc"))
            try Data("pause 20us\nsend \"xyz\\n\"\n".utf8).write(to: URL(fileURLWithPath: directory + "/xyz"))
            let start = """
                orrery='\(program)'
                $orrery run --firmware none guest.bin --input abc --record echo.orrery >/dev/null </dev/null || exit 99

                """
            return try ExternalTool.run(program: "/bin/sh", ["-c", start + script], in: directory)
        }
    }

    @Test("--times replays as often, and counts")
    func times() throws {
        guard let result = try shell("$orrery replay echo.orrery --times 4 --jobs 2") else { return }
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.outputText.contains("4 times: echo.orrery: the same run: "), "\(result.outputText)")
        #expect(result.outputText.contains("4 replays, 0 diverged or failed; "), "\(result.outputText)")
        let other = try shell(
            "printf 'no guest' >guest.bin; $orrery replay echo.orrery --times 2 --jobs 1")
        #expect(other?.status == 77 && other?.outputText.contains("2 replays, 2 diverged or failed") ?? false)
        #expect(
            other?.errorText.contains("and was of 52 when the run was recorded") ?? false, "\(other?.errorText ?? "")")
    }

    @Test("--live goes on with other input, and its recording replays alone")
    func live() throws {
        guard
            let result = try shell(
                """
                $orrery replay echo.orrery --to 1000 --live --input xyz --set 'register s7=9' --record new.orrery </dev/null
                rm echo.orrery
                $orrery replay new.orrery
                $orrery replay new.orrery --verify
                """)
        else { return }
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.outputText.hasPrefix("xyz\nxyz\nnew.orrery: the same run: "), "\(result.outputText)")
        #expect(result.outputText.contains(", 2 inputs, "), "\(result.outputText)")
    }

    @Test(
        "What makes no sense is refused in a sentence",
        arguments: [
            ("--set 'register a0=1'", "Add --live"), ("--input xyz", "Add --live"),
            ("--record new.orrery", "Add --live"),
            ("--live --verify", "Leave it out"), ("--jobs 3", "add --verify"), ("--times 0", "from 1"),
            ("--times 3 --live", "leave the other flags out"),
            ("--live --set 'register q7=1' --to 5", "is no register"),
            ("--live --record ./echo.orrery", "Give another name"),
        ])
    func refusals(_ arguments: String, _ words: String) throws {
        guard let result = try shell("$orrery replay echo.orrery \(arguments) </dev/null") else { return }
        #expect(result.status == 64, "\(result.errorText)")
        #expect(result.errorText.contains(words), "\(result.errorText)")
    }
}
