import Foundation
import ISA
import TestSupport
import Testing

@testable import Machine

@Suite("Conformance programs")
struct ConformanceTests {
    @Test("Shards share a list out: each element is in exactly one, and their sizes differ by one at most")
    func shards() throws {
        let list = Array(0..<23)
        for count in 1...30 {
            let parts = try (1...count).map { try Shard("\($0)/\(count)").part(of: list) }
            #expect(parts.flatMap { $0 }.sorted() == list, "\(count) shards")
            let sizes = parts.map(\.count)
            #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(count) shards have \(sizes)")
        }
    }

    @Test("What is no shard is refused", arguments: ["", "0/3", "4/3", "1", "1/0", "-1/2", "1/2/3", "a/b", "1/"])
    func badShards(_ text: String) {
        #expect(throws: ValueError.self) { try Shard(text) }
    }

    private static func result(
        _ name: String, _ verdict: ConformanceResult.Verdict, _ reason: String = ""
    ) -> ConformanceResult {
        ConformanceResult(name: name, verdict: verdict, reason: reason)
    }

    @Test("The closing line counts what passed and failed, and what was skipped if anything was")
    func closingLine() {
        var report = ConformanceReport([Self.result("a", .passed), Self.result("b", .failed)])
        #expect(report.closingLine == "1 passed, 1 failed")
        report.results.append(Self.result("c", .skipped))
        #expect(report.closingLine == "1 passed, 1 failed, 1 skipped")
    }

    @Test("The table has a line for each directory and one for all")
    func table() {
        let table = ConformanceReport([
            Self.result("isa/add", .passed), Self.result("isa/sub", .failed), Self.result("hyp/tlb", .skipped),
        ]).table
        #expect(table.count == 4)
        #expect(table[1].split(separator: " ").prefix(4) == ["isa", "1", "1", "0"])
        #expect(table[2].split(separator: " ").prefix(4) == ["hyp", "0", "0", "1"])
        #expect(table[3].split(separator: " ").prefix(4) == ["all", "1", "1", "1"])
    }

    @Test("JUnit's XML counts by suite, and hostile names and consoles do not break it")
    func junit() {
        var failure = Self.result("isa/<&\">", .failed, "tohost = \"3\" & more")
        failure.console = ["\u{1b}[31mred\u{0}"]
        let text = ConformanceReport([Self.result("isa/add", .passed), failure]).junit
        #expect(text.contains("<testsuite name=\"isa\" tests=\"2\" failures=\"1\" skipped=\"0\""))
        #expect(text.contains("name=\"&lt;&amp;&quot;&gt;\""))
        #expect(text.contains("message=\"tohost = &quot;3&quot; &amp; more\""))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    private static func other(_ output: String, _ end: HostProcess.End = .exited(1)) -> OtherRun {
        var ended = HostProcess.Ended(end: end)
        ended.output = Array(output.utf8)
        return OtherRun(ended)
    }

    private static let known = """
        What differs: a heading, which is no rule.

        isa/amo: cause [57]$
            Reports a load's.
        """

    @Test("What another emulator fails is news, unless a line of that program's name explains it")
    func differences() throws {
        let known = try KnownDifferences(InputFile(name: "known", bytes: Array(Self.known.utf8)))
        var result = Self.result("isa/amo", .passed)
        result.compare(
            with: Self.other("fail 1: cause 5\r\nfail 2: cause 7\r\nFAILED isa: 9 checks\r\n"), "qemu", known)
        #expect(result.verdict == .passed && result.differences == 2)
        result.compare(with: Self.other("fail 1: cause 6\nFAILED isa: 9 checks\n"), "qemu", known)
        #expect(result.verdict == .failed)
        #expect(result.reason == "on qemu 1 check fails, of which the first is: fail 1: cause 6")
        var another = Self.result("isa/add", .passed)
        another.compare(with: Self.other("fail 1: cause 5\nFAILED isa: 9 checks\n"), "qemu", known)
        #expect(another.verdict == .failed, "the rule is another program's")
    }

    @Test("A program that does not say on another emulator how it went has failed")
    func silence() {
        for (end, reason) in [
            (.outOfTime, "it did not end"), (.exited(1), "it failed"), (.signalled(6), "it died of signal 6"),
        ] as [(HostProcess.End, String)] {
            var result = Self.result("isa/add", .passed)
            result.compare(with: Self.other("", end), "qemu", KnownDifferences())
            #expect(result.verdict == .failed && result.reason == "on qemu \(reason)")
        }
    }

