/// Text without strings: what images print goes byte by byte to a sink, so nothing is allocated.
protocol TextSink {
    static func put(_ byte: UInt8)
}

extension TextSink {
    static func write(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { put(text.utf8Start[index]) }
    }

    /// `text`, then spaces up to `width` columns.
    static func write(_ text: StaticString, width: Int) {
        write(text)
        spaces(width - text.utf8CodeUnitCount)
    }

    static func spaces(_ count: Int) {
        var left = count
        while left > 0 {
            put(0x20)
            left -= 1
        }
    }

    /// `0x` and exactly `digits` hexadecimal digits; by default as many as the value needs.
    static func hexadecimal(_ value: UInt64, digits: Int? = nil) {
        var count = 1
        if let digits { count = digits } else { while count < 16, value >> UInt64(4 * count) != 0 { count += 1 } }
        put(0x30)
        put(0x78)
        while count > 0 {
            count -= 1
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * count)) & 15
            put(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// The decimal digits of `value`, right-aligned in `width` columns.
    static func decimal(_ value: UInt64, width: Int = 0) {
        var divisor: UInt64 = 1
        var digits = 1
        while value / divisor >= 10 {
            divisor *= 10
            digits += 1
        }
        spaces(width - digits)
        while digits > 0 {
            put(UInt8(truncatingIfNeeded: value / divisor % 10) + 0x30)
            divisor /= 10
            digits -= 1
        }
    }
}
