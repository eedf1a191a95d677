import TestSupport
import Testing

@testable import Machine

@Suite("The Debug Adapter Protocol")
struct DAPSessionTests {
    private static func fake() -> (FakeDebugTarget, DebuggedProgram) {
        let target = FakeDebugTarget()
        return (
            target,
            DebuggedProgram(target: target, sources: SourcePrograms([]), symbols: SymbolFinder([]), name: "vmm.elf")
        )
    }

    @Test("A message is framed as the specification's example is")
    func framing() throws {
        // "Base Protocol", example.
        let body = #"{"seq":153,"type":"request","command":"next","arguments":{"threadId":3}}"#
        var reader = DAPFrameReader()
        var messages: [[UInt8]] = []
        for byte in Array("Content-Length: \(body.utf8.count)\r\n\r\n\(body)content-length:2\r\nX: y\r\n\r\n{}".utf8) {
            if let message = try reader.take(byte) { messages.append(message) }
        }
        #expect(messages.map { String(decoding: $0, as: UTF8.self) } == [body, "{}"])
        #expect(try JSONReader.read(messages[0])["arguments"]?["threadId"]?.integer == 3)
    }

    @Test(
        "What is no frame ends the session with a sentence",
        arguments: [
            ("Content-Length: 99999999999\r\n\r\n", "Content-Length"), ("Content-Length: -1\r\n\r\n", "Content-Length"),
            ("Length: 4\r\n\r\n{}", "no Content-Length"), (String(repeating: "x", count: 5000), "longer than"),
            ("nonsense\r\n\r\n", "colon"),
        ])
    func damage(stream: String, words: String) {
        let client = DAPTestClient(nil)
        client.session.receive(Array(stream.utf8))
        #expect(client.session.isOver)
        let output = String(decoding: client.session.takeOutput(), as: UTF8.self)
        #expect(output.contains(words), "\(output)")
    }

    @Test(
        "Text is JSON where Python's reader takes it, and means the same",
        .enabled(if: ExternalTool.path("python3") != nil, "needs python3"))
    func json() throws {
        let texts = [
            "{}", "[]", "[1,2]", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "01", "-0", "1.5e3", "1.", ".5", "1e", "+1",
            "\"a\\u0041\"",
            "\"\\ud83d\\ude00\"", "\"\\x\"", "\"a\nb\"", "\"open", "tru", "true", "null ", " false", "nulll",
            "[[[[]]]]", "{\"a\":{\"b\":[null]}}",
            "18446744073709551615", "18446744073709551616", "-1", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "", " ", "{", "[",
            "1 2", "\"\u{e9}\"",
        ]
        let script = """
            import json,sys
            for text in json.load(open(sys.argv[1], encoding='utf8')):
                try: print(json.dumps(json.loads(text), ensure_ascii=False, separators=(',', ':')).replace('\\x7f', '\\\\u007f'))
                except Exception: print('refused')
            """
        let input = JSON.array(texts.map { .string($0) }).text
        let output = try #require(try ExternalTool.run("python3", ["-c", script, "@"], input: Array(input.utf8)))
        let expected = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        try #require(expected.count == texts.count)
        for (text, expected) in zip(texts, expected) {
            let value = try? JSONReader.read(text.utf8)
            guard expected != "refused", let value else {
                #expect(value == nil && expected == "refused", "\(text)")
                continue
            }
            // Python writes numbers and some control characters in other ways.
            if case .decimal = value { continue }
            if case .string(let string) = value, string.utf8.contains(where: { $0 < 0x20 }) { continue }
            #expect(value.text == expected, "\(text)")
        }
        #expect((try? JSONReader.read(String(repeating: "[", count: 100_000).utf8)) == nil)
    }

    @Test(
        "Memory is in base64",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, encoded: String) {
        // RFC 4648, section 10.
        #expect(Base64.text(Array(text.utf8)) == encoded)
        #expect(Base64.bytes(encoded) == Array(text.utf8))
        for wrong in ["Zg=", "Z", "Zg==Zg==", "Z!==", "===="] { #expect(Base64.bytes(wrong) == nil, "\(wrong)") }
    }

    @Test("Requests come in the protocol's order: initialize, launch, configuration, and the machine runs")
    func order() throws {
        let (target, program) = Self.fake()
        let client = DAPTestClient(program)
        #expect(try client.ask("threads")["success"]?.bool == false)
        _ = try client.body("initialize", #"{"adapterID":"orrery"}"#)
        #expect(try client.ask("initialize")["success"]?.bool == false)
        #expect(try client.ask("threads")["success"]?.bool == false)
        _ = try client.body("launch", #"{"program":"vmm.elf"}"#)
        #expect(try client.ask("continue", #"{"threadId":1}"#)["success"]?.bool == false)
        _ = try client.body("configurationDone")
        #expect(client.session.isRunning && target.resumptions == [Resumption(.run)])
        #expect(
            try client.ask("stackTrace", #"{"threadId":1}"#)["message"]?.string == "the machine runs. Pause it first")
        _ = try client.body("pause", #"{"threadId":1}"#)
        #expect(try client.run()["body"]?["reason"]?.string == "pause")
        #expect(try client.ask("nonsense")["message"]?.string == "there is no request nonsense")
        #expect(try client.ask("stepBack", #"{"threadId":1}"#)["success"]?.bool == false, "it cannot run backwards")
        let threads = try client.body("threads")["threads"]?.array
        #expect(threads?.map { $0["name"]?.string } == ["hart 0: M", "hart 1: VS vmid 2, waits (wfi)"])
    }

    @Test("A machine that cannot be made is refused in the host's words")
    func refusal() throws {
        let client = DAPTestClient(nil)
        _ = try client.body("initialize")
        let response = try client.ask("launch", #"{"program":"nowhere"}"#)
        #expect(response["success"]?.bool == false && response["message"]?.string == "there is no such file")
        #expect(try client.ask("configurationDone")["success"]?.bool == false)
    }

    @Test("What the guest prints comes as output, and no character is torn")
    func console() throws {
        let client = DAPTestClient(Self.fake().1)
        try client.begin()
        for piece in [[0x61, 0xe2], [0x82], [0xac, 0x0a], [0xff, 0x62]] as [[UInt8]] { client.session.console(piece) }
        _ = try client.body("threads")
        let texts = client.events.filter { $0["body"]?["category"]?.string == "stdout" }.compactMap {
            $0["body"]?["output"]?.string
        }
        #expect(texts.joined() == "a\u{20ac}\n\u{fffd}b")
    }

    @Test("Breakpoints of an editor that goes away are removed, and the machine stands")
    func close() throws {
        let (target, program) = Self.fake()
        let client = DAPTestClient(program)
        try client.begin()
        _ = try client.body(
            "setInstructionBreakpoints", #"{"breakpoints":[{"instructionReference":"0x80000000","offset":4}]}"#)
        #expect(target.points == [StopPoint(.execution, at: DebugAddress(0x8000_0004))])
        _ = try client.body(
            "setInstructionBreakpoints", #"{"breakpoints":[{"instructionReference":"0x80000008"}]}"#)
        #expect(
            target.points == [StopPoint(.execution, at: DebugAddress(0x8000_0008))], "a list replaces the one before")
        _ = try client.body("continue", #"{"threadId":1}"#)
        client.session.close()
        #expect(target.points.isEmpty && !client.session.isRunning && client.session.isOver)
    }
}
