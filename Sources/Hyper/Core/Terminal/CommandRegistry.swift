/// The commands that there are. All terminals share it, and modules bring commands and take them away.
public final class CommandRegistry {
    private let lock = SpinLock()
    private var commands: [Command] = []
    private let paths: (_ typed: Text) -> [Text]

    /// - Parameter paths: what begins as the typed one, for values that are files; directories end in a slash.
    public init(paths: @escaping (_ typed: Text) -> [Text] = { _ in [] }) { self.paths = paths }

    /// By name.
    public var all: [Command] { lock.withLock { commands } }

    public func add(_ command: Command) throws(HyperError) {
        let isAdded = lock.withLock {
            let index = commands.firstIndex { !$0.name.precedes(command.name) } ?? commands.count
            if index < commands.count, commands[index].name == command.name { return false }
            commands.insert(command, at: index)
            return true
        }
        guard isAdded else {
            throw HyperError("there is a command \(command.name) already; remove it, or give this one another name")
        }
    }

    /// Takes the command away, if nobody is in the middle of it.
    public func remove(_ command: Command) throws(HyperError) {
        let isUnused = lock.withLock {
            if command.runs == 0 { commands.removeAll { $0 === command } }
            return command.runs == 0
        }
        guard isUnused else {
            throw HyperError("command \(command.name) is being executed; try again when it has ended")
        }
    }

    public func find(_ name: Text) throws(HyperError) -> Command {
        let all = all
        if let command = all.first(where: { $0.name == name }) { return command }
        guard let nearest = name.nearest(in: all.map { $0.name }) else {
            throw HyperError("there is no command \(name); `help` lists all")
        }
        throw HyperError("there is no command \(name); did you mean \(nearest)?")
    }

    // MARK: Execution

    /// Executes the line's commands up to the first that fails.
    public func run(_ line: Text, _ output: TerminalOutput) throws(HyperError) {
        let parsed = ParsedLine(line)
        guard !parsed.isQuoted else { throw HyperError("a double quote is opened and not closed; close it") }
        for words in parsed.commands {
            guard let name = words.first else { continue }
            let command = try find(name)
            lock.withLock { command.runs += 1 }
            defer { lock.withLock { command.runs -= 1 } }
            try command.run(Array(words.dropFirst()), output)
        }
    }

    /// Executes the script, a line of commands after another, up to the first command that fails.
    /// - Parameters:
    ///   - name: what errors call the script.
    ///   - stopsAtErrors: if not, errors are printed, and the script goes on in the line below.
    ///   - isShown: print each line before it is executed, behind a prompt.
    public func runScript(
        _ script: [UInt8], name: Text, stopsAtErrors: Bool = true, isShown: Bool = false, _ output: TerminalOutput
    ) throws(HyperError) {
        let lines = Text(script).split(UInt8(ascii: "\n"), keepsEmpty: true)
        for (index, line) in lines.enumerated() {
            if isShown, !line.isEmpty { output.write("\(Terminal.prompt)\(line)\n") }
            do throws(HyperError) {
                try run(line, output)
            } catch {
                let error = HyperError("\(name), line \(index + 1): \(error.message)")
                if stopsAtErrors { throw error }
                output.write(error)
            }
        }
    }

    // MARK: Completion

    /// What may stand at the end of the text.
    public func complete(_ text: Text) -> LineEditor.Completion {
        let parsed = ParsedLine(text)
        guard !parsed.isQuoted, !parsed.isComment, var before = parsed.commands.last else {
            return LineEditor.Completion(typed: 0, words: [])
        }
        let typed = parsed.endsInWord ? before.removeLast() : Text()
        let candidates: [Text]
        if let name = before.first {
            let command = all.first { $0.name == name }
            candidates = command?.complete(Array(before.dropFirst())) { paths(typed) } ?? []
        } else {
            candidates = all.map { $0.name }
        }
        let words = candidates.filter { $0.hasPrefix(typed) && $0.isPlainWord }
        return LineEditor.Completion(typed: typed.count, words: words.inOrder())
    }
}

extension TerminalOutput {
    public func write(_ error: HyperError) { write("\(error.message)\n") }
}

extension [Text] {
    /// Each of the texts once, in the order of bytes.
    func inOrder() -> [Text] {
        var texts: [Text] = []
        for text in ordered(by: { $0.precedes($1) }) where text != texts.last { texts.append(text) }
        return texts
    }
}

extension Text {
    /// In the order of bytes.
    func precedes(_ other: Text) -> Bool { bytes.lexicographicallyPrecedes(other.bytes) }

    /// Whether the text can be typed without quotes; names of files may have anything in them.
    var isPlainWord: Bool {
        !isEmpty
            && bytes.allSatisfy {
                0x21..<0x7f ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "#")
            }
    }
}
