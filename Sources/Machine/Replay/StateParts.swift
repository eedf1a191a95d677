import ISA

/// A machine's state in parts: a hash of each CPU, each device and of time, and the registers of the CPUs themselves. By them
/// a replay that differs says in what.
public struct StateParts: Equatable, Sendable {
    /// The CPUs first, then as ``MachineState`` has them.
    public var names: [String] = []
    /// Of each part.
    public var hashes: [UInt32] = []
    /// Of each CPU, all fields that it describes, in their order; of a field that is bytes a hash.
    public var registers: [[UInt64]] = []

    public init() {}

    /// What `board` is now.
    public init(_ board: any Board) {
        var visitor = PartVisitor(processors: board.processors.count)
        board.describeState(&visitor) { $1.begin($0) }
        visitor.endPart()
        (names, hashes, registers) = (visitor.names, visitor.hashes, visitor.registers)
    }
}

/// Gathers the parts of a state.
private struct PartVisitor: StateVisitor {
    var names: [String] = []
    var hashes: [UInt32] = []
    var registers: [[UInt64]] = []
    private let processors: Int
    private var hasher = StateHasher()
    private var words: [UInt64] = []

    init(processors: Int) { self.processors = processors }

    mutating func begin(_ name: String) {
        endPart()
        names.append(name)
    }

    mutating func endPart() {
        guard !names.isEmpty else { return }
        hashes.append(UInt32(truncatingIfNeeded: hasher.value >> 16))
        if registers.count < processors { registers.append(words) }
        hasher = StateHasher()
        words.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ word: UInt64) {
        hasher.add(word)
        if registers.count < processors { words.append(word) }
    }

    mutating func field(_ name: StaticString, _ value: inout UInt64) { add(value) }

    mutating func field(_ name: StaticString, _ bytes: inout [UInt8]) {
        var inner = StateHasher()
        inner.add(UInt64(bytes.count))
        bytes.withUnsafeBytes { raw in
            var offset = 0
            // Eight at a time: some devices have many.
            while offset + 8 <= raw.count {
                inner.add(raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            while offset < raw.count {
                inner.add(UInt64(raw[offset]))
                offset += 1
            }
        }
        add(inner.value)
    }
}

/// The parts of a state at a place of a run, as a recording holds them.
public struct RecordedParts: Equatable, Sendable {
    public var position: UInt64
    public var time: UInt64
    public var parts: StateParts
    /// Where memory was looked at as well.
    public var memory: Memory?

    public struct Memory: Equatable, Sendable {
        /// ``PageHashes/changes``.
        public var changes: UInt64
        /// The pages that had changed since memory was looked at before, with the low 16 bits of their hashes.
        public var pages: [(number: UInt64, hash: UInt16)]

        public init(changes: UInt64, pages: [(number: UInt64, hash: UInt16)]) {
            (self.changes, self.pages) = (changes, pages)
        }

        /// What memory is now. It is looked at.
        init(lookingAt memory: PageHashes) {
            let changed = memory.update()
            self.init(
                changes: memory.changes, pages: changed.map { ($0.number, UInt16(truncatingIfNeeded: $0.hash)) })
        }

        public static func == (a: Self, b: Self) -> Bool {
            a.changes == b.changes && a.pages.elementsEqual(b.pages) { $0.number == $1.number && $0.hash == $1.hash }
        }
    }

    public init(position: UInt64, time: UInt64, parts: StateParts, memory: Memory? = nil) {
        (self.position, self.time, self.parts, self.memory) = (position, time, parts, memory)
    }
}

/// Parts as one chunk holds them: registers as what of them has changed since the record before.
struct PartsChunkEncoder {
    /// At so many bytes a chunk is written.
    static let fullSize = 1 << 18

    private var names: [String] = []
    private var count = 0
    private(set) var firstPosition: UInt64 = 0
    private var firstTime: UInt64 = 0
    private var position: UInt64 = 0
    private var time: UInt64 = 0
    private var registers: [[UInt64]] = []
    private var records: [UInt8] = []

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { records.count >= Self.fullSize }

    mutating func append(_ new: RecordedParts) throws(PayloadError) {
        if isEmpty {
            names = new.parts.names
            (firstPosition, firstTime, position, time) = (new.position, new.time, new.position, new.time)
            registers = new.parts.registers.map { _ in [] }
        }
        guard new.position >= position, new.time >= time else {
            throw PayloadError("a state comes before the one that was written last")
        }
        guard new.parts.names == names, new.parts.registers.count == registers.count else {
            throw PayloadError("a machine has other parts than it had")
        }
        records.append(number: new.position - position)
        records.append(number: new.time - time)
        for hash in new.parts.hashes { records.append(littleEndian: hash) }
        for index in registers.indices { append(new.parts.registers[index], since: index) }
        records.append(new.memory == nil ? 0 : 1)
        if let memory = new.memory {
            records.append(littleEndian: memory.changes)
            records.append(number: memory.pages.count)
            var next: UInt64 = 0
            for page in memory.pages {
                records.append(number: page.number - next)
                next = page.number + 1
            }
            for page in memory.pages { records.append(littleEndian: page.hash) }
        }
        (position, time) = (new.position, new.time)
        count += 1
    }

    private mutating func append(_ new: [UInt64], since index: Int) {
        let old = registers[index]
        let changed = new.indices.filter { ($0 < old.count ? old[$0] : 0) != new[$0] }
        records.append(number: changed.count)
        var next = 0
        for field in changed {
            records.append(number: field - next)
            records.append(number: new[field] ^ (field < old.count ? old[field] : 0))
            next = field + 1
        }
        registers[index] = new
    }

    /// The payload of all since the last call.
    mutating func take() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: names.count)
        for name in names { bytes.append(text: name) }
        bytes.append(number: registers.count)
        bytes.append(number: count)
        bytes.append(littleEndian: firstPosition)
        bytes.append(littleEndian: firstTime)
        bytes += records
        self = PartsChunkEncoder()
        return bytes
    }
}