    @Test("A list of differences with a bad expression is refused with its line")
    func badDifferences() {
        #expect(throws: InputError.self) {
            try KnownDifferences(InputFile(name: "known", bytes: Array("# list\nisa/amo: (\n".utf8)))
        }
    }

    @Test("A signature is written as it is read: eight digits a line")
    func signatureText() throws {
        let text = "deadbeef\n00000001\n"
        #expect(try Signature(InputFile(name: "a.ref", bytes: Array(text.utf8))).text == text)
    }

    @Test("Figures are grouped by thousands and rounded to places")
    func figures() {
        #expect(grouped(0) == "0")
        #expect(grouped(999) == "999")
        #expect(grouped(1000) == "1,000")
        #expect(grouped(.max) == "18,446,744,073,709,551,615")
        #expect(decimal(0.05, places: 1) == "0.1")
        #expect(decimal(12.3456, places: 2) == "12.35")
        #expect(decimal(-1.5, places: 0) == "-2")
        #expect(decimal(3.004, places: 2) == "3.00")
    }

    @Test("A program for an extension that the CPU lacks is told by its attributes' text")
    func architectures() {
        let all = RISCV.Features.all
        #expect(ConformanceProgram.missingExtension("rv64i2p1_m2p0_a2p1_zicsr2p0_zifencei2p0", features: all) == nil)
        #expect(ConformanceProgram.missingExtension("rv64imafdc", features: all) == nil)
        #expect(ConformanceProgram.missingExtension("rv64i2p1_v1p0_zve32f1p0", features: all) == "V")
        #expect(ConformanceProgram.missingExtension("rv64i2p1_zfa1p0", features: all) == "zfa")
        #expect(ConformanceProgram.missingExtension("rv64i2p1_zba1p0", features: all.subtracting(.zba)) == "zba")
        #expect(ConformanceProgram.missingExtension("rv64i2p1_h1p0", features: all.subtracting(.h)) == "H")
    }

    @Test("Programs of each machine are found, run on theirs, and explained when they hang")
    func machines() throws {
        func program(_ machine: UInt16, at address: UInt64, _ words: [UInt32]) -> Data {
            let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            var builder = ELFBuilder.program(at: address, bytes)
            builder.machine = machine
            return Data(builder.bytes())
        }
        try ExternalTool.withTemporaryDirectory { directory in
            let files: [(String, Data)] = [
                ("a.elf", program(183, at: 0x4010_0000, TinyA64Guest.powerOff)),
                ("b.elf", program(183, at: 0x4010_0000, [0xd503_207f, 0x17ff_ffff])),  // wfi; b .-4
                ("c.elf", program(243, at: 0x8000_0000, TinyGuest.powerOff)),
                ("d.elf", program(62, at: 0x8000_0000, [0])),  // EM_X86_64
                ("e.txt", Data("text".utf8)),
            ]
            for (name, data) in files { try data.write(to: URL(fileURLWithPath: directory + "/" + name)) }
            let programs = try ConformanceProgram.find([directory])
            #expect(programs.map(\.name) == ["a", "b", "c"])
            #expect(programs.map(\.architecture) == [.aarch64, .aarch64, .riscv])
            var machine = MachineDescription()
            machine.memory = ByteCount(4 << 20)
            let results = programs.map { ConformanceRun($0, on: machine).run() }
            #expect(results.map(\.verdict) == [.passed, .failed, .passed])
            #expect(results[1].reason == "hangs: no CPU goes on, and no event is to come")
            #expect(
                results[1].post == [
                    "CPU 0  EL2  0x40100004  waits (wfi) since 0.000000001 s, and none of its timers is on"
                ])
        }
    }

    @Test("A reference signature is read word by word, and what is no word is refused with its line")
    func signatures() throws {
        let words = try Signature(InputFile(name: "a.ref", bytes: Array("deadbeef\n00000001\n\n".utf8))).words
        #expect(words == [0xdead_beef, 1])
        let bad = InputFile(name: "a.ref", bytes: Array("1\nxyz\n".utf8))
        #expect(throws: InputError.self) { try Signature(bad) }
    }

    @Test("The console's failed checks are kept, and a program that skips everything is known")
    func console() {
        let console = ConsoleLines(last: 2)
        console.write(Array("fail 3: 3.1.15: cause: expected 7, got 5\r\none\ntwo\nskip: no CSR stopei\n".utf8))
        console.write(Array("PASS stopei: 0 checks, 0 failed, 1 skipped".utf8))
        console.end()
        #expect(console.failedChecks == ["fail 3: 3.1.15: cause: expected 7, got 5"])
        #expect(console.lines == ["skip: no CSR stopei", "PASS stopei: 0 checks, 0 failed, 1 skipped"])
        #expect(console.allSkipped)
    }
}
