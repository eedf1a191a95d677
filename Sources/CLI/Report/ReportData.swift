import Machine

/// What a report's script is given.
struct ReportData {
    private let events: RunEvents
    private let profile: InstructionProfile
    private let replay: TraceReplay
    private let symbols: SymbolSpaces

    init(_ events: RunEvents, _ profile: InstructionProfile, _ replay: TraceReplay, _ symbols: SymbolSpaces) {
        self.events = events
        self.profile = profile
        self.replay = replay
        self.symbols = symbols
    }

    var json: JSON {
        var places: [String] = []
        var numbers: [String: UInt64] = [:]
        func place(_ event: RunEvent) -> UInt64 {
            let text = symbols.text(event.programCounter, guest: events.owners[event.owner].guest)
            if let number = numbers[text] { return number }
            numbers[text] = UInt64(places.count)
            places.append(text)
            return UInt64(places.count - 1)
        }
        let rows = events.events.map { event in
            JSON.array([
                .number(UInt64(event.kind.rawValue)), number(event.processor), .number(event.start),
                .number(event.duration), number(event.name), number(event.owner), .number(place(event)),
                .number(event.instructions), event.latency.map { .number($0) } ?? .decimal("-1"), number(event.level),
            ])
        }
        return .object([
            ("end", .number(events.end)),
            ("cpus", .array(replay.session.board.processors.map { .string($0.label) })),
            ("owners", .array(events.owners.map(owner))),
            ("names", .array(events.names.map { .string(printable($0)) })),
            ("places", .array(places.map { .string($0) })),
            ("width", .number(events.overview.width)), ("overview", overview), ("counts", counts),
            ("segments", segments),
            ("hasLeftOutSegments", .bool(events.leftOut.segments > 0)), ("events", .array(rows)), ("lines", lines),
            ("exits", exits), ("shares", shares), ("waits", waits), ("latencies", latencies), ("flame", flame),
        ])
    }

    private func number(_ value: Int) -> JSON { .number(UInt64(value)) }

    private func owner(_ owner: RunOwner) -> JSON {
        let kind =
            switch owner {
            case .waiting: "waiting"
            case .guest, .otherGuests: "guest"
            case .level: "level"
            }
        return .object([("name", .string("\(owner)")), ("kind", .string(kind))])
    }

    /// Of each CPU: from the end of the span before to the start of this one, its length, and whose it is.
    private var segments: JSON {
        var flat = [[JSON]](repeating: [], count: replay.session.board.processors.count)
        var ends = [UInt64](repeating: 0, count: flat.count)
        for segment in events.segments {
            let start = max(segment.start, ends[segment.processor])
            let end = max(segment.end, start)
            flat[segment.processor] += [
                .number(start - ends[segment.processor]), .number(end - start), number(segment.owner),
            ]
            ends[segment.processor] = end
        }
        return .array(flat.map { .array($0) })
    }

    private var overview: JSON {
        .array(
            events.overview.shares.map { intervals in
                let used = (intervals.lastIndex { !$0.isEmpty } ?? -1) + 1
                return .array(intervals.prefix(used).map { .array($0.map { .number($0) }) })
            })
    }

    /// How many exits, and how many exceptions and interrupts, there were in each interval of each CPU, where not all of
    /// them are in the list.
    private var counts: JSON {
        guard events.leftOut.events > 0 else { return .null }
        func sum(_ counts: [UInt32], _ kinds: [RunEvent.Kind]) -> JSON {
            .number(kinds.reduce(0) { $0 + UInt64(counts[Int($1.rawValue)]) })
        }
        return .array(
            events.overview.counts.map { intervals in
                .array([
                    .array(intervals.map { sum($0, [.exit]) }),
                    .array(intervals.map { sum($0, [.exception, .interrupt]) }),
                ])
            })
    }

    private var lines: JSON {
        .array(
            events.lines.map { line in
                .array([
                    .number(line.start), .number(line.end), number(line.processor), number(line.owner),
                    .string(printable(Self.withoutColours(line.text))), .bool(line.isCut),
                ])
            })
    }

    /// What steers a terminal (ECMA-48, control sequences) is nothing to read.
    static func withoutColours(_ text: String) -> String {
        var result = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\u{1b}", rest.first == "[" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            rest = rest.dropFirst().drop { (0x20...0x3f).contains($0.value) }.dropFirst()
        }
        return result
    }

    private var exits: JSON {
        .array(
            events.exits.rowsOfGuests.prefix(500).map { row in
                .object([
                    ("reason", .string(printable(row.name))), ("guest", .number(row.guest)),
                    ("count", .number(row.instructions.count)), ("instructions", .number(row.instructions.total)),
                    ("median", .number(row.instructions.median)), ("most", .number(row.instructions.most)),
                    ("time", .number(row.time.total)),
                ])
            })
    }

    private var shares: JSON {
        .array(
            events.shares.map { .array($0.map { .array([.number($0.time), .number($0.instructions)]) }) })
    }

    private var waits: JSON {
        .array(
            events.waitPlaces.prefix(200).map { place in
                let owner = events.owners[place.owner]
                return .object([
                    ("cpu", number(place.processor)), ("owner", .string("\(owner)")), ("name", .string(place.name)),
                    ("place", .string(symbols.text(place.programCounter, guest: owner.guest))),
                    ("count", .number(place.time.count)), ("total", .number(place.time.total)),
                    ("median", .number(place.time.median)), ("most", .number(place.time.most)),
                ])
            })
    }

    private var latencies: JSON {
        func times(_ distribution: Distribution) -> JSON {
            guard distribution.count > 0 else { return .array(Array(repeating: .decimal("-1"), count: 4)) }
            return .array([50, 90, 99].map { .number(distribution.percentile($0)) } + [.number(distribution.most)])
        }
        return .array(
            events.latencies.filter { $0.kind == .interrupt }.prefix(200).map { row in
                .object([
                    ("name", .string(printable(row.name))),
                    ("by", .string(row.level + (row.guest.map { " of guest \($0)" } ?? ""))),
                    ("count", .number(row.count)),
                    ("pending", times(row.pending)), ("handling", times(row.handling)),
                ])
            })
    }

    private var flame: JSON {
        func json(_ frame: FlameGraph.Frame) -> JSON {
            .array([.string(frame.name), .number(frame.value), .array(frame.children.map(json))])
        }
        return json(FlameGraph(profile.stacks, narrowest: 0.0005).root)
    }
}
