/// A message of a panic, made without the heap: there may be none left.
struct PanicMessage {
    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private var count = 0

    mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { append(text.utf8Start[index]) }
    }

    /// Digits of the value, in hexadecimal behind `0x`.
    mutating func append(_ value: UInt64, radix: UInt64 = 10) {
        if radix == 16 { append("0x") }
        var power: UInt64 = 1
        while value / power >= radix { power *= radix }
        while power > 0 {
            let digit = UInt8(truncatingIfNeeded: value / power % radix)
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            power /= radix
        }
    }

    /// What does not fit is cut off.
    private mutating func append(_ byte: UInt8) {
        guard count < bytes.count else { return }
        bytes[count] = byte
        count += 1
    }

    func panic() -> Never { bytes.span.extracting(first: count).withUnsafeBufferPointer { Port.panic($0) } }
}

extension Architecture {
    static func panic(_ message: StaticString) -> Never {
        panic(UnsafeBufferPointer(start: message.utf8Start, count: message.utf8CodeUnitCount))
    }

    /// The sentence, and the address it is about.
    static func panic(_ sentence: StaticString, at address: UInt64) -> Never {
        var message = PanicMessage()
        message.append(sentence)
        message.append(": ")
        message.append(address, radix: 16)
        message.panic()
    }
}
