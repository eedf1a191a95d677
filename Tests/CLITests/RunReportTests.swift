import Foundation
import Machine
import TestSupport
import Testing

@testable import CLI

/// What is shown of a run, from a recording of a guest that prints hostile text, calls out of VS-mode and waits.
@Suite("What is shown of a run")
struct RunReportTests {
    static let hostile = "</script><img src=x onerror=alert(1)>\"'&\u{1b}[31m]]>\u{2028}"

    /// Enters VS-mode, where three calls lead to a handler of seven instructions, and a breakpoint to the end; before that
    /// prints what lies behind it, and waits for the timer.
    static let guest: [UInt32] = [
        0x1000_0437,  // lui s0,0x10000
        0x0000_0497,  // auipc s1,0x0
        0x0c04_8493,  // add s1,s1,192
        0x0004_c503,  // lbu a0,0(s1)
        0x0005_0863,  // beqz a0,80000020
        0x00a4_0023,  // sb a0,0(s0)
        0x0014_8493,  // add s1,s1,1
        0xff1f_f06f,  // j 8000000c
        0x0200_42b7,  // lui t0,0x2004
        0x3e80_0313,  // li t1,1000
        0x0062_b023,  // sd t1,0(t0)
        0x0800_0313,  // li t1,128
        0x3043_1073,  // csrw mie,t1
        0x1050_0073,  // wfi
        0xfff0_0293,  // li t0,-1
        0x3b02_9073,  // csrw pmpaddr0,t0
        0x01f0_0293,  // li t0,31
        0x3a02_9073,  // csrw pmpcfg0,t0
        0x3040_1073,  // csrw mie,zero
        0x0000_0297,  // auipc t0,0x0
        0x02c2_8293,  // add t0,t0,44
        0x3052_9073,  // csrw mtvec,t0
        0x1000_02b7,  // lui t0,0x10000
        0x0012_8293,  // add t0,t0,1
        0x00b2_9293,  // sll t0,t0,0xb
        0x3002_a073,  // csrs mstatus,t0
        0x0000_0297,  // auipc t0,0x0
        0x0402_8293,  // add t0,t0,64
        0x3412_9073,  // csrw mepc,t0
        0x3020_0073,  // mret
        0x3420_2373,  // handler: csrr t1,mcause
        0x00a0_0393,  // li t2,10
        0x0073_1a63,  // bne t1,t2,80000094
        0x3410_22f3,  // csrr t0,mepc
        0x0042_8293,  // add t0,t0,4
        0x3412_9073,  // csrw mepc,t0
        0x3020_0073,  // mret
        0x0010_04b7,  // lui s1,0x100
        0x0000_5937,  // lui s2,0x5
        0x5559_0913,  // add s2,s2,1365
        0x0124_a023,  // sw s2,0(s1)
        0x0000_006f,  // j 800000a4
        0x0100_0893,  // guest: li a7,16
        0x0030_0813,  // li a6,3
        0x0000_0073,  // ecall
        0x0000_0073,  // ecall
        0x0000_0813,  // li a6,0
        0x0000_0073,  // ecall
        0x0010_0073,  // ebreak
    ]

    /// Runs the guest and hands over the recording of it.
    static func withRecording(_ body: (_ directory: String, _ recording: String) throws -> Void) throws {
        try ExternalTool.withTemporaryDirectory { directory in
            var bytes = guest.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            bytes += Array("first\n\(hostile)\nlast\n".utf8) + [0]
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/guest.bin"))
            var description = MachineDescription()
            description.firmware = "none"
            description.kernel = directory + "/guest.bin"
            description.memory = ByteCount(1 << 20)
            description.timeout = try TimeSpan("1s")
            let session = try Session(description)
            let path = directory + "/run.orrery"
            let recorder = try RunRecorder(
                session, to: path, description: try DescriptionFile.text(description), files: description.files,
                program: "test", report: { Issue.record("\($0)") })
            session.companion = recorder
            #expect(session.run() == .exited(status: 0))
            recorder.conclude("the guest ended well")
            try body(directory, path)
        }
    }

