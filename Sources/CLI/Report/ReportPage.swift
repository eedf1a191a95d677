import Machine

/// A page that shows a run: markup, style, script and data in one file. Its policy forbids the browser to load anything.
struct ReportPage {
    private let events: RunEvents
    private let profile: InstructionProfile
    private let replay: TraceReplay
    private let data: ReportData

    init(_ events: RunEvents, _ profile: InstructionProfile, _ replay: TraceReplay, _ symbols: SymbolSpaces) {
        self.events = events
        self.profile = profile
        self.replay = replay
        data = ReportData(events, profile, replay, symbols)
    }

    var text: String {
        let name = markup(TraceCommand.Profile.name(of: replay.path))
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(name) – Orrery</title>
            <style>
            \(ReportStyle.text)
            </style>
            </head>
            <body>
            <header><h1>\(name)</h1><span class="about">\(markup(machine))</span>
            <button id="theme" type="button">light / dark</button></header>
            <main>
            <div class="figures">\(figures)</div>
            \(notices)
            \(Self.sections)
            </main>
            <footer>Made by \(markup(Orrery.configuration.version)) from \(markup(replay.path)). Times are the machine's: one \
            instruction takes one nanosecond.</footer>
            <div class="tip" id="tip" role="status"></div>
            <script type="application/json" id="data">\(data.json.text.replacing("<", with: "\\u003c"))</script>
            <script>
            \(ReportScript.text)
            </script>
            </body>
            </html>

            """
    }

    /// What ran, in a few words.
    private var machine: String {
        let session = replay.session
        var words = [type(of: session.board).catalogEntry.names.first ?? ""]
        words.append(
            "\(session.board.processors.count) \(session.board.noun)\(session.board.processors.count == 1 ? "" : "s")")
        words.append("\(ByteCount(session.board.memorySize)) of memory")
        if let kernel = session.description.kernel { words.append(TraceCommand.Profile.name(of: kernel)) }
        if let end = replay.file.recording.conclusion?.text { words.append(printable(end)) }
        return words.joined(separator: ", ")
    }

    private var figures: String {
        let rows = events.exits.rowsOfGuests
        var all = Distribution()
        for row in rows { all.add(row.instructions) }
        let executed = replay.session.board.executed
        var figures = [
            (duration(events.end), "of the machine's time"), (grouped(executed), "instructions"),
            (grouped(all.count), "exits of guests"),
        ]
        if all.count > 0 {
            figures.append((grouped(all.median), "instructions, the median exit"))
            figures.append(
                (
                    decimal(100 * Double(all.total) / Double(max(executed, 1)), places: 1) + " %",
                    "of instructions in exits"
                ))
        }
        figures.append((grouped(events.counts[.interrupt] ?? 0), "interrupts"))
        figures.append((decimal(100 * idle, places: 1) + " %", "of CPUs' time waiting"))
        figures.append((grouped(events.counts[.console] ?? 0), "lines of the console"))
        return figures.map { "<div class=\"figure\"><b>\(markup($0.0))</b><span>\(markup($0.1))</span></div>" }.joined()
    }

    private var idle: Double {
        let waiting = events.shares.reduce(0) { $0 + ($1.first?.time ?? 0) }
        let all = events.shares.reduce(0) { $0 + $1.reduce(0) { $0 + $1.time } }
        return Double(waiting) / Double(max(all, 1))
    }

    private var notices: String {
        var notices: [String] = []
        if let sentence = events.leftOut.sentence { notices.append(sentence + ".") }
        if profile.shortened > 0 {
            notices.append("\(grouped(profile.shortened)) samples of the flame graph are shown without their stacks.")
        }
        if let warning = replay.file.recording.file.ending.warning { notices.append("The recording \(warning).") }
        return notices.map { "<p class=\"notice\">\(markup($0.prefix(1).uppercased() + $0.dropFirst()))</p>" }.joined()
    }

    private static let sections = """
        <section class="card" aria-labelledby="t1">
        <div class="bar"><h2 id="t1">Timeline</h2>
        <button id="in" type="button" aria-label="zoom in">+</button><button id="out" type="button" aria-label="zoom out">−</button>
        <button id="all" type="button">whole run</button>
        <button id="previous" type="button">◂ event</button><button id="next" type="button">event ▸</button>
        <span class="soft mono" id="range" aria-live="polite"></span><span class="grow"></span>
        <span class="soft">wheel zooms, dragging moves; <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> <kbd>n</kbd> <kbd>p</kbd> \
        <kbd>Enter</kbd> <kbd>0</kbd></span></div>
        <canvas id="overview" role="img" aria-label="the whole run; drag to choose a part of it"></canvas>
        <canvas id="timeline" tabindex="0" role="application" aria-describedby="details" aria-label="timeline: arrows move and zoom, \
        n and p go from event to event, Enter zooms to it, 0 shows all"></canvas>
        <div class="legend" id="legend"></div>
        <div class="mono" id="details" aria-live="polite"></div>
        </section>
        <div class="columns">
        <section class="card" aria-labelledby="t2"><h2 id="t2">Console</h2>
        <div id="console" class="mono" tabindex="0" role="listbox" aria-label="lines of the console; arrows choose one"><div id="rows"></div></div>
        </section>
        <section class="card" aria-labelledby="t3"><div class="bar"><h2 id="t3">Exits by reason</h2><span class="grow"></span>
        <select id="guest" aria-label="guest"></select></div>
        <div class="scroll"><table><thead><tr><th class="l">reason</th><th>guest</th><th>count</th><th>median</th><th>most</th><th>time</th>
        <th colspan="2">share of instructions</th></tr></thead><tbody id="exits"></tbody></table></div></section>
        </div>
        <div class="columns">
        <section class="card" aria-labelledby="t4"><h2 id="t4">Whose the CPUs were</h2><div id="shares"></div>
        <div class="scroll"><table><thead><tr><th class="l">who</th><th>time</th><th></th><th>instructions</th><th></th></tr></thead>
        <tbody id="owners"></tbody></table></div></section>
        <section class="card" aria-labelledby="t5"><h2 id="t5">Where they waited</h2>
        <div class="scroll"><table><thead><tr><th class="l">CPU</th><th class="l">where</th><th>times</th><th>in all</th><th>of the run</th>
        <th>median</th><th>longest</th></tr></thead><tbody id="waits"></tbody></table></div></section>
        </div>
        <section class="card" aria-labelledby="t6"><h2 id="t6">Interrupts</h2>
        <div class="scroll"><table><thead><tr><th class="l">interrupt</th><th class="l">taken by</th><th>count</th><th>pending: median</th>
        <th>p90</th><th>p99</th><th>most</th><th>handler: median</th><th>p90</th><th>p99</th><th>most</th></tr></thead>
        <tbody id="latencies"></tbody></table></div></section>
        <section class="card" aria-labelledby="t7"><div class="bar"><h2 id="t7">Where the instructions went</h2>
        <button id="unzoom" type="button" hidden>show all</button>
        <span class="grow"></span><span class="soft">a click makes a frame as wide as the page</span></div>
        <div id="flame"></div><div class="mono soft" id="framename" aria-live="polite" style="min-height:1.5em;margin-top:6px"></div></section>
        """
}
