import ArgumentParser
import Machine

extension TraceCommand {
    /// `orrery trace exits`.
    struct Exits: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show why guests left for their hypervisor, and what that took.",
            discussion: """
                The recording is run again. An exit begins with the exception that takes a CPU out of a guest and ends with \
                the return into one, or when the CPU waits; what follows a wait is a wake-up.

                Examples:
                  orrery trace exits hyper.orrery
                  orrery trace exits hyper.orrery --json | jq '.exits[0]'
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @Flag(help: "Print one object of JSON.")
        var json = false

        func run() throws {
            let replay = try TraceReplay(file)
            let exits = try ExitStatistics(replay.session)
            try replay.run()
            withExtendedLifetime(exits) {
                StandardStreams.output(
                    json
                        ? TraceTables.exitsJSON(exits, replay.session).text + "\n"
                        : TraceTables.exits(
                            exits, replay.session, Paint(isColoured: StandardStreams.outputIsColoured)))
            }
        }
    }

    /// `orrery trace latencies`.
    struct Latencies: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how long interrupts waited to be taken, and their handlers took.",
            discussion: """
                The recording is run again. An interrupt waits from when its line, or a register, makes it pending for the CPU \
                until it is taken; its handler lasts until the CPU returns from the level that took it. Times are the \
                machine's. Several CPUs take turns of 10 µs, which is as exactly as what one does to another is timed.

                Which interrupt it was is known when the CPU asks its interrupt controller: a GIC's INTID, or a PLIC's source, \
                with the device of that number in the device tree. Numbers that guests are given are virtual ones. Of several \
                that one handler acknowledges, times are of the first. Timers and messages of RISC-V have no such number.

