/// How words are put together in messages, tables and listings.

/// `a`, `a and b`, `a, b and c`.
func enumeration(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
}

/// `text` with blanks up to `width`.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

/// Rows of cells as lines, each column as wide as its widest cell; those of `left` start at the left, others end at the
/// right.
public func aligned(_ rows: [[String]], left: Set<Int>) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
        var line = ""
        for (column, cell) in row.enumerated() {
            if column > 0 { line += "  " }
            let space = String(repeating: " ", count: widths[column] - cell.count)
            line += left.contains(column) ? cell + space : space + cell
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

/// `text` with its control characters escaped: names out of a hostile file must not steer the user's terminal, and an
/// error stays on one line.
public func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars { result.append(printable: scalar) }
    return result
}

/// `text` as XML and HTML take it, in elements and in attributes' values: nothing that a guest or a file says is markup.
///
/// Characters that XML 1.0 has no way to write (2.2, "Characters"), and those that steer, are shown by their numbers; of the
/// latter, lines and tabs remain.
public func markup(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        case "\t", "\n": result.unicodeScalars.append(scalar)
        case "\u{fffe}", "\u{ffff}": result.append(escaped: scalar)
        default: result.append(printable: scalar)
        }
    }
    return result
}

extension String {
    fileprivate mutating func append(escaped scalar: Unicode.Scalar) {
        self += "\\u{" + String(scalar.value, radix: 16) + "}"
    }

    fileprivate mutating func append(printable scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069:
            append(escaped: scalar)
        default: unicodeScalars.append(scalar)
        }
    }
}
