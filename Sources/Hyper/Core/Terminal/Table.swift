/// Rows of words in columns that are as wide as what stands in them.
public struct Table: Sendable {
    private let header: [Text]
    /// By column.
    private let isRight: [Bool]
    private var rows: [[Text]] = []

    /// - Parameter header: the columns' titles, with `|` between them, and `>` before those of columns that stand at
    ///   their right edge, as numbers do. Where all titles are empty, none are printed.
    public init(_ header: Text) {
        let titles = header.split(UInt8(ascii: "|"), keepsEmpty: true)
        isRight = titles.map { $0.bytes.first == UInt8(ascii: ">") }
        self.header = titles.map { Text($0.bytes.drop { $0 == UInt8(ascii: ">") }) }
    }

    /// - Parameter cells: one for each column, or fewer.
    public mutating func add(_ cells: [Text]) { rows.append(cells) }

    func text(isHeaderBold: Bool) -> Text {
        var widths = header.map { $0.count }
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var text = Text()
        if widths.indices.contains(where: { !header[$0].isEmpty }) {
            let line = line(header, widths)
            text.append(isHeaderBold ? Text("\u{1b}[1m\(line)\u{1b}[0m\n") : Text("\(line)\n"))
        }
        for row in rows { text.append(Text("\(line(row, widths))\n")) }
        return text
    }

    /// The cells, two columns apart, without spaces at the end.
    private func line(_ cells: [Text], _ widths: [Int]) -> Text {
        var line = Text()
        for (column, cell) in cells.enumerated() {
            if column > 0 { line.append("  " as StaticString) }
            line.append(cell.padded(widths[column], right: isRight[column]))
        }
        while line.bytes.last == UInt8(ascii: " ") { line.bytes.removeLast() }
        // Names of files and of disks may have anything in them, and a terminal obeys control characters.
        return Text(line.bytes.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 })
    }
}
