import Testing

@testable import Machine

@Suite("Sizes, times and counts")
struct QuantityTests {
    @Test(
        "Sizes are read in powers of 1024",
        arguments: [
            ("64M", 64 << 20), ("2G", 2 << 30), ("512K", 512 << 10), ("65536", 65536), ("0x10000", 65536),
            ("1.5G", 1536 << 20), ("16MiB", 16 << 20), ("1_000", 1000), ("0", 0), ("1 G", 1 << 30),
            ("0xffff_ffff_ffff_ffff", .max),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) throws {
        #expect(try ByteCount(text).bytes == bytes)
    }

    @Test(
        "Times are read in nanoseconds; a bare number is seconds",
        arguments: [
            ("10s", 10_000_000_000), ("250ms", 250_000_000), ("1.5s", 1_500_000_000), ("2min", 120_000_000_000),
            ("7", 7_000_000_000), ("0.000000001", 1), ("3us", 3000), ("1h", 3_600_000_000_000),
        ] as [(String, UInt64)])
    func times(text: String, nanoseconds: UInt64) throws {
        #expect(try TimeSpan(text).nanoseconds == nanoseconds)
    }

    @Test(
        "Counts are read in powers of 1000 or with an exponent",
        arguments: [
            ("10M", 10_000_000), ("1e9", 1_000_000_000), ("2.5e3", 2500), ("250_000", 250_000), ("1.25k", 1250),
            ("18446744073709551615", .max),
        ] as [(String, UInt64)])
    func counts(text: String, value: UInt64) throws {
        #expect(try Count(text).value == value)
    }

    private func refusal(_ body: () throws(ValueError) -> Void) -> String {
        do throws(ValueError) {
            try body()
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("What is not a size says what is wrong and shows one")
    func refusals() {
        func size(_ text: String) -> String { refusal { () throws(ValueError) in _ = try ByteCount(text) } }
        #expect(
            size("64X") == "\"64X\" is not a size: \"X\" is not a unit (B, K, M, G, T, KiB, MiB, GiB, TiB). "
                + "Write a number and a unit: 64M, 2G or 65536.")
        #expect(size("").contains("does not begin with a number"))
        #expect(size("M").contains("does not begin with a number"))
        #expect(size("-1").contains("it is negative"))
        #expect(size("1.G").contains("a digit must follow the point"))
        #expect(size("0.3").contains("not a whole number of the smallest unit"))
        #expect(size("0x").contains("a hexadecimal number has no unit"))
        #expect(size("0x10M").contains("a hexadecimal number has no unit"))
        for text in ["18446744073709551616", "16777216T", "1e20", "1e99999999999999999999", "0x10000000000000000"] {
            #expect(size(text).contains("it is too large"), "\(text)")
        }
        #expect(refusal { () throws(ValueError) in _ = try TimeSpan("10 parsecs") }.contains("\"parsecs\" is not a"))
        #expect(refusal { () throws(ValueError) in _ = try Count("many") }.contains("is not a count"))
    }

    @Test("A value is written in its shortest exact form")
    func descriptions() {
        #expect("\(ByteCount(64 << 20)) \(ByteCount(0)) \(ByteCount(1025))" == "64M 0 1025")
        #expect("\(TimeSpan(nanoseconds: 10_000_000_000)) \(TimeSpan(nanoseconds: 1500))" == "10s 1500ns")
        #expect("\(Count(10_000_000)) \(Count(1_000_000_000)) \(Count(7))" == "10M 1G 7")
    }
}
