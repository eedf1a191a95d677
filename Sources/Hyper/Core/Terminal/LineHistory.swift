/// Lines that were entered, and the place in them where the editor is.
public struct LineHistory: Sendable {
    public static let limit = Configuration.TERMINAL_HISTORY_LINES

    /// The oldest first.
    public private(set) var lines: [Text] = []
    /// The line that is shown: an index of `lines`, or their count for the one that is being written.
    private(set) var position = 0
    /// The line that was being written when an older one was recalled.
    private var draft = Text()

    /// Keeps a line that says something else than the last one, and goes to the end.
    mutating func add(_ line: Text) {
        if line.bytes.contains(where: { $0 != UInt8(ascii: " ") }), line != lines.last {
            if lines.count == Self.limit { lines.removeFirst() }
            lines.append(line)
        }
        position = lines.count
        draft = Text()
    }

    /// Goes to the line at `index` from `current`, which is kept if it was no recalled one; nil where there is none.
    mutating func recall(_ index: Int, from current: Text) -> Text? {
        guard 0...lines.count ~= index else { return nil }
        if position == lines.count { draft = current }
        position = index
        return index == lines.count ? draft : lines[index]
    }

    /// The newest line up to `last` that contains the pattern.
    func find(_ pattern: Text, last: Int) -> Int? {
        var index = min(last, lines.count - 1)
        while index >= 0 {
            if lines[index].contains(pattern) { return index }
            index -= 1
        }
        return nil
    }
}

extension Text {
    /// Whether the bytes of `other` stand somewhere in the text.
    func contains(_ other: Text) -> Bool {
        guard other.count <= count else { return false }
        return (0...count - other.count).contains { bytes[$0..<$0 + other.count].elementsEqual(other.bytes) }
    }
}
