import Glibc
import Machine
import Yams

/// A machine description in a file, `orrery run boot.yaml`:
///
///     kernel: vmm.elf
///     memory: 64M
///     harts: 2
///     drive: [disk.img, "tools.img,read-only"]
///     until: 'login: $'
///
/// The words are those of the flags, and relative paths start at the file's directory. The file may be a stranger's: it
/// is at most 64 KiB large, and anchors are refused, as a few lines of them can stand for gigabytes.
enum DescriptionFile {
    private static let maximumSize = 64 << 10

    /// Reads the file at `path`; the paths in the result start where `path` does.
    static func read(_ path: String) throws(InputError) -> MachineDescription {
        let description = try parse(try InputFile.read(path, limit: maximumSize))
        let directory = directory(of: path)
        return description.mapPaths { $0.hasPrefix("/") || directory.isEmpty ? $0 : directory + "/" + $0 }
    }

    /// Writes `description`, whose relative paths start at the working directory, to the file at `path`. Paths below
    /// the file's directory are written relative to it, so that the directory can be moved; others absolute.
    static func write(_ description: MachineDescription, to path: String) throws(InputError) {
        let base = absolute(directory(of: path)) + "/"
        let portable = description.mapPaths { path in
            let full = absolute(path)
            return full.hasPrefix(base) ? String(full.dropFirst(base.count)) : full
        }
        try OutputFile.write(try text(portable, file: path), to: path)
    }

    // MARK: Reading

    /// The description in `input`, with its paths as they stand there.
    static func parse(_ input: InputFile) throws(InputError) -> MachineDescription {
        let file = input.name
        guard input.bytes.count <= maximumSize else {
            throw InputError(file: file, problem: "is larger than \(maximumSize) bytes")
        }
        guard let yaml = String(validating: input.bytes, as: UTF8.self) else {
            throw InputError(file: file, problem: "is not text (UTF-8)", mend: "Give a program with --kernel.")
        }
        if let line = lineOfAnchor(yaml) {
            throw InputError(
                file: file, at: .line(line), problem: "an anchor (&) stands here",
                mend: "Write its value out where it is used.")
        }
        let root: Node?
        do {
            root = try compose(yaml: yaml)
        } catch {
            throw refusal(error, file: file)
        }
        var description = MachineDescription()
        guard let root, !isNull(root) else { return description }
        guard let mapping = root.mapping else {
            throw InputError(
                file: file, at: place(root), problem: "is not a list of \"word: value\" lines",
                mend: "Write, for example, kernel: vmm.elf")
        }
        for (name, value) in mapping {
            guard let word = name.scalar?.string, let key = MachineDescription.Key(rawValue: word) else {
                throw unknown(name, file: file)
            }
            do throws(ValueError) {
                try description.set(key, try texts(value, of: key))
            } catch {
                throw InputError(file: file, at: place(value), problem: error.problem, mend: error.mend)
            }
        }
        return description
    }

    private static func unknown(_ name: Node, file: String) -> InputError {
        let word = name.scalar?.string ?? "a list"
        let words = MachineDescription.Key.allCases.filter { !$0.isHidden }.map(\.rawValue)
        let mend =
            nearestWord(to: word, among: words).map { "Did you mean \($0)?" }
            ?? "The words are " + words.joined(separator: ", ") + "."
        return InputError(
            file: file, at: place(name), problem: "\"\(word.prefix(40))\" is not a word of a machine description",
            mend: mend)
    }

    /// The text of a value, or of each value of a list. YAML's types do not matter: `harts: 2` and `harts: "2"` are one.
    private static func texts(_ value: Node, of key: MachineDescription.Key) throws(ValueError) -> [String] {
        if key.isList, let sequence = value.sequence {
            var texts: [String] = []
            for element in sequence { texts.append(try text(element, of: key)) }
            return texts
        }
        return [try text(value, of: key)]
    }

