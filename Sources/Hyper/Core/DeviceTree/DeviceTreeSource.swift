/// A tree as source text, in dtc's form.
extension DeviceTreeNode {
    public var source: Text {
        var text = Text()
        print(into: &text)
        return text
    }

    /// Appends the node with all below it. dtc compiles a root's text, behind `/dts-v1/;`, to the same tree.
    public func print(into text: inout Text, indentation: Int = 0) {
        let tabs = Text([UInt8](repeating: UInt8(ascii: "\t"), count: indentation))
        text.append("\(tabs)\(name.isEmpty ? "/" : name) {\n" as Text)
        for property in properties {
            text.append("\(tabs)\t\(property.name)" as Text)
            if !property.value.isEmpty {
                text.append(" = " as Text)
                Self.print(property.value, into: &text)
            }
            text.append(";\n" as Text)
        }
        for child in children {
            text.append(UInt8(ascii: "\n"))
            child.print(into: &text, indentation: indentation + 1)
        }
        text.append("\(tabs)};\n" as Text)
    }

    /// A blob does not say what its values are. They are guessed as dtc does: strings where all can be printed, else
    /// cells where they are whole, else bytes. But for dtc a cell such as 0x00384000 is an empty string and another
    /// one; here no string of a list is empty.
    private static func print(_ value: [UInt8], into text: inout Text) {
        if areStrings(value) {
            for (index, string) in Text(value.dropLast()).split(0).enumerated() {
                text.append(index == 0 ? "\"" : ", \"" as Text)
                for byte in string.bytes { print(character: byte, into: &text) }
                text.append(UInt8(ascii: "\""))
            }
        } else if value.count % 4 == 0 {
            for (index, cell) in cells(value).enumerated() {
                text.append(index == 0 ? UInt8(ascii: "<") : UInt8(ascii: " "))
                text.append("\(hex: UInt64(cell), digits: 2)" as Text)
            }
            text.append(UInt8(ascii: ">"))
        } else {
            for (index, byte) in value.enumerated() {
                text.append(index == 0 ? UInt8(ascii: "[") : UInt8(ascii: " "))
                text.append(UInt64(byte), radix: 16, digits: 2)
            }
            text.append(UInt8(ascii: "]"))
        }
    }

    private static func areStrings(_ value: [UInt8]) -> Bool {
        guard value.last == 0 else { return false }
        var previous: UInt8 = 0
        for byte in value {
            switch byte {
            case 0: if previous == 0 { return false }
            case 0x07...0x0d, 0x20...0x7e: break
            default: return false
            }
            previous = byte
        }
        return true
    }

    private static func print(character: UInt8, into text: inout Text) {
        let backslash = UInt8(ascii: "\\")
        switch character {
        case 0x07...0x0d:
            let letters: StaticString = "abtnvfr"
            // SAFETY: seven letters, for the seven characters of this case.
            text.append(backslash)
            text.append(letters.utf8Start[Int(character) - 0x07])
        case UInt8(ascii: "\""), backslash:
            text.append(backslash)
            text.append(character)
        default: text.append(character)
        }
    }
}
