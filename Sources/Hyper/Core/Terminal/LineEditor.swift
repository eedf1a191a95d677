/// Edits a line on a terminal, without I/O: it is given the terminal's bytes, collects in `output` those that the terminal
/// is to be sent, and hands out finished lines.
///
/// A line lies in one row of the screen, which shows the part around the cursor when the line is longer. Characters are
/// printable ASCII.
public struct LineEditor {
    public static let lengthLimit = 255

    /// What the row begins with.
    public var prompt: Text
    /// The screen's width.
    public var columns = 80 { didSet { columns = max(columns, 16) } }
    public private(set) var history = LineHistory()
    /// What the terminal has not been sent yet.
    public private(set) var output = Text()

    private var line: [UInt8] = []
    private var cursor = 0
    /// The first character of the line that the row shows.
    private var first = 0
    private var row = ScreenRow()
    private var keys = KeyDecoder()
    private var search: Search?

    /// A search through the history, from the newest line to the oldest.
    private struct Search {
        var pattern = Text()
        /// What was edited before, and comes back when the search is given up.
        let line: [UInt8]
        let cursor: Int
    }

    public init(prompt: Text) { self.prompt = prompt }

    /// What the word in front of the cursor may become.
    public struct Completion: Sendable {
        /// How many bytes of the word are there already.
        public var typed: Int
        /// Whole words, each of which begins with those bytes.
        public var words: [Text]

        public init(typed: Int, words: [Text]) {
            self.typed = typed
            self.words = words
        }
    }

    // MARK: Bytes out

    /// Takes what the terminal is to be sent.
    public mutating func takeOutput() -> Text {
        defer { output = Text() }
        return output
    }

    /// Whether the line is on the screen.
    public var isShown: Bool { !row.isBlank }

    /// Brings the screen up to date, once for all the bytes that were received meanwhile.
    public mutating func show() {
        var start = prompt
        if let search { start = "find \(search.pattern): " }
        // What is too long leaves at least half of the row, and its last column free: a cursor behind it would be drawn by
        // each terminal as it likes.
        let begin = Array(start.bytes.suffix(columns / 2))
        let width = columns - 1 - begin.count
        if line.count <= width {
            first = 0
        } else if cursor > first + width || cursor <= first {
            first = max(cursor - width / 2, 0)
        }
        row.show(
            begin + line[first..<min(first + width, line.count)], cursor: begin.count + cursor - first, &output)
    }

    /// Takes the line off the screen until it is shown again.
    public mutating func hide() { row.erase(&output) }

    private mutating func ringBell() { output.append(0x07 as UInt8) }

    // MARK: Bytes in

    /// What the editor cannot do by itself.
    public enum Request: Equatable, Sendable {
        /// The line is finished.
        case execute(Text)
        /// `complete` is to be called with what may stand at the end of the text, which is the line up to the cursor.
        case complete(Text)
    }

    /// Does what the byte asks for. Who is done with receiving calls `show`.
    public mutating func receive(_ byte: UInt8) -> Request? {
        guard let key = keys.decode(byte) else { return nil }
        if search != nil, searches(key) { return nil }
        switch key {
        case .character(let character): if !insert([character]) { ringBell() }
        case .enter: return .execute(finish())
        case .tab: return .complete(Text(line[..<cursor]))
        case .left: cursor = max(cursor - 1, 0)
        case .right: cursor = min(cursor + 1, line.count)
        case .home: cursor = 0
        case .end: cursor = line.count
        case .up: recall(history.position - 1)
        case .down: recall(history.position + 1)
        case .backspace: kill(from: max(cursor - 1, 0))
        case .delete: line.removeSubrange(cursor..<min(cursor + 1, line.count))
        case .killToEnd: line.removeSubrange(cursor...)
        case .killToStart: kill(from: 0)
        case .killWord: kill(from: wordStart)
        case .clearScreen: row.clearScreen(&output)
        case .search: search = Search(line: line, cursor: cursor)
        case .interrupt: interrupt()
        case .abort: break
        }
        return nil
    }

    private mutating func finish() -> Text {
        show()
        row.leave(&output)
        let finished = Text(line)
        history.add(finished)
        set([])
        return finished
    }

    /// Gives the line up, and begins another one.
    private mutating func interrupt() {
        set(line + Text("^C").bytes)
        show()
        row.leave(&output)
        history.add(Text())
        set([])
    }

    // MARK: The line

    private mutating func set(_ new: [UInt8]) {
        line = new
        cursor = new.count
    }

    /// Puts the characters in front of the cursor, if there is room.
    private mutating func insert(_ characters: [UInt8]) -> Bool {
        guard line.count + characters.count <= Self.lengthLimit else { return false }
        line.insert(contentsOf: characters, at: cursor)
        cursor += characters.count
        return true
    }

    /// Removes the characters from `start` to the cursor.
    private mutating func kill(from start: Int) {
        line.removeSubrange(start..<cursor)
        cursor = start
    }

    /// Where the word begins that the cursor is in or behind.
    private var wordStart: Int {
        let space = UInt8(ascii: " ")
        guard let last = line[..<cursor].lastIndex(where: { $0 != space }) else { return 0 }
        return line[..<last].lastIndex(of: space).map { $0 + 1 } ?? 0
    }

    // MARK: History

    private mutating func recall(_ index: Int) {
        if let other = history.recall(index, from: Text(line)) { set(other.bytes) }
    }

    /// Whether the key was one of the search. Any other ends it, with the line that was found.
    private mutating func searches(_ key: Key) -> Bool {
        guard var pattern = search?.pattern else { return false }
        var last = history.position
        switch key {
        case .character(let character): pattern.append(character)
        case .search: last -= 1
        case .backspace:
            // A shorter pattern may be found in newer lines.
            _ = pattern.bytes.popLast()
            last = history.lines.count
        case .interrupt, .abort:
            recall(history.lines.count)
            if let search { (line, cursor) = (search.line, search.cursor) }
            search = nil
            return true
        default:
            search = nil
            return false
        }
        if let found = history.find(pattern, last: last) {
            recall(found)
            search?.pattern = pattern
        } else {
            ringBell()
        }
        return true
    }

    // MARK: Completion

    /// Adds to the word what all its completions have in common, or lists them if that is nothing.
    public mutating func complete(_ completion: Completion) {
        guard var common = completion.words.first else { return ringBell() }
        let isOnly = completion.words.count == 1
        for word in completion.words {
            while !word.hasPrefix(common) { common.bytes.removeLast() }
        }
        // A directory goes on; everything else is followed by the next word.
        if isOnly, common.bytes.last != UInt8(ascii: "/") { common.append(UInt8(ascii: " ")) }
        let missing = Array(common.bytes.dropFirst(completion.typed))
        if !missing.isEmpty {
            if !insert(missing) { ringBell() }
        } else {
            list(completion.words)
        }
    }

    /// Prints the words in columns, below the line.
    private mutating func list(_ words: [Text]) {
        show()
        row.leave(&output)
        var width = 0
        for word in words { width = max(width, word.count + 2) }
        let perRow = max((columns - 1) / width, 1)
        for (index, word) in words.enumerated() {
            let isLast = index % perRow == perRow - 1 || index == words.count - 1
            output.append(isLast ? word : word.padded(width))
            if isLast { row.leave(&output) }
        }
    }
}