    static func page(of recording: String) throws -> String {
        let replay = try TraceReplay(recording)
        let spaces = SymbolSpaces(replay.session.symbols)
        let events = try RunEvents(replay.session)
        let profile = InstructionProfile(replay.session, spaces, interval: 10)
        try replay.run { _ in profile.run() }
        events.finish()
        return ReportPage(events, profile, replay, spaces).text
    }

    @Test("The trace that Perfetto reads follows the rules of its format, and has lines as the guest printed them")
    func perfetto() throws {
        try Self.withRecording { _, recording in
            let replay = try TraceReplay(recording)
            let events = try RunEvents(replay.session)
            try replay.run()
            events.finish()
            var text = ""
            ChromeTrace(events, replay, SymbolSpaces(), try EventFilter.parse([])).write { text += $0 }
            // The rules are those of the document "Trace Event Format", which this program knows, and nothing of ours.
            let reader = """
                import json, sys
                trace = json.load(open(sys.argv[1], encoding='utf-8'))
                tracks, opened, counts, lines = {}, {}, {}, []
                for e in trace['traceEvents']:
                    assert e['ph'] in 'XbeiM', e
                    assert isinstance(e['pid'], int) and isinstance(e['tid'], int) and isinstance(e['name'], str), e
                    counts[e['ph']] = counts.get(e['ph'], 0) + 1
                    if e['ph'] == 'M':
                        assert e['name'] in ('process_name', 'process_sort_index', 'thread_name') and e['args'], e
                        continue
                    assert e['ts'] >= 0, e
                    if e['ph'] == 'X':
                        assert e['dur'] >= 0, e
                        tracks.setdefault((e['pid'], e['tid']), []).append((e['ts'], e['ts'] + e['dur']))
                    if e['ph'] == 'b':
                        assert (e['cat'], e['id']) not in opened, e
                        opened[(e['cat'], e['id'])] = e['ts']
                    if e['ph'] == 'e':
                        assert opened.pop((e['cat'], e['id'])) <= e['ts'], e
                    if e['ph'] == 'i':
                        assert e['s'] in 'gpt', e
                        lines.append(e['name'])
                assert not opened
                for spans in tracks.values():
                    spans.sort(key=lambda s: (s[0], -s[1]))
                    stack = []
                    for start, end in spans:
                        while stack and stack[-1] <= start + 1e-9: stack.pop()
                        assert not stack or end <= stack[-1] + 1e-9, (start, end, stack)
                        stack.append(end)
                print(json.dumps(lines))
                print(sum(1 for e in trace['traceEvents'] if e.get('cat') == 'exit'))
                """
            guard let output = try ExternalTool.run("python3", ["-c", reader, "@"], input: Array(text.utf8)) else {
                #expect(ExternalTool.path("python3") == nil, "the trace breaks a rule: python3 -c ... says which")
                return
            }
            let rows = String(decoding: output, as: UTF8.self).split(separator: "\n")
            #expect(
                try JSONDecoder().decode([String].self, from: Data(rows[0].utf8)) == ["first", Self.hostile, "last"])
            #expect(rows[1] == "3", "the guest leaves three times and comes back")
        }
    }

    @Test("A page has no markup of the guest's, and fetches nothing")
    func page() throws {
        try Self.withRecording { _, recording in
            let page = try Self.page(of: recording)
            #expect(!page.contains("<img"))
            #expect(page.components(separatedBy: "</script>").count == 3, "data and script, and nothing of the guest's")
            let start = try #require(page.range(of: "id=\"data\">"))
            let end = try #require(page.range(of: "</script>"))
            let ours = page[..<start.upperBound] + page[end.lowerBound...]
            for word in ["http:", "https:", "src=", "href=", "@import", "url(", "onerror"] {
                #expect(!ours.contains(word), "\(word)")
            }
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(page[start.upperBound..<end.lowerBound].utf8))
                    as? [String: Any])
            let lines = try #require(object["lines"] as? [[Any]])
            #expect(lines.map { $0[4] as? String }.first == "first")
            #expect((object["exits"] as? [[String: Any]])?.map { $0["count"] as? Int } == [2, 1])
        }
    }

    @Test("A browser shows the page without an error, asks the network for nothing, and draws something")
    func browser() throws {
        guard
            let chromium = ["chromium", "chromium-browser", "google-chrome"].compactMap({ ExternalTool.path($0) }).first
        else { return }
        try Self.withRecording { directory, recording in
            // Counts what the page asks for, and what its policy forbids; both before anything of the page is read.
            let counter = """
                <head><script>
                var refused = 0;
                addEventListener("securitypolicyviolation", function () { refused += 1; });
                addEventListener("load", function () {
                    var asked = performance.getEntriesByType("resource").length;
                    document.documentElement.dataset.fetched = asked + "," + refused;
                });
                </script>
                """
            let page = try Self.page(of: recording).replacingOccurrences(of: "<head>", with: counter)
            try Data(page.utf8).write(to: URL(fileURLWithPath: directory + "/report.html"))
            let options = [
                "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(directory)/profile", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
                "--window-size=1300,1500",
                "--virtual-time-budget=3000",
            ]
            let address = "file://\(directory)/report.html"
            let shown = try ExternalTool.run(program: chromium, options + ["--dump-dom", address], in: directory)
            #expect(shown.status == 0)
            #expect(
                shown.outputText.contains("data-ready=\"yes\""),
                "the script did not come to its end")
            #expect(!shown.errorText.contains("CONSOLE"), "the browser complains: \(shown.errorText)")
            #expect(shown.outputText.contains("SBI base, function 3"))
            let html = String(shown.outputText.prefix(2000))
            #expect(html.contains("data-fetched=\"0,0\""), "the page asks for something, or would have: \(html)")
            _ = try ExternalTool.run(
                program: chromium, options + ["--screenshot=\(directory)/shot.png", address], in: directory)
            let shot = try Data(contentsOf: URL(fileURLWithPath: directory + "/shot.png"))
            // An empty page is a few kilobytes.
            #expect(shot.starts(with: [0x89, 0x50, 0x4e, 0x47]) && shot.count > 20_000)
        }
    }

    @Test("Tables name guests, reasons and times, and events can be chosen")
    func tables() throws {
        try Self.withRecording { _, recording in
            let replay = try TraceReplay(recording)
            let exits = try ExitStatistics(replay.session)
            try replay.run()
            let text = TraceTables.exits(exits, replay.session, Paint(isColoured: false))
            let rows = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(rows[2] == "0 2 14 7 7 66.7 % 14 ns 7 ns 7 ns SBI base, function 3", "\(text)")

            let again = try TraceReplay(recording)
            let filter = try EventFilter.parse(["--vmid", "0", "--kind", "exit", "--reason", "FUNCTION 3"])
            let events = try RunEvents(again.session, try filter.limits())
            try again.run()
            events.finish()
            let list = EventList(events, again, SymbolSpaces())
            let entries = list.entries(filter)
            #expect(entries.count == 2)
            let line = list.text(entries[0], Paint(isColoured: false))
            #expect(
                line.contains("hart 0") && line.contains("guest 0 VS") && line.hasSuffix("(took 7 ns, 7 instructions)"),
                "\(line)")
            #expect(list.text(entries[0], Paint(isColoured: true)).contains("\u{1b}["))
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(list.json(entries[0]).text.utf8)) as? [String: Any])
            #expect(object["instructions"] as? Int == 7)
            #expect(throws: UsageError.self) { try EventFilter.parse(["--kind", "exits"]).limits() }
            #expect(throws: UsageError.self) { try EventFilter.parse(["--from", "2s", "--to", "1s"]).limits() }
        }
    }
}
