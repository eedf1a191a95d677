/// How a recorded run ended, and where: a replay ends there too.
public struct RunConclusion: Equatable, Sendable {
    /// Instructions of all CPUs.
    public var position: UInt64
    public var time: UInt64
    public var hash: Hash?
    /// In words: `the guest ended with status 0`.
    public var text: String

    /// Of the machine's state there.
    public enum Hash: Equatable, Sendable {
        /// Of all of it, by ``RecordedHash/Method``'s defaults.
        case whole(UInt64)
        /// Of the same but for memory, of which it is that of what has changed since the run began (``PageHashes/changes``).
        case changes(UInt64)

        public var value: UInt64 {
            switch self {
            case .whole(let value), .changes(let value): value
            }
        }
    }

    public init(position: UInt64, time: UInt64, hash: Hash? = nil, text: String) {
        self.position = position
        self.time = time
        self.hash = hash
        self.text = text
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: position)
        bytes.append(number: time)
        let (kind, value): (UInt8, UInt64) =
            switch hash {
            case nil: (0, 0)
            case .whole(let value): (1, value)
            case .changes(let value): (2, value)
            }
        bytes.append(kind)
        bytes.append(littleEndian: value)
        bytes.append(text: text)
        return bytes
    }

    /// Reads a chunk's payload. Later minor versions may have more at its end.
    init(_ reader: inout PayloadReader) throws(PayloadError) {
        position = try reader.number()
        time = try reader.number()
        let kind = try reader.byte()
        let value = try reader.integer(as: UInt64.self)
        // What later programs hash otherwise is not compared.
        hash = kind == 1 ? .whole(value) : kind == 2 ? .changes(value) : nil
        text = try reader.text()
    }
}
