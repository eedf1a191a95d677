/// A script of what is typed at the console, one command a line:
///
///     # Log in and leave.
///     wait login:
///     send "root\n"
///     expect '# $' within 5s
///     pause 100ms
///     send "poweroff\n"
///
/// `wait` and `expect` go on when the console prints, after what the last of them matched, something that their regular
/// expression matches within one line; `^` and `$` are its ends, and the end of what has been printed so far is one too.
/// `expect` fails the run when that takes longer than it says, 10 s by default. All times are the machine's, so that a
/// script types at the same instruction in every run.
public struct InputScript: Sendable {
    public enum Step: Equatable, Sendable {
        /// Goes on when the console matches; fails after `limit` nanoseconds, if there is one.
        case wait(pattern: String, limit: UInt64?)
        case send([UInt8])
        case pause(nanoseconds: UInt64)
    }

    public let file: String
    /// The steps, and the lines they stand on.
    public private(set) var steps: [(line: Int, step: Step)] = []
    /// Of each step that waits.
    private var expressions: [Int: Pattern] = [:]

    /// A compiled regular expression, which is never changed after it is made.
    private struct Pattern: @unchecked Sendable {
        let regex: Regex<AnyRegexOutput>
    }

    /// What the step at `index` waits for, if it waits.
    func expression(_ index: Int) -> Regex<AnyRegexOutput>? { expressions[index]?.regex }

    /// What `expect` allows when it does not say.
    public static let defaultLimit: UInt64 = 10_000_000_000
    private static let maximumSize = 1 << 20

    public init(_ input: InputFile) throws(InputError) {
        file = input.name
        guard input.bytes.count <= Self.maximumSize, let text = String(validating: input.bytes, as: UTF8.self) else {
            throw InputError(
                file: file, problem: "is not a script of less than \(Self.maximumSize) bytes of text (UTF-8)")
        }
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            let line = Self.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") { continue }
            do throws(ValueError) {
                let step = try Self.step(line)
                if case .wait(let pattern, _) = step {
                    expressions[steps.count] = Pattern(regex: try Self.regex(pattern))
                }
                steps.append((number, step))
            } catch {
                throw InputError(file: file, at: .line(number), problem: error.problem, mend: error.mend)
            }
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character.isNewline }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }

    private static func step(_ line: Substring) throws(ValueError) -> Step {
        let word = line.prefix { $0 != " " && $0 != "\t" }
        let rest = trimmed(line.dropFirst(word.count))
        guard !rest.isEmpty || !["wait", "send", "expect", "pause"].contains(word) else {
            throw ValueError(problem: "\(word) stands alone", mend: "Write, for example, \(example(word)).")
        }
        switch word {
        case "wait": return .wait(pattern: try pattern(rest).pattern, limit: nil)
        case "expect":
            let (pattern, limit) = try pattern(rest)
            return .wait(pattern: pattern, limit: limit ?? defaultLimit)
        case "send": return .send(try bytes(rest))
        case "pause": return .pause(nanoseconds: try TimeSpan(String(rest)).nanoseconds)
        default:
            let near = nearestWord(to: String(word), among: ["wait", "send", "expect", "pause"])
            throw ValueError(
                problem: "\"\(word.prefix(40))\" is not a command of a script",
                mend: near.map { "Did you mean \($0)?" } ?? "The commands are wait, send, expect and pause.")
        }
    }

    private static func example(_ word: Substring) -> String {
        switch word {
        case "send": "send \"root\\n\""
        case "pause": "pause 100ms"
        default: "\(word) login:"
        }
    }

    /// The expression, in quotes or bare, and then perhaps `within` a time.
    private static func pattern(_ text: Substring) throws(ValueError) -> (pattern: String, limit: UInt64?) {
        guard let quote = text.first, quote == "'" || quote == "\"" else {
            // Quotes around all of it keep a bare "within 5s" from being taken for the limit.
            if let word = text.ranges(of: " within ").last,
                let limit = try? TimeSpan(String(trimmed(text[word.upperBound...])))
            {
                return (String(trimmed(text[..<word.lowerBound])), limit.nanoseconds)
            }
            return (String(text), nil)
        }
        guard let end = text.lastIndex(of: quote), end > text.startIndex else {
            throw ValueError(problem: "the quote \(quote) is not closed", mend: "Close it, or leave it out.")
        }
        let pattern = String(text[text.index(after: text.startIndex)..<end])
        let rest = trimmed(text[text.index(after: end)...])
        if rest.isEmpty { return (pattern, nil) }
        guard rest.hasPrefix("within ") else {
            throw ValueError(
                problem: "\"\(rest.prefix(40))\" follows the expression", mend: "Only \"within 5s\" may follow it.")
        }
        return (pattern, try TimeSpan(String(trimmed(rest.dropFirst("within ".count)))).nanoseconds)
    }

    private static func regex(_ pattern: String) throws(ValueError) -> Regex<AnyRegexOutput> {
        do {
            return try Regex(pattern).anchorsMatchLineEndings()
        } catch {
            throw ValueError(
                problem: "\"\(pattern.prefix(80))\" is not a regular expression",
                mend: "Put a backslash before characters that stand for themselves.")
        }
    }

    /// The bytes of a text in double quotes.
    private static func bytes(_ text: Substring) throws(ValueError) -> [UInt8] {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else {
            throw ValueError(problem: "what to send is not in double quotes", mend: "Write send \"root\\n\".")
        }
        var bytes: [UInt8] = []
        var rest = text.dropFirst().dropLast().utf8[...]
        let escapes: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "e"): 27,
            UInt8(ascii: "0"): 0, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "\""): 0x22,
        ]
        while let byte = rest.popFirst() {
            guard byte == 0x5c else {
                guard byte != 0x22 else {
                    throw ValueError(problem: "a quote stands inside the text", mend: "Write it \\\".")
                }
                bytes.append(byte)
                continue
            }
            let kind = rest.popFirst()
            if kind == UInt8(ascii: "x"), let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16), rest.count >= 2 {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else if let kind, let value = escapes[kind] {
                bytes.append(value)
            } else {
                throw ValueError(
                    problem: "\"\\\(kind.map { String(UnicodeScalar($0)) } ?? "")\" is not an escape",
                    mend: "There are \\n, \\r, \\t, \\e, \\0, \\\\, \\\" and \\x1b.")
            }
        }
        return bytes
    }
}
