import Testing

@testable import Hyper

/// An editor, the screen that it draws on, and the lines that came out.
struct EditedScreen {
    var editor: LineEditor
    let screen: TerminalScreen
    var lines: [String] = []
    /// All words that Tab knows.
    let words: [Text]

    init(columns: Int = 80, words: [Text] = []) {
        screen = TerminalScreen(columns: columns)
        editor = LineEditor(prompt: "> ")
        self.words = words
        editor.columns = columns
        type("")
    }

    /// What is sent for the keys when they arrive at once.
    @discardableResult
    mutating func type(_ keys: String) -> String { receive(Array(keys.utf8)) }

    @discardableResult
    mutating func receive(_ bytes: [UInt8]) -> String {
        for byte in bytes {
            switch editor.receive(byte) {
            case .execute(let line): lines.append(line.string)
            case .complete(let text):
                let typed = Text(text.bytes.split(separator: 0x20, omittingEmptySubsequences: false).last ?? [])
                let completion = words.filter { $0.hasPrefix(typed) }
                editor.complete(LineEditor.Completion(typed: typed.count, words: completion))
            case nil: break
            }
        }
        editor.show()
        let output = editor.takeOutput()
        screen.receive(output.bytes)
        return output.string
    }

    /// The screen after the keys.
    static func picture(_ keys: String, words: [Text] = []) -> String {
        var edited = EditedScreen(words: words)
        edited.type(keys)
        return edited.screen.picture
    }
}

@Suite("The line editor")
struct TerminalEditorTests {
    // MARK: Editing

