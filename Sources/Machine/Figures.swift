/// How numbers are written in messages, tables and listings.

/// `value` as `0x80000000`.
func hexadecimal(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16)
}

/// All sixteen digits of `value`: `0000000080000000`.
func hexadecimalDigits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
}

/// `1234567` as `1,234,567`.
public func grouped(_ value: UInt64) -> String {
    var text = ""
    for (index, digit) in String(value).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

/// `value` with as many decimal places.
public func decimal(_ value: Double, places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    guard value.isFinite, value.magnitude * scale < 1e18 else { return "\(value)" }
    let all = UInt64((value.magnitude * scale).rounded())
    let digits = String(all % UInt64(scale))
    let fraction = String(repeating: "0", count: places - min(digits.count, places)) + digits
    return (value < 0 && all > 0 ? "-" : "") + "\(all / UInt64(scale))" + (places > 0 ? "." + fraction : "")
}

/// A time of the machine as messages have it: `1.204 s`, with as many digits as it takes to tell instructions apart.
public func seconds(_ nanoseconds: UInt64) -> String {
    var fraction = String(nanoseconds % 1_000_000_000)
    fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
    while fraction.count > 3, fraction.last == "0" { fraction.removeLast() }
    return "\(nanoseconds / 1_000_000_000).\(fraction) s"
}

/// A span of the machine's time, short enough for a table: `815 ns`, `12.3 µs`, `4.21 ms`, `1.204 s`.
public func duration(_ nanoseconds: UInt64) -> String {
    let value = Double(nanoseconds)
    switch nanoseconds {
    case ..<1000: return "\(nanoseconds) ns"
    case ..<10_000: return decimal(value / 1e3, places: 2) + " µs"
    case ..<1_000_000: return decimal(value / 1e3, places: 1) + " µs"
    case ..<10_000_000: return decimal(value / 1e6, places: 2) + " ms"
    case ..<1_000_000_000: return decimal(value / 1e6, places: 1) + " ms"
    default: return decimal(value / 1e9, places: 3) + " s"
    }
}
