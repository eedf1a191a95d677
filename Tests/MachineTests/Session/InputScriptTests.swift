import TestSupport
import Testing

@testable import Machine

@Suite("Input script")
struct InputScriptTests {
    private func steps(_ text: String) throws(InputError) -> [InputScript.Step] {
        try InputScript(InputFile(name: "keys", bytes: Array(text.utf8))).steps.map(\.step)
    }

    private func refusal(_ text: String) -> String {
        do throws(InputError) {
            _ = try steps(text)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("Each command is read, with quotes, escapes, times and comments")
    func commands() throws {
        let text = #"""
            # comment

            wait login:
            send "root\n\x1b\"\\"
              expect '# $' within 250ms
            expect "a"b"
            expect done, within reason within 2s
            pause 1.5s
            """#
        #expect(
            try steps(text) == [
                .wait(pattern: "login:", limit: nil), .send([0x72, 0x6f, 0x6f, 0x74, 10, 27, 0x22, 0x5c]),
                .wait(pattern: "# $", limit: 250_000_000),
                .wait(pattern: "a\"b", limit: InputScript.defaultLimit),
                .wait(pattern: "done, within reason", limit: 2_000_000_000), .pause(nanoseconds: 1_500_000_000),
            ])
    }

    @Test(
        "A mistake is refused with file and line",
        arguments: [
            ("wait a\nwiat b", "keys:2: \"wiat\" is not a command of a script. Did you mean wait?"),
            ("send root", "keys:1: what to send is not in double quotes. Write send \"root\\n\"."),
            ("#\n\nexpect '('", "keys:3: \"(\" is not a regular expression"),
            ("expect 'a' in 5s", "keys:1: \"in 5s\" follows the expression"),
            ("pause soon", "keys:1: \"soon\" is not a time"), ("send \"\\q\"", "keys:1: \"\\q\" is not an escape"),
            ("wait", "keys:1: wait stands alone"),
        ])
    func mistakes(text: String, error: String) {
        #expect(refusal(text).hasPrefix(error))
    }

    @Test("What is sent after a match reaches the guest, twice at the same instruction")
    func types() throws {
        func run() throws -> (Session.Conclusion, UInt64, UInt64) {
            try TinyGuest.run(EchoGuest.words, script: "send \"ab\"\nwait \"^ab$\"\npause 2us\nsend \"\\n\"\n") {
                ($1, $0.board.executed, $0.board.stateHash)
            }
        }
        let (first, second) = (try run(), try run())
        #expect(first.0 == .exited(status: 0))
        #expect(first == second)
        #expect(first.1 > 2000, "the pause lasts 2000 instructions, and the run had \(first.1)")
    }

    @Test("An expectation that is not met in its time ends the run, and names its line")
    func expectation() throws {
        try TinyGuest.run(EchoGuest.words, script: "send \"a\"\nexpect 'b' within 1us\n") { session, conclusion in
            guard case .expectationFailed(_, let line, let pattern) = conclusion else {
                Issue.record("the run ended otherwise: \(conclusion)")
                return
            }
            #expect(line == 2)
            #expect(pattern == "b")
        }
    }

    @Test("What a guest prints while nothing waits for it is kept within bounds, the latest of it, and looked at once")
    func flood() throws {
        let console = ConsoleHub()
        let clock = Clock()
        let script = try InputScript(InputFile(name: "keys", bytes: Array("pause 1s\nexpect '^needle$'\n".utf8)))
        let player = InputScriptPlayer(script, console, clock)
        for _ in 0..<1000 { console.write(Array(String(repeating: "straw\n", count: 1000).utf8)) }
        console.write(Array("needle\n".utf8))
        #expect(player.printedCount <= 2 << 20)
        clock.advance(to: 1_000_000_000)
        #expect(player.advance() == nil)
        #expect(player.isOver)
    }

    @Test("What one expression matched is not seen by the next")
    func consumes() throws {
        try TinyGuest.run(EchoGuest.words, script: "send \"aa\"\nexpect a\nexpect a\nexpect 'a' within 1us\n") {
            guard case .expectationFailed(_, let line, _) = $1 else {
                Issue.record("the run ended otherwise: \($1)")
                return
            }
            #expect(line == 4)
        }
    }
}
