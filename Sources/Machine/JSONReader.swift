/// Reads a value of JSON (RFC 8259), strictly, and no deeper than arrays and objects of people are.
struct JSONReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private static let deepest = 64

    /// What is no JSON, and how many bytes before it are.
    struct Failure: Error, Equatable, CustomStringConvertible {
        let problem: String
        let offset: Int
        var description: String { "\(problem) at byte \(offset)" }
    }

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    /// The value that all of the bytes are.
    static func read(_ bytes: some Sequence<UInt8>) throws(Failure) -> JSON {
        var reader = JSONReader(Array(bytes)[...])
        let value = try reader.value(depth: 0)
        reader.passBlanks()
        guard reader.peek == nil else { throw reader.failure("something follows the value") }
        return value
    }

    private func failure(_ problem: String) -> Failure { Failure(problem: problem, offset: place - bytes.startIndex) }
    private var peek: UInt8? { place < bytes.endIndex ? bytes[place] : nil }

    private mutating func passBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        guard peek == byte.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        guard depth < Self.deepest else { throw failure("values are nested too deeply") }
        passBlanks()
        guard let first = peek else { throw failure("the text ends where a value is to be") }
        switch first {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("there is no value")
        }
    }

    private mutating func word(_ word: String, _ value: JSON) throws(Failure) -> JSON {
        guard bytes[place...].starts(with: word.utf8) else { throw failure("there is no value") }
        place += word.utf8.count
        return value
    }

    private mutating func object(_ depth: Int) throws(Failure) -> JSON {
        place += 1
        var members: [(String, JSON)] = []
        passBlanks()
        if take("}") { return .object(members) }
        while true {
            passBlanks()
            guard peek == UInt8(ascii: "\"") else { throw failure("a member has no name") }
            let name = try string()
            passBlanks()
            guard take(":") else { throw failure("a colon is missing") }
            members.append((name, try value(depth: depth + 1)))
            passBlanks()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("a comma or a closing brace is missing") }
        }
    }

    private mutating func array(_ depth: Int) throws(Failure) -> JSON {
        place += 1
        var elements: [JSON] = []
        passBlanks()
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            passBlanks()
            if take("]") { return .array(elements) }
            guard take(",") else { throw failure("a comma or a closing bracket is missing") }
        }
    }

    private mutating func number() throws(Failure) -> JSON {
        let start = place
        _ = take("-")
        func digits(_ reader: inout JSONReader) -> Int {
            let start = reader.place
            while let byte = reader.peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { reader.place += 1 }
            return reader.place - start
        }
        let first = peek
        let count = digits(&self)
        guard count == 1 || count > 1 && first != UInt8(ascii: "0") else {
            throw failure("a number has no such digits")
        }
        if take("."), digits(&self) == 0 { throw failure("a fraction has no digits") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits(&self) == 0 { throw failure("an exponent has no digits") }
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        return UInt64(text).map { .number($0) } ?? .decimal(text)
    }

    private mutating func string() throws(Failure) -> String {
        place += 1
        var result: [UInt8] = []
        while let byte = peek {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"): result += String(Character(try escaped())).utf8
            case 0..<0x20:
                place -= 1
                throw failure("a control character stands in a string")
            default: result.append(byte)
            }
        }
        throw failure("a string has no end")
    }

    private mutating func escaped() throws(Failure) -> Unicode.Scalar {
        guard let byte = peek else { throw failure("a string has no end") }
        place += 1
        switch byte {
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"):
            let first = try codeUnit()
            guard first & 0xfc00 == 0xd800 else { return Unicode.Scalar(first) ?? "\u{fffd}" }
            // Two halves of a character beyond the first plane.
            let before = place
            if take("\\"), take("u"), let second = try? codeUnit(), second & 0xfc00 == 0xdc00 {
                return Unicode.Scalar(0x10000 + (first & 0x3ff) << 10 + second & 0x3ff) ?? "\u{fffd}"
            }
            place = before
            return "\u{fffd}"
        default:
            place -= 1
            throw failure("there is no such escape")
        }
    }

    private mutating func codeUnit() throws(Failure) -> UInt32 {
        let digits = bytes[place...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("four hexadecimal digits are missing") }
        place += 4
        return unit
    }
}
