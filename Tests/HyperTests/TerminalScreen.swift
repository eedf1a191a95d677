/// The screen of a VT100, as far as anybody in Hyper may count on it: what its user guide says of the characters and
/// sequences below. Everything else that is sent counts as an error.
final class TerminalScreen {
    let columns: Int
    let rows = 24
    private var cells: [[UInt8]]
    private(set) var row = 0
    private(set) var column = 0
    private(set) var bells = 0
    /// Bytes that a VT100 may take for something else.
    private(set) var errors: [String] = []
    private var sequence: [UInt8]?

    init(columns: Int = 80) {
        self.columns = columns
        cells = Array(repeating: Array(repeating: 0x20, count: columns), count: rows)
    }

    func receive(_ bytes: [UInt8]) { bytes.forEach(receive) }

    private func receive(_ byte: UInt8) {
        if let begun = sequence {
            sequence = begun + [byte]
            if begun.isEmpty ? byte != UInt8(ascii: "[") : byte >= 0x40 { finishSequence() }
            return
        }
        switch byte {
        case 0x07: bells += 1
        case 0x08: column = max(column - 1, 0)
        case 0x0a:
            if row < rows - 1 { row += 1 } else { cells = cells.dropFirst() + [Array(repeating: 0x20, count: columns)] }
        case 0x0d: column = 0
        case 0x1b: sequence = []
        case 0x20..<0x7f:
            cells[row][column] = byte
            column += 1
            if column == columns {
                errors.append("a character in the last column, behind which terminals differ")
                column -= 1
            }
        default: errors.append("byte \(byte)")
        }
    }

    private func finishSequence() {
        let text = String(decoding: sequence ?? [], as: UTF8.self)
        sequence = nil
        let count = max(Int(text.dropFirst().dropLast()) ?? 1, 1)
        switch (text, text.last) {
        case ("[K", _): for column in column..<columns { cells[row][column] = 0x20 }
        case ("[2J", _): cells = Array(repeating: Array(repeating: 0x20, count: columns), count: rows)
        case ("[H", _): (row, column) = (0, 0)
        case ("[0m", _), ("[1m", _): break
        case (_, "C"): column = min(column + count, columns - 1)
        case (_, "D"): column = max(column - count, 0)
        default: errors.append("ESC \(text)")
        }
    }

    /// The row's characters, without spaces at its end.
    func text(ofRow row: Int) -> String {
        String(decoding: cells[row][...(cells[row].lastIndex { $0 != 0x20 } ?? -1)], as: UTF8.self)
    }

    /// The rows down to the cursor's or the last that has something in it, with `|` in front of the cursor's cell.
    var picture: String {
        var lines = (0..<rows).map { text(ofRow: $0) }
        lines[row] = lines[row].padding(to: column)
        lines[row].insert("|", at: lines[row].index(lines[row].startIndex, offsetBy: column))
        while lines.last == "" { lines.removeLast() }
        return lines.joined(separator: "\n")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}

/// Keys by their names in the tests: `Keys.left + "x"`.
enum Keys {
    static let left = "\u{1b}[D", right = "\u{1b}[C", up = "\u{1b}[A", down = "\u{1b}[B"
    static let home = "\u{1b}[H", end = "\u{1b}[F", delete = "\u{1b}[3~", backspace = "\u{7f}"
    static let enter = "\r", tab = "\t", escape = "\u{1b}"
    /// The control character of the letter.
    static func control(_ letter: Unicode.Scalar) -> String { String(Unicode.Scalar(UInt8(letter.value) & 0x1f)) }
}

/// Vigna's SplitMix64: the same numbers from a seed everywhere.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

/// The shortest list that fails and that dropping parts of `items` leads to.
func shrink<Item>(_ items: [Item], fails: ([Item]) -> Bool) -> [Item] {
    var items = items
    var length = items.count / 2
    while length > 0 {
        var start = 0
        while start < items.count {
            let candidate = Array(items[..<start] + items[min(start + length, items.count)...])
            if fails(candidate) { items = candidate } else { start += length }
        }
        length /= 2
    }
    return items
}
