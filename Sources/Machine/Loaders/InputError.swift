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
