/// A byte string: names, messages, and what a terminal is given.
///
/// Swift's `String` brings 30 KiB of Unicode tables into an image of 400. This has what a hypervisor needs of it:
/// literals, interpolation, and comparison byte by byte.
///
/// Nearly every command and error makes texts, so what is not inlined here is a tenth of the image.
public struct Text: Equatable, Sendable, ExpressibleByStringInterpolation {
    public var bytes: [UInt8]

    public init() { bytes = [] }
    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    public init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    public init(stringLiteral value: StaticString) { self.init(literal: value.utf8Start) }

    @inline(never)
    private init(literal: UnsafePointer<UInt8>) {
        let source = Self.bytes(of: literal)
        bytes = [UInt8](unsafeUninitializedCapacity: source.count) { buffer, count in
            count = buffer.initialize(fromContentsOf: source)
        }
    }

    /// Where a literal begins says all of it: it costs a call less than where and how much.
    private static func bytes(of literal: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var end = literal
        // SAFETY: a static string's storage is its UTF-8 code units, and a zero behind them.
        while end.pointee != 0 { end += 1 }
        return UnsafeBufferPointer(start: literal, count: end - literal)
    }

    public init(stringInterpolation: Interpolation) { self = stringInterpolation.text }

    public var count: Int { bytes.count }
    public var isEmpty: Bool { bytes.isEmpty }

    @inline(__always)
    public mutating func append(_ text: StaticString) {
        if text.utf8CodeUnitCount > 0 { append(literal: text.utf8Start) }
    }

    @inline(never)
    private mutating func append(literal: UnsafePointer<UInt8>) { bytes.append(contentsOf: Self.bytes(of: literal)) }

    public mutating func append(_ text: Text) { bytes.append(contentsOf: text.bytes) }
    @inline(never)
    public mutating func append(_ byte: UInt8) { bytes.append(byte) }

    /// Appends the digits of `value` in the base, at least `digits` of them.
    @inline(never)
    public mutating func append(_ value: UInt64, radix: UInt64 = 10, digits: Int = 1) {
        var place: UInt64 = 1
        var count = 1
        while value / place >= radix {
            place *= radix
            count += 1
        }
        while count < digits {
            append(0x30 as UInt8)
            count += 1
        }
        while place > 0 {
            let digit = UInt8(truncatingIfNeeded: value / place % radix)
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            place /= radix
        }
    }

    /// Literals are compared where they are, by the functions below.
    @inline(never) @_disfavoredOverload
    public static func == (left: Text, right: Text) -> Bool { left.bytes == right.bytes }

    @inline(__always)
    public static func == (left: Text, right: StaticString) -> Bool { left.isLiteral(right.utf8Start) }
    @inline(__always)
    public static func != (left: Text, right: StaticString) -> Bool { !left.isLiteral(right.utf8Start) }
    @inline(__always)
    public static func ~= (pattern: StaticString, value: Text) -> Bool { value.isLiteral(pattern.utf8Start) }

    @inline(never)
    private func isLiteral(_ literal: UnsafePointer<UInt8>) -> Bool {
        bytes.elementsEqual(Self.bytes(of: literal))
    }

    /// The text, and spaces up to `width` columns: before it where `right`.
    public func padded(_ width: Int, right: Bool = false) -> Text {
        guard count < width else { return self }
        let spaces = [UInt8](repeating: 0x20, count: width - count)
        return Text(right ? spaces + bytes : bytes + spaces)
    }

    public func hasPrefix(_ prefix: Text) -> Bool {
        count >= prefix.count && bytes[..<prefix.count].elementsEqual(prefix.bytes)
    }

    /// The parts between separators, without empty ones where they are not asked for.
    public func split(_ separator: UInt8, keepsEmpty: Bool = false) -> [Text] {
        var parts: [Text] = []
        var part = Text()
        for byte in bytes + [separator] {
            if byte != separator {
                part.append(byte)
            } else if keepsEmpty || !part.isEmpty {
                parts.append(part)
                part = Text()
            }
        }
        return parts
    }

    /// The number that the text is: decimal, or hexadecimal behind `0x`; nil where it is none, or does not fit.
    public var number: UInt64? {
        var digits = bytes[...]
        var radix: UInt64 = 10
        if digits.count > 2, digits[0] == 0x30, digits[1] | 0x20 == 0x78 {
            digits = digits.dropFirst(2)
            radix = 16
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit: UInt64
            switch byte {
            case 0x30...0x39: digit = UInt64(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: digit = UInt64(byte | 0x20) - 0x57
            default: return nil
            }
            let (product, overflows) = value.multipliedReportingOverflow(by: radix)
            let (sum, carries) = product.addingReportingOverflow(digit)
            guard digit < radix, !overflows, !carries else { return nil }
            value = sum
        }
        return value
    }

    public struct Interpolation: StringInterpolationProtocol {
        var text = Text()

        public init(literalCapacity: Int, interpolationCount: Int) {}

        public mutating func appendLiteral(_ literal: StaticString) { text.append(literal) }
        public mutating func appendInterpolation(_ value: Text) { text.append(value) }
        public mutating func appendInterpolation(_ value: StaticString) { text.append(value) }
        @inline(never)
        public mutating func appendInterpolation(_ value: UInt64) { text.append(value) }

        @inline(never)
        public mutating func appendInterpolation(_ value: Int) {
            if value < 0 { text.append(UInt8(0x2d)) }
            text.append(UInt64(value.magnitude))
        }

        /// `0x` and the hexadecimal digits, at least `digits` of them.
        @inline(never)
        public mutating func appendInterpolation(hex value: UInt64, digits: Int = 1) {
            text.append("0x" as StaticString)
            text.append(value, radix: 16, digits: digits)
        }

        /// In columns of `width`.
        @inline(never)
        public mutating func appendInterpolation(_ value: Text, width: Int) { text.append(value.padded(width)) }
        @inline(never)
        public mutating func appendInterpolation(_ value: UInt64, width: Int) {
            text.append(Text("\(value)").padded(width, right: true))
        }
    }
}

/// Why something could not be done: what was wrong, where, and what would mend it.
public struct HyperError: Error, Sendable {
    public let message: Text
    public init(_ message: Text) { self.message = message }
}