    private static func text(_ value: Node, of key: MachineDescription.Key) throws(ValueError) -> String {
        guard let scalar = value.scalar else {
            throw ValueError(
                problem: "the value of \(key.rawValue) is not one word or text",
                mend: key.isList ? "Write one, or a list: [a, b]." : "Write one.")
        }
        guard !isNull(value) else {
            throw ValueError(problem: "\(key.rawValue) has no value", mend: "Give it one, or leave the line out.")
        }
        // A folded or literal block ends with a newline, which no value means.
        var text = Substring(scalar.string)
        if scalar.style == .folded || scalar.style == .literal { while text.last == "\n" { text.removeLast() } }
        return String(text)
    }

    /// Nothing, or `~`.
    private static func isNull(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }

    private static func place(_ node: Node) -> InputError.Place? {
        node.mark.map { .line($0.line) }
    }

    /// The first line with `&` where a value or key may begin. In a quoted text of several lines this may be a false
    /// alarm, which quoting on one line avoids.
    private static func lineOfAnchor(_ yaml: String) -> Int? {
        var line = 1
        var mayBegin = true
        var quote: UInt8?
        for byte in yaml.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if byte == UInt8(ascii: "\n") { line += 1 }
                mayBegin = true
                quote = nil
            case UInt8(ascii: " "), UInt8(ascii: "\t"): break
            case UInt8(ascii: "&") where mayBegin && quote == nil: return line
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                if quote == byte { quote = nil } else if quote == nil && mayBegin { quote = byte }
                mayBegin = false
            case UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "{"),
                UInt8(ascii: ","), UInt8(ascii: "!"), UInt8(ascii: "]"), UInt8(ascii: "}"):
                mayBegin = true
            default: mayBegin = false
            }
        }
        return nil
    }

    /// What Yams reports, in one line.
    private static func refusal(_ error: any Error, file: String) -> InputError {
        func at(_ mark: Mark, _ problem: String) -> InputError {
            InputError(file: file, at: .line(mark.line), problem: "is not valid YAML: " + problem)
        }
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return at(mark, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return at(context.mark, "\"\((duplicates.first ?? "").prefix(40))\" stands twice")
        case .reader(let problem, let offset, _, _):
            return InputError(
                file: file, at: offset.map { .offset(UInt64(max($0, 0))) }, problem: "is not valid YAML: " + problem)
        default:
            return InputError(file: file, problem: "is not valid YAML")
        }
    }

    // MARK: Writing

    /// The file's text; `file` names it in errors.
    static func text(_ description: MachineDescription, file: String = "description") throws(InputError) -> String {
        var pairs: [(Node, Node)] = []
        for key in MachineDescription.Key.allCases {
            let texts = description.texts(key)
            guard let first = texts.first else { continue }
            let value: Node =
                texts.count == 1
                ? scalar(first) : .sequence(.init(texts.map(scalar), .implicit, .block))
            pairs.append((Node(key.rawValue), value))
        }
        guard !pairs.isEmpty else { return "{}\n" }
        do {
            return try serialize(node: .mapping(.init(pairs, .implicit, .block)), width: -1, allowUnicode: true)
        } catch {
            throw InputError(file: file, problem: "cannot be written as YAML: \(error)")
        }
    }

    /// Plain where no one could take it for anything else.
    /// The same with all paths absolute, for whoever reads it in another folder.
    static func absolute(_ description: MachineDescription) -> MachineDescription { description.mapPaths(absolute) }

    private static func scalar(_ text: String) -> Node {
        let isPlain =
            text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "="), UInt8(ascii: "+"):
                    true
                default: byte == UInt8(ascii: "-") && text.utf8.first != byte
                }
            } && !["", "null"].contains(text)
        return Node(text, Tag(isPlain ? .implicit : .str), isPlain ? .plain : .doubleQuoted)
    }

    // MARK: Paths

    /// Without the last component and its slash: empty for a bare name.
    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/." : String(path[..<slash])
    }

    /// `path` from the root, without `.`, `..` and repeated slashes. Symbolic links are not followed.
    static func absolute(_ path: String) -> String {
        var full = path
        if !path.hasPrefix("/"), let buffer = getcwd(nil, 0) {
            full = String(cString: buffer) + "/" + path
            free(buffer)
        }
        var parts: [Substring] = []
        for part in full.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
