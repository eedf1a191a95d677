/// How a recorded run ended, and where: a replay ends there too.
public struct RunConclusion: Equatable, Sendable {
    /// Instructions of all CPUs.
    public var position: UInt64
    public var time: UInt64
    /// The hash of the machine's state, by ``RecordedHash/Method``'s defaults.
    public var hash: UInt64?
    /// In words: `the guest ended with status 0`.
    public var text: String

    public init(position: UInt64, time: UInt64, hash: UInt64? = nil, text: String) {
        self.position = position
        self.time = time
        self.hash = hash
        self.text = text
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: position)
        bytes.append(number: time)
        bytes.append(hash == nil ? 0 : 1)
        bytes.append(littleEndian: hash ?? 0)
        bytes.append(text: text)
        return bytes
    }

    /// Reads a chunk's payload. Later minor versions may have more at its end.
    init(_ reader: inout PayloadReader) throws(PayloadError) {
        position = try reader.number()
        time = try reader.number()
        let hasHash = try reader.byte() != 0
        let value = try reader.integer(as: UInt64.self)
        hash = hasHash ? value : nil
        text = try reader.text()
    }
}
