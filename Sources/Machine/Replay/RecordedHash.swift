/// A hash of a machine's state at a place of its run, by which a replay finds out that it is the same run.
public struct RecordedHash: Equatable, Sendable {
    /// Instructions of all CPUs; it is of the state before the inputs of that place.
    public var position: UInt64
    public var time: UInt64
    public var value: UInt64

    public init(position: UInt64, time: UInt64, value: UInt64) {
        self.position = position
        self.time = time
        self.value = value
    }

    /// What was hashed, and how. A program that changes either takes new numbers: what cannot be compared is not.
    public struct Method: Equatable, Sendable {
        /// 1: that of ``StateHasher``.
        public var algorithm: UInt8
        public var scope: Scope

        public enum Scope: UInt8, Sendable {
            /// Of memory, CPUs and devices, and of the time.
            case machine = 1
            /// Of the CPUs' registers and the time.
            case processors = 2
        }

        public init(algorithm: UInt8 = 1, scope: Scope = .machine) {
            self.algorithm = algorithm
            self.scope = scope
        }
    }
}

/// Hashes of one method as one chunk holds them, column after column: at equal distances each but the last is one number over and over.
struct HashChunkEncoder {
    let method: RecordedHash.Method
    private(set) var hashes: [RecordedHash] = []

    init(_ method: RecordedHash.Method) { self.method = method }

    /// At so many hashes a chunk is written.
    static let fullCount = 4096

    var isEmpty: Bool { hashes.isEmpty }
    var isFull: Bool { hashes.count >= Self.fullCount }
    var firstPosition: UInt64 { hashes.first?.position ?? 0 }

    mutating func append(_ hash: RecordedHash) throws(PayloadError) {
        if let last = hashes.last, hash.position < last.position || hash.time < last.time {
            throw PayloadError("a hash comes before the one that was written last")
        }
        hashes.append(hash)
    }

    /// The payload of all since the last call.
    mutating func take() -> [UInt8] {
        var positions: [UInt8] = [], times: [UInt8] = [], values: [UInt8] = []
        var (position, time) = (hashes.first?.position ?? 0, hashes.first?.time ?? 0)
        var bytes: [UInt8] = [method.algorithm, method.scope.rawValue]
        bytes.append(number: hashes.count)
        bytes.append(littleEndian: position)
        bytes.append(littleEndian: time)
        for hash in hashes {
            positions.append(number: hash.position - position)
            times.append(number: hash.time - time)
            values.append(littleEndian: hash.value)
            (position, time) = (hash.position, hash.time)
        }
        bytes.append(lengthAnd: positions)
        bytes.append(lengthAnd: times)
        bytes += values
        hashes = []
        return bytes
    }
}

/// The hashes of a chunk.
struct HashChunk {
    let method: RecordedHash.Method?
    let hashes: [RecordedHash]

    init(_ reader: inout PayloadReader) throws(PayloadError) {
        let algorithm = try reader.byte()
        let scope = RecordedHash.Method.Scope(rawValue: try reader.byte())
        method = scope.map { RecordedHash.Method(algorithm: algorithm, scope: $0) }
        let count = try reader.count(ofAtLeast: 10)
        var position = try reader.integer(as: UInt64.self), time = try reader.integer(as: UInt64.self)
        var positions = try reader.part(), times = try reader.part()
        var hashes: [RecordedHash] = []
        for _ in 0..<count {
            position = try positions.sum(position)
            time = try times.sum(time)
            hashes.append(RecordedHash(position: position, time: time, value: try reader.integer()))
        }
        for column in [positions, times, reader] { try column.expectEnd() }
        self.hashes = hashes
    }
}
