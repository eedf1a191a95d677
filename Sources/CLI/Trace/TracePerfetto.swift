import ArgumentParser
import Machine

extension TraceCommand {
    /// `orrery trace perfetto`.
    struct Perfetto: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a run as Perfetto and Chrome's tracing show it.",
            discussion: """
                The recording is run again. The file has JSON of the trace event format: tracks of CPUs, of guests, of exits, of \
                exceptions and interrupts, and of the console.

                Example:
                  orrery trace perfetto hyper.orrery -o trace.json
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @Option(name: .shortAndLong, help: ArgumentHelp("Where to write it.", valueName: "file"))
        var output: String

        @OptionGroup var filter: EventFilter
        @OptionGroup var symbols: SymbolOptions

        @Option(help: ArgumentHelp("So many events and spans of CPUs are kept, the first ones.", valueName: "n"))
        var limit: String?

        func run() throws {
            var limits = try filter.limits()
            if let limit {
                do throws(ValueError) { limits.events = Int(clamping: try Count(limit).value) } catch {
                    throw UsageError(flag: "limit", error)
                }
                (limits.segments, limits.lines) = (limits.events, limits.events)
            }
            let replay = try TraceReplay(file)
            let spaces = try symbols.spaces(replay.session)
            let events = try RunEvents(replay.session, limits)
            try replay.run()
            events.finish()
            let out = try OutputFile(output)
            ChromeTrace(events, replay, spaces, filter).write { out.write($0) }
            try out.close()
            if let sentence = events.leftOut.sentence { StandardStreams.complain(sentence) }
        }
    }
}

/// The trace event format, "JSON Object Format" of its document: complete events for what nests, asynchronous ones for what may
/// overlap, instants for lines, metadata for names.
struct ChromeTrace {
    private let events: RunEvents
    private let replay: TraceReplay
    private let symbols: SymbolSpaces
    private let filter: EventFilter

    init(_ events: RunEvents, _ replay: TraceReplay, _ symbols: SymbolSpaces, _ filter: EventFilter) {
        self.events = events
        self.replay = replay
        self.symbols = symbols
        self.filter = filter
    }

    /// Each group of tracks is a process of the format.
    private enum Group: UInt64 {
        case processors = 1, exits, handlers, console
        /// Guests' groups have their numbers added.
        case guests = 1000
    }

    func write(_ sink: (String) -> Void) {
        sink("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n")
        var isFirst = true
        func put(_ members: [(String, JSON)]) {
            sink((isFirst ? "" : ",\n") + JSON.object(members).text)
            isFirst = false
        }
        names(put)
        for segment in events.segments where events.owners[segment.owner] != .waiting {
            let owner = events.owners[segment.owner]
            complete(put, .processors, segment.processor, "\(owner)", "cpu", segment.start, segment.end)
            if let guest = owner.guest {
                put(
                    [
                        ("ph", .string("X")), ("pid", .number(Group.guests.rawValue &+ guest)),
                        ("tid", tid(segment.processor)),
                    ]
                        + span("running", "guest", segment.start, segment.end))
            }
        }
        let list = EventList(events, replay, symbols)
        var number: UInt64 = 0
        for entry in list.entries(filter) {
            switch entry {
            case .line(let line):
                put([
                    ("ph", .string("i")), ("s", .string("t")), ("pid", .number(Group.console.rawValue)),
                    ("tid", tid(0)),
                    ("ts", time(line.start)), ("name", .string(line.text)), ("cat", .string("console")),
                ])
            case .event(let event):
                let arguments = arguments(event)
                switch event.kind {
                case .exit:
                    put(
                        [("ph", .string("X")), ("pid", .number(Group.exits.rawValue)), ("tid", tid(event.processor))]
                            + span(events.names[event.name], "exit", event.start, event.start + event.duration)
                            + [("args", arguments)])
                case .wait:
                    put(
                        [
                            ("ph", .string("X")), ("pid", .number(Group.processors.rawValue)),
                            ("tid", tid(event.processor)),
                        ]
                            + span("waiting", "wait", event.start, event.start + event.duration) + [("args", arguments)]
                    )
                case .exception, .interrupt:
                    number += 1
                    let common: [(String, JSON)] = [
                        ("pid", .number(Group.handlers.rawValue)), ("tid", tid(event.processor)),
                        ("cat", .string(event.kind.name)), ("id", .number(number)),
                        ("name", .string(events.names[event.name])),
                    ]
                    put([("ph", .string("b")), ("ts", time(event.start)), ("args", arguments)] + common)
                    put([("ph", .string("e")), ("ts", time(event.start + event.duration))] + common)
                case .console: break
                }
            }
        }
        sink("\n]}\n")
    }

    private func names(_ put: ([(String, JSON)]) -> Void) {
        func metadata(_ what: String, _ process: UInt64, _ thread: Int, _ value: (String, JSON)) {
            put([
                ("ph", .string("M")), ("name", .string(what)), ("pid", .number(process)), ("tid", tid(thread)),
                ("args", .object([value])),
            ])
        }
        func group(_ process: UInt64, _ name: String, order: UInt64) {
            metadata("process_name", process, 0, ("name", .string(name)))
            metadata("process_sort_index", process, 0, ("sort_index", .number(order)))
        }
        let noun = replay.session.board.noun
        group(Group.processors.rawValue, "\(noun)s", order: 1)
        group(Group.exits.rawValue, "exits", order: 3)
        group(Group.handlers.rawValue, "exceptions and interrupts", order: 4)
        group(Group.console.rawValue, "console", order: 5)
        metadata("thread_name", Group.console.rawValue, 0, ("name", .string("lines")))
        var processes = [Group.processors, .exits, .handlers].map(\.rawValue)
        for guest in events.owners.compactMap(\.guest) {
            let process = Group.guests.rawValue &+ guest
            group(process, "guest \(guest)", order: 2)
            processes.append(process)
        }
        for process in processes {
            for processor in replay.session.board.processors.indices {
                metadata("thread_name", process, processor, ("name", .string(replay.label(processor))))
            }
        }
    }

    private func complete(
        _ put: ([(String, JSON)]) -> Void, _ group: Group, _ processor: Int, _ name: String, _ category: String,
        _ start: UInt64, _ end: UInt64
    ) {
        put(
            [("ph", .string("X")), ("pid", .number(group.rawValue)), ("tid", tid(processor))]
                + span(name, category, start, end))
    }

    private func span(_ name: String, _ category: String, _ start: UInt64, _ end: UInt64) -> [(String, JSON)] {
        [
            ("name", .string(name)), ("cat", .string(category)), ("ts", time(start)),
            ("dur", time(end - min(start, end))),
        ]
    }

    private func arguments(_ event: RunEvent) -> JSON {
        let guest = events.owners[event.owner].guest
        var members: [(String, JSON)] = [
            ("who", .string("\(events.owners[event.owner])")), ("level", .string(events.names[event.level])),
            ("place", .string(symbols.text(event.programCounter, guest: guest))),
        ]
        if event.instructions > 0 { members.append(("instructions", .number(event.instructions))) }
        if let latency = event.latency { members.append(("pending for, ns", .number(latency))) }
        return .object(members)
    }

    private func tid(_ processor: Int) -> JSON { .number(UInt64(processor + 1)) }

    /// Microseconds, down to the nanosecond.
    private func time(_ nanoseconds: UInt64) -> JSON {
        let fraction = String(nanoseconds % 1000)
        return .decimal("\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction)
    }
}
