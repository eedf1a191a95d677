/// Inputs as one chunk holds them: column after column, since like numbers side by side become smaller.
struct InputChunkEncoder {
    /// Inputs before those of the next chunk.
    private(set) var firstOrdinal: UInt64
    private(set) var count: UInt64 = 0
    private(set) var firstPosition: UInt64 = 0
    private var firstTime: UInt64 = 0
    private(set) var lastPosition: UInt64 = 0
    private(set) var lastTime: UInt64 = 0
    private var positions: [UInt8] = []
    private var times: [UInt8] = []
    private var kinds: [UInt8] = []
    private var lengths: [UInt8] = []
    private var contents: [UInt8] = []

    /// What no input exceeds.
    static let inputLimit = 1 << 22
    /// At so many bytes a chunk is written.
    static let fullSize = 1 << 16

    /// - Parameter ordinal: of the first input.
    init(ordinal: UInt64 = 0, lastPosition: UInt64 = 0, lastTime: UInt64 = 0) {
        firstOrdinal = ordinal
        self.lastPosition = lastPosition
        self.lastTime = lastTime
    }

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { positions.count + times.count + kinds.count + lengths.count + contents.count >= Self.fullSize }

    mutating func append(_ input: ExternalInput) throws(PayloadError) {
        guard input.position >= lastPosition, input.time >= lastTime else {
            throw PayloadError("an input comes before the one that was written last")
        }
        let start = contents.count
        input.event.append(to: &contents)
        guard contents.count - start <= Self.inputLimit else {
            contents.removeLast(contents.count - start)
            throw PayloadError("an input is larger than \(Self.inputLimit) bytes")
        }
        if isEmpty {
            (firstPosition, firstTime, lastPosition, lastTime) = (
                input.position, input.time, input.position, input.time
            )
        }
        positions.append(number: input.position - lastPosition)
        times.append(number: input.time - lastTime)
        kinds.append(input.kind.rawValue)
        lengths.append(number: contents.count - start)
        (lastPosition, lastTime) = (input.position, input.time)
        count += 1
    }

    /// The payload of all since the last call.
    mutating func take() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: firstOrdinal)
        bytes.append(number: count)
        bytes.append(littleEndian: firstPosition)
        bytes.append(littleEndian: firstTime)
        for column in [positions, times, kinds, lengths] { bytes.append(lengthAnd: column) }
        bytes += contents
        self = InputChunkEncoder(ordinal: firstOrdinal + count, lastPosition: lastPosition, lastTime: lastTime)
        return bytes
    }
}

/// Reads the inputs of a chunk, one after the other.
struct InputChunkDecoder {
    /// The first input's number in the file.
    let firstOrdinal: UInt64
    let count: UInt64
    private var index: UInt64 = 0
    private var position: UInt64
    private var time: UInt64
    private var positions, times, kinds, lengths, contents: PayloadReader

    enum Next: Equatable {
        case input(ExternalInput)
        /// Of a kind that may be passed over.
        case unknownOptional
        case unknown(UInt8)
        case end
    }

    init(_ reader: PayloadReader) throws(PayloadError) {
        var reader = reader
        firstOrdinal = try reader.number()
        count = try reader.number()
        position = try reader.integer()
        time = try reader.integer()
        positions = try reader.part()
        times = try reader.part()
        kinds = try reader.part()
        lengths = try reader.part()
        contents = reader
        guard count == UInt64(kinds.remaining) else { throw PayloadError("it counts other inputs than it holds") }
        guard firstOrdinal < 1 << 60 else { throw PayloadError("its inputs have impossible numbers") }
    }

    /// The number of the input that is read next.
    var ordinal: UInt64 { firstOrdinal + index }

    mutating func next() throws(PayloadError) -> Next {
        guard index < count else {
            for column in [positions, times, kinds, lengths, contents] { try column.expectEnd() }
            return .end
        }
        index += 1
        position = try positions.sum(position)
        time = try times.sum(time)
        let kind = try kinds.byte()
        var body = try contents.part(try lengths.number())
        guard let known = ExternalInput.Kind(rawValue: kind) else {
            return kind >= ExternalInput.Kind.firstOptional ? .unknownOptional : .unknown(kind)
        }
        return .input(ExternalInput(position: position, time: time, try ExternalInput.Event(known, &body)))
    }
}
