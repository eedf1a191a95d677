import Machine

/// A snapshot as `orrery snapshot` shows it, with what programs say of its addresses.
struct SnapshotImage {
    let contents: SnapshotContents
    let place: SnapshotPlace
    let description: String
    let symbols: SymbolFinder
    let physicalSymbols: PhysicalSymbols

    init(_ place: SnapshotPlace) throws {
        self.place = place
        let recording = try Recording(place.file)
        description = recording.description
        let described = try DescriptionFile.parse(
            InputFile(name: place.file + ": description", bytes: Array(recording.description.utf8)))
        let store = recording.snapshots
        contents = try SnapshotContents(
            MachineSnapshot(try store.snapshot(meaning: place.name), of: store), described)
        let images = Self.programs(place.file, contents.architecture)
        symbols = SymbolFinder(images.map(\.symbols))
        physicalSymbols = PhysicalSymbols(images)
    }

    /// The programs that were loaded, where they still are what they were. Who has none of them sees addresses.
    private static func programs(_ path: String, _ architecture: ELFFile.Machine) -> [LoadableImage] {
        guard let description = try? RecordingFile(path).description else { return [] }
        return [description.kernel, description.firmware].compactMap { path in
            guard let path, path != "none", let file = try? InputFile.read(path) else { return nil }
            return try? LoadableImage(file, machine: architecture, limit: 1 << 30)
        }
    }
}

/// What `orrery snapshot` prints.
enum SnapshotReport {
    private enum Colour: String {
        case first = "31"
        case second = "32"
        case heading = "1"
    }

    private static func coloured(_ text: String, _ colour: Colour, _ isColoured: Bool) -> String {
        isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }

