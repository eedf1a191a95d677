/// What an editor debugs: a machine, and what is known of the programs in it.
public struct DebuggedProgram {
    public let target: any DebugTarget
    public let sources: SourcePrograms
    public let symbols: SymbolFinder
    /// Told to people.
    public let name: String
    /// Folders that have moved since the programs were compiled.
    public let sourceMap: [(from: String, to: String)]

    public init(
        target: any DebugTarget, sources: SourcePrograms, symbols: SymbolFinder, name: String,
        sourceMap: [(from: String, to: String)] = []
    ) {
        self.target = target
        self.sources = sources
        self.symbols = symbols
        self.name = name
        self.sourceMap = sourceMap
    }
}

/// Makes the machine that an editor asks for.
public protocol DebugAdapterHost: AnyObject {
    /// - Parameter arguments: of `launch`, as the editor's configuration has them.
    func launch(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram
    /// - Parameter arguments: of `attach`: a recording, which is run again.
    func attach(_ arguments: JSON) throws(DebugRefusal) -> DebuggedProgram
}

/// One editor that is connected by the Debug Adapter Protocol, as bytes in and bytes out.
///
/// It does no input or output. What came goes into ``receive(_:)``, what ``takeOutput()`` gives is to be sent, and while
/// ``isRunning`` says so, ``advance()`` is to be called again and again: the machine runs in it. CPUs are threads, from 1.
///
/// Specification: *Debug Adapter Protocol*, 1.70. Names of requests and events in comments are its.
public final class DAPSession {
    private let host: any DebugAdapterHost
    /// Nil until it is launched.
    var program: DebuggedProgram?
    /// Set once; nothing is answered from then on.
    public private(set) var isOver = false
    /// The machine runs: ``advance()`` is to be called.
    public internal(set) var isRunning = false

    // MARK: What the editor can do

    private var isInitialized = false
    var linesStartAt1 = true
    var columnsStartAt1 = true
    var knowsProgress = false
    var knowsMemoryEvents = false

    // MARK: Where it is

    var isConfigured = false
    var stopsOnEntry = false
    /// The end of the guest is shown as a stop, from which one may go back.
    var stopsAtExit = false
    var hasEnded = false
    var breakpoints = DAPBreakpoints()
    /// What the machine runs for.
    var plan = DAPPlan.run
    var resumption = Resumption(.run)
    /// Frames and values that the editor was told the numbers of; they are forgotten when the machine goes on.
    var shown = DAPShown()
    /// The number of the long run backwards that the editor was told of.
    var progress: String?
    var progressCount = 0

    // MARK: The stream

    private var reader = DAPFrameReader()
    private var held: ArraySlice<[UInt8]> = []
    private var output: [UInt8] = []
    private var sequence = 0
    /// Of a character of the console's that has not come whole.
    private var unfinished: [UInt8] = []
    /// Beyond so many bytes no request is answered, and the machine does not run, until they are sent.
    private static let mostOutput = 1 << 20

    public init(_ host: any DebugAdapterHost) { self.host = host }

    /// Takes what the editor has sent.
    public func receive(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            guard !isOver else { return }
            do throws(DAPFrameReader.Damage) {
                if let message = try reader.take(byte) { held.append(message) }
            } catch {
                event("output", [("category", .string("stderr")), ("output", .string("orrery: \(error.problem)\n"))])
                end()
            }
        }
        work()
    }

    /// More may be received: what came before is dealt with.
    public var wantsInput: Bool { held.isEmpty && !isOver }

    /// What is to be sent, which it is taken for.
    public func takeOutput() -> [UInt8] {
        defer {
            output = []
            work()
        }
        return output
    }

    /// As much waits to be sent that the machine is to stand meanwhile.
    public var isFull: Bool { output.count >= Self.mostOutput }

    /// Lets the machine run for a short while.
    public func advance() {
        guard isRunning, let target = program?.target, let stop = target.advance() else { return }
        stopped(stop)
        work()
    }

    /// The connection is gone: the machine is left as if nobody had been there, and stands.
    public func close() {
        guard let target = program?.target else { return }
        removeAllPoints()
        if isRunning {
            isRunning = false
            target.interrupt()
            // It may come to something else first, and either is an end.
            while target.advance() == nil {}
        }
        isOver = true
    }

    /// What the guest prints.
    public func console(_ bytes: [UInt8]) {
        var text = unfinished + bytes
        // A character has at most four bytes; what is no start of one is shown as damaged.
        let tail = text.suffix(3)
        unfinished = []
        if let start = tail.lastIndex(where: { 0xc0..<0xf8 ~= $0 }) {
            let needed = text[start] >= 0xf0 ? 4 : text[start] >= 0xe0 ? 3 : 2
            if text.count - start < needed {
                unfinished = Array(text[start...])
                text.removeSubrange(start...)
            }
        }
        if text.isEmpty { return }
        event("output", [("category", .string("stdout")), ("output", .string(String(decoding: text, as: UTF8.self)))])
    }