/// Reads the parts of a chunk, one record after the other.
struct PartsChunkDecoder {
    private let names: [String]
    private var left: Int
    private var position: UInt64
    private var time: UInt64
    private var registers: [[UInt64]]
    private var reader: PayloadReader

    /// What no CPU has of fields.
    private static let mostFields: UInt64 = 1 << 14

    init(_ source: PayloadReader) throws(PayloadError) {
        reader = source
        var names: [String] = []
        for _ in 0..<(try reader.count(ofAtLeast: 1)) { names.append(try reader.text()) }
        self.names = names
        let processors = try reader.number()
        guard processors <= UInt64(names.count), processors <= 4096 else {
            throw PayloadError("it has more CPUs than parts")
        }
        registers = [[UInt64]](repeating: [], count: Int(processors))
        let count = try reader.number()
        position = try reader.integer()
        time = try reader.integer()
        guard count <= UInt64(reader.remaining / (3 + 4 * names.count + registers.count)) else {
            throw PayloadError("it counts more than it holds")
        }
        left = Int(count)
    }

    /// The next record; nil behind the last.
    mutating func next() throws(PayloadError) -> RecordedParts? {
        guard left > 0 else {
            try reader.expectEnd()
            return nil
        }
        left -= 1
        position = try reader.sum(position)
        time = try reader.sum(time)
        var parts = StateParts()
        parts.names = names
        for _ in names { parts.hashes.append(try reader.integer()) }
        for index in registers.indices {
            var field: UInt64 = 0
            for _ in 0..<(try reader.count(ofAtLeast: 2)) {
                field = try reader.sum(field)
                guard field < Self.mostFields else { throw PayloadError("a CPU has too many registers") }
                if field >= UInt64(registers[index].count) {
                    registers[index] += [UInt64](repeating: 0, count: Int(field) + 1 - registers[index].count)
                }
                registers[index][Int(field)] ^= try reader.number()
                field += 1
            }
        }
        parts.registers = registers
        var memory: RecordedParts.Memory?
        if try reader.byte() != 0 {
            let changes: UInt64 = try reader.integer()
            var pages: [(number: UInt64, hash: UInt16)] = []
            var next: UInt64 = 0
            for _ in 0..<(try reader.count(ofAtLeast: 3)) {
                next = try reader.sum(next)
                guard next < MemoryPages.pageLimit else { throw PayloadError("a page lies behind the end of memory") }
                pages.append((next, 0))
                next += 1
            }
            for index in pages.indices { pages[index].hash = try reader.integer() }
            memory = RecordedParts.Memory(changes: changes, pages: pages)
        }
        return RecordedParts(position: position, time: time, parts: parts, memory: memory)
    }
}