                Examples:
                  orrery trace latencies hyper.orrery
                  orrery trace latencies hyper.orrery --exceptions
                """)

        @Argument(help: "The recording.", completion: .file())
        var file: String

        @Flag(help: "Tell of exceptions that are no interrupts, too.")
        var exceptions = false

        @Flag(help: "Print one object of JSON.")
        var json = false

        func run() throws {
            let replay = try TraceReplay(file)
            var limits = RunEvents.Limits()
            (limits.events, limits.segments, limits.lines) = (0, 0, 0)
            limits.kinds = []
            let events = try RunEvents(replay.session, limits)
            try replay.run()
            events.finish()
            let rows = events.latencies.filter { exceptions || $0.kind == .interrupt }
            StandardStreams.output(
                json
                    ? TraceTables.latenciesJSON(rows, events.interrupts).text + "\n"
                    : TraceTables.latencies(
                        rows, events.interrupts, Paint(isColoured: StandardStreams.outputIsColoured)))
        }
    }
}

/// What analyses of recordings print.
enum TraceTables {
    static func exits(_ exits: ExitStatistics, _ session: Session, _ paint: Paint) -> String {
        let rows = exits.rowsOfGuests
        guard !rows.isEmpty else { return "no guest has left for its hypervisor\n" }
        let count = rows.reduce(0) { $0 + $1.instructions.count }
        let total = rows.reduce(0) { $0 + $1.instructions.total }
        let time = rows.reduce(0) { $0 + $1.time.total }
        var cells = [["guest", "count", "instructions", "median", "most", "share", "time", "median", "most", "reason"]]
        for row in rows {
            cells.append([
                "\(row.guest)", grouped(row.instructions.count), grouped(row.instructions.total),
                grouped(row.instructions.median), grouped(row.instructions.most),
                decimal(100 * Double(row.instructions.total) / Double(max(total, 1)), places: 1) + " %",
                duration(row.time.total), duration(row.time.median), duration(row.time.most), printable(row.name),
            ])
        }
        var lines = aligned(cells, left: [9])
        lines[0] = paint.heading(lines[0])
        let all = session.board.executed
        return
            "\(grouped(count)) exits of guests took \(grouped(total)) instructions, "
            + "\(decimal(100 * Double(total) / Double(max(all, 1)), places: 1)) % of all, and \(duration(time)) of CPUs' time\n"
            + lines.map { $0 + "\n" }.joined()
    }

    static func exitsJSON(_ exits: ExitStatistics, _ session: Session) -> JSON {
        .object([
            ("instructions", .number(session.board.executed)), ("nanoseconds", .number(session.board.scheduler.time)),
            (
                "exits",
                .array(
                    exits.rowsOfGuests.map {
                        .object([
                            ("guest", .number($0.guest)), ("reason", .string($0.name)),
                            ("count", .number($0.instructions.count)), ("instructions", json($0.instructions)),
                            ("nanoseconds", json($0.time)),
                        ])
                    })
            ),
        ])
    }

    private static func json(_ distribution: Distribution) -> JSON {
        .object([
            ("total", .number(distribution.total)),
            ("least", .number(distribution.count == 0 ? 0 : distribution.least)),
            ("median", .number(distribution.median)), ("p90", .number(distribution.percentile(90))),
            ("p99", .number(distribution.percentile(99))), ("most", .number(distribution.most)),
        ])
    }

    private static func taker(_ level: String, _ guest: UInt64?) -> String {
        level + (guest.map { " of guest \($0)" } ?? "")
    }

    static func latencies(
        _ rows: [RunEvents.Latencies], _ interrupts: [RunEvents.Interrupt], _ paint: Paint
    ) -> String {
        guard !rows.isEmpty else { return "no interrupt was taken\n" }
        var cells = [
            ["count", "pending: median", "p90", "p99", "most", "handler: median", "p90", "p99", "most", "taken by", ""]
        ]
        func times(_ distribution: Distribution) -> [String] {
            guard distribution.count > 0 else { return ["-", "-", "-", "-"] }
            return [50, 90, 99].map { duration(distribution.percentile($0)) } + [duration(distribution.most)]
        }
        for row in rows {
            cells.append(
                [grouped(row.count)] + times(row.pending) + times(row.handling) + [
                    taker(row.level, row.guest), printable(row.name),
                ])
        }
        var lines = aligned(cells, left: [9, 10])
        lines[0] = paint.heading(lines[0])
        if !interrupts.isEmpty {
            var cells = [
                [
                    "count", "acknowledged: median", "p90", "p99", "most", "handler: median", "p90", "p99", "most",
                    "number", "taken by", "",
                ]
            ]
            for row in interrupts {
                let number = "\(row.acknowledgement.isVirtual ? "virtual " : "")\(row.acknowledgement.number)"
                cells.append(
                    [grouped(row.count)] + times(row.raised) + times(row.handling) + [
                        number, taker(row.level, row.guest), printable(row.device ?? ""),
                    ])
            }
            let table = aligned(cells, left: [10, 11])
            lines += ["", paint.heading(table[0])] + table.dropFirst()
        }
        for row in rows where row.kind == .interrupt {
            for (what, distribution) in [
                ("until it was taken", row.pending), ("until its handler returned", row.handling),
            ]
            where distribution.count > 0 {
                lines.append("")
                lines.append(paint.heading("\(printable(row.name)) of \(taker(row.level, row.guest)), \(what)"))
                lines += histogram(distribution)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func histogram(_ distribution: Distribution) -> [String] {
        let bars = distribution.powersOfTwo
        let most = max(bars.map(\.count).max() ?? 0, 1)
        return aligned(
            bars.map { bar in
                let length = Int((50 * Double(bar.count) / Double(most)).rounded(.up))
                return [
                    "  " + duration(bar.range.lowerBound), "to", duration(bar.range.upperBound), grouped(bar.count),
                    String(repeating: "█", count: length),
                ]
            }, left: [1, 4])
    }

    static func latenciesJSON(_ rows: [RunEvents.Latencies], _ interrupts: [RunEvents.Interrupt]) -> JSON {
        .object([
            (
                "interrupts",
                .array(
                    interrupts.map { row in
                        .object([
                            ("number", .number(UInt64(row.acknowledgement.number))),
                            ("isVirtual", .bool(row.acknowledgement.isVirtual)),
                            ("device", row.device.map { .string($0) } ?? .null), ("level", .string(row.level)),
                            ("guest", row.guest.map { .number($0) } ?? .null), ("count", .number(row.count)),
                            ("acknowledgedCount", .number(row.raised.count)), ("acknowledged", json(row.raised)),
                            ("handledCount", .number(row.handling.count)), ("handling", json(row.handling)),
                        ])
                    })
            ),
            (
                "latencies",
                .array(
                    rows.map { row in
                        .object([
                            ("kind", .string(row.kind.name)), ("name", .string(row.name)),
                            ("level", .string(row.level)),
                            ("guest", row.guest.map { .number($0) } ?? .null), ("count", .number(row.count)),
                            ("pendingCount", .number(row.pending.count)), ("pending", json(row.pending)),
                            ("pendingHistogram", histogramJSON(row.pending)),
                            ("handledCount", .number(row.handling.count)), ("handling", json(row.handling)),
                            ("handlingHistogram", histogramJSON(row.handling)),
                        ])
                    })
            ),
        ])
    }

    private static func histogramJSON(_ distribution: Distribution) -> JSON {
        .array(
            distribution.powersOfTwo.map {
                .object([
                    ("from", .number($0.range.lowerBound)), ("to", .number($0.range.upperBound)),
                    ("count", .number($0.count)),
                ])
            })
    }
}