    @Test(
        "Keys edit the line as they do in a shell",
        arguments: [
            ("hello", "> hello|"),
            ("helo\(Keys.left)l", "> hell|o"),
            ("ello\(Keys.home)h", "> h|ello"),
            ("ello\(Keys.control("A"))h\(Keys.control("E"))!", "> hello!|"),
            ("hello\(Keys.control("B"))\(Keys.control("B"))\(Keys.control("F"))", "> hell|o"),
            ("ab\(Keys.left)\(Keys.left)\(Keys.left)\(Keys.right)\(Keys.right)\(Keys.right)", "> ab|"),
            ("hellp\(Keys.backspace)o", "> hello|"),
            ("hellp\u{8}o", "> hello|"),
            ("hxello\(Keys.home)\(Keys.right)\(Keys.delete)", "> h|ello"),
            ("xhello\(Keys.home)\(Keys.control("D"))\(Keys.end)\(Keys.control("D"))", "> hello|"),
            ("hello there\u{1b}[1~\(Keys.right)\(Keys.control("K"))", "> h|"),
            ("hello there\(Keys.left)\(Keys.left)\(Keys.control("U"))", "> |re"),
            ("create the  guest  \(Keys.control("W"))", "> create the  |"),
            ("create the guest\(Keys.left)\(Keys.left)\(Keys.control("W"))", "> create the |st"),
            ("hello\(Keys.control("C"))again", "> hello^C\n> again|"),
            ("one\rtwo\(Keys.control("L"))", "> two|"),
            ("\(Keys.backspace)\(Keys.delete)\(Keys.control("W"))\(Keys.control("K"))\(Keys.control("U"))", "> |"),
        ])
    func editing(keys: String, picture: String) { #expect(EditedScreen.picture(keys) == picture) }

    @Test("CR, LF and CRLF each end one line")
    func lineEnds() {
        var edited = EditedScreen()
        edited.type("a\rb\nc\r\nd\n\ne\r")
        edited.type("\nf\r\r")
        #expect(edited.lines == ["a", "b", "c", "d", "", "e", "f", ""])
    }

    @Test("Sequences that are no key, broken ones and bytes that are not ASCII leave the line alone")
    func noise() {
        var edited = EditedScreen()
        edited.type("a\u{1b}[15~b\u{1b}[1;5Zc\u{1b}qd\u{1b}Ore")
        edited.receive([0x00, 0x80, 0xff, 0xc3, 0xa9, 0x1f])
        // Enter ends a sequence and is enter; so does the beginning of another one.
        edited.type("\u{1b}[12\r")
        edited.type("fx\u{1b}[\u{1b}\u{1b}[D\r")
        edited.type("g" + "\u{1b}[" + String(repeating: "9", count: 1000) + "~\r")
        #expect(edited.lines == ["abcde", "fx", "g"])
    }

    @Test("A line has 255 characters at most; more of them ring the bell")
    func limit() {
        var edited = EditedScreen()
        edited.type(String(repeating: "x", count: 257) + "\r")
        #expect(edited.lines == [String(repeating: "x", count: 255)])
        #expect(edited.screen.bells == 2)
    }

    @Test("A line that is longer than the row is shown around the cursor")
    func longLine() {
        // 20 columns: the prompt, 17 characters of the line, and the column that stays empty.
        var edited = EditedScreen(columns: 20)
        edited.type("abcdefghijklmnopq")
        #expect(edited.screen.picture == "> abcdefghijklmnopq|")
        edited.type("r")
        #expect(edited.screen.picture == "> klmnopqr|")
        edited.type("stuvwxyz0")
        #expect(edited.screen.picture == "> klmnopqrstuvwxyz0|")
        edited.type(Keys.home)
        #expect(edited.screen.picture == "> |abcdefghijklmnopq")
        #expect(edited.screen.errors == [])
    }

    // MARK: Bytes

    @Test("A character at the end costs one byte; other changes cost what differs")
    func cost() {
        var edited = EditedScreen()
        #expect(edited.type("h") == "h")
        #expect(edited.type("ello") == "ello")
        #expect(edited.type(Keys.backspace) == "\u{8}\u{1b}[K")
        #expect(edited.type(Keys.left) == "\u{8}")
        #expect(edited.type(Keys.right) == "l")
        #expect(edited.type(" the guest") == " the guest")
        #expect(edited.type(Keys.home) == "\u{1b}[14D")
        #expect(edited.type(Keys.home) == "")
        #expect(edited.type(Keys.end) == "\u{1b}[14C")
        #expect(edited.type(Keys.left + "s") == "\u{8}st\u{8}")
        #expect(edited.type("\r") == "\r\n> ")
    }

    // MARK: History

    @Test("Up and down walk through the lines that were entered, and come back to the one that was begun")
    func history() {
        var edited = EditedScreen()
        edited.type("one\rtwo\rtwo\r  \rthr\(Keys.control("L"))")
        edited.type(Keys.up)
        #expect(edited.screen.picture == "> two|")
        edited.type(Keys.control("P"))
        #expect(edited.screen.picture == "> one|")
        edited.type(Keys.up)
        #expect(edited.screen.picture == "> one|")
        edited.type("x" + Keys.down + Keys.up)
        #expect(edited.screen.picture == "> one|", "a recalled line that is changed and not entered stays as it was")
        edited.type(Keys.down + Keys.control("N"))
        #expect(edited.screen.picture == "> thr|")
        edited.type(Keys.down)
        #expect(edited.screen.picture == "> thr|")
    }

    @Test("The history keeps the last 32 lines")
    func historyLimit() {
        var edited = EditedScreen()
        for number in 1...40 { edited.type("line \(number)\r") }
        #expect(edited.editor.history.lines.map(\.string) == (9...40).map { "line \($0)" })
    }

    @Test("Control-R searches the history, from the newest line to the oldest")
    func search() {
        var edited = EditedScreen()
        edited.type("guest list\rguest kick one\rversion\rdraft\(Keys.control("L"))")
        edited.type(Keys.control("R"))
        #expect(edited.screen.picture == "find : draft|")
        edited.type("gue")
        #expect(edited.screen.picture == "find gue: guest kick one|")
        edited.type(Keys.control("R"))
        #expect(edited.screen.picture == "find gue: guest list|")
        edited.type(Keys.control("R") + "x")
        #expect(edited.screen.picture == "find gue: guest list|")
        #expect(edited.screen.bells == 2, "there is no older one, and none with `guex`")
        edited.type(Keys.backspace + Keys.backspace + Keys.backspace)
        #expect(edited.screen.picture == "find : version|")
        edited.type(Keys.control("G"))
        #expect(edited.screen.picture == "> draft|")
        edited.type(Keys.up)
        #expect(edited.screen.picture == "> version|", "a search that is given up leaves the history where it was")
        edited.type(Keys.down)
        #expect(edited.screen.picture == "> draft|")
        edited.type(Keys.control("R") + "kick" + Keys.left)
        #expect(edited.screen.picture == "> guest kick on|e")
        edited.type(Keys.control("R") + "list\r")
        #expect(edited.lines.last == "guest list")
    }

    // MARK: Completion

    static let words: [Text] = ["guest", "guide", "heap", "/disk/"]

    @Test(
        "Tab adds what all words have in common, and a space behind the only one",
        arguments: [
            ("h\t", "> heap |"),
            ("g\t", "> gu|"),
            ("help gue\t", "> help guest |"),
            ("/\t", "> /disk/|"),
            ("gue x\(Keys.left)\(Keys.left)\t", "> guest | x"),
            ("gu\t", "> gu\nguest  guide\n> gu|"),
            ("x\t", "> x|"),
        ])
    func completion(keys: String, picture: String) {
        #expect(EditedScreen.picture(keys, words: Self.words) == picture)
    }

    @Test("Words that may follow are listed in as many columns as the screen has room for")
    func listing() {
        var edited = EditedScreen(columns: 20, words: ["alpha", "beta", "gamma", "d"])
        edited.type("\t")
        #expect(edited.screen.picture == ">\nalpha  beta\ngamma  d\n> |")
    }

    // MARK: Random keys

    @Test("Whatever is typed, the screen shows the prompt, the line and the cursor's place", arguments: [80, 24, 16])
    func randomKeys(columns: Int) {
        for seed in UInt64(1)...300 {
            var random = Seeded(state: seed)
            let presses = (0..<Int.random(in: 1...200, using: &random)).map { _ in Press.random(&random) }
            guard TypingModel.difference(presses, columns: columns) != nil else { continue }
            let few = shrink(presses) { TypingModel.difference($0, columns: columns) != nil }
            let difference = TypingModel.difference(few, columns: columns) ?? ""
            Issue.record("seed \(seed), \(few.map(\.name).joined(separator: " ")): \(difference)")
            return
        }
    }

    @Test("Whatever bytes come, a line that is typed behind them is got as it was typed")
    func randomBytes() {
        for seed in UInt64(1)...500 {
            var random = Seeded(state: seed)
            let special: [UInt8] = Array("\u{1b}\u{1b}[[O0;~\r\n\t\t ga\u{12}\u{12}\u{7f}\u{1}\u{b}".utf8)
            let bytes = (0..<Int.random(in: 1...400, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? special.randomElement(using: &random) ?? 0 : UInt8.random(in: 0...255, using: &random)
            }
            let columns = Int.random(in: 16...100, using: &random)
            guard Self.isLost(behind: bytes, columns: columns) else { continue }
            let few = shrink(bytes) { Self.isLost(behind: $0, columns: columns) }
            Issue.record("seed \(seed), \(columns) columns: a line is lost behind \(few)")
            return
        }
    }

    private static func isLost(behind bytes: [UInt8], columns: Int) -> Bool {
        var edited = EditedScreen(columns: columns, words: words)
        edited.receive(bytes)
        // The first gives up a search, the second the line.
        edited.type(Keys.control("C") + Keys.control("C") + "after")
        let isShown = edited.screen.text(ofRow: edited.screen.row) == "> after" && edited.screen.column == 7
        edited.type("\r")
        return !isShown || edited.lines.last != "after" || !edited.screen.errors.isEmpty
    }
}
