/// One way to call a command.
///
/// The usage is the grammar, too: `dump GUEST ADDRESS [COUNT]` is the word `dump` followed by two or three values. Words
/// that begin with a capital letter stand for values; those in brackets may be left out, and come last; a last one that
/// ends in `...` stands for one word or more, or for any number in brackets.
public struct Form {
    public typealias Body = (_ arguments: [Text], _ output: TerminalOutput) throws(HyperError) -> Void

    let usage: Text
    let summary: Text
    let body: Body

    /// The words of the usage. A machine has a hundred forms, of which few are ever called: they are not taken apart before.
    private var parts: [Part] { usage.split(UInt8(ascii: " ")).map { Part($0) } }

    /// A word of the usage.
    private struct Part {
        var name: Text
        var isValue = false
        var isOptional = false
        var isRepeated = false

        init(_ word: Text) {
            name = word
            if word.bytes.first == UInt8(ascii: "["), word.bytes.last == UInt8(ascii: "]") {
                isOptional = true
                name = Text(word.bytes.dropFirst().dropLast())
            }
            if name.bytes.suffix(3).elementsEqual(Text("...").bytes) {
                isRepeated = true
                name.bytes.removeLast(3)
            }
            if let first = name.bytes.first { isValue = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first }
        }
    }

    /// - Parameters:
    ///   - usage: what follows the command's name.
    ///   - body: is given the values alone.
    public init(_ usage: Text, _ summary: Text, body: @escaping Body) {
        self.usage = usage
        self.summary = summary
        self.body = body
    }

    /// The word that tells this form from the command's others, if the usage begins with one.
    var subcommand: Text? {
        guard let first = parts.first, !first.isValue else { return nil }
        return first.name
    }

    /// The values among the words, if these are called for by the usage.
    func match(_ words: [Text]) -> [Text]? {
        let parts = parts
        var values: [Text] = []
        for (index, word) in words.enumerated() {
            guard let part = Self.part(at: index, of: parts) else { return nil }
            if part.isValue { values.append(word) } else if word != part.name { return nil }
        }
        guard words.count >= parts.count || parts[words.count].isOptional else { return nil }
        return values
    }

    private static func part(at index: Int, of parts: [Part]) -> Part? {
        if index < parts.count { return parts[index] }
        guard let last = parts.last, last.isRepeated else { return nil }
        return last
    }

    /// The word that may follow `words`, or the name of the value.
    func next(after words: [Text]) -> (name: Text, isValue: Bool)? {
        let parts = parts
        for (index, word) in words.enumerated() {
            guard let part = Self.part(at: index, of: parts), part.isValue || word == part.name else { return nil }
        }
        return Self.part(at: words.count, of: parts).map { ($0.name, $0.isValue) }
    }
}

/// A command: its name, and all the ways to call it.
public final class Command {
    public let name: Text
    /// Commands of one group are listed together.
    public let group: Text
    public let summary: Text
    let forms: [Form]
    private let values: (_ name: Text) -> [Text]
    /// How many terminals execute it; guarded by the registry's lock.
    var runs = 0

    /// - Parameters:
    ///   - forms: the first that fits is executed.
    ///   - values: the words that are offered for a value, by its name in the usage.
    public init(
        _ name: Text, group: Text, _ summary: Text, _ forms: [Form],
        values: @escaping (_ name: Text) -> [Text] = { _ in [] }
    ) {
        self.name = name
        self.group = group
        self.summary = summary
        self.forms = forms
        self.values = values
    }

    func run(_ words: [Text], _ output: TerminalOutput) throws(HyperError) {
        for form in forms {
            if let arguments = form.match(words) { return try form.body(arguments, output) }
        }
        throw misuse(words)
    }

    /// What is wrong with words that fit no form.
    private func misuse(_ words: [Text]) -> HyperError {
        guard let first = words.first else { return HyperError(usage(forms)) }
        let subcommands = forms.compactMap { $0.subcommand }
        let meant = forms.filter { $0.subcommand == first }
        if meant.isEmpty, let nearest = first.nearest(in: subcommands) {
            return HyperError("\(name) has no \(first); did you mean \(nearest)?")
        }
        return HyperError(usage(meant.isEmpty ? forms : meant))
    }

    /// The form as it is typed.
    func usage(_ form: Form) -> Text { form.usage.isEmpty ? name : "\(name) \(form.usage)" }

    /// The usages of the forms, one a line.
    private func usage(_ forms: [Form]) -> Text {
        var text = Text()
        for form in forms {
            text.append(text.isEmpty ? "usage: " : "\n       " as StaticString)
            text.append(usage(form))
        }
        return text
    }

    /// Words that may follow `words`.
    /// - Parameter paths: what a value that is called one of ``pathNames`` may be.
    func complete(_ words: [Text], paths: () -> [Text]) -> [Text] {
        var all: [Text] = []
        for form in forms {
            guard let next = form.next(after: words) else { continue }
            if !next.isValue {
                all.append(next.name)
            } else if Self.pathNames.contains(next.name) {
                all += paths()
            } else {
                all += values(next.name)
            }
        }
        return all
    }

    /// How usages call values that are files or directories.
    private static var pathNames: [Text] { ["FILE", "PATH", "TARGET", "TREE"] }
}
