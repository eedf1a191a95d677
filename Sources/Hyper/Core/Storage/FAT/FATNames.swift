/// Names in FAT's directories (FAT32 File System Specification 1.03, Long Directory Entries): eleven bytes in capitals,
/// and, before them, the name as it was given, in UTF-16.
enum FATNames {
    /// Units of UTF-16 in a long name, and in each entry of one.
    static let longest = 255, unitsPerEntry = 13

    // MARK: Short names

    /// The name as it is shown: parts that the entry marks so are in small letters.
    static func shown(_ short: ArraySlice<UInt8>, caseBits: UInt8) -> Text {
        func part(_ bytes: ArraySlice<UInt8>, isSmall: Bool) -> Text {
            var text = Text(Array(bytes)).withoutTrailingSpaces
            for index in text.bytes.indices {
                let byte = text.bytes[index]
                if byte >= 0x80 { text.bytes[index] = UInt8(ascii: "?") }
                if isSmall, UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte { text.bytes[index] |= 0x20 }
            }
            return text
        }
        let smallBase: UInt8 = 0x08, smallExtension: UInt8 = 0x10
        var base = part(short.prefix(8), isSmall: caseBits & smallBase != 0)
        let suffix = part(short.suffix(3), isSmall: caseBits & smallExtension != 0)
        if suffix.isEmpty { return base }
        base.append(UInt8(ascii: "."))
        base.append(suffix)
        return base
    }

    /// The sum over a short name by which its long one knows it.
    static func checksum(_ short: ArraySlice<UInt8>) -> UInt8 {
        short.reduce(0) { ($0 & 1) << 7 &+ $0 >> 1 &+ $1 }
    }

    /// The short name that is nearest to the name, and whether it says all of it, but for capitals.
    static func short(_ name: Text) -> (bytes: [UInt8], isFaithful: Bool) {
        let dot = name.bytes.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > 0 ? $0 : nil }
        var isFaithful = true
        func part(_ bytes: ArraySlice<UInt8>, _ width: Int) -> [UInt8] {
            var result: [UInt8] = []
            for byte in bytes {
                if byte == UInt8(ascii: " ") || byte == UInt8(ascii: ".") {
                    isFaithful = false
                    continue
                }
                // Of a character of several bytes one place is left.
                if byte & 0xc0 == 0x80 { continue }
                let isAllowed = byte < 0x80 && !("+,;=[]" as StaticString).utf8Contains(byte)
                if !isAllowed { isFaithful = false }
                if result.count == width {
                    isFaithful = false
                    break
                }
                result.append(
                    !isAllowed
                        ? UInt8(ascii: "_") : UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & ~0x20 : byte)
            }
            return result + [UInt8](repeating: 0x20, count: width - result.count)
        }
        let base = part(name.bytes[..<(dot ?? name.count)], 8)
        let suffix = part(dot.map { name.bytes[($0 + 1)...] } ?? [], 3)
        if base[0] == 0x20 { isFaithful = false }
        return (base + suffix, isFaithful)
    }

    /// The short name with `~number` at the end of its first part.
    static func short(_ bytes: [UInt8], number: UInt64) -> [UInt8] {
        let tail: Text = "~\(number)"
        let base = Text(bytes[..<8]).withoutTrailingSpaces.bytes.prefix(8 - tail.count)
        let start = base.isEmpty ? [UInt8(ascii: "_")] : Array(base)
        let new = start + tail.bytes
        return new + [UInt8](repeating: 0x20, count: 8 - new.count) + bytes[8...]
    }

    // MARK: Long names

    /// The units of a name that a file may have.
    static func units(_ name: Text) throws(HyperError) -> [UInt16] {
        let last = name.bytes.last
        guard let units = utf16(name), (1...longest) ~= units.count, last != UInt8(ascii: "."), last != 0x20,
            !name.bytes.contains(where: { $0 < 0x20 || $0 == 0x7f || ("\"*/:<>?\\|" as StaticString).utf8Contains($0) })
        else { throw HyperError("\(name) is no name that a file of FAT can have: give it another one") }
        return units
    }

    private static func utf16(_ text: Text) -> [UInt16]? {
        var units: [UInt16] = []
        var index = 0
        while index < text.count {
            let first = text.bytes[index]
            let length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0
            guard length > 0, index + length <= text.count else { return nil }
            var value = length == 1 ? UInt32(first) : UInt32(first) & (0x7f >> UInt32(length))
            for byte in text.bytes[(index + 1)..<(index + length)] {
                guard byte & 0xc0 == 0x80 else { return nil }
                value = value << 6 | UInt32(byte & 0x3f)
            }
            let least: InlineArray<5, UInt32> = [0, 0, 0x80, 0x800, 0x1_0000]
            guard value >= least[length], value < 0x11_0000, !(0xd800..<0xe000 ~= value) else { return nil }
            if value < 0x1_0000 {
                units.append(UInt16(value))
            } else {
                units.append(UInt16(0xd800 + (value - 0x1_0000) >> 10))
                units.append(UInt16(0xdc00 + (value - 0x1_0000) & 0x3ff))
            }
            index += length
        }
        return units
    }

    /// As UTF-8; what is half of a pair is U+FFFD.
    static func text(_ units: [UInt16]) -> Text {
        var text = Text()
        var index = 0
        while index < units.count {
            var value = UInt32(units[index])
            index += 1
            if 0xd800..<0xe000 ~= value {
                if value < 0xdc00, index < units.count, 0xdc00..<0xe000 ~= units[index] {
                    value = 0x1_0000 + (value - 0xd800) << 10 + (UInt32(units[index]) - 0xdc00)
                    index += 1
                } else {
                    value = 0xfffd
                }
            }
            append(value, to: &text)
        }
        return text
    }

    private static func append(_ value: UInt32, to text: inout Text) {
        func byte(_ lead: UInt32, _ shift: UInt32, _ mask: UInt32) { text.append(UInt8(lead | value >> shift & mask)) }
        if value < 0x80 { return byte(0, 0, 0x7f) }
        if value < 0x800 {
            byte(0xc0, 6, 0x1f)
        } else if value < 0x1_0000 {
            byte(0xe0, 12, 0x0f)
            byte(0x80, 6, 0x3f)
        } else {
            byte(0xf0, 18, 0x07)
            byte(0x80, 12, 0x3f)
            byte(0x80, 6, 0x3f)
        }
        byte(0x80, 0, 0x3f)
    }

    /// Whether both are one name: capitals and small letters of ASCII are the same.
    static func areEqual(_ a: Text, _ b: Text) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & ~0x20 : byte }
        return a.count == b.count && zip(a.bytes, b.bytes).allSatisfy { folded($0) == folded($1) }
    }
}

extension StaticString {
    fileprivate func utf8Contains(_ byte: UInt8) -> Bool {
        // SAFETY: a static string's storage is its UTF-8 code units.
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount).contains(byte)
    }
}
