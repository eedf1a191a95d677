/// What a trace file says of one of its snapshots. It is written after all that belongs to it: one without it is none.
public struct SnapshotEntry: Equatable, Sendable {
    /// Unique in its file, from 1 on.
    public var identifier: UInt64
    /// The earlier snapshot of the file that it is incremental to: pages that it does not hold are as they were there, and
    /// zero where there is none.
    public var parent: UInt64?
    /// Instructions of all CPUs.
    public var position: UInt64
    public var time: UInt64
    /// How many of the file's inputs the machine has had: a run that goes on from here gets the others.
    public var inputCount: UInt64
    /// The user's, and empty for those that were taken on interval.
    public var name: String
    /// The hash of the machine's state, by ``RecordedHash/Method``'s defaults.
    public var hash: UInt64?
    /// Sequence numbers of the chunks with its ``MachineState`` and with its pages.
    var stateChunks: [Range<UInt64>] = []
    var pageChunks: [Range<UInt64>] = []

    init(
        identifier: UInt64, parent: UInt64?, position: UInt64, time: UInt64, inputCount: UInt64, name: String,
        hash: UInt64? = nil
    ) {
        self.identifier = identifier
        self.parent = parent
        self.position = position
        self.time = time
        self.inputCount = inputCount
        self.name = name
        self.hash = hash
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        for number in [identifier, parent ?? 0, position, time, inputCount] { bytes.append(number: number) }
        bytes.append(text: name)
        bytes.append(hash == nil ? 0 : 1)
        bytes.append(littleEndian: hash ?? 0)
        bytes.append(ranges: stateChunks)
        bytes.append(ranges: pageChunks)
        return bytes
    }

    /// Reads a chunk's payload. Later minor versions may have more at its end.
    /// - Parameter sequence: the chunk's.
    init(_ reader: inout PayloadReader, sequence: UInt64) throws(PayloadError) {
        identifier = try reader.number()
        let parent = try reader.number()
        self.parent = parent == 0 ? nil : parent
        position = try reader.number()
        time = try reader.number()
        inputCount = try reader.number()
        name = try reader.text()
        let hasHash = try reader.byte() != 0
        let hash = try reader.integer(as: UInt64.self)
        self.hash = hasHash ? hash : nil
        stateChunks = try reader.ranges(below: sequence)
        pageChunks = try reader.ranges(below: sequence)
        guard identifier > 0, identifier <= UInt64(UInt32.max), identifier != parent else {
            throw PayloadError("a snapshot has an impossible number")
        }
    }
}

extension Array<UInt8> {
    /// Ranges in their order, each by its distance from the one before it and its length.
    mutating func append(ranges: [Range<UInt64>]) {
        append(number: ranges.count)
        var place: UInt64 = 0
        for range in ranges {
            append(number: range.lowerBound - place)
            append(number: range.upperBound - range.lowerBound)
            place = range.upperBound
        }
    }
}

extension PayloadReader {
    mutating func ranges(below limit: UInt64) throws(PayloadError) -> [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        var place: UInt64 = 0
        for _ in 0..<(try count(ofAtLeast: 2)) {
            let gap = try number(), length = try number()
            guard gap <= limit - place, length <= limit - place - gap else {
                throw PayloadError("it names chunks that come after it")
            }
            ranges.append(place + gap..<place + gap + length)
            place += gap + length
        }
        return ranges
    }
}

extension [Range<UInt64>] {
    /// Adds a number that is larger than all others.
    mutating func append(number: UInt64) {
        if let last, last.upperBound == number {
            self[count - 1] = last.lowerBound..<number + 1
        } else {
            append(number..<number + 1)
        }
    }
}
