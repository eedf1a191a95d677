import Testing

@testable import Machine

/// The editor's side: sends requests, reads what comes, and holds each message against the protocol's schema.
final class DAPTestClient: DebugAdapterHost {
    private let program: DebuggedProgram?
    private(set) lazy var session = DAPSession(self)
    private var sequence = 0
    /// What has come and nobody has asked for yet.
    private(set) var events: [JSON] = []
    /// The arguments of launch and attach.
    private(set) var launches: [JSON] = []

    init(_ program: DebuggedProgram?) { self.program = program }

    /// Of a machine that stands at the first instruction of a program for it.
    convenience init(debugging path: String, on target: CompiledProgram.Target) throws {
        var description = MachineDescription()
        description.kernel = path
        if target == .riscv64 { description.firmware = "none" }
        description.memory = ByteCount(4 << 20)
        let session = try Session(description)
        let sources = SourcePrograms([.init(try DebugInformation(.read(path)))])
        self.init(
            DebuggedProgram(
                target: MachineTarget(session) { "\($0)" }, sources: sources, symbols: SymbolFinder(session.symbols),
                name: path))
        try begin()
    }

    func launch(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram {
        launches.append(arguments)
        guard let program else { throw DebugRefusal("there is no such file") }
        return program
    }

    func attach(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram { try launch(arguments) }

    /// Everything that waits to be sent, as messages.
    private func messages() -> [JSON] {
        var bytes: [UInt8] = []
        while true {
            let more = session.takeOutput()
            if more.isEmpty { break }
            bytes += more
        }
        var messages: [JSON] = []
        var rest = bytes[...]
        let label = Array("Content-Length: ".utf8)
        while !rest.isEmpty {
            guard rest.starts(with: label), let end = rest.firstIndex(of: 0x0d),
                let count = Int(String(decoding: rest[(rest.startIndex + label.count)..<end], as: UTF8.self)),
                rest[end...].starts(with: [0x0d, 0x0a, 0x0d, 0x0a]), rest.count >= end - rest.startIndex + 4 + count,
                let message = try? JSONReader.read(rest[(end + 4)..<(end + 4 + count)])
            else {
                Issue.record(
                    "a message is not framed by Content-Length: \(String(decoding: rest.prefix(100), as: UTF8.self))")
                return messages
            }
            if let fault = DAPSchema.fault(of: message) { Issue.record("\(fault): \(message.text.prefix(300))") }
            messages.append(message)
            rest = rest[(end + 4 + count)...]
        }
        return messages
    }

    static func frame(_ text: String) -> [UInt8] { Array("Content-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8) }

    /// Sends a request.
    /// - Returns: the response.
    func ask(_ command: String, _ arguments: String = "{}") throws -> JSON {
        sequence += 1
        let text = #"{"seq":\#(sequence),"type":"request","command":"\#(command)","arguments":\#(arguments)}"#
        session.receive(Self.frame(text))
        var response: JSON?
        for message in messages() {
            if message["type"]?.string == "response" {
                #expect(response == nil && message["request_seq"]?.integer == sequence)
                response = message
            } else {
                events.append(message)
            }
        }
        return try #require(response, "\(command) is not answered")
    }

    /// Of a request that is to succeed, what it is answered.
    func body(_ command: String, _ arguments: String = "{}") throws -> JSON {
        let response = try ask(command, arguments)
        try #require(response["success"]?.bool == true, "\(command): \(response["message"]?.string ?? "")")
        return response["body"] ?? .object([])
    }

    /// Lets the machine run until it stands, or has ended.
    /// - Returns: the last event that says so.
    func run() throws -> JSON {
        var turns = 0
        while session.isRunning, turns < 100_000 {
            session.advance()
            turns += 1
        }
        events += messages()
        let index = events.lastIndex { ["stopped", "terminated"].contains($0["event"]?.string) }
        let event = events[try #require(index, "the machine does not stop")]
        events = []
        return event
    }

    /// From initialize to a machine that stands at its first instruction.
    func begin(_ arguments: String = #"{"program":"t.elf","stopOnEntry":true}"#) throws {
        _ = try body("initialize", #"{"adapterID":"orrery","linesStartAt1":true,"pathFormat":"path"}"#)
        _ = try body("launch", arguments)
        #expect(events.contains { $0["event"]?.string == "initialized" })
        _ = try body("configurationDone")
        _ = try run()
    }

    /// The frames of a CPU: name and line.
    func frames(_ thread: Int = 1) throws -> [(name: String, line: Int, identifier: Int)] {
        try #require(try body("stackTrace", #"{"threadId":\#(thread)}"#)["stackFrames"]?.array).map {
            ($0["name"]?.string ?? "", $0["line"]?.integer ?? 0, $0["id"]?.integer ?? 0)
        }
    }

    func places() throws -> [String] { try frames().map { "\($0.name):\($0.line)" } }

    /// The variables of a frame, as they are shown.
    func variables(ofFrame identifier: Int) throws -> [JSON] {
        let scopes = try body("scopes", #"{"frameId":\#(identifier)}"#)["scopes"]?.array ?? []
        #expect(scopes.first?["name"]?.string == "Locals")
        let reference = scopes.first?["variablesReference"]?.integer ?? 0
        return try body("variables", #"{"variablesReference":\#(reference)}"#)["variables"]?.array ?? []
    }

    /// An expression's value in the innermost frame.
    func value(_ expression: String) throws -> String {
        let frame = try #require(try frames().first)
        return try body("evaluate", #"{"expression":"\#(expression)","frameId":\#(frame.identifier)}"#)["result"]?
            .string ?? ""
    }

    /// Has the machine go on by a command, and waits for it to stop.
    func go(_ command: String, _ more: String = "") throws -> JSON {
        _ = try body(command, #"{"threadId":1\#(more)}"#)
        return try run()["body"] ?? .null
    }
}
