import ArgumentParser
import Machine

extension TraceCommand {
    /// `orrery trace events`.
    struct Events: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List exits, exceptions, interrupts, waits and lines of the console, with their times.",
            discussion: """
                The recording is run again. Each line has the time, the CPU, who had it, the level, where that was, what \
                happened and how long it took. With --json each line is an object.

                Examples:
                  orrery trace events hyper.orrery --kind exit,console --vmid 1
                  orrery trace events hyper.orrery --reason timer --from 10ms --to 20ms
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @OptionGroup var filter: EventFilter
        @OptionGroup var symbols: SymbolOptions

        @Option(help: ArgumentHelp("So many events are kept, the first ones.", valueName: "n"))
        var limit: String?

        @Flag(help: "Print an object of JSON a line.")
        var json = false

        func run() throws {
            var limits = try filter.limits()
            if let limit {
                do throws(ValueError) { limits.events = Int(clamping: try Count(limit).value) } catch {
                    throw UsageError(flag: "limit", error)
                }
                limits.lines = limits.events
            }
            limits.segments = 0
            let replay = try TraceReplay(file)
            let spaces = try symbols.spaces(replay.session)
            let events = try RunEvents(replay.session, limits)
            try replay.run()
            events.finish()
            let list = EventList(events, replay, spaces)
            let paint = Paint(isColoured: StandardStreams.outputIsColoured)
            for entry in list.entries(filter) {
                StandardStreams.output(json ? list.json(entry).text + "\n" : list.text(entry, paint) + "\n")
            }
            // Spans of CPUs are not what this lists.
            var leftOut = events.leftOut
            leftOut.segments = 0
            if let sentence = leftOut.sentence { StandardStreams.complain(sentence) }
        }
    }
}

/// Which events are meant.
struct EventFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only on this CPU; may be given again.", valueName: "n"))
    var cpu: [Int] = []

    @Option(help: ArgumentHelp("Only of this guest; may be given again.", valueName: "n"))
    var vmid: [UInt64] = []

    @Option(help: ArgumentHelp("Only these, of exit, exception, interrupt, wait and console.", valueName: "kind,..."))
    var kind: String?

    @Option(help: ArgumentHelp("Only where what happened has these words.", valueName: "text"))
    var reason: String?

    @Option(help: ArgumentHelp("Only in functions whose name has these words.", valueName: "text"))
    var symbol: String?

    @Option(help: ArgumentHelp("Only from this time of the machine on.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Only up to this time.", valueName: "time"))
    var to: String?

    func limits() throws -> RunEvents.Limits {
        var limits = try RunEvents.Limits(from: from, to: to)
        if let kind {
            limits.kinds = []
            for word in kind.split(separator: ",", omittingEmptySubsequences: false) {
                guard let one = RunEvent.Kind.allCases.first(where: { $0.name == word }) else {
                    let names = RunEvent.Kind.allCases.map(\.name).joined(separator: ", ")
                    throw UsageError(
                        "--kind: \"\(printable(String(word.prefix(40))))\" is no kind of event. There are \(names).")
                }
                limits.kinds.insert(one)
            }
        }
        return limits
    }
}

extension RunEvents.Limits {
    /// Of a part of a run, between times as users write them.
    init(from: String?, to: String?) throws {
        self.init()
        func time(_ text: String?, _ flag: String) throws(UsageError) -> UInt64? {
            guard let text else { return nil }
            do throws(ValueError) { return try TimeSpan(text).nanoseconds } catch {
                throw UsageError(flag: flag, error)
            }
        }
        let start = try time(from, "from") ?? 0
        let end = try time(to, "to") ?? .max
        guard start <= end else { throw UsageError("--from: it is later than --to. Swap them.") }
        window = start...end
    }
}

/// Events and lines of a run as they are listed.
struct EventList {
    enum Entry {
        case event(RunEvent)
        case line(RunLine)

        var start: UInt64 {
            switch self {
            case .event(let event): event.start
            case .line(let line): line.start
            }
        }
    }

    private let events: RunEvents
    private let replay: TraceReplay
    private let symbols: SymbolSpaces

    init(_ events: RunEvents, _ replay: TraceReplay, _ symbols: SymbolSpaces) {
        self.events = events
        self.replay = replay
        self.symbols = symbols
    }

    /// Those that are meant, in order of time.
    func entries(_ filter: EventFilter) -> [Entry] {
        func isMeant(_ processor: Int, _ owner: Int) -> Bool {
            if !filter.cpu.isEmpty, !filter.cpu.contains(replay.session.board.processors[processor].identifier) {
                return false
            }
            return filter.vmid.isEmpty || events.owners[owner].guest.map { filter.vmid.contains($0) } ?? false
        }
        func has(_ text: String, _ words: String?) -> Bool {
            guard let words else { return true }
            return text.lowercased().contains(words.lowercased())
        }
        var entries: [Entry] = []
        for event in events.events where isMeant(event.processor, event.owner) {
            guard has(events.names[event.name], filter.reason) else { continue }
            if filter.symbol != nil, !has(place(event), filter.symbol) { continue }
            entries.append(.event(event))
        }
        if filter.symbol == nil {
            for line in events.lines where isMeant(line.processor, line.owner) && has(line.text, filter.reason) {
                entries.append(.line(line))
            }
        }
        return entries.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }
            .map(\.element)
    }

    private func place(_ event: RunEvent) -> String {
        symbols.text(event.programCounter, guest: events.owners[event.owner].guest)
    }

    func text(_ entry: Entry, _ paint: Paint) -> String {
        switch entry {
        case .event(let event):
            var text = head(event.start, event.processor, event.owner, event.level, event.kind, paint)
            text += Self.wide(place(event), 28) + " " + printable(events.names[event.name])
            if event.kind == .exception, event.address != 0 {
                text += ", address 0x" + String(event.address, radix: 16)
            }
            var figures: [String] = []
            if let latency = event.latency { figures.append("pending for \(duration(latency))") }
            if event.duration > 0 { figures.append("took \(duration(event.duration))") }
            if event.instructions > 0 { figures.append("\(grouped(event.instructions)) instructions") }
            return figures.isEmpty ? text : text + paint.faint("  (" + figures.joined(separator: ", ") + ")")
        case .line(let line):
            return head(line.start, line.processor, line.owner, line.level, .console, paint)
                + printable(line.text) + (line.isCut ? "… (cut)" : "")
        }
    }

    private func head(
        _ time: UInt64, _ processor: Int, _ owner: Int, _ level: Int, _ kind: RunEvent.Kind, _ paint: Paint
    ) -> String {
        var fraction = String(time % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        let who = events.owners[owner]
        let whose = who.guest == nil ? events.names[level] : "\(who) \(events.names[level])"
        return "\(time / 1_000_000_000).\(fraction)  " + Self.wide(replay.label(processor), 7) + " "
            + Self.wide(whose, 11) + " " + paint.kind(kind, Self.wide(kind.name, 9)) + " "
    }

    private static func wide(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }

    func json(_ entry: Entry) -> JSON {
        func common(_ time: UInt64, _ processor: Int, _ owner: Int, _ level: Int, _ kind: RunEvent.Kind) -> [(
            String, JSON
        )] {
            [
                ("time", .number(time)), ("kind", .string(kind.name)),
                ("cpu", .number(UInt64(replay.session.board.processors[processor].identifier))),
                ("guest", events.owners[owner].guest.map { .number($0) } ?? .null),
                ("level", .string(events.names[level])),
            ]
        }
        switch entry {
        case .event(let event):
            return .object(
                common(event.start, event.processor, event.owner, event.level, event.kind) + [
                    ("name", .string(events.names[event.name])),
                    ("pc", .string("0x" + String(event.programCounter, radix: 16))),
                    ("place", .string(place(event))), ("address", .string("0x" + String(event.address, radix: 16))),
                    ("duration", .number(event.duration)), ("instructions", .number(event.instructions)),
                    ("pending", event.latency.map { .number($0) } ?? .null),
                ])
        case .line(let line):
            return .object(
                common(line.start, line.processor, line.owner, line.level, .console) + [
                    ("text", .string(line.text)), ("end", .number(line.end)), ("isCut", .bool(line.isCut)),
                ])
        }
    }
}
