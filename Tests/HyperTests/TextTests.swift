import Testing

@testable import Hyper

@Suite("Texts")
struct TextTests {
    @Test(
        "A number is decimal, or hexadecimal behind 0x, and nothing else",
        arguments: [
            ("0", 0), ("18446744073709551615", .max), ("0x0", 0), ("0xfFfF", 0xffff), ("0XAb", 0xab),
            ("0xffffffffffffffff", .max), ("007", 7), ("18446744073709551616", nil), ("18446744073709551620", nil),
            ("0x10000000000000000", nil), ("", nil), ("0x", nil), ("x", nil), ("-1", nil), ("+1", nil), ("1 ", nil),
            ("1f", nil), ("0xg", nil), ("0x0x1", nil),
        ] as [(String, UInt64?)])
    func numbers(_ text: String, _ value: UInt64?) { #expect(Text(Array(text.utf8)).number == value) }

    @Test("Values stand in texts as they are asked to")
    func interpolation() {
        #expect("\(-5 as Int) \(Int.min) \(UInt64.max)" as Text == "-5 -9223372036854775808 18446744073709551615")
        #expect("\(hex: 0xbeef) \(hex: 7, digits: 4)" as Text == "0xbeef 0x0007")
        #expect("[\(42 as UInt64, width: 5)] [\("ab" as Text, width: 5)]" as Text == "[   42] [ab   ]")
        #expect("\(12345 as UInt64, width: 3)" as Text == "12345")
    }

    @Test("Bytes are dumped sixteen a line, as hexdump -C has them")
    func dump() {
        let printed = PrintedOutput()
        printed.output.writeHexadecimal(
            Array("Hello, world!\n".utf8) + Array(0xf0...0xff) + [0x7e, 0x7f], from: 0x8000_0ff0)
        let lines = printed.text.split(separator: "\r\n").map(String.init)
        #expect(
            lines == [
                "0x80000ff0  48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 21 0a f0 f1  Hello, world!...",
                "0x80001000  f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff 7e 7f  ..............~.",
            ])
        let short = PrintedOutput()
        short.output.writeHexadecimal([0x41], from: 0x1000)
        // As wide as a whole line: eleven columns of the address, and three for each of sixteen bytes.
        #expect(short.text == "0x00001000  41" + String(repeating: " ", count: 11 + 3 * 16 - 14) + "  A\r\n")
        let none = PrintedOutput()
        none.output.writeHexadecimal([], from: 0)
        #expect(none.text.isEmpty)
    }
}
