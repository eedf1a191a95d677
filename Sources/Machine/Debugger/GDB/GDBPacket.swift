/// Packets as bytes of a stream: `$` payload `#` and two digits of checksum ("Overview" of the GDB manual's appendix "GDB
/// Remote Serial Protocol").
enum GDBPacket {
    static let start = UInt8(ascii: "$")
    static let end = UInt8(ascii: "#")
    static let escape = UInt8(ascii: "}")
    static let repetition = UInt8(ascii: "*")
    /// Ctrl-C, on its own: the debugger wants the target to stop ("Interrupts").
    static let interrupt: UInt8 = 0x03
    /// The longest payload that is taken, which debuggers are told of.
    static let longestPayload = 0x10000

    /// The sum of the payload's bytes as they are sent, modulo 256.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(0, &+) }

    /// A packet, with runs of a character encoded.
    /// - Parameter payload: where it holds what is special, that is escaped.
    static func frame(_ payload: [UInt8]) -> [UInt8] {
        let encoded = runLengthEncoded(payload)
        return [start] + encoded + [end] + Hexadecimal.digits(checksum(encoded))
    }

    /// Has `}` stand before what is special, and the byte itself with bit 5 turned over.
    static func escaped(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            if byte == start || byte == end || byte == escape || byte == repetition {
                result += [escape, byte ^ 0x20]
            } else {
                result.append(byte)
            }
        }
        return result
    }

    /// - Returns: nil where nothing comes after an escape.
    static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var isEscaped = false
        for byte in bytes {
            if byte == escape, !isEscaped {
                isEscaped = true
            } else {
                result.append(isEscaped ? byte ^ 0x20 : byte)
                isEscaped = false
            }
        }
        return isEscaped ? nil : result
    }

    /// A character, `*`, and a printable character that is 29 more than how often the first is repeated. It may not be `#`
    /// or `$`, nor above `~`: so many repetitions are two runs.
    private static func runLengthEncoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            var end = index + 1
            while end < bytes.count, bytes[end] == byte { end += 1 }
            var repeats = end - index - 1
            result.append(byte)
            while repeats > 0 {
                // Fewer than three are not worth it; six and seven would be `#` and `$`.
                let count = repeats == 6 || repeats == 7 ? 5 : min(repeats, 97)
                if count < 3 {
                    result += [UInt8](repeating: byte, count: count)
                } else {
                    result += [repetition, UInt8(count + 29)]
                }
                repeats -= count
                // The next run needs its character again.
                if repeats > 0, count >= 3 {
                    result.append(byte)
                    repeats -= 1
                }
            }
            index = end
        }
        return result
    }
}

/// Finds packets in a stream of bytes, however it comes in pieces.
struct GDBFrameReader {
    enum Item: Equatable {
        /// What is between `$` and `#`, escapes included.
        case packet([UInt8])
        /// The checksum is not that of the payload.
        case damaged
        /// The payload is longer than any may be, and gone.
        case tooLong
        case interrupt
        /// `+` and `-`.
        case acknowledged, refused
    }

    private enum State {
        case outside, payload, firstDigit, secondDigit(UInt8?)
    }

    private var state = State.outside
    private var payload: [UInt8] = []
    private var sum: UInt8 = 0
    private var isTooLong = false

    /// Takes the next byte of the stream.
    mutating func take(_ byte: UInt8) -> Item? {
        switch state {
        case .outside: return takeOutside(byte)
        case .payload:
            switch byte {
            case GDBPacket.end: state = .firstDigit
            // The last one was cut off: this begins another.
            case GDBPacket.start: begin()
            default:
                sum &+= byte
                if payload.count < GDBPacket.longestPayload { payload.append(byte) } else { isTooLong = true }
            }
        case .firstDigit: state = .secondDigit(Hexadecimal.value(byte))
        case .secondDigit(let high):
            state = .outside
            defer { payload = [] }
            guard let high, let low = Hexadecimal.value(byte), high << 4 | low == sum else { return .damaged }
            return isTooLong ? .tooLong : .packet(payload)
        }
        return nil
    }

    private mutating func takeOutside(_ byte: UInt8) -> Item? {
        switch byte {
        case GDBPacket.start: begin()
        case GDBPacket.interrupt: return .interrupt
        case UInt8(ascii: "+"): return .acknowledged
        case UInt8(ascii: "-"): return .refused
        default: break
        }
        return nil
    }

    private mutating func begin() {
        state = .payload
        payload = []
        sum = 0
        isTooLong = false
    }
}

/// Bytes as pairs of hexadecimal digits, as nearly all of the protocol has them.
enum Hexadecimal {
    private static let lowercase = Array("0123456789abcdef".utf8)

    static func digits(_ byte: UInt8) -> [UInt8] { [lowercase[Int(byte >> 4)], lowercase[Int(byte & 15)]] }

    static func digits(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes { result += [lowercase[Int(byte >> 4)], lowercase[Int(byte & 15)]] }
        return result
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: digits(bytes), as: UTF8.self) }

    /// Of one digit.
    static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// - Returns: nil where not all are pairs of digits.
    static func bytes(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count % 2 == 0 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(digits.count / 2)
        var index = digits.startIndex
        while index < digits.endIndex {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            result.append(high << 4 | low)
            index += 2
        }
        return result
    }
}
