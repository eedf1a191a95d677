import Foundation
import TestSupport
import Testing

@Suite("orrery dap")
struct DAPCommandTests {
    /// Adds one to t0 for ever.
    private static let image: [UInt8] = [0x93, 0x82, 0x12, 0x00, 0x6f, 0xf0, 0xdf, 0xff]

    /// Sends requests to a process, all at once, as an editor would that starts it.
    /// - Returns: the messages that came back, by their commands and events.
    private func converse(_ requests: [(String, String)], in directory: String) throws -> [[String: Any]] {
        let program = try #require(CommandTests.program, "there is no built program")
        var input = ""
        for (number, (command, arguments)) in requests.enumerated() {
            let text = #"{"seq":\#(number + 1),"type":"request","command":"\#(command)","arguments":\#(arguments)}"#
            input += "Content-Length: \(text.utf8.count)\r\n\r\n\(text)"
        }
        try Data(input.utf8).write(to: URL(fileURLWithPath: directory + "/requests"))
        let result = try ExternalTool.run(
            program: "/bin/sh", ["-c", "'\(program)' dap < requests"], in: directory)
        #expect(result.status == 0, "\(result.errorText)")
        var messages: [[String: Any]] = []
        for piece in result.outputText.components(separatedBy: "Content-Length: ").dropFirst() {
            let body = try #require(piece.range(of: "\r\n\r\n"))
            let text = String(piece[body.upperBound...])
            #expect(Int(piece[..<body.lowerBound]) == text.utf8.count)
            messages.append(try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]))
        }
        return messages
    }

    private func answer(_ command: String, _ messages: [[String: Any]]) -> [String: Any]? {
        messages.first { $0["command"] as? String == command }
    }

    @Test("An editor that starts it launches a machine, and takes leave")
    func launch() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(Self.image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            let messages = try converse(
                [
                    ("initialize", "{}"),
                    (
                        "launch",
                        #"{"program":"guest.bin","stopOnEntry":true,"options":{"firmware":"none","harts":2,"memory":"16M"}}"#
                    ), ("configurationDone", "{}"), ("threads", "{}"), ("disconnect", "{}"),
                ], in: directory)
            let threads = (answer("threads", messages)?["body"] as? [String: Any])?["threads"] as? [[String: Any]]
            #expect(threads?.map { $0["name"] as? String } == ["hart 0: M", "hart 1: M"])
            #expect(messages.contains { $0["event"] as? String == "stopped" })
            #expect(answer("disconnect", messages)?["success"] as? Bool == true)
        }
    }

    @Test("It attaches to a recording")
    func attach() throws {
        try ExternalTool.withTemporaryDirectory { directory in
            try Data(Self.image).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            let program = try #require(CommandTests.program, "there is no built program")
            let recorded = try ExternalTool.run(
                program: program,
                ["run", "--firmware", "none", "guest.bin", "--max-instructions", "1000", "--record", "r.orrery"],
                in: directory)
            try #require(FileManager.default.fileExists(atPath: directory + "/r.orrery"), "\(recorded.errorText)")
            let messages = try converse(
                [
                    ("initialize", "{}"), ("attach", #"{"recording":"r.orrery","stopOnEntry":true}"#),
                    ("configurationDone", "{}"), ("disconnect", "{}"),
                ], in: directory)
            #expect(answer("attach", messages)?["success"] as? Bool == true)
            #expect(messages.contains { $0["event"] as? String == "stopped" })
        }
    }

    @Test(
        "What cannot be launched is refused in one sentence, which says what to do",
        arguments: [
            (
                #"{"program":"nothing.elf"}"#,
                "nothing.elf: cannot be read: No such file or directory. Check the path; it is relative."
            ),
            ("{}", "program is missing"),
            (#"{"program":"x","options":{"hearts":2}}"#, "there is no word hearts. There are: machine"),
            (#"{"program":"x","options":{"memory":"much"}}"#, "--memory: "),
        ])
    func refusal(arguments: String, words: String) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            let messages = try converse([("initialize", "{}"), ("launch", arguments)], in: directory)
            let refused = try #require(answer("launch", messages))
            #expect(refused["success"] as? Bool == false)
            #expect((refused["message"] as? String)?.contains(words) ?? false, "\(refused)")
        }
    }
}
