@testable import Hyper

/// What somebody does on the keyboard.
struct Press: Sendable {
    let name: String
    let bytes: [UInt8]
    let effect: @Sendable (inout TypingModel) -> Void

    init(_ name: String, _ keys: String, _ effect: @escaping @Sendable (inout TypingModel) -> Void) {
        self.name = name
        bytes = Array(keys.utf8)
        self.effect = effect
    }

    static func random(_ random: inout Seeded) -> Press {
        // Half of the keys are characters, or lines would stay short.
        if Bool.random(using: &random) {
            let character = "abc  xyz~!".randomElement(using: &random) ?? "a"
            return Press("'\(character)'", String(character)) { $0.before.append(character) }
        }
        let presses = Self.keys
        return presses[Int.random(in: 0..<presses.count, using: &random)]
    }

    /// Each key in each of its encodings.
    private static let keys: [Press] = [
        keys("left", ["\u{1b}[D", "\u{1b}OD", "\u{2}"]) { $0.left() },
        keys("right", ["\u{1b}[C", "\u{1b}OC", "\u{6}"]) { $0.right() },
        keys("home", ["\u{1b}[H", "\u{1b}OH", "\u{1b}[1~", "\u{1b}[7~", "\u{1}"]) { $0.home() },
        keys("end", ["\u{1b}[F", "\u{1b}OF", "\u{1b}[4~", "\u{1b}[8~", "\u{5}"]) { $0.end() },
        keys("backspace", ["\u{7f}", "\u{8}"]) { _ = $0.before.popLast() },
        keys("delete", ["\u{1b}[3~", "\u{4}"]) { if !$0.after.isEmpty { $0.after.removeFirst() } },
        keys("^K", ["\u{b}"]) { $0.after = "" },
        keys("^U", ["\u{15}"]) { $0.before = "" },
        keys("^W", ["\u{17}"]) { $0.eraseWord() },
        keys("^L", ["\u{c}"]) { $0.rowsAbove = [] },
        keys("^C", ["\u{3}"]) { $0.giveUp() },
        keys("up", ["\u{1b}[A", "\u{1b}OA", "\u{10}"]) { $0.up() },
        keys("down", ["\u{1b}[B", "\u{1b}OB", "\u{e}"]) { $0.down() },
        keys("enter", ["\r", "\r\n"]) { $0.enter() },
        keys("noise", ["\u{1b}[5~", "\u{1b}[?25h", "\u{1b}z", "\u{7}", "\u{0}", "\u{1b}[1\u{18}", "é"]) { _ in },
    ].flatMap { $0 }

    private static func keys(
        _ name: String, _ encodings: [String], _ effect: @escaping @Sendable (inout TypingModel) -> Void
    ) -> [Press] {
        encodings.map { Press(name, $0, effect) }
    }
}

/// What typing means, told in another way than the editor tells it: as the text before the cursor and the text after it.
struct TypingModel {
    var before = ""
    var after = ""
    var entered: [String] = []
    /// Rows of the screen above the line; nil where a long one shows only a part of itself.
    var rowsAbove: [String?] = []
    private let width: Int
    private var history: [String] = []
    /// Lines older and newer than the one that is shown, the nearest last; the line that was begun is the newest.
    private var older: [String] = []
    private var newer: [String] = []

    init(columns: Int) { width = columns - 3 }

    mutating func left() { if let character = before.popLast() { after = String(character) + after } }
    mutating func right() { if !after.isEmpty { before.append(after.removeFirst()) } }
    mutating func home() { (before, after) = ("", before + after) }
    mutating func end() { (before, after) = (before + after, "") }

    mutating func eraseWord() {
        while before.last == " " { before.removeLast() }
        while let last = before.last, last != " " { before.removeLast() }
    }

    mutating func enter() {
        let line = before + after
        entered.append(line)
        rowsAbove.append(line.count <= width ? "> " + line : nil)
        if line.contains(where: { $0 != " " }), line != history.last { history = (history + [line]).suffix(32) }
        begin()
    }

    mutating func giveUp() {
        let line = before + after + "^C"
        rowsAbove.append(line.count <= width ? "> " + line : nil)
        begin()
    }

    private mutating func begin() {
        (before, after) = ("", "")
        (older, newer) = (history, [])
    }

    mutating func up() {
        guard let line = older.popLast() else { return }
        // Only the line that was begun keeps what was changed: of the others, the history has the original.
        newer.append(newer.isEmpty ? before + after : history[older.count + 1])
        (before, after) = (line, "")
    }

    mutating func down() {
        guard let line = newer.popLast() else { return }
        older.append(history[older.count])
        (before, after) = (line, "")
    }

    /// How the editor's screen or lines differ from what they should be after the presses.
    static func difference(_ presses: [Press], columns: Int) -> String? {
        var model = TypingModel(columns: columns)
        var edited = EditedScreen(columns: columns)
        var bytes: [UInt8] = []
        for (index, press) in presses.enumerated() {
            bytes += press.bytes
            press.effect(&model)
            // Some arrive together, as they do when somebody pastes.
            if index % 5 < 2, index < presses.count - 1 { continue }
            edited.receive(bytes)
            bytes = []
            if let difference = model.difference(edited) { return difference }
        }
        return nil
    }

    private func difference(_ edited: EditedScreen) -> String? {
        let screen = edited.screen
        let line = before + after
        // The cursor's column tells which part of the line should be seen.
        let hidden = before.count - (screen.column - 2)
        guard edited.lines == entered else { return "lines \(edited.lines), not \(entered)" }
        guard screen.column >= 2, hidden >= 0, hidden == 0 || line.count > width else {
            return "the cursor is in column \(screen.column), and \(before.count) characters are in front of it"
        }
        var expected = "> " + line.dropFirst(hidden).prefix(width)
        while expected.last == " " { expected.removeLast() }
        let shown = screen.text(ofRow: screen.row)
        guard shown == expected else { return "`\(shown)` is shown, not `\(expected)`" }
        guard screen.row == min(rowsAbove.count, screen.rows - 1) else { return "the line is in row \(screen.row)" }
        for (offset, row) in rowsAbove.suffix(screen.row).enumerated() {
            guard var row else { continue }
            while row.last == " " { row.removeLast() }
            let shown = screen.text(ofRow: offset)
            guard shown == row else { return "`\(shown)` is shown above, not `\(row)`" }
        }
        for below in screen.row + 1..<max(screen.rows, screen.row + 1) where screen.text(ofRow: below) != "" {
            return "row \(below) is not empty"
        }
        return screen.errors.first
    }
}
