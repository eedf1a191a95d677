import Foundation
import TestSupport
import Testing

/// `orrery replay`, as a user runs it.
@Suite("orrery replay")
struct ReplayCommandTests {
    /// Sends back each character of the serial port, and powers off behind a newline.
    private static let echo: [UInt32] = [
        0x1000_0437,  // lui  s0, 0x10000
        0x0010_04b7,  // lui  s1, 0x100
        0x0000_5937,  // lui  s2, 0x5
        0x5559_0913,  // addi s2, s2, 0x555
        0x00a0_0993,  // li   s3, 10
        0x0054_4283,  // lbu  t0, 5(s0)
        0x0012_f293,  // andi t0, t0, 1
        0xfe02_8ce3,  // beqz t0, -8
        0x0004_4503,  // lbu  a0, 0(s0)
        0x00a4_0023,  // sb   a0, 0(s0)
        0xff35_16e3,  // bne  a0, s3, -20
        0x0124_a023,  // sw   s2, 0(s1)
        0x0000_006f,  // j    .
    ]

    /// Runs a script where `echo.orrery` is a recording of "abc" and a newline; nil where there is no program to run.
    private func shell(_ script: String) throws -> ExternalTool.Result? {
        guard let program = CommandTests.program else { return nil }
        return try ExternalTool.withTemporaryDirectory { directory in
            let image = Self.echo.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
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
            ("--live --verify", "Leave it out"), ("--jobs 3", "Add --times"), ("--times 0", "from 1"),
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
