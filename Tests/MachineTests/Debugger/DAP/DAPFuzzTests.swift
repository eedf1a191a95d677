import TestSupport
import Testing

@testable import Machine

@Suite("Hostile editors")
struct DAPFuzzTests {
    /// One of each kind of request.
    private static let requests: [String] = [
        #""initialize","arguments":{"adapterID":"orrery","linesStartAt1":true,"supportsProgressReporting":true}"#,
        #""launch","arguments":{"program":"t.elf","stopOnEntry":true}"#, #""attach","arguments":{"recording":"t"}"#,
        #""configurationDone""#, #""threads""#, #""stackTrace","arguments":{"threadId":1,"startFrame":0,"levels":20}"#,
        #""scopes","arguments":{"frameId":1}"#,
        #""variables","arguments":{"variablesReference":2,"start":0,"count":10}"#,
        #""variables","arguments":{"variablesReference":4,"format":{"hex":true}}"#,
        #""evaluate","arguments":{"expression":"*(origin.next)->y + $pc << 3 && a0","frameId":1,"context":"watch"}"#,
        #""evaluate","arguments":{"expression":"monitor registers","context":"repl"}"#,
        #""setBreakpoints","arguments":{"source":{"path":"t.c"},"breakpoints":[{"line":7,"condition":"value > 4","hitCondition":"% 2"}]}"#,
        #""setBreakpoints","arguments":{"source":{"path":"t.c"},"breakpoints":[{"line":14,"logMessage":"{p->x} {"}]}"#,
        #""setFunctionBreakpoints","arguments":{"breakpoints":[{"name":"leaf"},{"name":"*0x80000000"}]}"#,
        #""setInstructionBreakpoints","arguments":{"breakpoints":[{"instructionReference":"0x80000004","offset":-4}]}"#,
        #""setDataBreakpoints","arguments":{"breakpoints":[{"dataId":"0x80000100/8","accessType":"write"}]}"#,
        #""dataBreakpointInfo","arguments":{"name":"counter","frameId":1,"bytes":8}"#,
        #""dataBreakpointInfo","arguments":{"name":"0x80000000","asAddress":true,"bytes":18446744073709551615}"#,
        #""setExceptionBreakpoints","arguments":{"filters":["exit"],"filterOptions":[{"filterId":"level","condition":"VS"}]}"#,
        #""breakpointLocations","arguments":{"source":{"path":"t.c"},"line":1,"endLine":100}"#, #""modules""#,
        #""loadedSources""#,
        #""setVariable","arguments":{"variablesReference":2,"name":"a0","value":"5 * 3"}"#,
        #""readMemory","arguments":{"memoryReference":"0x80000000","offset":-9223372036854775808,"count":9223372036854775807}"#,
        #""writeMemory","arguments":{"memoryReference":"0x80000000","offset":16,"data":"AwAAAA=="}"#,
        #""disassemble","arguments":{"memoryReference":"0x80000000","offset":0,"instructionOffset":-200,"instructionCount":400,"resolveSymbols":true}"#,
        #""disassemble","arguments":{"memoryReference":"0xffffffffffffffff","instructionOffset":16384,"instructionCount":16384}"#,
        #""continue","arguments":{"threadId":1}"#, #""reverseContinue","arguments":{"threadId":1}"#,
        #""next","arguments":{"threadId":1,"granularity":"statement"}"#, #""stepIn","arguments":{"threadId":1}"#,
        #""stepOut","arguments":{"threadId":1}"#, #""stepBack","arguments":{"threadId":1,"granularity":"instruction"}"#,
        #""next","arguments":{"threadId":2,"granularity":"instruction"}"#, #""pause","arguments":{"threadId":1}"#,
        #""cancel","arguments":{"progressId":"reverse-1"}"#, #""restart""#, #""terminate""#, #""disconnect""#,
        #""source","arguments":{"sourceReference":5}"#,
    ]
    private static let corpus: [[UInt8]] = requests.map {
        DAPTestClient.frame(#"{"seq":7,"type":"request","command":\#($0)}"#)
    }

    /// Frames what was damaged again, most of the time: else hardly any gets through.
    private func stream(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        guard random.next() % 4 != 0, let start = bytes.firstIndex(of: 0x7b) else { return bytes }
        let body = bytes[start...]
        return Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
    }

    private func drive(_ client: DAPTestClient, _ bytes: [UInt8], _ random: inout SplitMix64) throws {
        let session = client.session
        // A session that has begun, mostly.
        if random.next() % 8 != 0 { for index in [0, 1, 3] { session.receive(Self.corpus[index]) } }
        var produced = 0
        let index = { (random: inout SplitMix64) in Int(random.next() % UInt64(Self.corpus.count)) }
        let parts = [
            Self.corpus[5], stream(bytes, &random), Self.corpus[index(&random)], stream(bytes, &random),
            Self.corpus[index(&random)],
        ]
        for part in parts {
            session.receive(part)
            for _ in 0..<3 where session.isRunning { session.advance() }
            var interrupts = 0
            while session.isRunning, !session.isOver, interrupts < 100 {
                session.receive(
                    DAPTestClient.frame(#"{"seq":9,"type":"request","command":"pause","arguments":{"threadId":1}}"#))
                session.advance()
                if session.isFull { _ = session.takeOutput() }
                interrupts += 1
            }
            // A frame that was damaged may have a longer body to come, in which that pause is.
            if interrupts == 100 { session.close() }
            while true {
                let output = session.takeOutput()
                if output.isEmpty { break }
                produced += output.count
                try require(output.count < 16 << 20, "\(output.count) bytes at once")
            }
        }
        try require(produced < 64 << 20, "\(produced) bytes are answered to \(bytes.count)")
        session.close()
        try require(!session.isRunning, "the machine runs on without an editor")
    }

    @Test("No messages crash a session, have it answer without bounds, or have it run on without its editor")
    func fake() {
        fuzz("dap messages", cases: 20_000, corpus: Self.corpus) { bytes, random in
            let target = FakeDebugTarget()
            target.canReverse = true
            target.stops = [nil, DebugStop(.breakpoint, processor: 0), DebugStop(.stepped, processor: 1)]
            let program = DebuggedProgram(
                target: target, sources: SourcePrograms([]), symbols: SymbolFinder([]), name: "t.elf")
            try drive(DAPTestClient(program), bytes, &random)
            try require(target.points.isEmpty, "stop points are left behind")
        }
    }

    @Test(
        "Nor do they harm a machine of ours, with a program's debug information",
        .enabled(if: CompiledProgram.isPossible, "needs clang and ld.lld of the Swift toolchain"))
    func real() throws {
        try CompiledProgram(target: .riscv64, options: ["-O0", "-g"]).compileGuest { path in
            var description = MachineDescription()
            (description.kernel, description.firmware, description.memory) = (path, "none", ByteCount(4 << 20))
            let session = try Session(description)
            let target = MachineTarget(session) { "\($0)" }
            let sources = SourcePrograms([.init(try DebugInformation(.read(path)))])
            let program = DebuggedProgram(
                target: target, sources: sources, symbols: SymbolFinder(session.symbols), name: path)
            fuzz("dap and a machine", cases: 4000, corpus: Self.corpus) { bytes, random in
                try drive(DAPTestClient(program), bytes, &random)
                try target.restart()
            }
        }
    }

    @Test("Random bytes end a session, or wait for more")
    func noise() {
        fuzz("dap noise", cases: 5000, corpus: [[0x43]]) { _, random in
            let bytes = (0..<random.next() % 256).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try drive(DAPTestClient(nil), bytes, &random)
        }
    }
}
