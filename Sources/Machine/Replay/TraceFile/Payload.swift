/// The fields of a chunk's payload: numbers of seven bits a byte, least significant first (LEB128); text and bytes after
/// their length.
extension Array<UInt8> {
    mutating func append(number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(number: Int) { append(number: UInt64(number)) }

    /// Numbers near zero, of either sign, become small ones: 0, -1, 1, -2 are 0, 1, 2, 3.
    mutating func append(signed number: Int64) {
        append(number: UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    mutating func append(lengthAnd bytes: some Collection<UInt8>) {
        append(number: bytes.count)
        append(contentsOf: bytes)
    }

    mutating func append(text: String) { append(lengthAnd: text.utf8) }
}

/// Why a payload cannot be what it is to be. Whoever knows its file adds that.
struct PayloadError: Error, Equatable {
    let problem: String

    init(_ problem: String) { self.problem = problem }
}

/// Reads a payload's fields one after the other, each within bounds or not at all.
struct PayloadReader {
    private let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    var remaining: Int { end - offset }
    var isAtEnd: Bool { offset == end }

    /// The place of the next so many bytes, which are passed over.
    mutating func range(_ count: UInt64) throws(PayloadError) -> Range<Int> {
        guard count <= UInt64(remaining) else { throw PayloadError("a field is longer than what is left of its chunk") }
        defer { offset += Int(count) }
        return offset..<offset + Int(count)
    }

    mutating func byte() throws(PayloadError) -> UInt8 { bytes[try range(1).lowerBound] }

    mutating func integer<T: FixedWidthInteger>(as type: T.Type = T.self) throws(PayloadError) -> T {
        bytes.littleEndian(at: try range(UInt64(T.bitWidth / 8)).lowerBound)
    }

    mutating func number() throws(PayloadError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            let byte = try byte()
            let part = UInt64(byte & 0x7f)
            let placed = part << UInt64(shift)
            guard placed >> UInt64(shift) == part else { break }
            value |= placed
            if byte < 0x80 { return value }
        }
        throw PayloadError("a number has more than 64 bits")
    }

    /// A value that is told by its distance from the one before it.
    mutating func sum(_ last: UInt64) throws(PayloadError) -> UInt64 {
        let (sum, overflow) = last.addingReportingOverflow(try number())
        guard !overflow else { throw PayloadError("a place or time is beyond 64 bits") }
        return sum
    }

    mutating func signed() throws(PayloadError) -> Int64 {
        let value = try number()
        return Int64(bitPattern: value >> 1) ^ -Int64(value & 1)
    }

    /// The number of things of which each takes at least so many bytes of what is left.
    mutating func count(ofAtLeast size: Int) throws(PayloadError) -> Int {
        let count = try number()
        guard count <= UInt64(remaining / size) else { throw PayloadError("it counts more than it holds") }
        return Int(count)
    }

    mutating func lengthAndBytes() throws(PayloadError) -> ArraySlice<UInt8> { bytes[try range(number())] }

    mutating func text() throws(PayloadError) -> String {
        guard let text = String(validating: try lengthAndBytes(), as: UTF8.self) else {
            throw PayloadError("a text is not UTF-8")
        }
        return text
    }

    /// A reader of the part that follows its own length.
    mutating func part() throws(PayloadError) -> PayloadReader { try part(number()) }

    /// A reader of the next so many bytes.
    mutating func part(_ count: UInt64) throws(PayloadError) -> PayloadReader {
        PayloadReader(bytes, try range(count))
    }

    mutating func rest() -> ArraySlice<UInt8> {
        defer { offset = end }
        return bytes[offset..<end]
    }

    func expectEnd() throws(PayloadError) {
        guard isAtEnd else { throw PayloadError("it goes on after its end") }
    }
}