    /// Tells a person something of the machine's, which no request has asked for.
    public func tell(_ text: String) { say("orrery: " + text) }

    private func work() {
        while !isOver, output.count < Self.mostOutput, let message = held.popFirst() { answer(message) }
    }

    func end() { isOver = true }

    // MARK: Messages

    private func send(_ members: [(String, JSON)]) {
        sequence += 1
        output += DAPFrameReader.frame(.object([("seq", .number(UInt64(sequence)))] + members))
    }

    func event(_ name: String, _ body: [(String, JSON)]? = nil) {
        send(
            [("type", .string("event")), ("event", .string(name))] + (body.map { [("body", .object($0))] } ?? []))
    }

    /// A request that is refused, in a sentence for people.
    struct Failure: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    private func answer(_ message: [UInt8]) {
        let request: JSON
        do throws(JSONReader.Failure) { request = try JSONReader.read(message) } catch {
            event(
                "output",
                [("category", .string("stderr")), ("output", .string("orrery: a message is no JSON: \(error)\n"))])
            return
        }
        guard request["type"]?.string == "request", let number = request["seq"]?.integer,
            let command = request["command"]?.string
        else {
            // Responses to requests, of which none are sent, and what is no message.
            return
        }
        let arguments = request["arguments"] ?? .object([])
        var after: [() -> Void] = []
        var members: [(String, JSON)] = [
            ("type", .string("response")), ("request_seq", .decimal(String(number))),
            ("command", .string(String(command.prefix(64)))),
        ]
        do throws(Failure) {
            guard arguments.isObject else { throw Failure("the arguments of \(command.prefix(64)) are no object") }
            let body = try carryOut(command, arguments, &after)
            members.append(("success", .bool(true)))
            if !body.isEmpty { members.append(("body", .object(body))) }
        } catch {
            let text = printable(error.message)
            members += [
                ("success", .bool(false)), ("message", .string(text)),
                ("body", .object([("error", .object([("id", .number(1)), ("format", .string(escaped(text)))]))])),
            ]
        }
        send(members)
        for work in after { work() }
    }

    /// A format's braces name variables ("Message").
    private func escaped(_ text: String) -> String { String(text.map { $0 == "{" ? "(" : $0 == "}" ? ")" : $0 }) }

    var machine: DebuggedProgram {
        get throws(Failure) {
            guard let program else { throw Failure("nothing is debugged. Launch a machine, or attach to a recording") }
            return program
        }
    }

    /// The machine, where it stands.
    var standing: DebuggedProgram {
        get throws(Failure) {
            guard !isRunning else { throw Failure("the machine runs. Pause it first") }
            return try machine
        }
    }

    /// - Parameter after: what is to be done, and told of, once the response is sent.
    private func carryOut(
        _ command: String, _ arguments: JSON, _ after: inout [() -> Void]
    ) throws(Failure) -> [(String, JSON)] {
        guard isInitialized || command == "initialize" else { throw Failure("initialize comes first") }
        switch command {
        case "initialize": return try initialize(arguments)
        case "launch", "attach": return try begin(command, arguments, &after)
        case "configurationDone":
            _ = try machine
            guard !isConfigured else { throw Failure("the configuration was done before") }
            isConfigured = true
            after.append { [unowned self] in runFromEntry() }
            return []
        case "disconnect", "terminate":
            after.append { [unowned self] in
                if command == "terminate", program != nil, !hasEnded { event("terminated") }
                if command == "disconnect" {
                    close()
                    end()
                } else if isRunning {
                    hasEnded = true
                    program?.target.interrupt()
                }
            }
            return []
        case "cancel":
            if arguments["progressId"]?.string == progress, progress != nil { program?.target.interrupt() }
            return []
        case "restart": return try restart(&after)
        case "threads": return try threads()
        case "stackTrace": return try stackTrace(arguments)
        case "scopes": return try scopes(arguments)
        case "variables": return try variables(arguments)
        case "setVariable": return try setVariable(arguments)
        case "evaluate": return try evaluate(arguments)
        case "modules": return try modules(arguments)
        case "loadedSources": return try loadedSources()
        case "setBreakpoints": return try setBreakpoints(arguments)
        case "setFunctionBreakpoints": return try setFunctionBreakpoints(arguments)
        case "setInstructionBreakpoints": return try setInstructionBreakpoints(arguments)
        case "setDataBreakpoints": return try setDataBreakpoints(arguments)
        case "dataBreakpointInfo": return try dataBreakpointInfo(arguments)
        case "setExceptionBreakpoints": return try setExceptionBreakpoints(arguments)
        case "breakpointLocations": return try breakpointLocations(arguments)
        case "readMemory": return try readMemory(arguments)
        case "writeMemory": return try writeMemory(arguments, &after)
        case "disassemble": return try disassemble(arguments)
        case "continue", "reverseContinue", "next", "stepIn", "stepOut", "stepBack", "pause":
            return try run(command, arguments, &after)
        case "source": throw Failure("the source is the file of that name; it has no content of the debugger's")
        default: throw Failure("there is no request \(command.prefix(64))")
        }
    }

