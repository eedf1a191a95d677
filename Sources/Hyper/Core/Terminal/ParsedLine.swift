/// A line of commands, taken apart: words between spaces, commands between `;`, and a comment behind `#`. Within double
/// quotes, all of these are ordinary characters.
struct ParsedLine {
    /// Those that have words. The last one may have none where the line ends in a separator.
    private(set) var commands: [[Text]] = [[]]
    /// A double quote is opened and not closed.
    private(set) var isQuoted = false
    private(set) var isComment = false
    /// The line ends in a word, not behind it.
    private(set) var endsInWord = false

    init(_ line: Text) {
        for byte in line.bytes {
            switch byte {
            case UInt8(ascii: "\""):
                isQuoted.toggle()
                // Nothing between quotes is a word, too.
                append(nil)
            case _ where isQuoted: append(byte)
            // Control characters of a damaged script are nothing that a terminal should be shown.
            case 0...0x20, 0x7f: endsInWord = false
            case UInt8(ascii: ";"):
                endsInWord = false
                if !commands[commands.count - 1].isEmpty { commands.append([]) }
            case UInt8(ascii: "#") where !endsInWord:
                isComment = true
                return
            default: append(byte)
            }
        }
    }

    private mutating func append(_ byte: UInt8?) {
        let last = commands.count - 1
        if !endsInWord { commands[last].append(Text()) }
        endsInWord = true
        if let byte { commands[last][commands[last].count - 1].append(byte) }
    }
}
