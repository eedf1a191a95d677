import Glibc

/// Pages of memory as one chunk of a snapshot holds them: which they are, then the contents of those that are neither zero
/// nor equal to another of the chunk.
struct MemoryPages {
    static let pageSize = 4096
    /// A chunk is written when it has so many pages' contents: 1 MiB.
    static let fullCount = 256
    /// Or so many records, which tell of zeros and copies.
    static let fullRecords = 1 << 14
    /// Page numbers stay below, as addresses of 64 bits have it.
    static let pageLimit: UInt64 = 1 << 52

    enum Kind: UInt64 { case zero = 0, stored = 1, copies = 2 }

    /// Neighbours of one kind.
    struct Record: Equatable {
        var pages: Range<UInt64>
        var kind: Kind
        /// Of stored pages the first one's number among the contents, of copies that of the page they are like.
        var contents = 0
    }

    let snapshot: UInt64
    /// ``SnapshotWriter/physicalMemory``, or the name of another store of pages.
    let space: String
    private(set) var records: [Record] = []
    /// Behind the last page.
    private(set) var end: UInt64
    private var contents: [UInt8] = []
    private var storedCount = 0
    /// Stored pages by a hash of their contents.
    private var stored: [UInt64: Int] = [:]

    /// - Parameter end: pages that come are not below it.
    init(snapshot: UInt64, space: String, end: UInt64 = 0) {
        self.snapshot = snapshot
        self.space = space
        self.end = end
    }

    var isEmpty: Bool { records.isEmpty }
    var isFull: Bool { storedCount >= Self.fullCount || records.count >= Self.fullRecords }

    /// Adds neighbours that are zero.
    mutating func appendZeros(_ pages: Range<UInt64>) throws(PayloadError) {
        try add(Record(pages: pages, kind: .zero))
    }

    /// Adds a page of ``pageSize`` bytes.
    mutating func append(_ page: UInt64, _ bytes: UnsafeRawBufferPointer) throws(PayloadError) {
        guard bytes.count == Self.pageSize, page < Self.pageLimit else {
            throw PayloadError("page \(page) of \(bytes.count) bytes is none")
        }
        var hasher = StateHasher()
        var any: UInt64 = 0
        for offset in stride(from: 0, to: Self.pageSize, by: 8) {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            any |= word
            hasher.add(word)
        }
        let pages = page..<page + 1
        guard any != 0 else { return try add(Record(pages: pages, kind: .zero)) }
        if let number = stored[hasher.value] {
            // SAFETY: both are of a page's size: `number` is that of a page among the contents.
            let isSame = contents.withUnsafeBytes {
                memcmp($0.baseAddress! + number * Self.pageSize, bytes.baseAddress!, Self.pageSize) == 0
            }
            if isSame {
                return try add(Record(pages: pages, kind: .copies, contents: number))
            }
        }
        try add(Record(pages: pages, kind: .stored, contents: storedCount))
        stored[hasher.value] = storedCount
        storedCount += 1
        contents += bytes
    }

    private mutating func add(_ record: Record) throws(PayloadError) {
        guard record.pages.lowerBound >= end, record.pages.upperBound <= Self.pageLimit else {
            throw PayloadError("page \(record.pages.lowerBound) is out of order")
        }
        guard !record.pages.isEmpty else { return }
        end = record.pages.upperBound
        if let last = records.last, last.pages.upperBound == record.pages.lowerBound, last.kind == record.kind,
            record.kind != .copies || last.contents == record.contents
        {
            records[records.count - 1].pages = last.pages.lowerBound..<record.pages.upperBound
        } else {
            records.append(record)
        }
    }

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: snapshot)
        bytes.append(text: space)
        bytes.append(number: records.count)
        var place: UInt64 = 0
        for record in records {
            bytes.append(number: record.pages.lowerBound - place)
            bytes.append(number: UInt64(record.pages.count) << 2 | record.kind.rawValue)
            if record.kind == .copies { bytes.append(number: record.contents) }
            place = record.pages.upperBound
        }
        return bytes + contents
    }

    /// Reads a chunk's payload.
    init(_ reader: inout PayloadReader) throws(PayloadError) {
        snapshot = try reader.number()
        space = try reader.text()
        end = 0
        let count = try reader.count(ofAtLeast: 2)
        guard count <= Self.fullRecords else { throw PayloadError("it has too many records") }
        for _ in 0..<count {
            let gap = try reader.number(), key = try reader.number()
            guard let kind = Kind(rawValue: key & 3), key >> 2 > 0 else {
                throw PayloadError("a page is of no known kind")
            }
            guard gap <= Self.pageLimit - end, key >> 2 <= Self.pageLimit - end - gap else {
                throw PayloadError("a page lies behind the end of memory")
            }
            var record = Record(pages: end + gap..<end + gap + (key >> 2), kind: kind, contents: storedCount)
            switch kind {
            case .zero: break
            case .stored:
                guard record.pages.count <= reader.remaining / Self.pageSize else {
                    throw PayloadError("it has not the pages that it names")
                }
                storedCount += record.pages.count
            case .copies: record.contents = Int(truncatingIfNeeded: min(try reader.number(), UInt64(Int.max)))
            }
            records.append(record)
            end = record.pages.upperBound
        }
        contents = Array(reader.rest())
        guard storedCount <= contents.count / Self.pageSize, storedCount * Self.pageSize == contents.count,
            records.allSatisfy({ $0.kind != .copies || $0.contents < storedCount })
        else { throw PayloadError("it has not the pages that it names") }
    }

    /// The contents of stored pages, one after the other.
    func withContents(
        _ numbers: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(TraceFileError) -> Void
    ) throws(TraceFileError) {
        try contents.withUnsafeBufferPointer { (bytes) throws(TraceFileError) in
            let part = bytes[numbers.lowerBound * Self.pageSize..<numbers.upperBound * Self.pageSize]
            try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: part)))
        }
    }
}
