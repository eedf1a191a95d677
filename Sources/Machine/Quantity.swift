/// What was wrong with a value the user wrote. Whoever knows where it was written adds that.
public struct ValueError: Error, Equatable, Sendable, CustomStringConvertible {
    public let problem: String
    public let mend: String
    public init(problem: String, mend: String) {
        self.problem = problem
        self.mend = mend
    }
    public var description: String { printable("\(problem). \(mend)") }
}

/// A number of bytes, as users write it: `64M`, `2G`, `512K`, `65536`, `0x10000`. Units are powers of 1024.
public struct ByteCount: Hashable, Sendable {
    public var bytes: UInt64
    public init(_ bytes: UInt64) { self.bytes = bytes }

    public init(_ text: String) throws(ValueError) {
        let units: [(String, UInt64)] = [
            ("", 1), ("B", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40), ("KiB", 1 << 10),
            ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ]
        bytes = try parseQuantity(
            text, units: units, what: "a size", example: "Write a number and a unit: 64M, 2G or 65536.")
    }
}

extension ByteCount: CustomStringConvertible {
    /// The shortest exact form: `64M`.
    public var description: String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")]
        where bytes != 0 && bytes & (1 << shift - 1) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }
}

/// A span of time, as users write it: `10s`, `250ms`, `1.5s`, `2min`. A bare number is seconds.
public struct TimeSpan: Hashable, Sendable {
    public var nanoseconds: UInt64
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public init(_ text: String) throws(ValueError) {
        let units: [(String, UInt64)] = [
            ("", 1_000_000_000), ("ns", 1), ("us", 1000), ("µs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
            ("min", 60_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ]
        nanoseconds = try parseQuantity(
            text, units: units, what: "a time", example: "Write a number and a unit: 10s, 250ms or 2min.")
    }
}

extension TimeSpan: CustomStringConvertible {
    public var description: String {
        for (size, unit) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "us")] as [(UInt64, String)]
        where nanoseconds % size == 0 {
            return "\(nanoseconds / size)\(unit)"
        }
        return "\(nanoseconds)ns"
    }
}

/// A number of things, as users write it: `10M`, `1e9`, `250_000`. Units are powers of 1000.
public struct Count: Hashable, Sendable {
    public var value: UInt64
    public init(_ value: UInt64) { self.value = value }

    public init(_ text: String) throws(ValueError) {
        let units: [(String, UInt64)] = [
            ("", 1), ("k", 1000), ("K", 1000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
        ]
        value = try parseQuantity(
            text, units: units, what: "a count", example: "Write a number: 250000, 10M or 1e9.")
    }
}

extension Count: CustomStringConvertible {
    public var description: String {
        for (size, unit) in [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M")] as [(UInt64, String)]
        where value != 0 && value % size == 0 {
            return "\(value / size)\(unit)"
        }
        return "\(value)"
    }
}

/// Reads `digits[.digits][e digits][unit]` or `0x digits` exactly, in integers: no rounding, no wrapping.
private func parseQuantity(
    _ text: String, units: [(String, UInt64)], what: String, example: String
) throws(ValueError) -> UInt64 {
    func refuse(_ reason: String) -> ValueError {
        ValueError(problem: "\"\(text.prefix(40))\" is not \(what): \(reason)", mend: example)
    }
    let tooLarge = refuse("it is too large")
    var rest = Substring(text)
    if rest.hasPrefix("0x") || rest.hasPrefix("0X") {
        let digits = rest.dropFirst(2).filter { $0 != "_" }
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw refuse("a hexadecimal number has no unit")
        }
        guard let value = UInt64(digits, radix: 16) else { throw tooLarge }
        return value
    }
    func takeDigits() -> Substring {
        let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "_" }
        rest = rest.dropFirst(digits.count)
        return digits
    }
    let whole = takeDigits().filter { $0 != "_" }
    guard !whole.isEmpty else {
        throw refuse(text.hasPrefix("-") ? "it is negative" : "it does not begin with a number")
    }
    var fraction = ""
    if rest.first == "." {
        rest = rest.dropFirst()
        fraction = takeDigits().filter { $0 != "_" }
        guard !fraction.isEmpty else { throw refuse("a digit must follow the point") }
    }
    var exponent = 0
    if let first = rest.first, first == "e" || first == "E", rest.dropFirst().first.map({ $0.isNumber }) == true {
        rest = rest.dropFirst()
        guard let value = Int(takeDigits()), value <= 19 else { throw tooLarge }
        exponent = value
    }
    let unitText = rest.drop { $0 == " " }
    guard let unit = units.first(where: { $0.0 == unitText })?.1 else {
        let names = units.map(\.0).filter { !$0.isEmpty }.joined(separator: ", ")
        throw refuse("\"\(unitText.prefix(20))\" is not a unit (\(names))")
    }
    // Trailing zeros of the fraction mean nothing; then 20 digits are more than a UInt64 can tell apart.
    while fraction.last == "0" { fraction.removeLast() }
    guard fraction.count <= 18 else { throw refuse("it has too many digits") }
    guard let mantissa = UInt64(whole + fraction) else { throw tooLarge }
    var value = mantissa.multipliedFullWidth(by: unit)
    for _ in 0..<exponent {
        guard value.high == 0 else { throw tooLarge }
        value = value.low.multipliedFullWidth(by: 10)
    }
    var divisor: UInt64 = 1
    for _ in 0..<fraction.count { divisor *= 10 }
    guard value.high < divisor else { throw tooLarge }
    let (quotient, remainder) = divisor.dividingFullWidth(value)
    guard remainder == 0 else { throw refuse("it is not a whole number of the smallest unit") }
    return quotient
}
