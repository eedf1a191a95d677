/// Messages of the Debug Adapter Protocol out of a stream ("Base Protocol"): header lines, of which one gives the length of
/// what follows an empty one.
struct DAPFrameReader {
    /// More than any editor sends: the longest are writes of memory.
    static let longestMessage = 4 << 20
    private static let longestHeader = 4096

    /// What the stream cannot go on after: where the next message begins is not known.
    struct Damage: Error, Equatable {
        let problem: String
    }

    private var header: [UInt8] = []
    private var body: [UInt8] = []
    /// Of the message that comes; nil while its header does.
    private var length: Int?

    /// - Returns: a message's content, when this is its last byte.
    mutating func take(_ byte: UInt8) throws(Damage) -> [UInt8]? {
        guard let length else {
            header.append(byte)
            guard header.count <= Self.longestHeader else {
                throw Damage(problem: "a header is longer than \(Self.longestHeader) bytes")
            }
            guard header.suffix(4) == [0x0d, 0x0a, 0x0d, 0x0a] else { return nil }
            let length = try contentLength()
            header = []
            if length == 0 { return [] }
            self.length = length
            body.reserveCapacity(min(length, 1 << 16))
            return nil
        }
        body.append(byte)
        guard body.count == length else { return nil }
        defer { (self.length, body) = (nil, []) }
        return body
    }

    private func contentLength() throws(Damage) -> Int {
        let lines = String(decoding: header, as: UTF8.self).split(separator: "\r\n")
        var length: Int?
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { throw Damage(problem: "a header line has no colon") }
            guard line[..<colon].lowercased() == "content-length" else { continue }
            let value = line[line.index(after: colon)...].filter { $0 != " " && $0 != "\t" }
            guard length == nil, let number = Int(value), 0...Self.longestMessage ~= number else {
                throw Damage(
                    problem: "a message's Content-Length is \"\(value.prefix(40))\"; it is 0 to \(Self.longestMessage)")
            }
            length = number
        }
        guard let length else { throw Damage(problem: "a message has no Content-Length") }
        return length
    }

    static func frame(_ message: JSON) -> [UInt8] {
        let body = Array(message.text.utf8)
        return Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
    }
}

/// Base64 (RFC 4648, section 4), for memory.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count / 3 * 4 + 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for index in 0..<3 {
                bits = bits << 8 | (start + index < piece.endIndex ? UInt32(bytes[start + index]) : 0)
            }
            for index in 0..<4 {
                text.append(index <= piece.count ? digits[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil where it is none.
    static func bytes(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard characters.count % 4 == 0, padding <= 2 else { return nil }
        var (bytes, bits, count): ([UInt8], UInt32, Int) = ([], 0, 0)
        for character in characters.dropLast(padding) {
            guard let digit = digits.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
            bits &= 0xff
        }
        return bytes
    }
}
