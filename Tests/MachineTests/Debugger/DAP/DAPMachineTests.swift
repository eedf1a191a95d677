import TestSupport
import Testing

@testable import Machine

/// An editor debugs a small program in C on each machine: what is expected follows from its source.
@Suite(
    "An editor at a machine", .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
struct DAPMachineTests {
    static let programs = CompiledProgram.Target.allCases.map { CompiledProgram(target: $0, options: ["-O0", "-g"]) }

    private func debug(_ program: CompiledProgram, _ body: (DAPTestClient) throws -> Void) throws {
        try program.compileGuest { path in
            let client = try DAPTestClient(debugging: path, on: program.target)
            try body(client)
        }
    }

    private func setBreakpoint(_ client: DAPTestClient, line: Int, _ more: String = "") throws -> JSON {
        let body = try client.body(
            "setBreakpoints", #"{"source":{"path":"/somewhere/t.c"},"breakpoints":[{"line":\#(line)\#(more)}]}"#)
        return try #require(body["breakpoints"]?.array?.first)
    }

    @Test("A breakpoint at a line stops there, with the frames that called it and their variables", arguments: programs)
    func breakpoint(program: CompiledProgram) throws {
        try debug(program) { client in
            let point = try setBreakpoint(client, line: 7)
            #expect(point["verified"]?.bool == true && point["line"]?.integer == 7)
            let stop = try client.go("continue")
            #expect(stop["reason"]?.string == "breakpoint")
            #expect(stop["hitBreakpointIds"]?.array?.first?.integer == point["id"]?.integer)
            #expect(try client.places() == ["leaf:7", "middle:14", "main:19", "_start:0"])

            let frames = try client.frames()
            var names: [[String]] = []
            for frame in frames.prefix(2) {
                let variables = try client.variables(ofFrame: frame.identifier)
                names.append(variables.map { "\($0["name"]?.string ?? ""): \($0["type"]?.string ?? "")" })
                if frame.name == "leaf" {
                    #expect(variables.prefix(1).map { $0["value"]?.string } == ["40"])
                    #expect(variables.last?["value"]?.string == "84", "40 * 2 + 4")
                }
            }
            #expect(names[0] == ["value: long", "addend: int *", "result: long"])
            #expect(Set(names[1]) == ["p: struct point *", "local: int", "sum: long", "i: int"])
        }
    }

    @Test("Expressions read variables, members, elements, registers, symbols and memory", arguments: programs)
    func expressions(program: CompiledProgram) throws {
        try debug(program) { client in
            _ = try setBreakpoint(client, line: 14)
            _ = try client.go("continue")
            #expect(try client.value("p->x") == "3")
            #expect(try client.value("p->next->y + i * 2") == hexadecimal(40))
            #expect(try client.value("origin.name").hasSuffix(#" "origin""#))
            #expect(try client.value("local == 4 && sum == 0") == "0x1")
            #expect(try client.value("*&local") == "4")
            #expect(try client.value("$pc").hasPrefix(program.target == .riscv64 ? "0x8" : "0x4"))
            #expect(try client.value("p").hasSuffix("<origin>"))
            #expect(try client.value("origin.name[1]").hasSuffix("'r'"))
            #expect(try client.value("-1 >> 60") == "0xf")
            let refused = try client.ask("evaluate", #"{"expression":"nobody + 1"}"#)
            #expect(refused["success"]?.bool == false)
            #expect(refused["message"]?.string == "there is no variable, register or symbol nobody")
            let text = try client.body("evaluate", #"{"expression":"monitor help","context":"repl"}"#)
            #expect(text["result"]?.string?.contains("registers") ?? false)
        }
    }

    @Test("Steps go over, into and out of functions by lines, and back again", arguments: programs)
    func steps(program: CompiledProgram) throws {
        try debug(program) { client in
            _ = try client.body("setFunctionBreakpoints", #"{"breakpoints":[{"name":"middle"}]}"#)
            _ = try client.go("continue")
            _ = try client.body("setFunctionBreakpoints", #"{"breakpoints":[]}"#)
            var places: [String] = [try client.places()[0]]
            for command in [
                "next", "next", "next", "stepIn", "next", "next", "stepOut", "next", "next", "next", "next",
            ] {
                let stop = try client.go(command)
                #expect(stop["reason"]?.string == "step", "\(command)")
                places.append(try client.places()[0])
            }
            let expected = [
                "middle:11", "middle:12", "middle:13", "middle:14", "leaf:6", "leaf:7", "leaf:8", "middle:14",
                "middle:15", "middle:13", "middle:14", "middle:15",
            ]
            #expect(places == expected)
            // Back over the call, to the line that made it.
            _ = try setBreakpoint(client, line: 6)
            _ = try client.go("continue")
            let value = try #require(Int(try client.value("value")))
            _ = try client.go("next")
            #expect(try client.places()[0] == "leaf:7")
            _ = try client.go("stepBack")
            #expect(try client.places()[0] == "leaf:6" && Int(try client.value("value")) == value)
            _ = try client.go("reverseContinue")
            #expect(try client.places()[0] == "leaf:6" && Int(try client.value("value")) == value - 1)
            _ = try setBreakpoint(client, line: 16)
            _ = try client.go("continue")
            #expect(try client.value("sum") == "348", "84 + 86 + 88 + 90")
            _ = try client.body("setBreakpoints", #"{"source":{"path":"/somewhere/t.c"},"breakpoints":[]}"#)
            _ = try client.go("stepBack")
            #expect(try client.places()[0] == "middle:13")
            let start = try client.go("reverseContinue")
            #expect(start["description"]?.string == "the run begins here")
        }
    }

    @Test("One instruction is a step by instructions, and next passes what it calls", arguments: programs)
    func instructionSteps(program: CompiledProgram) throws {
        try debug(program) { client in
            func counter() throws -> UInt64 {
                let frame = try #require(try client.body("stackTrace", #"{"threadId":1}"#)["stackFrames"]?.array?.first)
                return try #require(DAPSession.number(frame["instructionPointerReference"]?.string ?? ""))
            }
            let begin = try counter()
            _ = try client.go("stepIn", #","granularity":"instruction""#)
            #expect(try counter() == begin + 4, "the first instruction has four bytes")
            _ = try client.go("stepBack", #","granularity":"instruction""#)
            #expect(try counter() == begin)
            _ = try setBreakpoint(client, line: 14)
            _ = try client.go("continue")
            // Through the whole line: it has no other function's instructions.
            for _ in 0..<12 {
                _ = try client.go("next", #","granularity":"instruction""#)
                #expect(try client.places()[0].hasPrefix("middle:"))
            }
            #expect(try client.value("sum") == "84")
        }
    }

    @Test("Conditions, counts of hits and messages decide about a breakpoint", arguments: programs)
    func conditions(program: CompiledProgram) throws {
        try debug(program) { client in
            _ = try setBreakpoint(client, line: 7, #","condition":"value == 42""#)
            _ = try client.go("continue")
            #expect(try client.value("value") == "42")
            _ = try client.body("restart")
            _ = try client.run()
            _ = try setBreakpoint(client, line: 7, #","hitCondition":"4""#)
            _ = try client.go("continue")
            #expect(try client.value("value") == "43")
            _ = try client.body("restart")
            _ = try client.run()
            _ = try setBreakpoint(client, line: 7, #","logMessage":"leaf of {value} is {result}""#)
            _ = try client.body("setFunctionBreakpoints", #"{"breakpoints":[{"name":"leaf","hitCondition":">= 3"}]}"#)
            _ = try client.body("continue", #"{"threadId":1}"#)
            for _ in 0..<10_000 where client.session.isRunning { client.session.advance() }
            _ = try client.body("threads")
            let texts = client.events.compactMap { $0["body"]?["output"]?.string }
            #expect(texts == ["leaf of 40 is 84\n", "leaf of 41 is 86\n"])
            let refused = try setBreakpoint(client, line: 7, #","condition":"value ==""#)
            #expect(refused["verified"]?.bool == false)
        }
    }

    @Test("A variable that is written stops the machine, forwards and backwards", arguments: programs)
    func dataBreakpoints(program: CompiledProgram) throws {
        try debug(program) { client in
            let information = try client.body("dataBreakpointInfo", #"{"name":"counter"}"#)
            let identifier = try #require(information["dataId"]?.string)
            let set = try client.body(
                "setDataBreakpoints", #"{"breakpoints":[{"dataId":"\#(identifier)","accessType":"write"}]}"#)
            #expect(set["breakpoints"]?.array?.first?["verified"]?.bool == true)
            var values: [String] = []
            for _ in 0..<5 {
                let stop = try client.go("continue")
                #expect(stop["reason"]?.string == "data breakpoint")
                values.append(try client.value("counter"))
            }
            #expect(values == ["84", "86", "88", "90", "348"])
            // Before the write that gave it this value.
            _ = try client.go("reverseContinue")
            #expect(try client.value("counter") == "90")
        }
    }

    @Test("Memory is read and written, and instructions are listed around an address", arguments: programs)
    func memory(program: CompiledProgram) throws {
        try debug(program) { client in
            _ = try setBreakpoint(client, line: 14)
            _ = try client.go("continue")
            let place = try #require(
                try client.body("evaluate", #"{"expression":"&origin"}"#)["memoryReference"]?.string)
            let read = try client.body("readMemory", #"{"memoryReference":"\#(place)","count":4}"#)
            #expect(read["data"]?.string == "AwAAAA==", "3 as four bytes, RFC 4648")
            let written = try client.body(
                "writeMemory", #"{"memoryReference":"\#(place)","offset":8,"data":"KgAAAAAAAAA="}"#)
            #expect(written["bytesWritten"]?.integer == 8)
            #expect(try client.value("p->y") == "42")
            let nothing = try client.body("readMemory", #"{"memoryReference":"0x0","count":16}"#)
            #expect(nothing["unreadableBytes"]?.integer == 16 || nothing["data"]?.string != nil)

            let frame = try #require(try client.body("stackTrace", #"{"threadId":1}"#)["stackFrames"]?.array?.first)
            let counter = try #require(frame["instructionPointerReference"]?.string)
            let listed = try client.body(
                "disassemble",
                #"{"memoryReference":"\#(counter)","instructionOffset":-5,"instructionCount":9,"resolveSymbols":true}"#)
            let lines = try #require(listed["instructions"]?.array)
            #expect(lines.count == 9 && lines[5]["address"]?.string == counter && lines[5]["line"]?.integer == 14)
            for (line, next) in zip(lines, lines.dropFirst()) {
                let bytes = line["instructionBytes"]?.string?.split(separator: " ").count ?? 0
                let address = DAPSession.number(line["address"]?.string ?? "") ?? 0
                #expect(DAPSession.number(next["address"]?.string ?? "") == address + UInt64(bytes))
            }
        }
    }

    @Test("A register is shown in its group, and takes a value", arguments: programs)
    func registers(program: CompiledProgram) throws {
        try debug(program) { client in
            let frame = try #require(try client.frames().first)
            let scopes = try client.body("scopes", #"{"frameId":\#(frame.identifier)}"#)["scopes"]?.array ?? []
            let general = try #require(scopes.first { $0["name"]?.string == "General registers" })
            let reference = general["variablesReference"]?.integer ?? 0
            let name = program.target == .riscv64 ? "a7" : "x17"
            let set = try client.body(
                "setVariable", #"{"variablesReference":\#(reference),"name":"\#(name)","value":"0x1234"}"#)
            #expect(set["value"]?.string == "0x1234")
            #expect(try client.value("$\(name) + 1") == "0x1235")
            #expect(scopes.contains { $0["name"]?.string == "System registers" })
        }
    }

    @Test("The end of the guest ends the session, with its status, or is a place to go back from")
    func end() throws {
        try debug(Self.programs[0]) { client in
            _ = try client.body("continue", #"{"threadId":1}"#)
            for _ in 0..<10_000 where client.session.isRunning { client.session.advance() }
            _ = try client.body("threads")
            let names = client.events.compactMap { $0["event"]?.string }
            #expect(names.suffix(2) == ["exited", "terminated"])
            #expect(client.events.first { $0["event"]?.string == "exited" }?["body"]?["exitCode"]?.integer == 0)
            #expect(try client.ask("continue", #"{"threadId":1}"#)["success"]?.bool == false)
            _ = try client.ask("disconnect")
            #expect(client.session.isOver)
        }
    }
}
