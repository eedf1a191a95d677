/// A refusal of something the user gave: which file, where in it, what is wrong, and what mends it.
public struct InputError: Error, Equatable, Sendable {
    public enum Place: Equatable, Sendable {
        /// Bytes from the start of a binary file.
        case offset(UInt64)
        /// A line of a text file, counted from 1.
        case line(Int)
    }

    public var file: String
    public var place: Place?
    public var problem: String
    public var mend: String?

    public init(file: String, at place: Place? = nil, problem: String, mend: String? = nil) {
        self.file = file
        self.place = place
        self.problem = problem
        self.mend = mend
    }

    public init(file: String, offset: UInt64, problem: String, mend: String? = nil) {
        self.init(file: file, at: .offset(offset), problem: problem, mend: mend)
    }
}

extension InputError: CustomStringConvertible {
    /// One line: `vmm.elf: segment 2 lies outside memory. Give it --memory 64M.`
    public var description: String {
        var text = file
        switch place {
        case .offset(let offset): text += ": offset \(hexadecimal(offset))"
        case .line(let line): text += ":\(line)"
        case nil: break
        }
        text += ": " + problem
        if let mend { text += ". " + mend }
        return printable(text)
    }
}

/// `value` as `0x8000_0000` is written in messages: `0x80000000`.
func hexadecimal(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16)
}

/// `text` with its control characters escaped: names out of a hostile file must not steer the user's terminal, and an
/// error stays on one line.
func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069:
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
