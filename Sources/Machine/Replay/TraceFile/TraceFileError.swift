import Glibc

/// What is wrong with a trace file, and where; or why it could not be written, and how far it is good.
public struct TraceFileError: Error, Equatable, Sendable {
    public enum Problem: Equatable, Sendable {
        /// The host refuses to open or read it.
        case unreadable(Int32)
        /// It does not begin as trace files do.
        case notTraceFile
        /// A major version that this program does not read.
        case version(UInt16, UInt16)
        /// A chunk that a reader must understand, and this one does not.
        case unknownChunk(ChunkType)
        /// An input of a kind that a replay must understand, and this program does not.
        case unknownInput(UInt8)
        /// What is there is not what was written; how that is seen.
        case damaged(String)
        /// It asks for more than this program allows.
        case tooLarge(String)
        /// What was asked for is not in it.
        case missing(String)
        /// It cannot be created, or opened for appending.
        case uncreatable(Int32)
        /// Another process writes it.
        case inUse
        /// It may not be appended to, since what lies after the last whole chunk is more than a chunk cut short.
        case notAppendable
        /// It is of another machine than what is to be added to it.
        case otherMachine
        /// A write failed. The chunks before are whole, and read as a recording that ended there.
        case unwritten(Int32, whole: TraceFileExtent)
        /// What was to be written is out of order, or too large: a fault of the caller.
        case misuse(String)
    }

    public var file: String
    /// Bytes from the start of the file.
    public var offset: UInt64?
    public var problem: Problem

    public init(file: String, offset: UInt64? = nil, _ problem: Problem) {
        self.file = file
        self.offset = offset
        self.problem = problem
    }
}

/// How much of a trace file is good.
public struct TraceFileExtent: Equatable, Sendable {
    public var chunks: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Where in the run the last chunk begins.
    public var position: UInt64 = 0
}

extension TraceFileError: CustomStringConvertible {
    /// As all refusals of files read.
    public var inputError: InputError {
        let (text, mend) = words
        return InputError(file: file, at: offset.map { .offset($0) }, problem: text, mend: mend)
    }

    public var description: String { inputError.description }

    private var words: (String, String?) {
        switch problem {
        case .unreadable(let error): ("cannot be read: " + String(cString: strerror(error)), nil)
        case .notTraceFile: ("is no trace file: it does not begin as one", "`orrery run --record FILE` makes one.")
        case .version(let major, let minor):
            (
                "is of version \(major).\(minor) of the format, and this program reads \(TraceFileFormat.majorVersion)",
                major > TraceFileFormat.majorVersion
                    ? "A newer orrery made it: use that." : "An older orrery made it: use that."
            )
        case .unknownChunk(let type):
            ("holds a chunk (\(type)) that this program does not know", "A newer orrery made it: use that.")
        case .unknownInput(let kind):
            ("holds an input (kind \(kind)) that this program does not know", "A newer orrery made it: use that.")
        case .damaged(let what): ("is damaged: \(what)", "Take another copy of the file.")
        case .tooLarge(let what): ("is refused: \(what)", nil)
        case .missing(let what): ("has no \(what)", nil)
        case .uncreatable(let error):
            (
                "cannot be written: " + String(cString: strerror(error)),
                error == EEXIST ? "Give another name, or remove the file." : nil
            )
        case .inUse: ("is being written by another process", "Wait until that ends.")
        case .notAppendable:
            (
                "cannot be added to: what lies after its last whole chunk is not that of a recording that was cut short",
                "Write to another file."
            )
        case .otherMachine:
            (
                "is of another machine, or its images have changed since: nothing of this one can be added to it",
                "Write to another file."
            )
        case .unwritten(let error, let whole):
            (
                "could not be written on: " + String(cString: strerror(error)),
                whole.chunks == 0
                    ? "Nothing of the recording is there."
                    : "It is good up to instruction \(grouped(whole.position)): "
                        + "\(grouped(whole.chunks)) chunks, \(grouped(whole.bytes)) bytes."
            )
        case .misuse(let what): ("cannot be written so: \(what)", nil)
        }
    }
}
