import Machine

/// What `orrery trace info` prints.
enum TraceReport {
    static func text(_ summary: TraceSummary, isColoured: Bool) -> String {
        func heading(_ text: String) -> String { isColoured ? "\u{1b}[1m\(text)\u{1b}[0m" : text }
        var rows = [
            ["whole", summary.ending.warning.map { "no: \($0)" } ?? "yes"],
            [
                "length",
                (summary.conclusion == nil ? "at least " : "")
                    + "\(grouped(summary.position)) instructions, \(seconds(summary.time)) of the machine's time",
            ],
            ["ended", summary.conclusion.map { shown($0.text) } ?? "not known"],
            ["state hashes", grouped(summary.hashCount)],
            ["format", "\(summary.version), written by \(shown(summary.program))"],
            [
                "revision",
                "\(summary.revision.number) of the machine"
                    + (summary.revision.number == MachineRevision.current
                        ? "" : "; of this program's it is \(MachineRevision.current)"),
            ],
        ]
        for place in rows.indices { rows[place].insert("", at: 0) }
        var text = heading(shown(summary.path)) + "\n" + aligned(rows, left: [0, 1, 2]).map { $0 + "\n" }.joined()
        func section(_ title: String, _ lines: [String]) {
            guard !lines.isEmpty else { return }
            text += "\n" + heading(title) + "\n" + lines.map { "  \($0)\n" }.joined()
        }
        section(
            "machine",
            summary.description.split(separator: "\n", omittingEmptySubsequences: false).map { shown(String($0)) }
                .dropLast(summary.description.hasSuffix("\n") ? 1 : 0))
        section("inputs", inputs(summary))
        section(
            "files",
            aligned(
                summary.resources.map { resource in
                    [
                        shown(resource.role), shown(resource.path), grouped(resource.size) + " bytes",
                        resource.digest.map { "sha256 \($0)" } ?? "", resource.hasContent ? "in this file" : "",
                    ]
                }, left: [0, 1, 3, 4]))
        section(
            "snapshots",
            aligned(
                summary.snapshots.map { snapshot in
                    [
                        "\(snapshot.identifier)", snapshot.name.isEmpty ? "-" : shown(snapshot.name),
                        "at instruction \(grouped(snapshot.position)),", seconds(snapshot.time),
                        snapshot.parent.map { "builds on \($0)" } ?? "",
                    ]
                }, left: [1, 2, 4]))
        section(
            "size",
            aligned(
                [["", "chunks", "bytes", "decompressed"]]
                    + summary.sizes.map {
                        [$0.type.name, grouped($0.chunks), grouped($0.bytes), grouped($0.contents)]
                    } + [["all of the file", "", grouped(summary.byteCount), ""]], left: [0]))
        return text
    }

    private static func inputs(_ summary: TraceSummary) -> [String] {
        var rows = summary.inputs.map { [grouped($0.count), $0.kind.name] }
        if summary.unknownInputs > 0 { rows.append([grouped(summary.unknownInputs), "of unknown kinds"]) }
        return aligned(rows, left: [1])
    }

    static func json(_ summary: TraceSummary) -> JSON {
        func hash(_ value: UInt64?) -> JSON { value.map { .string("0x" + String($0, radix: 16)) } ?? .null }
        var ending: [(String, JSON)] = [("whole", .bool(summary.ending == .complete))]
        if case .early(let end) = summary.ending {
            ending += [("wholeChunks", .number(end.wholeChunks)), ("unreadableBytes", .number(end.unreadableBytes))]
        }
        return .object(
            [("file", .string(summary.path)), ("bytes", .number(summary.byteCount))] + ending + [
                ("format", .string(summary.version)), ("program", .string(summary.program)),
                ("revision", .number(summary.revision.number)),
                ("machine", .string(summary.description)),
                ("instructions", .number(summary.position)), ("nanoseconds", .number(summary.time)),
                (
                    "conclusion",
                    summary.conclusion.map {
                        .object([
                            ("text", .string($0.text)), ("instructions", .number($0.position)),
                            ("nanoseconds", .number($0.time)), ("hash", hash($0.hash?.value)),
                        ])
                    } ?? .null
                ),
                (
                    "inputs",
                    .object(
                        summary.inputs.map { ($0.kind.name, .number($0.count)) }
                            + (summary.unknownInputs > 0 ? [("unknown", .number(summary.unknownInputs))] : []))
                ),
                ("stateHashes", .number(summary.hashCount)),
                (
                    "files",
                    .array(
                        summary.resources.map {
                            .object([
                                ("role", .string($0.role)), ("path", .string($0.path)), ("bytes", .number($0.size)),
                                ("sha256", $0.digest.map { .string($0.description) } ?? .null),
                                ("isContained", .bool($0.hasContent)),
                            ])
                        })
                ),
                (
                    "snapshots",
                    .array(
                        summary.snapshots.map {
                            .object([
                                ("number", .number($0.identifier)), ("name", .string($0.name)),
                                ("instructions", .number($0.position)), ("nanoseconds", .number($0.time)),
                                ("inputs", .number($0.inputCount)), ("parent", $0.parent.map { .number($0) } ?? .null),
                                ("hash", hash($0.hash)),
                            ])
                        })
                ),
                (
                    "chunks",
                    .object(
                        summary.sizes.map {
                            (
                                $0.type.description,
                                .object([
                                    ("count", .number($0.chunks)), ("bytes", .number($0.bytes)),
                                    ("decompressed", .number($0.contents)),
                                ])
                            )
                        })
                ),
            ])
    }

    /// Words of the file, which must not steer the terminal.
    private static func shown(_ text: String) -> String { printable(text) }
}
