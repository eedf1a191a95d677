import Foundation
import TestSupport
import Testing

@testable import Machine

/// Text in XML, by Extensible Markup Language (XML) 1.0, Fifth Edition.
@Suite("Text in XML")
struct MarkupTests {
    /// Production [2] of 2.2, "Characters".
    private static func isCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xa, 0xd, 0x20...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
        default: false
        }
    }

    /// Those of the first plane of Unicode, and of each other one the first and the last.
    private static let all = (0...UInt32(0x10ffff)).filter {
        $0 <= 0x10000 || [0, 0xfffe, 0xffff].contains($0 & 0xffff)
    }
    .compactMap(Unicode.Scalar.init)

    @Test("Whatever a text has, what is made of it has only characters that XML may have, and no markup")
    func characters() {
        var text = ""
        text.unicodeScalars.append(contentsOf: Self.all)
        let written = markup(text)
        #expect(written.unicodeScalars.allSatisfy(Self.isCharacter))
        // 2.4, "Character Data and Markup": these stand for nothing but markup; of 2.11, "End-of-Line Handling", a parser
        // would make another character of a carriage return.
        #expect(written.unicodeScalars.allSatisfy { !["<", ">", "\"", "'", "\r"].contains($0) })
    }

    @Test(
        "A parser that is not ours reads the text again, in an element and in an attribute's value",
        .enabled(if: ExternalTool.path("python3") != nil, "needs python3"))
    func parsed() throws {
        // What neither the standard forbids nor steers a terminal is read as it was; the rest by its number.
        var text = ""
        var expected = ""
        for scalar in Self.all {
            text.unicodeScalars.append(scalar)
            let isShown = Self.isCharacter(scalar) && printable(String(scalar)) == String(scalar) || scalar == "\n"
            expected += isShown || scalar == "\t" ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        let reader = """
            import sys, xml.etree.ElementTree as tree
            element = tree.parse(sys.argv[1]).getroot()
            # 3.3.3, "Attribute-Value Normalization", makes blanks of lines and tabs.
            assert element.attrib['a'] == element.text.replace('\\n', ' ').replace('\\t', ' ')
            sys.stdout.buffer.write(element.text.encode())
            """
        let document = "<e a=\"\(markup(text))\">\(markup(text))</e>"
        let read = try ExternalTool.run("python3", ["-c", reader, "@"], input: Array(document.utf8))
        try #require(read != nil, "Python finds it not well-formed: look at what `markup` leaves as it is")
        #expect(read == Array(expected.utf8), "a character is read as another one, or as none")
    }
}