    // MARK: The beginning

    private func initialize(_ arguments: JSON) throws(Failure) -> [(String, JSON)] {
        guard !isInitialized else { throw Failure("initialize came before") }
        guard arguments["pathFormat"]?.string ?? "path" == "path" else {
            throw Failure("paths are given as paths, not URIs")
        }
        isInitialized = true
        linesStartAt1 = arguments["linesStartAt1"]?.bool ?? true
        columnsStartAt1 = arguments["columnsStartAt1"]?.bool ?? true
        knowsProgress = arguments["supportsProgressReporting"]?.bool ?? false
        knowsMemoryEvents = arguments["supportsMemoryEvent"]?.bool ?? false
        let capabilities = [
            "ConfigurationDoneRequest", "FunctionBreakpoints", "ConditionalBreakpoints", "HitConditionalBreakpoints",
            "EvaluateForHovers", "StepBack", "SetVariable", "ModulesRequest", "RestartRequest", "LogPoints",
            "TerminateRequest", "DelayedStackTraceLoading", "LoadedSourcesRequest", "DataBreakpoints",
            "DataBreakpointBytes", "ReadMemoryRequest", "WriteMemoryRequest", "DisassembleRequest", "CancelRequest",
            "BreakpointLocationsRequest", "ValueFormattingOptions", "ExceptionFilterOptions", "SteppingGranularity",
            "InstructionBreakpoints",
        ]
        return capabilities.map { ("supports" + $0, .bool(true)) }
            + [("exceptionBreakpointFilters", .array(Self.exceptionFilters))]
    }

    private func begin(
        _ command: String, _ arguments: JSON, _ after: inout [() -> Void]
    ) throws(Failure) -> [(String, JSON)] {
        guard program == nil else { throw Failure("a machine is debugged already") }
        let made: DebuggedProgram
        do throws(DebugRefusal) {
            made = try command == "launch" ? host.launch(arguments) : host.attach(arguments)
        } catch { throw Failure(error.description) }
        guard made.target.processorCount > 0 else { throw Failure("the machine has no CPU") }
        program = made
        stopsOnEntry = arguments["stopOnEntry"]?.bool ?? false
        stopsAtExit = arguments["stopAtExit"]?.bool ?? (command == "attach")
        after.append { [unowned self] in
            event(
                "process",
                [
                    ("name", .string(made.name)), ("isLocalProcess", .bool(false)), ("pointerSize", .number(64)),
                    ("startMethod", .string(command)),
                ])
            event("initialized")
        }
        return []
    }

    private func runFromEntry() {
        guard let target = program?.target else { return }
        if stopsOnEntry {
            showStop("entry", target.currentProcessor)
        } else {
            start(.run, Resumption(.run))
        }
    }

    private func restart(_ after: inout [() -> Void]) throws(Failure) -> [(String, JSON)] {
        let target = try standing.target
        do throws(DebugRefusal) { try target.restart() } catch { throw Failure(error.description) }
        hasEnded = false
        after.append { [unowned self] in runFromEntry() }
        return []
    }

    // MARK: Arguments

    /// A CPU by its thread's number.
    func processor(_ arguments: JSON, of target: any DebugTarget) throws(Failure) -> Int {
        guard let thread = arguments["threadId"]?.integer, 1...target.processorCount ~= thread else {
            throw Failure("there is no such thread")
        }
        return thread - 1
    }

    /// An address as this session writes them, and people do: 0x80000000.
    func address(_ text: String?) throws(Failure) -> UInt64 {
        guard let text, let value = Self.number(text) else {
            throw Failure("\"\((text ?? "").prefix(40))\" is no address, such as 0x80000000")
        }
        return value
    }

    static func number(_ text: String) -> UInt64? {
        let text = text.filter { $0 != " " }
        if text.lowercased().hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
        return UInt64(text)
    }
}