    private static func digits(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

    // MARK: Lists

    static func list(_ entries: [SnapshotEntry], isColoured: Bool) -> String {
        guard !entries.isEmpty else { return "no snapshots\n" }
        let rows = entries.map { entry in
            [
                "\(entry.identifier)", entry.name.isEmpty ? "-" : printable(entry.name), grouped(entry.position),
                seconds(entry.time), entry.parent.map { "#\($0)" } ?? "",
            ]
        }
        var lines = aligned([["number", "name", "instruction", "time", "builds on"]] + rows, left: [1, 4])
        lines[0] = coloured(lines[0], .heading, isColoured)
        return lines.map { $0 + "\n" }.joined()
    }

    static func json(_ entry: SnapshotEntry) -> JSON {
        .object([
            ("number", .number(entry.identifier)), ("name", .string(entry.name)),
            ("instructions", .number(entry.position)), ("nanoseconds", .number(entry.time)),
            ("inputs", .number(entry.inputCount)), ("parent", entry.parent.map { .number($0) } ?? .null),
            ("hash", entry.hash.map { .string(digits($0)) } ?? .null),
        ])
    }

    // MARK: One snapshot

    static func text(_ image: SnapshotImage, fields: Bool, isColoured: Bool) -> String {
        let contents = image.contents, entry = contents.entry
        var rows = [
            ["", "name", entry.name.isEmpty ? "-" : printable(entry.name)],
            ["", "place", "instruction \(grouped(entry.position)), \(seconds(entry.time)) of the machine's time"],
            ["", "memory", "\(grouped(UInt64(contents.usedPages))) pages that are not zero"],
            ["", "state hash", entry.hash.map(digits) ?? "none"],
        ]
        for processor in contents.processors {
            let place = image.symbols.text(processor.programCounter, inGuest: processor.privilege.isGuests)
            let idleness = processor.idleness.map { ", \($0)" } ?? ""
            rows.append(["", processor.label, "\(processor.privilegeText) at \(place)\(idleness)"])
        }
        var text = coloured("\(printable(image.place.file)): snapshot \(entry.identifier)", .heading, isColoured) + "\n"
        text += aligned(rows, left: [0, 1, 2]).map { $0 + "\n" }.joined()
        text += "\n" + coloured("machine", .heading, isColoured) + "\n"
        text += image.description.split(separator: "\n").map { "  \(printable(String($0)))\n" }.joined()
        guard fields else { return text }
        for section in contents.listing where !section.fields.isEmpty {
            text += "\n" + coloured(printable(section.name), .heading, isColoured) + "\n"
            text += aligned(section.fields.map { ["", printable($0.name), value($0.value)] }, left: [0, 1, 2])
                .map { $0 + "\n" }.joined()
        }
        return text
    }

    private static func value(_ value: MachineState.Value) -> String {
        switch value {
        case .word(let word): return digits(word)
        case .bytes(let bytes):
            let start = bytes.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
            return "\(grouped(UInt64(bytes.count))) bytes" + (bytes.isEmpty ? "" : ": \(start)")
                + (bytes.count > 16 ? " ..." : "")
        }
    }

    static func json(_ image: SnapshotImage, fields: Bool) -> JSON {
        let contents = image.contents
        var members: [(String, JSON)] = [
            ("file", .string(image.place.file)), ("machine", .string(image.description)),
            ("snapshot", json(contents.entry)), ("usedPages", .number(UInt64(contents.usedPages))),
            (
                "cpus",
                .array(
                    contents.processors.map {
                        .object([
                            ("name", .string($0.label)), ("privilege", .string($0.privilegeText)),
                            ("programCounter", .string(digits($0.programCounter))),
                            ("symbol", image.symbols.name($0.programCounter).map { .string($0) } ?? .null),
                        ])
                    })
            ),
        ]
        if fields {
            members.append(
                (
                    "state",
                    .array(
                        contents.listing.map { section in
                            .object([
                                ("name", .string(section.name)),
                                (
                                    "fields",
                                    .array(
                                        section.fields.map {
                                            .object([("name", .string($0.name)), ("value", json($0.value))])
                                        })
                                ),
                            ])
                        })
                ))
        }
        return .object(members)
    }

    private static func json(_ value: MachineState.Value) -> JSON {
        switch value {
        case .word(let word): .string(digits(word))
        case .bytes(let bytes): .string(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        }
    }

    // MARK: Two of them

    static func text(
        _ difference: SnapshotDifference, _ first: SnapshotImage, _ second: SnapshotImage, pages: Int, isColoured: Bool
    ) -> String {
        guard !difference.isEmpty else { return "no difference\n" }
        func title(_ image: SnapshotImage) -> String {
            "instruction " + grouped(image.contents.entry.position)
        }
        var text = ""
        if !difference.fields.isEmpty {
            let heading = ["", "", title(first), title(second)]
            let rows =
                [heading]
                + difference.fields.map { [printable($0.place), printable($0.name), $0.first, $0.second] }
            let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
            for row in rows {
                func cell(_ column: Int) -> String {
                    row[column] + String(repeating: " ", count: widths[column] - row[column].count + 2)
                }
                text += cell(0) + cell(1) + coloured(cell(2), .first, isColoured)
                text += coloured(row[3], .second, isColoured) + "\n"
            }
        }
        guard !difference.pages.isEmpty else { return text }
        if !text.isEmpty { text += "\n" }
        text +=
            coloured(
                "\(grouped(UInt64(difference.pages.count))) pages of memory differ, in "
                    + "\(grouped(UInt64(difference.byteCount))) bytes", .heading, isColoured) + "\n"
        let rows = difference.pages.prefix(pages).map { page in
            [
                "", digits(page.address), grouped(UInt64(page.count)) + " bytes", "from " + digits(page.firstByte),
                first.physicalSymbols.name(page.firstByte) ?? "",
            ]
        }
        text += aligned(rows, left: [0, 1, 3, 4]).map { $0 + "\n" }.joined()
        if difference.pages.count > pages { text += "  and \(grouped(UInt64(difference.pages.count - pages))) more\n" }
        return text
    }

    static func json(_ difference: SnapshotDifference, _ first: SnapshotImage, _ second: SnapshotImage) -> JSON {
        .object([
            ("first", json(first.contents.entry)), ("second", json(second.contents.entry)),
            (
                "fields",
                .array(
                    difference.fields.map {
                        .object([
                            ("place", .string($0.place)), ("name", .string($0.name)), ("first", .string($0.first)),
                            ("second", .string($0.second)),
                        ])
                    })
            ),
            (
                "pages",
                .array(
                    difference.pages.map { page in
                        .object([
                            ("address", .string(digits(page.address))), ("bytes", .number(UInt64(page.count))),
                            ("firstByte", .string(digits(page.firstByte))),
                            ("symbol", first.physicalSymbols.name(page.firstByte).map { .string($0) } ?? .null),
                        ])
                    })
            ),
        ])
    }
}
